"""The published results of the five seed documents, and whether the model meets, misses, uses or leaves out each.

The table `evidence/seed_observations.csv` of the bundled scenarios has a row for each of these observations. An
observation that is *met* or *missed* is computed by a row of a scenario's published series, as its paper computed it;
one that is *used* is an input; one that is *left out* has a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.bundled import scenarios_folder
from lmssim.errors import DataError, unknown
from lmssim.model.language.csvfile import BLANK, Row, number, read_unique
from lmssim.model.published import RATIOS, SHARES, TIMES, Figures, problem

if TYPE_CHECKING:
    from pathlib import Path

STATUSES = {
    "met": "computed as its paper computed it, and agrees",
    "missed": "computed as its paper computed it, and disagrees",
    "used": "an input of the model",
    "left_out": "neither computed nor used",
}
HOW = ("value", "primary", "derived")
"""How an input uses an observation: its value; the same value from the source that is quoted; or computed from it."""
TEXTS = (
    "observation_id",
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
class SeedObservation:
    """One published result, and what the model makes of it."""

    observation_id: str
    source_id: str
    kind: str
    """`target` (an outcome) or `input`."""
    site: str
    population: str
    outcome: str
    """What is counted or measured; of an input, its description."""
    statistic: str
    time_years: str
    """Time of the observation: a number, a range, or nothing."""
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
    """Of a used observation, one of `HOW`."""
    reason: str


def load_observations(path: Path | None = None) -> list[SeedObservation]:
    """Every observation, in the order of the table.

    Parameters
    ----------
    path : Path, optional
        Table; the bundled one if absent.

    Raises
    ------
    DataError
        If a row does not say what the model makes of it, or an observation stands twice.
    """
    path = path or scenarios_folder() / "evidence" / "seed_observations.csv"
    return read_unique(path, "observation_id", _observation, (*TEXTS, *NUMBERS, "time_years"))


def _observation(row: Row) -> SeedObservation:
    _check(row)
    statistic = row["statistic"]
    if statistic and statistic not in (*SHARES, *TIMES, *RATIOS):
        raise DataError(unknown("statistic", statistic, (*SHARES, *TIMES, *RATIOS), f"{row.where}: column 'statistic'"))
    numbers = {column: number(row, column, allow_blank=True) for column in NUMBERS}
    wrong = problem(Figures(statistic=row["statistic"], **numbers))
    if wrong is not None:
        raise row.refuse(wrong[0], wrong[1].format(low="low", high="high"))
    texts = {column: row[column] for column in (*TEXTS, "time_years") if column != "by"}
    return SeedObservation(by=tuple(filter(None, row["by"].split(SEPARATOR))), **texts, **numbers)  # type: ignore[arg-type]


def _check(row: Row) -> None:
    if not row["source_id"]:
        raise row.refuse("source_id", BLANK)
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
