"""Design files with any value anywhere: planned, or refused by one message; never a warning, never another error."""

from __future__ import annotations

import copy
import random
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from lmssim.errors import InputError
from lmssim.trials.planning.keys import SECTIONS
from lmssim.trials.planning.plan import plan_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES: dict[str, Any] = {"accrual": {"duration": 24}, "timing": {"study_duration": 48}}
PLANS: dict[str, dict[str, Any]] = {
    "late": {
        "trial": {"information": [0.5, 0.75, 1.0]},
        "futility": {"rule": "beta_spending", "spending": "hsd", "parameter": -2},
        "endpoint": {"hazard_ratio": [1.0, 0.6], "hazard_ratio_starts": [0, 6]},
        "control": {"median": 12},
        "dropout": {"probability": 0.05, "by": 12},
        "competing": {"rate": 0.002},
        **TIMES,
    },
    "variances": {
        "endpoint": {"hazard_ratio": 0.7, "method": "lachin_foulkes", "margin": 1.1},
        "control": {"survival": [0.8, 0.5], "times": [6, 24]},
        "accrual": {"durations": [3, 4], "rates": [4, 5]},
        "timing": {"solve": "accrual_duration", "follow_up": 3},
    },
    "rmst": {
        "endpoint": {"hazard_ratio": 0.7, "test": "rmst", "tau": 20},
        "control": {"cured": 0.2, "uncured_median": 12},
        **TIMES,
    },
    "maxcombo": {
        "endpoint": {"hazard_ratio": [1, 0.7], "hazard_ratio_starts": [0, 3], "test": "maxcombo"},
        "control": {"rates": [0.1, 0.05], "starts": [0, 5]},
        **TIMES,
    },
}
NUMBERS = (0, -1, 1e308, 1e-308, 1e-9, 1e9, 0.5, 1, 3, 100, float("nan"), float("inf"), 10**18)
OTHERS: tuple[Any, ...] = (
    "x",
    "",
    [],
    [0],
    [0.5, 1],
    [1, 2, 3],
    [-1, 1],
    [[0, 0]],
    [[]],
    {},
    {"a": 1},
    True,
    date(2020, 1, 1),
    None,
)
TRIED = 400


def spoilt() -> Iterator[tuple[str, dict[str, Any]]]:
    """A sample of plans with one value changed."""
    keys = [(section, key) for section, names in SECTIONS.items() for key in names]
    every = [(plan, place, value) for plan in PLANS for place in keys for value in (*NUMBERS, *OTHERS)]
    for plan, (section, key), value in random.Random(7).sample(every, TRIED):  # noqa: S311  # no secret
        settings = copy.deepcopy(PLANS[plan])
        (settings.setdefault(section, {}) if section else settings)[key] = value
        yield f"{plan}: {section}.{key} = {value!r}", settings


@pytest.mark.parametrize("name", PLANS)
def test_the_plans_themselves_are_fine(name: str) -> None:
    """They reach their power."""
    trial = plan_of(PLANS[name]).trial
    assert trial is not None
    assert trial.power == pytest.approx(0.9, abs=1e-6)


def test_any_value_is_planned_or_refused() -> None:
    """Of 400 spoilt files, many are refused, and some are planned."""
    refused = planned = 0
    for place, settings in spoilt():
        try:
            assert plan_of(settings).summary()
            planned += 1
        except InputError:
            refused += 1
        except Exception as error:
            raise AssertionError(place) from error
    assert refused > 200
    assert planned > 5
