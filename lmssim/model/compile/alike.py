"""Which strategies are alike: for a piece of code, those under which its value is the same for the same patient.

Their value is computed once a patient, and a life that differs in nothing else is walked once. Two strategies are alike
for a piece of code if they set the parameters that it reads to the same expressions, and its questions about the
strategy have the same answers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lmssim.model.language import expression
from lmssim.model.language.expression import Apply, Lookup, Name, Number

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.expression import Node
    from lmssim.model.program.rows import Code, Rows

Overrides = list[tuple[str, "Mapping[str, Node]"]]
"""By strategy, what it sets."""


def with_alike(d: Draft, rows: Rows, overrides: Overrides) -> Rows:
    """The rows, each code and strategy with its class: strategies of one class are alike for it."""
    reads = _Reads(d)
    codes = tuple(replace(code, classes=_classes_of(code, reads, overrides)) for code in rows.codes)
    asking = [code.node for code in rows.codes if "strategy" in expression.names(code.node)]
    asked = _classes([tuple(under(node, s) for node in asking) for s in range(len(overrides))])
    strategies = tuple(replace(each, asked=k) for each, k in zip(rows.strategies, asked, strict=True))
    return replace(rows, codes=codes, strategies=strategies)


def _classes_of(code: Code, reads: _Reads, overrides: Overrides) -> tuple[int, ...]:
    """Class of each strategy for a piece of code."""
    read = reads.of(code.node)
    asks = "strategy" in expression.names(code.node)
    return _classes(
        [
            (
                tuple((name, changes[name]) for name in sorted(read & set(changes))),
                under(code.node, s) if asks else None,
            )
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
