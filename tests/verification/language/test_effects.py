"""Effects: of covariates, categories and attributes, on hazards and on time, constant or changing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate

from lmssim.errors import ScenarioError, UnsupportedError
from tests.kit.models import (
    DEAD,
    DEEP,
    SEX,
    SIZE,
    alive_dead,
    attributes,
    branch,
    chance,
    clocks,
    covariate,
    exponential,
    frame,
    law,
    move,
    section,
    start,
    state,
    strategy,
    there_and_back,
    weibull,
)
from tests.kit.plain import assert_survival, estimate, live

if TYPE_CHECKING:
    from tests.conftest import Build


GRADE = covariate("grade", "categorical", categories=[1, 2, 3], probabilities=[0.2, 0.3, 0.5])
WEIBULL = weibull(1.5, 6)


def _times(build: Build, effects: str, covariates: str = "", n: int = 80_000, hazard: str = WEIBULL) -> np.ndarray:
    return live(build(frame(covariates=covariates) + alive_dead(hazard, effects)), n).first_entry("dead")


# === Constant effects ===


def test_hazard_ratio(build: Build) -> None:
    """A log hazard ratio multiplies the cumulative hazard; it stretches a Weibull time by its shape's root."""
    program = build(frame(covariates=DEEP) + alive_dead(WEIBULL, "effects.deep = 0.7"))
    lives = live(program, 80_000)
    times, deep = lives.first_entry("dead"), lives.x[:, 1] == 1
    assert_survival(times[~deep], lambda t: math.exp(-((t / 6) ** 1.5)), [2, 5, 9])
    assert_survival(times[deep], lambda t: math.exp(-math.exp(0.7) * (t / 6) ** 1.5), [2, 5, 9])
    plain = _times(build, "", DEEP)
    np.testing.assert_allclose(times, np.where(deep, plain * math.exp(-0.7 / 1.5), plain), rtol=1e-12)


def test_time_ratio(build: Build) -> None:
    """A log time ratio stretches the time, whatever the family."""
    for hazard in (
        WEIBULL,
        law("log_normal", meanlog=1, sdlog=0.7),
        exponential(0.3),
        law("piecewise_exponential", starts=[0, 2], rates=[0.1, 0.4]),
    ):
        stretched = _times(build, "effects.age = { value = 0.01, on = 'time' }", n=500, hazard=hazard)
        np.testing.assert_allclose(stretched, math.exp(0.6) * _times(build, "", n=500, hazard=hazard), rtol=1e-10)


def test_hazard_and_time_ratio_together(build: Build) -> None:
    """On a Weibull the two kinds combine: H(t) = HR (t / (TR scale))^shape."""
    both = "effects.age = { value = 0.01, on = 'time' }\neffects.size = 0.05"
    plain = live(build(frame(covariates=SIZE) + alive_dead(WEIBULL)), 500)
    expected = plain.first_entry("dead") * math.exp(0.6) * np.exp(-0.05 * plain.x[:, 1] / 1.5)
    np.testing.assert_allclose(_times(build, both, SIZE, 500), expected, rtol=1e-12)


def test_key_is_an_expression_of_covariates(build: Build) -> None:
    """`size - 10` multiplies the value; the population's survival is the mixture."""
    times = _times(build, 'effects."size - 10" = 0.12', SIZE)

    def survival(t: float) -> float:
        return scipy.integrate.quad(lambda s: math.exp(-math.exp(0.12 * (s - 10)) * (t / 6) ** 1.5) / 10, 5, 15)[0]

    assert_survival(times, survival, [1, 3, 6, 10])
    centred = live(build(frame(covariates=SIZE) + alive_dead(WEIBULL)), 500)
    expected = centred.first_entry("dead") * np.exp(-0.12 * (centred.x[:, 1] - 10) / 1.5)
    np.testing.assert_allclose(times[:500], expected, rtol=1e-12)
    for key in ("log(size / 10)", "max(size - 10, 0)", "size > 10 and size < 12"):
        x = live(build(frame(covariates=SIZE) + alive_dead(WEIBULL, f'effects."{key}" = 0.5')), 500)
        size = x.x[:, 1]
        value = {"log(size / 10)": np.log(size / 10), "max(size - 10, 0)": np.maximum(size - 10, 0)}.get(
            key, (size > 10) & (size < 12)
        )
        np.testing.assert_allclose(
            x.first_entry("dead"), centred.first_entry("dead") * np.exp(-0.5 * value / 1.5), rtol=1e-12
        )


def test_categories_are_indicators(build: Build) -> None:
    """`grade_3` and `sex_male` are 1 for that category; several effects multiply."""
    covariates = f"{GRADE}\n{SEX}"
    effects = "effects.grade_2 = 0.3\neffects.grade_3 = 0.9\neffects.sex_male = 0.2"
    a = live(build(frame(covariates=covariates) + alive_dead(WEIBULL, effects)), 3000)
    b = live(build(frame(covariates=covariates) + alive_dead(WEIBULL)), 3000)
    grade, male = a.x[:, 1], a.x[:, 2] == 0
    effect = 0.3 * (grade == 2) + 0.9 * (grade == 3) + 0.2 * male
    np.testing.assert_allclose(a.first_entry("dead"), b.first_entry("dead") * np.exp(-effect / 1.5), rtol=1e-12)
    assert len(np.unique(effect)) == 6


def test_effect_of_a_parameter_and_of_a_covariate_expression(build: Build) -> None:
    """A value may be a parameter, or an expression over covariates."""
    text = frame(covariates=SIZE) + alive_dead(WEIBULL, 'effects.age = "b * size"')
    a = live(build(text, {"b": 0.001}), 500)
    b = live(build(frame(covariates=SIZE) + alive_dead(WEIBULL)), 500)
    expected = b.first_entry("dead") * np.exp(-0.001 * a.x[:, 1] * 60 / 1.5)
    np.testing.assert_allclose(a.first_entry("dead"), expected, rtol=1e-12)


ATTRIBUTE = (
    attributes(response=["none", "partial", "complete"], frail="flag")
    + chance(
        "treated",
        branch("alive", 0.2, set={"response": "complete"}),
        branch("alive", 0.3, set={"response": "partial", "frail": True}),
        branch("alive"),
        initial=True,
    )
    + state("alive")
    + move(
        "alive",
        "dead",
        exponential(0.5),
        effects={"response_complete": -1, "response_partial": -0.5, "frail": 0.2},
    )
)


def test_attributes_set_on_the_way(build: Build) -> None:
    """Levels and flags set by branches choose the effects: an exact mixture of exponentials."""
    times = live(build(frame() + ATTRIBUTE + DEAD), 80_000).first_entry("dead")

    def survival(t: float) -> float:
        return sum(p * math.exp(-0.5 * math.exp(b) * t) for p, b in ((0.2, -1.0), (0.3, -0.5 + 0.2), (0.5, 0.0)))

    assert_survival(times, survival, [0.5, 1, 3, 8])


def test_attribute_set_within_a_stay_acts_at_once(build: Build) -> None:
    """A silent event that raises the hazard: survival of two exponential stages in one state."""
    text = (
        attributes(ill="flag")
        + start("alive")
        + move("alive", None, exponential(0.5), name="onset", when="not ill", set={"ill": True})
        + move("alive", "dead", exponential(0.1), effects={"ill": 1.5})
    )
    times = live(build(frame() + text + DEAD), 80_000).first_entry("dead")
    late = 0.1 * math.exp(1.5)

    def survival(t: float) -> float:
        moved = 0.5 * (math.exp(-late * t) - math.exp(-0.6 * t)) / (0.6 - late)
        return math.exp(-0.6 * t) + moved

    assert_survival(times, survival, [0.5, 1, 3, 8])


# === Effects that change with time ===


def _timed(clock: str, steps: int, **changed: Any) -> str:
    """A year, then a treatment that helps from half a year to 2.5 years after its start, and wanes over 3 years."""
    effect = {"value": -1.2, "clock": "treatment", "delay": 0.5, "full": 2, "wane": 3, "steps": steps}
    return (
        attributes(on="flag")
        + clocks(treatment="latest")
        + start("before", duration=1, next="alive")
        + state("alive", set={"on": True}, starts=["treatment"], utility=1)
        + move("alive", "dead", weibull(1.5, 6, clock=clock), effects={"on": effect | changed})
        + DEAD
    )


def _share(since: float, steps: int) -> float:
    """Share of the effect by time since its clock's start."""
    if since < 0.5 or since >= 5.5:
        return 0.0
    if since < 2.5:
        return 1.0
    return 1.0 - (math.floor((since - 2.5) / 3 * steps) + 0.5) / steps


@pytest.mark.parametrize("steps", [1, 8, 40])
@pytest.mark.parametrize(("clock", "offset"), [("entry", 0.0), ("model", 1.0)])
def test_delay_full_and_waning(build: Build, clock: str, offset: float, steps: int) -> None:
    """Survival against the numerical integral of the hazard times the changing ratio."""
    value = -1.2
    times = live(build(frame() + _timed(clock, steps)), 80_000)
    stay = times.first_entry("dead") - 1.0
    edges = sorted({0.5, 2.5, 5.5, *(2.5 + 3 * k / steps for k in range(steps))})

    def survival(t: float) -> float:
        total = 0.0
        for lo, hi in zip([0.0, *edges], [*edges, math.inf], strict=True):
            if t > lo:
                ratio = math.exp(value * _share(0.5 * (lo + min(hi, lo + 1e-6)), steps))
                total += ratio * (((min(t, hi) + offset) / 6) ** 1.5 - ((lo + offset) / 6) ** 1.5)
        return math.exp(-total)

    assert_survival(stay, survival, [0.4, 1.5, 2.5, 3.5, 5, 6, 12])


def test_times_of_an_effect_are_fixed_parameters(build: Build) -> None:
    """The same lives as with the numbers written out; a time that depends on more is refused."""
    named = _timed("entry", 8, full="t_full", wane="2 * t_full - 1")
    written = live(build(frame() + _timed("entry", 8)), 300).first_entry("dead")
    np.testing.assert_array_equal(live(build(frame() + named, {"t_full": 2.0}), 300).first_entry("dead"), written)
    with pytest.raises(UnsupportedError, match=r"effects.on.delay: 'age' is not a parameter; times of effects depend"):
        build(frame() + _timed("entry", 8, delay="age"))
    with pytest.raises(ScenarioError, match=r"effects.on.full: -2.0 is not a time of 0 or more"):
        build(frame() + _timed("entry", 8, full=-2))


def test_fine_steps_approach_a_straight_waning(build: Build) -> None:
    """With many steps the log effect falls in a line: survival by quadrature of that hazard."""
    stay = live(build(frame() + _timed("entry", 100)), 80_000).first_entry("dead") - 1

    def hazard(t: float) -> float:
        share = 0.0 if t < 0.5 or t > 5.5 else min(1.0, 1 - (t - 2.5) / 3)
        return 1.5 / 6 * math.sqrt(t / 6) * math.exp(-1.2 * share)

    def survival(t: float) -> float:
        points = [p for p in (0.5, 2.5, 5.5) if p < t]
        return math.exp(-scipy.integrate.quad(hazard, 0, t, points=points or None)[0])

    assert_survival(stay, survival, [1, 3, 5, 8])


def test_timed_effect_is_carried_between_states(build: Build) -> None:
    """A move and back under a changing effect does not change the death: budgets are settled exactly."""
    states = attributes(on="flag") + start("a", set={"on": True}) + state("b") + DEAD
    death = weibull(1.5, 5, clock="model")
    effects = {"on": {"value": -0.8, "clock": "model", "full": 2, "wane": 4}, "age": 0.002}
    busy, still = (
        live(build(frame() + states + there_and_back(exponential(rate), exponential(3), death, effects=effects)), 2000)
        for rate in (3, 0)
    )
    assert busy.entries("b").mean() > 3
    np.testing.assert_allclose(busy.first_entry("dead"), still.first_entry("dead"), rtol=1e-9)


def test_timed_and_constant_effects_multiply(build: Build) -> None:
    """An effect that lasts two years times a constant one."""
    effects = "effects.age = 0.01\neffects.size = { value = 0.05, clock = 'model', full = 2 }"
    times = _times(build, effects, covariate("size", "constant", value=10))

    def survival(t: float) -> float:
        base = ((t / 6) ** 1.5, (min(t, 2) / 6) ** 1.5)
        return math.exp(-math.exp(0.6) * (math.exp(0.5) * base[1] + base[0] - base[1]))

    assert_survival(times, survival, [1, 2, 3, 6])


TREATMENT = (
    start("surgery", kind="phase", next="after")
    + state("after", utility=1)
    + section(
        "treatments.drug",
        phase="surgery",
        duration=0.5,
        effects=[{"risk": "relapse", "effect": {"value": -1.0, "delay": 1, "full": 2}}],
    )
    + move("after", "dead", exponential(0.4), name="relapse")
)


def test_effect_of_a_treatment_runs_on_its_own_clock(build: Build) -> None:
    """Given at 0 for half a year, effective 1 to 3 years after its start, only for those who had it."""
    strategies = strategy("none") + strategy("drug", treatments=["drug"])
    lives = live(build(frame(strategies=strategies) + TREATMENT + DEAD), 80_000)
    assert_survival(lives.first_entry("dead", 0), lambda t: math.exp(-0.4 * t), [0.5, 2, 4])

    def survival(t: float) -> float:
        inside = max(0.0, min(t, 3) - 1)
        return math.exp(-0.4 * (t - 0.5 - inside + math.exp(-1) * inside))

    assert_survival(lives.first_entry("dead", 1), survival, [0.8, 1.5, 2.5, 3, 5])


# === What is refused ===


def test_what_cannot_change_with_time_is_refused(build: Build) -> None:
    """A changing effect on time, on the entry clock, or of a size that depends on the patient."""
    for effect in (
        "{ value = 0.1, on = 'time', delay = 1 }",
        "{ value = 0.1, clock = 'entry', delay = 1 }",
        "{ value = 'age / 100', delay = 1 }",
    ):
        with pytest.raises(UnsupportedError, match=r"changes with time|clock of an effect"):
            build(frame() + alive_dead(WEIBULL, f"effects.age = {effect}"))


def test_key_that_is_neither_attribute_nor_covariate_is_refused(build: Build) -> None:
    """A key that reads a clock cannot be a column of the patient."""
    with pytest.raises(UnsupportedError, match="key of an effect"):
        estimate(build(frame() + alive_dead(WEIBULL, 'effects."time + 1" = 0.1')), 1)


def test_a_waning_effect_may_differ_by_covariate(build: Build) -> None:
    """Each patient wanes from the size that the table gives; those of one sex live as if it were everybody's."""
    table = "\n[tables.size]\nby = ['sex']\nrows = [['male', -1.0], ['female', -0.3]]\n"
    effect = "effects.\"age / 60\" = { value = %s, clock = 'model', full = 2, wane = 1 }"
    lives = live(build(frame(covariates=SEX) + alive_dead(WEIBULL, effect % "'size(sex)'") + table), 2_000)
    male = lives.x[:, 1] == 0
    for value, mine in ((-1.0, male), (-0.3, ~male)):
        np.testing.assert_array_equal(lives.first_entry("dead")[mine], _times(build, effect % value, SEX, 2_000)[mine])


# === Effects of treatments ===

TREATED_LATER = """
[states.waiting]
initial = true
duration = 1
next = "therapy"

[states.therapy]
kind = "phase"
next = "well"

[states.well]

[states.dead]
kind = "absorbing"

[treatments.drug]
phase = "therapy"
duration = 1
effects = [{ risk = "dead", effect = -0.693147, intention_to_treat = ITT }]

[[transitions]]
from = ["waiting", "therapy", "well"]
to = "dead"
hazard = { family = "exponential", rate = 0.3 }
"""


@pytest.mark.parametrize(("itt", "hazard"), [("false", 0.3 + 0.15 * 2), ("true", 0.15 * 3)])
def test_intention_to_treat_counts_from_time_zero(build: Build, itt: str, hazard: float) -> None:
    """By intention to treat a halved hazard holds before the treatment begins; else from its start alone."""
    program = build(
        frame(strategies=strategy("treated", treatments=["drug"])) + TREATED_LATER.replace("ITT", itt),
    )
    assert_survival(live(program, 80_000).first_entry("dead"), lambda _: math.exp(-hazard), [3])


def test_intention_to_treat_needs_a_plan_at_time_zero(build: Build) -> None:
    """A treatment of several phases is planned when a phase asks, so its effect cannot count before."""
    text = TREATED_LATER.replace("ITT", "true").replace('phase = "therapy"', 'phase = ["therapy", "more"]')
    text = text.replace("[states.well]", '[states.more]\nkind = "phase"\nnext = "well"\n\n[states.well]')
    with pytest.raises(UnsupportedError, match=r"intention_to_treat: needs a treatment of one phase"):
        build(frame(strategies=strategy("treated", treatments=["therapy.drug"])) + text)


def test_an_effect_on_an_unknown_risk_is_refused(build: Build) -> None:
    """No transition is called so: nothing would have the effect."""
    text = TREATED_LATER.replace("ITT", "true").replace('risk = "dead"', 'risk = "deed"')
    with pytest.raises(
        ScenarioError, match=r"treatments.drug.effects\[1\].risk: unknown .*'deed'.*Did you mean 'dead'"
    ):
        build(frame(strategies=strategy("treated", treatments=["drug"])) + text)
