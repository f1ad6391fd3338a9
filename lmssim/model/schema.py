"""The model language: what a scenario file may say, checked by pydantic, exported as a JSON schema.

A *value* is a number, a parameter's id, or an expression over parameters, covariates, attributes, clocks and age.
A *rule* is an expression that is true or false. Times are in years, costs in the scenario's currency and price year.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1

Value = float | str
Costs = dict[str, Value]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")]
"""Name under which results are filed: letters, digits, `_` and `-`."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name that becomes part of names in expressions: letters, digits and `_`."""
Flag = bool

FamilyName = Literal[
    "exponential",
    "weibull",
    "weibull_ph",
    "gompertz",
    "log_logistic",
    "log_normal",
    "gamma",
    "generalised_gamma",
    "piecewise_exponential",
    "fixed",
]
Expected = Literal["benefit", "harm", "unknown"]


class Section(BaseModel):
    """One table of a scenario file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


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
    """Name of the test: it addresses the luck. Default: plan and target."""


class Transition(Section):
    """A transition out of one or more dwelling states, racing with the others."""

    source: str | list[str] = Field(alias="from")
    to: str | None = None
    """Target; absent for a silent event, which only sets attributes."""
    name: str | None = None
    """Name of the decision, which addresses its luck. Default: the target."""
    risk: str | None = None
    """Name of a risk whose budget is shared and carried between states."""
    hazard: Hazard | None = None
    background: Background | None = None
    detection: Detection | None = None
    probability: Value | None = None
    """Of a model in cycles: probability that it happens in a cycle; staying takes the complement."""
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
    all_cause: bool = False
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
    """Duration of the utility loss of each tick."""
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
    probability: Value
    effects: Effects = {}
    when: str | None = None
    cost: Costs = {}
    utility_loss: Value | None = None
    years: Value | None = None
    """Duration of the utility loss; until death if absent."""
    stop_on_leaving: bool = False
    stack: bool = False
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


class TreatmentEffect(Section):
    """Effect of having received a treatment on the transitions of a name or risk."""

    risk: str
    effect: Value | Effect


class Vial(Section):
    """A pack in which a drug is sold: a vial, or a tablet."""

    size: float = Field(gt=0)
    """In the drug's unit."""
    price: Value
    """List price."""


class Drug(Section):
    """A drug: the vials in which it is sold, and what they cost."""

    label: str | None = None
    unit: str = "mg"
    vials: list[Vial] = Field(min_length=1)
    discount: Value = 0.0
    """Share off the list price."""
    band: float | None = Field(default=None, gt=0)
    """Doses are rounded to multiples of it if vials are used by band."""


class Given(Section):
    """A drug of a regimen."""

    drug: str
    dose: Value
    """Of one administration, in the drug's unit."""
    per: Literal["m2", "kg", "flat"]
    administrations: Value = 1.0
    """In a cycle."""


class Cap(Section):
    """Largest cumulative dose of a drug, per m2, kg or flat as its dose."""

    drug: str
    dose: Value


class Regimen(Section):
    """Drugs given in cycles: doses, cycles, and what a cycle costs beside the drugs."""

    label: str | None = None
    drugs: list[Given] = Field(min_length=1)
    cycle: Value
    """Length of a cycle (years)."""
    max_cycles: Value | None = None
    cap: Cap | None = None
    relative_dose_intensity: Value = 1.0
    """Share of the prescribed dose that is given."""
    delivery: Value = 0.0
    """Cost of giving a cycle."""
    premedication: Value = 0.0
    """Cost per cycle."""
    monitoring: Value = 0.0
    """Cost per cycle."""
    category: str | None = None
    """Cost category; default the first."""


class Treatment(Section):
    """A treatment given in a phase: eligibility, duration, effects, complications and costs."""

    phase: str | list[str]
    """Phase in which it may be given, or several: then it is planned in each by `phase.treatment`."""
    label: str | None = None
    eligible: str | None = None
    wait: Value | None = None
    """Years of waiting before it starts, in the same state of treatment."""
    duration: Value | None = None
    """Fixed duration; absent if it lasts until a transition out of the phase."""
    utility: Value | None = None
    cost: Costs = {}
    cost_per_year: Costs = {}
    schedule: list[Schedule] = []
    limited: list[Limited] = []
    events: list[str] = []
    effects: list[TreatmentEffect] = []
    set: dict[str, str | bool] = {}
    starts: list[str] = []
    regimen: str | None = None
    """Regimen whose cycles it gives, from its start."""
    cycles: Value | None = None
    """Largest number of cycles, in place of the regimen's."""
    stop: str | None = None
    """Flag: while it is set no cycle is given; each cycle is then an event, `cycle_of_TREATMENT`."""
    expected: Expected = "unknown"


class Planned(Section):
    """A treatment of a strategy or sequence, with the rule under which it is given."""

    treatment: str
    """Its name, or `phase.treatment`."""
    when: str | None = None
    """Read at time zero, or when the phase asks if the treatment is planned by phase."""


class Sequence(Section):
    """Treatments of successive phases, such as lines of therapy, that strategies share."""

    label: str | None = None
    treatments: list[str | Planned] = []


class Component(Section):
    """A share of patients of a mix, and what they get."""

    fraction: Value
    treatments: list[str]


class Strategy(Section):
    """What is given to whom, and what it sets."""

    label: str | None = None
    treatments: list[str | Planned] = []
    sequence: str | None = None
    """Sequence whose treatments it plans besides its own; default that of the settings."""
    mix: list[Component] = []
    set: dict[str, Value] = {}
    """Parameters with another value under this strategy."""
    plans: dict[str, str] = {}
    """Plans replaced by other plans (surveillance intensity)."""


class Endpoint(Section):
    """Time from an origin to the first of some events."""

    label: str | None = None
    events: list[str]
    """States entered, or marks."""
    competing: list[str] = []
    death: Literal["event", "competing", "censoring"] = "event"
    origin: str = "model"
    """`model` or a state whose first entry starts the clock."""
    kind: Literal["survival", "incidence"] = "survival"


class Covariate(Section):
    """A baseline characteristic: a distribution, or the column of a file."""

    kind: Literal["normal", "lognormal", "uniform", "binary", "categorical", "constant"]
    label: str | None = None
    unit: str = ""
    mean: Value | None = None
    sd: Value | None = None
    median: Value | None = None
    sdlog: Value | None = None
    low: Value | None = None
    high: Value | None = None
    probability: Value | None = None
    value: Value | None = None
    categories: list[str | float] = []
    probabilities: list[Value] = []


class Correlation(Section):
    """Correlation of two covariates' latent normals."""

    between: tuple[str, str]
    value: Value


class Stratum(Section):
    """Part of a mixed population: its share of the patients, and their own covariates."""

    share: Value
    """Shares add up to 1."""
    file: str | None = None
    """TOML file whose `[population]` gives what follows; what stands here goes before it."""
    label: str | None = None
    covariates: dict[str, Covariate] = {}
    correlations: list[Correlation] = []


class Population(Section):
    """Joint distribution of covariates, or rows of a file, or a mix of strata."""

    label: str | None = None
    covariates: dict[str, Covariate] = {}
    correlations: list[Correlation] = []
    rows: str | None = None
    """CSV with a column per covariate, and optionally `weight`."""
    age: str = "age"
    """Covariate that holds age at time zero, in years."""
    by: str | None = None
    """Covariate whose labels are the names of the strata."""
    strata: dict[str, Stratum] = {}
    """Populations that are mixed, in place of covariates."""


class Mortality(Section):
    """Background mortality table."""

    table: str
    measure: Literal["q", "m"] = "q"
    keys: dict[str, str] = {"sex": "sex"}
    """Key column of the table -> covariate."""


class Utilities(Section):
    """How utilities are read."""

    norms: str | None = None
    """CSV of population norms by age and sex; state utilities are then relative to it."""
    combine: Literal["multiplicative", "additive"] = "multiplicative"
    keys: dict[str, str] = {"sex": "sex"}


class Exclusion(Section):
    """Terminal care at death of a cause replaces other categories inside its window."""

    death: str
    """Absorbing state."""
    window: Value
    cost: Costs
    excludes: list[str]


class Settings(Section):
    """Conventions, all printed in every result."""

    model_config = ConfigDict(allow_inf_nan=False)

    horizon: float = Field(gt=0, le=200)
    discount_rate_costs: float = Field(default=0.035, ge=0, lt=1)
    discount_rate_effects: float = Field(default=0.035, ge=0, lt=1)
    discounting: Literal["continuous_annual", "continuous_rate"] = "continuous_annual"
    """`continuous_annual`: exp(-ln(1+r) t); `continuous_rate`: exp(-r t)."""
    currency: str = "GBP"
    price_year: str = ""
    perspective: str = ""
    wtp: list[Annotated[float, Field(ge=0)]] = [20_000.0, 30_000.0]
    times: list[Annotated[float, Field(gt=0)]] = [1.0, 2.0, 3.0, 5.0, 10.0]
    comparator: str | None = None
    sequence: str | None = None
    """Sequence of strategies that name none."""
    vial_use: Literal["whole", "shared", "banded"] = "whole"
    """How drugs are dispensed: whole vials, vials shared between patients, or doses rounded to bands."""
    cost_categories: list[str] = ["total"]


class SeriesRow(Section):
    """One figure of a published series, and how the model reads it."""

    target: str
    """Id of the figure in its source's table."""
    label: str
    statistic: Literal["proportion", "median_time", "cumulative_incidence", "km_survival", "km_median"]
    """`proportion`: share of patients with an event within follow-up. `median_time`: median time to it among those who
    have it. `cumulative_incidence`: share with an event by a time, death competing. `km_survival`: Kaplan-Meier share
    without an event by a time, censored at deaths that are not among the events. `km_median`: when that is a half."""
    events: list[str]
    """States entered, or marks."""
    strategy: str | None = None
    """In place of the series' strategy."""
    sequence: str | None = None
    """In place of the strategy's sequence."""
    by: float | None = Field(default=None, gt=0)
    """Only events up to this time (years since time zero, or since `since`)."""
    after: float | None = Field(default=None, gt=0)
    """Only patients still followed, alive and without the event at this time."""
    since: list[str] = []
    """Time and follow-up count from the first of these states and marks, of the lives that reach one without the event.
    """
    given: list[str] = []
    """Only patients who entered one of these states."""
    without: list[str] = []
    """Only patients who entered none of these states."""
    where: str | None = None
    """Only patients whose covariates obey this rule."""
    everybody: bool = False
    """Count also patients whom the series excludes."""
    observed: float | None = None
    """The published figure; or, in its place, `low` and `high`."""
    low: float | None = None
    """Least value, where a range or a bound alone is published: the model's own figure is to lie within."""
    high: float | None = None
    """Greatest value."""
    n: int = Field(default=0, ge=0)
    """Patients in the denominator; for `median_time`, those with the event. 0 if not stated: of a range alone."""
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
    """A published series reproduced: strategy, follow-up, and its figures beside the model's."""

    label: str
    source_id: str
    strategy: str
    follow_up: FollowUp
    exclude: list[str] = []
    """Patients with one of these events are not in the series."""
    where: str | None = None
    """Only patients whose covariates obey this rule."""
    rows: list[SeriesRow]


class Observed(Section):
    """One time that is known of a published patient."""

    label: str
    events: list[str]
    """States entered, or marks; the first of them is the event."""
    since: list[str] = []
    """Time counts from the first of these states and marks, of the lives that reach one; from time zero if absent."""
    time: Annotated[float, Field(gt=0)]
    """Years to the event."""
    at_least: bool = False
    """The patient was observed so long without the event."""
    target: str = ""
    """Id of the figure in its source's table."""


class Case(Section):
    """A published patient beside lives of the model that have the patient's covariates and treatment."""

    label: str
    source_id: str
    strategy: str
    sequence: str | None = None
    """In place of the strategy's sequence."""
    covariates: dict[str, float | str] = {}
    """What is known of the patient; other covariates are drawn from the population."""
    set: dict[str, float] = {}
    """Parameters held at other values for what is known of the treatment."""
    given: list[str] = []
    """Only lives that enter one of these states, or have one of these marks."""
    without: list[str] = []
    """Only lives that have none of these."""
    note: str = ""
    observed: list[Observed] = Field(min_length=1)


class Cycles(Section):
    """A model in cycles (classic Markov): transitions have probabilities, rewards fall by occupancy points."""

    length: Value
    """Years in a cycle: a number, or arithmetic such as "1/12"."""
    n: int | None = Field(default=None, ge=1)
    """Number of cycles; n x length must be the horizon."""
    correction: Literal[
        "start", "end", "life_table", "half_cycle", "none", "simpson", "simpson_any", "darth_simpson"
    ]
    """Weights of the occupancy points."""
    discount_at: Literal["point", "start", "middle", "end"] | None = None
    """Time to which rewards are discounted: of the occupancy point, or of the cycle's start, middle or end."""
    lump_sums: Literal["start", "middle", "end"] = "end"
    """Where in its cycle a lump sum (entry, transition, event) is discounted; whole in any case."""
    age: Literal["start", "end"] = "start"
    """Whether `age` is that at the start or at the end of the cycle."""


class Table(Section):
    """Lookup table, read in expressions as `name(key, ...)`."""

    by: list[str] = Field(min_length=1)
    """Keys in the order of the call's arguments: a covariate or attribute with labels, `strategy`, or any number."""
    file: str | None = None
    """CSV with a column per key and `value`."""
    rows: list[list[float | str]] = []
    """Instead of a file: each row its keys, then the value."""


class Curve(Section):
    """A survival curve from time zero: the share of patients whom it still holds."""

    hazard: Hazard
    """Family and parameters; the clock is `model` (`entry` means the same) or `age`."""
    effects: Effects = {}
    """Effects of covariates and of attributes set at the start."""


class PartitionedSurvival(Section):
    """A model declared by nested survival curves: a state holds who is under a curve and not under the one before."""

    states: list[str]
    """States from the first, under the innermost curve, to death, above the outermost: one more than there are curves.
    """
    curves: dict[Id, Curve]
    """Curves from the innermost to the outermost, such as progression-free and overall survival."""
    background: Literal["none", "floor"] = "none"
    """`floor`: the hazard of every curve is at least that of the mortality table, as each of them ends at death."""
    multiplier: Value = 1.0
    """Of the background hazard."""
    crossing: Literal["refuse", "cap"] = "refuse"
    """What happens where a curve lies above the one around it: an error, or it is capped and the time is reported."""


class Group(Section):
    """Parameters drawn jointly."""

    kind: Literal["dirichlet", "multivariate_normal", "posterior"]
    members: list[str]
    counts: list[float] = []
    mean: list[float] = []
    covariance: list[list[float]] = []
    file: str | None = None


class SwitchOption(Section):
    """One way in which a switch may stand; with neither `set` nor `change`, the model as it is."""

    label: str | None = None
    reason: str = ""
    """What speaks for it."""
    source_id: str = ""
    """Source of what it sets; if absent, that of the one parameter named."""
    locator: str = ""
    set: dict[str, Value] = {}
    """Parameter -> number or expression of parameters."""
    change: dict[str, Any] = {}
    """Tables merged into the file, as those of a file that includes it."""


class Switch(Section):
    """A choice between options, of which one holds."""

    label: str | None = None
    default: str
    """Option of the base case."""
    options: dict[Id, SwitchOption]


class ScenarioFile(Section):
    """A scenario file after its includes are merged."""

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)]
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Short name, of letters, digits, `_`, `.` and `-`: results are filed under it."""
    title: str
    description: str = ""
    include: list[str] = []
    parameters: list[str] = []
    """The scenario's own tables: every row must be used."""
    shared_parameters: list[str] = []
    """Tables shared between scenarios."""
    parameters_by: dict[str, dict[str, list[str]]] = {}
    """Covariate with labels -> label -> tables whose rows hold for patients of that label."""
    settings: Settings
    population: Population
    attributes: dict[str, list[str] | Literal["flag"]] = {}
    clocks: dict[str, Literal["latest", "first"]] = {}
    states: dict[str, State]
    transitions: list[Transition] = []
    events: dict[str, Event] = {}
    lasting: dict[str, Lasting] = {}
    plans: dict[str, Plan] = {}
    drugs: dict[Name, Drug] = {}
    regimens: dict[Name, Regimen] = {}
    treatments: dict[str, Treatment] = {}
    sequences: dict[Id, Sequence] = {}
    strategies: dict[Id, Strategy]
    endpoints: dict[Id, Endpoint] = {}
    mortality: Mortality | None = None
    utilities: Utilities = Utilities()
    terminal: list[Exclusion] = []
    groups: dict[str, Group] = {}
    series: dict[str, Series] = {}
    cases: dict[Id, Case] = {}
    """Published patients."""
    tables: dict[str, Table] = {}
    """Lookup tables by name."""
    expressions: dict[str, Value] = {}
    """Named expressions: wherever the name is read, the expression stands."""
    switches: dict[Id, Switch] = {}
    """Named alternatives, such as where evidence conflicts."""
    cycles: Cycles | None = None
    """Present in a model in cycles."""
    partitioned_survival: PartitionedSurvival | None = None
    """Nested survival curves in place of transitions."""
