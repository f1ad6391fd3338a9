"""Repeated intervals and p-values agree with the bounds they come from."""

from __future__ import annotations

import math

import pytest

from lmssim.errors import InputError
from lmssim.trials import Efficacy, group_sequential
from lmssim.trials.estimates import repeated_interval, repeated_p_value

DESIGNS = {
    name: group_sequential([0.4, 0.7, 1.0], efficacy=name)
    for name in ("ld_obf", "ld_pocock", "obf", "pocock", "haybittle_peto")
}


@pytest.mark.parametrize("name", DESIGNS)
def test_the_interval_excludes_no_effect_where_the_bound_is_reached(name: str) -> None:
    """And the p-value is alpha there."""
    design = DESIGNS[name]
    for look, bound in enumerate(design.efficacy, start=1):
        found = repeated_interval(design, look, bound)
        assert found.low == pytest.approx(0.0, abs=1e-12)
        assert found.level == pytest.approx(0.95)
        if name != "haybittle_peto" or look == 3:  # its interim bound is 3 whatever alpha
            assert repeated_p_value(design, look, bound) == pytest.approx(0.025, abs=1e-6)
            assert repeated_p_value(design, look, bound + 0.3) < 0.025 < repeated_p_value(design, look, bound - 0.3)


def test_two_sided_p_values_are_of_both_sides() -> None:
    """Twice the one-sided one."""
    one, two = group_sequential(2), group_sequential(2, alpha=0.05, sides=2)
    assert repeated_p_value(two, 2, 2.2) == pytest.approx(2 * repeated_p_value(one, 2, 2.2), rel=1e-5)


def test_a_look_without_a_test_tells_nothing() -> None:
    """Its interval is infinite."""
    design = group_sequential(3, efficacy=Efficacy("ld_obf", looks=(3,)))
    assert math.isinf(repeated_interval(design, 1, 3.0).high)
    assert repeated_p_value(design, 1, 3.0) == 1.0


def test_hazard_ratios_turn_the_interval() -> None:
    """A positive drift is a ratio below the margin."""
    best, low, high = repeated_interval(DESIGNS["ld_obf"], 3, 2.5).hazard_ratio(100 / 4)
    assert low < best < high < 1
    assert best == pytest.approx(math.exp(-2.5 / 5.0))
    assert repeated_interval(DESIGNS["ld_obf"], 3, 2.5).hazard_ratio(25, margin=1.3)[0] == pytest.approx(1.3 * best)


def test_impossible_looks_are_refused() -> None:
    """One message each."""
    with pytest.raises(InputError, match="look: 4 is not a look of the design, 1 to 3"):
        repeated_interval(DESIGNS["pocock"], 4, 1.0)
    with pytest.raises(InputError, match="z: nan is not a finite number"):
        repeated_p_value(DESIGNS["pocock"], 1, math.nan)
    with pytest.raises(InputError, match="information"):
        repeated_interval(DESIGNS["pocock"], 1, 1.0).hazard_ratio(0.0)
