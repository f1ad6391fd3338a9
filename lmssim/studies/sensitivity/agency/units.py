"""Means of every outcome by independent unit, and what is told from them with its error.

Of simulated patients the units are draws of the parameters, or batches of patients. Of an exact solution they are
draws, or the one set of values; replicates of the profiles, which all draws share, are the sets within them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.increments import Estimate, Increments, batch_estimate, draw_estimate
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.outcomes.expectation import over_draws_of

if TYPE_CHECKING:
    from lmssim.execution.estimates import Means
    from lmssim.kernels import FloatArray


@dataclass(frozen=True)
class Units:
    """Means of every outcome by independent unit, and by set within it.

    Attributes
    ----------
    sizes : ndarray(float, ndim=2)
        (n_units, n_sets): patients; 1 for each replicate of an exact solution.
    means : ndarray(float, ndim=4)
        (n_units, n_sets, n_strategies, n_outcomes).
    of_draws : bool
        Whether the units are draws of the parameters; else batches of patients, or the values.
    steps : ndarray(float, ndim=2), optional
        (n_strategies, n_outcomes): error of the steps of an exact solution, whose sets are replicates that all units
        share.
    """

    sizes: FloatArray
    means: FloatArray
    of_draws: bool
    steps: FloatArray | None = None

    @property
    def exact(self) -> bool:
        """Whether profiles were solved in the place of patients."""
        return self.steps is not None

    @property
    def n(self) -> FloatArray:
        """Patients of each unit."""
        n: FloatArray = self.sizes.sum(axis=1)
        return n

    @property
    def n_people(self) -> int:
        """Patients in all."""
        return int(self.sizes.sum())

    def of_strategy(self, s: int) -> Units:
        """Those of one strategy alone, by its position."""
        steps = None if self.steps is None else self.steps[[s]]
        return replace(self, means=self.means[:, :, [s]], steps=steps)

    def over_sets(self, values: FloatArray) -> FloatArray:
        """Mean of each unit from those of its sets, (n_units, ...)."""
        weights = (self.sizes / self.n[:, None]).reshape(*self.sizes.shape, *[1] * (values.ndim - 2))
        mean: FloatArray = (values * weights).sum(axis=1)
        return mean

    def estimate(self, by_set: FloatArray, steps: float = 0.0) -> Estimate:
        """Mean of what sets of units gave, and its standard error from the spread of units.

        Parameters
        ----------
        by_set : ndarray(float, ndim=2)
            (n_units, n_sets).
        steps : float
            How far the steps of an exact solution may put it off.
        """
        values = self.over_sets(by_set)
        if not self.exact:
            return (draw_estimate if self.of_draws else batch_estimate)(self.n, values)
        between = draw_estimate(self.n, values).se if self.of_draws else 0.0
        shared = by_set.mean(axis=0)
        profiles = float(shared.std(ddof=1)) / len(shared) ** 0.5 if len(shared) > 1 else 0.0
        return Estimate(float(values.mean()), float(np.hypot(np.hypot(between, profiles), steps)))

    def increments(self, *, undiscounted: bool = False) -> Increments:
        """Means of strategies and their paired differences; undiscounted outcomes in the place of the others."""
        order = np.arange(N_MAIN)
        if undiscounted:
            order = np.roll(order, N_MAIN // 2)
        means = self.means[..., order]
        units = self._exact_units(means) if self.exact else _units(self.n, self.over_sets(means))
        return Increments(
            n=units.n,
            mean=units.mean,
            product=units.product,
            cost=COST,
            effect=QALY,
            bound=np.zeros(means.shape[2:]) if self.steps is None else self.steps[:, order],
            independent=True,
            exact=self.exact and not self.of_draws,
        )

    def _exact_units(self, means: FloatArray) -> Means:
        """Replicates as units; over draws these, whose co-moments hold those of the replicates that they share."""
        shared = means.mean(axis=0)
        replicates = _units(np.ones(len(shared)), shared)
        if not self.of_draws:
            return replicates
        draws, (d, r) = _units(self.n, means.mean(axis=1)), self.sizes.shape
        if r == 1:
            return draws
        return replace(draws, product=draws.product + replicates.product * (d * (d - 1) / (r * (r - 1))))


def _units(n: FloatArray, means: FloatArray) -> Means:
    return over_draws_of(n.astype(np.int64), means)
