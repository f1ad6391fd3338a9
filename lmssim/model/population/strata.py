"""A mixed population: each patient belongs to a stratum, drawn by its share, and has the stratum's own covariates.

The number that draws the stratum is addressed by the name of the covariate that it sets, all others by their
covariates' names, so that a patient's random numbers do not depend on the stratum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import DataError
from lmssim.model.population.joint import Covariate, uniforms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.population.joint import Population

DISCRETE = ("binary", "categorical", "constant")


@dataclass(frozen=True)
class Stratum:
    """Part of a mixed population.

    Attributes
    ----------
    label : str
        Its label of the covariate that tells strata apart.
    share : float
        Its share of the patients.
    population : Population
        All other covariates of its patients.
    """

    label: str
    share: float
    population: Population


@dataclass(frozen=True)
class MixedPopulation:
    """Patients of several strata.

    Attributes
    ----------
    by : str
        Covariate that tells strata apart.
    strata : tuple of Stratum
        Shares add up to 1, and all have the same covariates.
    covariates : tuple of Covariate
        Covariates in the order of the columns, each as it is in the mix: with the labels or codes of every stratum.
    """

    by: str
    strata: tuple[Stratum, ...]
    covariates: tuple[Covariate, ...]

    def sample(self, first: int, n: int, seed: int) -> FloatArray:
        """Covariates of patients first, first + 1, ..., shape (n, n_covariates), C-contiguous."""
        return self.at([uniforms_of(covariate.name, first, n, seed) for covariate in self.covariates])

    def at(self, uniforms: Sequence[FloatArray]) -> FloatArray:
        """Covariates at points of the unit cube; shape (n_points, n_covariates).

        Parameters
        ----------
        uniforms : sequence of ndarray(float, ndim=1)
            For each covariate, a number between 0 and 1 by point; that of `by` chooses the stratum.
        """
        column = {covariate.name: i for i, covariate in enumerate(self.covariates)}
        out = np.empty((len(uniforms[0]), len(self.covariates)))
        out[:, column[self.by]] = self.covariates[column[self.by]].quantile(uniforms[column[self.by]])
        for stratum in self.strata:
            code = self.covariates[column[self.by]].code_of(stratum.label)
            rows = np.flatnonzero(out[:, column[self.by]] == code)
            own = stratum.population.covariates
            values = stratum.population.at([uniforms[column[c.name]][rows] for c in own])
            for j, covariate in enumerate(own):
                i = column[covariate.name]
                out[rows, i] = _recoded(values[:, j], covariate, self.covariates[i])
        return out

    def describe(self) -> list[str]:
        """One line per stratum, with its covariates below it."""
        return [
            line
            for stratum in self.strata
            for line in (
                f"{self.by} {stratum.label}: {stratum.share:g} of patients",
                *(f"  {line}" for line in stratum.population.describe()),
            )
        ]


def mix(by: str, labels: Sequence[str], strata: Sequence[Stratum], where: str) -> MixedPopulation:
    """Mixed population of some strata.

    Parameters
    ----------
    labels : sequence of str
        Labels of `by`; those that are no stratum's have no patients.

    Raises
    ------
    DataError
        If strata have different covariates, or a covariate has labels in one and numbers in another.
    """
    first = strata[0]
    for stratum in strata[1:]:
        for one, other in ((first, stratum), (stratum, first)):
            names = [covariate.name for covariate in other.population.covariates]
            for covariate in one.population.covariates:
                if covariate.name not in names:
                    raise DataError(
                        f"{where}.strata: {one.label} has the covariate '{covariate.name}', {other.label} has not;"
                        " all strata need the same."
                    )
    shares = {stratum.label: stratum.share for stratum in strata}
    probabilities = [shares.get(label, 0.0) for label in labels]
    told = Covariate(name=by, kind="categorical", categories=list(labels), probabilities=probabilities)
    told.validate(where)
    rest = [
        _mixed([(s, c) for s in strata for c in s.population.covariates if c.name == covariate.name], where)
        for covariate in first.population.covariates
    ]
    return MixedPopulation(by, tuple(strata), (told, *rest))


def _mixed(parts: list[tuple[Stratum, Covariate]], where: str) -> Covariate:
    """A covariate as it is in the mix."""
    covariates = [covariate for _, covariate in parts]
    name = covariates[0].name
    if all(covariate == covariates[0] for covariate in covariates):
        return covariates[0]
    if len({bool(covariate.labels) for covariate in covariates}) > 1:
        labelled = next(s.label for s, c in parts if c.labels)
        other = next(s.label for s, c in parts if not c.labels)
        raise DataError(f"{where}.strata: covariate '{name}' has labels in {labelled} and numbers in {other}.")
    if any(covariate.kind not in DISCRETE for covariate in covariates):
        return Covariate(name=name, kind=next(c.kind for c in covariates if c.kind not in DISCRETE))
    mass: dict[str | float, float] = {}
    for stratum, covariate in parts:
        for value, p in _masses(covariate):
            mass[value] = mass.get(value, 0.0) + stratum.share * p
    if all(covariate.kind in ("binary", "constant") for covariate in covariates) and set(mass) <= {0.0, 1.0}:
        return Covariate(name=name, kind="binary", probability=min(mass.get(1.0, 0.0), 1.0))
    values = list(mass) if covariates[0].labels else sorted(mass, key=float)
    return Covariate(name=name, kind="categorical", categories=values, probabilities=[mass[value] for value in values])


def _masses(covariate: Covariate) -> list[tuple[str | float, float]]:
    """Values of a discrete covariate, with their probabilities."""
    if covariate.kind == "binary":
        p = covariate.probability or 0.0
        return [(0.0, 1.0 - p), (1.0, p)]
    if covariate.kind == "constant":
        return [(float(covariate.value or 0.0), 1.0)]
    return list(zip(covariate.labels or covariate.codes, covariate.probabilities, strict=True))


def _recoded(values: FloatArray, own: Covariate, mixed: Covariate) -> FloatArray:
    """Codes of a stratum's labels as those of the mix; numbers stay."""
    if not own.labels:
        return values
    return np.array([mixed.code_of(label) for label in own.labels])[values.astype(np.int64)]
