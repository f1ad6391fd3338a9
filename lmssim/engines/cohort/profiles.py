"""Profiles: the few patients, with weights, over which an exact solution is averaged.

A population whose members are all alike has one profile, a table of rows its own rows and weights. A joint
distribution is covered by points of low discrepancy (Sobol's, scrambled), in a few independent replicates, whose spread
is the error of the average. In a mixed population the first coordinate chooses the stratum.

References
----------
Owen AB. Scrambling Sobol' and Niederreiter-Xing points. J Complexity 14:466-489, 1998. doi:10.1006/jcom.1998.0487
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import qmc

from lmssim.model.population.joint import EDGE, Population, RowPopulation
from lmssim.model.population.profiles import Profiles
from lmssim.model.population.strata import MixedPopulation

if TYPE_CHECKING:
    from lmssim.model.program import Program

N_REPLICATES = 8
"""Independent replicates of the points, at most."""


def choose_profiles(program: Program, n: int, seed: int) -> Profiles:
    """Profiles of a program's population.

    Parameters
    ----------
    n : int
        How many, about, if the population is a joint distribution: a power of 2 in each of `N_REPLICATES` replicates.
    """
    patients = program.scenario.patients
    if isinstance(patients, RowPopulation):
        weights = np.ones(len(patients.rows)) if patients.weights is None else patients.weights
        held = weights > 0.0
        return Profiles(program.columns_of(patients.rows[held]), weights[held] / weights.sum(), 1)
    assert isinstance(patients, (Population, MixedPopulation))
    n_free = sum(patients.varies)
    if n_free == 0 or n == 1:
        middle = [np.full(1, 0.5)] * len(patients.covariates)
        return Profiles(program.columns_of(patients.at(middle)), np.ones(1), 1)
    n_replicates = min(N_REPLICATES, max(2, n // 2))
    size = 1 << max(0, round(np.log2(n / n_replicates)))
    parts = []
    for replicate in range(n_replicates):
        points = qmc.Sobol(n_free, scramble=True, rng=np.random.default_rng([seed, replicate])).random(size)
        columns = iter(np.clip(points, EDGE, 1.0 - EDGE).T)
        parts.append([next(columns) if varies else np.full(size, 0.5) for varies in patients.varies])
    x = np.concatenate([program.columns_of(patients.at(part)) for part in parts])
    return Profiles(x, np.full(len(x), 1.0 / size), n_replicates)
