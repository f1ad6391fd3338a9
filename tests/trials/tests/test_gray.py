"""Gray's test: what it must be where a simpler test says the same."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials.tests import gray, logrank, trial_data
from tests.kit.made_trials import tied_trials


def test_without_competing_events_the_score_is_the_logrank_score() -> None:
    """The variances differ little."""
    data = tied_trials(20, 200, seed=10, step=1e-9)
    one, other = gray(data), logrank(data)
    np.testing.assert_allclose(one.estimate / one.se**2, other.estimate / other.se**2, atol=1e-9)
    np.testing.assert_allclose(one.se, other.se, rtol=0.05)


def test_without_censoring_competing_patients_stay_at_risk() -> None:
    """The score is that of the log-rank test in which they never have the event, while both arms are followed."""
    rng = np.random.default_rng(11)
    time, cause, arm = rng.exponential(1, (5, 150)), rng.integers(1, 3, (5, 150)), rng.integers(0, 2, (5, 150))
    time[:, :2], cause[:, :2], arm[:, :2] = 1e5, 0, [0, 1]
    kept = trial_data(np.where(cause == 1, time, 1e6), cause == 1, arm)
    one, other = gray(trial_data(time, cause, arm)), logrank(kept)
    np.testing.assert_allclose(one.estimate / one.se**2, other.estimate / other.se**2, atol=1e-9)
    np.testing.assert_allclose(one.z, other.z, atol=0.05)


def test_arms_exchanged_turn_the_sign() -> None:
    """And nothing else."""
    data = tied_trials(20, 90, seed=12, causes=2, strata=2)
    turned = trial_data(data.time, data.event, 1 - data.arm, stratum=data.stratum)
    np.testing.assert_allclose(gray(turned).z, -gray(data).z, atol=1e-9)


def test_strata_are_added() -> None:
    """Scores and variances."""
    data = tied_trials(1, 120, seed=13, causes=2, strata=2)
    parts = []
    for s in (0, 1):
        own = data.stratum[0] == s
        parts.append(gray(trial_data(data.time[0, own], data.event[0, own], data.arm[0, own])))
    u = sum(float(x.estimate[0] / x.se[0] ** 2) for x in parts)
    v = sum(float(x.se[0] ** -2) for x in parts)
    assert gray(data).z[0] == pytest.approx(-u / v**0.5, rel=1e-10)


def test_a_cause_is_asked_for() -> None:
    """Any event has no competitor."""
    with pytest.raises(InputError, match="cause: 0 must be the code of a cause"):
        gray(tied_trials(1, 9, seed=1), cause=0)
