"""Control variates of a regression on one parameter: what the parameters that are independent of it explain.

Terms of independent parameters have an expectation that does not depend on the parameter in question. Taken out of the
outcomes they change no expectation given it, but leave less noise. Coefficients come from other folds of the
draws, so that no row explains itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.voi.ridge import N_FOLDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lmssim.kernels import FloatArray, IntArray

PENALTIES = np.logspace(-1.0, 4.0, 11)
FEWEST = 50
"""Draws from which on terms are fitted."""


@dataclass(frozen=True)
class Controls:
    """What every parameter explains in a fit of some outcomes, which is a sum of terms.

    Attributes
    ----------
    names : sequence of str
        Parameter of each term.
    columns : ndarray(float, ndim=2)
        (n_rows, n_terms), each of mean 0 and variance 1.
    slopes : ndarray(float, ndim=3)
        (n_folds, n_terms, n_outcomes): of fits that have not seen the rows of a fold.
    folds : ndarray(int, ndim=1)
        (n_rows,): fold of each row.
    r2 : float
        Share of the variance of the first outcome that they explain in rows that no fit has seen.
    """

    names: Sequence[str]
    columns: FloatArray
    slopes: FloatArray
    folds: IntArray
    r2: float

    def of(self, members: Collection[str]) -> FloatArray:
        """What some parameters explain, (n_rows, n_outcomes), of mean 0."""
        kept = [k for k, name in enumerate(self.names) if name in members]
        return _terms(self.columns[:, kept], self.slopes[:, kept], self.folds)

    def without(self, members: Collection[str]) -> FloatArray:
        """What all parameters but some explain, (n_rows, n_outcomes), of mean 0."""
        return self.of(set(self.names) - set(members))


def controls(parameters: Mapping[str, FloatArray], outcomes: FloatArray, folds: IntArray) -> Controls:
    """Fit outcomes by all parameters.

    Parameters
    ----------
    parameters : mapping of str to ndarray(float, ndim=2)
        (n_rows, n_terms) each, of mean 0 and variance 1, such as `lmssim.economics.one_way.spline` makes of draws.
    outcomes : ndarray(float, ndim=2)
        (n_rows, n_outcomes).
    folds : ndarray(int, ndim=1)
        Fold of each row, from `lmssim.economics.voi.ridge.folds_of`.
    """
    nothing = Controls((), np.zeros((len(outcomes), 0)), np.zeros((N_FOLDS, 0, outcomes.shape[1])), folds, 0.0)
    if not parameters or len(outcomes) < FEWEST:
        return nothing
    names = [name for name, terms in parameters.items() for _ in range(terms.shape[1])]
    x = np.hstack(list(parameters.values()))
    slopes = _slopes(x, outcomes, folds)
    left = float((outcomes[:, 0] - _terms(x, slopes, folds)[:, 0]).var())
    whole = float(outcomes[:, 0].var())
    r2 = 1.0 - left / whole if whole > 0.0 else 0.0
    return Controls(names, x, slopes, folds, r2) if r2 > 0.0 else nothing


def _slopes(x: FloatArray, outcomes: FloatArray, folds: IntArray) -> FloatArray:
    """Slopes of each fold's fit, each outcome at the penalty that predicts unseen rows best."""
    tried = np.stack([_ridge(x[folds != fold], outcomes[folds != fold]) for fold in range(N_FOLDS)])
    missed = np.zeros((len(PENALTIES), outcomes.shape[1]))
    for fold in range(N_FOLDS):
        out = folds == fold
        level = outcomes[~out].mean(axis=0) - outcomes[out]
        for k, slopes in enumerate(tried[fold]):
            missed[k] += ((level + x[out] @ slopes) ** 2).sum(axis=0)
    best = missed.argmin(axis=0)
    return np.ascontiguousarray(tried[:, best, :, np.arange(outcomes.shape[1])].transpose(1, 2, 0))


def _ridge(x: FloatArray, y: FloatArray) -> FloatArray:
    """Slopes at every penalty, (n_penalties, n_terms, n_outcomes)."""
    x = x - x.mean(axis=0)
    values, vectors = np.linalg.eigh(x.T @ x)
    turned = vectors.T @ (x.T @ (y - y.mean(axis=0)))
    kept = np.maximum(values, 0.0)
    return np.stack([vectors @ (turned / (kept + penalty)[:, None]) for penalty in PENALTIES])


def _terms(x: FloatArray, slopes: FloatArray, folds: IntArray) -> FloatArray:
    """Sum of terms, (n_rows, n_outcomes), each row's from the fit that has not seen it."""
    found = np.zeros((len(x), slopes.shape[2]))
    for fold in range(N_FOLDS):
        found[folds == fold] = x[folds == fold] @ slopes[fold]
    centred: FloatArray = found - found.mean(axis=0)
    return centred
