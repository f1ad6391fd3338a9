"""Type I errors are nominal, power is what the benchmark says."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.trials.tests import ExponentialPatients, null_correlation, rejection_rates
from tests.kit.error_rates import ALPHA, FREQUENTIST, NULL, null_rates

W3 = ExponentialPatients(n=500, hazard=math.log(2) / 2, hazard_ratio=0.75, accrual=3.0, dropout=-math.log(0.95))


@pytest.mark.study
def test_type_one_errors_are_nominal_at_500_an_arm() -> None:
    """Within 3 standard errors of 10,000 trials."""
    rates = null_rates(1_000)
    error = (ALPHA * (1 - ALPHA) / 10_000) ** 0.5
    assert (np.abs(rates["rejected"] - ALPHA) < 3 * error).all(), rates
    assert (rates["no_result"] == 0.0).all()


def test_type_one_errors_sampled() -> None:
    """The same of 800 trials, within 3.5 standard errors."""
    rates = null_rates(1_000, 800, seed=22)
    assert (np.abs(rates["rejected"] - ALPHA) < 3.5 * (ALPHA * (1 - ALPHA) / 800) ** 0.5).all(), rates


def test_power_and_events_of_the_benchmark() -> None:
    """Two-sided power 0.696 (SE 0.0005) and 296.4 events, within 3.5 standard errors of 4,000 trials."""
    rates = rejection_rates(W3, {"logrank": ("logrank", {})}, n_trials=4_000, at=5.0)
    assert rates["rejected"][0] == pytest.approx(0.696, abs=3.5 * (0.696 * 0.304 / 4_000) ** 0.5)
    events = W3.simulate(1_000).at(5.0).events()
    assert events.mean() == pytest.approx(296.4, abs=3.5 * events.std() / 1_000**0.5)


def test_blocks_change_nothing() -> None:
    """Nor does the number of trials: the first ones are the same."""
    tests = {"logrank": FREQUENTIST["logrank"], "gray": FREQUENTIST["gray"]}
    patients = ExponentialPatients(n=60, **NULL)
    one, other = (rejection_rates(patients, tests, n_trials=30, at=3.0, alpha=0.3, block=b) for b in (30, 7))
    pd.testing.assert_frame_equal(one, other)


def test_looks_by_events_have_them() -> None:
    """Or the end of the trial, where they never come."""
    tests = {"bayes": ("bayes", {}), "maxcombo": ("maxcombo", {"correlation": null_correlation()})}
    rates = rejection_rates(ExponentialPatients(n=60, **NULL), tests, n_trials=20, events=59, alpha=0.5)
    assert (rates["no_result"] == 0).all()


def test_impossible_questions_are_refused() -> None:
    """One message each."""
    patients = ExponentialPatients(n=60, **NULL)
    with pytest.raises(InputError, match="alpha"):
        rejection_rates(patients, FREQUENTIST, alpha=0.0)
    with pytest.raises(InputError, match="tests: is empty"):
        rejection_rates(patients, {})
    with pytest.raises(InputError, match="one of the two"):
        rejection_rates(patients, FREQUENTIST, at=1.0, events=3)
