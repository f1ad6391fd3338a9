"""The exact engine in continuous time, one feature a model, against individual lives.

The individual engine, which has its own tests against closed forms, is the yardstick where a law has none. Everything
that both give is compared: outcomes, costs by category, endpoints, occupancy, entries, marks.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.kernels import layout
from lmssim.kernels.rewards import LY
from tests.engines.cohort.test_continuous import CLOSE
from tests.kit.agreement import assert_like, compare
from tests.kit.exact import solved
from tests.kit.features import FEATURES, LOSSES, MIX, TREATED, featured
from tests.kit.models import section
from tests.kit.plain import estimate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.model.program import Program
    from tests.conftest import Build

    Solution = Callable[[str], tuple[Program, CohortResult]]

N = 20_000

CLOSED = {
    "named clock, latest",
    "named clock, first",
    "fixed delays and fixed stays",
    "schedules from entry, model and a clock",
    "chance states that read a clock",
}
"""Models of which some figure is further from lives than its error of steps: their clocks are held at a mean (the
closures that docs/language.md states)."""

REFUSED = {"terminal care"}
"""Models of which something is refused by name."""

SOLVED = [name for name in FEATURES if name not in REFUSED]


def _known(closed: set[str]) -> list[Any]:
    """Every feature that is solved; those whose closure is known to show must fail."""
    known = pytest.mark.xfail(strict=True, reason="a closure is off by more than the error of steps")
    return [pytest.param(name, marks=[known] if name in closed else []) for name in SOLVED]


@pytest.fixture(scope="module")
def solution(build_once: Build) -> Solution:
    """The program of a feature and its exact solution, found once."""

    @functools.cache
    def of(feature: str) -> tuple[Program, CohortResult]:
        program = build_once(featured(FEATURES[feature]))
        return program, solved(program)

    return of


@pytest.mark.parametrize("feature", sorted(REFUSED))
def test_what_is_not_solved_is_refused_by_name(build: Build, feature: str) -> None:
    """The state and the construct, and which engine to use."""
    with pytest.raises(InputError, match=r"state 'a': .* is not supported by engine 'cohort'; use engine 'compiled'"):
        solved(build(featured(FEATURES[feature])))


@pytest.mark.parametrize("feature", _known(set()))
def test_nobody_is_lost(solution: Solution, feature: str) -> None:
    """Everybody is somewhere at each named time, and every endpoint ends in one of its ways."""
    program, result = solution(feature)
    here = np.nansum(result.occupancy[0, 0], axis=0).cumsum()
    per_year = program.packed.f[layout.F_OCCUPANCY_PER_YEAR]
    named = [round(t * per_year) for t in program.scenario.file.settings.times]
    np.testing.assert_allclose(here[named], 1.0, atol=1e-6)
    np.testing.assert_allclose(result.endpoint[0, 0].sum(axis=(-2, -1)), 1.0, atol=1e-6)


@pytest.mark.parametrize("feature", _known(set()))
def test_occupancy_between_named_times(solution: Solution, feature: str) -> None:
    """Everybody is somewhere at each time of the grid."""
    program, result = solution(feature)
    here = np.nansum(result.occupancy[0, 0], axis=0).cumsum()
    last = int(program.scenario.file.settings.horizon * program.packed.f[layout.F_OCCUPANCY_PER_YEAR])
    np.testing.assert_allclose(here[: last + 1], 1.0, atol=CLOSE)


@pytest.mark.parametrize("feature", _known(CLOSED))
def test_feature_against_lives(solution: Solution, feature: str) -> None:
    """Every figure within 3.5 Monte-Carlo errors."""
    program, result = solution(feature)
    assert_like(compare(program, program.patients(0, 1, 1), N, seed=2, exact=result))


def test_treatments_and_mixes_against_lives(build: Build) -> None:
    """Strategies, their increments, and a mix of practice."""
    program = build(featured(TREATED, MIX))
    assert_like(compare(program, program.patients(0, 1, 1), N, seed=2))


def test_norms_by_age_against_lives(build: Build, tmp_path: Path) -> None:
    """Utility relative to a norm that falls with age, with losses, added and multiplied."""
    (tmp_path / "norms.csv").write_text("age,utility\n0,0.95\n61,0.85\n62,0.8\n64,0.7\n")
    for combine in ("multiplicative", "additive"):
        program = build(featured(LOSSES + section("utilities", norms="norms.csv", keys={}, combine=combine)))
        assert_like(compare(program, program.patients(0, 1, 1), N, seed=2))


def test_differences_are_seen(build: Build, solution: Solution) -> None:
    """The comparison can fail: lives of a model whose rate of death is 8% higher."""
    feature = "schedules from entry, model and a clock"
    text, rates = FEATURES[feature], ("rate = 0.12", "rate = 0.13")
    assert rates[0] in text
    result = solution(feature)[1].outcomes[0, 0, LY]
    lives = estimate(build(featured(text.replace(*rates))), N, 2)
    assert abs(lives.mean[0, 0, LY] - result) > 3.5 * lives.standard_error()[0, 0, LY]
    assert np.isfinite(result)
