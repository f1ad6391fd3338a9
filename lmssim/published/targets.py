"""Published targets as the user's table states them: one row a target, in the shape of `calibration/targets.csv`.

Nothing is computed here. `lmssim.published.readings` says how a scenario computes each target, or why it cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lmssim.errors import DataError, unknown
from lmssim.model.language.csvfile import BLANK, Row, number, read_unique
from lmssim.published.vocabulary import OTHER, vocabulary

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED = ("target_id", "site", "strategy", "outcome", "statistic", "time_years", "value", "n", "source_id")
OPTIONAL = ("population", "ci_low", "ci_high", "events", "locator", "notes")
COMPUTABLE = (
    "where",
    "model_strategy",
    "follow_up_median",
    "follow_up_low",
    "follow_up_high",
    "since",
    "exclude",
    "set",
    "cohort_id",
    "family",
)
"""Optional columns that say how a target is computed, in place of the documented defaults."""
TEXTS = (
    "target_id",
    "site",
    "population",
    "strategy",
    "outcome",
    "statistic",
    "time_years",
    "source_id",
    "locator",
    "notes",
    "where",
    "model_strategy",
    "cohort_id",
    "family",
)
SHARES = ("crude_proportion", "cumulative_incidence", "km_survival", "response_rate")
TIMES = ("median_time_years", "mean_time_years")
RATIOS = ("hazard_ratio", "odds_ratio")
NOBODY = "none"
"""In the column `exclude`: nobody is left out."""
SEPARATOR = ";"


@dataclass(frozen=True, kw_only=True)
class Target:
    """One published result that a model is fitted to or checked against."""

    target_id: str
    site: str
    population: str = ""
    strategy: str = ""
    """What the patients had, in the paper's words."""
    outcome: str
    statistic: str
    """One of `SHARES`, `TIMES` or `RATIOS`."""
    time_years: str = ""
    """As the table prints it."""
    time: float | None = None
    """Time of the target (years); of a range, its beginning."""
    time_end: float | None = None
    """End of the range, if it is one."""
    value: float | None
    """Published value; None if only a range or bound is published."""
    low: float | None = None
    """Lower end of the published interval, or of the range."""
    high: float | None = None
    n: int | None = None
    events: int | None = None
    source_id: str = ""
    locator: str = ""
    notes: str = ""
    where: str = ""
    """Rule on covariates: whom the target is about."""
    model_strategy: str = ""
    """Strategy of the scenario that stands for `strategy`."""
    follow_up_median: float | None = None
    follow_up_low: float | None = None
    follow_up_high: float | None = None
    since: tuple[str, ...] = ()
    """States and events from the first of which time counts."""
    exclude: tuple[str, ...] | None = None
    """States and events whose patients are left out; None for the default."""
    set: tuple[tuple[str, float], ...] = ()
    """Parameters held at other values for these patients."""
    cohort_id: str = ""
    family: str = ""
    """Outcome family; that of the outcome if empty."""
    place: str = ""
    """File and line, to begin a message with."""

    @property
    def study(self) -> str:
        """Whose patients these are."""
        return self.cohort_id or self.source_id or self.target_id

    @property
    def states_follow_up(self) -> bool:
        """Whether the table says how long patients were followed."""
        return self.follow_up_median is not None or self.follow_up_high is not None


def load_targets(path: Path | str) -> list[Target]:
    """Targets of a table, in its order.

    Raises
    ------
    DataError
        If the file, a column or a value is not as it must be, or a target stands twice.
    """
    return read_unique(path, "target_id", _target, REQUIRED, (*OPTIONAL, *COMPUTABLE))


def _target(row: Row) -> Target:
    for column in ("outcome", "statistic"):
        if not row[column]:
            raise row.refuse(column, BLANK)
    if row["statistic"] not in (*SHARES, *TIMES, *RATIOS):
        allowed = (*SHARES, *TIMES, *RATIOS)
        raise DataError(unknown("statistic", row["statistic"], allowed, f"{row.where}: column 'statistic'"))
    families = [*vocabulary().family_names, OTHER]
    if row["family"] and row["family"] not in families:
        raise DataError(unknown("family", row["family"], families, f"{row.where}: column 'family'"))
    time, time_end = _time(row)
    low, high = _value(row, "ci_low"), _value(row, "ci_high")
    value = _value(row, "value")
    if value is None and low is None and high is None:
        raise row.refuse("value", "the cell is blank. Expected a number, or a range in ci_low and ci_high.")
    if low is not None and high is not None and low > high:
        raise row.refuse("ci_low", f"{low:g} is above ci_high, {high:g}.")
    n, events = _count(row, "n", 1), _count(row, "events", 0)
    if n is not None and events is not None and events > n:
        raise row.refuse("events", f"{events} is above n, {n}.")
    known: dict[str, Any] = {column: row[column] for column in TEXTS}
    return Target(
        **known,
        **_follow_up(row),
        time=time,
        time_end=time_end,
        value=value,
        low=low,
        high=high,
        n=n,
        events=events,
        since=_names(row["since"]),
        exclude=_excluded(row),
        set=_held(row),
        place=row.where,
    )


def _value(row: Row, column: str) -> float | None:
    """Number in a cell, in the range of its statistic."""
    value = number(row, column, allow_blank=True)
    if value is None:
        return None
    if row["statistic"] in SHARES and not 0.0 <= value <= 1.0:
        hint = f" For a percentage give {value / 100:g}." if 1.0 < value <= 100.0 else ""
        raise row.refuse(column, f"{value:g} is not a share; {row['statistic']} lies between 0 and 1.{hint}")
    if value < 0.0:
        raise row.refuse(column, f"{value:g} is below 0; {row['statistic']} is 0 or more.")
    return value


def _time(row: Row) -> tuple[float | None, float | None]:
    """Time of a target, or the two ends of a range such as 5-10."""
    text = row["time_years"]
    if not text:
        return None, None
    parts = [part.strip() for part in text.split("-")] if not text.startswith("-") else [text]
    try:
        times = [float(part) for part in parts]
    except ValueError:
        times = []
    if len(times) not in (1, 2) or not all(0.0 <= time < 200.0 for time in times) or times != sorted(times):
        raise row.refuse("time_years", f"'{text}' is not a time of 0 or more years, or a range of two such as 5-10.")
    return times[0], times[1] if len(times) == 2 else None


def _count(row: Row, column: str, least: int) -> int | None:
    value = number(row, column, allow_blank=True)
    if value is None:
        return None
    if value < least or value != int(value):
        raise row.refuse(column, f"{value:g} is not a whole number of {least} or more.")
    return int(value)


def _follow_up(row: Row) -> dict[str, Any]:
    """Follow-up that the row states, in years."""
    columns = ("follow_up_low", "follow_up_median", "follow_up_high")
    values = {column: number(row, column, allow_blank=True) for column in columns}
    given = [(column, value) for column, value in values.items() if value is not None]
    for column, value in given:
        if value < 0.0 or (value == 0.0 and column != "follow_up_low"):
            raise row.refuse(column, f"{value:g} years; it must be above 0.")
    for (lower, a), (upper, b) in pairwise(given):
        if a >= b:
            raise row.refuse(lower, f"{a:g} is not below {upper}, {b:g}.")
    if [column for column, _ in given] == ["follow_up_low"]:
        raise row.refuse("follow_up_low", "stands alone; give follow_up_high or follow_up_median too.")
    return values


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(SEPARATOR) if (name := part.strip()))


def _excluded(row: Row) -> tuple[str, ...] | None:
    return () if row["exclude"] == NOBODY else _names(row["exclude"]) or None


def _held(row: Row) -> tuple[tuple[str, float], ...]:
    """Parameters and values of `id=value; id=value`."""
    held: dict[str, float] = {}
    for item in _names(row["set"]):
        name, _, text = (part.strip() for part in item.partition("="))
        cell = Row(row.file, row.line, {"set": text}, row.error)
        if not name or not text:
            raise row.refuse("set", f"'{item}' is not ID=VALUE, a parameter's id and a number.")
        if name in held:
            raise row.refuse("set", f"'{name}' is set twice.")
        held[name] = number(cell, "set")
    return tuple(held.items())
