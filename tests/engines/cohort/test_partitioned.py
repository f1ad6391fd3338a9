"""Partitioned survival against closed forms, quadrature, and the multistate models that say the same."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from lmssim.engines.cohort.partitioned import PartitionedResult, cap_names, solve_partitioned
from lmssim.errors import InputError, UnsupportedError
from lmssim.execution.simulate import ENGINES
from lmssim.kernels.rewards import (
    COST,
    COST_UNDISCOUNTED,
    LY,
    LY_UNDISCOUNTED,
    QALY,
    QALY_UNDISCOUNTED,
    STATE_COST,
    STATE_YEARS,
)
from lmssim.kernels.tally import CENSORED, COMPETING, EVENT
from lmssim.model.compile import compile_scenario
from lmssim.studies.trace import trace
from tests.kit.models import (
    DEAD,
    OS,
    Entries,
    alive_dead,
    attributes,
    covariate,
    curves,
    endpoint,
    exponential,
    fixed,
    frame,
    law,
    move,
    plan,
    section,
    start,
    state,
    strategy,
    terminal,
    tick,
    weibull,
)
from tests.kit.plain import category, estimate, sums
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmssim.model.program import Program
    from tests.conftest import Build


CLOSE = 1e-9


def two_curves(pfs: str, os: str, free: Entries | None = None, progressed: Entries | None = None, **more: Any) -> str:
    """Progression-free, progressed, dead; the arguments say more of both states and of the curves."""
    return (
        start("free", utility=0.8, **(free or {}))
        + state("progressed", utility=0.5, **(progressed or {}))
        + DEAD
        + curves({"pfs": pfs, "os": os}, states=["free", "progressed", "dead"], **more)
    )


def one_curve(hazard: str, of_curve: str = "", alive: Entries | None = None, **more: Any) -> str:
    """Alive, then dead; the arguments say more of the curve, of the state and of all curves."""
    states = start("alive", **({"utility": 1} | (alive or {}))) + DEAD
    return states + curves({"os": hazard}, states=["alive", "dead"], **more) + of_curve + "\n"


def solve(program: Program, n: int = 1) -> PartitionedResult:
    """Base case of the first patients."""
    return solve_partitioned(program, program.numbers()[0], program.patients(0, n, 1))


def survival(program: Program, time: float, curve: int = 0, strategy: int = 0, patient: int = 0) -> float:
    """Share alive at a time on the grid, from the endpoint of that number."""
    steps = solve(program, patient + 1).endpoint[patient, strategy, curve, EVENT]
    return 1.0 - float(steps[: round(16 * time) + 1].sum())


PFS = endpoint("pfs", "progressed")


def annuity(rate: float, horizon: float) -> float:
    """Integral of exp(-rate t) from 0 to the horizon."""
    return -math.expm1(-rate * horizon) / rate


# === Closed forms ===

A, B, T = 0.8, 0.3, 17.3
R_COSTS, R_EFFECTS = 0.04, 0.02
SETTINGS = "discounting = 'continuous_rate'\ncost_categories = ['care', 'drug']"


def _exponentials(build: Build, more: str = "", **of_states: Entries) -> Program:
    text = frame(T, rate=(R_COSTS, R_EFFECTS), settings=SETTINGS)
    return build(text + two_curves(exponential(A), exponential(B), **of_states) + more)


def test_years_and_qalys_of_two_exponentials(build: Build) -> None:
    """Life-years are the integral of overall survival; QALYs weigh its parts; state years are differences."""
    result = solve(_exponentials(build))
    outcomes, state = result.outcomes[0, 0], result.state[0, 0]
    for rate, ly, qaly in ((R_EFFECTS, LY, QALY), (0.0, LY_UNDISCOUNTED, QALY_UNDISCOUNTED)):
        inner, outer = annuity(A + rate, T), annuity(B + rate, T)
        assert outcomes[ly] == pytest.approx(outer, rel=CLOSE)
        assert outcomes[qaly] == pytest.approx(0.8 * inner + 0.5 * (outer - inner), rel=CLOSE)
    assert state[:, STATE_YEARS] == pytest.approx([annuity(A, T), annuity(B, T) - annuity(A, T), 0.0], rel=CLOSE)
    assert (result.error <= 1e-9).all()
    assert result.caps is not None
    assert result.caps.sum() == 0.0


def test_costs_of_two_exponentials(build: Build) -> None:
    """Costs per year, at entry (on the fall of the curve), of ticks, of limited time and at death."""
    program = _exponentials(
        build,
        terminal("dead", window=0, cost={"care": 60}, excludes=[])
        + plan("cycles", 0.06, origin="entry", first=0, max=6)
        + plan("scans", 0.5, origin="model"),
        free={
            "cost_per_year": {"care": 100},
            "entry_cost": {"drug": 7},
            "limited": [{"years": 0.7, "cost_per_year": {"drug": 50}}],
            "schedule": [tick("cycles", cost={"drug": 10})],
        },
        progressed={
            "cost_per_year": {"care": 300},
            "entry_cost": {"care": 40},
            "entry_utility": -0.1,
            "schedule": [tick("scans", cost={"care": 5})],
        },
    )
    outcomes = solve(program).outcomes[0, 0]
    for rate, discounted in ((R_COSTS, True), (0.0, False)):
        inner, outer = annuity(A + rate, T), annuity(B + rate, T)
        scans = np.arange(0.5, T, 0.5)
        seen = ((np.exp(-B * scans) - np.exp(-A * scans)) * np.exp(-rate * scans)).sum()
        care = 100 * inner + 300 * (outer - inner) + 40 * A * inner + 60 * B * outer + 5 * seen
        cycles = 0.06 * np.arange(6)
        drug = 7 + 50 * annuity(A + rate, 0.7) + 10 * np.exp(-(A + rate) * cycles).sum()
        assert outcomes[category(program, "care", discounted=discounted)] == pytest.approx(care, rel=CLOSE)
        assert outcomes[category(program, "drug", discounted=discounted)] == pytest.approx(drug, rel=CLOSE)
        assert outcomes[COST if discounted else COST_UNDISCOUNTED] == pytest.approx(care + drug, rel=CLOSE)
    assert solve(program).state[0, 0, :, STATE_COST].sum() == pytest.approx(outcomes[COST], rel=CLOSE)
    inner, outer = annuity(A + R_EFFECTS, T), annuity(B + R_EFFECTS, T)
    assert outcomes[QALY] == pytest.approx(0.8 * inner + 0.5 * (outer - inner) - 0.1 * A * inner, rel=CLOSE)


def test_entries_occupancy_and_endpoints_of_two_exponentials(build: Build) -> None:
    """Whoever falls from a curve enters the next state; counts stand on the grids of the individual engines."""
    program = _exponentials(build, OS + PFS)
    result = solve(program)
    left = np.exp([-A * T, -B * T])
    np.testing.assert_allclose(result.entries[0, 0, :, 0], [1.0, 1 - left[0], 1 - left[1]], rtol=CLOSE)
    times = np.arange(70) / 4
    share = result.occupancy[0, 0].cumsum(axis=1)[:, :-1]
    expected = np.array([np.exp(-A * times), np.exp(-B * times) - np.exp(-A * times), 1 - np.exp(-B * times)])
    np.testing.assert_allclose(share[:, :70], expected, atol=1e-12)
    np.testing.assert_allclose(share[:, 70], [0, 0, 1 - left[1]], atol=1e-12)
    np.testing.assert_allclose(result.occupancy.sum(axis=3), 0.0, atol=1e-12)
    for e, (rate, last) in enumerate(zip((B, A), left[::-1], strict=True)):
        counts = result.endpoint[0, 0, e]
        assert counts.sum() == pytest.approx(1.0)
        assert counts[EVENT].cumsum()[32] == pytest.approx(1 - math.exp(-2 * rate), rel=CLOSE)
        assert counts[CENSORED].sum() == pytest.approx(last, rel=CLOSE)
        assert counts[COMPETING].sum() == 0.0


def test_more_curves_than_two(build: Build) -> None:
    """Four states between three curves."""
    names = ["one", "two", "three", "dead"]
    rates = {"first": 0.9, "second": 0.5, "os": 0.2}
    hazards = {name: exponential(rate) for name, rate in rates.items()}
    text = start("one") + state("two") + state("three") + DEAD + curves(hazards, states=names)
    years = solve(build(frame(10.0) + text)).state[0, 0, :, STATE_YEARS]
    a, b, c = (annuity(rate, 10.0) for rate in rates.values())
    np.testing.assert_allclose(years, [a, b - a, c - b, 0.0], rtol=CLOSE)


# === Families, effects, clocks ===

SIZE = covariate("size", "constant", value=3)
LOG_LOGISTIC = scipy.stats.fisk(2.0, scale=3.0)
CASES: dict[str, tuple[str, str, Callable[[float], float]]] = {
    "weibull, infinite hazard at first": (
        weibull(0.6, 4),
        "",
        lambda t: math.exp(-((t / 4) ** 0.6)),
    ),
    "hazard ratio": (
        weibull(1.3, 4),
        "effects.size = 0.2",
        lambda t: math.exp(-math.exp(0.6) * (t / 4) ** 1.3),
    ),
    "time ratio": (
        law("log_normal", meanlog=0.5, sdlog=0.8),
        "effects.size = { value = 0.2, on = 'time' }",
        lambda t: float(scipy.stats.lognorm(0.8, scale=math.exp(0.5 + 0.6)).sf(t)),
    ),
    "mixture cure": (
        law("log_logistic", shape=2, scale=3, cure=0.3),
        "",
        lambda t: 0.3 + 0.7 * float(LOG_LOGISTIC.sf(t)),
    ),
    "hazard ratio of those not cured": (
        law("log_logistic", shape=2, scale=3, cure="0.1 * size"),
        "effects.size = -0.2",
        lambda t: 0.3 + 0.7 * float(LOG_LOGISTIC.sf(t)) ** math.exp(-0.6),
    ),
    "piecewise": (
        law("piecewise_exponential", starts=[0, 0.7, 2.1], rates=[0.1, 0.5, 0.2]),
        "",
        lambda t: math.exp(-0.1 * min(t, 0.7) - 0.5 * min(max(t - 0.7, 0), 1.4) - 0.2 * max(t - 2.1, 0)),
    ),
    "fixed delay": (fixed(2.03), "", lambda t: float(t < 2.03)),
    "late and waning effect": (
        exponential(0.4),
        "effects.size = { value = -0.3, delay = 0.51, full = 1, wane = 0.5, steps = 1 }",
        lambda t: math.exp(
            -0.4
            * (
                min(t, 0.51)
                + math.exp(-0.9) * min(max(t - 0.51, 0), 1.0)
                + math.exp(-0.45) * min(max(t - 1.51, 0), 0.5)
                + max(t - 2.01, 0)
            )
        ),
    ),
    "by age": (
        law("gompertz", shape=0.1, rate=0.0005, clock="age"),
        "",
        lambda t: math.exp(-0.0005 / 0.1 * (math.exp(0.1 * (60 + t)) - math.exp(6))),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_curve_is_the_survival_of_its_family(build: Build, name: str) -> None:
    """Survival on the grid, and its integral, with effects, cure and clocks."""
    hazard, effects, exact = CASES[name]
    program = build(frame(6.0, covariates=SIZE) + one_curve(hazard, effects) + OS)
    for time in (0.25, 1.0, 2.0, 2.5, 5.0):
        assert survival(program, time) == pytest.approx(exact(time), abs=1e-12)
    kinks = [0.51, 0.7, 1.51, 2.01, 2.03, 2.1]
    years = scipy.integrate.quad(exact, 0, 6, points=kinks, limit=300, epsabs=1e-12, epsrel=1e-12)[0]
    result = solve(program)
    assert result.outcomes[0, 0, LY_UNDISCOUNTED] == pytest.approx(years, rel=1e-8)
    assert abs(result.outcomes[0, 0, LY_UNDISCOUNTED] - years) <= result.error[0, 0, LY_UNDISCOUNTED] + 1e-9


def test_strategies_set_parameters_and_attributes_act(build: Build) -> None:
    """A strategy's `set`, and an effect of an attribute set at the start."""
    text = frame(5.0, strategies=strategy("old", set={"loghr": 0}) + strategy("new")) + attributes(treated="flag")
    text += one_curve(exponential(0.5), "effects.treated = 'loghr'", {"set": {"treated": True}}) + OS
    program = build(text, {"loghr": -0.7})
    assert survival(program, 2.0, strategy=0) == pytest.approx(math.exp(-1.0))
    assert survival(program, 2.0, strategy=1) == pytest.approx(math.exp(-math.exp(-0.7)))


# === Crossing ===

RISING = weibull(2, 4)


def test_curves_that_cross_are_refused(build: Build) -> None:
    """The message names curves, strategy, time, values and draw."""
    text = frame(20.0, strategies=strategy("one", set={"rate": 2}) + strategy("two"))
    program = build(text + two_curves(exponential("rate"), RISING), {"rate": 0.5})
    with pytest.raises(
        InputError, match=r"curves\.pfs \(strategy 'two'\): lies above 'os' from 8\.0\d* years"
    ) as error:
        solve_partitioned(program, program.numbers()[0], program.patients(0, 1, 1), draw=4)
    assert "(draw 4)" in str(error.value)
    assert "above" in str(error.value).split("years:")[1]


def test_curves_that_cross_are_capped_and_reported(build: Build) -> None:
    """From 8 years on the inner curve is the outer one; the years of capping are counted, and what is cut off."""
    program = build(frame(20.0) + two_curves(exponential(0.5), RISING, crossing="cap") + OS + PFS)
    result = solve(program)
    outer = 4 * math.sqrt(math.pi) / 2 * math.erf(5)
    tail = 4 * math.sqrt(math.pi) / 2 * (math.erf(5) - math.erf(2))
    np.testing.assert_allclose(
        result.state[0, 0, :, STATE_YEARS], [annuity(0.5, 8) + tail, outer - annuity(0.5, 8) - tail, 0], rtol=1e-7
    )
    assert result.caps is not None
    years, cut, most = result.caps[0, 0, 0]
    assert years == pytest.approx(12.0, abs=2e-3)
    at = np.linspace(8, 20, 200_001)
    assert most == pytest.approx((np.exp(-0.5 * at) - np.exp(-((at / 4) ** 2))).max(), rel=1e-4)
    assert cut == pytest.approx(annuity(0.5, 20) - annuity(0.5, 8) - tail, rel=1e-5)
    assert cap_names(program) == [("pfs", "os")]
    assert survival(program, 10.0, curve=1) == pytest.approx(math.exp(-6.25), abs=1e-12)


# === Background mortality as a floor ===

TABLE = "age,m\n0,0.005\n62,0.05\n70,0.3\n"
MORTALITY = section("mortality", table="life.csv", measure="m", keys={})


def _floored(build: Build, tmp_path: Path, hazard: str, **more: Any) -> Program:
    (tmp_path / "life.csv").write_text(TABLE)
    return build(frame(15.0, age=60.5) + one_curve(hazard, background="floor", **more) + MORTALITY + OS)


def test_the_hazard_is_at_least_the_background(build: Build, tmp_path: Path) -> None:
    """A constant hazard between those of the life table's bands, which change at ages 62 and 70."""
    program = _floored(build, tmp_path, exponential(0.01))
    for time, hazard in ((1.0, 0.01), (1.5, 0.015), (4.0, 0.015 + 2.5 * 0.05), (12.0, 0.015 + 8 * 0.05 + 2.5 * 0.3)):
        assert survival(program, time) == pytest.approx(math.exp(-hazard), rel=1e-10)


def test_the_floor_is_multiplied(build: Build, tmp_path: Path) -> None:
    """Three times the background."""
    program = _floored(build, tmp_path, exponential(0.01), multiplier=3)
    assert survival(program, 4.0) == pytest.approx(math.exp(-1.5 * 0.015 - 2.5 * 0.15), rel=1e-10)


def test_a_falling_hazard_meets_the_floor_within_a_band(build: Build, tmp_path: Path) -> None:
    """Weibull of shape 1/2: the hazard falls to 0.05 between two nodes, where the floor takes over until it is 0.3."""
    program = _floored(build, tmp_path, weibull(0.5, 24))
    meet = 100 / 24
    before = math.sqrt(meet / 24)
    assert survival(program, 3.0) == pytest.approx(math.exp(-math.sqrt(3 / 24)), rel=1e-9)
    assert survival(program, 9.0) == pytest.approx(math.exp(-before - (9 - meet) * 0.05), rel=1e-9)
    assert survival(program, 10.5) == pytest.approx(math.exp(-before - (9.5 - meet) * 0.05 - 0.3), rel=1e-9)


def test_the_floor_holds_for_every_curve(build: Build, tmp_path: Path) -> None:
    """All curves end at death, so that nobody is left progression-free for longer than people live."""
    (tmp_path / "life.csv").write_text(TABLE)
    text = two_curves(exponential(0.02), exponential(0.01), background="floor")
    result = solve(build(frame(15.0, age=70.0) + text + MORTALITY))
    np.testing.assert_allclose(result.state[0, 0, :, STATE_YEARS], [annuity(0.3, 15.0), 0, 0], atol=1e-9)


# === Utilities that follow the norm ===


@pytest.mark.parametrize("combine", ["multiplicative", "additive"])
def test_utility_follows_the_norm(build: Build, tmp_path: Path, combine: str) -> None:
    """QALYs by quadrature over the norm by year of age, with a loss for the first 1.3 years."""
    (tmp_path / "norms.csv").write_text("age,utility\n0,0.9\n61,0.8\n64,0.7\n")
    text = two_curves(exponential(A), exponential(B), free={"limited": [{"years": 1.3, "utility_loss": 0.2}]})
    norms = section("utilities", norms="norms.csv", keys={}, combine=combine)
    result = solve(build(frame(8.0, rate=0.03, age=60.5) + text + norms))

    def worth(t: float) -> float:
        norm = 0.9 if t < 0.5 else (0.8 if t < 3.5 else 0.7)
        inner, outer = math.exp(-A * t), math.exp(-B * t)
        if combine == "additive":
            free = norm - 0.2 - (0.2 if t < 1.3 else 0.0)
            return math.exp(-math.log(1.03) * t) * (inner * free + (outer - inner) * (norm - 0.5))
        free = 0.8 * norm * (0.8 if t < 1.3 else 1.0)
        return math.exp(-math.log(1.03) * t) * (inner * free + (outer - inner) * 0.5 * norm)

    exact = scipy.integrate.quad(worth, 0, 8, points=[0.5, 1.3, 3.5], limit=200, epsabs=1e-12)[0]
    assert result.outcomes[0, 0, QALY] == pytest.approx(exact, rel=1e-9)


# === Against individual histories ===

WEIBULL = weibull(1.3, 4)
MIXED = covariate("size", "normal", mean=3, sd=1, low=0, high=6)


def test_one_curve_counts_as_individual_histories_do(build: Build) -> None:
    """Endpoints, occupancy, entries and outcomes of alive-dead: means over profiles, within 4 standard errors."""
    head = frame(7.3, rate=0.035, covariates=MIXED)
    curve = build(head + one_curve(WEIBULL, "effects.size = 0.2") + OS)
    lives = build(head + alive_dead(WEIBULL, "effects.size = 0.2") + OS)
    result, simulated = solve(curve, 300), estimate(lives, 100_000, seed=5)
    pairs = (
        (result.endpoint, simulated.counts.endpoint),
        (result.occupancy.cumsum(axis=3), simulated.counts.occupancy.cumsum(axis=2)),
        (result.entries, simulated.counts.entries),
    )
    for expected, counts in pairs:
        share = expected.mean(axis=0)
        spread = expected.std(axis=0) / math.sqrt(len(expected))
        error = np.hypot(np.sqrt(np.abs(share * (1 - share)) / simulated.n), spread)
        assert share.shape == counts.shape
        assert (np.abs(share - counts / simulated.n) <= 4.5 * error + 1e-9).all()
    for outcome in (LY, QALY, LY_UNDISCOUNTED):
        spread = result.outcomes[:, 0, outcome].std() / math.sqrt(300)
        error = math.hypot(simulated.standard_error()[0, 0, outcome], spread)
        assert abs(result.outcomes[:, 0, outcome].mean() - simulated.mean[0, 0, outcome]) < 4 * error


MULTISTATE = (
    start("free", utility=0.8, cost_per_year={"total": 1000})
    + state("progressed", utility=0.5, cost_per_year={"total": 3000})
    + DEAD
    + move("free", "progressed", weibull(1.4, 2))
    + move(["free", "progressed"], "dead", weibull(1.4, 5, clock="model"))
)


def test_equals_the_multistate_model_where_both_agree(build: Build) -> None:
    """Death does not know of progression: survival is death's Weibull, progression-free survival that of both."""
    both = (2**-1.4 + 5**-1.4) ** (-1 / 1.4)
    curves = two_curves(
        weibull(1.4, both),
        weibull(1.4, 5),
        free={"cost_per_year": {"total": 1000}},
        progressed={"cost_per_year": {"total": 3000}},
    )
    head = frame(12.0, rate=0.035)
    result, simulated = solve(build(head + curves)), estimate(build(head + MULTISTATE), 200_000, seed=6)
    for outcome in (LY, QALY, COST, LY_UNDISCOUNTED, QALY_UNDISCOUNTED, COST_UNDISCOUNTED):
        error = simulated.standard_error()[0, 0, outcome]
        assert abs(result.outcomes[0, 0, outcome] - simulated.mean[0, 0, outcome]) < 4 * error
    share = result.occupancy[0, 0].cumsum(axis=1)
    error = np.sqrt(np.abs(share * (1 - share)) / simulated.n)
    counted = simulated.counts.occupancy[0].cumsum(axis=1) / simulated.n
    assert (np.abs(share - counted) <= 4.5 * error + 1e-9).all()


# === The engines, and the example ===


def test_individual_engines_refuse(build: Build) -> None:
    """There are no individual histories, in chunks, block by block, or one alone."""
    program = build(frame() + one_curve(WEIBULL))
    with pytest.raises(UnsupportedError, match="no individual histories: --engine cohort"):
        estimate(program, 10)
    for name, engine in ENGINES.items():
        with pytest.raises(UnsupportedError, match="no individual histories"):
            sums(program, engine=name)
        with pytest.raises(UnsupportedError, match="no individual histories"):
            next(engine.simulate(program, 0, 1, program.numbers()[0], 1))
    with pytest.raises(UnsupportedError, match="no individual histories"):
        trace(program.scenario, 0)


def test_a_value_computed_for_a_patient_is_checked(build: Build) -> None:
    """A utility above 1 is refused by its place in the file."""
    text = frame(covariates=SIZE) + one_curve(WEIBULL, alive={"utility": "0.4 * size"})
    with pytest.raises(InputError, match=r"states\.alive\.utility: 1\.2, as computed for a patient, is not a utility"):
        solve(build(text))


def test_the_example() -> None:
    """Survival never exceeds the general population's, and would without the floor; figures are exact to 1e-6."""
    program = bundled_program("partitioned")
    x = program.patients(0, 1, 1)
    life = program.scenario.life
    assert life is not None
    horizon = program.scenario.file.settings.horizon
    base = solve_partitioned(program, program.numbers()[0], x)
    assert (base.error <= 1e-6 * np.maximum(base.outcomes, 1.0)).all()
    assert (np.diff(base.outcomes[0, :, [LY, QALY, COST]]) > 0).all()
    starts, hazards, _ = life.intervals(int(x[0, -2]))
    times = np.arange(16 * horizon + 1) / 16
    edges = np.clip(starts - 58.0, 0.0, None)
    general = np.exp(-np.array([(np.diff(np.append(edges, 99.0).clip(max=t)) * hazards).sum() for t in times]))
    draws = program.sample(5, seed=3)
    for draw, numbers in enumerate(program.numbers(draws)):
        result = solve_partitioned(program, numbers, x, draw)
        alive = 1.0 - result.endpoint[0, :, 0, EVENT].cumsum(axis=1)[:, :-1]
        assert (alive <= general + 1e-9).all()
        assert (result.state[0, :, :, STATE_YEARS] >= 0).all()
    spec = program.scenario.file.partitioned_survival
    assert spec is not None
    bare = spec.model_copy(update={"background": "none"})
    scenario = replace(program.scenario, file=program.scenario.file.model_copy(update={"partitioned_survival": bare}))
    free = compile_scenario(scenario)
    assert (solve_partitioned(free, free.numbers()[0], x).outcomes[0, :, LY] > base.outcomes[0, :, LY] + 0.005).all()
