"""Changes of a scenario's inputs in memory: each takes a scenario and returns another, and the files stay as they are.

They are generic: they know the language's sections, never a model's states, treatments or parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from lmssim.errors import NotApplicableError
from lmssim.model.language import expression
from lmssim.model.language.flat import flatten, received
from lmssim.model.language.schema import (
    Branch,
    Effect,
    Endpoint,
    Hazard,
    Section,
    State,
    Strategy,
    Transition,
    Treatment,
)
from lmssim.model.population.joint import Covariate, Population

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.population.joint import Patients
    from lmssim.model.scenario import Scenario

COSTS = ("cost", "cost_per_year", "entry_cost")
"""Fields that hold costs by category."""
S = TypeVar("S", bound=Section)
Rule = Callable[[str, Any], Any]


def with_file(scenario: Scenario, **update: Any) -> Scenario:
    """Scenario with other sections; parameters may then be left unused."""
    return replace(scenario, file=scenario.file.model_copy(update=update), own=frozenset())


def with_settings(scenario: Scenario, **update: Any) -> Scenario:
    """Scenario with other settings."""
    return with_file(scenario, settings=scenario.file.settings.model_copy(update=update))


def times(value: Any, factor: float) -> Any:
    """A value times a number."""
    return value * factor if isinstance(value, (int, float)) else f"({value}) * {factor!r}"


def rewritten(section: S, rule: Rule) -> S:
    """Copy of a section in which every field of it and of its subsections is what the rule says."""
    update = {name: rule(name, _inner(getattr(section, name), rule)) for name in type(section).model_fields}
    return section.model_copy(update=update)


def _inner(value: Any, rule: Rule) -> Any:
    if isinstance(value, Section):
        return rewritten(value, rule)
    if isinstance(value, list):
        return [_inner(item, rule) for item in value]
    if isinstance(value, dict):
        return {key: _inner(item, rule) for key, item in value.items()}
    return value


def _rewrite(scenario: Scenario, rule: Rule) -> Scenario:
    return replace(scenario, file=rewritten(scenario.file, rule), own=frozenset())


# === Costs ===


def costs(scenario: Scenario, factor: float, category: str = "") -> Scenario:
    """All costs, or those of one category, times a factor."""

    def rule(name: str, value: Any) -> Any:
        if name not in COSTS:
            return value
        return {c: times(v, factor) if category in ("", c) else v for c, v in value.items()}

    return _rewrite(scenario, rule)


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


# === Utilities ===


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
    gone = ("utility_loss", "entry_utility")
    return _rewrite(scenario, lambda name, value: None if name in gone else value)


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


# === Death and other transitions ===


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
        states={n: s.model_copy(update={"duration": None}) for n, s in file.states.items()},
        treatments={n: t.model_copy(update=lasting) for n, t in file.treatments.items()},
    )
    quiet = extreme_mortality(endless, 0.0)
    return with_file(quiet, transitions=[_stilled(t) for t in quiet.file.transitions])


# === Events ===


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


# === Effects ===


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
            keyed = {received(name): item.effect}
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
    """Effects on transitions of having received a treatment times a factor."""
    key = received(treatment)
    transitions = [
        t.model_copy(update={"effects": _scaled(t.effects, key, factor)}) if key in t.effects else t
        for t in scenario.file.transitions
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


# === Strategies, population, settings ===


def strategies_compared_by_name(scenario: Scenario) -> bool:
    """Whether an expression asks which strategy it is."""
    return re.search(r"\bstrategy\b\s*[=!]=", scenario.file.model_dump_json()) is not None


def one_strategy(scenario: Scenario, strategy: str) -> Scenario:
    """Every strategy does what one of them does."""
    definition = scenario.file.strategies[strategy]
    return with_file(scenario, strategies=dict.fromkeys(scenario.file.strategies, definition))


def reversed_strategies(scenario: Scenario) -> Scenario:
    """The first strategy does what the last does, and so on."""
    definitions = list(scenario.file.strategies.values())[::-1]
    return with_file(scenario, strategies=dict(zip(scenario.file.strategies, definitions, strict=True)))


def horizon(scenario: Scenario, years: float) -> Scenario:
    """Another horizon, in a model in cycles the nearest whole number of them; times beyond it are dropped."""
    cycle = cycle_length(scenario)
    if cycle is not None:
        years = max(round(years / cycle), 1) * cycle
    kept = [t for t in scenario.file.settings.times if t <= years]
    changed = with_settings(scenario, horizon=years, times=kept)
    cycles = scenario.file.cycles
    return changed if cycles is None else with_file(changed, cycles=cycles.model_copy(update={"n": None}))


def cycle_length(scenario: Scenario) -> float | None:
    """Years in a cycle; None in a model in continuous time."""
    if scenario.file.cycles is None:
        return None
    where = f"{scenario.path}: cycles.length"
    return float(expression.evaluate(expression.parse(scenario.file.cycles.length, where), {}, where))


def discounting(scenario: Scenario, costs: float, effects: float, convention: str = "") -> Scenario:
    """Other discount rates, by the scenario's convention or another."""
    return with_settings(
        scenario,
        discount_rate_costs=costs,
        discount_rate_effects=effects,
        discounting=convention or scenario.file.settings.discounting,
    )


@dataclass(frozen=True)
class Younger:
    """The patients of another population, each younger by some years."""

    older: Patients
    column: int
    years: float

    @property
    def covariates(self) -> tuple[Covariate, ...]:
        """Covariates in the order of the columns."""
        return self.older.covariates

    def sample(self, first: int, n: int, seed: int) -> FloatArray:
        """Covariates of patients first, first + 1, ..."""
        x = self.older.sample(first, n, seed)
        x[:, self.column] -= self.years
        return x

    def describe(self) -> list[str]:
        """Lines that say what the population is."""
        return [*self.older.describe(), f"each {self.years:g} years younger"]


def constant_age(scenario: Scenario, age: float) -> Scenario:
    """Everybody of one age, with no other characteristic."""
    covariate = Covariate(name=scenario.file.population.age, kind="constant", value=age)
    return replace(scenario, patients=Population((covariate,)))


def bare_model(scenario: Scenario, years: float, states: dict[str, State], transitions: list[Transition]) -> Scenario:
    """A small model under the scenario's settings: one strategy, patients of age 0, nothing but these states."""
    age = scenario.file.population.age
    population = {"covariates": {age: {"kind": "constant", "value": 0.0}}, "age": age}
    ends = [name for name, state in states.items() if state.kind == "absorbing"]
    continuous = with_file(scenario, cycles=None, partitioned_survival=None)
    short = horizon(continuous, years)
    bare = with_file(
        short,
        settings=short.file.settings.model_copy(update={"sequence": None}),
        states=states,
        transitions=transitions,
        sequences={},
        population=type(scenario.file.population).model_validate(population),
        attributes={},
        clocks={},
        events={},
        lasting={},
        plans={},
        treatments={},
        strategies={"one": Strategy()},
        endpoints={"end": Endpoint(events=ends)},
        mortality=None,
        terminal=[],
        groups={},
        series={},
    )
    return replace(constant_age(no_norms(bare), 0.0), life=None)


def younger(scenario: Scenario, years: float) -> Scenario:
    """The same patients, younger."""
    names = [c.name for c in scenario.patients.covariates]
    column = names.index(scenario.file.population.age)
    return replace(scenario, patients=Younger(scenario.patients, column, years))


# === Families ===


def in_family(scenario: Scenario, family: str) -> Scenario:
    """Every hazard that is a special case of a family, written in that family."""
    transitions = [
        t if t.hazard is None else t.model_copy(update={"hazard": NESTED[family](t.hazard)})
        for t in scenario.file.transitions
    ]
    return with_file(scenario, transitions=transitions)


def _as_weibull(hazard: Hazard) -> Hazard:
    """An exponential as a Weibull of shape 1 (`weibull_ph`, which takes a rate of 0)."""
    if hazard.family != "exponential":
        return hazard
    return hazard.model_copy(update={"family": "weibull_ph", "shape": 1.0})


def _as_generalised_gamma(hazard: Hazard) -> Hazard:
    """A Weibull as a generalised gamma of q = 1, a log-normal of q = 0, a gamma of q = sigma."""
    bare = {"shape": None, "scale": None, "rate": None, "meanlog": None, "sdlog": None, "family": "generalised_gamma"}
    match hazard.family:
        case "weibull":
            new = {"mu": f"log({hazard.scale})", "sigma": f"1 / ({hazard.shape})", "q": 1.0}
        case "log_normal":
            new = {"mu": hazard.meanlog, "sigma": hazard.sdlog, "q": 0.0}
        case "gamma":
            q = f"1 / sqrt({hazard.shape})"
            new = {"mu": f"log(({hazard.shape}) / ({hazard.rate}))", "sigma": q, "q": q}
        case _:
            return hazard
    return hazard.model_copy(update=bare | new)


NESTED = {"weibull": _as_weibull, "generalised gamma": _as_generalised_gamma}
