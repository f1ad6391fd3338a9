"""Compile a scenario into arrays: names become numbers, values become refs, rules become masks or programs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import InputError, ParameterError, ScenarioError, nearest, unknown
from lmssim.kernels import families as codes
from lmssim.model.compile.curves import compile_curves
from lmssim.model.compile.cycles import compile_cycles, refuse_continuous
from lmssim.model.compile.draft import Draft
from lmssim.model.compile.endpoints import compile_readers
from lmssim.model.compile.plans import compile_plans
from lmssim.model.compile.regimens import check_regimens
from lmssim.model.compile.rewards import Readers, compile_rewards
from lmssim.model.compile.states import compile_events, compile_states
from lmssim.model.compile.strategies import check_rules, compile_overrides, compile_strategies
from lmssim.model.language import expression
from lmssim.model.language.families import FAMILIES
from lmssim.model.program import Program
from lmssim.model.program.pack import Packed, pack
from lmssim.model.scenario import Scenario, population_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.compile.columns import Rewards
    from lmssim.model.language.schema import ScenarioFile
    from lmssim.model.parameters.table import ParameterTable


def compile_scenario(scenario: Scenario) -> Program:
    """Compile a scenario.

    Raises
    ------
    InputError
        If a name does not exist, a value is impossible, or a construct is not supported by the compiled engine.
    """
    d = Draft(scenario)
    refuse_continuous(d)
    check_rules(d)
    check_regimens(d)
    compile_events(d)
    compile_states(d)
    compile_plans(d)
    compile_strategies(d)
    rewards = compile_rewards(d)
    readers, cycles = compile_readers(d), compile_cycles(d)
    compile_curves(d)
    mortality, utilities = d.file.mortality, d.file.utilities
    life_keys = _keys(d, d.scenario.life, mortality.keys if mortality else {}, "mortality.keys")
    norm_keys = _keys(d, d.scenario.norms, utilities.keys, "utilities.keys")
    packed = _packed(d, rewards, readers, cycles)
    overrides = compile_overrides(d)
    used = _used(d)
    program = Program(
        scenario=d.scenario,
        used=used,
        flat=d.flat,
        names=d.names,
        packed=packed,
        columns=d.out,
        states=d.states,
        transitions=d.transitions,
        decisions=list(d.decisions),
        marks=d.marks,
        endpoints=list(d.file.endpoints),
        overrides=overrides,
        life_keys=life_keys,
        norm_keys=norm_keys,
    )
    check_domains(program, program.numbers())
    _refuse_unused(d, used)
    return program


def _packed(d: Draft, rewards: Rewards, readers: Readers, cycles: Rewards) -> Packed:
    out: dict[str, Any] = d.out
    life = d.scenario.life
    out |= {"code_start": d.names.code_start, "code_op": d.names.code_op, "code_arg": d.names.code_arg}
    out |= {f"axis_{column}": [getattr(axis, column) for axis in d.names.axes] for column in ("first", "n", "exact")}
    for name in _read_from_histories(d.file):
        d.recorded.update(d.states.index(state) for state in _moments_of(d, name))
    out["recorded"] = [int(_is_recorded(d, i, name)) for i, name in enumerate(d.states)]
    out["clock_first"] = [int(keep == "first") for keep in d.flat.clocks.values()]
    out |= {"life": np.zeros(3) if life is None else life.array, "life_offset": [0] if life is None else life.offset}
    out["life_n"] = [1] if life is None else life.n_intervals
    n_columns = len(d.names.columns)
    single = {
        "n_states": len(d.states),
        "n_clocks": len(d.flat.clocks),
        "n_risks": len(d.risks),
        "n_plans": len(d.plans),
        "start_state": d.state(d.flat.initial, d.where),
        "mix_decision": d.decision("treatment mix"),
        "age_column": list(d.names.covariates).index(d.file.population.age),
        "life_column": n_columns,
        "norm_column": n_columns + 1,
    }
    real = {"horizon": d.file.settings.horizon}
    parts = (rewards, readers, cycles)
    for part in parts:
        out |= part.columns
        single |= part.single
        real |= part.real
    return pack(out, single, real)


def _is_recorded(d: Draft, number: int, name: str) -> bool:
    """Whether a state of no duration appears in histories: if it is paid, starts a clock, or is read from them."""
    state = d.flat.states[name]
    pays = bool(state.entry_cost) or state.entry_utility is not None
    return state.kind != "chance" or pays or bool(state.starts) or number in d.recorded


def _moments_of(d: Draft, name: str) -> list[str]:
    """Flat states of no duration that a name stands for; none if it stands for stays, or for a mark."""
    members = d.flat.states_of(name) or []
    return [m for m in members if all(d.flat.states[each].kind == "chance" for each in members)]


def _read_from_histories(file: ScenarioFile) -> Iterator[str]:
    """States and marks that published series and cases name."""
    for series in file.series.values():
        yield from series.exclude
        for row in series.rows:
            yield from (*row.events, *row.since, *row.given, *row.without)
    for case in file.cases.values():
        yield from (*case.given, *case.without)
        for observed in case.observed:
            yield from (*observed.events, *observed.since)


def _keys(d: Draft, table: Any, keys: dict[str, str], where: str) -> dict[tuple[float, ...], int]:
    """Codes of the key covariates -> key of a table."""
    if table is None:
        return {}
    place = f"{d.where}: {where}"
    for covariate in keys.values():
        if covariate not in d.names.covariates:
            raise ScenarioError(unknown("covariate", covariate, d.names.covariates, place))
    result = {}
    columns = list(keys)
    options = [_categories(d, keys[c]) for c in columns]
    for combination in itertools.product(*options):
        labels = {column: label for column, (label, _) in zip(columns, combination, strict=True)}
        result[tuple(code for _, code in combination)] = table.index_of(labels)
    return result


def _categories(d: Draft, covariate: str) -> list[tuple[str, float]]:
    spec = next(each for each in d.scenario.patients.covariates if each.name == covariate)
    if spec.kind == "binary":
        return [("0", 0.0), ("1", 1.0)]
    if spec.kind == "constant" and not len(spec.categories):
        return [(f"{spec.value:g}", float(spec.value or 0.0))]
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
    """Refuse a parameter of the scenario's own that nothing uses; said last, as other mistakes explain it."""
    rows = {(p.file, p.line) for p in used.values()}  # a row that differs by a covariate is several parameters
    unused = [p for p in d.scenario.own if (d.scenario.table[p].file, d.scenario.table[p].line) not in rows]
    if unused:
        first = min(unused, key=lambda p: d.scenario.table[p].line)
        hint = nearest(first, [n for n in d.names.used if n not in d.scenario.own])
        more = f" ({len(unused) - 1} more.)" if len(unused) > 1 else ""
        raise ParameterError(f"{d.scenario.table[first].where}: nothing uses this parameter.{hint}{more}")


def check_domains(program: Program, numbers: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    """Refuse family parameters outside their domain.

    Parameters
    ----------
    numbers : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_numbers).
    """
    columns = program.columns
    by_code = {f.code: f for f in FAMILIES.values()}
    for j, (source, target, risk) in enumerate(program.transitions):
        family = by_code.get(columns["family"][j])
        refs = [columns[c][j] for c in ("ref_a", "ref_b", "ref_c")]
        if family is None or family.code == codes.PIECEWISE:
            continue
        values = {}
        for name, ref in zip(family.parameters, refs, strict=False):
            if ref < 0:
                break
            values[name] = numbers[:, :, ref]
        problem = family.check(values) if len(values) == len(family.parameters) else None
        if problem is not None:
            slots = program.names.numbers.slots
            inputs = sorted({n for r in refs if r >= 0 for n in expression.names(slots[r].node)})
            came = f" (from {', '.join(inputs)})" if inputs else ""
            raise InputError(f"{program.scenario.path}: transition {source} -> {target or risk}: {problem}{came}.")
