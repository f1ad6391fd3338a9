"""The compiled engine: numba kernels over a program's arrays, a block of patients at a time.

A workspace holds one worker's scratch and one block's histories; memory is bounded by the block, whatever the number
of patients. Kernels release the GIL, so workers are threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.histories import (
    DEFAULT_BLOCK,
    Chunk,
    ChunkResult,
    Histories,
    Workspace,
    empty_counts,
    empty_moments,
    own_workspace,
    refusal,
    whole_products,
    workspace,
)
from lmssim.kernels import layout
from lmssim.kernels.chunk import run_chunk
from lmssim.kernels.walk import walk_block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program


def run(
    program: Program,
    chunk: Chunk,
    numbers: FloatArray,
    luck_words: IntArray,
    seed: int,
    block: int = DEFAULT_BLOCK,
    counting: bool = True,
) -> ChunkResult:
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
    space = own_workspace(program, block)
    x = program.patients(chunk.first, chunk.n, seed)
    numbers, luck_words = np.array(numbers, order="C"), np.array(luck_words)  # owned and writable: one numba type
    moments, counts = empty_moments(program, len(numbers)), empty_counts(program)
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
            x,
            chunk.first,
            seed,
            luck_words,
            block,
            counting,
            *space.histories.arrays,
            moments,
            counts,
            draw,
            row,
        )
        if status == layout.OK:
            return ChunkResult(chunk.n, moments._replace(product=whole_products(moments.product)), counts)
        _enlarge_or_refuse(program, space, status)


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
                program.packed.m,
                program.packed.f,
                space.wi,
                space.wf,
                numbers,
                x,
                start,
                seed,
                luck_word,
                *space.histories.arrays,
            )
            if status == layout.OK:
                break
            _enlarge_or_refuse(program, space, status)
        yield start, x, space.histories


def _enlarge_or_refuse(program: Program, space: Workspace, status: int) -> None:
    if status in (layout.ROWS_FULL, layout.MARKS_FULL):
        space.grow(status)
        return
    raise refusal(program, space.wi, space.wf, status)


def warm(program: Program, seed: int = 0) -> None:
    """Compile the kernels, or load them from disk, in the calling thread before others start."""
    run(program, Chunk(0, 1), program.numbers()[:1], np.zeros(1, dtype=np.int64), seed, block=1)
