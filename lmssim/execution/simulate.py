"""Simulate a program: chunks of patients times batches of draws, spread over workers, folded in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from joblib import Parallel, delayed

from lmssim.engines import compiled, des
from lmssim.engines.histories import DEFAULT_BLOCK, Chunk
from lmssim.errors import InputError, unknown
from lmssim.execution import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lmssim.engines.histories import ChunkResult, Histories
    from lmssim.execution.fold import Estimates
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

CHUNK = 8_192
"""Patients per chunk, the unit of reduction: part of every result's identity, so a constant."""
TASK_PATHS = 400_000
"""Lives per task, about: how many draws share a call."""


class Engine(Protocol):
    """An engine that walks through lives: a module with these functions."""

    def run(
        self,
        program: Program,
        chunk: Chunk,
        numbers: FloatArray,
        luck_words: IntArray,
        seed: int,
        block: int = ...,
        counting: bool = ...,
    ) -> ChunkResult:
        """Run one chunk of patients through some draws and every strategy."""

    def simulate(
        self,
        program: Program,
        first: int,
        n: int,
        numbers: FloatArray,
        seed: int,
        luck_word: int = ...,
        block: int = ...,
    ) -> Iterator[tuple[int, FloatArray, Histories]]:
        """Histories of patients first, first + 1, ..., block by block."""

    def warm(self, program: Program, seed: int = ...) -> None:
        """Compile the kernels, or load them from disk."""


ENGINES: dict[str, Engine] = {"compiled": compiled, "des": des}
"""Engines that give the same histories, and so the same results."""
COHORT = "cohort"
"""The engine without histories, see `lmssim.execution.solve`."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How many, which luck, by which engine, on how many workers. Only the first three change a result."""

    n_patients: int = 100_000
    """Patients, each of whom meets every strategy in every draw."""
    seed: int = 1
    """Key of all random numbers."""
    independent_luck: bool = False
    """Whether each draw has its own luck; else patients keep theirs."""
    engine: str = "compiled"
    """`compiled` is fast, `des` is the reference to check it against, `cohort` solves without random numbers."""
    profiles: int = 32
    """Profiles of the population, for `cohort`, which has no use for patients."""
    jobs: int = 1
    """Worker threads; they do not help `des`, which has one."""
    block: int = DEFAULT_BLOCK
    """Patients per block."""
    counting: bool = True
    """Whether to count endpoints and occupancy."""
    control_variate: bool = False
    """Whether to estimate the main outcomes of the base case again, beside twins whose expectation is exact."""

    def validate(self) -> None:
        """Refuse impossible values."""
        for name in ("n_patients", "jobs", "block", "profiles"):
            if getattr(self, name) < 1:
                raise InputError(f"{name.replace('n_', '')}: {getattr(self, name)} is not 1 or more.")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed: {self.seed} is not between 0 and 2^63 - 1.")
        if self.engine not in (*ENGINES, COHORT):
            raise InputError(unknown("value", self.engine, (*ENGINES, COHORT), "engine"))
        if self.control_variate and self.engine == COHORT:
            raise InputError(
                f"control variate: engine '{COHORT}' has no Monte-Carlo error; use one of {', '.join(ENGINES)}."
            )


def simulate(
    program: Program,
    sampling: Sampling,
    draws: Mapping[str, FloatArray] | None = None,
    first_draw: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Estimates:
    """Estimates of every draw.

    Parameters
    ----------
    draws : mapping of str to ndarray(float, ndim=1), optional
        Parameter draws, (n_draws,) each; the base case if absent.
    first_draw : int
        Number of the first draw, which addresses its luck if luck is independent.
    progress : callable, optional
        Called with (lives done, lives in all) after each task.
    """
    sampling.validate()
    numbers = program.numbers(draws)
    n_draws = numbers.shape[0]
    luck = np.zeros(n_draws, dtype=np.int64)
    if sampling.independent_luck:
        luck += np.arange(first_draw + 1, first_draw + n_draws + 1)
    per_task = max(1, min(n_draws, TASK_PATHS // (min(CHUNK, sampling.n_patients) * numbers.shape[1])))
    batches = [(d, min(d + per_task, n_draws)) for d in range(0, n_draws, per_task)]
    chunks = [Chunk(p, min(CHUNK, sampling.n_patients - p)) for p in range(0, sampling.n_patients, CHUNK)]
    ENGINES[sampling.engine].warm(program)
    tasks = ((chunk, batch) for chunk in chunks for batch in batches)
    results = _results(program, sampling, numbers, luck, tasks)
    totals: list[Estimates | None] = [None] * len(batches)
    done, total = 0, sampling.n_patients * n_draws * numbers.shape[1]
    for chunk in chunks:
        for b, (first, last) in enumerate(batches):
            part = fold.finish(next(results))
            before = totals[b]
            totals[b] = part if before is None else fold.merge(before, part)
            done += chunk.n * (last - first) * numbers.shape[1]
            if progress is not None:
                progress(done, total)
    return fold.stack([t for t in totals if t is not None])


def _results(
    program: Program,
    sampling: Sampling,
    numbers: FloatArray,
    luck: np.ndarray[tuple[int], np.dtype[np.int64]],
    tasks: Iterator[tuple[Chunk, tuple[int, int]]],
) -> Iterator[ChunkResult]:
    """Results of the tasks, in their order; workers run ahead by a few tasks at most."""

    def call(chunk: Chunk, batch: tuple[int, int]) -> ChunkResult:
        part = slice(*batch)
        return ENGINES[sampling.engine].run(
            program, chunk, numbers[part], luck[part], sampling.seed, sampling.block, sampling.counting
        )

    if sampling.jobs == 1 or sampling.engine == "des":
        return (call(*task) for task in tasks)
    parallel = Parallel(n_jobs=sampling.jobs, backend="threading", return_as="generator", pre_dispatch="2*n_jobs")
    results: Iterator[ChunkResult] = parallel(delayed(call)(*task) for task in tasks)
    return results
