"""Planted errors, one for each check: a change of the scenario, or of the piece of lmssim that the check guards."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim import evaluation
from lmssim.economics import cea
from lmssim.economics.acceptability import Acceptability
from lmssim.economics.one_way.conditional import Curve
from lmssim.economics.one_way.paired import Paired
from lmssim.economics.voi import partial
from lmssim.engines import compiled
from lmssim.evaluation import Evaluation
from lmssim.execution import fold
from lmssim.execution.simulate import simulate
from lmssim.kernels import families as codes
from lmssim.kernels.layout import ROW_LEFT
from lmssim.kernels.rewards import COST, LY, QALY, QALY_UNDISCOUNTED, STATE_YEARS
from lmssim.model import edits
from lmssim.model.compile import discounting
from lmssim.model.compile import rewards as compile_rewards
from lmssim.model.compile import scenario as compiling
from lmssim.model.compile import transitions as compile_transitions
from lmssim.model.language.families import FAMILIES
from lmssim.model.language.schema import Transition
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.table import ParameterTable
from lmssim.model.population import joint as population
from lmssim.model.program import program
from lmssim.model.program.code import CodeTable
from lmssim.model.scenario import Scenario
from lmssim.studies.sensitivity.one_way import study as one_way
from lmssim.studies.sensitivity.one_way.bar import RUNS, Bar
from lmssim.studies.sensitivity.paired.varied import Varied, varied_of
from lmssim.studies.sensitivity.threshold.search import Search
from lmssim.studies.verify import bench
from lmssim.studies.verify.checks import agreement, families, uncertainty

if TYPE_CHECKING:
    from lmssim.economics.increments import Estimate
    from lmssim.execution.estimates import Estimates
    from lmssim.studies.verify.bench import Bench, Lives

Patch = pytest.MonkeyPatch
Plant = Callable[[Scenario, Patch], Scenario]


# === Errors of one-way analysis ===


def varied(change: Callable[[dict[str, Varied]], dict[str, Varied]]) -> Plant:
    """Another list of uncertain parameters for the one-way analysis."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        patch.setattr(one_way, "varied_of", lambda program: change(varied_of(program)))
        return scenario

    return plant


def _first_missing(found: dict[str, Varied]) -> dict[str, Varied]:
    return dict(list(found.items())[1:])


def _all_alone(found: dict[str, Varied]) -> dict[str, Varied]:
    return {name: replace(each, joint="", members=(name,)) for name, each in found.items()}


def bars_turned(scenario: Scenario, patch: Patch) -> Scenario:
    """The ends of bars from runs are taken for each other."""
    plain = Bar

    def turned(varied: Any, method: str, base: Any, low: Any, high: Any, sample: str) -> Any:
        return plain(varied, method, base, *((high, low) if method == RUNS else (low, high)), sample)

    patch.setattr(one_way, "Bar", turned)
    return scenario


def curves_off(scenario: Scenario, patch: Patch) -> Scenario:
    """What is expected given a parameter lies a tenth too far from 0."""
    plain = Curve.at
    patch.setattr(Curve, "at", lambda self, x: Paired(1.1 * plain(self, x).mean, plain(self, x).deviations))
    return scenario


def roots_off(scenario: Scenario, patch: Patch) -> Scenario:
    """Thresholds lie too high."""
    plain = Search._root

    def off(self: Search, low: float, high: float, below: str, above: str, span: float) -> float:
        return plain(self, low, high, below, above, span) + 0.45 * span

    patch.setattr(Search, "_root", off)
    return scenario


# === Changes of the scenario ===


def worth_too_much(scenario: Scenario, patch: Patch) -> Scenario:
    """Information about some parameters is valued a million too high."""
    plain = partial.partial_information

    def more(columns: Any, gain: Any) -> Any:
        found = plain(columns, gain)
        return replace(found, evppi=found.evppi + 1e6)

    patch.setattr(partial, "partial_information", more)
    return scenario


def values(**overrides: float) -> Plant:
    """Parameters at other values."""
    return lambda scenario, _: scenario.with_values(overrides)


def parameter(id_: str, **fields: Any) -> Plant:
    """A parameter with other fields."""

    def plant(scenario: Scenario, _: Patch) -> Scenario:
        table = ParameterTable(replace(p, **fields) if p.id == id_ else p for p in scenario.table.values())
        return replace(scenario, table=table)

    return plant


def edited(change: Callable[..., Scenario], *arguments: Any) -> Plant:
    """A change of the bench's own."""
    return lambda scenario, _: change(scenario, *arguments)


def background(multiplier: float) -> Plant:
    """Background mortality times a factor, and hardly any death of disease."""

    def plant(scenario: Scenario, _: Patch) -> Scenario:
        transitions = [
            t
            if t.background is None
            else t.model_copy(update={"background": t.background.model_copy(update={"multiplier": multiplier})})
            for t in scenario.file.transitions
        ]
        return edits.with_file(scenario, transitions=transitions).with_values({"rate_death": 1e-4})

    return plant


def state(name: str, **update: Any) -> Plant:
    """A state with other fields."""

    def plant(scenario: Scenario, _: Patch) -> Scenario:
        states = scenario.file.states
        return edits.with_file(scenario, states={**states, name: states[name].model_copy(update=update)})

    return plant


def event(**update: Any) -> Plant:
    """The event with other fields."""

    def plant(scenario: Scenario, _: Patch) -> Scenario:
        events = scenario.file.events
        return edits.with_file(scenario, events={"toxicity": events["toxicity"].model_copy(update=update)})

    return plant


def option(**update: Any) -> Plant:
    """The second option of the only switch with other contents."""

    def plant(scenario: Scenario, _: Patch) -> Scenario:
        ((name, switch),) = scenario.file.switches.items()
        options = {**switch.options, "many": switch.options["many"].model_copy(update=update)}
        return edits.with_file(scenario, switches={name: switch.model_copy(update={"options": options})})

    return plant


def no_way_out(scenario: Scenario, _: Patch) -> Scenario:
    """The ill die of other causes alone."""
    kept = [t for t in scenario.file.transitions if t.to != "dead_disease"]
    return edits.with_file(scenario, transitions=kept)


def restarted_cure(scenario: Scenario, _: Patch) -> Scenario:
    """The ill recover and fall ill again, and some are cured of dying, on a clock that starts anew."""
    cured: dict[str, Any] = {"from": "ill", "to": "dead_disease", "name": "cured", "hazard": {"rate": 0.5, "cure": 0.1}}
    back: dict[str, Any] = {"from": "ill", "to": "well", "hazard": {"rate": 0.5}}
    for each in (cured, back):
        each["hazard"]["family"] = "exponential"
    new = [Transition.model_validate(each) for each in (cured, back)]
    return edits.with_file(scenario, transitions=[*scenario.file.transitions, *new])


def backward_life_table(scenario: Scenario, _: Patch) -> Scenario:
    """The young die like the old."""
    assert scenario.life is not None
    starts, hazards, _cumulative = scenario.life.intervals(0)
    turned = hazards[::-1]
    cumulative = np.concatenate(([0.0], np.cumsum(turned[:-1] * np.diff(starts))))
    return replace(scenario, life=replace(scenario.life, array=np.concatenate((starts, turned, cumulative))))


def unlikely_series(scenario: Scenario, _: Patch) -> Scenario:
    """A published figure far from the model's."""
    series = scenario.file.series["cohort"]
    row = series.rows[0].model_copy(update={"observed": 0.01, "n": 1000})
    return edits.with_file(scenario, series={"cohort": series.model_copy(update={"rows": [row]})})


# === Changes of lmssim ===


def estimates(change: Callable[[Estimates], None]) -> Plant:
    """What every evaluation gives is changed in place."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        estimates_of = fold.estimates_of

        def changed(*arguments: Any) -> Estimates:
            found = estimates_of(*arguments)
            change(found)
            return found

        patch.setattr(fold, "estimates_of", changed)
        return scenario

    return plant


def _subgroups_off(found: Estimates) -> None:
    """Means of subgroups are a little too large."""
    for part in found.partitions.values():
        part.mean[:] *= 1.001


def outcome(k: int, factor: float = 1.0, added: float = 0.0) -> Plant:
    """A main outcome times a factor plus an amount."""

    def change(found: Estimates) -> None:
        found.mean[:, :, k] = found.mean[:, :, k] * factor + added

    return estimates(change)


def references(ending: str, changed: Callable[[Any], Any]) -> Plant:
    """The compiler reads another value wherever the place of a value ends so."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        ref = CodeTable.ref

        def read(self: CodeTable, value: Any, where: str, check: str) -> int:
            known = value is not None and where.endswith(ending)
            return ref(self, changed(value) if known else value, where, check)

        patch.setattr(CodeTable, "ref", read)
        return scenario

    return plant


def family(name: str, code: int) -> Plant:
    """A family's name stands for another."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        patch.setattr(compile_transitions, "FAMILIES", {**FAMILIES, name: replace(FAMILIES[name], code=code)})
        return scenario

    return plant


def rate(changed: Callable[[float], float]) -> Plant:
    """Annual rates become other continuous ones."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        patch.setattr(discounting, "rate_of", lambda annual, _: changed(annual))
        return scenario

    return plant


def drawn(changed: Callable[[dict[str, Any], int], None]) -> Plant:
    """Parameter draws are changed in place."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        sample = sample_parameters

        def sampled(table: Any, groups: Any, n: int, seed: int, first: int = 0) -> Any:
            found = sample(table, groups, n, seed, first)
            changed(found, first)
            return found

        patch.setattr(program, "sample_parameters", sampled)
        return scenario

    return plant


def frontier(changed: Callable[[Any], Any]) -> Plant:
    """Rows of the incremental analysis are changed."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        true = cea.frontier
        patch.setattr(cea, "frontier", lambda *given: [changed(row) for row in true(*given)])
        return scenario

    return plant


def histories(changed: Callable[[Any, int], Any]) -> Plant:
    """Blocks of histories are changed; the second argument is the number of patients asked for."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        true = compiled.simulate

        def simulated(prog: Any, first: int, n: int, *rest: Any) -> Iterator[Any]:
            shift = int(n == 1 and changed is other_patient)
            for start, x, h in true(prog, first + shift, n, *rest):
                yield start - shift, x, changed(h, n)

        patch.setattr(compiled, "simulate", simulated)
        return scenario

    return plant


def other_patient(h: Any, _: int) -> Any:
    """Histories as they are: of the next patient, if one alone is asked for."""
    return h


def early_exits(h: Any, _: int) -> Any:
    """Stays that end before the next begins."""
    times = h.times.copy()
    times[:, ROW_LEFT] *= 0.99
    return replace(h, times=times)


def occupied(changed: Callable[[Any, int], None]) -> Plant:
    """Counts of occupancy are changed in place, given the number of patients."""
    return estimates(lambda found: changed(found.counts.occupancy, found.n))


def _add(occupancy: Any, s: int, k: int, time: int, n: int) -> None:
    occupancy[s, k, time] += n


def _counted_noise() -> Plant:
    counter = itertools.count()

    def change(found: Estimates) -> None:
        found.mean += next(counter) * 1e-9

    return estimates(change)


def by_workers(scenario: Scenario, patch: Patch) -> Scenario:
    """Results that depend on the number of workers."""

    def simulated(prog: Any, sampling: Any, *rest: Any, **more: Any) -> Estimates:
        found = simulate(prog, sampling, *rest, **more)
        found.mean *= 1.0 + 1e-12 * sampling.jobs
        return found

    patch.setattr(evaluation, "simulate", simulated)
    return scenario


def by_block(scenario: Scenario, patch: Patch) -> Scenario:
    """Results that depend on the size of blocks."""
    run = compiled.run

    def ran(prog: Any, numbers: Any, patients: Any, seed: int, wanted: Any, block: int) -> Any:
        result = run(prog, numbers, patients, seed, wanted, block)
        result.moments.total[:] *= 1.0 + 1e-12 * block
        return result

    patch.setattr(compiled, "run", ran)
    return scenario


def swapped_endpoints(scenario: Scenario, patch: Patch) -> Scenario:
    """Each endpoint's counts are the other's."""
    endpoint = Evaluation.endpoint
    other = {"os": "pfs", "pfs": "os"}
    patch.setattr(Evaluation, "endpoint", lambda self, name, strategy: endpoint(self, other[name], strategy))
    return scenario


def turned_increments(scenario: Scenario, patch: Patch) -> Scenario:
    """Increments of the wrong sign."""
    increment = Evaluation.increment

    def turned(self: Evaluation, strategy: str, outcome: str, over: str | None = None) -> Estimate:
        found = increment(self, strategy, outcome, over)
        return found._replace(mean=-found.mean)

    patch.setattr(Evaluation, "increment", turned)
    return scenario


def luck_apart(scenario: Scenario, patch: Patch) -> Scenario:
    """The other strategies' lives are those of the next patient."""
    live = bench.live

    def shuffled(*arguments: Any, **more: Any) -> Lives:
        lives = live(*arguments, **more)
        stays = lives.stays
        moved = np.where(stays.strategy == 0, stays.patient, (stays.patient + 1) % len(lives.x))
        return replace(lives, stays=replace(stays, patient=moved))

    patch.setattr(bench, "live", shuffled)
    return scenario


def skewed_numbers(module: Any, name: str) -> Plant:
    """Random numbers that are not uniform, where a module takes them from."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        fill = getattr(module, name)

        def skewed(*arguments: Any) -> None:
            fill(*arguments)
            arguments[-1][:] **= 1.3

        patch.setattr(module, name, skewed)
        return scenario

    return plant


def acceptability(changed: Callable[[Any], Any]) -> Plant:
    """Acceptability curves are changed."""

    def plant(scenario: Scenario, patch: Patch) -> Scenario:
        true = Acceptability.ceac
        patch.setattr(Acceptability, "ceac", lambda self, wtp: changed(true(self, wtp)))
        return scenario

    return plant


def one_rate(scenario: Scenario, patch: Patch) -> Scenario:
    """Effects discounted at the rate of costs."""
    true = compile_rewards.compile_rewards

    def compiled_rewards(draft: Any, states: Any) -> Any:
        found = true(draft, states)
        return replace(found, rates=found.rates._replace(effects=found.rates.costs))

    patch.setattr(compiling, "compile_rewards", compiled_rewards)
    return scenario


def late_times(scenario: Scenario, patch: Patch) -> Scenario:
    """Times a little later than the budget allows."""
    true = codes.inverse_cumulative_hazard
    patch.setattr(families, "inverse_cumulative_hazard", lambda code, h, *numbers: true(code, 1.00001 * h, *numbers))
    return scenario


def uncorrelated(scenario: Scenario, patch: Patch) -> Scenario:
    """Covariates drawn apart."""
    patch.setattr(population.Population, "_factor", lambda self: np.eye(len(self.covariates)))
    return scenario


def disagreeing(scenario: Scenario, patch: Patch) -> Scenario:
    """An exact engine that finds longer lives."""

    def solved(trial: Bench, group: agreement.Group) -> Evaluation:
        found = agreement.simulated(trial, group)
        found.estimates.mean[:, :, LY] *= 1.2
        return found

    patch.setattr(agreement, "solved", solved)
    return scenario


def _short_lives_longer(found: Estimates) -> None:
    if found.counts.occupancy.shape[2] < 200:
        found.mean *= 3.0


def _roll_states(found: Estimates) -> None:
    found.state[:] = np.roll(found.state, 1, axis=2)


def _one_draw_wrong(found: Estimates) -> None:
    if found.mean.shape[0] > 1:
        found.mean[5, :, QALY] = 100.0


def _first_draw_off(found: Estimates) -> None:
    if found.mean.shape[0] > 1:
        found.mean[0, 1, COST] += 1e-6


def _one_draw_apart(found: dict[str, Any], _: int) -> None:
    found["c_ill"][7] *= 100.0


def _shift_time(occupancy: Any, _: int) -> None:
    occupancy[:, 2] = np.roll(occupancy[:, 2], 1, axis=-1)


def _resurrect(occupancy: Any, n: int) -> None:
    occupancy[:, -1, 20] -= n // 2


def _first_differs(found: Estimates) -> None:
    found.mean[:, 0] *= 1.0 + 1e-12


def _longer_stays(found: Estimates) -> None:
    found.state[:, :, :, STATE_YEARS] *= 1.5


def _scale(name: str, factor: float) -> Callable[[dict[str, Any], int], None]:
    def change(found: dict[str, Any], _: int) -> None:
        found[name] = found[name] * factor

    return change


def _other_set(found: dict[str, Any], first: int) -> None:
    if first:
        found["c_ill"] = found["c_ill"] * 2.0


def _reverse(found: dict[str, Any], _: int) -> None:
    found["log_shape"] = found["log_shape"][::-1].copy()


def _doubled_half(value: Any) -> Any:
    return 3.0 if isinstance(value, str) and value.endswith("* 0.5") else value


def _capped(value: Any) -> Any:
    return 0.1 if isinstance(value, float) and value > 100.0 else value


PLANTS: dict[str, Plant] = {
    "effect-direction": values(loghr_drug=0.6),
    "effect-size": values(loghr_drug=-5.0),
    "treatment-direction": values(loghr_drug=0.6),
    "event-probability": references("toxicity.probability", lambda _: 0.3),
    "nested-exponential": family("weibull_ph", codes.WEIBULL),
    "nested-generalised-gamma": family("generalised_gamma", codes.LOGNORMAL),
    "endpoint-order": swapped_endpoints,
    "price-up": references("cost_per_year.care", lambda value: f"min({value}, 600)"),
    "sampled-quantiles": late_times,
    "sampled-times": family("weibull", codes.GAMMA),
    "occupancy-sum": occupied(lambda o, n: _add(o, 0, 2, 4, n // 10)),
    "occupancy-range": occupied(lambda o, n: _add(o, 0, 2, 4, -10 * n)),
    "net-flow": occupied(_shift_time),
    "fixed-stay": estimates(_longer_stays),
    "tunnel": histories(early_exits),
    "way-out": no_way_out,
    "cure-restart": restarted_cure,
    "branch-sum": values(share_a=0.9, share_b=0.4),
    "standstill": references("hazard.rate", lambda value: value or 0.01),
    "identical-strategies": estimates(_first_differs),
    "swapped-strategies": estimates(_first_differs),
    "deaths-never-fall": occupied(_resurrect),
    "all-dead": edited(edits.no_deaths),
    "no-mortality": references("hazard.rate", lambda value: value or 0.01),
    "extreme-mortality": references("hazard.rate", _capped),
    "survival-life-table": background(0.1),
    "background-life-table": background(0.5),
    "utility-one": outcome(QALY, 0.99),
    "utility-zero": outcome(QALY, 1.0, 0.01),
    "utility-lower": references(".utility", lambda _: 0.7),
    "state-utility-norm": values(u_well=1.1),
    "mean-utility-norm": state("ill", entry_utility=3.0),
    "cost-zero": outcome(COST, 1.0, 5.0),
    "acquisition-cost": estimates(_roll_states),
    "effect-dose": references("effects.received_drug", _doubled_half),
    "event-extremes": event(expected="benefit"),
    "event-none": references("toxicity.probability", lambda value: value or 0.05),
    "ly-exceed-qalys": outcome(QALY, 3.0),
    "undiscounted-exceed": outcome(LY, 3.0),
    "qalys-per-year": outcome(QALY_UNDISCOUNTED, 0.1),
    "components-sum": outcome(COST, 1.01),
    "shorter-horizon": estimates(_short_lives_longer),
    "rate-zero": rate(lambda annual: math.log1p(annual) or 0.01),
    "rate-higher": rate(lambda annual: 0.1 - annual),
    "rates-apart": one_rate,
    "rate-huge": rate(lambda annual: min(annual, 0.1)),
    "discount-two-years": rate(lambda annual: annual),
    "increments": turned_increments,
    "dominance": frontier(lambda row: replace(row, status=cea.DOMINATED) if row.reference is not None else row),
    "icers-ascend": frontier(lambda row: replace(row, icer=1.0 / row.icer)),
    "reproducible-seed": _counted_noise(),
    "reproducible-block": by_block,
    "reproducible-jobs": by_workers,
    "replay": histories(other_patient),
    "better-baseline": backward_life_table,
    "cost-per-year": references("cost_per_year.care", lambda value: f"1.1 * ({value})"),
    "domain": parameter("p_toxicity", distribution="normal", p1=0.05, p2=0.05),
    "distribution-family": parameter("c_toxicity", distribution="normal", p1=2000.0, p2=1500.0),
    "bounds": parameter("p_toxicity", value=0.5),
    "draw-means": drawn(_scale("rate_death", 1.1)),
    "dirichlet": drawn(_scale("share_a", 1.1)),
    "correlated-parameters": drawn(_reverse),
    "parameters-reach": parameter("pop_age", distribution="normal", p1=60.0, p2=1.0),
    "psa-mean": parameter("c_ill", value=40_000.0, p1=100.0, p2=40.0),
    "psa-repeat": drawn(_other_set),
    "draws-hold": estimates(_one_draw_wrong),
    "subgroups": estimates(_subgroups_off),
    "ceac-sum": acceptability(lambda curve: 0.99 * curve),
    "ceac-scatter": acceptability(lambda curve: curve[::-1]),
    "psa-cloud": drawn(_one_draw_apart),
    "draws-reach": estimates(_first_draw_off),
    "one-way-complete": varied(_first_missing),
    "one-way-joint": varied(_all_alone),
    "one-way-expected": curves_off,
    "one-way-plausible": bars_turned,
    "thresholds": roots_off,
    "voi-bounds": worth_too_much,
    "uniforms": skewed_numbers(uncertainty, "fill_uniforms"),
    "common-random-numbers": luck_apart,
    "covariate-means": skewed_numbers(population, "fill_uniforms"),
    "covariate-correlation": uncorrelated,
    "documented": parameter("c_drug", description=""),
    "published-series": unlikely_series,
    "claims": values(p_toxicity=0.13),
    "switch-labels": option(set={"p_toxicity": 0.13}),
    "switch-claims": option(claims=[]),
    "engine-agreement": disagreeing,
}
"""Check to the error that must make it fail."""
