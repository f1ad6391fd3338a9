"""Discounted patients of a population, against numerical integrals."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import integrate

from lmssim.economics.voi.population import Population, mean_discount
from lmssim.errors import InputError


@pytest.mark.parametrize("rate", [0.0, 0.035])
@pytest.mark.parametrize(("delay", "uptake_years"), [(0.0, 0.0), (2.0, 0.0), (1.5, 3.0), (8.0, 5.0)])
def test_patients_are_the_integral(rate: float, delay: float, uptake_years: float) -> None:
    """Incidence times uptake times discount, from the delay to the horizon."""
    people = Population(
        incidence=120.0, horizon=10.0, discount_rate=rate, delay=delay, uptake=0.8, uptake_years=uptake_years
    )

    def density(t: float) -> float:
        share = 1.0 if uptake_years == 0.0 else min((t - delay) / uptake_years, 1.0)
        return 120.0 * 0.8 * share * float((1.0 + rate) ** -t)

    ends = sorted({delay, min(delay + uptake_years, 10.0), 10.0})
    truth = sum(integrate.quad(density, a, b)[0] for a, b in pairwise(ends))
    assert people.patients() == pytest.approx(truth, rel=1e-9)


def test_arrays_of_times_are_as_one_by_one() -> None:
    """Of any shape, also beyond the horizon."""
    people = Population(incidence=120.0, horizon=10.0, delay=1.0, uptake=0.8, uptake_years=3.0)
    years = np.array([[0.0, 2.0], [8.5, 30.0]])
    found = people.patients_after(years)
    assert found.shape == years.shape
    assert found.ravel().tolist() == [people.later(t).patients() for t in years.ravel().tolist()]


@pytest.mark.parametrize("rate", [0.0, 0.035])
def test_mean_discount_is_the_integral(rate: float) -> None:
    """Of what is spread evenly from today; 1 of what is all today."""
    years = np.array([0.0, 0.5, 7.0])
    truth = [1.0] + [integrate.quad(lambda t: (1.0 + rate) ** -t, 0.0, x)[0] / x for x in (0.5, 7.0)]
    assert mean_discount(years, rate) == pytest.approx(truth, rel=1e-7)


def test_information_after_the_horizon_is_worth_nothing() -> None:
    """Nobody is left to be treated by it."""
    people = Population(incidence=10.0, horizon=5.0)
    assert people.later(5.0).patients() == 0.0
    assert people.later(2.0).patients() == pytest.approx(Population(incidence=10.0, horizon=5.0, delay=2.0).patients())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"incidence": 0.0}, "incidence: 0 is not a number above 0"),
        ({"horizon": 201.0}, "horizon: 201 is not a number above 0 to 200"),
        ({"uptake": 1.1}, "uptake: 1.1 is not a number from 0 to 1"),
        ({"delay": -1.0}, "delay: -1 is not"),
        ({"discount_rate": float("nan")}, "discount_rate: nan is not"),
    ],
)
def test_impossible_numbers(given: dict[str, Any], message: str) -> None:
    """One message."""
    with pytest.raises(InputError, match=message):
        Population(**({"incidence": 10.0, "horizon": 5.0} | given))


def test_nothing_is_lost_between_parts() -> None:
    """Full uptake from the start is the whole annuity."""
    people = Population(incidence=1.0, horizon=20.0, discount_rate=0.05)
    assert people.patients() == pytest.approx(-np.expm1(-20.0 * np.log(1.05)) / np.log(1.05))
