"""Means of the main outcomes by small batches of patients, or by draw: what tells the noise of a function of runs.

The same patients stand in the same batch, or draw, of every run, so that runs can be compared one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.task import Wanted
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
    from collections.abc import Mapping

    from lmssim.engines.task import Task
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

BATCH = 64
"""Patients of a batch: part of a result's identity, so a constant."""


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


def run_batches(simulation: Simulation, task: Task) -> tuple[FloatArray, FloatArray]:
    """Sizes of a chunk's batches, and their means of the main outcomes, (n_batches, n_strategies, n_main)."""
    moments = simulation.run(task).moments
    n = moments.members[0]
    some = n > 0
    sizes = n[some].astype(np.float64)
    return sizes, (moments.shift[0, some] + moments.total[0, some] / sizes[:, None, None])[..., :N_MAIN]


def batch_means(program: Program, sampling: Sampling, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sizes of batches, and their means of the main outcomes, (n_batches, n_strategies, n_main), in the first draw."""
    wanted = Wanted(n_subgroups=CHUNK // BATCH, whole=False)
    told = told_apart(program, sampling.where, {}, Batches())
    simulation = Simulation(program, sampling, numbers[:1], 0, wanted, told)
    tasks = chunks_of(replace(sampling, random_numbers="common"), range(1), sampling.positions(program))
    ENGINES[sampling.engine].warm(program)
    parts = run_tasks(run_batches, simulation, tasks, backend=sampling.backend, jobs=workers(sampling))
    sizes, means = zip(*parts, strict=True)
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
