"""How outcomes are spread over patients: quantiles, shares, and how few patients bring how much of a gain.

Patients come in groups (draws, or batches) that are independent of one another, from which errors are told.

References
----------
Woodruff RS. Confidence intervals for medians and other position measures. J Am Stat Assoc 47:635-646, 1952.
doi:10.1080/01621459.1952.10483443
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics.increments import Estimate, draw_estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray

PARTS = 16
"""Parts of the groups that the jackknife leaves out, one at a time."""


class Concentration(NamedTuple):
    """How few patients bring how much of the gains, losses left aside."""

    half_from: float
    """Share of all patients who bring half of all that is gained."""
    from_tenth: float
    """Share of all gains that the tenth of patients who gain most have."""


def mean_of(values: FloatArray) -> Estimate:
    """Mean and standard error.

    Parameters
    ----------
    values : ndarray(float, ndim=2)
        (n_groups, n_patients of each).
    """
    return draw_estimate(np.full(len(values), float(values.shape[1])), values.mean(axis=1))


def quantile_of(values: FloatArray, p: float) -> Estimate:
    """Quantile and standard error, from the error of the share below it (Woodruff)."""
    ordered = np.sort(values, axis=None)
    here = float(np.quantile(ordered, p))
    off = mean_of((values <= here).astype(np.float64)).se
    low, high = np.quantile(ordered, np.clip([p - off, p + off], 0.0, 1.0))
    return Estimate(here, float(high - low) / 2.0)


def share_of(met: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Estimate:
    """Share of patients, (n_groups, n_patients), and standard error."""
    return mean_of(met.astype(np.float64))


def concentration(gains: FloatArray) -> Concentration:
    """How few patients bring how much of the gains; NaN if nobody gains."""
    gained = np.sort(np.maximum(gains, 0.0), axis=None)[::-1]
    total = gained.sum()
    if not total > 0.0:
        return Concentration(float("nan"), float("nan"))
    sums = gained.cumsum() / total
    at = np.arange(1, len(sums) + 1) / len(sums)
    half = float(np.interp(0.5, np.concatenate(([0.0], sums)), np.concatenate(([0.0], at))))
    tenth = float(np.interp(0.1, np.concatenate(([0.0], at)), np.concatenate(([0.0], sums))))
    return Concentration(half, tenth)


def concentration_curve(gains: FloatArray, shares: FloatArray) -> FloatArray:
    """Share of all gains that so large a share of the patients has, those who gain most first."""
    gained = np.sort(np.maximum(gains, 0.0), axis=None)[::-1]
    total = gained.sum()
    sums = np.concatenate(([0.0], gained.cumsum() / total if total > 0.0 else gained))
    found: FloatArray = np.interp(shares, np.linspace(0.0, 1.0, len(sums)), sums)
    return found


def jackknife(function: Callable[[FloatArray], tuple[float, ...]], values: FloatArray) -> tuple[Estimate, ...]:
    """Values of a function of all patients, and their standard errors from leaving out parts of the groups."""
    whole = function(values)
    n = min(PARTS, len(values))
    parts = np.arange(len(values)) * n // len(values)
    left = np.array([function(values[parts != k]) for k in range(n)])
    error = np.sqrt((n - 1) / n * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    return tuple(Estimate(value, float(se)) for value, se in zip(whole, error, strict=True))
