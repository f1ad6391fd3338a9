"""Parameters of hazards outside their family's domain are refused at every door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from tests.kit.models import alive_dead, frame, strategy, weibull

if TYPE_CHECKING:
    from tests.conftest import Build


def test_an_impossible_draw_is_named(build: Build) -> None:
    """Its value, its strategy and its number, wherever numbers of a program are asked for."""
    two = strategy("one") + strategy("two", set={"scale": "scale - 5"})
    program = build(frame(strategies=two) + alive_dead(weibull(1.5, "scale")), {"scale": 8.0})
    with pytest.raises(InputError, match=r"alive -> dead: weibull: scale is -2\.0.*'two', draw 1, from scale\)"):
        program.numbers({"scale": np.array([7.0, 3.0])})
