"""Tables as one Excel workbook: a sheet each, and sheets whose totals Excel adds up again.

Texts are written as texts, whatever they begin with, so that no label of a scenario becomes a formula or a link. The
only formulas are those of `Live` columns; each is written together with the number that lmssim computed, which a reader
that does not calculate shows.
"""

from __future__ import annotations

import datetime
import io
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from lmssim.report.parts.labels import readable
from lmssim.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

MOST_ROWS = 100_000
"""Rows of a sheet; longer tables stay in their files alone."""
LONGEST_NAME, LONGEST_TEXT = 31, 32_767
"""Characters of the name of a sheet, and of a cell."""
NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\']")
MADE = datetime.datetime(2000, 1, 1)  # Excel knows no zones; a constant, so that files are the same
WIDEST = 60
CONTENTS = "Contents"
FILE = "tables.xlsx"
"""Name of the workbook in a result folder."""


@dataclass(frozen=True)
class Live:
    """A column that Excel computes.

    Attributes
    ----------
    heading : str
        Of the column.
    formula : callable
        Formula of a row, from the row's number in the sheet, counted from 1.
    values : sequence of float
        What lmssim computed, by row.
    """

    heading: str
    formula: Callable[[int], str]
    values: Sequence[float]


@dataclass(frozen=True)
class Sheet:
    """A table of a workbook.

    Attributes
    ----------
    name : str
        Of the sheet.
    about : str
        What it holds.
    frame : DataFrame
        The table; its first row of cells stands in row `FIRST`.
    live : sequence of Live
        Columns after those of the table.
    inputs : sequence of (str, float)
        Names and numbers that stand in columns A and B above the table, which formulas may read; a reader may change
        them.
    """

    name: str
    about: str
    frame: pd.DataFrame
    live: Sequence[Live] = ()
    inputs: Sequence[tuple[str, float]] = field(default_factory=tuple)

    @property
    def first(self) -> int:
        """Row of the table's first line of cells, counted from 1."""
        return len(self.inputs) + (3 if self.inputs else 2)


def workbook_bytes(title: str, sheets: Iterable[Sheet]) -> bytes:
    """An Excel file of some sheets, after one with its contents; the same bytes for the same tables."""
    from xlsxwriter import Workbook

    sheets, target = list(sheets), io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    book = Workbook(target, plain)
    book.set_properties({"title": title, "created": MADE})
    bold, link = book.add_format({"bold": True}), book.add_format({"font_color": "#0B5394", "underline": 1})
    contents = book.add_worksheet(CONTENTS)
    names = _names([sheet.name for sheet in sheets])
    _write_contents(contents, title, sheets, names, (bold, link))
    for sheet, name in zip(sheets, names, strict=True):
        if len(sheet.frame) <= MOST_ROWS:
            _write_sheet(book, name, sheet, bold)
    book.close()
    return target.getvalue()


def table_sheets(tables: Mapping[str, pd.DataFrame]) -> list[Sheet]:
    """A sheet for each table, by the name of its file."""
    return [Sheet(readable(name), f"As {name}.csv.", frame) for name, frame in tables.items()]


def _write_contents(
    page: Worksheet, title: str, sheets: Sequence[Sheet], names: Sequence[str], formats: tuple[Format, Format]
) -> None:
    bold, link = formats
    page.write_string(0, 0, one_line(title), bold)
    for column, heading in enumerate(("Sheet", "Rows", "What it holds")):
        page.write_string(2, column, heading, bold)
    for row, (sheet, name) in enumerate(zip(sheets, names, strict=True), 3):
        if len(sheet.frame) <= MOST_ROWS:
            page.write_url(row, 0, f"internal:'{name}'!A1", link, name)
            about = sheet.about
        else:
            page.write_string(row, 0, name)
            about = f"{sheet.about} Too long for a sheet: it stands in its own file alone."
        page.write_number(row, 1, len(sheet.frame))
        page.write_string(row, 2, about)
    page.set_column(0, 0, LONGEST_NAME)
    page.set_column(2, 2, 2 * WIDEST)


def _write_sheet(book: Workbook, name: str, sheet: Sheet, bold: Format) -> None:
    page = book.add_worksheet(name)
    for row, (label, value) in enumerate(sheet.inputs):
        page.write_string(row, 0, label, bold)
        page.write_number(row, 1, value)
    top = sheet.first - 2
    headings = [*map(str, sheet.frame.columns), *(live.heading for live in sheet.live)]
    for column, heading in enumerate(headings):
        page.write_string(top, column, heading[:LONGEST_TEXT], bold)
    columns = [sheet.frame[name].tolist() for name in sheet.frame.columns]
    for column, cells in enumerate(columns):
        for row, cell in enumerate(cells, top + 1):
            _write_cell(page, row, column, cell)
    for column, live in enumerate(sheet.live, len(columns)):
        for row, value in enumerate(live.values, top + 1):
            if math.isfinite(value):
                page.write_formula(row, column, live.formula(row + 1), None, value)
    page.freeze_panes(top + 1, 0)
    for column, heading in enumerate(headings):
        shown = [
            str(cell) for cell in (columns[column][:200] if column < len(columns) else ()) if isinstance(cell, str)
        ]
        page.set_column(column, column, min(max([len(heading), 10, *map(len, shown)]) + 1, WIDEST))


def _write_cell(page: Worksheet, row: int, column: int, cell: Any) -> None:
    """A number as one, a truth value as one, anything else as text; nothing for what is missing."""
    if isinstance(cell, bool):
        page.write_boolean(row, column, cell)
    elif isinstance(cell, int | float):
        if math.isfinite(cell):
            page.write_number(row, column, cell)
    elif cell is not None and cell is not pd.NA:
        page.write_string(row, column, str(cell)[:LONGEST_TEXT])


def _names(wanted: Sequence[str]) -> list[str]:
    """Names that Excel takes, each once."""
    found = [CONTENTS]
    for name in wanted:
        plain = NOT_IN_NAMES.sub(" ", one_line(name)).strip()[:LONGEST_NAME] or "Table"
        known = {each.casefold() for each in found}
        k, unique = 2, plain
        while unique.casefold() in known:
            unique, k = f"{plain[: LONGEST_NAME - len(str(k)) - 1]} {k}", k + 1
        found.append(unique)
    return found[1:]


def column_letter(k: int) -> str:
    """Letters of a column, counted from 0."""
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(k))


# === Sheets whose totals are added up again ===


def live_sheets(
    summary: pd.DataFrame, labels: dict[str, str], currency: str, wtp: Sequence[float], comparator: str
) -> list[Sheet]:
    """Net benefits and costs by strategy, computed again by formulas of their parts.

    Parameters
    ----------
    summary : DataFrame
        Columns strategy, outcome and mean.
    labels : dict of str to str
        Label of each strategy.
    comparator : str
        Strategy over which increments are taken.
    """
    means = {(str(s), str(o)): float(m) for s, o, m in summary[["strategy", "outcome", "mean"]].itertuples(index=False)}
    strategies = list(dict.fromkeys(summary["strategy"].astype(str)))
    return [
        _net_benefits(means, strategies, labels, currency, wtp, comparator),
        _costs(means, strategies, labels, currency),
    ]


def _net_benefits(
    means: dict[tuple[str, str], float],
    strategies: list[str],
    labels: dict[str, str],
    currency: str,
    wtp: Sequence[float],
    comparator: str,
) -> Sheet:
    costs, qalys = ([means[s, outcome] for s in strategies] for outcome in ("cost", "qalys"))
    c = strategies.index(comparator)
    inputs = [(f"Willingness to pay {k}, {currency} per QALY", value) for k, value in enumerate(wtp, 1)]
    frame = pd.DataFrame({"Strategy": [labels[s] for s in strategies], "QALYs": qalys, f"Cost, {currency}": costs})
    base = len(inputs) + (3 if inputs else 2) + c
    d_qalys, d_costs = [q - qalys[c] for q in qalys], [x - costs[c] for x in costs]
    ratio = [x / q if q != 0.0 else math.nan for x, q in zip(d_costs, d_qalys, strict=True)]
    live = [
        Live("Extra QALYs", lambda row: f"=B{row}-B${base}", d_qalys),
        Live(f"Extra cost, {currency}", lambda row: f"=C{row}-C${base}", d_costs),
        Live("Cost per QALY gained", lambda row: f'=IF(D{row}=0,"",E{row}/D{row})', ratio),
    ]
    for k, value in enumerate(wtp, 1):
        benefits = [value * q - x for q, x in zip(qalys, costs, strict=True)]
        live.append(Live(f"Net benefit {k}", lambda row, k=k: f"=$B${k}*B{row}-C{row}", benefits))  # type: ignore[misc]
        gains = [b - benefits[c] for b in benefits]
        live.append(Live(f"Incremental {k}", lambda row, k=k: f"=$B${k}*D{row}-E{row}", gains))  # type: ignore[misc]
    about = (
        f"Net monetary benefit from mean QALYs and costs by formulas; increments over {labels[comparator]}. Change the "
        "willingness to pay above the table."
    )
    return Sheet("Net benefit", about, frame, live, inputs)


def _costs(means: dict[tuple[str, str], float], strategies: list[str], labels: dict[str, str], currency: str) -> Sheet:
    prefix = "cost:"
    categories = list(dict.fromkeys(o.removeprefix(prefix) for _, o in means if o.startswith(prefix)))
    columns = {name: [means.get((s, f"{prefix}{name}"), math.nan) for s in strategies] for name in categories}
    frame = pd.DataFrame({"Strategy": [labels[s] for s in strategies], **columns})
    frame[f"Cost, {currency}"] = [means[s, "cost"] for s in strategies]
    last, own = column_letter(len(categories)), column_letter(len(categories) + 1)
    added = column_letter(len(categories) + 2)
    sums = [math.fsum(columns[name][k] for name in categories) for k in range(len(strategies))]
    gaps = [total - cost for total, cost in zip(sums, frame[f"Cost, {currency}"].tolist(), strict=True)]
    live = [
        Live("Sum of categories", lambda row: f"=SUM(B{row}:{last}{row})", sums),
        Live("Sum less cost", lambda row: f"={added}{row}-{own}{row}", gaps),
    ]
    about = f"Discounted costs by category, {currency} per patient; their sum, by formulas, beside the cost."
    return Sheet("Costs", about, frame, live if categories else ())
