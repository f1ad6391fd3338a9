"""Rows of stays and event records are the histories of blocks, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.engines import compiled
from lmssim.engines.histories import joined, rows_of
from tests.kit.models import DEAD, event, exponential, frame, move, start, state, strategy

if TYPE_CHECKING:
    from lmssim.engines.histories import Records, Stays
    from lmssim.kernels import IntArray
    from lmssim.model.program import Program
    from tests.conftest import Build

N, BLOCK = 50, 16
MODEL = (
    frame(20, strategies=strategy("a") + strategy("b", set={"rate": 0.8}))
    + event("sepsis", 0.3)
    + start("well", events=["sepsis"])
    + state("ill")
    + move("well", "ill", exponential("rate"))
    + move("ill", "well", exponential(0.5))
    + move(["well", "ill"], "dead", exponential(0.1))
    + DEAD
)


@pytest.fixture
def program(build: Build) -> Program:
    """Two strategies, illness that comes and goes, and an event."""
    return build(MODEL, {"rate": 0.4})


def rows(program: Program, strategies: IntArray) -> tuple[Stays, Records]:
    """Rows of all patients, block by block."""
    blocks = compiled.simulate(program, 0, N, program.numbers()[0], 1, block=BLOCK, arms=strategies)
    parts = []
    for start_, x, h in blocks:
        met = strategies if len(strategies) == 1 else strategies[start_ : start_ + len(x)]
        parts.append(rows_of(h, len(x), met, start_))
    stays, records = zip(*parts, strict=True)
    return joined(stays), joined(records)


def test_rows_are_the_lives_of_each_path(program: Program) -> None:
    """In order of patient, strategy and time, with nothing lost."""
    ((_, _, h),) = compiled.simulate(program, 0, N, program.numbers()[0], 1, block=N)
    stays, records = rows(program, np.array([[0, 1]]))
    for path in range(2 * N):
        what, when = h.life(path)
        own = (stays.patient == path // 2) & (stays.strategy == path % 2)
        had = (records.patient == path // 2) & (records.strategy == path % 2)
        of_stays = np.column_stack([stays.state[own], stays.why[own], stays.attributes[own]])
        assert np.concatenate([of_stays.ravel(), records.event[had]]).tolist() == what.tolist()
        times = np.column_stack([stays.entered[own], stays.left[own]])
        assert np.concatenate([times.ravel(), records.time[had]]).tolist() == when.tolist()
    order = np.lexsort([stays.entered, stays.strategy, stays.patient])
    assert order.tolist() == list(range(len(order)))
    assert len(records.time) > N


def test_rows_outlive_their_block(program: Program) -> None:
    """What a block gave stays as it was when the next one has been walked."""
    first = None
    for start_, x, h in compiled.simulate(program, 0, N, program.numbers()[0], 1, block=BLOCK):
        if first is None:
            first = rows_of(h, len(x), np.array([[0, 1]]), start_)
            kept = first[0].entered.copy()
    assert first is not None
    assert first[0].entered.tolist() == kept.tolist()


def test_patients_may_meet_one_strategy_each(program: Program) -> None:
    """Rows name the strategy that each patient met, and are those of the same lives among all."""
    assigned = np.random.default_rng(1).integers(0, 2, (N, 1))
    stays, _ = rows(program, assigned)
    every, _ = rows(program, np.array([[0, 1]]))
    assert (stays.strategy == assigned[stays.patient, 0]).all()
    chosen = every.strategy == assigned[every.patient, 0]
    assert stays.left.tolist() == every.left[chosen].tolist()
