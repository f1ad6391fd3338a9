"""Lookup tables in use: on first use a table gets slots among the numbers, for the codes of its keys and its values.

What labels a key has, and what a row's value stands for, is told by who asks (`lmssim.model.program.names`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, unknown
from lmssim.model.language.expression import Number
from lmssim.model.program.rows import Axis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lmssim.model.language.expression import Node
    from lmssim.model.language.lookup_tables import Entry, LookupTable
    from lmssim.model.program.numbers import NumberTable

Labels = dict[str, float]
"""Labels of a key with their codes."""


@dataclass(frozen=True)
class Place:
    """Where a table stands: the number of each key's axis, and the first slot of its values."""

    axes: range
    first: int


@dataclass
class Lookups:
    """Tables that have been placed among the numbers."""

    numbers: NumberTable
    axes: list[Axis] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)

    def place(
        self, name: str, table: LookupTable, labels: Sequence[Labels | None], value: Callable[[Entry], Node]
    ) -> None:
        """Give a table its slots, unless it has them.

        Parameters
        ----------
        labels : sequence
            Labels of each key; None if it is a number.
        value : callable
            What a row's value stands for, resolved.

        Raises
        ------
        InputError
            If the table has a row too few, too many or impossible.
        """
        if name in self.places:
            return
        first_axis, texts = len(self.axes), []
        for k, key in enumerate(table.by):
            codes = _codes(table, k, labels[k])
            texts.append(list(codes.values()))
            where = f"{table.where}: key '{key}'"
            first = self._add((Number(code), where) for code in codes)
            self.axes.append(Axis(first, len(codes), labels[k] is not None, where))
        values = self._add([(value(entry), entry.where) for entry in table.values(texts)])
        self.places[name] = Place(range(first_axis, len(self.axes)), values)

    def _add(self, values: Iterable[tuple[Node, str]]) -> int:
        """Neighbouring slots of some values; returns the first."""
        slots = [self.numbers.add(node, where, "number", shared=False) for node, where in values]
        return slots[0]


def _codes(table: LookupTable, key: int, labels: Mapping[str, float] | None) -> dict[float, str]:
    """Codes of a key that stand in a table, ascending, with their texts."""
    if labels is None:
        return table.numbers(key)
    there = table.axis(key)
    for text, entry in there.items():
        if text not in labels:
            raise ScenarioError(unknown(table.by[key], text, labels, entry.where))
    return {code: text for text, code in labels.items() if text in there}
