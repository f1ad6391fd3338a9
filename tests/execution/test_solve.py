"""Solving a population exactly: large hazards end, the printed error holds the true one, too much work is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg

from lmssim.engines import memory as machine
from lmssim.engines.cohort import workspace
from lmssim.errors import LowMemoryError, TooLargeError
from lmssim.execution.simulate import Sampling
from lmssim.execution.solve import solve_population
from lmssim.kernels.rewards import LY_UNDISCOUNTED, QALY
from tests.kit.models import DEAD, OS, exponential, frame, law, move, start, state, strategy, weibull

if TYPE_CHECKING:
    from lmssim.execution.solve import Solution
    from lmssim.model.program import Program
    from tests.conftest import Build


def solution(program: Program, profiles: int = 1) -> Solution:
    """Exact solution by the engine as a run asks for it."""
    return solve_population(program, Sampling(engine="cohort", profiles=profiles))


def progression(death: str, *, rate: float = 0.0, horizon: float = 40.0) -> str:
    """Progression at 0.3 a year and death at 0.02, or from progression by a hazard."""
    text = start("pf", utility=0.8) + state("pd", utility=0.6) + DEAD + move("pf", "pd", exponential(0.3))
    return frame(horizon, rate) + text + move("pf", "dead", exponential(0.02)) + move("pd", "dead", death) + OS


@pytest.mark.parametrize("shape", [0.1, 0.2, 0.4, 1.2])
def test_a_gompertz_hazard_grows_without_end(build: Build, shape: float) -> None:
    """A hazard of up to 1e19 a year: against an ordinary differential equation, within the printed error."""
    found = solution(build(progression(law("gompertz", shape=shape, rate=0.05, clock="model"), rate=0.035)))
    discount = math.log(1.035)

    def flow(t: float, y: Any) -> list[Any]:
        death = min(0.05 * math.exp(shape * t), 1e9)
        return [-0.32 * y[0], 0.3 * y[0] - death * y[1], math.exp(-discount * t) * (0.8 * y[0] + 0.6 * y[1])]

    exact = scipy.integrate.solve_ivp(flow, (0, 40), [1, 0, 0], method="Radau", rtol=1e-9, atol=1e-12).y[2, -1]
    assert abs(found.mean[0, 0, QALY] - exact) < found.step_error[0, QALY] < 1e-4


@pytest.mark.parametrize(
    "death", [exponential(1e17), weibull(1.5, 1e-300), weibull(1.5, 1e-300, clock="model"), weibull(60.0, 1e-6)]
)
def test_instant_death_after_progression(build: Build, death: str) -> None:
    """Nobody lives on after progression: life years are those without it."""
    found = solution(build(progression(death)))
    assert found.mean[0, 0, LY_UNDISCOUNTED] == pytest.approx(-math.expm1(-0.32 * 40) / 0.32, rel=1e-6)


def test_a_time_without_spread(build: Build) -> None:
    """A log-normal time of nearly no spread is a fixed one."""
    text = start("a") + state("b") + DEAD + move("a", "b", law("log_normal", meanlog=2.0, sdlog=1e-8))
    found = solution(build(frame(40.0) + text + move("b", "dead", exponential(0.3)) + OS))
    fixed = math.exp(2.0)
    exact = fixed - math.expm1(-0.3 * (40.0 - fixed)) / 0.3
    assert abs(found.mean[0, 0, LY_UNDISCOUNTED] - exact) < found.step_error[0, LY_UNDISCOUNTED] + 1e-6


REFUSED = {
    "return at once": (move("a", "b", exponential(1e17)) + move("b", "a", exponential(1e17)), "state '[ab]'"),
    "return within an interval": (move("a", "b", weibull(1.5, 1e-3)) + move("b", "a", weibull(1.5, 1e-3)), "too often"),
    "stays of length 0": (
        move("a", "b", "family = 'fixed', delay = 0") + move("b", "a", "family = 'fixed', delay = 0"),
        "too often",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_goes_round_is_refused(build: Build, case: str) -> None:
    """States between which patients go back and forth in no time: refused by name, as too much work."""
    moves, message = REFUSED[case]
    text = start("a") + state("b") + DEAD + moves + move("a", "dead", exponential(0.1))
    with pytest.raises(TooLargeError, match=message):
        solution(build(frame(40.0) + text + OS))


def test_a_long_horizon_with_a_clock_that_restarts(build: Build) -> None:
    """Reversible states over 75 years: against the matrix exponential, as hazards are constant in truth."""
    text = start("well") + state("ill") + state("worse") + DEAD + move("well", "ill", exponential(0.15))
    text += move("ill", "well", exponential(0.5)) + move("ill", "worse", weibull(1.0, 12.5))
    found = solution(build(frame(75.0) + text + move("worse", "dead", exponential(0.03)) + OS))
    rates = np.array([[-0.15, 0.15, 0, 0], [0.5, -0.58, 0.08, 0], [0, 0, -0.03, 0.03], [0, 0, 0, 0]])
    years = np.linalg.solve(rates[:3, :3], scipy.linalg.expm(75.0 * rates[:3, :3]) - np.eye(3))[0].sum()
    assert abs(found.mean[0, 0, LY_UNDISCOUNTED] - years) < found.step_error[0, LY_UNDISCOUNTED] < 0.01


def test_many_strategies_are_not_refined_but_say_so(build: Build) -> None:
    """Too many solutions to be refined: the printed error, larger, holds the true one under each strategy."""
    of = "".join(strategy(f"s{k}") for k in range(9))
    text = start("a") + state("b") + DEAD + move("a", "b", exponential("1.3 if strategy == 's8' else 0.5"))
    found = solution(build(frame(20.0, strategies=of) + text + move("b", "dead", weibull(2.0, 5.0)) + OS))

    def alive(t: float, rate: float) -> float:
        ill = scipy.integrate.quad(lambda u: rate * math.exp(-rate * u - ((t - u) / 5) ** 2), 0, t)[0]
        return math.exp(-rate * t) + float(ill)

    for k, rate in ((0, 0.5), (8, 1.3)):
        exact = scipy.integrate.quad(alive, 0, 20, args=(rate,), limit=100)[0]
        assert abs(found.mean[0, k, LY_UNDISCOUNTED] - exact) < found.step_error[k, LY_UNDISCOUNTED] < 0.05


def test_too_little_memory_is_said_before_the_work(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is needed, the limit and what is available stand in the message."""
    program = build(progression(weibull(1.5, 2.0)))
    monkeypatch.setattr(workspace, "available_memory", lambda: 1 << 22)
    with pytest.raises(LowMemoryError, match=r"GiB for one worker; the limit is 25% of the 0\.00391 GiB"):
        solution(program)
    assert machine.available_memory() > 1 << 22
