"""A worker's scratch, how a block's histories are read into sums, and why a life cannot be walked.

Each engine writes the histories of a block of patients in its own way; what they are worth and what they count is read
by the same kernels, so that equal histories give equal results, bit for bit.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.histories import Histories, new_histories
from lmssim.engines.task import n_outcomes
from lmssim.errors import InputError, RunError, TooLargeError
from lmssim.kernels import layout
from lmssim.kernels.chunk import count_block, read_worth
from lmssim.kernels.tally import N_PRODUCTS
from lmssim.model.program.complaint import bad_value
from lmssim.model.program.rows import Hazard

if TYPE_CHECKING:
    from lmssim.engines.task import Sums
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

ROWS_PER_LIFE, MARKS_PER_LIFE = 12, 4
MOST_RECORDS = 1 << 25
"""Stays, or event records, of all lives of a block: 1.3 GB of stays."""


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

    def grow(self, status: int, program: Program) -> None:
        """Double the buffer that was full.

        Raises
        ------
        TooLargeError
            If the lives of a block have too many stays or event records.
        """
        h = self.histories
        full, what = (h.rows, "stays") if status == layout.ROWS_FULL else (h.marks, "event records")
        if 2 * len(full) > MOST_RECORDS:
            raise TooLargeError(
                f"{program.scenario.path}: {len(h.starts) - 1:,} lives have more than {len(full):,} {what} together,"
                " which is the limit; check the hazards and fixed stays, and their unit, which is years."
            )
        rows = 2 * len(h.rows) if status == layout.ROWS_FULL else len(h.rows)
        marks = 2 * len(h.marks) if status == layout.MARKS_FULL else len(h.marks)
        self.histories = new_histories(len(h.starts) - 1, rows, marks)


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
        wi=np.zeros(program.packed.n_scratch, dtype=np.int64),
        wf=np.zeros(program.packed.n_scratch_floats),
        worth=np.zeros(n_strategies * (2 * n_outcomes(program) + 2 * N_PRODUCTS)),
        windows=np.zeros((layout.MAX_WINDOWS, 4)),
        seen=np.zeros(len(program.states) + len(program.marks) + 1, dtype=np.int64),
        first_time=np.zeros((len(program.endpoints), 4)),
        histories=new_histories(n_paths, n_paths * ROWS_PER_LIFE, n_paths * MARKS_PER_LIFE),
    )


_local = threading.local()


def own_workspace(program: Program, block: int) -> Workspace:
    """Workspace of the calling thread for the program, made on first use."""
    key = (id(program.packed), block)
    if getattr(_local, "key", None) != key:
        _local.key, _local.workspace, _local.program = key, workspace(program, block), program
    kept: Workspace = _local.workspace
    return kept


def read_block(
    program: Program,
    space: Workspace,
    numbers: FloatArray,
    x: FloatArray,
    arms: IntArray,
    subgroup: IntArray,
    histories: Histories,
    sums: Sums,
    draw: int = 0,
) -> None:
    """Carry what a block's histories are worth, and what they count, into the sums of a task.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    x : ndarray(float, ndim=2)
        (n_patients, n_columns) of the block.
    arms : ndarray(int, ndim=2)
        (n_patients or 1, n_arms): strategies that each patient meets.
    subgroup : ndarray(int, ndim=1 or 2)
        (n_patients,) or (n_patients, n_partitions).
    draw : int
        Position of the draw in the sums.

    Raises
    ------
    InputError
        If a value computed for a patient is impossible.
    """
    m, f, arrays, subgroup = program.packed.m, program.packed.f, histories.arrays, subgroup.reshape(len(x), -1)
    by_draw = (each[draw] for each in sums.moments)
    read_worth(m, f, space.wi, space.wf, space.worth, space.windows, numbers, x, arms, subgroup, *arrays, *by_draw)
    if space.wi[layout.W_BAD] != 0:
        raise refusal(program, space.wi, space.wf, layout.BAD_VALUE)
    for grid, counts in (
        (sums.whole_grid, sums.whole),
        (sums.draw_grid, sums.by_draw),
        (sums.subgroup_grid, sums.by_subgroup),
    ):
        count_block(m, f, space.seen, space.first_time, len(x), subgroup, *arrays, grid, counts, draw)


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
            return InputError(
                f"{place}: its time is not a number {whose}; check its hazard and the effects on it for values that are"
                " too large."
            )
        clock = program.rows.clocks[timing.clock].name
        return InputError(
            f"{place}: clock '{clock}' is read before it has started {whose};"
            " start it earlier or give default_origin = 'model'."
        )
    if status == layout.TOO_LONG:
        return TooLargeError(
            f"{where}: a life has more than {layout.MAX_STEPS:,} stays {whose}, last in state '{program.states[what]}';"
            " check the hazards and fixed stays on its way, and their unit, which is years."
        )
    return RunError(f"{where}: unexpected result {status} of a walk {whose}.")
