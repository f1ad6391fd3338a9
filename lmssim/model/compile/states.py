"""Compile states, their branches, and the events that may happen in them.

The order of a state's transitions is the order in which simultaneous ones win: deaths, then the file's order, then
visits, then the fixed end of the stay.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError
from lmssim.kernels.layout import ABSORBING, CHANCE, DWELLING, NONE
from lmssim.model.compile.effects import compile_effects
from lmssim.model.compile.rest import refuse_two_rests, rest_of, takes_rest
from lmssim.model.compile.strategies import added
from lmssim.model.compile.transitions import Source, compile_tick_event, compile_transition
from lmssim.model.language.schema import Transition
from lmssim.model.program import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Branch, Event, State

KINDS = {"dwelling": DWELLING, "chance": CHANCE, "absorbing": ABSORBING}
MAX_TRANSITIONS = 62


def compile_events(d: Draft) -> tuple[rows.Event, ...]:
    """Events: their probability, effects, what they set, and whether they kill."""
    return tuple(_event(d, number, name, event) for number, (name, event) in enumerate(d.file.events.items()))


def _event(d: Draft, number: int, name: str, event: Event) -> rows.Event:
    where = f"{d.where}: events.{name}"
    ref = d.code.ref(event.probability, f"{where}.probability", "probability")
    guard, change = d.code.rule(event.when, f"{where}.when"), d.names.change(event.set, f"{where}.set")
    decision = d.decision(f"event {name}")
    death_ref = d.code.ref(event.death, f"{where}.death", "probability")
    death_decision = d.decision(f"event {name} death")
    if (event.death is None) != (event.death_state is None):
        raise ScenarioError(f"{where}: `death` and `death_state` go together.")
    return rows.Event(
        number=number,
        ref=ref,
        guard=guard,
        change=change,
        decision=decision,
        death_ref=death_ref,
        death_decision=death_decision,
        death_state=-1 if event.death_state is None else d.state(event.death_state, f"{where}.death_state"),
        effects=compile_effects(d, event.effects, "logit", where),
    )


def compile_states(d: Draft, events: Sequence[rows.Event]) -> tuple[rows.State, ...]:
    """States in order, each with its transitions and branches."""
    by_source: dict[str, list[Transition]] = defaultdict(list)
    for source, transition in d.flat.transitions:
        by_source[source].append(transition)
    states: list[rows.State] = []
    n_branches = 0
    for name in d.flat.states:
        states.append(_state(d, name, by_source[name], events, n_branches))
        n_branches += len(states[-1].branches)
    return tuple(states)


def _state(
    d: Draft, name: str, transitions: Sequence[Transition], events: Sequence[rows.Event], n_branches: int
) -> rows.State:
    """A state; `n_branches` are those of the states before it."""
    state, where = d.flat.states[name], f"{d.where}: states.{name}"
    change = d.names.change(state.set, f"{where}.set")
    decision = d.decision(f"chance {name}") if state.kind == "chance" else -1
    if state.kind == "absorbing" and state.events:
        raise ScenarioError(
            f"{where}.events: '{state.events[0]}' cannot happen where lives end; give it to a state before."
        )
    clocks = tuple(d.index("clock", clock, list(d.flat.clocks), where) for clock in state.starts)
    on_entry = tuple(events[d.index("event", event, list(d.file.events), where)] for event in state.events)
    source = Source(d, name, d.states.index(name), events)
    _leave(source, state, sorted(transitions, key=lambda t: _priority(d, t)), where)
    if state.kind == "dwelling" and not transitions and state.duration is None:
        raise ScenarioError(f"{where}: nothing leads out of it; make it absorbing or give it a transition.")
    pays = bool(state.entry_cost) or state.entry_utility is not None
    return rows.State(
        number=source.number,
        name=name,
        kind=KINDS[state.kind],
        change=change,
        decision=decision,
        recorded=state.kind != "chance" or pays or bool(clocks),
        clocks=clocks,
        events=on_entry,
        transitions=tuple(source.transitions),
        branches=_branches(d, state, where, n_branches),
    )


def _leave(source: Source, state: State, transitions: Sequence[Transition], where: str) -> None:
    """Compile what may end a stay, or happen within it."""
    refuse_two_rests(transitions, where)
    for transition in transitions:
        rest = rest_of(source.draft, transitions, where) if takes_rest(transition) else None
        compile_transition(source, transition, rest=rest)
    for schedule in state.schedule:
        if schedule.event is not None:
            compile_tick_event(source, schedule.event, schedule.at, f"{where}.schedule")
    if state.duration is not None:
        end = {"from": source.name, "to": state.next, "name": f"end of {source.name}"}
        hazard = {"family": "fixed", "delay": state.duration}
        compile_transition(source, Transition.model_validate({**end, "hazard": hazard}))
    if len(source.transitions) > MAX_TRANSITIONS:
        raise UnsupportedError(f"{where}: more than {MAX_TRANSITIONS} transitions out of one state.")


def _priority(d: Draft, transition: Transition) -> int:
    if transition.to is not None and d.flat.states[transition.to].death is not None:
        return 0
    return 2 if transition.detection is not None else 1


def _branches(d: Draft, state: State, where: str, first: int) -> tuple[rows.Branch, ...]:
    """Branches of a state, numbered from `first` on."""
    last = len(state.branches) - 1
    result = []
    for i, branch in enumerate(state.branches):
        place = f"{where}.branches[{i + 1}]"
        to = d.state(branch.to, f"{place}.to")
        if branch.p == "rest" and i < last:
            raise ScenarioError(f"{place}: p = 'rest' must be the last branch.")
        result.append(_branch(d, branch, first + i, to, place))
    _check_sum(d, result, f"{where}.branches")
    return tuple(result)


def _check_sum(d: Draft, branches: Sequence[rows.Branch], where: str) -> None:
    """Check what is known before anybody comes here: branches without a rule, whose numbers are of parameters alone.

    The kernels check the sum of those that apply for each patient who comes.
    """
    taken = [b for b in branches if b.guard == rows.Guard()]
    certain = [b for b in taken if b.ref == NONE]
    known = [d.numbers.slots[b.ref].node for b in taken if b.ref >= 0]
    if known:
        whole = len(known) == len(branches) and not certain
        d.numbers.add(added(known), f"{where}: the probabilities", "whole" if whole else "share", shared=False)


def _branch(d: Draft, branch: Branch, number: int, to: int, where: str) -> rows.Branch:
    return rows.Branch(
        number=number,
        to=to,
        ref=d.code.ref(None if branch.p == "rest" else branch.p, f"{where}.p", "probability"),
        guard=d.code.rule(branch.when, f"{where}.when"),
        change=d.names.change(branch.set, f"{where}.set"),
        effects=compile_effects(d, branch.effects, "logit", where),
    )
