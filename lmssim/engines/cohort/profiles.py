"""Profiles: the few patients, with weights, over which an exact solution is averaged.

A table of patients has its own rows and weights; equal rows are solved once. The values of discrete covariates are
enumerated with their exact weights. What is continuous within such a cell is covered by points of low discrepancy
(Sobol's, scrambled), in a few independent replicates, whose spread is the error of the average.

References
----------
Owen AB. Scrambling Sobol' and Niederreiter-Xing points. J Complexity 14:466-489, 1998. doi:10.1006/jcom.1998.0487
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.model.population.cells import Cell, cells_of, discrete_first
from lmssim.model.population.joint import Population, RowPopulation
from lmssim.model.population.profiles import Profiles
from lmssim.model.population.strata import MixedPopulation

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.population.joint import Patients
    from lmssim.model.program import Program

N_REPLICATES, FEWEST_REPLICATES = 8, 4
"""Independent replicates of the points, at most, and the fewest for which cells are told apart."""


def choose_profiles(program: Program, n: int, seed: int) -> Profiles:
    """Profiles of a program's population.

    Parameters
    ----------
    n : int
        How many, about, unless the patients are rows of a table: the combinations of discrete values if these are all
        that there is, and no more than `n`; else points in each of up to `N_REPLICATES` replicates.
    """
    patients = program.scenario.patients
    if isinstance(patients, RowPopulation):
        rows, shares = _distinct(patients)
        return Profiles(program.columns_of(rows), shares, 1)
    assert isinstance(patients, (Population, MixedPopulation))
    ordered, cells = _cells(patients, n)
    if all(cell.is_point for cell in cells) and len(cells) <= n:
        alike = [_at(patients, ordered, cell, _MIDDLE) for cell in cells]
        return Profiles(program.columns_of(np.concatenate(alike)), np.array([cell.weight for cell in cells]), 1)
    if n == 1:
        middle = [np.full(1, 0.5)] * len(patients.covariates)
        return Profiles(program.columns_of(patients.at(middle)), np.ones(1), 1)
    fewest = FEWEST_REPLICATES if 1 < len(cells) <= n // FEWEST_REPLICATES else 2
    n_replicates = min(N_REPLICATES, max(fewest, n // (2 * len(cells))))
    sizes = _sizes(cells, n // n_replicates) if len(cells) > 1 else [1 << max(0, round(np.log2(n / n_replicates)))]
    x: list[FloatArray] = []
    weights: list[FloatArray] = []
    for replicate in range(n_replicates):
        for k, cell in enumerate(cells):
            rng = np.random.default_rng([seed, replicate, *([k] if len(cells) > 1 else [])])
            x.append(_at(patients, ordered, cell, _points(cell, sizes[k], rng)))
            weights.append(np.full(len(x[-1]), cell.weight / len(x[-1])))
    return Profiles(program.columns_of(np.concatenate(x)), np.concatenate(weights), n_replicates)


def _sizes(cells: list[Cell], n: int) -> list[int]:
    """Points of each cell in a replicate of `n`, powers of 2: more where each stands for most, as long as they fit."""
    sizes = [1] * len(cells)
    free = [k for k, cell in enumerate(cells) if not cell.is_point]
    while free:
        k = max(free, key=lambda k: cells[k].weight / sizes[k])
        if sum(sizes) + sizes[k] <= n:
            sizes[k] *= 2
        else:
            free.remove(k)
    return sizes


def _points(cell: Cell, size: int, rng: np.random.Generator) -> FloatArray:
    """Points of a cell; one if its patients are all alike."""
    if cell.is_point:
        return _MIDDLE
    from scipy.stats import qmc  # loads for half a second, which a simulation need not wait for

    points: FloatArray = qmc.Sobol(sum(cell.free), scramble=True, rng=rng).random(size)
    return points


def stands_for_others(patients: Patients, profiles: int) -> bool:
    """Whether so many profiles are a single one for patients who differ."""
    if profiles > 1 or isinstance(patients, RowPopulation):
        return False
    assert isinstance(patients, (Population, MixedPopulation))
    cells = _cells(patients, 1)[1]
    return len(cells) > 1 or not cells[0].is_point


_MIDDLE = np.empty((1, 0))
"""The only point of a cell whose patients are all alike."""


def _cells(patients: Population | MixedPopulation, n: int) -> tuple[Population | MixedPopulation, list[Cell]]:
    """Cells for about `n` profiles, and the population by which they are laid out."""
    ordered = discrete_first(patients)
    return ordered, cells_of(ordered, n, max(1, n // FEWEST_REPLICATES))


def _at(
    patients: Population | MixedPopulation, ordered: Population | MixedPopulation, cell: Cell, points: FloatArray
) -> FloatArray:
    """Patients at some points of a cell, with columns in the population's order."""
    x = ordered.at(cell.uniforms(points))
    names = [covariate.name for covariate in ordered.covariates]
    columns: FloatArray = x[:, [names.index(covariate.name) for covariate in patients.covariates]]
    return columns


def _distinct(patients: RowPopulation) -> tuple[FloatArray, FloatArray]:
    """Rows of a table, each once, in the order of their first appearance, and their shares."""
    weights = np.ones(len(patients.rows)) if patients.weights is None else patients.weights
    rows, first, where = np.unique(patients.rows, axis=0, return_index=True, return_inverse=True)
    shares = np.bincount(where.reshape(-1), weights=weights) / weights.sum()
    order = np.argsort(first, kind="stable")
    order = order[shares[order] > 0.0]
    return rows[order], shares[order]
