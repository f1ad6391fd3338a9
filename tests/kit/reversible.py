"""Reversible illness-death, which has exact answers: by renewal, and by ordinary differential equations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import scipy.integrate

if TYPE_CHECKING:
    from collections.abc import Callable

HORIZON_LONG = 200.0
"""Years after which nobody is alive."""


def renewal(ratio: float, sick: Callable[[float], float]) -> tuple[float, float]:
    """QALYs and costs when a stay in `sick` lasts beyond t with probability `sick(t)` whatever came before.

    A stay earns for its discounted length and ends in recovery at rate 0.3.
    """
    leave, r = (0.15 + 0.02) * ratio, 0.03
    length = scipy.integrate.quad(lambda t: math.exp(-r * t) * sick(t), 0, HORIZON_LONG, limit=300)[0]
    back = 0.3 * length
    result = []
    for healthy_rate, sick_rate in ((1.0, 0.7), (2000.0, 8000.0)):
        # healthy = (earned + 0.15 ratio x sick) / (leave + r), sick = earned + back x healthy
        a, b = healthy_rate / (leave + r), 0.15 * ratio / (leave + r)
        result.append((a + b * sick_rate * length) / (1 - b * back))
    return result[0], result[1]


def forward(ratio: float, hazard: Callable[[float], float]) -> tuple[float, float]:
    """QALYs and costs when death from `sick` depends on the time since the start of the model, by ODE."""

    def slope(t: float, p: Any) -> list[float]:
        discount = math.exp(-0.03 * t)
        return [
            -(0.15 + 0.02) * ratio * p[0] + 0.3 * p[1],
            0.15 * ratio * p[0] - (0.3 + hazard(t)) * p[1],
            discount * (p[0] + 0.7 * p[1]),
            discount * (2000 * p[0] + 8000 * p[1]),
        ]

    solution = scipy.integrate.solve_ivp(slope, (0, HORIZON_LONG), [1, 0, 0, 0], rtol=1e-9, atol=1e-10, method="LSODA")
    return float(solution.y[2, -1]), float(solution.y[3, -1])
