"""Scalar special functions of the hazard families: normal tail, incomplete gamma function and their inverses.

Everything is kept on the log scale of the survival function, so that a cumulative hazard of 700 (a survival of 1e-304)
or of 1e-12 is as exact as one of 1. Inverses solve to the last few bits, not to a loose tolerance, because a sampled
time must give back the cumulative hazard it was drawn from.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from lmssim.kernels import FloatArray
from lmssim.kernels.jit import inline, inner, jit

SQRT_2 = math.sqrt(2.0)
SQRT_2PI = math.sqrt(2.0 * math.pi)
LOG_2PI = math.log(2.0 * math.pi)
EULER_GAMMA = 0.5772156649015328606

FAR_TAIL = 25.0  # standard deviations from which the asymptotic series of the Mills ratio is exact
MAX_TERMS = 5000  # of a series or continued fraction; a few dozen are usual
MAX_STEPS = 100  # of a root search; two or three are usual
EPSILON = 2.220446049250313e-16
TINY = 1e-300

# === Normal distribution === #


@inline
def ndtr(z: float) -> float:
    """Probability Phi(z) that a standard normal lies below `z`."""
    return 0.5 * math.erfc(-z / SQRT_2)


@inner
def _mills_far(z: float) -> float:
    """Mills ratio for `z` of 25 or more: 1/z (1 - 1/z^2 + 3/z^4 - 15/z^6 + ...)."""
    w = 1.0 / (z * z)
    series = 1.0 - 11.0 * w * (1.0 - 13.0 * w)
    series = 1.0 - 5.0 * w * (1.0 - 7.0 * w * (1.0 - 9.0 * w * series))
    return (1.0 - w * (1.0 - 3.0 * w * series)) / z


@jit
def mills_ratio(z: float) -> float:
    """Mills ratio (1 - Phi(z)) / phi(z), the reciprocal of the standard normal's hazard, for z of -37 or more."""
    if z > FAR_TAIL:
        return _mills_far(z)
    return 0.5 * SQRT_2PI * math.exp(0.5 * z * z) * math.erfc(z / SQRT_2)


@jit
def log_ndtr_upper(z: float) -> float:
    """Log of the upper tail, log(1 - Phi(z)), without underflow however large `z`."""
    if z > FAR_TAIL:
        return math.log(_mills_far(z)) - 0.5 * (z * z + LOG_2PI)
    if z > 0.0:
        return math.log(0.5 * math.erfc(z / SQRT_2))
    return math.log1p(-0.5 * math.erfc(-z / SQRT_2))


@inner
def _quantile_centre(q: float) -> float:
    """AS241: the normal quantile of p = 0.5 + q, for abs(q) of at most 0.425."""
    r = 0.180625 - q * q
    top = 2509.0809287301226727 * r + 33430.575583588128105
    top = ((top * r + 67265.770927008700853) * r + 45921.953931549871457) * r + 13731.693765509461125
    top = ((top * r + 1971.5909503065514427) * r + 133.14166789178437745) * r + 3.387132872796366608
    low = 5226.495278852545925 * r + 28729.085735721942674
    low = ((low * r + 39307.89580009271061) * r + 21213.794301586595867) * r + 5394.1960214247511077
    low = ((low * r + 687.1870074920579083) * r + 42.313330701600911252) * r + 1.0
    return q * top / low


@inner
def _quantile_tail(s: float) -> float:
    """AS241: the `z` whose upper tail is exp(-s^2), for a tail below 0.075 and `s` of at most 5."""
    r = s - 1.6
    top = 7.7454501427834140764e-4 * r + 0.0227238449892691845833
    top = ((top * r + 0.24178072517745061177) * r + 1.27045825245236838258) * r + 3.64784832476320460504
    top = ((top * r + 5.7694972214606914055) * r + 4.6303378461565452959) * r + 1.42343711074968357734
    low = 1.05075007164441684324e-9 * r + 5.475938084995344946e-4
    low = ((low * r + 0.0151986665636164571966) * r + 0.14810397642748007459) * r + 0.68976733498510000455
    low = ((low * r + 1.6763848301838038494) * r + 2.05319162663775882187) * r + 1.0
    return top / low


@inner
def _quantile_far_tail(s: float) -> float:
    """AS241: the `z` whose upper tail is exp(-s^2), for `s` from 5 to 27."""
    r = s - 5.0
    top = 2.01033439929228813265e-7 * r + 2.71155556874348757815e-5
    top = ((top * r + 0.0012426609473880784386) * r + 0.026532189526576123093) * r + 0.29656057182850489123
    top = ((top * r + 1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772
    low = 2.04426310338993978564e-15 * r + 1.4215117583164458887e-7
    low = ((low * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r + 0.0148753612908506148525
    low = ((low * r + 0.13692988092273580531) * r + 0.59983220655588793769) * r + 1.0
    return top / low


@jit
def _quantile_beyond(h: float) -> float:
    """Normal quantile of the upper tail exp(-h) for `h` beyond the reach of AS241 (729), by Newton's method."""
    z = math.sqrt(2.0 * h - math.log(4.0 * math.pi * h))
    for _ in range(3):
        z += (log_ndtr_upper(z) + h) * mills_ratio(z)
    return z


@inner
def _quantile_of_tail(h: float) -> float:
    """Normal quantile of the upper tail exp(-h), when that tail is below 0.075."""
    s = math.sqrt(h)
    if s <= 5.0:
        return _quantile_tail(s)
    if s <= 27.0:
        return _quantile_far_tail(s)
    return _quantile_beyond(h)


@jit
def ndtri(p: float) -> float:
    """Quantile of the standard normal: the `z` with Phi(z) = p.

    Parameters
    ----------
    p : float
        Probability, 0 < p < 1; 0 and 1 give minus and plus infinity, anything beyond gives nan.

    References
    ----------
    Wichura MJ. Algorithm AS 241. Applied Statistics 1988;37:477-484. https://doi.org/10.2307/2347330
    """
    q = p - 0.5
    if abs(q) <= 0.425:
        return _quantile_centre(q)
    tail = p if q < 0.0 else 1.0 - p
    if tail <= 0.0:
        return math.copysign(math.inf, q) if tail == 0.0 else math.nan
    return math.copysign(_quantile_of_tail(-math.log(tail)), q)


@jit
def inverse_log_ndtr_upper(log_q: float) -> float:
    """Return the `z` with log(1 - Phi(z)) = log_q, for any negative `log_q`: the inverse of `log_ndtr_upper`."""
    h = -log_q
    if h == math.inf:
        return math.inf
    p = -math.expm1(-h)
    if p > 0.925:
        return _quantile_of_tail(h)
    if p >= 0.075:
        return _quantile_centre(0.5 - math.exp(-h))
    return -_quantile_of_tail(-math.log(p)) if p > 0.0 else -math.inf


# === Incomplete gamma function: the pieces === #
#
# With v = log(x / a), the pieces return a tail divided by the gamma density on the log scale,
#     x f(x) = x^a e^-x / Gamma(a) = exp(-a (e^v - 1 - v) + C(a)),
# a form without cancellation for any shape, which gives tail, hazard and Newton's step from one evaluation.

TEMME_SHAPE = 100.0  # from this shape on Temme's expansion is used ...
TEMME_WIDTH = 0.4  # ... where abs(v) is below this
SMALL_SHAPE = 0.25  # below it the upper tail near 0 is summed by itself, being the small difference of 1 and the lower


def _temme_coefficients(n_orders: int, n_powers: int) -> FloatArray:
    """Coefficients d[k, n] of Temme's uniform expansion, exact before rounding (DLMF 8.12.12)."""
    length = n_powers + 2 * n_orders
    alpha = [Fraction(0), Fraction(1)]
    for n in range(2, length + 3):
        folded = sum((j * alpha[j] * alpha[n + 1 - j] for j in range(2, n)), Fraction(0))
        alpha.append((alpha[n - 1] - folded) / (n + 1))
    first = [Fraction(-1, 3)] + [(n + 2) * alpha[n + 2] for n in range(1, length)]
    rows = [first]
    for _ in range(1, n_orders):
        last = rows[-1]
        rows.append([-last[1] * first[n] + (n + 2) * last[n + 2] for n in range(len(last) - 2)])
    return np.array([[float(d) for d in row[:n_powers]] for row in rows])


TEMME = _temme_coefficients(8, 16)

# zeta(k) - 1 for k = 2, 3, ..., the coefficients of log Gamma(1 + a) near a = 0
ZETA_MINUS_1 = np.array([
    0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993, 0.01734306198444914,
    0.008349277381922827, 0.00407735619794434, 0.0020083928260822143, 0.0009945751278180853, 0.0004941886041194645,
    0.0002460865533080483, 0.00012271334757848915, 6.124813505870483e-05, 3.058823630702049e-05,
    1.528225940865187e-05, 7.637197637899763e-06, 3.81729326499984e-06, 1.908212716553939e-06,
])


@jit
def _log_gamma_1p(a: float) -> float:
    """Log of Gamma(1 + a), relatively exact as `a` tends to 0."""
    if a >= SMALL_SHAPE:
        return math.lgamma(1.0 + a)
    total = 0.0
    for k in range(ZETA_MINUS_1.shape[0] + 1, 1, -1):
        total = (ZETA_MINUS_1[k - 2] / k - total) * a  # sum over k of (-1)^k (zeta(k) - 1) a^(k - 1) / k
    return a * (total + 1.0 - EULER_GAMMA) - math.log1p(a)


@inner
def _stirling_rest(a: float) -> float:
    """Remainder of Stirling's formula, log Gamma(a) - ((a - 1/2) log a - a + log(2 pi) / 2), for `a` of 10 or more."""
    w = 1.0 / (a * a)
    series = -691.0 / 360360.0 + w * (1.0 / 156.0 - w * (3617.0 / 122400.0))
    series = 1.0 / 1260.0 + w * (-1.0 / 1680.0 + w * (1.0 / 1188.0 + w * series))
    return (1.0 / 12.0 + w * (-1.0 / 360.0 + w * series)) / a


@jit
def log_density_at_mode(a: float) -> float:
    """Return C(a) = a log a - a - log Gamma(a), the log of x f(x) at x = a, without cancellation for large shapes."""
    if a >= 10.0:
        return 0.5 * (math.log(a) - LOG_2PI) - _stirling_rest(a)
    return a * math.log(a) - a - math.lgamma(a)


@inner
def _expm1_minus(v: float) -> float:
    """Return e^v - 1 - v, relatively exact near 0."""
    if abs(v) > 0.1:
        return math.expm1(v) - v
    series = 1.0 + v / 6.0 * (1.0 + v / 7.0 * (1.0 + v / 8.0 * (1.0 + v / 9.0 * (1.0 + v / 10.0))))
    return 0.5 * v * v * (1.0 + v / 3.0 * (1.0 + v / 4.0 * (1.0 + v / 5.0 * series)))


@inner
def gamma_log_density(a: float, v: float, log_mode: float) -> float:
    """Log of x f(x) for the gamma distribution of shape `a` at x = a e^v, given log_mode = C(a)."""
    return log_mode - a * _expm1_minus(v)


@jit
def _lower_series(a: float, x: float) -> float:
    """Lower tail over x f(x) as the series 1/a + x/(a (a + 1)) + ...; quick for x below a + 1."""
    term = 1.0 / a
    total = term
    n = a
    for _ in range(MAX_TERMS):
        n += 1.0
        term *= x / n
        total += term
        if term < EPSILON * 0.25 * total:
            break
    return total


@jit
def _upper_fraction(a: float, x: float) -> float:
    """Upper tail over x f(x) as a continued fraction (modified Lentz), for x above a + 1 (DLMF 8.9.2)."""
    b = x + 1.0 - a
    c = 1.0 / TINY
    d = 1.0 / b
    total = d
    for n in range(1, MAX_TERMS):
        numerator = -n * (n - a)
        b += 2.0
        d = numerator * d + b
        d = 1.0 / (d if abs(d) > TINY else TINY)
        c = b + numerator / c
        c = c if abs(c) > TINY else TINY
        total *= c * d
        if abs(c * d - 1.0) < EPSILON:
            break
    return total


@jit
def _upper_small_shape(a: float, x: float, log_density: float) -> float:
    """Upper tail over x f(x) for small shapes and `x`, where the upper tail is the small one."""
    log_power = a * math.log(x) - _log_gamma_1p(a)
    term = 1.0
    total = 0.0
    for n in range(1, MAX_TERMS):
        term *= -x / n
        total += term / (a + n)
        if abs(term) < EPSILON * 0.01 * abs(total):
            break
    return (-math.expm1(log_power) - a * math.exp(log_power) * total) * math.exp(-log_density)


@jit
def _temme_tail(a: float, v: float) -> float:
    """Tail on the side of `v` over x f(x), by Temme's uniform expansion for large shapes (DLMF 8.12.3-8.12.12)."""
    eta = math.copysign(math.sqrt(2.0 * _expm1_minus(v)), v)
    rest = 0.0
    for k in range(TEMME.shape[0] - 1, -1, -1):
        power_series = 0.0
        for n in range(TEMME.shape[1] - 1, -1, -1):
            power_series = power_series * eta + TEMME[k, n]
        rest = rest / a + power_series
    root = math.sqrt(a)
    sided = rest if v >= 0.0 else -rest
    return (mills_ratio(abs(eta) * root) + sided / root) / root * math.exp(_stirling_rest(a))


@jit
def _gamma_tail(a: float, v: float, log_mode: float) -> tuple[bool, float, float]:
    """Return the tail of the gamma distribution that is the handier at x = a e^v.

    Parameters
    ----------
    a : float
        Shape.
    v : float
        Log of x / a.
    log_mode : float
        `log_density_at_mode(a)`, which a root search need not compute afresh.

    Returns
    -------
    is_upper : bool
        Whether the tail is the upper.
    log_tail : float
        Log of the tail, at most about -0.4, or of an upper tail far smaller than the lower.
    density_ratio : float
        x f(x) over the tail; for an upper tail, x times the hazard.
    """
    log_density = gamma_log_density(a, v, log_mode)
    if a >= TEMME_SHAPE and abs(v) < TEMME_WIDTH:
        ratio = _temme_tail(a, v)
        return v >= 0.0, log_density + math.log(ratio), 1.0 / ratio
    x = a * math.exp(v)
    if x >= a + 1.0:
        ratio = _upper_fraction(a, x)
        return True, log_density + math.log(ratio), 1.0 / ratio
    ratio = _lower_series(a, x)
    log_lower = log_density + math.log(ratio)
    if a < SMALL_SHAPE and log_lower > -0.1 and x > TINY:
        ratio = _upper_small_shape(a, x, log_density)
        return True, log_density + math.log(ratio), 1.0 / ratio
    return False, log_lower, 1.0 / ratio


# === Incomplete gamma function: tails and their inverse === #


@inner
def log_complement(log_p: float) -> float:
    """Return log(1 - p) from log(p), for p below 1."""
    return math.log1p(-math.exp(log_p)) if log_p < -0.7 else math.log(-math.expm1(log_p))


@jit
def gamma_log_tails(a: float, v: float) -> tuple[float, float]:
    """Return the logs of the lower and the upper tail of the gamma distribution of shape `a` at x = a e^v."""
    is_upper, log_tail, _ = _gamma_tail(a, v, log_density_at_mode(a))
    if is_upper:
        return log_complement(log_tail), log_tail
    return log_tail, log_complement(log_tail)


@jit
def gammaincc_log(a: float, x: float) -> float:
    """Log of the regularised upper incomplete gamma function Q(a, x), without underflow.

    Parameters
    ----------
    a : float
        Shape, positive.
    x : float
        Where; at most 0 gives log 1 = 0, infinity gives minus infinity.
    """
    if x <= 0.0:
        return 0.0
    if x == math.inf:
        return -math.inf
    return gamma_log_tails(a, math.log(x / a))[1]


@jit
def gammainc_log(a: float, x: float) -> float:
    """Log of the regularised lower incomplete gamma function P(a, x), without underflow; see `gammaincc_log`."""
    if x <= 0.0:
        return -math.inf
    if x == math.inf:
        return 0.0
    return gamma_log_tails(a, math.log(x / a))[0]


@jit
def _log_hazard_and_slope(a: float, v: float, log_mode: float) -> tuple[float, float, float]:
    """Log of H = -log Q(a, a e^v), its derivative by `v`, and x times the hazard."""
    is_upper, log_tail, density_ratio = _gamma_tail(a, v, log_mode)
    if is_upper:
        return math.log(-log_tail), -density_ratio / log_tail, density_ratio
    if log_tail < -40.0:
        return log_tail, density_ratio, density_ratio * math.exp(log_tail)
    lower = math.exp(log_tail)
    cumulative = -math.log1p(-lower)
    x_hazard = density_ratio * lower / (1.0 - lower)
    return math.log(cumulative), x_hazard / cumulative, x_hazard


@jit
def _log_ratio_start(a: float, log_h: float, log_mode: float) -> tuple[float, bool]:
    """First guess of v = log(x / a) where H = exp(log_h), and whether it is already exact."""
    h = math.exp(log_h)
    log_p = math.log(-math.expm1(-h)) if log_h > -40.0 else log_h
    v = (log_p + math.log(a) - log_mode) / a - 1.0  # x^a / Gamma(a + 1) = p
    relative = a * math.exp(v) / (a + 1.0)
    if relative < 0.2:
        return v + relative, relative < 1e-17
    if h > 3.0 * a + 8.0:
        y = h + log_mode + a - a * math.log(a)  # h - log Gamma(a)
        if y > 1.0:
            return math.log(max(y + (a - 1.0) * math.log(y), 0.1 * y) / a), False
    root = 1.0 / (3.0 * math.sqrt(a))
    cube_root = inverse_log_ndtr_upper(-h) * root - root * root  # Wilson and Hilferty, less 1
    return (3.0 * math.log1p(cube_root) if cube_root > -0.7 else v + relative), False


@inner
def _halley(error: float, slope: float, curvature: float) -> float:
    """Step towards the root of a function with this value, slope and ratio of second to first derivative."""
    newton = error / slope
    return newton / min(max(1.0 - 0.5 * newton * curvature, 0.5), 2.0)


@jit
def inverse_gamma_log_ratio(a: float, log_h: float) -> float:
    """Return v = log(x / a) where the cumulative hazard -log Q(a, x) is exp(log_h).

    Both sides are taken as logs: log H is nearly straight in log x, its slope passing from `a` to 1, and
    Halley's steps gain three times the digits each. A bracket is kept, and halved should a step leave it.
    """
    log_mode = log_density_at_mode(a)
    v, is_exact = _log_ratio_start(a, log_h, log_mode)
    below, above = -math.inf, math.inf
    tolerance = 1e-6 / math.sqrt(1.0 + a)
    for _ in range(MAX_STEPS):
        if is_exact:
            break
        value, slope, x_hazard = _log_hazard_and_slope(a, v, log_mode)
        error = value - log_h
        below, above = (v, above) if error < 0.0 else (below, v)
        new = v - _halley(error, slope, -a * math.expm1(v) + x_hazard - slope)
        if not below <= new <= above:
            new = 0.5 * (max(below, v - 2.0) + min(above, v + 2.0))
        is_exact = abs(new - v) < tolerance
        v = new
    return v


@jit
def inverse_gammaincc_log(a: float, log_q: float) -> float:
    """Return the `x` with log Q(a, x) = log_q: the inverse of `gammaincc_log`.

    Parameters
    ----------
    a : float
        Shape, positive.
    log_q : float
        Log of the upper tail; 0 gives 0, minus infinity gives infinity.
    """
    if log_q >= 0.0:
        return 0.0
    if log_q == -math.inf:
        return math.inf
    return a * math.exp(inverse_gamma_log_ratio(a, math.log(-log_q)))
