"""Moment matching: what is left of the variance, and where it stops being told."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.voi.moments import moment_matching

N = 4_000


def test_it_goes_on_where_weights_fall_on_few_draws() -> None:
    """Past the size at which thirty draws count, the variance left falls as h / (n + h): exact of conjugate normals."""
    rng = np.random.default_rng(1)
    p = rng.normal(size=N)
    fitted = np.column_stack([np.zeros(N), 0.2 + p])
    sizes = [4, 16, 10_000]
    noise = [rng.normal(size=N) / np.sqrt(n) for n in sizes]

    def log_likelihood(k: int, draw: int) -> np.ndarray:
        mean = p[draw] + noise[k][draw]
        found: np.ndarray = -0.5 * sizes[k] * (mean - p) ** 2
        return found

    found = moment_matching(fitted, sizes, log_likelihood)
    assert (np.diff(found) > 0.0).all()
    perfect = float(np.maximum(0.2 + p, 0.0).mean() - (0.2 + p).mean())
    assert found[-1] == pytest.approx(perfect, rel=0.01)


def test_nothing_is_told_where_no_size_leaves_enough() -> None:
    """NaN, and no number that looks like one."""
    p = np.random.default_rng(2).normal(size=N)
    fitted = np.column_stack([np.zeros(N), p])
    assert np.isnan(moment_matching(fitted, [10**6], lambda _, draw: -0.5e6 * (p[draw] - p) ** 2)).all()
    assert np.isnan(moment_matching(np.zeros((N, 2)), [10], lambda _k, _draw: np.zeros(N))).all()
