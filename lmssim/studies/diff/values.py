"""Values of coalitions: main outcomes of every strategy by draw or by batch of patients, the same ones in all.

Draws of the parameters, patients and random numbers are common to all coalitions, so that a difference between two has
far less noise than either; its error comes from the spread of the differences by draw, or by batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.increments import Estimate, batch_estimate, draw_estimate
from lmssim.errors import InputError
from lmssim.evaluation import evaluate
from lmssim.execution.batches import BATCH, batch_means, draw_means
from lmssim.execution.simulate import COHORT, FEWEST_PER_DRAW
from lmssim.kernels.ledger import N_MAIN
from lmssim.model.compile.scenario import compile_scenario

if TYPE_CHECKING:
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

LEAST_BATCHES = 16
"""Batches of patients from which an error is told."""


@dataclass(frozen=True)
class Common:
    """What all coalitions have in common.

    Attributes
    ----------
    sampling : Sampling
        Patients in all, seed, engine, workers, strategies.
    n_draws : int
        Draws of the parameters, over which the patients are split; 0 if no coalition draws any.
    """

    sampling: Sampling
    n_draws: int

    def validate(self) -> None:
        """Refuse what no error could be told from.

        Raises
        ------
        InputError
            If there are too few patients.
        """
        self.sampling.validate()
        if self.is_exact:
            return
        least = FEWEST_PER_DRAW * self.n_draws if self.n_draws else LEAST_BATCHES * BATCH
        if self.sampling.n_patients < least:
            over = f" over {self.n_draws:,} draws" if self.n_draws else ""
            raise InputError(
                f"--patients: {self.sampling.n_patients:,}{over} are too few to estimate errors; give {least:,} or "
                "more."
            )

    @property
    def is_exact(self) -> bool:
        """Whether there are no patients."""
        return self.sampling.engine == COHORT

    def values(self, scenario: Scenario, *, drawn: bool) -> tuple[FloatArray, FloatArray]:
        """Sizes of draws or batches, and their main outcomes, (n, n_strategies, n_main).

        Parameters
        ----------
        drawn : bool
            Whether parameters are drawn, or have their values in every draw.

        Raises
        ------
        InputError
            If the scenario cannot be run.
        """
        program = compile_scenario(scenario)
        draws = self._draws(program, drawn=drawn) if self.n_draws else None
        if self.is_exact:
            found = evaluate(scenario, self.sampling, draws).estimates.mean[..., :N_MAIN]
            return np.ones(len(found)), found
        program.require_histories()
        if draws is None:
            return batch_means(program, self.sampling, program.numbers())
        return draw_means(program, self.sampling, draws)

    def _draws(self, program: Program, *, drawn: bool) -> dict[str, FloatArray]:
        if drawn:
            return program.sample(self.n_draws, self.sampling.seed)
        base = program.scenario.table.base()
        return {name: np.full(self.n_draws, value[0]) for name, value in base.items()}

    def estimate(self, sizes: FloatArray, values: FloatArray) -> Estimate:
        """Mean of some values by draw or batch, and its standard error; 0 of what has no noise."""
        if len(values) == 1:
            return Estimate(float(values[0]), 0.0)
        return draw_estimate(sizes, values) if self.n_draws else batch_estimate(sizes, values)
