"""Expected value of sample information, and what a study of each size is worth beyond its cost.

One data set is simulated for each draw; net benefits are regressed on its summaries as on parameters
(`lmssim.economics.voi.partial`), which is what the study's data would tell.

References
----------
Strong M, Oakley JE, Brennan A, Breeze P. Estimating the expected value of sample information using the probabilistic
sensitivity analysis sample: a fast, nonparametric regression-based method. Med Decis Making 35:570-583, 2015.
doi:10.1177/0272989X15575286
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from lmssim.economics.voi.moments import moment_matching
from lmssim.economics.voi.partial import partial_information

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.economics.voi.evidence.kind import Evidence
    from lmssim.economics.voi.partial import Gains, PartialInformation
    from lmssim.kernels import FloatArray

FINE = 4_000
"""Sizes at most at which the net benefit of sampling is looked at."""


class SampleInformation(NamedTuple):
    """Value of studies of several sizes."""

    sizes: Sequence[int]
    found: list[PartialInformation]
    """By regression, one of each size."""
    matched: FloatArray
    """By moment matching, (n_sizes,); NaN where it tells nothing."""

    @property
    def evsi(self) -> FloatArray:
        """By regression, (n_sizes,)."""
        return np.array([each.evppi for each in self.found])

    @property
    def replicates(self) -> FloatArray:
        """The same as it varies by chance, (n_sizes, n_replicates)."""
        return np.array([each.replicates for each in self.found])


def sample_information(
    evidence: Sequence[Evidence], sizes: Sequence[int], gain: Gains, fitted: FloatArray, seed: int = 1
) -> SampleInformation:
    """Value of a study of each size.

    Parameters
    ----------
    evidence : sequence of Evidence
        What the study observes, all of it together.
    sizes : sequence of int
        Patients, ascending.
    gain : Gains
        Of the draws.
    fitted : ndarray(float, ndim=2)
        (n_draws, n_strategies): expected gains given the study's parameters, for moment matching.
    """
    rngs = [np.random.Generator(np.random.Philox(key=[seed, k + 1])) for k in range(len(evidence))]
    data = [each.collect(sizes, rng) for each, rng in zip(evidence, rngs, strict=True)]
    found = []
    for k in range(len(sizes)):
        columns = [each.summaries(sets[k]) for each, sets in zip(evidence, data, strict=True)]
        found.append(partial_information(np.hstack(columns), gain))

    def log_likelihood(k: int, draw: int) -> FloatArray:
        total: FloatArray = np.zeros(len(fitted))
        for each, sets in zip(evidence, data, strict=True):
            total = total + each.log_likelihood(sets[k][draw])
        return total

    return SampleInformation(list(sizes), found, moment_matching(fitted, sizes, log_likelihood))


class Optimum(NamedTuple):
    """The size of the greatest expected net benefit of sampling."""

    size: int
    enbs: float
    se: float
    low: int
    high: int
    """95% interval of the size, by chance in the draws."""


def between(sizes: Sequence[int], values: FloatArray, asked: FloatArray) -> FloatArray:
    """Values between sizes, monotone where they are, in the logarithm of the size.

    Parameters
    ----------
    values : ndarray(float)
        (n_sizes, ...).
    """
    if len(sizes) == 1:
        return np.repeat(values, len(asked), axis=0)
    curve: FloatArray = PchipInterpolator(np.log(np.asarray(sizes, dtype=np.float64)), values, axis=0)(np.log(asked))
    return curve


def optimum(
    sample: SampleInformation,
    patients: Callable[[float], float],
    cost: Callable[[float], float],
    most: float = math.inf,
) -> Optimum:
    """The best size between the least and the greatest.

    Parameters
    ----------
    patients : callable
        Discounted patients who profit from a study of a size.
    cost : callable
        Its cost.
    most : float
        Size beyond which none is looked at, not below the least.
    """
    first, last = sample.sizes[0], math.floor(min(sample.sizes[-1], most))
    asked = np.unique(np.linspace(first, last, min(FINE, last - first + 1)).round())
    people = np.array([patients(size) for size in asked.tolist()])
    costs = np.array([cost(size) for size in asked.tolist()])
    net = people * between(sample.sizes, sample.evsi, asked) - costs
    chance = people[:, None] * between(sample.sizes, sample.replicates, asked) - costs[:, None]
    k = int(np.argmax(net))
    low, high = np.quantile(asked[chance.argmax(axis=0)], (0.025, 0.975), method="nearest")
    return Optimum(int(asked[k]), float(net[k]), float(chance[k].std(ddof=1)), int(low), int(high))
