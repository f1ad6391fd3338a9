"""Spread over patients against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.economics.agency.spread import concentration, concentration_curve, jackknife, mean_of, quantile_of, share_of

N_GROUPS, N_EACH = 200, 50


def exponential(seed: int = 1) -> np.ndarray:
    """Patients whose outcome is exponential with mean 1."""
    return np.random.default_rng(seed).exponential(size=(N_GROUPS, N_EACH))


@pytest.mark.parametrize("p", [0.05, 0.25, 0.5, 0.9])
def test_quantiles_are_those_of_the_law(p: float) -> None:
    """Within 4 standard errors; and the error is that of the asymptotic law, within a third."""
    found = quantile_of(exponential(), p)
    assert abs(found.mean + math.log1p(-p)) < 4.0 * found.se
    asymptotic = math.sqrt(p * (1.0 - p) / (N_GROUPS * N_EACH)) / (1.0 - p)
    assert found.se == pytest.approx(asymptotic, rel=0.33)


def test_errors_count_groups_and_not_patients() -> None:
    """Patients of a group who are all alike tell no more than one of them."""
    one = np.random.default_rng(2).normal(size=(N_GROUPS, 1))
    alike = np.repeat(one, N_EACH, axis=1)
    assert mean_of(alike).se == pytest.approx(mean_of(one).se)
    assert quantile_of(alike, 0.5).se == pytest.approx(quantile_of(one, 0.5).se, rel=0.05)
    assert share_of(alike > 0.0).se == pytest.approx(share_of(one > 0.0).se)


def test_who_brings_how_much_of_exponential_gains() -> None:
    """The share p of those who gain most has p (1 - ln p) of it all: half comes from 18.67%, a tenth has 33.03%."""
    half, tenth = jackknife(concentration, exponential())
    assert abs(half.mean - 0.18668) < 4.0 * half.se
    assert abs(tenth.mean - 0.1 * (1.0 - math.log(0.1))) < 4.0 * tenth.se
    assert 0.0 < half.se < 0.01


def test_who_brings_how_much_by_hand() -> None:
    """Equal gains: half from half. One winner of four: half from an eighth. Losses are left aside."""
    assert concentration(np.ones((2, 50))).half_from == pytest.approx(0.5)
    assert concentration(np.array([[4.0, 0.0], [0.0, -9.0]])).half_from == pytest.approx(0.125)
    assert np.isnan(concentration(-np.ones((2, 2)))).all()
    assert concentration_curve(np.array([[3.0, 1.0, 0.0, -1.0]]), np.array([0.0, 0.25, 0.5, 1.0])) == pytest.approx(
        [0.0, 0.75, 1.0, 1.0]
    )
