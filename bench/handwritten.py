"""The illness-death model as one would write it by hand in numba, for this model alone.

Luck stands at the addresses of the simulator's own generator: a path draws one Philox block for each risk it meets,
and strategies do not share what they draw.
"""

from __future__ import annotations

import math
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
from lmssim.kernels.jit import inline, jit
from lmssim.kernels.philox import STREAM_LUCK, address_of, philox_block, to_uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.illness_death import Draws

PROGRESSION, DEATH, DEATH_PROGRESSED = map(address_of, ("progression", "death", "death of the progressed"))


@inline
def budget(seed: int, patient: int, decision: int, luck: int) -> float:
    """Unit exponential at an address."""
    return -math.log(to_uniform(philox_block(seed, STREAM_LUCK, 0, patient, decision, luck)[0]))


@jit
def simulate_paths(
    n_patients: int,
    seed: int,
    independent: bool,
    scale_progression: NDArray[np.float64],
    scale_death: NDArray[np.float64],
    scale_progressed: NDArray[np.float64],
    hazard_ratio: NDArray[np.float64],
    total: NDArray[np.float64],
    square: NDArray[np.float64],
) -> None:
    """Add up outcomes and their squares over patients, by (draw, strategy, outcome)."""
    power_progression, power_death = 1.0 / SHAPE_PROGRESSION, 1.0 / SHAPE_DEATH
    for d in range(total.shape[0]):
        luck = d + 1 if independent else 0
        for strategy in range(2):
            ly = qaly = cost = ly_plain = qaly_plain = cost_plain = 0.0
            ly_2 = qaly_2 = cost_2 = ly_plain_2 = qaly_plain_2 = cost_plain_2 = 0.0
            for patient in range(n_patients):
                e = budget(seed, patient, PROGRESSION, luck) / hazard_ratio[d, strategy]
                progressed = scale_progression[d] * e**power_progression
                died = scale_death[d] * budget(seed, patient, DEATH, luck) ** power_death
                stable_until = min(progressed, died, HORIZON)
                factor = math.exp(-DISCOUNT_RATE * stable_until)
                years = (1.0 - factor) / DISCOUNT_RATE
                a, b, c = years, UTILITY_STABLE * years, COST_STABLE * years
                p, q, r = stable_until, UTILITY_STABLE * stable_until, COST_STABLE * stable_until
                if progressed < died and progressed < HORIZON:
                    e = budget(seed, patient, DEATH_PROGRESSED, luck)
                    left = min(progressed + scale_progressed[d] * e, HORIZON)
                    years = (factor - math.exp(-DISCOUNT_RATE * left)) / DISCOUNT_RATE
                    a, b, c = a + years, b + UTILITY_PROGRESSED * years, c + COST_PROGRESSED * years
                    years = left - progressed
                    p, q, r = p + years, q + UTILITY_PROGRESSED * years, r + COST_PROGRESSED * years
                ly, qaly, cost = ly + a, qaly + b, cost + c
                ly_plain, qaly_plain, cost_plain = ly_plain + p, qaly_plain + q, cost_plain + r
                ly_2, qaly_2, cost_2 = ly_2 + a * a, qaly_2 + b * b, cost_2 + c * c
                ly_plain_2, qaly_plain_2, cost_plain_2 = ly_plain_2 + p * p, qaly_plain_2 + q * q, cost_plain_2 + r * r
            out = total[d, strategy]
            out[0], out[1], out[2], out[3], out[4], out[5] = ly, qaly, cost, ly_plain, qaly_plain, cost_plain
            out = square[d, strategy]
            out[0], out[1], out[2] = ly_2, qaly_2, cost_2
            out[3], out[4], out[5] = ly_plain_2, qaly_plain_2, cost_plain_2


def simulate(
    n_patients: int, draws: Draws, seed: int = 1, independent: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and standard errors over patients, each (n_draws, 2, 6)."""
    total, square = np.zeros((len(draws.scale_death), 2, 6)), np.zeros((len(draws.scale_death), 2, 6))
    simulate_paths(n_patients, seed, independent, *draws, total, square)
    mean = total / n_patients
    return mean, np.sqrt((square / n_patients - mean * mean) / n_patients)
