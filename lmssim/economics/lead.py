"""Who leads by net benefit, and whether chance leaves it open: the one rule of every study that names a best strategy.

A strategy is told from the best one if the paired difference of their net benefits is at least 1.96 of its standard
errors. Where another one is not told from the best, the best is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.economics.increments import Estimate

Z975 = float(special.ndtri(0.975))
"""Standard errors to either end of a 95% interval, and of a difference below which it is open."""
LARGE = 1e9
"""Errors that a lead without any error counts as."""


class Lead(NamedTuple):
    """Who leads: the best strategy, the one that comes nearest to it in errors, and by how much.

    Attributes
    ----------
    best, nearest : str
        Strategies; no second where there is one alone.
    margin, se : float
        Net benefit of the best less that of the nearest, and its paired standard error.
    contenders : tuple of str
        Strategies that are not worse than the best beyond 1.96 errors.
    """

    best: str
    nearest: str
    margin: float
    se: float
    contenders: tuple[str, ...]

    @property
    def certainty(self) -> float:
        """Margin in errors."""
        return min(self.margin / self.se, LARGE) if self.se > 0.0 else LARGE * float(self.margin > 0.0)

    @property
    def is_open(self) -> bool:
        """Whether noise leaves it open which strategy is the best."""
        return bool(self.contenders)


class _Increment(Protocol):
    def net_benefit(self, wtp: float) -> Estimate: ...


class Comparable(Protocol):
    """Costs and QALYs of strategies, with the errors of their differences."""

    def best_first(self, wtp: float, among: Sequence[str]) -> list[str]:
        """Strategies by net benefit, the greatest first."""

    def increment(self, strategy: str, against: str) -> _Increment:
        """What a strategy adds to another one."""

    def step_error(self, wtp: float, strategy: str, against: str) -> float:
        """How far steps of time may put the increment of net benefit of an exact solution off."""


def lead(best: str, margins: Mapping[str, tuple[float, float]]) -> Lead:
    """Who leads.

    Parameters
    ----------
    margins : mapping of str to tuple of float
        Of every other strategy: net benefit of the best less its own, and the paired standard error.
    """
    if not margins:
        return Lead(best, "", np.inf, 0.0, ())
    errors = {name: mean / se if se > 0.0 else LARGE * float(mean > 0.0) for name, (mean, se) in margins.items()}
    nearest = min(margins, key=lambda name: (errors[name], margins[name][0]))
    contenders = tuple(name for name in margins if errors[name] < Z975)
    return Lead(best, nearest, *margins[nearest], contenders)


def lead_of(response: Comparable, wtp: float, among: Sequence[str]) -> Lead:
    """Who leads among some strategies of a run, and who comes nearest to it in errors of the paired difference."""
    best = response.best_first(wtp, among)[0]
    margins = {}
    for other in among:
        if other != best:
            mean, se = response.increment(best, other).net_benefit(wtp)
            margins[other] = mean, float(np.hypot(se, response.step_error(wtp, best, other)))
    return lead(best, margins)
