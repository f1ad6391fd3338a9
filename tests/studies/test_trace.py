"""A traced life is the life that was simulated, with the numbers that decided it and the worth that was counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.engines import compiled
from lmssim.kernels.philox import OCCURRENCE_BITS, STREAM_LUCK, address_of
from lmssim.kernels.race import TICK_BITS
from lmssim.model.scenario import load_scenario
from lmssim.outcomes.main import position_of
from lmssim.studies.trace import OUTCOMES, Trace, trace
from tests.kit.models import (
    DEAD,
    absorbing,
    alive_dead,
    attributes,
    branch,
    chance,
    clocks,
    event,
    exponential,
    frame,
    move,
    plan,
    section,
    start,
)
from tests.kit.plain import sums
from tests.kit.scenarios import LIVED, bundled_scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

LAST = 2**63 - 1
SEED = 6


def uniform(patient: int, decision: str, occurrence: int) -> float:
    """Number at an address, by NumPy's generator."""
    word = (address_of(decision) | occurrence) % 2**64
    counter = np.array([0, patient, word, 0], dtype=np.uint64)
    generator = np.random.Philox(key=np.array([SEED, STREAM_LUCK], dtype=np.uint64), counter=counter)
    return (float(int(generator.random_raw()) >> 12) + 0.5) * 2.0**-52


def steps(traced: Trace, **where: Any) -> list[Any]:
    """Steps with given values in some columns."""
    frame_ = traced.steps
    for column, value in where.items():
        frame_ = frame_[frame_[column] == value]
    return list(frame_.itertuples(index=False))


@pytest.mark.parametrize("name", LIVED)
@pytest.mark.parametrize(("patient", "draw"), [(3, None), (3, 2), (LAST, None), (10**15, LAST - 7)])
def test_worth_and_history_are_those_of_the_simulation(name: str, patient: int, draw: int | None) -> None:
    """At the last step, bit for bit, in every strategy; stays and marks too."""
    traced = trace(bundled_scenario(name), patient, SEED, draw)
    program = traced.program
    numbers = program.numbers(None if draw is None else program.sample(1, SEED, draw))
    simulated = sums(program, patient, 1, numbers, SEED).moments.shift[0, 0]
    last = traced.steps.groupby("strategy", sort=False).last()
    assert last[OUTCOMES].to_numpy().tolist() == simulated[:, [position_of(outcome) for outcome in OUTCOMES]].tolist()
    ((_, _, h),) = compiled.simulate(program, patient, 1, numbers[0], SEED)
    n_stays, n_marks = h.starts[len(program.strategies)]
    assert traced.stays[["entered", "left"]].to_numpy().tolist() == h.times[:n_stays].tolist()
    assert traced.stays["state"].tolist() == [program.states[k] for k in h.rows[:n_stays, 0]]
    assert traced.marks["mark"].tolist() == [program.marks[k] for k in h.marks[:n_marks]]


@pytest.mark.parametrize("patient", [0, 1, 2, LAST])
def test_draws_are_those_of_numpy_at_their_addresses(patient: int) -> None:
    """Every number under the name of its decision; budgets are minus their logarithms."""
    draws = trace(bundled_scenario("extremity"), patient, SEED).draws
    assert {name.partition(" ")[0] for name in draws["decision"]} >= {"risk", "event", "chance", "treatment"}
    decisions, occurrences = draws["decision"].tolist(), draws["occurrence"].tolist()
    expected = [uniform(patient, name, occurrence) for name, occurrence in zip(decisions, occurrences, strict=True)]
    assert draws["uniform"].tolist() == expected
    assert draws["budget"].notna().tolist() == [name.startswith("risk ") for name in decisions]
    budgets = draws[draws["budget"].notna()]
    np.testing.assert_allclose(budgets["budget"], -np.log(budgets["uniform"]), rtol=1e-15)
    assert draws["occurrence"].max() < 1 << OCCURRENCE_BITS


PAID = (
    attributes(grown="flag")
    + start("alive", utility=0.8, cost_per_year={"care": 100}, entry_cost={"care": 7})
    + move("alive", None, exponential(0.5), name="growth", when="not grown", set={"grown": True})
    + move("alive", "dead", exponential(0.1), cost={"care": 1000})
)


@pytest.mark.parametrize("horizon", [200.0, 0.5])
def test_worth_so_far_and_the_budgets_that_were_spent(write_scenario: Write, horizon: float) -> None:
    """Entry cost at once, a rate until each event, the cost of the transition with the death that it brings."""
    path = write_scenario(frame(horizon, settings="cost_categories = ['care']").replace("[1.0]", "[]") + PAID + DEAD)
    seen = set()
    for patient in range(20):
        first, *rest = steps(trace(load_scenario(path), patient, SEED))
        assert (first.what, first.time, first.cost, first.qalys, first.reason) == ("alive", 0.0, 7.0, 0.0, "")
        for step in rest:
            paid = 7 + 100 * step.time + (1000 if step.what == "dead" else 0)
            assert step.cost == pytest.approx(paid, rel=1e-12)
            assert step.qalys == pytest.approx(0.8 * step.time, rel=1e-12)
            assert step.age == 60 + step.time
            rate = {"growth": 0.5, "dead": 0.1, "alive": math.nan}[step.what]
            if step.kind != "end":
                assert step.time == pytest.approx(step.budget / rate, rel=1e-12)
                assert step.decision == {"growth": "risk growth from alive", "dead": "risk dead from alive"}[step.what]
            seen.add((step.kind, step.what))
        assert rest[-1].kind == ("end" if rest[-1].time == horizon else "state")
    assert seen >= {("event", "growth"), ("end", "alive") if horizon == 0.5 else ("state", "dead")}


FORK = absorbing("a") + absorbing("b") + chance("fork", branch("a", 0.3), branch("b"), initial=True)


def test_a_branch_shows_its_number(write_scenario: Write) -> None:
    """The uniform is below the probability of the branch taken."""
    path = write_scenario(frame() + FORK)
    taken = {steps(trace(load_scenario(path), patient, SEED))[-1] for patient in range(12)}
    assert {step.what for step in taken} == {"a", "b"}
    assert all((step.uniform < 0.3) == (step.what == "a") and step.decision == "chance fork" for step in taken)


def visits(origin: str, sensitivity: float) -> str:
    """Yearly visits that may find what is there."""
    return (
        frame()
        + plan("visit", 1, origin=origin)
        + clocks(start="latest")
        + start("well", starts=["start"])
        + absorbing("found")
        + move("well", "found", name="visit", detection={"plan": "visit", "sensitivity": sensitivity})
    )


@pytest.mark.parametrize("origin", ["model", "entry", "start"])
def test_a_visit_shows_the_number_of_its_test(write_scenario: Write, origin: str) -> None:
    """Below the sensitivity at the visit that found something; not so at those before."""
    path = write_scenario(visits(origin, 0.3))
    for patient in range(8):
        found = steps(trace(load_scenario(path), patient, SEED))[-1]
        assert (found.what, found.decision) == ("found", "test visit visit")
        tick = found.occurrence % (1 << TICK_BITS)
        assert found.time == tick + 1
        tests = [uniform(patient, found.decision, found.occurrence - k) for k in range(tick + 1)]
        assert tests[0] == found.uniform < 0.3
        assert all(u >= 0.3 for u in tests[1:])


def cycles(probability: str) -> str:
    """Death in half-yearly cycles."""
    dies = move("alive", "dead", probability=probability)
    return frame(10) + section("cycles", length=0.5, correction="end") + dies + start("alive") + DEAD


def test_a_cycle_shows_the_number_that_ended_it(write_scenario: Write) -> None:
    """Below the probability as at the start of that cycle; not so in those before."""
    path = write_scenario(cycles("0.05 * cycle"))
    for patient in range(8):
        dead = steps(trace(load_scenario(path), patient, SEED))[-1]
        assert (dead.what, dead.decision) == ("dead", "cycle dead")
        assert dead.time == (dead.occurrence + 1) / 2
        numbers = [uniform(patient, dead.decision, cycle) for cycle in range(dead.occurrence + 1)]
        assert numbers[-1] == dead.uniform
        assert [u < 0.05 * (k + 1) for k, u in enumerate(numbers)] == [*[False] * dead.occurrence, True]


def test_what_is_certain_in_a_cycle_shows_none(write_scenario: Write) -> None:
    """Its probability is that of the cycle's start, 1 in the third."""
    path = write_scenario(cycles("1 if cycle == 3 else 0"))
    traced = trace(load_scenario(path), 0, SEED)
    dead = steps(traced)[-1]
    assert (dead.time, dead.decision) == (1.5, None)
    assert traced.draws.empty


def test_a_test_that_cannot_miss_shows_none(write_scenario: Write) -> None:
    """Nothing was drawn."""
    traced = trace(load_scenario(write_scenario(visits("model", 1))), 0, SEED)
    assert steps(traced)[-1].decision is None
    assert traced.draws.empty


def test_the_cured_show_what_cured_them(write_scenario: Write) -> None:
    """And no budget; the others show both numbers."""
    path = write_scenario(frame() + alive_dead(exponential(0.5, cure=0.4)))
    for patient in range(10):
        traced = trace(load_scenario(path), patient, SEED)
        names = traced.draws["decision"].tolist()
        cured = traced.draws["uniform"][0] < 0.4
        assert names == ["cure dead from alive", *([] if cured else ["risk dead from alive"])]
        assert steps(traced)[-1].kind == ("end" if cured else "state")


def test_some_strategies(write_scenario: Write) -> None:
    """Every table holds those alone."""
    traced = trace(bundled_scenario("extremity"), 2, SEED)
    some = traced.only(["adj_rt", "guideline"])
    assert traced.strategies == traced.program.strategies
    assert some.strategies == ["adj_rt", "guideline"]
    for table in (some.stays, some.marks, some.draws):
        assert set(table["strategy"]) <= {"adj_rt", "guideline"}


def test_a_fatal_event_is_named(write_scenario: Write) -> None:
    """Its own number, then that of the death it brings."""
    fall = event("fall", 0.9, death=0.95, death_state="dead")
    text = fall + start("alive", events=["fall"], duration=3, next="dead")
    traced = trace(load_scenario(write_scenario(frame() + text + DEAD)), 0, SEED)
    assert [(s.kind, s.what, s.reason, s.decision) for s in steps(traced)] == [
        ("state", "alive", "", None),
        ("event", "fall", "", "event fall"),
        ("state", "dead", "fall", "event fall death"),
    ]
