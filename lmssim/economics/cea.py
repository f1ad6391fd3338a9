"""Incremental analysis of strategies: dominance, extended dominance, ICER, net monetary benefit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray

FRONTIER, DOMINATED, EXTENDED = "on the frontier", "dominated", "extendedly dominated"


@dataclass(frozen=True)
class FrontierRow:
    """One strategy in the incremental analysis.

    Attributes
    ----------
    strategy : int
        Position among the strategies given.
    status : str
        On the frontier, dominated (another costs no more and gains no less), or extendedly dominated (a mix of two
        others does).
    reference : int or None
        The next less costly strategy on the frontier, to which the increments refer.
    icer : float
        Cost per unit of effect gained over the reference; NaN off the frontier and for the first strategy on it.
    """

    strategy: int
    status: str
    reference: int | None
    icer: float


def frontier(costs: Sequence[float], effects: Sequence[float]) -> list[FrontierRow]:
    """Incremental analysis, from the least costly strategy to the most costly.

    Parameters
    ----------
    costs, effects : sequence of float
        Mean of each strategy; effects as gains.

    Returns
    -------
    list of FrontierRow
        One row per strategy in ascending order of cost (ties: the more effective first).

    Notes
    -----
    A strategy equal to another in cost and effect is dominated by the one given first.
    """
    order = sorted(range(len(costs)), key=lambda i: (costs[i], -effects[i], i))
    status: dict[int, str] = {}
    kept: list[int] = []
    for i in order:
        if kept and effects[i] <= effects[kept[-1]]:
            status[i] = DOMINATED
            continue
        kept.append(i)
    hull = _hull(kept, costs, effects)
    status |= {i: FRONTIER if i in hull else EXTENDED for i in kept}
    rows = []
    previous: int | None = None
    for i in order:
        if status[i] != FRONTIER or previous is None:
            rows.append(FrontierRow(i, status[i], None, float("nan")))
        else:
            icer = (costs[i] - costs[previous]) / (effects[i] - effects[previous])
            rows.append(FrontierRow(i, FRONTIER, previous, icer))
        if status[i] == FRONTIER:
            previous = i
    return rows


def _hull(kept: Sequence[int], costs: Sequence[float], effects: Sequence[float]) -> list[int]:
    """Strategies at which the ICER rises along the frontier."""
    hull: list[int] = []
    for i in kept:
        while len(hull) > 1 and _slope(hull[-2], hull[-1], costs, effects) >= _slope(hull[-2], i, costs, effects):
            hull.pop()
        hull.append(i)
    return hull


def _slope(i: int, j: int, costs: Sequence[float], effects: Sequence[float]) -> float:
    return (costs[j] - costs[i]) / (effects[j] - effects[i])


def icer_standard_error(d_cost: float, d_effect: float, var_cost: float, var_effect: float, covariance: float) -> float:
    """Standard error of a ratio of means by the delta method.

    Parameters
    ----------
    d_cost, d_effect : float
        Mean increments.
    var_cost, var_effect, covariance : float
        Variances and covariance of the two means.
    """
    icer = d_cost / d_effect
    variance = var_cost - 2.0 * icer * covariance + icer**2 * var_effect
    return float(np.sqrt(max(variance, 0.0)) / abs(d_effect))


def net_monetary_benefit(costs: FloatArray, effects: FloatArray, wtp: float) -> FloatArray:
    """Effects valued at the willingness to pay, less costs."""
    benefit: FloatArray = wtp * effects - costs
    return benefit
