"""Budget impact against worked examples by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.agency.study import AgencyStudy, question
from tests.kit.agency import BUDGET, CARE, DRUG, RATE, RATIO, write_disease

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.sensitivity.agency.budget.impact import Impact

SE = 4.0


def within(rate: float, time: float) -> float:
    """Cost of care up to a time."""
    return CARE * -math.expm1(-rate * max(time, 0.0)) / rate


def budget_of(found: AgencyStudy) -> Impact:
    """The budget impact, which was told."""
    assert found.of_budget is not None
    return found.of_budget


def test_a_budget_by_hand(found: AgencyStudy) -> None:
    """100 patients in the first year and 110 in the second; half of the first and all of the second get the drug."""
    impact = budget_of(found)
    assert impact.budget.patients == pytest.approx([100.0, 110.0])
    old, new = RATE, RATE * RATIO
    first = {s: within(rate, 1.0) for s, rate in (("none", old), ("drug", new))}
    second = {s: within(rate, 2.0) - within(rate, 1.0) for s, rate in (("none", old), ("drug", new))}
    exact = {
        ("now", 0): 100.0 * first["none"],
        ("now", 1): 110.0 * first["none"] + 100.0 * second["none"],
        ("then", 0): 50.0 * first["none"] + 50.0 * (first["drug"] + DRUG),
        ("then", 1): 110.0 * (first["drug"] + DRUG) + 50.0 * (second["none"] + second["drug"]),
    }
    for (world, year), value in exact.items():
        found_ = impact.cost(world, year)
        assert abs(found_.mean - value) < SE * found_.se, (world, year)
    total = impact.cost("difference")
    whole = exact["then", 0] + exact["then", 1] - exact["now", 0] - exact["now", 1]
    assert abs(total.mean - whole) < SE * total.se
    assert impact.per_patient("difference").mean == pytest.approx(total.mean / 210.0)
    assert impact.cost("difference", 1, "drug").mean == pytest.approx(110.0 * DRUG, rel=1e-12)


def test_years_and_categories_add_up(found: AgencyStudy) -> None:
    """And the table has what the result has."""
    frame = found.budget_impact.set_index(["year", "world", "category", "measure"])["mean"]
    for world in ("now", "then", "difference"):
        years = [frame[f"year {k}", world, "total", "cost"] for k in (1, 2)]
        assert math.fsum(years) == pytest.approx(frame["all years", world, "total", "cost"])
        categories = [frame["year 2", world, name, "cost"] for name in ("care", "drug")]
        assert math.fsum(categories) == pytest.approx(frame["year 2", world, "total", "cost"])
    then, now = (frame["all years", world, "total", "cost"] for world in ("then", "now"))
    assert frame["all years", "difference", "total", "cost"] == pytest.approx(then - now)


def test_patients_who_enter_evenly(folder: Path, tmp_path: Path) -> None:
    """A quarter of them each has 7/8, 5/8, 3/8 and 1/8 of the first year, and all of the second."""
    path = tmp_path / "evenly.toml"
    path.write_text(BUDGET.replace('"start"', '"evenly"'))
    program = compile_scenario(load_scenario(folder / "disease.toml"))
    asked = question(program, Sampling(n_patients=8_192), parts=["budget"], budget=path)
    frame = asked.run().cost_by_year
    parts = [0.875, 0.625, 0.375, 0.125]
    for strategy, rate, price in (("none", RATE, 0.0), ("drug", RATE * RATIO, DRUG)):
        own = frame[(frame["strategy"] == strategy) & (frame["category"] == "total")]
        for year, mean, se in zip(own["year_since_treatment"], own["mean"], own["se"], strict=True):
            until = math.fsum(within(rate, year - 1 + part) for part in parts) / 4.0
            before = math.fsum(within(rate, year - 2 + part) for part in parts) / 4.0
            assert abs(mean - (until - before + (price if year == 1 else 0.0))) < SE * se


def test_draws_give_the_expectation(tmp_path: Path) -> None:
    """Over a rate of death between 0.1 and 0.2, costs are averaged over it; the error counts draws."""
    scenario = load_scenario(write_disease(tmp_path, uncertain=", uniform, , , , 0.1, 0.2"))
    (tmp_path / "budget.toml").write_text(BUDGET)
    asked = question(
        compile_scenario(scenario), Sampling(n_patients=8_000), 400, parts=["budget"], budget=tmp_path / "budget.toml"
    )
    frame = asked.run().cost_by_year
    own = frame[(frame["strategy"] == "none") & (frame["category"] == "total")].iloc[0]
    grid = [0.1 + 0.1 * (k + 0.5) / 1_000 for k in range(1_000)]
    exact = math.fsum(within(rate, 1.0) for rate in grid) / 1_000
    assert abs(float(own["mean"]) - exact) < SE * float(own["se"])


MORE = """
[prevalence]
cases = 100
per = 1_000_000
source = "a count"
[threshold]
label = "a law"
amount = 300_000
assumed = "a number"
[[scenarios]]
label = "Others"
people = 2_000_000
growth = 0
cases = 10
prevalent = 10
eligible = [0.25]
uptake = [1, 0]
assumed = "all at once"
[[scenarios]]
label = "Dear"
costs = { drug = 2 }
assumed = "a price"
"""


def test_prevalence_threshold_and_scenarios_by_hand(folder: Path, tmp_path: Path) -> None:
    """100 new patients and 50 who are there in the first year; other figures and prices on the same costs."""
    (tmp_path / "budget.toml").write_text(BUDGET + MORE)
    program = compile_scenario(load_scenario(folder / "disease.toml"))
    asked = question(program, Sampling(n_patients=1_024), parts=["budget"], budget=tmp_path / "budget.toml")
    found = asked.run()
    impact = budget_of(found)
    assert impact.budget.patients == pytest.approx([150.0, 110.0])
    first, second = (impact.cost("difference", year).mean for year in (0, 1))
    assert first == pytest.approx(75.0 * (impact.of_patient("drug", 0).mean - impact.of_patient("none", 0).mean))
    assert first > 300_000.0
    assert impact.exceeding == [0, 1]
    frame = found.budget_scenarios.set_index(["scenario", "year"])
    assert frame["mean"]["base case", "year 2"] == pytest.approx(second)
    assert frame["patients"]["Others", "year 1"] == pytest.approx(2e6 * (10 / 1e5 + 10 / 1e6) * 0.25)
    assert frame["patients"]["Others", "year 2"] == pytest.approx(2e6 * 10 / 1e5 * 0.25)
    change = impact.of_patient("drug", 1).mean - impact.of_patient("none", 1).mean
    assert frame["mean"]["Others", "year 2"] == pytest.approx(55.0 * change)
    assert frame["mean"]["Dear", "year 1"] == pytest.approx(first + 75.0 * DRUG)
    assert frame["source"]["Dear", "year 1"] == "assumed: a price"
    inputs = found.budget_inputs.set_index("input")
    assert inputs["value"]["Scenario: Dear"] == "drug costs times 2"
    others = "people 2,000,000; growth 0; cases 10; prevalent 10; eligible 0.25; uptake 1, 0"
    assert inputs["value"]["Scenario: Others"] == others
    assert inputs["source"]["Scenario: Dear"] == "assumed: a price"


def test_a_difference_near_the_threshold_is_undecided(folder: Path, tmp_path: Path) -> None:
    """Only where it is nearer than its 95% Monte-Carlo error, and only in the years that the payer asks about."""
    program = compile_scenario(load_scenario(folder / "disease.toml"))

    def impact_of(amount: float, years: int = 2) -> Impact:
        threshold = f"[threshold]\namount = {amount}\nyears = {years}\nassumed = 'a number'\n"
        (tmp_path / "budget.toml").write_text(BUDGET + threshold)
        asked = question(program, Sampling(n_patients=1_024), parts=["budget"], budget=tmp_path / "budget.toml")
        return budget_of(asked.run())

    mean, se = impact_of(1.0).cost("difference", 1)
    assert impact_of(mean - se).undecided == impact_of(mean + se).undecided == [1]
    assert impact_of(mean - 3.0 * se).undecided == []
    assert impact_of(mean - se, years=1).undecided == []
    assert (impact_of(mean - se).exceeding, impact_of(mean + se).exceeding) == ([1], [])


def test_cycles_must_fit_the_years(tmp_path: Path) -> None:
    """A model in yearly cycles has no cost of seven eighths of a year."""
    program, text = compile_scenario(load_scenario("hiv")), BUDGET.replace('"start"', '"evenly"')
    for old, new in zip(("none", "drug"), program.strategies, strict=False):
        text = text.replace(f"{{ {old} = 1 }}", f"{{ {new} = 1 }}")
    (tmp_path / "budget.toml").write_text(text)
    asked = question(program, Sampling(n_patients=1_024), parts=["budget"], budget=tmp_path / "budget.toml")
    with pytest.raises(InputError, match=r"no whole number of the model's cycles of 1 years. Give entry = 'start'"):
        asked.run()
