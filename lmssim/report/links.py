"""What leads where in a scenario: one link for each pair of states between which patients can pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.report.labels import readable, state_label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.scenario import Scenario
    from lmssim.model.schema import Branch, Schedule, State, Transition


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
    place = _places(scenario)
    found = [
        Link(name, place.get(target, target), how)
        for name, state in file.states.items()
        for target, how in _ways_of_state(scenario, name, state)
    ]
    for transition in file.transitions:
        if transition.to is None:
            continue
        sources = [transition.source] if isinstance(transition.source, str) else transition.source
        for source in sources:
            target = place.get(transition.to, transition.to)
            found.append(Link(place.get(source, source), target, _how(transition)))
    return list(dict.fromkeys(link for link in found if link.source != link.target))


def _places(scenario: Scenario) -> dict[str, str]:
    """Treatment to the state that is its phase."""
    phases = {state.phase or name: name for name, state in scenario.file.states.items() if state.kind == "phase"}
    return {t: phases[spec.phase] for t, spec in scenario.file.treatments.items() if spec.phase in phases}


def _ways_of_state(scenario: Scenario, name: str, state: State) -> Iterator[tuple[str, str]]:
    for branch in state.branches:
        yield branch.to, _share(branch)
    if state.next is not None:
        yield state.next, "after treatment" if state.kind == "phase" else "after a fixed stay"
    treated = [t for t, place in _places(scenario).items() if place == name]
    schedules: list[Schedule] = [*state.schedule]
    events = [*state.events]
    for t in treated:
        events += scenario.file.treatments[t].events
        schedules += scenario.file.treatments[t].schedule
    events += [s.event for s in schedules if s.event is not None]
    for event in dict.fromkeys(events):
        spec = scenario.file.events.get(event)
        if spec is not None and spec.death_state is not None:
            yield spec.death_state, (spec.label or readable(event)).lower()


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
    """The model in words: each state, its kind, and where it leads."""
    links = links_of(scenario)
    lines = []
    for name, state in scenario.file.states.items():
        start = ", start" if state.initial else ""
        lines.append(f"{state_label(scenario, name)} [{name}: {state.kind}{start}]")
        lines += [f"    -> {to}: {', '.join(hows)}" for to, hows in _targets(scenario, links, name).items()]
        if state.kind == "phase":
            phase = state.phase or name
            treatments = [t for t, spec in scenario.file.treatments.items() if spec.phase == phase]
            lines += [f"    treatment: {state_label(scenario, t)}" for t in treatments]
    silent = [t for t in scenario.file.transitions if t.to is None]
    lines += [f"Silent event: {readable(t.mark or t.name or '')}" for t in silent]
    return "\n".join(lines)


def _targets(scenario: Scenario, links: list[Link], name: str) -> dict[str, list[str]]:
    """Labels of the states to which a state leads, with the ways."""
    targets: dict[str, list[str]] = {}
    for link in links:
        if link.source == name:
            targets.setdefault(state_label(scenario, link.target), []).append(link.how)
    return {to: list(dict.fromkeys(hows)) for to, hows in targets.items()}
