"""The course of disease: states, transitions, effects, events, plans."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lmssim.model.language.schema.words import Costs, Expected, FamilyName, Section, Value


class Effect(Section):
    """What a covariate, attribute or treatment does to a transition or a branch."""

    value: Value
    """Log hazard ratio, log time ratio or log odds ratio per unit of the key."""
    on: Literal["hazard", "time", "logit"] | None = None
    """Hazard (default for transitions), time (stretches time), logit (branches and events)."""
    clock: str | None = None
    """Clock of an effect that changes with time."""
    delay: Value = 0.0
    """Years after the clock's start before the effect begins; a number or an expression of fixed parameters."""
    full: Value | None = None
    """Years of full effect after the delay; unlimited if absent."""
    wane: Value = 0.0
    """Years over which the log effect falls to 0 after the full period."""
    steps: int = Field(default=8, ge=1, le=100)
    """Number of constant pieces of the waning."""
    expected: Expected = "unknown"
    """Direction that `verify` tests."""


Effects = dict[str, Value | Effect]


class Hazard(Section):
    """Time to a transition: a family in its named parametrisation, and the clock it runs on."""

    family: FamilyName
    clock: str = "entry"
    """`entry` (reset), `model` (time zero), `age`, or a named clock."""
    default_origin: Literal["model"] | None = None
    """What a named clock reads before its event; without it, use before the event is an error."""
    rate: Value | None = None
    shape: Value | None = None
    scale: Value | None = None
    meanlog: Value | None = None
    sdlog: Value | None = None
    mu: Value | None = None
    sigma: Value | None = None
    q: Value | None = None
    delay: Value | None = None
    starts: list[float] | None = None
    rates: list[Value] | None = None
    cure: Value | None = None
    """Mixture cure: probability that the event never happens; decided once per risk unless `redraw`."""
    redraw: bool = False


class Background(Section):
    """Death from the mortality table."""

    multiplier: Value = 1.0


class Detection(Section):
    """Found at a visit: each visit of the plan finds the lesion with a sensitivity."""

    plan: str
    sensitivity: Value
    test: str | None = None
    """Name of the test, which addresses its random numbers. Default: plan and target."""


class Transition(Section):
    """A transition out of one or more dwelling states, racing with the others."""

    source: str | list[str] = Field(alias="from")
    to: str | None = None
    """Target; absent for a silent event, which only sets attributes."""
    name: str | None = None
    """Name of the decision, which addresses its random numbers. Default: the target."""
    risk: str | None = None
    """Name of a risk whose budget is shared and carried between states."""
    hazard: Hazard | None = None
    background: Background | None = None
    detection: Detection | None = None
    probability: Value | None = None
    """Of a model in cycles: probability that it happens in a cycle, or `rest`: what the others leave of 1. Without a
    `rest`, staying takes that."""
    rate: Value | None = None
    """Of a model in cycles: rate per year, which gives the probability 1 - exp(-rate x cycle length)."""
    effects: Effects = {}
    when: str | None = None
    """Rule on attributes and covariates under which the transition is possible."""
    set: dict[str, str | bool] = {}
    mark: str | None = None
    """Name under which the event is recorded and can be an endpoint."""
    cost: Costs = {}
    """Paid once when it happens."""
    qalys: Value | None = None
    """QALYs (usually negative) when it happens."""
    over_stay: bool = False
    """Whether `cost` and `qalys` are per year of the stay that it ends, and accrue over that stay."""
    replace: bool = False
    """Takes the place of the included transition out of the same states with the same name."""
    expected: Expected = "unknown"


class Branch(Section):
    """One way out of a chance state."""

    to: str
    p: Value | None = None
    """Probability, or `rest`; without `p` the branch is taken wherever `when` holds."""
    when: str | None = None
    effects: Effects = {}
    expected: Expected = "unknown"
    """Whether taking it is a benefit, which turns the direction of its effects, as of a transition."""
    set: dict[str, str | bool] = {}


class Schedule(Section):
    """Something that happens at regular times while in a state."""

    name: str
    at: str
    """A plan."""
    cost: Costs = {}
    utility_loss: Value | None = None
    years: Value | None = None
    """Duration of the utility loss of each tick in years, or `forever`; required beside it."""
    event: str | None = None
    """An event that may happen at each tick."""


class Limited(Section):
    """A reward for a limited time after entry."""

    years: Value
    cost_per_year: Costs = {}
    utility_loss: Value | None = None


class State(Section):
    """A dwelling, chance or absorbing state, or the place of a treatment phase."""

    kind: Literal["dwelling", "chance", "absorbing", "phase"] = "dwelling"
    label: str | None = None
    utility: Value | None = None
    cost_per_year: Costs = {}
    entry_cost: Costs = {}
    entry_utility: Value | None = None
    """QALYs (usually negative) at entry."""
    schedule: list[Schedule] = []
    limited: list[Limited] = []
    branches: list[Branch] = []
    duration: Value | None = None
    """Fixed stay; then `next`."""
    next: str | None = None
    phase: str | None = None
    set: dict[str, str | bool] = {}
    starts: list[str] = []
    """Clocks that start on entry."""
    events: list[str] = []
    """Events that may happen on entry (complications)."""
    death: Literal["disease", "treatment", "other"] | None = None
    """Cause, for absorbing states that are deaths."""
    initial: bool = False


class Event(Section):
    """Something that may happen at a moment: a complication, with its cost, utility loss and risk of death."""

    label: str | None = None
    grades: Literal["1", "2", "3", "4", "5", "1-2", "2-3", "3-4", ">=1", ">=2", ">=3", ">=4"] | None = None
    """Grades of a complication that it counts, such as ">=3": published results of others are not compared with it."""
    probability: Value
    effects: Effects = {}
    when: str | None = None
    cost: Costs = {}
    utility_loss: Value | None = None
    years: Value | None = None
    """Duration of the utility loss in years, or `forever` (until death); required beside it."""
    stop_on_leaving: bool = False
    """Whether the loss also ends when the state is left in which the event happened."""
    stack: bool = False
    """Whether losses of repeated events count each; otherwise a repeat makes the loss last longer."""
    death: Value | None = None
    death_state: str | None = None
    set: dict[str, str | bool] = {}
    expected: Expected = "unknown"


class Lasting(Section):
    """What a flag costs and takes away for as long as it is set, in every state of stay."""

    utility_loss: Value | None = None
    """Share of utility lost (multiplicative), or utility lost (additive)."""
    cost_per_year: Costs = {}


class Period(Section):
    """Part of a plan: ticks every so often until a time since the plan's origin."""

    until: Value | None = None
    every: Value


class Plan(Section):
    """Times of visits or cycles, from an origin."""

    origin: str = "entry"
    """`entry`, `model`, or a named clock."""
    first: Value | None = None
    """Time of the first tick; default one interval after the origin."""
    periods: list[Period]
    max: Value | None = None
    """Largest number of ticks."""
