"""Conditional variances of quadratics in closed form, and what a fit finds."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.variance_based.copula import LINEAR, PAIRS, Quadratic, fitted

R = np.array([[1.0, 0.6, 0.3], [0.6, 1.0, 0.0], [0.3, 0.0, 1.0]])


def test_a_product_of_two_correlated_normals() -> None:
    """Var(z1 z2) = 1 + r^2, and given z1 it is r^2 Var(z1^2) = 2 r^2."""
    form = np.zeros((3, 3))
    form[0, 1] = form[1, 0] = 0.5
    found = Quadratic(np.zeros(3), form, R)
    assert found.explained([0, 1, 2]) == pytest.approx(1.0 + 0.6**2)
    assert found.explained([0]) == pytest.approx(2.0 * 0.6**2)
    assert found.explained([]) == 0.0


def test_linear_terms_of_correlated_normals() -> None:
    """What is expected given z1 has the slope of z1 and of all that comes with it."""
    found = Quadratic(np.array([1.0, 2.0, -1.0]), np.zeros((3, 3)), R)
    assert found.explained([0]) == pytest.approx((1.0 + 2.0 * 0.6 - 0.3) ** 2)
    assert found.explained([0, 1, 2]) == pytest.approx(np.array([1.0, 2.0, -1.0]) @ R @ np.array([1.0, 2.0, -1.0]))


def test_a_singular_correlation_is_no_trouble() -> None:
    """Two inputs that are one: knowing one is knowing both."""
    found = Quadratic(np.array([1.0, 1.0]), np.zeros((2, 2)), np.ones((2, 2)))
    assert found.explained([0]) == pytest.approx(4.0)
    assert found.explained([0, 1]) == pytest.approx(4.0)


def test_a_fit_finds_what_was_there() -> None:
    """From skewed margins, whose normal scores are the normals: terms, coefficients and R2, within 0.05."""
    rng = np.random.Generator(np.random.Philox(1))
    z = rng.multivariate_normal(np.zeros(3), R, 2_000)
    noise = rng.normal(size=2_000)
    plain = fitted(np.exp(z), z @ np.array([1.0, 2.0, -1.0]) + 0.5 * noise)
    assert np.abs(plain.linear - [1.0, 2.0, -1.0]).max() < 0.05
    assert np.abs(plain.correlation - R).max() < 0.05
    assert plain.form.max() < 0.05
    curved = fitted(np.exp(z), z[:, 0] * z[:, 1] + 0.5 * noise)
    assert curved.terms == PAIRS
    assert abs(curved.form[0, 1] - 0.5) < 0.05
    assert abs(curved.r2 - (1.36 / (1.36 + 0.25))) < 0.05
    assert fitted(z[:30], noise[:30]).terms in (LINEAR, "linear and squares")
