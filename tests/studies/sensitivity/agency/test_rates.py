"""Discount rates against closed forms, from the same patients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from lmssim.evaluation import Sampling, evaluate
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.agency.rates import Pair
from tests.kit.agency import CARE, DRUG, NORM, RATE, RATIO, UTILITY

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.sensitivity.agency.study import AgencyStudy

SE = 4.0


@pytest.mark.parametrize(("name", "annual"), [("3.5%", 0.035), ("1.5%", 0.015), ("undiscounted", 0.0)])
def test_each_rate_against_its_closed_form(found: AgencyStudy, name: str, annual: float) -> None:
    """QALYs, costs and net benefit of both strategies."""
    frame = found.rates
    for strategy, rate, price in (("none", RATE, 0.0), ("drug", RATE * RATIO, DRUG)):
        years = 1.0 / (rate + math.log1p(annual))
        exact = {"life_years": years, "qalys": NORM * UTILITY * years, "cost": price + CARE * years}
        exact["nmb:20000"] = 20_000.0 * exact["qalys"] - exact["cost"]
        own = frame[(frame["strategy"] == strategy) & (frame["rates"] == name)].set_index("outcome")
        for outcome, value in exact.items():
            assert abs(float(own["mean"][outcome]) - value) < SE * float(own["se"][outcome]), (outcome, strategy)


def test_the_ratio_of_each_rate_is_that_of_its_increments(found: AgencyStudy) -> None:
    """Costs over QALYs gained."""
    frame = found.rates_incremental
    for _, own in frame.groupby("rates"):
        value = own.set_index("outcome")["mean"]
        assert value["icer"] == pytest.approx(value["cost"] / value["qalys"])
        assert value["inmb:20000"] == pytest.approx(20_000.0 * value["qalys"] - value["cost"])


def test_the_own_rates_are_those_of_a_run(found: AgencyStudy, folder: Path) -> None:
    """The same patients as `lmssim run`: equal means, and errors within a tenth."""
    run = evaluate(load_scenario(folder / "disease.toml"), Sampling(n_patients=found.n_patients))
    own = found.of_rates.own.increments
    for k, outcome in enumerate(("life_years", "qalys", "cost")):
        assert own.increment(1, 0, k).mean == pytest.approx(run.increment("drug", outcome).mean, rel=1e-9)
        assert own.increment(1, 0, k).se == pytest.approx(run.increment("drug", outcome).se, rel=0.2)
    assert found.of_rates.inmb(found.of_rates.own, "drug", 20_000.0).mean == pytest.approx(
        run.incremental_net_benefit("drug", 20_000.0).mean, rel=1e-9
    )


def test_rates_are_named() -> None:
    """One number where costs and effects have the same rate."""
    assert Pair(0.035, 0.035).name == "3.5%"
    assert Pair(0.035, 0.015).name == "costs 3.5%, effects 1.5%"
