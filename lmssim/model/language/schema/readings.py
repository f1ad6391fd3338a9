"""What is computed from lives: endpoints, published series, published patients."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lmssim.model.language.schema.words import Section, Value

Statistic = Literal[
    "proportion", "median_time", "mean_time", "cumulative_incidence", "km_survival", "km_median", "rmst"
]
"""How a number is read from the times of patients."""


class Endpoint(Section):
    """Time from an origin to the first of some events."""

    label: str | None = None
    events: list[str]
    """States entered, or event records."""
    competing: list[str] = []
    death: Literal["event", "competing", "censoring"] = "event"
    origin: str = "model"
    """`model` or a state whose first entry starts the clock."""
    kind: Literal["survival", "incidence"] = "survival"


class SeriesRow(Section):
    """One target of a published series, and how the model computes it."""

    target: str
    """Id of the target in its table."""
    label: str
    statistic: Statistic
    """`proportion`: share of patients with an event within follow-up. `median_time`, `mean_time`: median or mean time
    to it among those who have it. `cumulative_incidence`: share with an event by a time, death competing.
    `km_survival`: Kaplan-Meier share without an event by a time, censored at deaths that are not among the events.
    `km_median`: when that is a half. `rmst`: restricted mean, the years without an event up to `by` (the area under the
    Kaplan-Meier curve)."""
    events: list[str]
    """States entered, or event records."""
    strategy: str | None = None
    """In place of the series' strategy."""
    sequence: str | None = None
    """In place of the strategy's sequence."""
    by: float | None = Field(default=None, gt=0)
    """Only events up to this time (years since time zero, or since `since`)."""
    after: float | None = Field(default=None, gt=0)
    """Only patients still followed, alive and without the event at this time."""
    since: list[str] = []
    """Time and follow-up count from the first of these states and events, in lives that reach one without the event."""
    given: list[str] = []
    """Only patients who, within follow-up, entered one of these states or had one of these events."""
    given_after: float | None = Field(default=None, ge=0)
    """Only patients in whom what is given came later than this (years since time zero)."""
    given_by: float | None = Field(default=None, gt=0)
    """Only patients in whom what is given came by then (years since time zero)."""
    alive_at: float | None = Field(default=None, gt=0)
    """Only patients alive and followed at this time (years since time zero, or since `since`)."""
    without: list[str] = []
    """Only patients who, within follow-up, entered none of these states and had none of these events."""
    others: list[str] = []
    """States and events that are told apart from `events`: the row counts patients who have `events` alone."""
    together: bool = False
    """Whether the row counts patients who have both, in place of those who have `events` alone."""
    window: float | None = Field(default=None, gt=0)
    """Years after the first of `events` and `others` within which the other one counts as found together with it; all
    of follow-up if absent."""
    where: str | None = None
    """Only patients whose covariates satisfy this rule."""
    everybody: bool = False
    """Count also patients whom the series excludes."""
    observed: float | None = None
    """The published value; or, in its place, `low` and `high`."""
    low: float | None = None
    """Least value, where only a range or a bound is published: the model's value must lie within it."""
    high: float | None = None
    """Greatest value."""
    n: int = Field(default=0, ge=0)
    """Patients in the denominator; for `median_time` and `mean_time`, those with the event. 0: not stated."""
    note: str = ""


class FollowUp(Section):
    """Distribution of potential follow-up, years since time zero or a row's `since`.

    Uniform, or log-normal if `median` is given.
    """

    low: Value = 0.0
    high: Value | None = None
    median: Value | None = None
    sdlog: Value | None = None


class Series(Section):
    """A published series to be reproduced: strategy, follow-up, and its targets."""

    label: str
    source_id: str
    strategy: str
    follow_up: FollowUp
    exclude: list[str] = []
    """Patients with one of these events are not part of the series."""
    where: str | None = None
    """Only patients whose covariates satisfy this rule."""
    set: dict[str, float] = {}
    """Parameters held at other values for these patients, such as those of their population or surveillance."""
    rows: list[SeriesRow]


class Observed(Section):
    """One known time of a published patient."""

    label: str
    events: list[str]
    """States entered, or event records; the first of them is the event."""
    since: list[str] = []
    """Time counts from the first of these states and events, in lives that reach one; from time zero if absent."""
    time: Annotated[float, Field(gt=0)]
    """Years to the event."""
    at_least: bool = False
    """Whether the patient was observed for this time without the event."""
    target: str = ""
    """Id of the target in its table."""


class Case(Section):
    """A published patient, to be compared with simulated lives with the same covariates and treatment."""

    label: str
    source_id: str
    strategy: str
    sequence: str | None = None
    """In place of the strategy's sequence."""
    covariates: dict[str, float | str] = {}
    """Known covariates; others are drawn from the population."""
    set: dict[str, float] = {}
    """Parameters held at other values, for what is known of the treatment."""
    given: list[str] = []
    """Only lives that enter one of these states, or have one of these events."""
    without: list[str] = []
    """Only lives that have none of these states and events."""
    note: str = ""
    observed: list[Observed] = Field(min_length=1)
