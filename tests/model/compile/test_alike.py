"""Strategies are alike for a piece of code where nothing that it reads differs between them, and for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.kernels.ledger import COST_UNDISCOUNTED
from lmssim.model.compile.alike import under
from lmssim.model.language.expression import Apply, Lookup, Name, Number
from tests.kit.models import (
    DEAD,
    OS,
    SIZE,
    attributes,
    branch,
    chance,
    exponential,
    frame,
    move,
    start,
    state,
    strategy,
)
from tests.kit.plain import estimate, live

if TYPE_CHECKING:
    from lmssim.model.language.expression import Node
    from tests.conftest import Build

COST = "size * (price + 2 * size + (size > 9) * size + 3 * (strategy == 'b') + 5 * treated)"
MODEL = (
    frame(
        settings="cost_categories = ['care']",
        covariates=SIZE,
        strategies=strategy("a") + strategy("b") + strategy("c") + strategy("d", set={"price": "3 * dear"}),
    )
    + attributes(treated="flag")
    + start("well", entry_cost={"care": COST})
    + chance(
        "fork",
        branch("ill", None, when="strategy == 'c' and size > 8", set={"treated": True}),
        branch("ill"),
    )
    + state("ill", entry_cost={"care": COST})
    + DEAD
    + move("well", "fork", exponential(0.3))
    + move("ill", "dead", exponential("0.1 + 0.01 * size"))
    + OS
)
PARAMETERS = {"price": 1.0, "dear": 2.0}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Apply("==", (Name("strategy"), Number(1.0))), (Number(0.0), Number(1.0))),
        (
            Apply("and", (Apply("==", (Name("strategy"), Number(0.0))), Name("x"))),
            (Apply("and", (Number(1.0), Name("x"))), Number(0.0)),
        ),
        (
            Apply("if", (Apply("==", (Name("strategy"), Number(0.0))), Name("x"), Name("y"))),
            (Name("x"), Name("y")),
        ),
        (
            Lookup("t", (Apply("not", (Apply("==", (Name("strategy"), Number(0.0))),)),)),
            (Lookup("t", (Number(0.0),)), Lookup("t", (Number(1.0),))),
        ),
    ],
)
def test_questions_are_answered(node: Node, expected: tuple[Node, Node]) -> None:
    """What does not follow from the answers stands as it was: 1 and x is no x."""
    assert (under(node, 0), under(node, 1)) == expected


def test_classes(build: Build) -> None:
    """By what is asked of the strategy, and by what it sets."""
    program = build(MODEL, PARAMETERS)
    by_place = {code.where.rpartition(": ")[2]: code.classes for code in program.rows.codes}
    assert by_place["states.well.entry_cost.care"] == (0, 1, 0, 2)
    assert program.rows.differences == ((0, 0, 1, 0),)  # of all that differs a life asks for the fork's rule alone


def test_kept_values_are_those_computed(build: Build) -> None:
    """Costs of patients, whose values are kept, are those of the formula, under every strategy."""
    program, n = build(MODEL, PARAMETERS), 500
    lives = live(program, n)
    size = lives.x[:, list(program.names.covariates).index("size")]
    for s, (extra, price) in enumerate([(0, 1), (3, 1), (0, 1), (0, 6)]):
        cost = size * (price + 2 * size + (size > 9) * size + extra)
        treated = 5 * size * (s == 2) * (size > 8)
        ill = np.isfinite(lives.first_entry("ill", s))
        mean = np.mean(cost + ill * (cost + treated))
        assert estimate(program, n).mean[0, s, COST_UNDISCOUNTED] == pytest.approx(mean, rel=1e-12)


def test_a_life_is_shared_until_it_meets_a_difference(build: Build) -> None:
    """A parameter that two strategies set apart is met by those who come where it counts."""
    model = (
        frame(strategies=strategy("usual") + strategy("slow", set={"rate": 0.1}), horizon=20)
        + start("well")
        + state("ill")
        + DEAD
        + move("well", "ill", exponential(0.1))
        + move("well", "dead", exponential(0.2))
        + move("ill", "dead", exponential("rate"))
        + OS
    )
    program, n = build(model, {"rate": 0.5}), 400
    lives = live(program, n)  # as the engine that shares nothing lives them
    ill = lives.entries("ill", 0) > 0
    assert 50 < ill.sum() < 350
    assert all((lives.stays(i, 0) == lives.stays(i, 1)) for i in np.flatnonzero(~ill).tolist())
    assert np.mean([lives.stays(i, 0) == lives.stays(i, 1) for i in np.flatnonzero(ill).tolist()]) < 0.2
    assert program.rows.differences == ((0, 1),)
