"""A posterior block of forty parameters: what regression finds of its value, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.economics.voi.directions import directions
from lmssim.economics.voi.partial import gains, partial_information

if TYPE_CHECKING:
    from lmssim.economics.voi.partial import PartialInformation
    from lmssim.kernels import FloatArray

N_PARAMETERS = 40
TRUTH = 1.2478
"""Of the block below, from 2,000,000 draws of the expected net benefits (standard error .0012)."""
FACTOR = np.linalg.cholesky(0.5 ** np.abs(np.subtract.outer(np.arange(N_PARAMETERS), np.arange(N_PARAMETERS))))
WEIGHTS = np.random.default_rng(5).normal(size=(6, N_PARAMETERS))
WEIGHTS /= np.sqrt(np.einsum("ij,jk,ik->i", WEIGHTS, FACTOR @ FACTOR.T, WEIGHTS))[:, None]


def block(n: int, seed: int, noise: float) -> tuple[FloatArray, FloatArray]:
    """Draws of correlated parameters, and net benefits of three strategies: curved, and with an interaction."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, N_PARAMETERS)) @ FACTOR.T
    u = z @ WEIGHTS.T
    second = 2.0 * u[:, 0] + u[:, 1] ** 2 - 1.5
    third = 1.5 * u[:, 2] + 1.5 * u[:, 3] * u[:, 4] + np.exp(0.5 * u[:, 5]) - 1.5
    benefit = np.column_stack([np.zeros(n), second, third])
    return z, benefit + noise * rng.normal(size=(n, 3))


def found(n: int, seed: int, noise: float) -> PartialInformation:
    """The block's value by regression."""
    z, benefit = block(n, seed, noise)
    return partial_information(z, gains(benefit, np.arange(n), int(benefit.mean(axis=0).argmax())))


def test_the_truth_of_the_block() -> None:
    """As stated above."""
    _, benefit = block(500_000, 99, 0.0)
    assert benefit.max(axis=1).mean() - benefit.mean(axis=0).max() == pytest.approx(TRUTH, abs=0.008)


@pytest.mark.parametrize(("n", "least"), [(1_000, 0.85), (4_000, 0.94)])
def test_little_noise_leaves_most_of_the_value(n: int, least: float) -> None:
    """With 1,000 draws at least 85% is found, with 4,000 at least 94%, and never more than there is."""
    value = found(n, 1, 0.5)
    assert value.terms == "splines, pairs of directions"
    assert least * TRUTH < value.evppi < TRUTH + 2.0 * value.se
    assert value.policy < TRUTH + 2.0 * value.policy_se


def test_much_noise_hides_much_of_it() -> None:
    """Where the block explains a fifth of the variance, 4,000 draws find 60 to 90% of the value; R2 is the warning."""
    value = found(4_000, 1, 4.0)
    assert 0.6 * TRUTH < value.evppi < 0.9 * TRUTH
    assert value.r2 < 0.15


def test_directions_are_found() -> None:
    """The direction of a square, which no linear regression sees, is among those found."""
    rng = np.random.default_rng(11)
    z = rng.normal(size=(3_000, 20))
    way = np.zeros(20)
    way[[3, 7]] = np.sqrt(0.5)
    outcome = ((z @ way) ** 2 + 0.5 * rng.normal(size=3_000))[:, None]
    ways = directions(z, outcome, np.ones(1), 3)
    assert np.abs(way @ np.linalg.qr(ways)[0]).max() > 0.98
