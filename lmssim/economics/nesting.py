"""Nested simulation: draws of the parameters with patients of their own or shared ones, and two kinds of chance apart.

The mean of a draw holds the expectation given its parameters, which is what a probabilistic analysis asks for, and the
noise of the draw's patients. The variance between the means of draws is therefore too large by the noise, which the
patients within the draws tell. Here it is taken out: deviations of the draws from their mean are shrunk until their
variances and covariances are those of the expectations alone.

References
----------
O'Hagan A, Stevenson M, Madan J. Monte Carlo probabilistic sensitivity analysis for patient level simulation models:
efficient estimation of mean and variance using ANOVA. Health Econ 16:1009-1023, 2007. doi:10.1002/hec.1199
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

INTERVAL = (0.025, 0.975)
"""Quantiles of a 95% credible interval."""
RANK = 1e-12
"""Share of the largest variance below which a direction counts as none."""


class Credible(NamedTuple):
    """A mean over draws: its Monte-Carlo error, and the interval of the expectation given the parameters."""

    mean: float
    se: float
    low: float
    high: float
    noise: float
    """Share of the variance between the means of draws that is noise of patients, and was taken out; 1 at most."""


def summarised(values: FloatArray, noise: float = 0.0, shared: float = 0.0, bound: float = 0.0) -> Credible:
    """Mean of the means of draws, with its error and 95% credible interval.

    Parameters
    ----------
    values : ndarray(float, ndim=1)
        (n_draws,): mean over the patients of each draw.
    noise : float
        Variance of `values` that patients give them beyond what all draws share.
    shared : float
        Variance of an error that all draws share, from shared patients; it does not fall with the number of draws.
    bound : float
        How far the mean may be off other than by chance.

    Notes
    -----
    The error is sqrt(v / n_draws + shared + bound^2), with v the variance between draws, noise included. The interval
    holds the quantiles of the draws after their deviations from the mean were multiplied by sqrt(1 - noise / v).
    """
    mean, total = float(values.mean()), variance_of(values)
    share = min(max(noise / total, 0.0), 1.0) if total > 0.0 else 0.0
    low, high = np.quantile(mean + np.sqrt(1.0 - share) * (values - mean), INTERVAL)
    return Credible(mean, standard_error(values, shared, bound), float(low), float(high), share)


def variance_of(values: FloatArray) -> float:
    """Variance between draws; NaN of a single one, and 0 if they differ by rounding alone."""
    if len(values) < 2:
        return float("nan")
    if np.ptp(values) <= RANK * float(np.abs(values).max()):
        return 0.0
    return float(values.var(ddof=1))


def standard_error(values: FloatArray, shared: float = 0.0, bound: float = 0.0) -> float:
    """Monte-Carlo error of the mean over draws (`summarised`)."""
    return float(np.sqrt(variance_of(values) / len(values) + max(shared, 0.0) + bound**2))


def without_noise(values: FloatArray, noise: FloatArray) -> FloatArray:
    """Means of draws of several outcomes, with the noise of their patients taken out.

    Parameters
    ----------
    values : ndarray(float, ndim=2)
        (n_draws, n_outcomes): mean over the patients of each draw.
    noise : ndarray(float, ndim=2)
        (n_outcomes, n_outcomes): covariance that patients give the rows of `values`, averaged over draws.

    Returns
    -------
    ndarray(float, ndim=2)
        As `values`: the same means over draws; covariances less `noise`.

    Notes
    -----
    With T the covariance between draws and N the noise, directions V are taken in which V'TV = I and V'(T - N)V is
    diagonal; the deviations along each are multiplied by the square root of its entry, or by 0 where the noise is all
    that there is. Any linear combination of the outcomes, a net benefit say, then has the variance of its expectation,
    in whatever units the outcomes are.
    """
    if not noise.any() or len(values) < 2:
        return values
    mean = values.mean(axis=0)
    size = values.std(axis=0, ddof=1)
    size = np.where(size > 0.0, size, 1.0)  # what no draw changes has no direction, whatever its noise
    beyond = (values - mean) / size
    with threadpool_limits(limits=1):
        weights, directions = np.linalg.eigh(beyond.T @ beyond / (len(values) - 1))
        kept = weights > RANK * weights[-1]
        into = directions[:, kept] / np.sqrt(weights[kept])
        back = (directions[:, kept] * np.sqrt(weights[kept])).T
        left, axes = np.linalg.eigh(np.eye(int(kept.sum())) - into.T @ (noise / size[:, None] / size) @ into)
        shrunk = (axes * np.sqrt(np.clip(left, 0.0, 1.0))) @ axes.T
        found: FloatArray = mean + (beyond @ (into @ shrunk @ back)) * size
    return found
