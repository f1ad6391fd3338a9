"""Conventions, lookup tables, and groups of parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lmssim.model.language.schema.course import Limited
from lmssim.model.language.schema.words import Costs, Number, Section, Value

STEPS_PER_YEAR = 16
"""Grid of time to event: a power of two, so that whole and quarter years fall exactly on it."""


class Exclusion(Section):
    """Terminal care at death of a cause: its cost, what it replaces in its window, and amounts by time to death."""

    death: str
    """Absorbing state."""
    window: Value | None = None
    """Years before death; needed beside `excludes`."""
    cost: Costs = {}
    excludes: list[str] = []
    before_death: list[Limited] = []
    """Costs per year and losses of utility in so many years before death."""


class Settings(Section):
    """Conventions, all printed in every result."""

    model_config = ConfigDict(allow_inf_nan=False)

    horizon: Number = Field(gt=0, le=200)
    """Years; arithmetic is allowed: "13 * 28 / 365.25"."""
    discount_rate_costs: Number = Field(default=0.035, ge=0, lt=1)
    discount_rate_effects: Number = Field(default=0.035, ge=0, lt=1)
    discounting: Literal["continuous_annual", "continuous_rate"] = "continuous_annual"
    """`continuous_annual`: exp(-ln(1+r) t); `continuous_rate`: exp(-r t)."""
    currency: str = "GBP"
    price_year: str = ""
    perspective: str = ""
    wtp: list[Annotated[Number, Field(ge=0)]] = [20_000.0, 30_000.0]
    times: list[Annotated[Number, Field(gt=0)]] = [1.0, 2.0, 3.0, 5.0, 10.0]
    comparator: str | None = None
    sequence: str | None = None
    """Sequence of strategies that name none."""
    vial_use: Literal["whole", "shared", "banded"] = "whole"
    """How drugs are dispensed: whole vials, vials shared between patients, or doses rounded to bands."""
    cost_categories: list[str] = ["total"]
    effects_end: dict[str, str] = {}
    """Switch -> option with which effects of treatments end with their trials' follow-up: a run shows what the gain
    then is beside the base case's."""
    outcomes: list[Literal["events", "entries", "ticks", "transitions", "years"]] = []
    """Kinds of which every one that the model has is counted, and reported beside the main outcomes."""


class Outcome(Section):
    """A further sum that is reported beside the main outcomes: weights of what it adds up; plain numbers."""

    label: str | None = None
    unit: str | None = None
    """Needed where amounts of several kinds are added up."""
    costs: dict[str, Number] = {}
    """Cost category -> weight."""
    events: dict[str, Number] = {}
    """Event record -> weight of each."""
    entries: dict[str, Number] = {}
    """State -> weight of each entry."""
    ticks: dict[str, Number] = {}
    """Plan -> weight of each tick in a state with a schedule or a detection at it."""
    transitions: dict[str, Number] = {}
    """'FROM -> TO' -> weight of each transition."""
    years: dict[str, Number] = {}
    """State of stay -> weight of a year."""


class Table(Section):
    """Lookup table, read in expressions as `name(key, ...)`."""

    by: list[str] = Field(min_length=1)
    """Keys in the order of the call's arguments: a covariate or attribute with labels, `strategy`, or any number."""
    file: str | None = None
    """CSV with a column per key and `value`."""
    rows: list[list[float | str]] = []
    """Instead of a file: each row its keys, then the value."""


class Group(Section):
    """Parameters drawn jointly."""

    kind: Literal["dirichlet", "multivariate_normal", "posterior"]
    members: list[str] | None = None
    """Parameters; of a posterior, if absent, every parameter that its file has a column for."""
    category: str | None = None
    """Posterior: category of `parameters_by` to whose own parameters the columns belong."""
    counts: list[float] = []
    mean: list[float] = []
    covariance: list[list[float]] = []
    file: str | None = None
    """Posterior: CSV or Parquet file with a row per draw; draw k is row k modulo rows."""
