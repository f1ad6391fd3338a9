"""A file is written whole or not at all."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmssim.errors import OutputError
from lmssim.execution import store

if TYPE_CHECKING:
    from pathlib import Path


def test_columns_are_written_as_their_cells_are(tmp_path: Path) -> None:
    """A table gives the same bytes as its rows one by one, whatever its columns hold."""
    columns = {
        "x": [0.1, float("nan"), float("inf"), -0.0, 1e300],
        "text": ["a", "=1+1", "a", "-", "two, words"],
        "n": [1, 2, 3, 4, 5],
        "mixed": [None, True, 1, 1.0, "1"],
        "+name": ["", "\u202e", '"', "\n", "'"],
    }
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    frame = frame.astype({"x": float, "n": int})
    whole = store.write_csv(tmp_path / "whole.csv", frame).read_bytes()
    assert whole == store.write_rows(tmp_path / "rows.csv", list(columns), store.records(frame)).read_bytes()


def test_csv_keeps_every_bit(tmp_path: Path) -> None:
    """Floats read back as they were, blanks stand for what is missing, texts with commas are quoted."""
    frame = pd.DataFrame({"name": ["a", "b,c", None], "x": [0.1 + 0.2, float("nan"), 1e-300], "n": [1, 2, 3]})
    store.write_csv(tmp_path / "t.csv", frame)
    rows = list(csv.reader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert rows[0] == ["name", "x", "n"]
    assert float(rows[1][1]) == 0.1 + 0.2
    assert rows[2] == ["b,c", "", "2"]
    assert rows[3] == ["", "1e-300", "3"]


def test_a_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """And nothing temporary."""
    path = store.write_text(tmp_path / "a.txt", "old")

    def fail() -> None:
        with store.replacing(path) as part:
            part.write_text("half of the ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"a\.txt: cannot be written: no space is left on the disk"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    """One message with the reason."""
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(OutputError, match=r"a\.csv: cannot be written: a folder of this name"):
        store.write_text(tmp_path / "a.csv", "")


def test_parquet_streams_row_groups(tmp_path: Path) -> None:
    """One for each piece; none of it remains if a piece fails."""
    schema = pa.schema([("x", pa.float64())])
    path = tmp_path / "t.parquet"
    with store.write_parquet_stream(path, schema) as writer:
        for k in range(3):
            writer.write_table(pa.table({"x": [float(k)]}, schema=schema))
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 3
    assert file.read().column("x").to_pylist() == [0.0, 1.0, 2.0]
    with pytest.raises(ZeroDivisionError), store.write_parquet_stream(tmp_path / "u.parquet", schema):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [path]
