"""Ties: which differences are none. Whatever ranks strategies asks here, so that every engine ranks alike.

Two values are tied if they differ by no more than rounding (`RELATIVE` of what they are made of), or by no more than a
known error of their difference. An exact solution knows its error, which is printed beside its results. Monte-Carlo
error is none of these: where a difference is smaller than it, the tables say so, but the strategies keep their places.
Of tied strategies the less costly one is preferred, then the one that stands first in the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RELATIVE = 1e-9
"""Difference of two values, relative to the larger, that is none."""


def _no_error(i: int, j: int) -> float:
    del i, j
    return 0.0


def _no_error_at(wtp: float, i: int, j: int) -> float:
    del wtp, i, j
    return 0.0


@dataclass(frozen=True)
class Ties:
    """Known errors of differences between two strategies, by their positions; none if absent.

    Attributes
    ----------
    cost, effect : callable
        Error of the difference in cost, and in effect.
    benefit : callable
        Error of the difference in net benefit, given the willingness to pay and the positions.
    """

    cost: Callable[[int, int], float] = _no_error
    effect: Callable[[int, int], float] = _no_error
    benefit: Callable[[float, int, int], float] = _no_error_at


def differ(a: float, b: float, error: float = 0.0, size: float | None = None) -> bool:
    """Whether two values differ by more than rounding and a known error of their difference.

    Parameters
    ----------
    size : float, optional
        Of what the values are made of, where that is larger than the values: a net benefit is a difference itself.
    """
    return abs(a - b) > max(RELATIVE * (max(abs(a), abs(b)) if size is None else size), error)


def levels(values: Sequence[float]) -> list[int]:
    """Rank of each value from the smallest, 0, on; values that differ by rounding alone have one rank."""
    ranks, rank = [0] * len(values), 0
    order = sorted(range(len(values)), key=lambda i: values[i])
    for last, i in pairwise(order):
        rank += differ(values[last], values[i])
        ranks[i] = rank
    return ranks


def best_first(costs: Sequence[float], effects: Sequence[float], wtp: float, ties: Ties | None = None) -> list[int]:
    """Strategies by net benefit, the greatest first; of those tied with the best the preferred one comes first.

    Parameters
    ----------
    costs, effects : sequence of float
        Mean of each strategy.
    wtp : float
        Willingness to pay for a unit of effect.
    """
    ties, cost_level = ties or Ties(), levels(costs)
    benefit = [wtp * effect - cost for cost, effect in zip(costs, effects, strict=True)]
    if not benefit:
        return []
    top = int(np.argmax(benefit))

    def tied(i: int) -> bool:
        size = max(wtp * abs(effects[k]) + abs(costs[k]) for k in (i, top))
        return not differ(benefit[i], benefit[top], ties.benefit(wtp, i, top) if i != top else 0.0, size)

    is_tied = [tied(i) for i in range(len(benefit))]
    among = sorted((i for i in range(len(benefit)) if is_tied[i]), key=lambda i: (cost_level[i], i))
    rest = sorted((i for i in range(len(benefit)) if not is_tied[i]), key=lambda i: (-benefit[i], i))
    return among + rest
