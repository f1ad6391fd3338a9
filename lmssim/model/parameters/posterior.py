"""Files of posterior draws: a column for each quantity and a row for each draw, as CSV or Parquet.

Only numbers are read: a cell that is missing or not finite, and a column of anything else, stop the reading.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import DataError, unknown
from lmssim.model.language.csvfile import number, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    from lmssim.kernels import FloatArray

MAX_CELLS = 20_000_000
"""Numbers that are read of a Parquet file of draws."""


def column_names(path: Path | str) -> list[str]:
    """Columns of a file of draws, in its order.

    Raises
    ------
    DataError
        If there is no such file, or it is not a table.
    """
    path = Path(path)
    if not _is_parquet(path):
        return list(read_rows(path, (), None)[0].cells)
    with _opened(path) as file:
        return _names(file, path)


def read_columns(path: Path | str, columns: Sequence[str]) -> list[FloatArray]:
    """Columns of a file of draws; the file is read again once it has changed.

    Returns
    -------
    list of ndarray(float, ndim=1)
        Shape (n_rows,) each; not to be written to.

    Raises
    ------
    DataError
        If there is no such file, it is not a table, it lacks a column, has no rows, or a cell is not a finite number.
    """
    path = Path(path)
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    return _read(path, changed, tuple(columns))


@functools.lru_cache(maxsize=32)
def _read(path: Path, _changed: int, columns: tuple[str, ...]) -> list[FloatArray]:
    if not _is_parquet(path):
        rows = read_rows(path, columns, None)
        return [np.array([number(row, column) for row in rows]) for column in columns]
    with _opened(path) as file:
        names = _names(file, path)
        for column in columns:
            if column not in names:
                raise DataError(unknown("column", column, names, str(path)))
        if not file.metadata.num_rows:
            raise DataError(f"{path}: the table has no rows.")
        if (cells := file.metadata.num_rows * len(set(columns))) > MAX_CELLS:
            raise DataError(f"{path}: {cells:,} draws to read, rows times columns; at most {MAX_CELLS:,} are read.")
        table = file.read(columns=list(dict.fromkeys(columns)))
        return [_numbers(table.column(column), column, path) for column in columns]


def _names(file: ParquetFile, path: Path) -> list[str]:
    """Columns of a Parquet file, each of which must stand once."""
    names = [str(name) for name in file.schema_arrow.names]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise DataError(f"{path}: the column '{twice[0]}' stands twice.")
    return names


def _is_parquet(path: Path) -> bool:
    """Whether to read a file as Parquet; a missing one is reported as any other table."""
    return path.suffix.lower() == ".parquet" and path.is_file()


@contextmanager
def _opened(path: Path) -> Iterator[ParquetFile]:
    """A Parquet file; whatever it is refused for is one message."""
    import pyarrow as pa  # slow to import, and needed for this alone
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].removesuffix(".")
        raise DataError(f"{path}: not a Parquet table of numbers ({reason}).") from None


def _numbers(cells: pa.ChunkedArray, column: str, path: Path) -> FloatArray:
    """Values of a column, each checked."""
    import pyarrow as pa

    if not (pa.types.is_floating(cells.type) or pa.types.is_integer(cells.type)):
        raise DataError(f"{path}: not a Parquet table of numbers (column '{column}' holds {cells.type}).")
    values = np.array(cells.cast(pa.float64()).to_numpy(), dtype=np.float64)  # a missing cell becomes NaN
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        row = int(wrong[0])
        problem = f"{values[row]} is not a finite number" if cells[row].is_valid else "the cell is blank"
        raise DataError(f"{path}: row {row + 1}, column '{column}': {problem}.")
    return values
