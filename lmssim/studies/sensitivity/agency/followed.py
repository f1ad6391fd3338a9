"""Whom the study follows, and the means that they give.

Every part of the study takes its runs from here, so that results of different parts rest on the same patients. Runs are
made in parts that a checkpoint keeps; no number depends on how they were parted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError
from lmssim.execution.batches import BATCH, batch_outcomes, individual_outcomes, set_outcomes
from lmssim.execution.checkpoint import Part, key_of, made
from lmssim.execution.simulate import CHUNK, ENGINES
from lmssim.studies.sensitivity.agency.units import Units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

    Progress = Callable[[int, int], None]

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
LIVES = 2_000_000
"""Lives of a part that a checkpoint keeps, about."""


@dataclass(frozen=True)
class Followed:
    """Whom every part follows.

    Attributes
    ----------
    sampling : Sampling
        Patients in all, a whole number of sets of each draw, or of batches.
    n_draws : int
        Draws of the parameters, each with patients of its own; 0 if every parameter has its value.
    checkpoint : Checkpoint, optional
        Keeps parts of the runs.
    """

    sampling: Sampling
    n_draws: int
    checkpoint: Checkpoint | None = None

    @property
    def per_draw(self) -> int:
        """Patients of each draw; all if there are none."""
        return self.sampling.n_patients // max(self.n_draws, 1)

    @property
    def n_people(self) -> int:
        """Patients in all."""
        return self.sampling.n_patients

    def fewer(self, most: int) -> Followed:
        """At most so many of them, but two in each draw at least."""
        return self.so_many(min(self.sampling.n_patients, most))

    def so_many(self, n_patients: int) -> Followed:
        """So many, rounded up to whole sets or batches."""
        return replace(
            followed(replace(self.sampling, n_patients=n_patients), self.n_draws), checkpoint=self.checkpoint
        )

    def only(self, strategies: Sequence[str]) -> Followed:
        """The same under some strategies alone."""
        return replace(self, sampling=replace(self.sampling, strategies=tuple(strategies)))

    # === Means ===

    def run(self, program: Program, name: str, progress: Progress | None = None) -> Units:
        """Means of every outcome by unit.

        Parameters
        ----------
        name : str
            Of the program, among those of the study.
        progress : callable, optional
            Called with (units done, units in all).
        """
        make = self._of_draws if self.n_draws else self._of_batches
        n_units = self.n_draws or -(-self.sampling.n_patients // CHUNK)
        per_unit = self.per_draw if self.n_draws else CHUNK
        found = list(self._parts(program, name, n_units, per_unit, make, progress))
        sizes, means = (np.concatenate([part.arrays[key] for part in found]) for key in ("sizes", "means"))
        return Units(sizes, means, of_draws=bool(self.n_draws))

    def alone(self, program: Program, progress: Progress | None = None) -> FloatArray:
        """Main outcomes of single patients in groups that are independent, (n_groups, n_each, n_strategies, n_main)."""
        make = self._alone_of_draws if self.n_draws else self._alone_of_batches
        per_unit = self.per_draw if self.n_draws else BATCH
        found = self._parts(program, "alone", self.sampling.n_patients // per_unit, per_unit, make, progress)
        return np.concatenate([part.arrays["values"] for part in found])

    def _parts(
        self,
        program: Program,
        name: str,
        n_units: int,
        per_unit: int,
        make: Callable[[Program, range], Part],
        progress: Progress | None,
    ) -> Iterator[Part]:
        """Parts in order, of a few units each: those that a checkpoint holds, and else made, and kept there."""
        strategies = self.sampling.positions(program)
        whom = key_of(self.sampling.n_patients, self.n_draws, [program.strategies[s] for s in strategies])[:12]
        size = max(1, LIVES // (per_unit * len(strategies)))
        for units in (range(n_units)[start : start + size] for start in range(0, n_units, size)):
            part_name = f"{name}-{whom}-{units.start}-{len(units)}"
            yield made(self.checkpoint, part_name, lambda units=units: make(program, units))  # type: ignore[misc]
            if progress is not None:
                progress(units.stop, n_units)

    def _of_draws(self, program: Program, draws: range) -> Part:
        sampled = program.sample(len(draws), self.sampling.seed, draws.start)
        some = replace(self.sampling, n_patients=self.per_draw * len(draws))
        return _means(*set_outcomes(program, some, sampled, SETS, first_draw=draws.start))

    def _of_batches(self, program: Program, chunks: range) -> Part:
        some = slice(chunks.start, chunks.stop)
        sizes, means = batch_outcomes(program, self.sampling, program.numbers(), chunks=some)
        return _means(sizes[:, None], means[:, None])

    def _alone_of_draws(self, program: Program, draws: range) -> Part:
        sampled = program.sample(len(draws), self.sampling.seed, draws.start)
        each = replace(self.sampling, n_patients=self.per_draw, random_numbers="independent")
        return Part({"values": individual_outcomes(program, each, sampled, first_draw=draws.start)})

    def _alone_of_batches(self, program: Program, batches: range) -> Part:
        some = replace(self.sampling, n_patients=BATCH * len(batches), random_numbers="independent")
        found = individual_outcomes(program, some, first=BATCH * batches.start)
        return Part({"values": found.reshape(-1, BATCH, *found.shape[2:])})

    # === Who they are ===

    def by_set(self, program: Program, value: Callable[[FloatArray], FloatArray]) -> FloatArray:
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


def _means(sizes: FloatArray, means: FloatArray) -> Part:
    return Part({"sizes": sizes, "means": means})


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
    check_draws(n_draws)
    whole = SETS * n_draws if n_draws else BATCH
    return Followed(replace(sampling, n_patients=-(-sampling.n_patients // whole) * whole), n_draws)


def check_draws(n_draws: int) -> None:
    """Refuse draws that are too few to tell an error.

    Raises
    ------
    InputError
        With how many it takes.
    """
    if n_draws and n_draws < LEAST_DRAWS:
        raise InputError(f"draws: {n_draws} are too few to estimate errors; {LEAST_DRAWS} or more.")
