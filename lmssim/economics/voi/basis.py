"""Functions of parameters on which net benefit is regressed: linear terms, splines, and products of pairs.

Linear terms stand alone, so that a penalty on the others pulls a fit towards a plane and not towards a constant.
Splines and products are of normal scores, the normal quantiles of ranks, so that no row of a long tail rules a fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import special, stats
from sklearn.preprocessing import SplineTransformer

from lmssim.economics.voi.directions import directions

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

MaskArray = np.ndarray[Any, np.dtype[np.bool_]]
LINEAR, ADDITIVE, PAIRWISE, INDEXED = "linear", "splines", "splines, pairs", "splines, pairs of directions"
KNOTS, FEW_KNOTS = 8, 5
FEW = 4
"""Parameters up to which each has a spline of many knots."""
SQUARED = 8
"""Parameters up to which products of pairs hold squares too, and beyond which directions are looked for."""
ROWS_A_TERM = 4
"""Rows that each term of a fit must have at least."""
ROWS_A_PLAIN_TERM = 20
"""Rows that each term without penalty must have at least."""
N_DIRECTIONS = 8
TAIL = 0.01
"""Share of the rows beyond the first and the last knot."""
FAR, QUARTILES = 5.0, 1.349
"""Standard deviations of the middle, told by the quartiles, at which far values are drawn in."""
SAME = 1e-10
"""Standard deviation, as a share of the size of a column, below which the column counts as constant."""
FREE = 1e4
"""Factor of terms without penalty, which makes any penalty of theirs negligible."""


class Basis(Protocol):
    """Terms of a regression."""

    @property
    def name(self) -> str:
        """What they are."""

    @property
    def penalised(self) -> bool:
        """Whether a penalty shrinks any of them."""

    def design(self, outcomes: FloatArray, weights: FloatArray, seen: MaskArray) -> FloatArray:
        """Terms of every row, (n_rows, n_terms), learnt from the outcomes of the rows that are seen, if at all."""


@dataclass(frozen=True)
class Fixed:
    """Terms that do not depend on outcomes."""

    name: str
    terms: FloatArray
    penalised: bool

    def design(self, outcomes: FloatArray, weights: FloatArray, seen: MaskArray) -> FloatArray:
        """The terms."""
        return self.terms


@dataclass(frozen=True)
class Indexed:
    """Splines and pairs of few directions among many parameters, beside linear terms of all of these."""

    scores: FloatArray
    plain: FloatArray
    name: str = INDEXED
    penalised: bool = True

    def design(self, outcomes: FloatArray, weights: FloatArray, seen: MaskArray) -> FloatArray:
        """The terms, the directions found among the rows that are seen."""
        found = directions(self.scores[seen], outcomes[seen], weights, N_DIRECTIONS)
        index = normal_scores(self.scores @ found)
        return np.hstack([self.plain, splines(index), products(index)])


def standardised(columns: FloatArray) -> FloatArray:
    """Columns of mean 0 and variance 1, (n_rows, n_varying): far values drawn in, those that do not vary left out."""
    low, middle, high = np.quantile(columns, (0.25, 0.5, 0.75), axis=0)
    reach = np.where(high > low, FAR * (high - low) / QUARTILES, np.inf)
    inner = np.clip(columns, middle - reach, middle + reach)
    spread = inner.std(axis=0)
    varies = spread > SAME * np.abs(inner).max(axis=0, initial=0.0)
    found: FloatArray = (inner[:, varies] - inner[:, varies].mean(axis=0)) / spread[varies]
    return found


def normal_scores(x: FloatArray) -> FloatArray:
    """Normal quantile of each value's rank in its column; tied values share one."""
    found: FloatArray = special.ndtri((stats.rankdata(x, axis=0) - 0.5) / len(x))
    return found


def bases(columns: FloatArray) -> list[Basis]:
    """Bases that the rows can carry, the simplest first.

    Parameters
    ----------
    columns : ndarray(float, ndim=2)
        (n_rows, n_parameters).
    """
    x = standardised(columns)
    n, n_columns = x.shape
    free = n_columns <= n // ROWS_A_PLAIN_TERM
    plain = FREE * x if free else x
    scores = normal_scores(x)
    curves = splines(scores)
    found: list[Basis] = [Fixed(LINEAR, plain, not free)]
    if n_columns + curves.shape[1] <= n // ROWS_A_TERM:
        found.append(Fixed(ADDITIVE, np.hstack([plain, curves]), penalised=True))
    if n_columns > SQUARED:
        found.append(Indexed(scores, plain))
    elif n_columns > 1:
        pairs = products(scores)
        if n_columns + curves.shape[1] + pairs.shape[1] <= n // ROWS_A_TERM:
            found.append(Fixed(PAIRWISE, np.hstack([plain, curves, pairs]), penalised=True))
    return found


def splines(x: FloatArray) -> FloatArray:
    """Cubic splines of each column, knots at its quantiles, straight in the tails, which few rows tell."""
    n_knots = KNOTS if x.shape[1] <= FEW else FEW_KNOTS
    at = np.quantile(x, np.linspace(TAIL, 1.0 - TAIL, n_knots), axis=0)
    knots = [np.unique(each) for each in at.T]
    found: dict[int, FloatArray] = {}
    for count in {len(each) for each in knots if len(each) > 1}:  # one call for all columns of so many knots
        own = [k for k, each in enumerate(knots) if len(each) == count]
        places = np.column_stack([knots[k] for k in own])
        spline = SplineTransformer(degree=3, knots=places, include_bias=False, extrapolation="linear")
        found |= dict(zip(own, np.hsplit(spline.fit_transform(x[:, own]), len(own)), strict=True))
    terms = np.hstack([np.zeros((len(x), 0)), *(found[k] for k in sorted(found))])
    centred: FloatArray = terms - terms.mean(axis=0)
    return centred


def products(x: FloatArray) -> FloatArray:
    """Products of pairs of columns, and of their squares."""
    powers = [x, x**2 - (x**2).mean(axis=0)]
    first, second = np.triu_indices(x.shape[1], 1)
    terms = np.hstack([a[:, first] * b[:, second] for a in powers for b in powers])
    centred: FloatArray = terms - terms.mean(axis=0)
    return centred
