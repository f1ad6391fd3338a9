"""Losses of utility that overlap: in every engine what the rules of the language say, whatever brings them about."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import scipy.linalg

from lmssim.engines.cohort.continuous import Fineness
from lmssim.errors import UnsupportedError
from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import LY_UNDISCOUNTED, QALY, QALY_UNDISCOUNTED
from tests.kit.agreement import assert_like, compare
from tests.kit.exact import solved
from tests.kit.models import (
    DEAD,
    attributes,
    branch,
    chance,
    event,
    exponential,
    fixed,
    frame,
    move,
    plan,
    section,
    start,
    state,
    strategy,
    tick,
)

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from tests.conftest import Build

RATE = math.log(1.035)
RULES = [
    pytest.param(
        combine, stack, stops, id=f"{combine}, {'stacks' if stack else 'once'}, {'stops' if stops else 'outlasts'}"
    )
    for combine, stack, stops in itertools.product(("multiplicative", "additive"), (False, True), (False, True))
]
LOSS, YEARS = 0.3, 1.0
OTHER, OTHER_YEARS = 0.4, 0.45
"""A second event."""


# === Lives that leave nothing to chance ===


class Life(NamedTuple):
    """A model of one life: stays by (from, to, utility), and when event `x` happens."""

    text: str
    stays: tuple[tuple[float, float, float], ...]
    happens: tuple[float, ...]
    others: tuple[float, ...] = (0.0, 2.0)
    """When event `y` happens."""


def _three_stays(a: dict[str, Any], b: dict[str, Any], more: str = "", out: str = "b") -> str:
    """Three quarters of a year in a, 1.25 in b, half a year in a again, then death."""
    return (
        start("a", utility=0.9, duration=0.75, next=out, **a)
        + state("b", utility=0.6, duration=1.25, next="c", **b)
        + state("c", utility=0.8, duration=0.5, next="dead", **a)
        + DEAD
        + more
    )


STAYS = ((0.0, 0.75, 0.9), (0.75, 2.0, 0.6), (2.0, 2.5, 0.8))
TICKS = plan("p", 0.5, first=0.2)


def _lives() -> dict[str, Life]:
    first = {"events": ["y"]}
    moves = (
        start("a", utility=0.9, **first)
        + state("b", utility=0.6)
        + state("c", utility=0.8)
        + DEAD
        + move("a", "b", fixed(0.75), mark="x")
        + move("b", "c", fixed(1.25), mark="x")
        + move("c", "dead", fixed(0.5))
    )
    ticking = {"schedule": [tick("p", event="x")]}
    through = chance("through", branch("b"), events=["x"])
    return {
        "tick": Life(
            _three_stays(ticking | first, ticking, TICKS),
            STAYS,
            (0.2, 0.7, 0.95, 1.45, 1.95, 2.2),
        ),
        "entry": Life(_three_stays({"events": ["x", "y"]}, {"events": ["x"]}), STAYS, (0, 0.75, 2)),
        "transition": Life(moves, STAYS, (0.75, 2), (0.0,)),
        "complication": Life(_three_stays(first, {"events": ["x"]}, through, "through"), STAYS, (0.75, 0.75)),
    }


def _worth(life: Life, combine: str, stack: bool, stops: bool) -> tuple[float, float]:
    """QALYs, discounted and not, by the rules as the documentation states them."""
    windows = []
    over = 0.0
    for time in life.happens:
        left = next(leave for entered, leave, _ in life.stays if entered <= time < leave)
        until = min(time + YEARS, left if stops else math.inf)
        begins = time if stack else max(time, over)
        over = max(over, until)
        windows.append((begins, until, LOSS))
    windows += [(time, time + OTHER_YEARS, OTHER) for time in life.others]
    cuts = sorted({0.0, 0.75, 2.0, 2.5, *(min(edge, 2.5) for window in windows for edge in window[:2])})
    total = plain = 0.0
    for begin, end in itertools.pairwise(cuts):
        utility = next(u for entered, leave, u in life.stays if entered <= begin < leave)
        for begins, until, loss in windows:
            if begins <= begin < until:
                utility = utility * (1 - loss) if combine == "multiplicative" else utility - loss
        plain += utility * (end - begin)
        total += utility * (math.exp(-RATE * begin) - math.exp(-RATE * end)) / RATE
    return total, plain


@pytest.mark.parametrize("what", ["tick", "entry", "transition", "complication"])
@pytest.mark.parametrize(("combine", "stack", "stops"), RULES)
def test_every_engine_follows_the_rules(build: Build, what: str, combine: str, stack: bool, stops: bool) -> None:
    """A loss by tick, entry, transition or complication, beside another one, in a life without chance."""
    life = _lives()[what]
    text = life.text + event("x", 1, utility_loss=LOSS, years=YEARS, stack=stack, stop_on_leaving=stops)
    text += event("y", 1, utility_loss=OTHER, years=OTHER_YEARS)
    program = build(frame(9, rate=0.035) + section("utilities", combine=combine) + text)
    expected = _worth(life, combine, stack, stops)
    for outcomes in (solved(program).outcomes[0, 0], *(_simulated(program, engine) for engine in ("des", "compiled"))):
        assert (outcomes[QALY], outcomes[QALY_UNDISCOUNTED]) == pytest.approx(expected, rel=1e-10)


def _simulated(program: Program, engine: str) -> Any:
    return simulate(program, Sampling(n_patients=2, engine=engine)).mean[0, 0]


def test_ticks_of_a_treatment_do_not_stack_across_its_phases(build: Build) -> None:
    """A treatment given in two lines has one schedule: the loss of its last tick in line 1 goes on in line 2."""
    drug = section(
        "treatments.drug",
        phase=["first", "second"],
        duration=1,
        utility=1,
        schedule=[tick("cycle", utility_loss=0.5, years=0.8)],
    )
    text = (
        plan("cycle", 0.5, first=0)
        + start("first", kind="phase", phase="first", next="second")
        + state("second", kind="phase", phase="second", next="dead")
        + DEAD
        + drug
    )
    plans = strategy("one", treatments=["first.drug", "second.drug"])
    program = build(frame(9, strategies=plans) + text)
    for outcomes in (solved(program).outcomes[0, 0], _simulated(program, "compiled")):
        assert outcomes[QALY_UNDISCOUNTED] == pytest.approx(1.0, rel=1e-12)


def test_limited_losses_multiply_with_others(build: Build) -> None:
    """The loss of the first years of a stay combines with others by the same rule, and ends with the stay."""
    spell = {"limited": [{"years": 1, "utility_loss": 0.5}], "events": ["y"]}
    text = _three_stays(spell, {}) + event("y", 1, utility_loss=0.4, years=1)
    program = build(frame(9) + text)
    first = 0.9 * 0.3 * 0.75 + 0.6 * (0.6 * 0.25 + 1.0)
    for outcomes in (solved(program).outcomes[0, 0], _simulated(program, "compiled")):
        assert outcomes[QALY_UNDISCOUNTED] == pytest.approx(first + 0.8 * 0.3 * 0.5, rel=1e-12)


def test_a_loss_with_what_lasts(build: Build) -> None:
    """An event that sets a lasting flag and takes utility for a time: both fall on the same patients."""
    text = (
        attributes(lame="flag")
        + start("a", utility=0.8, events=["fall"], duration=2, next="dead")
        + DEAD
        + event("fall", 0.25, set={"lame": True}, utility_loss=0.5, years=1)
        + section("lasting.lame", utility_loss=0.5)
    )
    program = build(frame(9) + text)
    expected = 0.75 * 1.6 + 0.25 * (0.8 * 0.25 + 0.8 * 0.5)
    assert solved(program).outcomes[0, 0, QALY_UNDISCOUNTED] == pytest.approx(expected, rel=1e-12)


# === Lives with chance ===


@pytest.mark.parametrize("stack", [False, True])
def test_two_ticks_of_one_event(build: Build, stack: bool) -> None:
    """Ticks at 0 and at 0.1 with a loss of a year each, under a constant hazard of death."""
    rate = 0.1

    def lived(begin: float, end: float) -> float:
        return (math.exp(-rate * begin) - math.exp(-rate * end)) / rate

    text = (
        start("alive", utility=0.9, schedule=[tick("p", event="x")]) + DEAD + move("alive", "dead", exponential(rate))
    )
    text += event("x", 1, utility_loss=0.1, years=1, stack=stack) + plan("p", 0.1, first=0, max=2)
    program = build(frame(50) + section("utilities", combine="additive") + text)
    lost = lived(0, 1) + lived(0.1, 1.1) if stack else lived(0, 1.1)
    expected = 0.9 * lived(0, 50) - 0.1 * lost
    assert solved(program).outcomes[0, 0, QALY] == pytest.approx(expected, rel=1e-7)
    lives = simulate(program, Sampling(n_patients=100_000, seed=2))
    assert abs(lives.mean[0, 0, QALY] - expected) < 3.5 * lives.standard_error()[0, 0, QALY]


def _years(rates: list[list[float]], within: float) -> Any:
    """Expected years within a time of a chain that ends, by the state in which it begins."""
    generator = np.array(rates)
    ones = np.ones(len(generator))
    return np.linalg.solve(generator, (scipy.linalg.expm(within * generator) - np.eye(len(ones))) @ ones)


@pytest.mark.parametrize("way", ["entry", "transition"])
@pytest.mark.parametrize("stack", [False, True])
def test_repeats_between_two_states(build: Build, way: str, stack: bool) -> None:
    """Each move between two states brings a loss for a year: a closed form, whether the repeats stack or not."""
    out, back, death, loss = 0.9, 1.7, 0.2, 0.1
    marks = {"mark": "x"} if way == "transition" else {}
    of_b = {} if marks else {"events": ["x"]}
    text = start("a", utility=1) + state("b", utility=1, **of_b) + DEAD
    text += move("a", "b", exponential(out), **marks) + move("b", "a", exponential(back), **marks)
    text += move(["a", "b"], "dead", exponential(death)) + event("x", 1, utility_loss=loss, years=1, stack=stack)
    program = build(frame(80) + section("utilities", combine="additive") + text)
    into_b = out / (out + death) / (1 - out / (out + death) * back / (back + death))
    into_a = into_b * back / (back + death) if marks else 0.0
    chain = [[-out - death, out], [back, -back - death]]
    if not stack:  # the loss of an event lasts until the next one, which begins another
        chain[0][1] = 0.0
        chain[1][0] = 0.0 if marks else back
    from_a, from_b = _years(chain, 1.0)
    lost = loss * (into_b * from_b + into_a * from_a)
    outcomes = solved(program, fineness=Fineness().finer().finer()).outcomes[0, 0]
    assert outcomes[LY_UNDISCOUNTED] - outcomes[QALY_UNDISCOUNTED] == pytest.approx(lost, rel=2e-3)


def _random(stack: bool, stops: bool, combine: str) -> str:
    """Chance states that tell the event from its absence, events on entry, a lasting flag, ticks."""
    return (
        plan("p", 0.3, first=0.1, max=3)
        + attributes(ill="flag")
        + section("utilities", combine=combine)
        + start("a", utility=0.9, events=["x"], schedule=[tick("p", event="x")])
        + state("b", utility=0.5, events=["x", "y"])
        + chance("c", branch("b", None, when="ill"), branch("a"), events=["x", "y"])
        + DEAD
        + move("a", "c", exponential(1.0), mark="y")
        + move("b", "a", exponential(2.0))
        + move(["a", "b"], "dead", exponential(0.3))
        + event("x", 0.3, utility_loss=LOSS, years=YEARS, stack=stack, stop_on_leaving=stops, set={"ill": True})
        + event("y", 0.5, utility_loss=OTHER, years=OTHER_YEARS)
        + section("lasting.ill", utility_loss=0.2)
    )


@pytest.mark.parametrize(("combine", "stack", "stops"), RULES)
def test_random_lives_agree(build: Build, combine: str, stack: bool, stops: bool) -> None:
    """The exact engine and individual lives, where everything overlaps at random."""
    program = build(frame(12, rate=0.035) + _random(stack, stops, combine))
    found = compare(
        program, program.patients(0, 1, 1), 100_000, seed=2, fineness=Fineness().finer().finer(), halving=False
    )
    assert_like(found)


# === What is refused ===


def test_a_loss_at_a_random_time_within_a_stay_is_refused_by_cohort(build: Build) -> None:
    """A silent transition with a hazard, whose mark is an event with a loss."""
    text = start("a", utility=1) + DEAD + move("a", "dead", exponential(0.1)) + event("x", 0, utility_loss=0.1, years=1)
    program = build(frame(9) + text + move("a", None, exponential(0.5), mark="x"))
    with pytest.raises(UnsupportedError, match=r"state 'a'.*random time.*'x'.*'compiled'"):
        solved(program)


def test_a_repeated_loss_that_changes_is_refused_by_cohort(build: Build) -> None:
    """Its size depends on an attribute, and repeats do not stack."""
    text = attributes(ill="flag") + start("a", utility=1, events=["x"]) + state("b", utility=1, set={"ill": True})
    text += DEAD + move("a", "b", exponential(1)) + move("b", "a", exponential(1)) + move("b", "dead", exponential(1))
    changing = event("x", 1, utility_loss="0.2 if ill else 0.1", years=1)
    with pytest.raises(UnsupportedError, match=r"event 'x'.*depends on attributes"):
        solved(build(frame(9) + text + changing))
    solved(build(frame(9) + text + changing + "stack = true\n"))


def test_a_stacked_loss_twice_in_an_instant_is_refused_by_cohort(build: Build) -> None:
    """Two chance states on one way bring the same event; without stacking it counts once."""
    states = start("a", utility=1, duration=1, next="c") + chance("c", branch("d"), events=["x"])
    states += chance("d", branch("b"), events=["x"]) + state("b", utility=1, duration=2, next="dead") + DEAD
    once = build(frame(9) + states + event("x", 1, utility_loss=0.5, years=1))
    assert solved(once).outcomes[0, 0, QALY_UNDISCOUNTED] == pytest.approx(2.5, rel=1e-12)
    assert _simulated(once, "compiled")[QALY_UNDISCOUNTED] == pytest.approx(2.5, rel=1e-12)
    with pytest.raises(UnsupportedError, match=r"event 'x'.*twice in an instant"):
        solved(build(frame(9) + states + event("x", 1, utility_loss=0.5, years=1, stack=True)))


def test_nobody_meets_a_visit_twice(build: Build) -> None:
    """An event at ticks that sets an attribute moves patients to another kind; they meet that tick once."""
    schedule = [tick("p", event="x")]
    text = (
        plan("p", 0.3, first=0.1, max=3)
        + attributes(ill="flag")
        + start("a", utility=1, schedule=schedule, duration=5, next="c")
        + chance("c", branch("b", None, when="ill"), branch("dead"))
        + state("b", utility=1, duration=1, next="dead")
        + DEAD
        + event("x", 0.3, set={"ill": True})
    )
    assert solved(build(frame(12) + text)).marks[0, 0, 0, 0] == pytest.approx(0.9, rel=1e-12)
