"""Solve a program exactly: profiles of its population, their averages, and how far these may be off.

The average over replicates of the profiles takes the place of the average over patients, so that everything read from
estimates holds for both; `n` is the number of replicates. The error of steps and intervals is found by solving a few
profiles again twice as fine: of a large model one profile under the first strategy, for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.engines.task import grid_at, occupancy_times
from lmssim.execution import fold
from lmssim.execution.backends import run_tasks
from lmssim.execution.estimates import EXACT, CountsAtTimes, Estimates, Means, SubgroupEstimates
from lmssim.execution.simulate import draw_times, named_times
from lmssim.execution.subgroups import subgroups_of
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.kernels.tally import Counts, Grid
from lmssim.model.population.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.engines.cohort.solver import Runner
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.subgroups import Subgroups
    from lmssim.kernels import CountArray, FloatArray, IntArray
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


@dataclass(kw_only=True)
class Solution(Estimates):
    """Estimates whose patients are replicates of profiles, each an average over the population.

    Attributes
    ----------
    replicates : Counts
        Counts of each replicate, with a leading axis.
    steps : ndarray(float, ndim=2)
        (n_strategies, n_outcomes): error of steps and intervals.
    halved : tuple of Counts
        Counts of the profiles that were solved again, averaged: with half the step, and with the whole.
    n_profiles : int
        Profiles in all.
    """

    replicates: Counts
    steps: FloatArray
    halved: tuple[Counts, Counts]
    n_profiles: int

    kind: ClassVar[str] = EXACT
    individual: ClassVar[bool] = False

    @property
    def n_people(self) -> int:
        """Profiles."""
        return self.n_profiles

    @property
    def step_error(self) -> FloatArray:
        """Error of steps and intervals."""
        return self.steps

    def endpoint_halved(self, strategy: int, endpoint: int) -> Sequence[tuple[FloatArray, FloatArray]]:
        """Probabilities of an endpoint with half the step and with the whole."""
        return [(each.endpoint[strategy, endpoint], each.early[strategy, endpoint]) for each in self.halved]

    def endpoint_replicates(self, strategy: int, endpoint: int) -> tuple[FloatArray, FloatArray] | None:
        """Probabilities of an endpoint in each replicate."""
        endpoints, early = self.replicates.endpoint, self.replicates.early
        return endpoints[:, strategy, endpoint].astype(np.float64), early[:, strategy, endpoint].astype(np.float64)

    def event_step_error(self, strategy: int, event: int) -> float:
        """From the profiles that were solved again."""
        finer, coarser = (each.marks[strategy, event, 1] for each in self.halved)
        return float(abs(finer - coarser))

    def _share_error(self, share: float, strategy: int, event: int) -> float:
        """From the spread of the replicates; 0 for a single one, which is exact."""
        each = self.replicates.marks[:, strategy, event, 1].astype(np.float64)
        return float(each.std(ddof=1) / np.sqrt(len(each)) / self.n_draws) if len(each) > 1 else 0.0

    def alone(self) -> Solution:
        """The solution of the very profiles, whose spread is then no error."""
        together = Counts(*(each.mean(axis=0, keepdims=True) for each in self.replicates))
        square, product = np.zeros_like(self.square), np.zeros_like(self.product)
        return replace(self, square=square, product=product, replicates=together)


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
    reader = _Reader(program, sampling, profiles)
    strategies, numbers = sampling.positions(program), program.numbers(draws)
    run = partial(run_tasks, backend=sampling.backend, jobs=sampling.jobs)
    fineness, halved, first = _settled(program, numbers[0], profiles, strategies, run)
    parts: list[Estimates] = []
    replicates: Counts | None = None
    capped: list[FloatArray] = []
    for d in range(len(numbers)):
        result = first if d == 0 else solve(program, numbers[d], profiles.x, fineness, run, strategies)
        counts = _counts(result, profiles)
        replicates = counts if replicates is None else Counts(*map(np.add, replicates, counts))
        parts.append(reader.read(result, counts))
        if (cut := result.capped(profiles.weights)) is not None:
            capped.append(cut)
        if progress is not None:
            progress(d + 1, len(numbers))
    assert replicates is not None
    stacked = fold.stack(parts)
    found = {
        each.name: getattr(stacked, each.name) for each in fields(Estimates) if each.name not in ("counts", "capped")
    }
    return Solution(
        **found,
        counts=Counts(*(each.sum(axis=0) for each in replicates)),
        replicates=replicates,
        steps=np.abs(halved[0].outcomes[0] - halved[1].outcomes[0]),
        halved=(_counts_of_one(halved[0]), _counts_of_one(halved[1])),
        n_profiles=len(profiles.x),
        capped=np.stack(capped) if capped else None,
    )


def _settled(
    program: Program, numbers: FloatArray, profiles: Profiles, strategies: Sequence[int], run: Runner
) -> tuple[Fineness, tuple[CohortResult, CohortResult], CohortResult]:
    """How fine to solve, what was checked with half the step and the whole, averaged, and the first solution.

    The change from one fineness to the next is, but for coarse beginnings, about four times that to the one after: it
    is an upper bound of the error of the finer one.
    """
    large, n_strategies = len(program.states) >= LARGE, len(strategies)
    settle = len(profiles.x) * n_strategies <= FEW and program.is_continuous and not large
    few, n_checked = profiles, n_strategies
    if not settle:
        n = min(CHECKED, len(profiles.x)) if program.is_continuous and not large else 1
        few = Profiles(profiles.x[:n], np.full(n, 1.0 / n), 1)
        n_checked = 1 if large and program.is_continuous else n_strategies
    fineness = Fineness()
    first = solve(program, numbers, profiles.x, fineness, run, strategies)
    coarse = _part(first, len(few.x), n_checked).averaged(few.weights)
    for halvings in range(1, MOST_HALVINGS + 1):
        finer = solve(program, numbers, few.x, fineness.finer(), run, strategies[:n_checked])
        fine = finer.averaged(few.weights)
        halved = fine, coarse
        if not settle:
            break
        fineness, coarse, first = fineness.finer(), fine, finer
        change = np.abs(fine.outcomes - halved[1].outcomes) / np.maximum(np.abs(fine.outcomes), TINY)
        change = change[..., :N_MAIN]
        if halvings == MOST_HALVINGS or change.max() <= SETTLED:
            break
    if n_checked < n_strategies:
        halved = _repeated(halved[0], n_strategies), _repeated(halved[1], n_strategies)
    return fineness, halved, first


def _repeated(result: CohortResult, n_strategies: int) -> CohortResult:
    """The one strategy's result in the place of every strategy's."""
    arrays = {each.name: getattr(result, each.name) for each in fields(result)}
    return replace(result, **{name: a.repeat(n_strategies, axis=1) for name, a in arrays.items() if a is not None})


def _counts_of_one(result: CohortResult) -> Counts:
    """Counts of a single profile."""
    return Counts(
        *(each[0] for each in (result.endpoint, result.occupancy, result.entries, result.marks, result.early))
    )


def _part(result: CohortResult, n_profiles: int, n_strategies: int) -> CohortResult:
    """Results of the first profiles under the first strategies."""
    arrays = {each.name: getattr(result, each.name) for each in fields(result)}
    return replace(result, **{name: a[:n_profiles, :n_strategies] for name, a in arrays.items() if a is not None})


# === One draw, read as estimates ===


class _Reader:
    """Reads solutions of one draw after another, by subgroup if there are any."""

    def __init__(self, program: Program, sampling: Sampling, profiles: Profiles) -> None:
        self.profiles = profiles
        self.yearly = _Times(program, draw_times(program)) if sampling.by_draw else None
        self.named = _Times(program, named_times(program))
        self.subgroups = subgroups_of(program, sampling.subgroups)
        self.group = None if self.subgroups is None else self.subgroups.of(profiles.x)

    def read(self, result: CohortResult, counts: Counts) -> Estimates:
        """Estimates of one draw, given the counts of its replicates."""
        profiles, whole = self.profiles, Counts(*(each.sum(axis=0) for each in counts))
        n = profiles.n_replicates
        mean, square, product = _moments(_by_replicate(result.outcomes, profiles, profiles.weights))
        state = _by_replicate(result.state, profiles, profiles.weights).sum(axis=0)
        by_draw = None if self.yearly is None else self.yearly.counts(np.full(1, float(n)), _lead(whole))
        return Estimates(
            n=n,
            mean=mean[None],
            square=square[None],
            product=product[None],
            state=state[None],
            counts=fold.NOBODY,  # those of the replicates are summed by themselves
            by_draw=by_draw,
            by_subgroup=self._by_subgroup(result, self.subgroups) if self.subgroups is not None else None,
        )

    def _by_subgroup(self, result: CohortResult, subgroups: Subgroups) -> SubgroupEstimates:
        parts = [
            _members(result, self.profiles, self.profiles.weights * (self.group == g))
            for g in range(len(subgroups.labels))
        ]
        means, members, counts = zip(*parts, strict=True)
        stacked = {
            name: np.stack([getattr(m, name) for m in means])[None] for name in ("mean", "square", "product", "state")
        }
        together = Counts(*(np.stack(each)[None] for each in zip(*counts, strict=True)))
        return SubgroupEstimates(
            n=np.array([[m.n for m in means]]),
            **stacked,
            labels=subgroups.labels,
            counts=self.named.counts(np.array([members]), together),
        )


class _Times:
    """A few times at which counts are kept."""

    def __init__(self, program: Program, times: Sequence[float]) -> None:
        self.times, self.occupancy_times = times, occupancy_times(program, times)
        self.grid: Grid = grid_at(program, times)

    def counts(self, members: FloatArray, counts: Counts) -> CountsAtTimes:
        """Counts on the program's grids, at the kept times."""
        kept = counts._replace(
            endpoint=_kept(counts.endpoint, self.grid.endpoint),
            occupancy=_kept(counts.occupancy, self.grid.occupancy),
            early=counts.early[..., :0],
        )
        return CountsAtTimes(self.times, self.occupancy_times, members, kept)


def _kept(values: CountArray, kept: IntArray) -> CountArray:
    """Sums over the steps that each kept time counts for."""
    first = np.searchsorted(kept, np.arange(kept[-1] + 1))
    sums: CountArray = np.add.reduceat(values, first, axis=-1)
    sums[..., :-1][..., np.diff(first) == 0] = 0  # times that no step divides: `reduceat` would give the next step
    return sums


def _lead(counts: Counts) -> Counts:
    """Counts with an axis of one draw."""
    return Counts(*(each[None] for each in counts))


def _members(result: CohortResult, profiles: Profiles, weights: FloatArray) -> tuple[Means, float, Counts]:
    """Means of a subgroup, what replicates weigh in it, and its counts, of profiles weighted by whether they belong.

    Notes
    -----
    With p and y what a replicate weighs in the subgroup and its weighted sum of an outcome, the mean is the ratio of
    their means over replicates, and deviates in a replicate by (y - p mean) / mean of p (delta method).
    """
    share = _by_replicate(np.ones(len(weights)), profiles, weights)
    sums = _by_replicate(result.outcomes, profiles, weights)
    with np.errstate(invalid="ignore"):
        mean = sums.sum(axis=0) / share.sum()
    beyond = (sums - share[:, None, None] * mean) / max(float(share.mean()), TINY)
    means = Means(
        n=profiles.n_replicates,
        mean=mean,
        square=(beyond**2).sum(axis=0),
        product=_products(beyond),
        state=_by_replicate(result.state, profiles, weights).sum(axis=0),
    )
    counts = Counts(*(each.sum(axis=0) for each in _counts(result, profiles, weights)))
    return means, float(share.sum()), counts


def _by_replicate(values: FloatArray, profiles: Profiles, weights: FloatArray) -> FloatArray:
    """Weighted sums of each replicate of profiles, leading axis of replicates."""
    weighted = values * weights.reshape(-1, *[1] * (values.ndim - 1))
    size = len(values) // profiles.n_replicates
    sums: FloatArray = weighted.reshape(profiles.n_replicates, size, *values.shape[1:]).sum(axis=1)
    return sums


def _moments(outcomes: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean, sums of squares, and co-moments between strategies over the replicates, as `Means` has them."""
    mean = outcomes.mean(axis=0)
    beyond = outcomes - mean
    return mean, (beyond**2).sum(axis=0), _products(beyond)


def _products(beyond: FloatArray) -> FloatArray:
    n_strategies = beyond.shape[1]
    product = np.empty((N_MAIN + 1, n_strategies, n_strategies))
    for k in range(N_MAIN):
        product[k] = np.einsum("gi,gj->ij", beyond[:, :, k], beyond[:, :, k])
    product[N_MAIN] = np.einsum("gi,gj->ij", beyond[:, :, QALY], beyond[:, :, COST])
    return product


def _counts(result: CohortResult, profiles: Profiles, weights: FloatArray | None = None) -> Counts:
    """Probabilities of each replicate."""
    weights = profiles.weights if weights is None else weights
    each = (result.endpoint, result.occupancy, result.entries, result.marks, result.early)
    return Counts(*(_by_replicate(values, profiles, weights) for values in each))
