"""The stage-wise ordering: without looks the usual answers, with looks uniform p-values and covering intervals."""

from __future__ import annotations

import doctest
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from lmssim.errors import InputError
from lmssim.trials import Efficacy, Futility, group_sequential
from lmssim.trials.estimates import estimate_after_stop, stagewise_p_value, stopped
from lmssim.trials.estimates.stopped import _Ordering

if TYPE_CHECKING:
    from lmssim.trials import GroupSequentialDesign

FRACTIONS = [0.3, 0.6, 1.0]
DESIGNS = {
    "Pocock": group_sequential(FRACTIONS, efficacy="pocock"),
    "binding futility": group_sequential(
        FRACTIONS, efficacy=Efficacy("hsd", -4.0), futility=Futility("z", z=(0.0, 0.8), binding=True)
    ),
    "two-sided": group_sequential(FRACTIONS, alpha=0.05, sides=2, efficacy="ld_pocock"),
}


def outcome(design: GroupSequentialDesign, drift: float, rng: np.random.Generator) -> tuple[int, float]:
    """Look and Z at which a random trial stops."""
    times = np.array(design.information)
    steps = np.diff(times, prepend=0.0)
    score = np.cumsum(rng.normal(drift * steps, np.sqrt(steps)))
    for k, z in enumerate(score / np.sqrt(times)):
        high, low = design.efficacy[k], design.futility[k]
        if z >= high or (design.sides == 1 and z < low) or (design.sides == 2 and z <= -high):
            return k + 1, float(z)
    return design.looks, float(z)


def test_one_look_is_the_usual_interval() -> None:
    """And p-value."""
    found = estimate_after_stop(group_sequential(1), 1, 2.2)
    assert found.p_value == pytest.approx(stats.norm.sf(2.2), rel=1e-10)
    assert (found.drift, found.naive) == pytest.approx((2.2, 2.2), abs=1e-9)
    assert (found.low, found.high) == pytest.approx((2.2 - 1.959964, 2.2 + 1.959964), abs=1e-6)


@pytest.mark.parametrize("name", ["Pocock", "two-sided"])
def test_at_the_bound_the_p_value_is_the_alpha_spent(name: str) -> None:
    """So far."""
    design = DESIGNS[name]
    for look, (bound, spent) in enumerate(zip(design.efficacy, design.alpha_spent, strict=True), start=1):
        assert stagewise_p_value(design, look, bound) == pytest.approx(spent, abs=1e-9)
        if design.sides == 2:
            assert stagewise_p_value(design, look, -bound) == pytest.approx(spent, abs=1e-9)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_the_tail_is_uniform_under_the_truth(name: str, drift: float) -> None:
    """So p-values, intervals and medians hold what they say: Kolmogorov-Smirnov over 300 trials, p above 0.001."""
    design, rng = DESIGNS[name], np.random.default_rng(31)
    tails = []
    for _ in range(300):
        look, z = outcome(design, drift, rng)
        tails.append(_Ordering(design, look, z, with_futility=None).tail(drift))
    assert stats.kstest(tails, "uniform").pvalue > 1e-3


def test_the_median_unbiased_estimate_is_below_the_naive_one() -> None:
    """Of a trial that crossed late, which had the chance to cross early."""
    found = estimate_after_stop(DESIGNS["Pocock"], 3, 2.5)
    assert 0 < found.low < found.drift < found.naive < found.high


def test_a_stop_for_futility_is_less_than_going_on() -> None:
    """P falls from the earliest futility to the earliest efficacy."""
    design = DESIGNS["binding futility"]
    outcomes = [(1, -1.0), (1, -0.1), (2, 0.1), (2, 0.7), (3, -2.0), (3, 1.0), (3, 2.2), (2, 3.0), (1, 3.5)]
    p = [stagewise_p_value(design, look, z) for look, z in outcomes]
    assert all(np.diff(p) < 0), p


def test_futility_that_does_not_bind_may_count() -> None:
    """Its stops make the p-value smaller."""
    design = group_sequential(2, futility=Futility("z", z=(0.5,), binding=False))
    plain, counted = (stagewise_p_value(design, 2, 2.0, with_futility=told) for told in (None, True))
    assert counted < plain
    assert plain == stagewise_p_value(group_sequential(2), 2, 2.0)


def test_ends_beyond_what_is_computed_are_infinite() -> None:
    """Of a huge Z at little information."""
    found = estimate_after_stop(group_sequential([0.01, 1.0], efficacy="pocock"), 1, 4.0)
    assert math.isinf(found.high)
    assert found.p_value == pytest.approx(stats.norm.sf(4.0), rel=1e-9)


def test_impossible_questions_are_refused() -> None:
    """One message each."""
    wedge = group_sequential(2, alpha=0.05, sides=2, futility=Futility("z", z=(0.3,), binding=True))
    with pytest.raises(InputError, match="no stage-wise order"):
        estimate_after_stop(wedge, 1, 0.1)
    with pytest.raises(InputError, match="look: 0"):
        estimate_after_stop(DESIGNS["Pocock"], 0, 0.1)
    with pytest.raises(InputError, match="level: 1"):
        estimate_after_stop(DESIGNS["Pocock"], 1, 0.1, level=1.0)


def test_the_example_holds() -> None:
    """Of the docstring."""
    assert not doctest.testmod(stopped).failed
