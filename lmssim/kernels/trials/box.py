"""Probability that one of several correlated normals leaves its interval, by Genz's method over given points.

Z = root y with independent y: a row of the root whose last entry stands in column j bounds y_j given those before it.
With a singular correlation, which MaxCombo has, several rows bound the same y_j, some of them from the other side.

The event is parted by the first normal that leaves: P(Z_k beyond, Z_1 ... Z_(k-1) within). Each part is sampled where
Z_k is beyond, so that the error is a share of the small probability itself: 512 points do what 100,000 would for the
probability of the box.

References
----------
Genz A. Numerical computation of multivariate normal probabilities. J Comput Graph Stat 1:141-149, 1992.
doi:10.1080/10618600.1992.10477010
Genz A, Kwong KS. Numerical evaluation of singular multivariate normal distributions. J Stat Comput Simul 68:1-21,
2000. doi:10.1080/00949650008812053
"""

from __future__ import annotations

import math

import numpy as np

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import inner, jit
from lmssim.kernels.special import ndtr, ndtri

SINGULAR = 1e-9
"""Variance left to a row, of 1, below which it follows from the others."""
LEAST = 1e-300


@jit
def _pivot(left: FloatArray, done: IntArray, low: FloatArray, high: FloatArray) -> int:
    """Row least likely to lie in its interval, of those not done; -1 when the rest follow from the others."""
    best, least = -1, 2.0
    for r in range(left.shape[0]):
        if done[r] == 0 and left[r] > SINGULAR:
            sd = math.sqrt(left[r])
            chance = ndtr(high[r] / sd) - ndtr(low[r] / sd)
            if chance < least:
                best, least = r, chance
    return best


@jit
def _factor(correlation: FloatArray, low: FloatArray, high: FloatArray) -> tuple[FloatArray, IntArray, int]:
    """Cholesky root with pivots, (n, n); the column of each row's last entry; the rank."""
    n = correlation.shape[0]
    root, column, done = np.zeros((n, n)), np.zeros(n, np.int64), np.zeros(n, np.int64)
    left, rank = np.ones(n), 0
    while True:
        best = _pivot(left, done, low, high)
        if best < 0:
            break
        root[best, rank] = math.sqrt(left[best])
        done[best], column[best] = 1, rank
        for r in range(n):
            if done[r] == 0:
                total = correlation[r, best]
                for k in range(rank):
                    total -= root[r, k] * root[best, k]
                root[r, rank] = total / root[best, rank]
                left[r] -= root[r, rank] ** 2
        rank += 1
    for r in range(n):
        if done[r] == 0:
            for k in range(rank):
                if abs(root[r, k]) > math.sqrt(SINGULAR):
                    column[r] = k
                else:
                    root[r, k] = 0.0
    return root, column, rank


@inner
def _interval(
    root: FloatArray, column: IntArray, j: int, y: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[float, float]:
    """Bounds of y_j, given those before it."""
    a, b = -math.inf, math.inf
    for r in range(root.shape[0]):
        if column[r] == j:
            known = 0.0
            for k in range(j):
                known += root[r, k] * y[k]
            lower, upper = (low[r] - known) / root[r, j], (high[r] - known) / root[r, j]
            if root[r, j] < 0.0:
                lower, upper = upper, lower
            a, b = max(a, lower), min(b, upper)
    return a, b


@inner
def _slice(a: float, b: float) -> tuple[float, float, bool]:
    """Lower tail and probability of an interval, of its mirror image where that keeps more digits."""
    upper = a > 0.0
    if upper:
        a, b = -b, -a
    p = ndtr(a) if a > -math.inf else 0.0
    return p, (ndtr(b) if b < math.inf else 1.0) - p, upper


@inner
def _within(p: float, width: float, upper: bool, x: float) -> float:
    """The normal at a share x of an interval's probability."""
    y = ndtri(max(p + x * width, LEAST))
    return -y if upper else y


@jit
def _box(correlation: FloatArray, low: FloatArray, high: FloatArray, points: FloatArray) -> float:
    """Probability that every normal lies in its interval."""
    root, column, rank = _factor(correlation, low, high)
    y, total = np.zeros(rank), 0.0
    a, b = _interval(root, column, 0, y, low, high)
    first_p, first_width, first_upper = _slice(a, b)
    if rank == 1 or not first_width > 0.0:
        return max(first_width, 0.0)
    for i in range(points.shape[0]):
        chance, p, width, upper = first_width, first_p, first_width, first_upper
        for j in range(1, rank):
            x = abs(2.0 * points[i, j - 1] - 1.0)  # the tent makes the integrand periodic
            y[j - 1] = _within(p, width, upper, x)
            a, b = _interval(root, column, j, y, low, high)
            p, width, upper = _slice(a, b)
            if not width > 0.0:
                chance = 0.0
                break
            chance *= width
        total += chance
    return total / points.shape[0]


@jit
def outside_probability(correlation: FloatArray, low: FloatArray, high: FloatArray, points: FloatArray) -> float:
    """Probability that at least one normal lies outside its interval.

    Parameters
    ----------
    correlation : ndarray(float, ndim=2)
        (n, n), of full rank or not.
    low, high : ndarray(float, ndim=1)
        Intervals, (n,); may be infinite.
    points : ndarray(float, ndim=2)
        In the unit cube, (n_points, at least n - 1).
    """
    n, total = correlation.shape[0], 0.0
    a, b = low.copy(), high.copy()
    for k in range(n):
        part = correlation[: k + 1, : k + 1]
        if high[k] < math.inf:
            a[k], b[k] = high[k], math.inf
            total += _box(part, a[: k + 1], b[: k + 1], points)
        if low[k] > -math.inf:
            a[k], b[k] = -math.inf, low[k]
            total += _box(part, a[: k + 1], b[: k + 1], points)
        a[k], b[k] = low[k], high[k]
    return total


@jit
def largest_tails(z: FloatArray, correlation: FloatArray, points: FloatArray, out: FloatArray) -> None:
    """Probability that the largest of correlated normals exceeds `z`, one by one.

    Parameters
    ----------
    z : ndarray(float, ndim=1)
        (n,).
    correlation : ndarray(float, ndim=3)
        (n, n_tests, n_tests).
    out : ndarray(float, ndim=1)
        Filled, (n,); NaN where `z` is.
    """
    n_tests = correlation.shape[1]
    low, high = np.full(n_tests, -math.inf), np.empty(n_tests)
    for i in range(z.shape[0]):
        if math.isnan(z[i]):
            out[i] = math.nan
            continue
        high[:] = z[i]
        out[i] = outside_probability(correlation[i], low, high, points)
