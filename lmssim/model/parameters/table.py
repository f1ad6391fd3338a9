"""Parameter tables: every number of a model with its uncertainty, its source and its kind.

A table is a CSV with the columns ``id, value`` and, if wanted, ``distribution, p1, p2, se, low, high, expression, unit,
kind, source_id, locator, description, reason, group, lower, upper``; a column left out is blank in every row, and a row
without a distribution is fixed. A row with an expression is *derived*: its value is computed from other parameters in
every draw and after every override.

============  =========================  ==================================================================
distribution  native                     otherwise, from ``value`` and ``se`` or the 95% interval low, high
============  =========================  ==================================================================
fixed                                    always ``value``
normal        p1 mean, p2 sd             mean = value, sd = se or (high - low) / 3.919928
lognormal     p1 meanlog, p2 sdlog       se: value is the mean, sdlog^2 = ln(1 + (se / value)^2);
                                         interval: value is the median, sdlog = ln(high / low) / 3.919928
beta          p1, p2 (both shapes)       mean = value, sd as for normal; needs sd^2 < mean (1 - mean)
gamma         p1 shape, p2 scale         mean = value, sd as for normal
uniform                                  on low to high
triangular                               on low to high, mode = value
============  =========================  ==================================================================

Native parameters go before ``se``, ``se`` before the interval. ``lower`` and ``upper`` truncate any distribution, and
bound overrides and derived values. ``value`` is what the base case uses; it need not be the mean of the draws.
"""

from __future__ import annotations

import graphlib
import keyword
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ParameterError, unknown
from lmssim.model.language import expression
from lmssim.model.language.csvfile import Row, number, read_rows
from lmssim.model.language.schema.words import FOREVER
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.parameters.parameter import KINDS, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lmssim.kernels import FloatArray

__all__ = ["Parameter", "ParameterTable", "load_parameters"]

REQUIRED = ("id", "value")
TEXTS = ("unit", "kind", "source_id", "locator", "description", "reason", "group")
NUMBERS = ("p1", "p2", "se", "low", "high", "lower", "upper")
OPTIONAL = ("distribution", "expression", *NUMBERS, *TEXTS)
MAX_PARAMETERS = 20_000
"""Parameters of a scenario."""
RESERVED = {*keyword.kwlist, *expression.FUNCTIONS, "true", "false", FOREVER}


class ParameterTable(Mapping[str, Parameter]):
    """Parameters by id, in file order, with their derived values in an order that can be computed.

    Parameters
    ----------
    parameters : iterable of Parameter
        The parameters.

    Raises
    ------
    ParameterError
        If an id stands twice, an expression names an unknown parameter, or expressions go round in a circle.
    """

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        self._parameters = unique(parameters)
        self._nodes = {p.id: expression.parse(p.expression, p.where) for p in self.values() if p.expression}
        self._order = self._sorted({id_: self._named(id_) for id_ in self._nodes})

    def __getitem__(self, id_: str) -> Parameter:
        """Parameter of an id."""
        return self._parameters[id_]

    def __iter__(self) -> Iterator[str]:
        """Ids in file order."""
        return iter(self._parameters)

    def __len__(self) -> int:
        """Count of parameters."""
        return len(self._parameters)

    def _named(self, id_: str) -> list[str]:
        """Parameters that an expression names."""
        named = list(dict.fromkeys(expression.names(self._nodes[id_])))
        for name in named:
            if name not in self:
                raise ParameterError(unknown("parameter in its expression", name, self, self[id_].where))
        return named

    def _sorted(self, uses: dict[str, list[str]]) -> list[str]:
        try:
            return [id_ for id_ in graphlib.TopologicalSorter(uses).static_order() if id_ in uses]
        except graphlib.CycleError as error:
            circle: list[str] = error.args[1][::-1]
            raise ParameterError(
                f"{self[circle[0]].where}: its expression goes round in a circle: {' -> '.join(circle)}."
            ) from None

    def needed(self, ids: Iterable[str]) -> set[str]:
        """The named parameters and all that their expressions need."""
        wanted: set[str] = set()
        waiting = list(ids)
        while waiting:
            id_ = waiting.pop()
            if id_ not in self:
                raise ParameterError(unknown("parameter", id_, self, "selection"))
            if id_ not in wanted:
                wanted.add(id_)
                waiting += self._named(id_) if id_ in self._nodes else []
        return wanted

    def select(self, ids: Iterable[str]) -> ParameterTable:
        """Table of the named parameters and all that their expressions need."""
        wanted = self.needed(ids)
        return ParameterTable(p for p in self.values() if p.id in wanted)

    def with_values(self, overrides: Mapping[str, float]) -> ParameterTable:
        """Table with some values replaced and held in every draw; a derived parameter loses its expression."""
        for id_, value in overrides.items():
            if id_ not in self:
                raise ParameterError(unknown("parameter", id_, self, "override (--set)"))
            self[id_].check(value, "its override")
        return ParameterTable(
            replace(p, value=float(overrides[p.id]), distribution="fixed", expression="", held=True)
            if p.id in overrides
            else p
            for p in self.values()
        )

    def base(self) -> dict[str, FloatArray]:
        """Base-case values, derived ones computed: arrays of shape (1,)."""
        return {id_: value.copy() for id_, value in self._base.items()}

    @cached_property
    def _base(self) -> dict[str, FloatArray]:
        return self.evaluate({p.id: np.array([p.value]) for p in self.values() if not p.expression})

    def evaluate(self, values: Mapping[str, FloatArray], first_draw: int | None = None) -> dict[str, FloatArray]:
        """Values of every parameter, in table order.

        Parameters
        ----------
        values : mapping of str to ndarray(float, ndim=1)
            Values by draw, shape (n_draws,). A parameter left out takes its base value or, if derived, is computed; a
            derived parameter given here is taken as given.
        first_draw : int, optional
            Number of the first draw, for messages.

        Raises
        ------
        ParameterError
            If an id is unknown, or a value is not finite or lies beyond its bounds.
        """
        for id_ in values:
            if id_ not in self:
                raise ParameterError(unknown("parameter", id_, self, "values"))
        shape = np.broadcast_shapes((1,), *(np.shape(array) for array in values.values()))
        result = {p.id: np.full(shape, values.get(p.id, p.value), dtype=np.float64) for p in self.values()}
        for id_ in self._order:
            if id_ not in values:
                result[id_] = self._derive(id_, result, shape)
        for id_, array in result.items():
            _check_draws(self[id_], array, first_draw)
        return result

    def _derive(self, id_: str, values: dict[str, FloatArray], shape: tuple[int, ...]) -> FloatArray:
        where = self[id_].where
        try:
            return np.full(shape, expression.evaluate(self._nodes[id_], values, where), dtype=np.float64)
        except (TypeError, ValueError):
            raise ParameterError(f"{where}: '{self[id_].expression}' does not give a number.") from None


def _check_draws(parameter: Parameter, array: FloatArray, first_draw: int | None) -> None:
    of = f" of '{parameter.expression}'" if parameter.expression else ""
    if first_draw is None and array.size == 1:
        parameter.check(float(array.flat[0]), f"value{of}")
    else:
        parameter.check_draws(array, of, first_draw or 0)


def unique(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    """Parameters by id; refuses an id that stands twice."""
    found: dict[str, Parameter] = {}
    for parameter in parameters:
        first = found.setdefault(parameter.id, parameter)
        if first is not parameter:
            raise ParameterError(f"{parameter.where} is already defined at {first.file}:{first.line}.")
    return found


def load_parameters(paths: Sequence[Path | str], shared: Sequence[Path | str] = ()) -> ParameterTable:
    """Parameters of one or more tables; see `parameter_rows`."""
    return ParameterTable(parameter_rows(paths, shared))


def parameter_rows(paths: Sequence[Path | str], shared: Sequence[Path | str] = ()) -> list[Parameter]:
    """Rows of one or more tables.

    Parameters
    ----------
    paths : sequence of Path or str
        CSV files, see the module's description of their columns.
    shared : sequence of Path or str
        Further files; a row of `paths` stands in place of a shared one of its id.

    Raises
    ------
    DataError
        If a file is missing or its columns are not those expected.
    ParameterError
        If a row is not valid; the message names file, line, column and value.
    """
    own = list(read_parameters(paths))
    ids = {parameter.id for parameter in own}
    rows = [*own, *(p for p in read_parameters(shared) if p.id not in ids)]
    if len(rows) > MAX_PARAMETERS:
        raise ParameterError(
            f"{rows[-1].file}: {len(rows):,} parameters; a scenario may have {MAX_PARAMETERS:,} at most."
        )
    return rows


def read_parameters(paths: Iterable[Path | str]) -> Iterator[Parameter]:
    """Rows of some tables, each checked by itself."""
    for path in paths:
        for row in read_rows(path, REQUIRED, OPTIONAL, ParameterError):
            yield _read(row)


def _read(row: Row) -> Parameter:
    derived = bool(row["expression"])
    _check_texts(row)
    numbers = {column: number(row, column, allow_blank=True) for column in NUMBERS}
    distribution = row["distribution"] or "fixed"
    if not row["distribution"] and any(numbers[column] is not None for column in ("p1", "p2", "se", "low", "high")):
        raise row.refuse("distribution", "the cell is blank, but the row states an uncertainty. Please name one.")
    if derived and (row["value"] or distribution != "fixed"):
        raise row.refuse("expression", "a derived parameter has no value and no distribution of its own.")
    fields: dict[str, Any] = {text: row[text] for text in ("id", "expression", *TEXTS)} | numbers
    fields |= {"value": math.nan if derived else number(row, "value"), "distribution": distribution}
    parameter = Parameter(**fields, file=row.file, line=row.line)
    if not derived:
        parameter.check(parameter.value)
        distribution_of(parameter)
    return parameter


def _check_texts(row: Row) -> None:
    """Refuse an id that no expression could name, and a kind without what it calls for."""
    id_, kind = row["id"], row["kind"]
    if keyword.iskeyword(id_):
        raise row.refuse("id", expression.reserved_word(id_))
    if not id_.isidentifier() or id_ in RESERVED:
        raise row.refuse("id", f"'{id_}' is not a free name of letters, digits and _, not starting with a digit.")
    if "kind" in row.cells and kind not in KINDS:
        raise ParameterError(unknown("kind", kind, KINDS, row.where))
    for needing, column in (("assumed", "reason"), ("published", "source_id")):
        if kind == needing and not row[column]:
            raise row.refuse(column, f"the cell is blank, and '{id_}' is {needing}. Please state its {column}.")
