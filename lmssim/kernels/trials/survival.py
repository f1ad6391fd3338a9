"""Kaplan-Meier of each arm: survival at a time, and the restricted mean up to it, with Greenwood's variances."""

from __future__ import annotations

import numpy as np

from lmssim.kernels import FloatArray
from lmssim.kernels.jit import jit
from lmssim.kernels.trials.table import Table, Trials, empty_table, tabulate

SURVIVAL, SURVIVAL_VARIANCE, MEAN, MEAN_VARIANCE, N_DEATHS, FOLLOWED = range(6)
"""What is kept of an arm; the last is the longest observation (years)."""
N_KEPT = 6


@jit
def _arm(table: Table, last: int, arm: int, at: float, area: FloatArray, out: FloatArray) -> None:
    """Survival of an arm at a time and the area under the curve up to it.

    With S the curve, d events among Y at risk and A(t) the area under it from t to the end,

        var S = S^2 sum d / (Y (Y - d)),   var mean = sum A(t)^2 d / (Y (Y - d)).
    """
    s, before, total, greenwood, deaths = 1.0, 0.0, 0.0, 0.0, 0
    for k in range(last):
        t = table.time[k]
        if t > at:
            break
        d, y = table.counts[k, arm], table.counts[k, 4 + arm]
        if d == 0:
            continue
        total += s * (t - before)
        area[k] = total
        s *= float(y - d) / float(y)
        if y > d:  # who leave last leave nothing to be uncertain of
            greenwood += float(d) / (float(y) * float(y - d))
        before = t
        deaths += d
    total += s * (at - before)
    variance = 0.0
    for k in range(last):
        if table.time[k] > at:
            break
        d, y = table.counts[k, arm], table.counts[k, 4 + arm]
        if d > 0 and y > d:
            variance += (total - area[k]) ** 2 * float(d) / (float(y) * float(y - d))
    out[SURVIVAL], out[SURVIVAL_VARIANCE] = s, s * s * greenwood
    out[MEAN], out[MEAN_VARIANCE], out[N_DEATHS] = total, variance, deaths


@jit
def _follow_up(trials: Trials, i: int, out: FloatArray) -> None:
    """Longest observation of each arm, 0 without patients."""
    out[0, FOLLOWED] = out[1, FOLLOWED] = 0.0
    for k in range(trials.size[i]):
        p = trials.order[i, k]
        a = trials.arm[i, p]
        out[a, FOLLOWED] = max(out[a, FOLLOWED], trials.time[i, p])


@jit
def arms_at(trials: Trials, cause: int, at: FloatArray, out: FloatArray) -> None:
    """Survival and restricted mean of both arms, strata disregarded.

    Parameters
    ----------
    trials : Trials
        In order of time alone.
    at : ndarray(float, ndim=1)
        Time of each trial (years).
    out : ndarray(float, ndim=3)
        Filled, (n_trials, 2, 6). An arm without patients has survival 1 and variance 0.
    """
    n_trials, n = trials.time.shape
    table, area = empty_table(n), np.empty(n)
    for i in range(n_trials):
        last = 0
        if trials.size[i] > 0:
            last, _ = tabulate(trials, i, 0, cause, table, 0)
        for arm in range(2):
            _arm(table, last, arm, at[i], area, out[i, arm])
        _follow_up(trials, i, out[i])
