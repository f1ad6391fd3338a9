"""The exact engine in continuous time: one feature a model, against closed forms and against individual lives.

Closed forms bound the engine's own error; the individual engine, which has its own tests against closed forms, is the
yardstick where a law has none. Everything that both give is compared: outcomes, costs by category, endpoints,
occupancy, entries, marks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from lmssim.engines.cohort import solver
from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.liveness import analyse
from lmssim.engines.cohort.reachable import Patient
from lmssim.engines.cohort.solver import solve
from lmssim.errors import InputError
from lmssim.kernels import layout
from lmssim.kernels.rewards import LY, LY_UNDISCOUNTED, N_MAIN, QALY_UNDISCOUNTED
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.agreement import assert_like, compare
from tests.kit.plain import DEAD, alive_dead, category, estimate, frame

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.model.program import Program
    from tests.conftest import Build

N = 20_000
CLOSE, CLOSER = 1e-3, 3e-4
"""Relative error that the engine's steps may leave in a mean or a probability, and with steps half as long."""
FINENESS = [(Fineness(), CLOSE), (Fineness().finer(), CLOSER)]


def exact(program: Program, fineness: Fineness | None = None) -> CohortResult:
    """Solution for the first patient."""
    return solve(program, program.numbers()[0], program.patients(0, 1, 1), fineness or Fineness())


def endpoint(result: CohortResult, program: Program, name: str, time: float, kind: int = 0) -> float:
    """Cumulative probability of an endpoint's event (0), competing event (1) or censoring (2)."""
    e = program.endpoints.index(name)
    steps = (result.endpoint.shape[-1] - 2) / program.scenario.file.settings.horizon
    return float(result.endpoint[0, 0, e, kind, : round(time * steps) + 1].sum())


# === Closed forms ===

GOMPERTZ = scipy.stats.gompertz(0.05 / 0.15, scale=1 / 0.15)
PRENTICE = scipy.stats.gengamma(a=4.0, c=0.5 / 0.7, scale=math.exp(1.2) * 0.5 ** (2 * 0.7 / 0.5))
LAWS = [
    ("family = 'exponential', rate = 0.25", scipy.stats.expon(scale=4).sf),
    ("family = 'weibull', shape = 1.4, scale = 6", scipy.stats.weibull_min(1.4, scale=6).sf),
    ("family = 'weibull', shape = 0.7, scale = 3", scipy.stats.weibull_min(0.7, scale=3).sf),
    ("family = 'weibull_ph', shape = 1.4, rate = 0.08", lambda t: math.exp(-0.08 * t**1.4)),
    ("family = 'gompertz', shape = 0.15, rate = 0.05", GOMPERTZ.sf),
    ("family = 'gompertz', shape = -0.3, rate = 0.2", lambda t: math.exp(0.2 / 0.3 * math.expm1(-0.3 * t))),
    ("family = 'log_logistic', shape = 2.2, scale = 5", scipy.stats.fisk(2.2, scale=5).sf),
    ("family = 'log_normal', meanlog = 1.1, sdlog = 0.8", scipy.stats.lognorm(0.8, scale=math.exp(1.1)).sf),
    ("family = 'gamma', shape = 2.5, rate = 0.6", scipy.stats.gamma(2.5, scale=1 / 0.6).sf),
    ("family = 'generalised_gamma', mu = 1.2, sigma = 0.7, q = 0.5", PRENTICE.sf),
    (
        "family = 'piecewise_exponential', starts = [0, 1.3, 3.1], rates = [0.1, 0.5, 0.2]",
        lambda t: math.exp(-0.1 * min(t, 1.3) - 0.5 * min(max(t - 1.3, 0), 1.8) - 0.2 * max(t - 3.1, 0)),
    ),
    ("family = 'fixed', delay = 2.7", lambda t: float(t < 2.7)),
]
OS = '\n[endpoints.os]\nevents = ["dead"]\n'


@pytest.mark.parametrize(("hazard", "survival"), LAWS, ids=[hazard.split("'")[1] for hazard, _ in LAWS])
@pytest.mark.parametrize("clock", ["entry", "model"])
@pytest.mark.parametrize(("fineness", "error"), FINENESS, ids=["", "finer"])
def test_family(build: Build, hazard: str, survival: Any, clock: str, fineness: Fineness, error: float) -> None:
    """Mean time to the horizon, discounted mean, and survival, by quadrature of the law."""
    program = build(frame(30, rate=0.03) + alive_dead(f"{hazard}, clock = '{clock}'") + OS)
    result = exact(program, fineness)
    for outcome, rate in ((LY_UNDISCOUNTED, 0.0), (LY, math.log(1.03))):
        mean = scipy.integrate.quad(
            lambda t, r=rate: survival(t) * math.exp(-r * t), 0, 30, points=[1.3, 2.7, 3.1], limit=400
        )[0]
        assert result.outcomes[0, 0, outcome] == pytest.approx(mean, rel=error)
    for time in (1, 2, 4, 10, 25):
        assert endpoint(result, program, "os", time) == pytest.approx(1 - survival(time), abs=error)


def test_life_table(build: Build, tmp_path: Path) -> None:
    """Death by a life table from age 60.3, doubled: the product of its years."""
    rates = {60: 0.1, 61: 0.3, 62: 0.05, 63: 0.4}
    (tmp_path / "life.csv").write_text("age,m\n" + "\n".join(f"{a},{m}" for a, m in {0: 0.01, **rates}.items()))
    text = alive_dead("").replace("hazard = {  }", "background = { multiplier = 2 }")
    program = build(frame(20, age=60.3) + '[mortality]\ntable = "life.csv"\nmeasure = "m"\nkeys = {}\n' + text + OS)

    def survival(t: float) -> float:
        return math.exp(
            -2
            * sum(m * max(0.0, min(60.3 + t, a + 1 if a < 63 else math.inf) - max(60.3, a)) for a, m in rates.items())
        )

    result = exact(program)
    mean = scipy.integrate.quad(survival, 0, 20, points=[0.7, 1.7, 2.7], limit=200)[0]
    assert result.outcomes[0, 0, LY_UNDISCOUNTED] == pytest.approx(mean, rel=CLOSE)
    assert endpoint(result, program, "os", 1.0) == pytest.approx(1 - survival(1.0), abs=CLOSE)


REVERSIBLE = """
[attributes]
ill = "flag"
[states.h]
initial = true
[states.s]
set.ill = true
[states.back]
kind = "chance"
set.ill = false
branches = [{ to = "h", p = "rest" }]
[[transitions]]
from = "h"
to = "s"
hazard = { family = "exponential", rate = 0.5 }
[[transitions]]
from = "s"
to = "back"
hazard = { family = "exponential", rate = 0.5 }
[[transitions]]
from = ["h", "s"]
to = "dead"
hazard = { family = "weibull", shape = 2, scale = 8, clock = "model" }
effects.ill = 1.0
"""


def test_carried_risk_against_an_ode(build: Build) -> None:
    """Reversible move, death on model time at two rates: Kolmogorov's equations."""
    program = build(frame(8) + REVERSIBLE + DEAD + OS)

    def slope(t: float, p: Any) -> list[float]:
        death = 2 * t / 64
        return [-(0.5 + death) * p[0] + 0.5 * p[1], 0.5 * p[0] - (0.5 + math.e * death) * p[1], p[0] + p[1]]

    solution: Any = scipy.integrate.solve_ivp(slope, (0, 8), [1, 0, 0], rtol=1e-10, atol=1e-12, dense_output=True)
    result = exact(program)
    assert result.outcomes[0, 0, LY_UNDISCOUNTED] == pytest.approx(solution.sol(8)[2], rel=CLOSE)
    for time in (1, 3, 5, 8):
        assert endpoint(result, program, "os", time) == pytest.approx(1 - sum(solution.sol(time)[:2]), abs=CLOSE)


VISITS = """
[attributes]
occult = "flag"
[plans.visit]
origin = "model"
periods = [{ every = 1 }]
[states.well]
initial = true
schedule = [{ name = "visit", at = "visit", cost = { total = 100 } }]
[states.found]
kind = "absorbing"
[[transitions]]
from = "well"
when = "not occult"
mark = "onset"
set.occult = true
hazard = { family = "exponential", rate = 0.4 }
[[transitions]]
from = "well"
to = "found"
when = "occult"
detection = { plan = "visit", sensitivity = 0.4 }
[endpoints.found]
events = ["found"]
"""


def test_missed_visits_are_geometric(build: Build) -> None:
    """Found at the k-th visit: the convolution of the year of onset and a geometric number of visits."""
    program = build(frame(12.5) + VISITS)
    result = exact(program)
    onset = [math.exp(-0.4 * k) * -math.expm1(-0.4) for k in range(12)]
    found = [sum(onset[j] * 0.4 * 0.6 ** (k - j) for j in range(k + 1)) for k in range(12)]  # at year k + 1
    for k in (0, 1, 4, 11):
        assert endpoint(result, program, "found", k + 1) == pytest.approx(sum(found[: k + 1]), abs=1e-6)
        assert endpoint(result, program, "found", k + 0.75) == pytest.approx(sum(found[:k]), abs=1e-6)
    stay = 12.5 - sum(p * (12.5 - (k + 1)) for k, p in enumerate(found))
    assert result.state[0, 0, program.states.index("well"), 0] == pytest.approx(stay, rel=1e-6)
    visits = sum((1 - sum(found[: k + 1])) for k in range(12))  # the finding visit is at the instant of leaving
    assert result.outcomes[0, 0, category(program, "total")] == pytest.approx(100 * visits, rel=1e-6)


CURE = "family = 'log_logistic', shape = 2, scale = 3, cure = 0.3"


def test_mixture_cure(build: Build) -> None:
    """A share never has the event."""
    program = build(frame(25) + alive_dead(CURE) + OS)
    result = exact(program)
    for time in (1, 4, 20):
        survival = 0.3 + 0.7 / (1 + (time / 3) ** 2)
        assert endpoint(result, program, "os", time) == pytest.approx(1 - survival, abs=CLOSE)


def test_loss_of_utility_at_ticks_that_overlap(build: Build) -> None:
    """Each tick lowers utility for 0.7 years, every half year; overlaps of one loss do not stack: quadrature."""
    text = """
[plans.cycle]
first = 0
periods = [{ every = 0.5 }]
max = 4
[states.chemo]
initial = true
utility = 0.8
schedule = [{ name = "c", at = "cycle", utility_loss = 0.5, years = 0.7 }]
[[transitions]]
from = "chemo"
to = "dead"
hazard = { family = "exponential", rate = 0.3 }
"""
    program = build(frame(10) + text + DEAD)
    mean = scipy.integrate.quad(lambda t: math.exp(-0.3 * t) * 0.8 * (0.5 if t < 2.2 else 1), 0, 10, points=[2.2])[0]
    assert exact(program).outcomes[0, 0, QALY_UNDISCOUNTED] == pytest.approx(mean, rel=CLOSE)


# === Against individual lives ===

COSTS = "cost_categories = ['drug', 'care', 'end']\n"
TIMES = "times = [0.5, 2.0, 5.0]"
ENDS = """
[endpoints.os]
events = ["dead"]
"""

MODELS: dict[str, str] = {}
"""Feature -> model."""

MODELS["carried risk whose rate changes"] = """
[attributes]
ill = "flag"
[states.a]
initial = true
[states.b]
set.ill = true
[states.c]
[[transitions]]
from = "a"
to = "b"
hazard = { family = "weibull", shape = 1.7, scale = 2 }
[[transitions]]
from = "b"
to = "c"
hazard = { family = "log_normal", meanlog = 0.3, sdlog = 0.6 }
[[transitions]]
from = ["a", "b", "c"]
to = "dead"
risk = "death"
hazard = { family = "weibull", shape = 0.8, scale = 6, clock = "model" }
effects.ill = 0.8
[endpoints.ill]
events = ["b"]
death = "competing"
"""

for keep in ("latest", "first"):
    MODELS[f"named clock, {keep}"] = f"""
[clocks]
relapse = "{keep}"
[states.well]
initial = true
[states.relapsed]
starts = ["relapse"]
[[transitions]]
from = "well"
to = "relapsed"
hazard = {{ family = "weibull", shape = 1.3, scale = 2 }}
[[transitions]]
from = "relapsed"
to = "well"
hazard = {{ family = "exponential", rate = 0.9 }}
[[transitions]]
from = ["well", "relapsed"]
to = "dead"
hazard = {{ family = "weibull", shape = 2, scale = 4, clock = "relapse", default_origin = "model" }}
"""

MODELS["fixed delays and fixed stays"] = """
[states.first]
initial = true
duration = 0.4
next = "second"
cost_per_year.drug = 100
[states.second]
duration = 1.3
next = "third"
[states.third]
[[transitions]]
from = "third"
to = "fourth"
hazard = { family = "fixed", delay = 0.75 }
[states.fourth]
[[transitions]]
from = "fourth"
to = "second"
hazard = { family = "exponential", rate = 1.5 }
[[transitions]]
from = ["first", "second", "third", "fourth"]
to = "dead"
hazard = { family = "gompertz", shape = 0.2, rate = 0.1, clock = "model" }
"""

MODELS["visits, symptoms, occult disease"] = """
[attributes]
occult = "flag"
[plans.visit]
origin = "model"
periods = [{ until = 2, every = 0.3 }, { every = 0.9 }]
[states.well]
initial = true
utility = 0.9
schedule = [{ name = "visit", at = "visit", cost = { care = 100 } }]
[states.found]
utility = 0.6
cost_per_year.drug = 300
[[transitions]]
from = "well"
when = "not occult"
mark = "onset"
set.occult = true
hazard = { family = "weibull", shape = 1.4, scale = 3 }
[[transitions]]
from = "well"
to = "found"
name = "visit"
mark = "seen at a visit"
when = "occult"
detection = { plan = "visit", sensitivity = 0.55 }
[[transitions]]
from = "well"
to = "found"
name = "symptoms"
mark = "symptoms"
when = "occult"
hazard = { family = "exponential", rate = 0.5 }
[[transitions]]
from = ["well", "found"]
to = "dead"
hazard = { family = "weibull", shape = 1.2, scale = 8, clock = "model" }
effects.occult = 0.5
[endpoints.found]
events = ["found"]
death = "competing"
"""

MODELS["visits counted from entry at a random time"] = """
[attributes]
occult = "flag"
[clocks]
surgery = "latest"
[plans.visit]
origin = "surgery"
periods = [{ every = 0.8 }]
[states.well]
initial = true
[states.operated]
starts = ["surgery"]
schedule = [{ name = "visit", at = "visit", cost = { care = 100 }, utility_loss = 0.2, years = 0.1 }]
utility = 0.8
[states.found]
[[transitions]]
from = "well"
to = "operated"
hazard = { family = "exponential", rate = 0.7 }
[[transitions]]
from = "operated"
name = "onset"
when = "not occult"
set.occult = true
hazard = { family = "exponential", rate = 0.6 }
[[transitions]]
from = "operated"
to = "found"
when = "occult"
detection = { plan = "visit", sensitivity = 0.6 }
[[transitions]]
from = ["well", "operated", "found"]
to = "dead"
hazard = { family = "exponential", rate = 0.15 }
"""

MODELS["silent events and attributes"] = """
[attributes]
stage = ["one", "two", "three"]
frail = "flag"
[states.alive]
initial = true
utility = "0.5 if stage == 'three' else 0.8"
[[transitions]]
from = "alive"
when = "stage == 'one'"
mark = "to two"
set.stage = "two"
cost.drug = 50
hazard = { family = "weibull", shape = 1.5, scale = 1.5 }
[[transitions]]
from = "alive"
when = "stage == 'two'"
mark = "to three"
set.stage = "three"
hazard = { family = "exponential", rate = 0.8, clock = "model" }
[[transitions]]
from = "alive"
when = "not frail"
mark = "frailty"
set.frail = true
hazard = { family = "gompertz", shape = 0.1, rate = 0.2, clock = "model" }
[[transitions]]
from = "alive"
to = "dead"
hazard = { family = "exponential", rate = 0.1 }
effects.stage_three = 1.2
effects.frail = 0.6
[endpoints.frail]
events = ["frailty"]
death = "competing"
"""

for clock in ("entry", "model"):
    MODELS[f"effect with delay, full and waning, on {clock}"] = f"""
[attributes]
on = "flag"
[clocks]
treatment = "latest"
[states.before]
initial = true
[states.alive]
set.on = true
starts = ["treatment"]
[[transitions]]
from = "before"
to = "alive"
hazard = {{ family = "exponential", rate = 1.1 }}
[[transitions]]
from = "alive"
to = "dead"
hazard = {{ family = "weibull", shape = 1.5, scale = 3, clock = "{clock}" }}
effects.on = {{ value = -1.2, clock = "treatment", delay = 0.5, full = 1, wane = 2, steps = 8 }}
"""

MODELS["timed effect carried between states"] = """
[attributes]
on = "flag"
[states.a]
initial = true
set.on = true
[states.b]
[[transitions]]
from = "a"
to = "b"
hazard = { family = "weibull", shape = 1.2, scale = 2 }
[[transitions]]
from = "b"
to = "a"
hazard = { family = "exponential", rate = 0.8 }
[[transitions]]
from = ["a", "b"]
to = "dead"
hazard = { family = "weibull", shape = 1.5, scale = 5, clock = "model" }
effects.on = { value = -0.8, clock = "model", full = 2, wane = 4 }
"""

for redraw in ("", ", redraw = true"):
    MODELS[f"mixture cure{redraw}"] = f"""
[states.a]
initial = true
[states.b]
[[transitions]]
from = "a"
to = "b"
hazard = {{ family = "weibull", shape = 1.5, scale = 2, cure = 0.35{redraw} }}
[[transitions]]
from = "b"
to = "a"
hazard = {{ family = "exponential", rate = 1.2 }}
[[transitions]]
from = ["a", "b"]
to = "dead"
hazard = {{ family = "log_logistic", shape = 2, scale = 5, clock = "model", cure = 0.2 }}
[endpoints.b]
events = ["b"]
death = "competing"
"""

MODELS["schedules from entry, model and a clock"] = """
[clocks]
c = "first"
[plans.p]
origin = "entry"
first = 0
periods = [{ every = 0.35 }]
max = 4
[plans.q]
origin = "model"
periods = [{ until = 3, every = 0.5 }, { every = 1.1 }]
[plans.r]
origin = "c"
periods = [{ every = 0.6 }]
[states.a]
initial = true
schedule = [{ name = "q", at = "q", cost = { care = 10 } }, { name = "p", at = "p", cost = { drug = 3 } }]
[states.b]
starts = ["c"]
schedule = [
  { name = "p", at = "p", cost = { drug = 7 } }, { name = "q", at = "q", cost = { care = 2 } },
  { name = "r", at = "r", cost = { end = 5 } },
]
[[transitions]]
from = "a"
to = "b"
hazard = { family = "weibull", shape = 1.5, scale = 2 }
[[transitions]]
from = "b"
to = "a"
hazard = { family = "exponential", rate = 0.7 }
[[transitions]]
from = ["a", "b"]
to = "dead"
hazard = { family = "exponential", rate = 0.12 }
"""

MODELS["limited rewards"] = """
[states.a]
initial = true
utility = 0.8
limited = [{ years = 0.6, cost_per_year = { drug = 400 }, utility_loss = 0.2 }]
entry_cost.care = 20
[states.b]
utility = 0.7
entry_utility = -0.02
limited = [{ years = 1.1, cost_per_year = { care = 100 }, utility_loss = 0.3 }]
[[transitions]]
from = "a"
to = "b"
cost.end = 12
hazard = { family = "weibull", shape = 1.5, scale = 2 }
[[transitions]]
from = "b"
to = "a"
hazard = { family = "exponential", rate = 0.7 }
[[transitions]]
from = ["a", "b"]
to = "dead"
hazard = { family = "exponential", rate = 0.2 }
"""

LOSSES = """
[plans.v]
periods = [{ every = 0.4 }]
[states.a]
initial = true
utility = 0.8
events = ["x"]
schedule = [{ name = "v", at = "v", utility_loss = 0.1, years = 0.15, event = "y" }]
[states.b]
utility = 0.6
events = ["x", "z"]
[[transitions]]
from = "a"
to = "b"
hazard = { family = "weibull", shape = 1.3, scale = 1.2 }
[[transitions]]
from = "b"
to = "a"
hazard = { family = "exponential", rate = 0.9 }
[[transitions]]
from = ["a", "b"]
to = "dead"
hazard = { family = "exponential", rate = 0.25 }
[events.x]
probability = 0.4
cost.care = 90
utility_loss = 0.2
years = 0.7
[events.y]
probability = 0.1
utility_loss = 0.15
years = 2
stack = true
[events.z]
probability = 0.3
utility_loss = 0.25
years = 1
"""
for combine in ("multiplicative", "additive"):
    MODELS[f"temporary losses, {combine}"] = f"[utilities]\ncombine = '{combine}'\n" + LOSSES

MODELS["terminal care"] = """
[plans.v]
periods = [{ every = 0.4 }]
[states.a]
initial = true
cost_per_year = { drug = 100, care = 20 }
entry_cost.care = 3
schedule = [{ name = "v", at = "v", cost = { care = 7, drug = 2 } }]
events = ["x"]
[states.b]
cost_per_year.care = 50
limited = [{ years = 0.8, cost_per_year = { care = 100 } }]
[[transitions]]
from = "a"
to = "b"
cost.care = 40
hazard = { family = "exponential", rate = 0.5 }
[[transitions]]
from = "b"
to = "a"
hazard = { family = "exponential", rate = 0.7 }
[[transitions]]
from = ["a", "b"]
to = "dead"
hazard = { family = "weibull", shape = 1.4, scale = 4, clock = "model" }
[[transitions]]
from = "b"
to = "other"
hazard = { family = "exponential", rate = 0.1 }
[states.other]
kind = "absorbing"
death = "other"
[events.x]
probability = 0.4
cost.care = 90
[[terminal]]
death = "dead"
window = 1
cost = { end = 8000 }
excludes = ["care"]
"""

MODELS["events on entry, some of them fatal"] = """
[attributes]
infected = "flag"
[states.operation]
initial = true
events = ["infection", "leak"]
[states.home]
[states.surgical]
kind = "absorbing"
death = "treatment"
[[transitions]]
from = "operation"
to = "home"
hazard = { family = "exponential", rate = 2 }
[[transitions]]
from = "home"
to = "operation"
hazard = { family = "weibull", shape = 1.5, scale = 2 }
effects.infected = 0.6
[[transitions]]
from = ["operation", "home"]
to = "dead"
hazard = { family = "exponential", rate = 0.1 }
[events.infection]
probability = 0.3
set.infected = true
cost.care = 50
death = 0.2
death_state = "surgical"
[events.leak]
probability = 0.2
effects.infected = 1.1
cost.drug = "30 + 20 * infected"
[endpoints.leak]
events = ["leak"]
death = "competing"
[endpoints.infection]
events = ["infection"]
competing = ["leak"]
death = "censoring"
"""

MODELS["chance states with effects, reached at random times"] = """
[attributes]
response = ["none", "partial", "complete"]
[states.well]
initial = true
[states.fork]
kind = "chance"
entry_cost.drug = "5 * time"
branches = [
  { to = "treated", p = 0.3, effects.response_partial = 0.7, set = { response = "complete" } },
  { to = "treated", p = "0.2 + 0.05 * min(time, 5)", set = { response = "partial" } },
  { to = "dead", when = "age > 62.5 and response == 'complete'" },
  { to = "treated", p = "rest" },
]
[states.treated]
cost_per_year.care = "age"
[[transitions]]
from = "well"
to = "fork"
hazard = { family = "weibull", shape = 1.6, scale = 1.5 }
[[transitions]]
from = "treated"
to = "fork"
hazard = { family = "exponential", rate = 0.6 }
effects.response_complete = -0.5
[[transitions]]
from = ["well", "treated"]
to = "dead"
hazard = { family = "gompertz", shape = 0.1, rate = 0.0003, clock = "age" }
"""

MODELS["chance states that read a clock"] = """
[clocks]
start = "latest"
[states.well]
initial = true
starts = ["start"]
[states.fork]
kind = "chance"
branches = [
  { to = "dead", when = "since_start < 1" },
  { to = "well", p = "exp(-since_start)" },
  { to = "late", p = "rest" },
]
[states.late]
[[transitions]]
from = "well"
to = "fork"
hazard = { family = "weibull", shape = 2, scale = 2 }
[[transitions]]
from = "late"
to = "dead"
hazard = { family = "exponential", rate = 0.3 }
"""

MODELS["endpoints: competing, censoring, first passage"] = """
[states.well]
initial = true
[states.relapse]
[states.second]
[states.withdrawn]
kind = "absorbing"
[[transitions]]
from = "well"
to = "relapse"
hazard = { family = "weibull", shape = 1.3, scale = 4 }
[[transitions]]
from = ["well", "relapse"]
name = "cough"
mark = "cough"
hazard = { family = "exponential", rate = 0.2, clock = "model" }
[[transitions]]
from = "relapse"
to = "second"
hazard = { family = "exponential", rate = 0.5 }
[[transitions]]
from = "second"
to = "relapse"
hazard = { family = "exponential", rate = 0.8 }
[[transitions]]
from = ["well", "second"]
to = "withdrawn"
hazard = { family = "exponential", rate = 0.05 }
[[transitions]]
from = ["well", "relapse", "second"]
to = "dead"
hazard = { family = "weibull", shape = 1.1, scale = 9, clock = "model" }
[endpoints.efs]
events = ["relapse", "cough"]
[endpoints.relapse]
events = ["relapse"]
death = "competing"
[endpoints.relapse_first]
events = ["relapse"]
competing = ["cough", "withdrawn"]
death = "censoring"
[endpoints.withdrawal]
events = ["withdrawn"]
death = "censoring"
"""

TREATED = """
[states.choice]
kind = "phase"
next = "after"
initial = true
[states.after]
utility = 0.8
[treatments.drug]
phase = "choice"
duration = 0.5
cost = { drug = 1000 }
utility = 0.6
effects = [{ risk = "relapse", effect = { value = -1.0, delay = 1, full = 2 } }]
[treatments.other]
phase = "choice"
wait = 0.1
duration = 0.3
effects = [{ risk = "relapse", effect = -0.3 }]
[[transitions]]
from = "after"
to = "dead"
name = "relapse"
hazard = { family = "exponential", rate = 0.4 }
"""
MIX = """[strategies.none]
[strategies.drug]
treatments = ["drug"]
[strategies.practice]
mix = [
  { fraction = 0.25, treatments = ["drug", "other"] }, { fraction = 0.45, treatments = ["other"] },
  { fraction = 0.3, treatments = [] },
]
"""


def _build(build: Build, text: str, strategies: str = "[strategies.one]", horizon: float = 9.4) -> Program:
    settings = f"{COSTS}{TIMES}"
    whole = frame(horizon, rate=0.03, settings=settings, strategies=strategies).replace("times = [1.0]\n", "")
    return build(whole + text + DEAD + ENDS)


# === What is open ===

CLOSED = {
    "named clock, latest",
    "named clock, first",
    "fixed delays and fixed stays",
    "schedules from entry, model and a clock",
    "chance states that read a clock",
}
"""Models of which some figure is further from lives than its error of steps: their clocks are held at a mean (the
closures that docs/language.md states)."""

REFUSED = {"terminal care"}
"""Models of which something is refused by name."""


def _features(still_open: set[str]) -> list[Any]:
    """Every feature that is solved; those whose closure is known to show must fail."""
    known = pytest.mark.xfail(strict=True, reason="a closure is off by more than the error of steps")
    names = [name for name in MODELS if name not in REFUSED]
    return [pytest.param(name, marks=[known] if name in still_open else []) for name in names]


@pytest.mark.parametrize("feature", sorted(REFUSED))
def test_what_is_not_solved_is_refused_by_name(build: Build, feature: str) -> None:
    """The state and the construct, and which engine to use."""
    with pytest.raises(InputError, match=r"state 'a': .* is not supported by engine 'cohort'; use engine 'compiled'"):
        exact(_build(build, MODELS[feature]))


@pytest.mark.parametrize("feature", _features(set()))
def test_nobody_is_lost(build: Build, feature: str) -> None:
    """Everybody is somewhere at each named time, and every endpoint ends in one of its ways."""
    program = _build(build, MODELS[feature])
    result = exact(program)
    here = np.nansum(result.occupancy[0, 0], axis=0).cumsum()
    per_year = program.packed.f[layout.F_OCCUPANCY_PER_YEAR]
    named = [round(t * per_year) for t in program.scenario.file.settings.times]
    np.testing.assert_allclose(here[named], 1.0, atol=1e-6)
    np.testing.assert_allclose(result.endpoint[0, 0].sum(axis=(-2, -1)), 1.0, atol=1e-6)


@pytest.mark.parametrize("feature", _features(set()))
def test_occupancy_between_named_times(build: Build, feature: str) -> None:
    """Everybody is somewhere at each time of the grid."""
    program = _build(build, MODELS[feature])
    here = np.nansum(exact(program).occupancy[0, 0], axis=0).cumsum()
    last = int(program.scenario.file.settings.horizon * program.packed.f[layout.F_OCCUPANCY_PER_YEAR])
    np.testing.assert_allclose(here[: last + 1], 1.0, atol=CLOSE)


@pytest.mark.parametrize("feature", _features(CLOSED))
def test_feature_against_lives(build: Build, feature: str) -> None:
    """Every figure within 3.5 Monte-Carlo errors."""
    program = _build(build, MODELS[feature])
    assert_like(compare(program, program.patients(0, 1, 1), N, seed=2))


def test_treatments_and_mixes_against_lives(build: Build) -> None:
    """Strategies, their increments, and a mix of practice."""
    program = _build(build, TREATED, MIX)
    assert_like(compare(program, program.patients(0, 1, 1), N, seed=2))


@pytest.mark.xfail(strict=True, reason="what is left of a loss of utility is held at its mean: off by 1.6%")
def test_norms_by_age_against_lives(build: Build, tmp_path: Path) -> None:
    """Utility relative to a norm that falls with age, with losses, added and multiplied."""
    (tmp_path / "norms.csv").write_text("age,utility\n0,0.95\n61,0.85\n62,0.8\n64,0.7\n")
    for combine in ("multiplicative", "additive"):
        text = LOSSES + f"\n[utilities]\nnorms = 'norms.csv'\nkeys = {{}}\ncombine = '{combine}'\n"
        program = _build(build, text)
        assert_like(compare(program, program.patients(0, 1, 1), N, seed=2))


def test_differences_are_seen(build: Build) -> None:
    """The comparison can fail: lives of a model whose rate of death is 8% higher."""
    rates = ("rate = 0.12", "rate = 0.13")
    text = MODELS["schedules from entry, model and a clock"]
    right, wrong = _build(build, text), _build(build, text.replace(*rates))
    result = exact(right).outcomes[0, 0, LY]
    lives = estimate(wrong, N, 2)
    assert abs(lives.mean[0, 0, LY] - result) > 3.5 * lives.standard_error()[0, 0, LY]
    assert np.isfinite(result)


# === What need not be followed ===

CYCLES = """
[attributes]
stopped = "flag"
[events.cycle]
probability = 1
when = "not stopped"
cost.total = 3
[plans.cycle]
origin = "entry"
periods = [{ every = 0.07 }]
[states.on]
initial = true
schedule = [{ name = "cycle", at = "cycle", event = "cycle" }]
[[transitions]]
from = "on"
name = "stop"
when = "not stopped"
set.stopped = true
hazard = { family = "exponential", rate = 0.4 }
[[transitions]]
from = "on"
to = "dead"
hazard = { family = "exponential", rate = 0.3 }
"""


def test_visits_that_change_nobody_are_paid_within_steps(build: Build) -> None:
    """Cycles until a stop or death: their number, their cost, and who has had one."""
    program = build(frame(30.0) + CYCLES + DEAD)
    result = exact(program)
    on = np.exp(-0.7 * 0.07 * np.arange(1, 1_000))
    assert result.marks[0, 0, 0, 0] == pytest.approx(on[np.arange(1, 1_000) * 0.07 < 30.0].sum(), rel=1e-7)
    assert result.marks[0, 0, 0, 1] == pytest.approx(on[0], rel=1e-7)
    assert result.outcomes[0, 0, N_MAIN] == pytest.approx(3.0 * result.marks[0, 0, 0, 0], rel=1e-12)


@pytest.mark.parametrize("strategy", [0, 4, 12])
def test_what_is_out_of_reach_changes_nothing(monkeypatch: pytest.MonkeyPatch, strategy: int) -> None:
    """Lines of therapy: whether treatments that are not planned, and effects that are nil, are followed or not."""
    program = compile_scenario(load_scenario("advanced"))
    numbers, x = program.numbers()[0], program.patients(0, 1, 1)
    patient = Patient(strategy, numbers[strategy], x[0])
    assert analyse(program, patient).live_bits.sum() < analyse(program).live_bits.sum()
    short = solve(program, numbers, x, Fineness(), n_strategies=strategy + 1)
    monkeypatch.setattr(solver, "analyse", lambda program, patient=None: analyse(program))
    whole = solve(program, numbers, x, Fineness(), n_strategies=strategy + 1)
    for name in ("outcomes", "endpoint", "entries", "marks"):
        one, other = getattr(short, name)[:, strategy], getattr(whole, name)[:, strategy]
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6, err_msg=name)
