"""Survival curves of a partitioned survival model: the share a curve still holds, with effects, cure and a floor.

A curve stands in the program as a transition; families, effects and their clocks are those of `lmssim.kernels.race`.
"""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.families import FIXED, LIFE_TABLE, PIECEWISE
from lmssim.kernels.jit import inner, jit

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    CLOCK_AGE, H_AGE_COLUMN, H_LIFE_COLUMN, H_WF_RISK, NONE, RF_WIDTH, R_A, R_B, R_C, R_ORIGIN, R_RATIO, R_STRETCH,
    T_CLOCK, T_CURE, T_FAMILY, T_FIRST_EFFECT, T_LAST_EFFECT, T_REF_A, T_REF_B, T_REF_C, T_RISK,
)
# isort: on
from lmssim.kernels.machine import value_at
from lmssim.kernels.race import base_hazard, sum_rate_effects, timed_used

NO_FLOOR = -1.0
"""Multiplier of the background hazard where there is no floor."""
AHEAD = 1e-3
"""Share of a step over which hazards are compared at its ends."""
HALVINGS = 40


@jit
def value(
    m: IntArray, wi: IntArray, wf: FloatArray, ref: int, v: FloatArray, x: FloatArray, attributes: int, strategy: int
) -> float:
    """Value of a ref at time zero."""
    return value_at(m, wi, wf, ref, v, x, attributes, 0.0, strategy)


@jit
def open_curve(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    strategy: int,
) -> tuple[float, float]:
    """Write how the curve of transition `t` falls to its risk's scratch; returns the cured share and a fixed delay."""
    cured = 0.0
    if m[t + T_CURE] != NONE:
        cured = value_at(m, wi, wf, m[t + T_CURE], v, x, attributes, 0.0, strategy)
    if m[t + T_FAMILY] == FIXED:
        return cured, value_at(m, wi, wf, m[t + T_REF_A], v, x, attributes, 0.0, strategy)
    rf = m[H_WF_RISK] + m[t + T_RISK] * RF_WIDTH
    on_hazard, on_time = sum_rate_effects(
        m, wi, wf, m[t + T_FIRST_EFFECT], m[t + T_LAST_EFFECT], v, x, attributes, 0.0, strategy
    )
    wf[rf + R_RATIO], wf[rf + R_STRETCH] = math.exp(on_hazard), math.exp(-on_time)
    wf[rf + R_ORIGIN] = -x[m[H_AGE_COLUMN]] if m[t + T_CLOCK] == CLOCK_AGE else 0.0
    if m[t + T_FAMILY] == PIECEWISE:
        wf[rf + R_A], wf[rf + R_B], wf[rf + R_C] = float(m[t + T_REF_A]), float(m[t + T_REF_B]), 0.0
        return cured, math.inf
    for ref, column in ((T_REF_A, R_A), (T_REF_B, R_B), (T_REF_C, R_C)):
        given = m[t + ref] != NONE
        wf[rf + column] = value_at(m, wi, wf, m[t + ref], v, x, attributes, 0.0, strategy) if given else 0.0
    return cured, math.inf


@inner
def fallen(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    cured: float, delay: float, time: float,
) -> float:
    """-log of the share that the opened curve of transition `t` holds just after `time`."""
    if m[t + T_FAMILY] == FIXED:
        used = math.inf if time >= delay else 0.0
    else:
        used = timed_used(m, f, wi, wf, t, v, x, attributes, 0.0, time)
    return used if cured <= 0.0 else -math.log(cured + (1.0 - cured) * math.exp(-used))


@jit
def _hazards(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    cured: float, delay: float, multiplier: float, time: float,
) -> tuple[float, float]:
    """Cumulative hazards of the curve, and of the background since birth, at a time."""
    curve = fallen(m, f, wi, wf, t, v, x, attributes, cured, delay, time)
    background = base_hazard(m, f, v, LIFE_TABLE, x[m[H_AGE_COLUMN]] + time, x[m[H_LIFE_COLUMN]], 0.0, 0.0)
    return curve, multiplier * background


@jit
def _crossing(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    cured: float, delay: float, multiplier: float, first: float, last: float, above: bool,
) -> float:
    """Time between two at which the hazards cross, the curve's being `above` at the first of them, not at the last."""
    ahead = AHEAD * (last - first)
    for _ in range(HALVINGS):
        middle = 0.5 * (first + last)
        curve, background = _hazards(m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, middle)
        on, floor = _hazards(m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, middle + ahead)
        if (on - curve >= floor - background) == above:
            first = middle
        else:
            last = middle
    return first


@jit
def _floored_step(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    cured: float, delay: float, multiplier: float, first: float, last: float, curve: float, background: float,
) -> tuple[float, float, float]:
    """Integral over a step of the greater of two hazards that cross at most once in it, and both at its end.

    Parameters
    ----------
    curve, background : float
        Cumulative hazards at its beginning.
    """
    ahead = AHEAD * (last - first)
    on, floor = _hazards(m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, first + ahead)
    above = on - curve >= floor - background
    on, floor = _hazards(m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, last - ahead)
    end, floor_end = _hazards(m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, last)
    if (end - on >= floor_end - floor) == above:
        return end - curve if above else floor_end - background, end, floor_end
    cross = _crossing(m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, first, last, above)
    on, floor = _hazards(m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, cross)
    total = on - curve + floor_end - floor if above else floor - background + end - on
    return total, end, floor_end


@jit
def survive(
    m: IntArray, f: FloatArray, wi: IntArray, wf: FloatArray, t: int, v: FloatArray, x: FloatArray, attributes: int,
    strategy: int, multiplier: float, times: FloatArray, out: FloatArray,
) -> None:
    """Share that a curve holds just after each of some times.

    Parameters
    ----------
    t : int
        Row of its transition.
    multiplier : float
        Of the background hazard, which is the least that the curve's may be; `NO_FLOOR` if it may be any.
    times : ndarray(float, ndim=1)
        Ascending, the first 0 (years); where hazards jump, one of them.
    out : ndarray(float, ndim=1)
        Written.
    """
    cured, delay = open_curve(m, f, wi, wf, t, v, x, attributes, strategy)
    if multiplier == NO_FLOOR:
        for i in range(len(times)):
            out[i] = math.exp(-fallen(m, f, wi, wf, t, v, x, attributes, cured, delay, times[i]))
        return
    curve, background = _hazards(m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, times[0])
    total = curve
    out[0] = math.exp(-total)
    for i in range(1, len(times)):
        step, curve, background = _floored_step(
            m, f, wi, wf, t, v, x, attributes, cured, delay, multiplier, times[i - 1], times[i], curve, background
        )
        total += step
        out[i] = math.exp(-total)
