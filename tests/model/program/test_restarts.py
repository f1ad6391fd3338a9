"""Cures that a patient meets again on a clock that restarts are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.model.program.restarts import restarted_cures
from tests.kit.models import DEAD, exponential, frame, move, start, state, weibull

if TYPE_CHECKING:
    from tests.conftest import Build


@pytest.mark.parametrize(
    ("hazard", "back", "found"),
    [
        (weibull(1.5, 3, cure=0.4), True, ["ill -> dead (cure kept)"]),
        (weibull(1.5, 3, cure=0.4, redraw=True), True, ["ill -> dead (cure drawn anew)"]),
        (weibull(1.5, 3, cure=0.4), False, []),
        (weibull(1.5, 3, cure=0.4, clock="model"), True, []),
        (weibull(1.5, 3), True, []),
    ],
)
def test_a_cure_that_restarts_is_found(build: Build, hazard: str, back: bool, found: list[str]) -> None:
    """Where the state can be entered again and its clock restarts; nowhere else."""
    text = frame() + start("well") + state("ill") + DEAD + move("well", "ill", exponential(0.5))
    text += move("ill", "dead", hazard) + (move("ill", "well", exponential(0.3)) if back else "")
    assert restarted_cures(build(text)) == found
