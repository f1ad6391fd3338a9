"""Repeated intervals and estimates after a stop beside rpact's own tests (test-f_analysis_base_survival.R).

rpact tells hazard ratios above 1 where the experimental arm does better; here their inverses are compared.
"""

from __future__ import annotations

import pytest

from lmssim.trials import Efficacy, Futility, GroupSequentialDesign, group_sequential
from lmssim.trials.estimates import estimate_after_stop, repeated_interval, repeated_p_value
from tests.kit.trial_numbers import Case, name_of

WT = Efficacy("wang_tsiatis", 0.25)
TWO = group_sequential([0.4, 1], efficacy=WT, futility=Futility("z", z=(0.0,), binding=True))
THREE = group_sequential([0.2, 0.4, 1], efficacy=WT, futility=Futility("z", z=(0.0, 0.0), binding=False))
DIGITS = 1e-6
"""rpact's own tolerance, relative."""


def stopped(design: GroupSequentialDesign, z: float, events: int) -> list[float]:
    """Estimate, interval, p-value at the last look."""
    found = estimate_after_stop(design, design.looks, z)
    best, low, high = found.hazard_ratio(events / 4)
    return [1 / best, 1 / high, 1 / low, found.p_value]


def repeated(design: GroupSequentialDesign, look: int, z: float, events: int) -> list[float]:
    """Interval and p-value of a look."""
    _, low, high = repeated_interval(design, look, z).hazard_ratio(events / 4 / design.information[look - 1])
    return [1 / high, 1 / low, repeated_p_value(design, look, z)]


def case(name: str, expected: list[float], computed: object) -> Case:
    """Values to rpact's tolerance."""
    return Case(name, "P", expected, [DIGITS * max(x, 1.0) for x in expected], computed)  # type: ignore[arg-type]


CASES = [
    case("two looks, final", [2.5476534, 1.0341796, 6.2409205, 0.021122043], lambda: stopped(TWO, 2.1, 20)),
    case("two looks, first", [0.65051922, 23.22605, 0.074184316], lambda: repeated(TWO, 1, 1.92, 8)),
    case("two looks, second", [1.04083, 6.2857086, 0.019962317], lambda: repeated(TWO, 2, 2.1, 20)),
    case("three looks, final", [2.4764002, 1.222663, 4.752454, 0.0074535505], lambda: stopped(THREE, 2.9, 38)),
    case("three looks, first", [0.34217973, 25.078822, 0.22249182], lambda: repeated(THREE, 1, 1.52, 8)),
    case("three looks, second", [0.54553509, 7.6235796, 0.19345822], lambda: repeated(THREE, 2, 1.38, 15)),
    case("three looks, third", [1.325822, 4.9517237, 0.0019646115], lambda: repeated(THREE, 3, 2.9, 38)),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_numbers_agree(case: Case) -> None:
    """To rpact's tolerance."""
    assert case.differences().max() <= 1.0, case.computed()
