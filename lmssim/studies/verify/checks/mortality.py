"""Checks of death: who dies, when, and never less than the general population."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import NotApplicableError
from lmssim.model import edits
from lmssim.model.compile.discounting import rate_of
from lmssim.studies.verify.bench import LY, LY_PLAIN, Bench, constant
from lmssim.studies.verify.checks.states import occupancy, times
from lmssim.studies.verify.finding import EXACT, Finding, Status, Z, compare, places, worst_of
from lmssim.studies.verify.registry import check

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.kernels import FloatArray
    from lmssim.model.population.mortality import LifeTable
    from lmssim.model.scenario import Scenario

OLDEST = 110.0
"""Age by which everybody is dead, years."""
STILL_ALIVE = 2e-3
"""Share that may be alive at a lifetime horizon."""
AT_ONCE = 1e6
"""Hazard of death at which all die at once, per year."""
YOUNGER = 10.0


def dead(evaluation: Evaluation) -> FloatArray:
    """Share dead, by strategy and time."""
    deaths = edits.deaths_of(evaluation.scenario)
    if not deaths:
        raise NotApplicableError("no state is a death")
    share: FloatArray = occupancy(evaluation)[:, [evaluation.program.states.index(d) for d in deaths]].sum(axis=1)
    return share


def _refuse_other_ends(scenario: Scenario) -> None:
    ends = [name for name, s in scenario.file.states.items() if s.kind == "absorbing" and s.death is None]
    if ends:
        raise NotApplicableError(f"state '{ends[0]}' ends a life and is no death")


@check("deaths-never-fall", "event/state", "Cumulative deaths never fall")
def the_dead_stay_dead(bench: Bench) -> Finding:
    """Share dead at each time against the time before."""
    share = dead(bench.base)
    where = places(strategy=bench.strategies, time=times(bench.base)[1:])
    return compare(share[:, 1:], "at least", share[:, :-1], EXACT, where, "times")


@check("all-dead", "event/state", "Everybody is dead at the end of a lifetime horizon")
def everybody_dies(bench: Bench) -> Finding:
    """Share dead a quarter before the horizon, if that lies 110 years or more after birth on average."""
    settings, ages = bench.scenario.file.settings, _ages(bench)
    if settings.horizon < OLDEST - ages.mean():
        raise NotApplicableError(f"the horizon of {settings.horizon:g} years is no lifetime at age {ages.mean():.0f}")
    return compare(dead(bench.base)[:, -1], "equal to", 1.0, STILL_ALIVE, places(strategy=bench.strategies))


def _ages(bench: Bench) -> FloatArray:
    x = bench.program.patients(0, bench.sampling.n_patients, bench.sampling.seed)
    ages: FloatArray = x[:, list(bench.program.names.covariates).index(bench.scenario.file.population.age)]
    return ages


@check("no-mortality", "event/state", "With hazards of death 0 nobody dies and life lasts to the horizon")
def nobody_dies_without_hazard(bench: Bench) -> Finding:
    """Share dead at the end, and life years against the closed form, discounted and not."""
    _refuse_other_ends(bench.scenario)
    changed = (edits.no_deaths,)
    everywhere = places(strategy=bench.strategies, time=times(bench.base))
    nobody = compare(dead(bench.run(changed)), "equal to", 0.0, 0.0, everywhere)
    if edits.cycle_length(bench.scenario) is not None:
        return nobody  # life years are sums over points, by the stated correction
    settings = bench.scenario.file.settings
    rate = rate_of(settings.discount_rate_effects, settings)
    years = settings.horizon if rate == 0.0 else -math.expm1(-rate * settings.horizon) / rate
    mean = bench.mean(changed)[:, [LY, LY_PLAIN]]
    expected = np.broadcast_to([years, settings.horizon], mean.shape)
    where = bench.grid(["life_years", "life_years_undiscounted"])
    return worst_of(
        [
            nobody,
            compare(mean, "equal to", expected, EXACT * expected, where),
        ]
    )


@check("extreme-mortality", "event/state", "With an extreme hazard of death all die at once")
def all_die_at_once(bench: Bench) -> Finding:
    """Share dead at the first time after 0 (or after a cycle), and life years."""
    changed = (edits.extreme_mortality, AT_ONCE)
    cycle = edits.cycle_length(bench.scenario) or 0.0
    first = int(np.searchsorted(times(bench.base), max(cycle, AT_ONCE**-1)))
    return worst_of(
        [
            compare(dead(bench.run(changed))[:, first], "equal to", 1.0, EXACT, places(strategy=bench.strategies)),
            compare(
                bench.mean(changed)[:, LY_PLAIN],
                "at most",
                cycle + 10.0 / AT_ONCE,
                0.0,
                places(strategy=bench.strategies),
            ),
        ]
    )


# === The general population ===


def life_table_survival(table: LifeTable, keys: FloatArray, ages: FloatArray, t: FloatArray) -> FloatArray:
    """Survival of the general population of the same ages and keys, averaged over patients: (n_times,)."""
    total = np.zeros(len(t))
    for key in np.unique(keys).astype(int):
        starts, hazards, cumulative = table.intervals(key)
        own = ages[keys == key]
        reached = own[:, None] + t[None, :]
        before = _cumulative(own, starts, hazards, cumulative)[:, None]
        total += np.exp(before - _cumulative(reached, starts, hazards, cumulative)).sum(axis=0)
    mean: FloatArray = total / len(ages)
    return mean


def _cumulative(age: FloatArray, starts: FloatArray, hazards: FloatArray, cumulative: FloatArray) -> FloatArray:
    k = np.searchsorted(starts, age, side="right") - 1
    total: FloatArray = cumulative[k] + hazards[k] * (age - starts[k])
    return total


def _expected_alive(bench: Bench) -> FloatArray:
    table = bench.scenario.life
    if table is None:
        raise NotApplicableError("the model has no life table")
    x = bench.program.patients(0, bench.sampling.n_patients, bench.sampling.seed)
    return life_table_survival(table, x[:, -2], _ages(bench), times(bench.base))


def _never_above(bench: Bench, evaluation: Evaluation) -> Finding:
    """Survival against the life table's, with the binomial error of as many patients."""
    expected = _expected_alive(bench)
    error = np.sqrt(expected * (1.0 - expected) / bench.sampling.n_patients)
    alive = 1.0 - dead(evaluation)
    where = places(strategy=bench.strategies, time=times(bench.base))
    return compare(alive, "at most", expected[None, :], Z * error + 1.0 / bench.sampling.n_patients, where, "times")


@check("survival-life-table", "event/state", "Survivors are never above the life table of the same patients")
def survival_stays_below_the_life_table(bench: Bench) -> Finding:
    """Share alive at every quarter year."""
    return _never_above(bench, bench.base)


@check(
    "background-life-table",
    "event/state",
    "With background mortality as the only death, survivors are never above the life table",
)
def background_is_not_less_than_the_life_table(bench: Bench) -> Finding:
    """Share alive at every quarter year, all other hazards of death 0; the state with the least background is named."""
    if bench.scenario.life is None:
        raise NotApplicableError("the model has no life table")
    finding = _never_above(bench, bench.run((edits.no_deaths, True)))
    spared = _spared(bench) if finding.status == Status.FAILED else ""
    return replace(finding, where={**finding.where, "state": spared}) if spared else finding


def _spared(bench: Bench) -> str:
    """States of stay without background mortality, or with less than the table's."""
    values = bench.values(bench.scenario.comparator)
    multipliers = {name: 0.0 for name, state in bench.program.flat.states.items() if state.kind == "dwelling"}
    for source, t in bench.program.flat.transitions:
        if t.background is not None:
            factor = constant(t.background.multiplier, values)
            multipliers[source] = max(multipliers[source], 1.0 if factor is None else factor)
    return ", ".join(f"{name} (background x {factor:g})" for name, factor in multipliers.items() if factor < 1.0)


@check("better-baseline", "results", "Patients who are ten years younger live longer, where a life table is used")
def the_younger_live_longer(bench: Bench) -> Finding:
    """Undiscounted life years of the same patients with common random numbers, background mortality the only death."""
    if bench.scenario.life is None:
        raise NotApplicableError("the model has no life table")
    if _ages(bench).min() < YOUNGER + 1.0:
        raise NotApplicableError("some patients are children, whom the life table spares more as they grow")
    only = (edits.no_deaths, True)
    gain = bench.mean(only, (edits.younger, YOUNGER))[:, LY_PLAIN] - bench.mean(only)[:, LY_PLAIN]
    return compare(gain, "at least", 0.0, 0.0, places(strategy=bench.strategies), "gains of life years")
