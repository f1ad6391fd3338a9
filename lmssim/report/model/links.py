"""What leads where in a scenario: one link for each pair of states between which patients can pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.model.language.planning import phases_of, treatments_of
from lmssim.report.parts.labels import named, readable, state_label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.language.schema import Branch, Schedule, State, Transition
    from lmssim.model.scenario import Scenario


@dataclass(frozen=True)
class Link:
    """A way from a state to another.

    Attributes
    ----------
    source, target : str
        States of the scenario file; a treatment counts as its phase.
    how : str
        In words: what makes a patient pass.
    """

    source: str
    target: str
    how: str


def links_of(scenario: Scenario) -> list[Link]:
    """Every link, in file order; several ways between the same two states stay apart."""
    file = scenario.file
    found = [
        Link(name, place, how)
        for name, state in file.states.items()
        for target, how in _ways_of_state(scenario, name, state)
        for place in _places(scenario, target)
    ]
    for transition in file.transitions:
        if transition.to is None:
            continue
        sources = [transition.source] if isinstance(transition.source, str) else transition.source
        places = [place for source in sources for place in _places(scenario, source)]
        found += [Link(place, to, _how(transition)) for place in places for to in _places(scenario, transition.to)]
    return list(dict.fromkeys(link for link in found if link.source != link.target))


def _places(scenario: Scenario, name: str) -> list[str]:
    """States of the file in which a state, or a treatment (in one of its phases), has its place."""
    phase, _, treatment = name.rpartition(".")
    spec = scenario.file.treatments.get(treatment)
    if name in scenario.file.states or spec is None:
        return [name]
    return [place for each in ([phase] if phase else phases_of(spec)) for place in _phases(scenario, each)]


def _phases(scenario: Scenario, phase: str) -> list[str]:
    """States that are the place of a phase."""
    states = scenario.file.states.items()
    return [name for name, state in states if state.kind == "phase" and (state.phase or name) == phase]


def _treated(scenario: Scenario, name: str) -> list[str]:
    """Treatments of a state, if it is a phase."""
    state = scenario.file.states[name]
    return treatments_of(scenario.file, state.phase or name, str(scenario.path)) if state.kind == "phase" else []


def _ways_of_state(scenario: Scenario, name: str, state: State) -> Iterator[tuple[str, str]]:
    for branch in state.branches:
        yield branch.to, _share(branch)
    if state.next is not None:
        yield state.next, "after treatment" if state.kind == "phase" else "after a fixed stay"
    schedules: list[Schedule] = [*state.schedule]
    events = [*state.events]
    for t in _treated(scenario, name):
        events += scenario.file.treatments[t].events
        schedules += scenario.file.treatments[t].schedule
    events += [s.event for s in schedules if s.event is not None]
    for event in dict.fromkeys(events):
        spec = scenario.file.events.get(event)
        if spec is not None and spec.death_state is not None:
            yield spec.death_state, named(spec.label, event).lower()


def _share(branch: Branch) -> str:
    if branch.p is not None and branch.p != "rest":
        return f"probability {branch.p}"
    return f"if {branch.when}" if branch.when is not None else "the others"


def _how(transition: Transition) -> str:
    if transition.background is not None:
        return "background mortality"
    if transition.detection is not None:
        return "found at a visit"
    if transition.hazard is None:
        return "probability in each cycle"
    return f"{transition.hazard.family.replace('_', ' ')} time"


def diagram_text(scenario: Scenario) -> str:
    """The model in words: each state from the first on, its kind, and where it leads."""
    links = links_of(scenario)
    lines = []
    for name in _in_order(scenario, links):
        state = scenario.file.states[name]
        start = ", start" if state.initial else ""
        lines.append(f"{state_label(scenario, name)} [{name}: {state.kind}{start}]")
        lines += [f"    -> {to}: {', '.join(hows)}" for to, hows in _targets(scenario, links, name).items()]
        lines += [f"    treatment: {state_label(scenario, t)}" for t in _treated(scenario, name)]
    silent = [t for t in scenario.file.transitions if t.to is None]
    lines += [f"Silent event: {readable(t.mark or t.name or '')}" for t in silent]
    return "\n".join(lines)


def _in_order(scenario: Scenario, links: list[Link]) -> list[str]:
    """States as patients may come to them, each after those that lead to it but for ways back; ends last."""
    states, seen, left = scenario.file.states, set[str](), list[str]()

    def visit(name: str) -> None:
        seen.add(name)
        for target in [link.target for link in links if link.source == name][::-1]:
            if target not in seen:
                visit(target)
        left.append(name)

    for name in [*(n for n in states if states[n].initial), *states]:
        if name not in seen:
            visit(name)
    reached = left[::-1]
    start = next(i for i, name in enumerate(reached) if states[name].initial)
    return sorted(reached[start:] + reached[:start], key=lambda name: states[name].kind == "absorbing")


def _targets(scenario: Scenario, links: list[Link], name: str) -> dict[str, list[str]]:
    """Labels of the states to which a state leads, with the ways."""
    targets: dict[str, list[str]] = {}
    for link in links:
        if link.source == name:
            targets.setdefault(state_label(scenario, link.target), []).append(link.how)
    return {to: list(dict.fromkeys(hows)) for to, hows in targets.items()}
