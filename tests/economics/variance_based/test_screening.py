"""Screening against closed forms."""

from __future__ import annotations

import numpy as np

from lmssim.economics.variance_based.design import Layout, problem_of_steps, trajectories
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


def test_statistics_are_those_of_salib() -> None:
    """Mu_star, mu and sigma to rounding; the error of mu_star within the noise of its bootstrap."""
    from SALib.analyze import morris

    design = trajectories(Layout([0, 1, 2], [True] * 3), 400, 1)
    values = ishigami(design.numbers)
    found = screened(design.steps, values[:, None])
    other = morris.analyze(problem_of_steps(3), design.steps, values, num_resamples=4_000, num_levels=2, seed=1)
    for name in ("mu_star", "mu", "sigma"):
        np.testing.assert_allclose(getattr(found, name), np.asarray(other[name]), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.mu_star_se, np.asarray(other["mu_star_conf"]) / 1.96, rtol=0.1)


def test_errors_hold_the_chance_of_patients() -> None:
    """Over 400 seeds, with new patients at each, the spread of every statistic is its printed error within 15%.

    The 95% intervals of mu_star hold its value, E|u - v| = 1/3 for a mean slope of 1, in 92 to 98% of the seeds.
    """
    told, held = [], []
    for seed in range(400):
        design = trajectories(Layout([0, 1], [True] * 2), 50, seed)
        own = np.random.Generator(np.random.Philox([7, seed])).normal(1.0, 1.0, (2, 8))
        found = screened(design.steps, design.numbers @ own)
        held.append(np.abs(found.mu_star - 1.0 / 3.0) < found.reach * found.mu_star_se)
        told.append([found.mu_star, found.mu, found.sigma, found.mu_star_se, found.mu_se, found.sigma_se])
    statistics, errors = np.split(np.array(told), 2, axis=1)
    ratio = statistics.std(axis=0, ddof=1) / np.sqrt((errors**2).mean(axis=0))
    assert (np.abs(ratio - 1.0) < 0.15).all()
    assert (np.abs(np.mean(held, axis=0) - 0.95) < 0.03).all()
    trajectories_alone = 1.0 / np.sqrt(18.0 * 50.0)  # SD of |u - v|, of a slope of 1
    assert (statistics.std(axis=0, ddof=1)[0] > 2.0 * trajectories_alone).all()


def test_two_sets_tell_no_chance_of_patients() -> None:
    """Errors are then those of the trajectories, as with one set of the same means."""
    design = trajectories(Layout([0, 1], [True] * 2), 50, 1)
    two = design.numbers @ np.array([[1.0, 3.0], [2.0, 2.0]])
    found, one = (screened(design.steps, values) for values in (two, two.mean(axis=1)[:, None]))
    np.testing.assert_allclose(found.mu_star_se, one.mu_star_se)
