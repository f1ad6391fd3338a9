"""Design files from Python: what they plan is what the functions plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lmssim.errors import InputError
from lmssim.trials import (
    DifferenceDesign,
    SurvivalDesign,
    constant,
    group_sequential,
    one_population,
    survival_design,
    uniform_accrual,
)
from lmssim.trials.planning.keys import LOSS, SECTIONS
from lmssim.trials.planning.plan import load_plan, plan_of

if TYPE_CHECKING:
    from pathlib import Path

TRIAL: dict[str, Any] = {
    "endpoint": {"hazard_ratio": 0.7, "allocation": 2},
    "control": {"rate": 0.05},
    "dropout": {"rate": 0.01, "experimental_rate": 0.02},
    "accrual": {"duration": 20},
    "timing": {"follow_up": 10},
}


def test_a_file_plans_what_the_functions_plan() -> None:
    """The same patients and bounds."""
    found = plan_of({"trial": {"looks": 2}, **TRIAL}).trial
    population = one_population(
        constant(0.05), 0.7, allocation=2.0, dropout=constant(0.01), dropout_experimental=constant(0.02)
    )
    expected = survival_design(population, uniform_accrual(20.0), group_sequential(2), follow_up=10.0)
    assert isinstance(found, SurvivalDesign)
    assert found.patients == pytest.approx(expected.patients, rel=1e-12)
    assert found.design.efficacy == expected.design.efficacy


@pytest.mark.parametrize(
    "control",
    [
        {"median": 13.862943611198906},
        {"rates": [0.05, 0.05], "starts": [0, 7]},
        {"survival": [0.6065306597126334], "times": [10]},
        {"rate": 0.05},
    ],
)
def test_ways_to_state_a_hazard_agree(control: dict[str, Any]) -> None:
    """Median, rates, survival at a time."""
    one, other = plan_of(TRIAL).trial, plan_of({**TRIAL, "control": control}).trial
    assert one is not None
    assert other is not None
    assert other.patients == pytest.approx(one.patients, rel=1e-9)


def test_patients_stand_for_the_rate() -> None:
    """Also with a course of rates."""
    course = {"durations": [5, 15], "rates": [1, 3], "patients": 500}
    found = plan_of({**TRIAL, "accrual": course, "timing": {"follow_up": 10, "solve": "power"}}).trial
    assert found is not None
    assert found.patients == pytest.approx(500.0)


def test_a_milestone_with_two_curves() -> None:
    """The experimental arm states its own hazard."""
    settings: dict[str, Any] = {
        "endpoint": {"test": "milestone", "tau": 12.0, "margin": 0.05},
        "control": {"cured": 0.3, "uncured_median": 8.0},
        "experimental": {"cured": 0.4, "uncured_median": 8.0},
        "accrual": {"duration": 20},
        "timing": {"study_duration": 40},
    }
    found = plan_of(settings).trial
    assert isinstance(found, DifferenceDesign)
    assert found.power == pytest.approx(0.9)
    with pytest.raises(InputError, match="experimental: stands in place of"):
        plan_of({**settings, "endpoint": {**settings["endpoint"], "hazard_ratio": 0.7}})
    with pytest.raises(InputError, match="strata: milestone is planned without"):
        plan_of({**settings, "strata": []})


def test_overrides_replace_their_rivals(tmp_path: Path) -> None:
    """A number of looks replaces fractions; a file's other keys stay."""
    path = tmp_path / "d.toml"
    path.write_text("[trial]\ninformation = [0.4, 1.0]\nalpha = 0.05\n")
    plan = load_plan(path, {"trial": {"looks": 4}})
    assert plan.design.looks == 4
    assert plan.design.alpha == 0.05
    assert plan.summary() == plan.design.summary()


def test_every_key_says_what_it_means() -> None:
    """In words."""
    assert all(text for keys in (*SECTIONS.values(), LOSS) for text in keys.values())


BAD: list[tuple[dict[str, Any], str]] = [
    ({"trial": {"looks": 2.5}}, r"trial.looks: 2.5 is not a whole number"),
    ({"trial": {"looks": 2, "information": [1.0]}}, "trial.looks: stands in place of information"),
    ({"trial": {"sides": True}}, "trial.sides: True is not 1 or 2"),
    ({"efficacy": {"looks": ["first"]}}, "efficacy.looks: .* is not a list of whole numbers"),
    ({"trial": {"looks": 3}, "efficacy": {"looks": [5]}}, "efficacy.looks: 5 is beyond the last look, 3"),
    ({"futility": {"rule": "z", "binding": 1}}, "futility.binding: 1 is not true or false"),
    ({"futility": {"rule": "z", "parameter": 1}}, "futility.parameter: belongs to spending"),
    ({**TRIAL, "dropout": {"rate": 0.1, "by": 3}}, "dropout.by: belongs to probability"),
    ({**TRIAL, "dropout": {}}, "dropout: give one of rate"),
    ({**TRIAL, "control": {"rate": 0.1, "starts": [0]}}, "control.starts: belongs to rates"),
    ({**TRIAL, "experimental": {"rate": 0.1}}, "experimental: belongs to rmst and milestone"),
    ({**TRIAL, "strata": 3}, "strata: is not a list"),
    ({**TRIAL, "accrual": {"duration": 3, "rate": 2}}, "accrual.rate: solve = 'accrual_rate' finds it"),
    (
        {**TRIAL, "accrual": {"duration": 3, "rate": 2, "patients": 3}, "timing": {"solve": "power", "follow_up": 3}},
        "accrual.patients: stands in place of rate",
    ),
    ({**TRIAL, "endpoint": {"hazard_ratio": "low"}}, "endpoint.hazard_ratio: 'low' is not a list of numbers"),
    ({**TRIAL, "endpoint": {"hazard_ratio": 0.7, "test": "cox"}}, "endpoint.test: unknown value 'cox'"),
    ({**TRIAL, "endpoint": {"hazard_ratio": 0.7, "margin": 0.0}}, "endpoint.margin: 0 must be above 0"),
]


@pytest.mark.parametrize(("settings", "words"), BAD)
def test_bad_settings_name_section_and_key(settings: dict[str, Any], words: str) -> None:
    """In one message."""
    with pytest.raises(InputError, match=words):
        plan_of(settings)
