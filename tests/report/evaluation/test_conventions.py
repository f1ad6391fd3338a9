"""Conventions in words: what a reader of a result must know of how it was computed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lmssim.model.scenario import load_scenario
from lmssim.report.evaluation.conventions import curve_conventions, loss_conventions, loss_sentence
from tests.kit.models import DEAD, alive_dead, curves, event, exponential, frame, section, start
from tests.kit.scenarios import bundled_scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CURVE = start("alive") + DEAD + curves({"os": exponential(0.2)}, states=["alive", "dead"])


def test_floor_and_crossing_of_survival_curves_are_said() -> None:
    """As the file sets them; a multiplier other than 1 is named."""
    scenario = bundled_scenario("partitioned")
    said = dict(curve_conventions(scenario))
    floor = "nested, pfs and os; the hazard of each is at least that of background mortality"
    assert said["Survival curves"] == floor
    assert "held at that one" in said["Curves that cross"]
    spec = scenario.file.partitioned_survival
    assert spec is not None
    more = scenario.file.model_copy(update={"partitioned_survival": spec.model_copy(update={"multiplier": 1.5})})
    assert dict(curve_conventions(replace(scenario, file=more)))["Survival curves"] == f"{floor} times 1.5"


def test_survival_curves_without_a_floor(write_scenario: Callable[..., Path]) -> None:
    """By default there is none, and curves that cross are refused."""
    said = dict(curve_conventions(load_scenario(write_scenario(frame() + CURVE))))
    assert said["Survival curves"] == "nested, os; background mortality is not added"
    assert said["Curves that cross"] == "refused in any draw"


def test_models_without_survival_curves_say_nothing_of_them() -> None:
    """There is nothing to say."""
    assert curve_conventions(bundled_scenario("extremity")) == []


def test_the_rule_of_losses_is_said(write_scenario: Callable[..., Path]) -> None:
    """Multiplied or subtracted, relative to a norm or not, and what events declare of their own."""
    scenario = bundled_scenario("extremity")
    (said,) = loss_conventions(scenario.file)
    assert said[0] == "Losses of utility"
    assert said[1].startswith("multiplied: norm x utility of the state x (1 - loss)")
    assert loss_sentence(scenario.file) == "A loss of utility multiplies the utility of the state by 1 - loss."
    text = alive_dead(exponential(0.1)).replace("[states.alive]", "[states.alive]\nevents = ['fall']")
    fall = event("fall", 0.5, utility_loss=0.1, years=1, stack=True, stop_on_leaving=True)
    file = load_scenario(write_scenario(frame() + text + fall + section("utilities", combine="additive"))).file
    assert loss_conventions(file)[0][1] == (
        "subtracted: utility of the state - loss; different losses at the same time add up; a repeat while the same "
        "loss lasts makes it last longer and does not count twice; but repeats of fall count each; losses of fall end "
        "on leaving the state"
    )


def test_without_losses_nothing_is_said_of_them() -> None:
    """There is nothing to say."""
    assert loss_conventions(bundled_scenario("weibull_closed_form").file) == []
    assert loss_sentence(bundled_scenario("weibull_closed_form").file) == ""
