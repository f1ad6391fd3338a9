"""The model language: what a scenario file may say, checked by pydantic, exported as a JSON schema.

A *value* is a number, a parameter's id, or an expression over parameters, covariates, attributes, clocks and age.
A *rule* is an expression that is true or false. Times are in years, costs in the scenario's currency and price year.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lmssim.model.language.schema.analyses import Analysis
from lmssim.model.language.schema.cohorts import Curve, Cycles, PartitionedSurvival
from lmssim.model.language.schema.course import (
    Background,
    Branch,
    Detection,
    Effect,
    Effects,
    Event,
    Hazard,
    Lasting,
    Limited,
    Period,
    Plan,
    Schedule,
    State,
    Transition,
)
from lmssim.model.language.schema.people import Correlation, Covariate, Mortality, Population, Stratum, Utilities
from lmssim.model.language.schema.readings import Case, Endpoint, FollowUp, Observed, Series, SeriesRow
from lmssim.model.language.schema.settings import Exclusion, Group, Outcome, Settings, Table
from lmssim.model.language.schema.switches import Claim, ClaimedOutcome, ModelClaim, Solve, Switch, SwitchOption
from lmssim.model.language.schema.treatments import (
    Cap,
    Component,
    Drug,
    Given,
    Planned,
    Regimen,
    Sequence,
    Strategy,
    Treatment,
    TreatmentEffect,
    Vial,
)
from lmssim.model.language.schema.words import Costs, Expected, FamilyName, Id, Name, Section, Value

__all__ = [
    "SCHEMA_VERSION",
    "Analysis",
    "Background",
    "Branch",
    "Cap",
    "Case",
    "Claim",
    "ClaimedOutcome",
    "Component",
    "Correlation",
    "Costs",
    "Covariate",
    "Curve",
    "Cycles",
    "Detection",
    "Drug",
    "Effect",
    "Effects",
    "Endpoint",
    "Event",
    "Exclusion",
    "Expected",
    "FamilyName",
    "FollowUp",
    "Given",
    "Group",
    "Hazard",
    "Id",
    "Lasting",
    "Limited",
    "ModelClaim",
    "Mortality",
    "Name",
    "Observed",
    "Outcome",
    "PartitionedSurvival",
    "Period",
    "Plan",
    "Planned",
    "Population",
    "Regimen",
    "ScenarioFile",
    "Schedule",
    "Section",
    "Sequence",
    "Series",
    "SeriesRow",
    "Settings",
    "Solve",
    "State",
    "Strategy",
    "Stratum",
    "Switch",
    "SwitchOption",
    "Table",
    "Transition",
    "Treatment",
    "TreatmentEffect",
    "Utilities",
    "Value",
    "Vial",
]

SCHEMA_VERSION = 2
"""Version of the language. Since 2, `years` must stand beside every `utility_loss` of an event or tick."""


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
    outcomes: dict[Id, Outcome] = {}
    """Further sums."""
    mortality: Mortality | None = None
    utilities: Utilities = Utilities()
    terminal: list[Exclusion] = []
    groups: dict[str, Group] = {}
    new_setting: dict[str, dict[str, Value]] = {}
    """Column of a posterior with a between-study standard deviation -> parameter -> change of its logarithm by a unit
    of the log hazard: what `lmssim psa --new-setting` adds."""
    series: dict[str, Series] = {}
    cases: dict[Id, Case] = {}
    """Published patients."""
    tables: dict[str, Table] = {}
    """Lookup tables by name."""
    expressions: dict[str, Value] = {}
    """Named expressions: wherever the name is read, the expression stands."""
    switches: dict[Id, Switch] = {}
    """Named alternatives, such as where evidence conflicts."""
    analyses: dict[Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}$")], Analysis] = {}
    """Scenario analyses by number, which `lmssim scenarios` runs."""
    claims: dict[Id, ModelClaim] = {}
    """What the scenario claims of its outcomes, which `verify` holds the model to."""
    cycles: Cycles | None = None
    """Present in a model in cycles."""
    partitioned_survival: PartitionedSurvival | None = None
    """Nested survival curves in place of transitions."""
