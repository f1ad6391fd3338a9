"""Draws of a block with all other parameters at their values: what a block does to a model by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.execution.checkpoint import Part, key_of, made
from lmssim.execution.simulate import COHORT
from lmssim.kernels.ledger import COST, QALY
from lmssim.model.parameters.draws import Addressed, parameters_from
from lmssim.studies.sensitivity.psa.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.studies.sensitivity.paired.blocks import Block
    from lmssim.studies.sensitivity.paired.runs import AtValues, Solved

ROWS, SOLVED_ROWS, REPEATS, PATIENTS = 4_000, 500, 2, 200
"""Rows of a block by simulation, and where each is solved; draws of each row, and patients of each draw."""


@dataclass(frozen=True, kw_only=True)
class BlockWork(Work):
    """Draws of the members of a block, the others at their values; draw k has row k modulo `n_rows`."""

    block: Block
    n_rows: int

    def draws(self, first: int, n: int) -> dict[str, FloatArray]:
        """Draws first, first + 1, ... of every parameter."""
        scenario = self.program.scenario
        rows = (first + np.arange(n)) % self.n_rows
        return scenario.table.evaluate({id_: self._levels[id_][rows] for id_ in self.block.members}, first)

    @cached_property
    def _levels(self) -> Mapping[str, FloatArray]:
        """Every row."""
        scenario = self.program.scenario
        return parameters_from(scenario.table, scenario.groups, Addressed(self.n_rows, self.sampling.seed))


class BlockDraws(NamedTuple):
    """Costs and QALYs of strategies, (n_draws, n_strategies, 2), and the row of the block that each draw has."""

    strategies: Sequence[str]
    values: FloatArray
    rows: IntArray


def block_draws(
    runs: AtValues | Solved, block: Block, progress: Callable[[int, int], None] | None = None
) -> BlockDraws:
    """Draws of a block, the others at their values: of each row `REPEATS`, with their own patients, unless solved."""
    exact = runs.sampling.engine == COHORT
    n_rows = _n_rows(runs, block, SOLVED_ROWS if exact else ROWS)
    n_draws = n_rows * (1 if exact else REPEATS)
    sampling = replace(runs.sampling, random_numbers="independent", n_patients=PATIENTS)
    work = BlockWork(runs.program, sampling, n_draws, block=block, n_rows=n_rows)
    work.validate()

    def make() -> Part:
        found = [part.arrays["mean"][:, :, [COST, QALY]] for part in work.parts(progress=progress)]
        return Part({"values": np.ascontiguousarray(np.concatenate(found))})

    name = f"block-{key_of(block.name, list(work.strategies), n_rows, n_draws)[:24]}"
    values = made(runs.checkpoint, name, make).arrays["values"]
    return BlockDraws(work.strategies, values, np.arange(n_draws) % n_rows)


def _n_rows(runs: AtValues | Solved, block: Block, most: int) -> int:
    """Rows of the block that are run: all of a posterior, if they are not too many."""
    groups = runs.program.scenario.groups.values()
    rows = [group.n_rows for group in groups if group.n_rows and set(group.members) & set(block.members)]
    return min([most, *rows])
