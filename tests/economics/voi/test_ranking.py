"""Ranks with their errors, and a small set that holds most of the value."""

from __future__ import annotations

import numpy as np

from lmssim.economics.voi.draws import DecisionDraws, ParameterSet
from lmssim.economics.voi.partial import gains, partial_information
from lmssim.economics.voi.ranking import ranked, smallest_set

N = 2_000


def decision() -> DecisionDraws:
    """A gain of four normals of falling weight, and one of none."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(N, 5))
    gain = 0.2 + z @ np.array([1.0, 0.6, 0.3, 0.28, 0.0])
    effect = np.column_stack([np.zeros(N), gain])
    return DecisionDraws(["a", "b"], np.zeros((N, 2)), effect, {f"p{k}": z[:, k] for k in range(5)}, np.arange(N), None)


def test_ranks_and_the_small_set() -> None:
    """Clear ranks are sure, near ones are not; the first two hold 90%."""
    draws = decision()
    gain = gains(draws.benefit(1.0), draws.rows, 1)
    sets = [ParameterSet(name, name, (name,)) for name in draws.parameters]
    found = [partial_information(draws.columns(each.members), gain) for each in sets]
    ranks = ranked(found)
    assert [each.rank for each in ranks][:2] == [1, 2]
    assert (ranks[0].low, ranks[0].high) == (1, 1)
    assert ranks[2].low <= 3 < ranks[2].high
    assert all(each.leading == 1.0 for each in ranks)
    perfect = float(np.maximum(draws.effect[:, 1], 0.0).mean() - draws.effect[:, 1].mean())
    steps = list(smallest_set(draws, gain, sets, [each.evppi for each in found], perfect))
    assert [step.added.name for step in steps][:2] == ["p0", "p1"]
    assert steps[-1].found.evppi >= 0.9 * perfect
    assert len(steps) < 5


def test_nothing_is_taken_that_adds_nothing() -> None:
    """Where no parameter is known that tells anything, the set stays empty."""
    draws = decision()
    gain = gains(draws.benefit(1.0), draws.rows, 1)
    assert not list(smallest_set(draws, gain, [ParameterSet("p4", "p4", ("p4",))], [0.0], 0.4))
