"""Solve a program exactly: profiles of its population, their averages, and how far these may be off.

The average over replicates of the profiles takes the place of the average over patients, so that everything read from
estimates holds for both; `n` is the number of replicates. The error of steps and intervals is an estimate, from the
changes when a few profiles are solved again half as fine, twice and four times as fine: of a large model one profile,
and only half as fine, and twice under the first strategy. It is no bound.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.engines.task import grid_at, occupancy_times
from lmssim.errors import LowMemoryError, TooLargeError
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
FEWEST_HALVINGS, MOST_HALVINGS = 2, 4
"""A single change may be small by chance."""
OF_COARSER, OF_FINER, OF_FINEST, OF_BEFORE = 0.5, 2.0, 1.5, 0.25
"""Parts of a change that its error is taken to be at least: of a solution, the change from one half as fine, and those
to one twice and one four times as fine; of the finest of three, the first of the two changes beside the whole second.

If halving divides the error by four, the first two are 1.5 times the error, the last is 3 times; if it only halves the
error, all are about the error itself."""
TINY = 1e-300


@dataclass(frozen=True)
class StepError:
    """Estimated error of steps and intervals.

    Attributes
    ----------
    outcomes : ndarray(float, ndim=2)
        (n_strategies, n_outcomes).
    endpoint : ndarray(float, ndim=4)
        (n_strategies, n_endpoints, 3, n_steps + 2): of the endpoints' cumulative probabilities.
    """

    outcomes: FloatArray
    endpoint: FloatArray

    @classmethod
    def none(cls, result: CohortResult) -> StepError:
        """No error."""
        return cls(np.zeros(result.outcomes.shape[1:]), np.zeros(result.endpoint.shape[1:]))

    def scaled(self, part: float) -> StepError:
        """A multiple of it."""
        return StepError(part * self.outcomes, part * self.endpoint)

    def or_more(self, other: StepError) -> StepError:
        """The larger of two, number by number."""
        return StepError(np.maximum(self.outcomes, other.outcomes), np.fmax(self.endpoint, other.endpoint))

    def repeated(self, n: int) -> StepError:
        """The same for `n` strategies, if it is of one."""
        if len(self.outcomes) == n:
            return self
        return StepError(self.outcomes.repeat(n, axis=0), self.endpoint.repeat(n, axis=0))


@dataclass(kw_only=True)
class Solution(Estimates):
    """Estimates whose patients are replicates of profiles, each an average over the population.

    Attributes
    ----------
    replicates : Counts
        Counts of each replicate, with a leading axis.
    steps : ndarray(float, ndim=2)
        (n_strategies, n_outcomes): error of steps and intervals.
    endpoint_steps : ndarray(float, ndim=4)
        (n_strategies, n_endpoints, 3, n_steps + 2): the same, of the endpoints' cumulative probabilities.
    n_profiles : int
        Profiles in all.
    """

    replicates: Counts
    steps: FloatArray
    endpoint_steps: FloatArray
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

    def endpoint_step_error(self, strategy: int, endpoint: int) -> FloatArray:
        """The same, of an endpoint's cumulative probabilities."""
        return self.endpoint_steps[strategy, endpoint, :, :-1]

    def endpoint_replicates(self, strategy: int, endpoint: int) -> FloatArray | None:
        """Probabilities of an endpoint in each replicate."""
        return self.replicates.endpoint[:, strategy, endpoint].astype(np.float64)

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
    fineness, error, first = _settled(program, numbers[0], profiles, strategies, run)
    parts: list[Estimates] = []
    replicates: Counts | None = None
    for d in range(len(numbers)):
        result = first if d == 0 else solve(program, numbers[d], profiles.x, fineness, run, strategies)
        counts = _counts(result, profiles)
        replicates = counts if replicates is None else Counts(*map(np.add, replicates, counts))
        parts.append(reader.read(result, counts))
        if progress is not None:
            progress(d + 1, len(numbers))
    assert replicates is not None
    stacked = fold.stack(parts)
    found = {each.name: getattr(stacked, each.name) for each in fields(Estimates) if each.name != "counts"}
    return Solution(
        **found,
        counts=Counts(*(each.sum(axis=0) for each in replicates)),
        replicates=replicates,
        steps=error.outcomes,
        endpoint_steps=error.endpoint,
        n_profiles=len(profiles.x),
    )


def _settled(
    program: Program, numbers: FloatArray, profiles: Profiles, strategies: Sequence[int], run: Runner
) -> tuple[Fineness, StepError, CohortResult]:
    """How fine to solve, the error of steps that is left, and the first solution."""
    if not program.is_continuous:
        whole = solve(program, numbers, profiles.x, Fineness(), run, strategies)
        return Fineness(), StepError.none(whole), whole
    large = len(program.states) >= LARGE
    if len(profiles.x) * len(strategies) <= FEW and not large:
        return _refined(partial(solve, program, numbers, profiles.x, run=run, strategies=strategies), profiles)
    fineness, n = Fineness(), 1 if large else CHECKED
    first = solve(program, numbers, profiles.x, fineness, run, strategies)
    chosen = np.sort(np.argsort(-profiles.weights, kind="stable")[:n])
    few = Profiles(profiles.x[chosen], profiles.weights[chosen], 1)
    found, again = first.of(chosen), partial(solve, program, numbers, few.x, run=run)
    before = _change(again(fineness=fineness.coarser(), strategies=strategies), found, few)
    n_finer = 1 if large else len(strategies)
    try:
        finer = again(fineness=fineness.finer(), strategies=strategies[:n_finer])
    except LowMemoryError:
        raise
    except TooLargeError:
        return fineness, before, first
    after = _change(found.of(np.arange(len(chosen)), n_finer), finer, few).repeated(len(strategies))
    error = before.scaled(OF_COARSER).or_more(after.scaled(OF_FINER))
    if not large:
        with suppress(TooLargeError):
            finest = again(fineness=fineness.finer().finer(), strategies=strategies)
            error = error.or_more(_change(found, finest, few).scaled(OF_FINEST))
    return fineness, error, first


def _refined(solved: Callable[..., CohortResult], profiles: Profiles) -> tuple[Fineness, StepError, CohortResult]:
    """Solve finer and finer until the error is small, or a finer solution would be too large."""
    fineness, coarse = Fineness(), solved(fineness=Fineness().coarser())
    result = solved(fineness=fineness)
    before = _change(coarse, result, profiles)
    error = before
    for halvings in range(1, MOST_HALVINGS + 1):
        try:
            finer = solved(fineness=fineness.finer())
        except LowMemoryError:
            raise
        except TooLargeError:
            break
        change = _change(result, finer, profiles)
        fineness, result, error, before = fineness.finer(), finer, change.or_more(before.scaled(OF_BEFORE)), change
        mean = np.abs(result.averaged(profiles.weights).outcomes[0])
        settled = (error.outcomes / np.maximum(mean, TINY))[:, :N_MAIN].max() <= SETTLED
        if settled and halvings >= FEWEST_HALVINGS:
            break
    return fineness, error, result


def _change(coarse: CohortResult, fine: CohortResult, profiles: Profiles) -> StepError:
    """Size of the changes from one solution to a finer one, averaged over profiles, so that none make up for others."""
    ends = np.abs((fine.endpoint - coarse.endpoint).cumsum(axis=-1))
    sizes = replace(fine, outcomes=np.abs(fine.outcomes - coarse.outcomes), endpoint=ends).averaged(profiles.weights)
    return StepError(sizes.outcomes[0], sizes.endpoint[0])


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
            endpoint=_kept(counts.endpoint, self.grid.endpoint), occupancy=_kept(counts.occupancy, self.grid.occupancy)
        )
        return CountsAtTimes(self.times, self.occupancy_times, members, kept)


def _kept(values: CountArray, kept: IntArray) -> CountArray:
    """Sums over the steps that each kept time counts for."""
    sums: CountArray = np.add.reduceat(values, np.searchsorted(kept, np.arange(kept[-1] + 1)), axis=-1)
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
    each = (result.endpoint, result.occupancy, result.entries, result.marks)
    return Counts(*(_by_replicate(values, profiles, weights) for values in each))
