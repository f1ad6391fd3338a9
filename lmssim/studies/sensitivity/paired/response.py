"""Costs and QALYs of strategies by draw, or by batch of patients, in one of several runs that have the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.one_way.paired import Paired, known, mean_of
from lmssim.economics.ties import best_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray, IntArray

COST, EFFECT = 0, 1


@dataclass(frozen=True)
class Response:
    """What a run gave.

    Attributes
    ----------
    strategies : sequence of str
        Ids.
    values : ndarray(float, ndim=3)
        (n_rows, n_strategies, 2): mean cost and QALYs of each row, a draw or a batch of patients; one row of an exact
        solution.
    shares : ndarray(float, ndim=1)
        (n_rows,): weight of each row; they add up to 1.
    units : ndarray(int, ndim=1)
        (n_rows,): unit that a row belongs to, such as a posterior row that several draws have.
    steps : ndarray(float, ndim=2), optional
        (n_strategies, 2): error of an exact solution by steps of time.
    """

    strategies: Sequence[str]
    values: FloatArray
    shares: FloatArray
    units: IntArray
    steps: FloatArray | None = None

    @property
    def is_exact(self) -> bool:
        """Whether there is one row, so that nothing is left to chance."""
        return len(self.values) == 1

    @cached_property
    def means(self) -> FloatArray:
        """Mean cost and QALYs, (n_strategies, 2)."""
        means: FloatArray = (self.shares[:, None, None] * self.values).sum(axis=0)
        return means

    def increment(self, strategy: str, against: str) -> Paired:
        """What a strategy adds to another one."""
        s, c = self.strategies.index(strategy), self.strategies.index(against)
        difference = self.values[:, s] - self.values[:, c]
        if self.is_exact:
            return known(difference[0])
        return mean_of(difference, self.shares, self.units)

    def best_first(self, wtp: float, among: Sequence[str]) -> list[str]:
        """Strategies by net benefit, the greatest first."""
        return ranked(self.strategies, self.means, wtp, among)

    def step_error(self, wtp: float, strategy: str, against: str) -> float:
        """How far steps of time may put the increment of net benefit of an exact solution off."""
        if self.steps is None or strategy == against:
            return 0.0
        both = self.steps[[self.strategies.index(strategy), self.strategies.index(against)]]
        return float((both @ np.array([1.0, wtp])).sum())


@dataclass(frozen=True)
class Expected:
    """What is expected of strategies given some values, from a regression.

    Attributes
    ----------
    strategies : sequence of str
        Ids.
    outcomes : Paired
        Cost and QALYs of the first strategy, of the second, ...: (2 n_strategies,), with the deviations of the units.
    """

    strategies: Sequence[str]
    outcomes: Paired

    @property
    def is_exact(self) -> bool:
        """Whether nothing is left to chance: never."""
        return False

    @property
    def means(self) -> FloatArray:
        """Mean cost and QALYs, (n_strategies, 2)."""
        return self.outcomes.mean.reshape(-1, 2)

    def increment(self, strategy: str, against: str) -> Paired:
        """What a strategy adds to another one."""
        s, c = (slice(2 * k, 2 * k + 2) for k in map(self.strategies.index, (strategy, against)))
        mean, off = self.outcomes.mean, self.outcomes.deviations
        return Paired(mean[s] - mean[c], off[:, s] - off[:, c])

    def best_first(self, wtp: float, among: Sequence[str]) -> list[str]:
        """Strategies by net benefit, the greatest first."""
        return ranked(self.strategies, self.means, wtp, among)

    def step_error(self, wtp: float, strategy: str, against: str) -> float:  # as `Response` has it
        """Error of a solution: none."""
        return 0.0


Compared = Response | Expected
"""Costs and QALYs of strategies that can be compared, with the errors of their differences."""


def ranked(strategies: Sequence[str], means: FloatArray, wtp: float, among: Sequence[str]) -> list[str]:
    """Some strategies by net benefit, the greatest first; means are (n_strategies, 2)."""
    index = [strategies.index(s) for s in among]
    costs, effects = (means[index, k].tolist() for k in (COST, EFFECT))
    return [among[i] for i in best_first(costs, effects, wtp)]
