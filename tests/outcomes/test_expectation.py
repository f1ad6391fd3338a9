"""Expectations over parameter draws: closed forms, true errors, and the same bits however computed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lmssim.errors import InputError
from lmssim.evaluation import Evaluation, Sampling, draws_of, evaluate, expected_values
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.outcomes.expectation import Expectation
from lmssim.outcomes.ratios import Ratios
from tests.kit.models import DEAD, exponential, move, section, start, state, strategy
from tests.kit.parameters import parameter_table

if TYPE_CHECKING:
    from pathlib import Path

MEDIAN, SD, COST = 0.2, 0.4, 1_000.0
DRAWS, PATIENTS = 100, 2_000
MODEL = """
schema_version = 2
name = "drawn"
title = "A hazard of death that is not known"
parameters = ["rate.csv"]
[settings]
horizon = 60
discount_rate_costs = 0
discount_rate_effects = 0
wtp = [20000]
times = [2, 5]
comparator = "none"
[population.covariates]
age = { kind = "constant", value = 60 }
weak = { kind = "binary", probability = 0.3 }
[endpoints.os]
label = "Overall survival"
kind = "survival"
events = ["dead"]
[endpoints.death]
kind = "incidence"
events = ["dead"]
"""
MODEL += (
    start("start", kind="phase", next="well", utility=0.5)
    + state("well", utility=0.5, cost_per_year={"total": COST})
    + DEAD
    + section("treatments.drug", phase="start", duration=0.0, effects=[{"risk": "death", "effect": -0.5}])
    + move(["start", "well"], "dead", exponential("rate"), name="death", effects={"weak": 0.7})
    + strategy("none")
    + strategy("drug", treatments=["drug"])
)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """A model whose hazard has a log-normal distribution."""
    folder: Path = tmp_path_factory.mktemp("drawn")
    (folder / "drawn.toml").write_text(MODEL)
    rate = f"rate, {MEDIAN}, lognormal, {math.log(MEDIAN)!r}, {SD}"
    (folder / "rate.csv").write_text(parameter_table(rate))
    return load_scenario(folder / "drawn.toml")


def expected(scenario: Scenario, seed: int = 1, **changes: Any) -> Evaluation:
    """Expectation over a few draws."""
    sampling = replace(Sampling(n_patients=PATIENTS, seed=seed), **changes)
    return expected_values(scenario, sampling, DRAWS)


def test_the_mean_is_the_expectation_and_not_the_value_at_the_median(scenario: Scenario) -> None:
    """E[1 / rate] of a log-normal rate, within 3 standard errors; the point value lies more than 5 below it."""
    factor = 0.7 + 0.3 * np.exp(-0.7)
    found = expected_values(scenario, Sampling(n_patients=100_000), 2_000)
    frame = found.summary
    row = frame[(frame["strategy"] == "none") & (frame["outcome"] == "life_years")].iloc[0]
    mean, se = float(row["mean"]), float(row["se"])
    exact = factor / MEDIAN * np.exp(SD**2 / 2.0)
    assert mean == pytest.approx(exact, abs=3.0 * se)
    assert mean - factor / MEDIAN > 5.0 * se


def test_errors_are_those_of_another_sample_of_draws_and_patients(scenario: Scenario) -> None:
    """Each printed error against the spread over 80 seeds, within 4 standard errors of that spread (about 8% each)."""
    n = 80
    frames = [expected(scenario, seed).summary.set_index(["strategy", "outcome"]) for seed in range(n)]
    seen = pd.concat([frame["mean"] for frame in frames], axis=1).std(axis=1)
    said = pd.concat([frame["se"] for frame in frames], axis=1).pow(2).mean(axis=1) ** 0.5
    ratio = (seen / said)[said > 0.0]
    tolerance = 4.0 / np.sqrt(2.0 * (n - 1))
    assert len(ratio) > 20
    wide = ratio.index.get_level_values("outcome").str.contains("median")  # a median's error is itself an estimate
    beyond = np.abs(np.log(ratio.to_numpy(dtype=np.float64)))
    assert (beyond[~wide] < tolerance).all()
    assert (beyond[wide] < tolerance + 0.15).all()


def test_errors_of_increments_are_those_of_another_sample(scenario: Scenario) -> None:
    """The same of what the drug adds, whose draws and patients are those of the comparator."""
    found = [expected(scenario, seed) for seed in range(80)]
    gains = [each.increment("drug", "qalys") for each in found]
    benefits = [each.incremental_net_benefit("drug", 20_000.0) for each in found]
    for each in (gains, benefits):
        means, errors = np.array(each).T
        assert means.std(ddof=1) == pytest.approx(float(np.sqrt((errors**2).mean())), rel=4.0 / np.sqrt(158.0))


def test_errors_come_from_draws_and_from_patients(scenario: Scenario) -> None:
    """Their squares add up; the part of patients is what a closed form says of as many within the draws."""
    found = expected_values(scenario, Sampling(n_patients=100_000), 1_000)
    own = found.errors[found.errors["comparator"] == ""].set_index(["strategy", "outcome"])
    whole = found.summary.set_index(["strategy", "outcome"])["se"]
    both = (own["draws"] ** 2 + own["patients"] ** 2) ** 0.5
    np.testing.assert_allclose(both, whole[both.index], rtol=1e-12)
    rate = MEDIAN * np.exp(SD * stats.norm.ppf((np.arange(4_000) + 0.5) / 4_000))
    factor = 0.7 + 0.3 * np.exp(-0.7)
    second = 2.0 * (0.7 + 0.3 * np.exp(-1.4)) / rate**2
    within = float((second - (factor / rate) ** 2).mean())
    assert own.loc[("none", "life_years"), "patients"] == pytest.approx(np.sqrt(within / 100_000), rel=0.05)
    assert own.loc[("none", "life_years"), "parameters"] == pytest.approx(float((factor / rate).std()), rel=0.1)


@pytest.mark.parametrize(
    "changes", [{"jobs": 2}, {"jobs": 2, "backend": "loky"}, {"block": 7}, {"engine": "des"}], ids=str
)
def test_every_bit_is_the_same(scenario: Scenario, changes: dict[str, Any]) -> None:
    """For any workers, backend, block and engine that walks through lives."""
    known, other = expected(scenario), expected(scenario, **changes)
    for name in ("summary", "incremental", "frontier", "survival", "errors"):
        pd.testing.assert_frame_equal(getattr(known, name), getattr(other, name), check_exact=True)


def test_other_batches_of_draws_change_no_bit(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many draws a task takes."""
    known = expected(scenario)
    monkeypatch.setattr("lmssim.execution.simulate.TASK_PATHS", 1_000)
    for name in ("summary", "errors"):
        pd.testing.assert_frame_equal(getattr(known, name), getattr(expected(scenario), name), check_exact=True)


def test_a_part_of_the_population_has_other_numbers_of_patients_in_each_draw(scenario: Scenario) -> None:
    """The mean is over all patients of the part; its error is the true one (80 seeds, 4 of its errors)."""
    exact = np.exp(-0.7) / MEDIAN * np.exp(SD**2 / 2.0)
    found = [expected(scenario, seed, where="weak == 1").increments.increment(0, 0, 0) for seed in range(2)]
    assert all(each.se == 0.0 for each in found)
    own = [expected(scenario, seed, where="weak == 1").summary.iloc[0] for seed in range(80)]
    means, errors = (np.array([row[name] for row in own], dtype=np.float64) for name in ("mean", "se"))
    assert means.mean() == pytest.approx(exact, abs=4.0 * errors.mean() / np.sqrt(80.0))
    assert means.std(ddof=1) == pytest.approx(float(np.sqrt((errors**2).mean())), rel=4.0 / np.sqrt(158.0))


def test_shared_draws_keep_the_errors_of_patients_given_the_draws(scenario: Scenario) -> None:
    """Draws that share their patients are no sample of the parameters' distribution, so nothing is said of them."""
    found = evaluate(scenario, Sampling(n_patients=200), {"rate": np.linspace(0.1, 0.3, 4)})
    assert not found.is_expectation
    assert found.estimates.n_draws == 4


@pytest.mark.parametrize(
    ("sampling", "n_draws", "message"),
    [
        (Sampling(n_patients=100), 51, "100 over 51 draws; 102 or more, 2 a draw, are needed"),
        (Sampling(n_patients=19), None, "19 are too few for an expectation over draws"),
        (Sampling(engine="cohort"), 10, "solves the values of parameters; lmssim.psa solves draws"),
        (Sampling(n_patients=100, where="weak == 1 and age == 60 and weak == 0"), None, "0 in 10 draws are too few"),
    ],
)
def test_expectations_that_cannot_be_taken_are_refused(
    scenario: Scenario, sampling: Sampling, n_draws: int | None, message: str
) -> None:
    """With what is too little, and how much is enough."""
    with pytest.raises(InputError, match=message):
        expected_values(scenario, sampling, n_draws)


def test_nothing_to_draw_is_refused(scenario: Scenario) -> None:
    """A scenario whose parameters are all held has no expectation but its point values."""
    with pytest.raises(InputError, match="no parameter that the model uses is uncertain"):
        expected_values(scenario.with_values({"rate": 0.2}), Sampling(n_patients=100))


def test_few_patients_are_split_over_few_draws() -> None:
    """Ten in each at least, and a thousand draws at most."""
    assert [draws_of(n) for n in (20, 1_000, 100_000)] == [2, 100, 1_000]


def test_ratios_have_the_errors_of_the_delta_method() -> None:
    """Of 1 to 5 patients a draw: against the spread of 400 sets of 200 draws, within 4 of its standard errors."""
    rng = np.random.default_rng(5)
    errors, values = [], []
    for _ in range(400):
        n = rng.integers(1, 6, 200).astype(np.float64)
        level = rng.beta(2.0, 5.0, 200)
        ratios = Ratios()
        ratios.add(n, (rng.binomial(n.astype(np.int64), level) / n)[:, None])
        errors.append(float(ratios.error[0]))
        values.append(float(ratios.value[0]))
    assert np.std(values, ddof=1) == pytest.approx(float(np.sqrt(np.mean(np.square(errors)))), rel=4.0 / np.sqrt(800.0))


def test_estimates_say_what_they_are(scenario: Scenario) -> None:
    """Draws are the units of errors, and patients are counted over all draws."""
    found = expected(scenario)
    assert isinstance(found.estimates, Expectation)
    assert (found.estimates.n, found.n, found.estimates.n_lives) == (DRAWS, PATIENTS, PATIENTS)
