"""Times of patients who are followed for a while: events and time at risk by interval, a data set for each draw."""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray
from lmssim.kernels.families import cumulative_hazard, inverse_cumulative_hazard
from lmssim.kernels.jit import jit


@jit
def followed(
    family: int, numbers: FloatArray, budgets: FloatArray, leave: FloatArray, edges: FloatArray, out: FloatArray
) -> None:
    """Events, then time at risk, in each interval.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_draws, 3): numbers of the family.
    budgets, leave : ndarray(float, ndim=2)
        (n_draws, n_patients): unit-exponential budget of each patient, and when follow-up ends.
    edges : ndarray(float, ndim=1)
        (n_intervals,): where intervals begin, 0 first; the last one has no end.
    out : ndarray(float, ndim=2)
        (n_draws, 2 n_intervals), added to.
    """
    n = edges.shape[0]
    for d in range(budgets.shape[0]):
        for i in range(budgets.shape[1]):
            event = inverse_cumulative_hazard(family, budgets[d, i], numbers[d, 0], numbers[d, 1], numbers[d, 2])
            end = min(event, leave[d, i])
            for j in range(n):
                stop = edges[j + 1] if j + 1 < n else math.inf
                if end <= stop:
                    out[d, n + j] += end - edges[j]
                    if event <= leave[d, i]:
                        out[d, j] += 1.0
                    break
                out[d, n + j] += stop - edges[j]


@jit
def hazard_steps(family: int, numbers: FloatArray, ends: FloatArray, out: FloatArray) -> None:
    """Cumulative hazard gained in each interval.

    Parameters
    ----------
    ends : ndarray(float, ndim=1)
        (n_intervals + 1,): where intervals begin and end, all finite.
    out : ndarray(float, ndim=2)
        (n_draws, n_intervals).
    """
    for d in range(numbers.shape[0]):
        before = 0.0
        for j in range(ends.shape[0] - 1):
            gained = cumulative_hazard(family, ends[j + 1], numbers[d, 0], numbers[d, 1], numbers[d, 2])
            out[d, j] = gained - before
            before = gained
