"""Parameters that differ by a category of a covariate, such as the site of a tumour: `[parameters_by.site]`.

A row of a category's files is loaded under the id ``<category>_<id>``, so that it is drawn, set and listed as any other
parameter. Wherever the model reads the plain id, it stands for a lookup by the patient's category. A shared row whose
expression names such an id differs by category as well: it is loaded once for each category that changes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, unknown
from lmssim.model.language import expression
from lmssim.model.language.lookup_tables import Entry, LookupTable
from lmssim.model.parameters.table import ParameterTable, read_parameters, unique

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lmssim.model.parameters.parameter import Parameter

NAME = re.compile(r"[^\W\d]\w*|[\d.]\w*")
"""A name, or a number with its exponent."""


@dataclass(frozen=True)
class ByCovariate:
    """Which parameter gives an id its value in each category.

    Attributes
    ----------
    covariate : str
        The covariate with labels; empty if no parameter differs.
    ids : mapping
        Id to category to the id of the table that holds there; a category without one is left out.
    possible : sequence of str
        Categories that the population can have.
    """

    covariate: str = ""
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    possible: Sequence[str] = ()

    def holds(self, name: str, category: str) -> str:
        """Id that gives `name` its value in a category: `name` itself if it does not differ, or has none there."""
        return self.ids.get(name, {}).get(category, name)

    def spread(self, name: str, value: float | str) -> dict[str, float | str]:
        """What sets an id everywhere: each id that holds in some category, with the value as it reads there."""
        if name not in self.ids:
            return {name: value}
        return {id_: self.read(value, category) for category, id_ in self.ids[name].items()}

    def read(self, value: float | str, category: str) -> float | str:
        """An expression of parameters as it reads in a category."""
        if not isinstance(value, str):
            return value
        return NAME.sub(lambda match: self.holds(match[0], category), value)

    def require(self, name: str, categories: Iterable[str], where: str) -> None:
        """Refuse an id that differs, if one of some categories has no value."""
        for category in categories:
            if name in self.ids and category not in self.ids[name]:
                key = f"parameters_by.{self.covariate}.{category}"
                raise ScenarioError(
                    f"{where}: parameter '{name}' has no value where {self.covariate} is '{category}': give it a row"
                    f" in a file of {key}, or in a table for all."
                )

    def table(self, name: str, where: str) -> LookupTable:
        """Lookup table of an id by category.

        Raises
        ------
        ScenarioError
            If there is no value for a category that the population can have.
        """
        self.require(name, self.possible, where)
        entries = tuple(Entry((category,), id_, where) for category, id_ in self.ids[name].items())
        return LookupTable(table_name(name, self.covariate), (self.covariate,), entries, where, of_parameters=True)


def table_name(name: str, covariate: str) -> str:
    """Name of the lookup table of an id, which no expression can call."""
    return f"{name} by {covariate}"


def load_by_covariate(
    rows: Sequence[Parameter], covariate: str, files: Mapping[str, Sequence[Path]], labels: Sequence[str], where: str
) -> tuple[ParameterTable, ByCovariate]:
    """A table of rows for all, with those of each category's files added, and what their ids mean.

    Parameters
    ----------
    rows : sequence of Parameter
        Parameters for all categories, which hold where a category's files lack an id.
    files : mapping of str to sequence of Path
        CSV files by category.
    labels : sequence of str
        Categories of the covariate.

    Raises
    ------
    InputError
        If there is no such category, or a row is not valid.
    """
    own: dict[str, dict[str, Parameter]] = {}
    for category, paths in files.items():
        if category not in labels:
            raise ScenarioError(unknown(f"category of {covariate}", category, labels, f"{where}.{covariate}"))
        if not category.isidentifier():
            raise ScenarioError(f"{where}.{covariate}: '{category}' is not a name, and cannot begin an id.")
        own[category] = unique(read_parameters(paths))
    spread = _Spread({p.id: p for p in rows}, own)
    names = dict.fromkeys([*(id_ for each in own.values() for id_ in each), *spread.shared])
    try:
        ids = {name: spread.by_category(name, labels) for name in names}
    except RecursionError:
        raise ScenarioError(
            f"{where}.{covariate}: parameters are derived from one another in too long a chain."
        ) from None
    differing = ByCovariate(covariate, {name: held for name, held in ids.items() if set(held.values()) != {name}})
    return ParameterTable([*spread.kept(rows, differing), *spread.added(differing)]), differing


class _Spread:
    """Rows for all and rows of categories, and which of them holds where."""

    def __init__(self, shared: Mapping[str, Parameter], own: Mapping[str, Mapping[str, Parameter]]) -> None:
        self.shared, self.own = shared, own
        self.found: dict[tuple[str, str], str | None] = {}

    def by_category(self, name: str, labels: Sequence[str]) -> dict[str, str]:
        """Category to the id that holds there, of those that have one."""
        held = {category: self.holds(name, category) for category in labels}
        return {category: id_ for category, id_ in held.items() if id_ is not None}

    def holds(self, name: str, category: str) -> str | None:
        """Id that gives a name its value in a category; None if there is no value."""
        if name in self.own.get(category, {}):
            return f"{category}_{name}"
        if name not in self.shared:
            return None
        key = (name, category)
        if key not in self.found:
            self.found[key] = name  # a circle comes back to here; the table of parameters reports it
            self.found[key] = self._of_shared(name, category)
        return self.found[key]

    def _of_shared(self, name: str, category: str) -> str | None:
        text, where = self.shared[name].expression, self.shared[name].where
        named = {n for n in expression.names(expression.parse(text, where)) if self._known(n)} if text else set()
        held = {n: self.holds(n, category) for n in named}
        if None in held.values():
            return None
        return name if all(n == id_ for n, id_ in held.items()) else f"{category}_{name}"

    def _known(self, name: str) -> bool:
        return name in self.shared or any(name in own for own in self.own.values())

    def kept(self, rows: Sequence[Parameter], differing: ByCovariate) -> list[Parameter]:
        """Rows for all but those whose expression reads as it stands in no category."""
        return [p for p in rows if not p.expression or p.id in differing.ids.get(p.id, {"": p.id}).values()]

    def added(self, differing: ByCovariate) -> Iterator[Parameter]:
        """Rows that hold in one category."""
        for name, held in differing.ids.items():
            for category, id_ in held.items():
                if id_ != name:
                    row = self.own.get(category, {}).get(name) or self.shared[name]
                    group = f"{category}_{row.group}" if row.group else ""
                    yield replace(row, id=id_, expression=str(differing.read(row.expression, category)), group=group)
