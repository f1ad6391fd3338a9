"""Simulated patients follow their hazards, and do not depend on each other's number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials.tests import ExponentialPatients

RNG_ERRORS = 4.0
"""Standard errors within which a simulated mean lies."""


def test_a_trial_is_the_same_alone() -> None:
    """As among others."""
    patients = ExponentialPatients(n=20, hazard=0.5, hazard_ratio=0.7, accrual=2, dropout=0.1, competing=0.2)
    many, one = patients.simulate(10, seed=3), patients.simulate(1, seed=3, first=7)
    np.testing.assert_array_equal(many.time[7], one.time[0])
    np.testing.assert_array_equal(many.event[7], one.event[0])
    assert many.entry is not None
    assert one.entry is not None
    np.testing.assert_array_equal(many.entry[7], one.entry[0])


@pytest.mark.parametrize("breaks", [(), (1.0,)])
def test_hazards_are_events_by_exposure(breaks: tuple[float, ...]) -> None:
    """Of each arm and cause, in one piece or two alike."""
    patients = ExponentialPatients(
        n=400, hazard=0.5, hazard_ratio=0.6, breaks=breaks, competing=(0.1, 0.3), dropout=0.2, ratio=(1, 3)
    )
    data = patients.simulate(50, seed=5)
    for arm, rates in ((0, (0.2, 0.5, 0.1)), (1, (0.2, 0.3, 0.3))):
        own = data.arm == arm
        exposure = data.time[own].sum()
        for cause, rate in enumerate(rates):
            count = (data.event[own] == cause).sum()
            assert abs(count - rate * exposure) < RNG_ERRORS * (rate * exposure) ** 0.5
    assert (data.arm == 1).sum() == 3 * (data.arm == 0).sum()


def test_late_effects_begin_at_the_break() -> None:
    """Before it the arms are alike."""
    data = ExponentialPatients(n=1000, hazard=0.4, hazard_ratio=(1.0, 0.5), breaks=[1.0]).simulate(40, seed=6)
    for arm, later in ((0, 0.4), (1, 0.2)):
        time = data.time[data.arm == arm]
        for low, high, rate in ((0.0, 1.0, 0.4), (1.0, np.inf, later)):
            count = ((time > low) & (time <= high)).sum()
            exposure = np.clip(time - low, 0.0, high - low).sum()
            assert abs(count - rate * exposure) < RNG_ERRORS * (rate * exposure) ** 0.5


def test_entries_are_uniform() -> None:
    """Over the accrual."""
    entry = ExponentialPatients(n=1000, hazard=1, accrual=3).simulate(20).entry
    assert entry is not None
    assert entry.min() > 0
    assert entry.max() < 3
    assert abs(entry.mean() - 1.5) < RNG_ERRORS * 3 / 12**0.5 / entry.size**0.5


@pytest.mark.parametrize(
    "change",
    [
        {"n": 1},
        {"hazard": -1},
        {"hazard": [1, 2]},
        {"hazard_ratio": np.nan},
        {"breaks": [2, 1], "hazard": [1, 1, 1]},
        {"accrual": -1},
        {"ratio": (0, 0)},
        {"competing": [1, 2, 3]},
    ],
)
def test_impossible_patients_are_refused(change: dict[str, Any]) -> None:
    """By the name of the value."""
    with pytest.raises(InputError, match=next(iter(change))):
        ExponentialPatients(**{"n": 20, "hazard": 0.5} | change).simulate(1)
