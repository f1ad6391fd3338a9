"""Further sums, amounts of transitions and amounts by time to death: closed forms, in every engine that can."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import ScenarioError, UnsupportedError
from lmssim.execution.simulate import Sampling, simulate
from lmssim.execution.solve import solve_population
from lmssim.outcomes.tables import Results, summary
from tests.kit.models import (
    DEAD,
    event,
    exponential,
    fixed,
    frame,
    illness_death,
    move,
    plan,
    section,
    start,
    state,
    terminal,
    tick,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.model.program import Program
    from tests.conftest import Build

RATES = math.log(1.05), math.log(1.015)
"""Continuous rates of costs and of effects, which differ."""
EVERY = "outcomes = ['events', 'entries', 'ticks', 'transitions', 'years']"
INDIVIDUAL = ["compiled", "des"]
ENGINES = [*INDIVIDUAL, "cohort"]
WELL_ILL, WELL_DEAD, ILL_DEAD = 0.3, 0.1, 0.4


def _found(program: Program, engine: str, n: int = 1, seed: int = 1) -> dict[str, tuple[float, float]]:
    """Mean and standard error of every result under the first strategy."""
    sampling = Sampling(n_patients=n, seed=seed, engine=engine)
    estimates = solve_population(program, sampling) if engine == "cohort" else simulate(program, sampling)
    table = summary(Results(program, estimates, program.strategies))
    table = table[table["strategy"] == program.strategies[0]]
    numbers = table[["mean", "se"]].to_numpy(dtype=np.float64)
    return {str(name): (float(mean), float(se)) for name, (mean, se) in zip(table["outcome"], numbers, strict=True)}


def _discounted(rate: float, start: float, stop: float) -> float:
    return (math.exp(-rate * start) - math.exp(-rate * stop)) / rate


def _assert_means(found: Mapping[str, tuple[float, float]], right: Mapping[str, float], z: float = 0.0) -> None:
    for name, value in right.items():
        mean, se = found[name]
        assert abs(mean - value) <= max(z * se, 1e-6 * abs(value), 1e-9), (name, mean, value, se)


# === Counts, years and named sums ===


def _certain(more: str = "", settings: str = EVERY) -> str:
    """A stay of 2.5 years with yearly visits, one of 1.75 in which a cough is certain at entry, then death."""
    return (
        frame(rate=(0.05, 0.015), settings=settings)
        + plan("visit", 1.0)
        + event("cough", 1.0, cost={"total": 7.0})
        + start("first", duration=2.5, next="second", schedule=[tick("visit", cost={"total": 5.0})])
        + state("second", duration=1.75, next="dead", events=["cough"], cost_per_year={"total": 100.0})
        + DEAD
        + more
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_counts_of_a_certain_life(build: Build, engine: str) -> None:
    """Events, entries, ticks, transitions and years are counted; their discounted values follow the rate of effects."""
    rate = RATES[1]
    right = {
        "events:cough": 1.0,
        "events_discounted:cough": math.exp(-rate * 2.5),
        "entries:second": 1.0,
        "entries:dead": 1.0,
        "entries_discounted:dead": math.exp(-rate * 4.25),
        "ticks:visit": 2.0,
        "ticks_discounted:visit": math.exp(-rate) + math.exp(-2.0 * rate),
        "transitions:first->second": 1.0,
        "transitions_discounted:first->second": math.exp(-rate * 2.5),
        "years:first": 2.5,
        "years_discounted:first": _discounted(rate, 0.0, 2.5),
        "years_discounted:second": _discounted(rate, 2.5, 4.25),
    }
    found = _found(build(_certain()), engine)
    _assert_means(found, right)
    years = found["years_discounted:first"][0] + found["years_discounted:second"][0]
    assert years == pytest.approx(found["life_years"][0], rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_named_sum_adds_weighted_amounts(build: Build, engine: str) -> None:
    """Of costs, which are discounted as costs, and of counts and years."""
    sums = section(
        "outcomes.burden",
        unit="points",
        costs={"total": 0.01},
        events={"cough": 3},
        ticks={"visit": -0.5},
        years={"first": 2, "second": 1},
    )
    plain = 0.01 * (2 * 5.0 + 7.0 + 175.0) + 3 - 1 + 5 + 1.75
    costs, effects = RATES
    cost = 5.0 * (math.exp(-costs) + math.exp(-2 * costs)) + 7.0 * math.exp(-2.5 * costs)
    cost += 100.0 * _discounted(costs, 2.5, 4.25)
    counts = 3 * math.exp(-2.5 * effects) - 0.5 * (math.exp(-effects) + math.exp(-2 * effects))
    counts += 2 * _discounted(effects, 0.0, 2.5) + _discounted(effects, 2.5, 4.25)
    found = _found(build(_certain(sums, "")), engine)
    _assert_means(found, {"sum:burden": plain, "sum_discounted:burden": 0.01 * cost + counts, "cost": cost})


@pytest.mark.parametrize("engine", ENGINES)
def test_further_sums_change_no_other_result(build: Build, engine: str) -> None:
    """Bit for bit, terminal care that replaces costs included."""
    care = terminal("dead", window=1, cost={"total": 80}, excludes=["total"])
    text = frame(rate=(0.05, 0.015), settings=EVERY)
    model = (
        start("well", utility=0.9, cost_per_year={"total": 10}) + move("well", "dead", exponential(0.2)) + DEAD + care
    )
    without, found = (_found(build(t + model), engine, 300) for t in (text.replace(EVERY, ""), text))
    assert without == {name: found[name] for name in without}
    assert len(found) > len(without)


@pytest.mark.parametrize("engine", ["compiled", "cohort"])
def test_transitions_and_years_of_illness_and_death(build: Build, engine: str) -> None:
    """With constant hazards, years are 1 / hazard and transitions their shares; standard errors are the patients'."""
    text = frame(rate=(0.05, 0.015), settings=EVERY)
    text += illness_death(exponential(WELL_ILL), exponential(WELL_DEAD), exponential(ILL_DEAD))
    out, rate, ill = WELL_ILL + WELL_DEAD, RATES[1], WELL_ILL / (WELL_ILL + WELL_DEAD)
    right = {
        "transitions:well->ill": ill,
        "transitions:well->dead": 1.0 - ill,
        "transitions_discounted:well->ill": WELL_ILL / (out + rate),
        "transitions:ill->dead": ill,
        "years:well": 1.0 / out,
        "years:ill": ill / ILL_DEAD,
        "years_discounted:ill": WELL_ILL / (out + rate) / (ILL_DEAD + rate),
        "entries:ill": ill,
    }
    found = _found(build(text), engine, 20_000)
    if engine == "cohort":
        assert all(found[name][0] == pytest.approx(value, rel=1e-5) for name, value in right.items())
        return
    _assert_means(found, right, 3.5)
    mean, se = found["transitions:well->ill"]
    assert se == pytest.approx(math.sqrt(mean * (1.0 - mean) / 20_000), rel=1e-3)


def test_visits_of_a_detection_count_as_ticks(build: Build) -> None:
    """A plan that only finds a lesion runs too; the visit that finds it ends the stay, and is its transition."""
    model = (
        frame(settings=EVERY, horizon=10.25)
        + plan("scan", 1.0)
        + start("hidden")
        + state("found")
        + DEAD
        + move("hidden", "found", detection={"plan": "scan", "sensitivity": 0.5})
        + move("found", "dead", exponential(1.0))
    )
    found = sum(0.5**k for k in range(1, 11))
    right = {"ticks:scan": found, "transitions:hidden->found": found}
    exact = _found(build(model), "cohort")
    assert all(exact[name][0] == pytest.approx(value, rel=1e-6) for name, value in right.items())
    _assert_means(_found(build(model), "compiled", 20_000), right, 3.5)


def test_curves_have_years_and_ticks(build: Build) -> None:
    """A partitioned survival model counts years and entries; what it cannot count is not asked of it."""
    text = frame(rate=(0.05, 0.015), settings="outcomes = ['years', 'entries']")
    text += start("free") + state("progressed") + DEAD
    text += section("partitioned_survival", states=["free", "progressed", "dead"])
    for name, rate in (("pfs", 0.4), ("os", 0.1)):
        text += section(f"partitioned_survival.curves.{name}", hazard={"family": "exponential", "rate": rate})
    found, rate = _found(build(text), "cohort"), RATES[1]
    _assert_means(found, {"years:free": 2.5, "years:progressed": 7.5, "years_discounted:free": 1 / (0.4 + rate)})
    assert found["entries:dead"][0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("sums", "message"),
    [
        ({"events": {"caugh": 1}}, "Did you mean 'cough'"),
        ({"years": {"dead": 1}}, "'dead' is not a state in which patients stay"),
        ({"ticks": {"visits": 1}}, "Did you mean 'visit'"),
        ({"transitions": {"second -> first": 1}}, "outcomes.x.transitions"),
        ({"transitions": {"second": 1}}, "outcomes.x.transitions"),
        ({"costs": {"totals": 1}}, "Did you mean 'total'"),
        ({"costs": {"total": 1}, "events": {"cough": 1}}, "outcomes.x.unit: is needed"),
        ({"label": "nothing"}, "adds up nothing"),
    ],
)
def test_a_wrong_sum_is_refused(build: Build, sums: dict[str, object], message: str) -> None:
    """With its place, and the nearest name where one is wrong."""
    with pytest.raises(ScenarioError, match=message):
        build(_certain(section("outcomes.x", **sums)))


# === QALYs and costs of transitions ===


@pytest.mark.parametrize("engine", ENGINES)
def test_qalys_of_a_transition_fall_at_the_event(build: Build, engine: str) -> None:
    """They are a lump, discounted as effects at the time of the event."""
    text = frame(rate=(0.05, 0.015)) + start("well", utility=0.5) + DEAD
    text += move("well", "dead", fixed(2.0), qalys=-0.25, cost={"total": 10.0})
    rate = RATES[1]
    right = {
        "qalys": 0.5 * _discounted(rate, 0, 2) - 0.25 * math.exp(-2 * rate),
        "qalys_undiscounted": 0.75,
        "cost": 10 * math.exp(-2 * RATES[0]),
    }
    _assert_means(_found(build(text), engine), right)


def _in_cycles(correction: str, **more: object) -> str:
    cycles = section("cycles", length=1, correction=correction, **more)
    text = frame(rate=(0.05, 0.015), horizon=4.0, settings="outcomes = ['transitions']") + cycles
    text += start("well", utility=0.8) + DEAD
    return text + move("well", "dead", probability=0.2, qalys=-0.25, cost={"total": 10.0})


@pytest.mark.parametrize("corrects", [False, True])
@pytest.mark.parametrize(
    ("correction", "weights"),
    [
        ("half_cycle", [0.5, 1, 1, 1, 0.5]),
        ("start", [1, 1, 1, 1, 0]),
        ("end", [0, 1, 1, 1, 1]),
        ("simpson", [1 / 3, 4 / 3, 2 / 3, 4 / 3, 1 / 3]),
    ],
)
@pytest.mark.parametrize("engine", ["compiled", "cohort"])
def test_transitions_fall_under_the_correction_if_asked(
    build: Build, engine: str, correction: str, weights: list[float], corrects: bool
) -> None:
    """Weighted as the point at which their cycle ends, or paid once; their count is never corrected."""
    t = np.arange(5)
    well, gone = 0.8**t, np.concatenate([[0.0], 0.2 * 0.8 ** t[:-1]])
    w = np.array(weights)
    of_moves = w if corrects else np.ones(5)
    costs, effects = (np.exp(-rate * t) for rate in RATES)
    right = {
        "qalys": float((0.8 * w * well * effects).sum() - 0.25 * (of_moves * gone * effects).sum()),
        "qalys_undiscounted": float((0.8 * w * well).sum() - 0.25 * (of_moves * gone).sum()),
        "cost": float(10 * (of_moves * gone * costs).sum()),
        "cost_undiscounted": float(10 * (of_moves * gone).sum()),
        "transitions:well->dead": float(gone.sum()),
        "transitions_discounted:well->dead": float((gone * effects).sum()),
    }
    program = build(_in_cycles(correction, corrects_transitions=corrects))
    _assert_means(_found(program, engine, 20_000), right, 0.0 if engine == "cohort" else 3.5)


@pytest.mark.parametrize("engine", INDIVIDUAL)
def test_an_amount_may_accrue_over_the_stay_that_ends(build: Build, engine: str) -> None:
    """Per year of the stay, and only of the stay that ends in this transition; its count is one."""
    text = frame(rate=(0.05, 0.015), settings="outcomes = ['transitions']")
    text += start("first") + state("second") + DEAD + move("first", "second", fixed(1.0))
    text += move("second", "dead", fixed(2.0), cost={"total": 10.0}, qalys=-0.1, over_stay=True)
    costs, effects = (_discounted(rate, 1, 3) for rate in RATES)
    right = {
        "cost": 10 * costs,
        "cost_undiscounted": 20.0,
        "qalys": -0.1 * effects,
        "qalys_undiscounted": -0.2,
        "transitions:second->dead": 1.0,
    }
    _assert_means(_found(build(text), engine), right)


def test_an_amount_over_the_stay_depends_on_how_it_ends(build: Build) -> None:
    """With two ways out at constant hazards, the stays that end in one of them have the share of its hazard."""
    text = frame() + illness_death(exponential(WELL_ILL), exponential(WELL_DEAD), exponential(ILL_DEAD))
    text = text.replace(f"rate = {WELL_DEAD} }}", f"rate = {WELL_DEAD} }}\ncost = {{ total = 1.0 }}\nover_stay = true")
    out = WELL_ILL + WELL_DEAD
    _assert_means(_found(build(text), "compiled", 20_000), {"cost": WELL_DEAD / out / out}, 3.5)
    with pytest.raises(UnsupportedError, match=r"state 'well'.*over_stay.*'cohort'"):
        _found(build(text), "cohort")


def test_amounts_of_transitions_that_nothing_pays_are_refused(build: Build) -> None:
    """A silent transition pays nothing; what accrues needs an amount; in cycles nothing accrues over a stay."""
    text = frame() + start("well") + DEAD + move("well", "dead", exponential(0.1))
    with pytest.raises(ScenarioError, match="cost: a silent transition pays nothing"):
        build(text + move("well", None, exponential(0.1), mark="cough", cost={"total": 1.0}))
    with pytest.raises(ScenarioError, match="over_stay: needs `cost` or `qalys`"):
        build(text + move("well", "dead", exponential(0.1), name="again", over_stay=True))
    with pytest.raises(UnsupportedError, match=r"over_stay.*in cycles"):
        build(_in_cycles("end") + "over_stay = true\n")


# === By time to death ===


@pytest.mark.parametrize("engine", INDIVIDUAL)
@pytest.mark.parametrize("combine", ["multiplicative", "additive"])
def test_the_last_years_of_life_cost_and_lose(build: Build, engine: str, combine: str) -> None:
    """Cost per year and loss of utility within years before death, over states, and no earlier than time zero."""
    care = terminal(
        "dead",
        before_death=[
            {"years": 1.0, "cost_per_year": {"total": 100.0}, "utility_loss": 0.2},
            {"years": 0.25, "utility_loss": 0.5},
            {"years": 9.0, "cost_per_year": {"total": 1.0}},
        ],
    )
    text = frame(rate=(0.05, 0.015)) + section("utilities", combine=combine)
    text += start("first", duration=1.5, next="second", utility=0.9) + state("second", utility=0.8) + DEAD + care
    text += move("second", "dead", fixed(0.5))
    both = 0.8 * 0.8 * 0.5 if combine == "multiplicative" else 0.8 - 0.7
    one, other = (0.9 * 0.8, 0.8 * 0.8) if combine == "multiplicative" else (0.7, 0.6)
    spans = [(0.9, 0.0, 1.0), (one, 1.0, 1.5), (other, 1.5, 1.75), (both, 1.75, 2.0)]
    costs, effects = RATES
    right = {
        "qalys": sum(u * _discounted(effects, *span) for u, *span in spans),
        "qalys_undiscounted": sum(u * (stop - start) for u, start, stop in spans),
        "cost": 100 * _discounted(costs, 1.0, 2.0) + _discounted(costs, 0.0, 2.0),
        "cost_undiscounted": 102.0,
    }
    _assert_means(_found(build(text), engine), right)


def test_the_last_years_are_those_before_a_death_within_the_horizon(build: Build) -> None:
    """Whoever lives at the horizon pays nothing; others for the shorter of their life and the years."""
    care = terminal("dead", before_death=[{"years": 1.0, "cost_per_year": {"total": 1.0}}])
    text = frame(horizon=5.0) + start("well") + DEAD + move("well", "dead", exponential(0.3)) + care
    right = (1 - math.exp(-0.3)) / 0.3 - math.exp(-0.3) + math.exp(-0.3) - math.exp(-1.5)
    _assert_means(_found(build(text), "compiled", 20_000), {"cost": right}, 3.5)


def test_amounts_by_time_to_death_are_refused_where_they_cannot_be(build: Build) -> None:
    """By engine cohort, and where they would read the time; two entries for one death are one too many."""
    care = {"years": 1.0, "utility_loss": 0.1}
    text = frame() + start("well", utility=1) + DEAD + move("well", "dead", exponential(0.3))
    with pytest.raises(UnsupportedError, match=r"before_death.*'cohort'"):
        _found(build(text + terminal("dead", before_death=[care])), "cohort")
    with pytest.raises(UnsupportedError, match=r"before_death\[1\]: may not depend on age, time or a clock"):
        build(text + terminal("dead", before_death=[{**care, "utility_loss": "0.1 + age / 1000"}]))
    with pytest.raises(ScenarioError, match="has terminal care already"):
        build(text + terminal("dead", before_death=[care]) + terminal("dead", cost={"total": 1.0}))
    with pytest.raises(ScenarioError, match="window: is needed beside `excludes`"):
        build(text + terminal("dead", excludes=["total"]))
