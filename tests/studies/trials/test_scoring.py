"""Rules of stopping, scored on trials that never stopped."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.studies.trials.design.objects import Rule
from lmssim.studies.trials.scoring import FAILURE, HARM, SUCCESS, rules_of, scored
from tests.kit.virtual import design

INF = math.inf


@pytest.mark.parametrize(
    ("z", "ratio", "sides", "look", "verdict"),
    [
        ((3.1, -1.0), 0.5, 1, 0, SUCCESS),
        ((1.0, 2.1), 0.5, 1, 1, SUCCESS),
        ((1.0, 1.9), 0.5, 1, 1, FAILURE),
        ((-0.5, 3.0), 0.5, 1, 0, FAILURE),
        ((-3.2, 0.0), 0.5, 2, 0, HARM),
        ((-3.2, 0.0), 0.5, 1, 0, FAILURE),
        ((math.nan, 2.1), 0.5, 1, 1, SUCCESS),
        ((1.0, 2.1), 1.7, 1, 0, FAILURE),
    ],
)
def test_one_trial(z: tuple[float, float], ratio: float, sides: int, look: int, verdict: int) -> None:
    """Bounds for efficacy, futility and harm, a stop by the estimate, and a look that cannot be computed."""
    rule = Rule("", (3.0, 2.0), (0.0, -INF), hazard_ratio_above=1.61)
    looks = np.array([[[z[0], math.log(ratio)], [z[1], 0.0]]])
    found = scored(rule, looks, np.zeros(1, np.int64), z=0, estimate=1, sides=sides)
    assert (found.look[0], found.verdict[0]) == (look, verdict)


def test_accrual_that_stopped_comes_first() -> None:
    """A trial without its patients succeeds never, whatever its Z."""
    found = scored(Rule("", (2.0,), (-INF,)), np.array([[[5.0, 0.0]]]), np.ones(1, np.int64), z=0, estimate=1, sides=1)
    assert found.verdict.tolist() == [FAILURE]


def test_rules_that_are_always_shown() -> None:
    """As designed, without futility, and one analysis at the full level."""
    futile = design({"futility": {"rule": "z", "z": [0.3]}})
    assert [rule.name for rule in rules_of(futile)] == ["as designed", "futility ignored", "final analysis alone"]
    first, last = rules_of(futile)[2].efficacy
    assert first == INF
    assert last == pytest.approx(1.959964, abs=1e-6)
    assert [rule.name for rule in rules_of(design(analyses=[{"events": 50}]))] == ["as designed"]
