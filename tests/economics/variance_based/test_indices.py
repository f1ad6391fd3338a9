"""Sobol' indices against Ishigami's, a correlated linear block, SALib, and noise of patients with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from SALib.analyze import sobol

from lmssim.economics.variance_based.design import Layout, sobol_design
from lmssim.economics.variance_based.indices import Indices, blocks_of, sobol_indices
from tests.kit.global_functions import FIRST, LINEAR_SHARES, TOTAL, VARIANCE, ishigami, linear

THREE = Layout([0, 1, 2], [True] * 3)


def test_ishigami() -> None:
    """Both kinds of indices within 4 errors of the closed form, and within 0.02; the variance within 1%."""
    found = sobol_indices(blocks_of(ishigami(sobol_design(THREE, 4_096, 1))[:, None], 3))
    for estimate, se, true in ((found.first, found.first_se, FIRST), (found.total, found.total_se, TOTAL)):
        assert (np.abs(estimate - true) < np.minimum(4.0 * se, 0.02)).all()
    assert abs(found.variance / VARIANCE - 1.0) < 0.01
    assert found.noise == 0.0
    assert abs(found.mean - 3.5) < 4.0 * found.mean_se
    assert abs(found.sd - VARIANCE**0.5) < 4.0 * found.sd_se


def test_estimators_are_those_of_salib() -> None:
    """To rounding, where there is one set."""
    y = ishigami(sobol_design(THREE, 64, 1))
    found = sobol_indices(blocks_of(y[:, None], 3))
    problem = {"num_vars": 3, "names": list("abc"), "bounds": [[0.0, 1.0]] * 3}
    theirs = sobol.analyze(problem, y, calc_second_order=False, num_resamples=2_000, seed=1)
    np.testing.assert_allclose(found.first, theirs["S1"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.total, theirs["ST"], rtol=1e-9)
    np.testing.assert_allclose(found.total_se, theirs["ST_conf"] / 1.96, rtol=0.15)


def test_a_correlated_block_is_one_factor() -> None:
    """Its index is that of the closed form, within 4 errors and 0.02; without interactions; what does nothing has 0."""
    layout = Layout([0, 0, 1, 2], [False, True, True])
    found = sobol_indices(blocks_of(linear(sobol_design(layout, 4_096, 1))[:, None], 3))
    for estimate, se in ((found.first, found.first_se), (found.total, found.total_se)):
        assert (np.abs(estimate - LINEAR_SHARES) < np.minimum(4.0 * se + 1e-12, 0.02)).all()
    assert found.total[2] == 0.0


def _noisy(seed: int, sets: int = 8) -> Indices:
    """x1 + x2 / 4, to which each set of patients adds responses of its own: to x2, to x3, and at any rate."""
    u = sobol_design(THREE, 64, seed)
    chance = np.random.Generator(np.random.Philox(seed)).normal(size=(3, sets))
    x = np.sqrt(12.0) * (u - 0.5)
    values = (x[:, 0] + 0.25 * x[:, 1])[:, None] + x[:, 1:2] * chance[0] + x[:, 2:3] * chance[1] + 5.0 * chance[2]
    return sobol_indices(blocks_of(values, 3), n_replicates=100)


@pytest.fixture(scope="module")
def runs() -> list[Indices]:
    """Of 120 seeds, each with patients of its own."""
    return [_noisy(seed) for seed in range(120)]


def test_noise_of_patients_is_in_no_index(runs: list[Indices]) -> None:
    """Over 120 sets of patients the mean numerator of a factor is that of the expected response, within 4 errors.

    With one set of all patients x3, which does nothing on average, would have 1/8 of the variance of x1.
    """
    true = np.array([1.0, 1.0 / 16.0, 0.0])
    for kind in ("first", "total"):
        numerators = np.stack([getattr(found, kind) * found.variance for found in runs])
        error = numerators.std(axis=0, ddof=1) / np.sqrt(len(runs))
        assert (np.abs(numerators.mean(axis=0) - true) < 4.0 * error).all()
        assert (error < 0.03).all()
    noise = np.array([found.noise for found in runs])
    assert abs(noise.mean() - 2.0 / 8.0) < 4.0 * noise.std(ddof=1) / np.sqrt(len(runs))


def test_errors_hold_the_patients_too(runs: list[Indices]) -> None:
    """The SD of total indices over 120 sets of patients is no more than one run says, nor less than a half of it.

    The bootstrap does not know that rows of a Sobol' sequence complete each other, and the jackknife of products of
    sets errs on the long side.
    """
    spread = np.stack([found.total for found in runs]).std(axis=0, ddof=1)
    said = np.sqrt(np.stack([found.total_se**2 for found in runs]).mean(axis=0))
    assert (said > 0.85 * spread).all()  # 2 errors of an SD from 120
    assert (said < 2.0 * spread).all()


def test_errors_of_mean_and_sd_hold_the_patients(runs: list[Indices]) -> None:
    """What each set adds at any rate moves the mean, its responses the SD: said within a factor of 2."""
    for name in ("mean", "sd"):
        spread = np.std([getattr(found, name) for found in runs], ddof=1)
        said = np.sqrt(np.mean([getattr(found, f"{name}_se") ** 2 for found in runs]))
        assert 0.85 * spread < said < 2.0 * spread


def test_what_does_not_vary_has_no_index() -> None:
    """Neither a number beyond 0, nor NaN."""
    found = sobol_indices(blocks_of(np.ones((8 * 5, 2)), 3))
    assert (found.first == 0.0).all()
    assert (found.total == 0.0).all()
