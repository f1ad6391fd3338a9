"""Estimators of time-to-event studies from individual times: what a paper would have computed from these patients.

Each carries its variance per patient, so that the interval of a study of any size is known.

References
----------
Marubini E, Valsecchi MG. Analysing Survival Data from Clinical Trials and Observational Studies. Wiley, 1995.
Brookmeyer R, Crowley J. A confidence interval for the median survival time. Biometrics 38:29-41, 1982.
doi:10.2307/2530286
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

Z975 = float(stats.norm.ppf(0.975))
"""Standard normal quantile of a 95% interval's end."""


@dataclass(frozen=True)
class Incidence:
    """Cumulative incidence, a step function.

    Attributes
    ----------
    times : ndarray(float, ndim=1)
        Times of its steps (years), ascending; (n_times,).
    share : ndarray(float, ndim=1)
        Incidence from each of them on.
    variance : ndarray(float, ndim=1)
        Variance of `share` times the number of patients.
    """

    times: FloatArray
    share: FloatArray
    variance: FloatArray

    def at(self, time: float) -> tuple[float, float]:
        """Incidence and its variance per patient at a time."""
        k = int(np.searchsorted(self.times, time, side="right")) - 1
        return (float(self.share[k]), float(self.variance[k])) if k >= 0 else (0.0, 0.0)

    def median(self, n: int) -> tuple[float, float, float]:
        """First time when half have had the event, and the interval of it in a study of `n`; infinite if never."""
        width = Z975 * np.sqrt(self.variance / n)
        shares = (self.share, self.share + width, self.share - width)
        median, low, high = (self._reaches_half(share) for share in shares)
        return median, low, high

    def _reaches_half(self, share: FloatArray) -> float:
        reached = np.flatnonzero(share >= 0.5)
        return float(self.times[reached[0]]) if len(reached) else np.inf


def incidence(event: FloatArray, competing: FloatArray, censoring: FloatArray) -> Incidence:
    """Aalen-Johansen estimate of the cumulative incidence; without competing events, 1 - Kaplan-Meier.

    Parameters
    ----------
    event, competing, censoring : ndarray(float, ndim=1)
        Time of each by patient (years), infinite if never; of ties the event goes first, censoring last.

    Notes
    -----
    With Y at risk, d events of any cause, d1 of interest and S the share without either, F(t) = sum S(s-) d1 / Y and

        var F(t) = sum (F(t) - F(s))^2 d / (Y (Y - d)) + S(s-)^2 (Y - d1) d1 / Y^3 - 2 (F(t) - F(s)) S(s-) d1 / Y^2,

    which is Greenwood's formula without competing events, and F (1 - F) / n without censoring.
    """
    stop = np.minimum(np.minimum(event, competing), censoring)
    first = (event == stop) & np.isfinite(event)
    seen = first | ((competing == stop) & np.isfinite(competing))
    times, which = np.unique(stop[seen], return_inverse=True)
    d = np.bincount(which, minlength=len(times)).astype(np.float64)
    d1 = np.bincount(which, weights=first[seen], minlength=len(times))
    y = (len(stop) - np.searchsorted(np.sort(stop), times, side="left")).astype(np.float64)
    before = np.concatenate([[1.0], np.cumprod(1.0 - d / y)])[:-1]
    f = np.cumsum(before * d1 / y)
    left = np.where(y > d, y - d, np.inf)  # who leave last leave nothing to be uncertain of
    a, c = d / (y * left), before * d1 / y**2
    spread = f**2 * np.cumsum(a) - 2.0 * f * np.cumsum(f * a) + np.cumsum(f**2 * a)
    own = np.cumsum(before**2 * (y - d1) * d1 / y**3)
    shared = f * np.cumsum(c) - np.cumsum(f * c)
    return Incidence(times, f, len(stop) * np.maximum(spread + own - 2.0 * shared, 0.0))


def study_interval(share: float, variance: float, n: int) -> tuple[float, float]:
    """95% interval of an incidence in a study of `n` patients: binomial, of as many patients as have its variance.

    Parameters
    ----------
    share, variance : float
        Incidence and its variance per patient (`Incidence.at`).
    """
    if not (0.0 < share < 1.0 and variance > 0.0):
        return share, share
    effective = max(round(n * share * (1.0 - share) / variance), 1)
    low, high = (float(stats.binom.ppf(q, effective, share)) / effective for q in (0.025, 0.975))
    return low, high
