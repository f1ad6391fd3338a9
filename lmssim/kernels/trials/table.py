"""The table of risk sets of a stratum: what every test of two arms is computed from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lmssim.kernels import CountArray, FloatArray, IntArray
from lmssim.kernels.jit import inner, jit

EVENTS_0, EVENTS_1, COMPETING_0, COMPETING_1, AT_RISK_0, AT_RISK_1 = range(6)
"""Columns of the counts: events of interest, competing events and patients at risk, of each arm."""
N_COUNTS = 6
ANY_CAUSE = 0
"""Cause that stands for an event of any kind."""


class Trials(NamedTuple):
    """Patients of trials, (n_trials, n_patients) each but `size`."""

    time: FloatArray
    """End of observation (years)."""
    event: CountArray
    """int8: 0 censored, else the cause of the event."""
    arm: CountArray
    """int8: 0 control, 1 experimental."""
    stratum: CountArray
    """int32, from 0."""
    order: CountArray
    """int32: patients by stratum and time, as `order_by_time` gives them."""
    size: IntArray
    """(n_trials,): patients with a time."""


class Table(NamedTuple):
    """Rows of one stratum or several, one for each time with an event; there is room for one a patient."""

    time: FloatArray
    counts: IntArray
    """(n_patients, 6)."""


@jit
def empty_table(n: int) -> Table:
    """Room for the risk sets of `n` patients."""
    return Table(np.empty(n, np.float64), np.empty((n, N_COUNTS), np.int64))


@inner
def stratum_of(trials: Trials, i: int, first: int) -> tuple[int, int, int]:
    """Place behind the last patient of the stratum that begins at a place, and patients of each arm."""
    order, stratum, arm, n = trials.order[i], trials.stratum[i], trials.arm[i], trials.size[i]
    last, in_arm = first, 0
    own = stratum[order[first]]
    while last < n and stratum[order[last]] == own:
        in_arm += arm[order[last]]
        last += 1
    return last, last - first - in_arm, in_arm


@inner
def next_time(
    trials: Trials, i: int, k: int, last: int, cause: int
) -> tuple[float, int, int, int, int, int, int, int]:
    """Next time; events, competing events and leavers of each arm then; the place behind them."""
    order, time, event, arm = trials.order[i], trials.time[i], trials.event[i], trials.arm[i]
    t = time[order[k]]
    d0, d1, c0, c1, left, left1 = 0, 0, 0, 0, 0, 0
    while k < last and time[order[k]] == t:
        p = order[k]
        a, e = np.int64(arm[p]), np.int64(event[p])
        seen = np.int64(e != 0)
        own_cause = seen if cause == ANY_CAUSE else np.int64(e == cause)
        d1 += own_cause * a
        d0 += own_cause * (1 - a)
        c1 += (seen - own_cause) * a
        c0 += (seen - own_cause) * (1 - a)
        left += 1
        left1 += a
        k += 1
    return t, d0, d1, c0, c1, left - left1, left1, k


@jit
def tabulate(trials: Trials, i: int, first: int, cause: int, table: Table, row: int) -> tuple[int, int]:
    """Risk sets of the stratum of trial `i` whose patients begin at place `first` of the order.

    Parameters
    ----------
    cause : int
        Event of interest, the others being competing; `ANY_CAUSE` for all of them.
    row : int
        First row to fill.

    Returns
    -------
    tuple of int
        Row behind the last one, and place behind the stratum's last patient.

    Notes
    -----
    Who is censored at the time of an event is at risk of it.
    """
    counts = table.counts
    last, y0, y1 = stratum_of(trials, i, first)
    k = first
    while k < last:
        t, d0, d1, c0, c1, left0, left1, k = next_time(trials, i, k, last, cause)
        table.time[row] = t  # overwritten by the next time, if nobody has an event now
        counts[row, 0], counts[row, 1], counts[row, 2], counts[row, 3] = d0, d1, c0, c1
        counts[row, 4], counts[row, 5] = y0, y1
        row += np.int64(d0 + d1 + c0 + c1 > 0)
        y0 -= left0
        y1 -= left1
    return row, last
