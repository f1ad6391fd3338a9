"""Patients are read strictly: what cannot be right is refused with its file, line, column and value."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials.interim.patients import read_patients

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str], Path]

GOOD = "arm,time,event\ncontrol,1.5,1\nexperimental,2,0\n0,3,1\n1,4,2\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table."""

    def put(text: str) -> Path:
        path = tmp_path / "patients.csv"
        path.write_text(text)
        return path

    return put


def test_arms_are_words_or_numbers(write: Write) -> None:
    """In any case of letters; times without entries have no calendar."""
    read = read_patients(write(GOOD.replace("control", "Control")))
    np.testing.assert_array_equal(read.data.arm[0], [0, 1, 0, 1])
    np.testing.assert_array_equal(read.data.event[0], [1, 0, 1, 2])
    assert np.isnan(read.cutoff)
    assert read.date(3.0) == ""


def test_arms_may_have_names(write: Write) -> None:
    """One of which is said to be the control."""
    text = "arm,time,event\nDOC,1,1\nDOC+X,2,1\n"
    read = read_patients(write(text), control="DOC")
    assert read.arms == ("DOC", "DOC+X")
    np.testing.assert_array_equal(read.data.arm[0], [0, 1])


def test_entries_may_be_dates(write: Write) -> None:
    """Read in the unit of the times; the cutoff too."""
    path = write("arm,entry,time,event\n0,2024-01-31,12,1\n1,2024-03-01,6,0\n")
    read = read_patients(path, unit="months", cutoff="2025-02-28")
    assert read.origin == datetime.date(2024, 1, 31)
    assert read.data.entry is not None
    assert read.data.entry[0, 1] == pytest.approx(30 / (365.25 / 12))
    assert read.date(read.cutoff) == "2025-02-28"
    assert read.date(np.inf) == ""
    assert read.date(1e9) == ""


def test_entries_are_counted_from_the_first(write: Write) -> None:
    """And so is the cutoff."""
    read = read_patients(write("arm,entry,time,event\n0,10,3,1\n1,12,4,0\n"), cutoff="20")
    assert read.data.entry is not None
    assert read.data.entry.tolist() == [[0.0, 2.0]]
    assert read.cutoff == 10.0


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (GOOD.replace("1.5", "-1.5"), {}, r"patients\.csv:2: column 'time': -1\.5 is negative"),
        (GOOD.replace("1.5", "nan"), {}, r":2: column 'time': 'nan' is not a finite number"),
        (GOOD.replace("1.5", "1e300"), {}, r":2: column 'time': 1e\+300 is no time"),
        (GOOD.replace("1.5", ""), {}, ":2: column 'time': the cell is blank"),
        (GOOD.replace("1.5,1", "1.5,0.5"), {}, r":2: column 'event': 0\.5 is not 0"),
        (GOOD.replace("1.5,1", "1.5,-1"), {}, ":2: column 'event': -1 is not 0"),
        (GOOD.replace("4,2", "4,128"), {}, ":5: column 'event': 128"),
        (GOOD.replace("experimental", "Verum"), {}, ":3: column 'arm': 'Verum' is neither"),
        (GOOD.replace("control", ""), {}, ":2: column 'arm': the cell is blank"),
        (GOOD.replace("arm,", "arms,"), {}, "the column 'arm' is missing"),
        (GOOD.replace("time,", "tyme,"), {}, "the column 'time' is missing. Did you mean 'tyme'"),
        ("arm,time,event\n", {}, "header but no rows"),
        ("", {}, "the file is empty"),
        ("arm,time,event\n0,1,1\n0,2,1\n", {}, "column 'arm': nobody is in the experimental arm"),
        ("arm,time,event\n0,1,0\n1,2,2\n", {}, "column 'event': nobody has the event"),
        ("arm,time,event\nA,1,1\nB,2,1\nC,2,1\n", {"control": "A"}, ":4: column 'arm': 'C' is a third arm"),
        ("arm,time,event\nA,1,1\nB,2,1\n", {"control": "Z"}, "--control: 'Z' is no arm of .*Found: 'A', 'B'"),
        ("patient,arm,time,event\nx,0,1,1\nx,1,2,1\n", {}, ":3: column 'patient': 'x' stands in line 2 already"),
        ("arm,time,event,stratum\n0,1,1,a\n1,2,1,\n", {}, ":3: column 'stratum': the cell is blank"),
        ("arm,time,event,entry\n0,1,1,2024-01-01\n1,2,1,2024-02-30\n", {}, ":3: column 'entry': '2024-02-30'"),
        ("arm,time,event,entry\n0,1,1,2024-01-01\n1,2,1,\n", {}, ":3: column 'entry': the cell is blank"),
        ("arm,time,event,entry\n0,1,1,2\n1,2,1,2024-01-01\n", {}, ":3: column 'entry': '2024-01-01' is not"),
        ("arm,time,event,entry\n0,1,1,2024-01-01\n1,2,1,2024-01-01\n", {"unit": "cycles"}, "time_unit is 'cycles'"),
        ("arm,time,event,entry\n0,1,1,0\n1,9,1,1e99\n", {}, r":3: column 'entry': 1e\+99 is no calendar time"),
        ("arm,time,event,entry\n0,1,1,0\n1,9,1,0\n", {"cutoff": "1e99"}, "--cutoff: '1e99' is not a calendar time"),
        ("arm,time,event,entry\n0,1,1,0\n1,9,1,0\n", {"cutoff": "5"}, ":3: column 'time': '9' after entry at '0'"),
        ("arm,time,event,entry\n0,1,1,0\n1,9,1,0\n", {"cutoff": "x"}, "--cutoff: 'x' is not a calendar time"),
        ("arm,time,event,entry\n0,1,1,2024-01-01\n1,9,1,2024-01-01\n", {"cutoff": "5"}, "--cutoff: '5' is not a date"),
        (GOOD, {"cutoff": "5"}, "--cutoff: the data have no column 'entry'"),
    ],
)
def test_what_cannot_be_right_is_named(write: Write, text: str, options: dict[str, Any], message: str) -> None:
    """In one message."""
    with pytest.raises(InputError, match=message):
        read_patients(write(text), **options)
