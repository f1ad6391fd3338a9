"""What names in rules and expressions mean: covariates as columns, attributes as bits, clocks, age, time, strategy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ExpressionError, ScenarioError, UnsupportedError, unknown
from lmssim.kernels import machine
from lmssim.kernels.layout import NONE
from lmssim.model.language import expression
from lmssim.model.language.expression import Apply, Lookup, Name, Node, Number, Text
from lmssim.model.language.flat import STAY
from lmssim.model.parameters.by_covariate import ByCovariate, table_name
from lmssim.model.program.numbers import NumberTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.language.cycles import CycleClock
    from lmssim.model.language.lookup_tables import LookupTable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmssim.model.language.lookup_tables import Entry, LookupTable

MAX_BITS = 62
OPCODES = {
    "+": machine.ADD,
    "-": machine.SUBTRACT,
    "*": machine.MULTIPLY,
    "/": machine.DIVIDE,
    "**": machine.POWER,
    "<": machine.LESS,
    "<=": machine.LESS_EQUAL,
    ">": machine.GREATER,
    ">=": machine.GREATER_EQUAL,
    "==": machine.EQUAL,
    "!=": machine.NOT_EQUAL,
    "and": machine.AND,
    "or": machine.OR,
    "not": machine.NOT,
    "neg": machine.NEGATE,
    "if": machine.SELECT,
    "exp": machine.EXP,
    "log": machine.LOG,
    "sqrt": machine.SQRT,
    "abs": machine.ABS,
    "floor": machine.FLOOR,
    "min": machine.MINIMUM,
    "max": machine.MAXIMUM,
}

CHECK_KINDS = {
    "number": machine.KIND_NUMBER,
    "probability": machine.KIND_PROBABILITY,
    "utility": machine.KIND_UTILITY,
    "loss": machine.KIND_LOSS,
    "cost": machine.KIND_POSITIVE,
    "time": machine.KIND_POSITIVE,
    "multiplier": machine.KIND_POSITIVE,
    "amount": machine.KIND_POSITIVE,
}
"""Checks of `lmssim.model.program.numbers` as the stack machine's kinds."""


@dataclass
class Names:
    """Names of one model, and the tables that refs to them fill.

    Attributes
    ----------
    covariates : dict
        Covariate to its labels (empty if its values are numbers), in column order.
    levels : dict
        Attribute to its levels; a flag has the one level "true".
    expressions : mapping
        Name to the expression that stands for it wherever it is read.
    by : ByCovariate
        Ids whose parameter differs by a covariate.
    """

    parameters: frozenset[str]
    covariates: dict[str, list[str]]
    codes: dict[str, list[float]]
    levels: dict[str, list[str]]
    clocks: list[str]
    strategies: list[str]
    tables: dict[str, LookupTable] = field(default_factory=dict)
    expressions: Mapping[str, float | str | Node] = field(default_factory=dict)
    by: ByCovariate = field(default_factory=ByCovariate)
    cycle: CycleClock | None = None
    numbers: NumberTable = field(default_factory=NumberTable)
    columns: list[Node] = field(default_factory=list)
    code_start: list[int] = field(default_factory=lambda: [0])
    code_op: list[int] = field(default_factory=list)
    code_arg: list[int] = field(default_factory=list)
    programs: dict[tuple[Node, str], int] = field(default_factory=dict)
    origins: list[tuple[Node, str, str]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    axes: list[Axis] = field(default_factory=list)
    table_places: dict[str, tuple[list[int], int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.expanding: list[str] = []
        self.tables = dict(self.tables)
        self.bits: dict[tuple[str, str], int] = {}
        for attribute, levels in self.levels.items():
            for level in levels:
                self.bits[attribute, level] = 1 << len(self.bits)
        if len(self.bits) > MAX_BITS:
            raise UnsupportedError(f"attributes have {len(self.bits)} levels in all; the engines take {MAX_BITS}.")
        for i, name in enumerate(self.covariates):
            self.columns.append(Name(name))
            assert i == len(self.columns) - 1

    # --- attributes ---

    def masks(self, settings: dict[str, str | bool], where: str) -> tuple[int, int]:
        """(bits to clear, bits to set) of attribute settings."""
        clear = mark = 0
        for attribute, level in settings.items():
            if attribute not in self.levels:
                raise ScenarioError(unknown("attribute", attribute, self.levels, where))
            for each in self.levels[attribute]:
                clear |= self.bits[attribute, each]
            if level is False or (level == "" and self.levels[attribute] != ["true"]):
                continue
            word = "true" if level is True else str(level)
            if word not in self.levels[attribute]:
                raise ScenarioError(unknown(f"level of {attribute}", word, self.levels[attribute], where))
            mark |= self.bits[attribute, word]
        return clear, mark

    def initial_bits(self) -> int:
        """Attributes at time 0: flags off, others at their first level."""
        return sum(self.bits[a, levels[0]] for a, levels in self.levels.items() if levels != ["true"])

    def attribute_bit(self, name: str) -> int | None:
        """Bit of a flag, or of `attribute_level`."""
        if self.levels.get(name) == ["true"]:
            return self.bits[name, "true"]
        for attribute, levels in self.levels.items():
            for level in levels:
                if name == f"{attribute}_{level}" and levels != ["true"]:
                    return self.bits[attribute, level]
        return None

    def indicator(self, name: str) -> Node | None:
        """`grade_3` or `sex_male` as a comparison, if it names a category of a covariate."""
        for covariate, codes in self.codes.items():
            for i, code in enumerate(codes):
                words = self.covariates[covariate] or [f"{c:g}" for c in codes]
                if name == f"{covariate}_{words[i]}":
                    return Apply("==", (Name(covariate), Number(code)))
        return None

    # --- kinds of dependence ---

    def resolve(self, node: Node, where: str) -> Node:
        """Replace comparisons with category names by numbers; refuse unknown names."""
        match node:
            case Apply("==" | "!=" as op, (Name(name), Text(text)) | (Text(text), Name(name))):
                resolved = self.category(name, text, where)
                return resolved if op == "==" else Apply("not", (resolved,))
            case Apply(function, arguments):
                return Apply(function, tuple(self.resolve(a, where) for a in arguments))
            case Lookup(table, arguments):
                return resolve_lookup(self, table, arguments, where)
            case Text(text):
                raise ExpressionError(
                    f"{where}: '{text}' may only be compared with a covariate, attribute or strategy."
                )
            case Name(name):
                return self._name(name, where)
        return node

    def _name(self, name: str, where: str) -> Node:
        if name in self.expressions:
            return self._expanded(name, where)
        if name in self.by.ids:
            return self._by_category(name, where)
        if name in self.parameters:
            self.used.add(name)
        known = name in self.parameters or name in self.covariates or name in self._moments()
        if known or self.attribute_bit(name) is not None or self._clock(name) is not None:
            return Name(name)
        category = self.indicator(name)
        if category is None:
            raise ExpressionError(unknown("name", name, self.known(), where))
        return category

    def _expanded(self, name: str, where: str) -> Node:
        """What a named expression stands for, resolved."""
        if name in self.expanding:
            circle = " -> ".join([*self.expanding[self.expanding.index(name) :], name])
            raise ExpressionError(f"{where}: expressions go round in a circle: {circle}.")
        self.expanding.append(name)
        try:
            place, value = f"{where}: expressions.{name}", self.expressions[name]
            node = expression.parse(value, place) if isinstance(value, (int, float, str)) else value
            return self.resolve(node, place)
        finally:
            self.expanding.pop()

    def _by_category(self, name: str, where: str) -> Node:
        """Lookup of a parameter that differs by a covariate."""
        table = table_name(name, self.by.covariate)
        if table not in self.tables:
            self.tables[table] = self.by.table(name, where)
        return resolve_lookup(self, table, (Name(self.by.covariate),), where)

    def differing(self, node: Node) -> str:
        """For messages: the parameters of a resolved node that differ by a covariate."""
        read = {table_name(name, self.by.covariate): name for name in self.by.ids}
        names = sorted({read[table] for table in expression.tables(node) if table in read})
        return f", and {', '.join(names)} differs by {self.by.covariate}" if names else ""

    def category(self, name: str, text: str, where: str) -> Node:
        """A comparison with a label as one with its code, or as the attribute's bit."""
        if name == "strategy":
            if text not in self.strategies:
                raise ExpressionError(unknown("strategy", text, self.strategies, where))
            return Apply("==", (Name("strategy"), Number(float(self.strategies.index(text)))))
        if name in self.levels:
            if text not in self.levels[name]:
                raise ExpressionError(unknown(f"level of {name}", text, self.levels[name], where))
            return Name(f"{name}_{text}") if self.levels[name] != ["true"] else Name(name)
        if name in self.covariates:
            if text not in self.covariates[name]:
                raise ExpressionError(unknown(f"category of {name}", text, self.covariates[name], where))
            return Apply("==", (Name(name), Number(self.codes[name][self.covariates[name].index(text)])))
        raise ExpressionError(unknown("covariate or attribute", name, [*self.covariates, *self.levels], where))

    def known(self) -> list[str]:
        """Every name a user may write."""
        indicators = [
            f"{c}_{word}"
            for c, codes in self.codes.items()
            for word in (self.covariates[c] or [f"{code:g}" for code in codes])
        ]
        levels = [f"{a}_{v}" if vs != ["true"] else a for a, vs in self.levels.items() for v in vs]
        clocks = [f"since_{clock}" for clock in self.clocks if clock != STAY]
        named = [*self.parameters, *self.by.ids, *self.expressions, *self.covariates, *indicators, *levels, *clocks]
        return [*named, *self._moments(), "strategy"]

    def _moments(self) -> tuple[str, ...]:
        """Names that change as time passes, but for clocks."""
        return ("age", "time") if self.cycle is None else ("age", "time", "cycle", "time_in_state")

    def _clock(self, name: str) -> int | None:
        if name == "time_in_state" and self.cycle is not None:
            return self.clocks.index(STAY)
        prefix, _, clock = name.partition("since_")
        return self.clocks.index(clock) if prefix == "" and clock in self.clocks else None

    def is_constant(self, node: Node) -> bool:
        """Whether a resolved node depends on parameters alone."""
        return not expression.looks_up(node) and all(name in self.parameters for name in expression.names(node))

    def is_baseline(self, node: Node) -> bool:
        """Whether a resolved node depends on covariates alone."""
        return not expression.looks_up(node) and all(name in self.covariates for name in expression.names(node))

    def is_of_covariates(self, node: Node) -> bool:
        """Whether a resolved node depends on parameters and covariates alone, also through tables."""
        return all(
            name != "age" and (name in self.parameters or name in self.covariates) for name in expression.names(node)
        )

    def depends_on_time(self, node: Node) -> bool:
        """Whether a resolved node changes within a stay."""
        return any(n in self._moments() or self._clock(n) is not None for n in expression.names(node))

    def bits_of(self, node: Node) -> int:
        """Attribute bits a resolved node depends on."""
        total = 0
        for name in expression.names(node):
            if name not in self.parameters and name not in self.covariates:
                total |= self._mask(name) or self.attribute_bit(name) or 0
        return total

    def _mask(self, name: str) -> int:
        """Bits of all levels of an attribute, read together as the key of a table; 0 for any other name."""
        levels = self.levels.get(name, ["true"])
        return 0 if levels == ["true"] else sum(self.bits[name, level] for level in levels)

    # --- refs ---

    def ref(self, value: float | str | None, where: str, check: str) -> int:
        """Ref of a value: a number slot if it depends on parameters alone, else a program."""
        if value is None:
            return NONE
        return self.ref_of(self.resolve(expression.parse(value, where), where), where, check)

    def ref_of(self, node: Node, where: str, check: str) -> int:
        """Ref of a resolved node."""
        if self.is_constant(node):
            return self.numbers.add(node, where, check)
        return -1 - self.program(node, where, check)

    def rule(self, text: str | None, where: str) -> tuple[int, int, int]:
        """(bits that matter, bits wanted, program or -1) of a rule; levels joined by `and` need no program."""
        if text is None:
            return 0, 0, -1
        node = self.resolve(expression.parse(text, where), where)
        rest: list[Node] = []
        care = want = 0
        for part in _conjuncts(node):
            bits = self._wanted(part)
            if bits is None:
                rest.append(part)
            else:
                care, want = care | bits[0], want | bits[1]
        if not rest:
            return care, want, -1
        program = rest[0]
        for part in rest[1:]:
            program = Apply("and", (program, part))
        return care, want, self.program(program, where)

    def _wanted(self, node: Node) -> tuple[int, int] | None:
        """(bit, bit wanted) of an attribute level, or of its negation; None for anything else."""
        negated = isinstance(node, Apply) and node.function == "not"
        inner = node.arguments[0] if isinstance(node, Apply) and negated else node
        if not isinstance(inner, Name) or inner.name in self.parameters or inner.name in self.covariates:
            return None
        bit = self.attribute_bit(inner.name)
        return None if bit is None else (bit, 0 if negated else bit)

    def program(self, node: Node, where: str, check: str = "any") -> int:
        """Stack-machine program of a resolved node, whose value is checked each time it is computed."""
        key = (node, check)
        if key not in self.programs:
            number = len(self.origins)
            self.origins.append((node, where, check))
            self._emit(node, where)
            if check in CHECK_KINDS:
                self._op(machine.CHECK, CHECK_KINDS[check] + (machine.CHECK_KIND + 1) * number)
            self.code_start.append(len(self.code_op))
            self.programs[key] = number
        return self.programs[key]

    def _emit(self, node: Node, where: str) -> None:
        if self.is_constant(node):
            self._op(machine.NUMBER, self.numbers.add(node, where, "any"))
            return
        match node:
            case Name(name):
                self._emit_name(name)
            case Apply("==", (Name("strategy"), Number(value))):
                self._op(machine.STRATEGY, int(value))
            case Apply(function, arguments):
                for argument in arguments:
                    self._emit(argument, where)
                self._op(OPCODES[function], 0)
            case Lookup(table, arguments):
                axes, first = self.table_places[table]
                for k, (axis, argument) in enumerate(zip(axes, arguments, strict=True)):
                    if k > 0:
                        self._constant(float(self.axes[axis].n), machine.MULTIPLY)
                    self._emit(argument, where)
                    self._op(machine.FIND, axis)
                    if k > 0:
                        self._op(machine.ADD, 0)
                self._op(machine.FETCH, first)

    def _constant(self, value: float, op: int) -> None:
        """Apply an operation to what stands on the stack and a constant."""
        self._op(machine.NUMBER, self.numbers.add(Number(value), "", "any"))
        self._op(op, 0)

    def _emit_name(self, name: str) -> None:
        clock, bit = self._clock(name), None
        if name == "age":  # exact age now; the covariate of that name is read at time zero by keys of effects alone
            self._op(machine.AGE, 0)
            if self.cycle is not None and self.cycle.age_lag > 0.0:
                self._constant(self.cycle.age_lag, machine.ADD)
        elif name in self.covariates:
            self._op(machine.COLUMN, list(self.covariates).index(name))
        elif name == "time":
            self._op(machine.TIME, 0)
        elif name == "cycle" and self.cycle is not None:
            self._op(machine.TIME, 0)
            self._whole_cycles(self.cycle.per_year, 1.0)
        elif clock is not None:
            self._op(machine.SINCE, clock)
            if self.cycle is not None:
                self._whole_cycles(self.cycle.per_year, 0.0)
                self._constant(self.cycle.per_year, machine.DIVIDE)
        elif self._mask(name):
            self._op(machine.LEVEL, self._mask(name))
        else:
            bit = self.attribute_bit(name)
            assert bit is not None
            self._op(machine.BIT, bit)

    def _whole_cycles(self, per_year: float, more: float) -> None:
        """Turn years on the stack into a number of cycles, free of rounding, plus some more."""
        self._constant(per_year, machine.MULTIPLY)
        self._constant(0.5 + more, machine.ADD)
        self._op(machine.FLOOR, 0)

    def _op(self, op: int, argument: int) -> None:
        self.code_op.append(op)
        self.code_arg.append(argument)

    # --- columns ---

    def column(self, node: Node) -> int:
        """Column of a baseline expression, added to the patient's columns if new."""
        if node not in self.columns:
            self.columns.append(node)
        return self.columns.index(node)

    def fill_columns(self, covariates: FloatArray, extra: int) -> FloatArray:
        """Patients' columns: covariates, expressions of them, and `extra` empty ones at the end.

        Parameters
        ----------
        covariates : ndarray(float, ndim=2)
            (n_patients, n_covariates).
        """
        n = covariates.shape[0]
        x = np.empty((n, len(self.columns) + extra))
        x[:, : covariates.shape[1]] = covariates
        values: dict[str, Any] = {name: covariates[:, i] for i, name in enumerate(self.covariates)}
        for k in range(covariates.shape[1], len(self.columns)):
            x[:, k] = expression.evaluate(self.columns[k], values, "effect")
        return x


def _conjuncts(node: Node) -> list[Node]:
    match node:
        case Apply("and", (left, right)):
            return [*_conjuncts(left), *_conjuncts(right)]
    return [node]


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


def resolve_lookup(names: Names, table: str, arguments: tuple[Node, ...], where: str) -> Node:
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


def _key(names: Names, key: str, node: Node, where: str) -> Node:
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


def _labels(names: Names, key: str) -> dict[str, float] | None:
    """Labels of a key with their codes; None if it is a number."""
    if key == "strategy":
        return {name: float(i) for i, name in enumerate(names.strategies)}
    if names.covariates.get(key):
        return dict(zip(names.covariates[key], names.codes[key], strict=True))
    levels = names.levels.get(key, ["true"])
    return None if levels == ["true"] else {level: float(i) for i, level in enumerate(levels)}


def _place(names: Names, name: str) -> None:
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


def _slots(names: Names, nodes: list[tuple[Node, str]]) -> int:
    """Neighbouring slots of some values; returns the first."""
    slots = [names.numbers.add(node, where, "number", shared=False) for node, where in nodes]
    return slots[0]


def _value(names: Names, entry: Entry, of_parameters: bool) -> Node:
    if of_parameters:
        names.used.add(entry.value)
        return Name(entry.value)
    node = expression.parse(entry.value, entry.where)
    if not expression.looks_up(node):
        node = names.resolve(node, entry.where)
    if not names.is_constant(node):
        raise UnsupportedError(f"{entry.where}: '{entry.value}' may depend on parameters alone{names.differing(node)}.")
    return node


def _codes(names: Names, table: LookupTable, key: int) -> dict[float, str]:
    """Codes of a key that stand in a table, ascending, with their texts."""
    labels = _labels(names, table.by[key])
    if labels is None:
        return table.numbers(key)
    there = table.axis(key)
    for text in there:
        if text not in labels:
            raise ScenarioError(unknown(table.by[key], text, labels, table.where))
    return {code: text for text, code in labels.items() if text in there}
