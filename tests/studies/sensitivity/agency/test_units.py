"""Errors of units against the law that they are made by."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.studies.sensitivity.agency.units import Units

N_DRAWS, N_REPLICATES = 40, 8
STEPS = 0.125


def solved(n_draws: int = N_DRAWS, n_replicates: int = N_REPLICATES) -> tuple[Units, np.ndarray, np.ndarray]:
    """Two strategies whose outcomes are what a draw adds to what a replicate adds; the second has twice as much."""
    rng = np.random.default_rng(3)
    draws, replicates = rng.normal(size=n_draws), rng.normal(size=n_replicates)
    one = draws[:, None] + replicates
    means = np.broadcast_to(np.stack([one, 2.0 * one], axis=-1)[..., None], (n_draws, n_replicates, 2, N_MAIN)).copy()
    of_draws = n_draws > 1
    return Units(np.ones((n_draws, n_replicates)), means, of_draws, np.full((2, N_MAIN), STEPS)), draws, replicates


def error_of(draws: np.ndarray, replicates: np.ndarray) -> float:
    """Of the mean: draws have values of their own, and share the replicates."""
    between = draws.var(ddof=1) / len(draws) if len(draws) > 1 else 0.0
    shared = replicates.var(ddof=1) / len(replicates) if len(replicates) > 1 else 0.0
    return math.sqrt(between + shared)


@pytest.mark.parametrize(
    ("n_draws", "n_replicates"), [(N_DRAWS, N_REPLICATES), (1, N_REPLICATES), (N_DRAWS, 1), (1, 1)]
)
def test_errors_of_draws_replicates_and_steps_add_up(n_draws: int, n_replicates: int) -> None:
    """Squared, in an estimate, in an increment and in a net benefit."""
    units, draws, replicates = solved(n_draws, n_replicates)
    error, mean = error_of(draws, replicates), draws.mean() + replicates.mean()
    found = units.estimate(units.means[:, :, 0, QALY], STEPS)
    assert found == pytest.approx((mean, math.hypot(error, STEPS)))
    increments = units.increments()
    assert increments.increment(1, 0, QALY) == pytest.approx((mean, math.hypot(error, 2.0 * STEPS)))
    benefit = increments.net_benefit(3.0, 1, 0)
    assert benefit.mean == pytest.approx(3.0 * mean - mean)
    assert benefit.se == pytest.approx(math.hypot(2.0 * error, math.hypot(2.0 * STEPS, 3.0 * 2.0 * STEPS)))
    assert increments.exact is (n_draws == 1)
    assert increments.means[0, COST] == pytest.approx(mean)


def test_one_strategy_is_taken_out() -> None:
    """With its steps."""
    units, _, _ = solved()
    own = units.of_strategy(1)
    assert own.steps is not None
    assert own.steps.shape == (1, N_MAIN)
    assert np.array_equal(own.means[:, :, 0], units.means[:, :, 1])
