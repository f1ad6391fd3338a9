"""Spread over patients against the exponential distribution, and single patients against the engine's means."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.studies.sensitivity.agency.patients import MONTH, QUANTILES, Patients
from tests.kit.agency import RATE, RATIO

if TYPE_CHECKING:
    from lmssim.studies.sensitivity.agency.study import AgencyStudy

SE = 4.0
LY = "life_years_undiscounted"


def patients_of(found: AgencyStudy) -> Patients:
    """The patients, who were kept."""
    assert found.of_patients is not None
    return found.of_patients


@pytest.mark.parametrize(("strategy", "rate"), [("none", RATE), ("drug", RATE * RATIO)])
def test_quantiles_and_shares_are_those_of_the_exponential(found: AgencyStudy, strategy: str, rate: float) -> None:
    """-ln(1 - p) / rate; mean and standard deviation 1 / rate; exp(-rate t) live longer than t."""
    frame = found.distribution
    own = frame[(frame["strategy"] == strategy) & (frame["outcome"] == LY)].set_index("statistic")
    exact = {f"p{100 * p:g}": -math.log1p(-p) / rate for p in QUANTILES} | {"mean": 1.0 / rate, "sd": 1.0 / rate}
    for statistic, value in exact.items():
        assert abs(float(own["mean"][statistic]) - value) < SE * float(own["se"][statistic]), statistic
    reach = found.patients_reaching
    reach = reach[(reach["strategy"] == strategy) & (reach["outcome"] == LY)]
    for time, mean, se in zip(reach["more_than"], reach["mean"], reach["se"], strict=True):
        assert abs(mean - math.exp(-rate * time)) < SE * se


def test_gains_of_twice_a_life(found: AgencyStudy) -> None:
    """Half the rate of death doubles every life: the gain is the life itself, exponential, and nobody loses."""
    frame = found.gains
    own = frame[frame["outcome"] == LY].set_index("measure")
    exact = {
        "mean_gain": 1.0 / RATE,
        "gains_more_than_a_month": math.exp(-RATE * MONTH),
        "patients_who_bring_half_of_what_is_gained": 0.18668,
        "of_what_is_gained_by_the_tenth_who_gain_most": 0.1 * (1.0 - math.log(0.1)),
    }
    for measure, value in exact.items():
        assert abs(float(own["mean"][measure]) - value) < SE * float(own["se"][measure]), measure
    assert own["mean"]["loses_more_than_a_month"] == 0.0
    assert own["mean"]["lost_by_those_who_lose"] == 0.0


def test_what_is_gained_and_lost_makes_the_mean(found: AgencyStudy) -> None:
    """Also where some lose: here by comparing the other way round for every other patient."""
    own = patients_of(found)
    values = own.values.copy()
    values[:, ::2] = values[:, ::2, ::-1]
    mixed = replace(own, values=values)
    frame = mixed.gains[mixed.gains["outcome"] == LY].set_index("measure")["mean"]
    assert frame["mean_gain"] == pytest.approx(frame["gained_by_those_who_gain"] - frame["lost_by_those_who_lose"])
    shares = [frame[f"{name}_more_than_a_month"] for name in ("gains", "loses")] + [frame["within_a_month"]]
    assert math.fsum(shares) == pytest.approx(1.0)
    assert frame["loses_more_than_a_month"] > 0.4


def test_single_patients_make_the_means(found: AgencyStudy) -> None:
    """The mean over single patients is that of the run of the same patients."""
    single = patients_of(found).values.mean(axis=(0, 1))
    own = found.of_rates.own.increments
    assert np.allclose(single[:, :3], own.means[:, :3], rtol=1e-12)
