"""Shapley effects: the variance of a function of dependent inputs, divided among them so that the parts add up.

Sobol' indices of dependent inputs do not divide the variance. A Shapley effect is what an input adds to the variance
that is explained, averaged over all orders in which the inputs may become known.

References
----------
Owen AB. Sobol' indices and Shapley value. SIAM/ASA J Uncertain Quantif 2014;2:245-251. doi:10.1137/130936233
Song E, Nelson BL, Staum J. Shapley effects for global sensitivity analysis. SIAM/ASA J Uncertain Quantif
2016;4:1060-1083. doi:10.1137/15M1048070
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from lmssim.economics.variance_based.copula import Quadratic, fitted, refitted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.kernels import FloatArray

MOST_PARTS = 8
PARTS_LEFT_OUT = 20
"""Parts of the rows, each left out once, from whose spread errors are estimated."""


@dataclass(frozen=True)
class Shapley:
    """Shapley effects of the parts of a block.

    Attributes
    ----------
    effects, se : ndarray(float, ndim=1)
        (n_parts,): shares of the variance that the surrogate has; they add up to 1.
    surrogate : Quadratic
        What was fitted.
    """

    effects: FloatArray
    se: FloatArray
    surrogate: Quadratic


def shapley_effects(inputs: FloatArray, outcome: FloatArray, parts: Sequence[Sequence[int]]) -> Shapley:
    """Shapley effects on a quadratic surrogate and a Gaussian copula, with errors of a jackknife over groups of rows.

    Parameters
    ----------
    inputs : ndarray(float, ndim=2)
        (n_rows, n): joint draws of the block.
    outcome : ndarray(float, ndim=1)
        (n_rows,).
    parts : sequence of sequence of int
        Columns of each part, at most `MOST_PARTS` parts.
    """
    with threadpool_limits(limits=1):
        surrogate = fitted(inputs, outcome)
        effects = divided(surrogate, parts)
        group = np.arange(len(outcome)) % PARTS_LEFT_OUT
        others = [
            divided(refitted(inputs[group != k], outcome[group != k], surrogate.terms), parts)
            for k in range(PARTS_LEFT_OUT)
        ]
    se = np.sqrt((PARTS_LEFT_OUT - 1) * np.stack(others).var(axis=0))
    return Shapley(effects, se, surrogate)


def divided(surrogate: Quadratic, parts: Sequence[Sequence[int]]) -> FloatArray:
    """Shares of the variance of a surrogate, which add up to 1; 0 each if it has none."""

    def explained(known: tuple[int, ...]) -> float:
        return surrogate.explained([column for part in known for column in parts[part]])

    effects = shapley_values(explained, len(parts))
    whole = float(effects.sum())
    return effects / whole if whole > 0.0 else np.zeros(len(parts))


def shapley_values(value: Callable[[tuple[int, ...]], float], n: int) -> FloatArray:
    """Shapley values of n players.

    Parameters
    ----------
    value : callable
        Value of each coalition, given as the ascending numbers of its players; that of nobody is 0.
    """
    worth = {team: value(team) for size in range(n + 1) for team in combinations(range(n), size)}
    found = np.zeros(n)
    for team, before in worth.items():
        for player in set(range(n)) - set(team):
            found[player] += (worth[tuple(sorted((*team, player)))] - before) / (n * comb(n - 1, len(team)))
    return found
