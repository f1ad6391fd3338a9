"""What a cost per QALY says at an end of a bar: five cases beside the ratio, told apart."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.one_way.cases import (
    CASES,
    DOMINANT,
    DOMINATED,
    MEANING,
    NOTHING,
    RATIO,
    SOUTH_WEST,
    TURNED,
    case_of,
    is_sure,
)
from lmssim.economics.one_way.paired import Paired, known


def increment(cost: float, effect: float) -> Paired:
    """Increments without chance."""
    return known(np.array([cost, effect]))


@pytest.mark.parametrize(
    ("base", "end", "case"),
    [
        ((1000, 0.1), (1500, 0.1), RATIO),
        ((1000, 0.1), (1000, 0.1), NOTHING),
        ((1000, 0.1), (1000, -0.1), DOMINATED),
        ((1000, 0.1), (1000, 0.0), DOMINATED),
        ((1000, 0.1), (-1000, 0.1), DOMINANT),
        ((1000, 0.1), (-1000, 0.0), DOMINANT),
        ((1000, 0.1), (0.0, 0.2), DOMINANT),
        ((1000, 0.1), (0.0, -0.2), DOMINATED),
        ((1000, 0.1), (-1000, -0.1), TURNED),
        ((-1000, -0.1), (1000, 0.1), TURNED),
        ((-1000, -0.1), (-2000, -0.1), SOUTH_WEST),
        ((1000, -0.1), (-2000, -0.1), SOUTH_WEST),
        ((1000, -0.1), (2000, 0.1), RATIO),
    ],
)
def test_each_case(base: tuple[float, float], end: tuple[float, float], case: str) -> None:
    """The quadrant of the end, held against that of the base case; ties count as no gain and no loss."""
    before, after = increment(*base), increment(*end)
    assert case_of(before, after - before, after) == case


def test_a_turn_keeps_its_ratio_and_its_case() -> None:
    """The same number, 10,000 a QALY, is a price in one quadrant and a saving in the other."""
    before, after = increment(1000, 0.1), increment(-1000, -0.1)
    assert case_of(before, after - before, after) == TURNED


def test_a_change_within_its_error_is_none() -> None:
    """Both increments must move beyond 1.96 errors of the change, whatever the errors of the ends."""
    noise = np.array([[300.0, 0.03], [-300.0, -0.03]])
    before = Paired(np.array([1000.0, 0.1]), noise)
    near = Paired(np.array([1400.0, 0.1]), -noise)
    assert case_of(before, near - before, near) == NOTHING
    same_units = Paired(np.array([1400.0, 0.1]), noise)
    assert case_of(before, same_units - before, same_units) == RATIO


def test_a_quadrant_that_chance_leaves_open_is_not_sure() -> None:
    """An increment within 1.96 errors of 0."""
    assert is_sure(increment(1000, 0.1))
    assert not is_sure(Paired(np.array([1000.0, 0.1]), np.array([[0.0, 0.06]])))


def test_every_case_is_explained() -> None:
    """For tables."""
    assert set(MEANING) == set(CASES)
