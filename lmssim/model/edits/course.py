"""Other deaths, transitions and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.errors import NotApplicableError
from lmssim.model.edits.rewriting import with_file
from lmssim.model.language.flat import flatten
from lmssim.model.language.schema import (
    Hazard,
    Transition,
)

if TYPE_CHECKING:
    from lmssim.model.language.schema import State
    from lmssim.model.scenario import Scenario


def deaths_of(scenario: Scenario) -> list[str]:
    """Absorbing states that are deaths."""
    return [name for name, state in scenario.file.states.items() if state.death is not None]


def no_deaths(scenario: Scenario, keep_background: bool = False) -> Scenario:
    """Every hazard of death 0; with `keep_background`, only what the life table causes is left."""
    deaths = deaths_of(scenario)
    flat = flatten(scenario.file, str(scenario.path))
    for name, state in flat.states.items():
        if state.next in deaths or any(branch.to in deaths for branch in state.branches):
            raise NotApplicableError(f"state '{name}' leads to death by a fixed path or a branch, not by a hazard")
    transitions = [_stilled(t, keep_background) if t.to in deaths else t for t in scenario.file.transitions]
    return with_file(_no_deadly_events(scenario), transitions=transitions)


def _no_deadly_events(scenario: Scenario) -> Scenario:
    harmless = {"death": None, "death_state": None}
    return with_file(
        scenario, events={name: event.model_copy(update=harmless) for name, event in scenario.file.events.items()}
    )


def _stilled(transition: Transition, keep_background: bool = False) -> Transition:
    """Transition that never happens; its risk, clock and random numbers stay its own."""
    if transition.probability is not None or transition.rate is not None:
        return transition.model_copy(update={"probability": 0.0, "rate": None, "effects": {}})
    if transition.background is not None:
        if keep_background:
            return transition
        return transition.model_copy(update={"background": transition.background.model_copy(update={"multiplier": 0})})
    if transition.detection is not None:
        return transition.model_copy(
            update={"detection": transition.detection.model_copy(update={"sensitivity": 0}), "effects": {}}
        )
    return transition.model_copy(update={"hazard": _never(transition.hazard), "effects": {}})


def _never(hazard: Hazard | None) -> Hazard:
    clock = {} if hazard is None else {"clock": hazard.clock, "default_origin": hazard.default_origin}
    return Hazard.model_validate({"family": "exponential", "rate": 0.0, **clock})


def extreme_mortality(scenario: Scenario, rate: float) -> Scenario:
    """A further hazard of death, per year, in every state of stay."""
    deaths = deaths_of(scenario)
    if not deaths:
        raise NotApplicableError("no state is a death")
    flat = flatten(scenario.file, str(scenario.path))
    dwelling = [name for name, state in flat.states.items() if state.kind == "dwelling"]
    in_cycles, others = scenario.file.cycles is not None, scenario.file.transitions
    how = {"rate": rate} if in_cycles else {"hazard": {"family": "exponential", "rate": rate}}
    death = Transition.model_validate({"from": dwelling, "to": deaths[0], "name": "extreme mortality", **how})
    return with_file(scenario, transitions=[*(_stilled(t) if in_cycles else t for t in others), death])


def standstill(scenario: Scenario) -> Scenario:
    """Nothing happens to anybody: all hazards, detections, durations and complications are off."""
    lasting, file = {"duration": None, "wait": None}, scenario.file
    endless = with_file(
        no_events(scenario),
        states={n: _endless(s) for n, s in file.states.items()},
        treatments={n: t.model_copy(update=lasting) for n, t in file.treatments.items()},
    )
    quiet = extreme_mortality(endless, 0.0)
    return with_file(quiet, transitions=[_stilled(t) for t in quiet.file.transitions])


def _endless(state: State) -> State:
    """A state without a fixed stay; a phase keeps the state that follows its treatments."""
    return state if state.kind == "phase" else state.model_copy(update={"duration": None, "next": None})


def event_probability(scenario: Scenario, event: str, probability: float) -> Scenario:
    """An event of another probability, the same for everybody."""
    update = {"probability": probability, "effects": {}}
    changed = scenario.file.events[event].model_copy(update=update)
    return with_file(scenario, events={**scenario.file.events, event: changed})


def all_events(scenario: Scenario, probability: float) -> Scenario:
    """Every event of the same probability."""
    for event in scenario.file.events:
        scenario = event_probability(scenario, event, probability)
    return scenario


def no_events(scenario: Scenario) -> Scenario:
    """No event ever happens."""
    return all_events(scenario, 0.0)


def no_consequences(scenario: Scenario) -> Scenario:
    """Events happen as before and mean nothing."""
    nothing: dict[str, Any] = dict.fromkeys(("utility_loss", "years", "death", "death_state"))
    nothing |= {"cost": {}, "set": {}}
    return with_file(
        scenario, events={name: event.model_copy(update=nothing) for name, event in scenario.file.events.items()}
    )
