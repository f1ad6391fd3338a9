"""Hazard families as scalar kernels: cumulative hazard, its inverse and hazard, chosen by an integer code.

A time to event is sampled by inverting the cumulative hazard H at a unit exponential budget h, so H and its inverse
must undo each other far in the tail and near 0 alike. Times are in years and hazards per year; the formulas and the
meaning of the numbers `a`, `b` and `c` stand in `lmssim.model.language.families`. Numbers are not checked here.
"""

from __future__ import annotations

import math

from lmssim.kernels import FloatArray
from lmssim.kernels.jit import inner, jit
from lmssim.kernels.special import (
    gamma_log_density,
    gamma_log_tails,
    gammaincc_log,
    inverse_gamma_log_ratio,
    inverse_gammaincc_log,
    inverse_log_ndtr_upper,
    log_density_at_mode,
    log_ndtr_upper,
    mills_ratio,
)

EXPONENTIAL = 0
WEIBULL = 1
WEIBULL_PH = 2
GOMPERTZ = 3
LOGLOGISTIC = 4
LOGNORMAL = 5
GAMMA = 6
GENGAMMA = 7
PIECEWISE = 8
FIXED = 9
LIFE_TABLE = 10
VISIT = 11

SQRT_2PI = math.sqrt(2.0 * math.pi)
LOGNORMAL_Q = 1e-18  # below it in size, a generalised gamma's q is taken as 0: no digit of the result would change
EARLIEST = 2.2250738585072014e-308  # the least positive time, in place of 0 where a formula divides by time

# === Exponential and Weibull === #


@inner
def _exponential_cumulative(t: float, rate: float) -> float:
    return rate * t if rate > 0.0 else 0.0


@inner
def _weibull_cumulative(t: float, shape: float, scale: float) -> float:
    return t / scale if shape == 1.0 else (t / scale) ** shape


@inner
def _weibull_inverse(h: float, shape: float, scale: float) -> float:
    return scale * h if shape == 1.0 else scale * h ** (1.0 / shape)


@inner
def _weibull_hazard(t: float, shape: float, scale: float) -> float:
    return 1.0 / scale if shape == 1.0 else shape / scale * (t / scale) ** (shape - 1.0)


@inner
def _weibull_ph_cumulative(t: float, shape: float, rate: float) -> float:
    if rate == 0.0:
        return 0.0
    return rate * t if shape == 1.0 else rate * t**shape


@inner
def _weibull_ph_inverse(h: float, shape: float, rate: float) -> float:
    return h / rate if shape == 1.0 else (h / rate) ** (1.0 / shape)


@inner
def _weibull_ph_hazard(t: float, shape: float, rate: float) -> float:
    if rate == 0.0:
        return 0.0
    return rate if shape == 1.0 else rate * shape * t ** (shape - 1.0)


# === Gompertz === #


@inner
def _gompertz_cumulative(t: float, shape: float, rate: float) -> float:
    if shape == 0.0 or rate == 0.0:
        return _exponential_cumulative(t, rate)
    return rate * (math.expm1(shape * t) / shape)


@inner
def _gompertz_inverse(h: float, shape: float, rate: float) -> float:
    if shape == 0.0 or rate == 0.0:
        return h / rate
    growth = shape * h / rate
    return math.log1p(growth) / shape if growth > -1.0 else math.inf


@inner
def _gompertz_hazard(t: float, shape: float, rate: float) -> float:
    return rate * math.exp(shape * t) if rate > 0.0 else 0.0


# === Log-logistic === #


@inner
def _loglogistic_cumulative(t: float, shape: float, scale: float) -> float:
    odds: float = (t / scale) ** shape
    return math.log1p(odds) if odds < 1e300 else shape * math.log(t / scale)


@inner
def _loglogistic_inverse(h: float, shape: float, scale: float) -> float:
    ratio: float = math.expm1(h) ** (1.0 / shape) if h < 40.0 else math.exp(h / shape)
    return scale * ratio


@inner
def _loglogistic_hazard(t: float, shape: float, scale: float) -> float:
    odds: float = (t / scale) ** shape
    if odds > 1.0:
        return shape / t / (1.0 + 1.0 / odds)
    slope: float = shape / scale * (t / scale) ** (shape - 1.0)
    return slope / (1.0 + odds)


# === Log-normal === #


@jit
def _lognormal_cumulative(t: float, meanlog: float, sdlog: float) -> float:
    return -log_ndtr_upper((math.log(t) - meanlog) / sdlog) if t < math.inf else math.inf


@jit
def _lognormal_inverse(h: float, meanlog: float, sdlog: float) -> float:
    return math.exp(meanlog + sdlog * inverse_log_ndtr_upper(-h))


@jit
def _lognormal_hazard(t: float, meanlog: float, sdlog: float) -> float:
    if t == 0.0 or t == math.inf:
        return 0.0
    z = (math.log(t) - meanlog) / sdlog
    if z > -30.0:
        return 1.0 / (sdlog * t * mills_ratio(z))
    return math.exp(-0.5 * z * z - math.log(t)) / (sdlog * SQRT_2PI)


# === Gamma === #


@jit
def _gamma_cumulative(t: float, shape: float, rate: float) -> float:
    return rate * t if shape == 1.0 else -gammaincc_log(shape, rate * t)


@jit
def _gamma_inverse(h: float, shape: float, rate: float) -> float:
    return h / rate if shape == 1.0 else inverse_gammaincc_log(shape, -h) / rate


@inner
def _power_at_zero(power: float) -> float:
    """Limit of t^power as t falls to 0."""
    return math.inf if power < 0.0 else (1.0 if power == 0.0 else 0.0)


@jit
def _gamma_hazard(t: float, shape: float, rate: float) -> float:
    if t == 0.0 or shape == 1.0:
        return rate * _power_at_zero(shape - 1.0 if t == 0.0 else 0.0)
    if t == math.inf:
        return rate
    v = math.log(rate * t / shape)
    log_density = gamma_log_density(shape, v, log_density_at_mode(shape))
    return math.exp(log_density - gamma_log_tails(shape, v)[1]) / t


# === Generalised gamma (Prentice) === #


@jit
def _gengamma_cumulative(t: float, mu: float, sigma: float, q: float) -> float:
    if abs(q) < LOGNORMAL_Q:
        return _lognormal_cumulative(t, mu, sigma)
    if t == math.inf:
        return math.inf
    lower, upper = gamma_log_tails(1.0 / (q * q), q * (math.log(t) - mu) / sigma)
    return -upper if q > 0.0 else -lower


@inner
def _log_of_complement_hazard(h: float) -> float:
    """Log of -log(1 - exp(-h)), the log cumulative hazard of a tail whose complement is exp(-h)."""
    if h > 40.0:
        return -h
    if h > 0.7:
        return math.log(-math.log1p(-math.exp(-h)))
    return math.log(-math.log(-math.expm1(-h)))


@jit
def _gengamma_inverse(h: float, mu: float, sigma: float, q: float) -> float:
    if abs(q) < LOGNORMAL_Q:
        return _lognormal_inverse(h, mu, sigma)
    log_h = math.log(h) if q > 0.0 else _log_of_complement_hazard(h)
    return math.exp(mu + sigma * inverse_gamma_log_ratio(1.0 / (q * q), log_h) / q)


@jit
def _gengamma_hazard(t: float, mu: float, sigma: float, q: float) -> float:
    if abs(q) < LOGNORMAL_Q:
        return _lognormal_hazard(t, mu, sigma)
    if t == 0.0:
        power = 1.0 / (q * sigma) - 1.0
        if power != 0.0:
            return _power_at_zero(power) if q > 0.0 else 0.0
        t = EARLIEST
    shape = 1.0 / (q * q)
    v = q * (math.log(t) - mu) / sigma
    log_density = gamma_log_density(shape, v, log_density_at_mode(shape))
    lower, upper = gamma_log_tails(shape, v)
    return abs(q) / (sigma * t) * math.exp(log_density - (upper if q > 0.0 else lower))


# === Any family by its code === #


@jit
def cumulative_hazard(family: int, t: float, a: float, b: float, c: float) -> float:
    """Cumulative hazard H(t) of the family with code `family` and numbers `a`, `b`, `c`.

    Returns 0 for `t` of 0 or below, and nan for a code without a formula of its own (piecewise, life table, visit).
    """
    if t <= 0.0:
        return 0.0
    if family == EXPONENTIAL:
        return _exponential_cumulative(t, a)
    if family == WEIBULL:
        return _weibull_cumulative(t, a, b)
    if family == WEIBULL_PH:
        return _weibull_ph_cumulative(t, a, b)
    if family == GOMPERTZ:
        return _gompertz_cumulative(t, a, b)
    if family == LOGLOGISTIC:
        return _loglogistic_cumulative(t, a, b)
    if family == LOGNORMAL:
        return _lognormal_cumulative(t, a, b)
    if family == GAMMA:
        return _gamma_cumulative(t, a, b)
    if family == GENGAMMA:
        return _gengamma_cumulative(t, a, b, c)
    if family == FIXED:
        return 0.0 if t < a else math.inf
    return math.nan


@jit
def inverse_cumulative_hazard(family: int, h: float, a: float, b: float, c: float) -> float:
    """Time at which H reaches `h`: infinity where it never does or `h` is infinite, 0 for `h` of 0 or below.

    A fixed delay comes at its delay for every finite `h`. Codes without a formula of their own give nan.
    """
    if h <= 0.0:
        return a if family == FIXED else 0.0
    if family == EXPONENTIAL:
        return h / a
    if h == math.inf:
        return math.inf
    if family == WEIBULL:
        return _weibull_inverse(h, a, b)
    if family == WEIBULL_PH:
        return _weibull_ph_inverse(h, a, b)
    if family == GOMPERTZ:
        return _gompertz_inverse(h, a, b)
    if family == LOGLOGISTIC:
        return _loglogistic_inverse(h, a, b)
    if family == LOGNORMAL:
        return _lognormal_inverse(h, a, b)
    if family == GAMMA:
        return _gamma_inverse(h, a, b)
    if family == GENGAMMA:
        return _gengamma_inverse(h, a, b, c)
    return a if family == FIXED else math.nan


@jit
def hazard(family: int, t: float, a: float, b: float, c: float) -> float:
    """Hazard h(t), the derivative of H: its limit from the right at 0, and 0 before.

    A fixed delay has hazard 0 before the delay and infinity from it on. Codes without a formula of their own give nan.
    """
    if t < 0.0:
        return 0.0
    if family == EXPONENTIAL:
        return a
    if family == WEIBULL:
        return _weibull_hazard(t, a, b)
    if family == WEIBULL_PH:
        return _weibull_ph_hazard(t, a, b)
    if family == GOMPERTZ:
        return _gompertz_hazard(t, a, b)
    if family == LOGLOGISTIC:
        return _loglogistic_hazard(t, a, b)
    if family == LOGNORMAL:
        return _lognormal_hazard(t, a, b)
    if family == GAMMA:
        return _gamma_hazard(t, a, b)
    if family == GENGAMMA:
        return _gengamma_hazard(t, a, b, c)
    if family == FIXED:
        return 0.0 if t < a else math.inf
    return math.nan


# === Piecewise exponential in a flat array === #
#
# numbers[offset:offset + n]          starts of the intervals, the first 0, ascending (years)
# numbers[offset + n:offset + 2 n]    hazard in each interval, the last held for ever (per year)
# numbers[offset + 2 n:offset + 3 n]  cumulative hazard at the starts


@inner
def _last_at_most(x: float, numbers: FloatArray, first: int, n: int) -> int:
    """Index (0 to n - 1) of the last of `n` ascending numbers that is at most `x`, or 0 if none is."""
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        if numbers[first + middle] <= x:
            low = middle
        else:
            high = middle
    return low


@inner
def _last_below(x: float, numbers: FloatArray, first: int, n: int) -> int:
    """Index (0 to n - 1) of the last of `n` ascending numbers that is below `x`, or 0 if none is."""
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        if numbers[first + middle] < x:
            low = middle
        else:
            high = middle
    return low


@jit
def piecewise_cumulative_hazard(t: float, numbers: FloatArray, offset: int, n: int) -> float:
    """Cumulative hazard H(t) of the `n` intervals kept at `offset`; 0 for `t` of 0 or below."""
    if t <= 0.0:
        return 0.0
    i = offset + _last_at_most(t, numbers, offset, n)
    rate, at_start = float(numbers[i + n]), float(numbers[i + 2 * n])
    return at_start + rate * (t - float(numbers[i])) if rate > 0.0 else at_start


@jit
def inverse_piecewise_cumulative_hazard(h: float, numbers: FloatArray, offset: int, n: int) -> float:
    """Return the earliest time at which H reaches `h`: infinity where it never does, 0 for `h` of 0 or below."""
    if h <= 0.0:
        return 0.0
    k = _last_below(h, numbers, offset + 2 * n, n)
    i = offset + k
    t = float(numbers[i] + (h - numbers[i + 2 * n]) / numbers[i + n])
    return t if k == n - 1 else min(t, float(numbers[i + 1]))


@jit
def piecewise_hazard(t: float, numbers: FloatArray, offset: int, n: int) -> float:
    """Hazard in the interval that holds `t` (from its start up to the next start); 0 before 0."""
    if t < 0.0:
        return 0.0
    return float(numbers[offset + n + _last_at_most(t, numbers, offset, n)])
