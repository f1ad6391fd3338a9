"""Continuous discount rates, by the scenario's convention, and the discount factors of ticks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.model.program.rewards import Rates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.model.language.schema import Settings


SMALLEST = 1e-12
"""Rates below it change a value of 1,000 years from now by less than 1e-9 of it, and have no reciprocal that fits."""


def rate_of(annual: float, settings: Settings) -> float:
    """Continuous discount rate of an annual one; one too small to be told from 0 in a life is 0."""
    annual = annual if annual >= SMALLEST else 0.0
    return math.log1p(annual) if settings.discounting == "continuous_annual" else annual


def discount_rates(settings: Settings) -> Rates:
    """Rates of costs and effects."""
    return Rates(rate_of(settings.discount_rate_costs, settings), rate_of(settings.discount_rate_effects, settings))


def added_up(ticks: Iterable[float], rate: float) -> tuple[float, ...]:
    """Discount factors of ticks, added up: one number more than ticks, the first 0."""
    result = [0.0]
    for time in ticks:
        result.append(result[-1] + math.exp(-rate * time))
    return tuple(result)
