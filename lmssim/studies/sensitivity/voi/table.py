"""Tables of draws that others made: a row a draw, a column a quantity, in CSV or Parquet.

Only numbers are read, but for one column of names where a table has one. What cannot be read is one message that names
the file, the line and the column.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.errors import DataError, nearest
from lmssim.model.parameters.posterior import column_names, read_columns
from lmssim.text import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray

MAX_BYTES = 1_000_000_000
MAX_COLUMNS = 5_000
MAX_CELLS = 50_000_000
ROW_NAME = re.compile(r"(|x|unnamed: 0|rownames?|row_names?)", re.IGNORECASE)
"""Headings of the first column, where R or pandas wrote the numbers of the rows."""
SHOWN = 40


def read_table(path: Path, *, names: tuple[str, ...] = ()) -> pd.DataFrame:
    """A table of numbers, the numbers of its rows left out where its first column holds no more than these.

    Parameters
    ----------
    names : tuple of str
        Headings, in lower case, of columns that may hold text; it is returned as it stands.

    Raises
    ------
    DataError
        If there is no such file, it is not a table, or a cell is not a finite number.
    """
    if not path.is_file():
        there = (p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else ()
        raise DataError(f"{path}: there is no such file.{nearest(path.name, there)}")
    if path.suffix.lower() == ".parquet":
        return _parquet(path, names)
    raw = _csv(path)
    _check_header(path, [str(c) for c in raw.columns])
    kept = {name: raw[name] if name.lower() in names else _numbers(path, raw[name], name) for name in raw.columns}
    frame = pd.DataFrame(kept)
    first = frame.iloc[:, 0]
    if ROW_NAME.fullmatch(str(frame.columns[0]).strip()) and _counts(first):
        frame = frame.iloc[:, 1:]
    if frame.columns.empty:
        raise DataError(f"{path}: the table has no columns but the numbers of its rows.")
    return frame


def _parquet(path: Path, names: tuple[str, ...]) -> pd.DataFrame:
    columns = column_names(path)
    if any(name.lower() in names for name in columns):
        import pyarrow.parquet

        text = [name for name in columns if name.lower() in names]
        words = pyarrow.parquet.read_table(path, columns=text).to_pandas()
        others = [name for name in columns if name not in text]
        numbers = dict(zip(others, read_columns(path, others), strict=True)) if others else {}
        return pd.DataFrame({name: words[name].astype(str) if name in text else numbers[name] for name in columns})
    return pd.DataFrame(dict(zip(columns, read_columns(path, columns), strict=True)))


def _csv(path: Path) -> pd.DataFrame:
    """The cells of a file as text where a column is not all numbers."""
    if (size := path.stat().st_size) > MAX_BYTES:
        raise DataError(f"{path}: {size:,} bytes; a table may have {MAX_BYTES:,} at most.")
    if size == 0:
        raise DataError(f"{path}: the file is empty. Expected a header with names, and a row for each draw.")
    try:
        head = _first_line(path)
        if head.count(",") >= MAX_COLUMNS:
            raise DataError(f"{path}: more than {MAX_COLUMNS:,} columns.")
        if "," not in head and any(mark in head for mark in ";\t"):
            raise DataError(f"{path}:1: the header '{_brief(head)}' is one column. Please separate columns by commas.")
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame: pd.DataFrame = pd.read_csv(
                path,
                encoding="utf-8-sig",
                float_precision="round_trip",
                low_memory=False,
                keep_default_na=False,
                na_values=[],
                skipinitialspace=True,
                index_col=False,
            )
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: byte {error.start} is not UTF-8 text. Please save the table as 'CSV UTF-8'."
        ) from None
    except pd.errors.ParserWarning:
        raise DataError(f"{path}: not a table in CSV (a row has more cells than the header names).") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = one_line(str(error)).removeprefix("Error tokenizing data. C error: ").removesuffix(".")
        raise DataError(f"{path}: not a table in CSV ({reason}).") from None
    if frame.empty:
        raise DataError(f"{path}: the table has a header but no rows.")
    if frame.size > MAX_CELLS:
        raise DataError(f"{path}: {frame.size:,} cells; a table may have {MAX_CELLS:,} at most.")
    return frame


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8-sig") as file:
        return file.readline()


def _check_header(path: Path, columns: list[str]) -> None:
    twice = [re.sub(r"\.\d+$", "", c) for c in columns if re.fullmatch(r".+\.\d+", c) and c[: c.rindex(".")] in columns]
    header = _first_line(path).replace('"', "").strip().split(",")
    for name in twice:
        if header.count(name) > 1:
            raise DataError(f"{path}:1: the column '{_brief(name)}' stands twice in the header.")
    if all(re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?(\.\d+)?", c, re.IGNORECASE) for c in columns):
        raise DataError(f"{path}:1: the first row holds numbers; expected the names of the columns there.")


def _numbers(path: Path, column: pd.Series, name: str) -> FloatArray:
    """Values of a column, each a finite number."""
    if column.dtype == bool:
        return column.to_numpy(dtype=np.float64)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        k = int(wrong[0])
        cell = _brief(str(column.iloc[k]))
        problem = f"'{cell}' is not a finite number" if cell else "the cell is blank"
        raise DataError(f"{path}:{k + 2}: column '{_brief(name)}': {problem}.")
    return values


def _counts(column: pd.Series) -> bool:
    """Whether a column holds 1, 2, 3, ... or 0, 1, 2, ..."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    return bool(np.array_equal(values - values[0], np.arange(len(values))) and values[0] in (0.0, 1.0))


def _brief(text: str) -> str:
    text = one_line(text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
