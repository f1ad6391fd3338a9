"""Budget impact: what a payer spends year by year in two worlds, undiscounted, from costs by year since treatment.

What a patient costs within some years is the undiscounted cost of a run up to that horizon, by category; what falls in
one year is the difference between two horizons of the same patients, so that years add up, with nothing approximated. A
cost that terminal care pays for the months before death falls in the year of death.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.increments import Estimate
from lmssim.errors import InputError
from lmssim.model import edits
from lmssim.model.compile.scenario import compile_scenario
from lmssim.outcomes.main import cost_positions
from lmssim.outcomes.tables import with_interval
from lmssim.studies.sensitivity.agency.budget.file import ENTRIES, EVENLY, NOW, THEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.agency.budget.file import Budget
    from lmssim.studies.sensitivity.agency.units import Followed, Units

TOTAL, ALL = "total", "all years"
"""Names of all categories, and of all years together."""
DIFFERENCE = "difference"
WORLDS = (NOW, THEN, DIFFERENCE)
COLUMNS = ["year", "world", "category", "measure", "unit", "mean", "se"]
SINCE = ["strategy", "year_since_treatment", "category", "unit", "mean", "se"]
WHO = ["year", "world", "strategy", "share", "patients"]
COST, PER_PATIENT = "cost", "cost_per_patient"
"""Measures: in all, and for each patient treated in the years of the analysis."""


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
    since : ndarray(float, ndim=4)
        (n_years, n_units, n_strategies, n_categories): undiscounted cost of a patient in the year of the treatment, in
        the year after it, and so on.
    strategies : sequence of str
        Which were run, in order.
    n_patients : int
        Patients behind the costs.
    """

    scenario: Scenario
    budget: Budget
    units: Units
    since: FloatArray
    strategies: Sequence[str]
    n_patients: int

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
        k = slice(None) if category == TOTAL else [self.categories.index(category)]
        by_unit = self._spent(world)[..., k].sum(axis=-1)
        return self.units.estimate(by_unit.sum(axis=0) if year is None else by_unit[year])

    def per_patient(self, world: str) -> Estimate:
        """The cost of all years for each patient treated in them."""
        n = sum(self.budget.patients)
        mean, se = self.cost(world)
        return Estimate(mean / n, se / n) if n > 0.0 else Estimate(float("nan"), float("nan"))

    def _spent(self, world: str) -> FloatArray:
        """Cost by year, unit and category, (n_years, n_units, n_categories)."""
        if world == DIFFERENCE:
            difference: FloatArray = self._worlds[THEN] - self._worlds[NOW]
            return difference
        return self._worlds[world]

    @cached_property
    def _worlds(self) -> dict[str, FloatArray]:
        return {
            world: np.stack([self._year(world, year) for year in range(self.budget.years)]) for world in (NOW, THEN)
        }

    def _year(self, world: str, year: int) -> FloatArray:
        """Cost of one year: of its own patients, and of those of the years before it."""
        total = np.zeros(self.since.shape[1::2])
        for cohort in range(year + 1):
            mix = self.budget.mix(world, cohort)
            shares = np.array([mix[strategy] for strategy in self.strategies])
            each = (self.since[year - cohort] * shares[None, :, None]).sum(axis=1)
            total += self.budget.patients[cohort] * each
        return total

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
        rows = []
        for s, strategy in enumerate(self.strategies):
            for year, category, values in self._by_category(s):
                rows.append((strategy, year + 1, category, self._currency, *self.units.estimate(values)))
        return with_interval(pd.DataFrame(rows, columns=SINCE))

    @cached_property
    def budget_inputs(self) -> pd.DataFrame:
        """What the file states, and where each figure is from."""
        return pd.DataFrame(self.budget.assumptions(), columns=["input", "value", "source"])

    def _by_category(self, s: int) -> Iterator[tuple[int, str, FloatArray]]:
        for year, each in enumerate(self.since[:, :, s]):
            yield year, TOTAL, each.sum(axis=-1)
            for k, category in enumerate(self.categories):
                yield year, category, each[:, k]

    @property
    def _currency(self) -> str:
        return self.scenario.file.settings.currency


def impact(
    program: Program, people: Followed, budget: Budget, progress: Callable[[int, int], None] | None = None
) -> Impact:
    """Run the strategies of both worlds up to each horizon, with the same patients.

    Parameters
    ----------
    people : Followed
        Of whom some are followed (`lmssim.studies.sensitivity.agency.units.MOST_ALONE`).
    progress : callable, optional
        Called with (horizons done, horizons in all).

    Raises
    ------
    InputError
        If a model in cycles has no horizon where the analysis needs one.
    """
    scenario, entries = program.scenario, ENTRIES[budget.file.entry]
    strategies = [s for s in program.strategies if s in budget.strategies]
    own = people.only(strategies)
    horizons = [year + part for year in range(budget.years) for part in entries]
    _check_cycles(scenario, horizons, budget)
    sums, units = [], None
    for done, horizon in enumerate(horizons, 1):
        short = compile_scenario(edits.horizon(scenario, horizon))
        units = own.run(short)
        _, undiscounted = cost_positions(0, len(short.categories), short.n_categories)
        sums.append(units.over_sets(units.means[..., undiscounted]))
        if progress is not None:
            progress(done, len(horizons))
    assert units is not None
    within = np.stack(sums).reshape(budget.years, len(entries), *sums[0].shape).mean(axis=1)
    since = np.diff(within, axis=0, prepend=np.zeros((1, *within.shape[1:])))
    return Impact(scenario, budget, units, since, strategies, own.sampling.n_patients)


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
