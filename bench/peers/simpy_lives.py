"""The illness-death model as a SimPy user writes it: a process for each patient, who waits for what comes first."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import simpy

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
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bench.illness_death import Draws

OUTCOMES = ("ly_undiscounted", "qaly", "cost")


class Patient:
    """One patient, and what was spent and gained so far."""

    def __init__(self, rng: random.Random, scales: tuple[float, float, float], hazard_ratio: float) -> None:
        self.rng, self.scales, self.hazard_ratio = rng, scales, hazard_ratio
        self.years = self.qalys = self.cost = 0.0

    def live(self, env: simpy.Environment) -> Iterator[simpy.Event]:
        """Stable until progression, death or the horizon; then progressed until death or the horizon."""
        progression, death, death_progressed = self.scales
        to_progression = progression * (self.rng.expovariate(1.0) / self.hazard_ratio) ** (1.0 / SHAPE_PROGRESSION)
        to_death = death * self.rng.expovariate(1.0) ** (1.0 / SHAPE_DEATH)
        yield env.timeout(min(to_progression, to_death, HORIZON))
        self.stay(0.0, env.now, UTILITY_STABLE, COST_STABLE)
        if to_progression < min(to_death, HORIZON):
            entered = env.now
            yield env.timeout(min(death_progressed * self.rng.expovariate(1.0), HORIZON - entered))
            self.stay(entered, env.now, UTILITY_PROGRESSED, COST_PROGRESSED)

    def stay(self, entered: float, left: float, utility: float, cost: float) -> None:
        """Gain and spend over a stay."""
        discounted = (math.exp(-DISCOUNT_RATE * entered) - math.exp(-DISCOUNT_RATE * left)) / DISCOUNT_RATE
        self.years += left - entered
        self.qalys += utility * discounted
        self.cost += cost * discounted


def simulate(n_patients: int, draws: Draws, seed: int = 1) -> NDArray[np.float64]:
    """Means over patients, (n_draws, 2, 3), in the order of `OUTCOMES`."""
    means = np.zeros((len(draws.scale_death), 2, len(OUTCOMES)))
    rng = random.Random(seed)  # noqa: S311
    for d in range(len(means)):
        scales = (draws.scale_progression[d], draws.scale_death[d], draws.scale_death_progressed[d])
        for strategy in range(2):
            env = simpy.Environment()
            ratio = float(draws.hazard_ratio[d, strategy])
            patients = [Patient(rng, tuple(map(float, scales)), ratio) for _ in range(n_patients)]
            for patient in patients:
                env.process(patient.live(env))
            env.run()
            sums = [(patient.years, patient.qalys, patient.cost) for patient in patients]
            means[d, strategy] = np.mean(sums, axis=0)
    return means
