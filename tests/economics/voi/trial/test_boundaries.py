"""Bounds held against trials that never stop."""

from __future__ import annotations

import numpy as np

from lmssim.economics.voi.trial.boundaries import Boundaries

Z = np.array([[3.0, 0.0, 0.0], [1.0, 2.5, 0.0], [-1.0, 2.5, 2.5], [1.0, 1.0, 2.0], [np.nan, 1.0, np.nan]])


def test_the_first_crossing_counts() -> None:
    """Of either bound; without one, the end decides."""
    look, success = Boundaries((2.9, 2.4, 1.96), (-0.5, 0.5, 1.96)).decisions(Z)
    assert look.tolist() == [0, 1, 0, 2, 2]
    assert success.tolist() == [True, True, False, True, False]
    look, success = Boundaries((np.inf, 2.4, 1.96)).decisions(Z)
    assert look.tolist() == [2, 1, 1, 2, 2]
    assert success.tolist() == [False, True, True, True, False]
