"""A sheet: nodes followed through time, by the exponential of their generator between the times of fixed events.

Within a step the hazards enter by their exact integrals; the exponential and the integrals of the masses, discounted
or not, are summed as one series. At the ends of steps fall visits, fixed delays, ticks of schedules, the edges of
limited rewards, and losses of utility that end. Every number of the model comes from the kernels that the individual
engines use.
"""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.arrivals import jump, take
from lmssim.kernels.cohort.flow import flow_out, series
from lmssim.kernels.cohort.generator import build, keep_hazards, note_effects, note_hazards
from lmssim.kernels.cohort.ledger import add_years, close_node, mean_norm, note_level, note_levels, total
from lmssim.kernels.cohort.memory import (
    DR_END, D_ALIVE, D_BUILT, D_MOVE, FAILED, MR_A, M_ROW, N_EDGES, N_LEAVING, N_LINKS, N_LIVE, N_NODES, N_PAYING,
    N_SPECS, N_STEPS, N_TICKS, N_TIMED, N_USED, N_VISITS, N_WATCHED, N_WITHIN, P_FINE_UNTIL, P_GROWTH, P_STEP, S_ORIGIN,
    TOO_MANY, W_OPEN, Y_LAST, Y_LIGHT, Y_MET, Y_MOVE, Y_NEXT, Y_NODE, Boxes, Chain, Follow, Kinds, Nodes, Solved,
)
from lmssim.kernels.cohort.ticks import close_limited, pay_limited_node, pay_ticks, pay_ticks_within, pay_visits_within
from lmssim.kernels.families import EXPONENTIAL, LIFE_TABLE
from lmssim.kernels.jit import borrow, paste
from lmssim.kernels.layout import C_LOSS, F_HORIZON, F_OCCUPANCY_PER_YEAR, F_STEPS_PER_YEAR, H_TICK_TIME, NONE
from lmssim.kernels.tally import CENSORED, step_since
# isort: on

NEGLIGIBLE = 1e-9
"""Mass below which nothing is followed."""
MOST_RATE = 0.7
"""Largest expected number of events of a node in one step of the series."""
SHORTEST, DOUBLES = 32.0, 4.0
"""Share of the longest step with which a clock's first step is taken, and how its reading may grow in later ones: it
doubles at most with steps of a quarter year."""
QUARTERLY = 15.0
"""Years up to which every time of the occupancy grid ends a step of the first sheet."""
MOST_STEPS = 400_000
"""Steps after which a solution is refused as endless."""


@paste
def fall_due(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, time: float,
    moves_due: bool, strategy: int,
) -> None:
    """Everything that falls at `time`: ends of losses, visits and delays in the states' order, then ticks."""
    for k in range(len(nodes.slot)):
        if nodes.slot[k, W_OPEN] != 0 and nodes.slot_end[k] <= time:
            nodes.slot[k, W_OPEN] = 0
            for i in range(count[N_LIVE]):
                nodes.mass[nodes.live[i], kinds.utility.shape[1] + count[N_WATCHED] + k] = 0.0
    n_slots = 0
    for k in range(len(nodes.slot)):
        if nodes.slot[k, W_OPEN] != 0:
            n_slots = k + 1
    count[N_USED] = kinds.utility.shape[1] + count[N_WATCHED] + n_slots
    close_limited(m, wi, wf, v, x, kinds, nodes, solved, count, time, strategy)
    while (moves_due or count[N_VISITS] > 0) and count[FAILED] == 0:
        d, j, visit = _next_due(m, f, kinds, nodes, count, time)
        if d < 0:
            break
        n = 1
        if visit >= 0:
            n = _take_visits(m, f, kinds, nodes, count, kinds.move[j, M_ROW], time)
        else:
            take(nodes, d, 1.0, 0)
            nodes.real[d, DR_END] = math.inf
        for i in range(n):
            if visit >= 0:
                d, j = nodes.visit[nodes.held[i], Y_NODE], nodes.visit[nodes.held[i], Y_MOVE]
            jump(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, d, j, i, time, strategy)
    pay_ticks(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, time, strategy)


@borrow
def _next_due(
    m: IntArray, f: FloatArray, kinds: Kinds, nodes: Nodes, count: IntArray, time: float
) -> tuple[int, int, int]:
    """The first move that is due at `time` by the order of transitions: node, move, visit (-1 for a delay)."""
    best, node, chosen, visit = 1 << 62, -1, -1, -1
    for i in range(count[N_VISITS]):
        row = nodes.visit[i]
        if row[Y_NEXT] < row[Y_LAST] and nodes.row[row[Y_NODE], D_ALIVE] != 0:
            j, at = row[Y_MOVE], nodes.tick_real[0, i] + f[m[H_TICK_TIME] + row[Y_NEXT]]
            if at <= time and kinds.move[j, M_ROW] < best:
                best, node, chosen, visit = kinds.move[j, M_ROW], row[Y_NODE], j, i
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        if nodes.real[d, DR_END] <= time and kinds.move[nodes.row[d, D_MOVE], M_ROW] < best:
            j = nodes.row[d, D_MOVE]
            best, node, chosen, visit = kinds.move[j, M_ROW], d, j, -1
    return node, chosen, visit


@borrow
def _take_visits(
    m: IntArray, f: FloatArray, kinds: Kinds, nodes: Nodes, count: IntArray, row: int, time: float
) -> int:
    """Put aside, of every node, those to whom a visit of a transition happens at `time`; returns the number of nodes.

    All nodes come first, so that nobody whom the visit moves to another node meets it there once more.
    """
    n = 0
    for i in range(count[N_VISITS]):
        visit = nodes.visit[i]
        if kinds.move[visit[Y_MOVE], M_ROW] != row or visit[Y_NEXT] >= visit[Y_LAST]:
            continue
        if nodes.row[visit[Y_NODE], D_ALIVE] != 0 and nodes.tick_real[0, i] + f[m[H_TICK_TIME] + visit[Y_NEXT]] <= time:
            visit[Y_NEXT] += 1
            take(nodes, visit[Y_NODE], kinds.move_real[visit[Y_MOVE], MR_A], n)
            nodes.held[n] = i
            n += 1
    return n


@borrow
def next_due(m: IntArray, f: FloatArray, kinds: Kinds, nodes: Nodes, count: IntArray) -> float:
    """Time of the next fixed delay, or visit that is not light or that somebody meets for the first time."""
    due = math.inf
    for i in range(count[N_LIVE]):
        due = min(due, nodes.real[nodes.live[i], DR_END])
    for i in range(count[N_VISITS]):
        row = nodes.visit[i]
        if row[Y_NEXT] < row[Y_LAST] and nodes.row[row[Y_NODE], D_ALIVE] != 0:
            if row[Y_LIGHT] == 0 or _is_met_first(kinds, nodes, count, row):
                due = min(due, nodes.tick_real[0, i] + f[m[H_TICK_TIME] + row[Y_NEXT]])
    return due


@borrow
def _is_met_first(kinds: Kinds, nodes: Nodes, count: IntArray, visit: IntArray) -> bool:
    """Whether a light visit is the first of its kind for anybody."""
    mass, n_passive = nodes.mass[visit[Y_NODE]], kinds.utility.shape[1]
    for k in range(count[N_WATCHED]):
        if (visit[Y_MET] >> nodes.watch[k]) & 1 and mass[n_passive + k] > NEGLIGIBLE:
            return True
    return False


@borrow
def next_stop(
    m: IntArray, f: FloatArray, follow: Follow, nodes: Nodes, count: IntArray, time: float, began: float
) -> float:
    """End of the step that begins at `time`: the next named time, reward that ends, or the longest step."""
    stop = min(f[F_HORIZON], time + max(follow.step[P_STEP], follow.step[P_GROWTH] * time))
    for k in range(len(follow.stops)):
        if follow.stops[k] > time:
            stop = min(stop, follow.stops[k])
            break
    if began == 0.0 and time < QUARTERLY:
        per_year = f[F_STEPS_PER_YEAR] if time < follow.step[P_FINE_UNTIL] else f[F_OCCUPANCY_PER_YEAR]
        stop = min(stop, (math.floor(time * per_year) + 1.0) / per_year)
    for k in range(count[N_SPECS]):
        if nodes.spec[k] != EXPONENTIAL and nodes.spec[k] != LIFE_TABLE:
            since = time - nodes.spec_real[k, S_ORIGIN]
            if since >= 0.0:
                stop = min(stop, time + max(follow.step[P_STEP] / SHORTEST, since * DOUBLES * follow.step[P_STEP]))
    for i in range(count[N_TICKS]):
        row = nodes.tick[i]
        if row[2] < row[3] and nodes.row[row[0], D_ALIVE] != 0:
            if row[1] < 0:
                stop = min(stop, nodes.tick_real[1, i])
            elif m[row[1] + C_LOSS] != NONE:
                stop = min(stop, nodes.tick_real[1, i] + f[m[H_TICK_TIME] + row[2]])
    for k in range(len(nodes.slot)):
        if nodes.slot[k, W_OPEN] != 0:
            stop = min(stop, nodes.slot_end[k])
    return stop


@borrow
def forget_spent(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, nodes: Nodes,
    solved: Solved, count: IntArray, strategy: int,
) -> float:
    """Close nodes that have ended and hold nothing more; returns the mass that is left."""
    n_passive, left, kept = kinds.utility.shape[1], 0.0, 0
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        mass = total(nodes.mass[d], n_passive)
        left += mass
        spent = nodes.real[d, DR_END] == math.inf and nodes.row[d, D_MOVE] >= 0 and mass == 0.0
        if spent:
            for k in range(count[N_TICKS]):
                if nodes.tick[k, 0] == d and nodes.tick[k, 1] < 0 and nodes.tick[k, 2] < nodes.tick[k, 3]:
                    pay_limited_node(m, wi, wf, v, x, kinds, nodes, solved, k, strategy)
            close_node(m, kinds, nodes, solved, d)
            nodes.row[d, D_ALIVE] = 0
        else:
            nodes.live[kept] = d
            kept += 1
    count[N_LIVE] = kept
    return left


@borrow
def follow_step(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, time: float, stop: float,
    strategy: int,
) -> float:
    """Follow the sheet from `time` to `stop`, or part of the way; returns how far."""
    most = note_hazards(m, f, wi, wf, v, x, kinds, nodes, count, time, stop)
    if most > MOST_RATE:
        stop = time + (stop - time) / math.ceil(most / MOST_RATE)
        note_hazards(m, f, wi, wf, v, x, kinds, nodes, count, time, stop)
    keep_hazards(nodes, count, stop)
    series(f, follow, kinds, nodes, count, stop - time)
    flow_out(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, time, stop, strategy)
    add_years(m, f, follow, kinds, nodes, solved, count, time, stop, mean_norm(m, f, x, time, stop))
    pay_ticks_within(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, time, stop, strategy)
    pay_visits_within(m, f, kinds, nodes, solved, count, time, stop)
    note_levels(f, kinds, nodes, solved, count, time, stop)
    return stop


@borrow
def follow_sheet(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, began: float,
    strategy: int,
) -> None:
    """Follow the nodes that there are from `began` to the horizon, or until nothing is left."""
    time, due = began, -math.inf
    while count[FAILED] == 0:
        if time < f[F_HORIZON]:
            fall_due(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, time, due <= time, strategy)
        left = forget_spent(m, wi, wf, v, x, kinds, nodes, solved, count, strategy)
        note_level(f, kinds, nodes, solved, count, time)
        if time >= f[F_HORIZON] or left <= NEGLIGIBLE:
            break
        i = 0
        while i < count[N_LIVE] and count[FAILED] == 0:
            if nodes.row[nodes.live[i], D_BUILT] == 0:
                build(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, count, nodes.live[i], time, strategy)
            i += 1
        due = next_due(m, f, kinds, nodes, count)
        stop = min(next_stop(m, f, follow, nodes, count, time, began), due)
        stop = min(stop, note_effects(m, f, wi, wf, v, x, kinds, nodes, count, time))
        count[N_STEPS] += 1
        if count[N_STEPS] > MOST_STEPS:
            count[FAILED] = TOO_MANY
        if stop > time:
            time = follow_step(
                m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, time, stop, strategy
            )
    _end_sheet(m, f, wi, wf, v, x, kinds, nodes, solved, count, strategy)


@borrow
def _end_sheet(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds,
    nodes: Nodes, solved: Solved, count: IntArray, strategy: int,
) -> None:
    """What is still open at the end of a sheet: limited rewards, watchers, the worth of the years."""
    n_passive = kinds.utility.shape[1]
    for i in range(count[N_TICKS]):
        if nodes.tick[i, 1] < 0 and nodes.tick[i, 2] < nodes.tick[i, 3] and nodes.row[nodes.tick[i, 0], D_ALIVE] != 0:
            pay_limited_node(m, wi, wf, v, x, kinds, nodes, solved, i, strategy)
    last = step_since(f[F_HORIZON], f[F_STEPS_PER_YEAR], solved.endpoint.shape[2] - 1)
    for k in range(count[N_WATCHED]):
        for i in range(count[N_LIVE]):
            solved.endpoint[nodes.watch[k], CENSORED, last] += nodes.mass[nodes.live[i], n_passive + k]
    for i in range(count[N_LIVE]):
        close_node(m, kinds, nodes, solved, nodes.live[i])
    clear_sheet(nodes, count)


@borrow
def clear_sheet(nodes: Nodes, count: IntArray) -> None:
    """Forget the nodes of a sheet that is done."""
    count[N_NODES] = count[N_LIVE] = count[N_LINKS] = count[N_EDGES] = 0
    count[N_PAYING] = count[N_TIMED] = count[N_WITHIN] = count[N_LEAVING] = 0
    count[N_VISITS] = count[N_TICKS] = count[N_SPECS] = 0
    for k in range(len(nodes.slot)):
        nodes.slot[k, W_OPEN] = 0
