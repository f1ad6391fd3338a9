"""Solve a program exactly: profiles of its population, their averages, and how far these may be off.

The average over groups of profiles takes the place of the average over patients, so that everything read from
estimates holds for both; `n` is the number of groups. The error of steps and intervals is found by solving a few
profiles again twice as fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.solver import solve
from lmssim.execution.fold import Estimates
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.kernels.tally import Counts
from lmssim.model.profiles import Profiles, choose_profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

CHECKED = 2
"""Profiles that are solved again, twice as fine."""


@dataclass
class Solution(Estimates):
    """Estimates whose patients are groups of profiles, each an average over the population.

    Attributes
    ----------
    groups : Counts
        Counts of each group, with a leading axis.
    step_error : ndarray(float, ndim=2)
        (n_strategies, n_outcomes): error of steps and intervals.
    step_error_endpoint : ndarray(float, ndim=4)
        (n_strategies, n_endpoints, 3, n_steps + 2): the same, of the endpoints' cumulative probabilities.
    n_profiles : int
        Profiles in all.
    """

    groups: Counts
    step_error: FloatArray
    step_error_endpoint: FloatArray
    n_profiles: int


def solve_population(
    program: Program,
    sampling: Sampling,
    draws: Mapping[str, FloatArray] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Solution:
    """Expected outcomes of the population, for the base case or each parameter draw.

    Parameters
    ----------
    draws : mapping of str to ndarray(float, ndim=1), optional
        Parameter draws, (n_draws,) each; the base case if absent.
    progress : callable, optional
        Called with (draws done, draws in all) after each draw.

    Raises
    ------
    InputError
        If the program asks for what cannot be solved.
    """
    profiles = choose_profiles(program, sampling.profiles, sampling.seed)
    numbers = program.numbers(draws)
    fineness = Fineness()
    means, squares, products, states = [], [], [], []
    groups: Counts | None = None
    for d in range(len(numbers)):
        result = solve(program, numbers[d], profiles.x, fineness, sampling.jobs)
        mean, square, product = _moments(_by_group(result.outcomes, profiles))
        means.append(mean)
        squares.append(square)
        products.append(product)
        states.append(_by_group(result.state, profiles).sum(axis=0))
        counts = _counts(result, profiles)
        groups = counts if groups is None else Counts(*(a + b for a, b in zip(groups, counts, strict=True)))
        if progress is not None:
            progress(d + 1, len(numbers))
    assert groups is not None
    few = Profiles(profiles.x[:CHECKED], np.full(len(profiles.x[:CHECKED]), 1.0 / len(profiles.x[:CHECKED])), 1)
    coarse = solve(program, numbers[0], few.x, fineness, sampling.jobs)
    fine = solve(program, numbers[0], few.x, fineness.finer(), sampling.jobs)
    return Solution(
        n=profiles.n_groups, mean=np.stack(means), square=np.stack(squares), product=np.stack(products),
        state=np.stack(states), counts=Counts(*(each.sum(axis=0) for each in groups)), groups=groups,
        step_error=np.abs(_by_group(coarse.outcomes - fine.outcomes, few)[0]),
        step_error_endpoint=np.abs(_by_group(coarse.endpoint - fine.endpoint, few)[0].cumsum(axis=-1)),
        n_profiles=len(profiles.x),
    )  # fmt: skip


def _by_group(values: FloatArray, profiles: Profiles) -> FloatArray:
    """Averages of each group of profiles, leading axis of groups."""
    weighted = values * profiles.weights.reshape(-1, *[1] * (values.ndim - 1))
    size = len(values) // profiles.n_groups
    return weighted.reshape(profiles.n_groups, size, *values.shape[1:]).sum(axis=1)


def _moments(outcomes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean, sums of squares, and co-moments between strategies over the groups, as `Estimates` has them."""
    mean = outcomes.mean(axis=0)
    beyond = outcomes - mean
    n_strategies = outcomes.shape[1]
    product = np.empty((N_MAIN + 1, n_strategies, n_strategies))
    for k in range(N_MAIN):
        product[k] = np.einsum("gi,gj->ij", beyond[:, :, k], beyond[:, :, k])
    product[N_MAIN] = np.einsum("gi,gj->ij", beyond[:, :, QALY], beyond[:, :, COST])
    return mean, (beyond**2).sum(axis=0), product


def _counts(result: CohortResult, profiles: Profiles) -> Counts:
    return Counts(
        endpoint=_by_group(result.endpoint, profiles), occupancy=_by_group(result.occupancy, profiles),
        entries=_by_group(result.entries, profiles), marks=_by_group(result.marks, profiles),
    )  # type: ignore[arg-type]  # probabilities in place of integers
