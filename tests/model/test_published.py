"""What a published result can be."""

from __future__ import annotations

from typing import Any

import pytest

from lmssim.model.published import Figures, problem


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"statistic": "km_survival", "value": 7.5}, ("value", "7.5 is not a share")),
        ({"statistic": "proportion", "value": 0.3, "low": 0.4}, ("value", "0.3 is below")),
        ({"statistic": "km_survival", "low": 0.6, "high": 0.4}, ("low", "0.6 is above")),
        ({"statistic": "km_survival", "value": 0.5, "n": 0}, ("n", "0 is not a whole number of 1")),
        ({"statistic": "km_survival", "value": 0.5, "n": 1e300}, ("n", "is more than")),
        ({"statistic": "crude_proportion", "value": 0.5, "n": 9, "events": 10}, ("events", "10 is above n, 9")),
        ({"statistic": "crude_proportion", "value": 0.9, "n": 10, "events": 4}, ("value", "4 of 10 are 0.4")),
        ({"statistic": "median_time_years", "value": 2, "events": 0}, ("events", "needs events")),
        ({"statistic": "median_time_years", "value": -2}, ("value", "-2 is below 0")),
        ({"statistic": "km_median", "value": 900}, ("value", "more than 200 years")),
        ({"statistic": "hazard_ratio", "value": 0}, ("value", "0 is not a ratio")),
    ],
)
def test_the_impossible_is_named(found: dict[str, Any], said: tuple[str, str]) -> None:
    """Which number, and why."""
    wrong = problem(Figures(**found))
    assert wrong is not None
    assert (wrong[0], said[1] in wrong[1]) == (said[0], True)


@pytest.mark.parametrize(
    "found",
    [
        {"statistic": "crude_proportion", "value": 0.0, "n": 12, "events": 0},
        {"statistic": "crude_proportion", "value": 0.6, "n": 10, "events": 4},
        {"statistic": "median_time_years", "value": 2.3, "low": 0.5, "high": 8.0, "n": 20, "events": 11},
        {"statistic": "hazard_ratio", "value": 0.7, "low": 0.5, "high": 1.0},
        {"statistic": "", "value": 45.0},
    ],
)
def test_the_possible_is_not(found: dict[str, Any]) -> None:
    """Also a share of those without the event, and what has no statistic."""
    assert problem(Figures(**found)) is None
