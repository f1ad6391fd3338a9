"""Terms of a curve of one parameter: a line, an arc, or a cubic spline of five terms, as far as draws carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from sklearn.preprocessing import SplineTransformer

from lmssim.economics.voi.basis import ROWS_A_PLAIN_TERM, standardised

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

KNOTS = (0.01, 0.3, 0.7, 0.99)
"""Quantiles of the parameter at which the cubics meet."""
SAME = 1e-9
"""Part of the largest by which a term must differ from the others."""


def line_terms(column: FloatArray) -> FloatArray:
    """The parameter itself, (n_rows, 1), of mean 0 and variance 1, far values drawn in."""
    return standardised(column[:, None])


def arc_terms(column: FloatArray) -> FloatArray:
    """The parameter and its square, (n_rows, at most 2), each of mean 0 and variance 1.

    Of few draws, or of a parameter with few values, the line is all.

    Parameters
    ----------
    column : ndarray(float, ndim=1)
        (n_rows,): draws of the parameter.
    """
    if len(column) < 2 * ROWS_A_PLAIN_TERM or len(np.unique(column)) < len(KNOTS):
        return line_terms(column)
    x = _even(column)
    return np.hstack([x, standardised(x**2)])


def spline_terms(column: FloatArray) -> FloatArray:
    """Terms of a spline, (n_rows, at most 5), each of mean 0 and variance 1 and independent of the others.

    Of few draws, or of a parameter with few values, the line is all.

    Parameters
    ----------
    column : ndarray(float, ndim=1)
        (n_rows,): draws of the parameter.
    """
    x = _even(column)
    knots = np.unique(np.quantile(x, KNOTS))
    if len(column) < ROWS_A_PLAIN_TERM * (len(KNOTS) + 1) or len(knots) < len(KNOTS):
        return line_terms(column)
    spline = SplineTransformer(degree=3, knots=knots[:, None], include_bias=False, extrapolation="linear")
    terms = spline.fit_transform(x)
    vectors, sizes, _ = np.linalg.svd(terms - terms.mean(axis=0), full_matrices=False)
    found: FloatArray = np.sqrt(len(column)) * vectors[:, sizes > SAME * sizes[0]]
    return found


def _even(column: FloatArray) -> FloatArray:
    """The parameter or, where this has the more even tails, its logarithm, (n_rows, 1), far values drawn in.

    Ranks would be as even, but carry the noise of the sample into a curve.
    """
    if column.min() <= 0.0:
        return line_terms(column)
    logs = np.log(column)
    return line_terms(logs if abs(float(stats.skew(logs))) < abs(float(stats.skew(column))) else column)
