"""Weighted log-rank tests beside SciPy, lifelines and the plainest sum."""

from __future__ import annotations

import numpy as np
import pytest
from lifelines.statistics import logrank_test
from scipy import stats

from lmssim.errors import InputError
from lmssim.trials.tests import (
    cause_specific_logrank,
    fleming_harrington,
    logrank,
    modestly_weighted,
    trial_data,
)
from tests.kit.made_trials import naive_scores, rows_of, shuffled, tied_trials

DATA = tied_trials(30, 80, seed=1)
CLOSE = 1e-12


def test_logrank_is_scipys() -> None:
    """Statistic and p-values, with ties."""
    found = logrank(DATA)
    for i in range(len(DATA)):
        time, event, arm, _ = rows_of(DATA, i)
        x, y = (
            stats.CensoredData(time[(arm == k) & (event == 1)], right=time[(arm == k) & (event == 0)]) for k in (1, 0)
        )
        other = stats.logrank(x, y)
        assert found.z[i] == pytest.approx(-other.statistic, abs=1e-10)
        assert found.p_two_sided[i] == pytest.approx(other.pvalue, rel=1e-9)


@pytest.mark.parametrize(("rho", "gamma"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5), (0.3, 2.0)])
def test_fleming_harrington_is_lifelines(rho: float, gamma: float) -> None:
    """Of untied times; lifelines takes the survival of tied times otherwise."""
    rng = np.random.default_rng(4)
    for _ in range(5):
        time, event, arm = rng.exponential(2, 70), rng.integers(0, 2, 70), rng.integers(0, 2, 70)
        found = fleming_harrington(trial_data(time, event, arm), rho=rho, gamma=gamma)
        one, other = arm == 1, arm == 0
        theirs = logrank_test(
            time[one], time[other], event[one], event[other], weightings="fleming-harrington", p=rho, q=gamma
        )
        assert found.z[0] ** 2 == pytest.approx(theirs.test_statistic, rel=1e-8)


@pytest.mark.parametrize("strata", [1, 4])
@pytest.mark.parametrize(("rho", "gamma"), [(0.0, 0.0), (0.0, 1.0), (0.5, 2.0)])
def test_strata_and_ties_are_the_plain_sum(strata: int, rho: float, gamma: float) -> None:
    """Scores and variances added over strata."""
    data = tied_trials(20, 60, seed=2, strata=strata)
    found = fleming_harrington(data, rho=rho, gamma=gamma)
    for i in range(len(data)):
        u, v = naive_scores(*rows_of(data, i), rho, gamma)
        assert found.z[i] == pytest.approx(-u / v**0.5, rel=1e-10)
        assert found.estimate[i] == pytest.approx(u / v, rel=1e-10)


def test_strata_can_be_disregarded() -> None:
    """The same patients without their strata."""
    data = tied_trials(5, 60, seed=3, strata=3)
    time, event, arm = data.time, data.event, data.arm
    np.testing.assert_array_equal(logrank(data, stratified=False).z, logrank(trial_data(time, event, arm)).z)


def test_patients_are_exchangeable() -> None:
    """Their order changes no bit."""
    data = tied_trials(10, 60, seed=5, strata=2)
    other = shuffled(np.random.default_rng(1), data)
    np.testing.assert_array_equal(fleming_harrington(data).z, fleming_harrington(other).z)


def test_arms_exchanged_turn_the_sign() -> None:
    """Of the statistic and of the log hazard ratio."""
    turned = trial_data(DATA.time, DATA.event, 1 - DATA.arm)
    np.testing.assert_allclose(logrank(turned).z, -logrank(DATA).z, atol=CLOSE)


def test_the_better_arm_has_a_positive_statistic() -> None:
    """And a small p-value, a hazard ratio below 1."""
    data = trial_data(np.arange(1.0, 41.0), np.ones(40), np.arange(40) >= 20)
    found = logrank(data)
    assert found.z[0] > 3
    assert found.p[0] < 0.001
    ratio, low, high = found.hazard_ratio()
    assert low[0] < ratio[0] < high[0] < 1


def test_the_modest_weight_grows_to_the_delay() -> None:
    """1 / max(S(t-), S(delay)), both arms together; without a delay it is the log-rank test."""
    np.testing.assert_allclose(modestly_weighted(DATA, delay=0.0).z, logrank(DATA).z, atol=CLOSE)
    time, event, arm, _ = rows_of(DATA)
    u = v = 0.0
    times = np.unique(time[event == 1])
    survival = {}
    s = 1.0
    for x in times:
        survival[x] = s  # just before
        s *= 1 - ((time == x) & (event == 1)).sum() / (time >= x).sum()
    after = np.append(list(survival.values())[1:], s)
    at_delay = after[times <= 1.5][-1]
    for x in times:
        w = 1 / max(survival[x], at_delay)
        y, y1, d = (time >= x).sum(), ((time >= x) & (arm == 1)).sum(), ((time == x) & (event == 1)).sum()
        d1 = ((time == x) & (event == 1) & (arm == 1)).sum()
        u += w * (d1 - d * y1 / y)
        v += w * w * d * y1 / y * (1 - y1 / y) * (y - d) / (y - 1) if y > 1 else 0.0
    assert modestly_weighted(DATA, delay=1.5).z[0] == pytest.approx(-u / v**0.5, rel=1e-10)


def test_the_modest_weight_may_be_capped() -> None:
    """At 1 it is the log-rank test."""
    np.testing.assert_allclose(modestly_weighted(DATA, delay=9.0, most=1.0).z, logrank(DATA).z, atol=CLOSE)


def test_other_causes_censor() -> None:
    """The cause-specific test is the log-rank test of that cause alone."""
    data = tied_trials(10, 80, seed=6, causes=2)
    one = trial_data(data.time, data.event == 2, data.arm)
    found = cause_specific_logrank(data, cause=2)
    np.testing.assert_allclose(found.z, logrank(one).z, atol=CLOSE)
    np.testing.assert_array_equal(found.events, logrank(one).events)


def test_impossible_options_are_refused() -> None:
    """One message each."""
    with pytest.raises(InputError, match="rho: -1 must be from 0 to 10"):
        fleming_harrington(DATA, rho=-1)
    with pytest.raises(InputError, match="gamma: nan"):
        fleming_harrington(DATA, gamma=np.nan)
    with pytest.raises(InputError, match="delay: -2 must be a time"):
        modestly_weighted(DATA, delay=-2)
    with pytest.raises(InputError, match=r"most: 0\.5 must be at least 1"):
        modestly_weighted(DATA, delay=1, most=0.5)
    with pytest.raises(InputError, match="cause: 0 must be the code of a cause"):
        cause_specific_logrank(DATA, cause=0)
