"""How axes are written, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.studies.axes import axis_of


def test_a_range_gives_the_numbers_that_a_person_would_write() -> None:
    """No rounding of binary fractions, and 0 is 0."""
    assert axis_of("x=-0.6:0.2:9").levels == [-0.6, -0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2]
    assert axis_of("x=1:100:3:log").levels == [1.0, 10.0, 100.0]
    sixth = axis_of("x=0:1:7").levels
    assert np.allclose(np.array(sixth), np.linspace(0, 1, 7), rtol=0, atol=1e-12)


def test_levels_stand_between_commas_but_for_those_in_brackets() -> None:
    """Numbers, words, lists of TOML, rules."""
    assert axis_of("x=1, 2.5,-3e2").levels == [1.0, 2.5, -300.0]
    assert axis_of("care=usual,dear").levels == ["usual", "dear"]
    assert axis_of('strategies.a.treatments=["x", "y"],[]').levels == [["x", "y"], []]
    assert axis_of("where=size_cm > 5,age in (1, 2)").levels == ["size_cm > 5", "age in (1, 2)"]


def test_a_rule_with_an_equals_sign_is_a_level() -> None:
    """The first one parts name and levels."""
    axis = axis_of("where=grade == 3,grade >= 2 and deep == 1")
    assert (axis.label, axis.levels) == ("where", ["grade == 3", "grade >= 2 and deep == 1"])


def test_a_dependent_axis_names_another_and_its_level() -> None:
    """At the end, after `if`."""
    axis = axis_of("y=1:3:3 if care=dear")
    assert axis.levels == [1.0, 2.0, 3.0]
    assert axis.condition is not None
    assert (axis.condition.axis, axis.condition.levels) == ("care", ("dear",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "is not NAME=LEVELS"),
        ("x=", "is not NAME=LEVELS"),
        ("x=1,,2", "a level is missing"),
        ("x=1,1.0", "the level 1 stands twice"),
        ("x=2:1:3", "2 is not below 1"),
        ("x=0:1:1", "N is 1; it must be from 2"),
        ("x=0:1:3:log", "0 is not above 0"),
        ("x=0:1:2:3", "is not LO:HI:N"),
        ("x+=1", "a name is missing"),
    ],
)
def test_what_is_written_otherwise_is_refused(text: str, said: str) -> None:
    """With the option, what was written, and what is allowed."""
    with pytest.raises(InputError, match=said) as refused:
        axis_of(text)
    assert str(refused.value).startswith("--vary x")
