"""Means by small batches of patients, or by draw: what tells the noise of a function of runs; and single patients.

The same patients stand in the same batch, or draw, of every run, so that runs can be compared one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.task import Task, Wanted
from lmssim.execution.backends import run_tasks
from lmssim.execution.partitions import told_apart
from lmssim.execution.simulate import (
    CHUNK,
    ENGINES,
    Simulation,
    chunks_of,
    simulate_batches,
    split_over_draws,
    workers,
)
from lmssim.kernels.ledger import N_MAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

BATCH = 64
"""Patients of a batch: part of a result's identity, so a constant."""


ALONE = 512
"""Patients of a task whose outcomes are kept one by one: few, as sums are kept for each of them."""


_EVERY = slice(None)


class Batches:
    """Consecutive patients of a chunk as its subgroups."""

    labels = tuple(map(str, range(CHUNK // BATCH)))

    def of(self, x: FloatArray) -> IntArray:
        """Batch of each patient."""
        return np.arange(len(x)) // BATCH


@dataclass(frozen=True)
class Sets:
    """As many sets of patients, of about the same size, from every chunk; the same patients in every draw.

    Attributes
    ----------
    n : int
        Sets.
    """

    n: int

    @property
    def labels(self) -> list[str]:
        """Numbers of the sets."""
        return [str(k) for k in range(self.n)]

    def of(self, x: FloatArray) -> IntArray:
        """Set of each patient."""
        return np.arange(len(x)) * self.n // max(len(x), self.n)


@dataclass(frozen=True)
class Turns:
    """As many sets of patients, to which they belong by turns; every draw's patients are in all of them.

    Attributes
    ----------
    n : int
        Sets.
    """

    n: int

    @property
    def labels(self) -> list[str]:
        """Numbers of the sets."""
        return [str(k) for k in range(self.n)]

    def of(self, x: FloatArray) -> IntArray:
        """Set of each patient."""
        return np.arange(len(x)) % self.n


def run_batches(simulation: Simulation, task: Task) -> tuple[FloatArray, FloatArray]:
    """Sizes of a chunk's batches, and their means of every outcome, (n_batches, n_strategies, n_outcomes)."""
    moments = simulation.run(task).moments
    n = moments.members[0]
    some = n > 0
    sizes = n[some].astype(np.float64)
    return sizes, moments.shift[0, some] + moments.total[0, some] / sizes[:, None, None]


def batch_means(program: Program, sampling: Sampling, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sizes of batches, and their means of the main outcomes, (n_batches, n_strategies, n_main), in the first draw."""
    sizes, means = batch_outcomes(program, sampling, numbers)
    return sizes, np.ascontiguousarray(means[..., :N_MAIN])


def batch_outcomes(
    program: Program,
    sampling: Sampling,
    numbers: FloatArray,
    progress: Callable[[int, int], None] | None = None,
    chunks: slice = _EVERY,
) -> tuple[FloatArray, FloatArray]:
    """Sizes of batches, and their means of every outcome, (n_batches, n_strategies, n_outcomes), in the first draw.

    Only the patients of some chunks are followed, if these are given.
    """
    wanted = Wanted(n_subgroups=CHUNK // BATCH, whole=False)
    told = told_apart(program, sampling.where, {}, Batches())
    simulation = Simulation(program, sampling, numbers[:1], 0, wanted, told)
    tasks = chunks_of(replace(sampling, random_numbers="common"), range(1), sampling.positions(program))[chunks]
    ENGINES[sampling.engine].warm(program)
    sizes, means = [], []
    parts = run_tasks(run_batches, simulation, tasks, backend=sampling.backend, jobs=workers(sampling))
    for done, (size, mean) in enumerate(parts, 1):
        sizes.append(size)
        means.append(mean)
        if progress is not None:
            progress(done, len(tasks))
    return np.concatenate(sizes), np.concatenate(means)


def draw_means(program: Program, sampling: Sampling, draws: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Patients of each draw, and their means of the main outcomes, (n_draws, n_strategies, n_main).

    The patients of `sampling` are split over the draws.
    """
    split = replace(split_over_draws(sampling, len(next(iter(draws.values())))), counting=False)
    sizes, means = [], []
    for batch in simulate_batches(program, split, draws):
        assert batch.by_draw is not None
        sizes.append(np.asarray(batch.by_draw.members, dtype=np.float64))
        means.append(batch.mean[..., :N_MAIN])
    return np.concatenate(sizes), np.concatenate(means)


def set_outcomes(
    program: Program,
    sampling: Sampling,
    draws: Mapping[str, FloatArray],
    n_sets: int,
    progress: Callable[[int, int], None] | None = None,
    first_draw: int = 0,
) -> tuple[FloatArray, FloatArray]:
    """Patients of each draw in some sets, (n_draws, n_sets), and their means of every outcome.

    The patients of `sampling` are split over the draws, of which the first has a number, and belong to the sets by
    turns. The means are (n_draws, n_sets, n_strategies, n_outcomes).
    """
    split = replace(split_over_draws(sampling, len(next(iter(draws.values())))), counting=False, by_draw=False)
    sizes, means = [], []
    for batch in simulate_batches(program, split, draws, first_draw, progress, Turns(n_sets)):
        assert batch.by_subgroup is not None
        sizes.append(np.asarray(batch.by_subgroup.n, dtype=np.float64))
        means.append(batch.by_subgroup.mean)
    return np.concatenate(sizes), np.concatenate(means)


# === Single patients ===


def run_alone(simulation: Simulation, task: Task) -> FloatArray:
    """Main outcomes of every patient of a task, (n_draws, n_patients, n_strategies, n_main)."""
    moments = simulation.run(task).moments
    return np.ascontiguousarray((moments.shift + moments.total)[..., :N_MAIN])


def individual_outcomes(
    program: Program,
    sampling: Sampling,
    draws: Mapping[str, FloatArray] | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    first_draw: int = 0,
    first: int = 0,
) -> FloatArray:
    """Main outcomes of single patients, (n_draws, n_patients of each, n_strategies, n_main).

    Parameters
    ----------
    sampling : Sampling
        Patients of each draw; draws have patients of their own.
    draws : mapping of str to ndarray(float, ndim=1), optional
        Parameter draws; one, of the parameters' values, if absent.
    progress : callable, optional
        Called with (tasks done, tasks in all).
    first_draw, first : int
        Number of the first draw and, where every parameter has its value, of the first patient.

    Notes
    -----
    Each patient is a set of their own, whose sums are the patient's outcomes to the last bit. Tasks are small, so that
    memory holds little more than the result.
    """
    numbers, strategies = program.numbers(draws, first_draw), sampling.positions(program)
    found = np.empty((len(numbers), sampling.n_patients, len(strategies), N_MAIN))
    of_draws = range(first_draw, first_draw + len(numbers))
    tasks = list(_tasks_alone(of_draws, range(first, first + sampling.n_patients), strategies))
    ENGINES[sampling.engine].warm(program)
    done = 0
    for n in sorted({task.n for task in tasks}, reverse=True):
        own = [task for task in tasks if task.n == n]
        simulation = Simulation(
            program, sampling, numbers, first_draw, Wanted(n_subgroups=n, whole=False), Turns(n), draws
        )
        parts = run_tasks(run_alone, simulation, own, backend=sampling.backend, jobs=workers(sampling))
        for task, part in zip(own, parts, strict=True):
            at = task.draws.start - first_draw, task.first - first
            found[at[0] : at[0] + len(task.draws), at[1] : at[1] + task.n] = part
            done += 1
            if progress is not None:
                progress(done, len(tasks))
    return found


def _tasks_alone(draws: range, patients: range, strategies: Sequence[int]) -> Iterator[Task]:
    """Tasks of at most `ALONE` patients, over draws."""
    together = max(ALONE // len(patients), 1)
    for some in (draws[start : start + together] for start in range(0, len(draws), together)):
        for first in patients[::ALONE]:
            n = min(ALONE, patients.stop - first)
            yield Task(draws=some, first=first, n=n, strategies=strategies, per_draw=len(patients))
