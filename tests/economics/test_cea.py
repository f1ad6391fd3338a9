"""Incremental analysis against published frontiers and its own laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.economics.cea import (
    DOMINATED,
    EXTENDED,
    FRONTIER,
    frontier,
    icer_standard_error,
    net_monetary_benefit,
)

HIV_COSTS = [26000.0, 27000.0, 28020.0, 28440.0, 29440.0]
HIV_QALYS = [q / 12 for q in (277.25, 277.57, 277.78, 277.83, 277.76)]


def test_hiv_screening_frontier_is_as_published() -> None:
    """Paltiel 2006 as in dampack: three ICERs, annual screening dominated."""
    rows = {row.strategy: row for row in frontier(HIV_COSTS, HIV_QALYS)}
    assert [rows[i].status for i in range(4)] == [FRONTIER] * 4
    assert rows[4].status == DOMINATED
    icers = [rows[i].icer for i in (1, 2, 3)]
    assert icers == pytest.approx([37500.0, 58285.714285714, 100800.0], rel=1e-9)


def test_one_strategy_may_dominate_all_others() -> None:
    """Two strategies with equal effects: the cheaper one is left alone and no ICER exists."""
    rows = frontier([163771.0, 164848.7, 163765.1], [6.48273, 6.52861, 6.52861])
    assert [(r.strategy, r.status) for r in rows] == [(2, FRONTIER), (0, DOMINATED), (1, DOMINATED)]
    assert all(math.isnan(r.icer) for r in rows)


def test_extended_dominance_is_found_wherever_the_icer_would_fall() -> None:
    """A strategy above the line between its neighbours is extendedly dominated, and the next ICER skips it."""
    rows = {r.strategy: r for r in frontier([0.0, 100.0, 150.0], [0.0, 1.0, 3.0])}
    assert rows[1].status == EXTENDED
    assert rows[2].reference == 0
    assert rows[2].icer == pytest.approx(50.0)


def test_ratio_error_agrees_with_simulation() -> None:
    """The delta method agrees with the spread of simulated ratios within 2%."""
    rng = np.random.default_rng(1)
    d = rng.multivariate_normal([1000.0, 0.5], [[400.0, 0.1], [0.1, 1e-4]], size=200_000)
    ratio = d[:, 0] / d[:, 1]
    assert icer_standard_error(1000.0, 0.5, 400.0, 1e-4, 0.1) == pytest.approx(ratio.std(), rel=0.02)


def test_the_best_net_benefit_lies_on_the_frontier() -> None:
    """At every willingness to pay the strategy with the greatest net benefit is on the frontier."""
    on = {r.strategy for r in frontier(HIV_COSTS, HIV_QALYS) if r.status == FRONTIER}
    for wtp in np.linspace(0, 200_000, 41):
        nmb = net_monetary_benefit(np.array(HIV_COSTS), np.array(HIV_QALYS), float(wtp))
        assert int(nmb.argmax()) in on
