"""Survival from times of which some are censored: the product-limit estimate (Kaplan-Meier).

The simulated patients are many, so their estimate stands for the model's survival; what a study of n patients would
find spreads about it by the variance of Greenwood, scaled to n.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

Z95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class ProductLimit:
    """Survival just after each time of an event.

    Attributes
    ----------
    times : ndarray(float, ndim=1)
        Distinct times of events, ascending (years).
    survival : ndarray(float, ndim=1)
        S(t) = product over times u <= t of 1 - d(u) / r(u), of d events among r at risk.
    variance : ndarray(float, ndim=1)
        Greenwood: S(t)^2 x sum over u <= t of d / (r (r - d)), times the number of patients.
    """

    times: FloatArray
    survival: FloatArray
    variance: FloatArray

    def at(self, time: float) -> float:
        """Survival at a time."""
        k = int(np.searchsorted(self.times, time, side="right")) - 1
        return float(self.survival[k]) if k >= 0 else 1.0

    def quantile(self, survival: float) -> float:
        """First time at which survival is down to a value; infinite if it never is."""
        below = np.flatnonzero(self.survival <= survival)
        return float(self.times[below[0]]) if below.size else float("inf")

    def effective_n(self, time: float, n: int) -> float:
        """Patients without censoring who would give survival at a time the precision of a study of n.

        Notes
        -----
        Peto's effective number, S (1 - S) / Var(S): n itself where nobody is censored.
        """
        k = int(np.searchsorted(self.times, time, side="right")) - 1
        if k < 0 or not self.variance[k] > 0.0:
            return float(n)
        s = self.survival[k]
        return float(max(n * s * (1.0 - s) / self.variance[k], 1.0))

    def study_survival(self, time: float, n: int) -> tuple[float, float]:
        """95% interval of the survival at a time that a study of n patients would find."""
        s, effective = self.at(time), max(round(self.effective_n(time, n)), 1)
        low, high = (float(stats.binom.ppf(q, effective, s)) / effective for q in (0.025, 0.975))
        return low, high

    def study_median(self, n: int) -> tuple[float, float]:
        """95% interval of the median that a study of n patients would find; infinite where it is not reached."""
        median = self.quantile(0.5)
        spread = Z95 * 0.5 / np.sqrt(self.effective_n(min(median, self.times[-1]), n)) if self.times.size else 0.5
        return self.quantile(0.5 + spread), self.quantile(0.5 - spread)


def product_limit(times: FloatArray, happened: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> ProductLimit:
    """Product-limit estimate; of equal times events come before censoring.

    Parameters
    ----------
    times : ndarray(float, ndim=1)
        Years to the event or to censoring, finite.
    happened : ndarray(bool, ndim=1)
        Whether the event happened then.
    """
    at, counts = np.unique(times[happened], return_counts=True)
    at_risk = len(times) - np.searchsorted(np.sort(times), at, side="left")
    d, r = counts.astype(np.float64), at_risk.astype(np.float64)
    survival: FloatArray = np.cumprod(1.0 - d / r).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(d / (r * (r - d)))
        variance = np.where(survival > 0.0, survival**2 * greenwood * len(times), 0.0)
    return ProductLimit(at, survival, variance.astype(np.float64))
