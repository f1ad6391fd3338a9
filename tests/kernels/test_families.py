"""The hazard families: against SciPy, their own derivatives and inverses, and the names under which models use them."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import scipy.stats

from lmssim.kernels import FloatArray
from lmssim.kernels import families as kernels
from lmssim.kernels.families import (
    cumulative_hazard,
    hazard,
    inverse_cumulative_hazard,
    inverse_piecewise_cumulative_hazard,
    piecewise_cumulative_hazard,
    piecewise_hazard,
)
from lmssim.kernels.jit import jit
from lmssim.model.language.families import (
    FAMILIES,
)

Numbers = tuple[float, float, float]


def _prentice(mu: float, sigma: float, q: float) -> Any:
    """SciPy's generalised gamma with these numbers in Prentice's parametrisation."""
    return scipy.stats.gengamma(a=q**-2, c=q / sigma, scale=math.exp(mu) * q ** (2 * sigma / q))


CASES: list[tuple[str, Numbers, Any]] = [
    ("exponential", (0.3, 0, 0), scipy.stats.expon(scale=1 / 0.3)),
    ("weibull", (1.0, 4.0, 0), scipy.stats.expon(scale=4)),
    ("weibull", (0.4, 4.0, 0), scipy.stats.weibull_min(0.4, scale=4)),
    ("weibull", (3.5, 0.02, 0), scipy.stats.weibull_min(3.5, scale=0.02)),
    ("weibull_ph", (1.0, 0.25, 0), scipy.stats.expon(scale=4)),
    ("weibull_ph", (1.7, 0.25, 0), scipy.stats.weibull_min(1.7, scale=0.25 ** (-1 / 1.7))),
    ("gompertz", (0.09, 0.001, 0), scipy.stats.gompertz(0.001 / 0.09, scale=1 / 0.09)),
    ("gompertz", (0.0, 0.2, 0), scipy.stats.expon(scale=5)),
    ("log_logistic", (1.4, 3.0, 0), scipy.stats.fisk(1.4, scale=3)),
    ("log_logistic", (0.5, 0.1, 0), scipy.stats.fisk(0.5, scale=0.1)),
    ("log_normal", (0.7, 0.5, 0), scipy.stats.lognorm(0.5, scale=math.exp(0.7))),
    ("log_normal", (-1.0, 1.8, 0), scipy.stats.lognorm(1.8, scale=math.exp(-1))),
    ("gamma", (1.0, 0.6, 0), scipy.stats.expon(scale=1 / 0.6)),
    ("gamma", (0.3, 0.6, 0), scipy.stats.gamma(0.3, scale=1 / 0.6)),
    ("gamma", (7.0, 0.6, 0), scipy.stats.gamma(7, scale=1 / 0.6)),
    ("gamma", (180.0, 60.0, 0), scipy.stats.gamma(180, scale=1 / 60)),
    ("generalised_gamma", (0.5, 0.8, 0.0), scipy.stats.lognorm(0.8, scale=math.exp(0.5))),
    ("generalised_gamma", (0.5, 0.8, 0.6), _prentice(0.5, 0.8, 0.6)),
    ("generalised_gamma", (0.5, 0.8, 2.5), _prentice(0.5, 0.8, 2.5)),
    ("generalised_gamma", (0.5, 1.1, -0.7), None),
    ("generalised_gamma", (0.5, 0.8, 0.03), _prentice(0.5, 0.8, 0.03)),
    ("generalised_gamma", (0.5, 0.8, -1e-5), None),
]
IN_SCIPY = pytest.mark.parametrize(("name", "numbers", "scipy_law"), [case for case in CASES if case[2] is not None])
PROPER = pytest.mark.parametrize(("name", "numbers"), [case[:2] for case in CASES])
BUDGETS = np.concatenate([np.logspace(-12, 0, 25), np.linspace(1.5, 40, 12), np.linspace(60, 700, 9)])


def _h(name: str, t: float, numbers: Numbers) -> float:
    return cumulative_hazard(FAMILIES[name].code, float(t), *map(float, numbers))


def _inverse(name: str, h: float, numbers: Numbers) -> float:
    return inverse_cumulative_hazard(FAMILIES[name].code, float(h), *map(float, numbers))


def _rate(name: str, t: float, numbers: Numbers) -> float:
    return hazard(FAMILIES[name].code, float(t), *map(float, numbers))


# === Families with a formula === #


@IN_SCIPY
def test_cumulative_hazard_agrees_with_scipy(name: str, numbers: Numbers, scipy_law: Any) -> None:
    """H(t) is minus the log of SciPy's survival, down to a survival of 1e-13."""
    deepest = 14.0 if name == "log_logistic" else 30.0  # SciPy's log-logistic takes its survival from 1 - cdf
    for h in np.concatenate([np.logspace(-8, 0, 9), np.linspace(1.0, deepest, 30)]):
        t = _inverse(name, h, numbers)
        expected = -math.log1p(-scipy_law.cdf(t)) if scipy_law.cdf(t) < 0.5 else -math.log(scipy_law.sf(t))
        assert _h(name, t, numbers) == pytest.approx(expected, rel=1e-9, abs=0)


@IN_SCIPY
def test_hazard_agrees_with_scipy(name: str, numbers: Numbers, scipy_law: Any) -> None:
    """h(t) is SciPy's density over its survival."""
    for t in [_inverse(name, h, numbers) for h in np.concatenate([np.logspace(-6, 0, 7), np.linspace(1, 25, 25)])]:
        assert _rate(name, t, numbers) == pytest.approx(scipy_law.pdf(t) / scipy_law.sf(t), rel=1e-9)


@PROPER
def test_inverse_undoes_cumulative_hazard(name: str, numbers: Numbers) -> None:
    """H at the sampled time is the budget again, from 1e-12 to 700."""
    for h in BUDGETS:
        t = _inverse(name, h, numbers)
        if 1e-290 < t < 1e290:
            assert _h(name, t, numbers) == pytest.approx(h, rel=2e-12, abs=0), f"h = {h}, t = {t}"


@PROPER
def test_times_ascend_with_the_budget(name: str, numbers: Numbers) -> None:
    """A greater budget is never used up sooner, and a lasting difference lasts strictly longer."""
    times = np.array([_inverse(name, h, numbers) for h in np.linspace(1e-3, 60, 400)])
    assert (np.diff(times) > 0).all()


@PROPER
def test_hazard_is_the_derivative_of_cumulative_hazard(name: str, numbers: Numbers) -> None:
    """h(t) is the slope of H, by central differences."""
    for t in [_inverse(name, h, numbers) for h in (0.01, 0.2, 1.0, 3.0, 12.0)]:
        step = 1e-5 * t
        slope = (_h(name, t + step, numbers) - _h(name, t - step, numbers)) / (2 * step)
        assert _rate(name, t, numbers) == pytest.approx(slope, rel=1e-6)


@PROPER
def test_ends_of_time(name: str, numbers: Numbers) -> None:
    """Nothing is used up at or before 0, everything by the end of time, and an infinite budget is never used up."""
    assert _h(name, 0.0, numbers) == 0.0
    assert _h(name, -1.0, numbers) == 0.0
    assert _h(name, math.inf, numbers) == math.inf
    assert _inverse(name, 0.0, numbers) == 0.0
    assert _inverse(name, math.inf, numbers) == math.inf
    assert _rate(name, -1.0, numbers) == 0.0


@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [
        ("exponential", (0.3, 0, 0), 0.3),
        ("weibull", (0.5, 2, 0), math.inf),
        ("weibull", (1, 2, 0), 0.5),
        ("weibull", (2, 2, 0), 0.0),
        ("weibull_ph", (1, 2, 0), 2.0),
        ("gompertz", (-0.5, 0.2, 0), 0.2),
        ("log_logistic", (0.5, 2, 0), math.inf),
        ("log_logistic", (1, 2, 0), 0.5),
        ("log_normal", (0, 1, 0), 0.0),
        ("gamma", (0.5, 2, 0), math.inf),
        ("gamma", (1, 2, 0), 2.0),
        ("gamma", (3, 2, 0), 0.0),
        ("generalised_gamma", (0, 2, 1), math.inf),
        ("generalised_gamma", (math.log(4), 1, 1), 0.25),
        ("generalised_gamma", (0, 0.5, 1), 0.0),
        ("generalised_gamma", (0, 1, -1), 0.0),
    ],
)
def test_hazard_at_zero_is_its_limit(name: str, numbers: Numbers, expected: float) -> None:
    """At time 0 the hazard is its limit from the right, be it 0, finite or infinite."""
    assert _rate(name, 0.0, numbers) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "numbers"), [("exponential", (0, 0, 0)), ("weibull_ph", (1.5, 0, 0)), ("gompertz", (0.1, 0, 0))]
)
def test_rate_zero_is_never(name: str, numbers: Numbers) -> None:
    """A rate of 0 uses up no budget, ever."""
    for t in (1.0, 1e9, math.inf):
        assert _h(name, t, numbers) == 0.0
    assert _rate(name, 1e9, numbers) == 0.0
    assert _inverse(name, 1e-9, numbers) == math.inf


def test_gompertz_of_negative_shape_levels_off() -> None:
    """With a negative shape H never exceeds rate / -shape, and below that its inverse is exact."""
    numbers = (-0.5, 0.2, 0.0)
    assert _h("gompertz", math.inf, numbers) == pytest.approx(0.4)
    assert _inverse("gompertz", 0.4, numbers) == math.inf
    assert _inverse("gompertz", 5.0, numbers) == math.inf
    for h in (1e-12, 0.01, 0.3):
        assert _h("gompertz", _inverse("gompertz", h, numbers), numbers) == pytest.approx(h, rel=1e-14, abs=0)


def test_gompertz_is_continuous_at_shape_zero() -> None:
    """A Gompertz of hardly any shape is the exponential that it tends to."""
    for shape in (-1e-14, 1e-14):
        assert _h("gompertz", 7.0, (shape, 0.2, 0)) == pytest.approx(1.4, rel=1e-12)
        assert _inverse("gompertz", 1.4, (shape, 0.2, 0)) == pytest.approx(7.0, rel=1e-12)


@pytest.mark.parametrize("t", [0.01, 0.4, 1.0, 3.0, 9.0])
def test_generalised_gamma_holds_its_special_cases(t: float) -> None:
    """With q = 1 it is a Weibull, with q = sigma a gamma, and with q near 0 a log-normal."""
    assert _h("generalised_gamma", t, (0.4, 0.7, 1)) == pytest.approx(_h("weibull", t, (1 / 0.7, math.exp(0.4), 0)))
    rate = math.exp(-0.4) / 0.7**2
    assert _h("generalised_gamma", t, (0.4, 0.7, 0.7)) == pytest.approx(_h("gamma", t, (0.7**-2, rate, 0)), rel=1e-12)
    for q in (-1e-13, 1e-13, 1e-20):
        near = _h("generalised_gamma", t, (0.4, 0.7, q))
        assert near == pytest.approx(_h("log_normal", t, (0.4, 0.7, 0)), rel=1e-10)


@pytest.mark.parametrize("q", [0.02, 0.5, 1.0, 3.0])
def test_generalised_gamma_of_negative_q_is_the_reciprocal(q: float) -> None:
    """If log T has (mu, sigma, q) then -log T has (-mu, sigma, -q), so the tails change places."""
    for t in (0.05, 0.5, 1.0, 2.0, 8.0):
        survival = math.exp(-_h("generalised_gamma", t, (0.3, 0.9, -q)))
        mirrored = -math.expm1(-_h("generalised_gamma", 1 / t, (-0.3, 0.9, q)))
        assert survival == pytest.approx(mirrored, rel=1e-11)


def test_samples_follow_the_law() -> None:
    """Times at unit exponential budgets pass a Kolmogorov-Smirnov test of each SciPy law (fixed seed)."""
    budgets = np.random.default_rng(20).exponential(size=2000)
    for name, numbers, scipy_law in CASES:
        if scipy_law is not None:
            times = [_inverse(name, h, numbers) for h in budgets]
            assert scipy.stats.kstest(times, scipy_law.cdf).pvalue > 1e-3, name


@jit
def _in_a_loop(family: int, budgets: FloatArray, a: float, b: float, c: float, out: FloatArray) -> None:
    for i in range(budgets.shape[0]):
        t = inverse_cumulative_hazard(family, budgets[i], a, b, c)
        out[i, 0] = t
        out[i, 1] = cumulative_hazard(family, t, a, b, c)


@PROPER
def test_a_kernel_and_a_single_call_give_the_same_bits(name: str, numbers: Numbers) -> None:
    """Compiled into a loop, each family gives the very bits of a call from Python."""
    budgets = np.random.default_rng(3).exponential(size=300)
    out = np.empty((300, 2))
    a, b, c = map(float, numbers)
    _in_a_loop(FAMILIES[name].code, budgets, a, b, c, out)
    times = [_inverse(name, h, numbers) for h in budgets]
    np.testing.assert_array_equal(out[:, 0], times)
    np.testing.assert_array_equal(out[:, 1], [_h(name, t, numbers) for t in times])


def test_fixed_delay() -> None:
    """A fixed delay comes at its delay whatever the finite budget, and not before."""
    numbers = (2.5, 0.0, 0.0)
    assert _h("fixed", math.nextafter(2.5, 0), numbers) == 0.0
    assert _h("fixed", 2.5, numbers) == math.inf
    assert [_inverse("fixed", h, numbers) for h in (0.0, 1e-300, 1.0, 1e300)] == [2.5] * 4
    assert _inverse("fixed", math.inf, numbers) == math.inf
    assert (_rate("fixed", 2.0, numbers), _rate("fixed", 2.5, numbers)) == (0.0, math.inf)


@pytest.mark.parametrize("code", [kernels.PIECEWISE, kernels.LIFE_TABLE, kernels.VISIT])
def test_codes_without_a_formula_give_nan(code: int) -> None:
    """A piecewise law, life table or visit has no three numbers, and asking for one by them shows."""
    for function in (cumulative_hazard, inverse_cumulative_hazard, hazard):
        assert math.isnan(function(code, 1.0, 1.0, 1.0, 1.0))


# === Piecewise exponential === #

STARTS = np.array([0.0, 0.5, 2.0, 3.0, 10.0])
RATES = np.array([0.2, 1.5, 0.0, 0.01, 0.4])


def _flat(starts: FloatArray, rates: FloatArray, offset: int) -> FloatArray:
    """The flat array of a piecewise law, behind `offset` numbers that are not its own."""
    at_starts = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(starts))])
    return np.concatenate([np.full(offset, np.nan), starts, rates, at_starts, [np.nan]])


@pytest.mark.parametrize("offset", [0, 7])
def test_piecewise_cumulative_hazard_is_the_integral(offset: int) -> None:
    """H(t) is each rate times the time spent in its interval, the last held for ever."""
    numbers = _flat(STARTS, RATES, offset)
    ends = np.append(STARTS[1:], math.inf)
    for t in (0.0, 0.1, 0.5, 1.9, 2.0, 2.7, 3.0, 9.0, 10.0, 500.0):
        spent = np.clip(t - STARTS, 0.0, ends - STARTS)
        assert piecewise_cumulative_hazard(t, numbers, offset, 5) == pytest.approx((spent * RATES).sum(), rel=1e-14)
    assert piecewise_cumulative_hazard(-1.0, numbers, offset, 5) == 0.0
    assert piecewise_cumulative_hazard(math.inf, numbers, offset, 5) == math.inf


@pytest.mark.parametrize("offset", [0, 7])
def test_piecewise_inverse_round_trip(offset: int) -> None:
    """The time at which a budget is used up has used up that budget, from 1e-12 to 700, and times ascend."""
    numbers = _flat(STARTS, RATES, offset)
    times = [inverse_piecewise_cumulative_hazard(h, numbers, offset, 5) for h in BUDGETS]
    for h, t in zip(BUDGETS, times, strict=True):
        assert piecewise_cumulative_hazard(t, numbers, offset, 5) == pytest.approx(h, rel=1e-12, abs=0)
    assert (np.diff(times) > 0).all()


def test_piecewise_inverse_is_the_earliest_time() -> None:
    """A budget used up as a hazard-free interval begins is used up there, not at the interval's end."""
    numbers = _flat(STARTS, RATES, 0)
    at_two = piecewise_cumulative_hazard(2.0, numbers, 0, 5)
    assert inverse_piecewise_cumulative_hazard(at_two, numbers, 0, 5) == pytest.approx(2.0, rel=1e-14)
    assert inverse_piecewise_cumulative_hazard(at_two + 1e-6, numbers, 0, 5) == pytest.approx(3.0001, rel=1e-9)
    assert inverse_piecewise_cumulative_hazard(0.0, numbers, 0, 5) == 0.0


def test_piecewise_ending_without_hazard_may_never_come() -> None:
    """Once the last rate is 0, a budget beyond what was used up lasts for ever."""
    numbers = _flat(np.array([0.0, 4.0]), np.array([0.5, 0.0]), 0)
    assert piecewise_cumulative_hazard(math.inf, numbers, 0, 2) == 2.0
    assert inverse_piecewise_cumulative_hazard(2.0, numbers, 0, 2) == 4.0
    assert inverse_piecewise_cumulative_hazard(math.nextafter(2.0, 3), numbers, 0, 2) == math.inf
    assert inverse_piecewise_cumulative_hazard(math.inf, numbers, 0, 2) == math.inf


def test_piecewise_hazard_is_the_rate_of_the_interval() -> None:
    """A start belongs to the interval that it begins."""
    numbers = _flat(STARTS, RATES, 3)
    for i, start in enumerate(STARTS):
        assert piecewise_hazard(start, numbers, 3, 5) == RATES[i]
        assert piecewise_hazard(start + 0.4, numbers, 3, 5) == RATES[i]
    assert piecewise_hazard(-0.1, numbers, 3, 5) == 0.0


def test_piecewise_of_one_interval_is_exponential() -> None:
    """One interval held for ever is an exponential."""
    numbers = _flat(np.array([0.0]), np.array([0.3]), 2)
    assert piecewise_cumulative_hazard(7.0, numbers, 2, 1) == _h("exponential", 7.0, (0.3, 0, 0))
    assert inverse_piecewise_cumulative_hazard(1.7, numbers, 2, 1) == _inverse("exponential", 1.7, (0.3, 0, 0))


# === Names, domains and conversions === #

VALID: dict[str, dict[str, Any]] = {
    "exponential": {"rate": 0.0},
    "weibull": {"shape": 1.2, "scale": 3.0},
    "weibull_ph": {"shape": 1.2, "rate": 0.0},
    "gompertz": {"shape": -0.1, "rate": 0.2},
    "log_logistic": {"shape": 1.2, "scale": 3.0},
    "log_normal": {"meanlog": -1.0, "sdlog": 0.5},
    "gamma": {"shape": 2.0, "rate": 0.5},
    "generalised_gamma": {"mu": -0.5, "sigma": 0.5, "q": -1.0},
    "piecewise_exponential": {"starts": [0.0, 2.0], "rates": [0.0, 0.3]},
    "fixed": {"delay": 0.0},
}


def test_registry_names_each_code_once() -> None:
    """Each family is filed under its own name and code, and bounds only parameters that it has."""
    assert sorted(FAMILIES) == sorted(VALID)
    assert sorted(family.code for family in FAMILIES.values()) == list(range(10))
    for name, family in FAMILIES.items():
        assert family.name == name
        assert {*family.positive, *family.non_negative} <= set(family.parameters)
    with pytest.raises(dataclasses.FrozenInstanceError):
        FAMILIES["fixed"].code = 3  # type: ignore[misc]


@pytest.mark.parametrize("name", sorted(VALID))
def test_check_accepts_the_domain(name: str) -> None:
    """Values within the domain raise no complaint, be they numbers or arrays of draws."""
    family = FAMILIES[name]
    assert family.check(VALID[name]) is None
    assert family.check({key: np.array([value, value]) for key, value in VALID[name].items()}) is None


@pytest.mark.parametrize("name", sorted(VALID))
def test_check_refuses_what_is_not_finite_or_not_named(name: str) -> None:
    """A value that is nan or infinite, missing, or under a wrong name is said to be so."""
    family = FAMILIES[name]
    for parameter in family.parameters:
        for bad in (math.nan, math.inf, -math.inf):
            message = family.check({**VALID[name], parameter: bad})
            assert message == f"{name}: {parameter} is {bad!r}, but must be finite"
    assert "takes the parameters" in (family.check({**VALID[name], "bogus": 1.0}) or "")
    assert "given: none" in (family.check({}) or "")
    words: Any = {**VALID[name], family.parameters[0]: "often"}
    assert "must be a number" in (family.check(words) or "")


def test_check_refuses_values_outside_the_domain() -> None:
    """Each positive parameter refuses 0, and each non-negative one refuses less than 0."""
    for name, family in FAMILIES.items():
        for parameter in family.positive:
            message = family.check({**VALID[name], parameter: 0.0})
            assert message == f"{name}: {parameter} is 0.0, but must be greater than 0"
        for parameter in family.non_negative:
            message = family.check({**VALID[name], parameter: np.array([1.0, -0.5])})
            assert message == f"{name}: {parameter} is -0.5, but must be 0 or greater"


@pytest.mark.parametrize(
    ("starts", "rates", "word"),
    [
        ([0.0, 1.0], [0.1], "each start needs one rate"),
        ([], [], "each start needs one rate"),
        ([1.0, 2.0], [0.1, 0.1], "must begin with 0"),
        ([0.0, 2.0, 2.0], [0.1, 0.1, 0.1], "not ascending"),
    ],
)
def test_check_refuses_misplaced_intervals(starts: list[float], rates: list[float], word: str) -> None:
    """The intervals of a piecewise exponential begin at 0, ascend, and have a rate each."""
    assert word in (FAMILIES["piecewise_exponential"].check({"starts": starts, "rates": rates}) or "")
