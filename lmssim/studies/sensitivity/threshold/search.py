"""Where the leading strategy changes along one input: a scan in steps, then a root within each step in which it does.

Every value meets the same draws, patients and random numbers, so that net benefit follows the input without noise of
its own: the root is that of this sample, and its error is that of the difference there, over the slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

from lmssim.economics.increments import Estimate
from lmssim.economics.lead import lead_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmssim.studies.sensitivity.paired.response import Compared

CLOSE, RTOL, SAME = 1e-12, 4e-15, 1e-8
"""Width, as a share of the range, to which a root is closed in; of the root; and the share of it that is as good."""
BESIDE, NEAREST = 0.01, 1e-5
"""Shares of the range to either side of a root over which the slope is taken: at first, and at the least."""
TIMES = 8
"""Times that it is taken nearer to the root."""
DEEPEST = 8
"""Strategies that may lead between two steps."""


@dataclass(frozen=True)
class Crossing:
    """A value at which the leading strategy changes.

    Attributes
    ----------
    value : Estimate
        Where, with its standard error; of an exact solution the error of steps.
    below, above : str
        Strategies that lead below and above it.
    slope : float
        What the difference of net benefit, `above` less `below`, gains by one unit there.
    near : tuple of str
        Other strategies that may lead there: errors do not tell them from these two.
    """

    value: Estimate
    below: str
    above: str
    slope: float
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class Search:
    """Looks for the values at which the leading strategy changes.

    Attributes
    ----------
    at : callable
        Runs the model at a value; asked for the same value again it gives the same.
    among : sequence of str
        Strategies that are held against each other.
    wtp : float
        Willingness to pay.
    """

    at: Callable[[float], Compared]
    among: Sequence[str]
    wtp: float

    def leader(self, x: float) -> str:
        """Strategy of the greatest net benefit at a value."""
        return self.at(x).best_first(self.wtp, self.among)[0]

    def margin(self, x: float, one: str, other: str) -> float:
        """Net benefit of one strategy less that of another."""
        return self.at(x).increment(one, other).net_benefit(self.wtp).mean

    def crossings(self, grid: Sequence[float]) -> list[Crossing]:
        """Every change that the steps show, in order.

        Parameters
        ----------
        grid : sequence of float
            Values, ascending.
        """
        found: list[Crossing] = []
        ends = grid[0], grid[-1]
        for low, high in pairwise(grid):
            below, above = self.leader(low), self.leader(high)
            if below != above:
                found += self._between(low, high, below, above, ends, DEEPEST)
        return found

    def _between(
        self, low: float, high: float, below: str, above: str, ends: tuple[float, float], deeper: int
    ) -> Iterator[Crossing]:
        root = self._root(low, high, below, above, ends[1] - ends[0])
        third = self.leader(root)
        tied = self.margin(root, third, below)
        size = max(abs(self.margin(each, above, below)) for each in (low, high))
        if deeper and third not in (below, above) and tied > 1e-9 * size and low < root < high:
            yield from self._between(low, root, below, third, ends, deeper - 1)
            yield from self._between(root, high, third, above, ends, deeper - 1)
            return
        yield self._crossing(root, below, above, ends)

    def _root(self, low: float, high: float, below: str, above: str, span: float) -> float:
        ends = [self.margin(x, above, below) for x in (low, high)]
        for x, end in zip((low, high), ends, strict=True):
            if end == 0.0:
                return x
        if ends[0] * ends[1] > 0.0:  # the leader differs by a tie alone
            return low if abs(ends[0]) <= abs(ends[1]) else high

        def margin(x: float) -> float:
            return self.margin(x, above, below)

        close = CLOSE * span
        root = float(brentq(margin, low, high, xtol=close, rtol=RTOL))
        near = max(root - 2.0 * close, low), min(root + 2.0 * close, high)
        if close <= SAME * abs(root) or margin(near[0]) * margin(near[1]) >= 0.0:
            return root
        return float(brentq(margin, *near, xtol=CLOSE * abs(root), rtol=RTOL))  # of a range that is wide for the root

    def _crossing(self, root: float, below: str, above: str, ends: tuple[float, float]) -> Crossing:
        there = self.at(root)
        difference = there.increment(above, below).net_benefit(self.wtp)
        error = float(np.hypot(difference.se, there.step_error(self.wtp, above, below)))
        slope = self._slope(root, below, above, ends, error)
        value = Estimate(root, error / slope if slope > 0.0 else np.inf)
        contenders = lead_of(there, self.wtp, self.among).contenders
        return Crossing(value, below, above, slope, tuple(each for each in contenders if each not in (below, above)))

    def _slope(self, root: float, below: str, above: str, ends: tuple[float, float], error: float) -> float:
        """Slope at a root, over the values that its error covers, or 1% of the range to either side if that is less.

        Nearer than that a simulated difference moves by single patients; farther off it may bend.
        """
        span = ends[1] - ends[0]
        least = NEAREST * min(span, abs(root)) if root else NEAREST * span
        beside = BESIDE * span
        slope = self._gain(root, beside, below, above, ends)
        for _ in range(TIMES):
            near = max(error / slope if slope > 0.0 else 0.1 * beside, least)
            if near > 0.5 * beside:
                break
            nearer = self._gain(root, near, below, above, ends)
            if nearer <= 0.0:  # no patient stands between
                break
            beside, slope = near, nearer
        return slope

    def _gain(self, root: float, beside: float, below: str, above: str, ends: tuple[float, float]) -> float:
        """What one unit adds to the difference of net benefit, between two values beside a root."""
        left, right = max(root - beside, ends[0]), min(root + beside, ends[1])
        return (self.margin(right, above, below) - self.margin(left, above, below)) / (right - left)
