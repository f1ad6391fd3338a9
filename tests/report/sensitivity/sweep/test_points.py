"""Pareto fronts."""

from __future__ import annotations

import numpy as np

from lmssim.report.sensitivity.sweep.points import front_of


def test_the_front_holds_what_nothing_beats() -> None:
    """Against every pair, also with ties in one outcome and in both."""
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 12, 60).astype(float), rng.integers(0, 12, 60).astype(float)
    front = front_of(first, second)

    def beaten(i: int) -> bool:
        at_least = (first >= first[i]) & (second >= second[i])
        return bool((at_least & ((first > first[i]) | (second > second[i]))).any())

    unbeaten = {(first[i], second[i]) for i in range(60) if not beaten(i)}
    found = [(first[i], second[i]) for i in front]
    assert set(found) == unbeaten
    assert len(found) == len(unbeaten)
    assert found == sorted(found)
