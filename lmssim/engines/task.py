"""A task: patients of some draws under some strategies; what an engine that walks through lives is asked, and gives.

Patients are addressed by number, so that a task says all that there is to say about whom it follows: draws share their
patients (common random numbers), or draw d has the numbers from d x `per_draw` on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.kernels import layout
from lmssim.kernels.rewards import N_MAIN
from lmssim.kernels.tally import N_PRODUCTS, SAME_TIME, Counts, Grid, Moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

DEFAULT_BLOCK = 256
"""Patients per block: their histories stay in cache."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Patients of some draws under some strategies.

    Attributes
    ----------
    draws : range
        Numbers of the draws.
    first, n : int
        Number of the first patient among those of a draw, and how many patients; at most a chunk, in which sums are
        carried patient by patient.
    strategies : sequence of int
        Positions of the strategies that every patient meets.
    assigned : ndarray(int, ndim=2), optional
        Of a trial, (n_sets, n): the one strategy that each patient meets, in place of `strategies`; a set is the
        patients of a draw, or those that all draws share.
    per_draw : int
        Patients of each draw, if each draw has its own; 0 if draws share theirs.
    addresses : sequence of int
        Numbers by which the draws' own patients are addressed, where they are not those of `draws`.
    """

    draws: range
    first: int
    n: int
    strategies: Sequence[int]
    assigned: IntArray | None = None
    per_draw: int = 0
    addresses: Sequence[int] = ()

    @property
    def n_lives(self) -> int:
        """Lives in all."""
        return self.n * len(self.draws) * (len(self.strategies) if self.assigned is None else 1)


class Patients(NamedTuple):
    """Patients of a task as plain arrays; a set is the patients of a draw, or those that all draws share."""

    first: IntArray
    """(n_sets,): number of each set's first patient."""
    x: FloatArray
    """(n_sets, n_patients, n_columns)."""
    arms: IntArray
    """(n_sets or 1, n_patients or 1, n_arms): strategies that each patient meets."""
    subgroup: IntArray
    """(n_sets, n_patients, n_partitions): to whose sums each is added, once a partition; -1 in the first partition for
    who is not followed."""


def patients_of(
    program: Program, task: Task, seed: int, subgroup_of: Callable[[FloatArray], IntArray] | None = None
) -> Patients:
    """Patients of a task.

    Parameters
    ----------
    subgroup_of : callable, optional
        Gives each patient's subgroup from (n_patients, n_columns), or one of each partition; everybody is in subgroup 0
        if absent.
    """
    addresses = task.addresses or task.draws
    first = np.array([d * task.per_draw + task.first for d in (addresses if task.per_draw else addresses[:1])])
    if task.n == task.per_draw and not task.addresses:  # the draws' patients follow one another
        x = program.patients(int(first[0]), task.n * len(first), seed)
    else:
        x = np.concatenate([program.patients(start, task.n, seed) for start in first.tolist()])
    subgroup = np.zeros(len(x), dtype=np.int64) if subgroup_of is None else subgroup_of(x)
    arms = np.array(task.strategies, dtype=np.int64)[None, None] if task.assigned is None else task.assigned[..., None]
    shape = len(first), task.n
    return Patients(first, x.reshape(*shape, -1), np.array(arms, order="C"), subgroup.reshape(*shape, -1))


def followed(subgroup: IntArray, block: int) -> Iterator[slice]:
    """Blocks of consecutive patients who are followed, from the subgroup of each in the first partition."""
    start = 0
    while start < len(subgroup):
        if subgroup[start] < 0:
            start += 1
            continue
        out = np.flatnonzero(subgroup[start : start + block] < 0)
        stop = start + int(out[0]) if len(out) else min(start + block, len(subgroup))
        yield slice(start, stop)
        start = stop


def every_strategy(program: Program) -> IntArray:
    """Arms of patients who all meet every strategy, (1, n_strategies)."""
    return np.arange(len(program.strategies))[None]


# === Sums ===


class Wanted(NamedTuple):
    """Which sums are wanted."""

    n_subgroups: int = 1
    """Of all partitions."""
    n_counted: int | None = None
    """Of the first partitions whose counts are kept; all if absent."""
    whole: bool = True
    """Counts of everybody on the program's grids, all draws together."""
    by_draw: Grid | None = None
    """Times of the counts of each draw."""
    by_subgroup: Grid | None = None
    """Times of the counts of each draw and subgroup."""


class Sums(NamedTuple):
    """Sums over the patients of a task; counts that are not wanted have no draws."""

    moments: Moments
    whole_grid: Grid
    whole: Counts
    draw_grid: Grid
    by_draw: Counts
    subgroup_grid: Grid
    by_subgroup: Counts


def empty_sums(program: Program, n_draws: int, n_arms: int, wanted: Wanted) -> Sums:
    """Sums of nobody."""
    grid = whole_grid(program)
    counted = wanted.n_subgroups if wanted.n_counted is None else wanted.n_counted
    by_draw, by_subgroup = wanted.by_draw, wanted.by_subgroup
    return Sums(
        _empty_moments(program, n_draws, wanted.n_subgroups, n_arms),
        grid,
        empty_counts(program, (int(wanted.whole), 1, n_arms), grid),
        by_draw or grid,
        empty_counts(program, (n_draws if by_draw else 0, 1, n_arms), by_draw or grid),
        by_subgroup or grid,
        empty_counts(program, (n_draws if by_subgroup else 0, counted, n_arms), by_subgroup or grid),
    )


def n_outcomes(program: Program) -> int:
    """Outcomes per patient and strategy: the main ones; costs by category and further sums, discounted and not."""
    return N_MAIN + 2 * program.n_categories


def _empty_moments(program: Program, n_draws: int, n_subgroups: int, n_arms: int) -> Moments:
    each = n_draws, n_subgroups
    shape = *each, n_arms, n_outcomes(program)
    return Moments(
        members=np.zeros(each, dtype=np.int64),
        shift=np.zeros(shape),
        total=np.zeros(shape),
        square=np.zeros(shape),
        product=np.zeros((*each, n_arms, n_arms, N_PRODUCTS)),
        state=np.zeros((*each, n_arms, len(program.states), 4)),
    )


def empty_counts(program: Program, leading: tuple[int, ...], grid: Grid) -> Counts:
    """Counts of nobody at the times of a grid; `leading` are the axes down to the strategies."""

    def zeros(*shape: int) -> IntArray:
        return np.zeros((*leading, *shape), dtype=np.int64)

    n_states = len(program.states)
    return Counts(
        endpoint=zeros(len(program.endpoints), 3, int(grid.endpoint[-1]) + 1),
        occupancy=zeros(n_states, int(grid.occupancy[-1]) + 1),
        entries=zeros(n_states, 2),
        marks=zeros(len(program.marks), 2),
        early=zeros(
            len(program.endpoints), 2, len(grid.endpoint) if len(grid.endpoint) == grid.endpoint[-1] + 1 else 0
        ),
    )


# === Times ===


def whole_grid(program: Program) -> Grid:
    """Every time of the program's grids."""
    m = program.packed.m
    return Grid(np.arange(m[layout.H_N_STEPS] + 2), np.arange(m[layout.H_N_OCCUPANCY] + 2))


def grid_at(program: Program, times: Sequence[float], of_occupancy: Sequence[float] | None = None) -> Grid:
    """A few times of the program's grids, ascending; occupancy is kept at those that stand on its coarser one.

    Parameters
    ----------
    of_occupancy : sequence of float, optional
        Times of occupancy; the same if absent.
    """
    f, whole = program.packed.f, whole_grid(program)
    steps = [time * float(f[layout.F_STEPS_PER_YEAR]) for time in times]
    if program.scenario.file.cycles is not None:  # at a time between the ends of cycles the last one's counts hold
        steps = [float(math.floor(step + SAME_TIME)) for step in steps]
    return Grid(
        _kept(whole.endpoint, steps),
        _kept(whole.occupancy, [time * float(f[layout.F_OCCUPANCY_PER_YEAR]) for time in of_occupancy or times]),
    )


def _kept(steps: IntArray, positions: Sequence[float]) -> IntArray:
    """For each step the first of the whole positions at or after it."""
    kept: IntArray = np.searchsorted([p for p in positions if p == int(p)], steps)
    return kept.astype(np.int64)


def occupancy_times(program: Program, times: Sequence[float]) -> list[float]:
    """Those of some times at which `grid_at` keeps occupancy."""
    per_year = float(program.packed.f[layout.F_OCCUPANCY_PER_YEAR])
    return [time for time in times if time * per_year == int(time * per_year)]
