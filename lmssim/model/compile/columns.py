"""Columns that a part of the compiler hands on, and the discount rate they share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmssim.model.language.schema import Settings


@dataclass(frozen=True)
class Rewards:
    """Columns, single integers and floats to be packed."""

    columns: dict[str, Any]
    single: dict[str, int]
    real: dict[str, float]


def rate_of(annual: float, settings: Settings) -> float:
    """Continuous discount rate of an annual one, by the scenario's convention."""
    return math.log1p(annual) if settings.discounting == "continuous_annual" else annual
