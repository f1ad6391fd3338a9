"""Who leads, and when it is open."""

from __future__ import annotations

import numpy as np

from lmssim.economics.lead import LARGE, lead


def test_another_strategy_is_told_from_the_best_by_1_96_errors() -> None:
    """Not the nearest in money, but in errors, is the one named."""
    found = lead("a", {"b": (10.0, 1.0), "c": (30.0, 16.0)})
    assert (found.nearest, found.margin, found.se) == ("c", 30.0, 16.0)
    assert found.contenders == ("c",)
    assert found.is_open
    assert not lead("a", {"b": (1.97, 1.0)}).is_open


def test_a_lead_without_error() -> None:
    """Is certain if there is one at all; a tie is open."""
    assert lead("a", {"b": (1e-3, 0.0)}).certainty == LARGE
    assert lead("a", {"b": (0.0, 0.0)}).is_open


def test_one_strategy_alone_leads() -> None:
    """With nobody near it."""
    found = lead("a", {})
    assert (found.nearest, found.margin, found.is_open) == ("", np.inf, False)
