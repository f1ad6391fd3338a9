"""A program as objects to read: its states with the events, branches and transitions of each.

The reference engine goes by these; `row` is where a thing stands in the program's memory, by which the scalar kernels
know it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from lmssim.kernels import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import IntArray
    from lmssim.model.program.program import Program

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Branch:
    """A way out of a chance state."""

    row: int
    to: int
    care: int
    want: int
    """It is possible where the attributes that it cares for are as it wants them, and its rule holds."""
    rule: int
    ref: int
    """Its probability; `NONE` if it is taken for certain, or takes the rest."""
    clear: int
    set: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transition:
    """A way out of a dwelling state, or something that happens within the stay (`silent`)."""

    row: int
    number: int
    """Position among all transitions, by which histories name it."""
    lane: int
    """Its bit among those of the state, the last one's being 1."""
    to: int
    care: int
    want: int
    rule: int
    clear: int
    set: int
    silent: int
    mark: int
    """Mark that it leaves, or -1."""
    event: int
    """Event that it is a tick of, or -1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Event:
    """A complication: something that may happen at a moment, and may kill."""

    row: int
    number: int
    """Code of its marks."""
    care: int
    want: int
    rule: int
    clear: int
    set: int
    death_state: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """A state of health, or a question that takes no time."""

    row: int
    number: int
    kind: int
    clear: int
    set: int
    recorded: int
    """Whether a chance state has a row in histories."""
    renews: int
    """Whether any of its transitions draws a fresh budget at each entry."""
    events: tuple[Event, ...]
    """May happen on entry, in order."""
    branches: dict[int, Branch]
    """By row."""
    transitions: tuple[Transition, ...]
    """In the order in which simultaneous ones win."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pathway:
    """All states and events, by number."""

    states: tuple[State, ...]
    events: tuple[Event, ...]
    start: State
    horizon: float
    """Years."""


def read_pathway(program: Program) -> Pathway:
    """Read a program's memory into objects.

    Raises
    ------
    UnsupportedError
        If the model has no individual histories.
    """
    program.require_histories()
    m = program.packed.m
    events = _table(Event, m, layout.H_EVENT, layout.EVENT, len(program.marks))
    states = []
    for k in range(len(program.states)):
        row = int(m[layout.H_STATE]) + k * layout.S_WIDTH
        at = dict(zip(layout.STATE, m[row : row + layout.S_WIDTH].tolist(), strict=True))
        transitions = range(at["first_transition"], at["last_transition"], layout.T_WIDTH)
        branches = range(at["first_branch"], at["last_branch"], layout.B_WIDTH)
        state = _item(
            State,
            m,
            row,
            layout.STATE,
            number=k,
            events=tuple(events[n] for n in m[at["first_event"] : at["last_event"]]),
            branches={b: _item(Branch, m, b, layout.BRANCH) for b in branches},
            transitions=tuple(
                _item(
                    Transition,
                    m,
                    t,
                    layout.TRANSITION,
                    number=(t - int(m[layout.H_TRANSITION])) // layout.T_WIDTH,
                    lane=1 << (len(transitions) - 1 - i),
                )
                for i, t in enumerate(transitions)
            ),
        )
        states.append(state)
    return Pathway(
        states=tuple(states),
        events=events,
        start=states[int(m[layout.H_START_STATE])],
        horizon=float(program.packed.f[layout.F_HORIZON]),
    )


def _table(kind: type[Item], m: IntArray, header: int, columns: Sequence[str], n: int) -> tuple[Item, ...]:
    """Rows of a table as objects."""
    base, width = int(m[header]), len(columns)
    return tuple(_item(kind, m, base + k * width, columns, number=k) for k in range(n))


def _item(kind: type[Item], m: IntArray, row: int, columns: Sequence[str], **more: Any) -> Item:
    """The row of a table as an object: columns that it has fields for, and what is `more`."""
    values = dict(zip(columns, m[row : row + len(columns)].tolist(), strict=True)) | {"row": row} | more
    return kind(**{field.name: values[field.name] for field in fields(kind)})  # type: ignore[arg-type]
