"""An effect with its interval on the scale of the expected final Z, read as a hazard ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lmssim.trials import checks


@dataclass(frozen=True)
class Effect:
    """An estimate with its interval.

    Attributes
    ----------
    drift, low, high : float
        Expected Z at information 1 (the planned end), positive where the experimental arm does better.
    level : float
        Of the interval.
    """

    drift: float
    low: float
    high: float
    level: float

    def hazard_ratio(self, information: float, margin: float = 1.0) -> tuple[float, float, float]:
        """Hazard ratio and its interval.

        Parameters
        ----------
        information : float
            Information about the log hazard ratio at fraction 1: the log-rank variance, or events * r / (1 + r)^2 with
            r experimental patients for each control patient (events / 4 with equal arms).
        margin : float
            Hazard ratio of the null hypothesis.
        """
        root = math.sqrt(checks.positive("information", information))
        checks.positive("margin", margin)
        best, low, high = (margin * math.exp(-x / root) for x in (self.drift, self.high, self.low))
        return best, low, high


def level_of(alpha: float, level: float | None) -> float:
    """A level, or one minus twice a one-sided alpha."""
    return 1.0 - 2.0 * alpha if level is None else checks.share("level", level)
