"""The largest of several normals: closed forms, SciPy, singular correlations."""

from __future__ import annotations

import doctest
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from lmssim.errors import InputError
from lmssim.trials.tests import critical_value, normals, null_correlation, outside
from lmssim.trials.tests.normals import tails_of_largest


def test_independent_normals_are_sidaks() -> None:
    """One- and two-sided."""
    for n in (1, 2, 5, 12):
        expected = stats.norm.ppf(0.975 ** (1 / n))
        assert critical_value(np.eye(n)) == pytest.approx(expected, abs=2e-5)
        both = stats.norm.ppf(0.5 + 0.5 * 0.95 ** (1 / n))
        assert critical_value(np.eye(n), 0.05, two_sided=True) == pytest.approx(both, abs=2e-5)


def test_equal_statistics_are_one() -> None:
    """A correlation of ones is of rank one."""
    assert critical_value(np.ones((4, 4))) == pytest.approx(1.959964, abs=1e-6)


def test_a_statistic_and_its_negative_are_two_sided() -> None:
    """Rows of a singular correlation may bound from both sides."""
    assert critical_value([[1, -1], [-1, 1]], 0.05) == pytest.approx(1.959964, abs=1e-6)


def test_a_singular_trio_is_its_integral() -> None:
    """FH(0,1) and FH(1,0) add up to the log-rank statistic: one integral gives the probability."""

    def inside(c: float) -> float:
        def slice_at(x: float) -> float:
            high = stats.norm.cdf((c - np.sqrt(0.75) * x) / 0.5)
            low = stats.norm.cdf((np.sqrt(3) * x - c - np.sqrt(0.75) * x) / 0.5)
            return float(stats.norm.pdf(x) * max(high - low, 0.0))

        return float(integrate.quad(slice_at, -12, c, epsabs=1e-12, limit=200)[0])

    expected = optimize.brentq(lambda c: inside(c) - 0.975, 2.0, 2.5)
    assert critical_value(null_correlation([(0, 0), (0, 1), (1, 0)])) == pytest.approx(expected, abs=2e-6)


def test_boxes_are_scipys() -> None:
    """Of full rank."""
    rng = np.random.default_rng(14)
    for n in (2, 3, 5):
        a = rng.standard_normal((n, n + 2))
        covariance = a @ a.T
        sd = np.sqrt(np.diag(covariance))
        correlation = covariance / sd[:, None] / sd
        low, high = rng.uniform(-3, -0.5, n), rng.uniform(0.5, 3, n)
        expected = 1 - stats.multivariate_normal(cov=correlation).cdf(
            high, lower_limit=low, rng=np.random.default_rng(1)
        )
        assert outside(low, high, correlation) == pytest.approx(expected, abs=3e-4)


def test_far_tails_keep_their_digits() -> None:
    """A p-value of 1e-20 is Bonferroni's, nearly."""
    tail = tails_of_largest(np.array([9.5]), np.eye(3)[None])[0]
    assert tail == pytest.approx(3 * stats.norm.sf(9.5), rel=1e-6)


def test_p_values_fall() -> None:
    """With the statistic, smoothly."""
    z = np.linspace(-3, 6, 200)
    tails = tails_of_largest(z, np.repeat(null_correlation()[None], 200, axis=0))
    assert all(b < a for a, b in pairwise(tails))
    assert tails[0] == pytest.approx(1.0, abs=1e-3)


def test_correlations_follow_survival() -> None:
    """Without censoring the exact fractions; near full survival all weights (0, g) are alike."""
    np.testing.assert_allclose(null_correlation([(0, 0), (0, 1)])[0, 1], np.sqrt(3) / 2, rtol=1e-14)
    late = null_correlation([(0, 0), (1, 0)], survival_end=0.99)
    assert late[0, 1] > 0.9999


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 0.5]], "is not square"),
        ([[1, 0.5], [0.4, 1]], "symmetric"),
        ([[1, np.nan], [np.nan, 1]], "finite"),
        ([[1, 2], [2, 1]], "no negative eigenvalue"),
        ([[2, 0], [0, 2]], "ones on the diagonal"),
    ],
)
def test_what_is_no_correlation_is_refused(matrix: list[list[float]], message: str) -> None:
    """One message each."""
    with pytest.raises(InputError, match=message):
        critical_value(matrix)


def test_impossible_levels_are_refused() -> None:
    """So are empty intervals."""
    with pytest.raises(InputError, match="alpha: 0 must be above 0"):
        critical_value(np.eye(2), 0.0)
    with pytest.raises(InputError, match="low end below"):
        outside([1], [0], np.eye(1))
    with pytest.raises(InputError, match="survival_end: 1 must be"):
        null_correlation(survival_end=1.0)


def test_the_example_holds() -> None:
    """Of the docstring."""
    assert not doctest.testmod(normals).failed
