"""Reading the user's CSV tables strictly: every refusal names the file, the line, the column and the value.

Tables are UTF-8 text with commas and one header row. A cell that is not a number stops the reading, and so does a
column whose name is nearly a known one. Other columns are passed over and listed; rows and columns that are wholly
blank, as spreadsheets leave them behind a table, are passed over too.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from lmssim.errors import DataError, InputError, nearest, unknown
from lmssim.text import cell_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Made = TypeVar("Made")
BLANK = "the cell is blank."
MAX_BYTES = 20_000_000
"""Bytes of a table."""
MAX_ROWS = 200_000
"""Rows of a table."""
ALIKE = 0.75
"""Likeness from which an unknown column is taken for a known one misspelt (`difflib`)."""
SHOWN = 40
"""Characters of a cell that a message repeats."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_further: ContextVar[dict[str, tuple[str, ...]] | None] = ContextVar("further columns", default=None)


@dataclass(frozen=True)
class Row:
    """One row of a table, which knows where it stands."""

    file: str
    """File, as the user named it."""
    line: int
    """Line of the file, the header being 1."""
    cells: dict[str, str]
    """Text by column, without surrounding blanks."""
    error: type[InputError] = DataError
    """Class of the error that a bad cell raises."""
    wrong: str = ""
    """Why the row is not one of the table's, such as a missing cell; empty if it is."""

    def __getitem__(self, column: str) -> str:
        """Text of a cell; empty where the table has no such (optional) column."""
        return self.cells.get(column, "")

    @property
    def where(self) -> str:
        """File and line, to begin a message with."""
        return f"{self.file}:{self.line}"

    def refuse(self, column: str, reason: str) -> InputError:
        """Error for one cell, to be raised by the caller."""
        return self.error(f"{self.where}: column '{column}': {reason}")


def read_rows(
    path: Path | str,
    required: Sequence[str],
    optional: Sequence[str] | None = (),
    error: type[InputError] = DataError,
    *,
    keep_wrong: bool = False,
) -> list[Row]:
    """Rows of a CSV table.

    Parameters
    ----------
    path : Path or str
        The file.
    required : sequence of str
        Columns that must be there.
    optional : sequence of str, or None
        Columns that may be there; None allows any.
    error : type
        Class of the error that a bad cell raises; a bad file always raises DataError.
    keep_wrong : bool
        Whether a row with too few or too many cells is kept, with what is wrong in it; else it raises DataError.

    Raises
    ------
    DataError
        If the file is missing, too large, not UTF-8 or not a table, or its columns are not those expected.
    """
    path = Path(path)
    records = _records(path, _read_text(path))
    line, header = next(records, (1, []))
    while header and not header[-1]:
        header.pop()
    _check_header(f"{path}:{line}", header, required, optional)
    _note_further(str(path), header, required, optional)
    rows: list[Row] = []
    for line, cells in records:
        try:
            rows.append(Row(str(path), line, _cells(f"{path}:{line}", header, cells), error))
        except DataError as wrong:
            if not keep_wrong:
                raise
            rows.append(Row(str(path), line, dict(zip(header, cells, strict=False)), error, str(wrong)))
        if len(rows) > MAX_ROWS:
            raise DataError(f"{path}: the table has more than {MAX_ROWS:,} rows, the most that are read.")
    if not rows:
        raise DataError(f"{path}: the table has a header but no rows.")
    return rows


@contextmanager
def noting_further_columns() -> Iterator[dict[str, tuple[str, ...]]]:
    """Collect, by file, the columns that are passed over while the context is open."""
    found: dict[str, tuple[str, ...]] = {}
    token = _further.set(found)
    try:
        yield found
    finally:
        _further.reset(token)


def _note_further(path: str, header: Sequence[str], required: Sequence[str], optional: Sequence[str] | None) -> None:
    found = _further.get()
    others = () if optional is None else tuple(c for c in header if c not in required and c not in optional)
    if found is not None and others:
        found[path] = others


def read_unique(
    path: Path | str,
    id_column: str,
    make: Callable[[Row], Made],
    required: Sequence[str],
    optional: Sequence[str] | None = (),
) -> list[Made]:
    """Objects made of the rows of a CSV table, in its order; every id stands once.

    Parameters
    ----------
    id_column : str
        Column of the ids.
    make : callable
        Makes an object of a row.
    required, optional : sequence of str
        Columns, as for `read_rows`.

    Raises
    ------
    DataError
        As `read_rows`, or if an id is blank or stands twice.
    """
    made: dict[str, Made] = {}
    for row in read_rows(path, required, optional):
        id_ = row[id_column]
        if not id_:
            raise row.refuse(id_column, BLANK)
        if id_ in made:
            raise row.refuse(id_column, f"'{id_}' stands twice.")
        made[id_] = make(row)
    return list(made.values())


def _read_text(path: Path) -> str:
    if not path.is_file():
        there = (p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else ()
        raise DataError(f"{path}: there is no such file.{nearest(path.name, there)}")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{path}: {size:,} bytes; a table in CSV may have {MAX_BYTES:,} at most.")
        content = path.read_bytes()
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise DataError(f"{path}: byte 0 is not UTF-8 text but UTF-16. Please save the table as 'CSV UTF-8'.")
        if b"\0" in content:
            raise DataError(f"{path}: byte {content.index(0)} is 0, so the file is not text. Expected a table in CSV.")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8 text. Please save the table as 'CSV UTF-8'."
        ) from None
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror}).") from None


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """First line and stripped cells of each record; a blank one counts only in a table of one column."""
    reader = csv.reader(io.StringIO(text.rstrip() + "\n" if text.strip() else "", newline=""), strict=True)
    width = 0
    line = 1
    try:
        for cells in reader:
            width = width or len(cells)
            stripped = [cell_text(cell.strip()) for cell in cells]
            if any(stripped) or width == 1:
                yield line, stripped or [""]
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{line}: not a CSV record ({error}).") from None


def _check_header(where: str, header: Sequence[str], required: Sequence[str], optional: Sequence[str] | None) -> None:
    if not header:
        raise DataError(f"{where}: the file is empty. Expected a header with {', '.join(required) or 'names'}.")
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise DataError(f"{where}: the header '{brief(header[0])}' is one column. Please separate columns by commas.")
    for position, column in enumerate(header):
        if not column:
            raise DataError(f"{where}: column {position + 1} has no name.")
        if column in header[:position]:
            raise DataError(f"{where}: the column '{column}' stands twice in the header.")
    for column in required:
        if column not in header:
            raise DataError(f"{where}: the column '{column}' is missing.{_renamed(column, header, required, optional)}")
    if optional is not None:
        absent = [column for column in (*required, *optional) if column not in header]
        for column in header:
            meant = difflib.get_close_matches(column, absent, n=1, cutoff=ALIKE)
            if meant and column not in (*required, *optional):
                raise DataError(unknown("column", column, meant, where))


def _renamed(column: str, header: Iterable[str], required: Sequence[str], optional: Sequence[str] | None) -> str:
    """Hint for a missing column: the nearest among the columns that no one expects."""
    known = {*required, *(optional or ())}
    return nearest(column, [name for name in header if name not in known]).replace("Allowed:", "Found:")


def _cells(where: str, header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) < len(header) or any(cells[len(header) :]):
        raise DataError(f"{where}: the row has {len(cells)} cells, the header {len(header)}.")
    return dict(zip(header, cells, strict=False))


@overload
def number(row: Row, column: str, *, allow_blank: Literal[False] = False) -> float: ...
@overload
def number(row: Row, column: str, *, allow_blank: Literal[True]) -> float | None: ...
def number(row: Row, column: str, *, allow_blank: bool = False) -> float | None:
    """Finite number in a cell.

    Parameters
    ----------
    row : Row
        The row.
    column : str
        Column, which may be absent if blanks are allowed.
    allow_blank : bool
        Whether an empty cell is allowed; it then gives None.

    Raises
    ------
    InputError
        Of the row's own class, if the cell is blank, not a number, NaN or infinite.
    """
    text = row[column]
    if not text:
        if allow_blank:
            return None
        raise row.refuse(column, "the cell is blank. Expected a number.")
    value = plain_number(text)
    if value is None:
        raise row.refuse(column, f"'{brief(text)}' is not a finite number.{number_hint(text)}")
    return value


def plain_number(text: str) -> float | None:
    """Finite number that a text writes in plain digits, with a point for decimals; None if it does not."""
    value = float(text) if NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None


def brief(text: str) -> str:
    """A text as a message repeats it."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def number_hint(text: str) -> str:
    """How to write what looks like a number and is none; empty if it does not look like one."""
    bare = text.replace("\u2212", "-")
    if bare.endswith("%") and (share := plain_number(bare[:-1].strip())) is not None:
        return f" For a percentage give {share / 100:g}."
    if bare.count(",") == 1 and plain_number(bare.replace(",", ".")) is not None:
        return " Write decimals with a point, and thousands without a mark."
    if plain_number("".join(bare.split()).replace(",", "").replace("'", "")) is not None:
        return " Write thousands without a mark, and minus as '-'."
    return ""
