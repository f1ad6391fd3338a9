"""Log likelihood of nested binomial shares whose complementary log-logs share a normal effect, integrated out.

Rows of a group have the complementary log-log eta + s z with one standard normal z. With d = exp(eta + s z), less that
of the row it contains, a row's events among those without the inner one are binomial with the share 1 - exp(-d). The
integral over z is by Gauss-Hermite nodes about the mode, scaled by the curvature there: exact enough for a study of
ten patients and of ten thousand.

References
----------
Naylor JC, Smith AFM. Applications of a method for the efficient computation of posterior distributions. Appl Stat
31:214-225, 1982. doi:10.2307/2347995
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.kernels.jit import jit

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray

MOST_NEWTON = 25
STEP = 2.0
TOLERANCE = 0.02
"""The mode need only be near: the nodes about it correct for the rest."""
LEAST_CURVATURE = 0.2
LEAST_HAZARD = 1e-12
MOST_HAZARD = 60.0
HALF_LOG_TWO_PI = 0.9189385332046727


@jit
def cumulative(eta: float) -> float:
    """Cumulative hazard of a complementary log-log, within what a share can tell."""
    return min(math.exp(min(eta, 5.0)), MOST_HAZARD)


@jit
def group_value(
    z: float, start: int, stop: int, eta: FloatArray, spread: FloatArray, events: FloatArray, size: FloatArray,
    inner: IntArray,
) -> float:
    """Log density of a group at z, the effect's included but for its constant."""
    value = -0.5 * z * z
    for i in range(start, stop):
        d = cumulative(eta[i] + spread[i] * z)
        k = inner[i]
        if k >= 0:
            d -= cumulative(eta[k] + spread[k] * z)
        d = max(d, LEAST_HAZARD)
        value -= (size[i] - events[i]) * d
        if events[i] > 0.0:
            value += events[i] * math.log(-math.expm1(-d))
    return value


@jit
def group_derivatives(
    z: float, start: int, stop: int, eta: FloatArray, spread: FloatArray, events: FloatArray, size: FloatArray,
    inner: IntArray,
) -> tuple[float, float]:
    """First and second derivative of `group_value`."""
    slope, bend = -z, -1.0
    for i in range(start, stop):
        d = cumulative(eta[i] + spread[i] * z)
        first, second = spread[i] * d, spread[i] * spread[i] * d
        k = inner[i]
        if k >= 0:
            part = cumulative(eta[k] + spread[k] * z)
            d -= part
            first -= spread[k] * part
            second -= spread[k] * spread[k] * part
        growth = math.expm1(max(d, LEAST_HAZARD))
        by_hazard = events[i] / growth - (size[i] - events[i])
        slope += by_hazard * first
        bend += by_hazard * second - events[i] * (growth + 1.0) / (growth * growth) * first * first
    return slope, bend


@jit
def group_marginal(
    start: int, stop: int, eta: FloatArray, spread: FloatArray, events: FloatArray, size: FloatArray, inner: IntArray,
    nodes: FloatArray, log_weights: FloatArray,
) -> float:
    """Log of a group's likelihood, its effect integrated out."""
    z = 0.0
    bend = -1.0
    for _ in range(MOST_NEWTON):
        slope, bend = group_derivatives(z, start, stop, eta, spread, events, size, inner)
        step = slope / max(-bend, LEAST_CURVATURE)
        z += min(max(step, -STEP), STEP)
        if abs(step) < TOLERANCE:
            break
    scale = 1.0 / math.sqrt(max(-bend, LEAST_CURVATURE))
    highest = group_value(z, start, stop, eta, spread, events, size, inner)
    total = 0.0
    for k in range(nodes.shape[0]):
        t = nodes[k]
        value = group_value(z + scale * t, start, stop, eta, spread, events, size, inner)
        total += math.exp(value - highest + 0.5 * t * t + log_weights[k])
    return highest + math.log(total * scale) - HALF_LOG_TWO_PI


@jit
def log_marginal(
    eta: FloatArray, spread: FloatArray, events: FloatArray, size: FloatArray, inner: IntArray, starts: IntArray,
    nodes: FloatArray, log_weights: FloatArray, out: FloatArray,
) -> None:
    """Log likelihood of every group together.

    Parameters
    ----------
    eta, spread : ndarray(float, ndim=2)
        Complementary log-log of each row's share and SD of its effect, (n, n_rows).
    events, size : ndarray(float, ndim=1)
        Of each row: events among those without the inner row's, and how many those are.
    inner : ndarray(int, ndim=1)
        Row that each contains; -1 if none.
    starts : ndarray(int, ndim=1)
        First row of each group, and at last the number of rows.
    nodes, log_weights : ndarray(float, ndim=1)
        Gauss-Hermite nodes for the weight exp(-t^2 / 2), and the logs of their weights.
    out : ndarray(float, ndim=1)
        Filled in place, (n,).
    """
    for j in range(eta.shape[0]):
        out[j] = 0.0
        for g in range(starts.shape[0] - 1):
            out[j] += group_marginal(
                starts[g], starts[g + 1], eta[j], spread[j], events, size, inner, nodes, log_weights
            )
