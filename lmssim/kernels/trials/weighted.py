"""Weighted log-rank statistics: several weights in one pass, with the covariance of their scores.

With d events among Y at risk at a time, d1 and Y1 of them in the experimental arm, the score of a weight w is

    U = sum w (d1 - d Y1 / Y),   V = sum w^2 d (Y1 / Y) (1 - Y1 / Y) (Y - d) / (Y - 1),

the variance being hypergeometric. Strata are added. Weights are functions of the Kaplan-Meier curve of both arms
together, just before the time.
"""

from __future__ import annotations

import math

import numpy as np

from lmssim.kernels import FloatArray
from lmssim.kernels.jit import inner, jit
from lmssim.kernels.trials.table import Table, Trials, empty_table, next_time, stratum_of, tabulate

FLEMING_HARRINGTON, MODEST = 0.0, 1.0
"""Kinds of weight, first column of `weights`; the others are rho and gamma, or the delay (years) and the most."""


@inner
def _power(x: float, exponent: float) -> float:
    """Power of a number, the usual ones without its cost."""
    if exponent == 0.0:
        return 1.0
    if exponent == 1.0:
        return x
    if exponent == 0.5:
        return math.sqrt(x)
    return x**exponent


@inner
def _weight(kind: float, a: float, b: float, t: float, before: float, at_delay: float) -> float:
    """Weight at time `t`, of the survival just before it and the survival at the delay."""
    if kind == FLEMING_HARRINGTON:
        return _power(before, a) * _power(1.0 - before, b)
    return min(1.0 / max(before, at_delay), b)


@jit
def _survival_at(table: Table, first: int, last: int, t: float) -> float:
    """Kaplan-Meier survival of both arms together at a time."""
    s = 1.0
    for k in range(first, last):
        if table.time[k] > t:
            break
        c = table.counts[k]
        y = float(c[4] + c[5])
        s *= (y - float(c[0] + c[1])) / y
    return s


@jit
def _add_stratum(table: Table, last: int, weights: FloatArray, u: FloatArray, v: FloatArray, w: FloatArray) -> None:
    """Add the scores and covariances of one stratum's table."""
    n_weights = weights.shape[0]
    at_delay = np.ones(n_weights)
    for j in range(n_weights):
        if weights[j, 0] == MODEST:
            at_delay[j] = _survival_at(table, 0, last, weights[j, 1])
    survival = 1.0
    for k in range(last):
        c = table.counts[k]
        d1, d = float(c[1]), float(c[0] + c[1])
        y1, y = float(c[5]), float(c[4] + c[5])
        if d == 0.0:
            continue
        share = y1 / y
        excess = d1 - d * share
        variance = d * share * (1.0 - share) * ((y - d) / (y - 1.0) if y > 1.0 else 0.0)
        for j in range(n_weights):
            w[j] = _weight(weights[j, 0], weights[j, 1], weights[j, 2], table.time[k], survival, at_delay[j])
            u[j] += w[j] * excess
            for m in range(j + 1):
                v[j, m] += w[j] * w[m] * variance
        survival *= (y - d) / y


@jit
def _unweighted(trials: Trials, i: int, first: int, cause: int) -> tuple[float, float, int]:
    """Score and variance of the log-rank test in one stratum, without a table, and the place behind it."""
    last, y0, y1 = stratum_of(trials, i, first)
    u, v, k = 0.0, 0.0, first
    while k < last:
        _, d0, d1, _, _, left0, left1, k = next_time(trials, i, k, last, cause)
        if d0 + d1 > 0:
            d, y = float(d0 + d1), float(y0 + y1)
            share = float(y1) / y
            u += float(d1) - d * share
            v += d * share * (1.0 - share) * ((y - d) / (y - 1.0) if y > 1.0 else 0.0)
        y0 -= left0
        y1 -= left1
    return u, v, last


@jit
def _logrank_scores(trials: Trials, cause: int, u: FloatArray, v: FloatArray) -> None:
    """`weighted_scores` of the weight 1 alone: what simulations ask for most."""
    for i in range(trials.time.shape[0]):
        u[i, 0], v[i, 0, 0], k = 0.0, 0.0, 0
        while k < trials.size[i]:
            score, variance, k = _unweighted(trials, i, k, cause)
            u[i, 0] += score
            v[i, 0, 0] += variance


@jit
def weighted_scores(trials: Trials, cause: int, weights: FloatArray, u: FloatArray, v: FloatArray) -> None:
    """Scores and covariances of each trial.

    Parameters
    ----------
    cause : int
        Event of interest; others censor. 0 for any event.
    weights : ndarray(float, ndim=2)
        (n_weights, 3): kind and two numbers.
    u : ndarray(float, ndim=2)
        Filled, (n_trials, n_weights): events in the experimental arm beyond what is expected; negative if it does
        better.
    v : ndarray(float, ndim=3)
        Filled, (n_trials, n_weights, n_weights).
    """
    if weights.shape[0] == 1 and weights[0, 0] == FLEMING_HARRINGTON and weights[0, 1] == 0.0 and weights[0, 2] == 0.0:
        _logrank_scores(trials, cause, u, v)
        return
    n_trials, n = trials.time.shape
    table, w = empty_table(n), np.empty(weights.shape[0])
    for i in range(n_trials):
        u[i], v[i], k = 0.0, 0.0, 0
        while k < trials.size[i]:
            last, k = tabulate(trials, i, k, cause, table, 0)
            _add_stratum(table, last, weights, u[i], v[i], w)
        for j in range(weights.shape[0]):
            for m in range(j):
                v[i, m, j] = v[i, j, m]
