"""Continuous discount rates, by the scenario's convention, and the discount factors of ticks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.model.program.rewards import Rates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.model.language.schema import Settings


def rate_of(annual: float, settings: Settings) -> float:
    """Continuous discount rate of an annual one."""
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
