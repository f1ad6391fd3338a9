"""Incremental analysis of strategies: dominance, extended dominance, ICER, net monetary benefit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.ties import Ties, differ, levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray

FRONTIER, DOMINATED, EXTENDED = "on the frontier", "dominated", "extendedly dominated"
COST, EFFECT = "cost", "effect"
"""In what strategies are tied."""


@dataclass(frozen=True)
class FrontierRow:
    """One strategy in the incremental analysis.

    Attributes
    ----------
    strategy : int
        Position among the strategies given.
    status : str
        On the frontier, dominated (another costs no more and gains no less), or extendedly dominated (a mix of two
        others costs no more and gains no less).
    reference : int or None
        The next less costly strategy on the frontier, to which the increments refer.
    icer : float
        Cost per unit of effect gained over the reference; NaN off the frontier and for the first strategy on it.
    dominated_by : int or None
        Of a dominated strategy, the one that dominates it.
    tied : tuple of str
        In what it is tied with that one: `COST`, `EFFECT`, both or neither.
    """

    strategy: int
    status: str
    reference: int | None
    icer: float
    dominated_by: int | None = None
    tied: tuple[str, ...] = ()


def frontier(costs: Sequence[float], effects: Sequence[float], ties: Ties | None = None) -> list[FrontierRow]:
    """Incremental analysis, from the least costly strategy to the most costly.

    Parameters
    ----------
    costs, effects : sequence of float
        Mean of each strategy; effects as gains.
    ties : Ties, optional
        Known errors of differences; rounding alone if absent.

    Returns
    -------
    list of FrontierRow
        One row per strategy in ascending order of cost (ties: the more effective first, then the one given first).

    Notes
    -----
    Ties are as in `lmssim.economics.ties`. Of strategies with the same effect the less costly one dominates, of
    strategies with the same cost the more effective one, and of equal strategies the one given first. A strategy on the
    line between two others is extendedly dominated.
    """
    ties, cost_level, effect_level = ties or Ties(), levels(costs), levels(effects)
    order = sorted(range(len(costs)), key=lambda i: (cost_level[i], -effect_level[i], i))
    by: dict[int, int] = {}
    kept: list[int] = []
    for i in order:
        if kept and not _gains(i, kept[-1], effects, ties):
            by[i] = kept[-1]
            continue
        while kept and not differ(costs[i], costs[kept[-1]], ties.cost(i, kept[-1])):
            by[kept.pop()] = i
        kept.append(i)
    hull = _hull(kept, costs, effects, ties)
    rows = []
    previous: int | None = None
    for i in order:
        if i not in hull:
            rows.append(_off_frontier(i, by.get(i), costs, effects, ties))
            continue
        icer = float("nan") if previous is None else _slope(previous, i, costs, effects)
        rows.append(FrontierRow(i, FRONTIER, previous, icer))
        previous = i
    return rows


def _gains(i: int, j: int, effects: Sequence[float], ties: Ties) -> bool:
    """Whether strategy i is more effective than j."""
    return effects[i] > effects[j] and differ(effects[i], effects[j], ties.effect(i, j))


def _off_frontier(i: int, by: int | None, costs: Sequence[float], effects: Sequence[float], ties: Ties) -> FrontierRow:
    """Row of a strategy that another dominates, or else a mix of two others."""
    if by is None:
        return FrontierRow(i, EXTENDED, None, float("nan"))
    pairs = (COST, costs, ties.cost), (EFFECT, effects, ties.effect)
    tied = tuple(name for name, values, error in pairs if not differ(values[i], values[by], error(i, by)))
    return FrontierRow(i, DOMINATED, None, float("nan"), by, tied)


def _hull(kept: Sequence[int], costs: Sequence[float], effects: Sequence[float], ties: Ties) -> list[int]:
    """Strategies at which the ICER rises along the frontier."""
    hull: list[int] = []
    for i in kept:
        while len(hull) > 1 and not _below_line(hull[-2], hull[-1], i, costs, effects, ties):
            hull.pop()
        hull.append(i)
    return hull


def _below_line(
    first: int, middle: int, last: int, costs: Sequence[float], effects: Sequence[float], ties: Ties
) -> bool:
    """Whether a strategy costs less than the mix of two others that has its effect."""
    slope = _slope(first, last, costs, effects)
    line = costs[first] + slope * (effects[middle] - effects[first])
    size = max(abs(costs[k]) + abs(slope * effects[k]) for k in (first, middle, last))
    return costs[middle] < line and differ(costs[middle], line, ties.benefit(slope, middle, first), size)


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
    if d_effect == 0.0:
        return float("nan")
    icer = d_cost / d_effect
    variance = var_cost - 2.0 * icer * covariance + icer**2 * var_effect
    return float(np.sqrt(max(variance, 0.0)) / abs(d_effect))


def cost_per_unit(d_cost: float, d_effect: float, error: float = 0.0, size: float | None = None) -> float:
    """Cost of a unit of effect gained, or saved by a unit lost; NaN where one increment is a gain and one a loss.

    Parameters
    ----------
    d_cost, d_effect : float
        Increments.
    error : float
        Known error of `d_effect`; no ratio is given of a tie (`lmssim.economics.ties`).
    size : float, optional
        Of the effects that `d_effect` is the difference of.
    """
    if not differ(d_effect, 0.0, error, size) or d_cost * d_effect < 0.0:
        return float("nan")
    return d_cost / d_effect


def net_monetary_benefit(costs: FloatArray, effects: FloatArray, wtp: float) -> FloatArray:
    """Effects valued at the willingness to pay, less costs."""
    benefit: FloatArray = wtp * effects - costs
    return benefit
