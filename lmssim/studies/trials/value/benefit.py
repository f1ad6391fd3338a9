"""Net benefit of the arms' strategies in the draws of a trial's parameters, from patients of their own.

Draw d is that of trial d. Its patients are none of the trial's: they are drawn under another key of the random numbers,
so that a trial tells nothing of them but by the parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.voi.draws import posterior_rows
from lmssim.errors import InputError
from lmssim.execution.checkpoint import Part, key_of, made
from lmssim.execution.manifest import evaluation_part
from lmssim.execution.simulate import Sampling, simulate_batches
from lmssim.execution.subgroups import baseline_rule, meets
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.estimates import Estimates
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program
    from lmssim.studies.trials.sources.model import ModelSource

APART = 1 << 62
"""Bit of the key that sets patients of net benefits apart from those of trials."""
LIVES = 1_000_000
"""Lives of a part, about."""
LONGEST = 100
"""Draws of a part, at most."""
PILOT = 4_096
"""Patients from whom it is told how many are eligible, and how many of these reach randomisation."""
FEWEST = 2
"""Eligible patients of a draw, at least."""


@dataclass(frozen=True)
class Benefit:
    """Costs and QALYs of both arms' strategies, per patient who is randomised.

    Attributes
    ----------
    cost, effect : ndarray(float, ndim=2)
        (n_draws, 2): control, experimental.
    noise : ndarray(float, ndim=2)
        (4, 4): covariance that patients give the costs, then the QALYs.
    rows : ndarray(int, ndim=1)
        (n_draws,): posterior row of each draw.
    parameters : mapping of str to ndarray(float, ndim=1)
        Draws of what is uncertain.
    """

    cost: FloatArray
    effect: FloatArray
    noise: FloatArray
    rows: IntArray
    parameters: dict[str, FloatArray]

    def net(self, wtp: float) -> FloatArray:
        """Net monetary benefit, (n_draws, 2)."""
        found: FloatArray = wtp * self.effect - self.cost
        return found

    def net_noise(self, wtp: float) -> FloatArray:
        """Covariance that patients give it, (2, 2)."""
        into = np.hstack([-np.eye(2), wtp * np.eye(2)])
        found: FloatArray = into @ self.noise @ into.T
        return found


@dataclass(frozen=True)
class BenefitWork:
    """The work of net benefits, in parts that a checkpoint can keep.

    Attributes
    ----------
    source : ModelSource
        Of the trial's patients: its program, and who is eligible.
    n_draws : int
        Draws 0, 1, ..., as many as trials.
    n_patients : int
        Eligible patients of each draw, about.
    seed : int
        Of the trials.
    """

    source: ModelSource
    n_draws: int
    n_patients: int
    seed: int

    @property
    def program(self) -> Program:
        """What is run."""
        return self.source.program

    def sampling(self, jobs: int = 1, backend: str = "threads") -> Sampling:
        """Patients of a draw: so many that about `n_patients` are eligible."""
        rule = self.source.design.eligible
        screened = self.n_patients if not rule else math.ceil(self.n_patients / self._eligible(rule))
        return Sampling(
            n_patients=screened,
            seed=self.seed ^ APART,
            random_numbers="independent",
            where=rule,
            by_draw=bool(rule),
            counting=False,
            jobs=jobs,
            backend=backend,
        )

    def _eligible(self, rule: str) -> float:
        where = f"{self.source.design.path}: eligible"
        x = self.program.patients(0, PILOT, self.seed ^ APART)
        met = meets(list(self.program.names.covariates), baseline_rule(self.program, rule, where), x, where)
        return max(float(met.mean()), 1.0 / PILOT)

    def key(self) -> str:
        """Hash of all that decides the parts, but for how many there are."""
        said = evaluation_part(self.program, self.sampling(), {}) | {"lmssim": __version__, "draws_seed": self.seed}
        return key_of(said, list(self.program.scenario.uncertain))

    def run(
        self,
        checkpoint: Checkpoint | None = None,
        progress: Callable[[int, int], None] | None = None,
        *,
        jobs: int = 1,
        backend: str = "threads",
    ) -> Benefit:
        """Simulate all draws."""
        parts = list(self._parts(checkpoint, progress, self.sampling(jobs, backend)))

        def whole(name: str) -> FloatArray:
            return np.concatenate([part.arrays[name] for part in parts])

        reached = self.source.reached(PILOT, self.seed ^ APART)
        draws = self.program.sample(self.n_draws, self.seed)
        used = set(self.program.used)
        drawn = {name: draws[name] for name in self.program.scenario.uncertain if name in used}
        blocks = [
            np.column_stack([draws[name] for name in group.members if name in drawn])
            for group in self.program.scenario.groups.values()
            if group.kind == "posterior" and any(name in drawn for name in group.members)
        ]
        return Benefit(
            cost=whole("cost") / reached,
            effect=whole("effect") / reached,
            noise=whole("noise").mean(axis=0) / reached**2,
            rows=posterior_rows(blocks, self.n_draws),
            parameters={name: values for name, values in drawn.items() if np.ptp(values) > 0.0},
        )

    def _parts(
        self, checkpoint: Checkpoint | None, progress: Callable[[int, int], None] | None, sampling: Sampling
    ) -> Iterator[Part]:
        """Parts in order of their draws: `cost` and `effect`, (n, 2), and `noise`, (n, 4, 4)."""
        per_part = max(1, min(LONGEST, LIVES // (2 * sampling.n_patients)))
        for first in range(0, self.n_draws, per_part):
            n = min(per_part, self.n_draws - first)

            def make(first: int = first, n: int = n) -> Part:
                draws = self.program.sample(n, self.seed, first)
                found = [_arrays(each, sampling) for each in simulate_batches(self.program, sampling, draws, first)]
                return Part({name: np.concatenate([each[name] for each in found]) for name in found[0]})

            yield made(checkpoint, f"draws-{first}-{n}", make)
            if progress is not None:
                progress(first + n, self.n_draws)


def _arrays(batch: Estimates, sampling: Sampling) -> dict[str, FloatArray]:
    """Means of a batch of draws, and the covariance of these that patients give."""
    n = np.full(len(batch.mean), batch.n) if batch.by_draw is None else np.asarray(batch.by_draw.members)
    if (fewest := int(n.min())) < FEWEST:
        raise InputError(
            f"patients: in a draw {fewest} of {sampling.n_patients:,} patients are eligible; at least {FEWEST} must "
            "be: give more patients."
        )
    product = batch.product / ((n - 1) * n)[:, None, None, None]
    cost, qaly, both = product[:, COST], product[:, QALY], product[:, N_MAIN]
    noise = np.block([[cost, both.transpose(0, 2, 1)], [both, qaly]])
    return {"cost": batch.mean[:, :, COST], "effect": batch.mean[:, :, QALY], "noise": noise}
