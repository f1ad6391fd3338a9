"""Models in cycles: probabilities, clocks and rewards by cycle; lives, the exact solution and sums by hand agree."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.engines.cohort import cycles
from lmssim.engines.cohort.cycles import solve_cycles
from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import COST, COST_UNDISCOUNTED, LY_UNDISCOUNTED, QALY, QALY_UNDISCOUNTED
from lmssim.report.evaluation.cycles import CORRECTIONS, PLACES, cycle_conventions
from tests.kit.exact import assert_agrees, solved
from tests.kit.models import (
    DEAD,
    Entries,
    attributes,
    branch,
    categorical,
    chance,
    clocks,
    covariate,
    endpoint,
    event,
    frame,
    move,
    section,
    start,
    state,
    strategy,
)
from tests.kit.plain import assert_close, live

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray
    from tests.conftest import Build


WOMEN = categorical("sex", female=1, male=0)


def _cycles(length: float | str = 1, correction: str = "end", **more: str) -> str:
    return section("cycles", length=length, correction=correction, **more)


def _dies(in_cycles: str | None = None, alive: Entries | None = None, /, **how: Any) -> str:
    """Alive, then dead, with one transition; `alive` says more of the state, `how` is the transition's."""
    states = start("alive", **({"utility": 1} | (alive or {}))) + DEAD
    return (_cycles() if in_cycles is None else in_cycles) + states + move("alive", "dead", **how)


def _death(in_cycles: str | None = None, alive: Entries | None = None, /, **how: Any) -> str:
    """The same over ten years."""
    return frame(10) + _dies(in_cycles, alive, **how)


# === Probabilities ===


def test_staying_takes_the_complement(build: Build) -> None:
    """Survival of n cycles is (1 - p)^n, in lives and exactly; what falls at the horizon still happens."""
    program = build(_death(probability=0.2))
    times = live(program, 20_000, seed=71).first_entry("dead")
    assert set(times[np.isfinite(times)]) == set(range(1, 11))
    exact = solved(program)
    assert exact.trace is not None
    np.testing.assert_allclose(exact.trace[0, 0, :, 0], 0.8 ** np.arange(11), rtol=1e-12)
    assert_agrees(program, 20_000, seed=71)


def test_rate_becomes_a_probability(build: Build) -> None:
    """A rate gives 1 - exp(-rate x cycle length)."""
    program = build(_death(_cycles("1/12"), rate=0.3))
    exact = solved(program)
    assert exact.trace is not None
    np.testing.assert_allclose(exact.trace[0, 0, ::12, 0], np.exp(-0.3 * np.arange(11)), rtol=1e-12)


def test_luck_belongs_to_the_name_of_a_transition(build: Build) -> None:
    """Another transition, or another state on the way, changes nobody's time of death if its chances are the same."""
    program = build(_death(probability=0.1))
    alone = live(program, 2_000, seed=70).first_entry("dead")
    more = move("alive", "other", probability=0.3) + state("other", utility=1) + move("other", "dead", probability=0.1)
    both = live(build(_death(probability=0.1) + more), 2_000, seed=70).first_entry("dead")
    assert np.array_equal(alone, both)
    assert not np.array_equal(alone, live(program, 2_000, seed=71).first_entry("dead"))


def test_names_of_time(build: Build) -> None:
    """`cycle` counts from 1, `time` is the start of the cycle, `age` as stated."""
    for how, cycle in (("cycle == 3", 3), ("time == 0.75", 4), ("age == 61.5", 7)):
        program = build(_death(_cycles(0.25), probability=f"1 if {how} else 0"))
        assert live(program, 1).first_entry("dead")[0] == cycle * 0.25
    late = build(_death(_cycles(0.25, age="end"), probability="1 if age == 61.5 else 0"))
    assert live(late, 1).first_entry("dead")[0] == 1.5


def test_rules_are_read_in_each_cycle(build: Build) -> None:
    """A rule on time opens and shuts a transition within a stay."""
    program = build(_death(probability=1, when="cycle > 4 and age < 70"))
    assert live(program, 1).first_entry("dead")[0] == 5.0


def test_effects_act_on_the_log_odds(build: Build) -> None:
    """A covariate's effect moves the log odds of a probability."""
    covariates = covariate("ill", "constant", value=1)
    program = build(frame(10, covariates=covariates) + _dies(probability=0.2, effects={"ill": 0.5}))
    odds = 0.25 * math.exp(0.5)
    trace = solved(program).trace
    assert trace is not None
    assert trace[0, 0, 1, 1] == pytest.approx(odds / (1 + odds), rel=1e-12)


# === Clocks ===


def _ill(keep: str) -> str:
    """Well, sick and better; costs and utilities depend on the time in a state and since an illness began."""
    costs = {"cost_per_year": {"total": "2000 - 100 * time_in_state"}, "entry_cost": {"total": 50}}
    return (
        start("well", utility=1)
        + state("sick", utility=0.5, starts=["illness"], **costs)
        + state("better", utility="0.9 - 0.01 * since_illness")
        + clocks(illness=keep)
        + DEAD
    )


def _tunnel(keep: str = "latest", length: float = 1) -> str:
    return (
        frame(12, rate=0.035)
        + _cycles(length, "half_cycle")
        + _ill(keep)
        + move("well", "sick", probability=0.3)
        + move("sick", "dead", probability="0.1 + 0.05 * min(time_in_state, 4)")
        + move("sick", "better", probability="0.3 if time_in_state >= 2 else 0.1", cost={"total": 20})
        + move("better", "sick", probability=0.25)
        + move("better", "dead", probability="0.02 * min(since_illness, 10)")
    )


def _tunnel_by_hand(keep: str, n: int = 12) -> FloatArray:
    """Life-years, QALYs and costs (undiscounted) of the tunnel model: explicit cells, in dictionaries."""
    cells, totals = {("well", 0, 0): 1.0}, np.zeros(3)
    for point in range(n + 1):
        weight = 0.5 if point in (0, n) else 1.0
        following: dict[tuple[str, int, int], float] = {}

        def carry(name: str, entered: int, ill: int, mass: float, into: dict[tuple[str, int, int], float]) -> None:
            into[name, entered, ill] = into.get((name, entered, ill), 0.0) + mass

        for (name, entered, ill), mass in cells.items():
            stay, since = point - entered, point - ill
            utility = {"well": 1.0, "sick": 0.5, "better": 0.9 - 0.01 * since}[name]
            totals += weight * mass * np.array([1, utility, 2000 - 100 * stay if name == "sick" else 0])
            if point == n:
                continue
            p_dead = {"well": 0.0, "sick": 0.1 + 0.05 * min(stay, 4), "better": 0.02 * min(since, 10)}[name]
            p_move = {"well": 0.3, "sick": 0.3 if stay >= 2 else 0.1, "better": 0.25}[name]
            carry(name, entered, ill, mass * (1 - p_dead - p_move), following)
            if name == "sick":
                totals[2] += 20 * mass * p_move
                carry("better", point + 1, ill, mass * p_move, following)
            else:
                started = point + 1 if keep == "latest" or name == "well" else ill
                totals[2] += 50 * mass * p_move
                carry("sick", point + 1, started, mass * p_move, following)
        cells = following
    return totals


@pytest.mark.parametrize("keep", ["latest", "first"])
def test_clocks_survive_moves(build: Build, keep: str) -> None:
    """Time in state and a clock carried between states: exactly as explicit cells, and in lives."""
    program = build(_tunnel(keep))
    outcomes = solved(program).outcomes[0, 0]
    found = outcomes[[LY_UNDISCOUNTED, QALY_UNDISCOUNTED, COST_UNDISCOUNTED]]
    np.testing.assert_allclose(found, _tunnel_by_hand(keep), rtol=1e-12)
    assert_agrees(program, 40_000, seed=72)


def test_too_many_tunnels_are_refused(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is refused with the clocks that are read, not approximated."""
    monkeypatch.setattr(cycles, "MOST_CELLS", cycles.FIRST_CELLS)
    with pytest.raises(InputError, match=r"more than 64 combinations.*\(since_illness, time_in_state\)"):
        solved(build(_tunnel(length=0.25)))


def test_time_in_state_is_free_of_rounding(build: Build) -> None:
    """In months, three of them are 0.25 years at every time of entry."""
    text = frame(10) + _cycles("1/12") + _ill("latest")
    text += move("well", "sick", probability="1 if cycle == 7 else 0")
    text += move("sick", "better", probability="1 if time_in_state == 0.25 else 0")
    text += move("better", "dead", probability="1 if since_illness == 10 / 12 else 0")
    stays = live(build(text), 1).stays(0)
    np.testing.assert_allclose([left for _, _, left in stays[:3]], [7 / 12, 11 / 12, 18 / 12], rtol=1e-12)


# === Rewards ===


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_lives_are_worth_what_the_cohort_is(build: Build, correction: str) -> None:
    """Every correction, with costs that depend on the cycle and lump sums, in both engines."""
    alive = {
        "cost_per_year": {"total": "100 if cycle <= 3 else 10"},
        "entry_cost": {"total": 7},
        "entry_utility": -0.1,
    }
    text = _dies(_cycles(0.5, correction), alive, probability=0.15, cost={"total": 40})
    program = build(frame(10, rate=0.035) + text)
    assert_agrees(program, 4_000, seed=73)


@pytest.mark.parametrize("place", PLACES)
def test_discount_places_agree(build: Build, place: str) -> None:
    """Every place of discounting, of rewards and of lump sums, in both engines."""
    lumps = "end" if place == "point" else place
    in_cycles = _cycles(0.5, "half_cycle", discount_at=place, lump_sums=lumps)
    alive = {"cost_per_year": {"total": 3}, "entry_cost": {"total": "7 + time_in_state"}}
    program = build(frame(10, rate=0.1) + _dies(in_cycles, alive, probability=0.15, cost={"total": 40}))
    assert_agrees(program, 4_000, seed=74)
    at = np.arange(1, 21) * 0.5 - {"end": 0.0, "middle": 0.25, "start": 0.5}[lumps]
    leaving = 0.15 * 0.85 ** np.arange(20)
    held = 0.85 ** np.arange(21)
    mean = 0.5 * (held[:-1] + held[1:])
    cycle = 0.5 * np.arange(20) + {"start": 0.0, "middle": 0.25, "end": 0.5, "point": math.nan}[place]
    if place != "point":
        exact = 7 + 40 * (leaving @ 1.1**-at) + 1.5 * (mean @ 1.1**-cycle)
        assert solved(program).outcomes[0, 0, COST] == pytest.approx(exact, rel=1e-12)


def test_corrected_middle_with_lump_sums_at_the_end(build: Build) -> None:
    """Occupancy half-corrected and discounted at mid-cycle, transition costs whole at the cycle's end."""
    in_cycles = _cycles(1, "half_cycle", discount_at="middle")
    text = _dies(in_cycles, {"cost_per_year": {"total": 2}}, probability=0.5, cost={"total": 8})
    program = build(frame(2, rate=0.1) + text)
    exact = 2 * (0.75 * 1.1**-0.5 + 0.375 * 1.1**-1.5) + 8 * (0.5 / 1.1 + 0.25 / 1.21)
    assert solved(program).outcomes[0, 0, COST] == pytest.approx(exact, rel=1e-12)


def test_a_cost_of_the_first_cycles_is_paid_for_them(build: Build) -> None:
    """Two cycles' worth for those who live, by whatever reading of their cycles' occupancy."""
    for correction in ("start", "end", "life_table", "half_cycle"):
        alive = {"cost_per_year": {"total": "5 if cycle <= 2 else 0"}}
        assert solved(build(_death(_cycles(1, correction), alive, probability=0))).outcomes[
            0, 0, COST
        ] == pytest.approx(10, rel=1e-12)


def test_norms_by_age_at_the_point(build: Build, tmp_path: Path) -> None:
    """A utility relative to the norm takes that of the stated age, multiplied or less what is lost."""
    norm = np.array([0.9, 0.8, 0.7])
    rows = [f"{60 + i},{sex},{u}" for i, u in enumerate(norm) for sex in ("female", "male")]
    (tmp_path / "norms.csv").write_text("age,sex,utility\n" + "\n".join(rows) + "\n")
    for combine, age, exact in (
        ("multiplicative", "start", 0.5 * norm.sum()),
        ("additive", "start", (norm - 0.5).sum()),
        ("multiplicative", "end", 0.5 * (norm[1] + 2 * norm[2])),
    ):
        text = _dies(_cycles(1, "start", age=age), {"utility": 0.5}, probability=0)
        text += section("utilities", norms="norms.csv", combine=combine)
        program = build(frame(3, covariates=WOMEN) + text)
        assert solved(program).outcomes[0, 0, QALY] == pytest.approx(exact, rel=1e-12)
        assert_agrees(program, 100, seed=78)


# === Structure ===


def _chance(rows: str = "", utility: str = "0.9") -> str:
    people = frame(8, rate=0.035, covariates=WOMEN).replace("[population]\n", f"[population]\n{rows}\n")
    return (
        people
        + _cycles(0.5, "life_table")
        + attributes(treated="flag")
        + chance(
            "start",
            branch("alive", "0.3 + 0.1 * (sex == 'male')", set={"treated": True}),
            branch("alive"),
            initial=True,
        )
        + state("alive", utility=f"{utility} if treated else 0.7", cost_per_year={"total": "200 * treated"})
        + chance("fork", branch("dead", 0.4), branch("back"), entry_cost={"total": 30})
        + state("back", utility=0.4)
        + endpoint("any", "relapse", death="competing", kind="incidence")
        + endpoint("after", "dead", origin="back")
        + DEAD
        + move("alive", "fork", probability="0.05 if treated else 0.15", mark="relapse")
        + move("alive", "dead", probability=0.02)
        + move("back", "alive", probability=0.3, set={"treated": False})
        + move("back", "dead", probability=0.1)
    )


def test_chance_states_attributes_marks_and_endpoints(build: Build) -> None:
    """Branches at the ends of cycles, attributes, marks and endpoints from another origin, in lives and exactly."""
    assert_agrees(build(_chance()), 30_000, seed=75)


TREATED = (
    start("therapy", kind="phase", next="off", utility=0.7)
    + state("off", utility=0.6)
    + attributes(tired="flag")
    + section("lasting.tired", utility_loss=0.1, cost_per_year={"total": 50})
    + section(
        "treatments.drug",
        phase="therapy",
        eligible="age < 70",
        cost={"total": 100},
        cost_per_year={"total": 1000},
        effects=[{"risk": "dead", "effect": -0.7}],
    )
    + DEAD
    + move("therapy", "off", probability="0.1 + 0.2 * (cycle > 6)", set={"tired": True})
    + move("therapy", "dead", probability=0.05)
    + move("off", "dead", probability=0.2)
)


def test_treatments_and_what_lasts(build: Build) -> None:
    """A phase with a treatment that lasts until a transition, its effect on a later death, a lasting flag."""
    strategies = strategy("none") + strategy("drug", treatments=["drug"])
    program = build(frame(10, rate=0.035, strategies=strategies) + _cycles(0.5, "half_cycle") + TREATED)
    assert_agrees(program, 20_000, seed=69)
    outcomes = solved(program).outcomes[0]
    assert outcomes[1, QALY] > outcomes[0, QALY] + 0.5
    assert outcomes[1, COST] > outcomes[0, COST] + 1000


def test_a_move_to_the_same_state_is_an_entry(build: Build) -> None:
    """It is paid, starts the clocks again and is counted; staying is none of these."""
    text = _dies(_cycles(1, "start"), {"entry_cost": {"total": 3}}, probability="0.1 * (time_in_state + 1)")
    program = build(frame(6) + text + move("alive", "alive", probability=0.3))
    assert_agrees(program, 20_000, seed=79)
    trace, exact = solved(program).trace, solved(program)
    assert trace is not None
    entries = 1 + 0.3 * trace[0, 0, :-1, 0].sum()
    assert exact.entries[0, 0, 0, 0] == pytest.approx(entries, rel=1e-12)
    assert exact.outcomes[0, 0, COST] == pytest.approx(3 * entries, rel=1e-12)
    assert exact.entries[0, 0, 0, 1] == pytest.approx(1.0, rel=1e-12)


def test_costs_of_events_on_entry(build: Build) -> None:
    """An event that may happen on entry is paid at its point, in lives; the cohort refuses it by name."""
    program = build(_death(None, {"events": ["scare"]}, probability=1) + event("scare", 0.25, cost={"total": 8}))
    lives = simulate(program, Sampling(n_patients=20_000, seed=80))
    assert_close(lives.mean[0, 0, COST], 2.0, 8 * math.sqrt(0.25 * 0.75 / 20_000))
    with pytest.raises(InputError, match=r"states\.alive\.events: not supported by engine 'cohort'"):
        solved(program)


def test_weighted_profiles(build: Build, tmp_path: Path) -> None:
    """Rows with weights: the weighted mean of the profiles' exact outcomes is what lives of the population give."""
    rows = [("female", 50, 3.0), ("male", 60, 1.0)]
    (tmp_path / "people.csv").write_text("sex,age,weight\n" + "".join(f"{s},{a},{w}\n" for s, a, w in rows))
    program = build(_chance('rows = "people.csv"', "0.9 - 0.002 * age"))
    x = program.patients(0, 200, 1)
    profiles = np.array([x[x[:, 0] == age][0] for _, age, _ in rows])
    result = solve_cycles(program, program.numbers()[0], profiles)
    average = result.averaged(np.array([w for *_, w in rows]))
    mean = average.outcomes[0, 0]
    np.testing.assert_allclose(mean, 0.75 * result.outcomes[0, 0] + 0.25 * result.outcomes[1, 0], rtol=1e-12)
    assert average.endpoint.shape == (1, *result.endpoint.shape[1:])
    lives = simulate(program, Sampling(n_patients=40_000, seed=76))
    for outcome in (LY_UNDISCOUNTED, QALY, COST):
        assert_close(lives.mean[0, 0, outcome], mean[outcome], lives.standard_error()[0, 0, outcome])
    assert abs(result.outcomes[0, 0, QALY] - result.outcomes[1, 0, QALY]) > 0.05


def test_blocks_and_workers_do_not_matter(build: Build) -> None:
    """Bits of individual lives in cycles do not depend on how they were cut."""
    program = build(_tunnel())
    one = simulate(program, Sampling(n_patients=9_000, seed=77))
    other = simulate(program, Sampling(n_patients=9_000, seed=77, jobs=2, block=37))
    assert np.array_equal(one.mean, other.mean)
    assert np.array_equal(one.counts.endpoint, other.counts.endpoint)


# === What is said ===


def test_conventions_are_said(build: Build) -> None:
    """Results name the cycle, its correction, and where rewards and lump sums are discounted."""
    said = dict(cycle_conventions(build(_death(_cycles(0.25), probability=0.1)).scenario.file))
    assert said["Cycle"].startswith("40 cycles of 0.25 years; age is taken at the start")
    assert "end of each cycle" in said["Cycle correction"]
    assert said["Discounting of rewards"] == "each occupancy at its own time"
    assert "end of the cycle" in said["Lump sums"]


def _two(to_other: str) -> str:
    """Death, or another state."""
    other = state("other", utility=1) + move("other", "dead", probability=0.5)
    return _death(probability=0.1) + move("alive", "other", probability=to_other) + other


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_two("0.2 if cycle < 4 else 1"), r"state 'alive', cycle 4: .*'other' add up to 1\.1"),
        (_two("0.2 - 0.05 * time"), r"state 'alive', cycle 6: .*'other' is -0\.05"),
        (_two("1.2 if cycle == 2 else 0"), r"state 'alive', cycle 2: .*'other' add up to 1\.3"),
        (_death(probability="0.3 * time"), r"state 'alive', cycle 5: .*'dead' is 1\.2; it must lie from 0 to 1"),
        (_death(probability="0.1 * since_start") + clocks(start="latest"), r"cycle 1: .*is nan \(is a clock read"),
    ],
)
def test_impossible_probabilities_are_refused(build: Build, text: str, said: str) -> None:
    """State, cycle and value are named, by both engines; nothing is clamped."""
    program = build(text)
    with pytest.raises(InputError, match=said):
        solved(program)
    with pytest.raises(InputError, match=said):
        simulate(program, Sampling(n_patients=2_000, seed=1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_death(probability=1.2), r"1\.2 is not a probability"),
        (_death(hazard={"family": "exponential", "rate": 1}), r"hazard: works in continuous time.*probability"),
        (_death(probability=0.1, rate=0.1), r"exactly one of probability, rate; 2 given"),
        (_death(rate=0.1, effects={"age": 1}), r"effects: act on the log odds of a `probability`"),
        (_death(None, {"duration": 1, "next": "dead"}, probability=0.1), r"alive\.duration: .*not possible in a model"),
        (_death(None, {"limited": [{"years": 1}]}, probability=0.1), r"alive\.limited: .*time_in_state"),
        (_death(_cycles(0.3), probability=0.1), r"33 cycles of 0\.3 years are 9\.9 years.*horizon is 10"),
        (_death(_cycles("'one'"), probability=0.1), r"cycles\.length: ''one'' does not give a number"),
        (_death(_cycles("0 - 1"), probability=0.1), r"cycles\.length: -1 is not above 0"),
        (_death(_cycles(1, "none", discount_at="start"), probability=0.1), r"'none' weighs points"),
        (_death(_cycles(1, "halfcycle"), probability=0.1), r"correction = 'halfcycle'.*half_cycle"),
        (_death("", probability=0.1), r"probability: needs a model in cycles"),
        (_death(probability="tunnel"), r"unknown name 'tunnel'"),
    ],
)
def test_what_a_model_in_cycles_cannot_say(build: Build, text: str, said: str) -> None:
    """One message that names the key, the value and what is allowed."""
    with pytest.raises(InputError, match=said):
        build(text).numbers()
