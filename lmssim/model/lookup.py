"""Calls of lookup tables in expressions: keys as codes, and where a table's codes and values stand among the numbers.

They stand side by side in a draw's numbers, so that a value which is a parameter follows draws and strategies. The
stack machine finds the position along each key, and fetches the value (`lmssim.kernels.machine`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import ExpressionError, ScenarioError, UnsupportedError, unknown
from lmssim.model import expression
from lmssim.model.expression import Apply, Lookup, Name, Node, Number

if TYPE_CHECKING:
    from lmssim.model.symbols import Symbols
    from lmssim.model.tables import Entry, LookupTable


@dataclass(frozen=True)
class Axis:
    """One key of a lookup table that is in use.

    Attributes
    ----------
    first, n : int
        Where its codes stand among the numbers, and how many there are.
    exact : bool
        Whether a value must equal one of the codes, else they are the starts of bands.
    where : str
        Table and key, for messages.
    """

    first: int
    n: int
    exact: bool
    where: str


def resolve_lookup(names: Symbols, table: str, arguments: tuple[Node, ...], where: str) -> Node:
    """A call of a table, its keys resolved and labels replaced by their codes.

    Raises
    ------
    InputError
        If there is no such table, the call does not fit it, or the table has a row too few, too many or impossible.
    """
    if table not in names.tables:
        raise ExpressionError(unknown("function", table, [*expression.FUNCTIONS, *names.tables], where))
    by = names.tables[table].by
    if len(arguments) != len(by):
        raise ExpressionError(f"{where}: {table}() takes {', '.join(by)}; {len(arguments)} given.")
    _place(names, table)
    keys = zip(by, arguments, strict=True)
    return Lookup(table, tuple(_key(names, key, node, f"{where}: {table}()") for key, node in keys))


def _key(names: Symbols, key: str, node: Node, where: str) -> Node:
    labels = _labels(names, key)
    if labels is None:
        return names.resolve(node, where)
    if node != Name(key):
        raise ExpressionError(f"{where}: its key '{key}' has labels; write '{key}' in its place.")
    if key in names.covariates or key in names.levels:
        return Name(key)
    total: Node = Number(0.0)
    for label, code in labels.items():
        total = Apply("+", (total, Apply("*", (Number(code), names.category(key, label, where)))))
    return total


def _labels(names: Symbols, key: str) -> dict[str, float] | None:
    """Labels of a key with their codes; None if it is a number."""
    if key == "strategy":
        return {name: float(i) for i, name in enumerate(names.strategies)}
    if names.covariates.get(key):
        return dict(zip(names.covariates[key], names.codes[key], strict=True))
    levels = names.levels.get(key, ["true"])
    return None if levels == ["true"] else {level: float(i) for i, level in enumerate(levels)}


def _place(names: Symbols, name: str) -> None:
    """Give a table its slots on first use: the codes of each key, then the values."""
    if name in names.table_places:
        return
    table, first_axis = names.tables[name], len(names.axes)
    texts = []
    for k, key in enumerate(table.by):
        codes = _codes(names, table, k)
        texts.append(list(codes.values()))
        place = f"{table.where}: key '{key}'"
        first = _slots(names, [(Number(code), place) for code in codes])
        names.axes.append(Axis(first, len(codes), _labels(names, key) is not None, place))
    values = _slots(names, [(_value(names, entry, table.of_parameters), entry.where) for entry in table.values(texts)])
    names.table_places[name] = list(range(first_axis, len(names.axes))), values


def _slots(names: Symbols, nodes: list[tuple[Node, str]]) -> int:
    """Neighbouring slots of some values; returns the first."""
    slots = [names.numbers.add(node, where, "number", shared=False) for node, where in nodes]
    return slots[0]


def _value(names: Symbols, entry: Entry, of_parameters: bool) -> Node:
    if of_parameters:
        names.used.add(entry.value)
        return Name(entry.value)
    node = expression.parse(entry.value, entry.where)
    if not expression.looks_up(node):
        node = names.resolve(node, entry.where)
    if not names.is_constant(node):
        raise UnsupportedError(f"{entry.where}: '{entry.value}' may depend on parameters alone{names.differing(node)}.")
    return node


def _codes(names: Symbols, table: LookupTable, key: int) -> dict[float, str]:
    """Codes of a key that stand in a table, ascending, with their texts."""
    labels = _labels(names, table.by[key])
    if labels is None:
        return table.numbers(key)
    there = table.axis(key)
    for text in there:
        if text not in labels:
            raise ScenarioError(unknown(table.by[key], text, labels, table.where))
    return {code: text for text, code in labels.items() if text in there}
