"""A sheet: nodes followed through time, by the exponential of their generator between the times of fixed events.

Within a step the hazards enter by their exact integrals; the exponential and the integrals of the masses, discounted
or not, are summed as one series. At the ends of steps fall visits, fixed delays, ticks of schedules, the edges of
limited rewards, and losses of utility that end. Every number of the model comes from the kernels that the individual
engines use.
"""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.kinds import (
    I_ATTRIBUTES, I_CENSORING, I_CLEAR, I_COMPETING, I_CURES, I_EVENT, I_MET, I_SET, I_STATE, _meet_mark, change,
    enter, find_outcomes, kind_of, live_cures, note_entry, note_mark, passive_bits, passive_column, push, set_clocks,
    copy_item, undecided_cure,
)  # fmt: skip
from lmssim.kernels.cohort.memory import (
    A_COST, A_EFFECT, A_NORM, A_NORM_EFFECT, A_YEARS, AT_ARRIVE, AT_EVENT, AT_START, AT_VISITS, BOXES_FULL, BY_DELAY,
    BY_HAZARD, CLOCK_UNREAD, D_ALIVE, D_BUILT, D_FIRST_LINK, D_KIND, D_LAST_LINK, D_MOVE, DR_END, DR_ENTERED, FAILED,
    FAILED_STATE, G_LINK, G_OUT, G_PLAIN, G_SOURCE, G_TARGET, K_ATTRIBUTES, K_CURES, K_ENTRY, K_FIRST_MOVE,
    K_LAST_MOVE, K_STATE, K_STORE, L_MOVE, L_NODE, L_SPEC, LINKS_FULL, M_FAMILY, M_FIRST_NOTE, M_FIRST_OUT, M_HOW,
    M_LAST_NOTE, M_LAST_OUT, M_ROW, M_TIMED, MR_A, MR_B, MR_C, MR_RATIO, MR_STRETCH, N_BOXES, N_EDGES, N_FLOWS, N_LINKS, N_LIVE,
    N_NODES, N_NOTES, N_OUTS, N_SPECS, N_STEPS, N_TICKS, N_USED, N_VISITS, N_WATCHED, NODES_FULL, NOTE_COST,
    NOTE_ENTRY, NOTE_LOSS, NOTE_MARK, NOTE_QALY, O_ATTRIBUTES, O_CENSORING, O_CLEAR, O_COMPETING, O_CURES, O_EVENT,
    O_SET, O_STARTED, O_STATE, O_STAYS, OF_ARRIVAL, OF_EVENT, OF_MOVE, OF_NODE, OF_OUTCOME, OF_SOURCE,
    OF_TARGET, P_FINE_UNTIL, P_GROWTH, P_STEP, Q_INDEX, Q_STATE, Q_WHAT, S_A, S_B, S_BEFORE, S_C, S_ORIGIN, S_STRETCH,
    TO_BOX, TO_END, TOO_MANY, W_MARK, W_OPEN, Boxes, Chain, Follow, Kinds, Nodes, Solved,
)  # fmt: skip
from lmssim.kernels.families import EXPONENTIAL, LIFE_TABLE
from lmssim.kernels.jit import borrow
from lmssim.kernels.layout import (
    ABSORBING, C_FIRST_COST, C_LAST_COST, C_LOSS, C_PLAN, C_WIDTH, C_YEARS, F_HORIZON, F_OCCUPANCY_PER_YEAR,
    F_RATE_COSTS, F_RATE_EFFECTS, F_STEPS_PER_YEAR, H_ADDITIVE, H_AGE_COLUMN, H_EVENT, H_N_AGES, H_N_CATEGORIES,
    H_N_PLANS, H_NORM, H_NORM_COLUMN, H_PLAN_TABLE, H_STATE, H_TICK_START, H_TICK_TIME, L_FIRST_COST, L_LAST_COST,
    L_LOSS, L_WIDTH, L_YEARS, NONE, S_ALIVE, S_FIRST_EVENT, S_FIRST_LIMITED, S_FIRST_SCHEDULE, S_KIND, S_LAST_EVENT,
    S_LAST_LIMITED, S_LAST_SCHEDULE, S_UTILITY, S_WIDTH, T_PLAN, V_CLEAR, V_DEATH_REF, V_DEATH_STATE, V_LOSS, V_SET,
    V_WIDTH, V_YEARS,
)  # fmt: skip
from lmssim.kernels.machine import value_at
from lmssim.kernels.race import base_hazard, clock_origin, timed_effects
from lmssim.kernels.rewards import (
    LY, LY_UNDISCOUNTED, N_MAIN, QALY, QALY_UNDISCOUNTED, STATE_COST, STATE_COST_UNDISCOUNTED, STATE_QALY, STATE_YEARS,
    first_tick, norm_years_undiscounted, plan_start,
)  # fmt: skip
from lmssim.kernels.tally import CENSORED, COMPETING, EVENT, step_of
from lmssim.kernels.walk import event_probability

NEGLIGIBLE = 1e-9
"""Mass below which nothing is followed."""
MOST_RATE = 0.7
"""Largest expected number of events of a node in one step of the series."""
MAX_TERMS = 40
SHORTEST = 32.0
"""Share of the longest step with which a clock's first step is taken; steps at most double its reading."""
QUARTERLY = 15.0
"""Years up to which every time of the occupancy grid ends a step of the first sheet."""
SERIES_ERROR = 1e-9


# === What is written down ===


@borrow
def pay(m: IntArray, solved: Solved, state: int, category: int, plain: float, discounted: float) -> None:
    """A cost of a category, in the state in which it falls."""
    solved.outcome[N_MAIN + category] += discounted
    solved.outcome[N_MAIN + m[H_N_CATEGORIES] + category] += plain
    solved.state[state, STATE_COST] += discounted
    solved.state[state, STATE_COST_UNDISCOUNTED] += plain


@borrow
def note_flux(
    m: IntArray, f: FloatArray, kinds: Kinds, solved: Solved, first: int, last: int, plain: float, as_cost: float,
    as_effect: float,
) -> None:  # fmt: skip
    """Pay and count the notes from `first` to `last` for a mass that moves, plain and discounted."""
    for k in range(first, last):
        what, index, state = kinds.note[k, Q_WHAT], kinds.note[k, Q_INDEX], kinds.note[k, Q_STATE]
        size = kinds.note_size[k]
        if what == NOTE_COST:
            pay(m, solved, state, index, size * plain, size * as_cost)
        elif what == NOTE_QALY:
            solved.outcome[QALY] += size * as_effect
            solved.outcome[QALY_UNDISCOUNTED] += size * plain
        elif what == NOTE_ENTRY:
            solved.entries[state] += size * plain
        elif what == NOTE_MARK:
            solved.marks[index] += size * plain


@borrow
def meet(
    f: FloatArray, nodes: Nodes, solved: Solved, count: IntArray, vector: FloatArray, n_passive: int, met: int,
    competing: int, censoring: int, time: float,
) -> None:  # fmt: skip
    """Watchers of `vector` that meet their event, a competing one or censoring at `time`: noted, and gone."""
    if (met | competing | censoring) == 0:
        return
    last = solved.endpoint.shape[2] - 1
    for k in range(count[N_WATCHED]):
        w = nodes.watch[k]
        bit = 1 << w
        if (met | competing | censoring) & bit and vector[n_passive + k] != 0.0:
            how = EVENT if met & bit else (COMPETING if competing & bit else CENSORED)
            solved.endpoint[w, how, step_of(time, f[F_STEPS_PER_YEAR], last)] += vector[n_passive + k]
            vector[n_passive + k] = 0.0


@borrow
def set_vector(target: FloatArray, source: FloatArray, factor: float) -> None:
    """Copy a vector times a factor; NaN and infinite times 1 stay what they are."""
    for c in range(len(target)):
        target[c] = source[c] * factor


@borrow
def total(vector: FloatArray, n_passive: int) -> float:
    """Mass of a vector: the sum over combinations of passive attributes."""
    mass = 0.0
    for c in range(n_passive):
        mass += vector[c]
    return mass


@borrow
def recombine(follow: Follow, vector: FloatArray, n_passive: int, clear: int, mark: int) -> None:
    """Move the mass between combinations of passive attributes when some are cleared and set."""
    if clear | mark == 0:
        return
    for c in range(n_passive):
        target = passive_column(follow, c, clear, mark)
        if target != c:
            vector[target] += vector[c]
            vector[c] = 0.0


# === Nodes ===


@borrow
def node_of(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, count: IntArray, state: int, attributes: int, cures: int, entry: int, entered: float,
    clock: FloatArray, now: float, passed: int, strategy: int,
) -> int:  # fmt: skip
    """Node of a kind with the readings of its clocks, made if there is none; -1 if there is no room.

    Parameters
    ----------
    entered : float
        Time of entry into the state; read only where the state is boxed.
    passed : int
        Row of the transition that has just happened at this instant: visits up to it have passed; -1 if none.
    """
    entered = entered if follow.boxed[state] != 0 else 0.0
    if follow.timed[state] == 0:
        for i in range(count[N_LIVE]):
            d = nodes.live[i]
            kind = kinds.row[nodes.row[d, D_KIND]]
            if (
                kind[K_STATE] == state and kind[K_ATTRIBUTES] == attributes and kind[K_CURES] == cures
                and kind[K_ENTRY] == entry and nodes.real[d, DR_ENTERED] == entered
            ):  # fmt: skip
                same = True
                for c in range(len(clock)):
                    if (follow.live_clocks[state] >> c) & 1:
                        a, b = nodes.clock[d, c], clock[c]
                        same &= a == b or (math.isnan(a) and math.isnan(b))
                if same:
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
    row[D_KIND], row[D_ALIVE], row[D_MOVE] = kind_number, 1, -1
    nodes.real[d, DR_ENTERED], nodes.real[d, DR_END] = entered, math.inf
    nodes.mass[d] = 0.0
    nodes.sums[d] = 0.0
    set_clocks(m, wi, wf, kept, 0, now)
    _await(m, f, wi, wf, v, x, kinds, nodes, count, d, now, passed, strategy)
    return d


@borrow
def _await(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds,
    nodes: Nodes, count: IntArray, d: int, now: float, passed: int, strategy: int,
) -> None:  # fmt: skip
    """What a new node waits for: its fixed end, visits, ticks and edges of limited rewards."""
    kind, entered = kinds.row[nodes.row[d, D_KIND]], nodes.real[d, DR_ENTERED]
    state = kind[K_STATE]
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
    row[0], row[1], row[2], row[3] = d, j, k, last
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


# === Arrivals at a fixed time ===


@borrow
def arrive(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, out: IntArray,
    vector: FloatArray, clock: FloatArray, time: float, strategy: int,
) -> None:  # fmt: skip
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
            )  # fmt: skip
        note_from = count[N_NOTES]
        if follow.boxed[state] != 0:
            note_entry(m, wi, wf, v, x, kinds, count, state, 1.0, item[I_ATTRIBUTES], time, strategy)
        amount = total(mass, n_passive)
        note_flux(
            m, f, kinds, solved, note_from, count[N_NOTES], amount, amount * discount_cost, amount * discount_effect
        )
        count[N_NOTES] = note_from
        settle(
            m, f, wi, wf, v, x, follow, kinds, nodes, count, state, item[I_ATTRIBUTES] & follow.live_bits[state],
            live_cures(m, follow, state, item[I_CURES]), item[I_ATTRIBUTES] & follow.entry_bits[state], mass, clock,
            time, time, -1, strategy,
        )  # fmt: skip


@borrow
def settle(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, count: IntArray, state: int, attributes: int, cures: int, entry: int,
    vector: FloatArray, clock: FloatArray, entered: float, now: float, passed: int, strategy: int,
) -> None:  # fmt: skip
    """Add mass to its node, split by the mixture cures that the race asks for."""
    path, n_taken = 0, 0
    while True:
        decided, share, n_asked = decide_cures(
            m, wi, wf, v, x, follow, state, attributes, cures, clock, now, path, n_taken, strategy
        )
        d = node_of(
            m, f, wi, wf, v, x, follow, kinds, nodes, count, state, attributes, decided, entry, entered, clock, now,
            passed, strategy,
        )  # fmt: skip
        if d >= 0:
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
) -> tuple[int, float, int]:  # fmt: skip
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


@borrow
def _die(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, item: IntArray, mass: FloatArray, clock: FloatArray,
    time: float, strategy: int,
) -> None:  # fmt: skip
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
    )  # fmt: skip
    count[N_NOTES] = first
    meet(
        f, nodes, solved, count, mass, n_passive, item[I_MET], item[I_COMPETING], item[I_CENSORING], time
    )
    end(f, solved, state, amount, time)


@borrow
def end(f: FloatArray, solved: Solved, state: int, amount: float, time: float) -> None:
    """Mass that is absorbed at `time`."""
    solved.ended[state, step_of(time, f[F_OCCUPANCY_PER_YEAR], solved.ended.shape[1] - 1)] += amount


@borrow
def _event(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, chain: Chain, solved: Solved, count: IntArray, top: int, item: IntArray,
    mass: FloatArray, mark: int, p: float, time: float, strategy: int,
) -> int:  # fmt: skip
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
    recombine(follow, hit, n_passive, changed[I_CLEAR], changed[I_SET])
    _meet_mark(m, changed, mark)
    meet(f, nodes, solved, count, hit, n_passive, changed[I_MET], changed[I_COMPETING], 0, time)
    changed[I_MET] = changed[I_COMPETING] = changed[I_CLEAR] = changed[I_SET] = 0
    first, amount = count[N_NOTES], total(hit, n_passive)
    note_mark(m, wi, wf, v, x, kinds, count, mark, state, 1.0, changed[I_ATTRIBUTES], time, strategy)
    note_flux(
        m, f, kinds, solved, first, count[N_NOTES], amount, amount * math.exp(-f[F_RATE_COSTS] * time),
        amount * math.exp(-f[F_RATE_EFFECTS] * time),
    )  # fmt: skip
    count[N_NOTES] = first
    open_loss(m, wi, wf, v, x, nodes, kinds, count, hit, mark, 1.0, changed[I_ATTRIBUTES], time, strategy)
    dies = 0.0
    if m[e + V_DEATH_REF] != NONE:
        dies = value_at(m, wi, wf, m[e + V_DEATH_REF], v, x, changed[I_ATTRIBUTES], time, strategy)
    if dies > 0.0:
        first = count[N_NOTES]
        note_entry(m, wi, wf, v, x, kinds, count, state, dies, changed[I_ATTRIBUTES], time, strategy)
        note_flux(
            m, f, kinds, solved, first, count[N_NOTES], amount, amount * math.exp(-f[F_RATE_COSTS] * time),
            amount * math.exp(-f[F_RATE_EFFECTS] * time),
        )  # fmt: skip
        count[N_NOTES] = first
        dead = push(chain, top, count, m[e + V_DEATH_STATE], -1, changed[I_ATTRIBUTES], changed, dies)
        if dead > top:
            set_vector(chain.vector[top], hit, dies)
        top = dead
    if dies < 1.0:
        live = follow.live_bits[state] | follow.entry_bits[state]
        if (changed[I_ATTRIBUTES] ^ item[I_ATTRIBUTES]) & live == 0:
            for c in range(len(mass)):
                mass[c] += hit[c] * (1.0 - dies)
        else:
            more = push(chain, top, count, state, item[I_EVENT], changed[I_ATTRIBUTES], changed, 1.0 - dies)
            if more > top:
                set_vector(chain.vector[top], hit, 1.0 - dies)
            top = more
    return top


@borrow
def open_loss(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, nodes: Nodes, kinds: Kinds,
    count: IntArray, vector: FloatArray, mark: int, share: float, attributes: int, time: float, strategy: int,
) -> None:  # fmt: skip
    """Begin a loss of utility of a mark for a share of a vector: a slot takes the mass times the loss."""
    e = m[H_EVENT] + mark * V_WIDTH
    if m[e + V_LOSS] == NONE:
        return
    loss = share * value_at(m, wi, wf, m[e + V_LOSS], v, x, attributes, time, strategy)
    until = math.inf
    if m[e + V_YEARS] != NONE:
        until = time + value_at(m, wi, wf, m[e + V_YEARS], v, x, attributes, time, strategy)
    put_loss(m, nodes, kinds, count, vector, mark, loss, until, time)


@borrow
def put_loss(
    m: IntArray, nodes: Nodes, kinds: Kinds, count: IntArray, vector: FloatArray, code: int, loss: float,
    until: float, time: float,
) -> None:  # fmt: skip
    """Put a loss of utility on a vector until a time; with others that are open it multiplies, or adds if so declared."""
    if loss == 0.0 or until <= time:
        return
    n_slots, n_passive, free = len(nodes.slot), kinds.utility.shape[1], -1
    first = n_passive + count[N_WATCHED]
    for k in range(n_slots):
        if nodes.slot[k, W_OPEN] != 0 and nodes.slot[k, W_MARK] == code and nodes.slot_end[k] == until:
            free = k
            break
        if nodes.slot[k, W_OPEN] == 0 and free < 0:
            free = k
    if free < 0:
        count[FAILED] = TOO_MANY
        return
    nodes.slot[free, W_OPEN], nodes.slot[free, W_MARK], nodes.slot_end[free] = 1, code, until
    count[N_USED] = first + n_slots
    mass = total(vector, n_passive)
    if m[H_ADDITIVE] == 0:
        for k in range(n_slots):
            mass -= vector[first + k]
    vector[first + free] += loss * mass


# === Moves at a fixed time ===


@borrow
def jump(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, d: int, j: int, p: float,
    time: float, strategy: int,
) -> None:  # fmt: skip
    """A share `p` of a node makes move `j` at `time`."""
    n_passive = kinds.utility.shape[1]
    source, kind = nodes.mass[d], nodes.row[d, D_KIND]
    moved = chain.vector[len(chain.p) + OF_MOVE]
    set_vector(moved, source, p)
    set_vector(source, source, 1.0 - p)
    amount = total(moved, n_passive)
    if amount == 0.0:
        return
    clock = chain.clock[len(chain.p) + OF_SOURCE]
    set_vector(clock, nodes.clock[d], 1.0)
    find_outcomes(m, wi, wf, v, x, follow, kinds, count, chain, kind, j, clock, time, True, strategy)
    first, first_note = kinds.move[j, M_FIRST_OUT], kinds.move[j, M_FIRST_NOTE]
    spread(
        m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, moved, first, first_note, clock,
        kinds.row[kind, K_ATTRIBUTES], kinds.row[kind, K_ENTRY], nodes.real[d, DR_ENTERED], kinds.move[j, M_ROW],
        kinds.move[j, M_HOW] == BY_DELAY, time, strategy,
    )  # fmt: skip
    kinds.move[j, M_FIRST_OUT] = -1


@borrow
def spread(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, moved: FloatArray,
    first: int, first_note: int, clock: FloatArray, attributes: int, entry: int, entered: float, row: int,
    stays_in_sheet: bool, time: float, strategy: int,
) -> None:  # fmt: skip
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
    )  # fmt: skip
    last, last_note = count[N_OUTS], count[N_NOTES]
    vector = chain.vector[len(chain.p) + OF_OUTCOME]
    for i in range(first, last):
        out = kinds.out[i]
        set_vector(vector, moved, kinds.out_p[i])
        meet(
            f, nodes, solved, count, vector, n_passive, out[O_EVENT], out[O_COMPETING], out[O_CENSORING], time
        )
        recombine(follow, vector, n_passive, out[O_CLEAR], out[O_SET])
        for k in range(first_note, last_note):
            if kinds.note[k, Q_WHAT] == NOTE_LOSS:
                mark = kinds.note[k, Q_INDEX]
                e = m[H_EVENT] + mark * V_WIDTH
                until = math.inf
                if m[e + V_YEARS] != NONE:
                    set_clocks(m, wi, wf, clock, 0, time)
                    until = time + value_at(m, wi, wf, m[e + V_YEARS], v, x, attributes, time, strategy)
                put_loss(m, nodes, kinds, count, vector, mark, kinds.note_size[k], until, time)
        if out[O_STAYS] != 0:
            settle(
                m, f, wi, wf, v, x, follow, kinds, nodes, count, out[O_STATE], out[O_ATTRIBUTES], out[O_CURES], entry,
                vector, clock, entered, time, row, strategy,
            )  # fmt: skip
        else:
            land(
                m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, out, vector, clock,
                stays_in_sheet, time, strategy,
            )  # fmt: skip
    count[N_OUTS], count[N_NOTES] = first, first_note


@borrow
def land(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, out: IntArray,
    vector: FloatArray, clock: FloatArray, stays_in_sheet: bool, time: float, strategy: int,
) -> None:  # fmt: skip
    """Mass reaches the end of a chain at `time`: absorbed, a node of this sheet, or a box."""
    state = out[O_STATE]
    if m[m[H_STATE] + state * S_WIDTH + S_KIND] == ABSORBING:
        end(f, solved, state, total(vector, kinds.utility.shape[1]), time)
        return
    after = chain.clock[len(chain.p) + OF_TARGET]
    set_vector(after, clock, 1.0)
    for c in range(len(after)):
        if (out[O_STARTED] >> c) & 1:
            after[c] = time
    restarts = out[O_STARTED] & follow.live_clocks[state]
    if stays_in_sheet or (follow.boxed[state] == 0 and restarts == 0):
        arrive(
            m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, out, vector, after, time, strategy
        )
    else:
        b = box_of(follow, boxes, count, state, out[O_ATTRIBUTES], out[O_CURES])
        if b >= 0:
            put_in_box(
                follow, kinds, nodes, boxes, count, b, vector, time, after, total(vector, kinds.utility.shape[1])
            )


# === Boxes ===


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
    return b


@borrow
def bin_of(follow: Follow, time: float) -> int:
    """Interval that contains a time; the edge belongs to the interval before it."""
    lo, hi = 0, len(follow.bins) - 1
    while hi - lo > 1:
        middle = (lo + hi) // 2
        if follow.bins[middle] < time:
            lo = middle
        else:
            hi = middle
    return lo


@borrow
def put_in_box(
    follow: Follow, kinds: Kinds, nodes: Nodes, boxes: Boxes, count: IntArray, b: int, vector: FloatArray,
    time: float, clock: FloatArray, amount: float,
) -> None:  # fmt: skip
    """Add a vector that enters at `time`; if its interval's sheet is done, to the next one."""
    k = bin_of(follow, time)
    done = boxes.done[boxes.row[b, 0]]
    if k <= done:
        k = min(done + 1, len(follow.bins) - 2)
    mass, n_passive = boxes.mass[b, k], kinds.utility.shape[1]
    for c in range(n_passive):
        mass[c] += vector[c]
    for i in range(count[N_WATCHED]):
        mass[n_passive + nodes.watch[i]] += vector[n_passive + i]
    boxes.time[b, k] += amount * time
    for c in range(len(clock)):
        if not math.isnan(clock[c]):
            boxes.clock[b, k, 0, c] += amount * clock[c]
            boxes.clock[b, k, 1, c] += amount * clock[c] * clock[c]
            boxes.clock_mass[b, k, c] += amount


# === The generator ===


@borrow
def build(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, count: IntArray, d: int, now: float, strategy: int,
) -> None:  # fmt: skip
    """Links of a node: its moves by hazard, and where each of their outcomes goes."""
    row = nodes.row[d]
    kind = row[D_KIND]
    row[D_BUILT], row[D_FIRST_LINK] = 1, count[N_LINKS]
    for j in range(kinds.row[kind, K_FIRST_MOVE], kinds.row[kind, K_LAST_MOVE]):
        if kinds.move[j, M_HOW] != BY_HAZARD or kinds.move_real[j, MR_RATIO] == 0.0 or count[FAILED] != 0:
            continue
        if kinds.move[j, M_FIRST_OUT] < 0:
            find_outcomes(
                m, wi, wf, v, x, follow, kinds, count, chain, kind, j, nodes.clock[d], now, False, strategy
            )
        link = count[N_LINKS]
        if link >= len(nodes.link):
            count[FAILED] = LINKS_FULL
            return
        count[N_LINKS] += 1
        set_clocks(m, wi, wf, nodes.clock[d], 0, now)
        nodes.link[link, L_NODE], nodes.link[link, L_MOVE] = d, j
        nodes.link[link, L_SPEC] = _spec(m, wi, wf, x, kinds, nodes, count, d, j)
        for o in range(kinds.move[j, M_FIRST_OUT], kinds.move[j, M_LAST_OUT]):
            _add_edges(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, count, link, d, o, now, strategy)
    row[D_LAST_LINK] = count[N_LINKS]


@borrow
def _spec(
    m: IntArray, wi: IntArray, wf: FloatArray, x: FloatArray, kinds: Kinds, nodes: Nodes, count: IntArray, d: int,
    j: int,
) -> int:  # fmt: skip
    """Cumulative hazard that a link follows, shared with other links that follow the same."""
    real, family = kinds.move_real[j], kinds.move[j, M_FAMILY]
    origin = clock_origin(m, wi, wf, kinds.move[j, M_ROW], nodes.real[d, DR_ENTERED], x[m[H_AGE_COLUMN]])
    if math.isnan(origin):
        count[FAILED], count[FAILED_STATE] = CLOCK_UNREAD, kinds.move[j, M_ROW]
    for k in range(count[N_SPECS]):
        s = nodes.spec_real[k]
        if (
            nodes.spec[k] == family and s[S_ORIGIN] == origin and s[S_A] == real[MR_A] and s[S_B] == real[MR_B]
            and s[S_C] == real[MR_C] and s[S_STRETCH] == real[MR_STRETCH]
        ):  # fmt: skip
            return k
    k = count[N_SPECS]
    if k >= len(nodes.spec):
        count[FAILED] = LINKS_FULL
        return 0
    count[N_SPECS] += 1
    nodes.spec[k] = family
    s = nodes.spec_real[k]
    s[S_ORIGIN], s[S_A], s[S_B], s[S_C], s[S_STRETCH] = origin, real[MR_A], real[MR_B], real[MR_C], real[MR_STRETCH]
    return k


@borrow
def _add_edges(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, count: IntArray, link: int, d: int, o: int, now: float, strategy: int,
) -> None:  # fmt: skip
    """Edges of one outcome: one, or more where mixture cures are to be decided."""
    out = kinds.out[o]
    state, stays, attributes, p = out[O_STATE], out[O_STAYS] != 0, out[O_ATTRIBUTES], kinds.out_p[o]
    if m[m[H_STATE] + state * S_WIDTH + S_KIND] == ABSORBING:
        _add_edge(kinds, nodes, count, link, d, o, TO_END, p)
        return
    if not stays and (follow.boxed[state] != 0 or out[O_STARTED] & follow.live_clocks[state] != 0):
        b = box_of(follow, boxes, count, state, attributes, out[O_CURES])
        _add_edge(kinds, nodes, count, link, d, o, TO_BOX - max(b, 0), p)
        return
    cures, entry = out[O_CURES], kinds.row[nodes.row[d, D_KIND], K_ENTRY]
    if not stays:
        cures, entry = live_cures(m, follow, state, cures), attributes & follow.entry_bits[state]
    path, n_taken = 0, 0
    while count[FAILED] == 0:
        decided, share, n_asked = decide_cures(
            m, wi, wf, v, x, follow, state, attributes, cures, nodes.clock[d], now, path, n_taken, strategy
        )
        target = node_of(
            m, f, wi, wf, v, x, follow, kinds, nodes, count, state, attributes, decided, entry,
            nodes.real[d, DR_ENTERED], nodes.clock[d], now, -1, strategy,
        )  # fmt: skip
        _add_edge(kinds, nodes, count, link, d, o, target, p * share)
        path, n_taken = next_path(path, n_asked)
        if n_taken == 0:
            return


@borrow
def _add_edge(
    kinds: Kinds, nodes: Nodes, count: IntArray, link: int, d: int, o: int, target: int, p: float
) -> None:
    """Append an edge; a plain one leaves all columns as they are."""
    g, out = count[N_EDGES], kinds.out[o]
    if g >= len(nodes.edge):
        count[FAILED] = LINKS_FULL
        return
    count[N_EDGES] += 1
    edge = nodes.edge[g]
    edge[G_LINK], edge[G_SOURCE], edge[G_TARGET], edge[G_OUT] = link, d, target, o
    loud = out[O_EVENT] | out[O_COMPETING] | out[O_CENSORING] | out[O_CLEAR] | out[O_SET]
    edge[G_PLAIN] = 1 if loud == 0 else 0
    nodes.edge_p[g] = p


@borrow
def note_hazards(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds,
    nodes: Nodes, count: IntArray, start: float, stop: float,
) -> float:  # fmt: skip
    """Integrals of the links' hazards over a step; returns the largest total of a node."""
    for k in range(count[N_SPECS]):
        s = nodes.spec_real[k]
        family = nodes.spec[k]
        before = base_hazard(m, f, v, family, (start - s[S_ORIGIN]) * s[S_STRETCH], s[S_A], s[S_B], s[S_C])
        after = base_hazard(m, f, v, family, (stop - s[S_ORIGIN]) * s[S_STRETCH], s[S_A], s[S_B], s[S_C])
        s[S_BEFORE] = after - before
    most = 0.0
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        row, out = nodes.row[d], 0.0
        for link in range(row[D_FIRST_LINK], row[D_LAST_LINK]):
            j = nodes.link[link, L_MOVE]
            weight = kinds.move_real[j, MR_RATIO] * nodes.spec_real[nodes.link[link, L_SPEC], S_BEFORE]
            if kinds.move[j, M_TIMED] != 0:
                set_clocks(m, wi, wf, nodes.clock[d], 0, start)
                attributes = kinds.row[row[D_KIND], K_ATTRIBUTES]
                effect, _ = timed_effects(m, f, wi, wf, kinds.move[j, M_ROW], v, x, attributes, start)
                weight *= math.exp(effect)
            nodes.link_real[link] = weight
            out += weight
        nodes.moment[d, 1] = out
        most = max(most, out)
    n = 0
    for g in range(count[N_EDGES]):
        d, weight = nodes.edge[g, G_SOURCE], nodes.link_real[nodes.edge[g, G_LINK]] * nodes.edge_p[g]
        if nodes.edge[g, G_TARGET] >= 0 and nodes.row[d, D_ALIVE] != 0 and weight > 0.0:
            nodes.flow[n], nodes.flow_weight[n] = g, weight
            n += 1
    count[N_FLOWS] = n
    return most


@borrow
def pass_on(
    follow: Follow, kinds: Kinds, nodes: Nodes, count: IntArray, now: FloatArray, after: FloatArray, n_passive: int,
    scale: float,
) -> None:  # fmt: skip
    """One application of the generator: `after` = `scale` A `now`."""
    n, n_watched = count[N_USED], count[N_WATCHED]
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        out = -scale * nodes.moment[d, 1]
        for c in range(n):
            after[d, c] = out * now[d, c]
    for i in range(count[N_FLOWS]):
        g, weight = nodes.flow[i], scale * nodes.flow_weight[i]
        source, target = now[nodes.edge[g, G_SOURCE]], after[nodes.edge[g, G_TARGET]]
        if nodes.edge[g, G_PLAIN] != 0:
            for c in range(n):
                target[c] += weight * source[c]
            continue
        o = nodes.edge[g, G_OUT]
        gone = kinds.out[o, O_EVENT] | kinds.out[o, O_COMPETING] | kinds.out[o, O_CENSORING]
        clear, mark = kinds.out[o, O_CLEAR], kinds.out[o, O_SET]
        for c in range(n_passive):
            to = passive_column(follow, c, clear, mark) if clear | mark else c
            target[to] += weight * source[c]
        for k in range(n_watched):
            if (gone >> nodes.watch[k]) & 1 == 0:
                target[n_passive + k] += weight * source[n_passive + k]
        for c in range(n_passive + n_watched, n):
            target[c] += weight * source[c]


@borrow
def series(
    f: FloatArray, follow: Follow, kinds: Kinds, nodes: Nodes, count: IntArray, years: float
) -> None:
    """Masses at the end of a step, and their integrals over it: one Taylor series of the generator."""
    n_passive, n = kinds.utility.shape[1], count[N_USED]
    rate_cost, rate_effect = f[F_RATE_COSTS] * years, f[F_RATE_EFFECTS] * years
    term, following = nodes.term, nodes.term2
    as_cost, as_effect = power_integral(rate_cost, 0), power_integral(rate_effect, 0)
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        mass = 0.0
        for c in range(n_passive):
            mass += nodes.mass[d, c]
        nodes.moment[d, 0], nodes.moment[d, 2] = 0.5 * mass, mass
        for c in range(n):
            u = nodes.mass[d, c]
            term[d, c] = nodes.years[d, c] = u
            nodes.years_cost[d, c], nodes.years_effect[d, c] = u * as_cost, u * as_effect
    for k in range(1, MAX_TERMS):
        pass_on(follow, kinds, nodes, count, term, following, n_passive, 1.0 / k)
        plain, as_cost, as_effect = 1.0 / (k + 1), power_integral(rate_cost, k), power_integral(rate_effect, k)
        size = whole = 0.0
        for i in range(count[N_LIVE]):
            d = nodes.live[i]
            u, mass, years = following[d], nodes.mass[d], nodes.years[d]
            years_cost, years_effect = nodes.years_cost[d], nodes.years_effect[d]
            for c in range(n):
                mass[c] += u[c]
                years[c] += u[c] * plain
                years_cost[c] += u[c] * as_cost
                years_effect[c] += u[c] * as_effect
            moved = 0.0
            for c in range(n_passive):
                moved += u[c]
                size += abs(u[c])
                whole += mass[c]
            nodes.moment[d, 0] += moved / (k + 2)
        if size <= SERIES_ERROR * whole:
            break
        term, following = following, term


@borrow
def power_integral(rate: float, k: int) -> float:
    """Integral over s from 0 to 1 of exp(-rate s) s^k."""
    value, size = 0.0, 1.0
    for i in range(30):
        value += size / (k + i + 1)
        size *= -rate / (i + 1)
        if abs(size) < 1e-17:
            break
    return value


# === A step ===


@borrow
def flow_out(
    m: IntArray, f: FloatArray, follow: Follow, kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved,
    count: IntArray, start: float, stop: float,
) -> None:  # fmt: skip
    """What leaves nodes during a step: notes of the links, watchers that are met, mass into boxes and ends."""
    n_passive, years = kinds.utility.shape[1], stop - start
    factor_cost, factor_effect = math.exp(-f[F_RATE_COSTS] * start), math.exp(-f[F_RATE_EFFECTS] * start)
    for link in range(count[N_LINKS]):
        d, weight = nodes.link[link, L_NODE], nodes.link_real[link]
        if nodes.row[d, D_ALIVE] == 0 or weight == 0.0:
            continue
        j = nodes.link[link, L_MOVE]
        if kinds.move[j, M_LAST_NOTE] > kinds.move[j, M_FIRST_NOTE]:
            plain = weight * total(nodes.years[d], n_passive)
            as_cost = weight * total(nodes.years_cost[d], n_passive) * factor_cost
            as_effect = weight * total(nodes.years_effect[d], n_passive) * factor_effect
            note_flux(
                m, f, kinds, solved, kinds.move[j, M_FIRST_NOTE], kinds.move[j, M_LAST_NOTE], plain, as_cost, as_effect
            )
    vector = nodes.term[0]
    for g in range(count[N_EDGES]):
        edge = nodes.edge[g]
        d, target = edge[G_SOURCE], edge[G_TARGET]
        if nodes.row[d, D_ALIVE] == 0 or (target >= 0 and edge[G_PLAIN] != 0):
            continue
        weight = nodes.link_real[edge[G_LINK]] * nodes.edge_p[g]
        amount = weight * total(nodes.years[d], n_passive)
        if amount <= 0.0:
            continue
        out = kinds.out[edge[G_OUT]]
        met, competing, censoring = out[O_EVENT], out[O_COMPETING], out[O_CENSORING]
        if met | competing | censoring:
            for k in range(count[N_WATCHED]):
                w = nodes.watch[k]
                if ((met | competing | censoring) >> w) & 1:
                    how = EVENT if (met >> w) & 1 else (COMPETING if (competing >> w) & 1 else CENSORED)
                    _count_over(f, solved, w, how, weight * nodes.years[d, n_passive + k], start, stop)
        if target == TO_END:
            end(f, solved, out[O_STATE], amount, stop)
        elif target <= TO_BOX:
            for c in range(n_passive + count[N_WATCHED]):
                vector[c] = weight * nodes.years[d, c]
            gone = met | competing | censoring
            for k in range(count[N_WATCHED]):
                if (gone >> nodes.watch[k]) & 1:
                    vector[n_passive + k] = 0.0
            recombine(follow, vector, n_passive, out[O_CLEAR], out[O_SET])
            time = start + years * weight * nodes.moment[d, 0] / amount
            clock = chain.clock[len(chain.p) + OF_NODE]
            set_vector(clock, nodes.clock[d], 1.0)
            for c in range(len(clock)):
                if (out[O_STARTED] >> c) & 1:
                    clock[c] = time
            put_in_box(follow, kinds, nodes, boxes, count, TO_BOX - target, vector, time, clock, amount)


@borrow
def _count_over(
    f: FloatArray, solved: Solved, watcher: int, how: int, amount: float, start: float, stop: float
) -> None:
    """Count what happens during a step evenly over the endpoint's grid."""
    per_year, last = f[F_STEPS_PER_YEAR], solved.endpoint.shape[2] - 1
    k, each, time = int(math.floor(start * per_year)) + 1, amount / (stop - start), start  # noqa: RUF046
    while time < stop:
        edge = stop if k >= last else min(stop, k / per_year)
        solved.endpoint[watcher, how, min(k, last)] += each * (edge - time)
        time, k = edge, k + 1


@borrow
def add_years(
    m: IntArray, f: FloatArray, follow: Follow, kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray,
    start: float, stop: float, norm: float,
) -> None:  # fmt: skip
    """Years of a step into the nodes' sums, and what temporary losses of utility take away."""
    n_passive, n_slots = kinds.utility.shape[1], len(nodes.slot)
    years = stop - start
    in_costs, in_effects = years * math.exp(-f[F_RATE_COSTS] * start), years * math.exp(-f[F_RATE_EFFECTS] * start)
    any_open = False
    for k in range(n_slots):
        any_open |= nodes.slot[k, W_OPEN] != 0
    first = n_passive + count[N_WATCHED]
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        sums = nodes.sums[d]
        for c in range(n_passive):
            sums[A_YEARS, c] += years * nodes.years[d, c]
            sums[A_COST, c] += in_costs * nodes.years_cost[d, c]
            sums[A_EFFECT, c] += in_effects * nodes.years_effect[d, c]
            sums[A_NORM_EFFECT, c] += norm * in_effects * nodes.years_effect[d, c]
            sums[A_NORM, c] += norm * years * nodes.years[d, c]
        kind = nodes.row[d, D_KIND]
        store = kinds.row[kind, K_STORE]
        if store >= 0:
            _store(m, kinds, nodes, solved, d, kind, store, bin_of(follow, 0.5 * (start + stop)), years, in_costs)
        if any_open:
            state = kinds.row[kind, K_STATE]
            s = m[H_STATE] + state * S_WIDTH
            lost = lost_plain = 0.0
            for k in range(n_slots):
                lost += nodes.years_effect[d, first + k]
                lost_plain += nodes.years[d, first + k]
            if (lost_plain != 0.0 or lost != 0.0) and m[s + S_UTILITY] != NONE:
                scale = 1.0
                if m[H_ADDITIVE] == 0:
                    scale = norm * _mean_utility(kinds, nodes, d, kind, n_passive)
                solved.outcome[QALY] -= scale * in_effects * lost
                solved.outcome[QALY_UNDISCOUNTED] -= scale * years * lost_plain
                solved.state[state, STATE_QALY] -= scale * in_effects * lost


@borrow
def _mean_utility(kinds: Kinds, nodes: Nodes, d: int, kind: int, n_passive: int) -> float:
    """Utility of a node over its combinations of passive attributes."""
    weighted = weight = 0.0
    for c in range(n_passive):
        weighted += kinds.utility[kind, c] * nodes.years[d, c]
        weight += nodes.years[d, c]
    return weighted / weight if weight > 0.0 else 0.0


@borrow
def _store(
    m: IntArray, kinds: Kinds, nodes: Nodes, solved: Solved, d: int, kind: int, store: int, k: int, years: float,
    in_costs: float,
) -> None:  # fmt: skip
    """Costs per year that terminal care would replace, by interval of time."""
    for category in range(m[H_N_CATEGORIES]):
        plain = discounted = 0.0
        for c in range(kinds.utility.shape[1]):
            plain += kinds.rate[kind, category, c] * nodes.years[d, c]
            discounted += kinds.rate[kind, category, c] * nodes.years_cost[d, c]
        solved.excluded[store, k, category, 0] += discounted * in_costs
        solved.excluded[store, k, category, 1] += plain * years


@borrow
def close_node(m: IntArray, kinds: Kinds, nodes: Nodes, solved: Solved, d: int) -> None:
    """What a node's years are worth."""
    kind, n_passive = nodes.row[d, D_KIND], kinds.utility.shape[1]
    state = kinds.row[kind, K_STATE]
    s, sums = m[H_STATE] + state * S_WIDTH, nodes.sums[d]
    years = as_effect = qaly = plain = 0.0
    for c in range(n_passive):
        years += sums[A_YEARS, c]
        as_effect += sums[A_EFFECT, c]
        u = kinds.utility[kind, c]
        if m[H_ADDITIVE] != 0:
            qaly += sums[A_NORM_EFFECT, c] - (1.0 - u) * sums[A_EFFECT, c]
            plain += sums[A_NORM, c] - (1.0 - u) * sums[A_YEARS, c]
        else:
            qaly += u * sums[A_NORM_EFFECT, c]
            plain += u * sums[A_NORM, c]
    solved.state[state, STATE_YEARS] += years
    if m[s + S_ALIVE] != 0:
        solved.outcome[LY] += as_effect
        solved.outcome[LY_UNDISCOUNTED] += years
    if m[s + S_UTILITY] != NONE:
        solved.outcome[QALY] += qaly
        solved.outcome[QALY_UNDISCOUNTED] += plain
        solved.state[state, STATE_QALY] += qaly
    for category in range(m[H_N_CATEGORIES]):
        cost = cost_plain = 0.0
        for c in range(n_passive):
            cost += kinds.rate[kind, category, c] * sums[A_COST, c]
            cost_plain += kinds.rate[kind, category, c] * sums[A_YEARS, c]
        if cost_plain != 0.0:
            pay(m, solved, state, category, cost_plain, cost)
    sums[:] = 0.0


# === What falls at fixed times ===


@borrow
def fall_due(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, time: float,
    strategy: int,
) -> None:  # fmt: skip
    """Everything that falls at `time`: ends of losses, visits and delays in the states' order, then ticks."""
    for k in range(len(nodes.slot)):
        if nodes.slot[k, W_OPEN] != 0 and nodes.slot_end[k] <= time:
            nodes.slot[k, W_OPEN] = 0
            for i in range(count[N_LIVE]):
                nodes.mass[nodes.live[i], kinds.utility.shape[1] + count[N_WATCHED] + k] = 0.0
    any_open = False
    for k in range(len(nodes.slot)):
        any_open |= nodes.slot[k, W_OPEN] != 0
    count[N_USED] = kinds.utility.shape[1] + count[N_WATCHED] + (len(nodes.slot) if any_open else 0)
    _close_limited(m, wi, wf, v, x, kinds, nodes, solved, count, time, strategy)
    while count[FAILED] == 0:
        d, j, visit = _next_due(m, f, kinds, nodes, count, time)
        if d < 0:
            break
        p = 1.0
        if visit >= 0:
            p = kinds.move_real[j, MR_A]
            nodes.visit[visit, 2] += 1
        else:
            nodes.real[d, DR_END] = math.inf
        jump(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, d, j, p, time, strategy)
    _pay_ticks(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, time, strategy)


@borrow
def _next_due(
    m: IntArray, f: FloatArray, kinds: Kinds, nodes: Nodes, count: IntArray, time: float
) -> tuple[int, int, int]:
    """The first move that is due at `time` by the order of transitions: node, move, visit (-1 for a delay)."""
    best, node, chosen, visit = 1 << 62, -1, -1, -1
    for i in range(count[N_VISITS]):
        row = nodes.visit[i]
        if row[2] < row[3] and nodes.row[row[0], D_ALIVE] != 0:
            if nodes.tick_real[0, i] + f[m[H_TICK_TIME] + row[2]] <= time and kinds.move[row[1], M_ROW] < best:
                best, node, chosen, visit = kinds.move[row[1], M_ROW], row[0], row[1], i
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        if nodes.real[d, DR_END] <= time and kinds.move[nodes.row[d, D_MOVE], M_ROW] < best:
            j = nodes.row[d, D_MOVE]
            best, node, chosen, visit = kinds.move[j, M_ROW], d, j, -1
    return node, chosen, visit


@borrow
def _pay_ticks(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, time: float, strategy: int,
) -> None:  # fmt: skip
    """Ticks of schedules for all who are in their state at `time`."""
    n_passive = kinds.utility.shape[1]
    for i in range(count[N_TICKS]):
        row = nodes.tick[i]
        if row[1] < 0 or nodes.row[row[0], D_ALIVE] == 0:
            continue
        while row[2] < row[3] and nodes.tick_real[1, i] + f[m[H_TICK_TIME] + row[2]] <= time:
            row[2] += 1
            mass = total(nodes.mass[row[0]], n_passive)
            if mass > 0.0:
                _pay_tick(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, row[0], row[1], mass, time, strategy)


@borrow
def pay_ticks_within(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, start: float, stop: float, strategy: int,
) -> None:  # fmt: skip
    """Ticks that fall within a step: the mass there lies between those at the step's ends, as under a steady hazard."""
    n_passive = kinds.utility.shape[1]
    for i in range(count[N_TICKS]):
        row = nodes.tick[i]
        if row[1] < 0 or nodes.row[row[0], D_ALIVE] == 0 or row[2] >= row[3]:
            continue
        before, after, d = nodes.moment[row[0], 2], total(nodes.mass[row[0]], n_passive), row[0]
        while row[2] < row[3]:
            time = nodes.tick_real[1, i] + f[m[H_TICK_TIME] + row[2]]
            if time >= stop:
                break
            row[2] += 1
            share = (time - start) / (stop - start)
            if before > 0.0 and after > 0.0:
                mass = before * math.exp(share * math.log(after / before))
            else:
                mass = before + share * (after - before)
            if mass > 0.0:
                _pay_tick(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, d, row[1], mass, time, strategy)


@borrow
def _pay_tick(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, d: int, q: int, mass: float, time: float,
    strategy: int,
) -> None:  # fmt: skip
    """One tick of schedule `q` for a mass of node `d`."""
    factor, kind = math.exp(-f[F_RATE_COSTS] * time), nodes.row[d, D_KIND]
    state, store = kinds.row[kind, K_STATE], kinds.row[kind, K_STORE]
    attributes = (kinds.row[kind, K_ATTRIBUTES] & ~follow.entry_bits[state]) | kinds.row[kind, K_ENTRY]
    entered = nodes.real[d, DR_ENTERED]
    set_clocks(m, wi, wf, nodes.clock[d], 0, time)
    for k in range(m[q + C_FIRST_COST], m[q + C_LAST_COST], 2):
        cost = mass * value_at(m, wi, wf, m[k + 1], v, x, attributes, entered, strategy)
        pay(m, solved, state, m[k], cost, cost * factor)
        if store >= 0:
            interval = bin_of(follow, time)
            solved.excluded[store, interval, m[k], 0] += cost * factor
            solved.excluded[store, interval, m[k], 1] += cost
    if m[q + C_LOSS] != NONE:
        loss = value_at(m, wi, wf, m[q + C_LOSS], v, x, attributes, entered, strategy)
        years = value_at(m, wi, wf, m[q + C_YEARS], v, x, attributes, entered, strategy)
        put_loss(m, nodes, kinds, count, nodes.mass[d], -q, loss, time + years, time)


@borrow
def _close_limited(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, nodes: Nodes,
    solved: Solved, count: IntArray, time: float, strategy: int,
) -> None:  # fmt: skip
    """Limited rewards whose time is over: paid for the years that the node has gathered."""
    for i in range(count[N_TICKS]):
        row = nodes.tick[i]
        if row[1] < 0 and row[2] < row[3] and nodes.row[row[0], D_ALIVE] != 0 and nodes.tick_real[1, i] <= time:
            pay_limited_node(m, wi, wf, v, x, kinds, nodes, solved, i, strategy)


@borrow
def pay_limited_node(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, nodes: Nodes,
    solved: Solved, i: int, strategy: int,
) -> None:  # fmt: skip
    """Pay limited reward `i` of a node for its years so far, once."""
    row, n_passive = nodes.tick[i], kinds.utility.shape[1]
    d, q = row[0], -1 - row[1]
    row[2] = row[3]
    kind, sums, entered = nodes.row[d, D_KIND], nodes.sums[d], nodes.real[d, DR_ENTERED]
    state = kinds.row[kind, K_STATE]
    attributes = kinds.row[kind, K_ATTRIBUTES] | kinds.row[kind, K_ENTRY]
    set_clocks(m, wi, wf, nodes.clock[d], 0, entered)
    plain, discounted = total(sums[A_YEARS], n_passive), total(sums[A_COST], n_passive)
    for k in range(m[q + L_FIRST_COST], m[q + L_LAST_COST], 2):
        cost = value_at(m, wi, wf, m[k + 1], v, x, attributes, entered, strategy)
        pay(m, solved, state, m[k], cost * plain, cost * discounted)
    if m[q + L_LOSS] != NONE:
        loss = value_at(m, wi, wf, m[q + L_LOSS], v, x, attributes, entered, strategy)
        lost = lost_plain = 0.0
        for c in range(n_passive):
            if m[H_ADDITIVE] != 0:
                lost += loss * sums[A_EFFECT, c]
                lost_plain += loss * sums[A_YEARS, c]
            else:
                lost += loss * kinds.utility[kind, c] * sums[A_NORM_EFFECT, c]
                lost_plain += loss * kinds.utility[kind, c] * sums[A_NORM, c]
        solved.outcome[QALY] -= lost
        solved.outcome[QALY_UNDISCOUNTED] -= lost_plain
        solved.state[state, STATE_QALY] -= lost


@borrow
def next_stop(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, count: IntArray, time: float, began: float,
) -> float:  # fmt: skip
    """End of the step that begins at `time`: the next fixed event or named time, or the longest step."""
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
                stop = min(stop, time + max(follow.step[P_STEP] / SHORTEST, since))
    for i in range(count[N_LIVE]):
        d = nodes.live[i]
        stop = min(stop, nodes.real[d, DR_END])
        row = nodes.row[d]
        for link in range(row[D_FIRST_LINK], row[D_LAST_LINK]):
            j = nodes.link[link, L_MOVE]
            if kinds.move[j, M_TIMED] != 0:
                set_clocks(m, wi, wf, nodes.clock[d], 0, time)
                attributes = kinds.row[row[D_KIND], K_ATTRIBUTES]
                _, until = timed_effects(m, f, wi, wf, kinds.move[j, M_ROW], v, x, attributes, time)
                stop = min(stop, until)
    for i in range(count[N_VISITS]):
        row = nodes.visit[i]
        if row[2] < row[3] and nodes.row[row[0], D_ALIVE] != 0:
            stop = min(stop, nodes.tick_real[0, i] + f[m[H_TICK_TIME] + row[2]])
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
    return max(stop, time)


@borrow
def forget_spent(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, nodes: Nodes,
    solved: Solved, count: IntArray, strategy: int,
) -> float:  # fmt: skip
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
def mean_norm(m: IntArray, f: FloatArray, x: FloatArray, start: float, stop: float) -> float:
    """Mean norm of utility over a step."""
    if m[H_N_AGES] <= 1:
        return f[m[H_NORM]]
    age, key = x[m[H_AGE_COLUMN]], int(x[m[H_NORM_COLUMN]])
    years = norm_years_undiscounted(m, f, key, age + stop) - norm_years_undiscounted(m, f, key, age + start)
    return years / (stop - start)


@borrow
def _note_levels(
    f: FloatArray, kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, start: float, stop: float
) -> None:
    """Occupancy at the times of its grid that fall within a step, between the masses at the step's ends."""
    per_year, n_passive = f[F_OCCUPANCY_PER_YEAR], kinds.utility.shape[1]
    k = int(math.floor(start * per_year)) + 1  # noqa: RUF046
    while k / per_year < stop:
        share = (k / per_year - start) / (stop - start)
        for i in range(count[N_LIVE]):
            d = nodes.live[i]
            before, after = nodes.moment[d, 2], total(nodes.mass[d], n_passive)
            solved.level[kinds.row[nodes.row[d, D_KIND], K_STATE], k] += before + share * (after - before)
        k += 1


@borrow
def follow_sheet(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, began: float,
    strategy: int,
) -> None:  # fmt: skip
    """Follow the nodes that there are from `began` to the horizon, or until nothing is left."""
    time, horizon = began, f[F_HORIZON]
    per_year = f[F_OCCUPANCY_PER_YEAR]
    n_passive = kinds.utility.shape[1]
    while count[FAILED] == 0:
        if time < horizon:
            fall_due(
                m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, time, strategy
            )
        left = forget_spent(m, wi, wf, v, x, kinds, nodes, solved, count, strategy)
        position = time * per_year
        if position == math.floor(position):
            for i in range(count[N_LIVE]):
                d = nodes.live[i]
                state = kinds.row[nodes.row[d, D_KIND], K_STATE]
                solved.level[state, int(position)] += total(nodes.mass[d], n_passive)
        if time >= horizon or left <= NEGLIGIBLE:
            break
        i = 0
        while i < count[N_LIVE] and count[FAILED] == 0:
            d = nodes.live[i]
            if nodes.row[d, D_BUILT] == 0:
                build(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, count, d, time, strategy)
            i += 1
        stop = next_stop(m, f, wi, wf, v, x, follow, kinds, nodes, count, time, began)
        count[N_STEPS] += 1
        count[22] += count[N_LIVE]
        count[23] += count[N_EDGES]
        count[24] += count[N_USED]
        count[25] += count[N_VISITS]
        count[26] += count[N_TICKS]
        count[27] += count[N_NODES]
        if count[N_STEPS] > 20_000_000:
            count[FAILED] = 99
        if stop <= time:
            continue
        most = note_hazards(m, f, wi, wf, v, x, kinds, nodes, count, time, stop)
        if most > MOST_RATE:
            stop = time + (stop - time) / math.ceil(most / MOST_RATE)
            note_hazards(m, f, wi, wf, v, x, kinds, nodes, count, time, stop)
        series(f, follow, kinds, nodes, count, stop - time)
        flow_out(m, f, follow, kinds, nodes, boxes, chain, solved, count, time, stop)
        add_years(m, f, follow, kinds, nodes, solved, count, time, stop, mean_norm(m, f, x, time, stop))
        pay_ticks_within(m, f, wi, wf, v, x, follow, kinds, nodes, solved, count, time, stop, strategy)
        _note_levels(f, kinds, nodes, solved, count, time, stop)
        time = stop
    for i in range(count[N_TICKS]):
        if nodes.tick[i, 1] < 0 and nodes.tick[i, 2] < nodes.tick[i, 3] and nodes.row[nodes.tick[i, 0], D_ALIVE] != 0:
            pay_limited_node(m, wi, wf, v, x, kinds, nodes, solved, i, strategy)
    last = step_of(horizon, f[F_STEPS_PER_YEAR], solved.endpoint.shape[2] - 1)
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
    count[N_VISITS] = count[N_TICKS] = count[N_SPECS] = 0
    for k in range(len(nodes.slot)):
        nodes.slot[k, W_OPEN] = 0
