"""From the language to a flat race: phases and treatments become states, lists of sources become single transitions.

A phase is a chain of questions, one for each of its treatments in file order: planned and eligible? A treatment with
a duration is followed by the next question; one without lasts until a transition out of the phase. What the file says
of the phase (`from = "neoadjuvant"`, a utility, a cost per year) holds in each of its treatments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, unknown
from lmssim.model.schema import Branch, Effect, Schedule, State, Transition

if TYPE_CHECKING:
    from lmssim.model.schema import ScenarioFile, Treatment


@dataclass
class FlatModel:
    """States and single-source transitions, ready to be numbered.

    Attributes
    ----------
    group : dict
        State to the state of the file it came from, by which results are reported.
    members : dict
        State of the file to its flat states.
    """

    states: dict[str, State] = field(default_factory=dict)
    transitions: list[tuple[str, Transition]] = field(default_factory=list)
    levels: dict[str, list[str]] = field(default_factory=dict)
    clocks: dict[str, str] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    initial: str = ""


STAY = "the stay"
"""Clock that every entry starts in a model in cycles: `time_in_state` reads it."""


def planned(treatment: str) -> str:
    """Flag: the strategy plans the treatment for this patient."""
    return f"planned_{treatment}"


def received(treatment: str) -> str:
    """Flag: the treatment has begun."""
    return f"received_{treatment}"


def flatten(file: ScenarioFile, where: str) -> FlatModel:
    """Expand phases and treatments.

    Raises
    ------
    ScenarioError
        If a name does not exist, or a name is used twice.
    """
    flat = FlatModel()
    flat.levels = {name: ["true"] if levels == "flag" else list(levels) for name, levels in file.attributes.items()}
    for name in file.treatments:
        flat.levels[planned(name)] = ["true"]
        flat.levels[received(name)] = ["true"]
    flat.clocks = {**file.clocks, **dict.fromkeys(file.treatments, "latest")}
    if file.cycles is not None:
        flat.clocks[STAY] = "latest"
    for name, state in file.states.items():
        if state.kind == "phase":
            _add_phase(flat, file, name, state, where)
        else:
            _add_state(flat, name, state, name, where)
    initial = [name for name, state in file.states.items() if state.initial]
    if len(initial) != 1:
        raise ScenarioError(f"{where}: states: exactly one state must have initial = true; {len(initial)} have.")
    flat.initial = initial[0]
    for i, transition in enumerate(file.transitions):
        _add_transition(flat, file, transition, f"{where}: transitions[{i + 1}]")
    for name, state in flat.states.items():
        if state.duration is not None:
            _require(flat, state.next, f"{where}: states.{name}.next")
        if file.cycles is not None and state.kind == "dwelling":
            flat.states[name] = state.model_copy(update={"starts": [*state.starts, STAY]})
    _check_targets(flat, where)
    return flat


def _add_state(flat: FlatModel, name: str, state: State, group: str, where: str) -> None:
    if name in flat.states:
        raise ScenarioError(f"{where}: the name '{name}' is used for two states or treatments.")
    flat.states[name] = state
    flat.group[name] = group
    flat.members.setdefault(group, []).append(name)


def _add_phase(flat: FlatModel, file: ScenarioFile, name: str, state: State, where: str) -> None:
    if state.next is None:
        raise ScenarioError(f"{where}: states.{name}: a phase needs `next`, where patients without treatment go.")
    phase = state.phase or name
    treatments = [t for t, treatment in file.treatments.items() if treatment.phase == phase]
    questions = [name, *(f"{name}.{t}?" for t in treatments[1:]), state.next]
    for i, t in enumerate(treatments):
        treatment = file.treatments[t]
        target = f"{t}.wait" if treatment.wait is not None else t
        rule = planned(t) if treatment.eligible is None else f"{planned(t)} and ({treatment.eligible})"
        question = State(kind="chance", branches=[Branch(to=target, when=rule), Branch(to=questions[i + 1])])
        if i == 0:
            question = question.model_copy(
                update={"label": state.label, "starts": state.starts, "set": state.set, "initial": state.initial}
            )
        _add_state(flat, questions[i], question, name, where)
        if treatment.wait is not None:
            wait = State(
                label=f"waiting for {treatment.label or t}", utility=state.utility,
                cost_per_year=state.cost_per_year, duration=treatment.wait, next=t,
            )  # fmt: skip
            _add_state(flat, target, wait, name, where)
        following = questions[i + 1] if treatment.duration is not None else None
        _add_state(flat, t, _treatment_state(state, t, treatment, following), name, where)
    if not treatments:
        _add_state(flat, name, State(kind="chance", branches=[Branch(to=state.next)]), name, where)


def _treatment_state(phase: State, name: str, treatment: Treatment, following: str | None) -> State:
    schedule: list[Schedule] = [*phase.schedule, *treatment.schedule]
    return State(
        label=treatment.label or name,
        utility=treatment.utility if treatment.utility is not None else phase.utility,
        cost_per_year={**phase.cost_per_year, **treatment.cost_per_year},
        entry_cost=treatment.cost,
        schedule=schedule,
        limited=[*phase.limited, *treatment.limited],
        duration=treatment.duration,
        next=following,
        set={**treatment.set, received(name): True},
        starts=[*treatment.starts, name],
        events=[*phase.events, *treatment.events],
    )


def _require(flat: FlatModel, name: str | None, where: str) -> None:
    if name is None or name not in flat.states:
        raise ScenarioError(unknown("state", str(name), flat.group.values(), where))


def _add_transition(flat: FlatModel, file: ScenarioFile, transition: Transition, where: str) -> None:
    _check_kind(file, transition, where)
    if transition.to is None and transition.mark is None and transition.name is None:
        raise ScenarioError(f"{where}: a silent transition (no `to`) needs a `name` or a `mark`.")
    risk = transition.risk or transition.name or transition.to
    effects = dict(transition.effects)
    for t, treatment in file.treatments.items():
        for effect in treatment.effects:
            if effect.risk in (risk, transition.name):
                value = effect.effect
                if isinstance(value, Effect) and value.clock is None and _changes(value):
                    value = value.model_copy(update={"clock": t})
                effects[received(t)] = value
    sources = [transition.source] if isinstance(transition.source, str) else transition.source
    single = transition.model_copy(update={"effects": effects})
    for source in sources:
        if source not in flat.members and source not in flat.states:
            raise ScenarioError(unknown("state", source, [*flat.members, *flat.states], f"{where}: from"))
        stays = [s for s in flat.members.get(source, [source]) if flat.states[s].kind == "dwelling"]
        if not stays:
            raise ScenarioError(f"{where}: from: '{source}' is not a dwelling state, nobody stays in it.")
        flat.transitions.extend((stay, single) for stay in stays)


def _check_kind(file: ScenarioFile, transition: Transition, where: str) -> None:
    """Exactly one thing drives a transition, and it fits how time passes in the model."""
    in_cycles, continuous = ("probability", "rate"), ("hazard", "background", "detection")
    kinds = [k for k in (*in_cycles, *continuous) if getattr(transition, k) is not None]
    allowed, others = (in_cycles, continuous) if file.cycles is not None else (continuous, in_cycles)
    wrong = [k for k in kinds if k in others]
    if wrong and file.cycles is not None:
        raise ScenarioError(
            f"{where}: {wrong[0]}: works in continuous time, but the model is in cycles;"
            f" give the {' or the '.join(in_cycles)} of a cycle."
        )
    if wrong:
        raise ScenarioError(f"{where}: {wrong[0]}: needs a model in cycles, with a section [cycles].")
    if len(kinds) != 1:
        raise ScenarioError(f"{where}: give exactly one of {', '.join(allowed)}; {len(kinds)} given.")
    if file.cycles is not None and transition.to is None:
        raise ScenarioError(f"{where}: to: is required in a model in cycles; staying takes what is left of 1.")


def _changes(effect: Effect) -> bool:
    return effect.delay > 0 or effect.full is not None or effect.wane > 0


def _check_targets(flat: FlatModel, where: str) -> None:
    """Every target exists, and chance states do not go round in a circle without time passing."""
    for source, transition in flat.transitions:
        if transition.to is not None:
            _require(flat, transition.to, f"{where}: transition from {source}: to")
    for name, state in flat.states.items():
        if state.kind == "chance" and not state.branches:
            raise ScenarioError(f"{where}: states.{name}: a chance state needs branches.")
        if state.kind != "chance" and state.branches:
            raise ScenarioError(f"{where}: states.{name}: only a chance state has branches; its kind is {state.kind}.")
        for branch in state.branches:
            _require(flat, branch.to, f"{where}: states.{name}.branches: to")
    for name, state in flat.states.items():
        if state.kind == "chance":
            _refuse_cycle(flat, name, where)


def _refuse_cycle(flat: FlatModel, start: str, where: str) -> None:
    stack: list[tuple[str, tuple[str, ...]]] = [(start, (start,))]
    seen: set[str] = set()
    while stack:
        name, path = stack.pop()
        for branch in flat.states[name].branches:
            if branch.to == start:
                raise ScenarioError(
                    f"{where}: chance states go round in a circle in which no time passes:"
                    f" {' -> '.join([*path, start])}."
                )
            if flat.states[branch.to].kind == "chance" and branch.to not in seen:
                seen.add(branch.to)
                stack.append((branch.to, (*path, branch.to)))
