"""What a published result can be: shares from 0 to 1, times and ratios above 0, ends of intervals in order.

Tables of targets, the ledger of observations and the series of scenarios share these rules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError

if TYPE_CHECKING:
    from lmssim.model.language.schema import ScenarioFile, SeriesRow

SHARES = ("crude_proportion", "cumulative_incidence", "km_survival", "response_rate", "proportion")
TIMES = ("median_time_years", "mean_time_years", "median_time", "mean_time", "km_median", "rmst")
RATIOS = ("hazard_ratio", "odds_ratio")
COUNTED = ("crude_proportion", "response_rate", "proportion")
"""Shares that are events over patients."""
ROUNDED = 0.02
"""Most by which a share may differ from events over patients, as rounding makes it."""
MOST_PATIENTS = 1_000_000_000
LONGEST = 200.0
"""Longest time (years)."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The numbers of a published result; None where there is none."""

    statistic: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: float | None = None
    events: float | None = None


def problem(found: Figures) -> tuple[str, str] | None:
    """Which number of a result is impossible and why: a name of `Figures` and a reason; None if none is."""
    for name in ("value", "low", "high"):
        reason = _impossible(found.statistic, getattr(found, name))
        if reason:
            return name, reason
    return _order(found) or _counts(found)


def _impossible(statistic: str, value: float | None) -> str:
    """Why a statistic cannot have a value; empty if it can."""
    if value is None:
        return ""
    if statistic in SHARES and not 0.0 <= value <= 1.0:
        hint = f" For a percentage give {value / 100:g}." if 1.0 < value <= 100.0 else ""
        return f"{value:g} is not a share; {statistic} lies between 0 and 1.{hint}"
    if statistic in (*TIMES, *RATIOS) and value < 0.0:
        return f"{value:g} is below 0; {statistic} is 0 or more."
    if statistic in RATIOS and value == 0.0:
        return f"0 is not a ratio; {statistic} is above 0."
    if statistic in TIMES and value > LONGEST:
        return f"{value:g} is more than {LONGEST:g} years."
    return ""


def _order(found: Figures) -> tuple[str, str] | None:
    value, low, high = found.value, found.low, found.high
    if low is not None and high is not None and low > high:
        return "low", f"{low:g} is above {{high}}, {high:g}."
    if value is not None and low is not None and value < low:
        return "value", f"{value:g} is below {{low}}, {low:g}."
    if value is not None and high is not None and value > high:
        return "value", f"{value:g} is above {{high}}, {high:g}."
    return None


def _counts(found: Figures) -> tuple[str, str] | None:
    for name, least in (("n", 1), ("events", 0)):
        count = getattr(found, name)
        if count is not None and (count < least or count != int(count)):
            return name, f"{count:g} is not a whole number of {least} or more."
        if count is not None and count > MOST_PATIENTS:
            return name, f"{count:g} is more than {MOST_PATIENTS:,}."
    n, events, value = found.n, found.events, found.value
    if n is not None and events is not None and events > n:
        return "events", f"{events:g} is above n, {n:g}."
    if events == 0.0 and found.statistic in TIMES and found.statistic != "rmst":
        return "events", f"0; a {found.statistic} needs events."
    if found.statistic in COUNTED and None not in (n, events, value):
        share = (events or 0.0) / (n or 1.0)
        if min(abs((value or 0.0) - share), abs(1.0 - (value or 0.0) - share)) > ROUNDED:
            return (
                "value",
                f"{value:g}, but {events:g} of {n:g} are {share:.4g} (or {1.0 - share:.4g} without the event).",
            )
    return None


def follow_up_problem(
    low: float, high: float | None, median: float | None, sdlog: float | None
) -> tuple[str, str] | None:
    """Which number of a distribution of follow-up is impossible and why; None if none is."""
    if low < 0.0:
        return "low", f"{low:g} is below 0."
    if high is not None and high > LONGEST:
        return "high", f"{high:g} is more than {LONGEST:g} years."
    if high is not None and not (low < high or (low == high > 0.0 and median is None)):
        return "low", f"{low:g} is not below high, {high:g}."
    if low > 0.0 and high is None and median is None:
        return "low", "stands alone; give high or median too."
    if median is not None and not 0.0 < median <= LONGEST:
        return "median", f"{median:g} is not a time above 0, at most {LONGEST:g} years."
    if sdlog is not None and median is None:
        return "sdlog", "needs median beside it: follow-up is then log-normal."
    if sdlog is not None and not 0.0 < sdlog < math.inf:
        return "sdlog", f"{sdlog:g} is not a standard deviation above 0."
    return None


def check_cases(file: ScenarioFile, where: str) -> None:
    """Refuse a case that was observed beyond the horizon, where no simulated life goes."""
    for name, case in file.cases.items():
        for i, observed in enumerate(case.observed, 1):
            if observed.time > file.settings.horizon:
                raise ScenarioError(
                    f"{where}: cases.{name}.observed[{i}].time: {observed.time:g} years lie beyond the horizon,"
                    f" {file.settings.horizon:g} years."
                )


def check_series(file: ScenarioFile, where: str) -> None:
    """Refuse a series whose published numbers are impossible.

    Raises
    ------
    ScenarioError
        With key and value.
    """
    for name, series in file.series.items():
        stated = series.follow_up
        low, high, median, sdlog = stated.low, stated.high, stated.median, stated.sdlog
        if isinstance(low, str) or isinstance(high, str) or isinstance(median, str) or isinstance(sdlog, str):
            wrong = None  # an expression is checked when it is computed
        else:
            wrong = follow_up_problem(low, high, median, sdlog)
        if wrong is not None:
            raise ScenarioError(f"{where}: series.{name}.follow_up.{wrong[0]}: {wrong[1]}")
        for row in series.rows:
            place = f"{where}: series.{name}.{row.target}"
            found = problem(_of_row(row))
            if found is not None:
                key = "observed" if found[0] == "value" else found[0]
                raise ScenarioError(f"{place}.{key}: {found[1].format(low='low', high='high')}")
            if (row.observed is None) == (row.low is None and row.high is None):
                raise ScenarioError(f"{place}: expected `observed`, or `low` or `high` or both in its place.")


def _of_row(row: SeriesRow) -> Figures:
    return Figures(statistic=row.statistic, value=row.observed, low=row.low, high=row.high, n=row.n or None)
