"""NICE's severity modifier: the weights by the letter of the manual."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.agency.severity import Shortfall, weights_of

BELOW = 1e-6


@pytest.mark.parametrize(
    ("absolute", "proportional", "weight"),
    [
        (0.0, 0.0, 1.0),
        (12.0 - BELOW, 0.5, 1.0),
        (12.0, 0.5, 1.2),
        (18.0 - BELOW, 0.5, 1.2),
        (18.0, 0.5, 1.7),
        (3.0, 0.85 - BELOW, 1.0),
        (3.0, 0.85, 1.2),
        (3.0, 0.95 - BELOW, 1.2),
        (3.0, 0.95, 1.7),
        (12.0, 0.95, 1.7),
        (18.0, 0.85, 1.7),
        (-2.0, -0.1, 1.0),
    ],
)
def test_a_bound_belongs_to_its_weight(absolute: float, proportional: float, weight: float) -> None:
    """And the greater weight of the two shortfalls holds."""
    assert weights_of(np.array([absolute]), np.array([proportional])).tolist() == [weight]


@pytest.mark.parametrize(
    ("without", "under", "weight"),
    [(20.0, 8.0, 1.2), (20.0, 2.0, 1.7), (10.0, 1.5, 1.2), (10.0, 0.5, 1.7), (10.0, 1.6, 1.0), (20.0, 8.1, 1.0)],
)
def test_worked_examples(without: float, under: float, weight: float) -> None:
    """QALYs as a spreadsheet would have them; 10 less 0.5 is a share of 0.95 but for rounding."""
    found = Shortfall(without, under)
    assert found.absolute == without - under
    assert found.weight == weight


def test_rounding_does_not_decide() -> None:
    """A shortfall that falls short of its bound by no more than rounding has reached it."""
    assert Shortfall(0.1 + 0.2 + 11.7 + 4.0, 4.0).weight == 1.2  # 12.000000000000002 or less, as sums go
    assert weights_of(np.array([12.0 * (1.0 - 1e-12)]), np.zeros(1)).item() == 1.2


def test_nothing_to_lose_has_no_share() -> None:
    """And no weight."""
    assert np.isnan(Shortfall(0.0, 0.0).proportional)
    assert Shortfall(0.0, 0.0).weight == 1.0
