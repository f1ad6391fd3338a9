"""Other costs and utilities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lmssim.model.edits.rewriting import COSTS, rewrite, rewritten, times, with_file

if TYPE_CHECKING:
    from lmssim.model.language.schema import (
        State,
        Treatment,
    )
    from lmssim.model.scenario import Scenario


def costs(scenario: Scenario, factor: float, category: str = "") -> Scenario:
    """All costs, or those of one category, times a factor."""

    def rule(name: str, value: Any) -> Any:
        if name not in COSTS:
            return value
        return {c: times(v, factor) if category in ("", c) else v for c, v in value.items()}

    return rewrite(scenario, rule)


def only_costs_per_year(scenario: Scenario) -> Scenario:
    """No costs but those per year in a state."""
    bare = with_file(costs(scenario, 0.0), lasting={}, terminal=[])
    states = {
        name: state.model_copy(update={"cost_per_year": scenario.file.states[name].cost_per_year, "limited": []})
        for name, state in bare.file.states.items()
    }
    treatments = {
        name: t.model_copy(update={"cost_per_year": scenario.file.treatments[name].cost_per_year, "limited": []})
        for name, t in bare.file.treatments.items()
    }
    return with_file(bare, states=states, treatments=treatments)


def treatment_costs(scenario: Scenario, treatment: str, factor: float) -> Scenario:
    """Costs of giving a treatment times a factor, those of the events that are its alone among them."""

    def rule(name: str, value: Any) -> Any:
        return {c: times(v, factor) for c, v in value.items()} if name in COSTS else value

    file = scenario.file
    changed: Treatment = rewritten(file.treatments[treatment], rule)
    events = {name: rewritten(file.events[name], rule) for name in own_events(scenario, treatment)}
    return with_file(scenario, treatments={**file.treatments, treatment: changed}, events={**file.events, **events})


def no_treatment_costs(scenario: Scenario) -> Scenario:
    """Treatments are given for nothing."""
    for treatment in scenario.file.treatments:
        scenario = treatment_costs(scenario, treatment, 0.0)
    return scenario


def own_events(scenario: Scenario, treatment: str) -> list[str]:
    """Events that happen to those who are given a treatment, and to nobody else: its cycles, for instance."""
    file = scenario.file
    others: list[State | Treatment] = list(file.states.values())
    others += [section for name, section in file.treatments.items() if name != treatment]
    elsewhere = {event for section in others for event in _events_of(section)}
    return [event for event in dict.fromkeys(_events_of(file.treatments[treatment])) if event not in elsewhere]


def _events_of(section: State | Treatment) -> list[str]:
    return [*section.events, *(tick.event for tick in section.schedule if tick.event)]


def no_terminal_care(scenario: Scenario) -> Scenario:
    """No cost at death that stands for others."""
    return with_file(scenario, terminal=[])


def utilities(scenario: Scenario, value: float) -> Scenario:
    """The same utility in every state of stay, and nothing that takes away from it."""
    bare = no_losses(scenario)
    states = {
        name: state.model_copy(update={"utility": value}) if state.kind in ("dwelling", "phase") else state
        for name, state in bare.file.states.items()
    }
    treatments = {name: t.model_copy(update={"utility": value}) for name, t in bare.file.treatments.items()}
    return with_file(bare, states=states, treatments=treatments)


def no_losses(scenario: Scenario) -> Scenario:
    """No loss of utility by events, ticks, limited spells, entries and what lasts."""
    gone = ("utility_loss", "entry_utility", "qalys")
    return rewrite(scenario, lambda name, value: None if name in gone else value)


def no_norms(scenario: Scenario) -> Scenario:
    """Utilities that are not relative to a norm."""
    unnormed = scenario.file.utilities.model_copy(update={"norms": None})
    return replace(with_file(scenario, utilities=unnormed), norms=None)


def scaled_utilities(scenario: Scenario, factor: float, only: str = "") -> Scenario:
    """Utilities of all states and treatments, or of one, times a factor."""

    def scaled(name: str, section: State | Treatment) -> Any:
        if section.utility is None or only not in ("", name):
            return section
        return section.model_copy(update={"utility": times(section.utility, factor)})

    return with_file(
        scenario,
        states={name: scaled(name, state) for name, state in scenario.file.states.items()},
        treatments={name: scaled(name, t) for name, t in scenario.file.treatments.items()},
    )
