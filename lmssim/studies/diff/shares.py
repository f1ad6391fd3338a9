"""Shares of a change: Shapley values of inputs and their pairwise interactions, as weights on coalitions.

A coalition is the set of inputs that have changed; its value is the result with these changed and the others not. The
share of an input is what its change adds, averaged over all orders in which the inputs could change, so that shares add
up to the whole change. The interaction of two inputs is what changing both adds beyond each alone, averaged over the
sets of others that have changed. Everything is a weighted sum of the values of coalitions: a plan lists coalitions with
their weights, so that each is evaluated once and need not be kept.

With n inputs, and S running over the sets of others that have changed, of s inputs::

    share_i        = sum_S s! (n - s - 1)! / n!       [v(S + i) - v(S)]
    interaction_ij = sum_S s! (n - s - 2)! / (n - 1)! [v(S + i + j) - v(S + i) - v(S + j) + v(S)]

Where these are too many, orders are sampled in pairs, each order with its reverse, and the sets of an interaction are
sampled in the same proportions; the spread of what they give tells the error.

References
----------
Shapley LS. A value for n-person games. In: Contributions to the Theory of Games II, 307-317. Princeton, 1953.
doi:10.1515/9781400881970-018
Grabisch M, Roubens M. An axiomatic approach to the concept of interaction among players in cooperative games. Int J
Game Theory 28:547-565, 1999. doi:10.1007/s001820050125
Castro J, Gomez D, Tejada J. Polynomial calculation of the Shapley value based on sampling. Comput Oper Res
36:1726-1730, 2009. doi:10.1016/j.cor.2008.04.004
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.kernels import FloatArray

MOST_EXACT = 8
"""Inputs up to which every coalition is evaluated."""
Coalition = frozenset[int]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """Coalitions to evaluate, and what their values weigh.

    Attributes
    ----------
    n : int
        Inputs.
    shares : dict of frozenset to ndarray(float, ndim=2)
        (n_samples, n): weight of a coalition in the share of each input, by sample; one sample if exact.
    pairs : sequence of (int, int)
        Pairs whose interaction is asked for.
    interactions : dict of frozenset to ndarray(float, ndim=2)
        (n_sets, n_pairs): weight of a coalition in each interaction, by sampled set; one if exact.
    exact : bool
        Whether nothing is sampled.
    """

    n: int
    shares: dict[Coalition, FloatArray]
    pairs: Sequence[Pair]
    interactions: dict[Coalition, FloatArray]
    exact: bool

    @property
    def coalitions(self) -> list[Coalition]:
        """Every coalition, each once, the smallest first."""
        every = {*self.shares, *self.interactions}
        return sorted(every, key=lambda each: (len(each), sorted(each)))


def exact_plan(n: int) -> Plan:
    """All 2^n coalitions of n inputs, and all pairs."""
    if n == 0:
        return Plan(0, {frozenset(): np.zeros((1, 0))}, (), {}, exact=True)
    shares, interactions = {}, {}
    pairs = list(combinations(range(n), 2))
    for size in range(n + 1):
        for members in combinations(range(n), size):
            coalition = frozenset(members)
            shares[coalition] = np.array([[_share_weight(n, coalition, i) for i in range(n)]])
            interactions[coalition] = np.array([[_pair_weight(n, coalition, pair) for pair in pairs]])
    return Plan(n, shares, pairs, interactions, exact=True)


def _share_weight(n: int, coalition: Coalition, i: int) -> float:
    """Weight of a coalition in the share of an input."""
    s = len(coalition - {i})
    return (1.0 if i in coalition else -1.0) * factorial(s) * factorial(n - s - 1) / factorial(n)


def _pair_weight(n: int, coalition: Coalition, pair: Pair) -> float:
    """Weight of a coalition in the interaction of two inputs."""
    s = len(coalition - {*pair})
    sign = -1.0 if len(coalition & {*pair}) == 1 else 1.0
    return sign * factorial(s) * factorial(n - s - 2) / factorial(n - 1)


def sampled_plan(n: int, n_orders: int, rng: np.random.Generator) -> Plan:
    """Sampled orders of n inputs, each with its reverse; a sample is such a pair."""
    n_samples = max(n_orders // 2, 2)
    shares: dict[Coalition, FloatArray] = defaultdict(lambda: np.zeros((n_samples, n)))
    for k in range(n_samples):
        order = [int(i) for i in rng.permutation(n)]
        for way in (order, order[::-1]):
            for place, i in enumerate(way):
                shares[frozenset(way[:place])][k, i] -= 0.5
                shares[frozenset(way[: place + 1])][k, i] += 0.5
    return Plan(n, dict(shares), (), {}, exact=False)


def pairs_plan(n: int, pairs: Sequence[Pair], n_sets: int, rng: np.random.Generator) -> Plan:
    """Sampled sets of others for the interactions of some pairs of n inputs."""
    weights: dict[Coalition, FloatArray] = defaultdict(lambda: np.zeros((n_sets, len(pairs))))
    for p, (i, j) in enumerate(pairs):
        others = [k for k in range(n) if k not in (i, j)]
        for k in range(n_sets):
            chosen = frozenset(int(o) for o in rng.permutation(others)[: rng.integers(0, n - 1)])
            for more, sign in _corners(i, j):
                weights[chosen | more][k, p] += sign
    return Plan(n, {}, pairs, dict(weights), exact=False)


def _corners(i: int, j: int) -> Iterator[tuple[Coalition, float]]:
    yield frozenset({i, j}), 1.0
    yield frozenset({i}), -1.0
    yield frozenset({j}), -1.0
    yield frozenset(), 1.0
