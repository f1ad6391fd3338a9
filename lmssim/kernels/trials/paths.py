"""What a trial sees of simulated lives: times to endpoints, and of death."""

from __future__ import annotations

import math

from lmssim.kernels import CountArray, FloatArray, IntArray
from lmssim.kernels.jit import jit
from lmssim.kernels.layout import H_N_ENDPOINTS, ROW_ENTERED, ROW_STATE, ROW_WIDTH
from lmssim.kernels.pointer import constant, history, scratch
from lmssim.kernels.tally import ending_of, note_endpoints


@jit
def read_endpoints(
    m: IntArray, f: FloatArray, first_time: FloatArray, starts: IntArray, rows: IntArray, times: FloatArray,
    marks: IntArray, mark_times: FloatArray, is_death: IntArray, time: FloatArray, event: CountArray,
    death: FloatArray,
) -> None:
    """Time from each endpoint's origin to its end, path by path.

    Parameters
    ----------
    first_time : ndarray(float, ndim=1)
        Scratch of a workspace.
    is_death : ndarray(int, ndim=1)
        (n_states,): 1 for states that are deaths.
    time : ndarray(float, ndim=2)
        Filled, (n_paths, n_endpoints), years; NaN for who never reaches the origin.
    event : ndarray(int8, ndim=2)
        Filled: 1 event, 2 competing event, 0 the model's horizon.
    death : ndarray(float, ndim=1)
        Filled, (n_paths,): years from the first endpoint's origin; infinite if there is none.
    """
    _read(
        constant(m), constant(f), scratch(first_time), history(starts), history(rows), history(times), history(marks),
        history(mark_times), constant(is_death), time, event, death,
    )


@jit
def _read(
    m: IntArray, f: FloatArray, first_time: FloatArray, starts: IntArray, rows: IntArray, times: FloatArray,
    marks: IntArray, mark_times: FloatArray, is_death: IntArray, time: FloatArray, event: CountArray,
    death: FloatArray,
) -> None:
    for path in range(time.shape[0]):
        note_endpoints(m, f, path, starts, rows, times, marks, mark_times, first_time)
        for e in range(m[H_N_ENDPOINTS]):
            if first_time[4 * e] < math.inf:
                kind, since = ending_of(first_time, e)
                time[path, e], event[path, e] = since, (kind + 1) % 3
            else:
                time[path, e], event[path, e] = math.nan, 0
        death[path] = math.inf
        for row in range(starts[2 * path], starts[2 * path + 2]):
            if is_death[rows[ROW_WIDTH * row + ROW_STATE]] != 0:
                death[path] = times[2 * row + ROW_ENTERED] - first_time[0]
