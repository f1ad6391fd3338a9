"""Cohorts that are held out: a rule that nobody can steer."""

from __future__ import annotations

import hashlib
import math

import pytest

from lmssim.studies.calibration.holdout import held_out

COHORTS = [f"cohort_{k}" for k in range(10)]
KNOWN = ["cohort_4", "cohort_5", "cohort_9"]


def test_known_answer() -> None:
    """What the rule says today it says for ever."""
    assert held_out("extremity", COHORTS) == KNOWN
    assert held_out("uterine", COHORTS) != KNOWN


def test_they_are_the_first_by_their_hash() -> None:
    """As the rule is written."""
    order = sorted(COHORTS, key=lambda c: hashlib.sha256(f"lmssim/x/{c}".encode()).hexdigest())
    assert held_out("x", COHORTS) == sorted(order[:3])


def test_order_and_repeats_are_irrelevant() -> None:
    """Only the set of cohorts counts."""
    assert held_out("x", [*reversed(COHORTS), COHORTS[0]]) == held_out("x", COHORTS)


@pytest.mark.parametrize("n", range(11))
def test_a_quarter_rounded_up(n: int) -> None:
    """Of those that may be held out."""
    assert len(held_out("x", COHORTS[:n])) == math.ceil(n / 4)
    assert len(held_out("x", COHORTS[:n], COHORTS[5:])) == math.ceil(min(n, 5) / 4)


def test_always_fitted_are_passed_over() -> None:
    """The next of the order stands in their place."""
    chosen = held_out("x", COHORTS)
    instead = held_out("x", COHORTS, chosen)
    assert not set(instead) & set(chosen)
    assert len(instead) == math.ceil((len(COHORTS) - len(chosen)) / 4)
