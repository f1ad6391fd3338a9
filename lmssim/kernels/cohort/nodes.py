"""Nodes of a sheet: found or made when mass arrives, with what they wait for."""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.kinds import kind_of, set_clocks, undecided_cure
from lmssim.kernels.cohort.memory import (
    AT_VISITS, BY_DELAY, CLOCK_UNREAD, DR_END, DR_ENTERED, D_ALIVE, D_FIRST_VISIT, D_KEY, D_KIND, D_LAST_VISIT, D_MOVE,
    FAILED, FAILED_STATE, K_ATTRIBUTES, K_CURES, K_ENTRY, K_FIRST_MOVE, K_LAST_MOVE, K_STATE, LINKS_FULL, MR_A, M_HOW,
    M_ROW, NODES_FULL, N_LIVE, N_NODES, N_TICKS, N_VISITS, TOO_LONG, Y_LAST, Y_LIGHT, Y_MET, Y_MOVE, Y_NEXT, Y_NODE,
    Follow, Kinds, Nodes,
)
from lmssim.kernels.jit import borrow
from lmssim.kernels.layout import (
    C_PLAN, C_WIDTH, H_AGE_COLUMN, H_N_PLANS, H_PLAN_TABLE, H_STATE, H_TICK_START, H_TICK_TIME, L_WIDTH, L_YEARS,
    S_FIRST_LIMITED, S_FIRST_SCHEDULE, S_LAST_LIMITED, S_LAST_SCHEDULE, S_WIDTH, T_PLAN,
)
from lmssim.kernels.machine import value_at
from lmssim.kernels.race import clock_origin
from lmssim.kernels.rewards import first_tick, plan_start
# isort: on


@borrow
def node_of(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, count: IntArray, state: int, attributes: int, cures: int, entry: int, entered: float,
    clock: FloatArray, now: float, passed: int, strategy: int,
) -> int:
    """Node of a kind with the readings of its clocks, made if there is none; -1 if there is no room.

    Parameters
    ----------
    entered : float
        Time of entry into the state; read only where the state is boxed.
    passed : int
        Row of the transition that has just happened at this instant: visits up to it have passed; -1 if none.
    """
    entered = entered if follow.boxed[state] != 0 else 0.0
    key = (state * 1000003) ^ (attributes * 10007) ^ (cures * 7919) ^ (entry * 104729)
    if follow.timed[state] == 0:
        for i in range(count[N_LIVE]):
            d = nodes.live[i]
            if nodes.row[d, D_KEY] != key or nodes.real[d, DR_ENTERED] != entered:
                continue
            kind = kinds.row[nodes.row[d, D_KIND]]
            if (
                kind[K_STATE] == state and kind[K_ATTRIBUTES] == attributes and kind[K_CURES] == cures
                and kind[K_ENTRY] == entry and _same_clocks(nodes.clock[d], clock, follow.live_clocks[state])
            ):
                return d
    d = count[N_NODES]
    if d >= len(nodes.row):
        count[FAILED], count[FAILED_STATE] = NODES_FULL, state
        return -1
    kept = nodes.clock[d]
    for c in range(len(clock)):
        kept[c] = clock[c] if (follow.live_clocks[state] >> c) & 1 else math.nan
    kind_number = kind_of(
        m, wi, wf, v, x, follow, kinds, count, state, attributes, cures, entry, kept, entered, strategy
    )
    if kind_number < 0:
        return -1
    count[N_NODES] += 1
    nodes.live[count[N_LIVE]] = d
    count[N_LIVE] += 1
    row = nodes.row[d]
    row[:] = 0
    row[D_KIND], row[D_ALIVE], row[D_MOVE], row[D_KEY] = kind_number, 1, -1, key
    nodes.real[d, DR_ENTERED], nodes.real[d, DR_END] = entered, math.inf
    nodes.mass[d] = 0.0
    nodes.moment[d] = 0.0
    nodes.years[d] = 0.0
    nodes.years_cost[d] = 0.0
    nodes.years_effect[d] = 0.0
    nodes.sums[d] = 0.0
    set_clocks(m, wi, wf, kept, 0, now)
    _await(m, f, wi, wf, v, x, kinds, nodes, count, d, now, passed, strategy)
    return d


@borrow
def _same_clocks(a: FloatArray, b: FloatArray, which: int) -> bool:
    """Whether the clocks named by the bits `which` have the same origins; all that have not started are alike."""
    for c in range(len(b)):
        if (which >> c) & 1 and a[c] != b[c] and not (math.isnan(a[c]) and math.isnan(b[c])):
            return False
    return True


@borrow
def _await(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds,
    nodes: Nodes, count: IntArray, d: int, now: float, passed: int, strategy: int,
) -> None:
    """What a new node waits for: its fixed end, visits, ticks and edges of limited rewards."""
    kind, entered = kinds.row[nodes.row[d, D_KIND]], nodes.real[d, DR_ENTERED]
    state = kind[K_STATE]
    nodes.row[d, D_FIRST_VISIT] = count[N_VISITS]
    s = m[H_STATE] + state * S_WIDTH
    for j in range(kind[K_FIRST_MOVE], kind[K_LAST_MOVE]):
        t, how = kinds.move[j, M_ROW], kinds.move[j, M_HOW]
        if how == BY_DELAY:
            origin = clock_origin(m, wi, wf, t, entered, x[m[H_AGE_COLUMN]])
            if math.isnan(origin):
                count[FAILED], count[FAILED_STATE] = CLOCK_UNREAD, t
            end = max(now, origin + kinds.move_real[j, MR_A])
            if end < nodes.real[d, DR_END]:
                nodes.real[d, DR_END], nodes.row[d, D_MOVE] = end, j
        elif how == AT_VISITS and kinds.move_real[j, MR_A] > 0.0:
            origin = plan_start(m, wi, wf, m[t + T_PLAN], entered)
            if not math.isnan(origin):
                table = m[m[H_PLAN_TABLE] + strategy * m[H_N_PLANS] + m[t + T_PLAN]]
                k = first_tick(m, f, table, origin, now)
                last = m[m[H_TICK_START] + table + 1]
                if t <= passed and k < last and origin + f[m[H_TICK_TIME] + k] == now:
                    k += 1
                _add_visit(nodes, count, d, j, k, last, origin)
    nodes.row[d, D_LAST_VISIT] = count[N_VISITS]
    for q in range(m[s + S_FIRST_SCHEDULE], m[s + S_LAST_SCHEDULE], C_WIDTH):
        origin = plan_start(m, wi, wf, m[q + C_PLAN], entered)
        if not math.isnan(origin):
            table = m[m[H_PLAN_TABLE] + strategy * m[H_N_PLANS] + m[q + C_PLAN]]
            k = first_tick(m, f, table, origin, now)
            _add_tick(nodes, count, d, q, k, m[m[H_TICK_START] + table + 1], origin)
    entry_attributes = kind[K_ATTRIBUTES] | kind[K_ENTRY]
    for q in range(m[s + S_FIRST_LIMITED], m[s + S_LAST_LIMITED], L_WIDTH):
        years = value_at(m, wi, wf, m[q + L_YEARS], v, x, entry_attributes, entered, strategy)
        if entered + years > now:
            _add_tick(nodes, count, d, -1 - q, 0, 1, entered + years)


@borrow
def _add_visit(nodes: Nodes, count: IntArray, d: int, j: int, k: int, last: int, origin: float) -> None:
    i = count[N_VISITS]
    if i >= len(nodes.visit):
        count[FAILED] = LINKS_FULL
        return
    row = nodes.visit[i]
    row[Y_NODE], row[Y_MOVE], row[Y_NEXT], row[Y_LAST], row[Y_LIGHT], row[Y_MET] = d, j, k, last, 0, 0
    nodes.tick_real[0, i] = origin
    count[N_VISITS] += 1


@borrow
def _add_tick(nodes: Nodes, count: IntArray, d: int, q: int, k: int, last: int, origin: float) -> None:
    i = count[N_TICKS]
    if i >= len(nodes.tick):
        count[FAILED] = LINKS_FULL
        return
    row = nodes.tick[i]
    row[0], row[1], row[2], row[3] = d, q, k, last
    nodes.tick_real[1, i] = origin
    count[N_TICKS] += 1


@borrow
def settle(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, count: IntArray, state: int, attributes: int, cures: int, entry: int,
    vector: FloatArray, clock: FloatArray, entered: float, now: float, passed: int, strategy: int,
) -> None:
    """Add mass to its node, split by the mixture cures that the race asks for."""
    path, n_taken = 0, 0
    while True:
        decided, share, n_asked = decide_cures(
            m, wi, wf, v, x, follow, state, attributes, cures, clock, now, path, n_taken, strategy
        )
        d = node_of(
            m, f, wi, wf, v, x, follow, kinds, nodes, count, state, attributes, decided, entry, entered, clock, now,
            passed, strategy,
        )
        if d >= 0:
            if nodes.real[d, DR_END] == math.inf and nodes.row[d, D_MOVE] >= 0 and share > 0.0:
                count[FAILED], count[FAILED_STATE] = TOO_LONG, state  # they left it at this time: stays of length 0
            mass = nodes.mass[d]
            for c in range(len(vector)):
                mass[c] += share * vector[c]
        path, n_taken = next_path(path, n_asked)
        if n_taken == 0:
            return


@borrow
def decide_cures(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, state: int,
    attributes: int, cures: int, clock: FloatArray, now: float, path: int, n_taken: int, strategy: int,
) -> tuple[int, float, int]:
    """Decide the mixture cures that a race asks for, along a path: who is cured is set by its bits, else nobody is.

    Returns
    -------
    cures : int
        All that is decided.
    share : float
        Probability of the path.
    n_asked : int
        How many were decided.
    """
    share, n_asked = 1.0, 0
    set_clocks(m, wi, wf, clock, 0, now)
    while True:
        k, p = undecided_cure(m, wi, wf, v, x, follow, state, attributes, cures, now, strategy)
        if k < 0:
            return cures, share, n_asked
        cured = (path >> n_asked) & 1 if n_asked < n_taken else 0
        share *= p if cured else 1.0 - p
        cures |= (1 + 2 * cured) << (2 * k)
        n_asked += 1


@borrow
def next_path(path: int, n: int) -> tuple[int, int]:
    """The next path of decisions after one of length `n`; of length 0 if it was the last."""
    while n > 0 and (path >> (n - 1)) & 1:
        n -= 1
    if n == 0:
        return 0, 0
    return (path & ((1 << (n - 1)) - 1)) | (1 << (n - 1)), n
