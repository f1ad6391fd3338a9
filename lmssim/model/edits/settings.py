"""Other strategies, patients, horizons and discount rates."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmssim.model.edits.rewards import no_norms
from lmssim.model.edits.rewriting import with_file, with_settings
from lmssim.model.language import expression
from lmssim.model.language.schema import (
    Endpoint,
    State,
    Strategy,
    Transition,
)
from lmssim.model.language.schema.settings import STEPS_PER_YEAR
from lmssim.model.population.joint import Covariate, Population

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.population.joint import Patients
    from lmssim.model.scenario import Scenario


def strategies_compared_by_name(scenario: Scenario) -> bool:
    """Whether an expression, or a lookup table by its keys, asks which strategy it is."""
    if any("strategy" in table.by for table in scenario.tables.values()):
        return True
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


def whole_steps(scenario: Scenario) -> float:
    """The last time of the grid of endpoints at or before the horizon."""
    return math.floor(scenario.file.settings.horizon * STEPS_PER_YEAR) / STEPS_PER_YEAR


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
        settings=short.file.settings.model_copy(update={"sequence": None, "outcomes": []}),
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
        outcomes={},
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
