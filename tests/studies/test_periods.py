"""When the benefit falls: gains by period add up, are those of a closed form, and are the same however computed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.evaluation import Sampling, evaluate
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.studies.periods import ENDED, MODELLED, WHOLE, benefit_by_period, check_times, period_name
from tests.kit.models import DEAD, exponential, move, section, start, state, strategy
from tests.kit.parameters import fixed_parameters

if TYPE_CHECKING:
    from pathlib import Path

RATE, RATIO, HORIZON = 0.2, 0.5, 30.0
TIMES = (5.0, 10.0)
SAMPLING = Sampling(n_patients=8_000)

DRUG = """
schema_version = 2
name = "drug"
title = "A drug that halves the hazard of death"
parameters = ["rate.csv"]
[settings]
horizon = 30
discount_rate_costs = 0
discount_rate_effects = 0
wtp = [20000]
times = [5]
comparator = "none"
effects_end = { effect = "ends" }
[population.covariates]
age = { kind = "constant", value = 60 }
"""
DRUG += (
    start("start", kind="phase", next="well", utility=0.5)
    + state("well", utility=0.5)
    + DEAD
    + section(
        "treatments.drug",
        phase="start",
        duration=0.1,
        effects=[{"risk": "death", "effect": math.log(RATIO), "intention_to_treat": True}],
    )
    + move(["start", "well"], "dead", exponential("rate"), name="death")
    + strategy("none")
    + strategy("drug", treatments=["drug"])
)
DRUG += f"""
[switches.effect]
default = "lasts"
[switches.effect.options.lasts]
[switches.effect.options.ends]
label = "after 10 years"
[switches.effect.options.ends.change.treatments.drug]
effects = [{{ risk = "death", effect = {{ value = {math.log(RATIO)}, full = 10 }}, intention_to_treat = true }}]
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drug, whose effect lasts or ends after 10 years."""
    path = tmp_path_factory.mktemp("periods") / "drug.toml"
    path.write_text(DRUG)
    path.with_name("rate.csv").write_text(fixed_parameters({"rate": RATE}))
    return path


@pytest.fixture(scope="module")
def scenario(path: Path) -> Scenario:
    """The drug, whose effect lasts."""
    return load_scenario(path)


@pytest.fixture(scope="module")
def frame(path: Path, scenario: Scenario) -> pd.DataFrame:
    """Gains by period, and with an effect that ends."""
    return benefit_by_period(scenario, SAMPLING, TIMES, load_scenario(path, switches={"effect": "ends"})).to_frame()


def means(frame: pd.DataFrame, outcome: str, effects: str = MODELLED) -> dict[str, tuple[float, float]]:
    """Mean and error of an outcome by period."""
    own = frame[(frame["outcome"] == outcome) & (frame["effects"] == effects)]
    return {str(p): (float(m), float(s)) for p, m, s in zip(own["period"], own["mean"], own["se"], strict=True)}


def years(time: float, rate: float) -> float:
    """Mean years up to a time at a constant hazard."""
    return (1.0 - math.exp(-rate * time)) / rate


def test_periods_add_up_to_the_whole_of_a_run(frame: pd.DataFrame, scenario: Scenario) -> None:
    """And the whole, with its error, is the increment of the run of the same patients, but for the order of sums."""
    evaluation = evaluate(scenario, SAMPLING)
    for outcome in ("life_years", "life_years_undiscounted", "qalys", "qalys_undiscounted"):
        found = means(frame, outcome)
        whole, se = found.pop(WHOLE)
        assert math.fsum(mean for mean, _ in found.values()) == pytest.approx(whole, rel=1e-12)
        run = evaluation.increment("drug", outcome)
        assert whole == pytest.approx(run.mean, rel=1e-10)
        assert se == pytest.approx(run.se, rel=0.3)


def test_gains_are_those_of_the_closed_form(frame: pd.DataFrame) -> None:
    """Life-years within each period under both constant hazards; QALYs are half of them."""
    found, qalys = means(frame, "life_years"), means(frame, "qalys")
    for low, high in ((0.0, 5.0), (5.0, 10.0), (10.0, HORIZON)):
        exact = [years(high, rate) - years(low, rate) for rate in (RATE * RATIO, RATE)]
        mean, se = found[period_name(low, high)]
        assert abs(mean - (exact[0] - exact[1])) < 4.0 * se
        assert qalys[period_name(low, high)][0] == pytest.approx(0.5 * mean, rel=1e-10)


def test_what_ends_with_the_trials_gains_less(frame: pd.DataFrame) -> None:
    """The whole gain with an effect of 10 years is that of its closed form."""
    ((period, (mean, se)),) = means(frame, "life_years", ENDED).items()
    assert period == WHOLE
    alive = math.exp(-10.0 * RATE * RATIO)
    exact = years(10.0, RATE * RATIO) + alive * years(HORIZON - 10.0, RATE) - years(HORIZON, RATE)
    assert abs(mean - exact) < 4.0 * se
    assert mean < means(frame, "life_years")[WHOLE][0]


def test_an_exact_solution_tells_the_same(scenario: Scenario) -> None:
    """Within the error that it states, whatever the period."""
    exact = benefit_by_period(scenario, Sampling(engine="cohort"), TIMES)
    for (mean, se), (low, high) in zip(
        (exact.gain("drug", "life_years", p) for p in range(3)), exact.periods, strict=True
    ):
        true = years(high, RATE * RATIO) - years(low, RATE * RATIO) - years(high, RATE) + years(low, RATE)
        assert abs(mean - true) <= max(se, 1e-4)


@pytest.mark.parametrize("change", [{"jobs": 2}, {"block": 37}, {"engine": "des"}, {"jobs": 2, "backend": "loky"}])
def test_every_bit_is_the_same(scenario: Scenario, change: dict[str, object]) -> None:
    """For any workers, block, backend and engine."""
    small = Sampling(n_patients=1_100)
    known, other = (benefit_by_period(scenario, each, TIMES) for each in (small, replace(small, **change)))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(known.to_frame(), other.to_frame(), check_exact=True)


def test_draws_of_their_own_patients_are_the_units(scenario: Scenario) -> None:
    """Over draws the error comes from the spread between them, and the periods still add up."""
    found = benefit_by_period(scenario, Sampling(n_patients=2_000), TIMES, n_draws=8)
    gains = [found.gain("drug", "life_years", p).mean for p in range(3)]
    assert math.fsum(gains) == pytest.approx(found.gain("drug", "life_years").mean, rel=1e-12)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ((5.0, 5.0), "5 does not lie above 5"),
        ((0.0,), "0 does not lie above 0"),
        ((5.0, 40.0), "40 is not below the horizon, 30 years"),
    ],
)
def test_times_that_make_no_periods_are_refused(times: tuple[float, ...], message: str) -> None:
    """With the time and what is allowed."""
    with pytest.raises(InputError, match=message):
        check_times(times, HORIZON)


def test_too_few_patients_are_refused(scenario: Scenario) -> None:
    """No error can be told from a few batches."""
    with pytest.raises(InputError, match="1,000 patients are too few to estimate errors; 1,024 or more"):
        benefit_by_period(scenario, Sampling(n_patients=1_000))
