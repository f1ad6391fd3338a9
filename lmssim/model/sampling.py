"""Draws of the parameters: inverse distribution functions of uniforms addressed by parameter and draw.

Draw k alone equals draw k of many, and adding a parameter changes nobody else's draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from lmssim.errors import ParameterError, unknown
from lmssim.kernels.philox import STREAM_PARAMETERS, address_of, fill_uniforms
from lmssim.model.posterior import read_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lmssim.kernels import FloatArray
    from lmssim.model.parameters import Parameter, ParameterTable

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
    distribution = Distribution(p.distribution, _native(p), lower, upper)
    if p.distribution != "fixed" and distribution.mass() < LEAST_MASS:
        raise _refusal(p, f"has no values between lower {lower:g} and upper {upper:g}")
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
            raise _refusal(p, f"cannot have p1 {p.p1:g} and p2 {p.p2:g}: spreads, shapes and scales are above 0")
        return p.p1, p.p2
    return _BY_MEAN[p.distribution](p, p.value, _spread(p))


def _range(p: Parameter) -> tuple[float, ...]:
    if p.low is None or p.high is None:
        raise _refusal(p, "needs low and high")
    if not p.low < p.high or not p.low <= p.value <= p.high:
        raise _refusal(
            p, f"needs low < high with the value between; low is {p.low:g}, value {p.value:g}, high {p.high:g}"
        )
    return (p.low, p.high) if p.distribution == "uniform" else (p.low, p.value, p.high)


def _spread(p: Parameter) -> float:
    """Standard error, from the interval if not given."""
    if p.se is not None:
        if p.se <= 0.0:
            raise _refusal(p, f"has se {p.se:g}; it must be above 0, or the distribution 'fixed'")
        return p.se
    if p.low is None or p.high is None:
        raise _refusal(p, "needs p1 and p2, or se, or low and high")
    return (_range(p)[-1] - p.low) / INTERVAL_WIDTH


def _normal(_: Parameter, mean: float, sd: float) -> tuple[float, ...]:
    return mean, sd


def _lognormal(p: Parameter, value: float, sd: float) -> tuple[float, ...]:
    if value <= 0.0:
        raise _refusal(p, f"has value {value:g}; it must be above 0")
    if p.se is not None:
        return lognormal_by_mean(value, sd)
    if p.low is None or p.high is None or p.low <= 0.0:
        raise _refusal(p, f"has low {p.low:g}; it must be above 0")
    return math.log(value), math.log(p.high / p.low) / INTERVAL_WIDTH


def _beta(p: Parameter, mean: float, sd: float) -> tuple[float, ...]:
    if not 0.0 < mean < 1.0:
        raise _refusal(p, f"has mean {mean:g}; it must lie between 0 and 1")
    size = mean * (1.0 - mean) / sd**2 - 1.0
    if size <= 0.0:
        raise _refusal(
            p,
            f"cannot have mean {mean:g} with standard deviation {sd:g}: it must be below "
            f"{math.sqrt(mean * (1.0 - mean)):g}",
        )
    return mean * size, (1.0 - mean) * size


def _gamma(p: Parameter, mean: float, sd: float) -> tuple[float, ...]:
    if mean <= 0.0:
        raise _refusal(p, f"has mean {mean:g}; it must be above 0")
    return (mean / sd) ** 2, sd**2 / mean


_BY_MEAN = {"normal": _normal, "lognormal": _lognormal, "beta": _beta, "gamma": _gamma}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parameters drawn jointly; this goes before the members' own distributions.

    Raises
    ------
    ParameterError
        If the group is not of a known kind, or its numbers do not fit its members.
    """

    name: str
    """Name, part of the address of its draws."""
    kind: str
    """``dirichlet``, ``multivariate_normal`` or ``posterior``."""
    members: Sequence[str]
    """Ids of its parameters."""
    counts: Sequence[float] = ()
    """Dirichlet: count of each member; a zero stays exactly zero."""
    mean: Sequence[float] = ()
    """Multivariate normal: mean of each member."""
    covariance: Sequence[Sequence[float]] = ()
    """Multivariate normal: covariance matrix, rows and columns in the order of the members."""
    file: Path | str | None = None
    """Posterior: CSV or Parquet file with a column per member and a row per draw; draw k is row k modulo rows."""
    columns: Sequence[str] = ()
    """Posterior: column of each member; if none are given, they are called as the members are."""

    def __post_init__(self) -> None:
        """Refuse what cannot be sampled."""
        if self.kind not in _GROUPS:
            raise ParameterError(unknown("kind", self.kind, _GROUPS, f"group '{self.name}'"))
        if not self.members or len(set(self.members)) < len(self.members):
            raise self.refusal(f"members are {list(self.members)}; they must be one or more, each once")
        if self.kind == "dirichlet":
            self._check_counts()
        elif self.kind == "multivariate_normal":
            self.factor()
        elif self.file is None:
            raise self.refusal("a posterior needs a file of draws")

    def refusal(self, reason: str) -> ParameterError:
        """Error about this group, to be raised by the caller."""
        return ParameterError(f"group '{self.name}': {reason}.")

    def _check_counts(self) -> None:
        good = all(math.isfinite(count) and count >= 0.0 for count in self.counts)
        if len(self.counts) != len(self.members) or not good or not sum(self.counts) > 0.0:
            raise self.refusal(
                f"counts are {list(self.counts)}; expected {len(self.members)} numbers of 0 or more, not all 0"
            )

    def factor(self) -> FloatArray:
        """Lower Cholesky factor of the covariance, shape (n_members, n_members)."""
        n = len(self.members)
        if len(self.mean) != n or [len(row) for row in self.covariance] != [n] * n:
            raise self.refusal(f"mean and covariance must be of size {n} and {n} x {n}, as there are {n} members")
        covariance = np.array(self.covariance, dtype=np.float64)
        if not np.isfinite(covariance).all() or not np.isfinite(np.array(self.mean, dtype=np.float64)).all():
            raise self.refusal("mean or covariance holds a number that is not finite")
        if not np.allclose(covariance, covariance.T, rtol=1e-9, atol=0.0):
            i, j = (int(k) for k in np.argwhere(~np.isclose(covariance, covariance.T, rtol=1e-9, atol=0.0))[0])
            raise self.refusal(
                f"covariance of {self.members[i]} and {self.members[j]} is stated as both "
                f"{covariance[i, j]:g} and {covariance[j, i]:g}"
            )
        try:
            return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
        except np.linalg.LinAlgError:
            least = float(np.linalg.eigvalsh(covariance)[0])
            raise self.refusal(f"covariance is not positive definite: its least eigenvalue is {least:.3g}") from None

    def sample(self, n_draws: int, seed: int, first_draw: int = 0) -> list[FloatArray]:
        """Draws of each member, each of shape (n_draws,)."""
        return _GROUPS[self.kind](self, n_draws, seed, first_draw)

    def addresses(self) -> list[str]:
        """Name of each member's stream of uniforms."""
        return [f"{self.name}/{index}" for index in range(len(self.members))]


def _dirichlet(group: Group, n_draws: int, seed: int, first_draw: int) -> list[FloatArray]:
    total = np.zeros(n_draws)
    shares: list[FloatArray] = []
    for count, address in zip(group.counts, group.addresses(), strict=True):
        share = np.zeros(n_draws)
        if count > 0.0:
            share[:] = special.gammaincinv(count, _uniforms(address, n_draws, seed, first_draw))
        shares.append(share)
        total += share
    with np.errstate(all="ignore"):  # 0 / 0, from very small counts, is reported by the caller
        return [share / total for share in shares]


def _multivariate_normal(group: Group, n_draws: int, seed: int, first_draw: int) -> list[FloatArray]:
    normals = [special.ndtri(_uniforms(address, n_draws, seed, first_draw)) for address in group.addresses()]
    result: list[FloatArray] = []
    for mean, weights in zip(group.mean, group.factor(), strict=True):
        member = np.full(n_draws, mean, dtype=np.float64)
        for weight, normal in zip(weights, normals, strict=True):  # no matrix product: its bits depend on n_draws
            member += weight * normal
        result.append(member)
    return result


def _posterior(group: Group, n_draws: int, _: int, first_draw: int) -> list[FloatArray]:
    columns = read_columns(group.file or "", group.columns or group.members)
    return [column[(first_draw + np.arange(n_draws)) % column.size] for column in columns]


_GROUPS: dict[str, Callable[[Group, int, int, int], list[FloatArray]]] = {
    "dirichlet": _dirichlet,
    "multivariate_normal": _multivariate_normal,
    "posterior": _posterior,
}


def sample_parameters(
    table: ParameterTable, groups: Mapping[str, Group], n_draws: int, seed: int, first_draw: int = 0
) -> dict[str, FloatArray]:
    """Draws of every parameter, derived ones computed, in table order.

    Parameters
    ----------
    table : ParameterTable
        The parameters. One held by an override, or set by a switch, keeps what it is given in every draw.
    groups : mapping of str to Group
        Parameters drawn jointly.
    n_draws, seed, first_draw : int
        Draws first_draw, first_draw + 1, ... of this seed.

    Returns
    -------
    dict of str to ndarray(float, ndim=1)
        Shape (n_draws,) each.

    Raises
    ------
    ParameterError
        If groups and table do not fit, or a draw is not finite or lies beyond the parameter's bounds.
    """
    _check_groups(table, groups)
    values: dict[str, FloatArray] = {}
    for group in groups.values():
        drawn = group.sample(n_draws, seed, first_draw)
        values |= {id_: draws for id_, draws in zip(group.members, drawn, strict=True) if not table[id_].held}
    for parameter in table.values():
        alone = parameter.id not in values and not parameter.expression
        if alone and parameter.distribution != "fixed":
            u = _uniforms(parameter.id, n_draws, seed, first_draw)
            values[parameter.id] = distribution_of(parameter).quantile(u)
        elif alone:
            values[parameter.id] = np.full(n_draws, parameter.value)
    return table.evaluate(values, first_draw)


def _uniforms(name: str, n_draws: int, seed: int, first_draw: int) -> FloatArray:
    out = np.empty(n_draws)
    fill_uniforms(seed, STREAM_PARAMETERS, first_draw, address_of(name), 0, out)
    return out


def _check_groups(table: ParameterTable, groups: Mapping[str, Group]) -> None:
    """Refuse groups that do not fit the table, and two names with one address."""
    group_of: dict[str, str] = {}
    for group in groups.values():
        for id_ in group.members:
            if id_ not in table:
                raise ParameterError(unknown("member", id_, table, f"group '{group.name}'"))
            if table[id_].expression and not table[id_].held:
                raise group.refusal(f"its member '{id_}' is derived; only other parameters are drawn")
            if group_of.setdefault(id_, group.name) != group.name:
                raise group.refusal(f"its member '{id_}' is already drawn with group '{group_of[id_]}'")
    for parameter in table.values():
        if parameter.group and not parameter.held and group_of.get(parameter.id) != parameter.group:
            raise ParameterError(
                f"{parameter.where} is said to be drawn with group '{parameter.group}', but "
                f"that group is not declared with it among its members."
            )
    names = [*table, *(name for group in groups.values() for name in group.addresses())]
    if len({address_of(name) for name in names}) < len(names):
        raise ParameterError("two parameters share one random address; please rename one of those added last.")
