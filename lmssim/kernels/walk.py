"""The walk: one patient through one strategy, stay by stay, written as rows and marks of a history."""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import inline, jit
from lmssim.kernels.layout import (
    ABSORBING, B_CARE, B_CLEAR, B_FIRST_EFFECT, B_LAST_EFFECT, B_REF, B_RULE, B_SET, B_TO, B_WANT, B_WIDTH,
    BAD_PROBABILITY, CHANCE, CLOCK_UNSET, F_HORIZON, G_FIRST_MIX, G_FIRST_RULE, G_LAST_MIX,
    G_LAST_RULE, G_START_BITS, G_WIDTH, H_CLOCK_FIRST, H_EVENT, H_MIX_DECISION, H_N_CLOCKS, H_N_RISKS, H_N_STATES,
    H_START_STATE, H_STATE, H_STRATEGY, H_TRANSITION, H_W_CLOCK_COUNT, H_W_ENTRY_COUNT, H_W_RISK, H_WF_CLOCK,
    H_WF_RISK, H_WF_WEIGHT, MARKS_FULL, MAX_STEPS, NONE, OK, ON_LOGIT, R_OCCURRENCE, R_RATE, R_UNTIL, R_WIDTH,
    RF_WIDTH, ROW_ATTRIBUTES, ROW_ENTERED, ROW_LEFT, ROW_STATE, ROW_WHY, ROW_WIDTH, ROWS_FULL, S_CLEAR, S_DECISION,
    S_FIRST_BRANCH, S_FIRST_CLOCK, S_FIRST_EVENT, S_FIRST_TRANSITION, S_KIND, S_LAST_BRANCH, S_LAST_CLOCK,
    S_LAST_EVENT, S_LAST_TRANSITION, S_RECORDED, S_SET, S_WIDTH, T_CARE, T_CLEAR, T_EVENT, T_FRESH, T_MARK, T_RISK,
    T_RULE, T_SET, T_SILENT, T_TO, T_WANT, T_WIDTH, TOO_LONG, V_CARE, V_CLEAR, V_DEATH_DECISION, V_DEATH_REF,
    V_DEATH_STATE, V_DECISION, V_FIRST_EFFECT, V_LAST_EFFECT, V_REF, V_RULE, V_SET, V_WANT, V_WIDTH, W_INFO,
    W_PATIENT, W_STAMP, W_STRATEGY, WHY_CHANCE, WHY_END, WHY_EVENT, WHY_HORIZON,
)  # fmt: skip
from lmssim.kernels.luck import kept_uniform
from lmssim.kernels.machine import holds, value_at
from lmssim.kernels.pointer import advance, pointer
from lmssim.kernels.race import FRESH, apply_logit, close_stretch, event_time, sum_effects

REPEAT_SHIFT = 10
"""A fresh risk is numbered by entries in the low bits, by its repeats within a stay above them."""
TOLERANCE = 1e-9
"""How far probabilities may miss 0 or 1 by rounding."""


@inline
def start_attributes(
    m: IntArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, strategy: int, seed: int, patient: int,
    luck: int,
) -> int:  # fmt: skip
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


@inline
def reset_scratch(m: IntArray, wi: IntArray, wf: FloatArray) -> None:
    """Forget the life before: clocks unset, budgets undrawn. The patient's luck is kept."""
    for c in range(m[H_N_CLOCKS]):
        wi[m[H_W_CLOCK_COUNT] + c] = 0
    for s in range(m[H_N_STATES]):
        wi[m[H_W_ENTRY_COUNT] + s] = 0
    for k in range(m[H_N_RISKS]):
        wi[m[H_W_RISK] + k * R_WIDTH + R_RATE] = FRESH
        wi[m[H_W_RISK] + k * R_WIDTH + R_OCCURRENCE] = 0
        wf[m[H_WF_RISK] + k * RF_WIDTH + R_UNTIL] = -1.0


@inline
def start_clocks(m: IntArray, wi: IntArray, wf: FloatArray, s: int, time: float) -> None:
    """Start the clocks that entry into the state at row `s` starts."""
    for k in range(m[s + S_FIRST_CLOCK], m[s + S_LAST_CLOCK]):
        clock = m[k]
        count = m[H_W_CLOCK_COUNT] + clock
        if m[m[H_CLOCK_FIRST] + clock] == 0 or wi[count] == 0:
            wf[m[H_WF_CLOCK] + clock] = time
            wi[count] += 1


@jit
def choose_branch(
    m: IntArray, wi: IntArray, wf: FloatArray, s: int, entries: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int, seed: int, patient: int, luck: int,
) -> int:  # fmt: skip
    """Branch taken in a chance state: the first whose rule holds and that has no probability, else by one uniform.

    A last branch without probability takes the rest. Effects act on the log odds of each branch against the rest.
    Returns -1 where the probabilities are impossible.
    """
    total, any_effect, weight = 0.0, False, m[H_WF_WEIGHT]
    for b in range(m[s + S_FIRST_BRANCH], m[s + S_LAST_BRANCH], B_WIDTH):
        wf[weight] = 0.0
        possible = (attributes & m[b + B_CARE]) == m[b + B_WANT]
        if possible and holds(m, wi, wf, m[b + B_RULE], v, x, attributes, time, strategy):
            if m[b + B_REF] == NONE:
                if total == 0.0:
                    return b
                wf[weight] = 1.0 - total
                total = 1.0
            else:
                p = value_at(m, wi, wf, m[b + B_REF], v, x, attributes, time, strategy)
                if not 0.0 <= p <= 1.0 + TOLERANCE:
                    return -1
                wf[weight] = p
                total += p
                any_effect |= m[b + B_LAST_EFFECT] > m[b + B_FIRST_EFFECT]
        weight += 1
    if not 1.0 - TOLERANCE <= total <= 1.0 + TOLERANCE:
        return -1
    if any_effect:
        total = tilt_weights(m, wi, wf, s, v, x, attributes, time, strategy)
    u = kept_uniform(m, wi, wf, m[s + S_DECISION], entries, seed, patient, luck) * total
    running, chosen, weight = 0.0, -1, m[H_WF_WEIGHT]
    for b in range(m[s + S_FIRST_BRANCH], m[s + S_LAST_BRANCH], B_WIDTH):
        if wf[weight] > 0.0:
            chosen = b
            running += wf[weight]
            if u < running:
                break
        weight += 1
    return chosen


@jit
def tilt_weights(
    m: IntArray, wi: IntArray, wf: FloatArray, s: int, v: FloatArray, x: FloatArray, attributes: int, time: float,
    strategy: int,
) -> float:  # fmt: skip
    """Multiply the branches' weights by their odds ratios; returns the new total."""
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
def event_happens(
    m: IntArray, wi: IntArray, wf: FloatArray, e: int, occurrence: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int, seed: int, patient: int, luck: int,
) -> bool:  # fmt: skip
    """Whether the event at row `e` (a complication) happens now."""
    if (attributes & m[e + V_CARE]) != m[e + V_WANT]:
        return False
    if not holds(m, wi, wf, m[e + V_RULE], v, x, attributes, time, strategy):
        return False
    p = value_at(m, wi, wf, m[e + V_REF], v, x, attributes, time, strategy)
    first, last = m[e + V_FIRST_EFFECT], m[e + V_LAST_EFFECT]
    if last > first:
        p = apply_logit(p, sum_effects(m, wi, wf, first, last, ON_LOGIT, v, x, attributes, time, strategy))
    return kept_uniform(m, wi, wf, m[e + V_DECISION], occurrence, seed, patient, luck) < p


@jit
def event_kills(
    m: IntArray, wi: IntArray, wf: FloatArray, e: int, occurrence: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int, seed: int, patient: int, luck: int,
) -> bool:  # fmt: skip
    """Whether the event at row `e`, which has happened, is fatal."""
    if m[e + V_DEATH_REF] == NONE:
        return False
    p = value_at(m, wi, wf, m[e + V_DEATH_REF], v, x, attributes, time, strategy)
    return kept_uniform(m, wi, wf, m[e + V_DEATH_DECISION], occurrence, seed, patient, luck) < p


@inline
def first_event(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, state: int, v: FloatArray, x: FloatArray,
    attributes: int, entered: float, now: float, strategy: int, seed: int, patient: int, luck: int,
) -> tuple[float, int, int]:  # fmt: skip
    """Race out of a state from `now`: time and row of the winner (-1 if none), and the bits of those that ran.

    Simultaneous events go to the first in the state's order. A time that is not a number gives row -2 - row.
    """
    s = m[H_STATE] + state * S_WIDTH
    best, chosen, running = math.inf, -1, 0
    bit = 1
    for t in range(m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION], T_WIDTH):
        possible = (attributes & m[t + T_CARE]) == m[t + T_WANT]
        if possible and holds(m, wi, wf, m[t + T_RULE], v, x, attributes, now, strategy):
            running |= bit
            time = event_time(m, f, wi, wf, t, state, v, x, attributes, entered, now, strategy, seed, patient, luck)
            if time < best:
                best, chosen = time, t
            elif math.isnan(time):
                return time, -2 - t, running
        bit <<= 1
    return best, chosen, running


@inline
def close_race(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, s: int, running: int, chosen: int, v: FloatArray,
    x: FloatArray, attributes: int, now: float,
) -> None:  # fmt: skip
    """Settle the budgets of all who ran; the winner's is spent."""
    bit = 1
    for t in range(m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION], T_WIDTH):
        if running & bit:
            close_stretch(m, f, wi, wf, t, v, x, attributes, now)
        bit <<= 1
    risk = m[chosen + T_RISK]
    if risk >= 0:
        r = m[H_W_RISK] + risk * R_WIDTH
        wi[r + R_RATE] = FRESH
        wi[r + R_OCCURRENCE] += 1 if m[chosen + T_FRESH] == 0 else 1 << REPEAT_SHIFT


@jit
def walk_patient(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, strategy: int, seed: int,
    patient: int, luck: int, path: int, starts: IntArray, rows: IntArray, times: FloatArray, n_rows: int,
    marks: IntArray, mark_times: FloatArray, n_marks: int,
) -> int:  # fmt: skip
    """Write the history of one patient under one strategy.

    Parameters
    ----------
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
    attributes = start_attributes(m, wi, wf, v, x, strategy, seed, patient, luck)
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
            if event_happens(m, wi, wf, e, entries, v, x, attributes, time, strategy, seed, patient, luck):
                if mark == n_marks:
                    return MARKS_FULL
                marks[mark], mark_times[mark] = m[k], time
                mark += 1
                attributes = (attributes & ~m[e + V_CLEAR]) | m[e + V_SET]
                if event_kills(m, wi, wf, e, entries, v, x, attributes, time, strategy, seed, patient, luck):
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
            for t in range(m[s + S_FIRST_TRANSITION], m[s + S_LAST_TRANSITION], T_WIDTH):
                if m[t + T_FRESH] != 0:
                    r = m[H_W_RISK] + m[t + T_RISK] * R_WIDTH
                    wi[r + R_RATE], wi[r + R_OCCURRENCE] = FRESH, entries
            while following < 0:
                best, t, running = first_event(
                    m, f, wi, wf, state, v, x, attributes, time, now, strategy, seed, patient, luck
                )
                if t <= -2:
                    wi[W_INFO] = (-2 - t - m[H_TRANSITION]) // T_WIDTH
                    return CLOCK_UNSET
                if t < 0 or best >= f[F_HORIZON]:
                    now = f[F_HORIZON]
                    break
                close_race(m, f, wi, wf, s, running, t, v, x, attributes, best)
                now = best
                attributes = (attributes & ~m[t + T_CLEAR]) | m[t + T_SET]
                if m[t + T_MARK] >= 0:
                    if mark == n_marks:
                        return MARKS_FULL
                    marks[mark], mark_times[mark] = m[t + T_MARK], now
                    mark += 1
                if m[t + T_EVENT] >= 0:
                    e = m[H_EVENT] + m[t + T_EVENT] * V_WIDTH
                    attributes = (attributes & ~m[e + V_CLEAR]) | m[e + V_SET]
                    if event_kills(m, wi, wf, e, entries, v, x, attributes, now, strategy, seed, patient, luck):
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


@jit
def walk_block(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, numbers: FloatArray, x: FloatArray, first_patient: int,
    seed: int, luck: int, starts: IntArray, rows: IntArray, times: FloatArray, marks: IntArray, mark_times: FloatArray,
) -> int:  # fmt: skip
    """Histories of a block of patients under every strategy: path = patient x n_strategies + strategy.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    x : ndarray(float, ndim=2)
        (n_patients, n_columns).
    """
    n_strategies, n_numbers = numbers.shape
    n_columns, n_rows, n_marks = x.shape[1], rows.shape[0], marks.shape[0]
    starts[0, 0], starts[0, 1] = 0, 0
    p_m, p_f, p_wi, p_wf, p_numbers, p_x = pointer(m), pointer(f), pointer(wi), pointer(wf), pointer(numbers), pointer(x)
    p_starts, p_rows, p_times, p_marks, p_mark_times = (
        pointer(starts), pointer(rows), pointer(times), pointer(marks), pointer(mark_times)
    )  # fmt: skip
    for i in range(x.shape[0]):
        p_wi[W_STAMP] += 1
        for k in range(n_strategies):
            status = walk_patient(
                p_m, p_f, p_wi, p_wf, advance(p_numbers, k * n_numbers), advance(p_x, i * n_columns), k, seed,
                first_patient + i, luck, i * n_strategies + k, p_starts, p_rows, p_times, n_rows, p_marks,
                p_mark_times, n_marks,
            )  # fmt: skip
            if status != OK:
                wi[W_PATIENT], wi[W_STRATEGY] = first_patient + i, k
                return status
    return OK
