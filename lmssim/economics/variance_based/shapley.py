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
FEWEST_SETS = 3
"""Sets of patients from which their chance is told, at least."""


@dataclass(frozen=True)
class Shapley:
    """Shapley effects of the parts of a block.

    Attributes
    ----------
    effects, se : ndarray(float, ndim=1)
        (n_parts,): shares of the variance that the surrogate has; they add up to 1. Errors hold the chance of the rows
        and of the patients.
    surrogate : Quadratic
        What was fitted.
    """

    effects: FloatArray
    se: FloatArray
    surrogate: Quadratic


def shapley_effects(inputs: FloatArray, outcomes: FloatArray, parts: Sequence[Sequence[int]]) -> Shapley:
    """Shapley effects on a quadratic surrogate and a Gaussian copula, with errors of two jackknives.

    One leaves out groups of rows, the other sets of patients; their variances are added.

    Parameters
    ----------
    inputs : ndarray(float, ndim=2)
        (n_rows, n): joint draws of the block.
    outcomes : ndarray(float, ndim=2)
        (n_rows, n_sets): by set of patients.
    parts : sequence of sequence of int
        Columns of each part, at most `MOST_PARTS` parts.
    """
    outcome, sets = outcomes.mean(axis=1), outcomes.shape[1]
    group = np.arange(len(outcome)) % PARTS_LEFT_OUT
    with threadpool_limits(limits=1):
        surrogate = fitted(inputs, outcome)
        terms, effects = surrogate.terms, divided(surrogate, parts)
        variance = _jackknifed(
            [divided(refitted(inputs[group != k], outcome[group != k], terms), parts) for k in range(PARTS_LEFT_OUT)]
        )
        if sets >= FEWEST_SETS:
            fewer = [np.delete(outcomes, s, axis=1).mean(axis=1) for s in range(sets)]
            variance = variance + _jackknifed([divided(refitted(inputs, each, terms), parts) for each in fewer])
    return Shapley(effects, np.sqrt(variance), surrogate)


def _jackknifed(left: Sequence[FloatArray]) -> FloatArray:
    """Variance from what is found without each part in turn."""
    found: FloatArray = (len(left) - 1) * np.stack(left).var(axis=0)
    return found


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
