"""Clocks and carried budgets: what a hazard runs on, what moves between states, what restarts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate

from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import (
    COST,
    COST_UNDISCOUNTED,
    LY,
    LY_UNDISCOUNTED,
    QALY,
    QALY_UNDISCOUNTED,
)
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.laws import family_of
from tests.kit.models import (
    DEAD,
    attributes,
    clocks,
    exponential,
    fixed,
    frame,
    law,
    move,
    reversible,
    start,
    state,
    there_and_back,
    weibull,
)
from tests.kit.plain import assert_close, assert_survival, estimate, live
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from tests.conftest import Build


def _waiting(hazard: str) -> str:
    """Half a year, then 2 years of waiting that start the clock, then a hazard from 2.5 on."""
    return (
        clocks(diagnosis="latest")
        + start("first", duration=0.5, next="wait")
        + state("wait", starts=["diagnosis"], duration=2, next="alive")
        + state("alive")
        + move("alive", "dead", hazard)
        + DEAD
    )


def _weibull(t: float) -> float:
    return float((t / 6) ** 1.8)


@pytest.mark.parametrize(("clock", "offset"), [("entry", 0.0), ("diagnosis", 2.0), ("model", 2.5)])
def test_clock_that_started_before_is_left_truncation(build: Build, clock: str, offset: float) -> None:
    """Whoever arrives at clock time u has the law of T given T > u; on `entry` the clock restarts."""
    lives = live(build(frame() + _waiting(weibull(1.8, 6, clock=clock))), 80_000)
    stay = lives.first_entry("dead") - 2.5
    assert_survival(stay, lambda t: math.exp(_weibull(offset) - _weibull(offset + t)), [0.5, 1, 2, 4, 8])


def test_age_is_a_clock(build: Build) -> None:
    """A Gompertz hazard on age, entered at age 42.5."""
    hazard = law("gompertz", shape=0.1, rate=0.001, clock="age")
    lives = live(build(frame(age=40) + _waiting(hazard)), 80_000)
    stay = lives.first_entry("dead") - 2.5

    def survival(t: float) -> float:
        return math.exp(-0.01 * (math.exp(0.1 * (42.5 + t)) - math.exp(4.25)))

    assert_survival(stay, survival, [1, 5, 10, 20])


@pytest.mark.parametrize(
    "death",
    [
        law("log_normal", meanlog=1.5, sdlog=0.6, clock="model"),
        law("gamma", shape=3, rate=0.5, clock="model"),
        weibull(1.8, 6, clock="model"),
    ],
    ids=family_of,
)
def test_carried_budget_is_the_same_as_no_move(build: Build, death: str) -> None:
    """A move between states with one hazard on one clock changes nobody's death, to rounding."""
    states = start("a") + state("b") + DEAD
    busy, still = (
        live(build(frame() + states + there_and_back(exponential(rate), exponential(2), death)), 2000)
        for rate in (3, 0)
    )
    assert busy.entries("b").mean() > 3
    np.testing.assert_allclose(busy.first_entry("dead"), still.first_entry("dead"), rtol=1e-9)


def test_budget_is_used_at_the_rate_of_each_state(build: Build) -> None:
    """Weibull death on model time, doubled after a move at 3 years: survival of the two stretches multiplies."""
    text = (
        start("a", duration=3, next="b")
        + state("b", set={"late": True})
        + attributes(late="flag")
        + move(["a", "b"], "dead", weibull(1.8, 6, clock="model"), effects={"late": math.log(2)})
    )
    times = live(build(frame() + text + DEAD), 80_000).first_entry("dead")
    np.testing.assert_array_less(0, times)
    assert_survival(
        times, lambda t: math.exp(-_weibull(min(t, 3)) - 2 * max(0, _weibull(t) - _weibull(3))), [1, 3, 4, 6]
    )


def test_a_risk_is_not_used_where_it_is_not_open(build: Build) -> None:
    """A refuge without the risk neither uses nor renews the budget: time in the risky state is exponential."""
    text = (
        start("risky", duration=1, next="refuge")
        + state("refuge", duration=0.25, next="risky")
        + move("risky", "dead", exponential(0.4), risk="death")
    )
    program = build(frame() + text + DEAD)
    lives = live(program, 80_000)
    dead = lives.first_entry("dead")
    at_risk = np.floor(dead / 1.25) + dead % 1.25
    assert_survival(at_risk, lambda t: math.exp(-0.4 * t), [0.5, 1, 2.5, 6])


def _entries(build: Build, keep: str) -> list[tuple[str, float]]:
    """State and time of each entry, where b leads back to a 1.5 years after the clock's start."""
    text = (
        clocks(c=keep)
        + start("a", starts=["c"], duration=1, next="b")
        + state("b")
        + move("b", "a", fixed(1.5, clock="c"))
        + move(["a", "b"], "dead", exponential(0))
    )
    return [(name, entered) for name, entered, _ in live(build(frame(5) + text + DEAD), 1).stays(0)]


def test_clock_restarts_at_its_latest_or_keeps_its_first(build: Build) -> None:
    """Back 1.5 years after each start of the clock, or, with `first`, at once from the second time on."""
    latest = [0, 1, 1.5, 2.5, 3, 4, 4.5]
    assert _entries(build, "latest") == list(zip("abababa", latest, strict=True))
    first = [0, 1, 1.5, 2.5, 2.5, 3.5, 3.5, 4.5, 4.5]
    assert _entries(build, "first") == list(zip("ababababa", first, strict=True))


def _unset(**default: str) -> str:
    """Death on the clock of a surgery that nobody has."""
    return (
        clocks(surgery="latest")
        + state("operated", starts=["surgery"], duration=1, next="alive")
        + start("alive")
        + move("alive", "operated", exponential(0))
        + move("alive", "dead", weibull(2, 5, clock="surgery", **default))
        + DEAD
    )


def test_clock_read_before_its_start_is_one_clear_error(build: Build) -> None:
    """The message names file, transition, clock, patient and the way out, in one line."""
    program = build(frame() + _unset())
    with pytest.raises(InputError, match="clock 'surgery' is read before it has started") as caught:
        estimate(program, 10)
    message = str(caught.value)
    assert "\n" not in message
    for word in ("test.toml", "alive -> dead", "patient 0", "strategy 'one'", "default_origin"):
        assert word in message


def test_clock_with_a_default_origin(build: Build) -> None:
    """With a default, the clock reads model time before its event."""
    program = build(frame() + _unset(default_origin="model"))
    times = live(program, 80_000).first_entry("dead")
    assert_survival(times, lambda t: math.exp(-((t / 5) ** 2)), [1, 3, 6])


# === Sick-Sicker-Dead: one death risk carried between states (WARDEN's example) ===


def _exact(rate: float, hr: float, extra: float) -> tuple[float, float, float]:
    """Life-years, QALYs and costs in closed form."""
    sicker, death, late = 0.2 * hr, 0.05, 0.05 / 0.8
    a1 = 1 / (sicker + death + rate)
    a2 = sicker * a1 / (late + rate)
    return a1 + a2, 0.8 * a1 + 0.5 * a2, (3000 + extra) * a1 + (7000 + extra) * a2


def test_sick_sicker_dead_means() -> None:
    """All six outcomes of both strategies against the closed form, and the closed form against its printed figures."""
    program = bundled_program("sick_sicker_dead")
    result = simulate(program, Sampling(n_patients=200_000, seed=3))
    error = result.standard_error()
    rate = math.log1p(0.035)
    for k, (hr, extra, printed) in enumerate(
        ((1.0, 0, (10.773, 6.442, 61_348.7)), (0.7, 1000, (10.895, 6.784, 69_331.7)))
    ):
        np.testing.assert_allclose(_exact(rate, hr, extra), printed, rtol=1e-4)
        for r, outcomes in ((rate, (LY, QALY, COST)), (0.0, (LY_UNDISCOUNTED, QALY_UNDISCOUNTED, COST_UNDISCOUNTED))):
            for outcome, exact in zip(outcomes, _exact(r, hr, extra), strict=True):
                assert_close(result.mean[0, k, outcome], exact, error[0, k, outcome])


def test_sick_sicker_dead_paired_differences() -> None:
    """Common luck makes differences small: their SD is the published one, and their mean is exact within their SE."""
    program = bundled_program("sick_sicker_dead")
    parts = [simulate(program, Sampling(n_patients=8192, seed=seed)) for seed in range(10, 40)]
    exact = np.subtract(_exact(math.log1p(0.035), 0.7, 1000), _exact(math.log1p(0.035), 1.0, 0))
    for outcome, sd, rounding, mean in zip(
        (LY, QALY, COST), (0.133, 0.340, 5802), (5e-4, 5e-4, 0.5), exact, strict=True
    ):
        covariance = np.array([part.covariance(outcome)[0] for part in parts])
        sds = np.sqrt(covariance[:, 0, 0] + covariance[:, 1, 1] - 2 * covariance[:, 0, 1])
        error = sds.std(ddof=1) / math.sqrt(len(sds))
        assert abs(sds.mean() - sd) < 3 * error + rounding, (sds.mean(), error)
        differences = np.array([part.mean[0, 1, outcome] - part.mean[0, 0, outcome] for part in parts])
        assert_close(differences.mean(), mean, sds.mean() / math.sqrt(8192 * len(parts)))


def test_sick_sicker_dead_remaining_life_is_cut() -> None:
    """Those who become sicker live 0.8 of what was left: against the same lives without the first move."""
    program = bundled_program("sick_sicker_dead")
    without = live(compile_scenario(load_scenario("sick_sicker_dead", {"rate_sicker": 0.0})), 3000)
    lives = live(program, 3000)
    for k in range(2):
        dead, uncut, sicker = (
            lives.first_entry("dead", k),
            without.first_entry("dead", k),
            lives.first_entry("sicker", k),
        )
        expected = np.where(sicker < uncut, np.minimum(sicker, uncut) * 0.2 + 0.8 * uncut, uncut)
        seen = uncut < 200
        np.testing.assert_allclose(dead[seen], expected[seen], rtol=1e-10)


def test_carried_law_against_an_ode(build: Build) -> None:
    """Reversible move and death on model time at two rates: occupancy by Kolmogorov's equations."""
    lives = live(build(frame() + reversible(weibull(1, 2))), 80_000)

    def slope(t: float, p: Any) -> list[float]:
        death = 2 * t / 64
        return [-(0.5 + death) * p[0] + 0.5 * p[1], 0.5 * p[0] - (0.5 + math.e * death) * p[1]]

    solution: Any = scipy.integrate.solve_ivp(slope, (0, 8), [1, 0], rtol=1e-9, atol=1e-12, dense_output=True)
    assert_survival(lives.first_entry("dead"), lambda t: sum(solution.sol(t)), [1, 3, 5, 8])
    at = 3.0
    rows, state = lives.rows, lives.program.states.index("s")
    here = (rows.entered <= at) & (at < rows.left) & (rows.state == state)
    share = here.sum() / lives.n
    exact = float(solution.sol(at)[1])
    assert_close(share, exact, math.sqrt(exact * (1 - exact) / lives.n))
