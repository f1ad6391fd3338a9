"""Solve a program exactly: profiles of its population, their averages, and how far these may be off.

The average over groups of profiles takes the place of the average over patients, so that everything read from
estimates holds for both; `n` is the number of groups. The error of steps and intervals is found by solving a few
profiles again twice as fine: of a large model one profile under the first strategy, for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.execution.backends import run_tasks
from lmssim.execution.fold import Estimates
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.kernels.tally import Counts
from lmssim.model.population.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.engines.cohort.solver import Runner
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

CHECKED = 2
"""Profiles that are solved again, twice as fine, to find the error of steps."""
LARGE = 32
"""Flat states from which on a model is large: its solutions take seconds each."""
FEW = 8
"""Solutions (profiles x strategies) up to which all are solved finer and finer until they settle, unless large."""
SETTLED = 1e-5
"""Largest change, relative to the outcome, at which they have."""
MOST_HALVINGS = 4
TINY = 1e-300


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
    run = partial(run_tasks, jobs=sampling.jobs)
    means, squares, products, states = [], [], [], []
    groups: Counts | None = None
    fineness, error, first = _settled(program, numbers[0], profiles, run)
    for d in range(len(numbers)):
        result = first if d == 0 else solve(program, numbers[d], profiles.x, fineness, run)
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
    return Solution(
        n=profiles.n_groups,
        mean=np.stack(means),
        square=np.stack(squares),
        product=np.stack(products),
        state=np.stack(states),
        counts=Counts(*(each.sum(axis=0) for each in groups)),
        groups=groups,
        step_error=error.outcomes[0],
        step_error_endpoint=error.endpoint[0],
        n_profiles=len(profiles.x),
    )


def _settled(
    program: Program, numbers: FloatArray, profiles: Profiles, run: Runner
) -> tuple[Fineness, CohortResult, CohortResult]:
    """How fine to solve, the change that halving brings, averaged over what was checked, and the first solution.

    The change from one fineness to the next is, but for coarse beginnings, about four times that to the one after: it
    is an upper bound of the error of the finer one.
    """
    large, n_strategies = len(program.states) >= LARGE, len(program.strategies)
    settle = len(profiles.x) * n_strategies <= FEW and program.is_continuous and not large
    few, n_checked = profiles, n_strategies
    if not settle:
        n = min(CHECKED, len(profiles.x)) if program.is_continuous and not large else 1
        few = Profiles(profiles.x[:n], np.full(n, 1.0 / n), 1)
        n_checked = 1 if large and program.is_continuous else n_strategies
    fineness = Fineness()
    first = solve(program, numbers, profiles.x, fineness, run)
    coarse = _part(first, len(few.x), n_checked).averaged(few.weights)
    for halvings in range(1, MOST_HALVINGS + 1):
        finer = solve(program, numbers, few.x, fineness.finer(), run, n_checked)
        fine = finer.averaged(few.weights)
        error = replace(
            fine,
            outcomes=np.abs(fine.outcomes - coarse.outcomes),
            endpoint=np.abs((fine.endpoint - coarse.endpoint).cumsum(axis=-1)),
        )
        if not settle:
            break
        fineness, coarse, first = fineness.finer(), fine, finer
        change = error.outcomes[..., :N_MAIN] / np.maximum(np.abs(fine.outcomes[..., :N_MAIN]), TINY)
        if halvings == MOST_HALVINGS or change.max() <= SETTLED:
            break
    if n_checked < n_strategies:
        error = replace(
            error,
            outcomes=error.outcomes.repeat(n_strategies, axis=1),
            endpoint=error.endpoint.repeat(n_strategies, axis=1),
        )
    return fineness, error, first


def _part(result: CohortResult, n_profiles: int, n_strategies: int) -> CohortResult:
    """Results of the first profiles under the first strategies."""
    arrays = {each.name: getattr(result, each.name) for each in fields(result)}
    return replace(result, **{name: a[:n_profiles, :n_strategies] for name, a in arrays.items() if a is not None})


def _by_group(values: FloatArray, profiles: Profiles) -> FloatArray:
    """Averages of each group of profiles, leading axis of groups."""
    weighted = values * profiles.weights.reshape(-1, *[1] * (values.ndim - 1))
    size = len(values) // profiles.n_groups
    means: FloatArray = weighted.reshape(profiles.n_groups, size, *values.shape[1:]).sum(axis=1)
    return means


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
        endpoint=_by_group(result.endpoint, profiles),
        occupancy=_by_group(result.occupancy, profiles),
        entries=_by_group(result.entries, profiles),
        marks=_by_group(result.marks, profiles),
    )
