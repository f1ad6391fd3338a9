"""The patients of a trial as a CSV table: arm, stratum, entry, time, event; every refusal names its cell."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import DataError, InputError, exact
from lmssim.model.language.csvfile import BLANK, Row, brief, number, read_rows
from lmssim.trials.tests.data import CAUSES, LARGEST, TrialData, trial_data

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED = ("arm", "time", "event")
OPTIONAL = ("patient", "stratum", "entry")
CONTROL_WORDS, EXPERIMENTAL_WORDS = ("0", "control"), ("1", "experimental")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
DAYS = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12.0, "years": 365.25}
"""Days in a unit of time, by which dates of entry are read."""
MOST_STRATA = 500
SLACK = 1e-6
"""Share by which an observation may end after the cutoff by rounding."""


@dataclass(frozen=True)
class TrialPatients:
    """Patients of one trial.

    Attributes
    ----------
    data : TrialData
        One trial; entries, if there are any, are times since the first.
    arms : tuple of str
        Names of the control and the experimental arm.
    strata : tuple of str
        Names of strata; empty if there are none.
    cutoff : float
        Calendar time of the data, since the first entry; NaN without entries.
    origin : date, optional
        Date of the first entry, if entries are dates.
    unit : str
        Unit of time, in the plural.
    """

    data: TrialData
    arms: tuple[str, str]
    strata: tuple[str, ...]
    cutoff: float
    origin: datetime.date | None
    unit: str

    def date(self, calendar: float) -> str:
        """A calendar time as a date; empty if entries are no dates, or the time is not reached."""
        if self.origin is None or not np.isfinite(calendar):
            return ""
        try:
            return (self.origin + datetime.timedelta(days=round(calendar * DAYS[self.unit]))).isoformat()
        except OverflowError:
            return ""


def read_patients(
    path: Path, *, unit: str = "months", control: str | None = None, cutoff: str | None = None
) -> TrialPatients:
    """Read the patients of a trial.

    Parameters
    ----------
    path : Path
        A CSV table: `arm` (0 or control, 1 or experimental, or two names), `time` from entry to the event or the end
        of observation, `event` (1 the event, 0 none, 2 and more competing events), and perhaps `stratum`, `entry`
        (calendar time in the unit, or a date such as 2026-11-30) and `patient`.
    unit : str
        Unit of all times: days, weeks, months, years; any other name if entries are no dates.
    control : str, optional
        Name of the control arm, if arms have names of their own.
    cutoff : str, optional
        Calendar time, or date, of the data; the latest end of an observation if absent.

    Raises
    ------
    DataError
        If a cell cannot be right: file, line, column, value.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder. Expected a table of patients in CSV.")
    rows = read_rows(path, REQUIRED, OPTIONAL)
    _check_unique(rows)
    time = np.array([_not_negative(row, "time") for row in rows])
    event = np.array([_event(row) for row in rows])
    arm, arms = _arms(rows, control)
    strata = _strata(rows)
    entry, origin = _entries(rows, unit)
    end = _cutoff(cutoff, entry, origin, unit, rows, time)
    _check_worth(path, event, arm, arms)
    names = tuple(sorted(set(strata))) if strata else ()
    data = trial_data(time, event, arm, stratum=strata or None, entry=entry)
    return TrialPatients(data, arms, names, end, origin, unit)


def _check_unique(rows: list[Row]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if name := row["patient"]:
            if name in seen:
                raise row.refuse("patient", f"'{brief(name)}' stands in line {seen[name]} already.")
            seen[name] = row.line


def _not_negative(row: Row, column: str) -> float:
    value = number(row, column)
    if value < 0.0:
        raise row.refuse(column, f"{exact(value)} is negative.")
    if value > LARGEST:
        raise row.refuse(column, f"{exact(value)} is no time; the largest is {LARGEST:g}.")
    return value


def _event(row: Row) -> int:
    value = number(row, "event")
    if not (0 <= value <= CAUSES and value == int(value)):
        raise row.refuse(
            "event", f"{exact(value)} is not 0 (none), 1 (the event) or the number of a competing event, 2 to {CAUSES}."
        )
    return int(value)


# === Arms and strata ===


def _arms(rows: list[Row], control: str | None) -> tuple[np.ndarray, tuple[str, str]]:
    """Arm of each patient, and the names of both."""
    for row in rows:
        if not row["arm"]:
            raise row.refuse("arm", BLANK)
    if control is not None:
        return _named_arms(rows, control)
    for row in rows:
        if row["arm"].lower() not in (*CONTROL_WORDS, *EXPERIMENTAL_WORDS):
            raise row.refuse(
                "arm",
                f"'{brief(row['arm'])}' is neither 0 or control nor 1 or experimental; if arms have other names, say "
                "which is the control arm (--control NAME).",
            )
    return np.array([row["arm"].lower() in EXPERIMENTAL_WORDS for row in rows]), ("control", "experimental")


def _named_arms(rows: list[Row], control: str) -> tuple[np.ndarray, tuple[str, str]]:
    names = list(dict.fromkeys(row["arm"] for row in rows))
    if control not in names:
        found = ", ".join(f"'{brief(name)}'" for name in names[:6])
        raise InputError(f"--control: '{brief(control)}' is no arm of {rows[0].file}. Found: {found}.")
    others = [name for name in names if name != control]
    if len(others) > 1:
        row = next(row for row in rows if row["arm"] == others[1])
        raise row.refuse("arm", f"'{brief(others[1])}' is a third arm, beside '{control}' and '{brief(others[0])}'.")
    return np.array([row["arm"] != control for row in rows]), (control, others[0] if others else "experimental")


def _strata(rows: list[Row]) -> list[str]:
    strata = [row["stratum"] for row in rows]
    if not any(strata):
        return []
    for row in rows:
        if not row["stratum"]:
            raise row.refuse("stratum", f"{BLANK} Give every patient a stratum, or leave the column out.")
    if len(set(strata)) > MOST_STRATA:
        raise DataError(f"{rows[0].file}: column 'stratum': {len(set(strata))} strata; at most {MOST_STRATA} are read.")
    return strata


def _check_worth(path: Path, event: np.ndarray, arm: np.ndarray, arms: tuple[str, str]) -> None:
    """Refuse data with nothing to compare."""
    for side, name in enumerate(arms):
        if not (arm == side).any():
            raise DataError(f"{path}: column 'arm': nobody is in the {brief(name)} arm.")
    if not (event == 1).any():
        raise DataError(f"{path}: column 'event': nobody has the event (1), so there is nothing to test.")


# === Calendar ===


def _entries(rows: list[Row], unit: str) -> tuple[np.ndarray | None, datetime.date | None]:
    """Entries since the first one, and its date if they are dates."""
    given = [row["entry"] for row in rows]
    if not any(given):
        return None, None
    if DATE.fullmatch(next(text for text in given if text)):
        dates = [_date(row) for row in rows]
        origin, days = min(dates), _days("entry", unit)
        return np.array([(date - origin).days / days for date in dates]), origin
    values = np.array([_entry(row) for row in rows])
    return values - values.min(), None


def _entry(row: Row) -> float:
    value = number(row, "entry")
    if abs(value) > LARGEST:
        raise row.refuse("entry", f"{exact(value)} is no calendar time; the largest is {LARGEST:g}.")
    return value


def _date(row: Row) -> datetime.date:
    text = row["entry"]
    found = _date_of(text)
    if found is None:
        raise row.refuse("entry", f"'{brief(text)}' is not a date such as 2026-11-30." if text else BLANK)
    return found


def _date_of(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if DATE.fullmatch(text) else None
    except ValueError:
        return None


def _days(key: str, unit: str) -> float:
    if unit not in DAYS:
        raise InputError(f"{key}: dates need times in {', '.join(DAYS)}; the design's time_unit is '{brief(unit)}'.")
    return DAYS[unit]


def _cutoff(
    cutoff: str | None,
    entry: np.ndarray | None,
    origin: datetime.date | None,
    unit: str,
    rows: list[Row],
    time: np.ndarray,
) -> float:
    """Calendar time of the data."""
    if entry is None:
        if cutoff is not None:
            raise InputError("--cutoff: the data have no column 'entry', so no calendar time can be read.")
        return float("nan")
    ends = entry + time
    if cutoff is None:
        return float(ends.max())
    end = _cutoff_time(cutoff, origin, unit, rows)
    late = np.flatnonzero(ends > end + SLACK * max(end, 1.0))
    if len(late):
        row = rows[int(late[0])]
        raise row.refuse("time", f"'{row['time']}' after entry at '{row['entry']}' lies behind the cutoff, {cutoff}.")
    return end


def _cutoff_time(cutoff: str, origin: datetime.date | None, unit: str, rows: list[Row]) -> float:
    if origin is not None:
        date = _date_of(cutoff)
        if date is None:
            raise InputError(f"--cutoff: '{brief(cutoff)}' is not a date such as 2026-11-30, as entries are.")
        return (date - origin).days / _days("--cutoff", unit)
    try:
        value = float(cutoff)
    except ValueError:
        value = float("nan")
    if not abs(value) <= LARGEST:
        raise InputError(f"--cutoff: '{brief(cutoff)}' is not a calendar time, a number as in the column 'entry'.")
    return value - min(number(row, "entry") for row in rows)
