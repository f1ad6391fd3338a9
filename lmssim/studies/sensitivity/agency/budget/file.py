"""The file of a budget impact analysis, checked: who is treated each year, and how, in two worlds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lmssim.bundled import budget_names, find_budget, find_scenario
from lmssim.errors import InputError, exact, unknown
from lmssim.execution.store import hash_of
from lmssim.model.language.files import read_toml
from lmssim.model.language.messages import checked
from lmssim.studies.sensitivity.agency.budget.form import BASE, NOW, THEN, BudgetFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.agency.budget.form import Changes, Incidence

SAME = 1e-9
"""How far shares may be from adding up to 1."""


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
    factors : mapping of str to float
        By which costs of a category are multiplied; 1 of the others.
    """

    file: BudgetFile
    path: Path
    digest: str
    factors: Mapping[str, float] = field(default_factory=dict)

    @property
    def years(self) -> int:
        """Years of the analysis: as many as uptakes are given."""
        return len(self.file.uptake.by_year)

    @property
    def patients(self) -> list[float]:
        """Patients who face the decision in each year: new cases, and in the first year those who are there."""
        file = self.file
        share = math.prod(part.share for part in file.eligible)
        first = file.population.people * file.incidence.cases / file.incidence.per * share
        found = [first * (1.0 + file.population.growth) ** year for year in range(self.years)]
        if file.prevalence is not None:
            found[0] += file.population.people * file.prevalence.cases / file.prevalence.per * share
        return found

    @property
    def strategies(self) -> list[str]:
        """Strategies of either world."""
        return list(dict.fromkeys([*self.file.now.mix, *self.file.then.mix]))

    def mix(self, world: str, year: int) -> Mapping[str, float]:
        """Share of the patients of a year who get each strategy, in the world `now` or `then`."""
        taken = self.file.uptake.by_year[year] if world == THEN else 0.0
        now, then = self.file.now.mix, self.file.then.mix
        return {s: (1.0 - taken) * now.get(s, 0.0) + taken * then.get(s, 0.0) for s in self.strategies}

    def changed(self, by: Changes) -> Budget:
        """The same in a scenario."""
        file = self.file
        given = by.model_dump(exclude_none=True)
        population: dict[str, Any] = {name: given[name] for name in ("people", "growth") if name in given}
        update: dict[str, Any] = {"population": file.population.model_copy(update=population)}
        if by.cases is not None:
            update["incidence"] = file.incidence.model_copy(update={"cases": by.cases})
        if by.prevalent is not None and file.prevalence is not None:
            update["prevalence"] = file.prevalence.model_copy(update={"cases": by.prevalent})
        if by.eligible is not None:
            shares = zip(file.eligible, by.eligible, strict=True)
            update["eligible"] = [part.model_copy(update={"share": share}) for part, share in shares]
        if by.uptake is not None:
            update["uptake"] = file.uptake.model_copy(update={"by_year": by.uptake})
        return replace(self, file=file.model_copy(update=update), factors=by.costs)

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
        if file.prevalence is not None:
            people = f"{file.prevalence.cases:g} per {file.prevalence.per:,.0f}"
            rows.append((file.prevalence.label or "Cases at the start", people, file.prevalence.origin))
        rows += [
            (part.label or f"Share {k}", f"{part.share:g}", part.origin) for k, part in enumerate(file.eligible, 1)
        ]
        rows += [
            (care.label or name, ", ".join(f"{s} {share:g}" for s, share in care.mix.items()), care.origin)
            for name, care in (("Care now", file.now), ("Care then", file.then))
        ]
        taken = ", ".join(f"{share:g}" for share in file.uptake.by_year)
        rows.append((file.uptake.label or "Uptake by year", taken, file.uptake.origin))
        if (bound := file.threshold) is not None:
            years = "the first year" if bound.years == 1 else f"any of the first {bound.years} years"
            amount = f"{bound.amount:,.0f} in {years}"
            rows.append((bound.label or "Threshold", amount, bound.origin))
        rows += [(f"Scenario: {each.label}", each.words, each.origin) for each in file.scenarios]
        return rows


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
    for key, section in (("incidence", budget.file.incidence), ("prevalence", budget.file.prevalence)):
        if section is not None:
            _check_cases(section.cases, section, f"{path}: {key}.cases")
    labels = [BASE]
    for k, changes in enumerate(budget.file.scenarios, 1):
        if changes.label in labels:
            taken = "the base case" if changes.label == BASE else f"scenarios[{labels.index(changes.label)}]"
            raise InputError(f"{path}: scenarios[{k}].label: '{changes.label}' is the name of {taken}; give another.")
        labels.append(changes.label)
        _check_changes(budget, changes, scenario.file.settings.cost_categories, f"{path}: scenarios[{k}]")
    return budget


def _check_changes(budget: Budget, changes: Changes, categories: Sequence[str], where: str) -> None:
    for name, given, there in (
        ("eligible", changes.eligible, len(budget.file.eligible)),
        ("uptake", changes.uptake, budget.years),
    ):
        if given is not None and len(given) != there:
            raise InputError(f"{where}.{name}: {len(given)} shares; the base case has {there}.")
    if changes.cases is not None:
        _check_cases(changes.cases, budget.file.incidence, f"{where}.cases")
    if changes.prevalent is not None:
        if budget.file.prevalence is None:
            raise InputError(f"{where}.prevalent: the base case has no [prevalence], whose cases could differ.")
        _check_cases(changes.prevalent, budget.file.prevalence, f"{where}.prevalent")
    for category in changes.costs:
        if category not in categories:
            raise InputError(unknown("cost category", category, categories, f"{where}.costs"))


def _check_cases(cases: float, among: Incidence, where: str) -> None:
    """Refuse more cases than there are people among whom they are."""
    if cases > among.per:
        raise InputError(
            f"{where} = {exact(cases)}: are more than the {among.per:,.10g} people among whom they are ('per'): give "
            "at most as many, or more people in 'per'."
        )


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
