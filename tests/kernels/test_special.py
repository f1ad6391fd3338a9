"""The normal tail, the incomplete gamma function and their inverses, against SciPy, closed forms and each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats

from lmssim.kernels.special import (
    gammainc_log,
    gammaincc_log,
    inverse_gammaincc_log,
    inverse_log_ndtr_upper,
    log_ndtr_upper,
    mills_ratio,
    ndtr,
    ndtri,
)

SHAPES = (1e-3, 0.05, 0.2, 0.3, 0.9, 1.0, 2.5, 9.9, 10.0, 40.0, 99.9, 100.0, 250.0, 1e4)
TAILS = np.concatenate([np.logspace(-12, 0, 25), np.linspace(1.5, 40, 20), np.linspace(50, 700, 14)])


def test_ndtr_agrees_with_scipy() -> None:
    """Phi(z) is SciPy's ndtr from the far lower tail to 1."""
    z = np.linspace(-37, 10, 201)
    np.testing.assert_allclose([ndtr(x) for x in z], scipy.special.ndtr(z), rtol=1e-12)


def test_ndtri_agrees_with_scipy() -> None:
    """The normal quantile is SciPy's ndtri, for probabilities from 1e-300 to 1 - 1e-15."""
    p = np.concatenate([np.logspace(-300, -0.4, 301), 1 - np.logspace(-15, -0.4, 101)])
    np.testing.assert_allclose([ndtri(x) for x in p], scipy.special.ndtri(p), rtol=3e-15)


def test_ndtri_near_a_half_is_linear() -> None:
    """Next to p = 1/2 the quantile keeps its relative precision: z = sqrt(2 pi) (p - 1/2)."""
    for exponent in (-40, -30, -20):
        q = 2.0**exponent
        assert ndtri(0.5 + q) == pytest.approx(math.sqrt(2 * math.pi) * q, rel=1e-11, abs=0)


def test_ndtri_at_and_beyond_the_ends() -> None:
    """Probabilities 0 and 1 give infinities, and none beyond them has a quantile."""
    assert ndtri(0.0) == -math.inf
    assert ndtri(1.0) == math.inf
    assert math.isnan(ndtri(-0.1))
    assert math.isnan(ndtri(1.1))


def test_log_ndtr_upper_agrees_with_scipy() -> None:
    """Log(1 - Phi(z)) is SciPy's log_ndtr(-z), far beyond where 1 - Phi(z) underflows."""
    z = np.concatenate([np.linspace(-30, 60, 400), [1e2, 1e4, 1e8]])
    np.testing.assert_allclose([log_ndtr_upper(x) for x in z], scipy.special.log_ndtr(-z), rtol=1e-12, atol=0)


def test_mills_ratio_is_tail_over_density() -> None:
    """The Mills ratio agrees with erfcx on both sides of the switch to the asymptotic series."""
    z = np.concatenate([np.linspace(-5, 40, 200), [24.999, 25.001]])
    expected = math.sqrt(math.pi / 2) * scipy.special.erfcx(z / math.sqrt(2))
    np.testing.assert_allclose([mills_ratio(x) for x in z], expected, rtol=5e-13)


@pytest.mark.parametrize("h", [*TAILS, 728.9, 729.1, 1e4, 1e8])
def test_inverse_log_ndtr_upper_round_trip(h: float) -> None:
    """The quantile of the upper tail exp(-h) has that tail again, for `h` from 1e-12 to 1e8."""
    assert -log_ndtr_upper(inverse_log_ndtr_upper(-h)) == pytest.approx(h, rel=1e-13, abs=0)


@pytest.mark.parametrize("a", SHAPES)
def test_gammaincc_log_agrees_with_scipy(a: float) -> None:
    """Log Q(a, x) is the log of SciPy's gammaincc wherever that is neither 1 nor near underflow."""
    x = a * np.exp(np.linspace(-2, 2, 81) * min(1.0, 6 / math.sqrt(a)))
    upper, lower = scipy.special.gammaincc(a, x), scipy.special.gammainc(a, x)
    for tail, logs in ((upper, [gammaincc_log(a, y) for y in x]), (lower, [gammainc_log(a, y) for y in x])):
        usable = tail > 1e-280
        np.testing.assert_allclose(np.exp(logs)[usable], tail[usable], rtol=3e-12)


@pytest.mark.parametrize("x", [1e-6, 0.3, 1.0, 20.0, 700.0, 1e5])
def test_gammaincc_log_of_small_integer_shapes_is_a_sum(x: float) -> None:
    """Q(n, x) is e^-x times a partial sum of e^x, so its log is known however small Q is."""
    assert gammaincc_log(1.0, x) == pytest.approx(-x, rel=1e-14, abs=0)
    if x >= 1.0:
        assert gammaincc_log(2.0, x) == pytest.approx(math.log1p(x) - x, rel=1e-13, abs=0)
        assert gammaincc_log(3.0, x) == pytest.approx(math.log1p(x + x * x / 2) - x, rel=1e-13, abs=0)


def test_gammaincc_log_of_a_tiny_shape_is_an_exponential_integral() -> None:
    """Q(a, x) tends to a E1(x) as the shape `a` tends to 0, without loss of digits."""
    for x in (1e-3, 0.1, 1.0, 1.2, 3.0):
        assert math.exp(gammaincc_log(1e-13, x)) == pytest.approx(1e-13 * scipy.special.exp1(x), rel=1e-11)


@pytest.mark.parametrize("a", [99.0, 100.0, 101.0, 300.0, 5000.0])
def test_gammaincc_log_is_continuous_across_methods(a: float) -> None:
    """The series, the fraction and Temme's expansion agree where one gives way to another."""
    for edge in (a * math.exp(-0.4), a, a + 1.0, a * math.exp(0.4)):
        below, above = edge * (1 - 1e-13), edge * (1 + 1e-13)
        for function in (gammaincc_log, gammainc_log):
            slack = 2e-13 * a + 1e-12  # what the step itself may change the log of a tail by
            assert function(a, below) == pytest.approx(function(a, above), rel=slack, abs=0)


@pytest.mark.parametrize("a", SHAPES)
def test_inverse_gammaincc_log_round_trip(a: float) -> None:
    """The quantile of a tail has that tail again, from 1 - 1e-12 down to exp(-700)."""
    quantiles = [inverse_gammaincc_log(a, -h) for h in TAILS]
    for h, x in zip(TAILS, quantiles, strict=True):
        if x > 1e-290:  # for shapes near 0 the quantile itself may underflow
            assert -gammaincc_log(a, x) == pytest.approx(h, rel=1e-12, abs=0)
    assert (np.diff([x for x in quantiles if x > 0]) > 0).all()


@pytest.mark.parametrize("a", [0.3, 2.5, 40.0, 250.0])
def test_inverse_gammaincc_log_agrees_with_scipy(a: float) -> None:
    """The quantile is SciPy's gammaincinv and gammainccinv."""
    h = np.linspace(0.01, 30, 60)
    ours = [inverse_gammaincc_log(a, -x) for x in h]
    theirs = np.where(h < 0.7, scipy.special.gammaincinv(a, -np.expm1(-h)), scipy.special.gammainccinv(a, np.exp(-h)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11)


def test_ends_of_the_incomplete_gamma_function() -> None:
    """Nothing lies below 0 and nothing above infinity, and the inverse says the same."""
    assert gammaincc_log(2.0, 0.0) == 0.0
    assert gammainc_log(2.0, 0.0) == -math.inf
    assert gammaincc_log(2.0, math.inf) == -math.inf
    assert gammainc_log(2.0, math.inf) == 0.0
    assert inverse_gammaincc_log(2.0, 0.0) == 0.0
    assert inverse_gammaincc_log(2.0, -math.inf) == math.inf
