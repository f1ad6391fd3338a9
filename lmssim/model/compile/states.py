"""Compile states, their branches, and the events that may happen in them.

The order of a state's transitions is the order in which simultaneous ones win: deaths, then the file's order, then
visits, then the fixed end of the stay.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError
from lmssim.kernels.layout import (
    ABSORBING,
    CHANCE,
    DWELLING,
)
from lmssim.model.compile.transitions import compile_tick_event, compile_transition
from lmssim.model.language.schema import Transition

if TYPE_CHECKING:
    from lmssim.model.compile.draft import Draft

KINDS = {"dwelling": DWELLING, "chance": CHANCE, "absorbing": ABSORBING}
MAX_TRANSITIONS = 62


def compile_events(d: Draft) -> None:
    """Events: their probability, effects, what they set, and whether they kill."""
    d.out["effect_step_start"].append(0)
    for name, event in d.file.events.items():
        where = f"{d.where}: events.{name}"
        d.out["event_ref"].append(d.names.ref(event.probability, f"{where}.probability", "probability"))
        care, want, rule = d.names.rule(event.when, f"{where}.when")
        clear, mark = d.names.masks(event.set, f"{where}.set")
        d.out["event_care"].append(care)
        d.out["event_want"].append(want)
        d.out["event_rule"].append(rule)
        d.out["event_clear"].append(clear)
        d.out["event_set"].append(mark)
        d.out["event_decision"].append(d.decision(f"event {name}"))
        d.out["event_death_ref"].append(d.names.ref(event.death, f"{where}.death", "probability"))
        d.out["event_death_decision"].append(d.decision(f"event {name} death"))
        if (event.death is None) != (event.death_state is None):
            raise ScenarioError(f"{where}: `death` and `death_state` go together.")
        target = -1 if event.death_state is None else d.state(event.death_state, f"{where}.death_state")
        d.out["event_death_state"].append(target)
        d.out["event_effect_start"].append(len(d.out["effect_ref"]))
        d.effects(event.effects, "logit", where)
        d.out["event_effect_end"].append(len(d.out["effect_ref"]))


def compile_states(d: Draft) -> None:
    """States in order, each with its transitions and branches."""
    by_source: dict[str, list[Transition]] = defaultdict(list)
    for source, transition in d.flat.transitions:
        by_source[source].append(transition)
    for number, (name, state) in enumerate(d.flat.states.items()):
        where = f"{d.where}: states.{name}"
        d.out["state_kind"].append(KINDS[state.kind])
        clear, mark = d.names.masks(state.set, f"{where}.set")
        d.out["enter_clear"].append(clear)
        d.out["enter_set"].append(mark)
        d.out["chance_decision"].append(d.decision(f"chance {name}") if state.kind == "chance" else -1)
        if state.kind == "absorbing" and state.events:
            raise ScenarioError(
                f"{where}.events: '{state.events[0]}' cannot happen where lives end; give it to a state before."
            )
        for column, names, known, kind in (
            ("entry_clock", state.starts, list(d.flat.clocks), "clock"),
            ("entry_event", state.events, d.marks, "event"),
        ):
            d.open(f"{column}_start")
            d.out[column] += [d.index(kind, n, known, f"{where}") for n in names]
            d.out[f"{column}_start"].append(len(d.out[column]))
        d.open("transition_first")
        for transition in sorted(by_source[name], key=lambda t: _priority(d, t)):
            compile_transition(d, name, transition)
        for schedule in state.schedule:
            if schedule.event is not None:
                compile_tick_event(d, name, schedule.event, schedule.at, f"{where}.schedule")
        if state.duration is not None:
            end = Transition.model_validate(
                {
                    "from": name,
                    "to": state.next,
                    "name": f"end of {name}",
                    "hazard": {"family": "fixed", "delay": state.duration},
                }
            )
            compile_transition(d, name, end)
        d.out["transition_first"].append(len(d.transitions))
        if len(d.transitions) - d.out["transition_first"][number] > MAX_TRANSITIONS:
            raise UnsupportedError(f"{where}: more than {MAX_TRANSITIONS} transitions out of one state.")
        if state.kind == "dwelling" and not by_source[name] and state.duration is None:
            raise ScenarioError(f"{where}: nothing leads out of it; make it absorbing or give it a transition.")
        _branches(d, name)


def _priority(d: Draft, transition: Transition) -> int:
    if transition.to is not None and d.flat.states[transition.to].death is not None:
        return 0
    return 2 if transition.detection is not None else 1


def _branches(d: Draft, name: str) -> None:
    d.open("branch_start")
    branches = d.flat.states[name].branches
    constant = 0.0
    for i, branch in enumerate(branches):
        where = f"{d.where}: states.{name}.branches[{i + 1}]"
        d.out["branch_to"].append(d.state(branch.to, f"{where}.to"))
        p = None if branch.p == "rest" else branch.p
        if branch.p == "rest" and i < len(branches) - 1:
            raise ScenarioError(f"{where}: p = 'rest' must be the last branch.")
        d.out["branch_ref"].append(d.names.ref(p, f"{where}.p", "probability"))
        if isinstance(branch.p, (int, float)):
            constant += branch.p
        care, want, rule = d.names.rule(branch.when, f"{where}.when")
        clear, mark = d.names.masks(branch.set, f"{where}.set")
        for column, value in zip(
            ("branch_care", "branch_want", "branch_rule", "branch_clear", "branch_set"),
            (care, want, rule, clear, mark),
            strict=True,
        ):
            d.out[column].append(value)
        d.out["branch_effect_start"].append(len(d.out["effect_ref"]))
        d.effects(branch.effects, "logit", where)
        d.out["branch_effect_end"].append(len(d.out["effect_ref"]))
    if constant > 1.0 + 1e-9:
        raise ScenarioError(f"{d.where}: states.{name}.branches: probabilities add up to {constant:g}, over 1.")
    d.out["branch_start"].append(len(d.out["branch_to"]))
