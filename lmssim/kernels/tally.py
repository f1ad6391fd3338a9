"""Counts and moments of a block: endpoints and occupancy as integers, worth as sums carried patient by patient."""

from __future__ import annotations

import math
from typing import NamedTuple

from lmssim.kernels import CountArray, FloatArray, IntArray
from lmssim.kernels.jit import borrow, inner

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    F_HORIZON, F_OCCUPANCY_PER_YEAR, F_STEPS_PER_YEAR, H_EVENT, H_N_ENDPOINTS, H_N_OCCUPANCY, H_N_STEPS,
    H_ORIGIN_STATE, H_STATE, ROW_ENTERED, ROW_LEFT, ROW_STATE, ROW_WHY, ROW_WIDTH, S_CENSORING_OF, S_COMPETING_OF,
    S_EVENT_OF, S_WIDTH, V_COMPETING_OF, V_EVENT_OF, V_WIDTH, WHY_END,
)
# isort: on
from lmssim.kernels.pointer import advance
from lmssim.kernels.rewards import COST, N_MAIN, QALY

N_PRODUCTS = N_MAIN + 2
"""Products between two strategies: main outcomes; QALYs of the first with costs of the second; costs with QALYs."""
EVENT, COMPETING, CENSORED = 0, 1, 2
"""How an endpoint ends, third axis of its counts."""
EARLY_UNIT = 2.0**28
"""By which `Counts.early` is multiplied, so that it is integers, whose sums do not depend on order."""
SAME_TIME = 1e-9
"""Share of a step by which the time between two events may lie beyond a time of the grid by rounding."""


class Grid(NamedTuple):
    """Times at which counts are kept: for each step of the program's grids, the first kept time at or after it."""

    endpoint: IntArray
    """(n_steps + 2,): position among the kept times; what falls beyond them all stands after the last."""
    occupancy: IntArray
    """(n_occupancy + 2,): the same."""


class Counts(NamedTuple):
    """Integer counts, whose sums do not depend on order; probabilities of an exact solution.

    In a task each array has two leading axes, (n_draws, n_subgroups), either of which is 1 where it is summed over.
    """

    endpoint: CountArray
    """(n_strategies, n_endpoints, 3, n_times + 1): event, competing, censored, by time since the origin."""
    occupancy: CountArray
    """(n_strategies, n_states, n_times + 1): changes of occupancy."""
    entries: CountArray
    """(n_strategies, n_states, 2): entries, patients who ever entered."""
    marks: CountArray
    """(n_strategies, n_marks, 2): marks, patients with at least one."""
    early: CountArray
    """(n_strategies, n_endpoints, 2, n_times + 1): how long before the ends of their steps the events fell, and the
    squares of it, in steps times `EARLY_UNIT`; last axis 0 where a few times are kept alone."""


class Moments(NamedTuple):
    """Sums of one chunk by draw and subgroup, carried patient by patient, about the values of the first member."""

    members: IntArray
    """(n_draws, n_subgroups): patients."""
    shift: FloatArray
    """(n_draws, n_subgroups, n_strategies, n_outcomes)."""
    total: FloatArray
    """(n_draws, n_subgroups, n_strategies, n_outcomes)."""
    square: FloatArray
    """(n_draws, n_subgroups, n_strategies, n_outcomes): sums of squares."""
    product: FloatArray
    """(n_draws, n_subgroups, n_strategies, n_strategies, n_products), second strategy not after the first: sums of
    products."""
    state: FloatArray
    """(n_draws, n_subgroups, n_strategies, n_states, 4): years, discounted QALYs, costs and discounted costs by
    state."""


@inner
def step_of(time: float, per_year: float, last: int) -> int:
    """First step of the grid at or after `time`; beyond the grid, `last`."""
    position = time * per_year
    return last if position > last else int(math.ceil(position))  # noqa: RUF046 (numba's ceil is a float)


@inner
def step_since(since: float, per_year: float, last: int) -> int:
    """The same of the time between two events, which rounding may put a little beyond a time of the grid."""
    position = since * per_year - SAME_TIME
    return last if position > last else int(math.ceil(position))  # noqa: RUF046


@inner
def early_of(time: float, per_year: float, step: int) -> float:
    """How long before the end of its step a time lies, in steps times `EARLY_UNIT`."""
    return max(step - time * per_year, 0.0) * EARLY_UNIT


@inner
def note_early(early: IntArray, n_kept: int, e: int, step: int, time: float, per_year: float) -> None:
    """Add where in its step the event of endpoint `e` fell."""
    before = int(early_of(time, per_year, step) + 0.5)
    early[2 * e * n_kept + step] += before
    early[(2 * e + 1) * n_kept + step] += int(before * (before / EARLY_UNIT) + 0.5)


@inner
def kept_at(kept: IntArray, n_kept: int, n_steps: int, step: int) -> int:
    """Position of a step among the kept times; where every step is kept, the step itself."""
    return step if n_kept == n_steps + 2 else kept[step]


@borrow
def count_stays(
    m: IntArray, f: FloatArray, seen: IntArray, path: int, starts: IntArray, rows: IntArray, times: FloatArray,
    kept: IntArray, n_kept: int, occupancy: IntArray, entries: IntArray,
) -> None:
    """Occupancy changes and entries of one history; `seen` holds a stamp, then by state that of its last path.

    Parameters
    ----------
    kept : pointer to int
        `Grid.occupancy`, whose times and what is beyond are `n_kept`.
    """
    n, per_year = m[H_N_OCCUPANCY], f[F_OCCUPANCY_PER_YEAR]
    for row in range(starts[2 * path], starts[2 * path + 2]):
        state = rows[ROW_WIDTH * row + ROW_STATE]
        entered, left = times[2 * row + ROW_ENTERED], times[2 * row + ROW_LEFT]
        entries[2 * state] += 1
        if seen[1 + state] != seen[0]:
            seen[1 + state] = seen[0]
            entries[2 * state + 1] += 1
        if rows[ROW_WIDTH * row + ROW_WHY] == WHY_END:
            left = math.inf
        if left > entered:
            occupancy[n_kept * state + kept_at(kept, n_kept, n, step_of(entered, per_year, n + 1))] += 1
            occupancy[n_kept * state + kept_at(kept, n_kept, n, step_of(left, per_year, n + 1))] -= 1


@borrow
def count_marks(
    seen: IntArray, n_states: int, path: int, starts: IntArray, marks: IntArray, counts: IntArray
) -> None:
    """Marks of one history; `seen` holds marks after states."""
    for k in range(starts[2 * path + 1], starts[2 * path + 3]):
        mark = marks[k]
        counts[2 * mark] += 1
        if seen[1 + n_states + mark] != seen[0]:
            seen[1 + n_states + mark] = seen[0]
            counts[2 * mark + 1] += 1


@inner
def origin_of(origin_state: int, path: int, starts: IntArray, rows: IntArray, times: FloatArray) -> float:
    """Time 0, or the first entry into a state; infinite if never."""
    if origin_state < 0:
        return 0.0
    for row in range(starts[2 * path], starts[2 * path + 2]):
        if rows[ROW_WIDTH * row + ROW_STATE] == origin_state:
            return times[2 * row + ROW_ENTERED]
    return math.inf


@borrow
def count_endpoints(
    m: IntArray, f: FloatArray, path: int, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray, first_time: FloatArray, kept: IntArray, n_kept: int, counts: IntArray, early: IntArray,
    n_early: int,
) -> None:
    """Time from each endpoint's origin to its first event, competing event or censoring.

    Parameters
    ----------
    kept : pointer to int
        `Grid.endpoint`, whose times and what is beyond are `n_kept`.
    first_time : pointer to float
        Scratch, by endpoint: origin, event, competing, censored.
    early : pointer to int
        `Counts.early`; nothing is added if its last axis, `n_early`, is 0.
    """
    n, per_year, last = m[H_N_ENDPOINTS], f[F_STEPS_PER_YEAR], m[H_N_STEPS] + 1
    note_endpoints(m, f, path, starts, rows, times, marks, mark_times, first_time)
    for e in range(n):
        if first_time[4 * e] < math.inf:
            kind, since = ending_of(first_time, e)
            step = step_since(since, per_year, last)
            counts[(3 * e + kind) * n_kept + kept_at(kept, n_kept, last - 1, step)] += 1
            if kind == EVENT and n_early > 0 and step < last:
                note_early(early, n_early, e, step, since, per_year)


@inner
def note_endpoints(
    m: IntArray, f: FloatArray, path: int, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray, first_time: FloatArray,
) -> None:
    """Origin of each endpoint in one history, and its first event, competing event and censoring from there on."""
    for e in range(m[H_N_ENDPOINTS]):
        first_time[4 * e] = origin_of(m[m[H_ORIGIN_STATE] + e], path, starts, rows, times)
        first_time[4 * e + 1] = first_time[4 * e + 2] = math.inf
        first_time[4 * e + 3] = f[F_HORIZON]
    for row in range(starts[2 * path], starts[2 * path + 2]):
        s, time = m[H_STATE] + rows[ROW_WIDTH * row + ROW_STATE] * S_WIDTH, times[2 * row + ROW_ENTERED]
        note_events(m[s + S_EVENT_OF], 1, time, first_time)
        note_events(m[s + S_COMPETING_OF], 2, time, first_time)
        note_events(m[s + S_CENSORING_OF], 3, time, first_time)
    for k in range(starts[2 * path + 1], starts[2 * path + 3]):
        v = m[H_EVENT] + marks[k] * V_WIDTH
        note_events(m[v + V_EVENT_OF], 1, mark_times[k], first_time)
        note_events(m[v + V_COMPETING_OF], 2, mark_times[k], first_time)


@inner
def ending_of(first_time: FloatArray, e: int) -> tuple[int, float]:
    """How endpoint `e` ends, `EVENT`, `COMPETING` or `CENSORED`, and how long after its origin."""
    event, competing, censored = first_time[4 * e + 1], first_time[4 * e + 2], first_time[4 * e + 3]
    if event <= competing and event <= censored:
        return EVENT, event - first_time[4 * e]
    if competing <= censored:
        return COMPETING, competing - first_time[4 * e]
    return CENSORED, censored - first_time[4 * e]


@inner
def note_events(bits: int, column: int, time: float, first_time: FloatArray) -> None:
    """Note the first time of an event for every endpoint whose bit is set, from its origin on."""
    e = 0
    while bits != 0:
        if bits & 1 and first_time[4 * e] <= time < first_time[4 * e + column]:
            first_time[4 * e + column] = time
        bits >>= 1
        e += 1


@inner
def add_outcomes(worth: FloatArray, n: int, shift: FloatArray, total: FloatArray, square: FloatArray) -> None:
    """Carry one patient's `n` outcomes into the chunk's sums; `worth` becomes what is beyond `shift`."""
    for k in range(n):
        beyond = worth[k] - shift[k]
        worth[k] = beyond
        total[k] += beyond
        square[k] += beyond * beyond


@inner
def add_products(
    worth: FloatArray, n_strategies: int, n_outcomes: int, factors: FloatArray, product: FloatArray
) -> None:
    """Carry one patient's products between strategies into the chunk's sums, for pairs (i, j) with j up to i.

    Parameters
    ----------
    factors : pointer to float
        Scratch: 2 x `N_PRODUCTS` by strategy, the left and the right factors of its products.
    """
    for i in range(n_strategies):
        own, left, right = advance(worth, i * n_outcomes), 2 * N_PRODUCTS * i, 2 * N_PRODUCTS * i + N_PRODUCTS
        for k in range(N_MAIN):
            factors[left + k] = factors[right + k] = own[k]
        factors[left + N_MAIN], factors[right + N_MAIN] = own[QALY], own[COST]
        factors[left + N_MAIN + 1], factors[right + N_MAIN + 1] = own[COST], own[QALY]
    for i in range(n_strategies):
        for j in range(i + 1):
            left, right = 2 * N_PRODUCTS * i, 2 * N_PRODUCTS * j + N_PRODUCTS
            sums = advance(product, (i * n_strategies + j) * N_PRODUCTS)
            for k in range(N_PRODUCTS):
                sums[k] += factors[left + k] * factors[right + k]
