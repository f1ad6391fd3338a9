"""Long studies, at the size that would show a small bias; the suite samples the same laws at a smaller one."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import COST_UNDISCOUNTED, LY_UNDISCOUNTED
from tests.kit.scenarios import bundled_program

# undiscounted life years by quadrature, six digits (tests/verification/test_illness_death.py derives them)
LIFE_YEARS = np.array([6.48779, 7.71073])


def z_scores(n_patients: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Distance of simulated life years from the exact ones, in standard errors."""
    estimates = simulate(bundled_program("illness_death"), Sampling(n_patients=n_patients, seed=seed, jobs=2))
    error = estimates.standard_error()[0, :, LY_UNDISCOUNTED]
    difference: np.ndarray[tuple[int], np.dtype[np.float64]] = estimates.mean[0, :, LY_UNDISCOUNTED] - LIFE_YEARS
    assert np.isfinite(estimates.mean[0, :, COST_UNDISCOUNTED]).all()
    return difference / error


@pytest.mark.study
def test_life_years_are_exact_at_ten_million_patients() -> None:
    """Within 3.5 standard errors, which are 0.002 years."""
    assert np.abs(z_scores(10_000_000, seed=11)).max() < 3.5


def test_life_years_sampled() -> None:
    """The same at 50,000 patients."""
    assert np.abs(z_scores(50_000, seed=12)).max() < 3.5
