"""Draws of a decision: cost and effect of every strategy, and the parameters that gave them; whoever made them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.acceptability import Acceptability
from lmssim.economics.cea import net_monetary_benefit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import FloatArray, IntArray

PARAMETER, GROUP, POSTERIOR, STRUCTURE = "parameter", "group", "posterior", "structure"


@dataclass(frozen=True)
class ParameterSet:
    """Parameters that would be learnt together.

    Attributes
    ----------
    name, label : str
        Id, and what people read.
    members : tuple of str
        Ids of the parameters.
    kind : str
        `parameter` (one), `group` (declared, or drawn jointly), `posterior` (drawn from the rows of a calibration),
        `structure` (which option of a switch holds).
    posterior : str
        Name of the posterior of which the parameter is a part; blank if of none.
    """

    name: str
    label: str
    members: tuple[str, ...]
    kind: str = PARAMETER
    posterior: str = ""


@dataclass(frozen=True)
class DecisionDraws:
    """Draws of costs and effects of strategies of which one is to be chosen.

    Attributes
    ----------
    strategies : sequence of str
        Ids.
    cost, effect : ndarray(float, ndim=2)
        (n_draws, n_strategies).
    parameters : mapping of str to ndarray(float, ndim=1)
        (n_draws,) each.
    rows : ndarray(int, ndim=1)
        (n_draws,): posterior row of each draw, where draws repeat rows; else the number of the draw.
    noise : ndarray(float, ndim=2), optional
        (2 n_strategies, 2 n_strategies): covariance that simulated patients give the draws of costs, then effects;
        not known if absent.
    """

    strategies: Sequence[str]
    cost: FloatArray
    effect: FloatArray
    parameters: Mapping[str, FloatArray]
    rows: IntArray
    noise: FloatArray | None = None

    @property
    def n_draws(self) -> int:
        """Draws."""
        return len(self.cost)

    @cached_property
    def acceptability(self) -> Acceptability:
        """The same draws, for curves and the value of perfect information."""
        some = self.noise is not None and self.noise.any()
        return Acceptability(self.cost, self.effect, self.noise if some else None)

    def benefit(self, wtp: float) -> FloatArray:
        """Net monetary benefit, patient noise left in, (n_draws, n_strategies)."""
        return net_monetary_benefit(self.cost, self.effect, wtp)

    def columns(self, members: Sequence[str]) -> FloatArray:
        """Draws of some parameters, (n_draws, n_members)."""
        return np.column_stack([self.parameters[name] for name in members])

    def part(self, chosen: IntArray) -> DecisionDraws:
        """Some of the draws."""
        parameters = {name: values[chosen] for name, values in self.parameters.items()}
        return DecisionDraws(
            self.strategies, self.cost[chosen], self.effect[chosen], parameters, self.rows[chosen], self.noise
        )


def posterior_rows(blocks: Sequence[FloatArray], n_draws: int) -> IntArray:
    """Number of each draw's posterior row, (n_draws,), in the block with the fewest; draws that are alike share it.

    Parameters
    ----------
    blocks : sequence of ndarray(float, ndim=2)
        (n_draws, n_members) each.
    """
    found: IntArray = np.arange(n_draws)
    fewest = n_draws
    for block in blocks:
        distinct, row = np.unique(block, axis=0, return_inverse=True)
        if len(distinct) < fewest:
            found, fewest = row.reshape(-1), len(distinct)
    return found
