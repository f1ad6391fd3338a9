"""Tables in CSV: what spreadsheets leave behind is passed over, and what is no number, or nearly a column, refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import DataError
from lmssim.model.language import csvfile
from lmssim.model.language.csvfile import noting_further_columns, number, read_rows

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a table is written."""
    return tmp_path / "table.csv"


@pytest.mark.parametrize(
    "content",
    [
        b"id,value\na,1\nb,2\n",
        b"\xef\xbb\xbfid,value\r\na,1\r\nb,2\r\n",
        b"id,value,,\na,1,,\nb,2,,\n,,,\n,,,\n",
        b"id,value\n a , 1 \n\n,\nb,2\n\n",
        b'"id","value"\n"a","1"\n"b","2"\n',
    ],
)
def test_the_same_table_however_a_spreadsheet_saves_it(path: Path, content: bytes) -> None:
    """Byte order mark, line ends, blanks, and blank rows and columns behind it."""
    path.write_bytes(content)
    assert [(row["id"], number(row, "value")) for row in read_rows(path, ["id", "value"])] == [("a", 1.0), ("b", 2.0)]


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ('"1,5"', "Write decimals with a point"),
        ("1 000", "Write thousands without a mark"),
        ("12%", "For a percentage give 0.12"),
        ("\u22121", "minus as '-'"),
        *((cell, "is not a finite number") for cell in ("\u0661", "1_000", "0x10", "nan", "inf", "1e999", "TRUE")),
        ("9" * 5000, "9999\\.\\.\\.' is not a finite number"),
    ],
)
def test_what_only_looks_like_a_number_is_refused(path: Path, cell: str, hint: str) -> None:
    """Plain digits with a point are read, and nothing else; a hint says how to write it."""
    path.write_text(f"value\n{cell}\n", encoding="utf-8")
    with pytest.raises(DataError, match=rf"table\.csv:2: column 'value': .*{hint}"):
        number(read_rows(path, ["value"])[0], "value")


def test_further_columns_are_listed_unless_misspelt(path: Path) -> None:
    """A column of the user's own is passed over; one that is nearly a column that is not there is pointed out."""
    path.write_text("id,checked_by\na,me\n")
    with noting_further_columns() as further:
        read_rows(path, ["id"], ["source_id"])
    assert further == {str(path): ("checked_by",)}
    path.write_text("id,sorce_id\na,me\n")
    with pytest.raises(DataError, match=r"unknown column .sorce_id.\. Did you mean .source_id."):
        read_rows(path, ["id"], ["source_id"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id\na\n".encode("utf-16"), "is not UTF-8 text but UTF-16"),
        (b"id\na\0\n", "byte 4 is 0, so the file is not text"),
        (b"id;value\na;1\n", "Please separate columns by commas"),
        (b"id,value\na,1,2\n", ":2: the row has 3 cells, the header 2"),
        (b"id,,value\na,,1\n", "column 2 has no name"),
    ],
)
def test_what_is_no_such_table_is_refused(path: Path, content: bytes, said: str) -> None:
    """In one sentence that says what to do."""
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_rows(path, ["id"], None)


def test_tables_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes before reading, and in rows."""
    path.write_text("id\n" + "a\n" * 30)
    monkeypatch.setattr(csvfile, "MAX_ROWS", 20)
    with pytest.raises(DataError, match="more than 20 rows"):
        read_rows(path, ["id"])
    monkeypatch.setattr(csvfile, "MAX_BYTES", 50)
    with pytest.raises(DataError, match="63 bytes; a table in CSV may have 50 at most"):
        read_rows(path, ["id"])
