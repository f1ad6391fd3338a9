"""The form of a budget impact analysis: its sections and keys, each figure with its source.

References
----------
Sullivan SD, Mauskopf JA, Augustovski F, et al. Budget impact analysis - principles of good practice: report of the
ISPOR 2012 Budget Impact Analysis Good Practice II Task Force. Value Health 17:5-14, 2014.
doi:10.1016/j.jval.2013.08.2291
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lmssim.model.language.schema.words import Number, Section

MOST_YEARS, MOST_SHARES, MOST_PEOPLE, MOST_SCENARIOS = 20, 20, 1e11, 50
MOST_MONEY, MOST_TIMES = 1e15, 100.0
"""Largest threshold, and factor of a cost."""
START, EVENLY = "start", "evenly"
"""When patients enter: all at the start of a year, or evenly over it."""
ENTRIES = {START: (1.0,), EVENLY: (0.125, 0.375, 0.625, 0.875)}
"""Years that patients of each equal part have in the year of their treatment: evenly is the middle of each quarter."""
NOW, THEN = "now", "then"
"""The two worlds: today's care, and care with the new strategies."""
BASE = "base case"
"""What tables call the figures of the file without any scenario's."""

Share = Annotated[Number, Field(ge=0, le=1)]


class Sourced(Section):
    """What tells where a figure is from: a source, or that it is assumed, and why."""

    label: str = Field(default="", max_length=200)
    source: str | None = Field(default=None, min_length=1, max_length=500)
    assumed: str | None = Field(default=None, min_length=1, max_length=500)

    @model_validator(mode="after")
    def _one_of_both(self) -> Sourced:
        if (self.source is None) == (self.assumed is None):
            raise ValueError("a table with either 'source' or 'assumed' and the reason, not both")
        return self

    @property
    def origin(self) -> str:
        """Where the figure is from."""
        return self.source or f"assumed: {self.assumed}"


class People(Sourced):
    """People in the country or region in the first year, and how their number grows."""

    people: Annotated[Number, Field(gt=0, le=MOST_PEOPLE)]
    growth: Annotated[Number, Field(gt=-1, le=1)] = 0.0
    """A year, as a share."""


class Incidence(Sourced):
    """New cases a year."""

    cases: Annotated[Number, Field(ge=0, le=MOST_PEOPLE)]
    per: Annotated[Number, Field(ge=1, le=MOST_PEOPLE)] = 100_000.0
    """People among whom they arise."""


class Threshold(Sourced):
    """Yearly amount that a payer asks about: whether the difference exceeds it in any of the first years."""

    amount: Annotated[Number, Field(gt=0, le=MOST_MONEY)]
    years: int = Field(default=3, ge=1, le=MOST_YEARS)


class Changes(Sourced):
    """A scenario: figures that differ from those of the base case."""

    label: str = Field(min_length=1, max_length=200)
    people: Annotated[Number, Field(gt=0, le=MOST_PEOPLE)] | None = None
    growth: Annotated[Number, Field(gt=-1, le=1)] | None = None
    cases: Annotated[Number, Field(ge=0, le=MOST_PEOPLE)] | None = None
    """New cases a year, per as many people as in the base case."""
    prevalent: Annotated[Number, Field(ge=0, le=MOST_PEOPLE)] | None = None
    """The same of the cases who are there at the start."""
    eligible: list[Share] | None = Field(default=None, max_length=MOST_SHARES)
    uptake: list[Share] | None = Field(default=None, max_length=MOST_YEARS)
    costs: dict[str, Annotated[Number, Field(ge=0, le=MOST_TIMES)]] = Field(default={}, max_length=MOST_SHARES)
    """Factor of a cost category, in both worlds."""

    @model_validator(mode="after")
    def _something(self) -> Changes:
        if not self.words:
            names = "people, growth, cases, prevalent, eligible, uptake, costs"
            raise ValueError(f"a table that changes something: one of {names}")
        return self

    @property
    def words(self) -> str:
        """What it changes."""
        told = []
        for name in ("people", "growth", "cases", "prevalent", "eligible", "uptake"):
            if (value := getattr(self, name)) is not None:
                numbers = value if isinstance(value, list) else [value]
                told.append(f"{name} {', '.join(f'{x:,.10g}' for x in numbers)}")
        told += [f"{category} costs times {factor:g}" for category, factor in self.costs.items()]
        return "; ".join(told)


class Part(Sourced):
    """A share of those before it."""

    share: Share


class Care(Sourced):
    """Shares of patients who get each strategy."""

    mix: dict[str, Share] = Field(min_length=1)


class Uptake(Sourced):
    """Share of patients in each year who get the care of the new world; the others get today's."""

    by_year: list[Share] = Field(min_length=1, max_length=MOST_YEARS)


class BudgetFile(Section):
    """A budget impact analysis."""

    schema_version: Literal[1]
    title: str = Field(min_length=1, max_length=200)
    first_year: int | None = Field(default=None, ge=1900, le=2200)
    """Calendar year that counts as the first."""
    entry: Literal["start", "evenly"] = "evenly"
    population: People
    incidence: Incidence
    prevalence: Incidence | None = None
    """Cases who are there at the start, and face the decision in the first year."""
    eligible: list[Part] = Field(default=[], max_length=MOST_SHARES)
    """Shares that lead from new cases to patients who face the decision, each of those before it."""
    now: Care
    then: Care
    uptake: Uptake
    threshold: Threshold | None = None
    scenarios: list[Changes] = Field(default=[], max_length=MOST_SCENARIOS)
