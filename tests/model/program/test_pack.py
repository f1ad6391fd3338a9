"""Lowering: the memory that kernels read holds what the rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.errors import ScenarioError
from lmssim.kernels import layout
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.models import DEAD, frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lmssim.model.program import Program

PARTS = ("guard", "change", "timing")
LISTS = {
    "effects": ("effect", layout.E_WIDTH),
    "branches": ("branch", layout.B_WIDTH),
    "transitions": ("transition", layout.T_WIDTH),
    "events": ("event", 1),
    "clocks": ("clock", 1),
    "steps": ("step", 1),
    "rules": ("rule", 2),
    "mix": ("mix", 2),
    "costs": ("cost", 2),
    "rate": ("rate", 2),
    "entry": ("entry", 2),
    "schedules": ("schedule", layout.C_WIDTH),
    "limited": ("limited", layout.L_WIDTH),
    "instructions": ("", 2),
}
"""Lists of rows: their columns, and the width of an item."""


def _tables(program: Program) -> Iterator[tuple[int, Sequence[str], Sequence[Any]]]:
    """Each table of the memory: position of its base in the header, columns, rows."""
    rows, rewards = program.rows, program.rows.rewards
    owners: list[Any] = [*rows.events]
    for state in rows.states:
        owners += (*state.transitions, *state.branches)
    yield layout.H_STATE, layout.STATE, rows.states
    yield layout.H_STATE, layout.STATE, rewards.of_state
    yield layout.H_STATE, layout.STATE, rows.counting.of_state
    yield layout.H_TRANSITION, layout.TRANSITION, rows.transitions
    yield layout.H_BRANCH, layout.BRANCH, rows.branches
    yield layout.H_EVENT, layout.EVENT, rows.events
    yield layout.H_EVENT, layout.EVENT, rewards.of_mark
    yield layout.H_EFFECT, layout.EFFECT, [effect for owner in owners for effect in owner.effects]
    yield layout.H_SCHEDULE, layout.SCHEDULE, [each for state in rewards.of_state for each in state.schedules]
    yield layout.H_LIMITED, layout.LIMITED, [each for state in rewards.of_state for each in state.limited]
    yield layout.H_TERMINAL, layout.TERMINAL, rewards.terminal
    yield layout.H_STRATEGY, layout.STRATEGY, rows.strategies
    yield layout.H_AXIS, layout.AXIS, rows.axes
    yield layout.H_CODE, layout.CODE, rows.codes


def _said(row: Any) -> dict[str, int]:
    """Integers that a row and its parts give by name; an event stands for its number."""
    parts = [row, *(getattr(row, part) for part in PARTS if hasattr(row, part))]
    found = {name: getattr(part, name) for part in parts for name in dir(part) if not name.startswith("_")}
    if "event" in found:
        found["event"] = -1 if row.event is None else row.event.number
    return {name: int(value) for name, value in found.items() if isinstance(value, int)}


@pytest.fixture(scope="module", params=["advanced", "extremity", "hiv", "sick_sicker", "partitioned"])
def program(request: Any) -> Program:
    """A bundled scenario, compiled."""
    return compile_scenario(load_scenario(request.param))


def test_columns_hold_what_the_rows_say(program: Program) -> None:
    """A column of the memory that is named as a field of a row, or of one of its parts, holds its value."""
    m = program.packed.m
    for header, columns, rows in _tables(program):
        for number, row in enumerate(rows):
            held = dict(zip(columns, m[m[header] + number * len(columns) :].tolist(), strict=False))
            said = {column: value for column, value in _said(row).items() if column in held}
            assert {column: held[column] for column in said} == said


def test_lists_are_as_long_as_the_rows_say(program: Program) -> None:
    """Lists of a row fill the span that its columns give, and lists of one table follow one another."""
    m = program.packed.m
    for header, columns, rows in _tables(program):
        for name, (what, width) in LISTS.items():
            if not rows or not hasattr(rows[0], name):
                continue
            at = [columns.index(f"{end}_{what}".rstrip("_")) for end in ("first", "last")]
            spans = m[m[header] : m[header] + len(rows) * len(columns)].reshape(len(rows), -1)[:, at]
            assert (np.diff(spans)[:, 0] == [width * len(getattr(row, name)) for row in rows]).all(), name
            assert (spans[1:, 0] >= spans[:-1, 1]).all(), name


def test_costs_and_codes_stand_in_the_memory(program: Program) -> None:
    """Categories and refs of costs, and operations and arguments of codes, are those of the rows."""
    m, rows = program.packed.m, program.rows
    for transition, reward in zip(rows.transitions, rows.rewards.of_transition, strict=True):
        row = program.packed.transitions.position(transition.number)
        held = m[m[row + layout.T_FIRST_COST] : m[row + layout.T_LAST_COST]]
        assert held.reshape(-1, 2).tolist() == [list(cost) for cost in reward.costs]
    for number, code in enumerate(rows.codes):
        row = m[layout.H_CODE] + number * layout.P_WIDTH
        held = m[m[row + layout.P_FIRST] : m[row + layout.P_LAST]]
        assert held.reshape(-1, 2).tolist() == [list(instruction) for instruction in code.instructions]


def test_the_name_of_a_mark_is_no_event(build: Callable[..., Program]) -> None:
    """A state's events are those of [events]; a mark of a transition cannot happen on entry."""
    text = """
[states.well]
initial = true
[[transitions]]
from = "well"
to = "ill"
mark = "onset"
hazard = { family = "exponential", rate = 0.5 }
[states.ill]
events = ["onset"]
[[transitions]]
from = "ill"
to = "dead"
hazard = { family = "exponential", rate = 0.5 }
"""
    with pytest.raises(ScenarioError, match=r"states\.ill: unknown event 'onset'"):
        build(frame() + text + DEAD)
