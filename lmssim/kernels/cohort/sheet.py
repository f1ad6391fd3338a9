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
from lmssim.kernels.cohort.flow import credit_slowed, flow_out, series
from lmssim.kernels.cohort.generator import build, keep_hazards, note_effects, note_hazards, scale_hazards
from lmssim.kernels.cohort.ledger import add_years, close_node, mean_norm, note_level, note_levels, total
from lmssim.kernels.cohort.memory import (
    DR_END, D_ALIVE, D_BUILT, D_KIND, D_MOVE, FAILED, FAILED_STATE, G_LINK, G_SOURCE, G_TARGET, K_STATE, LR_WEIGHT,
    MR_A, M_ROW, N_EDGES, N_LEAVING, N_LINKS, N_LIVE, N_NODES, N_PAYING, N_SHORT, N_SPECS, N_STEPS, N_TICKS, N_TIMED,
    N_USED, N_VISITS, N_WATCHED, N_WITHIN, P_FINE_UNTIL, P_GROWTH, P_STEP, S_ORIGIN, TOO_LONG, W_OPEN, X_OUT, X_SLOWED,
    Y_LAST, Y_LIGHT, Y_MET, Y_MOVE, Y_NEXT, Y_NODE, Boxes, Chain, Follow, Kinds, Nodes, Solved,
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
MOST_PARTS = 64
"""Parts of a step with one generator, in all of which together everybody leaves: exp(-64 x 0.7) stay."""
STEEP, CERTAIN = 16.0, 1e6
"""How much less than `MOST_RATE` a cut step may expect before it is made longer; beyond what nothing is rounded up."""
SHORTEST_STEP = 1e-10
"""Shortest step (years, and share of the time)."""
SHORT, MOST_SHORT = 1.0 / 500.0, 256
"""A short step (years), and how many may follow each other before hazards count as large for long."""
FAST, LEAST_FAST = 500.0, 50.0
"""Hazard that counts as large where one person a year meets it, times the longest step; and the least one (per year).
With steps of a quarter year they are 2,000 and 50: half a day and a week."""
SHORTEST, DOUBLES = 32.0, 4.0
"""Share of the longest step with which a clock's first step is taken, and how its reading may grow in later ones: it
doubles at most with steps of a quarter year."""
QUARTERLY = 15.0
"""Years up to which every time of the occupancy grid ends a step of the first sheet."""
MOST_AT_ONCE = 4_096
"""Moves at one time, beside four for each node, after which it is refused: fixed delays of length 0 go round."""
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
    n_left = MOST_AT_ONCE + 4 * count[N_LIVE]
    while (moves_due or count[N_VISITS] > 0) and count[FAILED] == 0:
        d, j, visit = _next_due(m, f, kinds, nodes, count, time)
        if d < 0:
            break
        n_left -= 1
        if n_left < 0:
            count[FAILED], count[FAILED_STATE] = TOO_LONG, kinds.row[nodes.row[d, D_KIND], K_STATE]
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


@paste
def follow_step(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, time: float, stop: float,
    strategy: int,
) -> float:
    """Follow the sheet from `time` to `stop`, or part of the way; returns how far."""
    most, n_parts, slowed = note_hazards(m, f, wi, wf, v, x, kinds, nodes, count, time, stop), 1, False
    if most > MOST_RATE:
        stop, most = shorten(m, f, wi, wf, v, x, follow, kinds, nodes, count, time, stop, most)
        if most > MOST_RATE:
            slowed = most > MOST_PARTS * MOST_RATE and slow_down(nodes, count)
            n_parts = cut(f, kinds, nodes, count, time, stop, MOST_PARTS * MOST_RATE if slowed else most)
    else:
        count[N_SHORT] = 0
    keep_hazards(nodes, count, stop)
    norm, began = mean_norm(m, f, x, time, stop), time
    for part in range(n_parts):
        if count[FAILED] != 0:
            break
        start, time = time, stop if part + 1 == n_parts else began + (stop - began) * (part + 1) / n_parts
        series(f, follow, kinds, nodes, count, time - start)
        flow_out(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, start, time, strategy)
        if slowed:
            credit_slowed(nodes, count)
        add_years(m, f, follow, kinds, nodes, solved, count, start, time, norm)
        pay_ticks_within(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, start, time, strategy)
        pay_visits_within(m, f, kinds, nodes, solved, count, start, time)
        note_levels(f, kinds, nodes, solved, count, start, time)
        if part + 1 < n_parts:
            note_level(f, kinds, nodes, solved, count, time)
    return stop


# === Large hazards ===


@borrow
def shorten(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, count: IntArray, time: float, stop: float, most: float,
) -> tuple[float, float]:
    """Cut a step in which a node expects `most` moves, more than the series takes; its end, and the moves then.

    Short steps meet hazards that jump. Where hazards stay large, a step is not cut below what the flow asks for.
    """
    longest, least = stop - time, SHORTEST_STEP * (1.0 + time)
    if count[N_SHORT] >= MOST_SHORT:
        least = max(least, _least_step(follow, kinds, nodes, count, longest))
    cuts = most / MOST_RATE if most > CERTAIN else float(math.ceil(most / MOST_RATE))
    width = max(longest / cuts, min(least, longest))
    most = note_hazards(m, f, wi, wf, v, x, kinds, nodes, count, time, time + width)
    while cuts > MOST_PARTS and most < MOST_RATE / STEEP and 2.0 * width <= longest:
        further = note_hazards(m, f, wi, wf, v, x, kinds, nodes, count, time, time + 2.0 * width)
        if further > MOST_RATE:
            most = note_hazards(m, f, wi, wf, v, x, kinds, nodes, count, time, time + width)
            break
        width, most = 2.0 * width, further
    if width < SHORT:
        count[N_SHORT] += 1
    return time + width, most


@borrow
def _least_step(follow: Follow, kinds: Kinds, nodes: Nodes, count: IntArray, longest: float) -> float:
    """Length below which no step is cut for hazards that stay large.

    Whoever comes to a state with such a hazard may leave it late by a small part of this length, all together the
    later the more of them come: the longer it may be the fewer there are.
    """
    flow, n_passive = 0.0, kinds.utility.shape[1]
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        flow += total(nodes.mass[d], n_passive) * min(nodes.moment[d, X_OUT] / longest, 1.0)
    rate = max(LEAST_FAST, FAST * flow / follow.step[P_STEP])
    return MOST_PARTS * MOST_RATE / rate


@borrow
def cut(f: FloatArray, kinds: Kinds, nodes: Nodes, count: IntArray, time: float, stop: float, most: float) -> int:
    """Number of equal parts of a step in which a node expects `most` moves; the hazards are then those of a part.

    If the way to the horizon would take too many of them, the solution fails.
    """
    n = most / MOST_RATE
    if count[N_STEPS] + n > MOST_STEPS or (
        n > MOST_PARTS and count[N_STEPS] + n * (f[F_HORIZON] - time) / (stop - time) > MOST_STEPS
    ):
        count[FAILED], count[FAILED_STATE] = TOO_LONG, _fastest(kinds, nodes, count)
        return 1
    n_parts = math.ceil(n)
    count[N_STEPS] += n_parts - 1
    for i in range(count[N_LIVE]):
        scale_hazards(nodes, nodes.live[i], 1.0 / n_parts)
    return n_parts


@borrow
def _fastest(kinds: Kinds, nodes: Nodes, count: IntArray) -> int:
    """State out of which most moves are expected."""
    most, state = -1.0, 0
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        if nodes.moment[d, X_OUT] > most:
            most, state = nodes.moment[d, X_OUT], kinds.row[nodes.row[d, D_KIND], K_STATE]
    return state


@borrow
def slow_down(nodes: Nodes, count: IntArray) -> bool:
    """Slow the moves out of nodes that all leave within a part of the step; False if they lead round in a circle.

    Who comes to such a node goes on at once either way; how long they stay is corrected. In a circle the share of
    time in each node would not be, so that nothing is slowed.
    """
    limit = MOST_PARTS * MOST_RATE
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        nodes.place[d] = 1 if nodes.moment[d, X_OUT] > limit else 0
    if _is_circle(nodes, count):
        return False
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        if nodes.moment[d, X_OUT] > limit:
            nodes.moment[d, X_SLOWED] = limit / nodes.moment[d, X_OUT]
            scale_hazards(nodes, d, nodes.moment[d, X_SLOWED])
            nodes.moment[d, X_OUT] = limit
    return True


@borrow
def _is_circle(nodes: Nodes, count: IntArray) -> bool:
    """Whether edges lead from nodes whose `place` is 1 round to themselves; those that lead out are taken off."""
    left, before = 0, -1
    while left != before:
        before, left = left, 0
        for k in range(count[N_WITHIN]):
            edge = nodes.edge[nodes.within[k]]
            if nodes.link_real[edge[G_LINK], LR_WEIGHT] * nodes.edge_p[nodes.within[k]] > 0.0:
                if nodes.place[edge[G_SOURCE]] > 0 and nodes.place[edge[G_TARGET]] > 0:
                    nodes.place[edge[G_SOURCE]] = 2
        for i in range(count[N_LIVE]):
            d = nodes.live[i]
            nodes.place[d] = 1 if nodes.place[d] == 2 else 0
            left += nodes.place[d]
    return left > 0


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
            count[FAILED], count[FAILED_STATE] = TOO_LONG, -1
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
    count[N_VISITS] = count[N_TICKS] = count[N_SPECS] = count[N_SHORT] = 0
    for k in range(len(nodes.slot)):
        nodes.slot[k, W_OPEN] = 0
