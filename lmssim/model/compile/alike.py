"""Which strategies are alike: for a piece of code, those under which its value is the same for the same patient.

Two strategies are alike for a piece of code if they set the parameters that it reads to the same expressions, and its
questions about the strategy have the same answers: its value is then computed once a patient. A life that has met none
of the differences between two strategies is the same under both, and is walked once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lmssim.kernels.families import PIECEWISE
from lmssim.kernels.layout import NONE
from lmssim.model.language import expression
from lmssim.model.language.expression import Apply, Lookup, Name, Number
from lmssim.model.program.rows import Visits

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.expression import Node
    from lmssim.model.program.rows import Code, Effect, Event, Guard, Rows, Transition

Overrides = list[tuple[str, "Mapping[str, Node]"]]
"""By strategy, what it sets."""
MOST_DIFFERENCES = 60
"""Ways in which strategies differ that are told apart; what goes beyond is taken to differ between all of them."""


def with_alike(d: Draft, rows: Rows, overrides: Overrides) -> Rows:
    """The rows, each code with the class of each strategy, and what lives ask with how strategies differ in it."""
    reads = _Reads(d)
    codes = tuple(replace(code, classes=_classes_of(code.node, reads, overrides)) for code in rows.codes)
    slots = [_classes_of(slot.node, reads, overrides) for slot in rows.slots]
    plans = [_classes(numbers) for numbers in zip(*(each.plans for each in rows.strategies), strict=True)]
    asks = _Asks(codes, slots, plans)
    events = tuple(replace(event, differs=asks.of_event(event)) for event in rows.events)
    states = tuple(
        replace(
            state,
            transitions=tuple(replace(t, differs=asks.of_transition(t)) for t in state.transitions),
            branches=tuple(replace(b, differs=asks.of(b.guard, b.effects, b.ref)) for b in state.branches),
        )
        for state in rows.states
    )
    return replace(rows, codes=codes, events=events, states=states, differences=tuple(asks.differences))


class _Asks:
    """How strategies differ in what events, transitions and branches read."""

    def __init__(
        self, codes: Sequence[Code], slots: Sequence[tuple[int, ...]], plans: Sequence[tuple[int, ...]]
    ) -> None:
        self._codes, self._slots, self._plans = codes, slots, plans
        self.differences: list[tuple[int, ...]] = []

    def of_event(self, event: Event) -> int:
        """Bit of a complication, the chance that it kills included."""
        return self.of(event.guard, event.effects, event.ref, event.death_ref)

    def of_transition(self, transition: Transition) -> int:
        """Bit of a transition, with its plan if it is a test at visits."""
        timing = transition.timing
        if isinstance(timing, Visits):
            plans = [self._plans[timing.plan]] if timing.plan >= 0 else []
            return self.of(transition.guard, transition.effects, timing.ref, more=plans)
        refs = (*timing.refs, timing.cure)
        if timing.family == PIECEWISE:
            first, n = timing.refs[:2]
            refs = (*range(first, first + 3 * n), timing.cure)
        return self.of(transition.guard, transition.effects, *refs)

    def of(self, guard: Guard, effects: Iterable[Effect], *refs: int, more: Iterable[tuple[int, ...]] = ()) -> int:
        """Bit of what a rule, effects and some values read; 0 if it is the same under all strategies."""
        read = [self._of_ref(ref) for ref in (*refs, *(effect.ref for effect in effects)) if ref != NONE]
        rule = [self._codes[guard.rule].classes] if guard.rule >= 0 else []
        classes = _classes(list(zip(*read, *rule, *more, strict=True)))
        if not any(classes):
            return 0
        if classes not in self.differences:
            if len(self.differences) > MOST_DIFFERENCES:
                classes = tuple(range(len(classes)))
            if classes not in self.differences:
                self.differences.append(classes)
        return 1 << self.differences.index(classes)

    def _of_ref(self, ref: int) -> tuple[int, ...]:
        return self._slots[ref] if ref >= 0 else self._codes[-1 - ref].classes


def _classes_of(node: Node, reads: _Reads, overrides: Overrides) -> tuple[int, ...]:
    """Class of each strategy for an expression."""
    read, asks = reads.of(node), "strategy" in expression.names(node)
    return _classes(
        [
            (tuple((name, changes[name]) for name in sorted(read & set(changes))), under(node, s) if asks else None)
            for s, (_, changes) in enumerate(overrides)
        ]
    )


def _classes(keys: Sequence[Hashable]) -> tuple[int, ...]:
    """Numbers of keys in the order in which they come: equal keys have one number."""
    numbers: dict[Hashable, int] = {}
    return tuple(numbers.setdefault(key, len(numbers)) for key in keys)


class _Reads:
    """Parameters that expressions read, those included from which others and the values of tables are derived."""

    def __init__(self, d: Draft) -> None:
        self._table, self._tables = d.scenario.table, d.names.tables
        self._lookups, self._slots = d.lookups, d.numbers.slots
        self._known: dict[str, frozenset[str]] = {}

    def of(self, node: Node) -> frozenset[str]:
        """Ids of the parameters that a resolved node depends on."""
        own = self._behind(expression.names(node))
        for table in set(expression.tables(node)):
            first = self._lookups.places[table].first
            for slot in self._slots[first : first + self._size(table)]:
                own |= self._behind(expression.names(slot.node))
        return own

    def _size(self, table: str) -> int:
        size = 1
        for axis in self._lookups.places[table].axes:
            size *= self._lookups.axes[axis].n
        return size

    def _behind(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset[str]().union(*(self._parameter(name) for name in names))

    def _parameter(self, name: str) -> frozenset[str]:
        """A parameter and those that its expression reads; nothing for a name of another kind."""
        if name not in self._table:
            return frozenset()
        if name not in self._known:
            text = self._table[name].expression
            more = self._behind(expression.names(expression.parse(text, name))) if text else frozenset[str]()
            self._known[name] = more | {name}
        return self._known[name]


def under(node: Node, strategy: int) -> Node:
    """An expression as it stands under a strategy: questions about it answered, and what follows from the answers.

    Expressions that come out equal under two strategies have the same value for the same patient.
    """
    match node:
        case Apply("==", (Name("strategy"), Number(asked))):
            return Number(float(asked == strategy))
        case Apply(function, arguments):
            return _folded(function, tuple(under(argument, strategy) for argument in arguments))
        case Lookup(table, arguments):
            return Lookup(table, tuple(under(argument, strategy) for argument in arguments))
    return node


def _folded(function: str, arguments: tuple[Node, ...]) -> Node:
    """An operation, or its result where that is settled by numbers alone."""
    numbers = [argument.value for argument in arguments if isinstance(argument, Number)]
    if function == "and" and 0.0 in numbers:
        return Number(0.0)
    if function == "or" and any(numbers):
        return Number(1.0)
    if function == "if" and isinstance(arguments[0], Number):
        return arguments[1] if arguments[0].value else arguments[2]
    if len(numbers) == len(arguments) and function in ("and", "or", "not"):
        return Number(
            float(not numbers[0] if function == "not" else all(numbers) if function == "and" else any(numbers))
        )
    return Apply(function, arguments)
