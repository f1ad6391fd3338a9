"""The file of a budget impact analysis: what it says, and what is refused with the key, the value and the rule."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import budget_names
from lmssim.errors import InputError
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.agency.budget.file import bundled_budget, read_budget
from lmssim.studies.sensitivity.agency.budget.form import THEN
from tests.fuzz.spoil import spoil
from tests.kit.agency import BUDGET

if TYPE_CHECKING:
    from pathlib import Path


ADDED = 'assumed = "a gradual change"'
"""The last line of the file, after which more may stand."""
SCENARIO = "[[scenarios]]\nlabel = 'other'\nassumed = 'who knows'\n"
WRONG = [
    ("[threshold]\namount = 0\nsource = 'a law'", "threshold.amount"),
    ("[threshold]\namount = 5\nyears = 0\nsource = 'a law'", "threshold.years"),
    ("[threshold]\namount = 5", "either 'source' or 'assumed'"),
    ("[prevalence]\ncases = 11\nper = 10\nsource = 'a census'", "prevalence.cases = 11: are more than the 10 people"),
    ("[prevalence]\ncases = -1\nsource = 'a census'", "prevalence.cases"),
    (SCENARIO, "should be a table that changes something: one of people"),
    (f"{SCENARIO}cases = 100_001", "scenarios[1].cases = 100001: are more than the 100,000 people"),
    (f"{SCENARIO}costs = {{}}", "should be a table that changes something: one of people"),
    (
        2 * f"{SCENARIO}cases = 3\n",
        "scenarios[2].label: 'other' is the name of scenarios[1]; give another.",
    ),
    (
        "[[scenarios]]\nlabel = 'base case'\nassumed = 'who knows'\ncases = 3",
        "scenarios[1].label: 'base case' is the name of the base case; give another.",
    ),
    (f"{SCENARIO}uptake = [1]", "scenarios[1].uptake: 1 shares; the base case has 2."),
    (f"{SCENARIO}uptake = [1, 1.5]", "scenarios"),
    (f"{SCENARIO}eligible = [1, 1]", "scenarios[1].eligible: 2 shares; the base case has 1."),
    (f"{SCENARIO}prevalent = 3", "scenarios[1].prevalent: the base case has no [prevalence]"),
    (f"{SCENARIO}costs = {{ drugs = 2 }}", "scenarios[1].costs: unknown cost category 'drugs'. Did you mean 'drug'?"),
    (f"{SCENARIO}costs = {{ drug = -2 }}", "scenarios"),
    (f"{SCENARIO}cases = nan", "scenarios"),
    (f"{SCENARIO}growths = 1", "growths"),
]
"""Sections, and what is said of them."""


def test_shares_by_year(folder: Path) -> None:
    """Who changes gets the new care, the others today's."""
    budget = read_budget(folder / "budget.toml", load_scenario(folder / "disease.toml"))
    assert budget.mix(THEN, 0) == {"none": 0.5, "drug": 0.5}
    assert budget.mix(THEN, 1) == {"none": 0.0, "drug": 1.0}
    assert budget.year_names() == ["year 1", "year 2"]


@pytest.mark.parametrize("name", budget_names())
def test_bundled_budgets_fit_their_scenarios(name: str) -> None:
    """And every figure has a source or is assumed."""
    scenario = load_scenario(name)
    assert bundled_budget(scenario) == name
    budget = read_budget(name, scenario)
    assert budget.years == 5
    assert all(origin for _, _, origin in budget.assumptions())
    assert any(origin.startswith("assumed: ") for _, _, origin in budget.assumptions())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mix = { drug = 1 }", "mix = { drugs = 1 }", "then.mix: unknown strategy 'drugs'. Did you mean 'drug'?"),
        ("mix = { drug = 1 }", "mix = { drug = 0.9 }", "then.mix: the shares add up to 0.9; they must add up to 1."),
        ("share = 0.5", "share = 1.5", "eligible"),
        ("[uptake]", "[uptakes]", "uptakes"),
        ('source = "a census"', "", "should be a table with either 'source' or 'assumed' and the reason, not both."),
        ("mix = { drug = 1 }", "mix = {}", "then.mix = {}: should be a table of at least 1"),
        (
            "cases = 20",
            "cases = 300_000",
            "incidence.cases = 300000: are more than the 100,000 people among whom they are",
        ),
        ('source = "a census"', 'source = "a census"\nassumed = "too"', "either 'source' or 'assumed'"),
        ("by_year = [0.5, 1]", "by_year = []", "uptake.by_year"),
        ("by_year = [0.5, 1]", "by_year = [0.5, nan]", "uptake.by_year"),
        ("people = 1_000_000", "people = -1", "population.people"),
        ("people = 1_000_000", "people = 1e300", "population.people"),
        ("people = 1_000_000", "people = nan", "population.people"),
        ("per = 100_000", "per = 1e-300", "incidence.per"),
        ('"start"', '"middle"', "entry"),
        ("schema_version = 1", "schema_version = 2", "schema_version"),
        (
            "schema_version = 1",
            "schema_version = '1'",
            "schema_version = '1': should be 1. Please write it without quotes.",
        ),
        ('title = "A drug for a disease"', "title = ''", "title = '': should be text of at least 1 character(s)."),
        ("mix = { none = 1 }", "mix = {}", "now.mix = {}: should be a table of at least 1."),
        ("by_year = [0.5, 1]", f"by_year = {[1] * 21}", "uptake.by_year"),
        ("by_year = [0.5, 1]", "by_year = [-0.5, 1]", "uptake.by_year"),
        ("by_year = [0.5, 1]\n", "", "uptake.by_year"),
        ("[now]", "[now]\nlabel = 3", "now.label"),
        ("cases = 20", "cases = true", "incidence.cases"),
        ("growth = 0.1", "growth = 2", "population.growth"),
        *((ADDED, f"{ADDED}\n{more}", words) for more, words in WRONG),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, tmp_path: Path, old: str, new: str, words: str) -> None:
    """With one message."""
    assert old in BUDGET
    path = tmp_path / "wrong.toml"
    path.write_text(BUDGET.replace(old, new, 1))
    with pytest.raises(InputError) as refused:
        read_budget(path, load_scenario(folder / "disease.toml"))
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_name_that_is_not_there(folder: Path) -> None:
    """With the nearest one."""
    with pytest.raises(InputError, match="Did you mean 'extremity'"):
        read_budget("extremty", load_scenario(folder / "disease.toml"))


def test_a_spoilt_file_is_taken_whole_or_refused(folder: Path, tmp_path: Path) -> None:
    """By one message of moderate length, whatever was done to it."""
    scenario, path, data = load_scenario(folder / "disease.toml"), tmp_path / "budget.toml", BUDGET.encode()
    taken, messages = 0, []
    for seed in range(120):
        path.write_bytes(spoil(data, path.name, Random(seed), data))  # noqa: S311  # no secret
        try:
            budget = read_budget(path, scenario)
        except InputError as error:
            messages.append(str(error))
            continue
        taken += 1
        assert all(0.0 <= n < float("inf") for n in budget.patients)
        assert all(sum(budget.mix(THEN, year).values()) == pytest.approx(1.0) for year in range(budget.years))
    assert taken > 0
    assert messages
    assert max(map(len, messages)) < 2_000
