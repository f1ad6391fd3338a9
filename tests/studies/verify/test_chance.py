"""Limits of chance: wide enough for a family of comparisons, and for events that nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from lmssim.studies.verify import chance
from lmssim.studies.verify.finding import Status

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray


def test_a_family_shares_the_probability_of_a_false_alarm() -> None:
    """Checks and comparisons together fail a right model with at most the stated probability."""
    for n in (1, 100, 5_000):
        each = 2.0 * stats.norm.sf(chance.limit(n))
        assert each * n * chance.CHECKS_OF_CHANCE == pytest.approx(chance.FALSE_ALARM)


@pytest.mark.parametrize("p", [0.0, 1e-6, 0.01, 0.5, 0.999, 1.0])
def test_shares_hold_at_their_own_quantiles(p: float) -> None:
    """Counts within the binomial limits pass, and the next ones fail, however few are expected."""
    n, alpha = 2_000, chance.least_p(1) / 2.0
    most, least = int(stats.binom.isf(alpha, n, p)), int(stats.binom.ppf(alpha, n, p))
    for count, holds in ((most, True), (least, True), (most + 1, False), (least - 1, False)):
        if 0 <= count <= n:
            assert (chance.shares([count], "equal to", p, n).status == Status.PASSED) is holds


def test_nobody_among_many_is_no_alarm_and_too_many_are() -> None:
    """Nobody has an event of probability 1e-5; forty have."""
    assert chance.shares([0], "equal to", 1e-5, 4_000).status == Status.PASSED
    assert chance.shares([40], "equal to", 1e-5, 4_000).status == Status.FAILED


def test_a_difference_without_error_fails_but_for_its_slack() -> None:
    """A standard error of zero excuses nothing."""
    assert chance.by_chance([1.0], "equal to", [1.1], [0.0]).status == Status.FAILED
    assert chance.by_chance([1.0], "equal to", [1.1], [0.0], slack=0.2).status == Status.PASSED


def _heavy_tail(u: FloatArray) -> FloatArray:
    return np.exp(6.0 * stats.norm.ppf(u))


def _labels(u: FloatArray) -> FloatArray:
    return np.floor(3.0 * u)


def test_a_sample_is_counted_up_to_quantiles() -> None:
    """Probabilities are the cuts for a continuous law, and those of the atoms for labels; a heavy tail is no alarm."""
    u = (np.arange(4_000) + 0.5) / 4_000
    for quantile in (_heavy_tail, _labels):
        counts, probability = chance.at_cuts(quantile(u), quantile)
        assert np.abs(counts / 4_000 - probability).max() < 1e-3
    assert probability == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 1.0, 1.0, 1.0], abs=1e-3)
