"""Validation against a model whose law is known: coverage of new studies, a wrong model found, widths, bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import log, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from lmssim.bundled import calibration_names
from lmssim.errors import InputError
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.published.readings import readings_of
from lmssim.published.targets import Target
from lmssim.studies.calibration.holdout import load_held_out
from lmssim.studies.calibration.problem import load_problem
from lmssim.studies.validation import between_study, clustered_error, validate
from tests.kit.models import DEAD, exponential, move, start

if TYPE_CHECKING:
    from pathlib import Path

RATE, SD, TAU = 0.2, 0.3, 0.4
DRAWS, PATIENTS = 400, 2_000
STUDIES = 400
"""New studies of each target."""
TEXT = """
groups.fit = { kind = "posterior", members = ["die"], file = "posterior.csv" }
settings = { horizon = 60, currency = "GBP", wtp = [20000], comparator = "nothing" }
strategies.nothing = { label = "Nothing" }
population.covariates.age = { kind = "constant", value = 50 }
"""
TEXT += start("well") + DEAD + move("well", "dead", exponential("die"))

Model = Callable[..., Scenario]


@pytest.fixture
def model(write_scenario: Callable[..., Path], tmp_path: Path) -> Model:
    """Death at a rate whose posterior is log-normal, in strata of equal probability."""

    def make(rate: float = RATE, sd: float = SD, tau: float = TAU) -> Scenario:
        order = np.random.default_rng(1).permutation(DRAWS)
        rates = rate * np.exp(sd * special.ndtri((order + 0.5) / DRAWS))
        pd.DataFrame({"die": rates, "tau_death": tau}).to_csv(tmp_path / "posterior.csv", index=False)
        return load_scenario(write_scenario(TEXT, {"die": rate}))

    return make


def target(target_id: str, statistic: str, value: float, n: int, time: float | None = None, **more: Any) -> Target:
    """A target of patients who are all followed to the end."""
    given: dict[str, Any] = {"follow_up_low": 50.0, "follow_up_high": 60.0, "source_id": target_id} | more
    return Target(
        target_id=target_id,
        site="all",
        strategy="nothing",
        outcome="os",
        statistic=statistic,
        time=time,
        value=value,
        n=n,
        **given,
    )


TARGETS = [
    target("os2", "km_survival", 0.67, 60, 2.0),
    target("os5", "km_survival", 0.37, 200, 5.0),
    target("crude5", "crude_proportion", 0.37, 100, 5.0),
    target("median", "median_time_years", 3.5, 80),
]


def test_coverage_of_new_studies_is_nominal(model: Model) -> None:
    """Studies simulated by the same law, parameters and settings drawn anew: 95% lie inside."""
    scenario = model()
    found = validate(scenario, readings_of(TARGETS, scenario), DRAWS, PATIENTS, seed=3)
    rng = np.random.default_rng(11)
    error = sqrt(0.95 * 0.05 / STUDIES)
    for target, row in zip(TARGETS, found.frame.itertuples(), strict=True):
        rates = RATE * np.exp(SD * rng.normal(size=STUDIES) + TAU * rng.normal(size=STUDIES))
        if target.time is None:
            values = np.median(rng.exponential(size=(STUDIES, target.n or 1)) / rates[:, None], axis=1)
        else:
            values = rng.binomial(target.n or 1, np.exp(-rates * target.time)) / (target.n or 1)
        inside = np.mean((values >= float(row.low) - 1e-9) & (values <= float(row.high) + 1e-9))  # type: ignore[arg-type]
        assert abs(inside - 0.95) < 3.0 * error + 0.005, target.target_id
    assert found.tau == {"death": "posterior of group fit"}


def test_coverage_of_restricted_means_is_nominal(model: Model) -> None:
    """The hazards of new settings act on a restricted mean as they do; none is above its horizon."""
    scenario, n, end = model(), 60, 6.0
    found = validate(scenario, readings_of([target("mean", "rmst", 4.1, n, end)], scenario), DRAWS, PATIENTS, seed=3)
    rng = np.random.default_rng(12)
    rates = RATE * np.exp(SD * rng.normal(size=STUDIES) + TAU * rng.normal(size=STUDIES))
    values = np.minimum(rng.exponential(size=(STUDIES, n)) / rates[:, None], end).mean(axis=1)
    (row,) = found.frame.itertuples()
    inside = np.mean((values >= float(row.low)) & (values <= float(row.high)))  # type: ignore[arg-type]
    assert abs(inside - 0.95) < 3.0 * sqrt(0.95 * 0.05 / STUDIES) + 0.005
    assert float(row.high) < end  # type: ignore[arg-type]
    assert row.inside


def test_rows_of_other_sites_are_counted_and_bad_rows_stand_in_the_table(model: Model) -> None:
    """Neither changes what is predicted of the others."""
    scenario = model()
    readings = readings_of(TARGETS[:2], scenario)
    bad = replace(TARGETS[3], model_strategy="nothng", place="own.csv:5")
    more = [*readings, *readings_of([bad], scenario), replace(readings[0], series=None, other_site=True)]
    alone, found = (validate(scenario, each, 20, 500) for each in (readings, more))
    assert found.summary["other_sites"] == found.summary["refused"] == 1
    assert (found.summary["targets"], found.summary["not_computable"]) == (3, 0)
    pd.testing.assert_frame_equal(found.frame.iloc[:2], alone.frame)
    assert "own.csv:5: 'model_strategy': unknown strategy 'nothng'" in found.frame["reading"][2]


def test_a_wrong_model_is_found(model: Model) -> None:
    """Deaths three times as fast: the targets lie outside, and the bias says by how much."""
    scenario = model(3.0 * RATE, 0.05, 0.05)
    found = validate(scenario, readings_of(TARGETS, scenario), 100, 1_000)
    summary = found.summary
    assert (summary["inside"], summary["counted"], summary["studies"]) == (0, 4, 4)
    shares = [np.exp(-RATE * t) - np.exp(-3.0 * RATE * t) for t in (2.0, 5.0, 5.0)]
    assert summary["share"]["bias"] == pytest.approx(-np.mean(shares), abs=0.02)
    assert summary["share"]["mean_absolute_error"] == pytest.approx(np.mean(shares), abs=0.02)
    assert summary["log_time"]["bias"] == pytest.approx(log(3.0), abs=0.05)
    assert summary["log_time"]["bias_se"] is None
    right = model(RATE, 0.05, 0.05)
    assert summary["mean_log_score"] < summary["mean_log_score_reference"]
    assert validate(right, readings_of(TARGETS, right), 100, 1_000).summary["mean_log_score"] > (
        summary["mean_log_score_reference"] + 0.5
    )


def test_width_is_that_of_sampling_where_nothing_else_is_uncertain(model: Model) -> None:
    """Once with parameters and settings known, once with the setting alone unknown."""
    widths = []
    for tau in (0.0, TAU):
        scenario = model(sd=0.0, tau=tau)
        widths.append(validate(scenario, readings_of(TARGETS, scenario), 200, 8_000).frame["width_ratio"])
    assert np.allclose(widths[0].astype(float), 1.0, atol=0.15)
    assert (widths[1] > 1.5 * widths[0]).all()
    scenario = model(sd=0.0, tau=0.0)
    known = validate(scenario, readings_of(TARGETS[:3], scenario), 200, 8_000).frame
    for target, low, high in zip(TARGETS, known["low"], known["high"], strict=False):
        ends = stats.binom.ppf([0.025, 0.975], target.n or 1, np.exp(-RATE * (target.time or 0.0)))
        assert np.abs(np.array([low, high]) * (target.n or 1) - ends).max() <= 0.02 * (target.n or 1)
    alone = 1.0 / (sqrt(80) * log(2.0))  # SD of the log of a median of exponential times
    assert widths[1].iloc[3] == pytest.approx(sqrt(1.0 + (TAU / alone) ** 2), rel=0.1)


def test_censoring_widens_an_interval_unless_the_number_is_net_of_it(model: Model) -> None:
    """Uniform follow-up of 0.5 to 5.5 years leaves a tenth of the patients at five."""
    scenario = model(sd=0.0, tau=0.0)
    whole, censored = readings_of([TARGETS[1], replace(TARGETS[1], follow_up_low=0.5, follow_up_high=5.5)], scenario)
    net = replace(censored, effective=200.0)
    frame = validate(scenario, [whole, censored, net], 60, 4_000).frame
    width = (frame["high"] - frame["low"]).to_numpy()
    assert width[1] > 1.4 * width[0]
    assert width[2] == pytest.approx(width[0], rel=0.15)


def test_no_target_depends_on_workers_or_on_the_others(model: Model) -> None:
    """Nor on the order of the table."""
    scenario = model()
    censored = [replace(f, follow_up_low=1.0) if f.target_id == "os5" else f for f in TARGETS]  # other patients between
    readings = readings_of(censored, scenario)
    frame = validate(scenario, readings, 60, 500, jobs=1).frame
    pd.testing.assert_frame_equal(frame, validate(scenario, readings, 60, 500, jobs=2).frame)
    alone = validate(scenario, readings[:0:-2], 60, 500).frame.set_index("target_id")
    pd.testing.assert_frame_equal(alone, frame.set_index("target_id").loc[alone.index])
    expected = [np.exp(-2.0 * RATE), np.exp(-5.0 * RATE), np.exp(-5.0 * RATE), log(2.0) / RATE]
    assert np.allclose(frame["predicted"].astype(float), expected, rtol=0.12)
    other = validate(scenario, readings, 60, 500, seed=2).frame
    assert not (frame["predicted"] == other["predicted"]).any()


def test_what_is_not_computable_is_listed_and_ranges_are_not_counted(model: Model) -> None:
    """With a reason; a bound is met if the prediction lies within it."""
    scenario = model()
    targets = [
        target("ratio", "hazard_ratio", 0.5, 100),
        target("within", "km_survival", 0.0, 100, 2.0),
        target("beyond", "km_survival", 0.0, 100, 2.0),
        target("nobody", "km_survival", 0.5, 100, 2.0, where="age > 60"),
    ]
    targets[1] = replace(targets[1], value=None, low=0.5)
    targets[2] = replace(targets[2], value=None, high=0.5)
    found = validate(scenario, readings_of(targets, scenario), 40, 500)
    assert list(found.frame["inside"]) == [None, True, False, None]
    assert list(found.frame["counted"]) == [False] * 4
    assert [text.startswith("not computable: ") for text in found.frame["reading"]] == [True, False, False, True]
    assert "too few simulated patients" in found.frame["reading"][3]
    assert found.summary["share_inside"] is None
    assert (found.summary["computed"], found.summary["not_computable"]) == (2, 2)


def test_nothing_happens_in_a_small_study(model: Model) -> None:
    """No death among a few patients, at a low rate, lies inside."""
    scenario = model(0.005)
    found = validate(scenario, readings_of([target("none", "km_survival", 1.0, 20, 2.0)], scenario), 40, 500)
    assert found.frame["inside"][0]
    assert found.frame["high"][0] == 1.0


def test_between_study_sd_is_assumed_where_the_posterior_has_none(model: Model) -> None:
    """Half-normal with scale a half; else the posterior's column, row by row, again from the first."""
    scenario = model()
    values, source = between_study(scenario, "metastasis", 4_000, 1)
    assert source == "half-normal(0.5), assumed"
    assert (values > 0.0).all()
    assert np.mean(values**2) == pytest.approx(0.25, abs=4.0 * 0.25 * sqrt(2.0 / 4_000))
    assert np.array_equal(between_study(scenario, "metastasis", 10, 1)[0], values[:10])
    assert (between_study(scenario, "death", 2 * DRAWS, 1)[0] == TAU).all()


def test_the_error_of_a_mean_is_clustered_by_study() -> None:
    """With one target per study, the usual one; targets of one study that agree count as one."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=30)
    assert clustered_error(values, np.arange(30)) == pytest.approx(values.std(ddof=1) / sqrt(30))
    twice = clustered_error(np.repeat(values, 2), np.repeat(np.arange(30), 2))
    assert twice == pytest.approx(values.std(ddof=1) / sqrt(30))
    assert clustered_error(values, np.zeros(30)) is None


@pytest.mark.parametrize("name", calibration_names())
def test_held_out_targets_are_those_of_the_held_out_cohorts(name: str) -> None:
    """Each once; those that could have been fitted are counted."""
    problem = load_problem(name)
    scenario, readings = load_held_out(problem.file.scenario)
    assert {reading.study for reading in readings} == set(problem.file.all_held_out)
    assert sum(reading.counted for reading in readings) >= len(problem.file.all_held_out)
    assert {reading.target_id for reading in readings if reading.counted} == {
        row.target for row in problem.rows if row.held_out and row.role == "fit"
    }
    assert set(problem.file.strategies) <= set(scenario.file.strategies)


@pytest.mark.parametrize(("draws", "patients"), [(5, 1_000), (100, 20)])
def test_too_few_draws_or_patients_are_refused(model: Model, draws: int, patients: int) -> None:
    """By name."""
    scenario = model()
    with pytest.raises(InputError, match="too few"):
        validate(scenario, readings_of(TARGETS, scenario), draws, patients)
