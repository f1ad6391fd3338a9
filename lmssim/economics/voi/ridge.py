"""Ridge regression of several outcomes on one basis, its penalty and its terms chosen by cross-validation.

Folds hold whole posterior rows: rows of draws that repeat a posterior row are never on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.economics.voi.basis import Basis, MaskArray
    from lmssim.kernels import FloatArray, IntArray

N_FOLDS = 5
PENALTIES = np.logspace(-7.0, 1.0, 9)
"""Of a term of variance 1, in standard deviations: what is tried."""


@dataclass(frozen=True)
class Fit:
    """Expected outcomes given parameters.

    Attributes
    ----------
    terms : str
        Name of the basis.
    penalty : float
        Ridge penalty per row.
    design : ndarray(float, ndim=2)
        (n_seen, n_terms), of mean 0 over all rows: rows that were fitted.
    outcomes, fitted, unseen : ndarray(float, ndim=2)
        (n_rows, n_outcomes): what was fitted; the fit; and what fits predict that have not seen the row: fits to the
        other folds, or the fit itself of a row that is not among those fitted.
    """

    terms: str
    penalty: float
    design: FloatArray
    outcomes: FloatArray
    fitted: FloatArray
    unseen: FloatArray

    @cached_property
    def factor(self) -> tuple[FloatArray, bool]:
        """Cholesky factor of X'X plus the penalty."""
        n, k = self.design.shape
        gram = self.design.T @ self.design
        gram[np.diag_indices(k)] += n * self.penalty
        found: tuple[FloatArray, bool] = linalg.cho_factor(gram)
        return found

    @cached_property
    def leverage(self) -> FloatArray:
        """Weight of each row's own outcome in its fit, (n_rows,)."""
        solved = linalg.cho_solve(self.factor, self.design.T)
        found: FloatArray = 1.0 / len(self.design) + (self.design * solved.T).sum(axis=1)
        return found

    def moved(self, residuals: FloatArray) -> FloatArray:
        """How the fit moves if residuals, (n_rows, n), are added to what is fitted."""
        solved: FloatArray = linalg.cho_solve(self.factor, self.design.T @ residuals)
        moved: FloatArray = self.design @ solved + residuals.mean(axis=0)
        return moved


def folds_of(rows: IntArray, n_folds: int = N_FOLDS) -> IntArray:
    """Fold of each row, from 0 on, all rows of a cluster in one: clusters are dealt out in the order of their numbers.

    Two halves divide each of the five folds evenly, and the other way round.
    """
    _, cluster = np.unique(rows, return_inverse=True)
    order = np.random.Generator(np.random.Philox(0)).permutation(int(cluster.max()) + 1)
    folds: IntArray = (order % n_folds)[cluster]
    return folds


def best_fit(
    bases: Sequence[Basis], outcomes: FloatArray, weights: FloatArray, folds: IntArray, seen: MaskArray | None = None
) -> Fit:
    """The fit that predicts rows of other folds best.

    Parameters
    ----------
    bases : sequence of Basis
        The simplest first: more terms are taken if what they save of the squared error is above its standard error.
    outcomes : ndarray(float, ndim=2)
        (n_rows, n_outcomes).
    weights : ndarray(float, ndim=1)
        (n_outcomes,): how much an error in each counts.
    folds : ndarray(int, ndim=1)
        From `folds_of`.
    seen : ndarray(bool, ndim=1), optional
        (n_rows,): rows that choose and make the fit; all if absent.
    """
    seen = np.ones(len(outcomes), dtype=np.bool_) if seen is None else seen
    truth = outcomes[seen]
    best, *others = (_fit(basis, outcomes, weights, folds, seen) for basis in bases)
    for fit in others:
        saved = ((best.unseen[seen] - truth) ** 2 - (fit.unseen[seen] - truth) ** 2) @ weights
        if saved.mean() > saved.std(ddof=1) / np.sqrt(len(saved)):
            best = fit
    return best


def _fit(basis: Basis, outcomes: FloatArray, weights: FloatArray, folds: IntArray, seen: MaskArray) -> Fit:
    """The fit at the penalty at which rows of other folds are predicted best."""
    penalties = PENALTIES if basis.penalised else PENALTIES[:1]
    unseen = np.empty((len(penalties), *outcomes.shape))
    for fold in range(N_FOLDS):
        out = seen & (folds == fold)
        design = basis.design(outcomes, weights, seen & ~out)
        for k, predicted in enumerate(_predictions(design, outcomes, seen & ~out, out, penalties)):
            unseen[k, out] = predicted
    errors = [float((((each - outcomes[seen]) ** 2).mean(axis=0) * weights).sum()) for each in unseen[:, seen]]
    k = int(np.argmin(errors))
    design = basis.design(outcomes, weights, seen)
    everyone = np.ones(len(outcomes), dtype=np.bool_)
    (fitted,) = _predictions(design, outcomes, seen, everyone, penalties[k : k + 1])
    predicted = np.where(seen[:, None], unseen[k], fitted)
    return Fit(basis.name, float(penalties[k]), design[seen], outcomes, fitted, predicted)


def _predictions(
    design: FloatArray, outcomes: FloatArray, seen: MaskArray, asked: MaskArray, penalties: FloatArray
) -> Iterator[FloatArray]:
    """Predictions at each penalty, of the rows asked for, from those seen."""
    x, y = design[seen], outcomes[seen]
    centre, level = x.mean(axis=0), y.mean(axis=0)
    x = x - centre
    values, vectors = np.linalg.eigh(x.T @ x)
    turned = vectors.T @ (x.T @ (y - level))
    target = (design[asked] - centre) @ vectors
    for penalty in penalties:
        yield level + target @ (turned / (np.maximum(values, 0.0) + len(x) * penalty)[:, None])
