"""Ties: rounding and known errors never decide a rank."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from lmssim.economics.cea import COST, DOMINATED, EFFECT, EXTENDED, FRONTIER, cost_per_unit, frontier
from lmssim.economics.ties import Ties, best_first, differ, levels

ULP = 1.0 + 2e-15


def test_rounding_is_no_difference() -> None:
    """Values apart by rounding are tied, also where they are differences of larger ones."""
    assert not differ(5.0, 5.0 * ULP)
    assert differ(5.0, 5.0 + 1e-7)
    assert not differ(0.0, 1e-11, size=1e5)
    assert not differ(5.0, 5.1, error=0.2)
    assert levels([3.0, 1.0, 3.0 * ULP, 1.0]) == [1, 0, 1, 0]


@pytest.mark.parametrize("noise", [*itertools.product((1.0, ULP), repeat=3)])
def test_equal_effects_leave_the_cheapest_alone(noise: tuple[float, ...]) -> None:
    """A dearer strategy whose effect is greater by rounding is dominated, and has no ICER, whichever way it rounds."""
    effects = [5.0 * each for each in noise]
    rows = {row.strategy: row for row in frontier([1700.0, 700.0, 1200.0], effects)}
    assert rows[1].status == FRONTIER
    for i in (0, 2):
        assert (rows[i].status, rows[i].dominated_by, rows[i].tied) == (DOMINATED, 1, (EFFECT,))
    assert all(math.isnan(row.icer) for row in rows.values())


@pytest.mark.parametrize("noise", [*itertools.product((1.0, ULP), repeat=4)])
def test_equal_strategies_keep_the_order_of_the_file(noise: tuple[float, ...]) -> None:
    """Of two equal strategies the first stays; of equal costs the more effective, whatever the last digits say."""
    a, b, c, d = noise
    rows = {row.strategy: row for row in frontier([100.0 * a, 100.0 * b, 100.0], [2.0 * c, 2.0 * d, 1.0])}
    assert (rows[0].status, rows[1].status, rows[2].status) == (FRONTIER, DOMINATED, DOMINATED)
    assert (rows[1].dominated_by, rows[1].tied) == (0, (COST, EFFECT))
    assert rows[2].tied == (COST,)


@pytest.mark.parametrize("noise", [*itertools.product((1.0 / ULP, 1.0, ULP), repeat=3)])
def test_a_strategy_on_the_line_is_extendedly_dominated(noise: tuple[float, ...]) -> None:
    """Three strategies on a line: the middle one is off the frontier, whatever the last digits say."""
    a, b, c = noise
    rows = {row.strategy: row for row in frontier([1000.0 * a, 1100.0 * b, 1300.0 * c], [1.0, 1.1, 1.3])}
    assert [rows[i].status for i in range(3)] == [FRONTIER, EXTENDED, FRONTIER]
    assert rows[2].icer == pytest.approx(1000.0)


def test_a_difference_below_a_known_error_is_a_tie() -> None:
    """An effect that is greater by less than the error of an exact solution does not reach the frontier."""
    ties = Ties(effect=lambda i, j: 0.01)
    assert [row.status for row in frontier([1.0, 2.0], [1.0, 1.005], ties)] == [FRONTIER, DOMINATED]
    assert [row.status for row in frontier([1.0, 2.0], [1.0, 1.02], ties)] == [FRONTIER, FRONTIER]


@pytest.mark.parametrize("noise", [*itertools.product((1.0, ULP), repeat=3)])
def test_of_equal_net_benefits_the_cheaper_comes_first(noise: tuple[float, ...]) -> None:
    """Of strategies with one net benefit the least costly is the best, then the first in the file."""
    effects = np.array([1.3, 1.0, 1.3]) * noise
    assert best_first([1300.0, 1000.0, 1300.0], effects.tolist(), 1000.0) == [1, 0, 2]
    assert best_first([1300.0, 1000.0, 1300.0], effects.tolist(), 2000.0) == [0, 2, 1]


def test_no_ratio_of_a_tie_or_of_dominance() -> None:
    """A cost per unit of effect needs a difference in effect, and a gain and a cost or a loss and a saving."""
    assert cost_per_unit(100.0, 0.5) == 200.0
    assert cost_per_unit(-100.0, -0.5) == 200.0
    assert math.isnan(cost_per_unit(100.0, -0.5))
    assert math.isnan(cost_per_unit(100.0, 1e-15, size=5.0))
