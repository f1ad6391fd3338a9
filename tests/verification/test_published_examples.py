"""Published models with exact answers, as scenario files: every engine against the exact and the printed figures."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.kernels.tally import EVENT
from lmssim.model.scenario import load_scenario
from tests.kit.reversible import forward, renewal
from tests.kit.scenarios import bundled_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.model.scenario import Scenario
    from lmssim.outcomes.endpoint import EndpointCounts

PATIENTS = {"compiled": 200_000, "des": 2_000}
"""Patients by engine."""
ENGINES = tuple(PATIENTS)
Z = 4.0
EXACT = 2e-5
"""Accepted relative error of an engine without Monte-Carlo error."""

each_engine = pytest.mark.parametrize("engine", ENGINES)


def run(scenario: Scenario, engine: str) -> Evaluation:
    """A scenario through one engine."""
    more: dict[str, Any] = {} if engine == "compiled" else {"engine": engine}
    return evaluate(scenario, Sampling(n_patients=PATIENTS[engine], seed=31, **more))


@functools.cache
def evaluated(name: str, engine: str) -> Evaluation:
    """A bundled scenario through one engine."""
    return run(bundled_scenario(name), engine)


def assert_agrees(engine: str, value: float, exact: float, error: float, read_to: float = 0.0) -> None:
    """Within `Z` standard errors of the exact figure, or `EXACT` of it where there is no Monte-Carlo error.

    Parameters
    ----------
    read_to : float
        Error of reading a time off the grid.
    """
    assert engine == "cohort" or error > 0
    tolerance = read_to + (EXACT * abs(exact) if engine == "cohort" else Z * error)
    assert abs(value - exact) <= tolerance, f"{value:.7g} v {exact:.7g}, tolerance {tolerance:.3g}"


def outcome(evaluation: Evaluation, strategy: str, name: str) -> tuple[float, float]:
    """Mean of an outcome and its standard error."""
    table = evaluation.summary
    row = table[(table["strategy"] == strategy) & (table["outcome"] == name)].iloc[0]
    return float(row["mean"]), float(row["se"])


def share_in(evaluation: Evaluation, strategy: str, state: str, time: float) -> float:
    """Share in a state at a time."""
    table = evaluation.occupancy
    row = table[(table["strategy"] == strategy) & (table["state"] == state) & (table["time"] == time)].iloc[0]
    return float(row["value"])


def binomial(share: float, n: float) -> float:
    """Standard error of a share."""
    return math.sqrt(share * (1 - share) / n)


def integral(f: Callable[[float], float], first: float, last: float) -> float:
    """Integral by adaptive quadrature."""
    return float(scipy.integrate.quad(f, first, last, limit=500, epsabs=1e-11)[0])


# === One Weibull ===


@each_engine
def test_one_weibull(engine: str) -> None:
    """Life expectancy 5.64394; discounted at exp(-.03 t) 4.92709; QALYs at .85 4.18803."""
    e = evaluated("weibull_closed_form", engine)
    discounted = integral(lambda t: math.exp(-0.03 * t - (t / 6) ** 1.2), 0, 100)
    for name, exact, printed in (
        ("life_years_undiscounted", 6 * math.gamma(1 + 1 / 1.2), 5.64394),
        ("life_years", discounted, 4.92709),
        ("qalys", 0.85 * discounted, 4.18803),
    ):
        assert exact == pytest.approx(printed, abs=5e-6)
        value, error = outcome(e, "usual", name)
        assert_agrees(engine, value, exact, error)


@each_engine
def test_one_weibull_read_as_a_yearly_table(engine: str) -> None:
    """Yearly probabilities of death .10994 .14025 .15439 .16428 .17201; trapezoid of discounted years 4.93604."""
    e = evaluated("weibull_closed_form", engine)
    table = e.survival[e.survival["time"] % 1.0 == 0.0]
    times, survival = table["time"].to_numpy(dtype=float), table["value"].to_numpy(dtype=float)
    exact = np.exp(-((times / 6) ** 1.2))
    for year, printed in enumerate((0.10994, 0.14025, 0.15439, 0.16428, 0.17201)):
        p = 1 - exact[year + 1] / exact[year]
        assert p == pytest.approx(printed, abs=5e-6)
        died = 1 - survival[year + 1] / survival[year]
        assert_agrees(engine, died, p, binomial(p, e.n * survival[year]))
    trapezoid = float(np.trapezoid(exact * np.exp(-0.03 * times), times))
    assert trapezoid == pytest.approx(4.93604, abs=5e-6)
    value = float(np.trapezoid(survival * np.exp(-0.03 * times), times))
    assert_agrees(engine, value, trapezoid, outcome(e, "usual", "life_years")[1])


# === Reversible illness-death ===

ARMS = {"usual": 1.0, "new": 0.7}
PRINTED = {
    "illness_death_reversible": ((13.04878, 50_243.90), (15.45901, 52_195.27)),
    "illness_death_clock_reset": ((13.5652, 52_826), (15.9833, 54_519)),
    "illness_death_clock_forward": ((10.5119, 37_559), (12.5590, 39_341)),
}
"""QALYs and costs of both arms."""


@functools.cache
def reversible(name: str, ratio: float) -> tuple[float, float]:
    """QALYs and costs by renewal, or by ODE where the clock is never reset."""
    if name == "illness_death_reversible":
        return renewal(ratio, lambda t: math.exp(-0.4 * t))
    if name == "illness_death_clock_reset":
        return renewal(ratio, lambda t: math.exp(-0.3 * t - (t / 8) ** 1.5))
    return forward(ratio, lambda t: 1.5 / 8 * math.sqrt(t / 8))


@each_engine
@pytest.mark.parametrize("name", PRINTED)
def test_reversible_illness_death(engine: str, name: str) -> None:
    """QALYs and costs of both arms, by constant rates, by time since falling sick, and by time since the start."""
    e = evaluated(name, engine)
    for (arm, ratio), printed in zip(ARMS.items(), PRINTED[name], strict=True):
        exact = reversible(name, ratio)
        np.testing.assert_allclose(exact, printed, rtol=2e-5)
        for column, figure in zip(("qalys", "cost"), exact, strict=True):
            value, error = outcome(e, arm, column)
            assert_agrees(engine, value, figure, error)


# === BOS after lung transplantation ===

LONG = 80.0
"""Years after which nobody is alive."""
FORWARD, RESET = "bos_forward", "bos_reset"


def alive_without_bos(t: float) -> float:
    """Share alive without BOS, of those without it at the start."""
    return math.exp(-((t / 5.6880405) ** 0.83792824) - (t / 11.778737) ** 1.434991)


def bos_density(t: float) -> float:
    """Density of the time to BOS, death competing."""
    return float(0.83792824 / 5.6880405 * (t / 5.6880405) ** (0.83792824 - 1) * alive_without_bos(t)) if t > 0 else 0.0


def death_density(t: float) -> float:
    """Density of the time to death without BOS."""
    return float(1.434991 / 11.778737 * (t / 11.778737) ** 0.434991 * alive_without_bos(t))


def alive_with_bos(name: str, since: float, until: float) -> float:
    """Probability of living from BOS at `since` to `until`."""
    if name == FORWARD:
        return math.exp((since / 3.9963179) ** 1.0719764 - (until / 3.9963179) ** 1.0719764)
    return math.exp(-(((until - since) / 3.7691712) ** 1.2081625))


def with_bos(name: str, t: float) -> float:
    """Share alive with BOS at `t`, of those without it at the start."""
    return integral(lambda u: bos_density(u) * alive_with_bos(name, u, t), 0, t)


PRINTED_BOS: dict[str, dict[int, tuple[float, float, float | None]]] = {
    FORWARD: {5: (0.3042199, 0.2521696, 0.2804171), 10: (0.09117016, 0.12047936, 0.06903846)},
    RESET: {5: (0.3039, 0.2561, None), 10: (0.0911, 0.1107, None)},
}
"""Without BOS, with BOS; with BOS of those who start with it: the first printed to 1e-5, the other rebuilt to 4e-4."""


@each_engine
@pytest.mark.parametrize("name", PRINTED_BOS)
def test_bos_occupancy(engine: str, name: str) -> None:
    """P(0, 5) and P(0, 10), rows of both states to start from."""
    e = evaluated(name, engine)
    for time, printed in PRINTED_BOS[name].items():
        exact = (alive_without_bos(time), with_bos(name, time), alive_with_bos(name, 0.0, time))
        cells = (("no_bos_at_start", "no_bos"), ("no_bos_at_start", "bos"), ("bos_at_start", "bos"))
        for (strategy, state), figure, published in zip(cells, exact, printed, strict=True):
            assert published is None or figure == pytest.approx(published, abs=1e-5 if name == FORWARD else 4e-4)
            assert_agrees(engine, share_in(e, strategy, state, time), figure, binomial(figure, e.n))


@each_engine
def test_bos_before_death(engine: str) -> None:
    """0.7177376 have BOS before they die."""
    exact = integral(bos_density, 0, LONG)
    assert exact == pytest.approx(0.7177376, abs=1e-5)
    value, error = outcome(evaluated(FORWARD, engine), "no_bos_at_start", "bos:ever")
    assert_agrees(engine, value, exact, error)


@each_engine
@pytest.mark.parametrize("name", [FORWARD, RESET])
def test_exponential_bos(engine: str, name: str) -> None:
    """By the exponential fit 103 of 132 have BOS before they die (printed 0.7802948); both clocks give one survival."""
    rates = {"bos": 0.18986666, "death": 0.05345760, f"death_{name[4:]}": 0.26392859}
    values = {f"scale_{k}": 1 / rate for k, rate in rates.items()} | {f"shape_{k}": 1.0 for k in rates}
    e = run(load_scenario(name, values), engine)
    exact = rates["bos"] / (rates["bos"] + rates["death"])
    assert exact == pytest.approx(0.7802948, abs=1e-5)
    assert exact == pytest.approx(103 / 132, abs=1e-7)
    value, error = outcome(e, "no_bos_at_start", "bos:ever")
    assert_agrees(engine, value, exact, error)
    alive = math.exp(-5 * 0.26392859)
    assert_agrees(engine, share_in(e, "bos_at_start", "bos", 5), alive, binomial(alive, e.n))


def bos_death_density(t: float) -> float:
    """Density of the time from BOS to death, clock reset."""
    return float(1.2081625 / 3.7691712 * (t / 3.7691712) ** 0.2081625 * alive_with_bos(RESET, 0.0, t))


def death_rate(t: float) -> float:
    """Density of the time to death, with or without BOS, clock reset."""
    return death_density(t) + integral(lambda u: bos_density(u) * bos_death_density(t - u), 0, t)


def had(endpoint: str, t: float) -> float:
    """Share who have come to an endpoint by `t`, clock reset."""
    if endpoint == "os":
        return 1 - alive_without_bos(t) - with_bos(RESET, t)
    return integral(DENSITY[endpoint], 0, t)


DENSITY = {"bos": bos_density, "death_without_bos": death_density, "os": death_rate}
TIMES = {
    "bos": ((0.831, 2.264, 4.851), 3.457),
    "death_without_bos": ((2.352, 4.634, 8.032), 5.805),
    "os": ((3.169, 5.629, 9.038), 6.660),
}
"""Quartiles and mean of the times of those who come to it, from 4 million lives: good to a few of the last digit."""


def moment(f: Callable[[float], float], power: int) -> float:
    """Integral of t^power f(t)."""
    return integral(lambda t: t**power * f(t), 0, LONG)


@functools.cache
def mean_and_variance(endpoint: str) -> tuple[float, float]:
    """Mean and variance of the time to an endpoint among those who come to it, clock reset."""
    if endpoint != "os":
        total, one, two = (moment(DENSITY[endpoint], k) for k in (0, 1, 2))
        return one / total, two / total - (one / total) ** 2
    # E[T] is the integral of survival and E[T^2] that of 2 t S(t): without BOS, then from BOS at u on
    stay, late = (moment(lambda t: alive_with_bos(RESET, 0.0, t), k) for k in (0, 1))
    one = moment(alive_without_bos, 0) + stay * moment(bos_density, 0)
    two = 2 * (moment(alive_without_bos, 1) + stay * moment(bos_density, 1) + late * moment(bos_density, 0))
    return one, two - one**2


def mean_time(counts: EndpointCounts) -> float:
    """Mean time to the event among those who have it, each in the middle of its step of the grid."""
    events = counts.counts[EVENT][:-1]
    return float((events * (counts.times - 0.5 / counts.steps_per_year)).sum() / events.sum())


@each_engine
@pytest.mark.parametrize("endpoint", TIMES)
def test_bos_times(engine: str, endpoint: str) -> None:
    """Quartiles and means of the times to BOS, to death without it and to death, among those who come to it."""
    e = evaluated(RESET, engine)
    counts = e.endpoint(endpoint, "no_bos_at_start")
    quartiles, printed = TIMES[endpoint]
    share = had(endpoint, LONG)
    n = e.n * share
    mean, variance = mean_and_variance(endpoint)
    assert mean == pytest.approx(printed, abs=4 * math.sqrt(variance / (4e6 * share)))
    assert_agrees(engine, mean_time(counts), mean, math.sqrt(variance / n), read_to=2e-4)
    for q, quartile in zip((0.25, 0.5, 0.75), quartiles, strict=True):
        exact = scipy.optimize.brentq(lambda t, q=q: had(endpoint, t) - q * share, 0.01, 20.0, xtol=1e-6)
        density = DENSITY[endpoint](exact) / share
        assert exact == pytest.approx(quartile, abs=4 * math.sqrt(q * (1 - q) / (4e6 * share)) / density + 5e-4)
        error = math.sqrt(q * (1 - q) / n) / density
        assert_agrees(engine, counts.time_among_events(q), exact, error, read_to=5e-4)
