"""The exact solution for one kind of patient under one strategy: sheet after sheet, in order of time."""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.kinds import I_CURES, follow_chain, live_cures, passive_bits, push, set_clocks, slot_of
from lmssim.kernels.cohort.memory import (
    AT_BOX, AT_START, BY_HAZARD, FAILED, FAILED_STATE, FREE, K_FIRST_MOVE, K_LAST_MOVE, K_STATE, K_STORE,
    MR_A, MR_B, MR_C, MR_RATIO, MR_STRETCH, M_FAMILY, M_FIRST_OUT, M_HOW, M_LAST_OUT, M_ROW, N_BOXES, N_COUNTERS,
    N_KINDS, N_NOTES, N_OUTS, N_SHEETS, N_STORED, N_USED, N_WATCHED, OF_BEGIN, OF_BOX, O_ATTRIBUTES, O_CURES, O_STATE,
    O_STAYS, P_LEAST, P_WIDEST, TOO_LONG, Boxes, Chain, Follow, Kinds, Nodes, Solved,
)
from lmssim.kernels.cohort.arrivals import arrive, spread
from lmssim.kernels.cohort.ledger import total
from lmssim.kernels.cohort.losses import carry_terms, forget_terms, mean_ends, open_terms
from lmssim.kernels.cohort.sheet import clear_sheet, follow_sheet
from lmssim.kernels.jit import borrow, jit, paste
from lmssim.kernels.layout import (
    ABSORBING, DWELLING, D_EXCLUDES, D_WIDTH, D_WINDOW, F_HORIZON, F_OCCUPANCY_PER_YEAR, F_STEPS_PER_YEAR, G_FIRST_MIX,
    G_FIRST_RULE, G_LAST_MIX, G_LAST_RULE, G_START_BITS, G_WIDTH, H_AGE_COLUMN, H_N_CATEGORIES, H_N_ENDPOINTS, H_N_PAID,
    H_N_STATES, H_START_STATE, H_STATE, H_STRATEGY, H_TERMINAL, S_CENSORING_OF, S_COMPETING_OF, S_EVENT_OF, S_KIND,
    S_TERMINAL, S_WIDTH, W_EPOCH, W_WHO,
)
from lmssim.kernels.ledger import add_up_costs
from lmssim.kernels.machine import holds, value_at
from lmssim.kernels.pointer import constant, lend, scratch
from lmssim.kernels.race import base_hazard, clock_origin
from lmssim.kernels.tally import CENSORED, step_since
from lmssim.kernels.rewards import N_MAIN, STATE_COST, STATE_COST_UNDISCOUNTED
# isort: on

ROUNDS = 4
"""Times that boxes of an interval before a named time are opened, so that nobody waits beyond it."""
ENOUGH = 1e-7
"""Mass for which that is worth while."""
MOST_LOST = 0.01
"""Share of all time up to the horizon that may be left to those who wait at the end."""
WINDOW_STEPS = 12
"""Steps in which the way to death is followed backward through the window of terminal care."""


@jit
def solve(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, strategy: int,
) -> None:
    """Solve the program for the patient with columns `x`: everything that comes out stands in `solved`.

    `count[FAILED]` says whether it could be done.
    """
    _solve(
        constant(m), constant(f), scratch(wi), scratch(wf), constant(v), constant(x), lend(follow), lend(kinds),
        lend(nodes), lend(boxes), lend(chain), lend(solved), scratch(count), strategy,
    )


@paste
def _solve(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, strategy: int,
) -> None:
    """`solve` over pointers."""
    for part in (solved.outcome, solved.entries, solved.marks):
        part[:] = 0.0
    for part in (solved.state, solved.level, solved.ended, solved.closed):
        part[:, :] = 0.0
    solved.endpoint[:, :, :] = 0.0
    solved.early[:, :, :] = 0.0
    solved.excluded[:, :, :, :] = 0.0
    for i in range(N_COUNTERS):
        count[i] = 0
    kinds.hash[:] = -1
    boxes.hash[:] = -1
    boxes.done[:] = -1
    boxes.free[FREE] = -1
    clear_sheet(nodes, count)
    wi[W_EPOCH] += 1
    wi[W_WHO] += 1
    _begin(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, strategy)
    follow_sheet(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, 0.0, strategy)
    for k in range(len(follow.bins) - 1):
        n_rounds = ROUNDS if _is_named(follow, follow.bins[k + 1]) else 1
        for i in range(n_rounds):
            for state in range(m[H_N_STATES]):
                if count[FAILED] == 0:
                    _open_boxes(
                        m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, state, k,
                        i == n_rounds - 1, strategy,
                    )
    if count[FAILED] == 0:
        _refuse_late(f, follow, kinds, boxes, count)
    if count[FAILED] == 0:
        _censor_absorbed(m, f, solved)
        _exclude(m, f, wi, wf, v, x, follow, kinds, solved, count, strategy)
        add_up_costs(m, f, solved.outcome)


@borrow
def _refuse_late(f: FloatArray, follow: Follow, kinds: Kinds, boxes: Boxes, count: IntArray) -> None:
    """Fail if many wait for an interval at the end: those who return within one wait for the next, time after time."""
    last, n_passive, years, largest = len(follow.bins) - 2, kinds.utility.shape[1], 0.0, 0.0
    for b in range(count[N_BOXES]):
        left = total(boxes.mass[b, last], n_passive) * f[F_HORIZON] - boxes.time[b, last]
        years += left
        if left > largest:
            largest, count[FAILED_STATE] = left, boxes.row[b, 0]
    if years > MOST_LOST * f[F_HORIZON]:
        count[FAILED] = TOO_LONG


@borrow
def _censor_absorbed(m: IntArray, f: FloatArray, solved: Solved) -> None:
    """Whoever is absorbed where an endpoint knows nothing of it is under observation until the horizon."""
    last = step_since(f[F_HORIZON], f[F_STEPS_PER_YEAR], solved.endpoint.shape[2] - 1)
    for e in range(min(m[H_N_ENDPOINTS], solved.endpoint.shape[0])):
        unknown, left = False, 1.0
        for state in range(m[H_N_STATES]):
            s = m[H_STATE] + state * S_WIDTH
            known = (m[s + S_EVENT_OF] | m[s + S_COMPETING_OF] | m[s + S_CENSORING_OF]) >> e
            unknown |= m[s + S_KIND] == ABSORBING and known & 1 == 0
        for how in range(3):
            for k in range(solved.endpoint.shape[2]):
                left -= solved.endpoint[e, how, k]
        if unknown and left > 0.0:
            solved.endpoint[e, CENSORED, last] += left


@paste
def _begin(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, strategy: int,
) -> None:
    """Everybody enters the initial state: with what the strategy plans, or the shares of its mix."""
    g = m[H_STRATEGY] + strategy * G_WIDTH
    attributes = m[g + G_START_BITS]
    for k in range(m[g + G_FIRST_RULE], m[g + G_LAST_RULE], 2):
        if holds(m, wi, wf, m[k], v, x, attributes, 0.0, strategy):
            attributes |= m[k + 1]
    rest = 1.0
    for k in range(m[g + G_FIRST_MIX], m[g + G_LAST_MIX], 2):
        share = min(rest, value_at(m, wi, wf, m[k], v, x, attributes, 0.0, strategy))
        _enter_at(
            m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, m[H_START_STATE],
            attributes | m[k + 1], share, strategy,
        )
        rest -= share
    if rest > 0.0:
        _enter_at(
            m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, m[H_START_STATE], attributes, rest,
            strategy,
        )


@paste
def _enter_at(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, state: int,
    attributes: int, share: float, strategy: int,
) -> None:
    """A share of the patients enters a state at time 0."""
    n_passive = kinds.utility.shape[1]
    moved = chain.vector[len(chain.p) + OF_BOX]
    moved[:] = 0.0
    column = 0
    for c in range(len(follow.passive)):
        if attributes & follow.passive[c]:
            column |= 1 << c
    moved[column] = share
    n = 0
    for w in range(solved.endpoint.shape[0]):
        if w < m[H_N_ENDPOINTS] or (follow.ahead[state] >> w) & 1:
            nodes.watch[n] = w
            moved[n_passive + n] = share
            n += 1
    count[N_WATCHED], count[N_USED] = n, n_passive + n
    clock = chain.clock[len(chain.p) + OF_BEGIN]
    clock[:] = math.nan
    attributes &= ~passive_bits(follow, n_passive - 1)
    follow_vector(
        m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, state, attributes, 0, moved, clock, 0.0,
        strategy,
    )


@paste
def follow_vector(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, state: int,
    attributes: int, cures: int, moved: FloatArray, clock: FloatArray, time: float, strategy: int,
) -> None:
    """Mass enters any kind of state at `time`, in a sheet that begins."""
    start = chain.item[len(chain.p) + AT_START]
    start[:] = 0
    start[I_CURES] = cures
    first, first_note = count[N_OUTS], count[N_NOTES]
    top = push(chain, 0, count, state, -1, attributes, start, 1.0)
    follow_chain(m, wi, wf, v, x, follow, kinds, count, chain, top, clock, time, True, strategy)
    spread(
        m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, moved, first, first_note, clock,
        attributes, 0, time, -1, True, time, strategy,
    )


@paste
def _open_boxes(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, nodes: Nodes, boxes: Boxes, chain: Chain, solved: Solved, count: IntArray, state: int, k: int,
    last: bool, strategy: int,
) -> None:
    """The sheet of all who entered a state in interval `k`, from their mean time of entry on.

    Whoever enters it again within the interval waits for the next round, or in the `last` one for the next interval.
    """
    n_passive, n_bins = kinds.utility.shape[1], len(follow.bins) - 1
    mass = time = 0.0
    for b in range(count[N_BOXES]):
        if boxes.row[b, 0] == state:
            mass += total(boxes.mass[b, k], n_passive)
            time += boxes.time[b, k]
    boxes.done[state] = k if last else k - 1
    if mass <= (0.0 if k + 1 == n_bins else ENOUGH):
        if last and mass > 0.0:
            _carry_all(boxes, count, state, k)
        return
    mean = time / mass
    wide = follow.bins[k + 1] - mean >= follow.step[P_WIDEST] or _is_named(follow, follow.bins[k + 1])
    if mass < follow.step[P_LEAST] and k + 1 < n_bins and not wide:
        _note_waiting(m, f, follow, solved, state, k, mass, math.inf)
        _carry_all(boxes, count, state, k)  # too little for a sheet of its own
        return
    clock, vector = chain.clock[len(chain.p) + OF_BEGIN], chain.vector[len(chain.p) + OF_BOX]
    out = chain.item[len(chain.p) + AT_BOX]
    _choose_watchers(f, follow, kinds, nodes, boxes, solved, count, state, k)
    mean_ends(boxes, count[N_BOXES], state, k)
    for b in range(count[N_BOXES]):
        amount = total(boxes.mass[b, k], n_passive)
        if boxes.row[b, 0] != state or amount <= 0.0:
            continue
        for c in range(len(clock)):
            weight = boxes.clock_mass[b, k, c]
            clock[c] = boxes.clock[b, k, 0, c] / weight + mean - boxes.time[b, k] / amount if weight > 0.0 else math.nan
            if weight > 0.0 and (follow.live_clocks[state] >> c) & 1:
                at = boxes.clock[b, k, 0, c] / weight
                solved.closed[c, 0] += weight
                solved.closed[c, 1] += max(boxes.clock[b, k, 1, c] - weight * at * at, 0.0)
        vector[:] = 0.0
        for c in range(n_passive):
            vector[c] = boxes.mass[b, k, c]
        for i in range(count[N_WATCHED]):
            vector[n_passive + i] = boxes.mass[b, k, n_passive + nodes.watch[i]]
        open_terms(nodes, boxes, count, n_passive, vector, b, k, mean)
        if m[m[H_STATE] + state * S_WIDTH + S_KIND] == DWELLING:
            out[:] = 0
            out[O_STATE], out[O_ATTRIBUTES], out[O_CURES] = state, boxes.row[b, 1], boxes.row[b, 2]
            arrive(
                m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, out, vector, clock, mean,
                strategy,
            )
        else:
            follow_vector(
                m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, state, boxes.row[b, 1],
                boxes.row[b, 2], vector, clock, mean, strategy,
            )
        _empty(boxes, b, k)
    _note_waiting(m, f, follow, solved, state, k, mass, mean)
    count[N_SHEETS] += 1
    follow_sheet(m, f, wi, wf, v, x, follow, kinds, nodes, boxes, chain, solved, count, mean, strategy)


@borrow
def _choose_watchers(
    f: FloatArray, follow: Follow, kinds: Kinds, nodes: Nodes, boxes: Boxes, solved: Solved, count: IntArray,
    state: int, k: int,
) -> None:
    """Watchers that a sheet has to follow; those that can meet nothing more are censored at the horizon."""
    n_passive, n = kinds.utility.shape[1], 0
    last = step_since(f[F_HORIZON], f[F_STEPS_PER_YEAR], solved.endpoint.shape[2] - 1)
    for w in range(solved.endpoint.shape[0]):
        mass = 0.0
        for b in range(count[N_BOXES]):
            if boxes.row[b, 0] == state:
                mass += boxes.mass[b, k, n_passive + w]
        if mass > 0.0 and (follow.ahead[state] >> w) & 1:
            nodes.watch[n] = w
            n += 1
        else:
            solved.endpoint[w, CENSORED, last] += mass
    count[N_WATCHED], count[N_USED] = n, n_passive + n


@borrow
def _is_named(follow: Follow, time: float) -> bool:
    """Whether results are wanted at a time, so that no entry before it may count after it."""
    for k in range(len(follow.stops)):
        if follow.stops[k] == time:
            return True
    return False


@borrow
def _note_waiting(
    m: IntArray, f: FloatArray, follow: Follow, solved: Solved, state: int, k: int, mass: float, mean: float
) -> None:
    """Occupancy within an interval, as if entries were spread over it evenly: its sheet holds them from `mean` on."""
    if m[m[H_STATE] + state * S_WIDTH + S_KIND] != DWELLING:
        return
    start, stop, per_year = follow.bins[k], follow.bins[k + 1], f[F_OCCUPANCY_PER_YEAR]
    i = int(math.floor(start * per_year)) + 1  # noqa: RUF046
    while i / per_year < stop or (i / per_year == stop and mean == math.inf):
        there = mass if i / per_year >= mean else 0.0
        solved.level[state, i] += mass * (i / per_year - start) / (stop - start) - there
        i += 1


@borrow
def _empty(boxes: Boxes, b: int, k: int) -> None:
    """Nothing is left in an interval of a box."""
    forget_terms(boxes, b, k)
    boxes.mass[b, k] = 0.0
    boxes.time[b, k] = 0.0
    boxes.clock[b, k] = 0.0
    boxes.clock_mass[b, k] = 0.0


@borrow
def _carry_all(boxes: Boxes, count: IntArray, state: int, k: int) -> None:
    """Join an interval of every box of a state to the next one."""
    for b in range(count[N_BOXES]):
        if boxes.row[b, 0] == state:
            _carry(boxes, count, b, k)


@borrow
def _carry(boxes: Boxes, count: IntArray, b: int, k: int) -> None:
    """Join an interval of a box to the next one."""
    carry_terms(boxes, count, b, k)
    for c in range(boxes.mass.shape[2]):
        boxes.mass[b, k + 1, c] += boxes.mass[b, k, c]
        boxes.mass[b, k, c] = 0.0
    boxes.time[b, k + 1] += boxes.time[b, k]
    boxes.time[b, k] = 0.0
    for c in range(boxes.clock_mass.shape[2]):
        for i in range(2):
            boxes.clock[b, k + 1, i, c] += boxes.clock[b, k, i, c]
            boxes.clock[b, k, i, c] = 0.0
        boxes.clock_mass[b, k + 1, c] += boxes.clock_mass[b, k, c]
        boxes.clock_mass[b, k, c] = 0.0


# === Terminal care ===


@borrow
def _exclude(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, solved: Solved, count: IntArray, strategy: int,
) -> None:
    """Take off the costs of categories that terminal care replaces: those of who dies within its window.

    The probability of that death within the window is followed backward over the kinds, in the middle of each
    interval; time since entry counts from the window's beginning, and visits enter by their frequency.
    """
    n_kinds = count[N_KINDS]
    soon, before = solved.soon[0], solved.soon[1]
    for state in range(m[H_N_STATES]):
        terminal = m[m[H_STATE] + state * S_WIDTH + S_TERMINAL]
        if terminal < 0 or count[N_STORED] == 0:
            continue
        d = m[H_TERMINAL] + terminal * D_WIDTH
        window, excludes = v[m[d + D_WINDOW]], m[d + D_EXCLUDES]
        for k in range(len(follow.bins) - 1):
            if not _any_stored(solved, count, k):
                continue
            start = 0.5 * (follow.bins[k] + follow.bins[k + 1])
            soon[:n_kinds] = 0.0
            for i in range(WINDOW_STEPS):
                stop = start + window * (WINDOW_STEPS - i) / WINDOW_STEPS
                _step_back(
                    m, f, wi, wf, v, x, follow, kinds, count, state, soon, before, solved.soon[2],
                    stop - window / WINDOW_STEPS, stop, strategy,
                )
            for kind in range(n_kinds):
                store = kinds.row[kind, K_STORE]
                if store < 0:
                    continue
                for category in range(m[H_N_PAID]):
                    if (excludes >> category) & 1:
                        off = soon[kind] * solved.excluded[store, k, category, 0]
                        off_plain = soon[kind] * solved.excluded[store, k, category, 1]
                        at, n = kinds.row[kind, K_STATE], m[H_N_CATEGORIES]
                        solved.outcome[N_MAIN + category] -= off
                        solved.outcome[N_MAIN + n + category] -= off_plain
                        solved.state[at, STATE_COST] -= off
                        solved.state[at, STATE_COST_UNDISCOUNTED] -= off_plain


@borrow
def _any_stored(solved: Solved, count: IntArray, k: int) -> bool:
    for store in range(count[N_STORED]):
        for category in range(solved.excluded.shape[2]):
            if solved.excluded[store, k, category, 1] != 0.0:
                return True
    return False


@borrow
def _step_back(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, follow: Follow,
    kinds: Kinds, count: IntArray, death: int, soon: FloatArray, before: FloatArray, found: FloatArray, start: float,
    stop: float, strategy: int,
) -> None:
    """Probabilities of a death by the window's end, one step further back: `soon` holds those at `stop`, then `start`.

    A step of second order: the chance to leave within it, with the mean of where that leads before and after.
    """
    n_kinds = count[N_KINDS]
    for kind in range(n_kinds):
        before[kind] = soon[kind]
    for _ in range(2):
        for kind in range(n_kinds):
            gain = leave = 0.0
            for j in range(kinds.row[kind, K_FIRST_MOVE], kinds.row[kind, K_LAST_MOVE]):
                rate = _hazard_of(m, f, wi, wf, v, x, kinds, kind, j, start, stop, strategy)
                if rate <= 0.0:
                    continue
                leads = 0.0
                for o in range(kinds.move[j, M_FIRST_OUT], kinds.move[j, M_LAST_OUT]):
                    target = kinds.out[o, O_STATE]
                    if target == death:
                        leads += kinds.out_p[o]
                    elif m[m[H_STATE] + target * S_WIDTH + S_KIND] == DWELLING:
                        to = kinds.hash[
                            slot_of(
                                kinds, target, kinds.out[o, O_ATTRIBUTES],
                                kinds.out[o, O_CURES] if kinds.out[o, O_STAYS] != 0
                                else live_cures(m, follow, target, kinds.out[o, O_CURES]),
                                kinds.out[o, O_ATTRIBUTES] & follow.entry_bits[target],
                            )
                        ]
                        if to >= 0:
                            leads += kinds.out_p[o] * 0.5 * (soon[to] + before[to])
                gain += rate * leads
                leave += rate
            if leave > 0.0:
                stays = math.exp(-leave)
                found[kind] = before[kind] * stays + gain * (1.0 - stays) / leave
            else:
                found[kind] = before[kind]
        for kind in range(n_kinds):
            soon[kind] = found[kind]


@borrow
def _hazard_of(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, kinds: Kinds, kind: int,
    j: int, start: float, stop: float, strategy: int,
) -> float:
    """Expected number of a kind's move within a step of the window, as far as its outcomes are known."""
    if kinds.move[j, M_FIRST_OUT] < 0 or kinds.move[j, M_HOW] != BY_HAZARD:
        return 0.0
    real, family = kinds.move_real[j], kinds.move[j, M_FAMILY]
    set_clocks(m, wi, wf, kinds.clock[kind], 0, start)
    origin = clock_origin(m, wi, wf, kinds.move[j, M_ROW], start, x[m[H_AGE_COLUMN]])
    if math.isnan(origin):
        return 0.0
    after = base_hazard(m, f, v, family, (stop - origin) * real[MR_STRETCH], real[MR_A], real[MR_B], real[MR_C])
    base = base_hazard(m, f, v, family, (start - origin) * real[MR_STRETCH], real[MR_A], real[MR_B], real[MR_C])
    return real[MR_RATIO] * (after - base)
