"""From the language to a flat race: phases and treatments become states, lists of sources become single transitions.

A phase is a chain of questions, one for each of its treatments in file order: planned and eligible? A treatment with
a duration is followed by the next question; one without lasts until a transition out of the phase. What the file says
of the phase (`from = "neoadjuvant"`, a utility, a cost per year) holds in each of its treatments. A treatment of
several phases has a state in each of them where some strategy plans it, named `phase.treatment`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.model.language.planning import asked, check_names, in_phase, phases_of, rules, treatments_of
from lmssim.model.language.schema import Branch, Effect, Schedule, Section, State, Transition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.language.expression import Node
    from lmssim.model.language.schema import ScenarioFile, Treatment, TreatmentEffect


@dataclass
class FlatModel:
    """States and single-source transitions, ready to be numbered.

    Attributes
    ----------
    group : dict
        State to the state of the file it came from, by which results are reported.
    members : dict
        State of the file to its flat states.
    treatment, phase : dict
        Flat state of a treatment to the treatment, and to its phase.
    expressions : dict
        Rules of treatments planned by phase, by the names under which questions read them.
    """

    states: dict[str, State] = field(default_factory=dict)
    transitions: list[tuple[str, Transition]] = field(default_factory=list)
    levels: dict[str, list[str]] = field(default_factory=dict)
    clocks: dict[str, str] = field(default_factory=dict)
    group: dict[str, str] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    treatment: dict[str, str] = field(default_factory=dict)
    phase: dict[str, str] = field(default_factory=dict)
    expressions: dict[str, Node] = field(default_factory=dict)
    nowhere: list[str] = field(default_factory=list)
    """Treatments, and treatments in a phase, that no strategy plans: names without a state."""
    initial: str = ""

    def given(self, treatment: str) -> list[str]:
        """Flat states in which a treatment is given."""
        return [state for state, name in self.treatment.items() if name == treatment]

    def states_of(self, name: str) -> list[str] | None:
        """Flat states of a state of the file, a treatment or a treatment in a phase; None if there is no such name."""
        if name in self.members:
            return self.members[name]
        if name in self.states:
            return [name]
        return self.given(name) or self.given_in(name) or ([] if name in self.nowhere else None)

    def given_in(self, name: str) -> list[str]:
        """The flat state of `phase.treatment`, for a treatment that has no other phase."""
        phase, _, treatment = name.rpartition(".")
        return [s for s in self.given(treatment) if self.phase.get(s) == phase]

    def names(self) -> list[str]:
        """Every name that has flat states."""
        in_phase = [f"{self.phase[state]}.{name}" for state, name in self.treatment.items()]
        return list(dict.fromkeys([*self.members, *self.states, *self.treatment.values(), *in_phase, *self.nowhere]))


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
    check_names(file, where)
    flat = FlatModel(expressions=rules(file, where))
    flat.levels = {name: ["true"] if levels == "flag" else list(levels) for name, levels in file.attributes.items()}
    words = set(_words(file))
    for name, treatment in file.treatments.items():
        several = len(phases_of(treatment)) > 1
        if not several:
            flat.levels[planned(name)] = ["true"]
        if not several or treatment.effects or received(name) in words:
            flat.levels[received(name)] = ["true"]
    flat.clocks = {**file.clocks, **dict.fromkeys(file.treatments, "latest")}
    if file.cycles is not None:
        flat.clocks[STAY] = "latest"
    for name, state in file.states.items():
        if state.kind == "phase":
            _add_phase(flat, file, name, state, where)
        else:
            _add_state(flat, name, state, name, where)
    pairs = [f"{phase}.{t}" for t, treatment in file.treatments.items() for phase in phases_of(treatment)]
    flat.nowhere = [name for name in (*file.treatments, *pairs) if not flat.states_of(name)]
    initial = [name for name, state in file.states.items() if state.initial]
    if len(initial) != 1:
        raise ScenarioError(f"{where}: states: exactly one state must have initial = true; {len(initial)} have.")
    flat.initial = initial[0]
    for i, transition in enumerate(file.transitions):
        _add_transition(flat, file, transition, f"{where}: transitions[{i + 1}]")
    _check_risks(file, where)
    for name, state in flat.states.items():
        if (state.duration is None) != (state.next is None):
            present, absent = ("duration", "next") if state.next is None else ("next", "duration")
            raise ScenarioError(
                f"{where}: states.{name}.{present}: needs `{absent}` beside it: a fixed stay has a `duration` (years)"
                " and then goes to the state in `next`."
            )
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
    treatments = treatments_of(file, phase, where)
    questions = [name, *(f"{name}.{t}?" for t in treatments[1:]), state.next]
    first = {"label": state.label, "starts": state.starts, "set": state.set, "initial": state.initial}
    for i, t in enumerate(treatments):
        treatment, given = file.treatments[t], in_phase(file, t, phase)
        target = f"{given}.wait" if treatment.wait is not None else given
        rule = _rule(flat, t, treatment, phase)
        question = State(kind="chance", branches=[Branch(to=target, when=rule), Branch(to=questions[i + 1])])
        _add_state(flat, questions[i], question.model_copy(update=first if i == 0 else {}), name, where)
        if treatment.wait is not None:
            wait = State(
                label=f"waiting for {treatment.label or t}",
                utility=state.utility,
                cost_per_year=state.cost_per_year,
                duration=treatment.wait,
                next=given,
            )
            _add_state(flat, target, wait, name, where)
        following = questions[i + 1] if treatment.duration is not None else None
        set_on_entry = {received(t): True} if received(t) in flat.levels else {}
        _add_state(flat, given, _treatment_state(state, t, treatment, following, set_on_entry), name, where)
        flat.treatment[given], flat.phase[given] = t, phase
    if not treatments:
        passed = State(kind="chance", branches=[Branch(to=state.next)])
        _add_state(flat, name, passed.model_copy(update=first), name, where)


def _rule(flat: FlatModel, name: str, treatment: Treatment, phase: str) -> str:
    """Rule of a phase's question: planned, by flag or by phase, and eligible."""
    by_phase = asked(name, phase) if asked(name, phase) in flat.expressions else None
    if len(phases_of(treatment)) > 1:
        rule = str(by_phase)
    else:
        rule = planned(name) if by_phase is None else f"({planned(name)} or {by_phase})"
    return rule if treatment.eligible is None else f"{rule} and ({treatment.eligible})"


def _words(section: object) -> Iterator[str]:
    """Every name that a section of the file may read."""
    if isinstance(section, str):
        yield from re.findall(r"\w+", section)
    elif isinstance(section, Section):
        for name in type(section).model_fields:
            yield from _words(getattr(section, name))
    elif isinstance(section, dict):
        for key, value in section.items():
            yield from _words(key)
            yield from _words(value)
    elif isinstance(section, (list, tuple)):
        for value in section:
            yield from _words(value)


def _treatment_state(
    phase: State, name: str, treatment: Treatment, following: str | None, set_on_entry: dict[str, bool]
) -> State:
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
        set={**treatment.set, **set_on_entry},
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
    if transition.replace:
        raise ScenarioError(
            f"{where}: replace: no included transition leads out of {_listed(transition.source)} under the name"
            f" '{transition.name or transition.to or transition.mark}', so there is none to replace."
        )
    risk = transition.risk or transition.name or transition.to
    effects = dict(transition.effects)
    for t, treatment in file.treatments.items():
        for effect in treatment.effects:
            if effect.risk in (risk, transition.name):
                key = flag_of(file, t, effect, where)
                value = effect.effect
                if isinstance(value, Effect) and value.clock is None and _changes(value):
                    value = value.model_copy(update={"clock": "model" if effect.intention_to_treat else t})
                if key in effects:
                    raise ScenarioError(
                        f"{where}: effects.{key}: treatments.{t}.effects has an effect on this transition too;"
                        " state it once."
                    )
                effects[key] = value
    sources = [transition.source] if isinstance(transition.source, str) else transition.source
    single = transition.model_copy(update={"effects": effects})
    for source in sources:
        members = flat.states_of(source)
        if members is None:
            raise ScenarioError(unknown("state", source, flat.names(), f"{where}: from"))
        stays = [s for s in members if flat.states[s].kind == "dwelling"]
        if not stays and (source not in file.states or file.states[source].kind != "phase") and members:
            raise ScenarioError(f"{where}: from: '{source}' is not a dwelling state, nobody stays in it.")
        flat.transitions.extend((stay, single) for stay in stays)


def _check_risks(file: ScenarioFile, where: str) -> None:
    """Refuse an effect of a treatment on what no transition is called: nothing would have it."""
    known = {name for t in file.transitions for name in (t.risk or t.name or t.to, t.name) if name}
    for name, treatment in file.treatments.items():
        for i, effect in enumerate(treatment.effects, 1):
            if effect.risk not in known:
                place = f"{where}: treatments.{name}.effects[{i}].risk"
                raise ScenarioError(unknown("risk or transition", effect.risk, known, place))


def flag_of(file: ScenarioFile, name: str, effect: TreatmentEffect, where: str) -> str:
    """Flag whose patients have an effect of a treatment: those who received it, or those for whom it is planned.

    Raises
    ------
    UnsupportedError
        If it counts by intention to treat, and the treatment is planned in each of several phases.
    """
    if not effect.intention_to_treat:
        return received(name)
    if len(phases_of(file.treatments[name])) > 1:
        raise UnsupportedError(
            f"{where}: treatments.{name}.effects: intention_to_treat: needs a treatment of one phase, since that of"
            " several is planned when a phase asks and not at time zero."
        )
    return planned(name)


def _listed(source: str | list[str]) -> str:
    return f"'{source}'" if isinstance(source, str) else " and ".join(f"'{name}'" for name in source)


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
    if wrong and transition.probability == "rest":
        raise ScenarioError(
            f"{where}: probability = 'rest': is what the others of a cycle leave of 1, so it needs a model in cycles;"
            " in continuous time hazards race, and nothing is left over."
        )
    if wrong:
        raise ScenarioError(f"{where}: {wrong[0]}: needs a model in cycles, with a section [cycles].")
    if len(kinds) != 1:
        raise ScenarioError(f"{where}: give exactly one of {', '.join(allowed)}; {len(kinds)} given.")
    if file.cycles is not None and transition.to is None:
        raise ScenarioError(f"{where}: to: is required in a model in cycles; staying takes what is left of 1.")


def _changes(effect: Effect) -> bool:
    """Whether it may change with time: by a number, or by a parameter, whatever that turns out to be."""
    return effect.delay != 0 or effect.full is not None or effect.wane != 0


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
