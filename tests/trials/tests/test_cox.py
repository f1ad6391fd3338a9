"""Cox's hazard ratio beside lifelines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from lmssim.errors import InputError
from lmssim.outcomes.estimators import hazard_ratio, risk_sets
from lmssim.trials.tests import cox, trial_data
from tests.kit.made_trials import rows_of, tied_trials


@pytest.mark.parametrize("strata", [1, 3])
def test_efron_is_lifelines(strata: int) -> None:
    """Log hazard ratio, standard error and interval, with ties."""
    data = tied_trials(4, 90, seed=7, strata=strata)
    found = cox(data)
    low, high = found.interval()
    for i in range(len(data)):
        time, event, arm, stratum = rows_of(data, i)
        frame = pd.DataFrame({"t": time, "e": event, "arm": arm, "s": stratum})
        other = CoxPHFitter().fit(frame, "t", "e", strata="s", fit_options={"precision": 1e-12})
        summary = other.summary.loc["arm"]
        assert found.estimate[i] == pytest.approx(summary["coef"], abs=1e-7)
        assert found.se[i] == pytest.approx(summary["se(coef)"], rel=1e-6)
        assert (low[i], high[i]) == pytest.approx((summary["coef lower 95%"], summary["coef upper 95%"]), abs=1e-6)


def test_breslow_is_the_estimator_of_series() -> None:
    """Which calibration uses."""
    data = tied_trials(20, 60, seed=8)
    series = hazard_ratio(risk_sets(data.time, data.event == 1, data.arm == 1))
    np.testing.assert_allclose(np.exp(cox(data, ties="breslow").estimate), series, rtol=1e-8)


def test_one_arm_without_events_has_no_finite_ratio() -> None:
    """Nor a Wald test."""
    found = cox(trial_data([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]))
    assert found.estimate[0] == -np.inf
    assert np.isnan(found.z[0])
    assert cox(trial_data([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0])).estimate[0] == np.inf


def test_a_huge_effect_converges() -> None:
    """One event of 300 goes against it."""
    time = np.arange(1.0, 401.0)
    arm = time > 200
    arm[0] = True
    found = cox(trial_data(time, np.ones(400), arm))
    assert found.estimate[0] < -4
    assert np.isfinite(found.se[0])


def test_unknown_ties_are_refused() -> None:
    """With the nearest name."""
    with pytest.raises(InputError, match="Did you mean 'efron'"):
        cox(tied_trials(1, 9, seed=1), ties="efrn")
