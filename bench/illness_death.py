"""The illness-death model of the benchmark: its numbers, its exact answers and its parameter draws.

Stable to progressed is Weibull with shape 1.2, stable to dead Weibull with shape 1.1, progressed to dead exponential
from progression on; S(t) = exp(-(t / scale)^shape). The second strategy multiplies the hazard of progression.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SHAPE_PROGRESSION, SHAPE_DEATH = 1.2, 1.1
DISCOUNT_RATE = math.log(1.035)
HORIZON = 50.0
UTILITY_STABLE, UTILITY_PROGRESSED = 0.8, 0.6
COST_STABLE, COST_PROGRESSED = 1000.0, 5000.0
OUTCOMES = ("ly", "qaly", "cost", "ly_undiscounted", "qaly_undiscounted", "cost_undiscounted")
EXACT = {"ly_undiscounted": (6.48779, 7.71073), "qaly": (4.17029, 4.87024), "cost": (10846.51, 11154.52)}
"""By quadrature, of the two strategies, to the digits printed."""
HALF_DIGIT = {"ly_undiscounted": 5e-6, "qaly": 5e-6, "cost": 5e-3}


class Draws(NamedTuple):
    """Parameter draws, each of shape (n_draws,); the hazard ratio has shape (n_draws, 2), by strategy."""

    scale_progression: NDArray[np.float64]
    scale_death: NDArray[np.float64]
    scale_death_progressed: NDArray[np.float64]
    hazard_ratio: NDArray[np.float64]


def base_case() -> Draws:
    """One draw: the means."""
    return Draws(np.array([6.0]), np.array([25.0]), np.array([2.0]), np.array([[1.0, 0.7]]))


def sample_draws(n_draws: int, seed: int = 1) -> Draws:
    """Draws of the probabilistic analysis: log scales with SD 0.05, log hazard ratio with SD 0.10."""
    rng = np.random.default_rng(seed)
    progression, death, progressed = (mean * np.exp(rng.normal(0.0, 0.05, n_draws)) for mean in (6.0, 25.0, 2.0))
    ratio = np.exp(rng.normal(math.log(0.7), 0.10, n_draws))
    return Draws(progression, death, progressed, np.column_stack([np.ones(n_draws), ratio]))


def worst_deviation(mean: NDArray[Any], standard_error: NDArray[Any], outcomes: Sequence[str] = OUTCOMES) -> float:
    """Largest distance from the exact answers in standard errors, of means by (strategy, outcome)."""
    worst = 0.0
    for k, name in enumerate(outcomes):
        for strategy, value in enumerate(EXACT.get(name, ())):
            distance = max(abs(float(mean[strategy, k]) - value) - HALF_DIGIT[name], 0.0)
            worst = max(worst, distance / float(standard_error[strategy, k]))
    return worst
