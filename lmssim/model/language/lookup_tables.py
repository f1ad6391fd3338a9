"""Lookup tables: a number by age band, sex, stage or whatever else, read in expressions as `name(age, sex)`.

A numeric key is read in bands: a row holds from its key up to the next, the last for ever; below the first is an error.
A key of labels (a covariate with categories, an attribute with levels, `strategy`) must be met exactly.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import DataError, ScenarioError
from lmssim.model.language import expression
from lmssim.model.language.csvfile import read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.language.schema import Table

NOTES = ("unit", "source_id", "locator", "description")
"""Columns of a table's file that say where its values come from."""


@dataclass(frozen=True)
class Entry:
    """One row: its keys as text, its value (a number or an expression of parameters), and where it stands."""

    keys: tuple[str, ...]
    value: str
    where: str


@dataclass(frozen=True)
class LookupTable:
    """A table as its file has it.

    Attributes
    ----------
    by : tuple of str
        Keys in the order of a call's arguments.
    of_parameters : bool
        Whether each value is the id of a parameter, read as it stands.
    """

    name: str
    by: tuple[str, ...]
    entries: tuple[Entry, ...]
    where: str
    of_parameters: bool = False

    def axis(self, key: int) -> list[str]:
        """Values of a key as text, in order of appearance."""
        return list(dict.fromkeys(entry.keys[key] for entry in self.entries))

    def numbers(self, key: int) -> dict[float, str]:
        """Values of a numeric key in ascending order, each with its text.

        Raises
        ------
        DataError
            If one is not a finite number, or two are the same.
        """
        found: dict[float, str] = {}
        for text in self.axis(key):
            number = _number(text)
            if number is None or number in found:
                problem = "is not a finite number" if number is None else "stands twice"
                raise DataError(f"{self.where}: key '{self.by[key]}': '{text}' {problem}.")
            found[number] = text
        return dict(sorted(found.items()))

    def values(self, axes: list[list[str]]) -> list[Entry]:
        """Entries of every combination of the keys, the last key running fastest.

        Raises
        ------
        DataError
            If a combination is missing or stands twice.
        """
        index: dict[tuple[str, ...], Entry] = {}
        for entry in self.entries:
            if index.setdefault(entry.keys, entry) is not entry:
                raise DataError(f"{entry.where}: {self._said(entry.keys)} stands twice.")
        for keys in itertools.product(*axes):
            if keys not in index:
                raise DataError(f"{self.where}: no row for {self._said(keys)}.")
        return [index[keys] for keys in itertools.product(*axes)]

    def _said(self, keys: tuple[str, ...]) -> str:
        return ", ".join(f"{by} = {key}" for by, key in zip(self.by, keys, strict=True))


def _number(text: str) -> float | None:
    try:
        number = float(text) if "_" not in text else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < float("inf") else None


def read_table(name: str, spec: Table, path: Path | None, where: str) -> LookupTable:
    """Table of a scenario's section.

    Parameters
    ----------
    path : Path or None
        Its CSV file, if it has one.

    Raises
    ------
    InputError
        If the name cannot be called, there is not exactly one of file and rows, or a row has the wrong length.
    """
    if not name.isidentifier() or name in expression.FUNCTIONS:
        raise ScenarioError(f"{where}: '{name}' is not a free name of letters, digits and _.")
    if (path is None) == (not spec.rows):
        raise ScenarioError(f"{where}: give either `file` or `rows`.")
    if len(set(spec.by)) < len(spec.by):
        raise ScenarioError(f"{where}.by: a key stands twice in {spec.by}.")
    if path is not None:
        rows = read_rows(path, [*spec.by, "value"], NOTES)
        entries = [Entry(tuple(row[key] for key in spec.by), row["value"], row.where) for row in rows]
    else:
        entries = [_inline(spec, row, f"{where}.rows[{i + 1}]") for i, row in enumerate(spec.rows)]
    return LookupTable(name, tuple(spec.by), tuple(entries), where)


def _inline(spec: Table, row: list[float | str], where: str) -> Entry:
    if len(row) != len(spec.by) + 1:
        raise ScenarioError(f"{where}: has {len(row)} items; expected {', '.join(spec.by)} and the value.")
    texts = [f"{item:.17g}" if isinstance(item, float) else str(item) for item in row]
    return Entry(tuple(texts[:-1]), texts[-1], where)
