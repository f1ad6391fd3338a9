"""What is written down of mass that moves or stays: costs, effects, entries, marks, endpoints and levels."""

from __future__ import annotations

import math

# one name a line would fill the page
# isort: off
from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.cohort.kinds import passive_column
from lmssim.kernels.cohort.memory import (
    A_COST, A_EFFECT, A_NORM, A_NORM_EFFECT, A_YEARS, D_KIND, K_STATE, K_STORE, NOTE_COST, NOTE_ENTRY, NOTE_MARK,
    NOTE_QALY, N_LIVE, N_ROWS, N_USED, N_WATCHED, Q_INDEX, Q_STATE, Q_WHAT, W_COLUMN, W_OPEN, X_AFTER, X_BEFORE, Follow,
    Kinds, Nodes, Solved,
)
from lmssim.kernels.jit import borrow
from lmssim.kernels.layout import (
    F_OCCUPANCY_PER_YEAR, F_RATE_COSTS, F_RATE_EFFECTS, F_STEPS_PER_YEAR, H_ADDITIVE, H_AGE_COLUMN, H_NORM,
    H_NORM_COLUMN, H_N_AGES, H_N_CATEGORIES, H_N_PAID, H_STATE, NONE, S_ALIVE, S_UTILITY, S_WIDTH,
)
from lmssim.kernels.ledger import (
    LY, LY_UNDISCOUNTED, N_MAIN, QALY, QALY_UNDISCOUNTED, STATE_COST, STATE_COST_UNDISCOUNTED, STATE_QALY, STATE_YEARS,
)
from lmssim.kernels.rewards import norm_years_undiscounted
from lmssim.kernels.tally import CENSORED, COMPETING, EARLY_UNIT, EVENT, early_of, step_of, step_since
# isort: on

GAUSS = (-0.7745966692414834, 0.0, 0.7745966692414834)
GAUSS_WEIGHTS = (5.0 / 18.0, 8.0 / 18.0, 5.0 / 18.0)
"""Gauss-Legendre rule of 3 points on [-1, 1], of which the weights add up to 1."""


@borrow
def pay(m: IntArray, solved: Solved, state: int, category: int, plain: float, discounted: float) -> None:
    """A cost of a category, in the state in which it falls."""
    solved.outcome[N_MAIN + category] += discounted
    solved.outcome[N_MAIN + m[H_N_CATEGORIES] + category] += plain
    if category < m[H_N_PAID]:
        solved.state[state, STATE_COST] += discounted
        solved.state[state, STATE_COST_UNDISCOUNTED] += plain


@borrow
def note_flux(
    m: IntArray, f: FloatArray, kinds: Kinds, solved: Solved, first: int, last: int, plain: float, as_cost: float,
    as_effect: float,
) -> None:
    """Pay and count the notes from `first` to `last` for a mass that moves, plain and discounted."""
    for k in range(first, last):
        what, index, state = kinds.note[k, Q_WHAT], kinds.note[k, Q_INDEX], kinds.note[k, Q_STATE]
        size = kinds.note_size[k]
        if what == NOTE_COST:
            pay(m, solved, state, index, size * plain, size * (as_cost if index < m[H_N_PAID] else as_effect))
        elif what == NOTE_QALY:
            solved.outcome[QALY] += size * as_effect
            solved.outcome[QALY_UNDISCOUNTED] += size * plain
        elif what == NOTE_ENTRY:
            solved.entries[state] += size * plain
        elif what == NOTE_MARK:
            solved.marks[index] += size * plain


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


@borrow
def meet(
    f: FloatArray, nodes: Nodes, solved: Solved, count: IntArray, vector: FloatArray, n_passive: int, met: int,
    competing: int, censoring: int, time: float,
) -> None:
    """Watchers of `vector` that meet their event, a competing one or censoring at `time`: noted, and gone."""
    if (met | competing | censoring) == 0:
        return
    last = solved.endpoint.shape[2] - 1
    for k in range(count[N_WATCHED]):
        w = nodes.watch[k]
        bit = 1 << w
        if (met | competing | censoring) & bit and vector[n_passive + k] != 0.0:
            how = EVENT if met & bit else (COMPETING if competing & bit else CENSORED)
            step = step_since(time, f[F_STEPS_PER_YEAR], last)
            solved.endpoint[w, how, step] += vector[n_passive + k]
            if how == EVENT and step < last:
                early = early_of(time, f[F_STEPS_PER_YEAR], step)
                solved.early[w, 0, step] += vector[n_passive + k] * early
                solved.early[w, 1, step] += vector[n_passive + k] * early * (early / EARLY_UNIT)
            vector[n_passive + k] = 0.0


@borrow
def end(f: FloatArray, solved: Solved, state: int, amount: float, time: float) -> None:
    """Mass that is absorbed at `time`."""
    solved.ended[state, step_of(time, f[F_OCCUPANCY_PER_YEAR], solved.ended.shape[1] - 1)] += amount


@borrow
def count_over(
    f: FloatArray, solved: Solved, watcher: int, how: int, met: FloatArray, start: float, stop: float
) -> None:
    """Count what happens during a step over the endpoint's grid.

    The rate within the step is the parabola with the rates at its ends and with what happens in all (`Nodes.met`).
    """
    per_year, last, years = f[F_STEPS_PER_YEAR], solved.endpoint.shape[2] - 1, stop - start
    first, curve = met[3 + how], 3.0 * (met[3 + how] + met[6 + how] - 2.0 * met[how])
    slope = met[6 + how] - first - curve
    k, time = int(math.floor(start * per_year)) + 1, start  # noqa: RUF046
    while time < stop:
        edge = stop if k >= last else min(stop, k / per_year)
        for i in range(len(GAUSS)):
            at = time + (edge - time) * (1.0 + GAUSS[i]) / 2.0
            x = (at - start) / years
            amount = (first + (slope + curve * x) * x) * (edge - time) / years * GAUSS_WEIGHTS[i]
            solved.endpoint[watcher, how, min(k, last)] += amount
            if how == EVENT and k < last:
                early = early_of(at, per_year, k)
                solved.early[watcher, 0, k] += amount * early
                solved.early[watcher, 1, k] += amount * early * (early / EARLY_UNIT)
        time, k = edge, k + 1


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
            cost += kinds.rate[kind, category, c] * sums[A_COST if category < m[H_N_PAID] else A_EFFECT, c]
            cost_plain += kinds.rate[kind, category, c] * sums[A_YEARS, c]
        if cost_plain != 0.0:
            pay(m, solved, state, category, cost_plain, cost)
    sums[:] = 0.0


@borrow
def _store(
    m: IntArray, follow: Follow, kinds: Kinds, nodes: Nodes, solved: Solved, d: int, kind: int, store: int, k: int,
    years: float, in_costs: float,
) -> None:
    """Costs per year that terminal care would replace, by interval of time."""
    lived, lived_cost = nodes.years[d], nodes.years_cost[d]
    for category in range(m[H_N_PAID]):
        if (follow.excludes[0] >> category) & 1 == 0:
            continue
        rate, plain, discounted = kinds.rate[kind, category], 0.0, 0.0
        for c in range(len(rate)):
            plain += rate[c] * lived[c]
            discounted += rate[c] * lived_cost[c]
        excluded = solved.excluded[store, k, category]
        excluded[0] += discounted * in_costs
        excluded[1] += plain * years


@borrow
def add_years(
    m: IntArray, f: FloatArray, follow: Follow, kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray,
    start: float, stop: float, norm: float,
) -> None:
    """Years of a step into the nodes' sums, and what temporary losses of utility take away."""
    n_passive, n_slots = kinds.utility.shape[1], len(nodes.slot)
    years = stop - start
    in_costs, in_effects = years * math.exp(-f[F_RATE_COSTS] * start), years * math.exp(-f[F_RATE_EFFECTS] * start)
    any_open, interval = False, bin_of(follow, 0.5 * (start + stop))
    for k in range(n_slots):
        any_open |= nodes.slot[k, W_OPEN] != 0
    for i in range(count[N_ROWS]):
        d = nodes.held[i]
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
            _store(m, follow, kinds, nodes, solved, d, kind, store, interval, years, in_costs)
        if any_open:
            _lose_years(m, kinds, nodes, solved, count, d, kind, norm, years, in_effects)


@borrow
def _lose_years(
    m: IntArray, kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, d: int, kind: int, norm: float,
    years: float, in_effects: float,
) -> None:
    """What the losses that are open change in the worth of a node's years in a step."""
    state, first = kinds.row[kind, K_STATE], kinds.utility.shape[1] + count[N_WATCHED]
    if m[m[H_STATE] + state * S_WIDTH + S_UTILITY] == NONE:
        return
    change = change_plain = 0.0
    for k in range(count[N_USED] - first):
        if nodes.slot[k, W_OPEN] != 0:
            scale = 1.0 if m[H_ADDITIVE] != 0 else norm * kinds.utility[kind, nodes.slot[k, W_COLUMN]]
            change += scale * nodes.years_effect[d, first + k]
            change_plain += scale * nodes.years[d, first + k]
    solved.outcome[QALY] += in_effects * change
    solved.outcome[QALY_UNDISCOUNTED] += years * change_plain
    solved.state[state, STATE_QALY] += in_effects * change


@borrow
def mean_norm(m: IntArray, f: FloatArray, x: FloatArray, start: float, stop: float) -> float:
    """Mean norm of utility over a step."""
    if m[H_N_AGES] <= 1:
        return f[m[H_NORM]]
    age, key = x[m[H_AGE_COLUMN]], int(x[m[H_NORM_COLUMN]])
    years = norm_years_undiscounted(m, f, key, age + stop) - norm_years_undiscounted(m, f, key, age + start)
    return years / (stop - start)


@borrow
def note_level(f: FloatArray, kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, time: float) -> None:
    """Occupancy at `time`, if that is on its grid."""
    position = time * f[F_OCCUPANCY_PER_YEAR]
    if position == math.floor(position):
        for i in range(count[N_LIVE]):
            d = nodes.live[i]
            state = kinds.row[nodes.row[d, D_KIND], K_STATE]
            solved.level[state, int(position)] += total(nodes.mass[d], kinds.utility.shape[1])


@borrow
def note_levels(
    f: FloatArray, kinds: Kinds, nodes: Nodes, solved: Solved, count: IntArray, start: float, stop: float
) -> None:
    """Occupancy at the times of its grid that fall within a step, between the masses at the step's ends."""
    per_year = f[F_OCCUPANCY_PER_YEAR]
    k = int(math.floor(start * per_year)) + 1  # noqa: RUF046
    while k / per_year < stop:
        share = (k / per_year - start) / (stop - start)
        for i in range(count[N_LIVE]):
            d = nodes.live[i]
            before, after = nodes.moment[d, X_BEFORE], nodes.moment[d, X_AFTER]
            solved.level[kinds.row[nodes.row[d, D_KIND], K_STATE], k] += before + share * (after - before)
        k += 1


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
