"""Morris' screening: how far the answer moves, on average, when one factor alone is drawn anew.

All evaluations of a simulated model have the same patients. How strongly these patients happen to respond to a factor
is in every one of its effects, so that the spread of effects between trajectories does not show it; it is estimated by
leaving out one set of patients after another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

FEWEST_SETS = 3
"""Sets of patients from which their chance is told, at least."""


@dataclass(frozen=True)
class Screening:
    """Elementary effects of one outcome.

    Attributes
    ----------
    mu_star, mu_star_se : ndarray(float, ndim=1)
        (n_factors,): mean absolute effect of a step between two independent draws of the factor.
    mu, mu_se, sigma, sigma_se : ndarray(float, ndim=1)
        (n_factors,): mean and standard deviation of the effects of steps upwards.
    reach : ndarray(float, ndim=1)
        (n_factors,): errors of mu_star to either end of its 95% interval.
    patients : ndarray(float, ndim=1)
        (n_factors,): part of an effect that is noise of patients: its standard error, root mean square over steps.

    Notes
    -----
    Standard errors hold the chance of the trajectories and that of the patients.
    """

    mu_star: FloatArray
    mu_star_se: FloatArray
    mu: FloatArray
    mu_se: FloatArray
    sigma: FloatArray
    sigma_se: FloatArray
    reach: FloatArray
    patients: FloatArray


def screened(steps: FloatArray, values: FloatArray) -> Screening:
    """Elementary effects of trajectories.

    Parameters
    ----------
    steps : ndarray(float, ndim=2)
        (n, n_factors), from `design.trajectories`, of two trajectories or more.
    values : ndarray(float, ndim=2)
        (n, n_sets): evaluations by set of patients.

    Notes
    -----
    A linear model sum(b_i x_i) of independent normal x_i has mu_star = 2 / sqrt(pi) |b_i| sd_i = 1.13 |b_i| sd_i.

    The variance of each statistic is its sampling variance over trajectories with these patients, plus the jackknife
    variance over sets of patients with these trajectories. Few sets tell a variance badly: the interval of mu_star is
    that of Student's t with the degrees of freedom of Satterthwaite's approximation.

    References
    ----------
    Campolongo F, Cariboni J, Saltelli A. An effective screening design for sensitivity analysis of large models.
    Environ Model Softw 2007;22:1509-1518. doi:10.1016/j.envsoft.2006.10.004
    Satterthwaite FE. An approximate distribution of estimates of variance components. Biometrics Bulletin
    1946;2:110-114. doi:10.2307/3002019
    """
    by_set = _effects(steps, values)
    effects = by_set.mean(axis=2)
    found = _statistics(effects)
    trajectories, patients = _by_trajectories(effects), _by_patients(by_set)
    mu_star_se, mu_se, sigma_se = np.sqrt(trajectories + patients)
    reach = _reach(trajectories[0], patients[0], len(effects), by_set.shape[2])
    return Screening(found[0], mu_star_se, found[1], mu_se, found[2], sigma_se, reach, _noise(by_set))


def _effects(steps: FloatArray, values: FloatArray) -> FloatArray:
    """Effects of steps upwards, (n_trajectories, n_factors, n_sets)."""
    k, sets = steps.shape[1], values.shape[1]
    moved = np.diff(values.reshape(-1, k + 1, sets), axis=1)
    turned = np.diff(steps.reshape(-1, k + 1, k), axis=1)
    found = np.empty_like(moved)
    which = np.abs(turned).argmax(axis=2)
    np.put_along_axis(found, which[..., None], moved * turned.sum(axis=2)[..., None], axis=1)
    return found


def _statistics(effects: FloatArray) -> FloatArray:
    """Mu_star, mu and sigma, (3, n_factors), of effects by trajectory."""
    return np.stack([np.abs(effects).mean(axis=0), effects.mean(axis=0), effects.std(axis=0, ddof=1)])


def _by_trajectories(effects: FloatArray) -> FloatArray:
    """Variances of the statistics over trajectories, (3, n_factors); that of sigma is linearised."""
    n = len(effects)
    off, sigma = (effects - effects.mean(axis=0)) ** 2, effects.std(axis=0, ddof=1)
    of_sigma = off.var(axis=0, ddof=1) / (4.0 * np.where(sigma > 0.0, sigma, 1.0) ** 2)
    of_means = np.abs(effects).var(axis=0, ddof=1), effects.var(axis=0, ddof=1)
    found: FloatArray = np.stack([*of_means, of_sigma]) / n
    return found


def _by_patients(by_set: FloatArray) -> FloatArray:
    """Jackknife variances of the statistics over sets of patients, (3, n_factors); 0 where there are too few."""
    sets = by_set.shape[2]
    if sets < FEWEST_SETS:
        return np.zeros((3, by_set.shape[1]))
    whole = by_set.sum(axis=2)
    left = np.stack([_statistics((whole - by_set[..., s]) / (sets - 1)) for s in range(sets)])
    found: FloatArray = (sets - 1) * left.var(axis=0)
    return found


def _reach(trajectories: FloatArray, patients: FloatArray, n: int, sets: int) -> FloatArray:
    """Quantile 0.975 of Student's t for the sum of two estimated variances; of the normal one where both are 0."""
    parts = trajectories**2 / (n - 1) + patients**2 / max(sets - 1, 1)
    known = parts > 0.0
    freedom = (trajectories + patients) ** 2 / np.where(known, parts, 1.0)
    found: FloatArray = np.where(known, special.stdtrit(np.where(known, freedom, 1.0), 0.975), special.ndtri(0.975))
    return found


def _noise(by_set: FloatArray) -> FloatArray:
    """Standard error of an effect by patients, (n_factors,); 0 where there is one set."""
    sets = by_set.shape[2]
    if sets == 1:
        return np.zeros(by_set.shape[1])
    found: FloatArray = np.sqrt(by_set.var(axis=2, ddof=1).mean(axis=0) / sets)
    return found
