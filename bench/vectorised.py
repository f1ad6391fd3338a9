"""The illness-death model as one would write it by hand in NumPy: arrays of patients, in blocks that fit the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.illness_death import (
    COST_PROGRESSED,
    COST_STABLE,
    DISCOUNT_RATE,
    HORIZON,
    SHAPE_DEATH,
    SHAPE_PROGRESSION,
    UTILITY_PROGRESSED,
    UTILITY_STABLE,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.illness_death import Draws

BLOCK = 4_000


def path_outcomes(
    rng: np.random.Generator,
    n: int,
    scale_progression: float,
    scale_death: float,
    scale_progressed: float,
    hazard_ratio: float,
) -> tuple[NDArray[np.float64], ...]:
    """Outcomes of `n` patients under one strategy, in the order of `OUTCOMES`."""
    budget = rng.standard_exponential(n, method="inv") / hazard_ratio
    progressed = scale_progression * budget ** (1 / SHAPE_PROGRESSION)
    died = scale_death * rng.standard_exponential(n, method="inv") ** (1 / SHAPE_DEATH)
    stable_years = np.minimum(np.minimum(progressed, died), HORIZON)
    factor = np.exp(-DISCOUNT_RATE * stable_years)
    stable_discounted = (1.0 - factor) / DISCOUNT_RATE
    who = np.flatnonzero((progressed < died) & (progressed < HORIZON))
    left = np.minimum(progressed[who] + scale_progressed * rng.standard_exponential(len(who), method="inv"), HORIZON)
    years, discounted = np.zeros(n), np.zeros(n)
    years[who] = left - progressed[who]
    discounted[who] = (factor[who] - np.exp(-DISCOUNT_RATE * left)) / DISCOUNT_RATE
    return (
        stable_discounted + discounted,
        UTILITY_STABLE * stable_discounted + UTILITY_PROGRESSED * discounted,
        COST_STABLE * stable_discounted + COST_PROGRESSED * discounted,
        stable_years + years,
        UTILITY_STABLE * stable_years + UTILITY_PROGRESSED * years,
        COST_STABLE * stable_years + COST_PROGRESSED * years,
    )


def simulate(n_patients: int, draws: Draws, seed: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and standard errors over patients, each (n_draws, 2, 6)."""
    n_draws = len(draws.scale_death)
    total, square = np.zeros((n_draws, 2, 6)), np.zeros((n_draws, 2, 6))
    rng = np.random.Generator(np.random.Philox(seed))
    for d in range(n_draws):
        scales = (draws.scale_progression[d], draws.scale_death[d], draws.scale_death_progressed[d])
        for strategy in range(2):
            for first in range(0, n_patients, BLOCK):
                n = min(BLOCK, n_patients - first)
                for k, y in enumerate(path_outcomes(rng, n, *scales, draws.hazard_ratio[d, strategy])):
                    total[d, strategy, k] += y.sum()
                    square[d, strategy, k] += np.dot(y, y)
    mean = total / n_patients
    return mean, np.sqrt((square / n_patients - mean * mean) / n_patients)
