"""Posteriors of hazard ratios and rates."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials.tests import (
    bayes,
    cox,
    enthusiastic_prior,
    logrank,
    normal_prior,
    power_prior,
    rate_with_history,
    sceptical_prior,
    trial_data,
)
from tests.kit.made_trials import tied_trials

DATA = tied_trials(10, 80, seed=16)


def test_priors_hold_what_they_say() -> None:
    """One chance in twenty of the other's view."""
    sceptic, enthusiast = sceptical_prior(0.7), enthusiastic_prior(0.7)
    assert sceptic.probability_below(0.7) == pytest.approx(0.05)
    assert sceptic.probability_below(1.0) == pytest.approx(0.5)
    assert enthusiast.probability_below(1.0) == pytest.approx(0.95)
    assert enthusiast.hazard_ratio()[0] == pytest.approx(0.7)


def test_an_empty_prior_is_the_test() -> None:
    """The posterior probability of no benefit is the one-sided p-value, nearly."""
    for likelihood, test in (("logrank", logrank), ("cox", cox)):
        found = bayes(DATA, prior=normal_prior(sd=1e4), likelihood=likelihood)
        np.testing.assert_allclose(found.p, test(DATA).p, atol=1e-6)


def test_history_is_borrowed_by_its_power() -> None:
    """Nothing at 0, all at 1."""
    start = normal_prior(sd=2.0)
    assert power_prior(-0.3, 0.04, 0.0, start) == start
    whole = power_prior(-0.3, 0.04, 1.0, start)
    assert 1 / whole.sd**2 == pytest.approx(1 / 4 + 25)
    half = power_prior(-0.3, 0.04, 0.5, start)
    assert 1 / half.sd**2 == pytest.approx(1 / 4 + 12.5)


def test_without_events_the_prior_stays() -> None:
    """Nothing was learnt."""
    silent = trial_data([1, 2, 3, 4], [0, 0, 0, 0], [0, 1, 0, 1])
    found = bayes(silent, prior=sceptical_prior(0.7))
    assert found.p[0] == pytest.approx(0.5)
    assert found.se[0] == pytest.approx(sceptical_prior(0.7).sd)


def test_a_sceptic_rejects_less_than_an_enthusiast() -> None:
    """In every trial."""
    assert (bayes(DATA, prior=sceptical_prior(0.7)).p >= bayes(DATA, prior=enthusiastic_prior(0.7)).p).all()


def test_rates_are_gamma() -> None:
    """Mean and quantiles."""
    rate = rate_with_history(18, 90, 40, 160, 0.5)
    assert rate.quantile(0.5) < rate.mean
    assert rate.quantile(0.025) < rate.quantile(0.975)


def test_impossible_priors_are_refused() -> None:
    """One message each."""
    for call, message in (
        (lambda: sceptical_prior(1.2), "alternative"),
        (lambda: enthusiastic_prior(0.7, 0.6), "probability"),
        (lambda: power_prior(0.1, -1.0, 0.5), "variance"),
        (lambda: power_prior(0.1, 1.0, 1.5), "discount"),
        (lambda: power_prior(np.nan, 1.0, 1.0), "estimate"),
        (lambda: rate_with_history(-1, 3), "events"),
        (lambda: bayes(DATA, likelihood="score"), "likelihood"),
        (lambda: bayes(DATA, below=0.0), "below"),
    ):
        with pytest.raises(InputError, match=message):
            call()
