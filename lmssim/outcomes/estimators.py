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
from scipy import special

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

Z975 = float(special.ndtri(0.975))
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
        low, high = interval(self.share, self.variance / n)
        return self._reaches_half(self.share), self._reaches_half(high), self._reaches_half(low)

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


def interval(share: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """95% interval of incidences on the scale log(-log(1 - share)); none at 0 and 1.

    Parameters
    ----------
    share, variance : ndarray(float, ndim=1)
        Incidences and the variances of their estimates.
    """
    inner = (share > 0.0) & (share < 1.0)
    survival = np.where(inner, 1.0 - share, 0.5)
    width = Z975 * np.sqrt(variance) / (survival * -np.log(survival))
    low, high = (1.0 - survival ** np.exp(sign * width) for sign in (-1.0, 1.0))
    return np.where(inner, low, share), np.where(inner, high, share)
