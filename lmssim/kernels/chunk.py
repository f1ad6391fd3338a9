"""One task: a chunk of patients through some draws and every strategy, block by block."""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import jit
from lmssim.kernels.layout import F_RATE_EFFECTS, H_AGE_COLUMN, H_N_STATES, OK
from lmssim.kernels.pointer import advance, pointer
from lmssim.kernels.rewards import value_history
from lmssim.kernels.tally import Counts, Moments, add_patient, count_endpoints, count_marks, count_stays
from lmssim.kernels.walk import walk_block


@jit
def read_worth(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, windows: FloatArray,
    numbers: FloatArray, x: FloatArray, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray, shift: FloatArray, total: FloatArray, square: FloatArray, product: FloatArray,
    sums: FloatArray, begins: bool,
) -> None:  # fmt: skip
    """What a block's histories are worth, carried into the chunk's sums.

    Parameters
    ----------
    begins : bool
        Whether the block's first patient is the chunk's.
    """
    n_strategies, n_numbers = numbers.shape
    n_columns, n_outcomes, n_sums = x.shape[1], worth.shape[1], sums.shape[1] * sums.shape[2]
    p_m, p_f, p_wi, p_wf, p_numbers, p_x = pointer(m), pointer(f), pointer(wi), pointer(wf), pointer(numbers), pointer(x)
    p_starts, p_rows, p_times, p_marks, p_mark_times = (
        pointer(starts), pointer(rows), pointer(times), pointer(marks), pointer(mark_times)
    )  # fmt: skip
    p_worth, p_sums, p_windows = pointer(worth), pointer(sums), pointer(windows)
    for i in range(x.shape[0]):
        growth = math.exp(f[F_RATE_EFFECTS] * x[i, m[H_AGE_COLUMN]])
        for k in range(n_strategies):
            value_history(
                p_m, p_f, p_wi, p_wf, advance(p_worth, k * n_outcomes), advance(p_sums, k * n_sums), p_windows,
                i * n_strategies + k, p_starts, p_rows, p_times, p_marks, p_mark_times,
                advance(p_numbers, k * n_numbers), advance(p_x, i * n_columns), k, growth,
            )  # fmt: skip
        add_patient(worth, shift, total, square, product, begins and i == 0)


@jit
def read_counts(
    m: IntArray, f: FloatArray, seen: IntArray, first_time: FloatArray, n_patients: int, n_strategies: int,
    starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray,
    endpoint: IntArray, occupancy: IntArray, entries: IntArray, mark_counts: IntArray,
) -> None:  # fmt: skip
    """Endpoints, occupancy, entries and marks of a block's histories."""
    p_m, p_f, p_seen, p_first = pointer(m), pointer(f), pointer(seen), pointer(first_time)
    p_starts, p_rows, p_times, p_marks, p_mark_times = (
        pointer(starts), pointer(rows), pointer(times), pointer(marks), pointer(mark_times)
    )  # fmt: skip
    n_endpoint = endpoint.shape[1] * 3 * endpoint.shape[3]
    n_occupancy, n_entries, n_marks = occupancy.shape[1] * occupancy.shape[2], 2 * entries.shape[1], mark_counts.shape[1] * 2
    for i in range(n_patients):
        for k in range(n_strategies):
            path = i * n_strategies + k
            p_seen[0] += 1
            count_stays(
                p_m, p_f, p_seen, path, p_starts, p_rows, p_times, advance(pointer(occupancy), k * n_occupancy),
                advance(pointer(entries), k * n_entries),
            )  # fmt: skip
            count_marks(
                p_seen, m[H_N_STATES], path, p_starts, p_marks, advance(pointer(mark_counts), k * n_marks)
            )
            count_endpoints(
                p_m, p_f, path, p_starts, p_rows, p_times, p_marks, p_mark_times, p_first,
                advance(pointer(endpoint), k * n_endpoint),
            )  # fmt: skip


@jit
def run_chunk(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, windows: FloatArray,
    seen: IntArray, first_time: FloatArray, numbers: FloatArray, x: FloatArray, first_patient: int, seed: int,
    luck: IntArray, block: int, counting: bool, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray, moments: Moments, counts: Counts, first_draw: int, first_row: int,
) -> tuple[int, int, int]:  # fmt: skip
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
            )  # fmt: skip
            if status != OK:
                return status, d, start
            read_worth(
                m, f, wi, wf, worth, windows, numbers[d], x[start:stop], starts, rows, times, marks, mark_times,
                moments.shift[d], moments.total[d], moments.square[d], moments.product[d], moments.state[d],
                start == 0,
            )  # fmt: skip
            if counting:
                read_counts(
                    m, f, seen, first_time, stop - start, numbers.shape[1], starts, rows, times, marks, mark_times,
                    counts.endpoint, counts.occupancy, counts.entries, counts.marks,
                )  # fmt: skip
            start = stop
        start = 0
    return OK, numbers.shape[0], 0
