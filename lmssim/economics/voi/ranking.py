"""Which parameters to learn first: a ranking with its errors, and a small set that holds most of the value.

References
----------
Strong M, Oakley JE, Brennan A, Breeze P. Estimating the expected value of sample information using the probabilistic
sensitivity analysis sample: a fast, nonparametric regression-based method. Med Decis Making 35:570-583, 2015.
doi:10.1177/0272989X15575286
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics.voi.partial import partial_information

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.economics.voi.draws import DecisionDraws, ParameterSet
    from lmssim.economics.voi.partial import Gains, PartialInformation
    from lmssim.kernels import FloatArray, IntArray

LEADING = 5
"""First ranks whose probability is told."""
CANDIDATES = 8
"""Sets that are tried at each step towards a small set."""
MOST_STEPS = 10
ENOUGH = 0.9
"""Share of the value of perfect information that the small set is to hold."""
LEAST = 0.01
"""Share of it that a set must add to be taken."""


class Rank(NamedTuple):
    """Place of a set of parameters among others."""

    rank: int
    low: int
    high: int
    """95% interval of the rank, by chance in the draws."""
    leading: float
    """Probability of being among the first five."""


def ranked(found: Sequence[PartialInformation]) -> list[Rank]:
    """Rank of each, 1 for the greatest."""
    replicates = np.array([each.replicates for each in found])
    places = _places(replicates)
    own = _places(np.array([[each.evppi] for each in found]))[:, 0]
    ends = np.quantile(places, (0.025, 0.975), axis=1, method="nearest").T.astype(int)
    leading = (places <= LEADING).mean(axis=1)
    return [Rank(int(k), int(a), int(b), float(p)) for k, (a, b), p in zip(own, ends, leading, strict=True)]


def _places(values: FloatArray) -> IntArray:
    """Place of each row in each column, 1 for the greatest."""
    order = np.argsort(-values, axis=0, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.arange(1, len(values) + 1)[:, None], axis=0)
    return places


class Step(NamedTuple):
    """A step towards a small set: what joins it, and what it is then worth."""

    added: ParameterSet
    found: PartialInformation


def smallest_set(
    draws: DecisionDraws, gain: Gains, sets: Sequence[ParameterSet], values: Sequence[float], perfect: float
) -> Iterator[Step]:
    """Steps until the sets together hold 90% of the value of perfect information, or nothing adds 1% of it.

    Parameters
    ----------
    sets : sequence of ParameterSet
        What may be learnt; none is part of another.
    values : sequence of float
        Value of each alone: at each step, the eight most valuable that are left are tried.
    perfect : float
        Value of perfect information.
    """
    left = [each for _, each in sorted(zip(values, sets, strict=True), key=lambda pair: -pair[0])]
    chosen: tuple[str, ...] = ()
    reached = 0.0
    for _ in range(MOST_STEPS):
        if not left or reached >= ENOUGH * perfect:
            return
        tried = [
            (partial_information(draws.columns((*chosen, *each.members)), gain), each) for each in left[:CANDIDATES]
        ]
        found, best = max(tried, key=lambda pair: pair[0].evppi)
        if found.evppi - reached < LEAST * perfect or found.evppi <= reached:
            return
        yield Step(best, found)
        reached, chosen = found.evppi, (*chosen, *best.members)
        left.remove(best)
