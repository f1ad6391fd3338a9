"""Which levels stand together."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.studies.axes import axis_of
from lmssim.studies.sweep.design import settings_of


def test_a_grid_has_every_level_with_every_other() -> None:
    """The last axis goes round first."""
    found = settings_of([axis_of("x=1,2"), axis_of("y=a,b,c")])
    assert [tuple(each.values()) for each in found] == [(x, y) for x in (1.0, 2.0) for y in "abc"]


def test_a_dependent_axis_varies_only_where_it_is_said_to() -> None:
    """Elsewhere it has no level, and there is one cell."""
    found = settings_of([axis_of("care=usual,dear"), axis_of("y=1,2 if care=dear"), axis_of("z=1,2 if y=2")])
    assert [tuple(each.values()) for each in found] == [
        ("usual", None, None),
        ("dear", 1.0, None),
        ("dear", 2.0, 1.0),
        ("dear", 2.0, 2.0),
    ]


def test_a_list_takes_levels_together() -> None:
    """As many cells as levels; axes of other lengths are refused."""
    assert len(settings_of([axis_of("x=1,2"), axis_of("y=a,b")], "list")) == 2
    with pytest.raises(InputError, match="they have x 2, y 3"):
        settings_of([axis_of("x=1,2"), axis_of("y=a,b,c")], "list")


def test_more_points_of_a_sobol_sequence_keep_the_first() -> None:
    """So that more cells run only new ones."""
    axes = [axis_of("x=0:1"), axis_of("y=1:100:5:log"), axis_of("care=usual,dear")]
    few, more = (settings_of(axes, "sobol", n, seed=3) for n in (16, 64))
    assert more[:16] == few
    assert {each["care"] for each in few} == {"usual", "dear"}
    assert all(1.0 <= float(str(each["y"])) <= 100.0 for each in more)


def test_a_latin_hypercube_has_a_point_in_every_stripe() -> None:
    """Of every axis, the n-th part of its range."""
    n = 25
    found = settings_of([axis_of("x=0:1"), axis_of("y=10:20")], "lhs", n, seed=2)
    for name, low, width in (("x", 0.0, 1.0), ("y", 10.0, 10.0)):
        stripes = np.floor((np.array([float(str(each[name])) for each in found]) - low) / width * n)
        assert sorted(stripes) == list(range(n))


def test_designs_refuse_axes_that_do_not_fit() -> None:
    """Bounds have no levels; samples need a number of cells; a condition needs its axis first."""
    with pytest.raises(InputError, match="design 'grid' needs levels"):
        settings_of([axis_of("x=0:1")])
    with pytest.raises(InputError, match="say how many cells by --n-cells N"):
        settings_of([axis_of("x=0:1")], "lhs")
    with pytest.raises(InputError, match="depends on 'care', which does not vary before it"):
        settings_of([axis_of("y=1,2 if care=dear"), axis_of("care=usual,dear")])
    with pytest.raises(InputError, match="at most 1,000,000"):
        settings_of([axis_of(f"{name}=0:1:1000") for name in "xyz"])
