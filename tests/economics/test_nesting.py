"""Nested simulation: the noise of patients is taken out of means of draws, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.nesting import summarised, without_noise

RNG = np.random.default_rng(11)
SIGNAL = RNG.normal(size=(4_000, 3)) @ np.array([[2.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 0.2]])
NOISE = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.1], [0.0, 0.1, 0.02]])
NOISY = SIGNAL + RNG.multivariate_normal(np.zeros(3), NOISE, size=4_000)


def test_covariances_are_those_between_draws_less_the_noise() -> None:
    """And the means stay as they are."""
    found = without_noise(NOISY, NOISE)
    np.testing.assert_allclose(found.mean(axis=0), NOISY.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(np.cov(found.T), np.cov(NOISY.T) - NOISE, atol=1e-10)


def test_units_and_combinations_do_not_matter() -> None:
    """What is found of a linear function of the outcomes is that function of what is found."""
    mix = np.array([[1e4, 0.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 2.0, 1e-3]])
    found = without_noise(NOISY @ mix, mix.T @ NOISE @ mix)
    np.testing.assert_allclose(found, without_noise(NOISY, NOISE) @ mix, rtol=1e-7, atol=1e-6)


def test_outcomes_that_are_the_same_stay_the_same() -> None:
    """A third that is the first twice over, in every draw and patient."""
    copy = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    found = without_noise(NOISY[:, :2] @ copy, copy.T @ NOISE[:2, :2] @ copy)
    np.testing.assert_allclose(found[:, 0], found[:, 2], rtol=1e-12, atol=1e-12)


def test_where_noise_is_all_nothing_is_left() -> None:
    """Draws that differ by their patients alone have an interval of no width."""
    noise = RNG.normal(size=2_000)
    found = summarised(5.0 + noise, noise=2.0)
    assert (found.low, found.high, found.noise) == (found.mean, found.mean, 1.0)
    assert found.se == pytest.approx(noise.std(ddof=1) / np.sqrt(2_000), rel=1e-12)


def test_shared_errors_do_not_fall_with_draws() -> None:
    """Whereas the spread between draws does."""
    values = np.linspace(0.0, 1.0, 1_000)
    assert summarised(values, shared=4.0, bound=1.0).se == pytest.approx(np.sqrt(values.var(ddof=1) / 1_000 + 5.0))
