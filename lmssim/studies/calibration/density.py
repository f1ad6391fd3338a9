"""The posterior density over the emulator, its mode, and samples of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from lmssim.errors import ScenarioError
from lmssim.studies.calibration.likelihood import Likelihood, likelihood_of
from lmssim.studies.calibration.problem import N_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.emulator import Emulator, RowEmulator
    from lmssim.studies.calibration.problem import Problem

FARTHEST = 5.0
"""Beyond so many prior SD the density is taken as nothing: no design point lies there."""
WITHIN = 0.9
"""The mode is sought within this share of what the priors hold, so that differences stay inside."""
GRADIENT_STEP = 1e-4


@dataclass(frozen=True)
class Density:
    """Log posterior of (z of free quantities and taus, row).

    Attributes
    ----------
    problem : Problem
        What is fitted.
    emulator : Emulator
        What stands in for the model.
    per_patient : ndarray(float, ndim=1)
        Effective share of a patient's information after censoring, by row.
    columns : list of int
        Rows of the likelihood.
    share : ndarray(float, ndim=1), optional
        Shares in place of those observed.
    sharpness : float
        Factor on the sizes of studies; other than 1 the likelihood is wrong, which tests are for.
    farthest : float
        The priors end so many SD from their centre.
    """

    problem: Problem
    emulator: Emulator
    per_patient: FloatArray
    columns: list[int]
    share: FloatArray | None = None
    sharpness: float = 1.0
    farthest: float = FARTHEST

    @cached_property
    def likelihood(self) -> Likelihood:
        """Likelihood of the rows.

        Raises
        ------
        ScenarioError
            If the emulator knows nothing of one of them.
        """
        for k in self.columns:
            if np.isnan(self.emulator.sd[k]):
                row = self.problem.rows[k]
                raise ScenarioError(
                    f"{self.problem.path}: studies.{row.study}.rows.{row.target}: at most points of the prior "
                    "no patient is in the denominator, so it cannot be fitted; change its rules, or make it a check."
                )
        families = [tau.family for tau in self.problem.tau]
        found = likelihood_of(
            self.problem.rows, self.columns, families, self.per_patient * self.sharpness, self.emulator.sd, self.share
        )
        return found

    @cached_property
    def standardised(self) -> FloatArray:
        """Given parameters in SD about their mean, (N_ROWS + 1, n_given); the last row is the mean."""
        return standardised_given(self.problem)

    @cached_property
    def _at_rows(self) -> RowEmulator:
        return self.emulator.at_rows(self.standardised)

    def __call__(self, coordinates: FloatArray) -> FloatArray:
        """Log density, (n,), of coordinates (n, n_free + n_tau + 1)."""
        z, row = coordinates[:, :-1], coordinates[:, -1].astype(np.int64)
        n_free = len(self.problem.free)
        tau = np.stack([t.at(z[:, n_free + k]) for k, t in enumerate(self.problem.tau)], axis=1)
        eta = self._at_rows.predict(z[:, :n_free], row)
        density = self.likelihood(eta, tau) - 0.5 * (z**2).sum(axis=1)
        inside: FloatArray = np.where((np.abs(z) <= self.farthest).all(axis=1), density, -np.inf)
        return inside

    def mode(self) -> FloatArray:
        """Coordinates z of the highest density at the mean of the given parameters, (n_free + n_tau,)."""

        def negative(z: FloatArray) -> FloatArray:
            density = self(np.column_stack([z, np.full(len(z), float(N_ROWS))]))
            return -density

        return highest(negative, len(self.problem.names), self.farthest)

    def shifts(self) -> FloatArray:
        """How far the targets would move each given parameter if they could: joint mode, in prior SD, (n_given,)."""
        n, n_free = len(self.problem.names), len(self.problem.free)

        def negative(points: FloatArray) -> FloatArray:
            z, given = points[:, :n], points[:, n:]
            tau = np.stack([t.at(z[:, n_free + k]) for k, t in enumerate(self.problem.tau)], axis=1)
            eta = self.emulator.predict(z[:, :n_free], given)
            value: FloatArray = 0.5 * (points**2).sum(axis=1) - self.likelihood(eta, tau)
            return value

        return highest(negative, n + len(self.problem.given_ids))[n:]


def highest(negative: Callable[[FloatArray], FloatArray], n: int, farthest: float = FARTHEST) -> FloatArray:
    """Minimum of a function of many points at once, from the prior's centre; its gradient by differences.

    Parameters
    ----------
    negative : callable
        Values (n_points,) at points (n_points, n).
    n : int
        Dimension.
    farthest : float
        The priors end so many SD from their centre.

    Returns
    -------
    ndarray(float, ndim=1)
        The point, (n,).
    """

    def with_gradient(x: FloatArray) -> tuple[float, FloatArray]:
        points = np.concatenate([x[None], x + GRADIENT_STEP * np.eye(n), x - GRADIENT_STEP * np.eye(n)])
        values = negative(points)
        return float(values[0]), (values[1 : n + 1] - values[n + 1 :]) / (2.0 * GRADIENT_STEP)

    bounds = [(-WITHIN * farthest, WITHIN * farthest)] * n
    found = optimize.minimize(with_gradient, np.zeros(n), jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x, dtype=np.float64)


def standardised_given(problem: Problem) -> FloatArray:
    """Given parameters in SD about their mean, (N_ROWS + 1, n_given); the last row is the mean."""
    if not problem.given_ids:
        return np.zeros((N_ROWS + 1, 0))
    values = np.stack(list(problem.given.values()), axis=1)
    spread = values.std(axis=0)
    centred = (values - values.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return np.concatenate([centred, np.zeros((1, centred.shape[1]))])


def dispersed(
    density: Density, mode: FloatArray, n_ensembles: int, n_walkers: int, seed: int
) -> tuple[FloatArray, np.ndarray[tuple[int, int], np.dtype[np.int64]]]:
    """Starts between the prior and the mode, and the row of each walker.

    Parameters
    ----------
    mode : ndarray(float, ndim=1)
        Coordinates of the mode, (n_free + n_tau,).

    Returns
    -------
    start : ndarray(float, ndim=3)
        (n_ensembles, n_walkers, n_free + n_tau).
    rows : ndarray(int, ndim=2)
        Of ensemble e: e, e + n_ensembles, ...; (n_ensembles, n_walkers).
    """
    rng = np.random.default_rng([seed, 3])
    prior = np.clip(rng.normal(size=(n_ensembles, n_walkers, len(mode))), -2.5, 2.5)
    rows = (np.arange(n_walkers)[None, :] * n_ensembles + np.arange(n_ensembles)[:, None]) % N_ROWS
    return mode + 0.5 * (prior - mode), rows
