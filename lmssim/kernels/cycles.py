"""What a life is worth in a model in cycles: by occupancy points, with the stated weights and discounting.

Point i stands at the end of cycle i, point 0 at time zero. A cycle correction is one or two *passes* over the points:
each point has the years that it stands for (weight x cycle length), these years discounted, and the time that its
expressions read. Lump sums fall once, whole, at the point of their event. `lmssim.model.compile.cycles` writes the
tables; the individual engines value one life with what stands here, the cohort engine a mass of them.
"""

from __future__ import annotations

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import borrow, inner, keep_apart

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    DWELLING, F_AGE_LAG, F_CYCLES_PER_YEAR, H_ADDITIVE, H_AGE_COLUMN, H_CYCLE_TIME, H_EVENT, H_LUMP, H_N_AGES,
    H_N_CATEGORIES, H_N_CYCLES, H_N_PASSES, H_NORM, H_NORM_COLUMN, H_POINT, H_STATE, H_TRANSITION, H_WF_LAG,
    N_COST_YEARS, N_EFFECT_YEARS, N_LAG, N_TIME, N_WIDTH, N_YEARS, NONE, ROW_ATTRIBUTES, ROW_ENTERED, ROW_LEFT,
    ROW_STATE, ROW_WHY, ROW_WIDTH, S_ALIVE, S_ENTRY_QALY, S_FIRST_ENTRY, S_FIRST_RATE, S_KIND, S_LAST_ENTRY,
    S_LAST_RATE, S_UTILITY, S_WIDTH, T_FIRST_COST, T_FIRST_COUNT, T_LAST_COST, T_LAST_COUNT, T_QALYS, T_WIDTH, U_COSTS,
    U_EFFECTS, U_LAG, U_MOVE, U_MOVE_COSTS, U_MOVE_EFFECTS, U_TIME, U_WIDTH, V_FIRST_COST, V_LAST_COST, V_WIDTH,
)
# isort: on
from lmssim.kernels.ledger import (
    LY,
    LY_UNDISCOUNTED,
    N_MAIN,
    N_SUMS,
    QALY,
    QALY_UNDISCOUNTED,
    STATE_QALY,
    STATE_YEARS,
    add_up_costs,
    discounted_as,
    forget_clocks,
    pay,
)
from lmssim.kernels.machine import value_at
from lmssim.kernels.walk import start_clocks


@inner
def point_of(f: FloatArray, time: float) -> int:
    """Occupancy point at a time at which a cycle ends."""
    return int(time * f[F_CYCLES_PER_YEAR] + 0.5)


@inner
def relative_to_norm(m: IntArray, f: FloatArray, utility: float, x: FloatArray, time: float) -> float:
    """Utility of a year of somebody of that age, from one relative to the population norm."""
    n = m[H_N_AGES]
    if n <= 1:
        return utility
    age = min(int(x[m[H_AGE_COLUMN]] + time + f[F_AGE_LAG]), n - 1)
    norm = f[m[H_NORM] + int(x[m[H_NORM_COLUMN]]) * n + age]
    return norm - (1.0 - utility) if m[H_ADDITIVE] != 0 else norm * utility


@inner
def value_point(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, state: int,
    attributes: int, point: int, mass: float, v: FloatArray, x: FloatArray, strategy: int,
) -> None:
    """Add what `mass` people in a state are worth at an occupancy point.

    Parameters
    ----------
    point : int
        Where the point of a pass stands in `f`.
    """
    s, time = m[H_STATE] + state * S_WIDTH, f[point + N_TIME]
    years, cost_years = mass * f[point + N_YEARS], mass * f[point + N_COST_YEARS]
    effect_years = mass * f[point + N_EFFECT_YEARS]
    wf[m[H_WF_LAG]] = f[point + N_LAG]
    sums[N_SUMS * state + STATE_YEARS] += years
    if m[s + S_ALIVE] != 0:
        worth[LY] += effect_years
        worth[LY_UNDISCOUNTED] += years
    if m[s + S_UTILITY] != NONE:
        utility = value_at(m, wi, wf, m[s + S_UTILITY], v, x, attributes, time, strategy)
        utility = relative_to_norm(m, f, utility, x, time)
        worth[QALY] += utility * effect_years
        worth[QALY_UNDISCOUNTED] += utility * years
        sums[N_SUMS * state + STATE_QALY] += utility * effect_years
    for k in range(m[s + S_FIRST_RATE], m[s + S_LAST_RATE], 2):
        cost = value_at(m, wi, wf, m[k + 1], v, x, attributes, time, strategy)
        pay(m, worth, sums, state, m[k], cost * years, cost * discounted_as(m, m[k], cost_years, effect_years))
    wf[m[H_WF_LAG]] = 0.0


@inner
def pay_lumps(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, state: int,
    first: int, last: int, point: int, mass: float, attributes: int, v: FloatArray, x: FloatArray, strategy: int,
) -> None:
    """Pay a list of lump sums of `mass` people at the event of a point."""
    lump = m[H_LUMP] + U_WIDTH * point
    wf[m[H_WF_LAG]] = f[lump + U_LAG]
    for k in range(first, last, 2):
        cost = mass * value_at(m, wi, wf, m[k + 1], v, x, attributes, f[lump + U_TIME], strategy)
        factor = discounted_as(m, m[k], f[lump + U_COSTS], f[lump + U_EFFECTS])
        pay(m, worth, sums, state, m[k], cost, cost * factor)
    wf[m[H_WF_LAG]] = 0.0


@inner
def pay_move(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, state: int, t: int,
    point: int, mass: float, attributes: int, v: FloatArray, x: FloatArray, strategy: int,
) -> None:
    """Costs and QALYs of `mass` people at transition `t`, corrected if asked, and what it adds to further sums."""
    lump = m[H_LUMP] + U_WIDTH * point
    wf[m[H_WF_LAG]] = f[lump + U_LAG]
    for k in range(m[t + T_FIRST_COST], m[t + T_LAST_COST], 2):
        cost = mass * value_at(m, wi, wf, m[k + 1], v, x, attributes, f[lump + U_TIME], strategy)
        pay(m, worth, sums, state, m[k], cost * f[lump + U_MOVE], cost * f[lump + U_MOVE_COSTS])
    if m[t + T_QALYS] != NONE:
        qalys = mass * value_at(m, wi, wf, m[t + T_QALYS], v, x, attributes, f[lump + U_TIME], strategy)
        worth[QALY] += qalys * f[lump + U_MOVE_EFFECTS]
        worth[QALY_UNDISCOUNTED] += qalys * f[lump + U_MOVE]
    wf[m[H_WF_LAG]] = 0.0
    pay_lumps(
        m, f, wi, wf, worth, sums, state, m[t + T_FIRST_COUNT], m[t + T_LAST_COUNT], point, mass, attributes, v, x,
        strategy,
    )


@inner
def pay_entry(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, state: int,
    point: int, mass: float, attributes: int, v: FloatArray, x: FloatArray, strategy: int,
) -> None:
    """Costs and QALYs of `mass` people who enter a state."""
    s, lump = m[H_STATE] + state * S_WIDTH, m[H_LUMP] + U_WIDTH * point
    if m[s + S_FIRST_ENTRY] != m[s + S_LAST_ENTRY]:
        pay_lumps(
            m, f, wi, wf, worth, sums, state, m[s + S_FIRST_ENTRY], m[s + S_LAST_ENTRY], point, mass, attributes, v, x,
            strategy,
        )
    if m[s + S_ENTRY_QALY] != NONE:
        wf[m[H_WF_LAG]] = f[lump + U_LAG]
        qalys = mass * value_at(m, wi, wf, m[s + S_ENTRY_QALY], v, x, attributes, f[lump + U_TIME], strategy)
        worth[QALY] += qalys * f[lump + U_EFFECTS]
        worth[QALY_UNDISCOUNTED] += qalys
        wf[m[H_WF_LAG]] = 0.0


@borrow
def value_cycles(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, worth: FloatArray, sums: FloatArray, path: int,
    starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray, v: FloatArray,
    x: FloatArray, strategy: int,
) -> None:
    """Add up one life; `worth` is written and `sums` added to, as in `lmssim.kernels.rewards.value_history`."""
    keep_apart()
    for k in range(N_MAIN + 2 * m[H_N_CATEGORIES]):
        worth[k] = 0.0
    forget_clocks(m, wi)
    n_points, last, end = m[H_N_CYCLES] + 1, starts[2 * path + 2], f[m[H_CYCLE_TIME] + m[H_N_CYCLES]]
    mark, last_mark = starts[2 * path + 1], starts[2 * path + 3]
    for row in range(starts[2 * path], last):
        state, why = rows[ROW_WIDTH * row + ROW_STATE], rows[ROW_WIDTH * row + ROW_WHY]
        attributes, s = rows[ROW_WIDTH * row + ROW_ATTRIBUTES], m[H_STATE] + state * S_WIDTH
        entered, left = times[2 * row + ROW_ENTERED], times[2 * row + ROW_LEFT]
        start_clocks(m, wi, wf, s, entered)
        first, stop = point_of(f, entered), point_of(f, left)
        pay_entry(m, f, wi, wf, worth, sums, state, first, 1.0, attributes, v, x, strategy)
        if m[s + S_KIND] == DWELLING:
            for block in range(m[H_N_PASSES]):
                base = m[H_POINT] + N_WIDTH * n_points * block
                for i in range(first, n_points if left > end else stop):
                    value_point(
                        m, f, wi, wf, worth, sums, state, attributes, base + N_WIDTH * i, 1.0, v, x, strategy
                    )
        while mark < last_mark and (row + 1 == last or times[2 * row + 2 + ROW_ENTERED] > mark_times[mark]):
            e, i = m[H_EVENT] + marks[mark] * V_WIDTH, point_of(f, mark_times[mark])
            pay_lumps(
                m, f, wi, wf, worth, sums, state, m[e + V_FIRST_COST], m[e + V_LAST_COST], i, 1.0, attributes, v, x,
                strategy,
            )
            mark += 1
        if why >= 0:
            t = m[H_TRANSITION] + why * T_WIDTH
            pay_move(m, f, wi, wf, worth, sums, state, t, stop, 1.0, attributes, v, x, strategy)
    add_up_costs(m, f, worth)
