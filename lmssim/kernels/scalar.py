"""The kernels' scalar functions, to be called from Python one question at a time: what the reference engine asks.

Each takes the arrays ``m, f, wi, wf, v, x`` of `lmssim.kernels.layout` (the program; one life's own scratch; the
numbers of one draw and strategy; the patient's columns), then its question, then whose luck answers it: ``strategy,
seed, patient, luck``. It hands the arrays' data to the kernel of the same name, which holds the formula and is
described there; nothing is computed here. Rows ``s``, ``t``, ``b`` and ``e`` are positions in `m` of a state, a
transition, a branch and an event; times are model times in years.
"""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray, machine, race, walk
from lmssim.kernels.jit import jit
from lmssim.kernels.layout import H_W_ENTRY_COUNT
from lmssim.kernels.pointer import constant, scratch

# === A life begins; a state is entered ===


@jit
def start_attributes(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, strategy: int, seed: int,
    patient: int, luck: int,
) -> int:
    """Attributes at time 0, after clearing the scratch: what the strategy plans for this patient."""
    p_m, p_wi, p_wf = constant(m), scratch(wi), scratch(wf)
    walk.reset_scratch(p_m, p_wi, p_wf)
    return walk.start_attributes(p_m, p_wi, p_wf, constant(v), constant(x), strategy, seed, patient, luck)


@jit
def count_entry(m: IntArray, wi: IntArray, state: int) -> int:
    """Note an entry into a state by its number; how many there were before."""
    wi[m[H_W_ENTRY_COUNT] + state] += 1
    return wi[m[H_W_ENTRY_COUNT] + state] - 1


@jit
def start_clocks(m: IntArray, wi: IntArray, wf: FloatArray, s: int, time: float) -> None:
    """Start the clocks that entry into a state starts."""
    walk.start_clocks(constant(m), scratch(wi), scratch(wf), s, time)


# === Chance: events that may happen, branches ===


@jit
def event_happens(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, e: int, occurrence: int,
    attributes: int, time: float, strategy: int, seed: int, patient: int, luck: int,
) -> bool:
    """Whether an event happens now."""
    return walk.event_happens(
        constant(m), scratch(wi), scratch(wf), e, occurrence, constant(v), constant(x), attributes, time, strategy,
        seed, patient, luck,
    )


@jit
def event_kills(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, e: int, occurrence: int,
    attributes: int, time: float, strategy: int, seed: int, patient: int, luck: int,
) -> bool:
    """Whether an event that has happened is fatal."""
    return walk.event_kills(
        constant(m), scratch(wi), scratch(wf), e, occurrence, constant(v), constant(x), attributes, time, strategy,
        seed, patient, luck,
    )


@jit
def choose_branch(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, s: int, entries: int,
    attributes: int, time: float, strategy: int, seed: int, patient: int, luck: int,
) -> int:
    """Row of the branch taken in a chance state; -1 where the probabilities are impossible."""
    return walk.choose_branch(
        constant(m), scratch(wi), scratch(wf), s, entries, constant(v), constant(x), attributes, time, strategy, seed,
        patient, luck,
    )


# === The race out of a dwelling state ===


@jit
def renew_risks(m: IntArray, wi: IntArray, s: int, entries: int) -> None:
    """Forget the budgets that are drawn anew at each entry into a state."""
    walk.renew_risks(constant(m), scratch(wi), s, entries)


@jit
def holds(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, rule: int, attributes: int,
    time: float, strategy: int,
) -> bool:
    """Whether a rule holds."""
    return machine.holds(
        constant(m), scratch(wi), scratch(wf), rule, constant(v), constant(x), attributes, time, strategy
    )


@jit
def event_time(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, t: int, state: int,
    attributes: int, entered: float, now: float, passed: bool, strategy: int, seed: int, patient: int, luck: int,
) -> float:
    """Time of a transition, whatever drives it, however late; NaN if its clock has not started."""
    return race.event_time(
        constant(m), constant(f), scratch(wi), scratch(wf), t, state, constant(v), constant(x), attributes, entered,
        now, math.inf, passed, strategy, seed, patient, luck,
    )


@jit
def close_race(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, s: int, running: int,
    chosen: int, attributes: int, now: float,
) -> None:
    """Settle the budgets of all that ran; the winner's is spent."""
    walk.close_race(
        constant(m), constant(f), scratch(wi), scratch(wf), s, running, chosen, constant(v), constant(x), attributes,
        now,
    )


# === For traces ===


@jit
def value_at(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, v: FloatArray, x: FloatArray, ref: int, attributes: int,
    time: float, strategy: int,
) -> float:
    """Value of a ref."""
    return machine.value_at(
        constant(m), scratch(wi), scratch(wf), ref, constant(v), constant(x), attributes, time, strategy
    )
