"""Workbooks: texts stay texts, numbers stay numbers, and formulas give what lmssim computed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import openpyxl
import pandas as pd

from lmssim.report.parts import workbook
from lmssim.report.parts.workbook import Live, Sheet, live_sheets, workbook_bytes

if TYPE_CHECKING:
    import pytest

SUMMARY = pd.DataFrame(
    [
        ("=1+1", "qalys", 5.0),
        ("=1+1", "cost", 100.0),
        ("=1+1", "cost:drug", 60.0),
        ("=1+1", "cost:care", 40.0),
        ("new", "qalys", 5.5),
        ("new", "cost", 600.0),
        ("new", "cost:drug", 500.0),
        ("new", "cost:care", 100.0),
    ],
    columns=["strategy", "outcome", "mean"],
)
LABELS = {"=1+1": "=1+1", "new": "http://new"}


def read(content: bytes, *, values: bool = False) -> Any:
    """A workbook, its formulas or the numbers written with them."""
    return openpyxl.load_workbook(io.BytesIO(content), data_only=values)


def test_labels_never_become_formulas_or_links() -> None:
    """Whatever a text begins with, in a cell, a heading, or the name of a sheet."""
    texts = ["=1+1", "+1", "-1", "@x", "http://x", "'x", "\t=1", "{=1}"]
    page = read(workbook_bytes("=title", [Sheet("=[a]:b", "=about", pd.DataFrame({"=x": texts}))])).worksheets[1]
    cells = [page.cell(row, 1) for row in range(1, len(texts) + 2)]
    assert [cell.data_type for cell in cells] == ["s"] * (len(texts) + 1)
    assert [cell.value for cell in cells[1:]] == texts
    assert all(cell.hyperlink is None for cell in cells)


def test_numbers_keep_all_bits_and_nothing_stands_for_what_is_missing() -> None:
    """Numbers as such, truth values as such, blanks for NaN and None."""
    frame = pd.DataFrame(
        {"x": [1 / 3, np.nan, np.inf], "n": [1, 2, 3], "b": [True, False, True], "t": ["a", None, "c"]}
    )
    page = read(workbook_bytes("title", [Sheet("s", "", frame)]))["s"]
    rows = [[cell.value for cell in row] for row in page.iter_rows(min_row=2)]
    assert rows == [[1 / 3, 1, True, "a"], [None, 2, False, None], [None, 3, True, "c"]]


def test_formulas_add_up_again_what_was_computed() -> None:
    """Net benefits and sums of costs: the formulas, evaluated here by hand, and the numbers beside them."""
    sheets = live_sheets(SUMMARY, LABELS, "GBP", (20_000.0, 30_000.0), "=1+1")
    content = workbook_bytes("title", sheets)
    page, numbers = read(content)["Net benefit"], read(content, values=True)["Net benefit"]
    assert [page.cell(1, 2).value, page.cell(2, 2).value] == [20_000.0, 30_000.0]
    increments = ["=B6-B$5", "=C6-C$5", '=IF(D6=0,"",E6/D6)']
    benefits = ["=$B$1*B6-C6", "=$B$1*D6-E6", "=$B$2*B6-C6", "=$B$2*D6-E6"]
    assert [cell.value for cell in page[6]] == ["http://new", 5.5, 600.0, *increments, *benefits]
    assert [cell.value for cell in numbers[6]][3:] == [0.5, 500.0, 1_000.0, 109_400.0, 9_500.0, 164_400.0, 14_500.0]
    costs, numbers = read(content)["Costs"], read(content, values=True)["Costs"]
    assert [cell.value for cell in costs[3]] == ["http://new", 500.0, 100.0, 600.0, "=SUM(B3:C3)", "=E3-D3"]
    assert [cell.value for cell in numbers[3]][4:] == [600.0, 0.0]


def test_the_same_tables_give_the_same_bytes() -> None:
    """No time of writing is kept."""
    sheets = live_sheets(SUMMARY, LABELS, "GBP", (), "=1+1")
    assert workbook_bytes("title", sheets) == workbook_bytes("title", sheets)


def test_long_tables_stay_in_their_files_and_names_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contents say so; names that Excel would take for the same get numbers."""
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    sheets = [Sheet("a" * 40, "", frame[:2]), Sheet("A" * 40, "", frame[:2]), Sheet("long", "All.", frame)]
    book = read(workbook_bytes("title", sheets))
    assert book.sheetnames == ["Contents", "a" * 31, f"{'A' * 29} 2"]
    assert book["Contents"].cell(6, 3).value == "All. Too long for a sheet: it stands in its own file alone."


def test_what_is_not_a_number_has_no_formula() -> None:
    """A ratio that is not defined stays blank."""
    live = [Live("ratio", lambda row: f"=A{row}/0", [np.nan])]
    page = read(workbook_bytes("title", [Sheet("s", "", pd.DataFrame({"x": [1.0]}), live)]))["s"]
    assert page.cell(2, 2).value is None
