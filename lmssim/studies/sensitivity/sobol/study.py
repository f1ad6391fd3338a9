"""Screen every block, compute Sobol' indices of the factors, and divide a block by Shapley effects if asked.

All evaluations have the same patients and random numbers. Shapley effects need no further ones: the first and the last
evaluation of each row of Saltelli's design are joint draws of all parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.economics.variance_based.design import sobol_design, trajectories
from lmssim.economics.variance_based.indices import blocks_of as arranged
from lmssim.economics.variance_based.indices import sobol_indices
from lmssim.economics.variance_based.screening import screened
from lmssim.economics.variance_based.shapley import shapley_effects
from lmssim.studies.sensitivity.paired.blocks import blocks_of
from lmssim.studies.sensitivity.paired.contrast import Contrast, contrast_of
from lmssim.studies.sensitivity.paired.runs import Drawn, restricted
from lmssim.studies.sensitivity.sobol.factors import Factor, factors_of, layout_of
from lmssim.studies.sensitivity.sobol.parts import block_named, parts_of
from lmssim.studies.sensitivity.sobol.plan import Plan, check_size, plan_of
from lmssim.studies.sensitivity.sobol.result import Divided, GlobalSensitivity
from lmssim.studies.sensitivity.sobol.runs import Evaluations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.economics.variance_based.design import Trajectories
    from lmssim.economics.variance_based.indices import Indices
    from lmssim.economics.variance_based.screening import Screening
    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.blocks import Block
    from lmssim.studies.sensitivity.sobol.asked import Asked

    Phases = Callable[[str, int, int], None]

CHOOSING_DRAWS, CHOOSING_PATIENTS, CHOOSING_SOLVED = 1_000, 100, 50
"""Joint draws and patients of each from which the best strategy is told, as by `lmssim tornado`; draws if solved."""
COST, EFFECT = 0, 1


@dataclass(frozen=True)
class Study:
    """A global sensitivity analysis that can be run.

    Attributes
    ----------
    program : Program
        What is run.
    sampling : Sampling
        Patients of every evaluation, seed, engine, workers.
    asked : Asked
        What is asked.
    checkpoint : Checkpoint, optional
        Keeps evaluations.
    """

    program: Program
    sampling: Sampling
    asked: Asked
    checkpoint: Checkpoint | None = None

    def validate(self) -> None:
        """Refuse what cannot be run, down to the last row, before any is run."""
        self.asked.check(self.program.scenario)
        self._evaluations(self.sampling, []).validate()
        if self.asked.block:
            self.parts  # noqa: B018  # refuses parts that are not there
        check_size(len(self.factors), _columns(self.factors), self.asked.rows, 0)
        check_size(len(self.alone), _columns(self.alone), 0, self.asked.trajectories)
        if self.asked.rows:
            self._evaluations(self.sampling, self.factors).check(self.design)
        if self.asked.trajectories:
            self._evaluations(self.sampling, self.alone).check(self.trajectories.numbers)

    @cached_property
    def blocks(self) -> list[Block]:
        """What is drawn together."""
        return blocks_of(self.program)

    @cached_property
    def factors(self) -> list[Factor]:
        """Factors of the indices."""
        return factors_of(self.program, self.asked.groups) if self.asked.rows else []

    @cached_property
    def alone(self) -> list[Factor]:
        """Factors of the screening: each block by itself."""
        return [Factor(block.name, [block]) for block in self.blocks]

    @cached_property
    def parts(self) -> tuple[Block, dict[str, list[str]]]:
        """The block that is divided, and its parts."""
        block = block_named(self.asked.block, self.blocks)
        return block, parts_of(self.program, block, self.asked.parts)

    @cached_property
    def design(self) -> FloatArray:
        """Saltelli's design."""
        return sobol_design(layout_of(self.factors), self.asked.rows, self.sampling.seed)

    @cached_property
    def trajectories(self) -> Trajectories:
        """Trajectories of the screening."""
        return trajectories(layout_of(self.alone), self.asked.trajectories, self.sampling.seed)

    def _evaluations(self, sampling: Sampling, factors: Sequence[Factor]) -> Evaluations:
        streams = [stream for factor in factors for stream in factor.streams]
        return Evaluations(self.program, sampling, streams, self.checkpoint)

    def plan(self) -> Plan:
        """What it takes; a few evaluations are run to tell the time."""
        runs = self._evaluations(self._for_two(self.sampling), self.factors or self.alone)
        plan = self._planned(runs)
        each = runs.seconds(self.design if self.factors else self.trajectories.numbers)
        return replace(plan, seconds=each * (plan.evaluations + plan.choosing / runs.n_lives))

    def _planned(self, runs: Evaluations) -> Plan:
        choosing = 0
        if self.asked.strategy is None:
            few = self._choosing
            choosing = few.n_draws * len(self.program.strategies) * (1 if runs.exact else few.sampling.n_patients)
        return plan_of(self.factors, self.blocks, self.asked.rows, self.asked.trajectories, runs, choosing)

    def _for_two(self, sampling: Sampling) -> Sampling:
        """Sampling of as many strategies as are compared; which they are does not matter to the time."""
        scenario = self.program.scenario
        others = [name for name in self.program.strategies if name != scenario.comparator]
        asked = {self.asked.strategy or others[0], self.asked.against or scenario.comparator, scenario.comparator}
        return replace(sampling, strategies=tuple(name for name in self.program.strategies if name in asked))

    def key(self) -> dict[str, Any]:
        """All that decides evaluations, but for the design's rows."""
        exact = self._evaluations(self.sampling, []).exact
        whom = {"profiles": self.sampling.profiles} if exact else {"patients_of_evaluations": self.sampling.n_patients}
        return self._choosing.key() | whom

    @cached_property
    def _choosing(self) -> Drawn:
        patients = min(CHOOSING_PATIENTS, self.sampling.n_patients)
        exact = self._evaluations(self.sampling, []).exact
        draws = CHOOSING_SOLVED if exact else CHOOSING_DRAWS
        return Drawn(self.program, replace(self.sampling, n_patients=patients), draws, self.checkpoint)

    def run(self, progress: Phases | None = None) -> GlobalSensitivity:
        """Make all evaluations, and what follows from them.

        Parameters
        ----------
        progress : callable, optional
            Called with (what is done, done, in all).
        """
        told = progress or _silent
        wtps = self.asked.all_wtps(self.program.scenario)
        contrast = self._contrast(wtps[0], told)
        few = restricted(replace(self._choosing, sampling=self.sampling), contrast).sampling
        screenings = self._screenings(few, contrast, wtps, told) if self.asked.trajectories else {}
        indices, divided = self._indices(few, contrast, wtps, told) if self.asked.rows else ({}, None)
        plan = self._planned(self._evaluations(few, []))
        return GlobalSensitivity(
            self.program, contrast, wtps, self.factors, self.blocks, indices, screenings, divided, plan
        )

    def _contrast(self, wtp: float, told: Phases) -> Contrast:
        scenario, asked = self.program.scenario, self.asked
        if asked.strategy is not None:
            return Contrast(asked.strategy, asked.against or scenario.comparator)
        response = self._choosing.at({}, partial(told, "all strategies"))
        return contrast_of(scenario, response, wtp, asked.strategy, asked.against)

    def _screenings(
        self, sampling: Sampling, contrast: Contrast, wtps: Sequence[float], told: Phases
    ) -> dict[str, Screening]:
        runs, design = self._evaluations(sampling, self.alone), self.trajectories
        values = runs.at(design.numbers, partial(told, "screening"))
        outcomes = self._outcomes(values, sampling, contrast, wtps)
        return {name: screened(design.steps, each) for name, each in outcomes.items()}

    def _indices(
        self, sampling: Sampling, contrast: Contrast, wtps: Sequence[float], told: Phases
    ) -> tuple[dict[str, Indices], Divided | None]:
        runs, k = self._evaluations(sampling, self.factors), len(self.factors)
        values = runs.at(self.design, partial(told, "Sobol' indices"))
        outcomes = self._outcomes(values, sampling, contrast, wtps)
        found = {name: sobol_indices(arranged(each, k), sampling.seed) for name, each in outcomes.items()}
        if not self.asked.block:
            return found, None
        whole = np.arange(len(self.design)) % (k + 2)
        drawn = (whole == 0) | (whole == k + 1)  # A and B: joint draws of everything
        block, parts = self.parts
        draws = runs.draws(self.design[drawn])
        members = [id_ for id_ in block.members if np.ptp(draws[id_]) > 0.0]
        inputs = np.column_stack([draws[id_] for id_ in members])
        columns = [[members.index(id_) for id_ in part if id_ in members] for part in parts.values()]
        effects = {}
        for done, (name, each) in enumerate(outcomes.items(), 1):
            effects[name] = shapley_effects(inputs, each[drawn], columns)
            told("Shapley effects", done, len(outcomes))
        return found, Divided(block, parts, effects)

    def _outcomes(
        self, values: FloatArray, sampling: Sampling, contrast: Contrast, wtps: Sequence[float]
    ) -> dict[str, FloatArray]:
        """Increments by outcome, (n_rows, n_sets) each."""
        names = [self.program.strategies[s] for s in sampling.positions(self.program)]
        s, c = names.index(contrast.strategy), names.index(contrast.against)
        more = values[:, :, s] - values[:, :, c]
        cost, effect = more[..., COST], more[..., EFFECT]
        found = {f"inmb:{wtp:g}": wtp * effect - cost for wtp in wtps}
        return found | {"cost": cost, "qalys": effect}


def _columns(factors: Sequence[Factor]) -> int:
    return sum(len(factor.streams) for factor in factors)


def _silent(_phase: str, _done: int, _total: int) -> None:
    """Report nothing."""
