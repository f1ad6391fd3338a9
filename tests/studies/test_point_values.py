"""Expectations beside point values: the gap of a closed form, told apart by the posterior and the other parameters."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.evaluation import Sampling, expected_values
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.report.evaluation.point_values import error_sentence, point_value_tables
from lmssim.studies.point_values import COLUMNS, PointValues, point_values
from tests.kit.models import DEAD, exponential, move, start, state, strategy
from tests.kit.parameters import parameter_table

if TYPE_CHECKING:
    from pathlib import Path

MEDIAN, SD, COST = 0.2, 0.5, 1_000.0
SAMPLING = Sampling(n_patients=40_000)
MODEL = """
schema_version = 2
name = "drawn"
title = "A hazard that is calibrated and a cost that is not"
parameters = ["table.csv"]
[settings]
horizon = 80
discount_rate_costs = 0
discount_rate_effects = 0
wtp = [20000]
comparator = "none"
[groups.calibrated]
kind = "posterior"
members = ["rate"]
file = "posterior.csv"
[population.covariates]
age = { kind = "constant", value = 60 }
"""
MODEL += (
    start("start", kind="phase", next="well", utility=0.5)
    + state("well", utility=0.5, cost_per_year={"total": "c"})
    + DEAD
    + move(["start", "well"], "dead", exponential("rate"), name="death")
    + strategy("none")
)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """The rate has posterior rows, the cost a log-normal distribution of its own."""
    folder: Path = tmp_path_factory.mktemp("drawn")
    (folder / "drawn.toml").write_text(MODEL)
    rates = MEDIAN * np.exp(SD * np.random.default_rng(3).standard_normal(1_000))
    (folder / "posterior.csv").write_text("rate\n" + "\n".join(f"{rate:.9g}" for rate in rates) + "\n")
    rows = f"rate, {MEDIAN}", f"c, {COST}, lognormal, {math.log(COST)!r}, {SD}"
    (folder / "table.csv").write_text(parameter_table(*rows, groups={"rate": "calibrated"}))
    return load_scenario(folder / "drawn.toml")


@pytest.fixture(scope="module")
def study(scenario: Scenario) -> PointValues:
    """The expectation over a thousand draws, and the values beside it."""
    return point_values(expected_values(scenario, SAMPLING, 1_000), SAMPLING)


def test_life_years_have_the_gap_of_the_posterior_alone(study: PointValues) -> None:
    """E[1 / rate] over the rows less 1 / median, within 3 standard errors; the cost's draws add nothing."""
    found = study.outcome("none", "life_years_undiscounted")
    drawn = study.evaluation.program.sample(1_000, SAMPLING.seed)["rate"]
    assert found.gap.mean == pytest.approx(float((1.0 / drawn).mean()) - 1.0 / MEDIAN, abs=3.0 * found.gap.se)
    assert found.of_others.mean == 0.0
    assert found.of_posterior.mean == found.gap.mean


def test_costs_have_a_gap_of_both(study: PointValues) -> None:
    """The mean of the cost's draws is above its median, by exp(SD^2 / 2), at the life-years of the posterior."""
    found = study.outcome("none", "cost_undiscounted")
    drawn = study.evaluation.program.sample(1_000, SAMPLING.seed)
    exact = float(((drawn["c"] - COST) / drawn["rate"]).mean())
    assert found.of_others.mean == pytest.approx(exact, abs=4.0 * found.of_others.se)
    assert found.of_others.mean > 4.0 * found.of_others.se
    assert found.of_others.mean + found.of_posterior.mean == pytest.approx(found.gap.mean, rel=1e-12)


def test_point_values_are_those_of_a_run(scenario: Scenario, study: PointValues) -> None:
    """The first patients at the parameters' values, as `lmssim run --point` has them."""
    from lmssim.evaluation import evaluate

    run = evaluate(scenario, replace(SAMPLING, n_patients=study.n_patients))
    found = study.outcome("none", "life_years")
    assert found.point.mean == pytest.approx(float(run.mean("life_years")[0]), rel=1e-12)


@pytest.mark.parametrize("changes", [{"jobs": 2}, {"block": 9}, {"jobs": 2, "backend": "loky"}], ids=str)
def test_every_bit_is_the_same(scenario: Scenario, changes: dict[str, object]) -> None:
    """For any workers, backend and block."""
    few = replace(SAMPLING, n_patients=2_000)
    known, other = (
        point_values(expected_values(scenario, each, 50), each).to_frame()
        for each in (few, replace(few, **changes))  # type: ignore[arg-type]
    )
    pd.testing.assert_frame_equal(known, other, check_exact=True)
    assert list(known) == COLUMNS


def test_tables_and_words_say_both(study: PointValues) -> None:
    """A report names the draws, the patients and the command that gives the point values."""
    tables = point_value_tables(study)
    assert [table.title for table in tables] == [f"Expectation and point values: {x}" for x in ("QALYs", "cost, GBP")]
    assert all(f"lmssim run {study.evaluation.scenario.path} --point" in table.caption for table in tables)
    assert error_sentence(study.evaluation) == ""  # there is nothing that is compared


def test_too_few_patients_are_refused(scenario: Scenario) -> None:
    """An error must be known."""
    few = Sampling(n_patients=1_000)
    with pytest.raises(InputError, match="1,000 are too few to tell an error; 1,024 or more"):
        point_values(expected_values(scenario, few, 10), few)


def test_without_a_posterior_the_whole_gap_is_of_other_parameters(scenario: Scenario, tmp_path: Path) -> None:
    """A scenario that nobody calibrated has no draws of a posterior: its own distributions make the gap."""
    folder = scenario.path.parent
    text = (folder / "drawn.toml").read_text()
    start_, stop = text.index("[groups.calibrated]"), text.index("[population.covariates]")
    (tmp_path / "drawn.toml").write_text(text[:start_] + text[stop:])
    (tmp_path / "table.csv").write_text(
        parameter_table(f"rate, {MEDIAN}", f"c, {COST}, lognormal, {math.log(COST)!r}, {SD}")
    )
    plain, few = load_scenario(tmp_path / "drawn.toml"), Sampling(n_patients=8_000)
    found = point_values(expected_values(plain, few, 400), few).outcome("none", "cost_undiscounted")
    assert found.of_others.mean == pytest.approx(found.gap.mean, abs=4.0 * found.of_posterior.se)
    assert found.of_others.mean > 2.0 * found.of_others.se
