"""When analyses come, and trials that accrual stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmssim.studies.trials.conduct.looks import closed_accrual, look_times
from lmssim.studies.trials.result import AT, collected
from lmssim.trials.tests import trial_data
from tests.kit.virtual import design, small

ENTRY = [0.0, 1.0, 2.0, 3.0]
TIME = [5.0, 1.0, 9.0, 2.0]
DATA = trial_data(TIME, [1, 1, 0, 1], [0, 1, 0, 1], entry=ENTRY)


@pytest.mark.parametrize(
    ("analysis", "when", "reached"),
    [
        ({"events": 1}, 2.0, True),
        ({"events": 3}, 5.0, True),
        ({"events": 4}, 11.0, False),
        ({"events": 4, "latest": 8.0}, 8.0, False),
        ({"events": 3, "latest": 4.0}, 4.0, False),
        ({"calendar": 4.0}, 4.0, True),
        ({"follow_up": 2.5}, 5.5, True),
        ({"patients": 3}, 2.0, True),
        ({"events": 3, "calendar": 6.0}, 6.0, True),
        ({"events": 3, "calendar": 6.0, "combine": "any"}, 5.0, True),
    ],
)
def test_when(analysis: dict[str, Any], when: float, reached: bool) -> None:
    """Events, calendar, follow-up and patients, all or any of them; what never comes is read at the end."""
    trial = design({"accrual.patients": 4}, analyses=[analysis])
    time, came = look_times(trial, DATA)
    assert time.tolist() == [[when]]
    assert came.tolist() == [[reached]]


def test_accrual_that_is_too_slow_stops_the_trial() -> None:
    """Half the rate that is checked: every trial stops with those who have entered, and none succeeds."""
    given = {"accrual.check_at": 6.0, "accrual.check_below": 0.75}
    work = small(given, n_trials=30)
    found = collected(work, work.parts())
    assert (found.stopped == 1).all()
    assert found.power(found.rules[0])[0] == 0.0
    row = found.characteristics.iloc[0]
    assert row["duration"] == 6.0
    assert row["events"] < 20.0  # of about 60 patients followed for at most 6 of 12 months, not of later analyses
    assert found.analyses["reached"].isna().all()
    assert (found.analyses["futile"] == 0.0).all()
    assert np.isnan(found.analytic_power())
    patients = found.looks[:, 0, -1, AT["patients"]]
    assert abs(patients.mean() - 60.0) < 4.0 * np.sqrt(60.0 / 30)
    entry = np.array([[1.0, 5.0, 7.0]])
    closed, stops = closed_accrual(design(given), entry, 3)
    assert stops.tolist() == [1]
    assert np.isnan(closed).tolist() == [[False, False, True]]
