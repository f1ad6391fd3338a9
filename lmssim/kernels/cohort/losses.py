"""Losses of utility that last for some time, of mass in a sheet and of mass that waits in a box.

A patient's losses multiply the utility of the state by the product of 1 - loss over those that are open, or subtract
their sum. The product is multiplied out: each of its terms but the first is the product of some losses, with a sign,
for as long as all of them are open. A *slot* holds such a term, summed over patients: the mass that has those losses,
times their product, by the combination of passive attributes that the patients have. Terms that end together and agree
in what follows are one slot.

A loss whose repeats do not stack has a bit of its own, its *code*: a repeat takes the place of what is open of it, in
every term. A term ends on leaving the state if one of its losses does.
"""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.kinds import passive_column, set_clocks
from lmssim.kernels.cohort.memory import (
    FAILED, FREE, LOSSES_FULL, N_BANDS, N_HELD, N_USED, N_WATCHED, P_WIDEST, TOO_MANY, U_BAND, U_CODES, U_COLUMN,
    U_LEFT, U_NEXT, U_SIGN, U_STOPS, U_SUM, W_CODES, W_COLUMN, W_OPEN, W_STOPS, Boxes, Follow, Nodes,
)
from lmssim.kernels.jit import borrow
from lmssim.kernels.layout import H_ADDITIVE, H_EVENT, NONE, V_LOSS, V_STOPS, V_WIDTH, V_YEARS
from lmssim.kernels.machine import value_at
# isort: on

FAINT = 1e-8
"""Share of a mass below which what it loses is left out."""
EVEN, PER_DOUBLING = 128, 16
"""Bands of the time that is left of a loss: so many of even width, then so many for each doubling of it."""


@borrow
def loss_of(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, mark: int, attributes: int, time: float,
    strategy: int,
) -> tuple[float, float]:
    """Loss of utility that a mark brings, and for how many years."""
    e, years = m[H_EVENT] + mark * V_WIDTH, math.inf
    if m[e + V_YEARS] != NONE:
        years = value_at(m, wi, wf, m[e + V_YEARS], v, x, attributes, time, strategy)
    return value_at(m, wi, wf, m[e + V_LOSS], v, x, attributes, time, strategy), years


# === In a sheet ===


@borrow
def open_slot(
    nodes: Nodes, count: IntArray, n_passive: int, codes: int, column: int, until: float, stops: int, began: float
) -> int:
    """Column of the slot of terms alike, opened if none is; -1 if there is no room.

    Parameters
    ----------
    began : float
        When the first loss began that stops on leaving; infinite if none does.
    """
    first, free = n_passive + count[N_WATCHED], -1
    for k in range(len(nodes.slot)):
        slot = nodes.slot[k]
        if slot[W_OPEN] == 0:
            free = k if free < 0 else free
        elif (
            nodes.slot_end[k] == until and slot[W_CODES] == codes and slot[W_COLUMN] == column
            and slot[W_STOPS] == stops and nodes.slot_began[k] == began
        ):
            return first + k
    if free < 0:
        count[FAILED] = TOO_MANY
        return -1
    slot = nodes.slot[free]
    slot[W_OPEN], slot[W_CODES], slot[W_COLUMN], slot[W_STOPS] = 1, codes, column, stops
    nodes.slot_end[free], nodes.slot_began[free] = until, began
    count[N_USED] = max(count[N_USED], first + free + 1)
    return first + free


@borrow
def _add_term(
    nodes: Nodes, count: IntArray, n_passive: int, vector: FloatArray, codes: int, column: int, until: float,
    stops: int, began: float, amount: float,
) -> None:
    c = open_slot(nodes, count, n_passive, codes, column, until, stops, began)
    if c >= 0:
        vector[c] += amount


@borrow
def lose(
    m: IntArray, nodes: Nodes, count: IntArray, n_passive: int, vector: FloatArray, code: int, loss: float,
    until: float, time: float, stops: int,
) -> None:
    """Everybody of a vector loses utility until a time, or until they leave if it `stops` then."""
    if loss == 0.0 or until <= time:
        return
    first, whole, before = n_passive + count[N_WATCHED], 0.0, nodes.vector
    n, began = count[N_USED] - first, time if stops != 0 else math.inf
    for k in range(n):
        before[k] = 0.0
        if nodes.slot[k, W_OPEN] != 0:
            if nodes.slot[k, W_CODES] & code:
                vector[first + k] = 0.0
            before[k] = vector[first + k]
    for c in range(n_passive):
        whole += vector[c]
    for c in range(n_passive):
        if abs(loss * vector[c]) > FAINT * whole:
            _add_term(nodes, count, n_passive, vector, code, c, until, stops, began, -loss * vector[c])
    if m[H_ADDITIVE] != 0:
        return
    for k in range(n):
        if abs(loss * before[k]) > FAINT * whole:
            slot = nodes.slot[k]
            _add_term(
                nodes, count, n_passive, vector, slot[W_CODES] | code, slot[W_COLUMN], min(until, nodes.slot_end[k]),
                slot[W_STOPS] | stops, min(began, nodes.slot_began[k]), -loss * before[k],
            )


@borrow
def lose_by_marks(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, nodes: Nodes,
    count: IntArray, n_passive: int, vector: FloatArray, marks: int, attributes: int, clock: FloatArray, time: float,
    strategy: int,
) -> None:
    """Everybody of a vector has had the marks that the bits `marks` name."""
    if marks == 0:
        return
    set_clocks(m, wi, wf, clock, 0, time)
    for mark in range(len(follow.losing)):
        if follow.losing[mark] >= 0 and (marks >> follow.losing[mark]) & 1:
            loss, years = loss_of(m, wi, wf, v, x, mark, attributes, time, strategy)
            stops = m[m[H_EVENT] + mark * V_WIDTH + V_STOPS]
            lose(m, nodes, count, n_passive, vector, follow.code[mark], loss, time + years, time, stops)


@borrow
def leave(nodes: Nodes, count: IntArray, n_passive: int, vector: FloatArray, time: float) -> None:
    """Everybody of a vector leaves a state: losses that stop then are over, but for those that begin now."""
    first = n_passive + count[N_WATCHED]
    for k in range(count[N_USED] - first):
        if nodes.slot[k, W_STOPS] != 0 and nodes.slot_began[k] < time:
            vector[first + k] = 0.0


@borrow
def move_terms(
    follow: Follow, nodes: Nodes, count: IntArray, n_passive: int, vector: FloatArray, clear: int, mark: int
) -> None:
    """Move terms to other combinations of passive attributes, when some are cleared and set."""
    if clear | mark == 0:
        return
    first = n_passive + count[N_WATCHED]
    for k in range(count[N_USED] - first):
        slot = nodes.slot[k]
        if slot[W_OPEN] == 0 or vector[first + k] == 0.0:
            continue
        column = passive_column(follow, slot[W_COLUMN], clear, mark)
        if column != slot[W_COLUMN]:
            amount = vector[first + k]
            vector[first + k] = 0.0
            _add_term(
                nodes, count, n_passive, vector, slot[W_CODES], column, nodes.slot_end[k], slot[W_STOPS],
                nodes.slot_began[k], amount,
            )


@borrow
def moved_slot(
    follow: Follow, nodes: Nodes, count: IntArray, n_passive: int, c: int, clear: int, mark: int
) -> int:
    """Column of a slot after some passive attributes are cleared and set, opened if none is; -1 if there is no room."""
    k = c - n_passive - count[N_WATCHED]
    slot = nodes.slot[k]
    column = passive_column(follow, slot[W_COLUMN], clear, mark)
    if column == slot[W_COLUMN] or slot[W_OPEN] == 0:
        return c
    end, began = nodes.slot_end[k], nodes.slot_began[k]
    return open_slot(nodes, count, n_passive, slot[W_CODES], column, end, slot[W_STOPS], began)


# === In a box ===


@borrow
def _append(
    boxes: Boxes, count: IntArray, n: int, codes: int, column: int, stops: int, amount: float, left: float
) -> int:
    """Append a term to those in hand; returns their number."""
    if n >= len(boxes.term):
        count[FAILED] = LOSSES_FULL
        return n
    term = boxes.term[n]
    term[U_CODES], term[U_COLUMN], term[U_STOPS] = codes, column, stops
    boxes.term_sum[n, U_SUM], boxes.term_sum[n, U_LEFT] = amount, left
    return n + 1


@borrow
def take_terms(
    follow: Follow, nodes: Nodes, boxes: Boxes, count: IntArray, n_passive: int, vector: FloatArray, clear: int,
    mark: int, leaves: bool, time: float,
) -> int:
    """Take the terms of a vector in hand, with the time that is left of them; returns their number."""
    n, first = 0, n_passive + count[N_WATCHED]
    for k in range(count[N_USED] - first):
        slot, amount = nodes.slot[k], vector[first + k]
        if slot[W_OPEN] != 0 and amount != 0.0 and not (leaves and slot[W_STOPS] != 0):
            column = passive_column(follow, slot[W_COLUMN], clear, mark)
            n = _append(boxes, count, n, slot[W_CODES], column, slot[W_STOPS], amount, nodes.slot_end[k] - time)
    return n


@borrow
def add_marks(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, boxes: Boxes,
    count: IntArray, n_passive: int, vector: FloatArray, n: int, marks: int, attributes: int, clock: FloatArray,
    time: float, strategy: int,
) -> int:
    """As `lose_by_marks`, of `n` terms in hand; returns their number."""
    if marks == 0:
        return n
    set_clocks(m, wi, wf, clock, 0, time)
    for mark in range(len(follow.losing)):
        if follow.losing[mark] < 0 or (marks >> follow.losing[mark]) & 1 == 0:
            continue
        loss, years = loss_of(m, wi, wf, v, x, mark, attributes, time, strategy)
        code, stops, before = follow.code[mark], m[m[H_EVENT] + mark * V_WIDTH + V_STOPS], n
        if loss == 0.0 or years <= 0.0:
            continue
        for i in range(before):
            term, sums = boxes.term[i], boxes.term_sum[i]
            if term[U_CODES] & code:
                sums[U_SUM] = 0.0
            elif m[H_ADDITIVE] == 0:
                n = _append(
                    boxes, count, n, term[U_CODES] | code, term[U_COLUMN], term[U_STOPS] | stops, -loss * sums[U_SUM],
                    min(years, sums[U_LEFT]),
                )
        for c in range(n_passive):
            n = _append(boxes, count, n, code, c, stops, -loss * vector[c], years)
    return n


@borrow
def _band(follow: Follow, left: float) -> int:
    """Band of the time that is left of a loss; the last is for those without an end."""
    even = left / (0.5 * follow.step[P_WIDEST])
    if even < EVEN:
        return int(even)
    if left == math.inf:
        return N_BANDS - 1
    return min(EVEN + int(PER_DOUBLING * math.log2(even / EVEN)), N_BANDS - 2)


@borrow
def _sign(amount: float) -> int:
    return 1 if amount > 0.0 else 0


@borrow
def hold_terms(follow: Follow, boxes: Boxes, count: IntArray, b: int, k: int, n: int) -> None:
    """Put the `n` terms in hand into interval `k` of box `b`."""
    for i in range(n):
        term, sums = boxes.term[i], boxes.term_sum[i]
        if sums[U_SUM] == 0.0:
            continue
        u = _held(boxes, count, b, k, term, _band(follow, sums[U_LEFT]), _sign(sums[U_SUM]))
        if u < 0:
            return
        boxes.held_sum[u, U_SUM] += sums[U_SUM]
        boxes.held_sum[u, U_LEFT] += sums[U_SUM] * sums[U_LEFT] if sums[U_LEFT] < math.inf else 0.0


@borrow
def _held(boxes: Boxes, count: IntArray, b: int, k: int, term: IntArray, band: int, sign: int) -> int:
    """Where terms alike are kept, made if there are none; -1 if there is no room."""
    u = boxes.first[b, k]
    while u >= 0:
        held = boxes.held[u]
        if (
            held[U_BAND] == band and held[U_CODES] == term[U_CODES] and held[U_COLUMN] == term[U_COLUMN]
            and held[U_STOPS] == term[U_STOPS] and held[U_SIGN] == sign
        ):
            return u
        u = held[U_NEXT]
    u = boxes.free[FREE]
    if u >= 0:
        boxes.free[FREE] = boxes.held[u, U_NEXT]
    elif count[N_HELD] < len(boxes.held):
        u = count[N_HELD]
        count[N_HELD] += 1
    else:
        count[FAILED] = LOSSES_FULL
        return -1
    held = boxes.held[u]
    held[U_CODES], held[U_COLUMN], held[U_STOPS] = term[U_CODES], term[U_COLUMN], term[U_STOPS]
    held[U_BAND], held[U_SIGN] = band, sign
    held[U_NEXT], boxes.first[b, k] = boxes.first[b, k], u
    boxes.held_sum[u, U_SUM] = boxes.held_sum[u, U_LEFT] = 0.0
    return u


@borrow
def forget_terms(boxes: Boxes, b: int, k: int) -> None:
    """Nothing is open any more in an interval of a box."""
    u = boxes.first[b, k]
    while u >= 0:
        after = boxes.held[u, U_NEXT]
        boxes.held[u, U_NEXT], boxes.free[FREE] = boxes.free[FREE], u
        u = after
    boxes.first[b, k] = -1


@borrow
def carry_terms(boxes: Boxes, count: IntArray, b: int, k: int) -> None:
    """Join what is open in an interval of a box to the next one."""
    u = boxes.first[b, k]
    while u >= 0:
        to = _held(boxes, count, b, k + 1, boxes.held[u], boxes.held[u, U_BAND], boxes.held[u, U_SIGN])
        if to >= 0:
            for i in range(2):
                boxes.held_sum[to, i] += boxes.held_sum[u, i]
        u = boxes.held[u, U_NEXT]
    forget_terms(boxes, b, k)


@borrow
def mean_ends(boxes: Boxes, n_boxes: int, state: int, k: int) -> None:
    """By band, and by sign of the terms, the mean time that is left of what is open in an interval of a state."""
    boxes.band[:, :, :] = 0.0
    for b in range(n_boxes):
        if boxes.row[b, 0] != state:
            continue
        u = boxes.first[b, k]
        while u >= 0:
            sums = boxes.band[boxes.held[u, U_BAND], boxes.held[u, U_SIGN]]
            sums[U_SUM] += boxes.held_sum[u, U_SUM]
            sums[U_LEFT] += boxes.held_sum[u, U_LEFT]
            u = boxes.held[u, U_NEXT]


@borrow
def open_terms(
    nodes: Nodes, boxes: Boxes, count: IntArray, n_passive: int, vector: FloatArray, b: int, k: int, time: float
) -> None:
    """Open in a sheet that begins what is open in an interval of a box."""
    u = boxes.first[b, k]
    while u >= 0:
        held, amount = boxes.held[u], boxes.held_sum[u, U_SUM]
        sums = boxes.band[held[U_BAND], held[U_SIGN]]
        left = math.inf if held[U_BAND] == N_BANDS - 1 else sums[U_LEFT] / sums[U_SUM]
        if amount != 0.0:
            _add_term(
                nodes, count, n_passive, vector, held[U_CODES], held[U_COLUMN], time + left, held[U_STOPS],
                time if held[U_STOPS] != 0 else math.inf, amount,
            )
        u = held[U_NEXT]
