"""Endpoints of multistate models: closed forms as simIDM and TrialSimulator have them, and the exact engine.

The four-state example is per year: no evidence of disease to local recurrence .08, to distant metastasis .15, to death
.02; local recurrence to metastasis .25, to death .05; metastasis to death .5. Local recurrence after metastasis cannot
occur, so "alive and never recurred locally" counts patients with metastasis first as long as they live.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.evaluation import evaluate
from lmssim.execution.simulate import Sampling
from lmssim.trials import (
    IllnessDeathHazard,
    difference_design,
    kalbfleisch_prentice,
    median_time,
    rmst,
    survival_probability,
    uniform_accrual,
)
from tests.kit.models import DEAD, endpoint, exponential, frame, move, start, state
from tests.kit.trial_numbers import Case, name_of

if TYPE_CHECKING:
    from tests.conftest import Build

LAST = 1.01e-6
CONTROL, TREATED = IllnessDeathHazard(0.5, 0.3, 0.6), IllnessDeathHazard(0.3, 0.28, 0.5)
OTHER = IllnessDeathHazard(0.11, 0.03, 0.10)
FIRST, SECOND = IllnessDeathHazard(0.1, 0.4, 0.3), IllnessDeathHazard(0.06, 0.3, 0.3)


def medians(hazard: IllnessDeathHazard) -> tuple[float, float]:
    """Of progression-free and of overall survival."""
    return median_time(hazard.progression_free), median_time(hazard)


CASES = [
    Case(
        "simIDM S_OS",
        "P=C",
        [0.761451, 0.560430, 0.138264],
        LAST,
        lambda: survival_probability(IllnessDeathHazard(0.7, 0.5, 0.8), [0.5, 1.0, 3.0]),
    ),
    Case(
        "simIDM OS hazard",
        "P=C",
        [1.0381919, 0.9777975, 0.9253826],
        1e-7,
        lambda: IllnessDeathHazard(0.2, 1.1, 0.8).rate([1.0, 2.0, 3.0]),
    ),
    Case("average OS HR", "P", [0.8038991], 1e-7, lambda: kalbfleisch_prentice(FIRST, SECOND)),
    Case("medians, control", "C", [0.866434, 1.771692], LAST, lambda: medians(CONTROL)),
    Case("medians, treated", "C", [1.195081, 2.093269], LAST, lambda: medians(TREATED)),
    Case("medians, control, printed", "P", [0.87, 1.76], [0.005, 0.02], lambda: medians(CONTROL)),
    Case("medians, treated, printed", "P", [1.2, 2.1], [0.006, 0.01], lambda: medians(TREATED)),
    Case("medians, TrialSimulator", "C", [4.951051, 12.057383], LAST, lambda: medians(OTHER)),
]
TOY = {
    1: (0.949992, 0.778801, 0.839573, 0.882163, 0.070784, 0.132720),
    2: (0.862049, 0.606531, 0.698881, 0.749721, 0.125910, 0.236082),
    3: (0.759083, 0.472367, 0.577642, 0.621908, 0.168843, 0.316580),
    5: (0.555537, 0.286505, 0.387904, 0.409157, 0.228318, 0.428097),
    10: (0.213427, 0.082085, 0.133762, 0.127293, 0.293733, 0.550749),
}
"""Year; OS, DFS, free of metastasis, alive and never recurred locally, first event LR, first event DM."""
MODEL = (
    start("ned")
    + state("lr")
    + state("dm")
    + DEAD
    + move("ned", "lr", exponential(0.08))
    + move("ned", "dm", exponential(0.15))
    + move("ned", "dead", exponential(0.02))
    + move("lr", "dm", exponential(0.25))
    + move("lr", "dead", exponential(0.05))
    + move("dm", "dead", exponential(0.5))
    + endpoint("os", "dead")
    + endpoint("dfs", "lr", "dm", "dead")
    + endpoint("dm_free", "dm", "dead")
    + endpoint("lr_free", "lr", "dead")
    + endpoint("lr_first", "lr", kind="incidence", competing=["dm"], death="competing")
    + endpoint("dm_first", "dm", kind="incidence", competing=["lr"], death="competing")
)
ENDPOINTS = ("os", "dfs", "dm_free", "lr_free", "lr_first", "dm_first")


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_closed_forms(case: Case) -> None:
    """Every value lies within the tolerance of its source."""
    assert case.differences().max() <= 1.0


def test_equal_hazards_are_a_limit() -> None:
    """Where c is a + b there is no singularity."""
    exact, near = IllnessDeathHazard(0.3, 0.2, 0.5), IllnessDeathHazard(0.3, 0.2, 0.5 + 1e-7)
    times = np.array([0.1, 2.0, 30.0])
    np.testing.assert_allclose(survival_probability(exact, times), np.exp(-0.5 * times) * (1.0 + 0.3 * times))
    np.testing.assert_allclose(near.rate(times), exact.rate(times), rtol=1e-5)


def test_trials_of_overall_survival_take_the_model() -> None:
    """A restricted mean of overall survival, whose hazards are not proportional."""
    trial = difference_design(
        "rmst", CONTROL, TREATED, 3.0, uniform_accrual(2.0), study_duration=5.0, solve="accrual_rate"
    )
    assert trial.power == pytest.approx(0.9)
    assert trial.difference == pytest.approx(rmst(TREATED, 3.0) - rmst(CONTROL, 3.0))


def test_the_four_state_example(build: Build) -> None:
    """The exact engine gives the matrix exponential to 2e-5."""
    text = frame(100.0, age=0.0).replace("times = [1.0]", "times = [1, 2, 3, 5, 10]")
    scenario = build(text + MODEL).scenario
    found = evaluate(scenario, Sampling(engine="cohort", profiles=1)).survival
    for k, name in enumerate(ENDPOINTS):
        rows = found[found["endpoint"] == name].set_index("time")["value"]
        for year, values in TOY.items():
            assert rows[float(year)] == pytest.approx(values[k], abs=2e-5), (name, year)


@pytest.mark.parametrize(("horizon", "mean"), [(5.0, 4.009504), (10.0, 5.824108), (119.0, 6.8)])
def test_restricted_means_of_the_four_state_example(build: Build, horizon: float, mean: float) -> None:
    """Of overall survival, to 1e-4 of their size; without restriction exactly 6.8."""
    summary = evaluate(build(frame(horizon, age=0.0) + MODEL).scenario, Sampling(engine="cohort", profiles=1)).summary
    found = summary.set_index("outcome").loc["life_years", "mean"]
    assert found == pytest.approx(mean, rel=1e-4)
