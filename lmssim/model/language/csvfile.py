"""Reading the user's CSV tables strictly: every refusal names the file, the line, the column and the value.

Tables are UTF-8 text with commas and one header row. Nothing is guessed: an unknown column, a cell too many or a cell
that is not a number stops the reading.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from lmssim.errors import DataError, InputError, nearest, unknown
from lmssim.text import cell_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Made = TypeVar("Made")
BLANK = "the cell is blank."


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
    path: Path | str, required: Sequence[str], optional: Sequence[str] | None = (), error: type[InputError] = DataError
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

    Raises
    ------
    DataError
        If the file is missing, is not UTF-8 or not a table, or its columns are not those expected.
    """
    path = Path(path)
    records = _records(path, _read_text(path))
    line, header = next(records, (1, []))
    _check_header(f"{path}:{line}", header, required, optional)
    rows = [Row(str(path), line, _cells(f"{path}:{line}", header, cells), error) for line, cells in records]
    if not rows:
        raise DataError(f"{path}: the table has a header but no rows.")
    return rows


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
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8 text. Please save the table as 'CSV UTF-8'."
        ) from None
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror}).") from None


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """First line and stripped cells of each record; a blank line counts only in a table of one column."""
    reader = csv.reader(io.StringIO(text.rstrip() + "\n" if text.strip() else "", newline=""), strict=True)
    width = 0
    line = 1
    try:
        for cells in reader:
            width = width or len(cells)
            if cells or width == 1:
                yield line, [cell_text(cell.strip()) for cell in cells] or [""]
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{line}: not a CSV record ({error}).") from None


def _check_header(where: str, header: Sequence[str], required: Sequence[str], optional: Sequence[str] | None) -> None:
    if not header:
        raise DataError(f"{where}: the file is empty. Expected a header with {', '.join(required) or 'names'}.")
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise DataError(f"{where}: the header '{header[0]}' is one column. Please separate columns by commas.")
    for position, column in enumerate(header):
        if not column:
            raise DataError(f"{where}: column {position + 1} has no name.")
        if column in header[:position]:
            raise DataError(f"{where}: the column '{column}' stands twice in the header.")
    for column in required:
        if column not in header:
            raise DataError(f"{where}: the column '{column}' is missing.{_renamed(column, header, required, optional)}")
    for column in header:
        if optional is not None and column not in required and column not in optional:
            raise DataError(unknown("column", column, (*required, *optional), where))


def _renamed(column: str, header: Iterable[str], required: Sequence[str], optional: Sequence[str] | None) -> str:
    """Hint for a missing column: the nearest among the columns that no one expects."""
    known = {*required, *(optional or ())}
    return nearest(column, [name for name in header if name not in known]).replace("Allowed:", "Found:")


def _cells(where: str, header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) != len(header):
        raise DataError(f"{where}: the row has {len(cells)} cells, the header {len(header)}.")
    return dict(zip(header, cells, strict=True))


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
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise row.refuse(column, f"'{text}' is not a finite number.")
    return value
