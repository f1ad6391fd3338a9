"""Distributions of parameters: quantiles, moments and draws against SciPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lmssim.errors import ParameterError
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.parameters.draws import sample_parameters
from lmssim.model.parameters.parameter import Parameter
from lmssim.model.parameters.table import ParameterTable

SEED = 20
SDLOG = math.log(0.9 / 0.4) / 3.919928
CASES: list[tuple[dict[str, Any], Any]] = [
    ({"value": -0.4, "distribution": "normal", "se": 0.2}, stats.norm(-0.4, 0.2)),
    ({"value": 9.0, "distribution": "normal", "p1": 1.0, "p2": 2.0, "se": 7.0}, stats.norm(1.0, 2.0)),
    ({"value": 0.0, "distribution": "normal", "low": -1.959964, "high": 1.959964}, stats.norm(0.0, 1.0)),
    ({"value": 0.6, "distribution": "lognormal", "low": 0.4, "high": 0.9}, stats.lognorm(SDLOG, scale=0.6)),
    ({"value": 0.6, "distribution": "lognormal", "p1": -0.5, "p2": 0.3}, stats.lognorm(0.3, scale=math.exp(-0.5))),
    ({"value": 0.7, "distribution": "beta", "p1": 7.0, "p2": 3.0}, stats.beta(7, 3)),
    ({"value": 0.7, "distribution": "beta", "se": 0.1}, stats.beta(0.7 * 20, 0.3 * 20)),
    ({"value": 8.0, "distribution": "gamma", "p1": 4.0, "p2": 2.0}, stats.gamma(4, scale=2)),
    ({"value": 8.0, "distribution": "gamma", "se": 4.0}, stats.gamma(4, scale=2)),
    ({"value": 3.0, "distribution": "uniform", "low": 1.0, "high": 6.0}, stats.uniform(1, 5)),
    ({"value": 3.0, "distribution": "triangular", "low": 1.0, "high": 6.0}, stats.triang(0.4, 1, 5)),
    ({"value": 1.0, "distribution": "triangular", "low": 1.0, "high": 6.0}, stats.triang(0.0, 1, 5)),
    ({"value": 1.0, "distribution": "normal", "se": 1.0, "lower": 0.0, "upper": 4.0}, stats.truncnorm(-1, 3, 1)),
]


@pytest.mark.parametrize(("fields", "law"), CASES)
def test_draws_follow_scipy(fields: dict[str, Any], law: Any) -> None:
    """Mean within four standard errors, and the whole distribution by Kolmogorov-Smirnov."""
    n = 20_000
    draws = sample_parameters(ParameterTable([Parameter(id="x", **fields)]), {}, n, SEED)["x"]
    assert abs(draws.mean() - law.mean()) < 4.0 * law.std() / math.sqrt(n)
    assert stats.kstest(draws, law.cdf).pvalue > 1e-3


@pytest.mark.parametrize(("fields", "law"), CASES)
def test_quantiles_equal_scipy(fields: dict[str, Any], law: Any) -> None:
    """Quantiles of the whole range agree, and distribution functions invert them."""
    u = np.linspace(0.001, 0.999, 101)
    distribution = distribution_of(Parameter(id="x", **fields))
    np.testing.assert_allclose(distribution.quantile(u), law.ppf(u), rtol=1e-6, atol=1e-6)
    if "lower" not in fields:
        back = [distribution.cdf(float(x)) for x in law.ppf(u)]
        np.testing.assert_allclose(back, u, atol=1e-6)


def test_lognormal_with_se_has_value_as_mean() -> None:
    """With a standard error, value and se are the moments of the draws."""
    distribution = distribution_of(Parameter(id="x", value=3.0, distribution="lognormal", se=0.6))
    meanlog, sdlog = distribution.native
    law = stats.lognorm(sdlog, scale=math.exp(meanlog))
    assert (law.mean(), law.std()) == pytest.approx((3.0, 0.6))


@pytest.mark.parametrize(
    "fields",
    [
        {"value": 2.0, "distribution": "lognormal", "se": 1.0},
        {"value": 2.0, "distribution": "gamma", "se": 1.0},
        {"value": 1.5, "distribution": "triangular", "low": 0.0, "high": 4.0},
        {"value": 1.5, "distribution": "fixed"},
        {"value": 1.5, "distribution": "uniform", "low": 0.0, "high": 4.0},
    ],
)
def test_truncated_draws_stay_within(fields: dict[str, Any]) -> None:
    """No draw lies beyond lower or upper."""
    parameter = Parameter(id="x", **fields, lower=1.0, upper=2.5)
    draws = sample_parameters(ParameterTable([parameter]), {}, 2_000, SEED)["x"]
    assert draws.min() >= 1.0
    assert draws.max() <= 2.5


@pytest.mark.parametrize(
    "row",
    [
        {"distribution": "lognormal", "value": 1e-200, "se": 1e200},
        {"distribution": "beta", "value": 0.1, "se": 1e-200},
        {"distribution": "gamma", "value": 1e200, "se": 1e-200},
    ],
)
def test_moments_that_overflow_are_refused(row: dict[str, Any]) -> None:
    """In one sentence, with the parameter."""
    with pytest.raises(ParameterError, match=r"parameter 'a': its \w+ distribution cannot be computed"):
        distribution_of(Parameter(id="a", **row))
