"""Treatments, drugs, regimens, sequences of lines, and strategies."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lmssim.model.language.schema.course import Effect, Limited, Schedule
from lmssim.model.language.schema.words import Costs, Expected, Section, Value


class TreatmentEffect(Section):
    """Effect of a treatment on the transitions of a name or risk."""

    risk: str
    effect: Value | Effect
    intention_to_treat: bool = False
    """It counts for all for whom the treatment is planned, from time zero, rather than from its start."""


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
    source_id: str = ""
    """Who says that these patients get this; shown beside it."""
    treatments: list[str | Planned] = []
    sequence: str | None = None
    """Sequence whose treatments it plans besides its own; default that of the settings."""
    mix: list[Component] = []
    set: dict[str, Value] = {}
    """Parameters with another value under this strategy."""
    plans: dict[str, str] = {}
    """Plans replaced by other plans (surveillance intensity)."""
