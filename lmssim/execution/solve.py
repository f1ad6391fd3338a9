"""Solve a program exactly: profiles of its population, their averages, and how far these may be off.

The average over replicates of the profiles takes the place of the average over patients, so that everything read from
estimates holds for both; `n` is the number of replicates. The error of steps and intervals is an estimate, from the
changes when a few profiles are solved again half as fine, twice and four times as fine: of a large model one profile,
and only half as fine, and twice under the first strategy. It is no bound.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.engines.task import grid_at, occupancy_times
from lmssim.errors import InputError, LowMemoryError, TooLargeError
from lmssim.execution import fold
from lmssim.execution.backends import run_tasks
from lmssim.execution.estimates import EXACT, CountsAtTimes, Estimates, Means, SubgroupEstimates
from lmssim.execution.partitions import told_apart
from lmssim.execution.simulate import draw_times, named_times, partition_times
from lmssim.execution.subgroups import subgroups_of
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.kernels.tally import Counts, Grid
from lmssim.model.population.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.engines.cohort.solver import Runner
    from lmssim.execution.estimates import EndpointPair
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
FEWEST_HALVINGS, MOST_HALVINGS = 2, 4
"""A single change may be small by chance."""
OF_COARSER, OF_FINER, OF_FINEST, OF_BEFORE = 0.5, 2.0, 1.5, 0.25
"""Parts of a change that its error is taken to be at least: of a solution, the change from one half as fine, and those
to one twice and one four times as fine; of the finest of three, the first of the two changes beside the whole second.

If halving divides the error by four, the first two are 1.5 times the error, the last is 3 times; if it only halves the
error, all are about the error itself."""
TINY = 1e-300


@dataclass(frozen=True)
class _Check:
    """Two solutions of the same profiles, averaged, of which one is finer: the error is taken from their distance.

    Attributes
    ----------
    part : float
        Multiple of the distance that the error is taken to be at least.
    finer, coarser : CohortResult
        Results of one profile.
    """

    part: float
    finer: CohortResult
    coarser: CohortResult

    def repeated(self, n: int) -> _Check:
        """The same for `n` strategies, if it is of one."""
        n_known = self.finer.outcomes.shape[1]
        return self if n_known == n else _Check(self.part, self.finer.repeated(n), self.coarser.repeated(n))


@dataclass(kw_only=True)
class Solution(Estimates):
    """Estimates whose patients are replicates of profiles, each an average over the population.

    Attributes
    ----------
    replicates : Counts
        Counts of each replicate, with a leading axis.
    steps : ndarray(float, ndim=2)
        (n_strategies, n_outcomes): error of steps and intervals.
    checks : tuple of (float, Counts, Counts)
        Pairs of solutions of a few profiles, averaged, one finer than the other, and the multiple of their distance
        that the error of steps is taken to be at least.
    n_profiles : int
        Profiles in all.
    by_replicate : ndarray(float, ndim=4)
        (n_draws, n_replicates, n_strategies, n_outcomes): outcomes of each replicate, whose mean is `mean`.
    """

    replicates: Counts
    steps: FloatArray
    checks: tuple[tuple[float, Counts, Counts], ...]
    n_profiles: int
    by_replicate: FloatArray

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

    def endpoint_checks(self, strategy: int, endpoint: int) -> Sequence[tuple[float, EndpointPair, EndpointPair]]:
        """Probabilities of an endpoint in pairs of solutions, one finer than the other."""

        def of(each: Counts) -> EndpointPair:
            return each.endpoint[strategy, endpoint], each.early[strategy, endpoint]

        return [(part, of(finer), of(coarser)) for part, finer, coarser in self.checks]

    def endpoint_replicates(self, strategy: int, endpoint: int) -> tuple[FloatArray, FloatArray] | None:
        """Probabilities of an endpoint in each replicate."""
        endpoints, early = self.replicates.endpoint, self.replicates.early
        return endpoints[:, strategy, endpoint].astype(np.float64), early[:, strategy, endpoint].astype(np.float64)

    def event_step_error(self, strategy: int, event: int) -> float:
        """From the profiles that were solved again."""
        each = ((part, a.marks[strategy, event, 1], b.marks[strategy, event, 1]) for part, a, b in self.checks)
        return max((float(part * abs(finer - coarser)) for part, finer, coarser in each), default=0.0)

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
    start: Fineness | None = None,
    settled: Settled | None = None,
) -> Solution:
    """Expected outcomes of the population, for the base case or each parameter draw.

    Parameters
    ----------
    draws : mapping of str to ndarray(float, ndim=1), optional
        Parameter draws, (n_draws,) each; the base case if absent.
    progress : callable, optional
        Called with (draws done, draws in all) after each draw.
    start : Fineness, optional
        How fine a model in continuous time is solved, or, if it is a small one, is solved first.
    settled : Settled, optional
        How fine to solve, from `settle`; found from the first draw if absent.

    Raises
    ------
    InputError
        If the program asks for what cannot be solved.
    """
    profiles = _profiles(program, sampling)
    reader = _Reader(program, sampling, profiles)
    strategies, numbers = sampling.positions(program), program.numbers(draws)
    run = partial(run_tasks, backend=sampling.backend, jobs=sampling.jobs)
    first = None
    if settled is None:
        settled = first = Settled(*_settled(program, numbers[0], profiles, strategies, run, start or Fineness()))
    parts: list[Estimates] = []
    replicates: Counts | None = None
    capped: list[FloatArray] = []
    outcomes: list[FloatArray] = []
    for d in range(len(numbers)):
        if first is not None and d == 0:
            result = first.result
        else:
            result = solve(program, numbers[d], profiles.x, settled.fineness, run, strategies)
        counts = Counts(*(reader.about_mean(each) for each in _counts(result, profiles)))
        replicates = counts if replicates is None else Counts(*map(np.add, replicates, counts))
        outcomes.append(reader.about_mean(_by_replicate(result.outcomes, profiles, profiles.weights)))
        parts.append(reader.read(result, counts, outcomes[-1]))
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
        steps=_steps(settled.checks, settled.result),
        checks=tuple((c.part, _counts_of_one(c.finer), _counts_of_one(c.coarser)) for c in settled.checks),
        n_profiles=len(profiles.x),
        by_replicate=np.stack(outcomes),
        capped=np.stack(capped) if capped else None,
    )


def n_profiles(program: Program, sampling: Sampling) -> int:
    """How many profiles are solved: fewer than asked for where the population has fewer combinations of values."""
    return len(_profiles(program, sampling).x)


def _profiles(program: Program, sampling: Sampling) -> Profiles:
    """Profiles of the population, or of its part that is followed: the others weigh nothing.

    Raises
    ------
    InputError
        If no profile is followed.
    """
    profiles = choose_profiles(program, sampling.profiles, sampling.seed)
    met = told_apart(program, sampling.where, {}).met(profiles.x)
    if met is None:
        return profiles
    weights = profiles.weights * met
    if not weights.sum() > 0.0:
        raise InputError(f"where: none of {len(profiles.x):,} profiles meets '{sampling.where}'.")
    return Profiles(profiles.x, weights * (profiles.n_replicates / weights.sum()), profiles.n_replicates)


class Settled(NamedTuple):
    """How fine to solve, what is known of the error of steps that is left, and the solution that told it."""

    fineness: Fineness
    checks: list[_Check]
    result: CohortResult


def settle(program: Program, sampling: Sampling, draws: Mapping[str, FloatArray] | None = None) -> Settled:
    """How fine to solve all draws, from the first of those given (the base case if absent)."""
    profiles = _profiles(program, sampling)
    run = partial(run_tasks, backend=sampling.backend, jobs=sampling.jobs)
    first = program.numbers(draws)[0]
    return Settled(*_settled(program, first, profiles, sampling.positions(program), run, Fineness()))


def _settled(
    program: Program, numbers: FloatArray, profiles: Profiles, strategies: Sequence[int], run: Runner, start: Fineness
) -> tuple[Fineness, list[_Check], CohortResult]:
    """How fine to solve, what is known of the error of steps that is left, and the first solution."""
    if not program.is_continuous:
        return start, [], solve(program, numbers, profiles.x, start, run, strategies)
    large = len(program.states) >= LARGE
    if len(profiles.x) * len(strategies) <= FEW and not large:
        return _refined(partial(solve, program, numbers, profiles.x, run=run, strategies=strategies), profiles, start)
    first = solve(program, numbers, profiles.x, start, run, strategies)
    chosen = np.sort(np.argsort(-profiles.weights, kind="stable")[: 1 if large else CHECKED])
    few = Profiles(profiles.x[chosen], profiles.weights[chosen], 1)
    again = partial(solve, program, numbers, few.x, run=run)
    return start, _checks(again, first.of(chosen), few, strategies, start, large=large), first


def _checks(
    again: Callable[..., CohortResult],
    found: CohortResult,
    few: Profiles,
    strategies: Sequence[int],
    fineness: Fineness,
    *,
    large: bool,
) -> list[_Check]:
    """Solve a few profiles again, coarser and finer, as far as that is not too large."""
    checks = [_check(OF_COARSER, found, again(fineness=fineness.coarser(), strategies=strategies), few)]
    with _unless_too_large():
        finer = again(fineness=fineness.finer(), strategies=strategies[:1] if large else strategies)
        n = finer.outcomes.shape[1]
        checks.append(_check(OF_FINER, finer, found.of(np.arange(len(few.x)), n), few).repeated(len(strategies)))
        if not large:
            finest = again(fineness=fineness.finer().finer(), strategies=strategies)
            checks.append(_check(OF_FINEST, finest, found, few))
    return checks


def _refined(
    solved: Callable[..., CohortResult], profiles: Profiles, fineness: Fineness
) -> tuple[Fineness, list[_Check], CohortResult]:
    """Solve finer and finer until the error is small, or a finer solution would be too large."""
    coarser = solved(fineness=fineness.coarser())
    result = solved(fineness=fineness)
    checks = [_check(1.0, result, coarser, profiles)]
    with _unless_too_large():
        for halvings in range(1, MOST_HALVINGS + 1):
            finer = solved(fineness=fineness.finer())
            checks = [_check(1.0, finer, result, profiles), replace(checks[0], part=OF_BEFORE)]
            fineness, result = fineness.finer(), finer
            mean = np.abs(result.averaged(profiles.weights).outcomes[0])
            change = (_steps(checks, result) / np.maximum(mean, TINY))[:, :N_MAIN]
            if change.max() <= SETTLED and halvings >= FEWEST_HALVINGS:
                break
    return fineness, checks, result


@contextmanager
def _unless_too_large() -> Iterator[None]:
    """Go without what would be too large on every machine; what this one lacks the memory for is refused."""
    try:
        yield
    except LowMemoryError:
        raise
    except TooLargeError:
        pass


def _check(part: float, finer: CohortResult, coarser: CohortResult, profiles: Profiles) -> _Check:
    return _Check(part, finer.averaged(profiles.weights), coarser.averaged(profiles.weights))


def _steps(checks: Sequence[_Check], result: CohortResult) -> FloatArray:
    """Estimated error of steps of the outcomes, (n_strategies, n_outcomes)."""
    sizes = [c.part * np.abs(c.finer.outcomes[0] - c.coarser.outcomes[0]) for c in checks]
    steps: FloatArray = np.max([np.zeros(result.outcomes.shape[1:]), *sizes], axis=0)
    return steps


def _counts_of_one(result: CohortResult) -> Counts:
    """Counts of a single profile."""
    return Counts(
        *(each[0] for each in (result.endpoint, result.occupancy, result.entries, result.marks, result.early))
    )


# === One draw, read as estimates ===


class _Reader:
    """Reads solutions of one draw after another, by subgroup if there are any."""

    def __init__(self, program: Program, sampling: Sampling, profiles: Profiles) -> None:
        self.profiles = profiles
        self.yearly = _Times(program, draw_times(program)) if sampling.by_draw else None
        self.named = _Times(program, named_times(program))
        self.subgroups = subgroups_of(program, sampling.subgroups)
        self.partitions = told_apart(program, "", sampling.partitions).partitions
        self.steps = _Times(program, partition_times(program), named_times(program)) if self.partitions else None
        self.share = _by_replicate(np.ones(len(profiles.x)), profiles, profiles.weights) if sampling.where else None

    def about_mean(self, values: CountArray) -> CountArray:
        """Values by replicate, leading axis; of a part of the population, as if each replicate held it to its share."""
        if self.share is None:
            return values
        missing = (1.0 - self.share).reshape(-1, *[1] * (values.ndim - 1))
        about: CountArray = values + missing * values.mean(axis=0)
        return about

    def read(self, result: CohortResult, counts: Counts, outcomes: FloatArray) -> Estimates:
        """Estimates of one draw, given the counts and the outcomes of its replicates."""
        profiles, whole = self.profiles, Counts(*(each.sum(axis=0) for each in counts))
        n = profiles.n_replicates
        mean, square, product = _moments(outcomes)
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
            by_subgroup=self._by_subgroup(result, self.subgroups, self.named) if self.subgroups is not None else None,
            partitions={
                name: self._by_subgroup(result, partition, self.steps or self.named)
                for name, partition in self.partitions.items()
            },
        )

    def _by_subgroup(self, result: CohortResult, subgroups: Subgroups, times: _Times) -> SubgroupEstimates:
        group = subgroups.of(self.profiles.x)
        parts = [
            _members(result, self.profiles, self.profiles.weights * (group == g)) for g in range(len(subgroups.labels))
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
            counts=times.counts(np.array([members]), together),
        )


class _Times:
    """A few times at which counts are kept."""

    def __init__(self, program: Program, times: Sequence[float], named: Sequence[float] | None = None) -> None:
        self.times, self.occupancy_times = times, occupancy_times(program, named or times)
        self.grid: Grid = grid_at(program, times, named)

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
