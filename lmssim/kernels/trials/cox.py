"""Cox's partial likelihood of one covariate, the arm, by Newton's method; ties as Efron or as Breslow has them."""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray
from lmssim.kernels.jit import jit
from lmssim.kernels.trials.table import Table, Trials, empty_table, tabulate

BRESLOW, EFRON = 0, 1
STEPS = 50
LONGEST_STEP = 2.0
CLOSE = 1e-10


@jit
def _score(table: Table, last: int, beta: float, ties: int) -> tuple[float, float]:
    """Score and information at a log hazard ratio.

    Efron: of d tied events the l-th, l = 0 ... d - 1, finds l / d of the tied patients gone.
    """
    ratio = math.exp(beta)
    score, information = 0.0, 0.0
    for k in range(last):
        c = table.counts[k]
        d = c[0] + c[1]
        if d == 0:
            continue
        y0, y1 = float(c[4]), float(c[5])
        score += float(c[1])
        for gone in range(d):
            part = float(gone) / float(d) if ties == EFRON else 0.0
            r1 = ratio * (y1 - part * float(c[1]))
            p = r1 / (r1 + y0 - part * float(c[0]))
            score -= p
            information += p * (1.0 - p)
    return score, information


@jit
def _one_sided(table: Table, last: int) -> float:
    """0 if the likelihood has a maximum, else the infinite log hazard ratio where it grows; NaN if neither."""
    some0, some1 = False, False  # whether each arm has an event while the other is at risk
    for k in range(last):
        c = table.counts[k]
        if c[4] > 0 and c[5] > 0 and c[0] + c[1] < c[4] + c[5]:
            some0, some1 = some0 or c[0] > 0, some1 or c[1] > 0
    if some0 and some1:
        return 0.0
    if not some0 and not some1:
        return math.nan
    return math.inf if some1 else -math.inf


@jit
def _maximum(table: Table, last: int, ties: int) -> tuple[float, float]:
    """Log hazard ratio and information."""
    beta = _one_sided(table, last)
    if beta != 0.0:
        return beta, 0.0
    information = 0.0
    for _ in range(STEPS):
        score, information = _score(table, last, beta, ties)
        step = min(max(score / information, -LONGEST_STEP), LONGEST_STEP)
        beta += step
        if abs(step) < CLOSE:
            break
    return beta, information


@jit
def log_hazard_ratios(trials: Trials, cause: int, ties: int, beta: FloatArray, information: FloatArray) -> None:
    """Log hazard ratio of the experimental arm, by trial, stratified.

    Parameters
    ----------
    ties : int
        `EFRON` or `BRESLOW`.
    beta, information : ndarray(float, ndim=1)
        Filled, (n_trials,): the log hazard ratio, infinite (information 0) if one arm alone has events, NaN without
        any to compare; and the inverse of its variance.
    """
    n_trials, n = trials.time.shape
    table = empty_table(n)
    for i in range(n_trials):
        last, k = 0, 0
        while k < trials.size[i]:
            last, k = tabulate(trials, i, k, cause, table, last)
        beta[i], information[i] = _maximum(table, last, ties)
