"""Effects that a scenario declares, and others in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmssim.model.edits.rewriting import times, with_file
from lmssim.model.language.flat import flag_of, planned, received
from lmssim.model.language.schema import (
    Branch,
    Effect,
    Endpoint,
    State,
)

if TYPE_CHECKING:
    from lmssim.model.scenario import Scenario


MARK = "transition {}"
"""Mark of a transition, by its place in the file."""
TAKEN = "{}, branch {}"
"""State through which a branch is made to lead."""


@dataclass(frozen=True)
class DeclaredEffect:
    """An effect whose direction the model declares."""

    holder: str
    """transition, treatment, event or branch."""
    index: int | str
    key: str
    """What it depends on: an attribute, a covariate, or an expression of covariates."""
    value: Any
    expected: str
    name: str
    """What it acts on: a transition's name, an event, or the state through which a marked branch leads."""
    where: str


def declared_effects(scenario: Scenario) -> list[DeclaredEffect]:
    """Effects declared a benefit or a harm, of transitions, of treatments on risks, of events and of branches."""
    found: list[DeclaredEffect] = []
    for i, t in enumerate(scenario.file.transitions):
        if t.detection is None:
            name = t.name or t.to or str(t.mark)
            found += _declared(t.effects, "transition", i, name, f"transition {name}")
    for name, treatment in scenario.file.treatments.items():
        for k, item in enumerate(treatment.effects):
            place = f"treatment {name}, effect on {item.risk}"
            keyed = {flag_of(scenario.file, name, item, place): item.effect}
            found += _declared(keyed, "treatment", f"{name}/{k}", item.risk, place)
    for name, event in scenario.file.events.items():
        found += _declared(event.effects, "event", name, name, f"event {name}")
    for name, state in scenario.file.states.items():
        for i, branch in enumerate(state.branches):
            place = f"state {name}, branch {i + 1} to {branch.to}"
            found += _declared(branch.effects, "branch", f"{name}/{i}", TAKEN.format(name, i + 1), place)
    return found


def _declared(effects: Any, holder: str, index: int | str, name: str, where: str) -> list[DeclaredEffect]:
    return [
        DeclaredEffect(holder, index, key, effect.value, effect.expected, name, f"{where}, {key}")
        for key, effect in effects.items()
        if isinstance(effect, Effect) and effect.expected != "unknown"
    ]


def scaled_effect(scenario: Scenario, effect: DeclaredEffect, factor: float) -> Scenario:
    """One declared effect times a factor."""
    file = scenario.file
    if effect.holder == "event":
        event = file.events[str(effect.index)]
        changed = event.model_copy(update={"effects": _scaled(event.effects, effect.key, factor)})
        return with_file(scenario, events={**file.events, str(effect.index): changed})
    if effect.holder == "transition":
        transitions = list(file.transitions)
        i = int(effect.index)
        transitions[i] = transitions[i].model_copy(
            update={"effects": _scaled(transitions[i].effects, effect.key, factor)}
        )
        return with_file(scenario, transitions=transitions)
    name, _, k = str(effect.index).partition("/")
    if effect.holder == "branch":
        changed_effects = _scaled(file.states[name].branches[int(k)].effects, effect.key, factor)
        return _with_branch(scenario, name, int(k), effects=changed_effects)
    treatment = file.treatments[name]
    items = list(treatment.effects)
    items[int(k)] = items[int(k)].model_copy(update={"effect": _scaled({"": items[int(k)].effect}, "", factor)[""]})
    return with_file(scenario, treatments={**file.treatments, name: treatment.model_copy(update={"effects": items})})


def _scaled(effects: Any, key: str, factor: float) -> Any:
    effect = effects[key]
    value = times(effect.value if isinstance(effect, Effect) else effect, factor)
    scaled = effect.model_copy(update={"value": value}) if isinstance(effect, Effect) else value
    return {**effects, key: scaled}


def treatment_effects(scenario: Scenario, treatment: str, factor: float) -> Scenario:
    """Effects of a treatment on transitions times a factor, whether they count from its plan or its start."""
    transitions = list(scenario.file.transitions)
    for key in (planned(treatment), received(treatment)):
        transitions = [
            t.model_copy(update={"effects": _scaled(t.effects, key, factor)}) if key in t.effects else t
            for t in transitions
        ]
    spec = scenario.file.treatments[treatment]
    items = [e.model_copy(update={"effect": _scaled({"": e.effect}, "", factor)[""]}) for e in spec.effects]
    treatments = {**scenario.file.treatments, treatment: spec.model_copy(update={"effects": items})}
    return with_file(scenario, transitions=transitions, treatments=treatments)


def _with_branch(scenario: Scenario, state: str, i: int, **update: Any) -> Scenario:
    states = scenario.file.states
    branches = list(states[state].branches)
    branches[i] = branches[i].model_copy(update=update)
    return with_file(scenario, states={**states, state: states[state].model_copy(update={"branches": branches})})


def watched(scenario: Scenario) -> Scenario:
    """Histories record every transition, and every branch with a declared effect.

    Such a branch leads through a state of its own. Endpoints and series are dropped, as marks are theirs.
    """
    transitions = [t.model_copy(update={"mark": MARK.format(i)}) for i, t in enumerate(scenario.file.transitions)]
    changed, taken = with_file(scenario, transitions=transitions, endpoints={}, series={}, cases={}), []
    for effect in declared_effects(scenario):
        if effect.holder == "branch" and effect.name not in taken:
            changed = _led_through(changed, effect)
            taken.append(effect.name)
    recorded = {"taken": Endpoint(events=taken, kind="incidence")} if taken else {}
    return with_file(changed, endpoints=recorded)


def _led_through(scenario: Scenario, effect: DeclaredEffect) -> Scenario:
    state, _, k = str(effect.index).partition("/")
    through = State(kind="chance", branches=[Branch(to=scenario.file.states[state].branches[int(k)].to)])
    changed = _with_branch(scenario, state, int(k), to=effect.name)
    return with_file(changed, states={**changed.file.states, effect.name: through})


def marks_of(scenario: Scenario, risk: str) -> list[str]:
    """Marks by which `watched` records the transitions that use a risk."""
    return [MARK.format(i) for i, t in enumerate(scenario.file.transitions) if risk in (t.risk, t.name, t.to, t.mark)]
