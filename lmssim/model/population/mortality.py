"""Background mortality and utility norms: the user's tables by age and by any further keys, such as sex.

A life table becomes a piecewise-constant hazard per key, laid out as the piecewise kernels read it; norms become one
utility per key and single year of age.
"""

from __future__ import annotations

import difflib
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from lmssim.errors import DataError, unknown
from lmssim.model.language.bands import END, check_bands
from lmssim.model.language.csvfile import Row, number, read_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from lmssim.kernels import FloatArray, IntArray

Key = tuple[str, ...]

MAX_NORM_AGE = 120
"""Last single year of age of the utility norms."""
NOTES = ("unit", "source_id", "locator", "description")
"""Columns that say where values come from."""
CLOSED = 1000.0
"""Hazard (per year) in a band with q = 1, whose people are dead within hours: large, and small enough to solve."""
LIKE = 0.8
"""Likeness (`difflib`) from which a key that nobody has is taken for another one misspelt."""
MOST_HAZARD = 1e6
"""Largest rate that a table may state (per year)."""


@dataclass(frozen=True)
class KeyedTable:
    """What a table by keys knows of its keys."""

    file: str
    """File the table was read from."""
    key_columns: tuple[str, ...]
    """Columns that tell the tables in the file apart, e.g. ("sex",); may be empty."""
    keys: list[Key]
    """Values of the key columns, in order of first appearance."""
    places: list[str]
    """File and line of each key's first row."""

    def index_of(self, values: Mapping[str, object]) -> int:
        """Position of a key.

        Parameters
        ----------
        values : mapping
            Value of every key column, e.g. ``{"sex": "female"}``; a number stands for its label, 1.0 for "1". Other
            entries are ignored.

        Raises
        ------
        DataError
            If a key column is not given, or the table has no such key.
        """
        for column in self.key_columns:
            if column not in values:
                raise DataError(f"{self.file}: no value given for the key column '{column}'.")
        key = tuple(_label(values[column]) for column in self.key_columns)
        if key not in self.keys:
            wanted = ", ".join(key)
            raise DataError(unknown(", ".join(self.key_columns), wanted, map(", ".join, self.keys), self.file))
        return self.keys.index(key)

    def check_unused(self, used: Collection[int]) -> None:
        """Refuse a key that nobody has, if it is nearly one that somebody has: its rows are missing there.

        Parameters
        ----------
        used : collection of int
            Positions of the keys that the population can have.

        Raises
        ------
        DataError
            If a key seems to be misspelt.
        """
        wanted = [", ".join(self.keys[position]) for position in sorted(used)]
        for position, key in enumerate(self.keys):
            words = ", ".join(key)
            near = [each for each in wanted if abs(len(each) - len(words)) <= 1]  # male is no misspelt female
            if position not in used and difflib.get_close_matches(words.lower(), near, n=1, cutoff=LIKE):
                raise DataError(unknown(", ".join(self.key_columns), words, wanted, self.places[position]))


def _label(value: object) -> str:
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True)
class LifeTable(KeyedTable):
    """Piecewise-constant hazard of death by exact age (years), for each key; the last row is held for ever.

    Notes
    -----
    For key k with o = offset[k] and n = n_intervals[k], ``array[o:o+n]`` holds the ages at which the intervals start
    (the first is 0), the next n numbers the hazards per year, and the next n the cumulative hazards at the starts.
    """

    offset: IntArray
    """First position of each key in `array`, shape (n_keys,)."""
    n_intervals: IntArray
    """Intervals of each key, shape (n_keys,)."""
    array: FloatArray
    """Starts, hazards and cumulative hazards of all keys, one after the other."""
    closed: float | None = None
    """Least age (years) from which the table has q = 1, so that nobody lives beyond it; None if there is none."""
    first_age: float = 0.0
    """Greatest age (years) at which a key begins; younger people have its first hazard."""

    def intervals(self, key: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Starts (years), hazards (per year) and cumulative hazards at the starts of one key."""
        n = int(self.n_intervals[key])
        first = int(self.offset[key])
        part = self.array[first : first + 3 * n]
        return part[:n], part[n : 2 * n], part[2 * n :]

    def life_expectancy(self, key: int, age: float = 0.0) -> float:
        """Expected years still to live at an exact age: the integral of survival, exact for these hazards.

        Parameters
        ----------
        key : int
            Position of the key, from `index_of`.
        age : float
            Age already reached (years).
        """
        if not age >= 0.0:
            raise DataError(f"{self.file}: age is {age}; it must be 0 or more.")
        starts, hazards, _ = self.intervals(key)
        stops = np.append(starts[1:], math.inf)
        alive = 1.0
        years = 0.0
        for start, stop, hazard in zip(np.maximum(starts, age), stops, hazards, strict=True):
            if stop > age:
                width = float(stop - start)
                dying = -math.expm1(-hazard * width) if hazard > 0.0 else 0.0
                years += alive * (dying / float(hazard) if hazard > 0.0 else width)
                alive *= 1.0 - dying
        return years


@dataclass(frozen=True)
class Norms(KeyedTable):
    """Utility of the general population by single year of age, for each key."""

    array: FloatArray
    """Utility at ages 0, 1, ..., 120, shape (n_keys, 121)."""


def load_life_table(
    path: Path | str, measure: Literal["q", "m"], key_columns: Sequence[str] | None = None
) -> LifeTable:
    """Life table from a CSV with ``age``, ``q`` or ``m``, and key columns such as ``sex``.

    Parameters
    ----------
    path : Path or str
        The file. ``age`` is the start of a band in years and ascends within each key. A column ``age_end`` states where
        each band ends, which must be where the next one starts; without it, see `lmssim.model.language.bands`.
    measure : {"q", "m"}
        What the table gives: the probability ``q`` of dying within the band (for the last band, within one year), or
        the mortality rate ``m`` per year.
    key_columns : sequence of str, optional
        Columns that tell tables apart; by default every further column.

    Raises
    ------
    DataError
        If the file or any of its rows is not as described, or a row seems to be missing.

    Notes
    -----
    The hazard of a band is -ln(1 - q) / width, or m. A band with q = 1 closes the table: whoever reaches it, or begins
    in it, dies there at once (within hours, by a hazard of 1,000 per year). Only rows with q = 1 may follow. The last
    row is held for ever. A table that starts after age 0 holds its first hazard down to age 0.
    """
    if measure not in ("q", "m"):
        raise DataError(unknown("measure", measure, ("q", "m"), str(path)))
    columns, by_key = _read_keyed(path, measure, key_columns)
    tables = [_piecewise(rows, measure) for rows in by_key.values()]
    sizes = np.array([table.shape[1] for table in tables], dtype=np.int64)
    offset = np.concatenate((np.zeros(1, dtype=np.int64), 3 * np.cumsum(sizes)[:-1]))
    ends = [
        number(row, "age") for rows in by_key.values() for row in rows if measure == "q" and number(row, "q") == 1.0
    ]
    return LifeTable(
        str(path),
        columns,
        list(by_key),
        _places(by_key),
        offset,
        sizes,
        np.concatenate([t.ravel() for t in tables]),
        closed=min(ends, default=None),
        first_age=max(number(rows[0], "age") for rows in by_key.values()),
    )


def load_norms(path: Path | str, key_columns: Sequence[str] | None = None) -> Norms:
    """Utility norms from a CSV with ``age``, ``utility`` and key columns such as ``sex``.

    Parameters
    ----------
    path : Path or str
        The file. ``age`` is a whole year from 0 to 120 and ascends within each key. A row holds up to the next one;
        ages below the first row use the first, ages above the last use the last.
    key_columns : sequence of str, optional
        Columns that tell tables apart; by default every further column.

    Raises
    ------
    DataError
        If the file or any of its rows is not as described, or a utility lies outside -1 to 1.
    """
    columns, by_key = _read_keyed(path, "utility", key_columns)
    array = np.stack([_yearly(rows) for rows in by_key.values()])
    return Norms(str(path), columns, list(by_key), _places(by_key), array)


def _read_keyed(
    path: Path | str, value: str, key_columns: Sequence[str] | None
) -> tuple[tuple[str, ...], dict[Key, list[Row]]]:
    """Key columns, and the rows of each key with ages ascending and without a gap."""
    rows = read_rows(path, ("age", value, *(key_columns or ())), None if key_columns is None else (END, *NOTES))
    others = ("age", value, END, *NOTES)
    columns = tuple(c for c in rows[0].cells if c not in others) if key_columns is None else tuple(key_columns)
    by_key: dict[Key, list[Row]] = {}
    for row in rows:
        for column in columns:
            if not row[column]:
                raise row.refuse(column, "the cell is blank. Expected the value of a key.")
        own = by_key.setdefault(tuple(row[column] for column in columns), [])
        age = number(row, "age")
        if age < 0.0:
            raise row.refuse("age", f"{age:g} is below 0.")
        if own and age <= number(own[-1], "age"):
            raise row.refuse("age", f"{age:g} is not above the age before it, {own[-1]['age']}{_hint(columns)}.")
        own.append(row)
    for rows in by_key.values():
        check_bands(rows, "age", _said(rows[0], columns))
    _check_ends(by_key, columns)
    return columns, by_key


def _places(by_key: Mapping[Key, list[Row]]) -> list[str]:
    """File and line of each key's first row."""
    return [rows[0].where for rows in by_key.values()]


def _said(row: Row, columns: tuple[str, ...]) -> str:
    """Key of a row in words, empty without key columns."""
    return ", ".join(f"{column} {row[column]}" for column in columns)


def _check_ends(by_key: Mapping[Key, list[Row]], columns: tuple[str, ...]) -> None:
    """Refuse a key whose ages by single years begin after another's, or end before."""
    yearly = [rows for rows in by_key.values() if _by_single_years(rows)]
    for position, problem, most in ((0, "begins", min), (-1, "ends", max)):
        wanted = most((number(rows[position], "age") for rows in yearly), default=0.0)
        for rows in yearly:
            if number(rows[position], "age") != wanted and END not in rows[0].cells:
                raise rows[position].refuse(
                    "age",
                    f"{_said(rows[0], columns)} {problem} at {rows[position]['age']}, another key at {wanted:g}: rows "
                    f"seem to be missing. Give all keys the same ages, or state bands in a column {END}.",
                )


def _by_single_years(rows: list[Row]) -> bool:
    ages = [number(row, "age") for row in rows]
    return len(ages) > 2 and all(b - a == 1.0 for a, b in itertools.pairwise(ages))


def _hint(columns: tuple[str, ...]) -> str:
    return f" (rows are told apart by {', '.join(columns)})" if columns else " (the table has no key column)"


def _piecewise(rows: list[Row], measure: str) -> FloatArray:
    """Starts, hazards and cumulative hazards at the starts of one key, shape (3, n_intervals)."""
    starts = [number(row, "age") for row in rows]
    widths = [*(stop - start for start, stop in itertools.pairwise(starts)), _last_width(rows[-1])]
    hazards = [_hazard(row, measure, width) for row, width in zip(rows, widths, strict=True)]
    for row, following in itertools.pairwise(rows):
        if measure == "q" and number(row, "q") == 1.0 > number(following, "q"):
            raise row.refuse("q", f"the probability 1 leaves nobody for the row of age {following['age']}.")
    if starts[0] > 0.0:
        starts.insert(0, 0.0)
        hazards.insert(0, hazards[0])
    cumulative = np.concatenate(([0.0], np.cumsum(np.array(hazards[:-1]) * np.diff(starts))))
    return np.array([starts, hazards, cumulative])


def _last_width(row: Row) -> float:
    """Width of the last band (years): one year, unless the table says where it ends."""
    end = number(row, END, allow_blank=True)
    return 1.0 if end is None else end - number(row, "age")


def _hazard(row: Row, measure: str, width: float) -> float:
    """Hazard of a band."""
    value = number(row, measure)
    if measure == "m":
        if not 0.0 <= value <= MOST_HAZARD:
            raise row.refuse("m", f"the rate {value:g} {'is below 0' if value < 0.0 else f'exceeds {MOST_HAZARD:g}'}.")
        return value
    if not 0.0 <= value <= 1.0:
        raise row.refuse("q", f"the probability {value:g} lies outside 0 to 1.")
    return -math.log1p(-value) / width if value < 1.0 else CLOSED


def _yearly(rows: list[Row]) -> FloatArray:
    ages = [number(row, "age") for row in rows]
    utilities = [number(row, "utility") for row in rows]
    for row, age, utility in zip(rows, ages, utilities, strict=True):
        if not age.is_integer() or age > MAX_NORM_AGE:
            raise row.refuse("age", f"{age:g} is not a whole year from 0 to {MAX_NORM_AGE}.")
        if not -1.0 <= utility <= 1.0:
            raise row.refuse("utility", f"{utility:g} lies outside -1 to 1.")
    position = np.searchsorted(ages, np.arange(MAX_NORM_AGE + 1), side="right") - 1
    return np.array(utilities)[np.maximum(position, 0)]
