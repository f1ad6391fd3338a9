"""QALYs of the general population against closed forms and quadrature."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import integrate

from lmssim.bundled import scenarios_folder
from lmssim.model.population.expectancy import expectancy
from lmssim.model.population.mortality import load_life_table, load_norms

if TYPE_CHECKING:
    from pathlib import Path

TABLES = scenarios_folder() / "tables"


def test_a_constant_hazard_and_utility(tmp_path: Path) -> None:
    """The closed form: u (1 - exp(-(m + r) T)) / (m + r)."""
    (tmp_path / "life.csv").write_text("age,m\n0,0.04\n")
    (tmp_path / "norms.csv").write_text("age,utility\n0,0.8\n")
    life, norms = load_life_table(tmp_path / "life.csv", "m"), load_norms(tmp_path / "norms.csv")
    for rate in (0.0, 0.03):
        found = expectancy(life, 0, norms, 0, rate)
        for years in (10.0, 200.0):
            use = 0.04 + rate
            exact = 0.8 * -math.expm1(-use * years) / use
            assert found.within(np.array([0.0, 60.3, 119.9]), years) == pytest.approx([exact] * 3, rel=1e-12)


def test_nobody_dies_and_nothing_is_discounted(tmp_path: Path) -> None:
    """Years are the horizon."""
    (tmp_path / "life.csv").write_text("age,m\n0,0\n")
    life = load_life_table(tmp_path / "life.csv", "m")
    assert expectancy(life, 0, None, 0, 0.0).within(np.array([50.0]), 30.0) == pytest.approx([30.0], rel=1e-12)


def test_years_without_quality_are_the_life_expectancy() -> None:
    """That of the table itself, by sex."""
    life = load_life_table(TABLES / "life_table_uk_2018_2020.csv", "q", ["sex"])
    for key in range(2):
        for age in (0.0, 62.5, 99.0):
            found = expectancy(life, key, None, 0, 0.0).within(np.array([age]), 200.0)
            assert found == pytest.approx([life.life_expectancy(key, age)], rel=1e-12)


@pytest.mark.parametrize(("age", "years", "rate"), [(63.25, 70.0, 0.0344), (30.0, 12.5, 0.0), (91.7, 70.0, 0.0149)])
def test_the_bundled_tables_against_quadrature(age: float, years: float, rate: float) -> None:
    """The integrand year by year of age, by Gauss-Legendre of which each year is smooth."""
    life = load_life_table(TABLES / "life_table_uk_2018_2020.csv", "q", ["sex"])
    norms = load_norms(TABLES / "norms_dsu2014.csv", ["sex"])
    key, norm_key = life.index_of({"sex": "female"}), norms.index_of({"sex": "female"})
    starts, hazards, cumulative = life.intervals(key)

    def integrand(a: np.ndarray) -> np.ndarray:
        k = np.searchsorted(starts, a, side="right") - 1
        at_start = np.searchsorted(starts, age, side="right") - 1
        began = cumulative[at_start] + hazards[at_start] * (age - starts[at_start])
        alive = np.exp(began - cumulative[k] - hazards[k] * (a - starts[k]))
        utility = norms.array[norm_key][np.minimum(a.astype(int), 120)]
        found: np.ndarray = utility * alive * np.exp(-rate * (a - age))
        return found

    edges = np.unique(np.clip(np.arange(math.floor(age), age + years + 1.0), age, age + years))
    exact = sum(float(integrate.fixed_quad(integrand, low, high, n=12)[0]) for low, high in itertools.pairwise(edges))
    found = expectancy(life, key, norms, norm_key, rate).within(np.array([age]), years)
    assert found == pytest.approx([exact], rel=1e-10)
