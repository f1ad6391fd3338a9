"""Whom the study follows, and means by independent units of them: draws of the parameters, or batches of patients.

Every part of the study takes its runs from here, so that results of different parts rest on the same patients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.increments import Estimate, Increments, batch_estimate, draw_estimate
from lmssim.errors import InputError
from lmssim.execution.batches import BATCH, batch_outcomes, individual_outcomes, set_outcomes
from lmssim.execution.simulate import ENGINES
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.outcomes.expectation import over_draws_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

SETS = 2
"""Sets of each draw's patients, whose distance tells what chance does within a draw."""
LEAST_BATCHES, LEAST_DRAWS = 16, 16
"""Units from which an error is told, at least."""
MOST_ALONE = 32_768
"""Patients who are kept one by one, and who are followed year by year, at most: the greater of this and two a draw."""
MOST_PATIENTS = 5_000_000
"""Patients in all, at most: means of every batch of them are held."""
AT_ONCE = 1 << 16
"""Patients whose columns are held at a time."""


@dataclass(frozen=True)
class Followed:
    """Whom every part follows.

    Attributes
    ----------
    sampling : Sampling
        Patients in all, a whole number of sets of each draw, or of batches.
    n_draws : int
        Draws of the parameters, each with patients of its own; 0 if every parameter has its value.
    """

    sampling: Sampling
    n_draws: int

    @property
    def per_draw(self) -> int:
        """Patients of each draw; all if there are none."""
        return self.sampling.n_patients // max(self.n_draws, 1)

    def fewer(self, most: int) -> Followed:
        """At most so many of them, but two in each draw at least."""
        return followed(replace(self.sampling, n_patients=min(self.sampling.n_patients, most)), self.n_draws)

    def only(self, strategies: Sequence[str]) -> Followed:
        """The same under some strategies alone."""
        return replace(self, sampling=replace(self.sampling, strategies=tuple(strategies)))

    def run(self, program: Program, progress: Callable[[int, int], None] | None = None) -> Units:
        """Means of every outcome by unit."""
        if not self.n_draws:
            sizes, means = batch_outcomes(program, self.sampling, program.numbers(), progress)
            return Units(sizes[:, None], means[:, None], of_draws=False)
        draws = program.sample(self.n_draws, self.sampling.seed)
        return Units(*set_outcomes(program, self.sampling, draws, SETS, progress), of_draws=True)

    def alone(self, program: Program, progress: Callable[[int, int], None] | None = None) -> FloatArray:
        """Main outcomes of single patients in groups that are independent, (n_groups, n_each, n_strategies, n_main)."""
        draws = program.sample(self.n_draws, self.sampling.seed) if self.n_draws else None
        each = replace(self.sampling, n_patients=self.per_draw, random_numbers="independent")
        found = individual_outcomes(program, each, draws, progress)
        return found if self.n_draws else found.reshape(-1, BATCH, *found.shape[2:])

    def by_unit(self, program: Program, value: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """Means over the patients of each unit and set of what their columns tell.

        Parameters
        ----------
        value : callable
            Gives (n_patients, n_values) from (n_patients, n_columns).

        Returns
        -------
        ndarray(float, ndim=3)
            (n_units, n_sets, n_values).
        """
        found = []
        for start in range(0, self.sampling.n_patients, AT_ONCE):
            n = min(AT_ONCE, self.sampling.n_patients - start)
            found.append(value(program.patients(start, n, self.sampling.seed)))
        each = np.concatenate(found)
        n_values = each.shape[1]
        if not self.n_draws:
            batches: FloatArray = each.reshape(-1, BATCH, n_values).mean(axis=1)[:, None]
            return batches
        sets: FloatArray = each.reshape(self.n_draws, -1, SETS, n_values).mean(axis=1)
        return sets


def followed(sampling: Sampling, n_draws: int) -> Followed:
    """Whom a study follows: the patients asked for, rounded up to whole sets of each draw, or whole batches.

    Raises
    ------
    InputError
        If the engine follows no patients, there are too many patients, or too few of them or of draws to tell an error.
    """
    sampling.validate()
    if sampling.engine not in ENGINES:
        raise InputError(f"engine '{sampling.engine}' has no patients; use one of {', '.join(ENGINES)}.")
    if sampling.n_patients > MOST_PATIENTS:
        raise InputError(f"patients: {sampling.n_patients:,} are too many; at most {MOST_PATIENTS:,} are followed.")
    if not n_draws and sampling.n_patients < BATCH * LEAST_BATCHES:
        least = BATCH * LEAST_BATCHES
        raise InputError(f"patients: {sampling.n_patients:,} are too few to estimate errors; {least:,} or more.")
    if n_draws and n_draws < LEAST_DRAWS:
        raise InputError(f"draws: {n_draws} are too few to estimate errors; {LEAST_DRAWS} or more.")
    whole = SETS * n_draws if n_draws else BATCH
    return Followed(replace(sampling, n_patients=-(-sampling.n_patients // whole) * whole), n_draws)


@dataclass(frozen=True)
class Units:
    """Means of every outcome by independent unit, and by set within it.

    Attributes
    ----------
    sizes : ndarray(float, ndim=2)
        (n_units, n_sets): patients.
    means : ndarray(float, ndim=4)
        (n_units, n_sets, n_strategies, n_outcomes).
    of_draws : bool
        Whether the units are draws of the parameters; else batches of patients.
    """

    sizes: FloatArray
    means: FloatArray
    of_draws: bool

    @property
    def n(self) -> FloatArray:
        """Patients of each unit."""
        n: FloatArray = self.sizes.sum(axis=1)
        return n

    def over_sets(self, values: FloatArray) -> FloatArray:
        """Mean of each unit from those of its sets, (n_units, ...)."""
        weights = (self.sizes / self.n[:, None]).reshape(*self.sizes.shape, *[1] * (values.ndim - 2))
        mean: FloatArray = (values * weights).sum(axis=1)
        return mean

    def estimate(self, values: FloatArray) -> Estimate:
        """Mean of what units gave, (n_units,), and its standard error from their spread."""
        told = draw_estimate if self.of_draws else batch_estimate
        return told(self.n, values)

    def increments(self, *, undiscounted: bool = False) -> Increments:
        """Means of strategies and their paired differences; undiscounted outcomes in the place of the others."""
        means = self.over_sets(self.means[..., :N_MAIN])
        if undiscounted:
            half = N_MAIN // 2
            means = np.concatenate([means[..., half:], means[..., :half]], axis=-1)
        units = over_draws_of(self.n.astype(np.int64), means)
        nothing = np.zeros(means.shape[1:])
        return Increments(
            n=units.n,
            mean=units.mean,
            product=units.product,
            cost=COST,
            effect=QALY,
            bound=nothing,
            independent=True,
        )
