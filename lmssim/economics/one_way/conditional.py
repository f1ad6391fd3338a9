"""Expected outcomes given one parameter, by regression on draws, with their errors.

The parameters that are independent of the one in question, and those that are drawn with it, are told apart. What the
former explain is taken out. What the latter explain comes with the parameter: it is followed by a fit of its own, an
arc unless a spline predicts unseen draws better. What is left of the outcomes, the parameter's own part, has
little noise, so that it can be followed by a spline whose smoothing bends it little.

Notes
-----
A fit at a value is a sum over rows of outcome times h, h = 1/n + x'(X'X)^-1 X_row. Its error follows from the residuals
of rows that the fit has not seen, times h, summed by posterior row: a posterior is a sample too, and with other rows of
it a bar would be another one. What smoothing bends is not in the error (`tests/economics/one_way/test_conditional.py`
measures that intervals hold the truth).

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
from lmssim.economics.one_way.spline import arc_terms, spline_terms
from lmssim.economics.voi.basis import ADDITIVE, FREE, Fixed
from lmssim.economics.voi.ridge import best_fit, folds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.voi.ridge import Fit
    from lmssim.kernels import FloatArray, IntArray

ARC = "arc"
"""Name of a line and a square."""


@dataclass(frozen=True)
class Draws:
    """Outcomes by draw, and the unit of each.

    Attributes
    ----------
    values : ndarray(float, ndim=2)
        (n_draws, n_outcomes): of a pair of strategies increments of cost and QALYs.
    rows : ndarray(int, ndim=1)
        (n_draws,): posterior row, or whatever else draws share.
    leading : ndarray(float, ndim=2)
        (n_outcomes, n_leading): weights of the outcomes in the net benefits by which the terms of a fit are chosen.
    """

    values: FloatArray
    rows: IntArray
    leading: FloatArray

    @classmethod
    def of_pair(cls, values: FloatArray, rows: IntArray, wtp: float) -> Draws:
        """Of increments of cost and QALYs, which net benefit at a willingness to pay leads."""
        return cls(values, rows, np.array([[-1.0], [wtp]]))

    @property
    def n_leading(self) -> int:
        """Net benefits that lead."""
        return int(self.leading.shape[1])

    @cached_property
    def folds(self) -> IntArray:
        """Fold of each draw."""
        return folds_of(self.rows)

    def with_benefit(self, values: FloatArray) -> FloatArray:
        """Net benefits before the outcomes, (n_draws, n_leading + n_outcomes)."""
        return np.column_stack([values @ self.leading, values])


@dataclass(frozen=True)
class Curve:
    """Expected outcomes along a parameter.

    Attributes
    ----------
    column : ndarray(float, ndim=1)
        (n_draws,): its draws; not constant.
    draws : Draws
        Outcomes.
    fits : sequence of Fit
        Of the parameter's own part, and of what comes with it; the expectation is their sum.
    """

    column: FloatArray
    draws: Draws
    fits: Sequence[Fit]

    @classmethod
    def fitted(
        cls, column: FloatArray, draws: Draws, explained: FloatArray, together: FloatArray | None = None
    ) -> Curve:
        """Fit.

        Parameters
        ----------
        explained : ndarray(float, ndim=2)
            (n_draws, n_outcomes), of mean 0: what independent parameters explain.
        together : ndarray(float, ndim=2), optional
            (n_draws, n_outcomes), of mean 0: what parameters that are drawn with it explain.
        """
        arc = Fixed(ARC, FREE * arc_terms(column), penalised=False)
        spline = Fixed(ADDITIVE, FREE * spline_terms(column), penalised=False)
        own = draws.values - explained
        parts = [(own, [spline])]
        if together is not None and together.any():
            parts = [(own - together, [spline]), (together, [arc, spline])]
        weights = np.repeat([1.0, 0.0], draws.leading.shape[::-1])
        fits = [best_fit(bases, draws.with_benefit(each), weights, draws.folds) for each, bases in parts]
        return cls(column, draws, fits)

    @cached_property
    def _level(self) -> FloatArray:
        """By how much each unit puts the mean off."""
        return by_unit((self.draws.values - self.draws.values.mean(axis=0)) / len(self.column), self.draws.rows)

    def at(self, point: float) -> Paired:
        """Expected outcomes at a value; beyond the draws the nearest one counts."""
        between = _weights(self.column, point)
        rows, shares = list(between), np.array(list(between.values()))
        first = self.draws.n_leading
        mean = np.zeros(self.draws.values.shape[1])
        off = np.zeros(self.draws.values.shape)
        for fit in self.fits:
            of_fit = fit.design @ linalg.cho_solve(fit.factor, shares @ fit.design[rows])
            off += of_fit[:, None] * (fit.outcomes - fit.unseen)[:, first:]
            mean += shares @ fit.fitted[rows][:, first:]
        return Paired(mean, self._level + by_unit(off, self.draws.rows))


def _weights(column: FloatArray, point: float) -> dict[int, float]:
    """Rows beside a value, and their weights in a straight line between them."""
    order = np.argsort(column, kind="stable")
    k = int(np.searchsorted(column[order], point))
    if k in (0, len(column)):
        return {int(order[min(k, len(column) - 1)]): 1.0}
    low, high = int(order[k - 1]), int(order[k])
    share = (point - column[low]) / (column[high] - column[low])
    return {low: 1.0 - share, high: share} if 0.0 < share < 1.0 else {high if share >= 1.0 else low: 1.0}
