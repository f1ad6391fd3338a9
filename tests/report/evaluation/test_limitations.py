"""A limitation is printed of a model that has it, and of no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.evaluation import Sampling, evaluate
from lmssim.report.evaluation.limitations import limitations
from tests.kit.models import DEAD, covariate, exponential, move, population, section, start, strategy
from tests.kit.scenarios import bundled_scenario

if TYPE_CHECKING:
    from tests.conftest import Build

PLAIN = (
    section("settings", horizon=5, times=[1])
    + population(covariate("age", "constant", value=60))
    + DEAD
    + move("alive", "dead", exponential("rate"))
    + strategy("one")
)


def said(build: Build, alive: str) -> str:
    """Limitations of a model of one state that has no uncertain parameter and no source."""
    scenario = build(PLAIN + alive, {"rate": 0.1}).scenario
    return " ".join(limitations(evaluate(scenario, Sampling(n_patients=50))))


def test_what_does_not_apply_is_not_printed(build: Build) -> None:
    """No uncertain parameter, no source, no utility, no cost: nothing is said of them."""
    text = said(build, start("alive"))
    for words in ("Parameter uncertainty", "assumed", "extrapolate", "Utilities", "price year"):
        assert words not in text
    assert "no background mortality" in text


def test_utilities_that_follow_age_by_themselves_are_not_said_to_stand_still(build: Build) -> None:
    """By an expression of age."""
    assert "Utilities do not fall with age" in said(build, start("alive", utility=0.8))
    assert "Utilities do not fall with age" not in said(build, start("alive", utility="1 - 0.005 * age"))


def test_a_model_in_cycles_is_not_said_to_lack_background_mortality() -> None:
    """It may look mortality up by age, so that nobody knows."""
    text = " ".join(limitations(evaluate(bundled_scenario("hiv"), Sampling(n_patients=50))))
    assert "background mortality" not in text


def test_what_applies_is_printed() -> None:
    """Uncertain parameters with sources over a lifetime."""
    text = " ".join(limitations(evaluate(bundled_scenario("extremity"), Sampling(n_patients=20))))
    for words in ("Parameter uncertainty is not included", "are assumed", "extrapolate", "but for the switches"):
        assert words in text
