"""Incidence and its variance from individual times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time
from scipy import stats

from lmssim.outcomes.estimators import (
    binomial_quantile,
    hazard_ratio,
    incidence,
    logrank,
    restricted_mean,
    risk_sets,
    study_interval,
)

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

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


def test_a_restricted_mean_meets_lifelines() -> None:
    """With ties and censoring; without censoring it is the mean of min(T, horizon), its variance that of the sample."""
    rng = np.random.default_rng(6)
    event, censoring = (np.ceil(rng.exponential(mean, 300) * 4) / 4 for mean in (3.0, 9.0))
    found = restricted_mean(event, censoring, 4.1)
    theirs = KaplanMeierFitter().fit(np.minimum(event, censoring), event <= censoring)
    assert found.mean == pytest.approx(restricted_mean_survival_time(theirs, t=4.1), rel=1e-9)
    whole = restricted_mean(event, np.full(300, np.inf), 4.1)
    assert whole.mean == pytest.approx(np.minimum(event, 4.1).mean(), rel=1e-12)
    assert whole.variance == pytest.approx(np.var(np.minimum(event, 4.1)), rel=1e-9)


def test_the_slope_of_a_restricted_mean_is_its_change_by_the_hazard() -> None:
    """Of an exponential time in closed form; the censored are as informative as others of the slope."""
    rng = np.random.default_rng(7)
    event, censoring, rate, end = rng.exponential(4.0, 40_000), rng.uniform(5.0, 9.0, 40_000), 0.25, 5.0
    mean = (1.0 - np.exp(-rate * end)) / rate
    expected = (rate * end * np.exp(-rate * end) / rate - mean) / mean
    assert restricted_mean(event, censoring, end).slope == pytest.approx(expected, rel=0.03)


def test_variance_under_censoring_is_that_of_repeated_studies() -> None:
    """Spread of 2,000 studies of 80 patients, and coverage of the interval."""
    rng = np.random.default_rng(2)
    size = (2_000, 80)
    event, competing, censoring = rng.exponential(4, size), rng.exponential(9, size), rng.uniform(1, 8, size)
    studies = np.array([incidence(*each).at(5.0) for each in zip(event, competing, censoring, strict=True)])
    _, expected = incidence(event.ravel(), competing.ravel(), censoring.ravel()).at(5.0)
    assert np.var(studies[:, 0], ddof=1) == pytest.approx(expected / 80, rel=4 * np.sqrt(2 / 2_000) + 0.02)
    truth = (1 - np.exp(-5 * (1 / 4 + 1 / 9))) * (1 / 4) / (1 / 4 + 1 / 9)
    low, high = study_interval(truth, expected, 80)
    assert np.mean((studies[:, 0] >= low) & (studies[:, 0] <= high)) == pytest.approx(0.95, abs=0.02)


def test_median_of_a_curve_and_of_its_interval() -> None:
    """Exponential times: log 2 / rate; an incidence that never reaches a half has none."""
    event = np.random.default_rng(3).exponential(2.0, N)
    median, low, high = incidence(event, NEVER, NEVER).median(100)
    assert median == pytest.approx(2.0 * np.log(2.0), rel=4 / np.sqrt(N))
    assert low < median < high
    assert incidence(event, event / 2.0, NEVER).median(100) == (np.inf, np.inf, np.inf)


def test_the_interval_of_a_study_without_censoring_is_binomial() -> None:
    """Also of a share so rare that the study would hardly meet it; none at 0 and 1."""
    for share in (0.3, 0.001):
        low, high = (float(stats.binom.ppf(q, 50, share)) / 50 for q in (0.025, 0.975))
        assert study_interval(share, share * (1 - share), 50) == pytest.approx((low, high))
    assert [study_interval(share, 0.0, 50) for share in (0.0, 1.0)] == [(0.0, 0.0), (1.0, 1.0)]


def test_quantiles_of_a_binomial_meet_scipy() -> None:
    """The same whole numbers, also at shares that are whole counts of the trials and where no trial is."""
    for n in (0, 1, 2, 7, 40, 1000):
        for share in (0.0, 1e-9, 0.025, 0.3, 0.5, 1 / 7, 0.975, 1.0):
            for q in (0.025, 0.4, 0.975):
                assert binomial_quantile(q, n, share) == stats.binom.ppf(q, n, share)


def test_a_studys_median_lies_in_its_interval() -> None:
    """As often as promised, in 4,000 studies of 60."""
    rng = np.random.default_rng(4)
    _, low, high = incidence(rng.exponential(1.0, 50_000), np.full(50_000, np.inf), np.full(50_000, np.inf)).median(60)
    medians = np.median(rng.exponential(1.0, (4_000, 60)), axis=1)
    assert 0.92 < np.mean((low <= medians) & (medians <= high)) < 0.97


def _studies(rounding: float | None) -> tuple[FloatArray, np.ndarray, np.ndarray]:
    """Times, whether they are events, and groups of 20 studies of 60 patients; ties if times are rounded up."""
    rng = np.random.default_rng(11)
    group = rng.random((20, 60)) < 0.4
    event = rng.exponential(np.where(group, 2.0, 4.0))
    censoring = rng.uniform(1.0, 8.0, (20, 60))
    if rounding is not None:
        event, censoring = (np.ceil(x / rounding) * rounding for x in (event, censoring))
    return np.minimum(event, censoring), event <= censoring, group


@pytest.mark.parametrize("rounding", [None, 0.5])
def test_logrank_meets_scipy(rounding: float | None) -> None:
    """With ties and without, many studies at once as each alone."""
    time, event, group = _studies(rounding)
    ours = logrank(risk_sets(time, event, group))
    for k in range(len(time)):
        x, y = (
            stats.CensoredData.right_censored(time[k, chosen], ~event[k, chosen]) for chosen in (group[k], ~group[k])
        )
        assert ours[k] == pytest.approx(stats.logrank(x, y).pvalue, rel=1e-9)


def test_hazard_ratio_meets_lifelines() -> None:
    """Cox's, of each study."""
    time, event, group = _studies(None)
    ours = hazard_ratio(risk_sets(time, event, group))
    for k in range(3):
        frame = pd.DataFrame({"time": time[k], "event": event[k], "group": group[k].astype(float)})
        fitted = CoxPHFitter().fit(frame, "time", "event")
        assert ours[k] == pytest.approx(float(np.exp(fitted.params_["group"])), rel=1e-5)


def test_nothing_to_compare() -> None:
    """Without events, or with one group alone, no difference is found and no ratio known."""
    time, group = np.ones((2, 5)), np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], dtype=bool)
    sets = risk_sets(time, np.array([[False] * 5, [True] * 5]), group)
    assert logrank(sets).tolist() == [1.0, 1.0]
    assert np.isnan(hazard_ratio(sets)).all()
