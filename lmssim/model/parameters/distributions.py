"""Distributions of parameters, by native parameters, by mean and standard error, or by an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from lmssim.errors import ParameterError, exact, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray
    from lmssim.model.parameters.parameter import Parameter


INTERVAL_WIDTH = 3.919928
"""Width of a normal distribution's 95% interval in standard deviations."""


LEAST_MASS = 1e-9
"""Least probability that a truncation must leave."""


@dataclass(frozen=True)
class Distribution:
    """A distribution by its native parameters, truncated to [lower, upper]."""

    family: str
    """Key of `FAMILIES`."""
    native: tuple[float, ...]
    """Native parameters, as in `FAMILIES`."""
    lower: float = -math.inf
    """Truncation below."""
    upper: float = math.inf
    """Truncation above."""

    def cdf(self, x: float) -> float:
        """Probability of a value up to `x`, before truncation."""
        if math.isinf(x):
            return float(x > 0.0)
        return float(FAMILIES[self.family][1](x, *self.native))

    def mass(self) -> float:
        """Probability that the truncation leaves."""
        return self.cdf(self.upper) - self.cdf(self.lower)

    def quantile(self, u: FloatArray) -> FloatArray:
        """Values at probabilities `u` of the truncated distribution."""
        with np.errstate(all="ignore"):  # who asks refuses a value that is not finite
            inside = self.cdf(self.lower) + u * self.mass()
            values: FloatArray = FAMILIES[self.family][0](inside, *self.native)
            return np.clip(values, self.lower, self.upper)


def _triangular_quantile(u: Any, low: float, mode: float, high: float) -> Any:
    width = high - low
    left = low + np.sqrt(u * width * (mode - low))
    return np.where(u * width < mode - low, left, high - np.sqrt((1.0 - u) * width * (high - mode)))


def _triangular_cdf(x: float, low: float, mode: float, high: float) -> float:
    x = min(max(x, low), high)
    if x < mode:
        return (x - low) ** 2 / ((high - low) * (mode - low))
    return 1.0 - (high - x) ** 2 / ((high - low) * (high - mode)) if x < high else 1.0


def lognormal_by_mean(mean: float, sd: float) -> tuple[float, float]:
    """Meanlog and sdlog of the log-normal distribution with this mean and standard deviation."""
    sdlog = math.sqrt(math.log1p((sd / mean) ** 2))
    return math.log(mean) - 0.5 * sdlog**2, sdlog


FAMILIES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "fixed": (np.full_like, lambda x, value: float(x >= value)),
    "normal": (lambda u, mean, sd: mean + sd * special.ndtri(u), lambda x, mean, sd: special.ndtr((x - mean) / sd)),
    "lognormal": (
        lambda u, meanlog, sdlog: np.exp(meanlog + sdlog * special.ndtri(u)),
        lambda x, meanlog, sdlog: special.ndtr((math.log(x) - meanlog) / sdlog) if x > 0.0 else 0.0,
    ),
    "beta": (
        lambda u, shape1, shape2: special.betaincinv(shape1, shape2, u),
        lambda x, shape1, shape2: special.betainc(shape1, shape2, min(max(x, 0.0), 1.0)),
    ),
    "gamma": (
        lambda u, shape, scale: scale * special.gammaincinv(shape, u),
        lambda x, shape, scale: special.gammainc(shape, max(x, 0.0) / scale),
    ),
    "uniform": (
        lambda u, low, high: low + (high - low) * u,
        lambda x, low, high: min(max((x - low) / (high - low), 0.0), 1.0),
    ),
    "triangular": (_triangular_quantile, _triangular_cdf),
}
"""Quantile function and distribution function of each family, over its native parameters."""


def distribution_of(parameter: Parameter) -> Distribution:
    """Distribution that a row of a parameter table states.

    Raises
    ------
    ParameterError
        If the distribution is unknown, or the row does not determine one that exists.
    """
    p = parameter
    if p.distribution not in FAMILIES:
        raise ParameterError(unknown("distribution", p.distribution, FAMILIES, p.where))
    lower = -math.inf if p.lower is None else p.lower
    upper = math.inf if p.upper is None else p.upper
    try:
        native = _native(p)
    except (OverflowError, ZeroDivisionError):
        native = (math.inf,)
    if not all(map(math.isfinite, native)):
        raise _refusal(p, "cannot be computed: its numbers are too large or too small for one another")
    distribution = Distribution(p.distribution, native, lower, upper)
    if p.distribution != "fixed" and distribution.mass() < LEAST_MASS:
        raise _refusal(p, f"has no values between lower {exact(lower)} and upper {exact(upper)}")
    return distribution


def _refusal(p: Parameter, reason: str) -> ParameterError:
    return ParameterError(f"{p.where}: its {p.distribution} distribution {reason}.")


def _native(p: Parameter) -> tuple[float, ...]:
    if p.distribution == "fixed":
        return (p.value,)
    if p.distribution in ("uniform", "triangular"):
        return _range(p)
    if p.p1 is not None or p.p2 is not None:
        if p.p1 is None or p.p2 is None:
            raise _refusal(p, "needs both p1 and p2, or neither")
        if p.p2 <= 0.0 or (p.p1 <= 0.0 and p.distribution in ("beta", "gamma")):
            raise _refusal(
                p, f"cannot have p1 {exact(p.p1)} and p2 {exact(p.p2)}: spreads, shapes and scales are above 0"
            )
        return p.p1, p.p2
    return _BY_MEAN[p.distribution](p, p.value, _spread(p))


def _range(p: Parameter) -> tuple[float, ...]:
    if p.low is None or p.high is None:
        raise _refusal(p, "needs low and high")
    if not p.low < p.high or not p.low <= p.value <= p.high:
        raise _refusal(
            p,
            f"needs low < high with the value between; low is {exact(p.low)}, value {exact(p.value)},"
            f" high {exact(p.high)}",
        )
    return (p.low, p.high) if p.distribution == "uniform" else (p.low, p.value, p.high)


def _spread(p: Parameter) -> float:
    """Standard error, from the interval if not given."""
    if p.se is not None:
        if p.se <= 0.0:
            raise _refusal(p, f"has se {exact(p.se)}; it must be above 0, or the distribution 'fixed'")
        return p.se
    if p.low is None or p.high is None:
        raise _refusal(p, "needs p1 and p2, or se, or low and high")
    return (_range(p)[-1] - p.low) / INTERVAL_WIDTH


def _normal(_: Parameter, mean: float, sd: float) -> tuple[float, ...]:
    return mean, sd


def _lognormal(p: Parameter, value: float, sd: float) -> tuple[float, ...]:
    if value <= 0.0:
        raise _refusal(p, f"has value {exact(value)}; it must be above 0")
    if p.se is not None:
        return lognormal_by_mean(value, sd)
    if p.low is None or p.high is None or p.low <= 0.0:
        raise _refusal(p, f"has low {p.low:g}; it must be above 0")
    return math.log(value), math.log(p.high / p.low) / INTERVAL_WIDTH


def _beta(p: Parameter, mean: float, sd: float) -> tuple[float, ...]:
    if not 0.0 < mean < 1.0:
        raise _refusal(p, f"has mean {exact(mean)}; it must lie between 0 and 1")
    size = mean * (1.0 - mean) / sd**2 - 1.0
    if size <= 0.0:
        raise _refusal(
            p,
            f"cannot have mean {exact(mean)} with standard deviation {exact(sd)}: it must be below "
            f"{exact(math.sqrt(mean * (1.0 - mean)))}",
        )
    return mean * size, (1.0 - mean) * size


def _gamma(p: Parameter, mean: float, sd: float) -> tuple[float, ...]:
    if mean <= 0.0:
        raise _refusal(p, f"has mean {exact(mean)}; it must be above 0")
    return (mean / sd) ** 2, sd**2 / mean


_BY_MEAN = {"normal": _normal, "lognormal": _lognormal, "beta": _beta, "gamma": _gamma}
