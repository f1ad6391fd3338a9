"""Each family as the only transition of a model, against its law; races, cures, tables and multipliers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from lmssim.errors import InputError
from lmssim.kernels.rewards import LY, LY_UNDISCOUNTED
from tests.kit.laws import LAWS, family_of
from tests.kit.models import (
    DEAD,
    absorbing,
    alive_dead,
    attributes,
    branch,
    categorical,
    chance,
    covariate,
    exponential,
    fixed,
    frame,
    law,
    move,
    section,
    start,
    state,
    strategy,
    weibull,
)
from tests.kit.plain import assert_close, assert_mean, assert_share, assert_survival, estimate, live

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Build


HORIZON = 60.0


@pytest.mark.parametrize(("hazard", "exact"), LAWS, ids=[family_of(hazard) for hazard, _ in LAWS])
def test_family_follows_its_law(build: Build, hazard: str, exact: Any) -> None:
    """Quantiles of the times, the mean up to the horizon and the discounted one, against SciPy's law."""
    program = build(frame(HORIZON, rate=0.03) + alive_dead(hazard))
    times = live(program, 80_000).first_entry("dead")
    assert_survival(times, exact.sf, [float(exact.ppf(p)) for p in (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)])
    result = estimate(program, 80_000)
    discount = math.log(1.03)
    for outcome, rate in ((LY_UNDISCOUNTED, 0.0), (LY, discount)):
        mean = scipy.integrate.quad(lambda t, r=rate: exact.sf(t) * math.exp(-r * t), 0, HORIZON, limit=200)[0]
        assert_close(result.mean[0, 0, outcome], mean, result.standard_error()[0, 0, outcome])


def test_gompertz_of_negative_shape_leaves_survivors(build: Build) -> None:
    """The share exp(rate / shape) never has the event."""
    program = build(frame(200) + alive_dead(law("gompertz", shape=-0.3, rate=0.2)))
    times = live(program, 80_000).first_entry("dead")
    assert_survival(times, lambda t: math.exp(-0.2 / 0.3 * -math.expm1(-0.3 * t)), [1, 4, 199])


def test_fixed_delay_is_exact(build: Build) -> None:
    """A fixed delay falls at its delay, for everybody."""
    times = live(build(frame() + alive_dead(fixed(2.7))), 50).first_entry("dead")
    np.testing.assert_array_equal(times, 2.7)


def test_piecewise_exponential(build: Build) -> None:
    """Survival across the pieces; the last rate is held."""
    hazard = law("piecewise_exponential", starts=[0, 1, 3], rates=[0.1, 0.5, 0.2])
    times = live(build(frame() + alive_dead(hazard)), 80_000).first_entry("dead")

    def survival(t: float) -> float:
        return math.exp(-0.1 * min(t, 1) - 0.5 * min(max(t - 1, 0), 2) - 0.2 * max(t - 3, 0))

    assert_survival(times, survival, [0.5, 1, 2, 3, 5, 12])


def test_parameters_and_covariates_as_numbers(build: Build) -> None:
    """A family's number may be an expression of parameters and covariates."""
    text = frame(covariates=covariate("size", "constant", value=3)) + alive_dead(weibull("k", "base * size"))
    times = live(build(text, {"k": 1.5, "base": 2.0}), 80_000).first_entry("dead")
    assert_survival(times, scipy.stats.weibull_min(1.5, scale=6).sf, [2, 5, 10])


# === Races ===

RACE = (
    start("alive")
    + absorbing("relapse")
    + DEAD
    + move("alive", "relapse", weibull(1.3, 4))
    + move("alive", "dead", weibull(1.3, 9))
)


def test_race_of_two_weibulls(build: Build) -> None:
    """Who wins, when, and that the two are independent, by the closed form for equal shapes."""
    lives = live(build(frame() + RACE), 40_000)
    relapse, dead = lives.first_entry("relapse"), lives.first_entry("dead")
    a, b = 4**-1.3, 9**-1.3
    first = scipy.stats.weibull_min(1.3, scale=(a + b) ** (-1 / 1.3))
    won = relapse < dead
    assert_share(won, a / (a + b))
    assert_mean(np.minimum(relapse, dead), first.mean())
    assert_mean(relapse[won], first.mean())
    assert_mean(dead[~won], first.mean())
    assert_survival(np.minimum(relapse, dead), first.sf, [1, 3, 8])


@pytest.mark.parametrize("clock", ["entry", "model"])
def test_two_transitions_to_one_target_add(build: Build, clock: str) -> None:
    """Hazards of two transitions with names of their own add; sharing a risk unawares is refused."""
    base = frame() + alive_dead(exponential(0.2, clock=clock))
    program = build(base + move("alive", "dead", exponential(0.3, clock=clock), name="accident"))
    assert_mean(live(program, 80_000).first_entry("dead"), 2.0)
    with pytest.raises(InputError, match="uses the same risk"):
        build(base + move("alive", "dead", exponential(0.3, clock=clock)))


def test_alternatives_by_rule_may_share_a_risk(build: Build) -> None:
    """Two transitions that exclude each other by `when` use one budget: the slower is the faster, stretched."""
    text = (
        attributes(frail="flag")
        + chance("start", branch("alive", "p_frail", set={"frail": True}), branch("alive"), initial=True)
        + state("alive")
        + DEAD
        + move("alive", "dead", exponential(0.2), when="not frail")
        + move("alive", "dead", exponential(0.4), when="frail")
    )
    strategies = strategy("one") + strategy("two", set={"p_frail": 1})
    lives = live(build(frame(strategies=strategies) + text, {"p_frail": 0.0}), 500)
    np.testing.assert_allclose(lives.first_entry("dead", 0), 2 * lives.first_entry("dead", 1), rtol=1e-12)


# === Cure ===


def _cured(redraw: bool) -> str:
    """Illness for a year, again and again; 30% never fall ill."""
    return (
        start("well")
        + state("ill", duration=1, next="well")
        + move("well", "ill", exponential(0.8, cure=0.3, redraw=redraw))
        + move(["well", "ill"], "dead", exponential(0))
        + DEAD
    )


def test_mixture_cure_is_decided_once(build: Build) -> None:
    """The cured never have the event; the others have it again and again."""
    lives = live(build(frame(60) + _cured(redraw=False)), 10_000)
    times = lives.first_entry("ill")
    assert_survival(times, lambda t: 0.3 + 0.7 * math.exp(-0.8 * t), [0.5, 1, 3, 50])
    counts = lives.entries("ill")
    assert (counts[counts > 0] > 10).all()


def test_mixture_cure_redrawn_at_each_entry(build: Build) -> None:
    """With `redraw`, each return to the state is a new chance of cure: entries are geometric."""
    counts = live(build(frame(200) + _cured(redraw=True)), 10_000).entries("ill")
    assert_share(counts == 0, 0.3)
    assert_share(counts >= 2, 0.49)
    assert_mean(counts, 0.7 / 0.3)


# === Background mortality ===

TABLE = "sex,age,q\nfemale,0,0.01\nfemale,60,0.02\nfemale,70,0.05\nfemale,80,0.3\n"
TABLE += "male,0,0.01\nmale,60,0.03\nmale,70,0.08\nmale,80,0.4\n"
SEXES = categorical("sex", male=0.5, female=0.5)


def _dies(multiplier: float, more: Mapping[str, Any] | None = None, **table: Any) -> str:
    """Background death alone; the arguments say more of the transition and of the life table."""
    return (
        section("mortality", table="life.csv", **table)
        + start("alive")
        + move("alive", "dead", background={"multiplier": multiplier}, **(more or {}))
        + DEAD
    )


def _years_left(age: float, widths: list[tuple[float, float]], ratio: float) -> float:
    """Life expectancy from bands (start, hazard), by plain summation."""
    total, alive = 0.0, 1.0
    for i, (first, hazard) in enumerate(widths):
        stop = widths[i + 1][0] if i + 1 < len(widths) else math.inf
        if stop > age:
            dying = -math.expm1(-ratio * hazard * (stop - max(first, age)))
            total += alive * dying / (ratio * hazard)
            alive *= 1 - dying
    return total


def _bands(qs: list[float]) -> list[tuple[float, float]]:
    """Hazards of the table above: a q belongs to its whole band, the last to one year."""
    return [(a, -math.log1p(-q) / w) for a, q, w in zip((0, 60, 70, 80), qs, (60, 10, 10, 1), strict=True)]


@pytest.mark.parametrize("ratio", [1.0, 2.5])
def test_life_table_gives_its_life_expectancy(build: Build, tmp_path: Path, ratio: float) -> None:
    """Years left at 63.5 by sex against the sum over bands, with and without a multiplier; tables go by the name."""
    (tmp_path / "life.csv").write_text(TABLE)
    program = build(frame(136, age=63.5, covariates=SEXES) + _dies(ratio))
    lives = live(program, 30_000)
    times, male = lives.first_entry("dead"), lives.x[:, 1] == 0
    assert_share(male, 0.5)
    assert_mean(times[male], _years_left(63.5, _bands([0.01, 0.03, 0.08, 0.4]), ratio))
    assert_mean(times[~male], _years_left(63.5, _bands([0.01, 0.02, 0.05, 0.3]), ratio))
    life = program.scenario.life
    assert life is not None
    if ratio == 1.0:
        assert life.life_expectancy(life.index_of({"sex": "male"}), 63.5) == pytest.approx(
            _years_left(63.5, _bands([0.01, 0.03, 0.08, 0.4]), 1.0), rel=1e-12
        )


def test_effect_on_background_equals_its_multiplier(build: Build, tmp_path: Path) -> None:
    """A log hazard ratio on background death is the same as the multiplier, life by life."""
    (tmp_path / "life.csv").write_text(TABLE)
    base = frame(136, covariates=SEXES)
    a = live(build(base + _dies(3.0)), 300).first_entry("dead")
    b = live(build(base + _dies(1, {"effects": {"age": math.log(3) / 60}})), 300).first_entry("dead")
    np.testing.assert_allclose(a, b, rtol=1e-12)


def test_background_adds_to_disease(build: Build, tmp_path: Path) -> None:
    """With disease, the two hazards add: survival is the product."""
    (tmp_path / "life.csv").write_text("age,m\n0,0.02\n62,0.1\n")
    mortality = _dies(1, {"name": "background"}, measure="m", keys={})
    text = frame(age=60) + mortality + move("alive", "dead", exponential(0.15))
    times = live(build(text), 80_000).first_entry("dead")
    assert_survival(times, lambda t: math.exp(-0.15 * t - 0.02 * min(t, 2) - 0.1 * max(t - 2, 0)), [1, 2, 5, 10])
