"""The exact engine in continuous time against closed forms, quadrature and ordinary differential equations.

They bound the engine's own error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate

from lmssim.engines.cohort.continuous import Fineness
from lmssim.kernels.rewards import LY, LY_UNDISCOUNTED, N_MAIN, QALY_UNDISCOUNTED
from tests.kit.exact import solved
from tests.kit.laws import LAWS, family_of
from tests.kit.models import (
    DEAD,
    OS,
    absorbing,
    alive_dead,
    attributes,
    endpoint,
    event,
    exponential,
    fixed,
    frame,
    law,
    move,
    plan,
    reversible,
    start,
    tick,
)
from tests.kit.plain import category

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.model.program import Program
    from tests.conftest import Build

CLOSE, CLOSER = 1e-3, 3e-4
"""Relative error that the engine's steps may leave in a mean or a probability, and with steps half as long."""
FINENESS = [(Fineness(), CLOSE), (Fineness().finer(), CLOSER)]


def cumulative(result: CohortResult, program: Program, name: str, time: float) -> float:
    """Cumulative probability of an endpoint's event."""
    e = program.endpoints.index(name)
    steps = (result.endpoint.shape[-1] - 2) / program.scenario.file.settings.horizon
    return float(result.endpoint[0, 0, e, 0, : round(time * steps) + 1].sum())


SURVIVAL = [
    *((hazard, law_.sf) for hazard, law_ in LAWS),
    (law("gompertz", shape=-0.3, rate=0.2), lambda t: math.exp(0.2 / 0.3 * math.expm1(-0.3 * t))),
    (
        law("piecewise_exponential", starts=[0, 1.3, 3.1], rates=[0.1, 0.5, 0.2]),
        lambda t: math.exp(-0.1 * min(t, 1.3) - 0.5 * min(max(t - 1.3, 0), 1.8) - 0.2 * max(t - 3.1, 0)),
    ),
    (fixed(2.7), lambda t: float(t < 2.7)),
]


@pytest.mark.parametrize(("hazard", "survival"), SURVIVAL, ids=[family_of(hazard) for hazard, _ in SURVIVAL])
@pytest.mark.parametrize("clock", ["entry", "model"])
@pytest.mark.parametrize(("fineness", "error"), FINENESS, ids=["", "finer"])
def test_family(build: Build, hazard: str, survival: Any, clock: str, fineness: Fineness, error: float) -> None:
    """Mean time to the horizon, discounted mean, and survival, by quadrature of the law."""
    program = build(frame(30, rate=0.03) + alive_dead(f"{hazard}, clock = '{clock}'") + OS)
    result = solved(program, fineness=fineness)
    for outcome, rate in ((LY_UNDISCOUNTED, 0.0), (LY, math.log(1.03))):
        mean = scipy.integrate.quad(
            lambda t, r=rate: survival(t) * math.exp(-r * t), 0, 30, points=[1.3, 2.7, 3.1], limit=400
        )[0]
        assert result.outcomes[0, 0, outcome] == pytest.approx(mean, rel=error)
    for time in (1, 2, 4, 10, 25):
        assert cumulative(result, program, "os", time) == pytest.approx(1 - survival(time), abs=error)


def test_life_table(build: Build, tmp_path: Path) -> None:
    """Death by a life table from age 60.3, doubled: the product of its years."""
    rates = {60: 0.1, 61: 0.3, 62: 0.05, 63: 0.4}
    (tmp_path / "life.csv").write_text("age,m\n" + "\n".join(f"{a},{m}" for a, m in rates.items()))
    text = alive_dead("", "background = { multiplier = 2 }")
    program = build(frame(20, age=60.3) + '[mortality]\ntable = "life.csv"\nmeasure = "m"\nkeys = {}\n' + text + OS)

    def survival(t: float) -> float:
        return math.exp(
            -2
            * sum(m * max(0.0, min(60.3 + t, a + 1 if a < 63 else math.inf) - max(60.3, a)) for a, m in rates.items())
        )

    result = solved(program)
    mean = scipy.integrate.quad(survival, 0, 20, points=[0.7, 1.7, 2.7], limit=200)[0]
    assert result.outcomes[0, 0, LY_UNDISCOUNTED] == pytest.approx(mean, rel=CLOSE)
    assert cumulative(result, program, "os", 1.0) == pytest.approx(1 - survival(1.0), abs=CLOSE)


def test_carried_risk_against_an_ode(build: Build) -> None:
    """Reversible move, death on model time at two rates: Kolmogorov's equations."""
    program = build(frame(8) + reversible(exponential(0.5)) + OS)

    def slope(t: float, p: Any) -> list[float]:
        death = 2 * t / 64
        return [-(0.5 + death) * p[0] + 0.5 * p[1], 0.5 * p[0] - (0.5 + math.e * death) * p[1], p[0] + p[1]]

    solution: Any = scipy.integrate.solve_ivp(slope, (0, 8), [1, 0, 0], rtol=1e-10, atol=1e-12, dense_output=True)
    result = solved(program)
    assert result.outcomes[0, 0, LY_UNDISCOUNTED] == pytest.approx(solution.sol(8)[2], rel=CLOSE)
    for time in (1, 3, 5, 8):
        assert cumulative(result, program, "os", time) == pytest.approx(1 - sum(solution.sol(time)[:2]), abs=CLOSE)


VISITS = (
    attributes(occult="flag")
    + plan("visit", 1, origin="model")
    + start("well", schedule=[tick("visit", cost={"total": 100})])
    + absorbing("found")
    + move("well", None, exponential(0.4), when="not occult", mark="onset", set={"occult": True})
    + move("well", "found", when="occult", detection={"plan": "visit", "sensitivity": 0.4})
    + endpoint("found")
)


def test_missed_visits_are_geometric(build: Build) -> None:
    """Found at the k-th visit: the convolution of the year of onset and a geometric number of visits."""
    program = build(frame(12.5) + VISITS)
    result = solved(program)
    onset = [math.exp(-0.4 * k) * -math.expm1(-0.4) for k in range(12)]
    found = [sum(onset[j] * 0.4 * 0.6 ** (k - j) for j in range(k + 1)) for k in range(12)]  # at year k + 1
    for k in (0, 1, 4, 11):
        assert cumulative(result, program, "found", k + 1) == pytest.approx(sum(found[: k + 1]), abs=1e-6)
        assert cumulative(result, program, "found", k + 0.75) == pytest.approx(sum(found[:k]), abs=1e-6)
    stay = 12.5 - sum(p * (12.5 - (k + 1)) for k, p in enumerate(found))
    assert result.state[0, 0, program.states.index("well"), 0] == pytest.approx(stay, rel=1e-6)
    visits = sum((1 - sum(found[: k + 1])) for k in range(12))  # the finding visit is at the instant of leaving
    assert result.outcomes[0, 0, category(program, "total")] == pytest.approx(100 * visits, rel=1e-6)


def test_mixture_cure(build: Build) -> None:
    """A share never has the event."""
    program = build(frame(25) + alive_dead(law("log_logistic", shape=2, scale=3, cure=0.3)) + OS)
    result = solved(program)
    for time in (1, 4, 20):
        survival = 0.3 + 0.7 / (1 + (time / 3) ** 2)
        assert cumulative(result, program, "os", time) == pytest.approx(1 - survival, abs=CLOSE)


def test_loss_of_utility_at_ticks_that_overlap(build: Build) -> None:
    """Each tick lowers utility for 0.7 years, every half year; overlaps of one loss do not stack: quadrature."""
    text = (
        plan("cycle", 0.5, first=0, max=4)
        + start("chemo", utility=0.8, schedule=[tick("cycle", utility_loss=0.5, years=0.7)])
        + move("chemo", "dead", exponential(0.3))
    )
    program = build(frame(10) + text + DEAD)
    mean = scipy.integrate.quad(lambda t: math.exp(-0.3 * t) * 0.8 * (0.5 if t < 2.2 else 1), 0, 10, points=[2.2])[0]
    assert solved(program).outcomes[0, 0, QALY_UNDISCOUNTED] == pytest.approx(mean, rel=CLOSE)


# === Visits that change nobody ===

CYCLES = (
    attributes(stopped="flag")
    + event("cycle", 1, when="not stopped", cost={"total": 3})
    + plan("cycle", 0.07, origin="entry")
    + start("on", schedule=[tick("cycle", event="cycle")])
    + move("on", None, exponential(0.4), name="stop", when="not stopped", set={"stopped": True})
    + move("on", "dead", exponential(0.3))
)


def test_visits_that_change_nobody_are_paid_within_steps(build: Build) -> None:
    """Cycles until a stop or death: their number, their cost, and who has had one."""
    program = build(frame(30.0) + CYCLES + DEAD)
    result = solved(program)
    on = np.exp(-0.7 * 0.07 * np.arange(1, 1_000))
    assert result.marks[0, 0, 0, 0] == pytest.approx(on[np.arange(1, 1_000) * 0.07 < 30.0].sum(), rel=1e-7)
    assert result.marks[0, 0, 0, 1] == pytest.approx(on[0], rel=1e-7)
    assert result.outcomes[0, 0, N_MAIN] == pytest.approx(3.0 * result.marks[0, 0, 0, 0], rel=1e-12)
