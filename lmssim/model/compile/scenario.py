"""Compile a scenario: names become numbers, values become refs, rules become masks or code, sections become rows."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ParameterError, ScenarioError, nearest, unknown
from lmssim.model.compile.alike import with_alike
from lmssim.model.compile.curves import compile_curves
from lmssim.model.compile.cycles import compile_cycles, refuse_continuous
from lmssim.model.compile.draft import Draft
from lmssim.model.compile.endpoints import compile_endpoints
from lmssim.model.compile.plans import compile_plans
from lmssim.model.compile.regimens import check_regimens
from lmssim.model.compile.rewards import compile_rewards
from lmssim.model.compile.states import compile_events, compile_states
from lmssim.model.compile.strategies import check_rules, compile_overrides, compile_strategies
from lmssim.model.population.joint import RowPopulation
from lmssim.model.program import Program
from lmssim.model.program.columns import Columns, Keys
from lmssim.model.program.pack import pack
from lmssim.model.program.rows import Clock, Decision, Rows
from lmssim.model.scenario import Scenario, population_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lmssim.model.language.schema import ScenarioFile
    from lmssim.model.parameters.table import ParameterTable
    from lmssim.model.population.mortality import KeyedTable
    from lmssim.model.program.rows import State


def compile_scenario(scenario: Scenario) -> Program:
    """Compile a scenario.

    Raises
    ------
    InputError
        If a name does not exist, a value is impossible, or a construct is not supported by the compiled engine.
    """
    with scenario.origins.named():
        return _compiled(scenario)


def _compiled(scenario: Scenario) -> Program:
    d = Draft(scenario)
    refuse_continuous(d)
    check_rules(d)
    check_regimens(d)
    _check_cases(d)
    rows = _rows(d)
    overrides = compile_overrides(d)
    rows = with_alike(d, rows, overrides)
    used = _used(d)
    program = Program(
        scenario=d.scenario,
        used=used,
        flat=d.flat,
        names=d.names,
        rows=rows,
        packed=pack(rows),
        overrides=overrides,
        shaped_by={name: float(d.base[name][0]) for name in sorted(d.shaped_by)},
    )
    program.numbers()  # a value that the base case makes impossible is said before anything runs
    _refuse_unused(d, used)
    return program


def _check_cases(d: Draft) -> None:
    """Refuse a published patient whose strategy, sequence or parameters do not exist."""
    for name, case in d.file.cases.items():
        where = f"{d.where}: cases.{name}"
        d.index("strategy", case.strategy, list(d.file.strategies), f"{where}: strategy")
        if case.sequence is not None:
            d.index("sequence", case.sequence, list(d.file.sequences), f"{where}: sequence")
        for id_ in case.set:
            d.index("parameter", id_, list(d.scenario.table), f"{where}.set")


def _rows(d: Draft) -> Rows:
    """Rows of the whole model, kind by kind; the order decides which mistake is said first."""
    events = compile_events(d)
    states = compile_states(d, events)
    plans, strategies = compile_plans(d), compile_strategies(d)
    rewards, counting = compile_rewards(d, states), compile_endpoints(d)
    cycles, floor = compile_cycles(d), compile_curves(d)
    columns = _columns(d)
    mix_decision = d.decision("treatment mix")
    horizon = d.file.settings.horizon
    return Rows(
        horizon=horizon if cycles is None else float(np.nextafter(horizon, np.inf)),
        start=d.state(d.flat.initial, d.where),
        states=_with_asked_for(d, states),
        events=events,
        marks=tuple(d.marks),
        clocks=tuple(Clock(name, keep == "first") for name, keep in d.flat.clocks.items()),
        risks=tuple(d.risks.values()),
        rate_families=tuple(family for family, _, _ in d.rates),
        plans=plans,
        strategies=strategies,
        mix_decision=mix_decision,
        decisions=tuple(Decision(name, address) for address, name in d.addresses.items()),
        rewards=rewards,
        counting=counting,
        cycles=cycles,
        floor=floor,
        life=d.scenario.life,
        columns=columns,
        slots=tuple(d.numbers.slots),
        codes=tuple(d.code.codes),
        axes=tuple(d.lookups.axes),
    )


def _with_asked_for(d: Draft, states: Iterable[State]) -> tuple[State, ...]:
    """The states, with those of no duration recorded that endpoints, published series or cases read."""
    asked = d.recorded | {
        d.states.index(each) for name in _read_from_histories(d.file) for each in _moments_of(d, name)
    }
    return tuple(replace(state, recorded=state.recorded or state.number in asked) for state in states)


def _moments_of(d: Draft, name: str) -> list[str]:
    """Flat states of no duration that a name stands for; none if it stands for stays, or for a mark."""
    members = d.flat.states_of(name) or []
    return [m for m in members if all(d.flat.states[each].kind == "chance" for each in members)]


def _read_from_histories(file: ScenarioFile) -> Iterator[str]:
    """States and marks that published series and cases name."""
    for series in file.series.values():
        yield from series.exclude
        for row in series.rows:
            yield from (*row.events, *row.others, *row.since, *row.given, *row.without)
    for case in file.cases.values():
        yield from (*case.given, *case.without)
        for observed in case.observed:
            yield from (*observed.events, *observed.since)


def _columns(d: Draft) -> Columns:
    """What the columns of a patient hold."""
    mortality, utilities, covariates = d.file.mortality, d.file.utilities, list(d.names.covariates)
    return Columns(
        covariates=tuple(covariates),
        expressions=tuple(d.expressions),
        age=covariates.index(d.file.population.age),
        life_keys=_keys(d, d.scenario.life, mortality.keys if mortality else {}, "mortality.keys"),
        norm_keys=_keys(d, d.scenario.norms, utilities.keys, "utilities.keys"),
    )


def _keys(d: Draft, table: KeyedTable | None, keys: dict[str, str], where: str) -> Keys:
    """Which key of a table belongs to a patient: by covariates, one for each of the table's key columns."""
    if table is None:
        return Keys((), {})
    place = f"{d.where}: {where}"
    covariates = list(d.names.covariates)
    for covariate in keys.values():
        if covariate not in covariates:
            raise ScenarioError(unknown("covariate", covariate, covariates, place))
    numbers = {}
    for combination in itertools.product(*(_categories(d, covariate) for covariate in keys.values())):
        labels = {column: label for column, (label, _) in zip(keys, combination, strict=True)}
        numbers[tuple(code for _, code in combination)] = table.index_of(labels)
    table.check_unused(set(numbers.values()))
    return Keys(tuple(covariates.index(covariate) for covariate in keys.values()), numbers)


def _categories(d: Draft, covariate: str) -> list[tuple[str, float]]:
    spec = next(each for each in d.scenario.patients.covariates if each.name == covariate)
    if spec.kind == "binary":
        return [("0", 0.0), ("1", 1.0)]
    if spec.kind == "constant" and not len(spec.categories):
        return [(f"{spec.value:g}", float(spec.value or 0.0))]
    if not len(spec.categories):
        column = d.scenario.patients.covariates.index(spec)
        if not isinstance(d.scenario.patients, RowPopulation):
            raise ScenarioError(
                f"{d.where}: '{covariate}' is {spec.kind}; only categories tell the keys of a table apart."
            )
        return [(f"{code:.17g}", float(code)) for code in np.unique(d.scenario.patients.rows[:, column])]
    return [(str(label), float(code)) for label, code in zip(spec.categories, spec.codes, strict=True)]


def _used(d: Draft) -> ParameterTable:
    """Parameters that the model uses, those it says are drawn jointly, and those that their expressions need."""
    used = set(d.names.used) | set(population_names(d.scenario))
    for name, stated in d.file.groups.items():
        # of members left out, the file may have columns for much that this model has no use for
        members = set() if stated.members is None else set(d.scenario.groups[name].members)
        used |= members if used & members else set()
    return d.scenario.table.select(used & set(d.scenario.table))


def _refuse_unused(d: Draft, used: ParameterTable) -> None:
    """Refuse what is the scenario's own and nothing uses; said last, as other mistakes explain it."""
    if d.scenario.unused:
        more = f" ({len(d.scenario.unused) - 1} more.)" if len(d.scenario.unused) > 1 else ""
        raise ScenarioError(f"{d.where}: {d.scenario.unused[0]}{more}")
    rows = {(p.file, p.line) for p in used.values()}  # a row that differs by a covariate is several parameters
    unused = [p for p in d.scenario.own if (d.scenario.table[p].file, d.scenario.table[p].line) not in rows]
    if unused:
        first = min(unused, key=lambda p: d.scenario.table[p].line)
        hint = nearest(first, [n for n in d.names.used if n not in d.scenario.own])
        more = f" ({len(unused) - 1} more.)" if len(unused) > 1 else ""
        raise ParameterError(f"{d.scenario.table[first].where}: nothing uses this parameter.{hint}{more}")
