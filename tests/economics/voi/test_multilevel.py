"""Multilevel Monte Carlo is right on average, however noisy the draws are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.economics.voi.multilevel import FIRST, multilevel

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray, IntArray

P1 = 0.0833155
"""Value of p1 ~ N(1, 1) where the gain is p1 - p2, p2 ~ N(0, sd 2)."""


def two_normals(seed: int, noise: float) -> Callable[[int, IntArray], FloatArray]:
    """Gains of the old strategy over the new one, which is optimal now, given p1; with noise of patients."""
    rng = np.random.default_rng(seed)
    p1 = rng.normal(1.0, 1.0, 10_000)

    def gains(_: int, outer: IntArray) -> FloatArray:
        other = rng.normal(0.0, 2.0, len(outer)) + noise * rng.normal(size=len(outer))
        return np.column_stack([other - p1[outer], np.zeros(len(outer))])

    return gains


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_it_is_exact_on_average(noise: float) -> None:
    """The mean of 40 estimates lies within 3 errors of the exact value; the first level alone is far above it."""
    found = [multilevel(two_normals(seed, noise), 600, seed) for seed in range(40)]
    values = np.array([each.evppi for each in found])
    error = values.std(ddof=1) / np.sqrt(len(values))
    assert abs(values.mean() - P1) < 3.0 * error
    assert error < 0.1 * P1
    assert np.mean([each.first for each in found]) > P1 + 5.0 * error
    assert np.mean([each.se for each in found]) == pytest.approx(values.std(ddof=1), rel=0.35)


def test_draws_are_asked_for_in_order_and_reported() -> None:
    """Each number once; progress ends with all of them."""
    seen: list[int] = []
    done: list[tuple[int, int]] = []
    inner = two_normals(1, 0.0)

    def gains(first: int, outer: IntArray) -> FloatArray:
        seen.extend(range(first, first + len(outer)))
        assert (np.diff(outer) >= 0).all()
        return inner(first, outer)

    found = multilevel(gains, 100, progress=lambda k, n: done.append((k, n)))
    assert seen == list(range(found.n_draws))
    assert done[-1] == (found.n_draws, found.n_draws)
    assert found.n_outer == 150
    assert found.n_draws > 100 * FIRST + 50 * 2 * FIRST
