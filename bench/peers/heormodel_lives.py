"""The illness-death model in heormodel's microsimulation in continuous time, which races arrays of sampled times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from heormodel.models import MicrosimModel

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

OUTCOMES = ("qaly", "cost")
STATES = STABLE, PROGRESSED, DEAD = range(3)
STRATEGIES = ("standard", "new")
COSTS, UTILITIES = np.array([COST_STABLE, COST_PROGRESSED, 0.0]), np.array([UTILITY_STABLE, UTILITY_PROGRESSED, 0.0])


def event_times(
    params: pd.Series, intervention: str, state: NDArray[np.int64], _attributes: pd.DataFrame, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sampled time to each state, infinite where there is no way."""
    times = np.full((len(state), len(STATES)), np.inf)
    stable, progressed = np.flatnonzero(state == STABLE), np.flatnonzero(state == PROGRESSED)
    ratio = params["hazard_ratio"] if intervention == "new" else 1.0
    budget = rng.standard_exponential(len(stable)) / ratio
    times[stable, PROGRESSED] = params["scale_progression"] * budget ** (1.0 / SHAPE_PROGRESSION)
    times[stable, DEAD] = params["scale_death"] * rng.weibull(SHAPE_DEATH, len(stable))
    times[progressed, DEAD] = rng.exponential(params["scale_death_progressed"], len(progressed))
    return times


def reward_rates(
    _params: pd.Series, _intervention: str, state: NDArray[np.int64], _attributes: pd.DataFrame
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cost and utility a year in each state."""
    return COSTS[state], UTILITIES[state]


def simulate(n_patients: int, draws: Draws) -> NDArray[np.float64]:
    """Means over patients, (n_draws, 2, 2), in the order of `OUTCOMES`."""
    model = MicrosimModel.continuous(
        states=("stable", "progressed", "dead"),
        event_times=event_times,
        state_reward_rates=reward_rates,
        interventions=STRATEGIES,
        horizon=HORIZON,
        population=n_patients,
        discount_rate=DISCOUNT_RATE,
    )
    columns = draws._asdict() | {"hazard_ratio": draws.hazard_ratio[:, 1]}
    outcomes = model.evaluate(pd.DataFrame(columns, index=pd.RangeIndex(len(draws.scale_death), name="iteration")))
    by_strategy = [outcomes.effects_wide()[list(STRATEGIES)], outcomes.costs_wide()[list(STRATEGIES)]]
    return np.stack([frame.to_numpy() for frame in by_strategy], axis=-1)
