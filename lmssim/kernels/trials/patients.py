"""Patients whose event, competing event and dropout have piecewise constant hazards; and data as they stand at a look.

Patient p of trial i draws its four numbers at the address (seed, p, i), so that a trial is the same alone or among a
million.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lmssim.kernels import CountArray, FloatArray
from lmssim.kernels.jit import inner, jit
from lmssim.kernels.philox import STREAM_LUCK, address_of, philox_block, to_uniform

DECISION = address_of("patients of a trial with piecewise constant hazards")


class Hazards(NamedTuple):
    """Hazards a year, by arm."""

    event: FloatArray
    """(2, n_breaks + 1)."""
    breaks: FloatArray
    """(n_breaks,): years since entry when the event's hazard changes."""
    competing: FloatArray
    """(2,)."""
    dropout: FloatArray
    """(2,)."""


@inner
def _time_of(budget: float, rates: FloatArray, breaks: FloatArray) -> float:
    """When a piecewise constant hazard has used up a budget."""
    start = 0.0
    for k in range(breaks.shape[0]):
        need = rates[k] * (breaks[k] - start)
        if budget <= need:
            return start + budget / rates[k] if rates[k] > 0.0 else start
        budget -= need
        start = breaks[k]
    last = rates[breaks.shape[0]]
    return start + budget / last if last > 0.0 else math.inf


@inner
def _constant(u0: int, u1: int, event: float, competing: float, dropout: float) -> tuple[float, int]:
    """First of three constant hazards: when, then which."""
    total = event + competing + dropout
    if total == 0.0:
        return math.inf, 0
    which = total * to_uniform(u1)
    return -math.log(to_uniform(u0)) / total, np.int64(which < event + competing) + np.int64(
        (which >= event) & (which < event + competing)
    )


@inner
def _piecewise(u0: int, u1: int, u2: int, hazards: Hazards, arm: int) -> tuple[float, int]:
    """First of a piecewise hazard and two constant ones."""
    t, e = _time_of(-math.log(to_uniform(u0)), hazards.event[arm], hazards.breaks), 1
    if hazards.competing[arm] > 0.0:
        other = -math.log(to_uniform(u1)) / hazards.competing[arm]
        if other < t:
            t, e = other, 2
    if hazards.dropout[arm] > 0.0:
        other = -math.log(to_uniform(u2)) / hazards.dropout[arm]
        if other < t:
            t, e = other, 0
    return t, (e if t < math.inf else 0)


@jit
def fill_trials(
    seed: int, first: int, arms: CountArray, accrual: float, hazards: Hazards, entry: FloatArray, time: FloatArray,
    event: CountArray,
) -> None:
    """Patients of consecutive trials, followed to their event, competing event or dropout.

    Parameters
    ----------
    first : int
        Number of the first trial.
    arms : ndarray(int8, ndim=1)
        Arm of each patient, (n_patients,).
    accrual : float
        Years over which entries are uniform.
    entry, time : ndarray(float, ndim=2)
        Filled, (n_trials, n_patients): years from the trial's start, and from entry.
    event : ndarray(int8, ndim=2)
        Filled: 1 event, 2 competing event, 0 dropout.
    """
    for i in range(time.shape[0]):
        for p in range(time.shape[1]):
            u = philox_block(seed, STREAM_LUCK, 0, p, DECISION, first + i)
            arm = arms[p]
            if hazards.breaks.shape[0] == 0:
                t, e = _constant(u[0], u[1], hazards.event[arm, 0], hazards.competing[arm], hazards.dropout[arm])
            else:
                t, e = _piecewise(u[0], u[1], u[2], hazards, arm)
            time[i, p], event[i, p] = t, e
            entry[i, p] = accrual * to_uniform(u[3])


# === Looks ===


@jit
def cut_at(
    at: FloatArray, entry: FloatArray, time: FloatArray, event: CountArray, cut: FloatArray, seen: CountArray
) -> None:
    """Data as they stand at a calendar time of each trial.

    Parameters
    ----------
    at : ndarray(float, ndim=1)
        Years from the trial's start, (n_trials,).
    cut : ndarray(float, ndim=2)
        Filled: time of observation; NaN for who has not entered.
    seen : ndarray(int8, ndim=2)
        Filled: the event, if it has happened by then.
    """
    for i in range(time.shape[0]):
        for p in range(time.shape[1]):
            limit, t = at[i] - entry[i, p], time[i, p]
            within = entry[i, p] + t <= at[i]  # as `time_of_events` adds them
            seen[i, p] = event[i, p] if within else 0
            cut[i, p] = t if within or math.isnan(t) else (limit if limit >= 0.0 else math.nan)


@jit
def time_of_events(
    count: int, cause: int, entry: FloatArray, time: FloatArray, event: CountArray, at: FloatArray
) -> None:
    """Calendar time of each trial's `count`-th event; infinite if it never comes."""
    when = np.empty(time.shape[1])
    for i in range(time.shape[0]):
        n = 0
        for p in range(time.shape[1]):
            if (event[i, p] == cause) if cause > 0 else (event[i, p] != 0):
                when[n] = entry[i, p] + time[i, p]
                n += 1
        at[i] = np.partition(when[:n], count - 1)[count - 1] if n >= count else math.inf
