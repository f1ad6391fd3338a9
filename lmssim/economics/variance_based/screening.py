"""Morris' screening: how far the answer moves, on average, when one factor alone is drawn anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from lmssim.economics.variance_based.design import STEP, problem_of_steps

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

LEVEL = 0.95
Z975 = float(special.ndtri(0.975))


@dataclass(frozen=True)
class Screening:
    """Elementary effects of one outcome.

    Attributes
    ----------
    mu_star, mu_star_se : ndarray(float, ndim=1)
        (n_factors,): mean absolute effect of a step between two independent draws of the factor.
    mu, sigma : ndarray(float, ndim=1)
        (n_factors,): mean and standard deviation of the effects of steps upwards.
    patients : ndarray(float, ndim=1)
        (n_factors,): part of an effect that is noise of patients: its standard error, root mean square over steps.
    """

    mu_star: FloatArray
    mu_star_se: FloatArray
    mu: FloatArray
    sigma: FloatArray
    patients: FloatArray


def screened(steps: FloatArray, values: FloatArray, seed: int = 1) -> Screening:
    """Elementary effects of trajectories.

    Parameters
    ----------
    steps : ndarray(float, ndim=2)
        (n, n_factors), from `design.trajectories`.
    values : ndarray(float, ndim=2)
        (n, n_sets): evaluations by set of patients.

    Notes
    -----
    A linear model sum(b_i x_i) of independent normal x_i has mu_star = 2 / sqrt(pi) |b_i| sd_i = 1.13 |b_i| sd_i.

    References
    ----------
    Campolongo F, Cariboni J, Saltelli A. An effective screening design for sensitivity analysis of large models.
    Environ Model Softw 2007;22:1509-1518. doi:10.1016/j.envsoft.2006.10.004
    """
    from SALib.analyze import morris

    k = steps.shape[1]
    found = morris.analyze(
        problem_of_steps(k), steps, values.mean(axis=1), conf_level=LEVEL, num_levels=STEP, seed=seed
    )
    mu_star, conf, mu, sigma = (
        np.ma.filled(found[name], np.nan).astype(np.float64) for name in ("mu_star", "mu_star_conf", "mu", "sigma")
    )
    return Screening(mu_star, conf / Z975, mu, sigma, _noise(steps, values))


def _noise(steps: FloatArray, values: FloatArray) -> FloatArray:
    """Standard error of an effect by patients, (n_factors,); 0 where there is one set."""
    k, sets = steps.shape[1], values.shape[1]
    if sets == 1:
        return np.zeros(k)
    moved = np.diff(values.reshape(-1, k + 1, sets), axis=1)
    which = np.abs(np.diff(steps.reshape(-1, k + 1, k), axis=1)).argmax(axis=2)
    squared = moved.var(axis=2, ddof=1) / sets
    mean: FloatArray = np.bincount(which.ravel(), squared.ravel(), minlength=k) / len(moved)
    return np.sqrt(mean)
