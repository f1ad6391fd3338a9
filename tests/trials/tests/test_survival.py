"""Restricted means and milestones beside lifelines."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from lmssim.errors import InputError
from lmssim.outcomes.estimators import restricted_mean
from lmssim.trials.tests import milestone, rmst, trial_data
from lmssim.trials.tests.survival import arms_at, common_follow_up
from tests.kit.made_trials import rows_of, tied_trials

DATA = tied_trials(6, 90, seed=9)


def test_restricted_means_are_those_of_lifelines() -> None:
    """And their variances those that calibration uses."""
    tau = 3.1
    found = rmst(DATA, tau=tau)
    for i in range(len(DATA)):
        time, event, arm, _ = rows_of(DATA, i)
        means, variances = [], []
        for k in (1, 0):
            own = arm == k
            fitted = KaplanMeierFitter().fit(time[own], event[own])
            means.append(restricted_mean_survival_time(fitted, t=tau))
            mean = restricted_mean(np.where(event[own] == 1, time[own], np.inf), time[own], tau)
            variances.append(mean.variance / own.sum())
        assert found.estimate[i] == pytest.approx(means[0] - means[1], abs=1e-9)
        assert found.se[i] == pytest.approx(sum(variances) ** 0.5, rel=1e-10)


def test_milestones_are_those_of_lifelines() -> None:
    """With Greenwood's errors, and on the scale of log(-log)."""
    at = 2.0
    found, cloglog = milestone(DATA, at=at), milestone(DATA, at=at, scale="cloglog")
    for i in range(len(DATA)):
        time, event, arm, _ = rows_of(DATA, i)
        s, variance = [], []
        for k in (1, 0):
            fitted = KaplanMeierFitter().fit(time[arm == k], event[arm == k])
            s.append(float(fitted.predict(at)))
            steps = fitted.event_table.iloc[1:]
            steps = steps[(steps.index <= at) & (steps["observed"] > 0)]
            greenwood = (steps["observed"] / (steps["at_risk"] * (steps["at_risk"] - steps["observed"]))).sum()
            variance.append(s[-1] ** 2 * greenwood)
        assert found.estimate[i] == pytest.approx(s[0] - s[1], abs=1e-12)
        assert found.se[i] == pytest.approx(sum(variance) ** 0.5, rel=1e-10)
        inner = [v / (x * np.log(x)) ** 2 for x, v in zip(s, variance, strict=True)]
        difference = np.log(-np.log(s[1])) - np.log(-np.log(s[0]))
        assert cloglog.z[i] == pytest.approx(difference / sum(inner) ** 0.5, rel=1e-10)
        assert np.sign(cloglog.z[i]) == np.sign(found.z[i])


def test_the_horizon_is_the_common_follow_up() -> None:
    """If none is given."""
    data = trial_data([1, 2, 9, 3, 4, 5], [1, 1, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1])
    assert common_follow_up(data)[0] == 5
    assert rmst(data).estimate[0] == rmst(data, tau=5).estimate[0]


def test_an_arm_that_dies_out_has_no_more_area() -> None:
    """Nor variance from its last death."""
    data = trial_data([1, 2, 3, 9, 9, 9], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1])
    arms = arms_at(data, np.array([5.0]))
    np.testing.assert_allclose(arms[0, :, 2], [2.0, 5.0])
    assert arms[0, 1, 3] == 0.0


def test_impossible_times_are_refused() -> None:
    """One message each."""
    with pytest.raises(InputError, match="tau: 0 must be a time above 0"):
        rmst(DATA, tau=0)
    with pytest.raises(InputError, match="at: inf"):
        milestone(DATA, at=np.inf)
    with pytest.raises(InputError, match="scale: 'log' is unknown"):
        milestone(DATA, at=1, scale="log")
