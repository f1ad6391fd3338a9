"""Which parameters a trial informs: those that change what befalls its patients.

Each uncertain parameter is set to its least and to its greatest draw, all others held. If in no life anything changes
that the trial observes, the parameter acts on costs or utilities alone, say, and no trial tells anything of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError
from lmssim.kernels.trials.luck import N_UNIFORMS, fill_luck

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.studies.trials.sources.model import ModelSource

FOLLOWED = 200
"""Patients whose lives are compared, in the course of either arm."""


def informed(source: ModelSource, drawn: Mapping[str, FloatArray], seed: int) -> list[str]:
    """Names of the parameters that a trial's patients depend on.

    Parameters
    ----------
    drawn : mapping of str to ndarray(float, ndim=1)
        Draws of what is uncertain.
    """
    lives = _Lives(source, seed)
    changes = [(name, value) for name, values in drawn.items() for value in (float(values.min()), float(values.max()))]
    moved = {name for (name, _), differs in zip(changes, lives.differ(changes), strict=True) if differs}
    return [name for name in drawn if name in moved]


class _Lives:
    """Lives of the same patients under other parameters."""

    def __init__(self, source: ModelSource, seed: int) -> None:
        self.source, self.seed = source, seed
        self.table = source.program.scenario.table
        whole = source.program.sample(1, seed)
        self.base = {p.id: float(whole[p.id][0]) for p in self.table.values() if p.held or not p.expression}
        luck = np.empty((1, FOLLOWED, N_UNIFORMS))
        fill_luck(seed, 0, luck)
        self.luck = luck[0]

    def differ(self, changes: Sequence[tuple[str, float]]) -> list[bool]:
        """Whether any life changes by each change.

        A change that is impossible beside the others as they are counts, as it stands in the model of lives.
        """
        (before,) = self._numbers([("", 0.0)])
        lives = self._lives(before)
        try:
            numbers = self._numbers(changes)
        except InputError:
            return [self._differs_alone(lives, change) for change in changes]
        return [self._differs(lives, before, each) for each in numbers]

    def _differs_alone(self, lives: tuple[FloatArray, ...], change: tuple[str, float]) -> bool:
        try:
            (numbers,) = self._numbers([change])
        except InputError:
            return True
        return self._differs(lives, np.full_like(numbers, np.nan), numbers)

    def _differs(self, lives: tuple[FloatArray, ...], before: FloatArray, numbers: FloatArray) -> bool:
        if np.array_equal(before, numbers, equal_nan=True):
            return False
        after = self._lives(numbers)
        return not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(lives, after, strict=True))

    def _numbers(self, changes: Sequence[tuple[str, float]]) -> FloatArray:
        """Numbers of the program under each change."""
        n = len(changes)
        draws = {name: np.full(n, value) for name, value in self.base.items()}
        for k, (name, value) in enumerate(changes):
            if name:
                draws[name][k] = value
        return self.source.program.numbers(self.table.evaluate(draws, 0))

    def _lives(self, numbers: FloatArray) -> tuple[FloatArray, ...]:
        """What a trial may observe of the patients."""
        return self.source.courses(FOLLOWED, self.luck, numbers, self.seed)
