"""The Markov trace of a model in cycles: mass over cells, moved cycle by cycle without random numbers.

A cell is what a life still depends on: state, attributes, when the clocks that are read were started (tunnels), and
what counting first events needs (which endpoints are settled, which states and marks were met). It is a row of
integers; the mass of equal rows is one. Probabilities, branches and rewards are those of the individual engines
(`visit_probability`, `choose_branch`, `value_point`). What happens at one instant, chance states included, is worked
off a stack.
"""

from __future__ import annotations

from typing import NamedTuple

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cycles import pay_entry, pay_move, value_point
from lmssim.kernels.jit import inner, jit

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    ABSORBING, B_CLEAR, B_SET, B_TO, B_WIDTH, BAD_PROBABILITY, BAD_VALUE, CHANCE, F_HORIZON, F_OCCUPANCY_PER_YEAR,
    F_STEPS_PER_YEAR, H_CLOCK_FIRST, H_CYCLE_TIME, H_EVENT, H_N_CLOCKS, H_N_CYCLES, H_N_ENDPOINTS, H_N_OCCUPANCY,
    H_N_PASSES, H_N_STEPS, H_ORIGIN_STATE, H_POINT, H_START_STATE, H_STATE, H_W_CLOCK_COUNT, H_WF_CLOCK, H_WF_WEIGHT,
    N_WIDTH, OK, ROWS_FULL, S_CENSORING_OF, S_CLEAR, S_COMPETING_OF, S_EVENT_OF, S_FIRST_BRANCH, S_FIRST_CLOCK,
    S_FIRST_TRANSITION, S_KIND, S_LAST_BRANCH, S_LAST_CLOCK, S_LAST_TRANSITION, S_RECORDED, S_SET, S_WIDTH, T_CARE,
    T_CLEAR, T_MARK, T_SET, T_TO, T_WANT, T_WIDTH, V_COMPETING_OF, V_EVENT_OF, V_WIDTH, W_BAD, W_EPOCH, W_INFO, W_WHO,
)
# isort: on
from lmssim.kernels.ledger import add_up_costs
from lmssim.kernels.pointer import constant, result, scratch
from lmssim.kernels.race import add_probability, visit_probability
from lmssim.kernels.tally import CENSORED, COMPETING, EVENT, step_of, step_since
from lmssim.kernels.walk import choose_branch, start_attributes

K_STATE, K_ATTRIBUTES, K_DONE, K_MET = range(4)
K_FREE = 4
"""Columns of a cell; points at which clocks were started and endpoints' origins met follow (-1: not yet)."""
ONCE, UNCOUNTED = -1, -2
"""In place of a bit of `K_MET`: met at most once in a life; not followed."""


class Plan(NamedTuple):
    """Which columns of a cell stand for what."""

    clock: IntArray
    """(n_clocks,) column of a clock that is read, else -1."""
    stay: IntArray
    """(n_states,) whether the time since entry is read there."""
    stay_clock: int
    """Clock that every entry starts."""
    origin: IntArray
    """(n_endpoints,) column of an endpoint whose origin is a state, else -1."""
    state_bit: IntArray
    """(n_states,) bit that says that a state has been entered, `ONCE` or `UNCOUNTED`."""
    mark_bit: IntArray
    """(n_marks,) as `state_bit`."""


class Cells(NamedTuple):
    """Mass by cell, now and after the instant under work; a hash table finds a cell, a stack holds who is moving."""

    key: IntArray
    """(2, most, width)."""
    mass: FloatArray
    """(2, most)."""
    table: IntArray
    """(a power of 2 above 2 x most,): cell by hash, -1 if free."""
    way: IntArray
    """(depth, width + 3): cells on the way, with the endpoints' bits met at this instant."""
    way_mass: FloatArray
    """(depth,)."""


class Sums(NamedTuple):
    """Results of one profile under one strategy, see `lmssim.kernels.tally.Counts`."""

    worth: FloatArray
    """(n_outcomes,)."""
    state: FloatArray
    """(n_states, 4)."""
    endpoint: FloatArray
    """(n_endpoints, 3, n_steps + 2)."""
    occupancy: FloatArray
    """(n_states, n_occupancy + 2): changes."""
    entries: FloatArray
    """(n_states, 2)."""
    marks: FloatArray
    """(n_marks, 2)."""
    trace: FloatArray
    """(n_points, n_states): occupancy at the ends of cycles."""


@jit
def put(cells: Cells, side: int, n: int, key: IntArray, mass: float) -> int:
    """Add mass to a cell; returns the number of cells, -1 if there is no room."""
    keys, mask, h = cells.key[side], cells.table.shape[0] - 1, 1469598103934665603
    width = keys.shape[1]
    for k in range(width):
        h = (h ^ key[k]) * 1099511628211
    i = (h ^ (h >> 31)) & mask
    while cells.table[i] >= 0:
        j, same = cells.table[i], True
        for k in range(width):
            same &= keys[j, k] == key[k]
        if same:
            cells.mass[side, j] += mass
            return n
        i = (i + 1) & mask
    if n == keys.shape[0]:
        return -1
    cells.table[i] = n
    for k in range(width):
        keys[n, k] = key[k]
    cells.mass[side, n] = mass
    return n + 1


@jit
def set_clocks(m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, plan: Plan, key: IntArray) -> None:
    """Set the scratch's clocks to those of a cell."""
    for c in range(m[H_N_CLOCKS]):
        started = key[plan.clock[c]] if plan.clock[c] >= 0 else -1
        wi[m[H_W_CLOCK_COUNT] + c] = 1 if started >= 0 else 0
        if started >= 0:
            wf[m[H_WF_CLOCK] + c] = f[m[H_CYCLE_TIME] + started]


@jit
def start_kept(m: IntArray, plan: Plan, s: int, key: IntArray, point: int) -> None:
    """Start the clocks and origins that entry into a cell's state starts."""
    state = key[K_STATE]
    for k in range(m[s + S_FIRST_CLOCK], m[s + S_LAST_CLOCK]):
        column = plan.clock[m[k]]
        if column < 0:
            continue
        if m[k] == plan.stay_clock and plan.stay[state] == 0:
            key[column] = -1
        elif m[m[H_CLOCK_FIRST] + m[k]] == 0 or key[column] < 0:
            key[column] = point
    for e in range(m[H_N_ENDPOINTS]):
        if m[m[H_ORIGIN_STATE] + e] == state and key[plan.origin[e]] < 0 and not (key[K_DONE] >> e) & 1:
            key[plan.origin[e]] = point


@inner
def count_first(key: IntArray, bit: int, mass: float, counts: FloatArray) -> None:
    """Count an entry or a mark: how often, and the people who had it."""
    counts[0] += mass
    if bit == ONCE or (bit >= 0 and not (key[K_MET] >> bit) & 1):
        counts[1] += mass
    if bit >= 0:
        key[K_MET] |= 1 << bit


@jit
def settle(
    m: IntArray, f: FloatArray, plan: Plan, key: IntArray, width: int, point: int, mass: float, ends: bool,
    endpoint: FloatArray,
) -> None:
    """Count the endpoints settled at this instant; where life or the horizon `ends`, the rest are censored there.

    Of what falls at one instant an event goes before a competing one, and that before censoring.
    """
    last, time = m[H_N_STEPS] + 1, f[m[H_CYCLE_TIME] + point]
    for e in range(m[H_N_ENDPOINTS]):
        started = key[plan.origin[e]] if plan.origin[e] >= 0 else 0
        if (key[K_DONE] >> e) & 1 or started < 0:
            continue
        until = time
        if (key[width] >> e) & 1:
            kind = EVENT
        elif (key[width + 1] >> e) & 1:
            kind = COMPETING
        elif (key[width + 2] >> e) & 1:
            kind = CENSORED
        elif ends:
            kind, until = CENSORED, f[F_HORIZON]
        else:
            continue
        endpoint[e, kind, step_since(until - f[m[H_CYCLE_TIME] + started], f[F_STEPS_PER_YEAR], last)] += mass
        key[K_DONE] |= 1 << e
        if plan.origin[e] >= 0:
            key[plan.origin[e]] = -1


@jit
def push(cells: Cells, top: int, key: IntArray, state: int, attributes: int, mass: float) -> int:
    """Put somebody on the way to a state; returns the height of the stack."""
    for k in range(cells.way.shape[1]):
        cells.way[top, k] = key[k]
    cells.way[top, K_STATE], cells.way[top, K_ATTRIBUTES] = state, attributes
    cells.way_mass[top] = mass
    return top + 1


@jit
def branch_out(
    m: IntArray, wi: IntArray, wf: FloatArray, cells: Cells, top: int, key: IntArray, s: int, mass: float,
    v: FloatArray, x: FloatArray, time: float, strategy: int,
) -> int:
    """Put those in a chance state on the way to its branches; returns the height of the stack, -1 if impossible."""
    first, last, weight = m[s + S_FIRST_BRANCH], m[s + S_LAST_BRANCH], m[H_WF_WEIGHT]
    n = (last - first) // B_WIDTH
    for k in range(n):
        wf[weight + k] = 0.0
    attributes = key[K_ATTRIBUTES]
    chosen = choose_branch(m, wi, wf, s, 0, v, x, attributes, time, strategy, 0, 0, 0)
    if chosen < 0:
        return -1
    total = 0.0
    for k in range(n):
        total += wf[weight + k]
    for k in range(n):
        b = first + k * B_WIDTH
        share = wf[weight + k] / total if total > 0.0 else (1.0 if b == chosen else 0.0)
        if share > 0.0:
            top = push(cells, top, key, m[b + B_TO], (attributes & ~m[b + B_CLEAR]) | m[b + B_SET], mass * share)
    return top


@jit
def arrive(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, plan: Plan, cells: Cells, sums: Sums, key: IntArray,
    side: int, n: int, point: int, v: FloatArray, x: FloatArray, strategy: int,
) -> int:
    """Work off the stack, which holds one arrival: entries, chance states, and the cells where people stay.

    Returns
    -------
    int
        Number of cells of `side`; -1 if they do not fit, -2 if branches are impossible.
    """
    top, width, time = 1, cells.key.shape[2], f[m[H_CYCLE_TIME] + point]
    while top > 0:
        top -= 1
        for k in range(width + 3):
            key[k] = cells.way[top, k]
        mass, state = cells.way_mass[top], key[K_STATE]
        s = m[H_STATE] + state * S_WIDTH
        kind = m[s + S_KIND]
        key[K_ATTRIBUTES] = (key[K_ATTRIBUTES] & ~m[s + S_CLEAR]) | m[s + S_SET]
        start_kept(m, plan, s, key, point)
        set_clocks(m, f, wi, wf, plan, key)
        if kind != CHANCE or m[s + S_RECORDED] != 0:
            count_first(key, plan.state_bit[state], mass, sums.entries[state])
            key[width] |= m[s + S_EVENT_OF]
            key[width + 1] |= m[s + S_COMPETING_OF]
            key[width + 2] |= m[s + S_CENSORING_OF]
            pay_entry(
                m, f, wi, wf, result(sums.worth), result(sums.state), state, point, mass, key[K_ATTRIBUTES], v, x,
                strategy,
            )
        if kind == CHANCE:
            top = branch_out(m, wi, wf, cells, top, key, s, mass, v, x, time, strategy)
            if top < 0:
                wi[W_INFO] = state
                return -2
            continue
        settle(m, f, plan, key, width, point, mass, kind == ABSORBING, sums.endpoint)
        sums.occupancy[state, step_of(time, f[F_OCCUPANCY_PER_YEAR], m[H_N_OCCUPANCY] + 1)] += mass
        if kind == ABSORBING:  # nothing more depends on the past
            key[K_ATTRIBUTES] = key[K_DONE] = key[K_MET] = 0
            for k in range(K_FREE, width):
                key[k] = -1
        n = put(cells, side, n, key, mass)
        if n < 0:
            return n
    return n


@jit
def leave(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, plan: Plan, cells: Cells, sums: Sums, cell: IntArray,
    key: IntArray, mass: float, side: int, n: int, point: int, v: FloatArray, x: FloatArray, strategy: int,
) -> int:
    """Move the mass of a cell through the cycle that begins at `point`; returns as `arrive`."""
    width, state, attributes = cells.key.shape[2], cell[K_STATE], cell[K_ATTRIBUTES]
    s, time, before = m[H_STATE] + state * S_WIDTH, f[m[H_CYCLE_TIME] + point], 0.0
    end = step_of(f[m[H_CYCLE_TIME] + point + 1], f[F_OCCUPANCY_PER_YEAR], m[H_N_OCCUPANCY] + 1)
    for t in range(m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION], T_WIDTH):
        if (attributes & m[t + T_CARE]) != m[t + T_WANT]:
            continue
        set_clocks(m, f, wi, wf, plan, cell)
        p = visit_probability(m, wi, wf, t, v, x, attributes, time, strategy)
        before = add_probability(m, wi, wf, t, point, before, p)
        if not p > 0.0:
            continue
        gone = mass * p
        sums.occupancy[state, end] -= gone
        pay_move(
            m, f, wi, wf, result(sums.worth), result(sums.state), state, t, point + 1, gone, attributes, v, x, strategy
        )
        for k in range(width + 3):
            key[k] = cell[k] if k < width else 0
        mark = m[t + T_MARK]
        if mark >= 0:
            count_first(key, plan.mark_bit[mark], gone, sums.marks[mark])
            key[width] |= m[m[H_EVENT] + mark * V_WIDTH + V_EVENT_OF]
            key[width + 1] |= m[m[H_EVENT] + mark * V_WIDTH + V_COMPETING_OF]
        push(cells, 0, key, m[t + T_TO], (attributes & ~m[t + T_CLEAR]) | m[t + T_SET], gone)
        n = arrive(m, f, wi, wf, plan, cells, sums, key, side, n, point + 1, v, x, strategy)
        if n < 0:
            return n
    return put(cells, side, n, cell, mass * (1.0 - before)) if before < 1.0 else n


@jit
def close_cell(m: IntArray, f: FloatArray, plan: Plan, sums: Sums, cell: IntArray, key: IntArray, mass: float) -> None:
    """The horizon: whoever is there leaves, and endpoints not settled are censored."""
    state, width = cell[K_STATE], cell.shape[0]
    sums.occupancy[state, m[H_N_OCCUPANCY] + 1] -= mass
    if m[m[H_STATE] + state * S_WIDTH + S_KIND] != ABSORBING:
        for k in range(width + 3):
            key[k] = cell[k] if k < width else 0
        settle(m, f, plan, key, width, m[H_N_CYCLES], mass, True, sums.endpoint)


@jit
def trace_cycles(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, numbers: FloatArray, columns: FloatArray, strategy: int,
    plan: Plan, cells: Cells, sums: Sums, key: IntArray,
) -> int:
    """Trace of one profile under one strategy, from time zero to the last cycle's end.

    Parameters
    ----------
    numbers, columns : ndarray(float, ndim=1)
        Numbers of the strategy, columns of the profile.
    key : ndarray(int, ndim=1)
        Scratch, (width + 3,).

    Returns
    -------
    int
        `OK`, `ROWS_FULL` if the cells do not fit, or what was wrong.
    """
    return _trace(
        constant(m), constant(f), scratch(wi), scratch(wf), constant(numbers), constant(columns), strategy, plan,
        cells, sums, key,
    )


@jit
def _trace(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, strategy: int, plan: Plan,
    cells: Cells, sums: Sums, key: IntArray,
) -> int:
    """`trace_cycles` over pointers."""
    wi[W_EPOCH] += 1
    wi[W_WHO] += 1
    n_cycles, side = m[H_N_CYCLES], 0
    cells.table[:] = -1
    key[:] = 0
    key[K_FREE : cells.key.shape[2]] = -1
    attributes = start_attributes(m, wi, wf, v, x, strategy, 0, 0, 0)
    push(cells, 0, key, m[H_START_STATE], attributes, 1.0)
    n = arrive(m, f, wi, wf, plan, cells, sums, key, side, 0, 0, v, x, strategy)
    for point in range(n_cycles + 1):
        if n < 0:
            return ROWS_FULL if n == -1 else BAD_PROBABILITY
        cells.table[:] = -1
        following = 0
        for c in range(n):
            cell, mass = cells.key[side, c], cells.mass[side, c]
            state = cell[K_STATE]
            absorbed = m[m[H_STATE] + state * S_WIDTH + S_KIND] == ABSORBING
            sums.trace[point, state] += mass
            if not absorbed:
                set_clocks(m, f, wi, wf, plan, cell)
                for block in range(m[H_N_PASSES]):
                    at = m[H_POINT] + N_WIDTH * ((n_cycles + 1) * block + point)
                    value_point(
                        m, f, wi, wf, result(sums.worth), result(sums.state), state, cell[K_ATTRIBUTES], at, mass, v,
                        x, strategy,
                    )
            if point == n_cycles:
                close_cell(m, f, plan, sums, cell, key, mass)
            elif absorbed:
                following = put(cells, 1 - side, following, cell, mass)
            else:
                following = leave(
                    m, f, wi, wf, plan, cells, sums, cell, key, mass, 1 - side, following, point, v, x, strategy
                )
            if following < 0:
                break
        n, side = following, 1 - side
        if wi[W_BAD] != 0:
            return BAD_VALUE
    add_up_costs(m, f, result(sums.worth))
    return OK
