"""Lookup tables: a number by age band, sex, stage or whatever else, read in expressions as `name(age, sex)`.

A numeric key is read in bands: a row holds from its key up to the next, the last for ever; below the first is an error.
A column such as ``age_end`` in the table's file states where each band ends. A key of labels (a covariate with
categories, an attribute with levels, `strategy`) must be met exactly.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import DataError, ScenarioError
from lmssim.model.language import expression
from lmssim.model.language.bands import gap
from lmssim.model.language.csvfile import BLANK, number_hint, plain_number, read_rows

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.language.schema import Table

NOTES = ("unit", "source_id", "locator", "description")
"""Columns of a table's file that say where its values come from."""
MAX_VALUES = 200_000
"""Combinations of the keys of a table."""


@dataclass(frozen=True)
class Entry:
    """One row: its keys as text, its value (a number or an expression of parameters), and where it stands."""

    keys: tuple[str, ...]
    value: str
    where: str
    ends: tuple[str, ...] = ()
    """Where the band of each key ends, as text; empty where the table does not say."""


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

    def axis(self, key: int) -> dict[str, Entry]:
        """Values of a key as text, in order of appearance, each with its first row."""
        found: dict[str, Entry] = {}
        for entry in self.entries:
            found.setdefault(entry.keys[key], entry)
        return found

    def numbers(self, key: int) -> dict[float, str]:
        """Values of a numeric key in ascending order, each with its text.

        Raises
        ------
        DataError
            If one is not a finite number, two are the same, or a row seems to be missing.
        """
        found: dict[float, Entry] = {}
        for text, entry in self.axis(key).items():
            number = plain_number(text)
            if number is None or number in found:
                problem = "is not a finite number" if number is None else "stands twice"
                raise DataError(f"{entry.where}: key '{self.by[key]}': '{text}' {problem}.")
            found[number] = entry
        ordered = dict(sorted(found.items()))
        self._check_bands(key, ordered)
        return {number: entry.keys[key] for number, entry in ordered.items()}

    def _check_bands(self, key: int, entries: dict[float, Entry]) -> None:
        """Refuse a gap or an overlap between the bands of a key."""
        starts, by = list(entries), self.by[key]
        if not any(entry.ends and entry.ends[key] for entry in self.entries):
            position = gap(starts)
            if position is not None:
                before, after = starts[position : position + 2]
                raise DataError(
                    f"{entries[after].where}: key '{by}': {after:g} follows {before:g}: a row seems to be missing "
                    f"between them. Add it, or state where each band ends in a column {by}_end of a file."
                )
            return
        following = dict(zip(starts, [*starts[1:], None], strict=True))
        for entry in self.entries:
            number, text = plain_number(entry.keys[key]), entry.ends[key]
            end, expected = plain_number(text), None if number is None else following[number]
            if (expected is None and text and (end is None or number is None or end <= number)) or (
                expected is not None and end != expected
            ):
                rule = "be blank or above it" if expected is None else f"be {expected:g}, where the next band starts"
                raise DataError(
                    f"{entry.where}: column '{by}_end': '{text}' behind {by} {entry.keys[key]}; it must {rule}."
                )

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
        n = math.prod(len(axis) for axis in axes)
        if n > MAX_VALUES:
            raise DataError(f"{self.where}: {n:,} combinations of the keys; at most {MAX_VALUES:,} are allowed.")
        for keys in itertools.product(*axes):
            if keys not in index:
                raise DataError(f"{self.where}: no row for {self._said(keys)}.")
        return [index[keys] for keys in itertools.product(*axes)]

    def _said(self, keys: tuple[str, ...]) -> str:
        return ", ".join(f"{by} = {key}" for by, key in zip(self.by, keys, strict=True))


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
        ends = [f"{key}_end" for key in spec.by]
        rows = read_rows(path, [*spec.by, "value"], (*NOTES, *ends))
        for row in rows:
            for column in (*spec.by, "value"):
                if not row[column]:
                    raise row.refuse(column, BLANK)
            if plain_number(row["value"]) is None and (hint := number_hint(row["value"])):
                raise row.refuse("value", f"'{row['value']}' is not a number.{hint}")
        where = f"{where}: {path}"
        entries = [
            Entry(tuple(row[key] for key in spec.by), row["value"], row.where, tuple(row[end] for end in ends))
            for row in rows
        ]
    else:
        entries = [_inline(spec, row, f"{where}.rows[{i + 1}]") for i, row in enumerate(spec.rows)]
    return LookupTable(name, tuple(spec.by), tuple(entries), where)


def _inline(spec: Table, row: list[float | str], where: str) -> Entry:
    if len(row) != len(spec.by) + 1:
        raise ScenarioError(f"{where}: has {len(row)} items; expected {', '.join(spec.by)} and the value.")
    texts = [f"{item:.17g}" if isinstance(item, float) else str(item) for item in row]
    return Entry(tuple(texts[:-1]), texts[-1], where)
