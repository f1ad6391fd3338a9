"""The compiled engine: numba kernels over a program's arrays, a block of patients at a time.

A workspace holds one worker's scratch and one block's histories; memory is bounded by the block, whatever the number
of patients. Kernels release the GIL, so workers are threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.task import DEFAULT_BLOCK, Patients, Sums, Task, Wanted, empty_sums, every_strategy, patients_of
from lmssim.engines.workspace import Workspace, own_workspace, refusal, workspace
from lmssim.kernels import layout
from lmssim.kernels.chunk import run_chunk
from lmssim.kernels.walk import walk_block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.engines.histories import Histories
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program


def run(
    program: Program, numbers: FloatArray, patients: Patients, seed: int, wanted: Wanted, block: int = DEFAULT_BLOCK
) -> Sums:
    """Run the patients of a task through its draws and strategies.

    Parameters
    ----------
    numbers : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_numbers).

    Raises
    ------
    InputError, RunError
        If a life cannot be walked; the message says whose and why.
    """
    space = own_workspace(program, block)
    numbers = np.array(numbers, order="C")  # owned and writable: one numba type
    sums = empty_sums(program, len(numbers), patients.arms.shape[-1], wanted)
    draw = row = 0
    while True:
        status, draw, row = run_chunk(
            program.packed.m,
            program.packed.f,
            space.wi,
            space.wf,
            space.worth,
            space.windows,
            space.seen,
            space.first_time,
            numbers,
            patients.first,
            patients.x,
            patients.arms,
            patients.subgroup,
            seed,
            block,
            *space.histories.arrays,
            sums.moments,
            sums.whole_grid,
            sums.whole,
            sums.draw_grid,
            sums.by_draw,
            sums.subgroup_grid,
            sums.by_subgroup,
            draw,
            row,
        )
        if status == layout.OK:
            return sums
        _enlarge_or_refuse(program, space, status)


def simulate(
    program: Program,
    first: int,
    n: int,
    numbers: FloatArray,
    seed: int,
    luck_word: int = 0,
    block: int = 1024,
    arms: IntArray | None = None,
) -> Iterator[tuple[int, FloatArray, Histories]]:
    """Histories of patients first, first + 1, ..., block by block.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    arms : ndarray(int, ndim=2), optional
        (n or 1, n_arms): strategies that each patient meets; every strategy of the program if absent.

    Yields
    ------
    first_patient : int
    x : ndarray(float, ndim=2)
        (n_patients, n_columns).
    histories : Histories
        Valid until the next block; path = patient within the block x n_arms + arm.
    """
    space = workspace(program, block)
    met = every_strategy(program) if arms is None else np.array(arms)
    for start in range(first, first + n, block):
        x = program.patients(start, min(block, first + n - start), seed)
        own = met if len(met) == 1 else met[start - first : start - first + len(x)]
        yield start, x, _walked(program, space, x, start, numbers, seed, own, luck_word)


def walk(
    program: Program,
    x: FloatArray,
    first: int,
    numbers: FloatArray,
    seed: int,
    arms: IntArray,
    block: int,
) -> Histories:
    """Histories of a block of patients whose columns are given.

    Parameters
    ----------
    x : ndarray(float, ndim=2)
        (n_patients, n_columns), at most `block` patients; those numbered first, first + 1, ... have these columns.
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    arms : ndarray(int, ndim=2)
        (n_patients or 1, n_arms): strategies that each patient meets.

    Returns
    -------
    Histories
        Valid until this thread runs something else; path = patient x n_arms + arm.
    """
    return _walked(program, own_workspace(program, block), x, first, numbers, seed, arms)


def _walked(
    program: Program,
    space: Workspace,
    x: FloatArray,
    first: int,
    numbers: FloatArray,
    seed: int,
    arms: IntArray,
    luck_word: int = 0,
) -> Histories:
    numbers, arms = np.array(numbers, order="C"), np.array(arms, order="C")
    while True:
        status = walk_block(
            program.packed.m,
            program.packed.f,
            space.wi,
            space.wf,
            numbers,
            x,
            arms,
            first,
            seed,
            luck_word,
            *space.histories.arrays,
        )
        if status == layout.OK:
            return space.histories
        _enlarge_or_refuse(program, space, status)


def _enlarge_or_refuse(program: Program, space: Workspace, status: int) -> None:
    if status in (layout.ROWS_FULL, layout.MARKS_FULL):
        space.grow(status, program)
        return
    raise refusal(program, space.wi, space.wf, status)


def warm(program: Program, seed: int = 0, numbers: FloatArray | None = None) -> None:
    """Compile the kernels, or load them from disk, in the calling thread before others start.

    Numbers of a draw, if they are given, spare those of the base case.
    """
    task = Task(draws=range(1), first=0, n=1, strategies=range(len(program.strategies)))
    numbers = program.numbers() if numbers is None else numbers
    run(program, numbers[:1], patients_of(program, task, seed), seed, Wanted(), block=1)
