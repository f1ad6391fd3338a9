"""The walk: one patient through one strategy, stay by stay, written as rows and marks of a history."""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import borrow, inner, jit, keep_apart, paste

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    ABSORBING, BAD_PROBABILITY, BAD_VALUE, B_CARE, B_CLEAR, B_DIFFERS, B_FIRST_EFFECT, B_LAST_EFFECT, B_REF, B_RULE,
    B_SET, B_TO, B_WANT, B_WIDTH, CHANCE, CLOCK_UNSET, F_HORIZON, G_FIRST_MIX, G_FIRST_RULE, G_LAST_MIX,
    G_LAST_RULE, G_START_BITS, G_WIDTH, H_CLOCK_FIRST, H_DIFFERENCE, H_EVENT, H_MIX_DECISION, H_N_CLOCKS, H_N_MARKS,
    H_N_RISKS, H_N_STATES, H_START_STATE, H_STATE, H_STRATEGY, H_TRANSITION, H_WF_CLOCK, H_WF_RISK, H_WF_WEIGHT,
    H_W_CLOCK_COUNT, H_W_ENTRY_COUNT, H_W_EVENT_COUNT, H_W_MET, H_W_RISK, H_W_START, MARKS_FULL, MAX_STEPS, NONE,
    OK, ON_LOGIT, RF_WIDTH, ROWS_FULL, ROW_ATTRIBUTES, ROW_ENTERED, ROW_LEFT, ROW_STATE, ROW_WHY, ROW_WIDTH,
    R_OCCURRENCE, R_RATE, R_UNTIL, R_WIDTH, S_CLEAR, S_DECISION, S_FIRST_BRANCH, S_FIRST_CLOCK, S_FIRST_EVENT,
    S_FIRST_TRANSITION, S_KIND, S_LAST_BRANCH, S_LAST_CLOCK, S_LAST_EVENT, S_LAST_TRANSITION, S_RECORDED, S_RENEWS,
    S_SET, S_WIDTH, TOO_LONG, T_CARE, T_CLEAR, T_DIFFERS, T_EVENT, T_FRESH, T_MARK, T_RISK, T_RULE, T_SET, T_SILENT,
    T_TO, T_WANT, T_WIDTH, V_CARE, V_CLEAR, V_DEATH_DECISION, V_DEATH_REF, V_DEATH_STATE, V_DECISION, V_DIFFERS,
    V_FIRST_EFFECT, V_LAST_EFFECT, V_REF, V_RULE, V_SET, V_WANT, V_WIDTH, WHY_CHANCE, WHY_END, WHY_EVENT,
    WHY_HORIZON, W_BAD, W_EPOCH, W_INFO, W_MET, W_PATIENT, W_STAMP, W_STRATEGY, W_WHO,
)
# isort: on
from lmssim.kernels.luck import kept_uniform
from lmssim.kernels.machine import holds, value_at
from lmssim.kernels.pointer import advance, constant, history, scratch
from lmssim.kernels.race import FRESH, apply_logit, close_stretch, event_time, sum_effects

REPEAT_SHIFT = 10
"""A fresh risk is numbered by entries in the low bits, by its repeats within a stay above them."""
TOLERANCE = 1e-9
"""How far probabilities may miss 0 or 1 by rounding."""


@inner
def start_attributes(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, strategy: int, seed: int, patient: int,
    luck: int,
) -> int:
    """Attributes at time 0: what the strategy plans for this patient."""
    g = m[H_STRATEGY] + strategy * G_WIDTH
    attributes = m[g + G_START_BITS]
    for k in range(m[g + G_FIRST_RULE], m[g + G_LAST_RULE], 2):
        if holds(m, wi, wf, m[k], v, x, attributes, 0.0, strategy):
            attributes |= m[k + 1]
    first, last = m[g + G_FIRST_MIX], m[g + G_LAST_MIX]
    if last > first:
        u = kept_uniform(m, wi, wf, m[H_MIX_DECISION], 0, seed, patient, luck)
        total = 0.0
        for k in range(first, last, 2):
            total += value_at(m, wi, wf, m[k], v, x, attributes, 0.0, strategy)
            if u < total:
                return attributes | m[k + 1]
    return attributes


@inner
def reset_scratch(m: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Forget the life before: clocks unset, budgets undrawn. The patient's luck is kept."""
    for c in range(m[H_N_CLOCKS]):
        wi[m[H_W_CLOCK_COUNT] + c] = 0
    for s in range(m[H_N_STATES]):
        wi[m[H_W_ENTRY_COUNT] + s] = 0
    for e in range(2 * m[H_N_MARKS]):
        wi[m[H_W_EVENT_COUNT] + e] = 0
    for k in range(m[H_N_RISKS]):
        wi[m[H_W_RISK] + k * R_WIDTH + R_RATE] = FRESH
        wi[m[H_W_RISK] + k * R_WIDTH + R_OCCURRENCE] = 0
        wf[m[H_WF_RISK] + k * RF_WIDTH + R_UNTIL] = -1.0


@inner
def start_clocks(m: IntArray, wi: IntArray, wf: FloatArray, s: int, time: float) -> None:
    """Start the clocks that entry into the state at row `s` starts."""
    for k in range(m[s + S_FIRST_CLOCK], m[s + S_LAST_CLOCK]):
        clock = m[k]
        count = m[H_W_CLOCK_COUNT] + clock
        if m[m[H_CLOCK_FIRST] + clock] == 0 or wi[count] == 0:
            wf[m[H_WF_CLOCK] + clock] = time
            wi[count] += 1


@borrow
def weigh_branches(
    m: IntArray, wi: IntArray, wf: FloatArray, s: int, v: FloatArray, x: FloatArray, attributes: int, time: float,
    strategy: int,
) -> float:
    """Weights of a chance state's branches, left in the scratch; returns their total, or -1 if they are impossible.

    A rule that holds on a branch without probability takes it for certain if it is the first possible; a last branch
    without probability takes the rest. Effects act on the log odds of each branch against the rest.
    """
    keep_apart()
    total, any_effect, weight, certain = 0.0, False, m[H_WF_WEIGHT], False
    for b in range(m[s + S_FIRST_BRANCH], m[s + S_LAST_BRANCH], B_WIDTH):
        wf[weight] = 0.0
        possible = not certain and (attributes & m[b + B_CARE]) == m[b + B_WANT]
        if possible:
            wi[W_MET] |= m[b + B_DIFFERS]
        if possible and holds(m, wi, wf, m[b + B_RULE], v, x, attributes, time, strategy):
            if m[b + B_REF] == NONE:
                if total > 1.0 + TOLERANCE:
                    return -1.0
                certain = total == 0.0
                wf[weight] = max(0.0, 1.0 - total)
                total = 1.0
            else:
                p = value_at(m, wi, wf, m[b + B_REF], v, x, attributes, time, strategy)
                if not 0.0 <= p <= 1.0 + TOLERANCE:
                    return -1.0
                wf[weight] = p
                total += p
                any_effect |= m[b + B_LAST_EFFECT] > m[b + B_FIRST_EFFECT]
        weight += 1
    if not 1.0 - TOLERANCE <= total <= 1.0 + TOLERANCE:
        return -1.0
    if any_effect:
        total = tilt_weights(m, wi, wf, s, v, x, attributes, time, strategy)
    return total


@jit
def choose_branch(
    m: IntArray, wi: IntArray, wf: FloatArray, s: int, entries: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int, seed: int, patient: int, luck: int,
) -> int:
    """Branch taken in a chance state, by one uniform over the branches' weights; -1 where they are impossible."""
    keep_apart()
    total = weigh_branches(m, wi, wf, s, v, x, attributes, time, strategy)
    if total < 0.0:
        return -1
    running, chosen, weight, u = 0.0, -1, m[H_WF_WEIGHT], -1.0
    for b in range(m[s + S_FIRST_BRANCH], m[s + S_LAST_BRANCH], B_WIDTH):
        if wf[weight] > 0.0:
            if u < 0.0 and wf[weight] == total:
                return b  # the only one possible
            if u < 0.0:
                u = kept_uniform(m, wi, wf, m[s + S_DECISION], entries, seed, patient, luck) * total
            chosen = b
            running += wf[weight]
            if u < running:
                break
        weight += 1
    return chosen


@borrow
def tilt_weights(
    m: IntArray, wi: IntArray, wf: FloatArray, s: int, v: FloatArray, x: FloatArray, attributes: int, time: float,
    strategy: int,
) -> float:
    """Multiply the branches' weights by their odds ratios; returns the new total."""
    keep_apart()
    total, weight = 0.0, m[H_WF_WEIGHT]
    for b in range(m[s + S_FIRST_BRANCH], m[s + S_LAST_BRANCH], B_WIDTH):
        first, last = m[b + B_FIRST_EFFECT], m[b + B_LAST_EFFECT]
        effect = sum_effects(m, wi, wf, first, last, ON_LOGIT, v, x, attributes, time, strategy)
        if effect != 0.0:
            wf[weight] *= math.exp(effect)
        total += wf[weight]
        weight += 1
    return total


@jit
def event_probability(
    m: IntArray, wi: IntArray, wf: FloatArray, e: int, v: FloatArray, x: FloatArray, attributes: int, time: float,
    strategy: int,
) -> float:
    """Probability that the event at row `e` (a complication) happens now."""
    if (attributes & m[e + V_CARE]) != m[e + V_WANT]:
        return 0.0
    wi[W_MET] |= m[e + V_DIFFERS]
    if not holds(m, wi, wf, m[e + V_RULE], v, x, attributes, time, strategy):
        return 0.0
    p = value_at(m, wi, wf, m[e + V_REF], v, x, attributes, time, strategy)
    first, last = m[e + V_FIRST_EFFECT], m[e + V_LAST_EFFECT]
    if last > first:
        p = apply_logit(p, sum_effects(m, wi, wf, first, last, ON_LOGIT, v, x, attributes, time, strategy))
    return p


@inner
def event_happens(
    m: IntArray, wi: IntArray, wf: FloatArray, e: int, occurrence: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int, seed: int, patient: int, luck: int,
) -> bool:
    """Whether the event at row `e` happens now."""
    p = event_probability(m, wi, wf, e, v, x, attributes, time, strategy)
    return p > 0.0 and kept_uniform(m, wi, wf, m[e + V_DECISION], occurrence, seed, patient, luck) < p


@jit
def event_kills(
    m: IntArray, wi: IntArray, wf: FloatArray, e: int, occurrence: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int, seed: int, patient: int, luck: int,
) -> bool:
    """Whether the event at row `e`, which has happened, is fatal."""
    keep_apart()
    if m[e + V_DEATH_REF] == NONE:
        return False
    wi[W_MET] |= m[e + V_DIFFERS]
    p = value_at(m, wi, wf, m[e + V_DEATH_REF], v, x, attributes, time, strategy)
    return kept_uniform(m, wi, wf, m[e + V_DEATH_DECISION], occurrence, seed, patient, luck) < p


@inner
def first_event(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, state: int, v: FloatArray, x: FloatArray,
    attributes: int, entered: float, now: float, after: int, strategy: int, seed: int, patient: int, luck: int,
) -> tuple[float, int, int]:
    """Race out of a state from `now`: time and row of the winner (-1 if none), and the bits of those that ran.

    Simultaneous events go to the first in the state's order. The race is run from the last, since ends of stays and
    frequent events stand there: who is surely slower need not be timed. A time that is not a number gives row -2 - row.
    """
    s = m[H_STATE] + state * S_WIDTH
    first, last = m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION]
    horizon = f[F_HORIZON]
    best, chosen, running, bit, met = horizon, -1, 0, 1, 0
    for t in range(last - T_WIDTH, first - T_WIDTH, -T_WIDTH):
        possible = (attributes & m[t + T_CARE]) == m[t + T_WANT]
        if possible:
            met |= m[t + T_DIFFERS]
        if possible and holds(m, wi, wf, m[t + T_RULE], v, x, attributes, now, strategy):
            running |= bit
            time = event_time(
                m, f, wi, wf, t, state, v, x, attributes, entered, now, best, t <= after, strategy, seed, patient, luck
            )
            if time <= best and time < horizon:
                best, chosen = time, t
            elif math.isnan(time):
                return time, -2 - t, running
        bit <<= 1
    wi[W_MET] |= met
    return best, chosen, running


@inner
def renew_risks(m: IntArray, wi: IntArray, s: int, entries: int) -> None:
    """Forget the budgets that are drawn anew at each entry into the state at row `s`."""
    for t in range(m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION], T_WIDTH):
        if m[t + T_FRESH] != 0:
            r = m[H_W_RISK] + m[t + T_RISK] * R_WIDTH
            wi[r + R_RATE], wi[r + R_OCCURRENCE] = FRESH, entries


@inner
def close_race(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, s: int, running: int, chosen: int, v: FloatArray,
    x: FloatArray, attributes: int, now: float,
) -> None:
    """Settle the budgets of all who ran; the winner's is spent."""
    bit = 1
    for t in range(m[s + S_LAST_TRANSITION] - T_WIDTH, m[s + S_FIRST_TRANSITION] - T_WIDTH, -T_WIDTH):
        if running & bit:
            close_stretch(m, f, wi, wf, t, v, x, attributes, now)
        bit <<= 1
    risk = m[chosen + T_RISK]
    if risk >= 0:
        r = m[H_W_RISK] + risk * R_WIDTH
        wi[r + R_RATE] = FRESH
        wi[r + R_OCCURRENCE] += 1 if m[chosen + T_FRESH] == 0 else 1 << REPEAT_SHIFT


@paste
def walk_patient(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, strategy: int, seed: int,
    patient: int, luck: int, attributes: int, path: int, starts: IntArray, rows: IntArray, times: FloatArray,
    n_rows: int, marks: IntArray, mark_times: FloatArray, n_marks: int,
) -> int:
    """Write the history of one patient under one strategy.

    Parameters
    ----------
    attributes : int
        At time 0.
    starts : pointer to int
        First row and first mark of each path, two numbers a path; those of path + 1 are written.
    rows : pointer to int
        By row: state, why it was left, attributes on entry; room for `n_rows`.
    times : pointer to float
        By row: entered, left (years).
    marks, mark_times : pointers
        Codes and times of events within the life; room for `n_marks`.

    Returns
    -------
    int
        `OK`, or the reason why the life could not be walked.
    """
    row, mark = starts[2 * path], starts[2 * path + 1]
    reset_scratch(m, wi, wf)
    state, time = m[H_START_STATE], 0.0
    for _ in range(MAX_STEPS):
        # === Entry ===
        s = m[H_STATE] + state * S_WIDTH
        attributes = (attributes & ~m[s + S_CLEAR]) | m[s + S_SET]
        entries = wi[m[H_W_ENTRY_COUNT] + state]
        wi[m[H_W_ENTRY_COUNT] + state] = entries + 1
        start_clocks(m, wi, wf, s, time)
        if row == n_rows:
            return ROWS_FULL
        following, why = -1, WHY_HORIZON
        for k in range(m[s + S_FIRST_EVENT], m[s + S_LAST_EVENT]):
            e = m[H_EVENT] + m[k] * V_WIDTH
            count = m[H_W_EVENT_COUNT] + 2 * m[k]
            wi[count] += 1
            if event_happens(m, wi, wf, e, wi[count] - 1, v, x, attributes, time, strategy, seed, patient, luck):
                if mark == n_marks:
                    return MARKS_FULL
                marks[mark], mark_times[mark] = m[k], time
                mark += 1
                attributes = (attributes & ~m[e + V_CLEAR]) | m[e + V_SET]
                wi[count + 1] += 1
                had = wi[count + 1] - 1
                if event_kills(m, wi, wf, e, had, v, x, attributes, time, strategy, seed, patient, luck):
                    following, why = m[e + V_DEATH_STATE], WHY_EVENT
                    break
        kind, now, on_entry = m[s + S_KIND], time, attributes
        # === Chance, absorption ===
        if following < 0 and kind == CHANCE:
            b = choose_branch(m, wi, wf, s, entries, v, x, attributes, time, strategy, seed, patient, luck)
            if b < 0:
                wi[W_INFO] = state
                return BAD_PROBABILITY
            attributes = (attributes & ~m[b + B_CLEAR]) | m[b + B_SET]
            following, why = m[b + B_TO], WHY_CHANCE
        elif kind == ABSORBING:
            why = WHY_END
        # === A stay ===
        elif following < 0:
            if m[s + S_RENEWS] != 0:
                renew_risks(m, wi, s, entries)
            after = -1
            while following < 0:
                best, t, running = first_event(
                    m, f, wi, wf, state, v, x, attributes, time, now, after, strategy, seed, patient, luck
                )
                if t <= -2:
                    wi[W_INFO] = (-2 - t - m[H_TRANSITION]) // T_WIDTH
                    return CLOCK_UNSET
                if t < 0:
                    now = f[F_HORIZON]
                    break
                close_race(m, f, wi, wf, s, running, t, v, x, attributes, best)
                now, after = best, t
                attributes = (attributes & ~m[t + T_CLEAR]) | m[t + T_SET]
                if m[t + T_MARK] >= 0:
                    if mark == n_marks:
                        return MARKS_FULL
                    marks[mark], mark_times[mark] = m[t + T_MARK], now
                    mark += 1
                if m[t + T_EVENT] >= 0:
                    e = m[H_EVENT] + m[t + T_EVENT] * V_WIDTH
                    attributes = (attributes & ~m[e + V_CLEAR]) | m[e + V_SET]
                    count = m[H_W_EVENT_COUNT] + 2 * m[t + T_EVENT] + 1
                    wi[count] += 1
                    had = wi[count] - 1
                    if event_kills(m, wi, wf, e, had, v, x, attributes, now, strategy, seed, patient, luck):
                        following, why = m[e + V_DEATH_STATE], WHY_EVENT
                        break
                if m[t + T_SILENT] == 0:
                    following, why = m[t + T_TO], (t - m[H_TRANSITION]) // T_WIDTH
        # === The row ===
        if kind != CHANCE or why == WHY_EVENT or m[s + S_RECORDED] != 0:
            i = ROW_WIDTH * row
            rows[i + ROW_STATE], rows[i + ROW_WHY], rows[i + ROW_ATTRIBUTES] = state, why, on_entry
            times[2 * row + ROW_ENTERED], times[2 * row + ROW_LEFT] = time, now
            row += 1
        if following < 0:
            starts[2 * path + 2], starts[2 * path + 3] = row, mark
            return OK
        state, time = following, now
    wi[W_INFO] = state
    return TOO_LONG


@inner
def twin_of(m: IntArray, wi: IntArray, arms: IntArray, k: int, attributes: int, n_strategies: int) -> int:
    """An arm before arm `k` in which this patient's life is the same; -1 if none is known.

    It begins with the same attributes, and whatever was asked within it has the same answer under the strategy of arm
    `k`: what was met of the differences between strategies does not set the two apart.

    Parameters
    ----------
    arms : pointer to int
        Strategies that this patient meets.
    """
    met, start = m[H_W_MET], m[H_W_START]
    wi[start + k] = attributes
    for j in range(k):
        if wi[start + j] == attributes and (wi[met + j] & m[m[H_DIFFERENCE] + arms[j] * n_strategies + arms[k]]) == 0:
            return j
    return -1


@borrow
def copy_history(
    path: int, twin: int, starts: IntArray, rows: IntArray, times: FloatArray, n_rows: int, marks: IntArray,
    mark_times: FloatArray, n_marks: int,
) -> int:
    """Write the history of path `twin` as that of `path` too."""
    row, mark = starts[2 * path], starts[2 * path + 1]
    first, first_mark = starts[2 * twin], starts[2 * twin + 1]
    length, length_marks = starts[2 * twin + 2] - first, starts[2 * twin + 3] - first_mark
    if row + length > n_rows:
        return ROWS_FULL
    if mark + length_marks > n_marks:
        return MARKS_FULL
    for i in range(ROW_WIDTH * length):
        rows[ROW_WIDTH * row + i] = rows[ROW_WIDTH * first + i]
    for i in range(2 * length):
        times[2 * row + i] = times[2 * first + i]
    for i in range(length_marks):
        marks[mark + i], mark_times[mark + i] = marks[first_mark + i], mark_times[first_mark + i]
    starts[2 * path + 2], starts[2 * path + 3] = row + length, mark + length_marks
    return OK


@jit
def walk_block(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, numbers: FloatArray, x: FloatArray, arms: IntArray,
    first_patient: int, seed: int, luck: int, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray,
    mark_times: FloatArray,
) -> int:
    """Histories of a block of patients under the strategies that they meet: path = patient x n_arms + arm.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    x : ndarray(float, ndim=2)
        (n_patients, n_columns).
    arms : ndarray(int, ndim=2)
        (n_patients, n_arms): strategies that each patient meets; (1, n_arms) if all meet the same.
    """
    n_strategies, n_numbers = numbers.shape
    n_arms, own = arms.shape[1], arms.shape[1] if arms.shape[0] > 1 else 0
    n_columns, n_rows, n_marks = x.shape[1], rows.shape[0], marks.shape[0]
    starts[0, 0], starts[0, 1] = 0, 0
    wi[W_EPOCH] += 1
    p_m, p_f, p_wi, p_wf = constant(m), constant(f), scratch(wi), scratch(wf)
    p_numbers, p_x, p_arms = constant(numbers), constant(x), constant(arms)
    p_starts, p_rows, p_times, p_marks, p_mark_times = (
        history(starts), history(rows), history(times), history(marks), history(mark_times)
    )
    for i in range(x.shape[0]):
        p_wi[W_STAMP] += 1
        p_wi[W_WHO] += 1
        patient, columns, met = first_patient + i, advance(p_x, i * n_columns), advance(p_arms, i * own)
        for k in range(n_arms):
            path, strategy = i * n_arms + k, met[k]
            v = advance(p_numbers, strategy * n_numbers)
            attributes = start_attributes(p_m, p_wi, p_wf, v, columns, strategy, seed, patient, luck)
            twin = twin_of(p_m, p_wi, met, k, attributes, n_strategies)
            if twin >= 0:
                p_wi[p_m[H_W_MET] + k] = p_wi[p_m[H_W_MET] + twin]
                status = copy_history(
                    path, i * n_arms + twin, p_starts, p_rows, p_times, n_rows, p_marks, p_mark_times, n_marks
                )
            else:
                p_wi[W_MET] = 0
                status = walk_patient(
                    p_m, p_f, p_wi, p_wf, v, columns, strategy, seed, patient, luck, attributes, path, p_starts,
                    p_rows, p_times, n_rows, p_marks, p_mark_times, n_marks,
                )
                p_wi[p_m[H_W_MET] + k] = p_wi[W_MET]
            if status != OK:
                wi[W_PATIENT], wi[W_STRATEGY] = patient, strategy
                return status
    return OK if wi[W_BAD] == 0 else BAD_VALUE
