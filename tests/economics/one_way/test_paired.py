"""Increments whose errors are shared, or not."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.one_way.paired import known, mean_of


def test_the_error_is_that_of_a_mean() -> None:
    """Of as many rows as units: standard deviation over the root of n."""
    values = np.random.default_rng(1).normal(size=(50, 2))
    found = mean_of(values, np.full(50, 0.02), np.arange(50))
    assert found.cost.mean == pytest.approx(values[:, 0].mean())
    assert found.cost.se == pytest.approx(values[:, 0].std(ddof=1) / np.sqrt(50))
    benefit = 3.0 * values[:, 1] - values[:, 0]
    assert found.net_benefit(3.0).se == pytest.approx(benefit.std(ddof=1) / np.sqrt(50))


def test_rows_of_one_unit_count_once() -> None:
    """Rows that repeat tell nothing new."""
    values = np.random.default_rng(2).normal(size=(20, 2))
    once = mean_of(values, np.full(20, 0.05), np.arange(20))
    twice = mean_of(np.repeat(values, 2, axis=0), np.full(40, 0.025), np.repeat(np.arange(20), 2))
    assert twice.effect == pytest.approx(once.effect)


def test_what_two_estimates_share_drops_out_of_their_difference() -> None:
    """A shift of every row has no error."""
    values = np.random.default_rng(3).normal(size=(20, 2))
    shares, units = np.full(20, 0.05), np.arange(20)
    difference = mean_of(values + 7.0, shares, units) - mean_of(values, shares, units)
    assert difference.cost.mean == pytest.approx(7.0)
    assert difference.cost.se == pytest.approx(0.0, abs=1e-12)


def test_what_is_solved_has_no_error() -> None:
    """Nor has its ratio."""
    found = known(np.array([1000.0, 0.1]))
    assert found.net_benefit(20_000.0).mean == pytest.approx(1000.0)
    assert found.net_benefit(20_000.0).se == 0.0
    assert found.icer_error() == 0.0
