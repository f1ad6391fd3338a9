"""Section [value] of a design."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lmssim.errors import InputError
from lmssim.studies.trials.design.valuation import Valuation, valuation_of

LEAST: dict[str, Any] = {"willingness_to_pay": 30_000, "incidence": 150, "horizon": 10}


def test_what_is_not_stated() -> None:
    """Discounted at 3.5%, at no cost, with full uptake, without a limit of accrual."""
    found = valuation_of(LEAST)
    assert found == Valuation(30_000.0, 150.0, 10.0)
    assert (found.discount, found.uptake, found.current) == (0.035, 1.0, "best")
    assert math.isinf(found.longest_accrual)


def test_everything_stated() -> None:
    """Levels and sizes ascend, each once."""
    more = {"alpha": [0.5, 0.025, 0.5], "sizes": [200, 100], "longest_accrual": 72, "current": "control"}
    found = valuation_of(LEAST | more)
    assert found.alpha == (0.025, 0.5)
    assert found.sizes == (100, 200)
    assert (found.longest_accrual, found.current) == (72.0, "control")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("incidence", 0, "value.incidence: 0 must be above 0"),
        ("horizon", 300, "value.horizon: 300 is not above 0 to 200"),
        ("discount", -0.1, "value.discount: -0.1 is not from 0 to 1"),
        ("uptake", 1.5, "value.uptake: 1.5 is not from 0 to 1"),
        ("fixed_cost", "much", "value.fixed_cost: 'much' is not a finite number"),
        ("reporting", -1, "value.reporting: -1 must not be negative"),
        ("current", "contrl", "value.current: unknown value 'contrl'. Did you mean 'control'"),
        ("alpha", [0.5, 1.0], "value.alpha: 1 must be above 0 and below 1"),
        ("alpha", [], "value.alpha: 0 levels"),
        ("sizes", [1.5], "value.sizes: expected"),
        ("sizes", [1], "value.sizes: expected"),
        ("longest_accrual", 0, "value.longest_accrual: 0 must be above 0"),
    ],
)
def test_impossible_values_are_refused(key: str, value: object, message: str) -> None:
    """With the key and what is allowed."""
    with pytest.raises(InputError) as error:
        valuation_of(LEAST | {key: value})
    assert message in str(error.value)


@pytest.mark.parametrize("key", LEAST)
def test_what_is_needed(key: str) -> None:
    """Willingness to pay, incidence and horizon have no default."""
    with pytest.raises(InputError, match=f"value.{key}: is missing"):
        valuation_of({k: v for k, v in LEAST.items() if k != key})
