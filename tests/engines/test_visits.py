"""Visits: occult disease and what finds it, plans of visits, and visits at the instants that matter."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.integrate

from lmssim.errors import InputError
from lmssim.kernels.rewards import COST, COST_UNDISCOUNTED
from lmssim.model.program import Program
from tests.kit.plain import DEAD, assert_mean, assert_share, estimate, frame, live, worth

Build = Callable[..., Program]

ONSET = """
[attributes]
occult = "flag"
[plans.visit]
origin = "model"
periods = [{{ every = 1 }}]
[states.well]
initial = true
{well}
[states.found]
duration = 0.25
next = "dead"
[[transitions]]
from = "well"
name = "onset"
mark = "onset"
when = "not occult"
set.occult = true
hazard = {{ {hazard} }}
"""
VISIT = """
[[transitions]]
from = "well"
to = "found"
name = "visit"
when = "occult"
detection = { plan = "visit", sensitivity = "sensitivity" }
"""
SYMPTOMS = """
[[transitions]]
from = "well"
to = "found"
name = "symptoms"
mark = "symptoms"
when = "occult"
hazard = { family = "exponential", rate = "symptom_rate" }
"""


def _occult(hazard: str, well: str = "", more: str = VISIT) -> str:
    return frame() + ONSET.format(hazard=hazard, well=well) + more + DEAD


# === Onset and detection ===


@pytest.mark.parametrize("rate", [0.15, 1.2])
def test_delay_of_detection_at_yearly_visits(build: Build, rate: float) -> None:
    """Exponential onset, certain visits: found at the next whole year; mean delay 1/(1 - e^-r) - 1/r."""
    lives = live(build(_occult(f"family = 'exponential', rate = {rate}"), {"sensitivity": 1.0}), 80_000)
    onset, found = lives.first_mark("onset"), lives.first_entry("found")
    seen = found < 200
    np.testing.assert_array_equal(found[seen], np.ceil(onset[seen]))
    assert_mean(onset, 1 / rate)
    assert_mean((found - onset)[seen], 1 / -math.expm1(-rate) - 1 / rate)


def test_missed_visits_are_geometric(build: Build) -> None:
    """With a sensitivity of 0.4, the number of visits until detection is geometric and independent of onset."""
    lives = live(build(_occult("family = 'exponential', rate = 0.5"), {"sensitivity": 0.4}), 80_000)
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
        _occult(f"family = 'exponential', rate = {onset_rate}", more=VISIT + SYMPTOMS),
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
    lives = live(build(_occult("family = 'fixed', delay = 1.3"), {"sensitivity": 0.5}), 10_000)
    np.testing.assert_array_equal(lives.first_mark("onset"), 1.3)
    found = lives.first_entry("found")
    for k in (0, 1, 3):
        assert_share(found <= 2 + k, 1 - 0.5 ** (k + 1))
    np.testing.assert_array_equal(found, np.round(found))


def test_silent_fixed_delay_must_end_itself(build: Build) -> None:
    """Without a rule that its own setting ends, it would happen again and again at the same instant."""
    with pytest.raises(InputError, match="would happen again at once"):
        build(_occult("family = 'fixed', delay = 1.3").replace('when = "not occult"\n', ""), {"sensitivity": 0.5})


def test_two_occult_lesions_at_one_visit(build: Build) -> None:
    """One visit may find both of two lesions, each with its own sensitivity, without leaving the state."""
    text = """
[plans.visit]
periods = [{ every = 1 }]
[attributes]
local = "flag"
distant = "flag"
[states.well]
initial = true
duration = 1.5
next = "dead"
[[transitions]]
from = "well"
mark = "local"
when = "not local"
set.local = true
detection = { plan = "visit", sensitivity = 0.5 }
[[transitions]]
from = "well"
mark = "distant"
when = "not distant"
set.distant = true
detection = { plan = "visit", sensitivity = 0.7 }
"""
    lives = live(build(frame() + text + DEAD), 80_000)
    local, distant = (lives.first_mark(name) < 2 for name in ("local", "distant"))
    assert_share(local, 0.5)
    assert_share(distant, 0.7)
    assert_share(local & distant, 0.35)


def test_luck_of_a_visit_is_its_own(build: Build) -> None:
    """More sensitive visits find no lesion later: each visit's number is compared with the sensitivity."""
    strategies = "[strategies.low]\n[strategies.high]\nset = { sensitivity = 0.8 }"
    text = frame(strategies=strategies) + ONSET.format(hazard="family = 'exponential', rate = 0.5", well="")
    lives = live(build(text + VISIT + DEAD, {"sensitivity": 0.3}), 5000)
    low, high = (lives.first_entry("found", k) for k in range(2))
    assert (high <= low).all()
    assert (high < low).any()


def test_sensitivity_with_odds_ratio(build: Build) -> None:
    """An effect on detection acts on the log odds of each visit."""
    text = _occult("family = 'fixed', delay = 0.5", more=VISIT + "effects.age = 0.01\n")
    found = live(build(text, {"sensitivity": 0.4}), 80_000).first_entry("found")
    odds = 0.4 / 0.6 * math.exp(0.6)
    assert_share(found == 1, odds / (1 + odds))


# === Visits as costs ===

SCHEDULE = 'schedule = [{ name = "visit", at = "visit", cost = { total = 100 } }]'


def test_silent_onset_does_not_change_the_cost_of_visits(build: Build) -> None:
    """With and without onsets (and nothing that finds them), every visit costs the same."""
    costs = []
    for rate in (0.0, 2.0):
        well = f'{SCHEDULE}\nduration = 6.5\nnext = "dead"'
        program = build(_occult(f"family = 'exponential', rate = {rate}", well, more=""))
        costs.append(estimate(program, 1000).mean[0, 0, COST_UNDISCOUNTED])
    assert costs[0] == costs[1] == 600.0


def _ticks(
    build: Build,
    plan: str,
    stay: str = "duration = 10.5",
    horizon: float = 200,
    parameters: dict[str, float] | None = None,
) -> float:
    """Number of ticks paid during one stay."""
    text = f"""
[plans.visit]
{plan}
[states.well]
initial = true
{stay}
next = "dead"
schedule = [{{ name = "visit", at = "visit", cost = {{ total = 1 }} }}]
"""
    return float(worth(build(frame(horizon) + text + DEAD, parameters))[0, COST_UNDISCOUNTED])


@pytest.mark.parametrize(
    ("plan", "stay", "expected"),
    [
        ("periods = [{ every = 1 }]", "duration = 10.5", 10),
        ("periods = [{ every = 1 }]", "duration = 10", 9),  # the tick at the instant of leaving does not fall
        ("first = 0\nperiods = [{ every = 1 }]", "duration = 10", 10),  # the tick at the instant of entry does
        ("first = 2.5\nperiods = [{ every = 1 }]", "duration = 10", 8),
        ("periods = [{ every = 1 }]\nmax = 4", "duration = 10", 4),
        ("first = 0\nperiods = [{ every = 0.25 }]\nmax = 4", "duration = 0.6", 3),
        ("periods = [{ until = 2, every = 0.25 }, { until = 5, every = 0.5 }, { every = 1 }]", "duration = 10.5", 19),
        ("periods = [{ until = 2, every = 0.25 }, { until = 5, every = 0.5 }]", "duration = 10.5", 14),
        ("periods = [{ until = 2, every = 0.75 }, { every = 1 }]", "duration = 4.5", 4),  # 0.75, 1.5; 3, 4
    ],
)
def test_ticks_of_a_plan(build: Build, plan: str, stay: str, expected: int) -> None:
    """Periods, first tick, maximum; entry counts, leaving does not."""
    assert _ticks(build, plan, stay) == expected


def test_times_of_a_plan_may_be_parameters(build: Build) -> None:
    """Fixed parameters and expressions of them."""
    assert (
        _ticks(
            build, "periods = [{ every = 'weeks / 52' }]\nmax = 'most'", "duration = 10", 200, {"weeks": 3, "most": 6}
        )
        == 6
    )


def test_tick_at_the_horizon_does_not_fall(build: Build) -> None:
    """A stay cut by the horizon pays the ticks before it."""
    assert _ticks(build, "periods = [{ every = 1 }]", "duration = 10", horizon=5) == 4


def test_too_many_ticks_are_refused(build: Build) -> None:
    """A plan with more ticks than the engine keeps is refused, never cut short."""
    with pytest.raises(InputError, match="ticks before the horizon"):
        _ticks(build, "periods = [{ every = 0.01 }]")
    assert _ticks(build, "periods = [{ every = 0.01 }]\nmax = 700") == 700


def test_plan_restarts_with_its_clock(build: Build) -> None:
    """Visits counted from the latest surgery: 0.7, 1.7 after each; a move that starts no clock goes on counting."""
    text = """
[clocks]
surgery = "latest"
[plans.visit]
origin = "surgery"
periods = [{ every = 1 }]
first = 0.7
[states.a]
initial = true
starts = ["surgery"]
duration = 2.5
next = "b"
SCHEDULE
[states.b]
duration = 1.5
next = "c"
SCHEDULE
[states.c]
starts = ["surgery"]
duration = 1.5
next = "dead"
SCHEDULE
"""
    program = build(frame(rate=0.05) + text.replace("SCHEDULE", SCHEDULE) + DEAD)
    times = [0.7, 1.7, 2.7, 3.7, 4.7]
    assert worth(program)[0, COST_UNDISCOUNTED] == 500
    assert worth(program)[0, COST] == pytest.approx(100 * sum(1.05**-t for t in times), rel=1e-12)


def test_plan_on_the_clock_of_entry_restarts_at_each_entry(build: Build) -> None:
    """Detection counts visits from each entry: found exactly one interval after entering."""
    text = """
[plans.visit]
periods = [{ every = 0.75 }]
[states.a]
initial = true
duration = 0.5
next = "b"
[states.b]
[[transitions]]
from = "b"
to = "a"
detection = { plan = "visit", sensitivity = 1 }
"""
    stays = live(build(frame(3) + text + DEAD), 1).stays(0)
    assert [entered for _, entered, _ in stays] == [0, 0.5, 1.25, 1.75, 2.5]


def test_strategies_may_change_the_plan(build: Build) -> None:
    """Surveillance by strategy: yearly or every second year, in costs and in detection."""
    strategies = "[strategies.often]\n[strategies.seldom]\nplans = { visit = 'rare' }"
    text = ONSET.format(hazard="family = 'exponential', rate = 0.5", well=SCHEDULE)
    rare = "[plans.rare]\norigin = 'model'\nperiods = [{ every = 2 }]\n"
    lives = live(build(frame(strategies=strategies) + text + rare + VISIT + DEAD, {"sensitivity": 1.0}), 3000)
    onset = lives.first_mark("onset")
    np.testing.assert_array_equal(lives.first_entry("found", 0), np.ceil(onset))
    np.testing.assert_array_equal(lives.first_entry("found", 1), 2 * np.ceil(onset / 2))
    result = estimate(lives.program, 3000)
    expected = [100 * (np.ceil(onset) - 1).mean(), 100 * (np.ceil(onset / 2) - 1).mean()]
    np.testing.assert_allclose(result.mean[0, :, COST], expected, rtol=1e-12)


def test_death_goes_before_a_visit_at_the_same_instant(build: Build) -> None:
    """Priority among simultaneous events: death, then disease, then visits, whatever the order of the file."""
    text = """
[plans.visit]
periods = [{ every = 1 }]
[states.a]
initial = true
[states.ill]
kind = "absorbing"
[states.found]
kind = "absorbing"
[[transitions]]
from = "a"
to = "found"
detection = { plan = "visit", sensitivity = 1 }
[[transitions]]
from = "a"
to = "ill"
hazard = { family = "fixed", delay = 1 }
"""
    assert live(build(frame() + text + DEAD), 1).stays(0)[-1][0] == "ill"
    dies = "[[transitions]]\nfrom = 'a'\nto = 'dead'\nhazard = { family = 'fixed', delay = 1 }\n"
    assert live(build(frame() + text + dies + DEAD), 1).stays(0)[-1][0] == "dead"


# === Events at ticks ===

CYCLES = """
[plans.cycle]
periods = [{{ every = 0.5 }}]
[states.chemo]
initial = true
duration = 3.25
next = "dead"
[[states.chemo.schedule]]
name = "nausea"
at = "cycle"
event = "nausea"
[[states.chemo.schedule]]
name = "fever"
at = "cycle"
event = "fever"
[events.nausea]
probability = 0.5
[events.fever]
probability = 0.3
{fever}
[states.toxic]
kind = "absorbing"
death = "treatment"
"""


def test_events_at_ticks(build: Build) -> None:
    """Two toxicities of one plan: each at its own probability at each of the six cycles, independently."""
    lives = live(build(frame() + CYCLES.format(fever="") + DEAD), 80_000)
    nausea, fever = lives.count_marks("nausea"), lives.count_marks("fever")
    assert_mean(nausea, 6 * 0.5)
    assert_mean(fever, 6 * 0.3)
    assert_mean((nausea - 3) * (fever - 1.8), 0.0)
    assert_share(nausea == 0, 0.5**6)


def test_fatal_events_at_ticks(build: Build) -> None:
    """Each fever may kill anew: survival is geometric in cycles."""
    fatal = "death = 0.2\ndeath_state = 'toxic'"
    lives = live(build(frame() + CYCLES.format(fever=fatal) + DEAD), 80_000)
    killed = lives.first_entry("toxic")
    for cycle in (1, 2, 4, 6):
        assert_share(killed > 0.5 * cycle + 0.01, (1 - 0.06) ** cycle)


def test_event_at_the_tick_of_entry_happens_once(build: Build) -> None:
    """A first tick at the instant of entry is one tick: at most one event there."""
    text = (
        CYCLES.format(fever="").replace("periods", "first = 0\nperiods").replace("duration = 3.25", "duration = 0.25")
    )
    lives = live(build(frame() + text + DEAD), 20_000)
    assert_share(lives.count_marks("nausea") == 1, 0.5)
    assert_share(lives.count_marks("fever") == 1, 0.3)
    assert lives.count_marks("nausea").max() == 1


def test_visit_at_the_instant_of_onset_comes_after_it(build: Build) -> None:
    """Disease goes before visits: an onset at exactly 2 years can be found by the visit of year 2."""
    found = live(build(_occult("family = 'fixed', delay = 2"), {"sensitivity": 1.0}), 5).first_entry("found")
    np.testing.assert_array_equal(found, 2.0)
