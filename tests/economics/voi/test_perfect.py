"""Value of perfect information and of perfect implementation."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.voi.draws import DecisionDraws, posterior_rows
from lmssim.economics.voi.perfect import implementation, perfect_information
from tests.kit.information import value_of_normal, within


def draws_of(n: int, noise: float = 0.0, seed: int = 1) -> DecisionDraws:
    """Two normals: effect p1 against cost p2, with noise of patients in the effect, which the draws know."""
    rng = np.random.default_rng(seed)
    p1, p2 = rng.normal(1.0, 1.0, n), rng.normal(0.0, 2.0, n)
    nothing = np.zeros(n)
    effect = np.column_stack([nothing, p1 + noise * rng.normal(size=n)])
    covariance = np.diag([0.0, 0.0, 0.0, noise**2]) if noise else None
    return DecisionDraws(
        ["old", "new"], np.column_stack([nothing, p2]), effect, {"p1": p1, "p2": p2}, np.arange(n), covariance
    )


def test_perfect_information_is_exact() -> None:
    """The published value, without noise."""
    found = perfect_information(draws_of(50_000), 1.0)
    assert within(found.evpi, 0.4798107, found.se)
    assert np.isnan(found.bias)


def test_noise_of_patients_is_taken_out() -> None:
    """Noise with a variance of 4 would make 0.48 of it 0.74."""
    found = perfect_information(draws_of(50_000, noise=2.0), 1.0)
    assert within(found.evpi, 0.4798107, found.se)
    assert within(found.evpi + found.bias, value_of_normal(1.0, 3.0), found.se)


def test_perfect_implementation() -> None:
    """Of patients who get the worse strategy, each loses the difference of the means."""
    found = implementation(draws_of(50_000), 1.0, np.array([0.25, 0.75]))
    assert within(found.value, 0.25, found.se)


def test_posterior_rows_are_recognised() -> None:
    """Draws that repeat rows of a block share them; of two blocks, that of the fewest rows decides."""
    block = np.random.default_rng(1).normal(size=(10, 3))
    rows = posterior_rows([np.tile(block, (4, 1)), np.arange(40.0)[:, None]], 40)
    assert len(np.unique(rows)) == 10
    assert (rows[:10] == rows[10:20]).all()
    assert posterior_rows([], 5).tolist() == [0, 1, 2, 3, 4]


def test_a_part_of_the_draws() -> None:
    """Every array is cut."""
    part = draws_of(100).part(np.arange(0, 100, 2))
    assert part.n_draws == len(part.rows) == len(part.parameters["p1"]) == 50
    assert part.columns(["p1", "p2"]).shape == (50, 2)
    assert part.benefit(0.0) == pytest.approx(-part.cost)
