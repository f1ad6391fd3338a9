"""What the engines that walk through lives share: chunks and their results, histories, a worker's scratch, refusals.

Each engine writes the histories of a block of patients in its own way; what they are worth and what they count is read
by the same kernels, so that equal histories give equal results, bit for bit.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, RunError
from lmssim.kernels import layout
from lmssim.kernels.chunk import read_counts, read_worth
from lmssim.kernels.rewards import N_MAIN
from lmssim.kernels.tally import N_PRODUCTS, Counts, Moments
from lmssim.model.program.complaint import bad_value
from lmssim.model.program.rows import Hazard

if TYPE_CHECKING:
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

    def life(self, path: int) -> tuple[IntArray, FloatArray]:
        """What happened on a path, and when: states, reasons, attributes and marks; times of the same."""
        (row, mark), (last_row, last_mark) = self.starts[path], self.starts[path + 1]
        what = np.concatenate([self.rows[row:last_row].ravel(), self.marks[mark:last_mark]])
        return what, np.concatenate([self.times[row:last_row].ravel(), self.mark_times[mark:last_mark]])


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
        self.histories = new_histories(len(h.starts) - 1, rows, marks)


def _ints(*shape: int) -> IntArray:
    return np.zeros(shape, dtype=np.int64)


def new_histories(n_paths: int, n_rows: int, n_marks: int) -> Histories:
    """Histories with room for some paths, stays and marks, all zero."""
    return Histories(_ints(n_paths + 1, 2), _ints(n_rows, 3), np.zeros((n_rows, 2)), _ints(n_marks), np.zeros(n_marks))


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
        wi=_ints(program.packed.n_scratch),
        wf=np.zeros(program.packed.n_scratch_floats),
        worth=np.zeros(n_strategies * (n_outcomes(program) + 2 * N_PRODUCTS)),
        windows=np.zeros((layout.MAX_WINDOWS, 4)),
        seen=_ints(len(program.states) + len(program.marks) + 1),
        first_time=np.zeros((len(program.endpoints), 4)),
        histories=new_histories(n_paths, n_paths * ROWS_PER_LIFE, n_paths * MARKS_PER_LIFE),
    )


def read_block(
    program: Program,
    space: Workspace,
    numbers: FloatArray,
    x: FloatArray,
    histories: Histories,
    moments: Moments,
    counts: Counts,
    draw: int = 0,
    *,
    begins: bool = True,
    counting: bool = True,
) -> None:
    """Carry what a block's histories are worth, and what they count, into the sums of a chunk.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    x : ndarray(float, ndim=2)
        (n_patients, n_columns) of the block.
    draw : int
        Position of the draw in `moments`.
    begins : bool
        Whether the block's first patient is the chunk's.

    Raises
    ------
    InputError
        If a value computed for a patient is impossible.
    """
    m, f = program.packed.m, program.packed.f
    read_worth(
        m,
        f,
        space.wi,
        space.wf,
        space.worth,
        space.windows,
        numbers,
        x,
        *histories.arrays,
        moments.shift[draw],
        moments.total[draw],
        moments.square[draw],
        moments.product[draw],
        moments.state[draw],
        begins,
    )
    if space.wi[layout.W_BAD] != 0:
        raise refusal(program, space.wi, space.wf, layout.BAD_VALUE)
    if counting:
        read_counts(m, f, space.seen, space.first_time, len(x), len(numbers), *histories.arrays, *counts)


def compare_histories(a: Histories, b: Histories, n_paths: int) -> tuple[int, float]:
    """Number of lives that differ in anything, and the largest difference of times (years) where the same happened."""
    differing, largest = 0, 0.0
    for path in range(n_paths):
        (what_a, when_a), (what_b, when_b) = a.life(path), b.life(path)
        same = np.array_equal(what_a, what_b) and len(when_a) == len(when_b)
        differing += not (same and np.array_equal(when_a, when_b))
        if same:
            largest = max(largest, float(np.abs(when_a - when_b).max()))
    return differing, largest


def n_outcomes(program: Program) -> int:
    """Number of outcomes per patient and strategy: the main ones, costs by category discounted and not."""
    return N_MAIN + 2 * len(program.categories)


_local = threading.local()


def own_workspace(program: Program, block: int) -> Workspace:
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
        shift=np.zeros(shape),
        total=np.zeros(shape),
        square=np.zeros(shape),
        product=np.zeros((n_draws, n_strategies, n_strategies, N_PRODUCTS)),
        state=np.zeros((n_draws, n_strategies, n_states, 4)),
    )


def empty_counts(program: Program) -> Counts:
    """Counts of nobody."""
    n_strategies, n_states, m = len(program.strategies), len(program.states), program.packed.m
    return Counts(
        endpoint=_ints(n_strategies, len(program.endpoints), 3, int(m[layout.H_N_STEPS]) + 2),
        occupancy=_ints(n_strategies, n_states, int(m[layout.H_N_OCCUPANCY]) + 2),
        entries=_ints(n_strategies, n_states, 2),
        marks=_ints(n_strategies, len(program.marks), 2),
    )


def whole_products(product: FloatArray) -> FloatArray:
    """Products of main outcomes, then of QALYs with costs: (n_draws, n_main + 1, n_strategies, n_strategies), whole."""
    lower, upper = np.tril_indices(product.shape[1], -1)
    result = np.ascontiguousarray(np.moveaxis(product[..., : N_MAIN + 1], -1, 1))
    result[:, :N_MAIN, upper, lower] = result[:, :N_MAIN, lower, upper]
    result[:, N_MAIN, upper, lower] = product[:, lower, upper, N_MAIN + 1]
    return result


def refusal(program: Program, wi: IntArray, wf: FloatArray, status: int) -> Exception:
    """Error for a life that could not be walked, from what its scratch says of whose it is and what went wrong.

    Parameters
    ----------
    status : int
        One of `lmssim.kernels.layout`'s results of a walk.
    """
    where, what = program.scenario.path, int(wi[layout.W_INFO])
    whose = f"(patient {wi[layout.W_PATIENT]}, strategy '{program.strategies[int(wi[layout.W_STRATEGY])]}')"
    if status == layout.BAD_VALUE:
        return bad_value(program, wi, wf)
    if status == layout.BAD_PROBABILITY:
        return InputError(
            f"{where}: states.{program.states[what]}.branches: the probabilities that apply do not add up to 1 {whose};"
            " give the last branch p = 'rest'."
        )
    if status == layout.CLOCK_UNSET:
        source, target, reason = program.transitions[what]
        place, timing = f"{where}: transition {source} -> {target or reason}", program.rows.transitions[what].timing
        if not isinstance(timing, Hazard) or timing.clock < 0:
            return RunError(f"{place}: its time is not a number {whose}.")
        clock = program.rows.clocks[timing.clock].name
        return InputError(
            f"{place}: clock '{clock}' is read before it has started {whose};"
            " start it earlier or give default_origin = 'model'."
        )
    if status == layout.TOO_LONG:
        return RunError(
            f"{where}: a life has more than {layout.MAX_STEPS} stays {whose}, last in state '{program.states[what]}'."
        )
    return RunError(f"{where}: unexpected result {status} of a walk {whose}.")
