"""Screening against closed forms."""

from __future__ import annotations

import numpy as np

from lmssim.economics.variance_based.design import Layout, trajectories
from lmssim.economics.variance_based.screening import screened
from tests.kit.global_functions import BLOCK, EFFECTS, SLOPES, ishigami, linear


def test_ishigami() -> None:
    """Mean absolute effects within 4 errors, which are below 3%."""
    design = trajectories(Layout([0, 1, 2], [True] * 3), 2_000, 1)
    found = screened(design.steps, ishigami(design.numbers)[:, None])
    assert (np.abs(found.mu_star - EFFECTS) < 4.0 * found.mu_star_se).all()
    assert (found.mu_star_se < 0.03 * EFFECTS).all()
    assert (found.patients == 0.0).all()


def test_a_linear_model_with_a_correlated_block() -> None:
    """2 / sqrt(pi) times the SD that each brings; steps upwards keep their sign; nothing moves what does nothing."""
    design = trajectories(Layout([0, 0, 1, 2], [False, True, True]), 2_000, 1)
    found = screened(design.steps, linear(design.numbers)[:, None])
    true = 2.0 / np.sqrt(np.pi) * np.array([np.sqrt(BLOCK), SLOPES[2], 0.0])
    assert (np.abs(found.mu_star - true) <= 4.0 * found.mu_star_se).all()
    assert found.mu[1] == found.mu_star[1]
    assert found.mu_star[2] == 0.0


def test_noise_of_patients_is_told() -> None:
    """Sets that respond to x2 in ways of their own: the error of an effect of x2 is that of their mean, of x1 none."""
    design = trajectories(Layout([0, 1], [True] * 2), 500, 1)
    u = design.numbers
    own = np.random.Generator(np.random.Philox(1)).normal(size=8)
    found = screened(design.steps, u[:, :1] + u[:, 1:] * own)
    assert found.patients[0] < 1e-12
    expected = own.std(ddof=1) / np.sqrt(8.0) * np.sqrt(1.0 / 6.0)  # E(u - v)^2 = 1/6
    assert abs(found.patients[1] / expected - 1.0) < 0.1
