"""What a history is worth: life-years, QALYs and costs by category, discounted and not.

Rates are integrated exactly over each stay: with discounting at rate r, the years of a stay count
``(exp(-r entered) - exp(-r left)) / r``; a utility relative to the population norm follows age by year of age.
Lump sums are discounted at the moment they fall. Costs of some categories end where the window of terminal care begins.
"""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import borrow, inner, keep_apart

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    C_FIRST_COST, C_LAST_COST, C_LOSS, C_NUMBER, C_PLAN, C_WIDTH, C_YEARS, CLOCK_ENTRY, CLOCK_MODEL, D_EXCLUDES,
    D_FIRST_BEFORE, D_FIRST_COST, D_LAST_BEFORE, D_LAST_COST, D_WIDTH, D_WINDOW, F_INVERSE_COSTS, F_INVERSE_EFFECTS,
    F_RATE_COSTS, F_RATE_EFFECTS, H_ADDITIVE, H_AGE_COLUMN, H_AGE_DISCOUNT, H_EVENT, H_LOSSY, H_N_AGES, H_N_CATEGORIES,
    H_N_CYCLES, H_N_PAID, H_N_PLANS, H_NORM, H_NORM_COLUMN, H_NORM_DISCOUNTED, H_NORM_SUM, H_PLAN, H_PLAN_TABLE,
    H_STATE, H_TERMINAL, H_TICK_DISCOUNT, H_TICK_START, H_TICK_TIME, H_TRANSITION, H_W_CLOCK_COUNT, H_WF_CLOCK,
    L_FIRST_COST, L_LAST_COST, L_LOSS, L_WIDTH, L_YEARS, MAX_WINDOWS, NONE, ROW_ATTRIBUTES, ROW_ENTERED, ROW_LEFT,
    ROW_STATE, ROW_WHY, ROW_WIDTH, S_ALIVE, S_ENTRY_QALY, S_FIRST_ENTRY, S_FIRST_LIMITED, S_FIRST_RATE,
    S_FIRST_SCHEDULE, S_LAST_ENTRY, S_LAST_LIMITED, S_LAST_RATE, S_LAST_SCHEDULE, S_TERMINAL, S_UTILITY, S_WIDTH,
    T_FIRST_COST, T_FIRST_COUNT, T_LAST_COST, T_LAST_COUNT, T_OVER_STAY, T_QALYS, T_WIDTH, V_FIRST_COST, V_LAST_COST,
    V_LOSS, V_STACKS, V_STOPS, V_WIDTH, V_YEARS,
)
# isort: on
from lmssim.kernels.cycles import value_cycles
from lmssim.kernels.ledger import (
    COST,
    COST_UNDISCOUNTED,
    LY,
    LY_UNDISCOUNTED,
    N_MAIN,
    N_SUMS,
    QALY,
    QALY_UNDISCOUNTED,
    STATE_COST,
    STATE_COST_UNDISCOUNTED,
    STATE_QALY,
    STATE_YEARS,
    add_up_costs,
    discounted_as,
    forget_clocks,
    is_among,
    pay,
)
from lmssim.kernels.machine import value_at
from lmssim.kernels.walk import start_clocks

__all__ = [
    "COST", "COST_UNDISCOUNTED", "LY", "LY_UNDISCOUNTED", "N_MAIN", "N_SUMS", "QALY", "QALY_UNDISCOUNTED",
    "STATE_COST", "STATE_COST_UNDISCOUNTED", "STATE_QALY", "STATE_YEARS", "first_tick", "norm_years",
    "norm_years_undiscounted", "plan_start", "value_history", "years_between",
]

WINDOW_FROM, WINDOW_UNTIL, WINDOW_LOSS, WINDOW_CODE = range(4)
"""Columns of the windows of reduced utility."""
NEVER = math.inf


@inner
def years_between(inverse_rate: float, discount_from: float, discount_until: float, start: float, stop: float) -> float:
    """Discounted length of [start, stop), given the discount factors at its ends; 1 / rate is 0 without discounting."""
    return stop - start if inverse_rate == 0.0 else (discount_from - discount_until) * inverse_rate


@inner
def norm_years(m: IntArray, f: FloatArray, key: int, age: float, growth: float, discount: float) -> float:
    """Integral from age 0 to `age` of the norm, discounted to time 0; growth = exp(rate x age at time 0)."""
    n, inverse = m[H_N_AGES], f[F_INVERSE_EFFECTS]
    k = min(int(age), n - 1)
    i = key * n + k
    if inverse == 0.0:
        return f[m[H_NORM_SUM] + i] + f[m[H_NORM] + i] * (age - k)
    part = (growth * f[m[H_AGE_DISCOUNT] + k] - discount) * inverse
    return growth * f[m[H_NORM_DISCOUNTED] + i] + f[m[H_NORM] + i] * part


@inner
def norm_years_undiscounted(m: IntArray, f: FloatArray, key: int, age: float) -> float:
    """As `norm_years` without discounting."""
    n = m[H_N_AGES]
    k = min(int(age), n - 1)
    return f[m[H_NORM_SUM] + key * n + k] + f[m[H_NORM] + key * n + k] * (age - k)


@inner
def pay_once(
    m: IntArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, state: int, first: int, last: int,
    v: FloatArray, x: FloatArray, attributes: int, time: float, factor: float, factor_effects: float, excludes: int,
    strategy: int,
) -> None:
    """Pay a list of lump sums that fall at `time`, but for the excluded categories."""
    for k in range(first, last, 2):
        if not is_among(m, excludes, m[k]):
            cost = value_at(m, wi, wf, m[k + 1], v, x, attributes, time, strategy)
            pay(m, worth, sums, state, m[k], cost, cost * discounted_as(m, m[k], factor, factor_effects))


@inner
def first_tick(m: IntArray, f: FloatArray, table: int, origin: float, time: float) -> int:
    """First tick of a plan's table that does not fall before `time`; ticks stand at origin + offset."""
    lo, base = m[m[H_TICK_START] + table], m[H_TICK_TIME]
    left = m[m[H_TICK_START] + table + 1] - lo
    if left == 0 or origin + f[base + lo] >= time:
        return lo
    while left > 1:  # the tick at lo falls before: halve without branches, which would be mispredicted
        half = left // 2
        lo += half if origin + f[base + lo + half] < time else 0
        left -= half
    return lo + 1


@inner
def plan_start(m: IntArray, wi: IntArray, wf: FloatArray, plan: int, entered: float) -> float:
    """Origin of a plan for a stay; NaN if its clock has not started."""
    clock = m[m[H_PLAN] + plan]
    if clock == CLOCK_ENTRY:
        return entered
    if clock == CLOCK_MODEL:
        return 0.0
    return wf[m[H_WF_CLOCK] + clock] if wi[m[H_W_CLOCK_COUNT] + clock] > 0 else math.nan


@inner
def ticks_as_effects(m: IntArray, f: FloatArray, origin: float, first: int, last: int) -> float:
    """Ticks of a plan, discounted as effects."""
    total = 0.0
    for k in range(first, last):
        total += math.exp(-f[F_RATE_EFFECTS] * (origin + f[m[H_TICK_TIME] + k]))
    return total


@borrow
def pay_schedules(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, state: int,
    entered: float, left: float, factor: float, cut: float, excludes: int, attributes: int, v: FloatArray,
    x: FloatArray, strategy: int,
) -> None:
    """Costs of the ticks that fall within a stay: not at the instant of leaving, nor inside the terminal window.

    Parameters
    ----------
    factor : float
        Discount factor at entry.
    """
    keep_apart()
    s, rate, known = m[H_STATE] + state * S_WIDTH, f[F_RATE_COSTS], entered
    for q in range(m[s + S_FIRST_SCHEDULE], m[s + S_LAST_SCHEDULE], C_WIDTH):
        plan = m[q + C_PLAN]
        origin = plan_start(m, wi, wf, plan, entered)
        if math.isnan(origin) or m[q + C_FIRST_COST] == m[q + C_LAST_COST]:
            continue
        table = m[m[H_PLAN_TABLE] + strategy * m[H_N_PLANS] + plan]
        lo, hi = first_tick(m, f, table, origin, entered), first_tick(m, f, table, origin, left)
        hi_cut = hi if cut >= left else max(lo, first_tick(m, f, table, origin, cut))
        if origin != known:
            known, factor = origin, math.exp(-rate * origin)
        discount = m[H_TICK_DISCOUNT] + table  # a table has one more cumulative factor than ticks
        for k in range(m[q + C_FIRST_COST], m[q + C_LAST_COST], 2):
            end = hi_cut if is_among(m, excludes, m[k]) else hi
            if end > lo:
                cost = value_at(m, wi, wf, m[k + 1], v, x, attributes, entered, strategy)
                total = factor * (f[discount + end] - f[discount + lo])
                if m[k] >= m[H_N_PAID] and f[F_RATE_EFFECTS] != rate:
                    total = ticks_as_effects(m, f, origin, lo, end)
                pay(m, worth, sums, state, m[k], cost * (end - lo), cost * total)


@borrow
def pay_limited(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, state: int,
    entered: float, left: float, factor: float, cut: float, excludes: int, attributes: int, v: FloatArray,
    x: FloatArray, strategy: int,
) -> None:
    """Costs per year for a limited time after entry, when the discount factor is `factor`."""
    keep_apart()
    s, rate, inverse = m[H_STATE] + state * S_WIDTH, f[F_RATE_COSTS], f[F_INVERSE_COSTS]
    for q in range(m[s + S_FIRST_LIMITED], m[s + S_LAST_LIMITED], L_WIDTH):
        years = value_at(m, wi, wf, m[q + L_YEARS], v, x, attributes, entered, strategy)
        for k in range(m[q + L_FIRST_COST], m[q + L_LAST_COST], 2):
            until = min(entered + years, left)
            if is_among(m, excludes, m[k]):
                until = min(until, cut)
            if until > entered:
                cost = value_at(m, wi, wf, m[k + 1], v, x, attributes, entered, strategy)
                part = years_between(inverse, factor, math.exp(-rate * until), entered, until)
                pay(m, worth, sums, state, m[k], cost * (until - entered), cost * part)


@inner
def add_window(windows: FloatArray, n: int, code: int, start: float, stop: float, loss: float, stacks: int) -> int:
    """Add a window of reduced utility; one of the same code does not stack, it begins where the other ends."""
    if stacks == 0:
        for i in range(n):
            if windows[4 * i + WINDOW_CODE] == code and windows[4 * i + WINDOW_UNTIL] > start:
                start = windows[4 * i + WINDOW_UNTIL]
    if stop <= start or loss == 0.0:
        return n
    windows[4 * n + WINDOW_FROM], windows[4 * n + WINDOW_UNTIL] = start, stop
    windows[4 * n + WINDOW_LOSS], windows[4 * n + WINDOW_CODE] = loss, code
    return min(n + 1, MAX_WINDOWS - 1)


@inner
def row_of_mark(
    m: IntArray, wi: IntArray, wf: FloatArray, row: int, last: int, rows: IntArray, times: FloatArray, time: float
) -> int:
    """Stay in which a mark at `time` falls, the last one entered by then; clocks are started on the way from `row`."""
    while row + 1 < last and times[2 * row + 2 + ROW_ENTERED] <= time:
        row += 1
        start_clocks(m, wi, wf, m[H_STATE] + rows[ROW_WIDTH * row + ROW_STATE] * S_WIDTH, times[2 * row + ROW_ENTERED])
    return row


@borrow
def mark_windows(
    m: IntArray, wi: IntArray, wf: FloatArray, windows: FloatArray, n: int, path: int, starts: IntArray,
    rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray, v: FloatArray, x: FloatArray,
    strategy: int,
) -> int:
    """Windows of reduced utility that marks open."""
    keep_apart()
    row, last = starts[2 * path] - 1, starts[2 * path + 2]
    for k in range(starts[2 * path + 1], starts[2 * path + 3]):
        e, time = m[H_EVENT] + marks[k] * V_WIDTH, mark_times[k]
        row = row_of_mark(m, wi, wf, row, last, rows, times, time)
        if m[e + V_LOSS] == NONE:
            continue
        attributes, stop = rows[ROW_WIDTH * row + ROW_ATTRIBUTES], NEVER
        if m[e + V_YEARS] != NONE:
            stop = time + value_at(m, wi, wf, m[e + V_YEARS], v, x, attributes, time, strategy)
        if m[e + V_STOPS] != 0:
            stop = min(stop, times[2 * row + ROW_LEFT])
        loss = value_at(m, wi, wf, m[e + V_LOSS], v, x, attributes, time, strategy)
        n = add_window(windows, n, marks[k], time, stop, loss, m[e + V_STACKS])
    return n


@borrow
def stay_windows(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, windows: FloatArray, n: int, path: int,
    starts: IntArray, rows: IntArray, times: FloatArray, v: FloatArray, x: FloatArray, strategy: int,
) -> int:
    """Windows of reduced utility of the first time in a state and of the ticks of schedules."""
    keep_apart()
    for row in range(starts[2 * path], starts[2 * path + 2]):
        s = m[H_STATE] + rows[ROW_WIDTH * row + ROW_STATE] * S_WIDTH
        entered, left = times[2 * row + ROW_ENTERED], times[2 * row + ROW_LEFT]
        attributes = rows[ROW_WIDTH * row + ROW_ATTRIBUTES]
        start_clocks(m, wi, wf, s, entered)
        for q in range(m[s + S_FIRST_LIMITED], m[s + S_LAST_LIMITED], L_WIDTH):
            if m[q + L_LOSS] != NONE:
                years = value_at(m, wi, wf, m[q + L_YEARS], v, x, attributes, entered, strategy)
                loss = value_at(m, wi, wf, m[q + L_LOSS], v, x, attributes, entered, strategy)
                n = add_window(windows, n, -q, entered, min(entered + years, left), loss, 1)
        for q in range(m[s + S_FIRST_SCHEDULE], m[s + S_LAST_SCHEDULE], C_WIDTH):
            if m[q + C_LOSS] == NONE:
                continue
            origin = plan_start(m, wi, wf, m[q + C_PLAN], entered)
            table = m[m[H_PLAN_TABLE] + strategy * m[H_N_PLANS] + m[q + C_PLAN]]
            loss = value_at(m, wi, wf, m[q + C_LOSS], v, x, attributes, entered, strategy)
            years = NEVER
            if m[q + C_YEARS] != NONE:
                years = value_at(m, wi, wf, m[q + C_YEARS], v, x, attributes, entered, strategy)
            for k in range(first_tick(m, f, table, origin, entered), first_tick(m, f, table, origin, left)):
                time = origin + f[m[H_TICK_TIME] + k]
                n = add_window(windows, n, -1 - m[q + C_NUMBER], time, time + years, loss, 0)
    return n


@inner
def utility_at(windows: FloatArray, n: int, additive: int, utility: float, time: float) -> float:
    """Utility, relative to the norm, with the losses of the windows open at `time`."""
    for i in range(n):
        if windows[4 * i + WINDOW_FROM] <= time < windows[4 * i + WINDOW_UNTIL]:
            if additive != 0:
                utility -= windows[4 * i + WINDOW_LOSS]
            else:
                utility *= 1.0 - windows[4 * i + WINDOW_LOSS]
    return utility


@inner
def next_edge(windows: FloatArray, n: int, time: float, stop: float) -> float:
    """Next beginning or end of a window after `time`, at most `stop`."""
    for i in range(n):
        if time < windows[4 * i + WINDOW_FROM] < stop:
            stop = windows[4 * i + WINDOW_FROM]
        if time < windows[4 * i + WINDOW_UNTIL] < stop:
            stop = windows[4 * i + WINDOW_UNTIL]
    return stop


@borrow
def qalys_with_windows(
    m: IntArray, f: FloatArray, windows: FloatArray, n: int, utility: float, key: int, age: float, growth: float,
    start: float, stop: float,
) -> tuple[float, float]:
    """QALYs (discounted, undiscounted) of a stay cut at the edges of the windows."""
    keep_apart()
    discounted, plain, time, rate, inverse = 0.0, 0.0, start, f[F_RATE_EFFECTS], f[F_INVERSE_EFFECTS]
    factor = math.exp(-rate * time)
    while time < stop:
        edge = next_edge(windows, n, time, stop)
        factor_edge = math.exp(-rate * edge)
        u = utility_at(windows, n, m[H_ADDITIVE], utility, time)
        norm = norm_years(m, f, key, age + edge, growth, factor_edge)
        norm -= norm_years(m, f, key, age + time, growth, factor)
        norm_plain = norm_years_undiscounted(m, f, key, age + edge) - norm_years_undiscounted(m, f, key, age + time)
        if m[H_ADDITIVE] != 0:
            discounted += norm - (1.0 - u) * years_between(inverse, factor, factor_edge, time, edge)
            plain += norm_plain - (1.0 - u) * (edge - time)
        else:
            discounted += u * norm
            plain += u * norm_plain
        time, factor = edge, factor_edge
    return discounted, plain


@inner
def overlaps(windows: FloatArray, n: int, start: float, stop: float) -> bool:
    """Whether any of `n` windows of reduced utility is open within [start, stop)."""
    for i in range(n):
        if windows[4 * i + WINDOW_FROM] < stop and windows[4 * i + WINDOW_UNTIL] > start:
            return True
    return False


@inner
def pay_marks(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, path: int,
    cut: float, excludes: int, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray, v: FloatArray, x: FloatArray, strategy: int,
) -> None:
    """Costs of the marks of a life, which fall to the state in which they happen."""
    row, last = starts[2 * path] - 1, starts[2 * path + 2]
    for k in range(starts[2 * path + 1], starts[2 * path + 3]):
        e, time = m[H_EVENT] + marks[k] * V_WIDTH, mark_times[k]
        row = row_of_mark(m, wi, wf, row, last, rows, times, time)
        if m[e + V_FIRST_COST] != m[e + V_LAST_COST]:
            factor, closed = math.exp(-f[F_RATE_COSTS] * time), excludes if time >= cut else 0
            factor_effects = factor
            if f[F_RATE_EFFECTS] != f[F_RATE_COSTS]:
                factor_effects = math.exp(-f[F_RATE_EFFECTS] * time)
            state, attributes = rows[ROW_WIDTH * row + ROW_STATE], rows[ROW_WIDTH * row + ROW_ATTRIBUTES]
            pay_once(
                m, wi, wf, worth, sums, state, m[e + V_FIRST_COST], m[e + V_LAST_COST], v, x, attributes, time, factor,
                factor_effects, closed, strategy,
            )


@inner
def pay_rates(
    m: IntArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, state: int, first: int, last: int,
    entered: float, left: float, years: float, cost_years: float, effect_years: float, cut: float, cut_years: float,
    excludes: int, attributes: int, v: FloatArray, x: FloatArray, strategy: int,
) -> None:
    """Costs per year of a stay; those of excluded categories end at `cut`, `cut_years` (discounted) after entry."""
    paid, paid_plain = 0.0, 0.0
    for k in range(first, last, 2):
        rate, category = value_at(m, wi, wf, m[k + 1], v, x, attributes, entered, strategy), m[k]
        discounted, plain = rate * discounted_as(m, category, cost_years, effect_years), rate * years
        if left > cut and is_among(m, excludes, category):
            discounted, plain = rate * cut_years, rate * max(cut - entered, 0.0)
        worth[N_MAIN + category] += discounted
        worth[N_MAIN + m[H_N_CATEGORIES] + category] += plain
        if category < m[H_N_PAID]:
            paid += discounted
            paid_plain += plain
    sums[N_SUMS * state + STATE_COST] += paid
    sums[N_SUMS * state + STATE_COST_UNDISCOUNTED] += paid_plain


@borrow
def approach_death(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray,
    windows: FloatArray, n: int, d: int, state: int, death: float, attributes: int, v: FloatArray, x: FloatArray,
    strategy: int,
) -> int:
    """Costs of the last years of a life, which fall to the state of death, and windows of what utility they lose.

    Parameters
    ----------
    d : int
        Terminal care, in `m`.
    death : float
        When.
    """
    keep_apart()
    rate, inverse = f[F_RATE_COSTS], f[F_INVERSE_COSTS]
    for q in range(m[d + D_FIRST_BEFORE], m[d + D_LAST_BEFORE], L_WIDTH):
        start = max(death - value_at(m, wi, wf, m[q + L_YEARS], v, x, attributes, death, strategy), 0.0)
        if m[q + L_LOSS] != NONE:
            loss = value_at(m, wi, wf, m[q + L_LOSS], v, x, attributes, death, strategy)
            n = add_window(windows, n, -q, start, death, loss, 1)
        years = years_between(inverse, math.exp(-rate * start), math.exp(-rate * death), start, death)
        for k in range(m[q + L_FIRST_COST], m[q + L_LAST_COST], 2):
            cost = value_at(m, wi, wf, m[k + 1], v, x, attributes, death, strategy)
            pay(m, worth, sums, state, m[k], cost * (death - start), cost * years)
    return n


@inner
def value_history(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray,
    windows: FloatArray, path: int, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray, v: FloatArray, x: FloatArray, strategy: int, growth: float,
) -> None:
    """Add up one life.

    Parameters
    ----------
    worth : pointer to float
        n_outcomes numbers, written.
    sums : pointer to float
        By state `N_SUMS` numbers, added to.
    growth : float
        exp(rate of effects x age at time 0).
    """
    if m[H_N_CYCLES] > 0:
        value_cycles(
            m, f, wi, wf, worth, sums, path, starts, rows, times, marks, mark_times, v, x, strategy
        )
        return
    for k in range(2 * m[H_N_CATEGORIES]):
        worth[N_MAIN + k] = 0.0
    age, key, additive = x[m[H_AGE_COLUMN]], int(x[m[H_NORM_COLUMN]]), m[H_ADDITIVE]
    rate_costs, rate_effects = f[F_RATE_COSTS], f[F_RATE_EFFECTS]
    inverse_costs, inverse_effects = f[F_INVERSE_COSTS], f[F_INVERSE_EFFECTS]
    first, last = starts[2 * path], starts[2 * path + 2]
    # === Terminal care: its window, and the categories it replaces there ===
    end, cut, cut_factor, excludes = rows[ROW_WIDTH * (last - 1) + ROW_STATE], NEVER, 0.0, 0
    terminal = m[m[H_STATE] + end * S_WIDTH + S_TERMINAL]
    d = m[H_TERMINAL] + terminal * D_WIDTH
    if terminal >= 0:
        time = times[2 * last - 2 + ROW_ENTERED]
        cut = time - v[m[d + D_WINDOW]]
        excludes, cut_factor = m[d + D_EXCLUDES], math.exp(-rate_costs * cut)
    # === Marks ===
    n_windows, first_mark, last_mark = 0, starts[2 * path + 1], starts[2 * path + 3]
    if m[H_LOSSY] > 1 or (m[H_LOSSY] == 1 and last_mark > first_mark):
        forget_clocks(m, wi)
        n_windows = mark_windows(
            m, wi, wf, windows, 0, path, starts, rows, times, marks, mark_times, v, x, strategy
        )
        if m[H_LOSSY] > 1:
            forget_clocks(m, wi)
            n_windows = stay_windows(m, f, wi, wf, windows, n_windows, path, starts, rows, times, v, x, strategy)
    if last_mark > first_mark:
        forget_clocks(m, wi)
        pay_marks(
            m, f, wi, wf, worth, sums, path, cut, excludes, starts, rows, times, marks, mark_times, v, x, strategy
        )
    if terminal >= 0 and m[d + D_FIRST_BEFORE] != m[d + D_LAST_BEFORE]:
        n_windows = approach_death(
            m, f, wi, wf, worth, sums, windows, n_windows, d, end, times[2 * last - 2 + ROW_ENTERED],
            rows[ROW_WIDTH * (last - 1) + ROW_ATTRIBUTES], v, x, strategy,
        )
    # === Stays ===
    forget_clocks(m, wi)
    ly = qaly = ly_plain = qaly_plain = 0.0
    cost_from = effect_from = factor_entered = effect_entered = 1.0
    normed = m[H_N_AGES] > 1
    norm_from = norm_plain_from = norm_until = norm_plain_until = 0.0
    if normed:
        norm_from, norm_plain_from = norm_years(m, f, key, age, growth, 1.0), norm_years_undiscounted(m, f, key, age)
    for row in range(first, last):
        state, attributes = rows[ROW_WIDTH * row + ROW_STATE], rows[ROW_WIDTH * row + ROW_ATTRIBUTES]
        entered, left = times[2 * row + ROW_ENTERED], times[2 * row + ROW_LEFT]
        s, factor_entered, effect_entered = m[H_STATE] + state * S_WIDTH, cost_from, effect_from
        start_clocks(m, wi, wf, s, entered)
        if m[s + S_FIRST_ENTRY] != m[s + S_LAST_ENTRY]:
            closed = excludes if entered >= cut else 0
            pay_once(
                m, wi, wf, worth, sums, state, m[s + S_FIRST_ENTRY], m[s + S_LAST_ENTRY], v, x, attributes, entered,
                cost_from, effect_from, closed, strategy,
            )
        if m[s + S_ENTRY_QALY] != NONE:
            qalys = value_at(m, wi, wf, m[s + S_ENTRY_QALY], v, x, attributes, entered, strategy)
            qaly += qalys * effect_from
            qaly_plain += qalys
        if left > entered:
            cost_until = math.exp(-rate_costs * left)
            effect_until = cost_until if rate_effects == rate_costs else math.exp(-rate_effects * left)
            years = left - entered
            cost_years = years_between(inverse_costs, cost_from, cost_until, entered, left)
            effect_years = cost_years
            if rate_effects != rate_costs:
                effect_years = years_between(inverse_effects, effect_from, effect_until, entered, left)
            if normed:
                norm_until = norm_years(m, f, key, age + left, growth, effect_until)
                norm_plain_until = norm_years_undiscounted(m, f, key, age + left)
            else:
                norm_until, norm_plain_until = norm_from + effect_years, norm_plain_from + years
            sums[N_SUMS * state + STATE_YEARS] += years
            if m[s + S_ALIVE] != 0:
                ly += effect_years
                ly_plain += years
            if m[s + S_UTILITY] != NONE:
                u = value_at(m, wi, wf, m[s + S_UTILITY], v, x, attributes, entered, strategy)
                if n_windows > 0 and overlaps(windows, n_windows, entered, left):
                    qalys, plain = qalys_with_windows(m, f, windows, n_windows, u, key, age, growth, entered, left)
                elif additive != 0:
                    qalys = norm_until - norm_from - (1.0 - u) * effect_years
                    plain = norm_plain_until - norm_plain_from - (1.0 - u) * years
                else:
                    qalys, plain = u * (norm_until - norm_from), u * (norm_plain_until - norm_plain_from)
                qaly += qalys
                qaly_plain += plain
                sums[N_SUMS * state + STATE_QALY] += qalys
            if m[s + S_FIRST_RATE] != m[s + S_LAST_RATE]:
                cut_years = 0.0
                if entered < cut < left:
                    cut_years = years_between(inverse_costs, cost_from, cut_factor, entered, cut)
                pay_rates(
                    m, wi, wf, worth, sums, state, m[s + S_FIRST_RATE], m[s + S_LAST_RATE], entered, left, years,
                    cost_years, effect_years, cut, cut_years, excludes, attributes, v, x, strategy,
                )
            if m[s + S_FIRST_LIMITED] != m[s + S_LAST_LIMITED]:
                pay_limited(
                    m, f, wi, wf, worth, sums, state, entered, left, cost_from, cut, excludes, attributes, v, x,
                    strategy,
                )
            if m[s + S_FIRST_SCHEDULE] != m[s + S_LAST_SCHEDULE]:
                pay_schedules(
                    m, f, wi, wf, worth, sums, state, entered, left, cost_from, cut, excludes, attributes, v, x,
                    strategy,
                )
            cost_from, effect_from = cost_until, effect_until
            norm_from, norm_plain_from = norm_until, norm_plain_until
        if rows[ROW_WIDTH * row + ROW_WHY] >= 0:
            t = m[H_TRANSITION] + rows[ROW_WIDTH * row + ROW_WHY] * T_WIDTH
            if m[t + T_FIRST_COUNT] != m[t + T_LAST_COUNT]:
                pay_once(
                    m, wi, wf, worth, sums, state, m[t + T_FIRST_COUNT], m[t + T_LAST_COUNT], v, x, attributes, left,
                    cost_from, effect_from, 0, strategy,
                )
            if m[t + T_OVER_STAY] != 0:
                cut_years = 0.0
                if entered < cut < left:
                    cut_years = years_between(inverse_costs, factor_entered, cut_factor, entered, cut)
                effect_years = years_between(inverse_effects, effect_entered, effect_from, entered, left)
                pay_rates(
                    m, wi, wf, worth, sums, state, m[t + T_FIRST_COST], m[t + T_LAST_COST], entered, left,
                    left - entered, years_between(inverse_costs, factor_entered, cost_from, entered, left),
                    effect_years, cut, cut_years, excludes, attributes, v, x, strategy,
                )
                if m[t + T_QALYS] != NONE:
                    qalys = value_at(m, wi, wf, m[t + T_QALYS], v, x, attributes, entered, strategy)
                    qaly += qalys * effect_years
                    qaly_plain += qalys * (left - entered)
            else:
                if m[t + T_FIRST_COST] != m[t + T_LAST_COST]:
                    closed = excludes if left >= cut else 0
                    pay_once(
                        m, wi, wf, worth, sums, state, m[t + T_FIRST_COST], m[t + T_LAST_COST], v, x, attributes, left,
                        cost_from, effect_from, closed, strategy,
                    )
                if m[t + T_QALYS] != NONE:
                    qalys = value_at(m, wi, wf, m[t + T_QALYS], v, x, attributes, left, strategy)
                    qaly += qalys * effect_from
                    qaly_plain += qalys
    if terminal >= 0:
        time = times[2 * last - 2 + ROW_ENTERED]
        pay_once(
            m, wi, wf, worth, sums, end, m[d + D_FIRST_COST], m[d + D_LAST_COST], v, x,
            rows[ROW_WIDTH * (last - 1) + ROW_ATTRIBUTES], time, factor_entered, effect_entered, 0, strategy,
        )
    # === Totals ===
    worth[LY], worth[QALY], worth[LY_UNDISCOUNTED], worth[QALY_UNDISCOUNTED] = ly, qaly, ly_plain, qaly_plain
    add_up_costs(m, f, worth)
