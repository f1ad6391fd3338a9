"""Models with exact answers: illness-death by quadrature, and reversible illness-death by renewal and by ODE."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.integrate

from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import COST, LY, LY_UNDISCOUNTED, QALY, QALY_UNDISCOUNTED
from tests.kit.illness_death import exact as quadrature
from tests.kit.models import DEAD, alive_dead, exponential, frame, move, start, state, strategy, weibull
from tests.kit.plain import assert_close, estimate, live
from tests.kit.reversible import HORIZON_LONG, forward, renewal
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from tests.conftest import Build


PRINTED = ((6.48779, 4.17029, 10_846.51, 0.8303), (7.71073, 4.87024, 11_154.52, 0.7783))
PRINTED_PSA = ((6.4887, 4.1700, 10_846.6), (7.7221, 4.8734, 11_154.6))
OUTCOMES = (LY_UNDISCOUNTED, QALY, COST)
Z = 3.0

# === Illness-death ===


def test_quadrature_gives_the_printed_figures() -> None:
    """The exact answers computed here are the published ones."""
    for log_hr, printed in zip((0.0, math.log(0.7)), PRINTED, strict=True):
        exact = quadrature(log_hr)
        np.testing.assert_allclose(exact, printed, rtol=1e-5, atol=6e-5)


def test_base_case() -> None:
    """Life-years, QALYs, costs and share ever progressed of both strategies within 3 SE of the exact answers."""
    result = simulate(bundled_program("illness_death"), Sampling(n_patients=400_000, seed=11))
    error = result.standard_error()
    for k, (log_hr, printed) in enumerate(zip((0.0, math.log(0.7)), PRINTED, strict=True)):
        exact = quadrature(log_hr)
        for i, outcome in enumerate(OUTCOMES):
            assert_close(result.mean[0, k, outcome], exact[i], error[0, k, outcome], Z)
            assert_close(result.mean[0, k, outcome], printed[i], error[0, k, outcome], Z)
        ever = result.counts.entries[k, bundled_program("illness_death").states.index("progressed"), 1] / result.n
        assert_close(ever, exact[3], math.sqrt(exact[3] * (1 - exact[3]) / result.n), Z)


def test_difference_is_closer_than_its_parts() -> None:
    """The paired difference is exact within its own, smaller error."""
    result = simulate(bundled_program("illness_death"), Sampling(n_patients=200_000, seed=12))
    low, high = quadrature(0.0), quadrature(math.log(0.7))
    for i, outcome in enumerate(OUTCOMES):
        covariance = result.covariance(outcome)[0]
        paired = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
        assert paired < 0.75 * (covariance[0, 0] + covariance[1, 1])
        difference = result.mean[0, 1, outcome] - result.mean[0, 0, outcome]
        assert_close(difference, high[i] - low[i], math.sqrt(paired / result.n), Z)


def test_probabilistic_mean() -> None:
    """Patients of their own: draws against quadrature at their own parameters, and the mean against the printed one."""
    program, n_draws = bundled_program("illness_death"), 1000
    draws = program.sample(n_draws, seed=13)
    result = simulate(program, Sampling(n_patients=1000, seed=13, random_numbers="independent", counting=False), draws)
    scales = [draws[name] for name in ("scale_progression", "scale_death", "scale_death_progressed")]
    chosen = range(0, n_draws, 10)
    monte_carlo = (0.0033, 0.0070)  # standard errors of the printed life-years
    for k in range(2):
        for i, outcome in enumerate(OUTCOMES):
            values = result.mean[:, k, outcome]
            error = values.std(ddof=1) / math.sqrt(n_draws)
            printed = 0.0 if outcome == COST else monte_carlo[k]
            printed = error if outcome == COST else printed
            assert_close(values.mean(), PRINTED_PSA[k][i], math.hypot(error, printed), Z)
        exact = np.array(
            [quadrature(draws["loghr_progression"][d] * k, (scales[0][d], scales[1][d], scales[2][d])) for d in chosen]
        )
        for i, outcome in enumerate(OUTCOMES):
            z = (result.mean[chosen, k, outcome] - exact[:, i]) / result.standard_error()[chosen, k, outcome]
            assert abs(z.mean()) < Z / math.sqrt(len(z))
            assert 0.75 < z.std(ddof=1) < 1.25
            assert abs(z).max() < 4.5


def test_common_luck_gives_the_same_mean() -> None:
    """Draws that meet the same patients: unbiased as well; their error is that of the patients."""
    program = bundled_program("illness_death")
    draws = program.sample(200, seed=14)
    result = simulate(program, Sampling(n_patients=20_000, seed=14, counting=False), draws)
    error = result.standard_error().mean(axis=0)
    spread = result.mean.std(axis=0, ddof=1) / math.sqrt(200)
    for k in range(2):
        for i, outcome in enumerate(OUTCOMES):
            total = math.hypot(error[k, outcome], spread[k, outcome], (0.0033, 0.0070)[k] if i == 0 else 0.0)
            assert_close(result.mean[:, k, outcome].mean(), PRINTED_PSA[k][i], total, Z)


# === One Weibull ===


def test_one_weibull(build: Build) -> None:
    """Life expectancy 5.64394; discounted at exp(-.03 t) 4.92709; QALYs at .85 4.18803."""
    text = frame(rate=0.03, settings="discounting = 'continuous_rate'") + alive_dead(weibull(1.2, 6)).replace(
        "utility = 1", "utility = 0.85"
    )
    result = estimate(build(text), 200_000, seed=15)
    error = result.standard_error()[0, 0]
    discounted = scipy.integrate.quad(lambda t: math.exp(-0.03 * t - (t / 6) ** 1.2), 0, 200)[0]
    for outcome, exact, printed in (
        (LY_UNDISCOUNTED, 6 * math.gamma(1 + 1 / 1.2), 5.64394),
        (LY, discounted, 4.92709),
        (QALY, 0.85 * discounted, 4.18803),
        (QALY_UNDISCOUNTED, 0.85 * 6 * math.gamma(1 + 1 / 1.2), 4.79735),
    ):
        assert exact == pytest.approx(printed, abs=1e-5)
        assert_close(result.mean[0, 0, outcome], exact, error[outcome], Z)
    times = live(build(text), 200_000, seed=15).first_entry("dead")
    for year, p in enumerate((0.10994, 0.14025, 0.15439, 0.16428, 0.17201)):
        at_risk = times > year
        died = (times <= year + 1)[at_risk].mean()
        assert_close(died, p, math.sqrt(p * (1 - p) / at_risk.sum()), Z)


# === Reversible illness-death ===


def _reversible(build: Build, death: str) -> Program:
    text = (
        start("healthy", utility=1, cost_per_year={"total": 2000})
        + state("sick", utility=0.7, cost_per_year={"total": 8000})
        + move("healthy", "sick", exponential("0.15 * ratio"))
        + move("healthy", "dead", exponential("0.02 * ratio"), name="death_healthy")
        + move("sick", "healthy", exponential(0.3))
        + move("sick", "dead", death, name="death_sick")
    )
    strategies = strategy("usual", set={"ratio": 1}) + strategy("new")
    settings = "discounting = 'continuous_rate'"
    return build(frame(HORIZON_LONG, 0.03, settings=settings, strategies=strategies) + text + DEAD, {"ratio": 0.7})


def _assert_values(program: Program, exact: list[tuple[float, float]], seed: int) -> None:
    result = estimate(program, 150_000, seed=seed)
    error = result.standard_error()[0]
    for k in range(2):
        for outcome, value in zip((QALY, COST), exact[k], strict=True):
            assert_close(result.mean[0, k, outcome], value, error[k, outcome], Z)


def test_reversible_markov(build: Build) -> None:
    """Constant rates: printed 13.04878 and 50,243.90; 15.45901 and 52,195.27."""
    exact = [renewal(ratio, lambda t: math.exp(-0.4 * t)) for ratio in (1.0, 0.7)]
    np.testing.assert_allclose(exact, [(13.04878, 50_243.90), (15.45901, 52_195.27)], rtol=1e-6)
    _assert_values(_reversible(build, exponential(0.1)), exact, seed=16)


def test_reversible_clock_reset(build: Build) -> None:
    """Death from each spell of sickness by time in it: 13.5652 and 15.9833; costs 52,826 and 54,519."""
    exact = [renewal(ratio, lambda t: math.exp(-0.3 * t - (t / 8) ** 1.5)) for ratio in (1.0, 0.7)]
    np.testing.assert_allclose(exact, [(13.5652, 52_826), (15.9833, 54_519)], rtol=1e-5)
    _assert_values(_reversible(build, weibull(1.5, 8)), exact, seed=17)


def test_reversible_clock_forward(build: Build) -> None:
    """Death from sickness by time since the start: 10.5119 and 12.5590; costs 37,559 and 39,341."""
    exact = [forward(ratio, lambda t: 1.5 / 8 * math.sqrt(t / 8)) for ratio in (1.0, 0.7)]
    np.testing.assert_allclose(exact, [(10.5119, 37_559), (12.5590, 39_341)], rtol=2e-5)
    _assert_values(_reversible(build, weibull(1.5, 8, clock="model")), exact, seed=18)


@pytest.mark.parametrize("clock", ["entry", "model"])
def test_exponential_death_does_not_know_its_clock(build: Build, clock: str) -> None:
    """Constant hazards give one answer whether the budget is redrawn or carried."""
    exact = [renewal(ratio, lambda t: math.exp(-0.4 * t)) for ratio in (1.0, 0.7)]
    program = _reversible(build, exponential(0.1, clock=clock))
    _assert_values(program, exact, seed=19)
