"""Published targets as the user's table states them: one row a target, in the shape of `calibration/targets.csv`.

Nothing is computed here. `lmssim.published.readings` says how a scenario computes each target, or why it cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from lmssim.errors import DataError, InputError, unknown
from lmssim.model.language.csvfile import BLANK, Row, brief, number, plain_number, read_rows, read_unique
from lmssim.model.published import LONGEST, RATIOS, Figures, problem
from lmssim.published.grades import grades_of
from lmssim.published.vocabulary import OTHER, vocabulary

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED = ("target_id", "outcome", "statistic")
"""Columns that a table needs whose targets are computed; one that a calibration reads for its rows needs the first."""
OPTIONAL = (
    "site",
    "population",
    "strategy",
    "time_years",
    "value",
    "n",
    "source_id",
    "ci_low",
    "ci_high",
    "events",
    "locator",
    "notes",
)
COMPUTABLE = (
    "where",
    "given",
    "given_after",
    "given_by",
    "without",
    "alive_at",
    "complication_grade",
    "series",
    "mix",
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
    "series",
    "model_strategy",
    "cohort_id",
    "family",
)
RESTRICTED = "rmst"
"""Restricted mean: its horizon stands in `time_years`."""
SHARES = ("crude_proportion", "cumulative_incidence", "km_survival", "response_rate")
TIMES = ("median_time_years", "mean_time_years", RESTRICTED)
NUMBERS = {"value": "value", "low": "ci_low", "high": "ci_high", "n": "n", "events": "events"}
"""Columns of the numbers of a target, by their names in `lmssim.model.published`."""
NOBODY = "none"
"""In the column `exclude`: nobody is left out. In `since`: time counts from time zero."""
SEPARATOR = ";"


@dataclass(frozen=True)
class Refused:
    """A row of a table that cannot be read."""

    target_id: str
    """Its id, or its line where it has none."""
    message: str
    """What is wrong, with file, line, column and value."""
    cells: dict[str, str]
    """Text by column."""


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
    given: tuple[str, ...] = ()
    """States, events and outcomes, of which the patients had one."""
    given_after: float | None = None
    """Years after which they had it."""
    given_by: float | None = None
    """Years by which they had it."""
    without: tuple[str, ...] = ()
    """States, events and outcomes, of which the patients had none."""
    alive_at: float | None = None
    """Years at which they were alive and followed."""
    complication_grade: str = ""
    """Grades of a complication that count, as the table prints them."""
    series: str = ""
    """Series of the scenario whose patients and follow-up these are."""
    mix: tuple[tuple[tuple[str, ...], float], ...] = ()
    """Treatments, and the share of patients who had them."""
    model_strategy: str = ""
    """Strategy of the scenario that stands for `strategy`."""
    follow_up_median: float | None = None
    follow_up_low: float | None = None
    follow_up_high: float | None = None
    since: tuple[str, ...] = ()
    """States and events from the first of which time counts; `none` alone is time zero."""
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


def load_targets(path: Path | str, computed: bool = True) -> list[Target]:
    """Targets of a table, in its order.

    Parameters
    ----------
    computed : bool
        Whether targets are computed from the table alone, so that it must say what each of them is. Otherwise the
        column `target_id` is enough: a calibration takes the numbers of patients and the intervals that stand there.

    Raises
    ------
    DataError
        If the file, a column or a value is not as it must be, or a target stands twice.
    """
    required = REQUIRED if computed else REQUIRED[:1]
    others = tuple(column for column in (*REQUIRED, *OPTIONAL, *COMPUTABLE) if column not in required)
    return read_unique(path, "target_id", lambda row: _target(row, computed), required, others)


def read_targets(path: Path | str) -> list[Target | Refused]:
    """Targets of a table that are computed, in its order; a row that cannot be read is refused alone.

    Raises
    ------
    DataError
        If the file or its columns are not as they must be.
    """
    others = tuple(column for column in (*OPTIONAL, *COMPUTABLE))
    read: list[Target | Refused] = []
    seen: set[str] = set()
    for row in read_rows(path, REQUIRED, others, keep_wrong=True):
        id_ = row["target_id"]
        try:
            if row.wrong:
                raise DataError(row.wrong)
            if not id_ or id_ in seen:
                raise row.refuse("target_id", BLANK if not id_ else f"'{id_}' stands twice.")
            seen.add(id_)
            read.append(_target(row, computed=True))
        except InputError as error:
            read.append(Refused(id_ or f"line {row.line}", str(error), row.cells))
    return read


def _target(row: Row, computed: bool) -> Target:
    figures = _figures(row)
    if computed:
        _check_computed(row, figures)
    families = [*vocabulary().family_names, OTHER]
    if row["family"] and row["family"] not in families:
        raise DataError(unknown("family", row["family"], families, f"{row.where}: column 'family'"))
    time, time_end = _time(row)
    known: dict[str, Any] = {column: row[column] for column in TEXTS} | {"statistic": figures.statistic}
    if figures.statistic == RESTRICTED and time is not None and time > 0.0:
        _check_restricted(row, figures, time)
    return Target(
        **known,
        **_follow_up(row),
        time=time,
        time_end=time_end,
        value=figures.value,
        low=figures.low,
        high=figures.high,
        n=None if figures.n is None else int(figures.n),
        events=None if figures.events is None else int(figures.events),
        since=_names(row["since"]),
        **_given_times(row),
        given=_names(row["given"]),
        without=_names(row["without"]),
        complication_grade=_grade(row),
        mix=_mix(row),
        exclude=_excluded(row),
        set=_held(row),
        place=row.where,
    )


def _check_computed(row: Row, figures: Figures) -> None:
    """Refuse a target that does not say what it is."""
    for column in ("outcome", "statistic"):
        if not row[column]:
            raise row.refuse(column, BLANK)
    if figures.value is None and figures.low is None and figures.high is None:
        raise row.refuse("value", "the cell is blank. Expected a number, or a range in ci_low and ci_high.")


def _figures(row: Row) -> Figures:
    """Numbers of a target, each possible."""
    statistic = vocabulary().statistic_of(row["statistic"])
    if statistic and statistic not in (*SHARES, *TIMES, *RATIOS):
        allowed = (*SHARES, *TIMES, *RATIOS)
        raise DataError(unknown("statistic", row["statistic"], allowed, f"{row.where}: column 'statistic'"))
    numbers = {name: number(row, column, allow_blank=True) for name, column in NUMBERS.items()}
    figures = Figures(statistic=statistic, **numbers)
    wrong = problem(figures)
    if wrong is not None:
        raise row.refuse(NUMBERS[wrong[0]], wrong[1].format(**NUMBERS))
    return figures


def _check_restricted(row: Row, figures: Figures, horizon: float) -> None:
    """Refuse a restricted mean that is longer than its horizon."""
    for name in ("value", "low", "high"):
        value = getattr(figures, name)
        if value is not None and value > horizon:
            reason = f"{value:g} is more than the horizon of the restricted mean, {horizon:g} years in time_years."
            raise row.refuse(NUMBERS[name], reason)


def _given_times(row: Row) -> dict[str, Any]:
    """Times of what is given, and at which patients were alive (years)."""
    times = {column: number(row, column, allow_blank=True) for column in ("given_after", "given_by", "alive_at")}
    for column, value in times.items():
        if value is not None and not (0.0 < value <= LONGEST or (value == 0.0 and column == "given_after")):
            raise row.refuse(column, f"{value:g} is not a time above 0, at most {LONGEST:g} years.")
        if value is not None and column != "alive_at" and not row["given"]:
            raise row.refuse(column, "needs the column 'given', which says what came then.")
    after, by = times["given_after"], times["given_by"]
    if by is not None and by <= (after or 0.0):
        raise row.refuse("given_by", f"{by:g} is not above given_after, {after:g}.")
    return times


def _grade(row: Row) -> str:
    text = row["complication_grade"]
    if text and grades_of(text) is None:
        raise row.refuse(
            "complication_grade", f"'{brief(text)}' is not a grade from 1 to 5, such as 3, 3-4, >=2 or 2+."
        )
    return text


def _mix(row: Row) -> tuple[tuple[tuple[str, ...], float], ...]:
    """Treatments and shares of `a:0.6; b+c:0.2`; the others had none."""
    mix: dict[tuple[str, ...], float] = {}
    for item in _names(row["mix"]):
        names, _, text = (part.strip() for part in item.rpartition(":"))
        treatments = tuple(name.strip() for name in names.split("+"))
        if not all(treatments) or not text:
            raise row.refuse("mix", f"'{brief(item)}' is not TREATMENT:SHARE, or TREATMENT+TREATMENT:SHARE.")
        if treatments in mix:
            raise row.refuse("mix", f"'{brief(names)}' stands twice.")
        mix[treatments] = number(Row(row.file, row.line, {"mix": text}, row.error), "mix")
        if not 0.0 <= mix[treatments] <= 1.0:
            raise row.refuse("mix", f"{mix[treatments]:g} is not a share from 0 to 1.")
    if sum(mix.values()) > 1.0 + 1e-9:
        raise row.refuse("mix", f"the shares add up to {sum(mix.values()):g}, more than 1.")
    return tuple(mix.items())


def _time(row: Row) -> tuple[float | None, float | None]:
    """Time of a target, or the two ends of a range such as 5-10."""
    text = row["time_years"]
    if not text:
        return None, None
    parts = [part.strip() for part in text.split("-")] if not text.startswith("-") else [text]
    times = [time for part in parts if (time := plain_number(part)) is not None]
    if len(times) < len(parts):
        times = []
    if len(times) not in (1, 2) or not all(0.0 <= time <= LONGEST for time in times) or times != sorted(times):
        raise row.refuse("time_years", f"'{text}' is not a time from 0 to 200 years, or a range of two such as 5-10.")
    return times[0], times[1] if len(times) == 2 else None


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
