"""Difference of restricted mean survival times, and of survival at a milestone.

References
----------
Royston P, Parmar MKB. Restricted mean survival time: an alternative to the hazard ratio. BMC Med Res Methodol 13:152,
2013. doi:10.1186/1471-2288-13-152
Klein JP et al. Analyzing survival curves at a fixed point in time. Stat Med 26:4505-4519, 2007. doi:10.1002/sim.2864
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, exact
from lmssim.kernels.trials import survival as kernel
from lmssim.trials.tests.comparison import Comparison, ratio, upper_tail
from lmssim.trials.tests.registry import named

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.trials.tests.data import TrialData

RMST_DIFFERENCE, SURVIVAL_DIFFERENCE = "difference of restricted means", "difference of survival"
CLOGLOG_DIFFERENCE = "difference of log(-log(survival))"


def arms_at(data: TrialData, at: FloatArray, cause: int = 0) -> FloatArray:
    """Both arms at a time of each trial, (n_trials, 2, 6): survival, restricted mean, variances, deaths, follow-up.

    Beyond an arm's last observation its curve keeps its last value.
    """
    out = np.empty((len(data), 2, kernel.N_KEPT))
    kernel.arms_at(data.unstratified, cause, np.ascontiguousarray(at), out)
    return out


def common_follow_up(data: TrialData) -> FloatArray:
    """Longest time to which both arms of each trial are observed, (n_trials,)."""
    longest = arms_at(data, np.zeros(len(data)))[:, :, kernel.FOLLOWED].min(axis=1)
    bounded: FloatArray = np.where(np.isfinite(longest), longest, 0.0)  # who are followed for ever bound nothing
    return bounded


def _time(name: str, value: float) -> float:
    if not 0.0 < value < np.inf:
        raise InputError(f"{name}: {exact(value)} must be a time above 0.")
    return float(value)


def _empty_arms_out(difference: FloatArray, arms: FloatArray) -> FloatArray:
    """NaN where an arm has no patients."""
    return np.where((arms[:, :, kernel.FOLLOWED] > 0.0).all(axis=1), difference, np.nan)


@named("rmst")
def rmst(data: TrialData, *, tau: float | None = None, small_sample: bool = False, cause: int = 0) -> Comparison:
    """Difference of restricted mean survival times up to `tau`, experimental minus control.

    Parameters
    ----------
    tau : float, optional
        Horizon; the longest time to which both arms are observed if absent. Beyond an arm's last observation its
        curve keeps its last value.
    small_sample : bool
        Whether each arm's variance is multiplied by m / (m - 1), with m events up to the horizon.

    Notes
    -----
    The variance is Greenwood's: the sum over events of A(t)^2 d / (Y (Y - d)), A(t) the area from t to `tau`. Strata
    are disregarded.
    """
    horizon = common_follow_up(data) if tau is None else np.full(len(data), _time("tau", tau))
    arms = arms_at(data, horizon, cause)
    variance, deaths = arms[:, :, kernel.MEAN_VARIANCE], arms[:, :, kernel.N_DEATHS]
    if small_sample:
        variance = variance * np.where(deaths > 1, deaths / np.maximum(deaths - 1.0, 1.0), 1.0)
    se = np.sqrt(variance.sum(axis=1))
    difference = _empty_arms_out(arms[:, 1, kernel.MEAN] - arms[:, 0, kernel.MEAN], arms)
    z = ratio(difference, se)
    return Comparison("rmst", z, upper_tail(z), difference, se, RMST_DIFFERENCE, data.events(cause))


@named("milestone")
def milestone(data: TrialData, *, at: float, scale: str = "survival", cause: int = 0) -> Comparison:
    """Difference of Kaplan-Meier survival at a time, experimental minus control.

    Parameters
    ----------
    at : float
        The time.
    scale : str
        `survival`, or `cloglog`, log(-log S), on which the test holds its level better in small trials; there an arm
        with survival 0 or 1 gives NaN.

    Notes
    -----
    The variance is Greenwood's; on the other scale divided by (S log S)^2. Strata are disregarded.
    """
    if scale not in ("survival", "cloglog"):
        raise InputError(f"scale: '{scale}' is unknown. Allowed: cloglog, survival.")
    arms = arms_at(data, np.full(len(data), _time("at", at)), cause)
    s, variance = arms[:, :, kernel.SURVIVAL], arms[:, :, kernel.SURVIVAL_VARIANCE]
    if scale == "survival":
        difference, se, name = s[:, 1] - s[:, 0], np.sqrt(variance.sum(axis=1)), SURVIVAL_DIFFERENCE
    else:
        inner = (s > 0.0) & (s < 1.0)
        held = np.where(inner, s, 0.5)
        values = np.where(inner, np.log(-np.log(held)), np.nan)
        se = np.sqrt((np.where(inner, variance, np.nan) / (held * np.log(held)) ** 2).sum(axis=1))
        difference, name = values[:, 1] - values[:, 0], CLOGLOG_DIFFERENCE
    difference = _empty_arms_out(difference, arms)
    z = ratio(difference if scale == "survival" else -difference, se)
    return Comparison("milestone", z, upper_tail(z), difference, se, name, data.events(cause))
