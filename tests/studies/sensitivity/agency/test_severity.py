"""The severity modifier against a disease by hand, and its probability over draws against the law of the parameter."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from scipy import stats

from lmssim.bundled import scenarios_folder
from lmssim.economics.agency.noise import SMALL
from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.studies.sensitivity.agency.study import AgencyStudy, Question, question
from tests.kit.agency import BACKGROUND, NORM, RATE, RATES, RATIO, UTILITY, write_disease

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.sensitivity.agency.severity import Severity

DISCOUNT = math.log1p(RATES)
SE = 4.0
"""Standard errors that a simulated mean may be off."""


def years(rate: float, horizon: float = 190.0) -> float:
    """Discounted years at a constant rate of leaving."""
    return -math.expm1(-rate * horizon) / rate


def severity_of(found: AgencyStudy) -> Severity:
    """The severity, which was told."""
    assert found.of_severity is not None
    return found.of_severity


def test_shortfalls_by_hand(found: AgencyStudy) -> None:
    """0.8 of a year at 2% a year without the disease, half of that at 15% with it."""
    severity = severity_of(found)
    for undiscounted, rate in ((False, DISCOUNT), (True, 0.0)):
        without, under = NORM * years(BACKGROUND + rate), NORM * UTILITY * years(RATE + rate)
        assert severity.shortfall(undiscounted=undiscounted).without == pytest.approx(without, rel=1e-12)
        absolute = severity.absolute(undiscounted=undiscounted)
        assert abs(absolute.mean - (without - under)) < SE * absolute.se
        share = severity.proportional(undiscounted=undiscounted)
        assert abs(share.mean - (without - under) / without) < SE * share.se
        assert share.se == pytest.approx(absolute.se / without, rel=1e-6)
    assert severity.weight == 1.2
    assert severity.possible == [1.2]


CERTAIN = """
schema_version = 2
name = "certain"
title = "Everybody dies at one time"
[settings]
horizon = HORIZON
discount_rate_effects = 0
discount_rate_costs = 0
wtp = [20000]
times = [0.25]
[population]
covariates.age = { kind = "constant", value = 40 }
[mortality]
table = "life.csv"
measure = "m"
keys = {}
[utilities]
norms = "norms.csv"
keys = {}
[states.ill]
initial = true
utility = 1
[states.dead]
kind = "absorbing"
death = "disease"
[[transitions]]
from = "ill"
to = "dead"
hazard = { family = "fixed", delay = TIME }
[strategies.one]
"""


@pytest.mark.parametrize(
    ("horizon", "time", "weight"),
    [
        (20.0, 8.0 + 2**-20, 1.0),
        (20.0, 8.0, 1.2),
        (20.0, 2.0 + 2**-20, 1.2),
        (20.0, 2.0, 1.7),
        (10.0, 1.5 + 2**-20, 1.0),
        (10.0, 1.5, 1.2),
        (10.0, 0.5 + 2**-20, 1.2),
        (10.0, 0.5, 1.7),
    ],
)
def test_a_model_exactly_at_a_bound(tmp_path: Path, horizon: float, time: float, weight: float) -> None:
    """Nobody else dies, at full health, so that patients lose 12, 18, 85% or 95% to the last bit, or a bit less."""
    (tmp_path / "life.csv").write_text("age,m\n0,0\n")
    (tmp_path / "norms.csv").write_text("age,utility\n0,1\n")
    path = tmp_path / "certain.toml"
    path.write_text(CERTAIN.replace("HORIZON", str(horizon)).replace("TIME", repr(time)))
    asked = question(compile_scenario(load_scenario(path)), Sampling(n_patients=1_024), parts=["severity"])
    severity = severity_of(asked.run())
    assert severity.shortfall().absolute == pytest.approx(horizon - time, rel=1e-12)
    assert severity.weight == weight
    assert severity.possible == [weight]


def test_what_the_weight_changes_by_hand(found: AgencyStudy) -> None:
    """QALYs gained times 1.2: the ICER is divided by it, and net benefit takes it times the willingness to pay."""
    rates = found.of_rates
    gain = rates.own.increments.increment(1, 0, 1).mean
    cost = rates.own.increments.increment(1, 0, 2).mean
    frame = rates.weighted(1.2).set_index("outcome")["mean"]
    assert frame["qalys"] == pytest.approx(1.2 * gain)
    assert frame["icer"] == pytest.approx(cost / (1.2 * gain))
    assert frame["inmb:20000"] == pytest.approx(20_000.0 * 1.2 * gain - cost)
    every = found.severity_incremental
    assert every[every["applies"]]["weight"].unique().tolist() == [1.2]
    exact = NORM * UTILITY * (years(RATE * RATIO + DISCOUNT) - years(RATE + DISCOUNT))
    assert abs(gain - exact) < SE * rates.own.increments.increment(1, 0, 1).se


def test_standard_care_may_be_another_strategy(folder: Path) -> None:
    """Patients who get the drug lose less."""
    program = compile_scenario(load_scenario(folder / "disease.toml"))
    asked = question(program, Sampling(n_patients=4_096), parts=["severity"], standard_care="drug")
    absolute = severity_of(asked.run()).absolute()
    exact = NORM * years(BACKGROUND + DISCOUNT) - NORM * UTILITY * years(RATE * RATIO + DISCOUNT)
    assert abs(absolute.mean - exact) < SE * absolute.se


# === Over draws ===


def drawn(folder: Path, sampling: Sampling, n_draws: int, **uncertain: str) -> Severity:
    """Severity over draws of the rate of death, or of the utility."""
    path = write_disease(folder, **uncertain)  # type: ignore[arg-type]
    few = replace(sampling, strategies=("none",))
    return severity_of(question(compile_scenario(load_scenario(path)), few, n_draws, parts=["severity"]).run())


def shortfall_at(rate: float, utility: float = UTILITY) -> float:
    """Absolute shortfall at a rate of death and a utility."""
    return NORM * years(BACKGROUND + DISCOUNT) - NORM * utility * years(rate + DISCOUNT)


SD = 0.15
"""Of the utility, which is normal."""
SAMPLINGS = {
    "few patients": (Sampling(n_patients=2_000), 500),
    "solved": (Sampling(engine="cohort"), 200),
}


@pytest.mark.parametrize("how", SAMPLINGS)
def test_a_normal_shortfall_in_closed_form(tmp_path: Path, how: str) -> None:
    """QALYs are linear in a normal utility, so that the shortfall is normal: its interval and every probability.

    Four patients in each draw, whose chance is many times the spread of the expectations, are not all: the study takes
    more of them under standard care by itself. Means, ends and probabilities are off by at most four of their errors,
    and no draw's law is told from the normal one (Kolmogorov-Smirnov at 0.1%).
    """
    sampling, n_draws = SAMPLINGS[how]
    severity = drawn(tmp_path, sampling, n_draws, utility=f", normal, {UTILITY}, {SD}")
    without = NORM * years(BACKGROUND + DISCOUNT)
    law = stats.norm(shortfall_at(RATE), SD * NORM * years(RATE + DISCOUNT))
    assert severity.noise < 2 * SMALL
    rows = severity.severity.query("discounting == 'discounted'").set_index("measure")
    for measure, scale in (("absolute_shortfall", 1.0), ("proportional_shortfall", 1.0 / without)):
        for end, p in (("low", 0.025), ("high", 0.975)):
            value, error = (float(rows[f"parameter_{end}{of}"][measure]) for of in ("", "_se"))
            assert abs(value - scale * float(law.ppf(p))) < SE * error
    most = min(18.0, 0.95 * without)
    exact = [float(law.cdf(12.0)), float(law.cdf(most) - law.cdf(12.0)), float(law.sf(most))]
    for found, value in zip(severity.probabilities(), exact, strict=True):
        assert abs(found.mean - value) < SE * math.sqrt(value * (1.0 - value) / n_draws)
    assert stats.kstest(severity.over_draws()[0], law.cdf).pvalue > 0.001


def test_a_shape_that_is_not_normal(tmp_path: Path) -> None:
    """The rate is uniform: the shortfall has no tails, and the rate at which it reaches 12 QALYs parts its law in two.

    The ends of the interval are off by at most four of their errors: chance of the patients, which is normal, would put
    them 0.2 QALYs apart if all of it were left.
    """
    bound = NORM * UTILITY / (NORM * years(BACKGROUND + DISCOUNT) - 12.0) - DISCOUNT
    assert shortfall_at(bound) == pytest.approx(12.0, rel=1e-6)
    n_draws = 300
    severity = drawn(tmp_path, Sampling(n_patients=9_600), n_draws, uncertain=", uniform, , , , 0.105, 0.155")
    exact = (0.155 - bound) / 0.05
    one, more, most = severity.probabilities()
    assert one.mean + more.mean + most.mean == pytest.approx(1.0)
    assert abs(more.mean - exact) < SE * math.sqrt(exact * (1.0 - exact) / n_draws)
    assert severity.possible == [1.0, 1.2]
    row = severity.severity.iloc[2]
    law = stats.uniform(0.105, 0.05)
    for end, p in (("low", 0.975), ("high", 0.025)):
        value, error = float(row[f"parameter_{end}"]), float(row[f"parameter_{end}_se"])
        assert abs(value - shortfall_at(float(law.ppf(1.0 - p)))) < SE * error + 0.03
        assert error < 0.05


def test_one_set_of_parameters_has_one_weight(tmp_path: Path) -> None:
    """What patients put on the means of draws is taken out: a rate that hardly varies gives one shortfall."""
    severity = drawn(tmp_path, Sampling(n_patients=1_600), 200, uncertain=", uniform, , , , 0.1499, 0.1501")
    absolute, _ = severity.over_draws()
    assert severity.units.n_people == 64 * 1_600
    assert severity.noise > 0.5
    assert absolute.std() < 0.5 * severity.units.over_sets(severity.discounted.under).std()
    assert [each.mean for each in severity.probabilities()] == [0.0, 1.0, 0.0]


def test_a_mean_near_a_bound_is_said_to_be(found: AgencyStudy) -> None:
    """Where the 95% interval of the mean holds a bound, the weight on its other side is possible."""
    severity = severity_of(found)
    lost = severity.discounted
    nearer = lost._replace(under=lost.under + (severity.absolute().mean - 12.0) - 0.5 * severity.absolute().se)
    assert replace(severity, discounted=nearer).weight == 1.2
    assert replace(severity, discounted=nearer).possible == [1.0, 1.2]


# === The general population ===


def test_nobody_loses_anything_without_a_disease(tmp_path: Path) -> None:
    """Patients who live as the general population do: ages, sexes and the bundled tables, by the engine itself."""
    scenario = healthy(tmp_path)
    severity = severity_of(question(compile_scenario(scenario), Sampling(n_patients=16_384), parts=["severity"]).run())
    for undiscounted in (False, True):
        absolute = severity.absolute(undiscounted=undiscounted)
        assert absolute.se < 0.1
        assert abs(absolute.mean) < SE * absolute.se
    lives = [severity.units.estimate(each) for each in severity.life_years[:2]]
    assert abs(lives[0].mean - lives[1].mean) < SE * math.hypot(lives[0].se, lives[1].se)


def healthy(folder: Path) -> Scenario:
    """A model of background mortality alone."""
    tables = scenarios_folder() / "tables"
    (folder / "life.csv").write_text((tables / "life_table_uk_2018_2020.csv").read_text())
    (folder / "norms.csv").write_text((tables / "norms_dsu2014.csv").read_text())
    path = folder / "healthy.toml"
    path.write_text(HEALTHY)
    return load_scenario(path)


HEALTHY = """
schema_version = 2
name = "healthy"
title = "Nobody is ill"
[settings]
horizon = 90
times = [5]
wtp = [20000]
[population.covariates]
age = { kind = "normal", mean = 60, sd = 12, low = 20, high = 95 }
sex = { kind = "categorical", categories = ["female", "male"], probabilities = [0.6, 0.4] }
[mortality]
table = "life.csv"
measure = "q"
[utilities]
norms = "norms.csv"
[states.alive]
initial = true
utility = 1
[states.dead]
kind = "absorbing"
death = "other"
[[transitions]]
from = "alive"
to = "dead"
background.multiplier = 1
[strategies.one]
"""


# === What is refused ===


def test_without_a_general_population_it_is_refused(tmp_path: Path) -> None:
    """With the reason; the other parts are told all the same."""
    words = "no life table ([mortality] table) and no utility norms"
    scenario = load_scenario(write_disease(tmp_path, norms=False))
    program, few = compile_scenario(scenario), Sampling(n_patients=1_024)
    with pytest.raises(InputError) as refused:
        question(program, few, parts=["severity"])
    assert words in str(refused.value)
    asked = question(program, few)
    assert isinstance(asked, Question)
    assert list(asked.parts) == ["rates", "patients"]
    assert words in asked.left_out["severity"]
