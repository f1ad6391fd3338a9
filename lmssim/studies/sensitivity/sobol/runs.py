"""Evaluations of the model at rows of a design: the same patients and random numbers in all of them.

What is kept of an evaluation are costs and QALYs by set of patients, so that the noise of patients can be told from
what the factors do. Evaluations are made in stretches, each a part that a checkpoint can keep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import lcm
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError
from lmssim.evaluation import check_comparator
from lmssim.execution.batches import Sets
from lmssim.execution.checkpoint import Part, key_of, made
from lmssim.execution.simulate import COHORT, simulate_batches
from lmssim.execution.solve import settle, solve_population
from lmssim.kernels.ledger import COST, QALY
from lmssim.model.parameters.draws import Stated, parameters_from
from lmssim.studies.sensitivity.paired.blocks import ROWS
from lmssim.studies.sensitivity.psa.work import CHECKED, LIVES, LONGEST

if TYPE_CHECKING:
    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.solve import Settled
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

SETS = 8
"""Sets of patients: part of a result's identity, so a constant."""
FEWEST_PATIENTS = 2 * SETS
PILOT, PILOT_LIVES = 8, 100_000
"""Evaluations, at least, and lives, about, whose time tells that of all."""
MOST_ROWS = 1 << 30
"""Combinations of rows of posteriors of different lengths that a stream can name."""

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Evaluations:
    """The model as a function of a design's rows.

    Attributes
    ----------
    program : Program
        What is run.
    sampling : Sampling
        Patients of every evaluation, strategies, engine, workers.
    streams : sequence of str
        Stream of each column.
    checkpoint : Checkpoint, optional
        Keeps stretches.
    """

    program: Program
    sampling: Sampling
    streams: Sequence[str]
    checkpoint: Checkpoint | None = None

    def validate(self) -> None:
        """Refuse what cannot be run."""
        self.sampling.validate()
        check_comparator(self.program, self.sampling)
        if not self.exact:
            self.program.require_histories()
            if self.sampling.n_patients < FEWEST_PATIENTS:
                raise InputError(
                    f"patients: {self.sampling.n_patients} are too few to tell their noise; {FEWEST_PATIENTS} or more "
                    "are needed."
                )

    @property
    def exact(self) -> bool:
        """Whether evaluations are solved, so that there are no patients."""
        return self.sampling.engine == COHORT

    @property
    def n_strategies(self) -> int:
        """Strategies that are run."""
        return len(self.sampling.positions(self.program))

    @property
    def n_lives(self) -> int:
        """Lives of an evaluation."""
        return (1 if self.exact else self.sampling.n_patients) * self.n_strategies

    @cached_property
    def _rows(self) -> int:
        """Combinations of rows of all posteriors."""
        return min(
            lcm(1, *(group.n_rows for group in self.program.scenario.groups.values() if group.n_rows)), MOST_ROWS
        )

    def draws(self, numbers: FloatArray, first: int = 0) -> dict[str, FloatArray]:
        """Every parameter at some rows of a design, (n_rows, n_columns)."""
        columns = {name: np.ascontiguousarray(numbers[:, k]) for k, name in enumerate(self.streams)}
        rows = columns.pop(ROWS, np.zeros(len(numbers)))
        source = Stated(columns, np.minimum((rows * self._rows).astype(np.int64), self._rows - 1))
        scenario = self.program.scenario
        return parameters_from(scenario.table, scenario.groups, source, first)

    def check(self, numbers: FloatArray) -> None:
        """Refuse a design in which a row gives a parameter that is impossible."""
        for first in range(0, len(numbers), CHECKED):
            self.program.numbers(self.draws(numbers[first : first + CHECKED], first), first)

    def at(self, numbers: FloatArray, progress: Told | None = None) -> FloatArray:
        """Mean costs and QALYs, (n_rows, n_sets, n_strategies, 2)."""
        n, each = len(numbers), self.rows_of_part
        name = key_of(numbers, list(self.streams), self.exact or SETS, self.sampling.positions(self.program))[:16]
        parts = []
        for first in range(0, n, each):
            stop = min(first + each, n)

            def make(first: int = first, stop: int = stop) -> Part:
                return Part({"values": self._made(numbers[first:stop], first)})

            parts.append(made(self.checkpoint, f"rows-{name}-{first}-{stop - first}", make).arrays["values"])
            if progress is not None:
                progress(stop, n)
        return np.concatenate(parts)

    @property
    def rows_of_part(self) -> int:
        """Rows of a stretch."""
        return max(1, min(LONGEST, LIVES // (self.n_lives * (10_000 if self.exact else 1))))

    def seconds(self, numbers: FloatArray) -> float:
        """Time of an evaluation, measured on a few of a design's rows, once the engine has been compiled."""
        self._made(numbers[:1], 0)
        start = perf_counter()
        some = numbers[: max(PILOT, PILOT_LIVES // self.n_lives if not self.exact else 0)]
        self._made(some, 0)
        return (perf_counter() - start) / len(some)

    def _made(self, numbers: FloatArray, first: int) -> FloatArray:
        draws = self.draws(numbers, first)
        if self.exact:
            found = [solve_population(self.program, self._asked, draws, settled=self._settled).mean[:, None]]
        else:
            batches = simulate_batches(self.program, self._asked, draws, grouping=Sets(SETS))
            found = [each.by_subgroup.mean for each in batches if each.by_subgroup is not None]
        return np.ascontiguousarray(np.concatenate([each[..., [COST, QALY]] for each in found]))

    @cached_property
    def _settled(self) -> Settled:
        return settle(self.program, self.sampling)

    @cached_property
    def _asked(self) -> Sampling:
        return replace(self.sampling, random_numbers="common", by_draw=False, counting=False)
