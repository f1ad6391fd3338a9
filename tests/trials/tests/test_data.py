"""Patients are checked once, and cut at a look as they were then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmssim.errors import DataError, InputError
from lmssim.trials.tests import ExponentialPatients, logrank, trial_data

GOOD: dict[str, Any] = {"time": [1.0, 2.0, 3.0], "event": [1, 0, 1], "arm": [0, 1, 1]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [1, -2, 3]}, "time: patient 2: -2 is negative"),
        ({"time": [1, 2, np.nan]}, "time: patient 3: nan is no finite number"),
        ({"time": [np.inf, 2, 3]}, "time: patient 1: inf is no finite number"),
        ({"time": []}, "at least one"),
        ({"time": [[[1]]]}, "shape"),
        ({"time": ["a", "b", "c"]}, "time: holds what is no number"),
        ({"event": [1, 0.5, 1]}, r"event: patient 2: 0\.5 is not a whole number"),
        ({"event": [1, 0, 300]}, "event: patient 3: 300"),
        ({"event": [1, 0, np.nan]}, "event: patient 3: nan"),
        ({"arm": [0, 1, 2]}, "arm: patient 3: 2 is neither 0"),
        ({"arm": [0, 1]}, "arm: shape"),
        ({"entry": [0, 1, np.inf]}, "entry: patient 3"),
        ({"stratum": ["a", "b"]}, "stratum: shape"),
    ],
)
def test_bad_patients_are_named(change: dict[str, Any], message: str) -> None:
    """The first of them."""
    with pytest.raises(DataError, match=message):
        trial_data(**GOOD | change)


def test_a_bad_trial_among_many_is_named() -> None:
    """By its number."""
    with pytest.raises(DataError, match="trial 2, patient 1: -1 is negative"):
        trial_data([[1, 2], [-1, 2]], [1, 1], [0, 1])


def test_one_row_serves_all_trials() -> None:
    """Of arms, events, strata."""
    data = trial_data([[1, 2, 3, 4], [2, 3, 4, 1]], [1, 1, 1, 1], [0, 1, 0, 1], stratum=["x", "x", "y", "y"])
    assert data.n_strata == 2
    assert logrank(data).z.shape == (2,)


def test_the_callers_arrays_stay_theirs() -> None:
    """Read-only ones serve, and later changes change nothing."""
    time = np.array([1.0, 2.0, 3.0])
    data = trial_data(time, GOOD["event"], GOOD["arm"])
    time[0] = 99.0
    assert data.time[0, 0] == 1.0
    time.flags.writeable = False
    assert trial_data(time, GOOD["event"], GOOD["arm"]).time[0, 0] == 99.0


def test_a_look_sees_what_had_happened() -> None:
    """Later entries are out, open observations are cut."""
    data = trial_data([1.0, 5.0, 2.0, 1.0], [1, 1, 0, 1], [0, 1, 0, 1], entry=[0, 0, 1, 4])
    seen = data.at(3.5)
    np.testing.assert_array_equal(seen.time[0], [1.0, 3.5, 2.0, np.nan])
    np.testing.assert_array_equal(seen.event[0], [1, 0, 0, 0])
    assert seen.unstratified.size[0] == 3
    np.testing.assert_array_equal(data.at(99).time, data.time)
    np.testing.assert_array_equal(seen.at(99).time, seen.time)  # what a look has not seen, a later one of it cannot


def test_looks_by_events() -> None:
    """At the time of the n-th event all n are seen."""
    data = trial_data([1.0, 5.0, 2.0, 1.0], [1, 2, 0, 1], [0, 1, 0, 1], entry=[0, 0, 1, 3])
    assert data.time_of_event(1)[0] == 1.0
    assert data.time_of_event(2)[0] == 4.0
    assert data.time_of_event(3)[0] == 5.0
    assert data.time_of_event(4)[0] == np.inf
    assert data.time_of_event(1, cause=2)[0] == 5.0
    many = ExponentialPatients(n=100, hazard=0.3, accrual=2.0).simulate(200)
    np.testing.assert_array_equal(many.at(many.time_of_event(37)).events(), np.full(200, 37))


def test_looks_need_entries() -> None:
    """And a count, a time."""
    data = trial_data(**GOOD)
    with pytest.raises(InputError, match="entry: the data hold no times of entry"):
        data.at(1.0)
    with pytest.raises(InputError, match="count: 0"):
        data.time_of_event(0)
    with pytest.raises(InputError, match="calendar"):
        trial_data(**GOOD, entry=[0, 0, 0]).at(np.nan)
