"""Named expressions stand for what they say wherever they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import ExpressionError, ScenarioError
from tests.kit.models import SEX, alive_dead, exponential, frame
from tests.kit.plain import live

if TYPE_CHECKING:
    from tests.conftest import Build


NAMED = '\n[expressions]\nfactor = "2 if sex == \'male\' else 1"\nhazard_now = "0.1 * factor"\n'


def _lives(build: Build, rate: str, named: str) -> np.ndarray:
    return live(build(frame(covariates=SEX) + alive_dead(exponential(rate)) + named), 500).first_entry("dead")


def test_a_name_stands_for_its_expression(build: Build) -> None:
    """Also where one names another: the same lives as with the expression written out."""
    written = _lives(build, "0.1 * (2 if sex == 'male' else 1)", "")
    np.testing.assert_array_equal(_lives(build, "hazard_now", NAMED), written)
    assert not np.array_equal(_lives(build, "0.1", ""), written)


def test_circle_is_refused(build: Build) -> None:
    """Two expressions that name each other."""
    with pytest.raises(ExpressionError, match="in a circle: a -> b -> a"):
        _lives(build, "a", '\n[expressions]\na = "b + 1"\nb = "a"\n')


def test_a_name_has_one_meaning(build: Build) -> None:
    """A name that is also a covariate's is refused."""
    with pytest.raises(ScenarioError, match="'sex' is both a covariate and a named expression"):
        _lives(build, "0.1", '\n[expressions]\nsex = "1"\n')
