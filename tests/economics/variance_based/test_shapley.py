"""Shapley effects against closed forms: Ishigami's, a correlated pair, and a block beside another."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.variance_based.shapley import shapley_effects, shapley_values
from tests.kit.global_functions import (
    CORRELATION,
    SHAPLEY,
    SLOPES,
    VARIANCE,
    explained_of_ishigami,
    linear,
    pair,
    shapley_of_pair,
)


def test_ishigami() -> None:
    """From the variances that are explained; the interaction is divided evenly."""
    np.testing.assert_allclose(shapley_values(explained_of_ishigami, 3) / VARIANCE, SHAPLEY, rtol=1e-12)


def test_values_add_up_and_are_fair() -> None:
    """A game of three: who adds nothing gets nothing, and two who are alike get the same."""
    found = shapley_values(lambda team: float({0, 1} <= set(team)), 3)
    np.testing.assert_allclose(found, [0.5, 0.5, 0.0])


def test_a_correlated_linear_model() -> None:
    """Within 4 errors of Owen and Prieur's closed form, beside variance that the block does not explain."""
    u = np.random.Generator(np.random.Philox(1)).random((4_000, 4))
    found = shapley_effects(np.exp(pair(u)[:, :2]), linear(u)[:, None], [[0], [1]])
    true = shapley_of_pair(float(SLOPES[0]), float(SLOPES[1]), CORRELATION)
    assert (np.abs(found.effects - true) < 4.0 * found.se).all()
    assert (found.se < 0.03).all()
    assert found.effects.sum() == pytest.approx(1.0)


def test_parts_are_known_together() -> None:
    """The pair as one part, input 2 as the other: independent, so that effects are shares of the variance."""
    u = np.random.Generator(np.random.Philox(2)).random((4_000, 4))
    found = shapley_effects(pair(u)[:, :3], linear(u)[:, None], [[0, 1], [2]])
    block = SLOPES[0] ** 2 + SLOPES[1] ** 2 + 2.0 * CORRELATION * SLOPES[0] * SLOPES[1]
    true = np.array([block, SLOPES[2] ** 2]) / (block + SLOPES[2] ** 2)
    assert (np.abs(found.effects - true) < 0.03).all()
    assert found.surrogate.r2 > 0.99


def test_nothing_to_divide() -> None:
    """An outcome that does not vary has no effects, and no error is raised."""
    u = np.random.Generator(np.random.Philox(3)).random((200, 2))
    assert (shapley_effects(u, np.zeros((200, 1)), [[0], [1]]).effects == 0.0).all()


def test_errors_hold_the_chance_of_patients() -> None:
    """Over 200 seeds with new patients at each, who respond to input 0 in ways of their own: spread and error agree."""
    effects, errors = [], []
    for seed in range(200):
        rng = np.random.Generator(np.random.Philox([3, seed]))
        inputs = rng.normal(size=(400, 2))
        own = np.stack([rng.normal(1.0, 1.0, 8), np.ones(8)])
        found = shapley_effects(inputs, inputs @ own, [[0], [1]])
        effects.append(found.effects[0])
        errors.append(found.se[0])
    assert np.std(effects, ddof=1) / np.sqrt(np.mean(np.square(errors))) == pytest.approx(1.0, abs=0.25)
