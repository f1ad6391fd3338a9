"""What a probabilistic analysis says about a decision, from draws of costs and effects, whoever made them.

Acceptability curves and frontier, expected loss, the expected value of perfect information, and how often each strategy
is on the efficiency frontier. If the draws are means over simulated patients, the noise of these is taken out first
(`lmssim.economics.nesting`): it flattens acceptability curves and lifts the value of information.

References
----------
Fenwick E, Claxton K, Sculpher M. Representing uncertainty: the role of cost-effectiveness acceptability curves.
Health Econ 10:779-787, 2001. doi:10.1002/hec.635
Alarid-Escudero F, Enns EA, Kuntz KM, Michaud TL, Jalal H. "Time traveling is just too dangerous" but some methods are
worth revisiting: the advantages of expected loss curves over cost-effectiveness acceptability curves and frontier.
Value Health 22:611-618, 2019. doi:10.1016/j.jval.2019.02.008
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics import cea
from lmssim.economics.nesting import without_noise
from lmssim.economics.ties import RELATIVE, best_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray


class PerfectInformation(NamedTuple):
    """Expected value of perfect information per patient, at one willingness to pay."""

    evpi: float
    """Without the bias of patient noise."""
    se: float
    """Monte-Carlo error, of the draws."""
    bias: float
    """What patient noise adds if it is left in."""

    @property
    def with_patient_noise(self) -> float:
        """As the means of draws give it."""
        return self.evpi + self.bias


@dataclass(frozen=True)
class Acceptability:
    """Draws of costs and effects of strategies of which one is to be chosen.

    Attributes
    ----------
    cost, effect : ndarray(float, ndim=2)
        (n_draws, n_strategies).
    noise : ndarray(float, ndim=2), optional
        (2 n_strategies, 2 n_strategies): covariance that patients give the draws of costs, then effects; none if
        absent.
    """

    cost: FloatArray
    effect: FloatArray
    noise: FloatArray | None = None

    @property
    def n_draws(self) -> int:
        """Draws."""
        return len(self.cost)

    @cached_property
    def plain(self) -> Acceptability:
        """The same draws as they are, patient noise left in."""
        return self if self.noise is None else Acceptability(self.cost, self.effect)

    @cached_property
    def expectations(self) -> tuple[FloatArray, FloatArray]:
        """Costs and effects expected in each draw, without the noise of patients, (n_draws, n_strategies) each."""
        if self.noise is None:
            return self.cost, self.effect
        both = without_noise(np.concatenate([self.cost, self.effect], axis=1), self.noise)
        n = self.cost.shape[1]
        return both[:, :n], both[:, n:]

    def net_benefit(self, wtp: float) -> FloatArray:
        """Net monetary benefit expected in each draw, (n_draws, n_strategies)."""
        cost, effect = self.expectations
        return cea.net_monetary_benefit(cost, effect, wtp)

    def ceac(self, wtp: float) -> FloatArray:
        """Probability that each strategy has the greatest net benefit, (n_strategies,).

        Strategies that are tied in a draw (`lmssim.economics.ties`) share it, so that the probabilities add up to 1.
        """
        cost, effect = self.expectations
        benefit = cea.net_monetary_benefit(cost, effect, wtp)
        size = (np.abs(cost) + wtp * np.abs(effect)).max(axis=1, keepdims=True)
        best = benefit >= benefit.max(axis=1, keepdims=True) - RELATIVE * size
        probability: FloatArray = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
        return probability

    def optimal(self, wtp: float) -> int:
        """Strategy of the greatest expected net benefit; of tied ones the preferred (`lmssim.economics.ties`)."""
        return best_first(self.cost.mean(axis=0).tolist(), self.effect.mean(axis=0).tolist(), wtp)[0]

    def expected_loss(self, wtp: float) -> tuple[FloatArray, FloatArray]:
        """Net benefit that each strategy is expected to lose against the best of each draw, and its error.

        The error is that of the losses as the means of draws give them: what patients do to these is part of it.
        """
        loss, plain = self._losses(wtp), self.plain._losses(wtp)
        error: FloatArray = plain.std(axis=0, ddof=1) / np.sqrt(self.n_draws)
        return loss.mean(axis=0), error

    def _losses(self, wtp: float) -> FloatArray:
        """Loss of each strategy in each draw, (n_draws, n_strategies)."""
        benefit = self.net_benefit(wtp)
        losses: FloatArray = benefit.max(axis=1, keepdims=True) - benefit
        return losses

    def perfect_information(self, wtp: float) -> PerfectInformation:
        """Expected value of perfect information: the expected loss of the strategy that is optimal now."""
        best = self.optimal(wtp)
        loss, error = (float(each[best]) for each in self.expected_loss(wtp))
        if self.noise is None:
            return PerfectInformation(loss, error, 0.0)
        return PerfectInformation(loss, error, float(self.plain.expected_loss(wtp)[0][best]) - loss)

    def frontier_probability(self) -> FloatArray:
        """Share of draws in which each strategy is on the efficiency frontier, (n_strategies,)."""
        counts = np.zeros(self.cost.shape[1])
        for costs, effects in zip(*(each.tolist() for each in self.expectations), strict=True):
            for row in cea.frontier(costs, effects):
                counts[row.strategy] += row.status == cea.FRONTIER
        return counts / self.n_draws

    def probability_error(self, probability: FloatArray) -> FloatArray:
        """Monte-Carlo error of probabilities, of the draws."""
        error: FloatArray = np.sqrt(probability * (1.0 - probability) / self.n_draws)
        return error


def switching_points(wtps: Sequence[float], optimal: Sequence[int]) -> list[tuple[float, int]]:
    """Each willingness to pay of a grid from which on another strategy is optimal, and that strategy."""
    points: list[tuple[float, int]] = []
    for wtp, strategy in zip(wtps, optimal, strict=True):
        if not points or points[-1][1] != strategy:
            points.append((wtp, strategy))
    return points
