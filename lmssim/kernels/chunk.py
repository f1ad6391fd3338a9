"""One task: a chunk of patients through some draws and every strategy, block by block."""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import jit
from lmssim.kernels.layout import BAD_VALUE, F_RATE_EFFECTS, H_AGE_COLUMN, H_N_STATES, OK, W_BAD, W_EPOCH
from lmssim.kernels.pointer import advance, constant, history, result, scratch
from lmssim.kernels.rewards import value_history
from lmssim.kernels.tally import Counts, Moments, add_outcomes, add_products, count_endpoints, count_marks, count_stays
from lmssim.kernels.walk import walk_block


@jit
def read_worth(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, windows: FloatArray,
    numbers: FloatArray, x: FloatArray, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray, shift: FloatArray, total: FloatArray, square: FloatArray, product: FloatArray,
    sums: FloatArray, begins: bool,
) -> None:
    """What a block's histories are worth, carried into the chunk's sums.

    Parameters
    ----------
    begins : bool
        Whether the block's first patient is the chunk's.
    """
    _worth_of_patients(
        constant(m), constant(f), scratch(wi), scratch(wf), scratch(worth), scratch(windows), constant(numbers),
        constant(x), history(starts), history(rows), history(times), history(marks), history(mark_times), result(shift),
        result(total), result(square), result(product), result(sums), begins, x.shape[0], x.shape[1],
        numbers.shape[0], numbers.shape[1], shift.shape[1], sums.shape[1] * sums.shape[2],
    )


@jit
def _worth_of_patients(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, windows: FloatArray, v: FloatArray,
    x: FloatArray, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray,
    shift: FloatArray, total: FloatArray, square: FloatArray, product: FloatArray, sums: FloatArray, begins: bool,
    n_patients: int, n_columns: int, n_strategies: int, n_numbers: int, n_outcomes: int, n_sums: int,
) -> None:
    """`read_worth` over pointers."""
    wi[W_EPOCH] += 1
    factors = advance(worth, n_strategies * n_outcomes)
    for i in range(n_patients):
        patient = advance(x, i * n_columns)
        growth = math.exp(f[F_RATE_EFFECTS] * patient[m[H_AGE_COLUMN]])
        for k in range(n_strategies):
            value_history(
                m, f, wi, wf, advance(worth, k * n_outcomes), advance(sums, k * n_sums), windows, i * n_strategies + k,
                starts, rows, times, marks, mark_times, advance(v, k * n_numbers), patient, k, growth,
            )
        if begins and i == 0:
            for k in range(n_strategies * n_outcomes):
                shift[k] = worth[k]
        add_outcomes(worth, n_strategies * n_outcomes, shift, total, square)
        add_products(worth, n_strategies, n_outcomes, factors, product)


@jit
def read_counts(
    m: IntArray, f: FloatArray, seen: IntArray, first_time: FloatArray, n_patients: int, n_strategies: int,
    starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray,
    endpoint: IntArray, occupancy: IntArray, entries: IntArray, mark_counts: IntArray,
) -> None:
    """Endpoints, occupancy, entries and marks of a block's histories."""
    _counts_of_paths(
        constant(m), constant(f), scratch(seen), scratch(first_time), n_patients, n_strategies, history(starts),
        history(rows), history(times), history(marks), history(mark_times), result(endpoint), result(occupancy),
        result(entries), result(mark_counts), endpoint.shape[1] * 3 * endpoint.shape[3],
        occupancy.shape[1] * occupancy.shape[2], 2 * entries.shape[1], 2 * mark_counts.shape[1],
    )


@jit
def _counts_of_paths(
    m: IntArray, f: FloatArray, seen: IntArray, first_time: FloatArray, n_patients: int, n_strategies: int,
    starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray,
    endpoint: IntArray, occupancy: IntArray, entries: IntArray, mark_counts: IntArray,
    n_endpoint: int, n_occupancy: int, n_entries: int, n_marks: int,
) -> None:
    """`read_counts` over pointers."""
    for i in range(n_patients):
        for k in range(n_strategies):
            path = i * n_strategies + k
            seen[0] += 1
            count_stays(
                m, f, seen, path, starts, rows, times, advance(occupancy, k * n_occupancy),
                advance(entries, k * n_entries),
            )
            count_marks(seen, m[H_N_STATES], path, starts, marks, advance(mark_counts, k * n_marks))
            count_endpoints(
                m, f, path, starts, rows, times, marks, mark_times, first_time, advance(endpoint, k * n_endpoint)
            )


@jit
def run_chunk(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, windows: FloatArray,
    seen: IntArray, first_time: FloatArray, numbers: FloatArray, x: FloatArray, first_patient: int, seed: int,
    luck: IntArray, block: int, counting: bool, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray, moments: Moments, counts: Counts, first_draw: int, first_row: int,
) -> tuple[int, int, int]:
    """Run a chunk, from a draw and a row of patients on; results are added to `moments` and `counts`.

    Parameters
    ----------
    numbers : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_numbers).
    luck : ndarray(int, ndim=1)
        (n_draws,) luck word of each draw.

    Returns
    -------
    status, draw, row : int
        `OK`, or why the block that starts at `row` of `draw` could not be walked; nothing of it has been counted, so
        the caller may enlarge the buffers and go on from there.
    """
    start = first_row
    for d in range(first_draw, numbers.shape[0]):
        while start < x.shape[0]:
            stop = min(start + block, x.shape[0])
            status = walk_block(
                m, f, wi, wf, numbers[d], x[start:stop], first_patient + start, seed, luck[d], starts, rows, times,
                marks, mark_times,
            )
            if status != OK:
                return status, d, start
            read_worth(
                m, f, wi, wf, worth, windows, numbers[d], x[start:stop], starts, rows, times, marks, mark_times,
                moments.shift[d], moments.total[d], moments.square[d], moments.product[d], moments.state[d],
                start == 0,
            )
            if wi[W_BAD] != 0:
                return BAD_VALUE, d, start
            if counting:
                read_counts(
                    m, f, seen, first_time, stop - start, numbers.shape[1], starts, rows, times, marks, mark_times,
                    counts.endpoint, counts.occupancy, counts.entries, counts.marks,
                )
            start = stop
        start = 0
    return OK, numbers.shape[0], 0
