"""What the reference results are of: the scenarios, calibrations and series that `lmssim reproduce` computes."""

from __future__ import annotations

from graphlib import TopologicalSorter
from typing import Any

from pydantic import Field

from lmssim.bundled import calibration_names, find_calibration, results_folder
from lmssim.model.language.files import read_toml
from lmssim.model.language.messages import checked
from lmssim.model.language.schema.words import Section


class Power(Section):
    """A published series whose power is computed."""

    scenario: str
    series: str
    compared: dict[str, str]
    """Name of each comparison, and the rule on covariates that one of its two arms meets."""


class Sensitivity(Section):
    """What drives the decision of a scenario: a tornado diagram, a value-based price, a map, and global indices."""

    price: str
    """Cost whose value-based price is computed."""
    payer: str | None = None
    """Strategy that pays it; the best one if absent."""
    strategy: str | None = None
    """Strategy of the tornado diagram; the best one if absent."""
    two_way: dict[str, str]
    """Two parameters, and the levels of each."""
    block: str
    """Block that is drawn jointly, within which Shapley effects divide the variance."""
    parts: dict[str, str]
    """Name of each of its parts -> parameters or patterns, separated by commas."""


class TrialCase(Section):
    """A bundled design, with other values of some of its keys."""

    design: str
    case: str
    given: dict[str, Any] = Field(default_factory=dict)


class TrialEffects(Section):
    """A bundled design by the effect that is assumed."""

    design: str
    ratios: list[float]
    curves: dict[str, list[str]]
    """Name of each curve -> keys that are set to the logarithm of the hazard ratio."""


class TrialAssurance(Section):
    """A bundled design over the draws of its parameters, and its value."""

    design: str
    n: list[int]


class PrintedResult(Section):
    """A published result of a trial."""

    endpoint: str
    statistic: str
    value: float
    arm: str = ""
    at: float | None = None
    analysis: int = 1
    low: float | None = None
    high: float | None = None
    source: str


class TrialReplay(Section):
    """A bundled design whose result is replayed."""

    design: str
    printed: list[PrintedResult]


class Trials(Section):
    """What is computed of bundled designs of trials."""

    n_trials: int
    cases: list[TrialCase]
    effects: TrialEffects
    assurance: TrialAssurance
    replay: TrialReplay


class Reference(Section):
    """`results/reference.toml`."""

    scenarios: list[str]
    """Scenarios of the base cases and of the switches, in the order of the table."""
    strategies_of_switches: list[str]
    """Strategies that the tables of switches show."""
    simulation_based_calibration: str
    """Calibration whose method is tested on known parameters."""
    solved: dict[str, str]
    """Table of parameters that are solved so that labels of switches hold -> scenario in which they are."""
    power: Power
    sensitivity: dict[str, Sensitivity]
    """Scenario -> its sensitivity analyses."""
    agency: dict[str, str] = Field(default_factory=dict)
    """Scenario of which is told what agencies ask -> strategy that patients get today."""
    sweeps: dict[str, dict[str, Any]]
    """Name of each sweep -> what a file of a sweep holds."""
    trials: Trials


def reference() -> Reference:
    """What the reference results are of.

    Raises
    ------
    ScenarioError
        If the installation is incomplete, or the file is not as it must be.
    """
    path = results_folder() / "reference.toml"
    return checked(Reference, read_toml(path), path)


def calibrations_in_order() -> list[str]:
    """Every bundled calibration, each after those whose posteriors it takes."""
    names = calibration_names()
    before = {name: read_toml(find_calibration(name)).get("after", []) for name in names}
    return [name for name in TopologicalSorter(before).static_order() if name in names]
