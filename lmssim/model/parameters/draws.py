"""Draws of the parameters: inverse distribution functions of uniforms addressed by parameter and draw.

Draw k alone equals draw k of many, and adding a parameter changes nobody else's draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import special

from lmssim.errors import ParameterError, exact, unknown
from lmssim.kernels.philox import STREAM_PARAMETERS, address_of, fill_uniforms
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.parameters.posterior import read_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.parameters.table import ParameterTable


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
    where: str = ""
    """File and key, for messages."""

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
        where = self.where or f"group '{self.name}'"
        return ParameterError(f"{where}: {reason}.")

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
                f"{exact(covariance[i, j])} and {exact(covariance[j, i])}"
            )
        try:
            return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
        except np.linalg.LinAlgError:
            least = float(np.linalg.eigvalsh(covariance)[0])
            raise self.refusal(f"covariance is not positive definite: its least eigenvalue is {least:.3g}") from None

    @property
    def n_rows(self) -> int:
        """Rows of a posterior, after which its draws repeat; 0 of other groups."""
        return int(_rows_of(self)[0].size) if self.kind == "posterior" else 0

    def sample(self, n_draws: int, seed: int, first_draw: int = 0) -> list[FloatArray]:
        """Draws of each member, each of shape (n_draws,)."""
        return self.levels(Addressed(n_draws, seed, first_draw))

    def levels(self, source: Source) -> list[FloatArray]:
        """Draws of each member from the numbers of a source."""
        return _GROUPS[self.kind](self, source)

    def addresses(self) -> list[str]:
        """Name of each member's stream of uniforms."""
        return [f"{self.name}/{index}" for index in range(len(self.members))]


class Source(Protocol):
    """Where the numbers of draws come from."""

    @property
    def n_draws(self) -> int:
        """Draws."""

    def uniforms(self, name: str) -> FloatArray:
        """Uniforms of a stream, (n_draws,)."""

    def rows(self, n_rows: int) -> IntArray:
        """Row of a posterior of so many rows, (n_draws,)."""


@dataclass(frozen=True)
class Addressed:
    """Draws first_draw, first_draw + 1, ... of a seed."""

    n_draws: int
    seed: int
    first_draw: int = 0

    def uniforms(self, name: str) -> FloatArray:
        """Uniforms addressed by the stream's name and the draw."""
        out = np.empty(self.n_draws)
        fill_uniforms(self.seed, STREAM_PARAMETERS, self.first_draw, address_of(name), 0, out)
        return out

    def rows(self, n_rows: int) -> IntArray:
        """Draw k has row k modulo rows."""
        return (self.first_draw + np.arange(self.n_draws)) % n_rows


@dataclass(frozen=True)
class Stated:
    """Draws whose uniforms are given, such as those of a design.

    Attributes
    ----------
    streams : mapping of str to ndarray(float, ndim=1)
        Uniforms by the stream's name, (n_draws,) each.
    row_numbers : ndarray(int, ndim=1)
        (n_draws,): number that says which row of every posterior is taken, modulo its rows.
    """

    streams: Mapping[str, FloatArray]
    row_numbers: IntArray

    @property
    def n_draws(self) -> int:
        """Draws."""
        return len(self.row_numbers)

    def uniforms(self, name: str) -> FloatArray:
        """As given; the middle of a stream that is not."""
        return self.streams[name] if name in self.streams else np.full(self.n_draws, 0.5)

    def rows(self, n_rows: int) -> IntArray:
        """Row number modulo rows."""
        return self.row_numbers % n_rows


def _dirichlet(group: Group, source: Source) -> list[FloatArray]:
    total = np.zeros(source.n_draws)
    shares: list[FloatArray] = []
    for count, address in zip(group.counts, group.addresses(), strict=True):
        share = np.zeros(source.n_draws)
        if count > 0.0:
            share[:] = special.gammaincinv(count, source.uniforms(address))
        shares.append(share)
        total += share
    with np.errstate(all="ignore"):  # 0 / 0, from very small counts, is reported by the caller
        return [share / total for share in shares]


def _multivariate_normal(group: Group, source: Source) -> list[FloatArray]:
    normals = [special.ndtri(source.uniforms(address)) for address in group.addresses()]
    result: list[FloatArray] = []
    for mean, weights in zip(group.mean, group.factor(), strict=True):
        member = np.full(source.n_draws, mean, dtype=np.float64)
        for weight, normal in zip(weights, normals, strict=True):  # no matrix product: its bits depend on n_draws
            member += weight * normal
        result.append(member)
    return result


def _posterior(group: Group, source: Source) -> list[FloatArray]:
    columns = _rows_of(group)
    rows = source.rows(columns[0].size)
    return [column[rows] for column in columns]


def _rows_of(group: Group) -> list[FloatArray]:
    """Columns of a posterior."""
    return read_columns(group.file or "", group.columns or group.members)


_GROUPS: dict[str, Callable[[Group, Source], list[FloatArray]]] = {
    "dirichlet": _dirichlet,
    "multivariate_normal": _multivariate_normal,
    "posterior": _posterior,
}


def sample_parameters(
    table: ParameterTable,
    groups: Mapping[str, Group],
    n_draws: int,
    seed: int,
    first_draw: int = 0,
    given: Mapping[str, FloatArray] | None = None,
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
    given : mapping of str to ndarray(float, ndim=1), optional
        Values of some drawn parameters, (n_draws,) each, in the place of their own draws.

    Returns
    -------
    dict of str to ndarray(float, ndim=1)
        Shape (n_draws,) each.

    Raises
    ------
    ParameterError
        If groups and table do not fit, or a draw is not finite or lies beyond the parameter's bounds.
    """
    return parameters_from(table, groups, Addressed(n_draws, seed, first_draw), first_draw, given)


def parameters_from(
    table: ParameterTable,
    groups: Mapping[str, Group],
    source: Source,
    first_draw: int = 0,
    given: Mapping[str, FloatArray] | None = None,
) -> dict[str, FloatArray]:
    """Draws of every parameter from the numbers of a source; otherwise as `sample_parameters`."""
    _check_groups(table, groups)
    values: dict[str, FloatArray] = {}
    for group in groups.values():
        drawn = group.levels(source)
        values |= {id_: draws for id_, draws in zip(group.members, drawn, strict=True) if not table[id_].held}
    for parameter in table.values():
        alone = parameter.id not in values and not parameter.expression
        if alone and parameter.distribution != "fixed":
            values[parameter.id] = distribution_of(parameter).quantile(source.uniforms(parameter.id))
        elif alone:
            values[parameter.id] = np.full(source.n_draws, parameter.value)
    values |= given or {}
    return table.evaluate(values, first_draw)


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
