"""Noise of the means of draws against the law that they are made by."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.economics.agency.noise import enough, noise_of, probability_of

N_DRAWS = 20_000


def sets_of(n: int, parameters: float, patients: float) -> tuple[np.ndarray, np.ndarray]:
    """Means of two sets of patients of each draw, a third and two thirds of `n`, and their sizes."""
    rng = np.random.default_rng(1)
    sizes = np.tile([n // 3, n - n // 3], (N_DRAWS, 1)).astype(float)
    expected = rng.normal(scale=parameters, size=(N_DRAWS, 1))
    return expected + rng.normal(scale=patients / np.sqrt(sizes)), sizes


def test_noise_is_that_of_the_mean_of_all_patients() -> None:
    """SD^2 / n, and its share of the variance between draws, within 4 standard errors of so many draws."""
    found = noise_of(*sets_of(30, 0.5, 3.0))
    assert found.variance == pytest.approx(9.0 / 30.0, rel=4.0 * math.sqrt(2.0 / N_DRAWS))
    assert found.share == pytest.approx(0.3 / 0.55, rel=8.0 * math.sqrt(2.0 / N_DRAWS))


def test_so_many_patients_are_enough() -> None:
    """With 9 / n over 9 / n + 0.25 a twentieth: 684 patients in each draw."""
    by_set, sizes = sets_of(30, 0.5, 3.0)
    assert enough(by_set, sizes) / N_DRAWS == pytest.approx(684.0, rel=0.1)
    assert enough(*sets_of(684, 0.5, 3.0)) / N_DRAWS == pytest.approx(684.0, rel=0.25)


def test_what_does_not_vary_needs_nobody() -> None:
    """And draws that differ by chance alone more than there are."""
    assert enough(np.ones((5, 2)), np.ones((5, 2))) == 0
    assert noise_of(np.ones((5, 2)), np.ones((5, 2))).share == 0.0
    apart = np.tile([1.0, -1.0], (5, 1)) + np.arange(5)[:, None] * 1e-3
    assert enough(apart, np.ones((5, 2))) > 10**15


def test_a_probability_has_an_error_at_its_ends_too() -> None:
    """As of one draw, or of all but one."""
    assert probability_of(np.array([True] * 50)) == (1.0, 0.02)
    assert probability_of(np.array([False] * 50)) == (0.0, 0.02)
    assert probability_of(np.array([True, False])).se == pytest.approx(0.5)
