"""A simulated trial as checked objects; every time is in the unit of its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lmssim.studies.trials.design.keys import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmssim.studies.trials.design.valuation import Valuation
    from lmssim.trials.sequential.design import GroupSequentialDesign
    from lmssim.trials.survival.accrual import Accrual
    from lmssim.trials.survival.hazards import Hazard


@dataclass(frozen=True)
class Ratio:
    """A hazard ratio on a transition, from a delay on; with a prior if one is given."""

    transition: str
    value: float
    delay: float = 0.0
    log_mean: float = 0.0
    """Mean of the log hazard ratio, a priori, if `log_sd` is above 0."""
    log_sd: float = 0.0
    """Its standard deviation; 0 if it is known."""


@dataclass(frozen=True)
class Arm:
    """An arm: a strategy of a scenario, or hazards."""

    label: str
    strategy: str = ""
    set: Mapping[str, float | str] = field(default_factory=dict)
    ratios: tuple[Ratio, ...] = ()
    hazards: Mapping[str, Hazard] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialEndpoint:
    """What ends the time to an event; one of the scenario's own if `events` is None."""

    label: str
    events: tuple[str, ...] | None = None
    competing: tuple[str, ...] = ()
    death: str = "event"


@dataclass(frozen=True)
class Analysis:
    """When an analysis is made; what is not given has no say."""

    events: int | None = None
    patients: int | None = None
    calendar: float | None = None
    follow_up: float | None = None
    combine: str = "all"
    latest: float | None = None


@dataclass(frozen=True)
class Rule:
    """When a trial stops, and what it then says."""

    name: str
    efficacy: tuple[float, ...]
    futility: tuple[float, ...]
    hazard_ratio_above: float | None = None


@dataclass(frozen=True)
class Crossover:
    """Who changes to the other arm's course at an event, or lives longer in his own."""

    arm: int
    at: str
    share: float
    time_ratio: float | None = None
    """By which the time from the event to everything after it is multiplied; None for the other arm's course."""


@dataclass(frozen=True)
class Assessment:
    """Times at which events other than death are seen."""

    every: tuple[float, ...]
    until: tuple[float, ...]
    """Of all intervals but the last."""


@dataclass(frozen=True, kw_only=True)
class TrialDesign:
    """What a file says of a trial.

    Attributes
    ----------
    path : Path
        The file.
    settings : dict
        The file as read, with what was set from outside.
    arms : tuple of Arm
        Control, experimental.
    accrual : Accrual
        Course of accrual, for `patients` patients.
    sequential : GroupSequentialDesign
        Bounds on Z, positive where the experimental arm does better.
    """

    path: Path
    settings: dict[str, Any]
    title: str
    description: str
    time_unit: str
    scenario: str
    set: Mapping[str, float]
    eligible: str
    origin: str
    arms: tuple[Arm, Arm]
    endpoints: Mapping[str, TrialEndpoint]
    primary: str
    test: str
    options: Mapping[str, Any]
    margin: float
    planned_ratio: float | None
    milestones: tuple[float, float]
    strata: tuple[str, ...]
    accrual: Accrual
    patients: int
    random_entry: bool
    allocation: tuple[int, int]
    check_at: float | None
    check_below: float
    dropout: Hazard | None
    assessment: Assessment | None
    crossover: Crossover | None
    analyses: tuple[Analysis, ...]
    sequential: GroupSequentialDesign
    rules: tuple[Rule, ...]
    facts: tuple[Mapping[str, str], ...] = ()
    value: Valuation | None = None

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.stem

    @property
    def years(self) -> float:
        """Years of the unit of time."""
        return UNITS[self.time_unit]

    @property
    def competes(self) -> bool:
        """Whether the primary endpoint has competing events."""
        spec = self.endpoints[self.primary]
        return spec.death == "competing" or bool(spec.competing)

    @property
    def events_for_ratio(self) -> float:
        """Information on the log hazard ratio of one event: r / (1 + r)^2 for r experimental patients to a control."""
        control, experimental = self.allocation
        return control * experimental / (control + experimental) ** 2
