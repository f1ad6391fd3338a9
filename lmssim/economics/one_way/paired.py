"""An increment of cost and QALYs whose error can be told apart from, or shared with, that of another one.

Every estimate keeps by how much each unit (a draw, a batch of patients) puts it off. The sum of their squares is its
variance; the difference of two estimates from the same units has the differences of these, so that what both share
drops out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.cea import icer_standard_error
from lmssim.economics.increments import Estimate

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray

COST, EFFECT = 0, 1


@dataclass(frozen=True)
class Paired:
    """Increments of cost and QALYs.

    Attributes
    ----------
    mean : ndarray(float, ndim=1)
        (2,): incremental cost, incremental QALYs.
    deviations : ndarray(float, ndim=2)
        (n_units, 2): by how much each unit puts them off; no units where nothing is left to chance.
    """

    mean: FloatArray
    deviations: FloatArray

    def __sub__(self, other: Paired) -> Paired:
        """Difference of two estimates from the same units."""
        return Paired(self.mean - other.mean, self.deviations - other.deviations)

    def __add__(self, other: Paired) -> Paired:
        """Sum of two estimates from the same units."""
        return Paired(self.mean + other.mean, self.deviations + other.deviations)

    @property
    def cost(self) -> Estimate:
        """Incremental cost."""
        return Estimate(float(self.mean[COST]), self._error(self.deviations[:, COST]))

    @property
    def effect(self) -> Estimate:
        """Incremental QALYs."""
        return Estimate(float(self.mean[EFFECT]), self._error(self.deviations[:, EFFECT]))

    def net_benefit(self, wtp: float) -> Estimate:
        """Incremental net monetary benefit."""
        weights = np.array([-1.0, wtp])
        return Estimate(float(self.mean @ weights), self._error(self.deviations @ weights))

    def icer_error(self) -> float:
        """Standard error of the ratio of the increments, by the delta method."""
        d = self.deviations
        both = float(d[:, COST] @ d[:, EFFECT])
        return icer_standard_error(self.cost.mean, self.effect.mean, self.cost.se**2, self.effect.se**2, both)

    @staticmethod
    def _error(deviations: FloatArray) -> float:
        return float(np.sqrt(deviations @ deviations))


def mean_of(values: FloatArray, shares: FloatArray, units: IntArray) -> Paired:
    """Weighted mean over rows, some of which belong to one unit.

    Parameters
    ----------
    values : ndarray(float, ndim=2)
        (n_rows, 2).
    shares : ndarray(float, ndim=1)
        (n_rows,): weight of each row; they add up to 1.
    units : ndarray(int, ndim=1)
        (n_rows,): unit of each row.
    """
    values = np.ascontiguousarray(values)  # sums go row by row, so that no bit depends on how they lie in memory
    mean: FloatArray = (shares[:, None] * values).sum(axis=0)
    return Paired(mean, by_unit(shares[:, None] * (values - mean), units))


def by_unit(parts: FloatArray, units: IntArray) -> FloatArray:
    """Deviations of units from those of their rows, (n_units, k), with the correction for a mean that was estimated."""
    _, unit = np.unique(units, return_inverse=True)
    n = int(unit.max()) + 1 if len(unit) else 0
    found = np.stack([np.bincount(unit, column, minlength=n) for column in parts.T], axis=1)
    corrected: FloatArray = found * np.sqrt(n / max(n - 1, 1))
    return corrected


def known(mean: FloatArray) -> Paired:
    """An increment that is solved, so that no chance is left in it."""
    return Paired(mean, np.zeros((0, len(mean))))
