"""MaxCombo: the largest of several Fleming-Harrington statistics, with the p-value of the largest.

References
----------
Karrison TG. Versatile tests for comparing survival curves based on weighted log-rank statistics. Stata J 16:678-690,
2016. doi:10.1177/1536867X1601600308
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import CubicSpline

from lmssim.errors import InputError
from lmssim.trials.tests.comparison import LOG_HAZARD_RATIO, Comparison, ratio
from lmssim.trials.tests.logrank import scores
from lmssim.trials.tests.normals import FEW_POINTS, correlation_matrix, tails_of_largest
from lmssim.trials.tests.registry import named
from lmssim.trials.tests.weights import MAXCOMBO, fleming_harrington_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from lmssim.kernels import FloatArray
    from lmssim.trials.tests.data import TrialData

GRID = np.linspace(-5.0, 8.0, 53)
"""Largest statistics at which the p-value of a given correlation is computed, and interpolated between."""


def combined(
    data: TrialData, members: Sequence[tuple[float, float]], cause: int, *, stratified: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Statistics (n_trials, n), positive for the better experimental arm; correlations (n_trials, n, n); scores' V."""
    u, v = scores(data, fleming_harrington_rows(members), cause, stratified=stratified)
    variance = np.diagonal(v, axis1=1, axis2=2)
    spread = np.sqrt(variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(variance > 0.0, -u / spread, np.nan)
        correlation = v / spread[:, :, None] / spread[:, None, :]
    return z, correlation, variance


@named("maxcombo")
def maxcombo(
    data: TrialData,
    *,
    members: Sequence[tuple[float, float]] = MAXCOMBO,
    correlation: ArrayLike | None = None,
    points: int = FEW_POINTS,
    cause: int = 0,
    stratified: bool = True,
) -> Comparison:
    """Largest of several Fleming-Harrington statistics.

    Parameters
    ----------
    members : sequence of tuple
        Pairs (rho, gamma).
    correlation : array_like, optional
        Correlation by which p-values are read, (n, n); each trial's own estimate if absent.
    points : int
        Sobol points of each trial's own p-value, a power of two: with 128 its error is below 0.1% of it, with 2,048
        below 0.01%.

    Returns
    -------
    Comparison
        `z` is the largest statistic, to be compared with `critical_value`, not with a normal quantile; `estimate` and
        `se` are those of the member that gives it.
    """
    z, own, variance = combined(data, members, cause, stratified=stratified)
    known = ~np.isnan(z)
    any_known = known.any(axis=1)
    best = np.where(known, z, -np.inf).argmax(axis=1)
    rows = np.arange(len(data))
    largest = np.where(any_known, z[rows, best], np.nan)
    if correlation is None:
        p = _own_p(largest, known, own, points)
    else:
        matrix = correlation_matrix(correlation)
        if len(matrix) != len(members):
            raise InputError(f"correlation: has {len(matrix)} rows; {len(members)} members need as many.")
        p = _common_p(largest, matrix)
    se = ratio(np.ones(len(data)), np.sqrt(variance[rows, best]))
    return Comparison("maxcombo", largest, p, -largest * se, se, LOG_HAZARD_RATIO, data.events(cause))


def _own_p(z: FloatArray, known: FloatArray, correlation: FloatArray, points: int) -> FloatArray:
    """P-values by each trial's own correlation, of the members that can be computed."""
    p = np.full(len(z), np.nan)
    whole = known.all(axis=1)
    p[whole] = tails_of_largest(z[whole], correlation[whole], points)
    for i in np.flatnonzero(known.any(axis=1) & ~whole):
        part = correlation[i][np.ix_(known[i], known[i])]
        p[i] = tails_of_largest(z[i : i + 1], part[None], points)[0]
    return p


def _common_p(z: FloatArray, correlation: FloatArray) -> FloatArray:
    """P-values by one correlation."""
    curve = _log_tails(correlation.tobytes(), len(correlation))
    p: FloatArray = np.minimum(np.exp(curve(np.clip(z, GRID[0], GRID[-1]))), 1.0)
    return p


@lru_cache(maxsize=64)
def _log_tails(correlation: bytes, n: int) -> CubicSpline:
    """Log of the p-value as a function of the largest statistic, which is smooth."""
    matrix = np.frombuffer(correlation).reshape(n, n)
    tails = tails_of_largest(GRID, np.repeat(matrix[None], len(GRID), axis=0))
    return CubicSpline(GRID, np.log(tails))
