"""Patients in order of their times, trial by trial: a bucket sort, fast where times spread out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.jit import jit

if TYPE_CHECKING:
    from lmssim.kernels import CountArray, FloatArray, IntArray

MOVES = 16
"""Moves by patient that the last pass may make; where times cluster so that it needs more, a merge sort takes over."""


@jit
def order_by_time(
    time: FloatArray, stratum: CountArray, n_strata: int, order: CountArray, size: IntArray
) -> None:
    """Order of each trial's patients by stratum, then time.

    Parameters
    ----------
    time : ndarray(float, ndim=2)
        End of observation (years); NaN for a patient who is not in the trial yet.
    stratum : ndarray(int32, ndim=2)
        From 0 to `n_strata` - 1.
    order : ndarray(int32, ndim=2)
        Filled: positions of patients, those without a time left out; what stands behind them means nothing.
    size : ndarray(int64, ndim=1)
        Filled: patients with a time.
    """
    n_trials, n = time.shape
    start = np.empty(n + 2, np.int32)
    bucket = np.empty(n, np.int32)
    other = np.empty(n, np.int32)
    fill = np.empty(n_strata + 1, np.int64)
    for i in range(n_trials):
        size[i] = _order_one(time[i], order[i], start, bucket)
        if n_strata > 1:
            _part(stratum[i], size[i], order[i], other, fill)


@jit
def _order_one(time: FloatArray, order: CountArray, start: CountArray, bucket: CountArray) -> int:
    """Order of one trial; returns the number of patients."""
    low, high, n = np.inf, -np.inf, 0
    for p in range(time.shape[0]):
        t = time[p]
        if not math.isnan(t):
            low, high = min(low, t), max(high, t)
            n += 1
    if n == 0:
        return 0
    width = high - low
    scale = (n - 1) / width if 0.0 < width < np.inf else 0.0
    if not scale < np.inf:  # times that differ in their last bits alone
        scale = 0.0
    for b in range(n + 1):
        start[b] = 0
    for p in range(time.shape[0]):
        t = time[p]
        if not math.isnan(t):
            b = np.int32((t - low) * scale) if scale > 0.0 else np.int32(0)
            bucket[p] = b
            start[b + 1] += 1
    for b in range(n):
        start[b + 1] += start[b]
    for p in range(time.shape[0]):
        if not math.isnan(time[p]):
            b = bucket[p]
            order[start[b]] = p
            start[b] += 1
    if not _insert(time, order, n):
        _merge(time, order, n)
    return n


@jit
def _insert(time: FloatArray, order: CountArray, n: int) -> bool:
    """Insertion sort of what is nearly in order; false if that would take long."""
    left = MOVES * n
    for k in range(1, n):
        p = order[k]
        t = time[p]
        j = k
        while j > 0 and time[order[j - 1]] > t:
            order[j] = order[j - 1]
            j -= 1
        order[j] = p
        left -= k - j
        if left < 0:
            return False
    return True


@jit
def _merge(time: FloatArray, order: CountArray, n: int) -> None:
    """Merge sort of the present patients."""
    present = order[:n].copy()
    by_time = np.argsort(time[present], kind="mergesort")
    for k in range(n):
        order[k] = present[by_time[k]]


@jit
def _part(stratum: CountArray, n: int, order: CountArray, other: CountArray, fill: IntArray) -> None:
    """Put strata one behind the other, each in its order of time."""
    fill[:] = 0
    for k in range(n):
        fill[stratum[order[k]] + 1] += 1
    for s in range(fill.shape[0] - 1):
        fill[s + 1] += fill[s]
    for k in range(n):
        s = stratum[order[k]]
        other[fill[s]] = order[k]
        fill[s] += 1
    order[:n] = other[:n]
