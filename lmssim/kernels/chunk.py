"""One task: a chunk of patients through some draws and the strategies that they meet, block by block."""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import jit, paste

# isort: off
from lmssim.kernels.layout import (
    BAD_VALUE, F_RATE_EFFECTS, H_AGE_COLUMN, H_N_ENDPOINTS, H_N_STATES, OK, W_BAD, W_EPOCH, W_WHO,
)
# isort: on
from lmssim.kernels.pointer import advance, constant, history, result, scratch
from lmssim.kernels.rewards import value_history
from lmssim.kernels.tally import (
    N_PRODUCTS,
    Counts,
    Grid,
    Moments,
    add_outcomes,
    add_products,
    count_endpoints,
    count_marks,
    count_stays,
)
from lmssim.kernels.walk import walk_block


@jit
def read_worth(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, windows: FloatArray,
    numbers: FloatArray, x: FloatArray, arms: IntArray, subgroup: IntArray, starts: IntArray, rows: IntArray,
    times: FloatArray, marks: IntArray, mark_times: FloatArray, members: IntArray, shift: FloatArray,
    total: FloatArray, square: FloatArray, product: FloatArray, sums: FloatArray,
) -> None:
    """What a block's histories are worth, carried into the chunk's sums.

    Parameters
    ----------
    arms : ndarray(int, ndim=2)
        (n_patients or 1, n_arms): strategies that each patient meets.
    subgroup : ndarray(int, ndim=2)
        (n_patients, n_partitions): whose sums a patient is added to, once a partition; -1 for nobody's, but in the
        first. The first member of a subgroup sets its shift. Sums by state are kept by the first partition alone.
    """
    _worth_of_patients(
        constant(m), constant(f), scratch(wi), scratch(wf), scratch(worth), scratch(windows), constant(numbers),
        constant(x), constant(arms), constant(subgroup), history(starts), history(rows), history(times),
        history(marks), history(mark_times), result(members), result(shift), result(total), result(square),
        result(product), result(sums), x.shape[0], x.shape[1], arms.shape[1], arms.shape[1] if arms.shape[0] > 1 else 0,
        numbers.shape[1], shift.shape[2], sums.shape[2] * sums.shape[3], product.shape[3], subgroup.shape[1],
    )


@paste
def _worth_of_patients(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, windows: FloatArray, v: FloatArray,
    x: FloatArray, arms: IntArray, subgroup: IntArray, starts: IntArray, rows: IntArray, times: FloatArray,
    marks: IntArray, mark_times: FloatArray, members: IntArray, shift: FloatArray, total: FloatArray,
    square: FloatArray, product: FloatArray, sums: FloatArray, n_patients: int, n_columns: int, n_arms: int, own: int,
    n_numbers: int, n_outcomes: int, n_sums: int, n_products: int, n_partitions: int,
) -> None:
    """`read_worth` over pointers; the arms of a patient stand `own` further on than those of the one before."""
    wi[W_EPOCH] += 1
    factors = advance(worth, n_arms * n_outcomes)
    spare = advance(factors, 2 * N_PRODUCTS * n_arms)
    for i in range(n_patients):
        wi[W_WHO] += 1
        groups = advance(subgroup, i * n_partitions)
        patient, met, of = advance(x, i * n_columns), advance(arms, i * own), groups[0] * n_arms
        growth = math.exp(f[F_RATE_EFFECTS] * patient[m[H_AGE_COLUMN]])
        for k in range(n_arms):
            value_history(
                m, f, wi, wf, advance(worth, k * n_outcomes), advance(sums, (of + k) * n_sums), windows,
                i * n_arms + k, starts, rows, times, marks, mark_times, advance(v, met[k] * n_numbers), patient,
                met[k], growth,
            )
        if n_partitions > 1:  # what is added becomes what is beyond the shift
            for k in range(n_arms * n_outcomes):
                spare[k] = worth[k]
        for p in range(n_partitions):
            if groups[p] < 0:
                continue
            if p > 0:
                for k in range(n_arms * n_outcomes):
                    worth[k] = spare[k]
            of = groups[p] * n_arms
            beyond = advance(shift, of * n_outcomes)
            if members[groups[p]] == 0:
                for k in range(n_arms * n_outcomes):
                    beyond[k] = worth[k]
            members[groups[p]] += 1
            add_outcomes(
                worth, n_arms * n_outcomes, beyond, advance(total, of * n_outcomes), advance(square, of * n_outcomes)
            )
            add_products(worth, n_arms, n_outcomes, factors, advance(product, of * n_arms * n_products))


@paste
def read_counts(
    m: IntArray, f: FloatArray, seen: IntArray, first_time: FloatArray, n_patients: int, subgroup: IntArray,
    starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray,
    endpoint_kept: IntArray, occupancy_kept: IntArray, endpoint: IntArray, occupancy: IntArray, entries: IntArray,
    mark_counts: IntArray, early: IntArray,
) -> None:
    """Endpoints, occupancy, entries and marks of a block's histories, at the kept times.

    Parameters
    ----------
    subgroup : ndarray(int, ndim=2)
        (n_patients, n_partitions): whose counts a patient is added to, if these are kept apart, once a partition.
        Subgroups beyond those of the counts are not counted.
    endpoint_kept, occupancy_kept : ndarray(int, ndim=1)
        `Grid`.
    """
    _counts_of_paths(
        constant(m), constant(f), scratch(seen), scratch(first_time), n_patients, endpoint.shape[1],
        constant(subgroup), subgroup.shape[1], endpoint.shape[0], history(starts), history(rows), history(times),
        history(marks), history(mark_times), constant(endpoint_kept), constant(occupancy_kept), result(endpoint),
        result(occupancy), result(entries), result(mark_counts), result(early), endpoint.shape[4], occupancy.shape[3],
        endpoint.shape[2] * 3 * endpoint.shape[4], occupancy.shape[2] * occupancy.shape[3], 2 * entries.shape[2],
        2 * mark_counts.shape[2], early.shape[4],
    )


@paste
def _counts_of_paths(
    m: IntArray, f: FloatArray, seen: IntArray, first_time: FloatArray, n_patients: int, n_arms: int,
    subgroup: IntArray, n_partitions: int, n_groups: int, starts: IntArray, rows: IntArray, times: FloatArray,
    marks: IntArray, mark_times: FloatArray, endpoint_kept: IntArray, occupancy_kept: IntArray, endpoint: IntArray,
    occupancy: IntArray, entries: IntArray, mark_counts: IntArray, early: IntArray, n_kept: int, n_present: int,
    n_endpoint: int, n_occupancy: int, n_entries: int, n_marks: int, n_early: int,
) -> None:
    """`read_counts` over pointers; of a single group all partitions are counted as one."""
    apart = n_groups > 1
    for i in range(n_patients):
        for p in range(n_partitions if apart else 1):
            group = subgroup[i * n_partitions + p] if apart else 0
            if group < 0 or group >= n_groups:
                continue
            for k in range(n_arms):
                path, to = i * n_arms + k, group * n_arms + k
                seen[0] += 1
                count_stays(
                    m, f, seen, path, starts, rows, times, occupancy_kept, n_present,
                    advance(occupancy, to * n_occupancy), advance(entries, to * n_entries),
                )
                count_marks(seen, m[H_N_STATES], path, starts, marks, advance(mark_counts, to * n_marks))
                count_endpoints(
                    m, f, path, starts, rows, times, marks, mark_times, first_time, endpoint_kept, n_kept,
                    advance(endpoint, to * n_endpoint), advance(early, to * 2 * m[H_N_ENDPOINTS] * n_early), n_early,
                )


@jit
def count_block(
    m: IntArray, f: FloatArray, seen: IntArray, first_time: FloatArray, n_patients: int, subgroup: IntArray,
    starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray, grid: Grid,
    counts: Counts, draw: int,
) -> None:
    """`read_counts` of a draw into a task's counts, if there are any: those of the draw, or of all draws together."""
    if counts.endpoint.shape[0] > 0:
        d = min(draw, counts.endpoint.shape[0] - 1)
        read_counts(
            m, f, seen, first_time, n_patients, subgroup, starts, rows, times, marks, mark_times, grid.endpoint,
            grid.occupancy, counts.endpoint[d], counts.occupancy[d], counts.entries[d], counts.marks[d],
            counts.early[d],
        )


@jit
def run_chunk(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, windows: FloatArray,
    seen: IntArray, first_time: FloatArray, numbers: FloatArray, first_patient: IntArray, x: FloatArray,
    arms: IntArray, subgroup: IntArray, seed: int, block: int, starts: IntArray, rows: IntArray, times: FloatArray,
    marks: IntArray, mark_times: FloatArray, moments: Moments, whole_grid: Grid, whole: Counts, draw_grid: Grid,
    by_draw: Counts, subgroup_grid: Grid, by_subgroup: Counts, first_draw: int, first_row: int,
) -> tuple[int, int, int]:
    """Run a chunk, from a draw and a row of patients on; results are added to the moments and counts.

    Parameters
    ----------
    numbers : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_numbers).
    first_patient : ndarray(int, ndim=1)
        (n_sets,): number of the first patient of each draw's set; draws share the one set if it is alone.
    x : ndarray(float, ndim=3)
        (n_sets, n_patients, n_columns).
    arms : ndarray(int, ndim=3)
        (n_sets or 1, n_patients or 1, n_arms): strategies that each patient meets.
    subgroup : ndarray(int, ndim=3)
        (n_sets, n_patients, n_partitions); -1 in the first partition for patients who are not followed.
    whole, by_draw, by_subgroup : Counts
        Of all draws together, of each draw, of each draw and subgroup; without draws if not wanted.

    Returns
    -------
    status, draw, row : int
        `OK`, or why the block that starts at `row` of `draw` could not be walked; nothing of it has been counted, so
        the caller may enlarge the buffers and go on from there.
    """
    start, n_patients = first_row, x.shape[1]
    for d in range(first_draw, numbers.shape[0]):
        own = min(d, x.shape[0] - 1)
        met = arms[min(own, arms.shape[0] - 1)]
        while start < n_patients:
            if subgroup[own, start, 0] < 0:
                start += 1
                continue
            stop, most = start + 1, min(start + block, n_patients)
            while stop < most and subgroup[own, stop, 0] >= 0:
                stop += 1
            meet = met if met.shape[0] == 1 else met[start:stop]
            who, of = x[own, start:stop], subgroup[own, start:stop]
            status = walk_block(
                m, f, wi, wf, numbers[d], who, meet, first_patient[own] + start, seed, 0, starts, rows, times, marks,
                mark_times,
            )
            if status != OK:
                return status, d, start
            read_worth(
                m, f, wi, wf, worth, windows, numbers[d], who, meet, of, starts, rows, times, marks, mark_times,
                moments.members[d], moments.shift[d], moments.total[d], moments.square[d], moments.product[d],
                moments.state[d],
            )
            if wi[W_BAD] != 0:
                return BAD_VALUE, d, start
            count_block(
                m, f, seen, first_time, stop - start, of, starts, rows, times, marks, mark_times, whole_grid, whole, d
            )
            count_block(
                m, f, seen, first_time, stop - start, of, starts, rows, times, marks, mark_times, draw_grid, by_draw, d
            )
            count_block(
                m, f, seen, first_time, stop - start, of, starts, rows, times, marks, mark_times, subgroup_grid,
                by_subgroup, d,
            )
            start = stop
        start = 0
    return OK, numbers.shape[0], 0
