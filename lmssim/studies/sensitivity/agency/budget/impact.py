"""Budget impact: what a payer spends year by year in two worlds, undiscounted, from costs by year since treatment.

What a patient costs within some years is the undiscounted cost of a run up to that horizon, by category; what falls in
one year is the difference between two horizons of the same patients, so that years add up, with nothing approximated. A
cost that terminal care pays for the months before death falls in the year of death.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.increments import Estimate
from lmssim.errors import InputError
from lmssim.model import edits
from lmssim.model.compile.scenario import compile_scenario
from lmssim.outcomes.estimators import Z975
from lmssim.outcomes.main import cost_positions
from lmssim.outcomes.tables import with_interval
from lmssim.studies.sensitivity.agency.budget.form import BASE, ENTRIES, EVENLY, NOW, THEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.agency.budget.file import Budget
    from lmssim.studies.sensitivity.agency.people import People
    from lmssim.studies.sensitivity.agency.units import Units

TOTAL, ALL = "total", "all years"
"""Names of all categories, and of all years together."""
DIFFERENCE = "difference"
WORLDS = (NOW, THEN, DIFFERENCE)
COLUMNS = ["year", "world", "category", "measure", "unit", "mean", "se"]
SINCE = ["strategy", "year_since_treatment", "category", "unit", "mean", "se"]
WHO = ["year", "world", "strategy", "share", "patients"]
SCENARIOS = ["scenario", "year", "patients", "source", "unit", "mean", "se"]
COST, PER_PATIENT = "cost", "cost_per_patient"
"""Measures: in all, and for each patient treated in the years of the analysis."""


@dataclass(frozen=True)
class Since:
    """Undiscounted costs of a patient in the year of the treatment, in the year after it, and so on.

    Attributes
    ----------
    cost : ndarray(float, ndim=5)
        (n_years, n_units, n_sets, n_strategies, n_categories).
    steps : ndarray(float, ndim=3)
        (n_years, n_strategies, n_categories): error of the steps of an exact solution, 0 of simulated patients.
    """

    cost: FloatArray
    steps: FloatArray


@dataclass(frozen=True)
class Impact:
    """A budget impact.

    Attributes
    ----------
    scenario : Scenario
        What was run.
    budget : Budget
        Who is treated, and how.
    units : Units
        Of the runs, for their sizes.
    since : Since
        Costs by year since treatment.
    strategies : sequence of str
        Which were run, in order.
    n_people : int
        Patients behind the costs, or profiles.
    """

    scenario: Scenario
    budget: Budget
    units: Units
    since: Since
    strategies: Sequence[str]
    n_people: int

    @property
    def categories(self) -> list[str]:
        """Cost categories."""
        return self.scenario.file.settings.cost_categories

    def cost(self, world: str, year: int | None = None, category: str = TOTAL) -> Estimate:
        """What is spent in a year, or in all, and its standard error.

        Parameters
        ----------
        world : str
            `now`, `then`, or `difference`: then less now.
        year : int, optional
            Counted from 0; all years if absent.
        category : str
            Cost category, or `total`.
        """
        return self._estimate(self._patients(world, year), category)

    def per_patient(self, world: str) -> Estimate:
        """The cost of all years for each patient treated in them."""
        n = sum(self.budget.patients)
        mean, se = self.cost(world)
        return Estimate(mean / n, se / n) if n > 0.0 else Estimate(float("nan"), float("nan"))

    def of_patient(self, strategy: str, year: int, category: str = TOTAL) -> Estimate:
        """What a patient costs in a year since treatment, counted from 0."""
        patients = np.zeros(self.since.steps.shape[:2])
        patients[year, self.strategies.index(strategy)] = 1.0
        return self._estimate(patients, category)

    def _estimate(self, patients: FloatArray, category: str) -> Estimate:
        """What patients cost, so many in each year since treatment under each strategy, (n_years, n_strategies)."""
        k = slice(None) if category == TOTAL else [self.categories.index(category)]
        weights = patients[..., None] * np.array([self.budget.factors.get(name, 1.0) for name in self.categories])[k]
        by_set = (self.since.cost[..., k] * weights[:, None, None]).sum(axis=(0, 3, 4))
        return self.units.estimate(by_set, float((self.since.steps[..., k] * np.abs(weights)).sum()))

    def _patients(self, world: str, year: int | None) -> FloatArray:
        """Patients who cost in a year, or in all, by year since their treatment and strategy."""
        if world == DIFFERENCE:
            difference: FloatArray = self._patients(THEN, year) - self._patients(NOW, year)
            return difference
        found = np.zeros(self.since.steps.shape[:2])
        for at in range(self.budget.years) if year is None else [year]:
            for cohort in range(at + 1):
                mix = self.budget.mix(world, cohort)
                shares = np.array([mix[strategy] for strategy in self.strategies])
                found[at - cohort] += self.budget.patients[cohort] * shares
        return found

    # --- what a payer asks ---

    @property
    def exceeding(self) -> list[int]:
        """Years, counted from 0, in which the difference exceeds the threshold, if there is one."""
        return [year for year, over, _ in self._over_threshold() if over > 0.0]

    @property
    def undecided(self) -> list[int]:
        """Years, counted from 0, in which the error of the difference leaves open whether it exceeds the threshold."""
        return [year for year, over, se in self._over_threshold() if abs(over) < Z975 * se]

    def _over_threshold(self) -> Iterator[tuple[int, float, float]]:
        """By how much the difference exceeds the threshold in each year that it is asked about, and the error."""
        if (bound := self.budget.file.threshold) is not None:
            for year in range(min(bound.years, self.budget.years)):
                mean, se = self.cost(DIFFERENCE, year)
                yield year, mean - bound.amount, se

    def scenarios(self) -> Iterator[tuple[str, str, Impact]]:
        """Label and origin of the base case and of each scenario, and its impact, from the same costs."""
        yield BASE, "", self
        for changes in self.budget.file.scenarios:
            yield changes.label, changes.origin, replace(self, budget=self.budget.changed(changes))

    # --- tables ---

    @cached_property
    def budget_impact(self) -> pd.DataFrame:
        """Spending by year, world and cost category, and for each patient treated."""
        rows = []
        names = [*enumerate(self.budget.year_names()), (None, ALL)]
        for year, name in names:
            for world in WORLDS:
                for category in (TOTAL, *self.categories):
                    rows.append((name, world, category, COST, self._currency, *self.cost(world, year, category)))
        for world in WORLDS:
            rows.append((ALL, world, TOTAL, PER_PATIENT, self._currency, *self.per_patient(world)))
        return with_interval(pd.DataFrame(rows, columns=COLUMNS))

    @cached_property
    def budget_scenarios(self) -> pd.DataFrame:
        """Difference between the worlds by year in the base case and in each scenario."""
        rows = [
            (
                label,
                name,
                sum(each.budget.patients) if year is None else each.budget.patients[year],
                origin,
                unit,
                *cost,
            )
            for label, origin, each in self.scenarios()
            for unit, names in ((self._currency, [*enumerate(each.budget.year_names()), (None, ALL)]),)
            for year, name in names
            for cost in (each.cost(DIFFERENCE, year),)
        ]
        return with_interval(pd.DataFrame(rows, columns=SCENARIOS))

    @cached_property
    def budget_patients(self) -> pd.DataFrame:
        """Patients by year, world and strategy."""
        rows = [
            (name, world, strategy, share, self.budget.patients[year] * share)
            for year, name in enumerate(self.budget.year_names())
            for world in (NOW, THEN)
            for strategy, share in self.budget.mix(world, year).items()
        ]
        return pd.DataFrame(rows, columns=WHO)

    @cached_property
    def cost_by_year(self) -> pd.DataFrame:
        """Undiscounted cost of a patient by year since treatment, strategy and category."""
        rows = [
            (strategy, year + 1, category, self._currency, *self.of_patient(strategy, year, category))
            for strategy in self.strategies
            for year in range(self.budget.years)
            for category in (TOTAL, *self.categories)
        ]
        return with_interval(pd.DataFrame(rows, columns=SINCE))

    @cached_property
    def budget_inputs(self) -> pd.DataFrame:
        """What the file states, and where each figure is from."""
        return pd.DataFrame(self.budget.assumptions(), columns=["input", "value", "source"])

    @property
    def _currency(self) -> str:
        return self.scenario.file.settings.currency


def impact(
    program: Program, people: People, budget: Budget, progress: Callable[[int, int], None] | None = None
) -> Impact:
    """Run the strategies of both worlds up to each horizon, with the same patients.

    Parameters
    ----------
    people : Followed or Solved
        Of whom some are followed (`lmssim.studies.sensitivity.agency.followed.MOST_ALONE`).
    progress : callable, optional
        Called with (horizons done, horizons in all).

    Raises
    ------
    InputError
        If a model in cycles has no horizon where the analysis needs one.
    """
    strategies = [s for s in program.strategies if s in budget.strategies]
    own, horizons = people.only(strategies), _horizons(budget)
    _check_cycles(program.scenario, horizons, budget)
    costs, steps, units = [], [], None
    for done, horizon in enumerate(horizons, 1):
        short = compile_scenario(edits.horizon(program.scenario, horizon))
        units = own.run(short, f"within-{horizon:g}")
        _, undiscounted = cost_positions(0, len(short.categories), short.n_categories)
        costs.append(units.means[..., undiscounted])
        steps.append(np.zeros(costs[0].shape[2:]) if units.steps is None else units.steps[:, undiscounted])
        if progress is not None:
            progress(done, len(horizons))
    assert units is not None
    since = Since(_yearly(costs, budget.years, -1.0), _yearly(steps, budget.years, 1.0))
    return Impact(program.scenario, budget, units, since, strategies, own.n_people)


def _horizons(budget: Budget) -> list[float]:
    """Years since treatment up to which costs are needed, of each part of a year's patients."""
    return [year + part for year in range(budget.years) for part in ENTRIES[budget.file.entry]]


def _yearly(within: Sequence[FloatArray], years: int, sign: float) -> FloatArray:
    """By year since treatment, from what falls up to each horizon: its mean over parts of a year's patients.

    What falls up to the year before is added with a sign: less it a cost is that of the year, and errors add up.
    """
    each = np.stack(within).reshape(years, -1, *within[0].shape).mean(axis=1)
    before = np.concatenate([np.zeros((1, *each.shape[1:])), each[:-1]])
    found: FloatArray = each + sign * before
    return found


def _check_cycles(scenario: Scenario, horizons: Sequence[float], budget: Budget) -> None:
    """Refuse horizons that lie within a cycle."""
    cycle = edits.cycle_length(scenario)
    if cycle is None or all(abs(h / cycle - round(h / cycle)) < 1e-9 and h > cycle / 2 for h in horizons):
        return
    hint = " Give entry = 'start'." if budget.file.entry == EVENLY else ""
    raise InputError(
        f"{budget.path}: entry: '{budget.file.entry}' needs costs up to {horizons[0]:g} years, which is no whole "
        f"number of the model's cycles of {cycle:.6g} years.{hint}"
    )
