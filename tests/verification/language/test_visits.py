"""Visits: occult disease and what finds it, plans of visits, and visits at the instants that matter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate

from lmssim.errors import InputError
from lmssim.kernels.rewards import COST, COST_UNDISCOUNTED
from tests.kit.models import (
    DEAD,
    absorbing,
    attributes,
    clocks,
    event,
    exponential,
    fixed,
    frame,
    move,
    plan,
    start,
    state,
    strategy,
    tick,
)
from tests.kit.plain import assert_mean, assert_share, estimate, live, worth

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Build


VISIT = move("well", "found", name="visit", when="occult", detection={"plan": "visit", "sensitivity": "sensitivity"})
SYMPTOMS = move("well", "found", exponential("symptom_rate"), name="symptoms", mark="symptoms", when="occult")


def _occult(hazard: str, more: str = VISIT, *, when: str | None = "not occult", **well: Any) -> str:
    """Yearly visits, and an onset that nobody sees; `well` says more of the state where it happens."""
    rule = {} if when is None else {"when": when}
    return (
        attributes(occult="flag")
        + plan("visit", 1, origin="model")
        + start("well", **well)
        + state("found", duration=0.25, next="dead")
        + move("well", None, hazard, name="onset", mark="onset", set={"occult": True}, **rule)
        + more
        + DEAD
    )


# === Onset and detection ===


@pytest.mark.parametrize("rate", [0.15, 1.2])
def test_delay_of_detection_at_yearly_visits(build: Build, rate: float) -> None:
    """Exponential onset, certain visits: found at the next whole year; mean delay 1/(1 - e^-r) - 1/r."""
    lives = live(build(frame() + _occult(exponential(rate)), {"sensitivity": 1.0}), 80_000)
    onset, found = lives.first_mark("onset"), lives.first_entry("found")
    seen = found < 200
    np.testing.assert_array_equal(found[seen], np.ceil(onset[seen]))
    assert_mean(onset, 1 / rate)
    assert_mean((found - onset)[seen], 1 / -math.expm1(-rate) - 1 / rate)


def test_missed_visits_are_geometric(build: Build) -> None:
    """With a sensitivity of 0.4, the number of visits until detection is geometric and independent of onset."""
    lives = live(build(frame() + _occult(exponential(0.5)), {"sensitivity": 0.4}), 80_000)
    onset, found = lives.first_mark("onset"), lives.first_entry("found")
    visits = found - np.ceil(onset) + 1
    assert_mean(visits, 1 / 0.4)
    for k in (1, 2, 5):
        assert_share(visits > k, 0.6**k)
    early = onset < 1
    assert_mean(visits[early], 1 / 0.4)


def test_visits_and_symptoms(build: Build) -> None:
    """Both can find it: mean delay and share found at visits, by integration over the onset's place in the year."""
    onset_rate, symptom_rate, s = 0.4, 0.3, 0.6
    program = build(
        frame() + _occult(exponential(onset_rate), VISIT + SYMPTOMS),
        {"sensitivity": s, "symptom_rate": symptom_rate},
    )
    lives = live(program, 40_000)
    delay = lives.first_entry("found") - lives.first_mark("onset")
    stay, miss = math.exp(-symptom_rate), (1 - s) * math.exp(-symptom_rate)

    def over_onset(value: Callable[[float], float]) -> float:
        """Mean over the time u from onset to the next whole year."""
        density = onset_rate / -math.expm1(-onset_rate)
        return scipy.integrate.quad(lambda u: density * math.exp(-onset_rate * (1 - u)) * value(u), 0, 1)[0]

    def mean_delay(u: float) -> float:
        first = -math.expm1(-symptom_rate * u) / symptom_rate
        later = (1 - s) * math.exp(-symptom_rate * u) * (1 - stay) / symptom_rate / (1 - miss)
        return first + later

    assert_mean(delay, over_onset(mean_delay))
    at_visit = lives.first_mark("symptoms") == math.inf
    assert_share(at_visit, over_onset(lambda u: math.exp(-symptom_rate * u) * s / (1 - miss)))


def test_onset_after_a_fixed_delay(build: Build) -> None:
    """Onset at 1.3 years for everybody: found at year 2, or later as the visits miss it."""
    lives = live(build(frame() + _occult(fixed(1.3)), {"sensitivity": 0.5}), 10_000)
    np.testing.assert_array_equal(lives.first_mark("onset"), 1.3)
    found = lives.first_entry("found")
    for k in (0, 1, 3):
        assert_share(found <= 2 + k, 1 - 0.5 ** (k + 1))
    np.testing.assert_array_equal(found, np.round(found))


def test_silent_fixed_delay_must_end_itself(build: Build) -> None:
    """Without a rule that its own setting ends, it would happen again and again at the same instant."""
    with pytest.raises(InputError, match="would happen again at once"):
        build(frame() + _occult(fixed(1.3), when=None), {"sensitivity": 0.5})


def test_two_occult_lesions_at_one_visit(build: Build) -> None:
    """One visit may find both of two lesions, each with its own sensitivity, without leaving the state."""
    text = plan("visit", 1) + attributes(local="flag", distant="flag") + start("well", duration=1.5, next="dead")
    for lesion, sensitivity in (("local", 0.5), ("distant", 0.7)):
        found = {"detection": {"plan": "visit", "sensitivity": sensitivity}, "set": {lesion: True}}
        text += move("well", None, mark=lesion, when=f"not {lesion}", **found)
    lives = live(build(frame() + text + DEAD), 80_000)
    local, distant = (lives.first_mark(name) < 2 for name in ("local", "distant"))
    assert_share(local, 0.5)
    assert_share(distant, 0.7)
    assert_share(local & distant, 0.35)


def test_luck_of_a_visit_is_its_own(build: Build) -> None:
    """More sensitive visits find no lesion later: each visit's number is compared with the sensitivity."""
    strategies = strategy("low") + strategy("high", set={"sensitivity": 0.8})
    lives = live(build(frame(strategies=strategies) + _occult(exponential(0.5)), {"sensitivity": 0.3}), 5000)
    low, high = (lives.first_entry("found", k) for k in range(2))
    assert (high <= low).all()
    assert (high < low).any()


def test_sensitivity_with_odds_ratio(build: Build) -> None:
    """An effect on detection acts on the log odds of each visit."""
    text = frame() + _occult(fixed(0.5), VISIT + "effects.age = 0.01\n")
    found = live(build(text, {"sensitivity": 0.4}), 80_000).first_entry("found")
    odds = 0.4 / 0.6 * math.exp(0.6)
    assert_share(found == 1, odds / (1 + odds))


# === Visits as costs ===

PAID = [tick("visit", cost={"total": 100})]
"""A schedule: each visit costs 100."""


def test_silent_onset_does_not_change_the_cost_of_visits(build: Build) -> None:
    """With and without onsets (and nothing that finds them), every visit costs the same."""
    costs = []
    for rate in (0.0, 2.0):
        program = build(frame() + _occult(exponential(rate), "", schedule=PAID, duration=6.5, next="dead"))
        costs.append(estimate(program, 1000).mean[0, 0, COST_UNDISCOUNTED])
    assert costs[0] == costs[1] == 600.0


def _ticks(
    build: Build,
    visits: str,
    stay: float = 10.5,
    horizon: float = 200,
    parameters: dict[str, float] | None = None,
) -> float:
    """Number of ticks paid during one stay."""
    text = visits + start("well", duration=stay, next="dead", schedule=[tick("visit", cost={"total": 1})])
    return float(worth(build(frame(horizon) + text + DEAD, parameters))[0, COST_UNDISCOUNTED])


QUARTERLY, HALF_YEARLY = {"until": 2, "every": 0.25}, {"until": 5, "every": 0.5}


@pytest.mark.parametrize(
    ("visits", "stay", "expected"),
    [
        (plan("visit", 1), 10.5, 10),
        (plan("visit", 1), 10, 9),  # the tick at the instant of leaving does not fall
        (plan("visit", 1, first=0), 10, 10),  # the tick at the instant of entry does
        (plan("visit", 1, first=2.5), 10, 8),
        (plan("visit", 1, max=4), 10, 4),
        (plan("visit", 0.25, first=0, max=4), 0.6, 3),
        (plan("visit", [QUARTERLY, HALF_YEARLY, {"every": 1}]), 10.5, 19),
        (plan("visit", [QUARTERLY, HALF_YEARLY]), 10.5, 14),
        (plan("visit", [{"until": 2, "every": 0.75}, {"every": 1}]), 4.5, 4),  # 0.75, 1.5; 3, 4
    ],
)
def test_ticks_of_a_plan(build: Build, visits: str, stay: float, expected: int) -> None:
    """Periods, first tick, maximum; entry counts, leaving does not."""
    assert _ticks(build, visits, stay) == expected


def test_times_of_a_plan_may_be_parameters(build: Build) -> None:
    """Fixed parameters and expressions of them."""
    visits = plan("visit", "weeks / 52", max="most")
    assert _ticks(build, visits, 10, parameters={"weeks": 3, "most": 6}) == 6


def test_tick_at_the_horizon_does_not_fall(build: Build) -> None:
    """A stay cut by the horizon pays the ticks before it."""
    assert _ticks(build, plan("visit", 1), 10, horizon=5) == 4


def test_too_many_ticks_are_refused(build: Build) -> None:
    """A plan with more ticks than the engine keeps is refused, never cut short."""
    with pytest.raises(InputError, match="ticks before the horizon"):
        _ticks(build, plan("visit", 0.01))
    assert _ticks(build, plan("visit", 0.01, max=700)) == 700


def test_plan_restarts_with_its_clock(build: Build) -> None:
    """Visits counted from the latest surgery: 0.7, 1.7 after each; a move that starts no clock goes on counting."""
    text = (
        clocks(surgery="latest")
        + plan("visit", 1, origin="surgery", first=0.7)
        + start("a", starts=["surgery"], duration=2.5, next="b", schedule=PAID)
        + state("b", duration=1.5, next="c", schedule=PAID)
        + state("c", starts=["surgery"], duration=1.5, next="dead", schedule=PAID)
    )
    program = build(frame(rate=0.05) + text + DEAD)
    times = [0.7, 1.7, 2.7, 3.7, 4.7]
    assert worth(program)[0, COST_UNDISCOUNTED] == 500
    assert worth(program)[0, COST] == pytest.approx(100 * sum(1.05**-t for t in times), rel=1e-12)


def test_plan_on_the_clock_of_entry_restarts_at_each_entry(build: Build) -> None:
    """Detection counts visits from each entry: found exactly one interval after entering."""
    text = (
        plan("visit", 0.75)
        + start("a", duration=0.5, next="b")
        + state("b")
        + move("b", "a", detection={"plan": "visit", "sensitivity": 1})
    )
    stays = live(build(frame(3) + text + DEAD), 1).stays(0)
    assert [entered for _, entered, _ in stays] == [0, 0.5, 1.25, 1.75, 2.5]


def test_strategies_may_change_the_plan(build: Build) -> None:
    """Surveillance by strategy: yearly or every second year, in costs and in detection."""
    strategies = strategy("often") + strategy("seldom", plans={"visit": "rare"})
    text = plan("rare", 2, origin="model") + _occult(exponential(0.5), schedule=PAID)
    lives = live(build(frame(strategies=strategies) + text, {"sensitivity": 1.0}), 3000)
    onset = lives.first_mark("onset")
    np.testing.assert_array_equal(lives.first_entry("found", 0), np.ceil(onset))
    np.testing.assert_array_equal(lives.first_entry("found", 1), 2 * np.ceil(onset / 2))
    result = estimate(lives.program, 3000)
    expected = [100 * (np.ceil(onset) - 1).mean(), 100 * (np.ceil(onset / 2) - 1).mean()]
    np.testing.assert_allclose(result.mean[0, :, COST], expected, rtol=1e-12)


def test_death_goes_before_a_visit_at_the_same_instant(build: Build) -> None:
    """Priority among simultaneous events: death, then disease, then visits, whatever the order of the file."""
    text = (
        plan("visit", 1)
        + start("a")
        + absorbing("ill")
        + absorbing("found")
        + move("a", "found", detection={"plan": "visit", "sensitivity": 1})
        + move("a", "ill", fixed(1))
    )
    assert live(build(frame() + text + DEAD), 1).stays(0)[-1][0] == "ill"
    assert live(build(frame() + text + move("a", "dead", fixed(1)) + DEAD), 1).stays(0)[-1][0] == "dead"


# === Events at ticks ===


def _chemotherapy(stay: float = 3.25, fever: dict[str, Any] | None = None, **cycle: Any) -> str:
    """Nausea and fever at each cycle; the arguments say more of fevers and cycles."""
    schedule = [tick("cycle", name, event=name) for name in ("nausea", "fever")]
    return (
        plan("cycle", 0.5, **cycle)
        + start("chemo", duration=stay, next="dead", schedule=schedule)
        + event("nausea", 0.5)
        + event("fever", 0.3, **(fever or {}))
        + absorbing("toxic", death="treatment")
        + DEAD
    )


def test_events_at_ticks(build: Build) -> None:
    """Two toxicities of one plan: each at its own probability at each of the six cycles, independently."""
    lives = live(build(frame() + _chemotherapy()), 80_000)
    nausea, fever = lives.count_marks("nausea"), lives.count_marks("fever")
    assert_mean(nausea, 6 * 0.5)
    assert_mean(fever, 6 * 0.3)
    assert_mean((nausea - 3) * (fever - 1.8), 0.0)
    assert_share(nausea == 0, 0.5**6)


def test_fatal_events_at_ticks(build: Build) -> None:
    """Each fever may kill anew: survival is geometric in cycles."""
    fatal = {"death": 0.2, "death_state": "toxic"}
    lives = live(build(frame() + _chemotherapy(fever=fatal)), 80_000)
    killed = lives.first_entry("toxic")
    for cycle in (1, 2, 4, 6):
        assert_share(killed > 0.5 * cycle + 0.01, (1 - 0.06) ** cycle)


def test_event_at_the_tick_of_entry_happens_once(build: Build) -> None:
    """A first tick at the instant of entry is one tick: at most one event there."""
    lives = live(build(frame() + _chemotherapy(0.25, first=0)), 20_000)
    assert_share(lives.count_marks("nausea") == 1, 0.5)
    assert_share(lives.count_marks("fever") == 1, 0.3)
    assert lives.count_marks("nausea").max() == 1


def test_visit_at_the_instant_of_onset_comes_after_it(build: Build) -> None:
    """Disease goes before visits: an onset at exactly 2 years can be found by the visit of year 2."""
    found = live(build(frame() + _occult(fixed(2)), {"sensitivity": 1.0}), 5).first_entry("found")
    np.testing.assert_array_equal(found, 2.0)
