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


@pytest.mark.parametrize(
    ("last", "step", "said"),
    [
        (40, "e{0} + e{0}", r"expressions\.e\d+: the expression has more than 10,000 terms"),
        (900, "e{0} + 1", "nested more than 150 deep"),
    ],
)
def test_expansion_is_bounded(build: Build, last: int, step: str, said: str) -> None:
    """Forty names that double would be 2^40 terms; each is expanded once, and refused where it grows too large."""
    steps = "".join(f'e{k} = "{step.format(k - 1)}"\n' for k in range(1, last + 1))
    with pytest.raises(ExpressionError, match=said):
        _lives(build, f"e{last}", f"\n[expressions]\ne0 = 0.1\n{steps}")
