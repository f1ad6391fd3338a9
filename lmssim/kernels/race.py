"""When does a transition happen: budgets of risks used up by their cumulative hazard, and visits that find disease.

A risk holds a unit-exponential budget. While a transition of that risk is open, the budget is used at the rate of its
hazard; the event falls when it is spent. Between states the rest is carried (left truncation in law), so that
strategies which change only the rate of use keep the patient's luck.
"""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.families import (
    EXPONENTIAL,
    FIXED,
    LIFE_TABLE,
    PIECEWISE,
    VISIT,
    WEIBULL,
    cumulative_hazard,
    inverse_cumulative_hazard,
    inverse_piecewise_cumulative_hazard,
    piecewise_cumulative_hazard,
)
from lmssim.kernels.jit import borrow, inner, keep_apart

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    CLOCK_AGE, CLOCK_ENTRY, CLOCK_MODEL, E_CLOCK, E_COLUMN, E_FIRST_STEP, E_LAST_STEP, E_MASK, E_ON, E_REF, E_WIDTH,
    F_CYCLES_PER_YEAR, F_HORIZON, H_AGE_COLUMN, H_CURE_DECISION, H_CYCLE_TIME, H_DECISION_ADDRESS, H_LIFE,
    H_LIFE_COLUMN, H_LIFE_N, H_LIFE_OFFSET, H_N_CYCLES, H_N_PLANS, H_PLAN, H_PLAN_TABLE, H_RATE_FAMILY,
    H_RISK_DECISION, H_STATE, H_STEP_FACTOR, H_STEP_TIME, H_TICK_START, H_TICK_TIME, H_TRANSITION, H_W_CLOCK_COUNT,
    H_W_ENTRY_COUNT, H_W_RISK, H_WF_CLOCK, H_WF_RISK, NONE, ON_HAZARD, ON_LOGIT, ON_TIME, R_A, R_B, R_BITS,
    R_BUDGET, R_C, R_OCCURRENCE, R_ORIGIN, R_RATE, R_RATIO, R_SINCE, R_STRETCH, R_TIME, R_UNTIL, R_USED, R_WIDTH,
    RF_WIDTH, S_FIRST_TRANSITION, S_WIDTH, T_CARE, T_CLOCK, T_CURE, T_CURE_REDRAW, T_DEFAULT_MODEL, T_EFFECT_BITS,
    T_FAMILY, T_FIRST_EFFECT, T_LAST_EFFECT, T_PLAN, T_RATE_ID, T_REF_A, T_REF_B, T_REF_C, T_RISK, T_TEST_DECISION,
    T_TIMED, T_WANT, T_WIDTH, W_BAD, W_INFO,
)
# isort: on
from lmssim.kernels.luck import draw_uniform, kept_exponential, kept_uniform
from lmssim.kernels.machine import CHECK_KIND, KIND_CYCLE, note_bad, value_at

FRESH, BANKED = -1, -2
"""Marks in a risk's `rate`: no budget drawn yet; budget up to date, no open stretch."""
MARGIN = 1e-9
"""By how much a bound on a power must be missed: far above rounding."""
CYCLE_TOLERANCE = 1e-9
"""How far the probabilities of a cycle may exceed 1 by rounding."""
TICK_BITS = 12
EPISODES = 255
"""Low bits of a visit's occurrence hold the tick, the plan's episode stands above them (its 256th is the first's)."""


@inner
def base_hazard(
    m: IntArray, f: FloatArray, v: FloatArray, family: int, t: float, a: float, b: float, c: float
) -> float:
    """Cumulative hazard from 0 to clock time `t`, without effects."""
    if t <= 0.0:
        return 0.0
    if family == EXPONENTIAL:
        return a * t
    if family == WEIBULL:
        return t / b if a == 1.0 else (t / b) ** a
    return _other_hazard(m, f, v, family, t, a, b, c)


@borrow
def _other_hazard(
    m: IntArray, f: FloatArray, v: FloatArray, family: int, t: float, a: float, b: float, c: float
) -> float:
    """`base_hazard` of a family that is not of the most frequent ones."""
    keep_apart()
    if family == LIFE_TABLE:
        key = int(a)
        return piecewise_cumulative_hazard(t, f, m[H_LIFE] + m[m[H_LIFE_OFFSET] + key], m[m[H_LIFE_N] + key])
    if family == PIECEWISE:
        return piecewise_cumulative_hazard(t, v, int(a), int(b))
    return cumulative_hazard(family, t, a, b, c)


@inner
def base_time(m: IntArray, f: FloatArray, v: FloatArray, family: int, h: float, a: float, b: float, c: float) -> float:
    """Clock time at which the cumulative hazard reaches `h`."""
    if family == WEIBULL and 0.0 < h < math.inf:
        return b * h if a == 1.0 else b * h ** (1.0 / a)
    return _other_time(m, f, v, family, h, a, b, c)


@borrow
def _other_time(
    m: IntArray, f: FloatArray, v: FloatArray, family: int, h: float, a: float, b: float, c: float
) -> float:
    """`base_time` of a family that is not of the most frequent ones."""
    keep_apart()
    if family == LIFE_TABLE:
        key = int(a)
        return inverse_piecewise_cumulative_hazard(h, f, m[H_LIFE] + m[m[H_LIFE_OFFSET] + key], m[m[H_LIFE_N] + key])
    if family == PIECEWISE:
        return inverse_piecewise_cumulative_hazard(h, v, int(a), int(b))
    return inverse_cumulative_hazard(family, h, a, b, c)


@inner
def sum_effects(
    m: IntArray, wi: IntArray, wf: FloatArray, first: int, last: int, on: int, v: FloatArray, x: FloatArray,
    attributes: int, time: float, strategy: int,
) -> float:
    """Sum of the effects of one kind that do not change with time."""
    total = 0.0
    for e in range(first, last, E_WIDTH):
        if m[e + E_ON] != on or m[e + E_CLOCK] != NONE:
            continue
        column = m[e + E_COLUMN]
        if column >= 0:
            if x[column] != 0.0:
                total += x[column] * value_at(m, wi, wf, m[e + E_REF], v, x, attributes, time, strategy)
        elif (attributes & m[e + E_MASK]) != 0:
            total += value_at(m, wi, wf, m[e + E_REF], v, x, attributes, time, strategy)
    return total


@inner
def sum_rate_effects(
    m: IntArray, wi: IntArray, wf: FloatArray, first: int, last: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int,
) -> tuple[float, float]:
    """Sums of the effects on the hazard and on time that do not change with time."""
    on_hazard, on_time = 0.0, 0.0
    for e in range(first, last, E_WIDTH):
        if m[e + E_CLOCK] != NONE:
            continue
        column, size = m[e + E_COLUMN], 1.0
        if column >= 0:
            size = x[column]
        elif (attributes & m[e + E_MASK]) == 0:
            size = 0.0
        if size != 0.0:
            size *= value_at(m, wi, wf, m[e + E_REF], v, x, attributes, time, strategy)
            if m[e + E_ON] == ON_HAZARD:
                on_hazard += size
            elif m[e + E_ON] == ON_TIME:
                on_time += size
    return on_hazard, on_time


@inner
def apply_logit(p: float, effect: float) -> float:
    """Probability after a log odds ratio."""
    if effect == 0.0 or p <= 0.0 or p >= 1.0:
        return p
    odds = p / (1.0 - p) * math.exp(effect)
    return odds / (1.0 + odds)


@inner
def clock_origin(m: IntArray, wi: IntArray, wf: FloatArray, t: int, entered: float, age: float) -> float:
    """Model time at which the clock of transition `t` reads 0; NaN if it has not started."""
    clock = m[t + T_CLOCK]
    if clock == CLOCK_ENTRY:
        return entered
    if clock == CLOCK_MODEL:
        return 0.0
    if clock == CLOCK_AGE:
        return -age
    if wi[m[H_W_CLOCK_COUNT] + clock] == 0:
        return 0.0 if m[t + T_DEFAULT_MODEL] != 0 else math.nan
    return wf[m[H_WF_CLOCK] + clock]


@borrow
def timed_effects(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float,
) -> tuple[float, float]:
    """Sum of the effects that change with time, just after `time`, and the time until which it holds."""
    keep_apart()
    total = 0.0
    until = math.inf
    for e in range(m[t + T_FIRST_EFFECT], m[t + T_LAST_EFFECT], E_WIDTH):
        clock = m[e + E_CLOCK]
        if clock == NONE or (clock >= 0 and wi[m[H_W_CLOCK_COUNT] + clock] == 0):
            continue
        size = value_at(m, wi, wf, m[e + E_REF], v, x, attributes, 0.0, 0)  # of parameters and covariates alone
        if m[e + E_COLUMN] >= 0:
            size *= x[m[e + E_COLUMN]]
        elif (attributes & m[e + E_MASK]) == 0:
            continue
        start = wf[m[H_WF_CLOCK] + clock] if clock >= 0 else 0.0
        factor = 0.0
        for k in range(m[e + E_FIRST_STEP], m[e + E_LAST_STEP]):
            step = start + f[m[H_STEP_TIME] + k]
            if step > time:
                until = min(until, step)
                break
            factor = f[m[H_STEP_FACTOR] + k]
        total += size * factor
    return total, until


@borrow
def timed_event(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    now: float, budget: float,
) -> float:
    """Time at which the budget is spent under effects that change in steps."""
    keep_apart()
    rf = m[H_WF_RISK] + m[t + T_RISK] * RF_WIDTH
    family, a, b, c = m[t + T_FAMILY], wf[rf + R_A], wf[rf + R_B], wf[rf + R_C]
    origin, stretch, time = wf[rf + R_ORIGIN], wf[rf + R_STRETCH], now
    while True:
        effect, until = timed_effects(m, f, wi, wf, t, v, x, attributes, time)
        ratio = wf[rf + R_RATIO] * math.exp(effect)
        used = base_hazard(m, f, v, family, (time - origin) * stretch, a, b, c)
        spent = base_time(m, f, v, family, used + budget / ratio, a, b, c) / stretch + origin
        if spent <= until or until == math.inf:
            return max(spent, now)
        budget -= ratio * (base_hazard(m, f, v, family, (until - origin) * stretch, a, b, c) - used)
        time = until


@borrow
def timed_used(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    first: float, last: float,
) -> float:
    """Budget used between two times under effects that change in steps."""
    keep_apart()
    rf = m[H_WF_RISK] + m[t + T_RISK] * RF_WIDTH
    family, a, b, c = m[t + T_FAMILY], wf[rf + R_A], wf[rf + R_B], wf[rf + R_C]
    origin, stretch, time, total = wf[rf + R_ORIGIN], wf[rf + R_STRETCH], first, 0.0
    while time < last:
        effect, until = timed_effects(m, f, wi, wf, t, v, x, attributes, time)
        stop = min(until, last)
        before = base_hazard(m, f, v, family, (time - origin) * stretch, a, b, c)
        after = base_hazard(m, f, v, family, (stop - origin) * stretch, a, b, c)
        total += wf[rf + R_RATIO] * math.exp(effect) * (after - before)
        time = stop
    return total


@inner
def new_budget(
    m: IntArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int, now: float,
    strategy: int, seed: int, patient: int, luck: int,
) -> float:
    """Budget of the next occurrence of a risk; infinite for the cured."""
    risk = m[t + T_RISK]
    occurrence = wi[m[H_W_RISK] + risk * R_WIDTH + R_OCCURRENCE]
    if m[t + T_CURE] != NONE:
        cured = value_at(m, wi, wf, m[t + T_CURE], v, x, attributes, now, strategy)
        once = 0 if m[t + T_CURE_REDRAW] == 0 else occurrence
        if kept_uniform(m, wi, wf, m[m[H_CURE_DECISION] + risk], once, seed, patient, luck) < cured:
            return math.inf
    return kept_exponential(m, wi, wf, m[m[H_RISK_DECISION] + risk], occurrence, seed, patient, luck)


@inner
def comes_after(stop: float, spent: float, a: float, b: float) -> bool:
    """Whether a Weibull hazard (shape `a`, scale `b`) surely reaches `spent` after `stop`, told without a power."""
    x = stop / b
    if x <= 1.0:
        bound = x if a >= 1.0 else 1.0
    elif a <= 1.0:
        bound = x
    elif a <= 2.0:
        bound = x * x
    else:
        return False
    return spent > bound * (1.0 + MARGIN)


@inner
def spend(
    m: IntArray, f: FloatArray, v: FloatArray, wf: FloatArray, rf: int, family: int, before: float
) -> float:
    """Time at which an open stretch without timed effects spends its budget; infinite if surely after `before`.

    The time is kept, NaN where it was not worked out.
    """
    a, b, origin, stretch, time = wf[rf + R_A], wf[rf + R_B], wf[rf + R_ORIGIN], wf[rf + R_STRETCH], math.nan
    budget, ratio = wf[rf + R_BUDGET], wf[rf + R_RATIO]
    spent = budget if ratio == 1.0 else budget / ratio
    if family == EXPONENTIAL:
        time = wf[rf + R_SINCE] + spent / (stretch * a)
    else:
        spent += wf[rf + R_USED]
        if family != WEIBULL or not comes_after((before - origin) * stretch, spent, a, b):
            clock = base_time(m, f, v, family, spent, a, b, wf[rf + R_C])
            time = max(wf[rf + R_SINCE], origin + (clock if stretch == 1.0 else clock / stretch))
    wf[rf + R_TIME] = time
    return math.inf if math.isnan(time) and not math.isnan(spent) else time


@inner
def risk_time(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    entered: float, now: float, before: float, strategy: int, seed: int, patient: int, luck: int,
) -> float:
    """Time at which the risk of transition `t`, open since `now` or before, happens; NaN if its clock has not started.

    A time after `before` may be given as infinite.
    """
    origin = clock_origin(m, wi, wf, t, entered, x[m[H_AGE_COLUMN]])
    if m[t + T_FAMILY] == FIXED:
        if math.isnan(origin):
            return origin
        return max(now, origin + value_at(m, wi, wf, m[t + T_REF_A], v, x, attributes, now, strategy))
    r = m[H_W_RISK] + m[t + T_RISK] * R_WIDTH
    rf = m[H_WF_RISK] + m[t + T_RISK] * RF_WIDTH
    bits = attributes & m[t + T_EFFECT_BITS]
    if wi[r + R_RATE] == m[t + T_RATE_ID] and wi[r + R_BITS] == bits:
        if wf[rf + R_UNTIL] == now and wf[rf + R_ORIGIN] == origin:
            if math.isnan(wf[rf + R_TIME]):
                return spend(m, f, v, wf, rf, m[t + T_FAMILY], before)
            return wf[rf + R_TIME]
    if math.isnan(origin):
        return origin
    return open_stretch(
        m, f, wi, wf, t, r, rf, bits, origin, v, x, attributes, now, before, strategy, seed, patient, luck
    )


@inner
def rate_of_use(
    m: IntArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int, now: float,
    strategy: int,
) -> tuple[float, float, float, float, float]:
    """Hazard ratio, stretch of time and family parameters of transition `t` for a patient, effects in time apart."""
    family = m[t + T_FAMILY]
    first, last = m[t + T_FIRST_EFFECT], m[t + T_LAST_EFFECT]
    ratio, stretch = 1.0, 1.0
    if last > first:
        on_hazard, on_time = sum_rate_effects(m, wi, wf, first, last, v, x, attributes, now, strategy)
        if on_hazard != 0.0:
            ratio = math.exp(on_hazard)
        if on_time != 0.0:
            stretch = math.exp(-on_time)
    a = b = c = 0.0
    if family == LIFE_TABLE:
        a = x[m[H_LIFE_COLUMN]]
        ratio *= value_at(m, wi, wf, m[t + T_REF_A], v, x, attributes, now, strategy)
    elif family == PIECEWISE:
        a, b = float(m[t + T_REF_A]), float(m[t + T_REF_B])
    else:
        a = value_at(m, wi, wf, m[t + T_REF_A], v, x, attributes, now, strategy)
        if m[t + T_REF_B] != NONE:
            b = value_at(m, wi, wf, m[t + T_REF_B], v, x, attributes, now, strategy)
        if m[t + T_REF_C] != NONE:
            c = value_at(m, wi, wf, m[t + T_REF_C], v, x, attributes, now, strategy)
    return ratio, stretch, a, b, c


@inner
def open_stretch(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, r: int, rf: int, bits: int, origin: float,
    v: FloatArray, x: FloatArray, attributes: int, now: float, before: float, strategy: int, seed: int, patient: int,
    luck: int,
) -> float:
    """Begin to use a risk's budget at the rate of transition `t`; the time at which it is spent.

    A time after `before` may be given as infinite.

    Parameters
    ----------
    r, rf : int
        Where the risk's integers and floats stand.
    bits : int
        Attributes that its effects read.
    origin : float
        Time at which its clock reads 0.
    """
    family, rate, after = m[t + T_FAMILY], wi[r + R_RATE], 0.0
    if rate == FRESH:
        budget = new_budget(m, wi, wf, t, v, x, attributes, now, strategy, seed, patient, luck)
    else:
        budget = wf[rf + R_BUDGET]
        if rate != BANKED and budget != math.inf:  # take off what the stretch before used
            after = base_hazard(
                m, f, v, m[m[H_RATE_FAMILY] + rate], (wf[rf + R_UNTIL] - wf[rf + R_ORIGIN]) * wf[rf + R_STRETCH],
                wf[rf + R_A], wf[rf + R_B], wf[rf + R_C],
            )
            budget = max(0.0, budget - wf[rf + R_RATIO] * (after - wf[rf + R_USED]))
    ratio, stretch, a, b, c = rate_of_use(m, wi, wf, t, v, x, attributes, now, strategy)
    used = 0.0
    if now > origin and m[t + T_TIMED] == 0:
        goes_on = rate >= 0 and m[m[H_RATE_FAMILY] + rate] == family and wf[rf + R_UNTIL] == now
        same_clock = wf[rf + R_ORIGIN] == origin and wf[rf + R_STRETCH] == stretch
        if goes_on and same_clock and after > 0.0 and wf[rf + R_A] == a and wf[rf + R_B] == b and wf[rf + R_C] == c:
            used = after
        else:
            used = base_hazard(m, f, v, family, (now - origin) * stretch, a, b, c)
    wi[r + R_RATE], wi[r + R_BITS] = m[t + T_RATE_ID], bits
    wf[rf + R_BUDGET], wf[rf + R_ORIGIN], wf[rf + R_SINCE], wf[rf + R_USED] = budget, origin, now, used
    wf[rf + R_RATIO], wf[rf + R_STRETCH] = ratio, stretch
    wf[rf + R_A], wf[rf + R_B], wf[rf + R_C] = a, b, c
    if m[t + T_TIMED] != 0:
        time = timed_event(m, f, wi, wf, t, v, x, attributes, now, budget)
        wf[rf + R_TIME] = time
        return time
    return spend(m, f, v, wf, rf, family, before)


@inner
def visit_probability(
    m: IntArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int, time: float,
    strategy: int,
) -> float:
    """Probability that transition `t` happens at one visit, or in one cycle."""
    p = value_at(m, wi, wf, m[t + T_REF_A], v, x, attributes, time, strategy)
    first, last = m[t + T_FIRST_EFFECT], m[t + T_LAST_EFFECT]
    if last > first:
        p = apply_logit(p, sum_effects(m, wi, wf, first, last, ON_LOGIT, v, x, attributes, time, strategy))
    return p


@inner
def add_probability(m: IntArray, wi: IntArray, wf: FloatArray, t: int, cycle: int, before: float, p: float) -> float:
    """Sum of the probabilities of a cycle (from 0) up to that of transition `t`; an impossible one is noted."""
    total = before + p
    if not (p >= 0.0 and total <= 1.0 + CYCLE_TOLERANCE):
        if wi[W_BAD] == 0:
            wi[W_INFO] = cycle
        number = (t - m[H_TRANSITION]) // T_WIDTH
        note_bad(m, wi, wf, KIND_CYCLE + (CHECK_KIND + 1) * number, total if p >= 0.0 else p)
        return 1.0
    return total


@borrow
def cycle_time(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, state: int, v: FloatArray, x: FloatArray,
    attributes: int, now: float, strategy: int, seed: int, patient: int, luck: int,
) -> float:
    """Time of the end of the cycle in which transition `t` happens; infinite if another of its state comes first.

    In each cycle the transitions are tried in the state's order, each with its probability given that none before it
    has happened; what reads the time reads the start of the cycle. The last transition checks the sum of them all.
    """
    keep_apart()
    first, ends = m[m[H_STATE] + state * S_WIDTH + S_FIRST_TRANSITION], m[H_CYCLE_TIME]
    for cycle in range(int(now * f[F_CYCLES_PER_YEAR] + 0.5), m[H_N_CYCLES]):
        before, happens = 0.0, -1
        for j in range(first, t + T_WIDTH, T_WIDTH):
            if (attributes & m[j + T_CARE]) != m[j + T_WANT]:
                continue
            p = visit_probability(m, wi, wf, j, v, x, attributes, f[ends + cycle], strategy)
            total = add_probability(m, wi, wf, j, cycle, before, p)
            if happens < 0 and p > 0.0:
                address = m[m[H_DECISION_ADDRESS] + m[j + T_TEST_DECISION]]
                rest = 1.0 - before
                if p >= rest or draw_uniform(address | cycle, seed, patient, luck) < p / rest:
                    happens = j
            before = total
        if happens >= 0:
            return f[ends + cycle + 1] if happens == t else math.inf
    return math.inf


@borrow
def visit_time(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, state: int, v: FloatArray, x: FloatArray,
    attributes: int, entered: float, now: float, before: float, passed: bool, strategy: int, seed: int, patient: int,
    luck: int,
) -> float:
    """Time of the next visit of the plan that finds what transition `t` looks for; infinite if none does by `before`.

    A visit at `now` counts, unless it has `passed`: this transition or a later one has just happened at this instant.
    In a model in cycles the visits are the ends of cycles.
    """
    keep_apart()
    if m[H_N_CYCLES] > 0:
        return cycle_time(m, f, wi, wf, t, state, v, x, attributes, now, strategy, seed, patient, luck)
    plan = m[t + T_PLAN]
    table = m[m[H_PLAN_TABLE] + strategy * m[H_N_PLANS] + plan]
    clock = m[m[H_PLAN] + plan]
    origin, episode = 0.0, 0
    if clock == CLOCK_ENTRY:
        origin, episode = entered, wi[m[H_W_ENTRY_COUNT] + state]
    elif clock >= 0:
        episode = wi[m[H_W_CLOCK_COUNT] + clock]
        if episode == 0:
            return math.inf
        origin = wf[m[H_WF_CLOCK] + clock]
    base = m[H_TICK_TIME]
    lo, hi = m[m[H_TICK_START] + table], m[m[H_TICK_START] + table + 1]
    k, stop = lo, hi
    while k < stop:  # the first tick not before now
        middle = (k + stop) // 2
        if origin + f[base + middle] < now:
            k = middle + 1
        else:
            stop = middle
    if passed and k < hi and origin + f[base + k] == now:
        k += 1
    p = visit_probability(m, wi, wf, t, v, x, attributes, now, strategy)
    address = m[m[H_DECISION_ADDRESS] + m[t + T_TEST_DECISION]]
    while k < hi:
        time = origin + f[base + k]
        if time >= f[F_HORIZON] or time > before:
            return math.inf
        occurrence = ((episode & EPISODES) << TICK_BITS) | (k - lo)
        if p >= 1.0 or draw_uniform(address | occurrence, seed, patient, luck) < p:
            return time
        k += 1
    return math.inf


@inner
def event_time(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, state: int, v: FloatArray, x: FloatArray,
    attributes: int, entered: float, now: float, before: float, passed: bool, strategy: int, seed: int, patient: int,
    luck: int,
) -> float:
    """Time of transition `t`, whatever drives it; a time after `before` may be given as infinite."""
    if m[t + T_FAMILY] == VISIT:
        return visit_time(
            m, f, wi, wf, t, state, v, x, attributes, entered, now, before, passed, strategy, seed, patient, luck
        )
    return risk_time(m, f, wi, wf, t, v, x, attributes, entered, now, before, strategy, seed, patient, luck)


@inner
def close_stretch(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    now: float,
) -> None:
    """The risk of transition `t` was open until `now`; effects that change with time are settled at once."""
    risk = m[t + T_RISK]
    if risk < 0 or wi[m[H_W_RISK] + risk * R_WIDTH + R_RATE] < 0:
        return
    rf = m[H_WF_RISK] + risk * RF_WIDTH
    wf[rf + R_UNTIL] = now
    if m[t + T_TIMED] != 0:
        used = timed_used(m, f, wi, wf, t, v, x, attributes, wf[rf + R_SINCE], now)
        wf[rf + R_BUDGET] = max(0.0, wf[rf + R_BUDGET] - used)
        wi[m[H_W_RISK] + risk * R_WIDTH + R_RATE] = BANKED
