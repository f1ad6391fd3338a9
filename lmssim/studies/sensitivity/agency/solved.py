"""The population solved without random numbers, in the place of patients who are followed.

The same questions are asked of it as of `lmssim.studies.sensitivity.agency.followed.Followed`, but for single patients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.execution.checkpoint import Part, key_of, made
from lmssim.execution.solve import settle, solve_population
from lmssim.studies.sensitivity.agency.followed import check_draws
from lmssim.studies.sensitivity.agency.units import Units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.solve import Settled
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

    Progress = Callable[[int, int], None]

TOGETHER = 10
"""Draws of a part that a checkpoint keeps."""


@dataclass(frozen=True)
class Solved:
    """Profiles that stand for the population.

    Attributes
    ----------
    sampling : Sampling
        Profiles, strategies, workers.
    n_draws : int
        Draws of the parameters, each of which is solved; 0 if every parameter has its value.
    n_people : int
        Profiles in all.
    checkpoint : Checkpoint, optional
        Keeps parts of the runs.
    """

    sampling: Sampling
    n_draws: int
    n_people: int
    checkpoint: Checkpoint | None = None

    def fewer(self, most: int) -> Solved:
        """The same: profiles are few."""
        del most
        return self

    def so_many(self, n_patients: int) -> Solved:
        """The same: more of them would tell nothing of the spread over draws."""
        del n_patients
        return self

    def only(self, strategies: Sequence[str]) -> Solved:
        """The same under some strategies alone."""
        return replace(self, sampling=replace(self.sampling, strategies=tuple(strategies)))

    def run(self, program: Program, name: str, progress: Progress | None = None) -> Units:
        """Means of every outcome by draw and replicate of the profiles.

        Parameters
        ----------
        name : str
            Of the program, among those of the study.
        progress : callable, optional
            Called with (draws done, draws in all).
        """
        strategies = [program.strategies[s] for s in self.sampling.positions(program)]
        whom, n = key_of(self.n_draws, strategies)[:12], max(self.n_draws, 1)
        settled: list[Settled] = []
        parts = []
        for first in range(0, n, TOGETHER):
            some = range(first, min(first + TOGETHER, n))

            def make(some: range = some) -> Part:
                return self._solved(program, some, settled)

            parts.append(made(self.checkpoint, f"{name}-{whom}-{first}-{len(some)}", make).arrays)
            if progress is not None:
                progress(some.stop, n)
        means = np.concatenate([part["means"] for part in parts])
        return Units(np.ones(means.shape[:2]), means, of_draws=bool(self.n_draws), steps=parts[0]["steps"])

    def _solved(self, program: Program, draws: range, settled: list[Settled]) -> Part:
        """Some draws, all as fine as the first of all."""
        if not settled:
            settled.append(settle(program, self.sampling, self._sampled(program, range(1))))
        found = solve_population(program, self.sampling, self._sampled(program, draws), settled=settled[0])
        return Part({"means": found.by_replicate, "steps": found.step_error})

    def _sampled(self, program: Program, draws: range) -> dict[str, FloatArray] | None:
        return program.sample(len(draws), self.sampling.seed, draws.start) if self.n_draws else None

    def by_set(self, program: Program, value: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """Means over each replicate of the profiles of what their columns tell, (n_units, n_replicates, n_values)."""
        profiles = choose_profiles(program, self.sampling.profiles, self.sampling.seed)
        weighted = value(profiles.x) * profiles.weights[:, None]
        each = weighted.reshape(profiles.n_replicates, -1, weighted.shape[1]).sum(axis=1)
        return np.repeat(each[None], max(self.n_draws, 1), axis=0)


def solved(program: Program, sampling: Sampling, n_draws: int) -> Solved:
    """The population of a program, to be solved.

    Raises
    ------
    InputError
        If there are too few draws to tell an error.
    """
    sampling.validate()
    check_draws(n_draws)
    n = len(choose_profiles(program, sampling.profiles, sampling.seed).x)
    return Solved(sampling, n_draws, n)
