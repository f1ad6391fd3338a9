"""Acceptability, expected loss and the value of perfect information, against closed forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from lmssim.economics.acceptability import Acceptability, switching_points

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

N = 20_000
EVPI = 0.4798107
"""Of a net benefit of 0 against p1 - p2, p1 ~ N(1, 1), p2 ~ N(0, 2): by integration."""


def two_normals(n: int, sd_patient: float = 0.0, seed: int = 3) -> Acceptability:
    """The decision with that value, whose means of draws patients put off by so much."""
    rng = np.random.default_rng(seed)
    gain = rng.normal(1.0, 1.0, n) - rng.normal(0.0, 2.0, n) + rng.normal(0.0, sd_patient, n)
    noise = np.zeros((4, 4))
    noise[3, 3] = sd_patient**2
    return Acceptability(np.zeros((n, 2)), np.column_stack([np.zeros(n), gain]), noise if sd_patient else None)


def test_the_closed_form() -> None:
    """Value of information, probability, loss of the other strategy."""
    decision, sd = two_normals(N), np.sqrt(5.0)
    found = decision.perfect_information(1.0)
    assert sd * stats.norm.pdf(1 / sd) - stats.norm.cdf(-1 / sd) == pytest.approx(EVPI, abs=1e-6)
    assert found.evpi == pytest.approx(EVPI, abs=4 * found.se)
    assert decision.ceac(1.0)[1] == pytest.approx(stats.norm.cdf(1 / sd), abs=0.015)
    loss, error = decision.expected_loss(1.0)
    assert loss[0] - loss[1] == pytest.approx(1.0, abs=5 * sd / np.sqrt(N))
    assert error[1] == found.se
    assert decision.optimal(1.0) == 1


@pytest.mark.parametrize("sd", [1.0, 3.0])
def test_patient_noise_leaves_no_bias(sd: float) -> None:
    """Left in, it adds what the closed form of a wider normal adds."""
    found, wide = two_normals(N, sd).perfect_information(1.0), np.sqrt(5.0 + sd**2)
    noisy = wide * stats.norm.pdf(1 / wide) - stats.norm.cdf(-1 / wide)
    assert found.evpi == pytest.approx(EVPI, abs=5 * found.se)
    assert found.with_patient_noise == pytest.approx(noisy, abs=6 * found.se)
    assert found.bias == pytest.approx(noisy - EVPI, abs=5 * found.se)


@pytest.mark.parametrize("sd", [0.0, 1.0, 3.0])
def test_the_error_of_the_value_is_seen_from_analysis_to_analysis(sd: float) -> None:
    """Patient noise, though it is taken out, makes it larger."""
    found = [two_normals(1_000, sd, seed).perfect_information(1.0) for seed in range(150)]
    seen = np.std([each.evpi for each in found], ddof=1)
    assert np.mean([each.se for each in found]) == pytest.approx(seen, rel=0.25)
    assert np.mean([each.evpi for each in found]) == pytest.approx(EVPI, abs=4 * seen / np.sqrt(150))


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_skewed_values_keep_a_third_of_the_bias_at_most(share: float) -> None:
    """A gain of a gamma distribution whose skewness is 1, and noise that is a share of the variance between draws."""
    rng = np.random.default_rng(5)
    gain = rng.gamma(4.0, 0.5, 200_000) - 1.7
    exact = float(np.maximum(gain, 0.0).mean() - gain.mean())
    sd = np.sqrt(gain.var() * share / (1.0 - share))
    noise = np.zeros((4, 4))
    noise[3, 3] = sd**2
    effect = np.column_stack([np.zeros_like(gain), gain + rng.normal(0.0, sd, gain.size)])
    found = Acceptability(np.zeros_like(effect), effect, noise).perfect_information(1.0)
    assert abs(found.evpi - exact) < (found.with_patient_noise - exact) / 3.0


def _tied() -> tuple[FloatArray, FloatArray]:
    cost = np.array([[1.0, 1.0, 5.0], [2.0, 2.0, 0.0]])
    effect = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    return cost, effect


def test_exact_ties_are_shared() -> None:
    """Two strategies that are alike have one half each, and the probabilities add up to 1 everywhere."""
    decision = Acceptability(*_tied())
    np.testing.assert_array_equal(decision.ceac(1.0), [0.25, 0.25, 0.5])
    np.testing.assert_array_equal(decision.ceac(10.0), [0.5, 0.5, 0.0])
    for wtp in np.linspace(0.0, 100.0, 41):
        assert decision.ceac(wtp).sum() == pytest.approx(1.0, abs=1e-15)


def test_ties_survive_what_noise_is_taken_out() -> None:
    """Strategies that are alike in every draw and patient."""
    rng = np.random.default_rng(7)
    gain = rng.normal(1e4, 5e3, 500)
    cost = np.column_stack([gain, gain, rng.normal(1e4, 5e3, 500)])
    noise = np.zeros((6, 6))
    noise[:2, :2] = 1e7
    np.testing.assert_array_equal(*Acceptability(cost, np.ones((500, 3)), noise).ceac(3e4)[[0, 1], None])


def test_frontier_probability() -> None:
    """A strategy that costs more and gains less is never on the frontier; the cheapest always is."""
    cost, effect = np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]), np.array([[0.0, 1.0, 1.5], [0.0, 1.0, 0.5]])
    np.testing.assert_array_equal(Acceptability(cost, effect).frontier_probability(), [1.0, 1.0, 0.5])


def test_switching_points() -> None:
    """Each strategy from where it becomes optimal."""
    assert switching_points([0, 1, 2, 3], [0, 0, 2, 2]) == [(0, 0), (2, 2)]
