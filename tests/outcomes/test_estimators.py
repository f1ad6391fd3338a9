"""Incidence and its variance from individual times."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import KaplanMeierFitter

from lmssim.outcomes.estimators import incidence, interval

N = 4_000
NEVER = np.full(N, np.inf)


def test_without_censoring_incidence_is_the_share_and_its_variance_binomial() -> None:
    """F is the share with the event before the competing one, its variance F (1 - F) / n."""
    rng = np.random.default_rng(1)
    event, competing = rng.exponential(4.0, N), rng.exponential(6.0, N)
    curve = incidence(event, competing, NEVER)
    share = float(((event <= 3.0) & (event <= competing)).mean())
    assert curve.at(3.0) == pytest.approx((share, share * (1.0 - share)), rel=1e-9)
    assert curve.at(0.0) == (0.0, 0.0)


def test_without_competing_events_variance_is_greenwoods() -> None:
    """1 - F is the product limit; its variance that of Greenwood, summed by hand."""
    event = np.array([1.0, 2.0, 2.0, 4.0, np.inf, np.inf, np.inf])
    censoring = np.array([9.0, 9.0, 9.0, 9.0, 1.5, 3.0, 9.0])
    share, variance = incidence(event, np.full(7, np.inf), censoring).at(4.0)
    survival = (6 / 7) * (3 / 5) * (1 / 2)
    assert 1.0 - share == pytest.approx(survival)
    assert variance / 7 == pytest.approx(survival**2 * (1 / (7 * 6) + 2 / (5 * 3) + 1 / (2 * 1)))


def test_product_limit_meets_lifelines() -> None:
    """Survival and median with ties, against an outside reckoning."""
    rng = np.random.default_rng(5)
    event, censoring = (np.ceil(rng.exponential(mean, 200) * 4) / 4 for mean in (3.0, 7.0))
    ours = incidence(event, np.full(200, np.inf), censoring)
    theirs = KaplanMeierFitter().fit(np.minimum(event, censoring), event <= censoring)
    for t in (0.0, 0.5, 2.5, 5.0):
        assert 1.0 - ours.at(t)[0] == pytest.approx(float(theirs.predict(t)), abs=1e-12)
    assert ours.median(200)[0] == theirs.median_survival_time_


def test_variance_under_censoring_is_that_of_repeated_studies() -> None:
    """Spread of 2,000 studies of 80 patients, and coverage of the interval."""
    rng = np.random.default_rng(2)
    size = (2_000, 80)
    event, competing, censoring = rng.exponential(4, size), rng.exponential(9, size), rng.uniform(1, 8, size)
    studies = np.array([incidence(*each).at(5.0) for each in zip(event, competing, censoring, strict=True)])
    _, expected = incidence(event.ravel(), competing.ravel(), censoring.ravel()).at(5.0)
    assert np.var(studies[:, 0], ddof=1) == pytest.approx(expected / 80, rel=4 * np.sqrt(2 / 2_000) + 0.02)
    truth = (1 - np.exp(-5 * (1 / 4 + 1 / 9))) * (1 / 4) / (1 / 4 + 1 / 9)
    low, high = interval(np.array([truth]), np.array([expected / 80]))
    assert np.mean((studies[:, 0] >= low[0]) & (studies[:, 0] <= high[0])) == pytest.approx(0.95, abs=0.02)


def test_median_of_a_curve_and_of_its_interval() -> None:
    """Exponential times: log 2 / rate; an incidence that never reaches a half has none."""
    event = np.random.default_rng(3).exponential(2.0, N)
    median, low, high = incidence(event, NEVER, NEVER).median(100)
    assert median == pytest.approx(2.0 * np.log(2.0), rel=4 / np.sqrt(N))
    assert low < median < high
    assert incidence(event, event / 2.0, NEVER).median(100) == (np.inf, np.inf, np.inf)


def test_no_interval_at_certainty() -> None:
    """Shares of 0 and 1 have no width on the scale."""
    low, high = interval(np.array([0.0, 1.0]), np.array([0.0, 0.0]))
    assert low.tolist() == high.tolist() == [0.0, 1.0]
