"""Control variates of a regression on one parameter: what the parameters that are independent of it explain.

Linear terms of independent parameters have an expectation that does not depend on the parameter in question. Taken out
of the outcomes they change no expectation given it, but leave less noise. Coefficients come from other folds of the
draws, so that no row explains itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import RidgeCV

from lmssim.economics.voi.basis import standardised
from lmssim.economics.voi.ridge import N_FOLDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import FloatArray, IntArray

PENALTIES = np.logspace(-1.0, 4.0, 11)
FEWEST = 50
"""Draws from which on terms are fitted."""


@dataclass(frozen=True)
class Controls:
    """Terms of every parameter in a linear fit of some outcomes.

    Attributes
    ----------
    terms : mapping of str to ndarray(float, ndim=2)
        Of each parameter, (n_rows, n_outcomes), each of mean 0.
    total : ndarray(float, ndim=2)
        Their sum.
    r2 : float
        Share of the variance of the first outcome that they explain in rows that no fit has seen.
    """

    terms: Mapping[str, FloatArray]
    total: FloatArray
    r2: float

    def without(self, members: Sequence[str]) -> FloatArray:
        """Terms of all parameters but some, (n_rows, n_outcomes)."""
        left = self.total.copy()
        for name in members:
            if name in self.terms:
                left -= self.terms[name]
        return left


def controls(parameters: Mapping[str, FloatArray], outcomes: FloatArray, folds: IntArray) -> Controls:
    """Fit outcomes by all parameters.

    Parameters
    ----------
    parameters : mapping of str to ndarray(float, ndim=1)
        (n_rows,) each; none of them constant.
    outcomes : ndarray(float, ndim=2)
        (n_rows, n_outcomes).
    folds : ndarray(int, ndim=1)
        Fold of each row, from `lmssim.economics.voi.ridge.folds_of`.
    """
    names = list(parameters)
    x = standardised(np.column_stack([parameters[name] for name in names]))
    if len(x) < FEWEST or x.shape[1] != len(names):
        return Controls({}, np.zeros_like(outcomes), 0.0)
    terms = np.zeros((len(names), *outcomes.shape))
    for k in range(outcomes.shape[1]):
        for fold in range(N_FOLDS):
            out = folds == fold
            fit = RidgeCV(alphas=PENALTIES).fit(x[~out], outcomes[~out, k])
            terms[:, out, k] = (x[out] * fit.coef_).T
    terms -= terms.mean(axis=1, keepdims=True)
    total: FloatArray = terms.sum(axis=0)
    left = float((outcomes[:, 0] - total[:, 0]).var())
    whole = float(outcomes[:, 0].var())
    r2 = 1.0 - left / whole if whole > 0.0 else 0.0
    if r2 <= 0.0:
        return Controls({}, np.zeros_like(outcomes), 0.0)
    return Controls(dict(zip(names, terms, strict=True)), total, r2)
