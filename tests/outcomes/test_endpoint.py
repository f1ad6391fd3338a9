"""Survival and incidence from counts on a grid."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.outcomes.endpoint import EndpointCounts
from lmssim.outcomes.endpoint_kinds import EndpointProbabilities

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

STEPS = 16
N_YEARS = 40


def counts_of(
    event: FloatArray, competing: FloatArray | None = None, censored: FloatArray | None = None
) -> EndpointCounts:
    """Counts as the kernels make them: the first grid time at or after each time."""
    n_steps = N_YEARS * STEPS
    table = np.zeros((3, n_steps + 2), dtype=np.int64)
    for row, times in enumerate((event, competing, censored)):
        if times is not None:
            step = np.minimum(np.ceil(times * STEPS), n_steps + 1).astype(int)
            np.add.at(table[row], step, 1)
    return EndpointCounts(table, float(STEPS))


def exponential(n: int, rate: float, seed: int = 3) -> FloatArray:
    """Exponential times."""
    return np.random.default_rng(seed).exponential(1 / rate, n)


def test_survival_is_the_share_beyond_each_grid_time() -> None:
    """Survival on the grid is exactly the share of times beyond it."""
    times = exponential(10_000, 0.2)
    counts = counts_of(times)
    for t in (1.0, 2.0, 5.0):
        assert counts.survival()[counts.at(t)] == pytest.approx((times > t).mean(), abs=1e-12)


def test_median_and_restricted_mean_meet_the_exponential() -> None:
    """Median ln 2 / rate and restricted mean (1 - exp(-rate tau)) / rate, within 3 standard errors."""
    counts = counts_of(exponential(200_000, 0.2))
    median, se = counts.quantile(0.5, survival=True)
    assert abs(median - math.log(2) / 0.2) < 3 * se
    mean, se = counts.restricted_mean(5.0)
    assert abs(mean - (1 - math.exp(-1.0)) / 0.2) < 3 * se


def test_a_median_that_is_not_reached_is_not_a_number() -> None:
    """Fewer than half with the event: no median."""
    counts = counts_of(np.full(10, 1.0), censored=np.full(90, 39.0))
    assert math.isnan(counts.quantile(0.5, survival=True)[0])


def test_incidence_with_competing_events_is_crude() -> None:
    """Two equal exponential causes: incidence approaches one half, within 3 standard errors."""
    a, b = exponential(100_000, 0.2, 1), exponential(100_000, 0.2, 2)
    counts = counts_of(a[a < b], b[b <= a])
    share = counts.incidence()
    assert abs(share[-1] - 0.5) < 3 * counts.standard_error(share)[-1]


def test_product_limit_is_unbiased_under_censoring() -> None:
    """With independent censoring the product limit meets survival at 3 years within 3.5 standard errors."""
    a, b = exponential(100_000, 0.2, 1), exponential(100_000, 0.3, 2)
    counts = counts_of(a[a < b], censored=b[b <= a])
    k = counts.at(3.0)
    at_risk = counts.at_risk[k]
    se = math.sqrt(math.exp(-0.6) * (1 - math.exp(-0.6)) / at_risk)
    assert abs(counts.survival()[k] - math.exp(-0.6)) < 3.5 * se


def test_median_among_those_with_the_event() -> None:
    """Median of the events' own times."""
    counts = counts_of(np.array([1.0, 2.0, 3.0]), censored=np.full(7, 39.0))
    assert counts.time_among_events() == pytest.approx(1.5, abs=0.55)


def replicated(rates: list[float]) -> EndpointProbabilities:
    """Probabilities of exponential events in replicates of profiles, one rate each."""
    edges = np.arange(N_YEARS * STEPS + 1) / STEPS
    replicates = np.zeros((len(rates), 3, len(edges) + 1))
    for replicate, rate in zip(replicates, rates, strict=True):
        share = 1.0 - np.exp(-rate * edges)
        replicate[0] = np.diff(share, prepend=0.0, append=1.0)
    return EndpointProbabilities(replicates.sum(axis=0), float(STEPS), replicates=replicates)


def test_the_spread_of_replicates_is_the_error() -> None:
    """Of the mean of the replicates' own figures: survival, median, restricted mean, median among events."""
    rates = [0.18, 0.2, 0.22, 0.24]
    counts = replicated(rates)
    alone = [replicated([rate]) for rate in rates]
    k = counts.at(5.0)
    expected = np.std([each.survival()[k] for each in alone], ddof=1) / 2.0
    assert counts.standard_error(counts.survival())[k] == pytest.approx(expected, rel=1e-12)
    assert counts.survival()[k] == pytest.approx(np.mean(np.exp(-5.0 * np.array(rates))), rel=1e-12)
    medians = [each.quantile(0.5, survival=True)[0] for each in alone]
    assert counts.quantile(0.5, survival=True)[1] == pytest.approx(np.std(medians, ddof=1) / 2.0, rel=1e-12)
    means = [each.restricted_mean(5.0)[0] for each in alone]
    assert counts.restricted_mean(5.0)[1] == pytest.approx(np.std(means, ddof=1) / 2.0, rel=1e-12)
    among = [each.time_among_events() for each in alone]
    assert counts.error_among_events() == pytest.approx(np.std(among, ddof=1) / 2.0, rel=1e-12)


def test_a_single_replicate_has_no_error() -> None:
    """What is solved for everybody there is, is exact."""
    counts = replicated([0.2])
    assert not counts.standard_error(counts.survival()).any()
    assert counts.restricted_mean(5.0)[1] == 0.0


def test_what_is_not_computed_stays_so() -> None:
    """Probabilities that are not numbers give no number anywhere."""
    empty = np.full((2, 3, N_YEARS * STEPS + 2), np.nan)
    counts = EndpointProbabilities(empty.sum(axis=0), float(STEPS), replicates=empty)
    figures = [counts.time_among_events(), *counts.quantile(0.5, survival=True), *counts.restricted_mean(5.0)]
    assert all(math.isnan(figure) for figure in figures)
    assert np.isnan(counts.survival()).all()


def test_events_at_the_end_leave_a_restricted_mean_its_error() -> None:
    """If all events fall at one year, the mean to that year is off by up to half a step: an error of that size."""
    counts = counts_of(np.full(100, 1.0), censored=np.full(300, 39.0))
    mean, se = counts.restricted_mean(1.0)
    assert mean == pytest.approx(1.0 - 0.25 / STEPS / 2.0, rel=1e-12)
    # loss uniform over the last step with probability 1/4
    variance = 0.25 / 3.0 / STEPS**2 - (0.25 / 2.0 / STEPS) ** 2
    assert se == pytest.approx(math.sqrt(variance / 400), rel=1e-9)


def in_steps(*shares: float, n: int = 10_000) -> EndpointCounts:
    """Survival that falls in steps of a year, as counts of patients."""
    gone = np.round(-np.diff(np.array([1.0, *shares])) * n).astype(np.int64)
    table = np.zeros((3, len(shares) + 2), dtype=np.int64)
    table[0, 1:-1], table[2, -1] = gone, n - gone.sum()
    return EndpointCounts(table, 1.0, stepped=True)


def test_a_median_in_steps_is_where_survival_is_at_most_one_half() -> None:
    """Where patients cannot tell a level from one half, and the next ones are far, it is reached, with an error."""
    assert in_steps(0.8, 0.5, 0.2).quantile(0.5, survival=True)[0] == 2.0
    assert in_steps(0.8, 0.55, 0.2).quantile(0.5, survival=True)[0] == 3.0
    assert in_steps(0.8, 0.503, 0.498).quantile(0.5, survival=True)[0] == 3.0
    median, se = in_steps(0.8, 0.503, 0.2).quantile(0.5, survival=True)
    assert median == 2.0
    assert se == pytest.approx(1.0 / 1.96, rel=1e-3)


def test_restricted_means_of_steps_are_rectangles() -> None:
    """A year at each level, and the part of a year that is left."""
    counts = in_steps(0.8, 0.5, 0.2)
    assert counts.restricted_mean(2.5)[0] == pytest.approx(1.0 + 0.8 + 0.25, rel=1e-12)
    times = np.repeat([1.0, 2.0, 2.5], [2000, 3000, 5000])
    assert counts.restricted_mean(2.5)[1] == pytest.approx(times.std() / 100.0, rel=1e-9)


def test_where_events_fall_in_their_steps_is_kept() -> None:
    """With means and mean squares within steps, restricted means are those of the times, and quantiles near theirs."""
    times = np.where(np.arange(20_000) % 4 == 0, 1.01, exponential(20_000, 0.9))
    counts = counts_of(times)
    step = np.minimum(np.ceil(times * STEPS), counts.counts.shape[1] - 1).astype(int)
    before = (step - times * STEPS) * 2.0**28
    early = np.zeros((2, counts.counts.shape[1]))
    np.add.at(early[0], step, before)
    np.add.at(early[1], step, before * (before / 2.0**28))
    counts = EndpointCounts(counts.counts, float(STEPS), early)
    mean, se = counts.restricted_mean(3.0)
    assert mean == pytest.approx(np.minimum(times, 3.0).mean(), rel=1e-12)
    assert se == pytest.approx(np.minimum(times, 3.0).std() / math.sqrt(20_000), rel=1e-9)
    assert counts.quantile(0.5, survival=True)[0] == pytest.approx(np.quantile(times, 0.5), abs=0.02)
    assert counts.quantile(0.2, survival=True)[0] == pytest.approx(np.quantile(times, 0.2), abs=2e-3)
