"""Rows that processes make together: told by their names, kept whole, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from lmssim.execution.checkpoint import DamagedPartWarning
from lmssim.execution.shared.tables import SharedTables
from lmssim.execution.writing.sharing import SHARED, strangers_in

if TYPE_CHECKING:
    from pathlib import Path


def rows(*keys: str, error: str | None = None, **columns: float) -> pa.Table:
    """Rows of one part with the same columns."""
    n = len(keys)
    own = {name: pa.array([value] * n, pa.float64()) for name, value in columns.items()}
    texts = {"key": list(keys), "part": ["a"] * n, "error": [error] * n}
    return pa.table({name: pa.array(values, pa.string()) for name, values in texts.items()} | own)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The shared folder."""
    return tmp_path / SHARED


def test_another_process_sees_what_was_written(place: Path) -> None:
    """At its next look; columns that a file lacks are null."""
    mine, other = SharedTables(place), SharedTables(place)
    with mine.opened():
        other.look()
        mine.write(rows("k1", "k2", x=1.0))
        mine.write(rows("k3", y=2.0))
        assert other.done == set()
        other.look()
    assert other.done == {("k1", "a"), ("k2", "a"), ("k3", "a")}
    found = other.rows(["k3", "k1"]).to_pylist()
    assert [(row["key"], row["x"], row["y"]) for row in found] == [("k1", 1.0, None), ("k3", None, 2.0)]


def test_a_row_that_two_made_stands_once(place: Path) -> None:
    """And one that failed once and was made later is the one that was made."""
    tables = SharedTables(place)
    with tables.opened():
        tables.look()
        tables.write(rows("k1", "k2", error="impossible"))
        assert tables.failed == {("k1", "a"), ("k2", "a")}
        tables.write(rows("k1", "k3", x=1.0))
        tables.write(rows("k3", "k1", x=1.0))
        before = tables.rows(["k1", "k2", "k3"]).to_pylist()
        tables.compact()
        again = SharedTables(place)
        again.look()
    assert [(row["key"], row["error"], row["x"]) for row in before] == [
        ("k1", None, 1.0),
        ("k2", "impossible", None),
        ("k3", None, 1.0),
    ]
    assert again.rows(["k1", "k2", "k3"]).to_pylist() == before
    assert len(list(place.iterdir())) == 1
    assert again.failed == set()  # what failed before is tried again


def test_a_file_that_was_altered_is_not_read(place: Path) -> None:
    """Its rows are missing, and compaction takes it away; made again they have the same name."""
    tables = SharedTables(place)
    with tables.opened():
        tables.write(rows("k1", x=1.0))
        (file,) = place.iterdir()
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        again = SharedTables(place)
        with pytest.warns(DamagedPartWarning, match=file.name):
            again.look()
        assert again.done == set()
        again.write(rows("k1", x=1.0))
        again.compact()
    assert [path.read_bytes() for path in place.iterdir()] == [content]


def test_only_files_of_known_names_are_its_own(place: Path) -> None:
    """Rows, plans, leases and files being written; anything else is somebody's."""
    tables = SharedTables(place)
    with tables.opened():
        tables.write(rows("k1"))
        tables.write_plan(rows("k1"), {"scenario": "x"})
        lease = tables.lease("0123456789abcdef")
        assert lease.take()
        (place / "mine.parquet").write_text("mine")
        (place / ("0" * 64 + ".csv")).write_text("mine")
        (place / ("0" * 64 + ".parquet")).mkdir()
        assert list(strangers_in(place)) == sorted(["mine.parquet", "0" * 64 + ".csv", "0" * 64 + ".parquet"])
        assert len(tables.owners()) == 1
        lease.release()
    found = tables.plan()
    assert found is not None
    assert found[1] == {"scenario": "x"}
