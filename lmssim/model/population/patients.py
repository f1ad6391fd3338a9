"""From a scenario's `[population]` to its patients: values become numbers, strata are mixed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, exact, unknown
from lmssim.model.language import expression, schema
from lmssim.model.language.csvfile import BLANK, brief, number, plain_number, read_rows
from lmssim.model.population.joint import NO_COVARIATES, Covariate, Population, RowPopulation, load_rows
from lmssim.model.population.strata import MixedPopulation, Stratum, mix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lmssim.model.language.csvfile import Row
    from lmssim.model.parameters.by_covariate import ByCovariate
    from lmssim.model.parameters.table import ParameterTable
    from lmssim.model.population.joint import Patients

NUMBERS = ("mean", "sd", "median", "sdlog", "probability", "value", "low", "high")
MAX_LABELS = 200
"""Different texts of a column of patients that nothing declares."""


@dataclass(frozen=True)
class _Reader:
    """Reads values of a population, which depend on base-case parameters alone."""

    base: Mapping[str, float]
    by: ByCovariate
    category: str | None
    """Category of the covariate of `by` whose values are read; None outside strata by that covariate."""

    def number(self, value: float | str, where: str) -> float:
        """Number of a value."""
        names = {name: self.id(name, where) for name in expression.names(expression.parse(value, where))}
        known = {**self.base, **{name: self.base[id_] for name, id_ in names.items() if id_ in self.base}}
        return float(expression.evaluate(expression.parse(value, where), known, where))

    def id(self, name: str, where: str) -> str:
        """Parameter that a name means."""
        if name in self.by.ids and self.category is None:
            raise ScenarioError(
                f"{where}: '{name}' differs by {self.by.covariate}: only strata by {self.by.covariate} can read it."
            )
        if self.category is None:
            return name
        self.by.require(name, [self.category], where)
        return self.by.holds(name, self.category)

    def covariate(self, name: str, spec: schema.Covariate, where: str) -> Covariate:
        """Covariate with its numbers."""
        place = f"{where}.covariates.{name}"
        given = {key: getattr(spec, key) for key in NUMBERS if getattr(spec, key) is not None}
        return Covariate(
            name=name,
            kind=spec.kind,
            categories=spec.categories,
            probabilities=[self.number(p, f"{place}.probabilities") for p in spec.probabilities],
            **{key: self.number(value, f"{place}.{key}") for key, value in given.items()},
        )

    def population(
        self, spec: schema.Population | schema.Stratum, where: str, without: str | None = None
    ) -> Population:
        """Joint distribution of a section's covariates, but for one."""
        covariates = [self.covariate(n, c, where) for n, c in spec.covariates.items() if n != without]
        correlation = {c.between: self.number(c.value, f"{where}.correlations") for c in spec.correlations}
        return Population(tuple(covariates), correlation, where)


def with_columns(spec: schema.Population, rows: Path | None) -> schema.Population:
    """The section with a covariate for each column of its table of patients, if it declares none itself.

    A column of numbers is a number; a column of texts is categorical, its labels in order of appearance. ``weight`` and
    ``patient_id`` are no covariates.

    Parameters
    ----------
    rows : Path or None
        The section's table of patients, if it has one.

    Raises
    ------
    DataError
        If a column holds both numbers and texts, a blank, or too many different texts.
    """
    if rows is None or spec.covariates or spec.strata:
        return spec
    found = read_rows(rows, (), None)
    columns = [column for column in found[0].cells if column not in NO_COVARIATES]
    return spec.model_copy(update={"covariates": {column: _of_column(column, found) for column in columns}})


def _of_column(column: str, rows: list[Row]) -> schema.Covariate:
    if plain_number(rows[0][column]) is not None:
        for row in rows:
            number(row, column)
        return schema.Covariate(kind="uniform")
    labels: dict[str, None] = {}
    for row in rows:
        if not row[column]:
            raise row.refuse(column, BLANK)
        if plain_number(row[column]) is not None:
            raise row.refuse(column, f"{brief(row[column])} is a number, but the column begins with a text.")
        labels[row[column]] = None
        if len(labels) > MAX_LABELS:
            raise row.refuse(
                column, f"more than {MAX_LABELS} different texts. If they name patients, call the column patient_id."
            )
    return schema.Covariate(kind="categorical", categories=list(labels))


def load_patients(
    spec: schema.Population, table: ParameterTable, by: ByCovariate, rows: Path | None, where: str
) -> Patients:
    """Patients of a section.

    Parameters
    ----------
    rows : Path or None
        The section's table of patients, if it has one.

    Raises
    ------
    InputError
        If a value is impossible, or the section's parts do not fit together.
    """
    base = {name: float(value[0]) for name, value in table.base().items()}
    _check(spec, where)
    if spec.strata:
        return _mixed(spec, base, by, where)
    reader = _Reader(base, by, None)
    if rows is not None:
        return load_rows(rows, [reader.covariate(name, c, where) for name, c in spec.covariates.items()])
    return reader.population(spec, where)


def _check(spec: schema.Population, where: str) -> None:
    if bool(spec.strata) == bool(spec.covariates):
        given = "both are given" if spec.strata else "neither is given, nor rows"
        raise ScenarioError(f"{where}: needs covariates, or strata in their place; {given}.")
    if (spec.by is None) == bool(spec.strata) or (spec.strata and (spec.rows or spec.correlations)):
        raise ScenarioError(f"{where}: `by` and `strata` go together, without `rows` and `correlations` beside them.")
    for name, covariates in _parts(spec).items():
        if spec.age not in covariates:
            inside = f" (strata.{name})" if name else ""
            raise ScenarioError(unknown("covariate", spec.age, covariates, f"{where}.age{inside}"))


def _parts(spec: schema.Population) -> dict[str, dict[str, schema.Covariate]]:
    """Covariates of each stratum; of the population, under no name, if it has no strata."""
    return {name: s.covariates for name, s in spec.strata.items()} or {"": spec.covariates}


def _mixed(spec: schema.Population, base: Mapping[str, float], by: ByCovariate, where: str) -> MixedPopulation:
    assert spec.by is not None
    labels = labels_of(spec, spec.by, where)
    everywhere, strata = _Reader(base, by, None), []
    for name, stratum in spec.strata.items():
        place = f"{where}.strata.{name}"
        own = stratum.covariates.get(spec.by)
        if own is not None and name not in own.categories:
            raise ScenarioError(unknown(f"category of {spec.by}", name, map(str, own.categories), place))
        share = everywhere.number(stratum.share, f"{place}.share")
        if not 0.0 <= share <= 1.0:
            raise ScenarioError(f"{place}.share: {exact(share)} is not a share between 0 and 1.")
        reader = _Reader(base, by, name if by.covariate == spec.by else None)
        strata.append(Stratum(name, share, reader.population(stratum, place, without=spec.by)))
    total = math.fsum(stratum.share for stratum in strata)
    if abs(total - 1.0) > 1e-6:
        raise ScenarioError(f"{where}.strata: shares add up to {total:.9g}; they must add up to 1.")
    return mix(spec.by, labels, strata, where)


def labels_of(spec: schema.Population, covariate: str, where: str) -> list[str]:
    """Labels of a covariate in all strata, in order of appearance.

    Raises
    ------
    ScenarioError
        If there is no such covariate, or it has no labels.
    """
    parts = _parts(spec).values()
    known = dict.fromkeys([name for part in parts for name in part] + ([spec.by] if spec.by else []))
    if covariate not in known:
        raise ScenarioError(unknown("covariate", covariate, known, where))
    labels = [c for part in parts if covariate in part for c in part[covariate].categories if isinstance(c, str)]
    labels += spec.strata if covariate == spec.by else []
    if not labels:
        raise ScenarioError(f"{where}: the covariate '{covariate}' has no labels.")
    return list(dict.fromkeys(labels))


def possible_labels(patients: Patients, covariate: str) -> list[str]:
    """Labels of a covariate that some patient can have; none if there is no such covariate."""
    for column, spec in enumerate(patients.covariates):
        if spec.name == covariate:
            if isinstance(patients, RowPopulation):
                return [label for label in spec.labels if spec.code_of(label) in patients.rows[:, column]]
            return [label for label, p in zip(spec.labels, spec.probabilities, strict=True) if p > 0.0]
    return []


def names_of(spec: schema.Population, by: ByCovariate) -> Iterator[str]:
    """Parameters that a population names, as its strata read them."""
    for name, part in spec.strata.items():
        yield from expression.names(expression.parse(part.share, "population"))
        category = name if by.covariate == spec.by else ""
        yield from (by.holds(each, category) for each in _names(part))
    yield from _names(spec)


def _names(spec: schema.Population | schema.Stratum) -> Iterator[str]:
    for covariate in spec.covariates.values():
        values = [getattr(covariate, key) for key in NUMBERS] + list(covariate.probabilities)
        for value in values:
            if value is not None:
                yield from expression.names(expression.parse(value, "population"))
    for correlation in spec.correlations:
        yield from expression.names(expression.parse(correlation.value, "population"))
