"""Dates of further looks: closed forms, and simulated trials that go on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.trials import uniform_accrual
from lmssim.trials.interim.patients import read_patients
from lmssim.trials.interim.projection import Outlook, outlook
from lmssim.trials.tests import ExponentialPatients

if TYPE_CHECKING:
    from pathlib import Path

ALIKE = Outlook(
    events=40,
    at_risk=(30.0, 30.0),
    hazard=(0.1, 0.1),
    dropout=(0.0, 0.0),
    later=(0.5, 0.5),
    accrual=None,
    entered=100,
    cutoff=10.0,
)


def test_without_entries_the_rest_dies_exponentially() -> None:
    """60 at risk at a hazard of 0.1: 30 more events after ln 2 / 0.1."""
    assert ALIKE.time_of(70.0) == pytest.approx(10.0 + math.log(2) / 0.1, rel=1e-6)
    assert ALIKE.time_of(40.0) == 10.0
    assert ALIKE.time_of(101.0) == math.inf
    best, early, late = ALIKE.interval(70.0)
    assert early < best < late


@pytest.mark.parametrize("cutoff", [1e-12, 1e-3, 1e9, 1e15])
def test_any_unit_of_time_serves(cutoff: float) -> None:
    """Seconds or centuries, and hazards that fit neither."""
    for hazard in (0.1 / cutoff, 1e-9 / cutoff, 1e9 / cutoff):
        course = Outlook(**{**ALIKE.__dict__, "cutoff": cutoff, "hazard": (hazard, hazard)})
        expected = cutoff + math.log(2) / hazard
        assert course.time_of(70.0) == (pytest.approx(expected, rel=1e-6) if hazard * cutoff > 1e-6 else math.inf)


def test_patients_who_enter_later_add_events() -> None:
    """As many as the accrual that is left brings."""
    accrual = uniform_accrual(20.0, rate=10.0)
    going_on = Outlook(**{**ALIKE.__dict__, "accrual": accrual})
    entries = np.linspace(10.0, 20.0, 20_001)
    expected = ALIKE.expected(25.0) + 100 * float(np.mean(1.0 - np.exp(-0.1 * (25.0 - entries))))
    assert going_on.expected(25.0) == pytest.approx(expected, rel=1e-5)
    assert going_on.time_of(90.0) < ALIKE.time_of(90.0)


def test_the_lost_are_not_followed(tmp_path: Path) -> None:
    """If it is said after how long a patient counts as lost."""
    path = tmp_path / "p.csv"
    path.write_text("arm,entry,time,event\n0,0,10,1\n0,0,10,0\n0,0,2,0\n1,0,10,1\n1,0,9,0\n1,0,10,2\n")
    read = read_patients(path)
    whole, strict = outlook(read, None, 1.0), outlook(read, None, 1.0, lost_after=3.0)
    assert whole.at_risk == (2.0, 1.0)
    assert strict.at_risk == (1.0, 1.0)
    assert whole.dropout[0] == 0.0
    assert whole.dropout[1] == pytest.approx(1 / 29)
    assert strict.dropout[0] == pytest.approx(1 / 22)


def test_dates_are_right_on_average(tmp_path: Path) -> None:
    """Of 60 simulated trials, projected at their 60th event: the 120th falls where it was expected, within 4 errors."""
    patients = ExponentialPatients(n=200, hazard=0.08, hazard_ratio=0.7, accrual=20.0)
    trials = patients.simulate(60, seed=41)
    first, second = trials.time_of_event(60), trials.time_of_event(120)
    looks, entry = trials.at(first), trials.entry
    assert entry is not None
    late = []
    for i in range(len(trials)):
        lines = ["arm,entry,time,event"]
        for j in np.flatnonzero(~np.isnan(looks.time[i])):
            where, stop = float(entry[i, j]), float(looks.time[i, j])
            lines.append(f"{looks.arm[i, j]},{where!r},{stop!r},{looks.event[i, j]}")
        path = tmp_path / "p.csv"
        path.write_text("\n".join(lines))
        read = read_patients(path)
        start = float(entry[i, ~np.isnan(looks.time[i])].min())
        expected = outlook(read, uniform_accrual(20.0, rate=10.0), 1.0).time_of(120.0) + start
        late.append(second[i] - expected)
    error = float(np.std(late)) / len(late) ** 0.5
    assert abs(float(np.mean(late))) < 4 * error
