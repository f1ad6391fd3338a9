"""Checks of death: who dies, when, and never less than the general population."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.errors import NotApplicableError
from lmssim.execution.simulate import COHORT
from lmssim.model import edits
from lmssim.model.compile.discounting import rate_of
from lmssim.studies.verify.bench import LY, LY_PLAIN, Bench, constant
from lmssim.studies.verify.chance import CUTS, shares
from lmssim.studies.verify.checks.states import occupancy, times
from lmssim.studies.verify.finding import EXACT, Finding, Status, compare, places, rounding, warning, worst_of
from lmssim.studies.verify.registry import Scope, check

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.kernels import FloatArray
    from lmssim.model.population.mortality import LifeTable
    from lmssim.model.scenario import Scenario

OLDEST = 110.0
"""Age by which everybody is dead, years."""
STEPS = 1e-6
"""Accepted difference of an exact solution by its steps."""
STILL_ALIVE = 2e-3
"""Share that may be alive at a lifetime horizon."""
AT_ONCE = 1e6
"""Hazard of death at which all die at once, per year."""
YOUNGER = 10.0
MORE = 4
"""Patients, as a multiple of those asked for, where shares are compared with the life table: such lives are cheap."""
GROWN = 45.0
"""Age up to which mortality may fall with age, as it does among young men in many countries."""


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


def _refuse_curves(scenario: Scenario) -> None:
    if scenario.file.partitioned_survival is not None:
        raise NotApplicableError("deaths follow from survival curves, which have no hazard of death to change")


@check("deaths-never-fall", "event/state", "Cumulative deaths never fall")
def the_dead_stay_dead(bench: Bench) -> Finding:
    """Share dead at each time against the time before."""
    share = dead(bench.base)
    where = places(strategy=bench.strategies, time=times(bench.base)[1:])
    return compare(share[:, 1:], "at least", share[:, :-1], EXACT, where, "times")


@check("all-dead", "event/state", "Everybody is dead at the end of a lifetime horizon")
def everybody_dies(bench: Bench) -> Finding:
    """Share dead a quarter before the horizon, if that lies 110 years or more after birth on average.

    Some alive is a warning: a published horizon or hazard may leave them alive.
    """
    settings, ages = bench.scenario.file.settings, _ages(bench)
    if settings.horizon < OLDEST - ages.mean():
        raise NotApplicableError(f"the horizon of {settings.horizon:g} years is no lifetime at age {ages.mean():.0f}")
    at_end = dead(bench.base)[:, -1]
    return warning(compare(at_end, "equal to", 1.0, STILL_ALIVE, places(strategy=bench.strategies)))


def _ages(bench: Bench) -> FloatArray:
    x = bench.program.patients(0, bench.sampling.n_patients, bench.sampling.seed)
    ages: FloatArray = x[:, list(bench.program.names.covariates).index(bench.scenario.file.population.age)]
    return ages


@check("no-mortality", "event/state", "With hazards of death 0 nobody dies and life lasts to the horizon")
def nobody_dies_without_hazard(bench: Bench) -> Finding:
    """Share dead at the end, and life years against the closed form, discounted and not."""
    _refuse_other_ends(bench.scenario)
    _refuse_curves(bench.scenario)
    changed = (edits.no_deaths,)
    everywhere = places(strategy=bench.strategies, time=times(bench.base))
    nobody = compare(dead(bench.run(changed)), "equal to", 0.0, EXACT, everywhere)
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
    _refuse_curves(bench.scenario)
    changed = (edits.extreme_mortality, AT_ONCE)
    cycle, grid = edits.cycle_length(bench.scenario) or 0.0, times(bench.base)
    each, most = places(strategy=bench.strategies), cycle + 10.0 / AT_ONCE
    findings = [compare(bench.mean(changed)[:, LY_PLAIN], "at most", most, 0.0, each, "life years")]
    first = int(np.searchsorted(grid, most))
    if first < len(grid):
        findings.append(compare(dead(bench.run(changed))[:, first], "equal to", 1.0, EXACT, each, "shares"))
    return worst_of(findings)


# === The general population ===


def life_table_survival(
    table: LifeTable, keys: FloatArray, ages: FloatArray, t: FloatArray, weights: FloatArray
) -> FloatArray:
    """Survival of the general population of the same ages and keys, a weighted average over patients: (n_times,)."""
    total = np.zeros(len(t))
    for key in np.unique(keys).astype(int):
        starts, hazards, cumulative = table.intervals(key)
        own, share = ages[keys == key], weights[keys == key]
        reached = own[:, None] + t[None, :]
        before = _cumulative(own, starts, hazards, cumulative)[:, None]
        total += share @ np.exp(before - _cumulative(reached, starts, hazards, cumulative))
    return total


def _cumulative(age: FloatArray, starts: FloatArray, hazards: FloatArray, cumulative: FloatArray) -> FloatArray:
    k = np.searchsorted(starts, age, side="right") - 1
    total: FloatArray = cumulative[k] + hazards[k] * (age - starts[k])
    return total


def _expected_alive(bench: Bench, t: FloatArray, n: int) -> FloatArray:
    table = bench.scenario.life
    if table is None:
        raise NotApplicableError("the model has no life table")
    x, weights = _people(bench, n)
    ages = x[:, list(bench.program.names.covariates).index(bench.scenario.file.population.age)]
    return life_table_survival(table, x[:, -2], ages, t, weights)


def _people(bench: Bench, n: int) -> tuple[FloatArray, FloatArray]:
    """Columns of `n` patients, or of the profiles that the engine follows, and what each weighs."""
    if bench.engine == COHORT:
        profiles = choose_profiles(bench.program, bench.base.sampling.profiles, bench.base.sampling.seed)
        return profiles.x, profiles.weights
    return bench.program.patients(0, n, bench.sampling.seed), np.full(n, 1.0 / n)


def _never_above(bench: Bench, evaluation: Evaluation) -> Finding:
    """Survival against the life table's, at the times when that has lost some shares of the patients.

    A model in cycles reads mortality at the start of each, so that it may lag by one.
    """
    cycle, grid, n = edits.cycle_length(bench.scenario), times(bench.base), evaluation.n
    expected = _expected_alive(bench, grid if cycle is None else np.maximum(grid - cycle, 0.0), n)
    alive = 1.0 - dead(evaluation)
    if bench.engine == COHORT:
        return compare(
            alive, "at most", expected[None, :], STEPS, places(strategy=bench.strategies, time=grid), "times"
        )
    at = np.unique(np.minimum(np.searchsorted(1.0 - expected, CUTS), len(grid) - 1))
    where = places(strategy=bench.strategies, time=grid[at])
    return shares(alive[:, at] * n, "at most", expected[None, at], n, where, "times")


@check("survival-life-table", "event/state", "Survivors are never above the life table of the same patients")
def survival_stays_below_the_life_table(bench: Bench) -> Finding:
    """Share alive when the life table has lost 2, 10, 25, 50, 75, 90 and 98% of the patients."""
    return _never_above(bench, bench.base)


@check(
    "background-life-table",
    "event/state",
    "With background mortality as the only death, survivors are never above the life table",
)
def background_is_not_less_than_the_life_table(bench: Bench) -> Finding:
    """Share alive at the same times, all other hazards of death 0; the state with the least background is named."""
    if bench.scenario.life is None:
        raise NotApplicableError("the model has no life table")
    _refuse_curves(bench.scenario)
    more = {} if bench.engine == COHORT else {"n_patients": MORE * bench.sampling.n_patients}
    finding = _never_above(bench, bench.run((edits.no_deaths, True), **more))
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


@check(
    "better-baseline",
    "results",
    "Patients who are ten years younger live longer, where a life table is used",
    scope=Scope.LIVES,
)
def the_younger_live_longer(bench: Bench) -> Finding:
    """Undiscounted life years of the same patients with common random numbers, background mortality the only death."""
    if bench.scenario.life is None:
        raise NotApplicableError("the model has no life table")
    ages = _ages(bench)
    if ages.min() < YOUNGER + 1.0:
        raise NotApplicableError("some patients are children, whom the life table spares more as they grow")
    only = (edits.no_deaths, True)
    if ages.mean() < GROWN and not _rises(
        bench.scenario.life, ages - YOUNGER, ages + bench.scenario.file.settings.horizon
    ):
        raise NotApplicableError("mortality of the life table does not rise with age while patients are young adults")
    base = bench.mean(only)[:, LY_PLAIN]
    younger = bench.mean(only, (edits.younger, YOUNGER))[:, LY_PLAIN]
    return compare(younger, "at least", base, rounding(base), places(strategy=bench.strategies), "life years")


def _rises(life: LifeTable, first: FloatArray, last: FloatArray) -> bool:
    """Whether mortality never falls between two ages of each patient, for any key."""
    for key in range(len(life.offset)):
        starts, hazards, _ = life.intervals(key)
        seen = hazards[(starts >= first.min() - 1.0) & (starts <= last.max())]
        if np.any(np.diff(seen) < 0.0):
            return False
    return True
