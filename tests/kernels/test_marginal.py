"""Integrals over a between-study effect against integration on a fine grid about the integrand's peak."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import logsumexp

from lmssim.kernels.marginal import log_marginal
from lmssim.studies.calibration.likelihood import NODES, WEIGHTS

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

TAUS = (0.001, 0.05, 0.3, 0.5, 1.0, 1.5)
SIZES = (5, 75, 5_000)


def by_kernel(
    eta: FloatArray, tau: float, events: list[float], size: list[float], inner: list[int], starts: list[int]
) -> FloatArray:
    """Log likelihoods of parameters' etas, (n, n_rows)."""
    out, spread = np.empty(len(eta)), np.full_like(eta, tau)
    log_marginal(
        eta,
        spread,
        np.array(events, dtype=np.float64),
        np.array(size, dtype=np.float64),
        np.array(inner),
        np.array(starts),
        NODES,
        np.log(WEIGHTS),
        out,
    )
    return out


def log_integrand(
    z: FloatArray, eta: list[float], tau: float, events: list[float], size: list[float], inner: list[int]
) -> FloatArray:
    """Log of the likelihood given the effect, times its density."""
    hazard = np.exp(np.array(eta)[:, None] + tau * z)
    value: FloatArray = -0.5 * z**2 - 0.5 * np.log(2.0 * np.pi)
    for i, k in enumerate(inner):
        d = hazard[i] - (hazard[k] if k >= 0 else 0.0)
        value -= (size[i] - events[i]) * d
        if events[i] > 0.0:
            value += events[i] * np.log(-np.expm1(-d))
    return value


def by_grid(eta: list[float], tau: float, events: list[float], size: list[float], inner: list[int]) -> float:
    """Log of the integral over the effect: trapezia where the integrand is more than e^-45 of its peak."""
    wide = np.linspace(-40.0, 40.0, 40_001)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        rough = np.nan_to_num(log_integrand(wide, eta, tau, events, size, inner), nan=-np.inf)
    near = wide[rough > rough.max() - 45.0]
    z = np.linspace(near[0] - 0.01, near[-1] + 0.01, 40_001)
    return float(logsumexp(log_integrand(z, eta, tau, events, size, inner)) + np.log(z[1] - z[0]))


def complementary_log_log(share: float) -> float:
    """Of a share between 0 and 1."""
    return float(np.log(-np.log1p(-share)))


def test_the_grid_is_the_integral() -> None:
    """What the kernel is compared with agrees with adaptive quadrature."""
    arguments = ([complementary_log_log(0.2)], 0.5, [15.0], [75.0], [-1])
    value, _ = quad(
        lambda z: float(np.exp(log_integrand(np.array([z]), *arguments)[0] + 40.0)), -8.0, 8.0, epsabs=0.0, epsrel=1e-11
    )
    assert by_grid(*arguments) == pytest.approx(np.log(value) - 40.0, abs=1e-9)


@pytest.mark.parametrize(("tau", "n"), list(itertools.product(TAUS, SIZES)))
@pytest.mark.parametrize("share", [0.0, 0.02, 0.15, 0.5, 0.9])
def test_one_row(share: float, tau: float, n: int) -> None:
    """Parameters near the target and off it by 2: within 1e-6 up to tau 0.5, and 2e-4 at any tau of the prior."""
    for off in (-2.0, -0.5, 0.0, 1.5):
        eta = complementary_log_log(max(share, 0.5 / n)) + off
        found = by_kernel(np.array([[eta]]), tau, [share * n], [n], [-1], [0, 1])[0]
        assert found == pytest.approx(by_grid([eta], tau, [share * n], [n], [-1]), abs=1e-6 if tau <= 0.5 else 2e-4)


@pytest.mark.parametrize(("tau", "n", "most"), [(0.05, 75, 1e-9), (0.3, 75, 1e-4), (0.5, 5, 1e-5), (1.5, 5_000, 0.1)])
def test_a_row_where_everybody_has_the_event(tau: float, n: int, most: float) -> None:
    """The likelihood is nearly a step, which nodes cannot follow: the error is that of no consequence."""
    for off in (-2.0, -0.5, 0.0, 0.5, 1.5):
        eta = complementary_log_log(1.0 - 0.5 / n) + off
        found = by_kernel(np.array([[eta]]), tau, [n], [n], [-1], [0, 1])[0]
        assert found == pytest.approx(by_grid([eta], tau, [n], [n], [-1]), abs=most)


@pytest.mark.parametrize(("tau", "n"), list(itertools.product((0.001, 0.3, 0.5, 1.5), SIZES)))
@pytest.mark.parametrize("shares", [(0.1, 0.3), (0.0, 0.2), (0.2, 0.2), (0.3, 0.9)])
def test_nested_rows(shares: tuple[float, float], tau: float, n: int) -> None:
    """Three rows in line, the second within the third and the first within the second, and one apart."""
    least = max(shares[0], 0.3 / n)
    inside = [least, max(shares[1], least + 0.3 / n)]
    size = [n, n * (1.0 - shares[0]), n * (1.0 - shares[1]), n]
    events = [n * shares[0], n * (shares[1] - shares[0]), 0.05 * size[2], 0.1 * n]
    inner = [-1, 0, 1, -1]
    for off in (-1.0, 0.0, 0.5):
        eta = [complementary_log_log(x) + off for x in (*inside, 0.5 * (1.0 + inside[1]), 0.1)]
        found = by_kernel(np.array([eta]), tau, events, size, inner, [0, 4])[0]
        expected = by_grid(eta, tau, events, size, inner)
        assert found == pytest.approx(expected, abs=2e-6 if tau <= 0.5 else 2e-4)


def test_groups_have_effects_of_their_own() -> None:
    """The whole is the sum over groups; one group of two rows is not two groups."""
    eta = np.array([[-1.5, -0.8, 0.2]])
    events, size, inner = [15.0, 20.0, 40.0], [75.0, 60.0, 80.0], [-1, -1, -1]
    whole = by_kernel(eta, 0.5, events, size, inner, [0, 2, 3])[0]
    first = by_grid([-1.5, -0.8], 0.5, events[:2], size[:2], [-1, -1])
    assert whole == pytest.approx(first + by_grid([0.2], 0.5, [40.0], [80.0], [-1]), abs=1e-5)
    assert abs(whole - by_kernel(eta, 0.5, events, size, inner, [0, 1, 2, 3])[0]) > 0.01


def test_bits_do_not_depend_on_the_batch() -> None:
    """One at a time, or all at once."""
    eta = np.random.default_rng(1).normal(-1.0, 1.0, size=(40, 3))
    events, size, inner, starts = [10.0, 12.0, 3.0], [75.0, 65.0, 20.0], [-1, 0, -1], [0, 2, 3]
    eta[:, 1] = eta[:, 0] + 0.5
    whole = by_kernel(eta, 0.4, events, size, inner, starts)
    alone = [by_kernel(eta[[k]], 0.4, events, size, inner, starts)[0] for k in range(len(eta))]
    assert np.array_equal(whole, alone)


@pytest.mark.parametrize("eta", [-60.0, -20.0, 5.0, 60.0])
def test_far_away_it_is_finite(eta: float) -> None:
    """Wherever the sampler tries: a number, and a low one."""
    found = by_kernel(np.array([[eta, eta - 1.0]]), 0.5, [10.0, 5.0], [75.0, 20.0], [1, -1], [0, 2])
    assert np.isfinite(found).all()
    assert found[0] < -60.0
