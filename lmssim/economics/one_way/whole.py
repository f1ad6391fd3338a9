"""Increments at quantiles of what a block of parameters, taken as a whole, makes of net benefit.

Each row of a block (a row of a posterior, say) has an expected increment of net benefit. The ends of the block's bar
are its 2.5% and 97.5% quantiles over the rows: for the middle 95% of the rows the increment lies between them.

Notes
-----
A mean by row holds noise of patients and of other parameters, which spreads the rows. Their distances from the mean
are shortened by the root of the share of variance that is the block's own: of normal distributions quantiles are then
right, and of others they are near as long as noise is the smaller part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.one_way.paired import Paired

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray

ENDS = (0.025, 0.975)
"""Probabilities of the ends of a bar."""
BESIDE = 0.0125
"""Share of the rows to either side of a quantile that tell its density, and the QALYs that come with it."""


@dataclass(frozen=True)
class Whole:
    """Increments by row of a block.

    Attributes
    ----------
    rows : ndarray(float, ndim=2)
        (n_rows, 2): mean increments of cost and QALYs given each row.
    noise : ndarray(float, ndim=2)
        (2, 2): covariance of these means that is not the block's.
    """

    rows: FloatArray
    noise: FloatArray

    def own_share(self, wtp: float) -> float:
        """Share of the variance of net benefit between rows that is the block's own."""
        weights = np.array([-1.0, wtp])
        total = float((self.rows @ weights).var(ddof=1))
        return max(1.0 - float(weights @ self.noise @ weights) / total, 0.0) if total > 0.0 else 0.0

    def at(self, wtp: float, probability: float) -> Paired:
        """Increments where that of net benefit is at a quantile, with the error of the quantile by row."""
        benefit = self.rows @ np.array([-1.0, wtp])
        n, mean = len(benefit), float(benefit.mean())
        shrink = float(np.sqrt(self.own_share(wtp)))
        found = float(np.quantile(benefit, probability))
        left, right = np.quantile(benefit, [probability - BESIDE, probability + BESIDE])
        effects = self.rows[:, 1]
        beside = float(effects[(benefit >= left) & (benefit <= right)].mean())
        effect = effects.mean() + shrink * (beside - effects.mean())
        end = mean + shrink * (found - mean)
        of_quantile = (probability - (benefit <= found)) * float(right - left) / (2.0 * BESIDE)
        off = (shrink * of_quantile + (1.0 - shrink) * (benefit - mean)) / n
        return Paired(np.array([wtp * effect - end, effect]), off[:, None] * _along(self.rows, benefit))


def whole_of(values: FloatArray, units: IntArray, fitted: FloatArray | None = None) -> Whole:
    """Increments by row of a block: means of the draws that repeat it; where none do, what a fit predicts.

    Parameters
    ----------
    values : ndarray(float, ndim=2)
        (n_draws, 2): increments of cost and QALYs.
    units : ndarray(int, ndim=1)
        (n_draws,): row of each draw.
    fitted : ndarray(float, ndim=2), optional
        (n_draws, 2), of mean 0: what the block's parameters explain. Without it draws that are not repeated are taken
        as solved.
    """
    _, unit, counts = np.unique(units, return_inverse=True, return_counts=True)
    n_rows, freedom = len(counts), len(values) - len(counts)
    rows = _by_row(values, unit, counts)
    if freedom < n_rows / 2:
        predicted = rows if fitted is None else values.mean(axis=0) + _by_row(fitted, unit, counts)
        return Whole(predicted, np.zeros((2, 2)))
    left = values - rows[unit]
    return Whole(rows, left.T @ left / freedom * float((1.0 / counts).mean()))


def _by_row(values: FloatArray, unit: IntArray, counts: IntArray) -> FloatArray:
    """Means by row, (n_rows, n_outcomes)."""
    sums = [np.bincount(unit, column, minlength=len(counts)) for column in values.T]
    means: FloatArray = np.stack(sums, axis=1) / counts[:, None]
    return means


def _along(rows: FloatArray, benefit: FloatArray) -> FloatArray:
    """Cost and QALYs that come with one unit of net benefit, (2,)."""
    apart = benefit - benefit.mean()
    size = float(apart @ apart)
    found: FloatArray = (rows - rows.mean(axis=0)).T @ apart / size if size > 0.0 else np.zeros(2)
    return found
