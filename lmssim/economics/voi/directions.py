"""Few directions in which outcomes change, found among many parameters.

Of forty parameters, pairs alone are 780 terms, more than the usual number of draws can tell. Net benefits mostly change
along few directions of the parameters, though: those of the linear regression, and those in which the curvature that it
leaves is greatest (principal Hessian directions, which are exact if the parameters are jointly normal). Splines and
pairs of these directions are few terms. They are looked for anew in each fold, so that cross-validation tells the truth
about them.

References
----------
Li K-C. On principal Hessian directions for data visualization and dimension reduction: another application of Stein's
lemma. J Am Stat Assoc 87:1025-1039, 1992. doi:10.1080/01621459.1992.10476258
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

CURVED = 3
"""Directions of curvature that are taken of each outcome."""
MOST_OUTCOMES = 4
"""Outcomes of the greatest weight whose directions are looked for."""
RANK = 1e-8
"""Share of the largest variance below which a direction of the parameters counts as none."""


def directions(x: FloatArray, outcomes: FloatArray, weights: FloatArray, n_directions: int) -> FloatArray:
    """Directions along which outcomes change most, (n_parameters, n_found), of variance 1 and uncorrelated.

    Parameters
    ----------
    x : ndarray(float, ndim=2)
        (n_rows, n_parameters): normal scores of the parameters.
    outcomes : ndarray(float, ndim=2)
        (n_rows, n_outcomes).
    weights : ndarray(float, ndim=1)
        (n_outcomes,): how much each outcome counts.
    n_directions : int
        How many at most.
    """
    whitened = _whitening(x)
    z = x @ whitened
    found = []
    for s in np.argsort(-weights, kind="stable")[:MOST_OUTCOMES]:
        if weights[s] > 0.0:
            found.append(np.sqrt(weights[s]) * _of_outcome(z, outcomes[:, s]))
    if not found:
        return whitened[:, :n_directions]
    left, _, _ = np.linalg.svd(np.hstack(found), full_matrices=False)
    chosen: FloatArray = whitened @ left[:, :n_directions]
    return chosen


def _whitening(x: FloatArray) -> FloatArray:
    """Combinations of columns that are uncorrelated and of variance 1, (n_parameters, n)."""
    values, vectors = np.linalg.eigh(np.cov(x, rowvar=False, ddof=0).reshape(x.shape[1], x.shape[1]))
    kept = values > RANK * values[-1]
    found: FloatArray = vectors[:, kept] / np.sqrt(values[kept])
    return found


def _of_outcome(z: FloatArray, outcome: FloatArray) -> FloatArray:
    """Directions of an outcome, each as long as the outcome changes along it, (n, 1 + CURVED)."""
    y = outcome - outcome.mean()
    slope = np.linalg.lstsq(z, y, rcond=None)[0]
    left = y - z @ slope
    hessian = z.T @ (left[:, None] * z) / len(z)
    values, vectors = np.linalg.eigh(hessian)
    largest = np.argsort(-np.abs(values), kind="stable")[:CURVED]
    found: FloatArray = np.column_stack([slope, vectors[:, largest] * (np.abs(values[largest]) / np.sqrt(2.0))])
    return found
