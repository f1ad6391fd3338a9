"""Estimators of time-to-event studies from individual times: what a paper would have computed from these patients.

Each carries its variance per patient, so that the interval of a study of any size is known.

References
----------
Marubini E, Valsecchi MG. Analysing Survival Data from Clinical Trials and Observational Studies. Wiley, 1995.
Brookmeyer R, Crowley J. A confidence interval for the median survival time. Biometrics 38:29-41, 1982.
doi:10.2307/2530286
Mantel N. Evaluation of survival data and two new rank order statistics arising in its consideration. Cancer Chemother
Rep 50:163-170, 1966.
Cox DR. Regression models and life-tables. J R Stat Soc B 34:187-220, 1972. doi:10.1111/j.2517-6161.1972.tb00899.x
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
NEWTON = 12
"""Iterations of a hazard ratio."""


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


@dataclass(frozen=True)
class RestrictedMean:
    """Mean time without the event up to a horizon (years).

    Attributes
    ----------
    mean : float
        Area under the Kaplan-Meier curve up to the horizon.
    variance : float
        Its variance times the number of patients.
    slope : float
        Change of the log of the mean by a unit of the log hazard, which is negative; 0 without events.
    """

    mean: float
    variance: float
    slope: float


def restricted_mean(event: FloatArray, censoring: FloatArray, horizon: float) -> RestrictedMean:
    """Restricted mean survival time from individual times.

    Parameters
    ----------
    event, censoring : ndarray(float, ndim=1)
        Time of each by patient (years), infinite if never; of ties the event goes first.
    horizon : float
        Years.

    Notes
    -----
    With S the Kaplan-Meier curve, A(t) the area under it from t to the horizon, and d events among Y at risk,

        mean = A(0),   var = sum A(t)^2 d / (Y (Y - d)),   d log mean / d log hazard = integral of S log S / mean,

    the variance being that of min(T, horizon) over n without censoring.
    """
    stop = np.minimum(event, censoring)
    seen = (event == stop) & (event <= horizon)
    times, d = np.unique(stop[seen], return_counts=True)
    y = (len(stop) - np.searchsorted(np.sort(stop), times, side="left")).astype(np.float64)
    survival = np.concatenate([[1.0], np.cumprod(1.0 - d / y)])
    widths = np.diff(np.concatenate([[0.0], times, [horizon]]))
    areas = survival * widths
    rest = areas[1:][::-1].cumsum()[::-1]  # the area from each event to the horizon
    left = np.where(y > d, y - d, np.inf)  # who leave last leave nothing to be uncertain of
    mean = float(areas.sum())
    steeper = float((areas * np.log(np.where(survival > 0.0, survival, 1.0))).sum())
    return RestrictedMean(mean, float(len(stop) * (rest**2 * d / (y * left)).sum()), steeper / mean if mean else 0.0)


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
    low, high = (binomial_quantile(q, effective, share) / effective for q in (0.025, 0.975))
    return low, high


def binomial_quantile(q: float, n: int, share: float) -> float:
    """Least count that a binomial of `n` trials does not exceed with probability `q`.

    As `scipy.stats.binom.ppf`, without the half a second that it takes to load `scipy.stats`.
    """
    if n == 0 or not 0.0 < share < 1.0:
        return float(n if share >= 1.0 else 0)
    count = np.ceil(special.bdtrik(q, n, share))
    below = max(count - 1.0, 0.0)
    return float(below if special.bdtr(below, n, share) >= q else count)


# === Two arms compared ===


@dataclass(frozen=True)
class RiskSets:
    """Who is at risk at each event of some studies, (n_studies, n_patients) in order of time; 0 events where censored.

    Attributes
    ----------
    events : ndarray(float, ndim=2)
        1 at an event, else 0.
    in_arm : ndarray(float, ndim=2)
        Whether the patient is in the arm.
    at_risk, of_arm : ndarray(float, ndim=2)
        Patients at risk then, and how many of these are in the arm.
    tied : ndarray(float, ndim=2)
        Events at the same time.
    """

    events: FloatArray
    in_arm: FloatArray
    at_risk: FloatArray
    of_arm: FloatArray
    tied: FloatArray


def risk_sets(time: FloatArray, event: np.ndarray, arm: np.ndarray) -> RiskSets:
    """Risk sets of studies of the same size.

    Parameters
    ----------
    time : ndarray(float, ndim=2)
        End of each patient's observation (years), (n_studies, n_patients); of ties the event goes first.
    event, arm : ndarray(bool, ndim=2)
        Whether it is the event, and whether the patient is in the arm.
    """
    order = np.argsort(time, axis=1, kind="stable")
    t, e, g = (np.take_along_axis(x, order, axis=1) for x in (time, event.astype(float), arm.astype(float)))
    n = t.shape[1]
    place = np.broadcast_to(np.arange(n), t.shape)
    new = np.concatenate([np.ones((len(t), 1), dtype=bool), t[:, 1:] != t[:, :-1]], axis=1)
    start = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    last = np.concatenate([new[:, 1:], np.ones((len(t), 1), dtype=bool)], axis=1)
    stop = np.minimum.accumulate(np.where(last, place, n)[:, ::-1], axis=1)[:, ::-1]
    later = np.cumsum(g[:, ::-1], axis=1)[:, ::-1]
    up_to = np.concatenate([np.zeros((len(t), 1)), np.cumsum(e, axis=1)], axis=1)
    tied = np.take_along_axis(up_to, stop + 1, axis=1) - np.take_along_axis(up_to, start, axis=1)
    return RiskSets(e, g, (n - start).astype(np.float64), np.take_along_axis(later, start, axis=1), tied)


def logrank(sets: RiskSets) -> FloatArray:
    """P-values of the log-rank test of the arm against the others, (n_studies,); 1 without events to compare.

    Notes
    -----
    With d events at a time among Y at risk, Y1 of them in the arm, the arm's events d1 have the mean d Y1 / Y and
    the variance d (Y1 / Y) (1 - Y1 / Y) (Y - d) / (Y - 1), both summed over times.
    """
    share = sets.of_arm / sets.at_risk
    excess = (sets.events * (sets.in_arm - share)).sum(axis=1)
    left = (sets.at_risk - sets.tied) / np.maximum(sets.at_risk - 1.0, 1.0)
    variance = (sets.events * share * (1.0 - share) * left).sum(axis=1)
    z = np.divide(excess, np.sqrt(variance), out=np.zeros(len(excess)), where=variance > 0.0)
    p: FloatArray = 2.0 * special.ndtr(-np.abs(z))
    return p


def hazard_ratio(sets: RiskSets) -> FloatArray:
    """Cox's hazard ratio of the arm against the others, ties as Breslow has them, (n_studies,); NaN without events.

    Notes
    -----
    Newton's iterations of the partial likelihood, whose score at 0 is the log-rank excess.
    """
    beta = np.zeros(len(sets.events))
    for _ in range(NEWTON):
        weight = sets.of_arm * np.exp(beta)[:, None]
        share = weight / (weight + sets.at_risk - sets.of_arm)
        score = (sets.events * (sets.in_arm - share)).sum(axis=1)
        information = (sets.events * share * (1.0 - share)).sum(axis=1)
        step = np.divide(score, information, out=np.full(len(score), np.nan), where=information > 0.0)
        beta += np.clip(step, -1.0, 1.0)
    return np.exp(beta)
