"""Cells of a population: combinations of the values of its discrete covariates, each with its exact weight.

A cell is a box in the unit cube of the covariates' uniform numbers. A discrete covariate is told apart where nothing
declared before it is correlated with it; for that, discrete covariates go first. Where nothing else varies between the
patients of a cell, one patient stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from lmssim.model.population.joint import EDGE, Population
from lmssim.model.population.strata import DISCRETE, MixedPopulation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.population.joint import Covariate

Side = tuple[float, float]
"""From where to where a uniform number goes."""


@dataclass(frozen=True)
class Cell:
    """Patients with the same values of the covariates that are told apart.

    Attributes
    ----------
    weight : float
        Their share of the population.
    sides : tuple of tuple of float
        For each covariate, from where to where its uniform number goes.
    free : tuple of bool
        Whether it matters where in its side each number lies.
    """

    weight: float
    sides: tuple[Side, ...]
    free: tuple[bool, ...]

    @property
    def is_point(self) -> bool:
        """Whether its patients are all alike."""
        return not any(self.free)

    def uniforms(self, points: FloatArray) -> list[FloatArray]:
        """Uniform numbers of patients in the cell, by covariate.

        Parameters
        ----------
        points : ndarray(float, ndim=2)
            (n_points, n_free) points of the unit cube of the free covariates.
        """
        columns = iter(np.clip(points, EDGE, 1.0 - EDGE).T)
        middle = np.full(len(points), 0.5)
        places = [next(columns) if free else middle for free in self.free]
        return [
            np.clip(low + (high - low) * place, EDGE, 1.0 - EDGE) if high - low < 1.0 else place
            for (low, high), place in zip(self.sides, places, strict=True)
        ]


def cells_of(patients: Population | MixedPopulation, most: int, most_sampled: int) -> list[Cell]:
    """Cells of a population whose discrete covariates go first; their weights add up to 1.

    Parameters
    ----------
    most : int
        Cells at most, if the patients of each are all alike.
    most_sampled : int
        Cells at most, if they differ within a cell; covariates then share the room in their order.
    """
    whole = _cells(patients, most)
    cells = whole if all(cell.is_point for cell in whole) else _cells(patients, most_sampled)
    total = sum(cell.weight for cell in cells)
    return [replace(cell, weight=cell.weight / total) for cell in cells]


def discrete_first(patients: Population | MixedPopulation) -> Population | MixedPopulation:
    """The same patients, by a population whose discrete covariates go before the others."""
    if isinstance(patients, MixedPopulation):
        strata = [replace(s, population=_discrete_first(s.population)) for s in patients.strata]
        return replace(patients, strata=tuple(strata))
    return _discrete_first(patients)


def _discrete_first(population: Population) -> Population:
    ordered = sorted(population.covariates, key=lambda covariate: covariate.kind not in DISCRETE)
    return replace(population, covariates=tuple(ordered))


def _cells(patients: Population | MixedPopulation, most: int) -> list[Cell]:
    if not isinstance(patients, MixedPopulation):
        return _cells_of_one(patients, most)
    by = [covariate.name for covariate in patients.covariates].index(patients.by)
    told, found = patients.covariates[by], []
    sides = dict(zip(told.labels, _all_sides(told), strict=True))
    strata = [stratum for stratum in patients.strata if _is_wide(sides[stratum.label])]
    for stratum in strata:
        own = [covariate.name for covariate in stratum.population.covariates]
        for cell in _cells_of_one(stratum.population, most // len(strata)):
            of = dict(zip(own, zip(cell.sides, cell.free, strict=True), strict=True))
            of[patients.by] = sides[stratum.label], False
            each = [of[covariate.name] for covariate in patients.covariates]
            found.append(Cell(stratum.share * cell.weight, tuple(s for s, _ in each), tuple(f for _, f in each)))
    return found


def _cells_of_one(population: Population, most: int) -> list[Cell]:
    """Cells of a joint distribution."""
    options: list[list[tuple[float, Side]]] = []
    free, n = [], 1
    for j, covariate in enumerate(population.covariates):
        sides = _sides(covariate)
        alone = not any(population.is_correlated(covariate.name, other.name) for other in population.covariates[:j])
        if len(sides) > 1 and (not alone or n * len(sides) > most):
            sides = []  # sampled
        n *= max(len(sides), 1)
        options.append(sides or [(1.0, (0.0, 1.0))])
        tied = any(population.is_correlated(covariate.name, other.name) for other in population.covariates)
        free.append(not sides or (tied and covariate.varies))
    return [
        Cell(float(np.prod([p for p, _ in each])), tuple(side for _, side in each), tuple(free))
        for each in product(*options)
    ]


def _sides(covariate: Covariate) -> list[tuple[float, Side]]:
    """Probability and side of each value that a discrete covariate can have; none of a continuous one."""
    if covariate.kind == "constant":
        return [(1.0, (0.0, 1.0))]
    if covariate.kind == "binary":
        p = covariate.probability or 0.0
        found = [(1.0 - p, (0.0, 1.0 - p)), (p, (1.0 - p, 1.0))]
    elif covariate.kind == "categorical":
        found = list(zip(covariate.probabilities, _all_sides(covariate), strict=True))
    else:
        return []
    return [(p, side) for p, side in found if _is_wide(side)]


def _all_sides(covariate: Covariate) -> Sequence[Side]:
    """Side of each category, as its quantile function has them."""
    edges = np.cumsum(covariate.probabilities)
    edges[np.flatnonzero(covariate.probabilities)[-1] :] = 1.0
    return list(pairwise([0.0, *edges.tolist()]))


def _is_wide(side: Side) -> bool:
    """Whether a number can lie in a side; what is narrower has no patients that arithmetic could tell."""
    return side[1] - side[0] > 4.0 * EDGE
