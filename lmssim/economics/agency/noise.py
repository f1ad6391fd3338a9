"""What chance of the patients puts the means of draws off by, how many patients make it small, and probabilities.

The variance between the means of draws is that of the expectations given the parameters, which is wanted, plus that
which the draws' patients give them. Taking the second out by drawing the means together leaves a distribution of the
right variance; its shape is right as far as the second was small beside the first, so that more patients are followed
until it is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics.increments import Estimate
from lmssim.economics.nesting import variance_of

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

SMALL = 0.05
"""Share of the variance between draws that chance of the patients has at most, where patients enough are followed.

The skewness of what is left is then 0.95^1.5 = 93% of that of the expectations. One of 0.5 puts the ends of a 95%
interval off by 0.02 standard deviations (Cornish-Fisher), a fifth of the error that 1,000 draws give them."""


class Noise(NamedTuple):
    """What patients put the means of draws off by."""

    variance: float
    """Of a draw's mean by its patients, on average over draws."""
    share: float
    """Of the variance between the means of draws; 1 at most, 0 if there is no variance."""


def noise_of(by_set: FloatArray, sizes: FloatArray) -> Noise:
    """Noise of the means of draws, from the distance of the two sets of patients of each.

    Parameters
    ----------
    by_set, sizes : ndarray(float, ndim=2)
        (n_draws, 2): mean of each set of a draw's patients, and how many they are.

    Notes
    -----
    With n and m the sizes, the difference of both means has the variance v (1 / n + 1 / m), and the mean of all
    v / (n + m), which is n m / (n + m)^2 times as much.
    """
    first, second = sizes.T
    parts = first * second / (first + second) ** 2
    variance = float(((by_set[:, 0] - by_set[:, 1]) ** 2 * parts).mean())
    total = variance_of((by_set * sizes).sum(axis=1) / sizes.sum(axis=1))
    return Noise(variance, min(variance / total, 1.0) if total > 0.0 else 0.0)


def enough(by_set: FloatArray, sizes: FloatArray, share: float = SMALL) -> int:
    """Patients in all whose chance would have about a share of the variance between draws.

    Returns
    -------
    int
        0 if draws and patients do not differ; as many as can be counted if draws differ by chance alone.
    """
    noise, n = noise_of(by_set, sizes), sizes.sum()
    if noise.variance == 0.0:
        return 0
    if noise.share >= 1.0:
        return int(np.iinfo(np.int64).max)
    known = noise.variance * (1.0 / noise.share - 1.0)
    return min(math.ceil(float(n * noise.variance / known * (1.0 - share) / share)), int(np.iinfo(np.int64).max))


def probability_of(met: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Estimate:
    """Share of draws and its standard error; of none or all of n draws 1 / n, as of one or of all but one."""
    n, p = len(met), float(met.mean())
    return Estimate(p, max(math.sqrt(p * (1.0 - p) / n), 1.0 / n))
