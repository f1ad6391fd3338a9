"""Gray's test of two cumulative incidences with competing events.

In arm k let Y be at risk, S the probability of being without either event just before, F that of the event of interest
and G that of the competing one. Who had a competing event stays in the arm's risk set in part,

    R_k = Y_k (1 - F_k) / S_k,   score = sum d_1 - d R_1 / (R_0 + R_1).

Under the null hypothesis the arms share F, whose steps are dF = d / sum(Y_k / S_k). With a = (Y_0 / S_0)(Y_1 / S_1) /
sum(Y_k / S_k) and H the sum of a dF / (1 - F) from the next time on, the variance adds over arms

    (a - G_k / S_k H)^2 S_k dF / Y_k   at events of interest,   ((1 - F) H / Y_k)^2 d_k   at competing ones,

each with the factor of sampling without replacement where events are tied.

References
----------
Gray RJ. A class of K-sample tests for comparing the cumulative incidence of a competing risk. Ann Stat 16:1141-1154,
1988. doi:10.1214/aos/1176350951
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lmssim.kernels import FloatArray
from lmssim.kernels.jit import inner, jit
from lmssim.kernels.trials.table import Table, Trials, empty_table, tabulate


class Course(NamedTuple):
    """What the variance needs of each row, kept until H is known."""

    a: FloatArray
    rise: FloatArray
    """a dF / (1 - F)."""
    step: FloatArray
    """dF."""
    left: FloatArray
    """1 - F behind the row."""
    before: FloatArray
    """(n, 2): S just before."""
    after: FloatArray
    """(n, 2): S behind the row."""
    weight: FloatArray
    """(n, 2): Y / S just before."""


@inner
def _untied(d: float, of: float) -> float:
    """Factor of sampling `d` without replacement of `of`."""
    return 1.0 - (d - 1.0) / (of - 1.0) if d > 1.0 else 1.0


@jit
def _forward(table: Table, last: int, course: Course) -> float:
    """Score of a stratum, and the course of its curves."""
    s0, s1, f0, f1, f, score = 1.0, 1.0, 0.0, 0.0, 0.0, 0.0
    for k in range(last):
        c = table.counts[k]
        y0, y1, d = float(c[4]), float(c[5]), float(c[0] + c[1])
        q0 = y0 / s0 if y0 > 0.0 else 0.0
        q1 = y1 / s1 if y1 > 0.0 else 0.0
        r0, r1 = q0 * (1.0 - f0), q1 * (1.0 - f1)
        course.before[k, 0], course.before[k, 1] = s0, s1
        course.weight[k, 0], course.weight[k, 1] = q0, q1
        course.a[k] = q0 * q1 / (q0 + q1)
        course.step[k] = d / (q0 + q1)
        course.rise[k] = course.a[k] * course.step[k] / (1.0 - f) if d > 0.0 else 0.0
        if d > 0.0:
            score += float(c[1]) - d * r1 / (r0 + r1)
            f += course.step[k]
        course.left[k] = 1.0 - f
        if y0 > 0.0:
            f0 += s0 * float(c[0]) / y0
            s0 *= (y0 - float(c[0] + c[2])) / y0
        if y1 > 0.0:
            f1 += s1 * float(c[1]) / y1
            s1 *= (y1 - float(c[1] + c[3])) / y1
        course.after[k, 0], course.after[k, 1] = s0, s1
    return score


@jit
def _variance(table: Table, last: int, course: Course) -> float:
    """Variance of a stratum's score."""
    total, h = 0.0, 0.0
    for k in range(last - 1, -1, -1):
        c = table.counts[k]
        d = float(c[0] + c[1])
        for arm in range(2):
            y = float(c[4 + arm])
            if y == 0.0:
                continue
            after = course.after[k, arm]
            if d > 0.0:
                share = course.left[k] / after - 1.0 if after > 0.0 else -1.0
                lever = course.a[k] - share * h
                others = (course.weight[k, 0] + course.weight[k, 1]) * course.before[k, arm]
                total += lever**2 * course.before[k, arm] * course.step[k] / y * _untied(d, others)
            competing = float(c[2 + arm])
            if competing > 0.0 and after > 0.0:
                lever = course.left[k] / after * course.before[k, arm] * h
                total += lever**2 * competing / y**2 * _untied(competing, y)
        h += course.rise[k]
    return total


@jit
def gray_scores(trials: Trials, cause: int, u: FloatArray, v: FloatArray) -> None:
    """Score and variance of Gray's test, by trial, stratified.

    Parameters
    ----------
    cause : int
        Event of interest; all others compete.
    u, v : ndarray(float, ndim=1)
        Filled, (n_trials,).
    """
    n_trials, n = trials.time.shape
    table = empty_table(n)
    course = Course(
        np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty((n, 2)), np.empty((n, 2)), np.empty((n, 2))
    )
    for i in range(n_trials):
        u[i], v[i], k = 0.0, 0.0, 0
        while k < trials.size[i]:
            last, k = tabulate(trials, i, k, cause, table, 0)
            u[i] += _forward(table, last, course)
            v[i] += _variance(table, last, course)
