"""Expected increments given one parameter, by regression on draws, with their errors.

Notes
-----
The fit at a value is a sum over rows of outcome times h, h = 1/n + x'(X'X + penalty)^-1 X_row. Its error follows from
the residuals of rows that the fit has not seen, times h, summed by posterior row. What smoothing bends is not in it.

References
----------
Strong M, Oakley JE, Brennan A. Estimating multiparameter partial expected value of perfect information from a
probabilistic sensitivity analysis sample: a nonparametric regression approach. Med Decis Making 34:311-326, 2014.
doi:10.1177/0272989X13505910
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

from lmssim.economics.one_way.paired import Paired, by_unit
from lmssim.economics.voi.basis import bases
from lmssim.economics.voi.ridge import best_fit, folds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.voi.ridge import Fit
    from lmssim.kernels import FloatArray, IntArray


@dataclass(frozen=True)
class Draws:
    """Increments of cost and QALYs by draw, and the unit of each.

    Attributes
    ----------
    values : ndarray(float, ndim=2)
        (n_draws, 2).
    rows : ndarray(int, ndim=1)
        (n_draws,): posterior row, or whatever else draws share.
    wtp : float
        Willingness to pay at which terms of a fit are chosen.
    """

    values: FloatArray
    rows: IntArray
    wtp: float

    @cached_property
    def folds(self) -> IntArray:
        """Fold of each draw."""
        return folds_of(self.rows)

    def with_benefit(self, values: FloatArray) -> FloatArray:
        """Net benefit before cost and QALYs, (n_draws, 3): terms are chosen by the first."""
        return np.column_stack([values @ np.array([-1.0, self.wtp]), values])


def conditional_means(column: FloatArray, draws: Draws, explained: FloatArray, points: Sequence[float]) -> list[Paired]:
    """Expected increments given a parameter at some values.

    Parameters
    ----------
    column : ndarray(float, ndim=1)
        (n_draws,): the parameter's draws; not constant.
    explained : ndarray(float, ndim=2)
        (n_draws, 2), of mean 0: what independent parameters explain, which is taken out.
    points : sequence of float
        Values; beyond the draws the nearest one counts.
    """
    outcomes = draws.with_benefit(draws.values - explained)
    fit = best_fit(bases(column[:, None]), outcomes, np.array([1.0, 0.0, 0.0]), draws.folds)
    return [_at(fit, column, point, draws) for point in points]


def _at(fit: Fit, column: FloatArray, point: float, draws: Draws) -> Paired:
    between = _weights(column, point)
    rows = list(between)
    shares = np.array([between[row] for row in rows])
    place = shares @ fit.design[rows]
    n = len(column)
    of_fit = fit.design @ linalg.cho_solve(fit.factor, place)
    residuals = (fit.outcomes - fit.unseen)[:, 1:]
    level = (draws.values - draws.values.mean(axis=0)) / n
    mean: FloatArray = shares @ fit.fitted[rows][:, 1:]
    return Paired(mean, by_unit(level + of_fit[:, None] * residuals, draws.rows))


def _weights(column: FloatArray, point: float) -> dict[int, float]:
    """Rows beside a value, and their weights in a straight line between them."""
    order = np.argsort(column, kind="stable")
    k = int(np.searchsorted(column[order], point))
    if k in (0, len(column)):
        return {int(order[min(k, len(column) - 1)]): 1.0}
    low, high = int(order[k - 1]), int(order[k])
    share = (point - column[low]) / (column[high] - column[low])
    return {low: 1.0 - share, high: share} if 0.0 < share < 1.0 else {high if share >= 1.0 else low: 1.0}
