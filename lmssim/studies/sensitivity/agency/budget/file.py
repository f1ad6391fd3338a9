"""The file of a budget impact analysis: who is treated each year, and how, in two worlds; each figure with its source.

References
----------
Sullivan SD, Mauskopf JA, Augustovski F, et al. Budget impact analysis - principles of good practice: report of the
ISPOR 2012 Budget Impact Analysis Good Practice II Task Force. Value Health 17:5-14, 2014.
doi:10.1016/j.jval.2013.08.2291
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from lmssim.bundled import budget_names, find_budget, find_scenario
from lmssim.errors import InputError, unknown
from lmssim.execution.store import hash_of
from lmssim.model.language.files import read_toml
from lmssim.model.language.messages import checked
from lmssim.model.language.schema.words import Number, Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.model.scenario import Scenario

MOST_YEARS, MOST_SHARES, MOST_PEOPLE = 20, 20, 1e11
START, EVENLY = "start", "evenly"
"""When patients enter: all at the start of a year, or evenly over it."""
ENTRIES = {START: (1.0,), EVENLY: (0.125, 0.375, 0.625, 0.875)}
"""Years that patients of each equal part have in the year of their treatment: evenly is the middle of each quarter."""
NOW, THEN = "now", "then"
"""The two worlds: today's care, and care with the new strategies."""
SAME = 1e-9
"""How far shares may be from adding up to 1."""

Share = Annotated[Number, Field(ge=0, le=1)]


class Sourced(Section):
    """What tells where a figure is from: a source, or that it is assumed, and why."""

    label: str = Field(default="", max_length=200)
    source: str | None = Field(default=None, min_length=1, max_length=500)
    assumed: str | None = Field(default=None, min_length=1, max_length=500)

    @model_validator(mode="after")
    def _one_of_both(self) -> Sourced:
        if (self.source is None) == (self.assumed is None):
            raise ValueError("give either 'source' or 'assumed', with the reason")
        return self

    @property
    def origin(self) -> str:
        """Where the figure is from."""
        return self.source or f"assumed: {self.assumed}"


class People(Sourced):
    """People in the country or region in the first year, and how their number grows."""

    people: Annotated[Number, Field(gt=0, le=MOST_PEOPLE)]
    growth: Annotated[Number, Field(gt=-1, le=1)] = 0.0
    """A year, as a share."""


class Incidence(Sourced):
    """New cases a year."""

    cases: Annotated[Number, Field(ge=0, le=MOST_PEOPLE)]
    per: Annotated[Number, Field(ge=1, le=MOST_PEOPLE)] = 100_000.0
    """People among whom they arise."""


class Part(Sourced):
    """A share of those before it."""

    share: Share


class Care(Sourced):
    """Shares of patients who get each strategy."""

    mix: dict[str, Share] = Field(min_length=1)


class Uptake(Sourced):
    """Share of patients in each year who get the care of the new world; the others get today's."""

    by_year: list[Share] = Field(min_length=1, max_length=MOST_YEARS)


class BudgetFile(Section):
    """A budget impact analysis."""

    schema_version: Literal[1]
    title: str = Field(min_length=1, max_length=200)
    first_year: int | None = Field(default=None, ge=1900, le=2200)
    """Calendar year that counts as the first."""
    entry: Literal["start", "evenly"] = "evenly"
    population: People
    incidence: Incidence
    eligible: list[Part] = Field(default=[], max_length=MOST_SHARES)
    """Shares that lead from new cases to patients who face the decision, each of those before it."""
    now: Care
    then: Care
    uptake: Uptake


@dataclass(frozen=True)
class Budget:
    """A checked file.

    Attributes
    ----------
    file : BudgetFile
        What it says.
    path : Path
        Where it stands.
    digest : str
        Its SHA-256.
    """

    file: BudgetFile
    path: Path
    digest: str

    @property
    def years(self) -> int:
        """Years of the analysis: as many as uptakes are given."""
        return len(self.file.uptake.by_year)

    @property
    def patients(self) -> list[float]:
        """Patients who face the decision in each year."""
        file = self.file
        share = math.prod(part.share for part in file.eligible)
        first = file.population.people * file.incidence.cases / file.incidence.per * share
        return [first * (1.0 + file.population.growth) ** year for year in range(self.years)]

    @property
    def strategies(self) -> list[str]:
        """Strategies of either world."""
        return list(dict.fromkeys([*self.file.now.mix, *self.file.then.mix]))

    def mix(self, world: str, year: int) -> Mapping[str, float]:
        """Share of the patients of a year who get each strategy, in the world `now` or `then`."""
        taken = self.file.uptake.by_year[year] if world == THEN else 0.0
        now, then = self.file.now.mix, self.file.then.mix
        return {s: (1.0 - taken) * now.get(s, 0.0) + taken * then.get(s, 0.0) for s in self.strategies}

    def part(self) -> dict[str, Any]:
        """What a manifest tells of it: the file, its hash, and all that it says."""
        content = self.file.model_dump(mode="json", exclude_none=True)
        return {"file": self.path.name, "sha256": self.digest, "content": content}

    def year_names(self) -> list[str]:
        """Each year as tables name it."""
        first = self.file.first_year
        return [f"year {k + 1}" if first is None else str(first + k) for k in range(self.years)]

    def assumptions(self) -> list[tuple[str, str, str]]:
        """What the file states, its value, and where it is from."""
        file = self.file
        growth = f", growing by {100.0 * file.population.growth:.3g}% a year" if file.population.growth else ""
        rows = [
            (file.population.label or "Population", f"{file.population.people:,.0f}{growth}", file.population.origin),
            (
                file.incidence.label or "New cases a year",
                f"{file.incidence.cases:g} per {file.incidence.per:,.0f}",
                file.incidence.origin,
            ),
        ]
        rows += [
            (part.label or f"Share {k}", f"{part.share:g}", part.origin) for k, part in enumerate(file.eligible, 1)
        ]
        rows += [
            (care.label or name, ", ".join(f"{s} {share:g}" for s, share in care.mix.items()), care.origin)
            for name, care in (("Care now", file.now), ("Care then", file.then))
        ]
        taken = ", ".join(f"{share:g}" for share in file.uptake.by_year)
        return [*rows, (file.uptake.label or "Uptake by year", taken, file.uptake.origin)]


def read_budget(name: str | Path, scenario: Scenario) -> Budget:
    """A budget impact analysis for a scenario.

    Parameters
    ----------
    name : str or Path
        Path of a TOML file, or the name of a bundled one.

    Raises
    ------
    InputError
        If the file does not fit the form, names a strategy that the scenario does not have, has shares that do not add
        up to 1, or runs beyond the scenario's horizon.
    """
    path = find_budget(name)
    budget = Budget(checked(BudgetFile, read_toml(path), path), path, hash_of(path))
    for world, care in ((NOW, budget.file.now), (THEN, budget.file.then)):
        _check_mix(care.mix, scenario.strategies, f"{path}: {world}.mix")
    if budget.years > scenario.file.settings.horizon:
        raise InputError(
            f"{path}: uptake.by_year: {budget.years} years are more than the scenario's horizon of "
            f"{scenario.file.settings.horizon:g} years."
        )
    return budget


def _check_mix(mix: Mapping[str, float], known: Sequence[str], where: str) -> None:
    for strategy in mix:
        if strategy not in known:
            raise InputError(unknown("strategy", strategy, known, where))
    if abs((total := math.fsum(mix.values())) - 1.0) > SAME:
        raise InputError(f"{where}: the shares add up to {total:.10g}; they must add up to 1.")


def bundled_budget(scenario: Scenario) -> str | None:
    """Name of the bundled budget impact analysis of a bundled scenario, if there is one."""
    if scenario.name not in budget_names():
        return None
    return scenario.name if find_scenario(scenario.name).resolve() == scenario.path.resolve() else None
