"""What histories are worth: lives in which nothing is left to chance, against sums written out by hand."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.integrate

from lmssim.errors import InputError, ScenarioError
from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import (
    COST,
    COST_UNDISCOUNTED,
    LY,
    LY_UNDISCOUNTED,
    N_MAIN,
    QALY,
    QALY_UNDISCOUNTED,
)
from tests.kit.models import (
    DEAD,
    TERMINAL,
    Entries,
    attributes,
    branch,
    categorical,
    chance,
    covariate,
    event,
    exponential,
    fixed,
    frame,
    move,
    plan,
    section,
    start,
    state,
    terminal,
    tick,
)
from tests.kit.plain import category, estimate, worth

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Build


COSTS = "cost_categories = ['drug', 'care', 'end']"


def _years(rate: float, start: float, stop: float) -> float:
    return stop - start if rate == 0 else (math.exp(-rate * start) - math.exp(-rate * stop)) / rate


def _two(first: Entries, second: Entries, more: str = "", then: str = "dead") -> str:
    """A stay of 2.5 years, one of 1.75, and then death; the arguments say more of both states."""
    states = start("first", duration=2.5, next="second", **first) + state("second", duration=1.75, next=then, **second)
    return states + more + DEAD


# === Discounting ===


@pytest.mark.parametrize("convention", ["continuous_annual", "continuous_rate"])
@pytest.mark.parametrize(("costs", "effects"), [(0.035, 0.035), (0.05, 0.015), (0.0, 0.03), (0.035, 0.0), (0.0, 0.0)])
def test_rates_of_stays(build: Build, convention: str, costs: float, effects: float) -> None:
    """Life-years, QALYs and costs per year of two stays, discounted from time 0 at rates of their own."""
    text = frame(rate=(costs, effects), settings=f"{COSTS}\ndiscounting = '{convention}'\n")
    first = {"utility": 0.8, "cost_per_year": {"drug": 1000, "care": 200}}
    program = build(text + _two(first, {"utility": 0.5, "cost_per_year": {"care": 300}}))
    rc, re = ((math.log1p(r) if convention == "continuous_annual" else r) for r in (costs, effects))
    out = worth(program)[0]
    assert out[LY] == pytest.approx(_years(re, 0, 4.25), rel=1e-13)
    assert out[QALY] == pytest.approx(0.8 * _years(re, 0, 2.5) + 0.5 * _years(re, 2.5, 4.25), rel=1e-13)
    drug, care = 1000 * _years(rc, 0, 2.5), 200 * _years(rc, 0, 2.5) + 300 * _years(rc, 2.5, 4.25)
    assert out[COST] == pytest.approx(drug + care, rel=1e-13)
    assert out[category(program, "drug", discounted=True)] == pytest.approx(drug, rel=1e-13)
    assert out[category(program, "care", discounted=True)] == pytest.approx(care, rel=1e-13)
    assert out[LY_UNDISCOUNTED] == pytest.approx(4.25, rel=1e-14)
    assert out[QALY_UNDISCOUNTED] == pytest.approx(2.875, rel=1e-14)
    assert out[COST_UNDISCOUNTED] == pytest.approx(3525, rel=1e-14)
    assert out[category(program, "care")] == pytest.approx(1025, rel=1e-14)


def test_horizon_cuts_rewards(build: Build) -> None:
    """A stay that the horizon cuts counts up to it."""
    out = worth(build(frame(3.0, rate=0.04) + _two({"utility": 1}, {"utility": 1})))[0]
    assert out[LY] == out[QALY] == pytest.approx(_years(math.log(1.04), 0, 3), rel=1e-13)


# === Lump sums ===


def test_entry_and_transition_costs(build: Build) -> None:
    """Paid once, discounted at their moment; entry at time 0 at full weight; entry utility too."""
    text = _two(
        {"entry_cost": {"care": 500}},
        {"entry_cost": {"care": 700, "drug": 20}, "entry_utility": -0.05},
        chance("fork", branch("dead"), entry_cost={"drug": 11}),
        then="fork",
    )
    program = build(frame(rate=0.04, settings=COSTS) + text)
    out = worth(program)[0]
    assert out[COST] == pytest.approx(500 + 720 * 1.04**-2.5 + 11 * 1.04**-4.25, rel=1e-13)
    assert out[COST_UNDISCOUNTED] == pytest.approx(1231)
    assert out[QALY] == pytest.approx(-0.05 * 1.04**-2.5, rel=1e-13)
    assert out[QALY_UNDISCOUNTED] == pytest.approx(-0.05)
    paid = (
        start("a")
        + move("a", "dead", fixed(3.5), cost={"end": 900})
        + move("a", "dead", fixed(9), name="never", cost={"end": 1e6})
    )
    out = worth(build(frame(rate=0.04, settings=COSTS) + paid + DEAD))[0]
    assert out[COST] == pytest.approx(900 * 1.04**-3.5, rel=1e-13)


@pytest.mark.parametrize(("duration", "ticks"), [(1.0, 6), (0.2, 4), (6 * 3 / 52, 6), (5 * 3 / 52, 5)])
def test_cycles_every_three_weeks(build: Build, duration: float, ticks: int) -> None:
    """At most six cycles from the start on, stopped by leaving; each discounted at its own moment."""
    text = (
        plan("cycle", "3 / 52", first=0, max=6)
        + start("wait", duration=0.4, next="chemo")
        + state("chemo", duration=duration, next="dead", schedule=[tick("cycle", cost={"drug": 1500, "care": 300})])
    )
    program = build(frame(rate=0.035, settings=COSTS) + text + DEAD)
    out = worth(program)[0]
    assert out[category(program, "drug")] == pytest.approx(1500 * ticks)
    assert out[category(program, "care", discounted=True)] == pytest.approx(
        300 * sum(1.035 ** -(0.4 + k * 3 / 52) for k in range(ticks)), rel=1e-12
    )


def test_costs_may_depend_on_age_and_clock(build: Build) -> None:
    """An expression is read when the stay begins; `age` moves on where the covariate of age at 0 has another name."""
    second = {"cost_per_year": {"care": "100 * time + age"}, "entry_cost": {"drug": "age"}}
    text = _two({"cost_per_year": {"care": "10 * age"}}, second)
    whole = (frame(settings=COSTS) + text).replace(
        "covariates.age =", 'age = "age_at_start"\ncovariates.age_at_start ='
    )
    out = worth(build(whole))[0]
    assert out[COST_UNDISCOUNTED] == pytest.approx(600 * 2.5 + (250 + 62.5) * 1.75 + 62.5, rel=1e-13)


# === Limited rewards and losses of utility ===


def test_limited_cost_and_loss(build: Build) -> None:
    """For half a year after entry; cut by leaving."""
    limited = {"cost_per_year": {"care": 400}, "utility_loss": 0.2}
    first = {"limited": [{"years": 0.5, **limited}], "utility": 0.9}
    second = {"limited": [{"years": 9, **limited}], "utility": 0.5}
    out = worth(build(frame(rate=0.035, settings=COSTS) + _two(first, second)))[0]
    r = math.log(1.035)
    assert out[COST] == pytest.approx(400 * (_years(r, 0, 0.5) + _years(r, 2.5, 4.25)), rel=1e-12)
    expected = 0.9 * (_years(r, 0, 2.5) - 0.2 * _years(r, 0, 0.5)) + 0.5 * 0.8 * _years(r, 2.5, 4.25)
    assert out[QALY] == pytest.approx(expected, rel=1e-12)
    assert out[QALY_UNDISCOUNTED] == pytest.approx(0.9 * (2.5 - 0.1) + 0.4 * 1.75, rel=1e-12)


@pytest.mark.parametrize(
    ("combine", "stops", "expected"),
    [
        # first 0-2.5, second 2.5-4.25 at utility 0.8; a until 1, b until 3
        ("multiplicative", False, 0.8 * (0.63 * 1 + 0.9 * 2 + 1.25)),
        ("additive", False, 0.4 * 1 + 0.7 * 2 + 0.8 * 1.25),
        ("multiplicative", True, 0.8 * (0.63 * 1 + 0.9 * 1.5 + 1.75)),
        ("additive", True, 0.4 * 1 + 0.7 * 1.5 + 0.8 * 1.75),
    ],
)
def test_overlapping_losses(build: Build, combine: str, stops: bool, expected: float) -> None:
    """Losses overlap and outlast the state unless told otherwise; they multiply, or add."""
    a, b = event("a", 1, utility_loss=0.3, years=1), event("b", 1, utility_loss=0.1, years=3, stop_on_leaving=stops)
    text = _two({"events": ["a", "b"], "utility": 0.8}, {"utility": 0.8}, a + b)
    program = build(frame() + section("utilities", combine=combine) + text)
    assert worth(program)[0, QALY_UNDISCOUNTED] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("stack", "expected"), [(False, 0.7 * 4.25), (True, 0.7 * 2.5 + 0.49 * 0.5 + 0.7 * 1.25)])
def test_repeated_loss_stacks_only_if_told(build: Build, stack: bool, expected: float) -> None:
    """The same complication at 0 and at 2.5 lasts 3 years each; it counts once where the two overlap."""
    of_both = {"events": ["a"], "utility": 1}
    text = _two(of_both, of_both, event("a", 1, utility_loss=0.3, years=3, stack=stack))
    out = worth(build(frame() + text))[0, QALY_UNDISCOUNTED]
    assert out == pytest.approx(expected, rel=1e-13)


def test_loss_forever_lasts_until_death(build: Build) -> None:
    """A complication that lasts forever is for life, and never longer."""
    text = _two({"utility": 1}, {"utility": 0.6, "events": ["a"]}, event("a", 1, utility_loss=0.25, years="forever"))
    out = worth(build(frame() + text))[0]
    assert out[QALY_UNDISCOUNTED] == pytest.approx(2.5 + 0.75 * 0.6 * 1.75, rel=1e-13)


def test_loss_at_each_tick(build: Build) -> None:
    """A week of lower utility after each cycle; the last one is cut by death."""
    schedule = [tick("cycle", utility_loss=0.5, years=0.1)]
    text = plan("cycle", 0.5, first=0) + start("chemo", utility=0.8, duration=2.05, next="dead", schedule=schedule)
    out = worth(build(frame(rate=0.03) + text + DEAD))[0]
    r = math.log(1.03)
    lost = sum(_years(r, t, min(t + 0.1, 2.05)) for t in (0, 0.5, 1, 1.5, 2))
    assert out[QALY] == pytest.approx(0.8 * (_years(r, 0, 2.05) - 0.5 * lost), rel=1e-12)
    assert out[QALY_UNDISCOUNTED] == pytest.approx(0.8 * (2.05 - 0.5 * 0.45), rel=1e-12)


def test_loss_of_a_tick_forever(build: Build) -> None:
    """A tick's loss may last until death; later ticks of the same schedule then change nothing."""
    first = {"utility": 0.8, "schedule": [tick("p", utility_loss=0.5, years="forever")]}
    out = worth(build(frame() + _two(first, {"utility": 0.6}, plan("p", 1))))[0]
    assert out[QALY_UNDISCOUNTED] == pytest.approx(0.8 * 1 + 0.4 * 1.5 + 0.3 * 1.75, rel=1e-13)


def test_limited_reward_needs_an_end(build: Build) -> None:
    """What is for a limited time says how long, in years."""
    with pytest.raises(ScenarioError, match=r"limited.years = 'forever'"):
        build(frame() + _two({"limited": [{"years": "forever", "utility_loss": 0.1}]}, {}))


# === Norms ===

NORMS = "age,utility\n0,0.95\n40,0.9\n61,0.85\n62,0.8\n64,0.7\n"


def _norm(age: float) -> float:
    return float(np.array([0.95, 0.9, 0.85, 0.8, 0.7])[np.searchsorted([0, 40, 61, 62, 64], age, side="right") - 1])


@pytest.mark.parametrize("combine", ["multiplicative", "additive"])
@pytest.mark.parametrize("rate", [0.0, 0.035])
def test_utility_relative_to_the_norm_by_age(build: Build, tmp_path: Path, combine: str, rate: float) -> None:
    """Age moves on within a stay: the exact integral of the norm, with and without a loss."""
    (tmp_path / "norms.csv").write_text(NORMS)
    utilities = section("utilities", norms="norms.csv", keys={}, combine=combine)
    r = math.log1p(rate)
    for loss in (False, True):
        first = {"utility": 0.9, "events": ["a"] if loss else []}
        text = _two(first, {"utility": 0.6}, event("a", 1, utility_loss=0.3, years=1) if loss else "")
        out = worth(build(frame(age=60.3, rate=rate) + utilities + text))[0]

        def utility(t: float, lost: bool = loss) -> float:
            own, gone = (0.9 if t < 2.5 else 0.6), (0.3 if lost and t < 1 else 0.0)
            if combine == "multiplicative":
                return _norm(60.3 + t) * own * (1 - gone)
            return _norm(60.3 + t) - (1 - own) - gone

        cuts = [0, 0.7, 1.0, 1.7, 2.5, 3.7, 4.25]
        for outcome, k in ((QALY, r), (QALY_UNDISCOUNTED, 0.0)):
            exact = sum(utility((a + b) / 2) * _years(k, a, b) for a, b in itertools.pairwise(cuts))
            assert out[outcome] == pytest.approx(exact, rel=1e-12)
            direct = scipy.integrate.quad(lambda t, k=k: utility(t) * math.exp(-k * t), 0, 4.25, points=cuts)[0]
            assert out[outcome] == pytest.approx(direct, rel=1e-8)
        assert out[LY] == pytest.approx(_years(r, 0, 4.25), rel=1e-13)


def test_norms_by_sex(build: Build, tmp_path: Path) -> None:
    """The key column chooses each patient's norm."""
    (tmp_path / "norms.csv").write_text("sex,age,utility\nmale,0,0.9\nfemale,0,0.8\n")
    text = frame(covariates=categorical("sex", female=0.5, male=0.5)) + section("utilities", norms="norms.csv")
    program = build(text + _two({"utility": 1}, {"utility": 1}))
    n = 1000
    male = (program.patients(0, n, 1)[:, 1] == 1).mean()
    out = estimate(program, n).mean[0, 0, QALY_UNDISCOUNTED]
    assert out == pytest.approx(4.25 * (0.9 * male + 0.8 * (1 - male)), rel=1e-12)


# === Terminal care ===

CARE = {"cost_per_year": {"care": 1000}}


def test_terminal_window_replaces_categories(build: Build) -> None:
    """Costs of excluded categories end a year before death; the others go on; the end is paid at death."""
    first = {"cost_per_year": {"care": 1000, "drug": 10}}
    second = {
        "cost_per_year": {"care": 2000, "drug": 10},
        "entry_cost": {"care": 50},
        "schedule": [tick("v", cost={"care": 7, "drug": 3})],
        "limited": [{"years": 2, "cost_per_year": {"care": 100}}],
    }
    r = math.log(1.035)
    program = build(frame(rate=0.035, settings=COSTS) + _two(first, second, plan("v", 0.5) + TERMINAL))
    out = worth(program)[0]
    # death at 4.25, window from 3.25; ticks at 3, 3.5, 4
    assert out[category(program, "care")] == pytest.approx(2500 + 2000 * 0.75 + 50 + 7 + 100 * 0.75, rel=1e-12)
    care = 1000 * _years(r, 0, 2.5) + 2100 * _years(r, 2.5, 3.25) + 50 * math.exp(-r * 2.5) + 7 * math.exp(-r * 3)
    assert out[category(program, "care", discounted=True)] == pytest.approx(care, rel=1e-12)
    assert out[category(program, "drug")] == pytest.approx(10 * 4.25 + 9, rel=1e-12)
    assert out[category(program, "end", discounted=True)] == pytest.approx(8000 * math.exp(-r * 4.25), rel=1e-12)


def test_terminal_window_longer_than_life(build: Build) -> None:
    """A window that begins before time 0 leaves nothing of the excluded categories, entry costs included."""
    first = CARE | {"entry_cost": {"care": 5}}
    text = _two(first, {}, terminal("dead", window=9, cost={"end": 8000}, excludes=["care"]))
    program = build(frame(settings=COSTS) + text)
    assert worth(program)[0, COST_UNDISCOUNTED] == pytest.approx(8000)


def test_terminal_care_is_for_that_death_only(build: Build) -> None:
    """Alive at the horizon: no terminal care and no window."""
    text = _two(CARE, CARE, TERMINAL)
    assert worth(build(frame(4.0, settings=COSTS) + text))[0, COST_UNDISCOUNTED] == pytest.approx(4000)


# === Sums ===

BUSY = (
    plan("v", 0.3)
    + start(
        "a",
        utility=0.8,
        cost_per_year={"drug": 100, "care": 20},
        entry_cost={"care": 3},
        schedule=[tick("v", cost={"care": 7}, utility_loss=0.1, years=0.05)],
        events=["x"],
    )
    + state("b", utility=0.6, cost_per_year={"care": 50})
    + move("a", "b", exponential(0.5), cost={"drug": 40})
    + move("b", "a", exponential(0.7))
    + move(["a", "b"], "dead", exponential(0.2))
    + event("x", 0.4, cost={"care": 90}, utility_loss=0.2, years=0.3)
)


def test_parts_add_up_to_the_whole(build: Build) -> None:
    """Categories and states add up to the totals, discounted and not."""
    program = build(frame(30, rate=0.035, settings=COSTS) + BUSY + TERMINAL + DEAD)
    result = estimate(program, 5000)
    out, k = result.mean[0, 0], len(program.categories)
    assert out[N_MAIN : N_MAIN + k].sum() == pytest.approx(out[COST], rel=1e-12)
    assert out[N_MAIN + k :].sum() == pytest.approx(out[COST_UNDISCOUNTED], rel=1e-12)
    by_state = result.state[0, 0].sum(axis=0) / result.n
    assert by_state[2] == pytest.approx(out[COST_UNDISCOUNTED], rel=1e-12)
    assert by_state[3] == pytest.approx(out[COST], rel=1e-12)
    assert by_state[1] == pytest.approx(out[QALY], rel=1e-12)
    alive = [program.states.index(s) for s in ("a", "b")]
    assert result.state[0, 0, alive, 0].sum() / result.n == pytest.approx(out[LY_UNDISCOUNTED], rel=1e-12)


def test_cost_of_an_event_belongs_to_the_state_where_it_fell(build: Build) -> None:
    """By state, a complication is paid where it happened, not where life ended."""
    program = build(frame(settings=COSTS) + _two({}, {"events": ["x"]}, event("x", 1, cost={"care": 90})))
    by_state = estimate(program, 1).state[0, 0, :, 2]
    assert by_state[program.states.index("second")] == pytest.approx(90)


def test_utility_computed_out_of_range_is_refused(build: Build) -> None:
    """A utility of 2, computed for a patient, is refused as a constant one is."""
    text = frame(covariates=covariate("size", "constant", value=20)) + _two({"utility": "size / 10"}, {})
    with pytest.raises(InputError, match="utility"):
        estimate(build(text), 1)


def test_terminal_cost_reads_the_attributes_at_death(build: Build) -> None:
    """A terminal cost may depend on what happened to the patient: half of them, marked at random, cost twice."""
    text = (
        attributes(hard="flag")
        + chance("start", branch("ill", 0.5, set={"hard": True}), branch("ill"), initial=True)
        + state("ill")
        + move("ill", "dead", exponential(1))
        + terminal("dead", window=0.25, cost={"care": "200 if hard else 100"}, excludes=[])
    )
    program = build(frame(100, settings=COSTS) + text + DEAD)
    estimates = simulate(program, Sampling(n_patients=20_000))
    error = estimates.standard_error()[0, 0, COST]
    assert abs(estimates.mean[0, 0, COST] - 150.0) < 3.5 * error
    assert error > 0
