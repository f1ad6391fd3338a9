"""What became of each figure that the model was asked to answer for: met, missed, used or left out.

The table `evidence/seed_figures.csv` of the bundled scenarios has a row for each figure. A figure that is *met* or
*missed* is computed by a row of a scenario's published series, the way its paper read it; one that is *used* is an
input; one that is *left out* has a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.bundled import scenarios_folder
from lmssim.errors import DataError, unknown
from lmssim.model.language.csvfile import Row, number, read_rows

if TYPE_CHECKING:
    from pathlib import Path

STATUSES = {
    "met": "computed as its paper read it, and agrees",
    "missed": "computed as its paper read it, and disagrees",
    "used": "an input takes it",
    "left_out": "neither computed nor used",
}
HOW = ("value", "primary", "derived")
"""How an input takes a figure: its value; the same value from the source that is quoted; or computed from it."""
TEXTS = (
    "figure_id",
    "source_id",
    "kind",
    "site",
    "population",
    "outcome",
    "statistic",
    "unit",
    "locator",
    "status",
    "by",
    "how",
    "reason",
)
NUMBERS = ("value", "low", "high", "n", "events")
SEPARATOR = "; "


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One published figure, and what became of it."""

    figure_id: str
    source_id: str
    kind: str
    """`target` (an outcome) or `input`."""
    site: str
    population: str
    outcome: str
    """What is counted or measured; of an input, its description."""
    statistic: str
    time_years: str
    """Time of the figure: a number, a range, or nothing."""
    unit: str
    locator: str
    value: float | None
    low: float | None
    high: float | None
    n: float | None
    events: float | None
    status: str
    """Key of `STATUSES`."""
    by: tuple[str, ...]
    """Where it is: `scenario:series.target` of a row of a series, `file.csv:id` of a parameter, or `scenario:key` of a
    scenario's own table such as `strategies.guideline`."""
    how: str
    """Of a used figure, one of `HOW`."""
    reason: str


def load_figures(path: Path | None = None) -> list[Figure]:
    """Every figure, in the order of the table.

    Parameters
    ----------
    path : Path, optional
        Table; the bundled one if absent.

    Raises
    ------
    DataError
        If a row does not say what became of its figure, or a figure stands twice.
    """
    path = path or scenarios_folder() / "evidence" / "seed_figures.csv"
    figures: dict[str, Figure] = {}
    for row in read_rows(path, (*TEXTS, *NUMBERS, "time_years")):
        figure = _figure(row)
        if figure.figure_id in figures:
            raise row.refuse("figure_id", f"'{figure.figure_id}' stands twice.")
        figures[figure.figure_id] = figure
    return list(figures.values())


def _figure(row: Row) -> Figure:
    _check(row)
    numbers = {column: number(row, column, allow_blank=True) for column in NUMBERS}
    texts = {column: row[column] for column in (*TEXTS, "time_years") if column != "by"}
    return Figure(by=tuple(filter(None, row["by"].split(SEPARATOR))), **texts, **numbers)  # type: ignore[arg-type]


def _check(row: Row) -> None:
    for column in ("figure_id", "source_id"):
        if not row[column]:
            raise row.refuse(column, "the cell is blank.")
    status = row["status"]
    if status not in STATUSES:
        raise DataError(unknown("status", status, STATUSES, f"{row.where}: column 'status'"))
    if (status == "left_out") == bool(row["by"]):
        wanted = "be blank" if status == "left_out" else "say where"
        raise row.refuse("by", f"'{row['by']}' with status '{status}'; it must {wanted}.")
    if (status == "used") != (row["how"] in HOW):
        wanted = f"be one of {', '.join(HOW)}" if status == "used" else "be blank"
        raise row.refuse("how", f"'{row['how']}' with status '{status}'; it must {wanted}.")
    if status in ("left_out", "missed") and not row["reason"]:
        raise row.refuse("reason", f"the cell is blank with status '{status}'; it must say why.")
