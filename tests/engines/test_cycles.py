"""Models in cycles: probabilities, clocks and rewards by cycle; lives, the exact solution and sums by hand agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.engines.cohort import cycles
from lmssim.engines.cohort.cycles import solve_cycles
from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import COST, COST_UNDISCOUNTED, LY_UNDISCOUNTED, QALY, QALY_UNDISCOUNTED
from lmssim.model.program import Program
from lmssim.report.evaluation.cycles import CORRECTIONS, PLACES, cycle_conventions
from tests.kit.exact import assert_agrees, solved
from tests.kit.plain import DEAD, assert_close, frame, live

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray

Build = Callable[..., Program]

CYCLES = """
[cycles]
length = {length}
correction = "{correction}"
{more}
"""
ALIVE = """
[states.alive]
initial = true
utility = 1
{reward}
"""
LEAVE = """
[[transitions]]
from = "{source}"
to = "{target}"
{how}
"""


def _cycles(length: float | str = 1, correction: str = "end", more: str = "") -> str:
    length = f'"{length}"' if isinstance(length, str) else length
    return CYCLES.format(length=length, correction=correction, more=more)


def _death(how: str, reward: str = "", in_cycles: str | None = None, horizon: float = 10, **more: Any) -> str:
    """Alive, then dead, with one transition."""
    text = frame(horizon, **more) + (in_cycles or _cycles()) + ALIVE.format(reward=reward) + DEAD
    return text + LEAVE.format(source="alive", target="dead", how=how)


# === Probabilities ===


def test_staying_takes_the_complement(build: Build) -> None:
    """Survival of n cycles is (1 - p)^n, in lives and exactly; what falls at the horizon still happens."""
    program = build(_death("probability = 0.2"))
    times = live(program, 20_000, seed=71).first_entry("dead")
    assert set(times[np.isfinite(times)]) == set(range(1, 11))
    exact = solved(program)
    assert exact.trace is not None
    np.testing.assert_allclose(exact.trace[0, 0, :, 0], 0.8 ** np.arange(11), rtol=1e-12)
    assert_agrees(program, 20_000, seed=71)


def test_rate_becomes_a_probability(build: Build) -> None:
    """A rate gives 1 - exp(-rate x cycle length)."""
    program = build(_death("rate = 0.3", in_cycles=_cycles("1/12")))
    exact = solved(program)
    assert exact.trace is not None
    np.testing.assert_allclose(exact.trace[0, 0, ::12, 0], np.exp(-0.3 * np.arange(11)), rtol=1e-12)


def test_luck_belongs_to_the_name_of_a_transition(build: Build) -> None:
    """Another transition, or another state on the way, changes nobody's time of death if its chances are the same."""
    alone = live(build(_death("probability = 0.1")), 2_000, seed=70).first_entry("dead")
    more = LEAVE.format(source="alive", target="other", how="probability = 0.3") + "[states.other]\nutility = 1\n"
    more += LEAVE.format(source="other", target="dead", how="probability = 0.1")
    both = live(build(_death("probability = 0.1") + more), 2_000, seed=70).first_entry("dead")
    assert np.array_equal(alone, both)
    assert not np.array_equal(alone, live(build(_death("probability = 0.1")), 2_000, seed=71).first_entry("dead"))


def test_names_of_time(build: Build) -> None:
    """`cycle` counts from 1, `time` is the start of the cycle, `age` as stated."""
    for how, cycle in (("cycle == 3", 3), ("time == 0.75", 4), ("age == 61.5", 7)):
        program = build(_death(f'probability = "1 if {how} else 0"', in_cycles=_cycles(0.25)))
        assert live(program, 1).first_entry("dead")[0] == cycle * 0.25
    late = build(_death('probability = "1 if age == 61.5 else 0"', in_cycles=_cycles(0.25, more='age = "end"')))
    assert live(late, 1).first_entry("dead")[0] == 1.5


def test_rules_are_read_in_each_cycle(build: Build) -> None:
    """A rule on time opens and shuts a transition within a stay."""
    program = build(_death('probability = 1\nwhen = "cycle > 4 and age < 70"'))
    assert live(program, 1).first_entry("dead")[0] == 5.0


def test_effects_act_on_the_log_odds(build: Build) -> None:
    """A covariate's effect moves the log odds of a probability."""
    covariates = 'covariates.ill = { kind = "constant", value = 1 }'
    program = build(_death("probability = 0.2\neffects.ill = 0.5", covariates=covariates))
    odds = 0.25 * math.exp(0.5)
    trace = solved(program).trace
    assert trace is not None
    assert trace[0, 0, 1, 1] == pytest.approx(odds / (1 + odds), rel=1e-12)


# === Clocks ===

TUNNEL = """
[states.well]
initial = true
utility = 1
[states.sick]
utility = 0.5
cost_per_year.total = "2000 - 100 * time_in_state"
entry_cost.total = 50
starts = ["illness"]
[states.better]
utility = "0.9 - 0.01 * since_illness"
[clocks]
illness = "{keep}"
"""


def _tunnel(keep: str = "latest", length: float = 1) -> str:
    ways = (
        ("well", "sick", "probability = 0.3"),
        ("sick", "dead", 'probability = "0.1 + 0.05 * min(time_in_state, 4)"'),
        ("sick", "better", 'probability = "0.3 if time_in_state >= 2 else 0.1"\ncost.total = 20'),
        ("better", "sick", "probability = 0.25"),
        ("better", "dead", 'probability = "0.02 * min(since_illness, 10)"'),
    )
    text = frame(12, rate=0.035) + _cycles(length, "half_cycle") + TUNNEL.format(keep=keep) + DEAD
    return text + "".join(LEAVE.format(source=a, target=b, how=how) for a, b, how in ways)


def _tunnel_by_hand(keep: str, n: int = 12) -> FloatArray:
    """Life-years, QALYs and costs (undiscounted) of the tunnel model: explicit cells, in dictionaries."""
    cells, totals = {("well", 0, 0): 1.0}, np.zeros(3)
    for point in range(n + 1):
        weight = 0.5 if point in (0, n) else 1.0
        following: dict[tuple[str, int, int], float] = {}

        def move(state: str, entered: int, ill: int, mass: float, into: dict[tuple[str, int, int], float]) -> None:
            into[state, entered, ill] = into.get((state, entered, ill), 0.0) + mass

        for (state, entered, ill), mass in cells.items():
            stay, since = point - entered, point - ill
            utility = {"well": 1.0, "sick": 0.5, "better": 0.9 - 0.01 * since}[state]
            totals += weight * mass * np.array([1, utility, 2000 - 100 * stay if state == "sick" else 0])
            if point == n:
                continue
            p_dead = {"well": 0.0, "sick": 0.1 + 0.05 * min(stay, 4), "better": 0.02 * min(since, 10)}[state]
            p_move = {"well": 0.3, "sick": 0.3 if stay >= 2 else 0.1, "better": 0.25}[state]
            move(state, entered, ill, mass * (1 - p_dead - p_move), following)
            if state == "sick":
                totals[2] += 20 * mass * p_move
                move("better", point + 1, ill, mass * p_move, following)
            else:
                started = point + 1 if keep == "latest" or state == "well" else ill
                totals[2] += 50 * mass * p_move
                move("sick", point + 1, started, mass * p_move, following)
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
    text = frame(10) + _cycles("1/12") + TUNNEL.format(keep="latest") + DEAD
    text += LEAVE.format(source="well", target="sick", how='probability = "1 if cycle == 7 else 0"')
    text += LEAVE.format(source="sick", target="better", how='probability = "1 if time_in_state == 0.25 else 0"')
    text += LEAVE.format(source="better", target="dead", how='probability = "1 if since_illness == 10 / 12 else 0"')
    stays = live(build(text), 1).stays(0)
    np.testing.assert_allclose([left for _, _, left in stays[:3]], [7 / 12, 11 / 12, 18 / 12], rtol=1e-12)


# === Rewards ===


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_lives_are_worth_what_the_cohort_is(build: Build, correction: str) -> None:
    """Every correction, with costs that depend on the cycle and lump sums, in both engines."""
    reward = 'cost_per_year.total = "100 if cycle <= 3 else 10"\nentry_cost.total = 7\nentry_utility = -0.1'
    program = build(_death("probability = 0.15\ncost.total = 40", reward, _cycles(0.5, correction), rate=0.035))
    assert_agrees(program, 4_000, seed=73)


@pytest.mark.parametrize("place", PLACES)
def test_discount_places_agree(build: Build, place: str) -> None:
    """Every place of discounting, of rewards and of lump sums, in both engines."""
    lumps = "end" if place == "point" else place
    more = f'discount_at = "{place}"\nlump_sums = "{lumps}"'
    reward = 'cost_per_year.total = 3\nentry_cost.total = "7 + time_in_state"'
    text = _death("probability = 0.15\ncost.total = 40", reward, _cycles(0.5, "half_cycle", more), rate=0.1)
    program = build(text)
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
    program = build(
        _death(
            "probability = 0.5\ncost.total = 8",
            "cost_per_year.total = 2",
            _cycles(1, "half_cycle", 'discount_at = "middle"'),
            horizon=2,
            rate=0.1,
        )
    )
    exact = 2 * (0.75 * 1.1**-0.5 + 0.375 * 1.1**-1.5) + 8 * (0.5 / 1.1 + 0.25 / 1.21)
    assert solved(program).outcomes[0, 0, COST] == pytest.approx(exact, rel=1e-12)


def test_a_cost_of_the_first_cycles_is_paid_for_them(build: Build) -> None:
    """Two cycles' worth for those who live, by whatever reading of their cycles' occupancy."""
    for correction in ("start", "end", "life_table", "half_cycle"):
        text = _death("probability = 0", 'cost_per_year.total = "5 if cycle <= 2 else 0"', _cycles(1, correction))
        assert solved(build(text)).outcomes[0, 0, COST] == pytest.approx(10, rel=1e-12)


def test_norms_by_age_at_the_point(build: Build, tmp_path: Path) -> None:
    """A utility relative to the norm takes that of the stated age, multiplied or less what is lost."""
    norm = np.array([0.9, 0.8, 0.7])
    rows = [f"{60 + i},{sex},{u}" for i, u in enumerate(norm) for sex in ("female", "male")]
    (tmp_path / "norms.csv").write_text("age,sex,utility\n" + "\n".join(rows) + "\n")
    covariates = 'covariates.sex = { kind = "categorical", categories = ["female", "male"], probabilities = [1, 0] }'
    for combine, age, exact in (
        ("multiplicative", "start", 0.5 * norm.sum()),
        ("additive", "start", (norm - 0.5).sum()),
        ("multiplicative", "end", 0.5 * (norm[1] + 2 * norm[2])),
    ):
        late = _cycles(1, "start", f'age = "{age}"')
        text = _death("probability = 0", in_cycles=late, horizon=3, covariates=covariates)
        text += f'[utilities]\nnorms = "norms.csv"\ncombine = "{combine}"\n'
        program = build(text.replace("utility = 1", "utility = 0.5"))
        assert solved(program).outcomes[0, 0, QALY] == pytest.approx(exact, rel=1e-12)
        assert_agrees(program, 100, seed=78)


# === Structure ===

CHANCE = """
[attributes]
treated = "flag"
[states.start]
kind = "chance"
initial = true
branches = [
  {{ to = "alive", p = "0.3 + 0.1 * (sex == 'male')", set.treated = true }},
  {{ to = "alive", p = "rest" }},
]
[states.alive]
utility = "0.9 if treated else 0.7"
cost_per_year.total = "200 * treated"
[states.fork]
kind = "chance"
entry_cost.total = 30
branches = [ {{ to = "dead", p = 0.4 }}, {{ to = "back", p = "rest" }} ]
[states.back]
utility = 0.4
[endpoints.any]
events = ["relapse"]
death = "competing"
kind = "incidence"
[endpoints.after]
events = ["dead"]
origin = "back"
"""


def _chance(rows: str = "") -> str:
    covariates = 'covariates.sex = { kind = "categorical", categories = ["female", "male"], probabilities = [1, 0] }'
    text = frame(8, rate=0.035, covariates=covariates).replace("[population]\n", f"[population]\n{rows}\n")
    text += _cycles(0.5, "life_table") + CHANCE.format() + DEAD
    for source, target, how in (
        ("alive", "fork", 'probability = "0.05 if treated else 0.15"\nmark = "relapse"'),
        ("alive", "dead", "probability = 0.02"),
        ("back", "alive", "probability = 0.3\nset.treated = false"),
        ("back", "dead", "probability = 0.1"),
    ):
        text += LEAVE.format(source=source, target=target, how=how)
    return text


def test_chance_states_attributes_marks_and_endpoints(build: Build) -> None:
    """Branches at the ends of cycles, attributes, marks and endpoints from another origin, in lives and exactly."""
    assert_agrees(build(_chance()), 30_000, seed=75)


TREATED = """
[states.therapy]
kind = "phase"
initial = true
next = "off"
utility = 0.7
[states.off]
utility = 0.6
[attributes]
tired = "flag"
[lasting.tired]
utility_loss = 0.1
cost_per_year.total = 50
[treatments.drug]
phase = "therapy"
eligible = "age < 70"
cost.total = 100
cost_per_year.total = 1000
effects = [ { risk = "dead", effect = -0.7 } ]
"""


def test_treatments_and_what_lasts(build: Build) -> None:
    """A phase with a treatment that lasts until a transition, its effect on a later death, a lasting flag."""
    strategies = '[strategies.none]\n[strategies.drug]\ntreatments = ["drug"]'
    text = frame(10, rate=0.035, strategies=strategies) + _cycles(0.5, "half_cycle") + TREATED + DEAD
    for source, target, how in (
        ("therapy", "off", 'probability = "0.1 + 0.2 * (cycle > 6)"\nset.tired = true'),
        ("therapy", "dead", "probability = 0.05"),
        ("off", "dead", "probability = 0.2"),
    ):
        text += LEAVE.format(source=source, target=target, how=how)
    program = build(text)
    assert_agrees(program, 20_000, seed=69)
    outcomes = solved(program).outcomes[0]
    assert outcomes[1, QALY] > outcomes[0, QALY] + 0.5
    assert outcomes[1, COST] > outcomes[0, COST] + 1000


def test_a_move_to_the_same_state_is_an_entry(build: Build) -> None:
    """It is paid, starts the clocks again and is counted; staying is none of these."""
    text = _death('probability = "0.1 * (time_in_state + 1)"', "entry_cost.total = 3", _cycles(1, "start"), horizon=6)
    program = build(text + LEAVE.format(source="alive", target="alive", how="probability = 0.3"))
    assert_agrees(program, 20_000, seed=79)
    trace, exact = solved(program).trace, solved(program)
    assert trace is not None
    entries = 1 + 0.3 * trace[0, 0, :-1, 0].sum()
    assert exact.entries[0, 0, 0, 0] == pytest.approx(entries, rel=1e-12)
    assert exact.outcomes[0, 0, COST] == pytest.approx(3 * entries, rel=1e-12)
    assert exact.entries[0, 0, 0, 1] == pytest.approx(1.0, rel=1e-12)


def test_costs_of_events_on_entry(build: Build) -> None:
    """An event that may happen on entry is paid at its point, in lives; the cohort refuses it by name."""
    text = _death("probability = 1", 'events = ["scare"]', _cycles(1, "end"), rate=0.0)
    program = build(text + "[events.scare]\nprobability = 0.25\ncost.total = 8\n")
    lives = simulate(program, Sampling(n_patients=20_000, seed=80))
    assert_close(lives.mean[0, 0, COST], 2.0, 8 * math.sqrt(0.25 * 0.75 / 20_000))
    with pytest.raises(InputError, match=r"states\.alive\.events: not supported by engine 'cohort'"):
        solved(program)


def test_weighted_profiles(build: Build, tmp_path: Path) -> None:
    """Rows with weights: the weighted mean of the profiles' exact outcomes is what lives of the population give."""
    rows = [("female", 50, 3.0), ("male", 60, 1.0)]
    (tmp_path / "people.csv").write_text("sex,age,weight\n" + "".join(f"{s},{a},{w}\n" for s, a, w in rows))
    text = _chance('rows = "people.csv"').replace('"0.9 if treated', '"0.9 - 0.002 * age if treated')
    program = build(text)
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
    said = dict(cycle_conventions(build(_death("probability = 0.1", in_cycles=_cycles(0.25))).scenario.file))
    assert said["Cycle"].startswith("40 of length 0.25 (years); age is that at the start")
    assert "end of each cycle" in said["Cycle correction"]
    assert said["Discounting of rewards"] == "each occupancy at its own time"
    assert "end of the cycle" in said["Lump sums"]


TWO = 'probability = 0.1\n[[transitions]]\nfrom = "alive"\nto = "other"\nprobability = {p}\n[states.other]\nutility = 1'
OTHER = '\n[[transitions]]\nfrom = "other"\nto = "dead"\nprobability = 0.5'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TWO.format(p='"0.2 if cycle < 4 else 1"') + OTHER, r"state 'alive', cycle 4: .*'other' add up to 1\.1"),
        (TWO.format(p='"0.2 - 0.05 * time"') + OTHER, r"state 'alive', cycle 6: .*'other' is -0\.05"),
        (TWO.format(p='"1.2 if cycle == 2 else 0"') + OTHER, r"state 'alive', cycle 2: .*'other' add up to 1\.3"),
        ('probability = "0.3 * time"', r"state 'alive', cycle 5: .*'dead' is 1\.2; it must lie from 0 to 1"),
        ('probability = "0.1 * since_start"\n[clocks]\nstart = "latest"', r"cycle 1: .*is nan \(is a clock read"),
    ],
)
def test_impossible_probabilities_are_refused(build: Build, text: str, said: str) -> None:
    """State, cycle and value are named, by both engines; nothing is clamped."""
    program = build(_death(text))
    with pytest.raises(InputError, match=said):
        solved(program)
    with pytest.raises(InputError, match=said):
        simulate(program, Sampling(n_patients=2_000, seed=1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_death("probability = 1.2"), r"1\.2 is not a probability"),
        (_death('hazard = { family = "exponential", rate = 1 }'), r"hazard: works in continuous time.*probability"),
        (_death("probability = 0.1\nrate = 0.1"), r"exactly one of probability, rate; 2 given"),
        (_death("rate = 0.1\neffects.age = 1"), r"effects: act on the log odds of a `probability`"),
        (_death("probability = 0.1", "duration = 1\nnext = 'dead'"), r"alive\.duration: .*not possible in a model"),
        (_death("probability = 0.1", "limited = [{ years = 1 }]"), r"alive\.limited: .*time_in_state"),
        (_death("probability = 0.1", in_cycles=_cycles(0.3)), r"33 cycles of 0\.3 years are 9\.9 years.*horizon is 10"),
        (_death("probability = 0.1", in_cycles=_cycles("'one'")), r"cycles\.length: ''one'' does not give a number"),
        (_death("probability = 0.1", in_cycles=_cycles("0 - 1")), r"cycles\.length: -1 is not above 0"),
        (_death("probability = 0.1", in_cycles=_cycles(1, "none", 'discount_at = "start"')), r"'none' weighs points"),
        (_death("probability = 0.1", in_cycles=_cycles(1, "halfcycle")), r"correction = 'halfcycle'.*half_cycle"),
        (_death("probability = 0.1").replace(_cycles(), ""), r"probability: needs a model in cycles"),
        (_death('probability = "tunnel"'), r"unknown name 'tunnel'"),
    ],
)
def test_what_a_model_in_cycles_cannot_say(build: Build, text: str, said: str) -> None:
    """One message that names the key, the value and what is allowed."""
    with pytest.raises(InputError, match=said):
        build(text).numbers()
