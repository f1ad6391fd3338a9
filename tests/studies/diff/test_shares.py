"""Shares of a change: functions whose Shapley values are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.studies.diff.shares import Plan, exact_plan, pairs_plan, sampled_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray

WEIGHTS = np.array([3.0, -1.0, 0.5, 7.0, 0.0, 2.0])


def linear(coalition: frozenset[int]) -> float:
    """A sum: the share of each input is its own weight, and nothing interacts."""
    return 10.0 + float(WEIGHTS[sorted(coalition)].sum())


def glove(coalition: frozenset[int]) -> float:
    """One left glove (0) and two right ones (1, 2): a pair is worth 1; the shares are 2/3, 1/6 and 1/6."""
    return float(0 in coalition and bool(coalition & {1, 2}))


def product(coalition: frozenset[int]) -> float:
    """Factors of 2, 3 and 5 of what changes."""
    return float(np.prod([(2.0, 3.0, 5.0)[i] for i in coalition]))


def shares_of(plan: Plan, value: Callable[[frozenset[int]], float]) -> FloatArray:
    """Shares by sample."""
    return sum((weights * value(c) for c, weights in plan.shares.items()), np.zeros(1))


def interactions_of(plan: Plan, value: Callable[[frozenset[int]], float]) -> FloatArray:
    """Interactions by sampled set."""
    return sum((weights * value(c) for c, weights in plan.interactions.items()), np.zeros(1))


def test_a_sum_is_shared_by_its_terms() -> None:
    """Each input gets its weight, no two interact, and all coalitions are there once."""
    plan = exact_plan(6)
    assert shares_of(plan, linear)[0] == pytest.approx(WEIGHTS, abs=1e-12)
    assert interactions_of(plan, linear)[0] == pytest.approx(np.zeros(15), abs=1e-12)
    assert len(plan.coalitions) == len(set(plan.coalitions)) == 2**6


def test_a_game_of_the_textbook() -> None:
    """Shapley's own axioms give these shares."""
    assert shares_of(exact_plan(3), glove)[0] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_factors_interact() -> None:
    """Of a product of two, the interaction is (a - 1)(b - 1), and each share its own change and half of it.

    Of three, that of the first two is the mean of what it is before and after the third has changed.
    """
    plan = exact_plan(2)
    assert interactions_of(plan, product)[0] == pytest.approx([1.0 * 2.0])
    assert shares_of(plan, product)[0] == pytest.approx([1.0 + 1.0, 2.0 + 1.0])
    plan = exact_plan(3)
    assert list(plan.pairs) == [(0, 1), (0, 2), (1, 2)]
    assert interactions_of(plan, product)[0] == pytest.approx([2.0 * 3.0, 4.0 * 2.0, 8.0 * 1.5])
    assert shares_of(plan, product).sum() == pytest.approx(30.0 - 1.0)


def test_sampled_orders_find_a_sum_without_error() -> None:
    """Whatever the order, a term adds its weight."""
    found = shares_of(sampled_plan(6, 4, np.random.default_rng(1)), linear)
    assert found == pytest.approx(np.tile(WEIGHTS, (2, 1)), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_sampled_orders_find_shares_within_their_error(seed: int) -> None:
    """Of a function of ten inputs with products; four standard errors; parts add up in each sample."""
    rng = np.random.default_rng(100 + seed)
    factors, pairs = rng.normal(size=10), rng.normal(size=(10, 10))

    def value(coalition: frozenset[int]) -> float:
        x = np.array([float(i in coalition) for i in range(10)])
        return float(factors @ x + x @ pairs @ x + np.exp(0.3 * factors @ x))

    known = shares_of(exact_plan(10), value)[0]
    samples = shares_of(sampled_plan(10, 400, rng), value)
    error = samples.std(axis=0, ddof=1) / len(samples) ** 0.5
    assert (np.abs(samples.mean(axis=0) - known) <= 4.0 * error + 1e-12).all()
    assert samples.sum(axis=1) == pytest.approx(np.full(200, value(frozenset(range(10))) - value(frozenset())))


def test_sampled_sets_find_interactions_within_their_error() -> None:
    """Four standard errors, of a function of nine inputs; and they are not all alike."""
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.1, 0.6, 9)

    def value(coalition: frozenset[int]) -> float:
        return float(np.exp(weights[sorted(coalition)].sum()))

    exact = exact_plan(9)
    known = interactions_of(exact, value)[0]
    chosen = [(0, 1), (2, 7), (4, 8)]
    samples = interactions_of(pairs_plan(9, chosen, 300, rng), value)
    error = samples.std(axis=0, ddof=1) / 300**0.5
    wanted = np.array([known[list(exact.pairs).index(pair)] for pair in chosen])
    assert (np.abs(samples.mean(axis=0) - wanted) <= 4.0 * error).all()
    assert (error < 0.1 * np.abs(wanted)).all()


def test_nothing_has_one_coalition() -> None:
    """No input: the result itself."""
    assert exact_plan(0).coalitions == [frozenset()]
