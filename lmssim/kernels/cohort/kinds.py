"""Kinds: what can happen in a state to patients with given attributes, and where each chain of chance states ends."""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.memory import (
    AT_BRANCH, AT_HAPPEN, AT_ITEM, AT_START, AT_VISITS, BRANCHES_WRONG, BY_DELAY, BY_HAZARD, CHAINS_FULL, FAILED,
    FAILED_STATE, K_ATTRIBUTES, K_CURES, K_ENTRY, K_FIRST_MOVE, K_LAST_MOVE, K_STATE, K_STORE, KINDS_FULL, LOSS_TWICE,
    M_FAMILY, M_FIRST_NOTE, M_FIRST_OUT, M_HOW, M_LAST_NOTE, M_LAST_OUT, M_ROW, M_TIMED, MR_A, MR_B, MR_C, MR_RATIO,
    MR_STRETCH, N_KINDS, N_MOVES, N_NOTES, N_OUTS, N_STORED, NOTE_COST, NOTE_ENTRY, NOTE_MARK, NOTE_QALY, O_ALL,
    O_ATTRIBUTES, O_CENSORING, O_CLEAR, O_COMPETING, O_CURES, O_EVENT, O_LOSSES, O_SET, O_STARTED, O_STATE, O_STAYS,
    Q_INDEX, Q_STATE, Q_WHAT, SPARE, TOO_DEEP, Z_BITS, Z_CARE, Z_MAY_CLEAR, Z_MAY_SET, Z_WANT, Chain, Follow, Kinds,
)
from lmssim.kernels.families import FIXED, VISIT
from lmssim.kernels.jit import borrow
from lmssim.kernels.layout import (
    ABSORBING, B_CLEAR, B_SET, B_TO, B_WIDTH, C_FIRST_COST, C_LAST_COST, C_WIDTH, CHANCE, D_FIRST_COST, D_LAST_COST,
    D_WIDTH, DWELLING, H_CLOCK_FIRST, H_EVENT, H_N_CLOCKS, H_STATE, H_TERMINAL, H_W_CLOCK_COUNT, H_WF_CLOCK,
    H_WF_WEIGHT, NONE, S_CENSORING_OF, S_CLEAR, S_COMPETING_OF, S_ENTRY_QALY, S_EVENT_OF, S_FIRST_BRANCH, S_FIRST_CLOCK,
    S_FIRST_ENTRY, S_FIRST_EVENT, S_FIRST_RATE, S_FIRST_SCHEDULE, S_FIRST_TRANSITION, S_KIND, S_LAST_BRANCH,
    S_LAST_CLOCK, S_LAST_ENTRY, S_LAST_EVENT, S_LAST_RATE, S_LAST_SCHEDULE, S_LAST_TRANSITION, S_SET, S_TERMINAL,
    S_UTILITY, S_WIDTH, T_CARE, T_CLEAR, T_CURE, T_CURE_REDRAW, T_EVENT, T_FAMILY, T_FIRST_COST, T_FRESH, T_FIRST_COUNT,
    T_LAST_COST, T_LAST_COUNT, T_QALYS, T_MARK, T_REF_A, T_RISK, T_RULE, T_SET, T_SILENT, T_TIMED, T_TO, T_WANT,
    T_WIDTH, V_CLEAR, V_COMPETING_OF, V_DEATH_REF, V_DEATH_STATE, V_EVENT_OF, V_FIRST_COST, V_LAST_COST, V_SET,
    V_STACKS, V_WIDTH,
)
from lmssim.kernels.ledger import is_among
from lmssim.kernels.machine import holds, value_at
from lmssim.kernels.race import rate_of_use, visit_probability
from lmssim.kernels.walk import event_probability, weigh_branches
# isort: on

MAX_DEPTH = 256
(
    I_STATE, I_EVENT, I_ATTRIBUTES, I_CURES, I_CLEAR, I_SET, I_MET, I_COMPETING, I_CENSORING, I_STARTED, I_STAYS,
    I_LOSSES,
) = range(12)
I_WIDTH = 12


@borrow
def set_clocks(m: IntArray, wi: IntArray, wf: FloatArray, clock: FloatArray, started: int, now: float) -> None:
    """Tell the stack machine the clocks' origins; NaN has not started, those in `started` have done so now."""
    started = starting(m, clock, started)
    for c in range(m[H_N_CLOCKS]):
        origin = now if (started >> c) & 1 else clock[c]
        wi[m[H_W_CLOCK_COUNT] + c] = 0 if math.isnan(origin) else 1
        wf[m[H_WF_CLOCK] + c] = origin


@borrow
def starting(m: IntArray, clock: FloatArray, started: int) -> int:
    """Clocks of `started` that do start for whoever has these: one that keeps its first start is not started again."""
    for c in range(m[H_N_CLOCKS]):
        if m[m[H_CLOCK_FIRST] + c] != 0 and not math.isnan(clock[c]):
            started &= ~(1 << c)
    return started


@borrow
def passive_bits(follow: Follow, column: int) -> int:
    """Attributes of a combination of passive ones."""
    bits = 0
    for k in range(len(follow.passive)):
        if (column >> k) & 1:
            bits |= follow.passive[k]
    return bits


@borrow
def passive_column(follow: Follow, column: int, clear: int, mark: int) -> int:
    """Combination of passive attributes after some are cleared and some are set."""
    for k in range(len(follow.passive)):
        if clear & follow.passive[k]:
            column &= ~(1 << k)
        if mark & follow.passive[k]:
            column |= 1 << k
    return column


@borrow
def live_of(follow: Follow, state: int, attributes: int) -> int:
    """Attributes that anything later may still read, after entry into a state with all of `attributes`.

    What stands behind a guard that fails, and that nothing on the way can make hold, is not read.
    """
    kept = follow.live_bits[state]
    for g in range(follow.first_guard[state], follow.first_guard[state + 1]):
        guard = follow.guards[g]
        wrong = (attributes ^ guard[Z_WANT]) & guard[Z_CARE]
        lost = (wrong & guard[Z_WANT] & ~guard[Z_MAY_SET]) | (wrong & ~guard[Z_WANT] & ~guard[Z_MAY_CLEAR])
        if lost == 0:
            kept |= guard[Z_BITS]
    return attributes & kept


@borrow
def slot_of(kinds: Kinds, state: int, attributes: int, cures: int, entry: int) -> int:
    """Place in the hash table of a kind, or of where it belongs."""
    size = len(kinds.hash)
    h = (state * 1000003) ^ (attributes * 10007) ^ (cures * 7919) ^ (entry * 104729)
    h ^= h >> 17
    i = (h * 2654435761) % size
    while kinds.hash[i] >= 0:
        row = kinds.row[kinds.hash[i]]
        if row[K_STATE] == state and row[K_ATTRIBUTES] == attributes and row[K_CURES] == cures:
            if row[K_ENTRY] == entry:
                return i
        i = (i + 1) % size
    return i


@borrow
def undecided_cure(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, state: int,
    attributes: int, cures: int, time: float, strategy: int,
) -> tuple[int, float]:
    """First mixture cure that the coming race asks for and that has not been decided, and its probability; else -1."""
    s = m[H_STATE] + state * S_WIDTH
    for t in range(m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION], T_WIDTH):
        if m[t + T_CURE] == NONE or (attributes & m[t + T_CARE]) != m[t + T_WANT]:
            continue
        k = follow.cure_of_risk[m[t + T_RISK]]
        if (cures >> (2 * k)) & 1 == 0 and holds(m, wi, wf, m[t + T_RULE], v, x, attributes, time, strategy):
            return k, value_at(m, wi, wf, m[t + T_CURE], v, x, attributes, time, strategy)
    return -1, 0.0


@borrow
def live_cures(m: IntArray, follow: Follow, state: int, cures: int) -> int:
    """Decisions about cure that are still asked for; those taken at each entry are open again."""
    kept = 0
    for k in range(20):
        if (follow.live_cures[state] >> k) & 1:
            kept |= cures & (3 << (2 * k))
    s = m[H_STATE] + state * S_WIDTH
    for t in range(m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION], T_WIDTH):
        if m[t + T_CURE] != NONE and m[t + T_CURE_REDRAW] != 0 and m[t + T_FRESH] != 0:
            kept &= ~(3 << (2 * follow.cure_of_risk[m[t + T_RISK]]))
    return kept


@borrow
def kind_of(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    count: IntArray, state: int, attributes: int, cures: int, entry: int, clock: FloatArray, time: float,
    strategy: int,
) -> int:
    """Number of a kind, made if it is new; if values at entry depend on time, it is always new. Negative if full.

    Parameters
    ----------
    entry : int
        Attributes on entry, of those that rewards read and that may change within the stay.
    """
    i = slot_of(kinds, state, attributes, cures, entry)
    if kinds.hash[i] >= 0 and follow.timed[state] == 0:
        return kinds.hash[i]
    number = count[N_KINDS]
    s = m[H_STATE] + state * S_WIDTH
    n_moves = (m[s + S_LAST_TRANSITION] - m[s + S_FIRST_TRANSITION]) // T_WIDTH
    if number + 1 >= len(kinds.row) or count[N_MOVES] + n_moves >= len(kinds.move) or 2 * number >= len(kinds.hash):
        count[FAILED], count[FAILED_STATE] = KINDS_FULL, state
        return -1
    count[N_KINDS] += 1
    if kinds.hash[i] < 0:
        kinds.hash[i] = number
    row = kinds.row[number]
    row[K_STATE], row[K_ATTRIBUTES], row[K_CURES], row[K_ENTRY], row[K_STORE] = state, attributes, cures, entry, -1
    for c in range(len(clock)):
        kinds.clock[number, c] = clock[c]
    set_clocks(m, wi, wf, clock, 0, time)
    row[K_FIRST_MOVE] = count[N_MOVES]
    for t in range(m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION], T_WIDTH):
        if (attributes & m[t + T_CARE]) == m[t + T_WANT]:
            if holds(m, wi, wf, m[t + T_RULE], v, x, attributes, time, strategy):
                _add_move(m, wi, wf, v, x, follow, kinds, count, t, attributes, cures, time, strategy)
    row[K_LAST_MOVE] = count[N_MOVES]
    _worth(m, wi, wf, v, x, follow, kinds, number, s, (attributes & ~follow.entry_bits[state]) | entry, time, strategy)
    if _has_excluded(m, follow, s) and count[N_STORED] < kinds.n_stored[0]:
        row[K_STORE] = count[N_STORED]
        count[N_STORED] += 1
    return number


@borrow
def _has_excluded(m: IntArray, follow: Follow, s: int) -> bool:
    """Whether a state has running costs or ticks of a category that terminal care replaces."""
    for k in range(m[s + S_FIRST_RATE], m[s + S_LAST_RATE], 2):
        if is_among(m, follow.excludes[0], m[k]):
            return True
    for q in range(m[s + S_FIRST_SCHEDULE], m[s + S_LAST_SCHEDULE], C_WIDTH):
        for k in range(m[q + C_FIRST_COST], m[q + C_LAST_COST], 2):
            if is_among(m, follow.excludes[0], m[k]):
                return True
    return False


@borrow
def _add_move(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    count: IntArray, t: int, attributes: int, cures: int, time: float, strategy: int,
) -> None:
    """A transition that may happen to the kind, with its numbers."""
    if m[t + T_CURE] != NONE and (cures >> (2 * follow.cure_of_risk[m[t + T_RISK]] + 1)) & 1:
        return
    j = count[N_MOVES]
    move, real = kinds.move[j], kinds.move_real[j]
    family = m[t + T_FAMILY]
    move[M_ROW], move[M_FAMILY], move[M_FIRST_OUT], move[M_TIMED] = t, family, -1, m[t + T_TIMED]
    real[MR_RATIO] = real[MR_STRETCH] = 1.0
    if family == VISIT:
        p = visit_probability(m, wi, wf, t, v, x, attributes, time, strategy)
        move[M_HOW], real[MR_A] = AT_VISITS, p
    elif family == FIXED:
        move[M_HOW] = BY_DELAY
        real[MR_A] = value_at(m, wi, wf, m[t + T_REF_A], v, x, attributes, time, strategy)
    else:
        move[M_HOW] = BY_HAZARD
        ratio, stretch, a, b, c = rate_of_use(m, wi, wf, t, v, x, attributes, time, strategy)
        real[MR_RATIO], real[MR_STRETCH], real[MR_A], real[MR_B], real[MR_C] = ratio, stretch, a, b, c
    count[N_MOVES] += 1


@borrow
def _worth(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    number: int, s: int, attributes: int, time: float, strategy: int,
) -> None:
    """Utility and costs per year of the kind, for each combination of passive attributes."""
    kinds.rate[number] = 0.0
    for column in range(kinds.utility.shape[1]):
        bits = attributes | passive_bits(follow, column)
        kinds.utility[number, column] = 0.0
        if m[s + S_UTILITY] != NONE:
            kinds.utility[number, column] = value_at(m, wi, wf, m[s + S_UTILITY], v, x, bits, time, strategy)
        for k in range(m[s + S_FIRST_RATE], m[s + S_LAST_RATE], 2):
            kinds.rate[number, m[k], column] += value_at(m, wi, wf, m[k + 1], v, x, bits, time, strategy)


# === Chains ===


@borrow
def note(kinds: Kinds, count: IntArray, what: int, index: int, state: int, size: float) -> None:
    """Write down what falls on the way."""
    if count[N_NOTES] >= len(kinds.note):
        count[FAILED] = CHAINS_FULL
    elif size != 0.0:
        row = kinds.note[count[N_NOTES]]
        row[Q_WHAT], row[Q_INDEX], row[Q_STATE] = what, index, state
        kinds.note_size[count[N_NOTES]] = size
        count[N_NOTES] += 1


@borrow
def note_costs(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, count: IntArray, first: int,
    last: int, state: int, p: float, attributes: int, time: float, strategy: int,
) -> None:
    """Write down a list of lump sums, each times a probability."""
    for k in range(first, last, 2):
        cost = value_at(m, wi, wf, m[k + 1], v, x, attributes, time, strategy)
        note(kinds, count, NOTE_COST, m[k], state, p * cost)


@borrow
def note_entry(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, count: IntArray, state: int,
    p: float, attributes: int, time: float, strategy: int,
) -> None:
    """Write down what is paid and gained at entry into a state."""
    s = m[H_STATE] + state * S_WIDTH
    note_costs(
        m, wi, wf, v, x, kinds, count, m[s + S_FIRST_ENTRY], m[s + S_LAST_ENTRY], state, p, attributes, time, strategy
    )
    if m[s + S_ENTRY_QALY] != NONE:
        qaly = value_at(m, wi, wf, m[s + S_ENTRY_QALY], v, x, attributes, time, strategy)
        note(kinds, count, NOTE_QALY, 0, state, p * qaly)


@borrow
def note_mark(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, count: IntArray, mark: int,
    state: int, p: float, attributes: int, time: float, strategy: int,
) -> None:
    """Write down a mark: that it happens, and what it costs."""
    e = m[H_EVENT] + mark * V_WIDTH
    note(kinds, count, NOTE_MARK, mark, state, p)
    note_costs(
        m, wi, wf, v, x, kinds, count, m[e + V_FIRST_COST], m[e + V_LAST_COST], state, p, attributes, time, strategy
    )


@borrow
def note_terminal(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, count: IntArray, state: int,
    p: float, attributes: int, time: float, strategy: int,
) -> None:
    """Write down terminal care at death."""
    terminal = m[m[H_STATE] + state * S_WIDTH + S_TERMINAL]
    if terminal >= 0:
        d = m[H_TERMINAL] + terminal * D_WIDTH
        note_costs(
            m, wi, wf, v, x, kinds, count, m[d + D_FIRST_COST], m[d + D_LAST_COST], state, p, attributes, time,
            strategy,
        )


@borrow
def push(
    chain: Chain, top: int, count: IntArray, state: int, event: int, attributes: int, source: IntArray, p: float
) -> int:
    """Put an arrival on the stack, with what `source` has met so far; returns the new top."""
    if top >= len(chain.p) - SPARE:
        count[FAILED], count[FAILED_STATE] = TOO_DEEP, state
        return top
    item = chain.item[top]
    for k in range(I_WIDTH):
        item[k] = source[k]
    item[I_STATE], item[I_EVENT], item[I_ATTRIBUTES] = state, event, attributes
    chain.p[top] = p
    return top + 1


@borrow
def copy_item(target: IntArray, source: IntArray) -> None:
    """Copy an item."""
    for k in range(I_WIDTH):
        target[k] = source[k]


@borrow
def find_outcomes(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    count: IntArray, chain: Chain, kind: int, j: int, clock: FloatArray, time: float, exact: bool, strategy: int,
) -> None:
    """Where move `j` of a kind leads, through its chain of chance states: outcomes and notes, at the tables' ends.

    Parameters
    ----------
    exact : bool
        Whether the move happens at `time`; else at any time, and the chain ends where something depends on it.
    """
    move, t = kinds.move[j], kinds.move[j, M_ROW]
    source = kinds.row[kind]
    move[M_FIRST_OUT], move[M_FIRST_NOTE] = count[N_OUTS], count[N_NOTES]
    all_passive = passive_bits(follow, (1 << len(follow.passive)) - 1)
    state, attributes = source[K_STATE], source[K_ATTRIBUTES]
    before = (attributes & ~follow.entry_bits[state]) | source[K_ENTRY]
    set_clocks(m, wi, wf, clock, 0, time)
    start = chain.item[len(chain.p) + AT_START]
    start[:] = 0
    clear, mark = m[t + T_CLEAR], m[t + T_SET]
    cures, risk = source[K_CURES], m[t + T_RISK]
    if m[t + T_CURE] != NONE and m[t + T_CURE_REDRAW] != 0:
        cures &= ~(3 << (2 * follow.cure_of_risk[risk]))
    p_death, event = 0.0, m[t + T_EVENT]
    if event >= 0:
        e = m[H_EVENT] + event * V_WIDTH
        clear, mark = clear | m[e + V_CLEAR], (mark & ~m[e + V_CLEAR]) | m[e + V_SET]
    attributes = (attributes & ~clear) | mark
    start[I_CURES], start[I_CLEAR], start[I_SET] = cures, clear & all_passive, mark & all_passive
    if m[t + T_MARK] >= 0:
        note_mark(m, wi, wf, v, x, kinds, count, m[t + T_MARK], state, 1.0, before, time, strategy)
        meet_mark(m, follow, start, m[t + T_MARK])
        lose_mark(m, follow, count, start, m[t + T_MARK])
    if event >= 0:
        e = m[H_EVENT] + event * V_WIDTH
        if m[e + V_DEATH_REF] != NONE:
            p_death = value_at(m, wi, wf, m[e + V_DEATH_REF], v, x, attributes, time, strategy)
    top = 0
    if p_death > 0.0:
        fatal = m[m[H_EVENT] + event * V_WIDTH + V_DEATH_STATE]
        top = push(chain, top, count, fatal, -1, attributes, start, p_death)
    if m[t + T_SILENT] == 0:
        note_costs(
            m, wi, wf, v, x, kinds, count, m[t + T_FIRST_COST], m[t + T_LAST_COST], state, 1.0 - p_death, before, time,
            strategy,
        )
        note_costs(
            m, wi, wf, v, x, kinds, count, m[t + T_FIRST_COUNT], m[t + T_LAST_COUNT], state, 1.0 - p_death, before,
            time, strategy,
        )
        if m[t + T_QALYS] != NONE:
            qaly = value_at(m, wi, wf, m[t + T_QALYS], v, x, before, time, strategy)
            note(kinds, count, NOTE_QALY, 0, state, (1.0 - p_death) * qaly)
        top = push(chain, top, count, m[t + T_TO], -1, attributes, start, 1.0 - p_death)
    elif p_death < 1.0:
        start[I_STAYS] = 1
        start[I_ATTRIBUTES], start[I_STATE] = attributes, state
        _add_outcome(follow, kinds, count, start, 1.0 - p_death)
        start[I_STAYS] = 0
    follow_chain(m, wi, wf, v, x, follow, kinds, count, chain, top, clock, time, exact, strategy)
    move[M_LAST_OUT], move[M_LAST_NOTE] = count[N_OUTS], count[N_NOTES]


@borrow
def follow_chain(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    count: IntArray, chain: Chain, top: int, clock: FloatArray, time: float, exact: bool, strategy: int,
) -> None:
    """Follow the arrivals on the stack to their ends: outcomes and notes, at the tables' ends."""
    while top > 0 and count[FAILED] == 0:
        top -= 1
        top = _follow_arrival(m, wi, wf, v, x, follow, kinds, count, chain, top, clock, time, exact, strategy)


@borrow
def meet_mark(m: IntArray, follow: Follow, item: IntArray, mark: int) -> None:
    """The item meets a mark: endpoints that it ends, and the mark's own watcher."""
    e = m[H_EVENT] + mark * V_WIDTH
    item[I_MET] |= m[e + V_EVENT_OF]
    item[I_COMPETING] |= m[e + V_COMPETING_OF]
    if follow.watcher[mark] >= 0:
        item[I_MET] |= 1 << follow.watcher[mark]


@borrow
def lose_mark(m: IntArray, follow: Follow, count: IntArray, item: IntArray, mark: int) -> None:
    """The item loses utility by a mark, if that takes any away; twice in an instant only once unless it stacks."""
    if follow.losing[mark] >= 0:
        bit = 1 << follow.losing[mark]
        if item[I_LOSSES] & bit and m[m[H_EVENT] + mark * V_WIDTH + V_STACKS] != 0:
            count[FAILED], count[FAILED_STATE] = LOSS_TWICE, mark
        item[I_LOSSES] |= bit


@borrow
def _add_outcome(follow: Follow, kinds: Kinds, count: IntArray, item: IntArray, p: float) -> None:
    """Write down where an item has arrived."""
    if count[N_OUTS] >= len(kinds.out):
        count[FAILED] = CHAINS_FULL
        return
    out = kinds.out[count[N_OUTS]]
    state = item[I_STATE]
    out[O_STATE], out[O_ATTRIBUTES] = state, live_of(follow, state, item[I_ATTRIBUTES])
    out[O_CURES], out[O_CLEAR], out[O_SET] = item[I_CURES], item[I_CLEAR], item[I_SET]
    out[O_EVENT], out[O_COMPETING], out[O_CENSORING] = item[I_MET], item[I_COMPETING], item[I_CENSORING]
    out[O_STARTED], out[O_STAYS] = item[I_STARTED], item[I_STAYS]
    out[O_LOSSES], out[O_ALL] = item[I_LOSSES], item[I_ATTRIBUTES]
    kinds.out_p[count[N_OUTS]] = p
    count[N_OUTS] += 1


@borrow
def change(item: IntArray, clear: int, mark: int, all_passive: int) -> None:
    """Clear and set attributes of an item."""
    item[I_ATTRIBUTES] = (item[I_ATTRIBUTES] & ~clear) | mark
    item[I_CLEAR] = (item[I_CLEAR] & ~(mark & all_passive)) | (clear & all_passive)
    item[I_SET] = (item[I_SET] & ~(clear & all_passive)) | (mark & all_passive)


@borrow
def enter(m: IntArray, item: IntArray, clock: FloatArray, all_passive: int) -> None:
    """What entry into a state does to an item: attributes, endpoints met, clocks started."""
    s = m[H_STATE] + item[I_STATE] * S_WIDTH
    change(item, m[s + S_CLEAR], m[s + S_SET], all_passive)
    item[I_MET] |= m[s + S_EVENT_OF]
    item[I_COMPETING] |= m[s + S_COMPETING_OF]
    item[I_CENSORING] |= m[s + S_CENSORING_OF]
    for k in range(m[s + S_FIRST_CLOCK], m[s + S_LAST_CLOCK]):
        c = m[k]
        item[I_STARTED] |= 1 << c


@borrow
def _follow_arrival(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    count: IntArray, chain: Chain, top: int, clock: FloatArray, time: float, exact: bool, strategy: int,
) -> int:
    """Take the arrival at `top` one state further; returns the new top of the stack."""
    item, p = chain.item[len(chain.p) + AT_ITEM], chain.p[top]
    copy_item(item, chain.item[top])
    state = item[I_STATE]
    s = m[H_STATE] + state * S_WIDTH
    if not exact and follow.boxed[state] != 0 and m[s + S_KIND] != DWELLING:
        _add_outcome(follow, kinds, count, item, p)
        return top
    all_passive = passive_bits(follow, (1 << len(follow.passive)) - 1)
    if item[I_EVENT] < 0:
        enter(m, item, clock, all_passive)
        item[I_EVENT] = 0
        if m[s + S_KIND] != CHANCE or follow.recorded[state] != 0:
            note(kinds, count, NOTE_ENTRY, 0, state, p)
    set_clocks(m, wi, wf, clock, item[I_STARTED], time)
    attributes = item[I_ATTRIBUTES]
    if m[s + S_KIND] == ABSORBING:
        note_entry(m, wi, wf, v, x, kinds, count, state, p, attributes, time, strategy)
        note_terminal(m, wi, wf, v, x, kinds, count, state, p, attributes, time, strategy)
        _add_outcome(follow, kinds, count, item, p)
        return top
    if m[s + S_KIND] == DWELLING:
        if follow.boxed[state] == 0:
            note_entry(m, wi, wf, v, x, kinds, count, state, p, attributes, time, strategy)
        _add_outcome(follow, kinds, count, item, p)
        return top
    first, n_events = m[s + S_FIRST_EVENT], m[s + S_LAST_EVENT] - m[s + S_FIRST_EVENT]
    while item[I_EVENT] < n_events and p > 0.0:
        mark = m[first + item[I_EVENT]]
        e = m[H_EVENT] + mark * V_WIDTH
        item[I_EVENT] += 1
        happens = event_probability(m, wi, wf, e, v, x, item[I_ATTRIBUTES], time, strategy)
        if happens <= 0.0:
            continue
        top = _happen(m, wi, wf, v, x, follow, kinds, count, chain, top, item, mark, p * happens, time, strategy)
        p *= 1.0 - happens
    if p > 0.0:
        top = _branch(m, wi, wf, v, x, follow, kinds, count, chain, top, item, p, time, strategy)
    return top


@borrow
def _happen(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    count: IntArray, chain: Chain, top: int, before: IntArray, mark: int, p: float, time: float, strategy: int,
) -> int:
    """An event happens to an item in a chance state: it may die of it; the rest goes on with the state's next event."""
    e = m[H_EVENT] + mark * V_WIDTH
    item = chain.item[len(chain.p) + AT_HAPPEN]
    copy_item(item, before)
    change(item, m[e + V_CLEAR], m[e + V_SET], passive_bits(follow, (1 << len(follow.passive)) - 1))
    attributes, state = item[I_ATTRIBUTES], item[I_STATE]
    note_mark(m, wi, wf, v, x, kinds, count, mark, state, p, attributes, time, strategy)
    meet_mark(m, follow, item, mark)
    lose_mark(m, follow, count, item, mark)
    dies = 0.0
    if m[e + V_DEATH_REF] != NONE:
        dies = value_at(m, wi, wf, m[e + V_DEATH_REF], v, x, attributes, time, strategy)
    if dies > 0.0:
        note_entry(m, wi, wf, v, x, kinds, count, state, p * dies, attributes, time, strategy)
        top = push(chain, top, count, m[e + V_DEATH_STATE], -1, attributes, item, p * dies)
    if dies < 1.0:
        top = push(chain, top, count, state, item[I_EVENT], attributes, item, p * (1.0 - dies))
    return top


@borrow
def _branch(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow, kinds: Kinds,
    count: IntArray, chain: Chain, top: int, item: IntArray, p: float, time: float, strategy: int,
) -> int:
    """Split an item over the branches of its chance state."""
    state, attributes = item[I_STATE], item[I_ATTRIBUTES]
    s = m[H_STATE] + state * S_WIDTH
    note_entry(m, wi, wf, v, x, kinds, count, state, p, attributes, time, strategy)
    total = weigh_branches(m, wi, wf, s, v, x, attributes, time, strategy)
    if total < 0.0:
        count[FAILED], count[FAILED_STATE] = BRANCHES_WRONG, state
        return top
    all_passive = passive_bits(follow, (1 << len(follow.passive)) - 1)
    weight = m[H_WF_WEIGHT]
    for b in range(m[s + S_FIRST_BRANCH], m[s + S_LAST_BRANCH], B_WIDTH):
        if wf[weight] > 0.0:
            branch = chain.item[len(chain.p) + AT_BRANCH]
            copy_item(branch, item)
            change(branch, m[b + B_CLEAR], m[b + B_SET], all_passive)
            top = push(chain, top, count, m[b + B_TO], -1, branch[I_ATTRIBUTES], branch, p * wf[weight] / total)
        weight += 1
    return top
