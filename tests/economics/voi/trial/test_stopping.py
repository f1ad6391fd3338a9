"""Stopping on value against exact backward induction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmssim.economics.voi.trial.stopping import stopping_policy
from tests.kit.normal_trials import STANDARD, NormalTrial, interim


def value(trial: NormalTrial, n: int, seed: int, noise: float, *, even: bool) -> tuple[float, float, float]:
    """Net benefit by the policy that the regression finds, its error, and the share that stops at the first look."""
    stakes, looks = trial.simulated(n, seed, noise, even=even)
    payoff = stakes.payoff(looks)
    policy = stopping_policy(looks, payoff, stakes.rows)
    found = payoff[np.arange(n), policy.look, policy.adopted]
    return float(found.mean()), float(found.std() / np.sqrt(n)), float((policy.look == 0).mean())


@pytest.mark.parametrize("mean", [-0.1, 0.1])
def test_two_looks(mean: float) -> None:
    """From 16,384 evenly spread draws: to 1%, and the share that stops at the first look to 0.03."""
    trial = interim(80, mean=mean)
    exact, stops = trial.exact
    found, _, stopped = value(trial, 2**14, 1, 0.0, even=True)
    assert found == pytest.approx(exact, rel=0.01)
    assert stopped == pytest.approx(stops, abs=0.03)
    assert 0.1 < stops < 0.9
    assert found > 1.03 * max(trial.fixed(0), trial.fixed(1))


def test_two_looks_where_the_best_strategy_waits() -> None:
    """Waiting costs: to 1% of what adopting the new strategy at once would bring, which is the best now."""
    trial = replace(interim(80, mean=0.4), current=STANDARD)
    exact, stops = trial.exact
    found, _, stopped = value(trial, 2**14, 1, 0.0, even=True)
    assert found == pytest.approx(exact, abs=0.01 * 0.4 * trial.population.patients())
    assert stopped == pytest.approx(stops, abs=0.03)
    assert stops > replace(trial, current=None).exact[1]


def test_three_looks_with_patient_noise() -> None:
    """Of 16,384 random draws: within 3 standard errors; the policy is not the best, so it loses 2% more at most."""
    trial = interim(40, 100)
    exact, _ = trial.exact
    found, se, _ = value(trial, 2**14, 2, 1.0, even=False)
    assert exact - 3.0 * se - 0.02 * exact < found < exact + 3.0 * se


@pytest.mark.study
@pytest.mark.parametrize("looks", [(80,), (40, 100)])
def test_to_one_percent_with_patient_noise(looks: tuple[int, ...]) -> None:
    """Of a million random draws, whose standard error is 0.5%."""
    trial = interim(*looks)
    exact, _ = trial.exact
    found, se, _ = value(trial, 2**20, 3, 1.0, even=False)
    assert se < 0.006 * exact
    assert found == pytest.approx(exact, rel=0.01)
