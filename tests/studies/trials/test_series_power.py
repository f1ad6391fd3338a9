"""Power of a series' log-rank tests: the level without an effect, and more of it with more patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import ExpressionError, InputError, ScenarioError
from lmssim.model.scenario import load_scenario
from lmssim.studies.trials.series_power import ALPHA, power_of_series
from tests.kit.models import alive_dead, covariate, exponential, observation, population, section, series, strategy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from lmssim.model.scenario import Scenario

MODEL = (
    section("settings", horizon=40, cost_categories=["care"])
    + population(
        covariate("age", "constant", value=60),
        covariate("deep", "binary", probability=0.4),
        covariate("left", "binary", probability=0.5),
    )
    + alive_dead(exponential("rate"), 'effects.deep = { value = "loghr_deep", expected = "harm" }')
    + strategy("observed", label="Observed")
    + series(
        "small",
        "A small series",
        "observed",
        observation("dead", "Dead", "proportion", "dead", observed=0.4, n=75),
        follow_up={"low": 2, "high": 10},
        where="age > 50",
    )
)
RATE, LOG_HR = 0.15, float(np.log(2.0))
SPLITS = {"depth": "deep == 1", "side": "left == 1"}
REPLICATES = 800


@pytest.fixture
def scenario(write_scenario: Callable[..., Path]) -> Scenario:
    """Exponential survival: depth doubles the hazard, side does nothing."""
    return load_scenario(write_scenario(MODEL, {"rate": RATE, "loghr_deep": LOG_HR}))


def _by_name(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("covariate")


def test_power_is_the_level_without_an_effect_and_grows_with_patients(scenario: Scenario) -> None:
    """Where there is an effect it is as Schoenfeld's formula has it, and its hazard ratio the model's."""
    small, large = (_by_name(power_of_series(scenario, "small", SPLITS, n, REPLICATES)) for n in (75, 200))
    for table, n in ((small, 75), (large, 200)):
        se = np.sqrt(ALPHA * (1.0 - ALPHA) / REPLICATES)
        assert table.power["side"] == pytest.approx(ALPHA, abs=3.0 * se)
        assert table.low["side"] < table.power["side"] < table.high["side"]
        assert table.n_with["depth"] == pytest.approx(0.4 * n, rel=0.02)
        assert table.hr["depth"] == pytest.approx(2.0, rel=4.0 * 2.0 / np.sqrt(30_000.0))
        assert table.hr["side"] == pytest.approx(1.0, rel=4.0 * 2.0 / np.sqrt(30_000.0))
    assert small.power["depth"] == pytest.approx(_schoenfeld(75), abs=0.06)
    assert large.power["depth"] > small.high["depth"]


def _schoenfeld(n: int) -> float:
    """Power of a log-rank test: z of the effect by the deaths expected."""
    from scipy import integrate, stats

    def dead(rate: float) -> float:
        return 1.0 - float(integrate.quad(lambda t: np.exp(-rate * t), 2.0, 10.0)[0]) / 8.0

    deaths = n * (0.4 * dead(2.0 * RATE) + 0.6 * dead(RATE))
    return float(stats.norm.cdf(LOG_HR * np.sqrt(deaths * 0.4 * 0.6) - stats.norm.ppf(1.0 - ALPHA / 2.0)))


def test_draws_spread_the_power(scenario: Scenario) -> None:
    """Their mean, and an interval over them; a draw at the base case's values is the base case."""
    one = power_of_series(scenario, "small", SPLITS, 75, 200)
    same = power_of_series(scenario, "small", SPLITS, 75, 200, draws={"loghr_deep": np.array([LOG_HR])})
    assert same.power.tolist() == one.power.tolist()
    assert same.hr.tolist() == pytest.approx(one.hr.tolist())
    draws = {"loghr_deep": np.array([0.0, LOG_HR, 2.0 * LOG_HR])}
    spread = _by_name(power_of_series(scenario, "small", SPLITS, 75, 200, draws=draws))
    assert spread.hr["depth"] == pytest.approx(2.0, rel=0.05)
    assert spread.hr_low["depth"] < 1.2
    assert spread.hr_high["depth"] > 3.5
    assert spread.low["depth"] < 0.2
    assert spread.high["depth"] > 0.9


def test_what_cannot_be_tested_is_refused(scenario: Scenario) -> None:
    """An unknown series, a rule that reads no covariate, no patients."""
    with pytest.raises(ScenarioError, match="small"):
        power_of_series(scenario, "smal", SPLITS)
    with pytest.raises(ExpressionError, match="colour"):
        power_of_series(scenario, "small", {"colour": "colour == 1"})
    with pytest.raises(InputError, match="0 studies"):
        power_of_series(scenario, "small", SPLITS, replicates=0)
