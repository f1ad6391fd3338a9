"""The compiled engine: numba kernels over a program's arrays, a block of patients at a time.

A workspace holds one worker's scratch and one block's histories; memory is bounded by the block, whatever the number
of patients. Kernels release the GIL, so workers are threads.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import InputError, RunError
from lmssim.kernels import layout
from lmssim.kernels.chunk import run_chunk
from lmssim.kernels.rewards import N_MAIN
from lmssim.kernels.tally import N_PRODUCTS, Counts, Moments
from lmssim.kernels.walk import walk_block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

DEFAULT_BLOCK = 256
"""Patients per block: their histories stay in cache."""
ROWS_PER_LIFE, MARKS_PER_LIFE = 12, 4


@dataclass(frozen=True)
class Chunk:
    """Consecutive patients, the unit of reduction."""

    first: int
    n: int


@dataclass(frozen=True)
class ChunkResult:
    """What a chunk gives for each of some draws.

    Attributes
    ----------
    n : int
        Patients.
    moments : Moments
        With a leading axis of draws.
    counts : Counts
        Summed over the draws.
    """

    n: int
    moments: Moments
    counts: Counts


@dataclass(frozen=True)
class Histories:
    """Stays and marks of a block of patients, under every strategy.

    Attributes
    ----------
    starts : ndarray(int, ndim=2)
        (n_paths + 1, 2): first row and first mark of each path; path = patient in the block x n_strategies + strategy.
    rows : ndarray(int, ndim=2)
        (n_rows, 3): state, why it was left (a transition, or negative), attributes on entry.
    times : ndarray(float, ndim=2)
        (n_rows, 2): entered, left (years).
    marks : ndarray(int, ndim=1)
        Codes of events within lives.
    mark_times : ndarray(float, ndim=1)
        Their times (years).
    """

    starts: IntArray
    rows: IntArray
    times: FloatArray
    marks: IntArray
    mark_times: FloatArray

    @property
    def arrays(self) -> tuple[IntArray, IntArray, FloatArray, IntArray, FloatArray]:
        """What kernels take."""
        return self.starts, self.rows, self.times, self.marks, self.mark_times


@dataclass
class Workspace:
    """Scratch of one worker for one program, and the histories of one block."""

    wi: IntArray
    wf: FloatArray
    worth: FloatArray
    windows: FloatArray
    seen: IntArray
    first_time: FloatArray
    histories: Histories

    def grow(self, status: int) -> None:
        """Double the buffer that was full."""
        h = self.histories
        rows = 2 * len(h.rows) if status == layout.ROWS_FULL else len(h.rows)
        marks = 2 * len(h.marks) if status == layout.MARKS_FULL else len(h.marks)
        self.histories = _histories(len(h.starts) - 1, rows, marks)


def _ints(*shape: int) -> IntArray:
    return np.zeros(shape, dtype=np.int64)


def _histories(n_paths: int, n_rows: int, n_marks: int) -> Histories:
    return Histories(
        _ints(n_paths + 1, 2), _ints(n_rows, 3), np.zeros((n_rows, 2)), _ints(n_marks), np.zeros(n_marks)
    )


def workspace(program: Program, block: int) -> Workspace:
    """Scratch for one worker.

    Parameters
    ----------
    block : int
        Patients per block.

    Raises
    ------
    UnsupportedError
        If the model has no individual histories.
    """
    program.require_histories()
    n_strategies = len(program.strategies)
    n_paths = block * n_strategies
    return Workspace(
        wi=_ints(program.packed.n_scratch), wf=np.zeros(program.packed.n_scratch_floats),
        worth=np.zeros(n_strategies * (n_outcomes(program) + 2 * N_PRODUCTS)),
        windows=np.zeros((layout.MAX_WINDOWS, 4)),
        seen=_ints(len(program.states) + len(program.marks) + 1), first_time=np.zeros((len(program.endpoints), 4)),
        histories=_histories(n_paths, n_paths * ROWS_PER_LIFE, n_paths * MARKS_PER_LIFE),
    )  # fmt: skip


def n_outcomes(program: Program) -> int:
    """Number of outcomes per patient and strategy: the main ones, costs by category discounted and not."""
    return N_MAIN + 2 * len(program.categories)


_local = threading.local()


def _own_workspace(program: Program, block: int) -> Workspace:
    """Workspace of the calling thread for the program, made on first use."""
    key = (id(program.packed), block)
    if getattr(_local, "key", None) != key:
        _local.key, _local.workspace, _local.program = key, workspace(program, block), program
    kept: Workspace = _local.workspace
    return kept


def empty_moments(program: Program, n_draws: int) -> Moments:
    """Moments of nobody, for each of some draws."""
    n_strategies, n_states = len(program.strategies), len(program.states)
    shape = (n_draws, n_strategies, n_outcomes(program))
    return Moments(
        shift=np.zeros(shape), total=np.zeros(shape), square=np.zeros(shape),
        product=np.zeros((n_draws, n_strategies, n_strategies, N_PRODUCTS)),
        state=np.zeros((n_draws, n_strategies, n_states, 4)),
    )  # fmt: skip


def empty_counts(program: Program) -> Counts:
    """Counts of nobody."""
    n_strategies, n_states, m = len(program.strategies), len(program.states), program.packed.m
    return Counts(
        endpoint=_ints(n_strategies, len(program.endpoints), 3, int(m[layout.H_N_STEPS]) + 2),
        occupancy=_ints(n_strategies, n_states, int(m[layout.H_N_OCCUPANCY]) + 2),
        entries=_ints(n_strategies, n_states, 2),
        marks=_ints(n_strategies, len(program.marks), 2),
    )  # fmt: skip


def run(
    program: Program, chunk: Chunk, numbers: FloatArray, luck_words: IntArray, seed: int,
    block: int = DEFAULT_BLOCK, counting: bool = True,
) -> ChunkResult:  # fmt: skip
    """Run one chunk of patients through some draws and every strategy.

    Parameters
    ----------
    numbers : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_numbers).
    luck_words : ndarray(int, ndim=1)
        (n_draws,): 0 for common luck, the draw's number + 1 for independent luck.

    Raises
    ------
    InputError, RunError
        If a life cannot be walked; the message says whose and why.
    """
    space = _own_workspace(program, block)
    x = program.patients(chunk.first, chunk.n, seed)
    numbers, luck_words = np.array(numbers, order="C"), np.array(luck_words)  # owned and writable: one numba type
    moments, counts = empty_moments(program, len(numbers)), empty_counts(program)
    draw = row = 0
    while True:
        status, draw, row = run_chunk(
            program.packed.m, program.packed.f, space.wi, space.wf, space.worth, space.windows, space.seen,
            space.first_time, numbers, x, chunk.first, seed, luck_words, block, counting, *space.histories.arrays,
            moments, counts, draw, row,
        )  # fmt: skip
        if status == layout.OK:
            return ChunkResult(chunk.n, moments._replace(product=_whole_products(moments.product)), counts)
        _enlarge_or_refuse(program, space, status)


def _whole_products(product: FloatArray) -> FloatArray:
    """Products of main outcomes, then of QALYs with costs: (n_draws, n_main + 1, n_strategies, n_strategies), whole."""
    lower, upper = np.tril_indices(product.shape[1], -1)
    result = np.ascontiguousarray(np.moveaxis(product[..., : N_MAIN + 1], -1, 1))
    result[:, :N_MAIN, upper, lower] = result[:, :N_MAIN, lower, upper]
    result[:, N_MAIN, upper, lower] = product[:, lower, upper, N_MAIN + 1]
    return result


def simulate(
    program: Program, first: int, n: int, numbers: FloatArray, seed: int, luck_word: int = 0, block: int = 1024
) -> Iterator[tuple[int, FloatArray, Histories]]:
    """Histories of patients first, first + 1, ..., block by block.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.

    Yields
    ------
    first_patient : int
    x : ndarray(float, ndim=2)
        (n_patients, n_columns).
    histories : Histories
        Valid until the next block; path = patient within the block x n_strategies + strategy.
    """
    space = workspace(program, block)
    numbers = np.array(numbers, order="C")
    for start in range(first, first + n, block):
        x = program.patients(start, min(block, first + n - start), seed)
        while True:
            status = walk_block(
                program.packed.m, program.packed.f, space.wi, space.wf, numbers, x, start, seed, luck_word,
                *space.histories.arrays,
            )  # fmt: skip
            if status == layout.OK:
                break
            _enlarge_or_refuse(program, space, status)
        yield start, x, space.histories


def _enlarge_or_refuse(program: Program, space: Workspace, status: int) -> None:
    if status in (layout.ROWS_FULL, layout.MARKS_FULL):
        space.grow(status)
        return
    raise _refusal(program, space.wi, space.wf, status)


def _refusal(program: Program, wi: IntArray, wf: FloatArray, status: int) -> Exception:
    where, what = program.scenario.path, int(wi[layout.W_INFO])
    whose = f"(patient {wi[layout.W_PATIENT]}, strategy '{program.strategies[int(wi[layout.W_STRATEGY])]}')"
    if status == layout.BAD_VALUE:
        return program.bad_value(wi, wf)
    if status == layout.BAD_PROBABILITY:
        return InputError(
            f"{where}: states.{program.states[what]}.branches: the probabilities that apply do not add up to 1 {whose};"
            " give the last branch p = 'rest'."
        )
    if status == layout.CLOCK_UNSET:
        source, target, risk = program.transitions[what]
        code = program.columns["clock"][what]
        clock = list(program.flat.clocks)[code] if code >= 0 else None
        if clock is None:
            return RunError(f"{where}: transition {source} -> {target or risk}: its time is not a number {whose}.")
        return InputError(
            f"{where}: transition {source} -> {target or risk}: clock '{clock}' is read before it has started {whose};"
            " start it earlier or give default_origin = 'model'."
        )
    if status == layout.TOO_LONG:
        return RunError(
            f"{where}: a life has more than {layout.MAX_STEPS} stays {whose}, last in state '{program.states[what]}'."
        )
    return RunError(f"{where}: unexpected result {status} of a walk {whose}.")


def warm(program: Program, seed: int = 0) -> None:
    """Compile the kernels, or load them from disk, in the calling thread before others start."""
    run(program, Chunk(0, 1), program.numbers()[:1], np.zeros(1, dtype=np.int64), seed, block=1)


__all__: list[Any] = ["DEFAULT_BLOCK", "Chunk", "ChunkResult", "run", "simulate", "warm"]
