"""`rest` out of a state of a model in cycles: what the other transitions leave of 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.engines.cohort.cycles import solve_cycles
from lmssim.errors import InputError
from tests.kit.models import DEAD, DEEP, attributes, exponential, frame, move, start, state
from tests.kit.plain import live

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from tests.conftest import Build

CYCLES = '\n[cycles]\nlength = 1\ncorrection = "end"\n'
HEAD = frame(horizon=20, covariates=DEEP) + CYCLES + attributes(frail="flag")
EFFECTS = {"deep": 0.7, "age - 55": 0.02, "frail": 0.3}
AFTER = "(o / (1 + o))"


def model(of_rest: str) -> str:
    """Well for one cycle at most: ill by a probability with effects, dead by a rule, and recovered otherwise."""
    return (
        HEAD
        + start("well", set={"frail": True}, utility=1)
        + state("ill", utility=0.5)
        + state("recovered", utility=0.9)
        + DEAD
        + move("well", "ill", probability="p", effects=EFFECTS)
        + move("well", "dead", rate=0.1, when="deep")
        + move("well", "recovered", probability=of_rest)
        + move(["ill", "recovered"], "dead", probability=0.1)
    )


ODDS = "p / (1 - p) * exp(0.7 * deep + 0.02 * (age_start - 55) + 0.3)"
WRITTEN = f"1 - ({ODDS}) / (1 + {ODDS}) - (1 - exp(-0.1) if deep else 0)"
"""The same by hand."""


def exact(program: Program) -> FloatArray:
    """Every outcome of the exact engine."""
    return solve_cycles(program, program.numbers()[0], program.patients(0, 8, 1)).outcomes


def test_rest_is_what_the_others_leave(build: Build) -> None:
    """After effects and rules, the same lives as with the complement written out; nobody stays."""
    rest, written = build(model("rest"), {"p": 0.3}), build(model(WRITTEN), {"p": 0.3})
    lives, others = live(rest, 2_000), live(written, 2_000)
    for to in ("ill", "recovered", "dead"):
        np.testing.assert_array_equal(lives.first_entry(to), others.first_entry(to))
    np.testing.assert_allclose(exact(rest), exact(written), rtol=1e-12)
    assert (np.min([lives.first_entry(to) for to in ("ill", "recovered", "dead")], axis=0) <= 1.0).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (model("rest") + move("well", "ill", probability="rest", name="again"), "both have probability = 'rest'"),
        (model("rest").replace('probability = "rest"', 'probability = "rest"\neffects = { deep = 1 }'), "no effects"),
        (frame() + start("well") + DEAD + move("well", "dead", probability="rest"), "hazards race"),
    ],
)
def test_a_rest_that_means_nothing_is_refused(build: Build, text: str, words: str) -> None:
    """Two out of one state, one with effects of its own, and one where time is continuous."""
    with pytest.raises(InputError, match=words):
        build(text, {"p": 0.3} if "[cycles]" in text else None)


def test_others_above_one_are_refused(build: Build) -> None:
    """A rest below 0 is no probability: the sum of the others is named."""
    text = model("rest").replace("rate = 0.1", "probability = 0.8")
    with pytest.raises(InputError, match="add up to 1"):
        live(build(text, {"p": 0.7}), 100)


def test_age_at_start_is_the_covariate(build: Build) -> None:
    """In a hazard, where the age now is refused, and as the age of time zero in a reward."""
    by_age = exponential("0.01 * age_start")
    well = start("well", cost_per_year={"total": "age_start"}) + DEAD
    lives = live(build(frame(age=50) + well + move("well", "dead", by_age)), 500)
    half = live(build(frame(age=50) + well + move("well", "dead", exponential(0.5))), 500)
    np.testing.assert_array_equal(lives.first_entry("dead"), half.first_entry("dead"))
