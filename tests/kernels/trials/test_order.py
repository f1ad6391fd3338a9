"""Patients are in order of stratum and time, however their times lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.kernels.trials.order import order_by_time

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(3)
SHAPES: dict[str, Callable[[int], Any]] = {
    "uniform": lambda n: RNG.uniform(0, 5, n),
    "one far out": lambda n: np.append(RNG.uniform(0, 1e-6, n - 1), 1e9),
    "heavy tail": lambda n: np.exp(20 * RNG.standard_normal(n)),
    "all tied": lambda n: np.full(n, 2.0),
    "few values": lambda n: RNG.integers(0, 3, n).astype(float),
    "neighbours": lambda n: 1.0 + RNG.integers(0, 9, n) * 2.0**-52,
    "denormal": lambda n: RNG.integers(0, 9, n) * 5e-324,
    "descending": lambda n: np.arange(n, 0, -1.0),
    "some absent": lambda n: np.where(RNG.random(n) < 0.3, np.nan, RNG.exponential(1, n)),
    "some for ever": lambda n: np.where(RNG.random(n) < 0.3, np.inf, RNG.exponential(1, n)),
    "all for ever": lambda n: np.full(n, np.inf),
    "all absent": lambda n: np.full(n, np.nan),
}


@pytest.mark.parametrize("n", [1, 2, 7, 500])
@pytest.mark.parametrize("shape", SHAPES)
def test_order_is_a_stable_sort(shape: str, n: int) -> None:
    """By stratum, then time; who is absent is left out."""
    time = np.ascontiguousarray(SHAPES[shape](n)[None, :])
    stratum = RNG.integers(0, 3, (1, n)).astype(np.int32)
    order, size = np.empty((1, n), np.int32), np.empty(1, np.int64)
    order_by_time(time, stratum, 3, order, size)
    present = np.flatnonzero(~np.isnan(time[0]))
    expected = present[np.lexsort((time[0, present], stratum[0, present]))]
    assert size[0] == len(present)
    np.testing.assert_array_equal(order[0, : size[0]], expected)
