"""Exact answers of the bundled illness-death model, by quadrature."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import scipy.integrate

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = math.log(1.035)
HORIZON = 50.0


def progressed(rate: float, scale: float, since: float) -> float:
    """Discounted years from entry after progression at `since` until death or the horizon; death is exponential."""
    total = rate + 1 / scale
    return -math.expm1(-total * (HORIZON - since)) / total


def exact(log_hr: float, scales: tuple[float, float, float] = (6.0, 25.0, 2.0)) -> tuple[float, float, float, float]:
    """Life-years (undiscounted), QALYs, costs and the share that ever progresses, by quadrature."""
    progression, death, after = scales
    ratio = math.exp(log_hr)

    def stable(t: float) -> float:
        return math.exp(-ratio * (t / progression) ** 1.2 - (t / death) ** 1.1)

    def density(t: float) -> float:
        rate: float = (t / progression) ** 0.2
        return ratio * 1.2 / progression * rate * stable(t)

    def integral(f: Callable[[float], float]) -> float:
        return float(scipy.integrate.quad(f, 0, HORIZON, limit=200, epsabs=1e-11)[0])

    def years(r: float) -> tuple[float, float]:
        """Discounted years before and after progression."""
        return (
            integral(lambda t: math.exp(-r * t) * stable(t)),
            integral(lambda t: math.exp(-r * t) * density(t) * progressed(r, after, t)),
        )

    (plain, plain_after), (well, ill) = years(0.0), years(RATE)
    return plain + plain_after, 0.8 * well + 0.6 * ill, 1000 * well + 5000 * ill, integral(density)
