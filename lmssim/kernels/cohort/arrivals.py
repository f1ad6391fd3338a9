"""Mass that arrives or moves at one time: events at entry, losses of utility, chains, nodes and boxes."""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.kinds import (
    I_ATTRIBUTES, I_CENSORING, I_CLEAR, I_COMPETING, I_CURES, I_EVENT, I_MET, I_SET, I_STATE, change,
    copy_item, enter, find_outcomes, live_cures, live_of, meet_mark, note_entry, note_mark, passive_bits, push,
    set_clocks, starting,
)
from lmssim.kernels.cohort.ledger import bin_of, end, meet, note_flux, recombine, set_vector, total
from lmssim.kernels.cohort.losses import (
    add_marks, hold_terms, leave, lose, lose_by_marks, loss_of, move_terms, take_terms,
)
from lmssim.kernels.cohort.memory import (
    AT_ARRIVE, AT_EVENT, AT_START, BOXES_FULL, BY_DELAY, DR_ENTERED, D_KIND, FAILED, FAILED_STATE, K_ATTRIBUTES,
    K_ENTRY, M_FIRST_NOTE, M_FIRST_OUT, M_HOW, M_LAST_NOTE, M_LAST_OUT, M_ROW, N_BOXES, N_NOTES, N_OUTS, N_WATCHED,
    OF_ARRIVAL, OF_EVENT, OF_MOVE, OF_OUTCOME, OF_SOURCE, OF_TARGET, O_ALL, O_ATTRIBUTES, O_CENSORING, O_CLEAR,
    O_COMPETING, O_CURES, O_EVENT, O_LOSSES, O_SET, O_STARTED, O_STATE, O_STAYS, Boxes, Chain, Follow, Kinds, Nodes,
    Solved,
)
from lmssim.kernels.cohort.nodes import settle
from lmssim.kernels.jit import borrow, paste
from lmssim.kernels.layout import (
    ABSORBING, F_RATE_COSTS, F_RATE_EFFECTS, H_EVENT, H_STATE, L_LOSS, L_WIDTH, L_YEARS, NONE, S_FIRST_EVENT,
    S_FIRST_LIMITED, S_KIND, S_LAST_EVENT, S_LAST_LIMITED, S_WIDTH, T_SILENT, V_CLEAR, V_DEATH_REF, V_DEATH_STATE,
    V_SET, V_STOPS, V_WIDTH,
)
from lmssim.kernels.machine import value_at
from lmssim.kernels.walk import event_probability
# isort: on


@borrow
def arrive(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, out: IntArray,
    vector: FloatArray, clock: FloatArray, time: float, strategy: int,
) -> None:
    """A vector of mass arrives at a dwelling state at one time: entry, events, then its node.

    Parameters
    ----------
    out : ndarray(int)
        State, attributes and cures, by the columns of outcomes; entry into the state has set attributes and clocks.
    clock : ndarray(float)
        Clocks after entry.
    """
    n_passive, state = kinds.utility.shape[1], out[O_STATE]
    s = m[H_STATE] + state * S_WIDTH
    first, n_events = m[s + S_FIRST_EVENT], m[s + S_LAST_EVENT] - m[s + S_FIRST_EVENT]
    start = chain.item[len(chain.p) + AT_START]
    start[:] = 0
    start[I_CURES] = out[O_CURES]
    top = push(chain, 0, count, state, 0, out[O_ATTRIBUTES], start, 1.0)
    set_vector(chain.vector[0], vector, 1.0)
    discount_cost, discount_effect = math.exp(-f[F_RATE_COSTS] * time), math.exp(-f[F_RATE_EFFECTS] * time)
    while top > 0 and count[FAILED] == 0:
        top -= 1
        item, mass = chain.item[len(chain.p) + AT_ARRIVE], chain.vector[len(chain.p) + OF_ARRIVAL]
        copy_item(item, chain.item[top])
        set_vector(mass, chain.vector[top], 1.0)
        set_clocks(m, wi, wf, clock, 0, time)
        if item[I_STATE] != state:
            _die(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, item, mass, clock, time, strategy)
            continue
        while item[I_EVENT] < n_events:
            mark = m[first + item[I_EVENT]]
            e = m[H_EVENT] + mark * V_WIDTH
            item[I_EVENT] += 1
            p = event_probability(m, wi, wf, e, v, x, item[I_ATTRIBUTES], time, strategy)
            if p <= 0.0:
                continue
            top = _event(
                m, f, wi, wf, v, x, follow, kinds, nodes, chain, solved, count, top, item, mass, mark, p, time,
                strategy,
            )
        note_from = count[N_NOTES]
        if follow.boxed[state] != 0:
            note_entry(m, wi, wf, v, x, kinds, count, state, 1.0, item[I_ATTRIBUTES], time, strategy)
        amount = total(mass, n_passive)
        note_flux(
            m, f, kinds, solved, note_from, count[N_NOTES], amount, amount * discount_cost, amount * discount_effect
        )
        count[N_NOTES] = note_from
        _begin_limited(m, wi, wf, v, x, nodes, count, s, n_passive, mass, item[I_ATTRIBUTES], time, strategy)
        settle(
            m, f, wi, wf, v, x, follow, kinds, nodes, count, state, live_of(follow, state, item[I_ATTRIBUTES]),
            live_cures(m, follow, state, item[I_CURES]), item[I_ATTRIBUTES] & follow.entry_bits[state], mass, clock,
            time, time, -1, strategy,
        )


@borrow
def _begin_limited(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, nodes: Nodes, count: IntArray, s: int,
    n_passive: int, vector: FloatArray, attributes: int, time: float, strategy: int,
) -> None:
    """Losses of utility in the first years of a stay begin; they end with it."""
    for q in range(m[s + S_FIRST_LIMITED], m[s + S_LAST_LIMITED], L_WIDTH):
        if m[q + L_LOSS] != NONE:
            loss = value_at(m, wi, wf, m[q + L_LOSS], v, x, attributes, time, strategy)
            years = value_at(m, wi, wf, m[q + L_YEARS], v, x, attributes, time, strategy)
            lose(m, nodes, count, n_passive, vector, 0, loss, time + years, time, 1)


@borrow
def _die(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, item: IntArray, mass: FloatArray, clock: FloatArray,
    time: float, strategy: int,
) -> None:
    """An item arrives at the absorbing state that an event at entry has led to."""
    n_passive = kinds.utility.shape[1]
    enter(m, item, clock, passive_bits(follow, n_passive - 1))
    first, state = count[N_NOTES], item[I_STATE]
    note_entry(m, wi, wf, v, x, kinds, count, state, 1.0, item[I_ATTRIBUTES], time, strategy)
    amount = total(mass, n_passive)
    solved.entries[state] += amount
    note_flux(
        m, f, kinds, solved, first, count[N_NOTES], amount, amount * math.exp(-f[F_RATE_COSTS] * time),
        amount * math.exp(-f[F_RATE_EFFECTS] * time),
    )
    count[N_NOTES] = first
    meet(f, nodes, solved, count, mass, n_passive, item[I_MET], item[I_COMPETING], item[I_CENSORING], time)
    end(f, solved, state, amount, time)


@borrow
def _event(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, chain: Chain, solved: Solved, count: IntArray, top: int, item: IntArray,
    mass: FloatArray, mark: int, p: float, time: float, strategy: int,
) -> int:
    """An event happens to a share of those who enter a dwelling state; returns the new top of the stack.

    Those whose attributes change in a way that matters, and those who die, go on the stack; the rest stay in `mass`.
    """
    n_passive = kinds.utility.shape[1]
    all_passive = passive_bits(follow, n_passive - 1)
    e, state = m[H_EVENT] + mark * V_WIDTH, item[I_STATE]
    hit = chain.vector[len(chain.p) + OF_EVENT]
    set_vector(hit, mass, p)
    set_vector(mass, mass, 1.0 - p)
    changed = chain.item[len(chain.p) + AT_EVENT]
    copy_item(changed, item)
    changed[I_CLEAR] = changed[I_SET] = changed[I_MET] = changed[I_COMPETING] = changed[I_CENSORING] = 0
    change(changed, m[e + V_CLEAR], m[e + V_SET], all_passive)
    move_terms(follow, nodes, count, n_passive, hit, changed[I_CLEAR], changed[I_SET])
    recombine(follow, hit, n_passive, changed[I_CLEAR], changed[I_SET])
    meet_mark(m, follow, changed, mark)
    meet(f, nodes, solved, count, hit, n_passive, changed[I_MET], changed[I_COMPETING], 0, time)
    changed[I_MET] = changed[I_COMPETING] = changed[I_CLEAR] = changed[I_SET] = 0
    first, amount = count[N_NOTES], total(hit, n_passive)
    note_mark(m, wi, wf, v, x, kinds, count, mark, state, 1.0, changed[I_ATTRIBUTES], time, strategy)
    note_flux(
        m, f, kinds, solved, first, count[N_NOTES], amount, amount * math.exp(-f[F_RATE_COSTS] * time),
        amount * math.exp(-f[F_RATE_EFFECTS] * time),
    )
    count[N_NOTES] = first
    if follow.losing[mark] >= 0:
        loss, years = loss_of(m, wi, wf, v, x, mark, changed[I_ATTRIBUTES], time, strategy)
        lose(m, nodes, count, n_passive, hit, follow.code[mark], loss, time + years, time, m[e + V_STOPS])
    dies = 0.0
    if m[e + V_DEATH_REF] != NONE:
        dies = value_at(m, wi, wf, m[e + V_DEATH_REF], v, x, changed[I_ATTRIBUTES], time, strategy)
    if dies > 0.0:
        first = count[N_NOTES]
        note_entry(m, wi, wf, v, x, kinds, count, state, dies, changed[I_ATTRIBUTES], time, strategy)
        note_flux(
            m, f, kinds, solved, first, count[N_NOTES], amount, amount * math.exp(-f[F_RATE_COSTS] * time),
            amount * math.exp(-f[F_RATE_EFFECTS] * time),
        )
        count[N_NOTES] = first
        dead = push(chain, top, count, m[e + V_DEATH_STATE], -1, changed[I_ATTRIBUTES], changed, dies)
        if dead > top:
            set_vector(chain.vector[top], hit, dies)
        top = dead
    if dies < 1.0:
        before, after = item[I_ATTRIBUTES], changed[I_ATTRIBUTES]
        same = live_of(follow, state, after) == live_of(follow, state, before)
        if same and (after ^ before) & follow.entry_bits[state] == 0:
            for c in range(len(mass)):
                mass[c] += hit[c] * (1.0 - dies)
        else:
            more = push(chain, top, count, state, item[I_EVENT], changed[I_ATTRIBUTES], changed, 1.0 - dies)
            if more > top:
                set_vector(chain.vector[top], hit, 1.0 - dies)
            top = more
    return top


@borrow
def take(nodes: Nodes, d: int, p: float, i: int) -> None:
    """Take a share `p` of a node's mass, and put it aside in place `i`."""
    mass = nodes.mass[d]
    for c in range(len(mass)):
        nodes.term[i * len(mass) + c] = mass[c] * p
        mass[c] *= 1.0 - p


@paste
def jump(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, d: int, j: int, i: int,
    time: float, strategy: int,
) -> None:
    """Mass of a node makes move `j` at `time`: what `take` has put aside in place `i`."""
    n_passive, kind = kinds.utility.shape[1], nodes.row[d, D_KIND]
    moved = chain.vector[len(chain.p) + OF_MOVE]
    for c in range(len(moved)):
        moved[c] = nodes.term[i * len(moved) + c]
    if m[kinds.move[j, M_ROW] + T_SILENT] == 0:
        leave(nodes, count, n_passive, moved, time)
    amount = total(moved, n_passive)
    if amount == 0.0:
        return
    clock = chain.clock[len(chain.p) + OF_SOURCE]
    set_vector(clock, nodes.clock[d], 1.0)
    move = kinds.move[j]
    outs, notes = (move[M_FIRST_OUT], move[M_LAST_OUT]), (move[M_FIRST_NOTE], move[M_LAST_NOTE])
    find_outcomes(m, wi, wf, v, x, follow, kinds, count, chain, kind, j, clock, time, True, strategy)
    first, first_note = kinds.move[j, M_FIRST_OUT], kinds.move[j, M_FIRST_NOTE]
    spread(
        m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, moved, first, first_note, clock,
        kinds.row[kind, K_ATTRIBUTES], kinds.row[kind, K_ENTRY], nodes.real[d, DR_ENTERED], kinds.move[j, M_ROW],
        kinds.move[j, M_HOW] == BY_DELAY, time, strategy,
    )
    move[M_FIRST_OUT], move[M_LAST_OUT] = outs
    move[M_FIRST_NOTE], move[M_LAST_NOTE] = notes


@borrow
def spread(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, moved: FloatArray,
    first: int, first_note: int, clock: FloatArray, attributes: int, entry: int, entered: float, row: int,
    stays_in_sheet: bool, time: float, strategy: int,
) -> None:
    """Spread mass that moves at `time` over the outcomes at the tables' ends, which are then forgotten.

    Parameters
    ----------
    first, first_note : int
        First of the outcomes and notes.
    attributes, entry : int
        Of the stay that ends; `entered`, when it began; `row`, the transition that ends it.
    stays_in_sheet : bool
        Whether all of the node moves at this time, so that the sheet goes on without a box.
    """
    n_passive = kinds.utility.shape[1]
    amount = total(moved, n_passive)
    note_flux(
        m, f, kinds, solved, first_note, count[N_NOTES], amount, amount * math.exp(-f[F_RATE_COSTS] * time),
        amount * math.exp(-f[F_RATE_EFFECTS] * time),
    )
    vector = chain.vector[len(chain.p) + OF_OUTCOME]
    for i in range(first, count[N_OUTS]):
        out = kinds.out[i]
        set_vector(vector, moved, kinds.out_p[i])
        meet(f, nodes, solved, count, vector, n_passive, out[O_EVENT], out[O_COMPETING], out[O_CENSORING], time)
        move_terms(follow, nodes, count, n_passive, vector, out[O_CLEAR], out[O_SET])
        recombine(follow, vector, n_passive, out[O_CLEAR], out[O_SET])
        if out[O_STAYS] != 0:
            lose_by_marks(
                m, wi, wf, v, x, follow, nodes, count, n_passive, vector, out[O_LOSSES], out[O_ALL], clock, time,
                strategy,
            )
            settle(
                m, f, wi, wf, v, x, follow, kinds, nodes, count, out[O_STATE], out[O_ATTRIBUTES], out[O_CURES], entry,
                vector, clock, entered, time, row, strategy,
            )
        else:
            land(
                m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, out, vector, clock,
                stays_in_sheet, time, strategy,
            )
    count[N_OUTS], count[N_NOTES] = first, first_note


@paste
def land(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, out: IntArray,
    vector: FloatArray, clock: FloatArray, stays_in_sheet: bool, time: float, strategy: int,
) -> None:
    """Mass reaches the end of a chain at `time`: absorbed, a node of this sheet, or a box."""
    state, n_passive = out[O_STATE], kinds.utility.shape[1]
    if m[m[H_STATE] + state * S_WIDTH + S_KIND] == ABSORBING:
        end(f, solved, state, total(vector, n_passive), time)
        return
    after = chain.clock[len(chain.p) + OF_TARGET]
    set_vector(after, clock, 1.0)
    started = starting(m, clock, out[O_STARTED])
    for c in range(len(after)):
        if (started >> c) & 1:
            after[c] = time
    restarts = started & follow.live_clocks[state]
    if stays_in_sheet or (follow.boxed[state] == 0 and restarts == 0):
        lose_by_marks(
            m, wi, wf, v, x, follow, nodes, count, n_passive, vector, out[O_LOSSES], out[O_ALL], after, time, strategy
        )
        arrive(
            m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, out, vector, after, time, strategy
        )
    else:
        b = box_of(follow, boxes, count, state, out[O_ATTRIBUTES], out[O_CURES])
        if b >= 0:
            n = take_terms(follow, nodes, boxes, count, n_passive, vector, 0, 0, False, time)
            n = add_marks(
                m, wi, wf, v, x, follow, boxes, count, n_passive, vector, n, out[O_LOSSES], out[O_ALL], after, time,
                strategy,
            )
            put_in_box(follow, kinds, nodes, boxes, count, b, vector, n, time, after, total(vector, n_passive))


@borrow
def box_of(follow: Follow, boxes: Boxes, count: IntArray, state: int, attributes: int, cures: int) -> int:
    """Box of a kind of entry, made if it is new."""
    size = len(boxes.hash)
    i = ((state * 1000003) ^ (attributes * 10007) ^ (cures * 7919)) % size
    while boxes.hash[i] >= 0:
        row = boxes.row[boxes.hash[i]]
        if row[0] == state and row[1] == attributes and row[2] == cures:
            return boxes.hash[i]
        i = (i + 1) % size
    b = count[N_BOXES]
    if b >= len(boxes.row):
        count[FAILED], count[FAILED_STATE] = BOXES_FULL, state
        return -1
    count[N_BOXES] += 1
    boxes.hash[i] = b
    boxes.row[b, 0], boxes.row[b, 1], boxes.row[b, 2] = state, attributes, cures
    boxes.mass[b], boxes.time[b], boxes.clock[b], boxes.clock_mass[b] = 0.0, 0.0, 0.0, 0.0
    boxes.first[b] = -1
    return b


@borrow
def put_in_box(
    follow: Follow, kinds: Kinds, nodes: Nodes, boxes: Boxes, count: IntArray, b: int, vector: FloatArray,
    n_terms: int, time: float, clock: FloatArray, amount: float,
) -> None:
    """Add a vector that enters at `time`, with the terms of losses in hand; if its interval is done, to the next."""
    k = bin_of(follow, time)
    done = boxes.done[boxes.row[b, 0]]
    if k <= done:
        k = min(done + 1, len(follow.bins) - 2)
    mass, n_passive = boxes.mass[b, k], kinds.utility.shape[1]
    for c in range(n_passive):
        mass[c] += vector[c]
    for i in range(count[N_WATCHED]):
        mass[n_passive + nodes.watch[i]] += vector[n_passive + i]
    hold_terms(follow, boxes, count, b, k, n_terms)
    boxes.time[b, k] += amount * time
    for c in range(len(clock)):
        if not math.isnan(clock[c]):
            boxes.clock[b, k, 0, c] += amount * clock[c]
            boxes.clock[b, k, 1, c] += amount * clock[c] * clock[c]
            boxes.clock_mass[b, k, c] += amount
