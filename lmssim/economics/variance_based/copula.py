"""A quadratic function of dependent inputs on a Gaussian copula, whose conditional variances have closed forms.

Inputs are taken to their normal scores, the normal quantiles of their ranks. These are treated as jointly normal, with
the correlation that they have: that, and the quadratic form of the answer, make what is found approximate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import RidgeCV

from lmssim.economics.voi.basis import normal_scores
from lmssim.economics.voi.ridge import N_FOLDS, folds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray, IntArray

PENALTIES = np.logspace(-3.0, 5.0, 17)
ROWS_A_TERM = 4
"""Rows that each term of a fit must have at least."""
LINEAR, SQUARES, PAIRS = "linear", "linear and squares", "linear, squares and pairs"


@dataclass(frozen=True)
class Quadratic:
    """b'z + z'Qz of jointly normal z with variances 1.

    Attributes
    ----------
    linear : ndarray(float, ndim=1)
        (n,): b.
    form : ndarray(float, ndim=2)
        (n, n): Q, symmetric.
    correlation : ndarray(float, ndim=2)
        (n, n).
    terms : str
        Which terms were fitted.
    r2 : float
        Share of the outcome's variance explained in rows that no fit has seen.
    """

    linear: FloatArray
    form: FloatArray
    correlation: FloatArray
    terms: str = PAIRS
    r2: float = float("nan")

    def explained(self, known: Sequence[int]) -> float:
        """Variance of what is expected given some inputs, Var(E[g | z_known]).

        Notes
        -----
        With P = R[:, known] R[known, known]^-1 the expectation is (P'b)'z + z'P'QPz + constant, of variance
        (P'b)'R(P'b) + 2 tr((P'QP R)^2), R that of the known ones.
        """
        if not len(known):
            return 0.0
        index = list(known)
        own = self.correlation[np.ix_(index, index)]
        weights = self.correlation[:, index] @ np.linalg.pinv(own, hermitian=True)
        linear, form = weights.T @ self.linear, weights.T @ self.form @ weights @ own
        return float(linear @ own @ linear + 2.0 * np.sum(form * form.T))


def fitted(inputs: FloatArray, outcome: FloatArray) -> Quadratic:
    """The quadratic that predicts unseen rows best: linear, with squares, or with squares and pairs.

    Parameters
    ----------
    inputs : ndarray(float, ndim=2)
        (n_rows, n): each column varies; rows that are equal stay in one fold.
    outcome : ndarray(float, ndim=1)
        (n_rows,).
    """
    z = normal_scores(inputs)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    _, row = np.unique(inputs, axis=0, return_inverse=True)
    folds = folds_of(row.ravel())
    best, least = None, np.inf
    for terms in (LINEAR, SQUARES, PAIRS):
        design, pairs = _design(z, terms)
        if design.shape[1] * ROWS_A_TERM > len(z) and terms != LINEAR:
            break
        errors = (outcome - _unseen(design, outcome, folds)) ** 2
        if best is None or errors.mean() < least:
            best, least = (terms, design, pairs), float(errors.mean())
    assert best is not None
    terms, design, pairs = best
    variance = float(outcome.var())
    b, form = _coefficients(design, outcome, pairs, z.shape[1])
    correlation = np.corrcoef(z, rowvar=False).reshape(z.shape[1], z.shape[1])
    return Quadratic(b, form, correlation, terms, 1.0 - least / variance if variance > 0.0 else 0.0)


def refitted(inputs: FloatArray, outcome: FloatArray, terms: str) -> Quadratic:
    """The same terms fitted to other rows."""
    z = normal_scores(inputs)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    design, pairs = _design(z, terms)
    b, form = _coefficients(design, outcome, pairs, z.shape[1])
    return Quadratic(b, form, np.corrcoef(z, rowvar=False).reshape(len(b), len(b)), terms)


def _design(z: FloatArray, terms: str) -> tuple[FloatArray, IntArray]:
    """Terms of every row, and the two inputs of each product."""
    n = z.shape[1]
    first, second = np.triu_indices(n, 0)
    if terms != PAIRS:
        same = first == second
        first, second = (first[same], second[same]) if terms == SQUARES else (first[:0], second[:0])
    products = z[:, first] * z[:, second]
    return np.hstack([z, products - products.mean(axis=0)]), np.stack([first, second])


def _unseen(design: FloatArray, outcome: FloatArray, folds: IntArray) -> FloatArray:
    """Predictions of each row by a fit to the other folds."""
    found = np.empty(len(outcome))
    for fold in range(N_FOLDS):
        out = folds == fold
        fit = RidgeCV(alphas=PENALTIES).fit(design[~out], outcome[~out])
        found[out] = fit.predict(design[out])
    return found


def _coefficients(design: FloatArray, outcome: FloatArray, pairs: IntArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Linear coefficients, and those of products as a symmetric matrix."""
    coefficients = RidgeCV(alphas=PENALTIES).fit(design, outcome).coef_
    form = np.zeros((n, n))
    first, second = pairs
    np.add.at(form, (first, second), 0.5 * coefficients[n:])
    np.add.at(form, (second, first), 0.5 * coefficients[n:])
    return np.asarray(coefficients[:n], dtype=np.float64), form
