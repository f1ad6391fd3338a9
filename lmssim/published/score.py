"""The log score: how likely a prediction held what was observed, in natural logarithms; higher is better.

It is proper: nobody scores better on average than by the true distribution. Coverage forgives wide intervals, and a
mean error forgives false certainty; the log score forgives neither. Beside it stands the score of a reference that
knows nothing of the disease, so that their difference says what the model adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import special, stats

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

LEAST = -100.0
"""No score is lower: beyond it, the observation was impossible to the model."""
REFERENCE_MEDIAN, REFERENCE_SDLOG = 2.0, 1.2
"""Times of the reference: log-normal, 95% from 0.19 to 21 years."""
MEANING = (
    "Log score: natural logarithm of the probability that the prediction gives to the observed number of patients (for "
    "a time, of the density of its logarithm); higher is better. Reference: the score where all numbers are equally "
    f"likely (for a time, log-normal with median {REFERENCE_MEDIAN:g} years and SD {REFERENCE_SDLOG:g})."
)
"""What a table of scores says below it."""


class Score(NamedTuple):
    """Log score of a prediction and of the reference."""

    log_score: float
    log_score_reference: float


UNKNOWN = Score(np.nan, np.nan)


def log_score(log_density: FloatArray) -> float:
    """Log score of a prediction that is a mixture of simulated studies.

    Parameters
    ----------
    log_density : ndarray
        Log probability, or log density, of the observation in each simulated study, of any shape.

    Notes
    -----
    With f_i the probability or density in simulated study i of m,

        score = log( (1 / m) * sum_i f_i ),   at least `LEAST`
    """
    return max(float(special.logsumexp(log_density) - np.log(log_density.size)), LEAST)


def score_of_a_share(observed: float, share: FloatArray, size: int) -> Score:
    """Score of an observed share of patients: the probability of its count.

    Parameters
    ----------
    observed : float
        Share of patients with the event.
    share : ndarray(float, ndim=2)
        Probability of the event in each simulated study, (n_draws, n_replicates).
    size : int
        Patients of the study, net of censoring.

    Notes
    -----
    f_i is the binomial probability of y = round(observed * size) of `size` patients; over the simulated studies the
    count is therefore beta-binomial in shape. The reference takes every count as equally likely: -log(size + 1).
    """
    count = np.round(observed * size)
    own = np.asarray(stats.binom.logpmf(count, size, share))
    return Score(log_score(own), -float(np.log(size + 1)))


def score_of_a_time(observed: float, time: FloatArray, spread: FloatArray) -> Score:
    """Score of an observed median or mean time: the density of its logarithm.

    Parameters
    ----------
    observed : float
        Years.
    time : ndarray(float, ndim=2)
        Time in each simulated study before sampling error (years), (n_draws, n_replicates); infinite if never.
    spread : ndarray(float, ndim=2)
        SD of its logarithm by sampling, (n_draws, 1).

    Notes
    -----
    f_i is the normal density of log(observed) about log(time_i) with SD spread_i. The reference is normal about the
    logarithm of 2 years with SD 1.2.
    """
    if not 0.0 < observed < np.inf:
        return UNKNOWN
    with np.errstate(divide="ignore"):
        middle = np.log(time)
    own = stats.norm.logpdf(np.log(observed), middle, np.maximum(spread, 1e-9))
    reference = stats.norm.logpdf(np.log(observed), np.log(REFERENCE_MEDIAN), REFERENCE_SDLOG)
    return Score(log_score(np.where(np.isfinite(middle), own, -np.inf)), float(reference))
