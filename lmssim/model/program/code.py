"""What expressions become: a slot among the numbers, attribute bits, or code for the kernels' stack machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from lmssim.kernels import machine
from lmssim.kernels.layout import NONE
from lmssim.model.language import expression
from lmssim.model.language.expression import AGE_START, Apply, Lookup, Name, Node, Number
from lmssim.model.program.rows import Code, Guard, Instruction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.program.names import Names
    from lmssim.model.program.numbers import NumberTable

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
    "size": machine.KIND_NUMBER,
    "effect": machine.KIND_NUMBER,
    "probability": machine.KIND_PROBABILITY,
    "utility": machine.KIND_UTILITY,
    "loss": machine.KIND_LOSS,
    "share of utility": machine.KIND_PROBABILITY,
    "cost": machine.KIND_POSITIVE,
    "time": machine.KIND_POSITIVE,
    "multiplier": machine.KIND_POSITIVE,
    "amount": machine.KIND_POSITIVE,
}
"""Checks of `lmssim.model.program.numbers` as the stack machine's kinds."""


@dataclass
class CodeTable:
    """Codes in order, each of an expression that depends on the patient or on time; equal ones are kept once.

    Attributes
    ----------
    numbers : NumberTable
        Where values that depend on parameters alone go, also those within an expression.
    """

    names: Names
    numbers: NumberTable
    codes: list[Code] = field(default_factory=list)
    index: dict[tuple[Node, str], int] = field(default_factory=dict)

    def ref(self, value: float | str | None, where: str, check: str) -> int:
        """Ref of a value: a slot of the numbers if it depends on parameters alone, else code."""
        if value is None:
            return NONE
        return self.ref_of(self.names.resolve(expression.parse(value, where), where), where, check)

    def ref_of(self, node: Node, where: str, check: str) -> int:
        """Ref of a resolved node."""
        if self.names.is_constant(node):
            return self.numbers.add(node, where, check)
        return -1 - self.add(node, where, check)

    def node_of(self, ref: int) -> Node | None:
        """Expression of a ref that is code; None of a number, or of no value."""
        return None if ref >= 0 or ref == NONE else self.codes[-1 - ref].node

    def rule(self, text: str | None, where: str) -> Guard:
        """Guard of a rule; attribute levels that it joins by `and` need no code."""
        if text is None:
            return Guard()
        node = self.names.resolve(expression.parse(text, where), where)
        rest: list[Node] = []
        care = want = 0
        for part in _conjuncts(node):
            bits = self._wanted(part)
            if bits is None:
                rest.append(part)
            else:
                care, want = care | bits[0], want | bits[1]
        if not rest:
            return Guard(care, want)
        return Guard(care, want, self.add(reduce(lambda left, right: Apply("and", (left, right)), rest), where))

    def _wanted(self, node: Node) -> tuple[int, int] | None:
        """(bit, bit wanted) of an attribute level, or of its negation; None for anything else."""
        negated = isinstance(node, Apply) and node.function == "not"
        inner = node.arguments[0] if isinstance(node, Apply) and negated else node
        names = self.names
        if not isinstance(inner, Name) or inner.name in names.parameters or inner.name in names.covariates:
            return None
        bit = names.attribute_bit(inner.name)
        return None if bit is None else (bit, 0 if negated else bit)

    def add(self, node: Node, where: str, check: str = "any") -> int:
        """Number of the code of a resolved node, whose value is checked each time it is computed."""
        key = (node, check)
        if key not in self.index:
            number = len(self.codes)
            instructions = [*self._of(node, where)]
            if check in CHECK_KINDS:
                argument = CHECK_KINDS[check] + (machine.CHECK_KIND + 1) * number
                instructions.append(Instruction(machine.CHECK, argument))
            self.codes.append(Code(node, where, check, tuple(instructions)))
            self.index[key] = number
        return self.index[key]

    def _of(self, node: Node, where: str) -> Iterator[Instruction]:
        """Instructions of a node, which leave its value on the stack."""
        if self.names.is_constant(node):
            yield Instruction(machine.NUMBER, self.numbers.add(node, where, "any"))
            return
        match node:
            case Name(name):
                yield from self._of_name(name)
            case Apply("==", (Name("strategy"), Number(value))):
                yield Instruction(machine.STRATEGY, int(value))
            case Apply(function, arguments):
                for argument in arguments:
                    yield from self._of(argument, where)
                yield Instruction(OPCODES[function], 0)
            case Lookup(table, arguments):
                yield from self._of_lookup(table, arguments, where)

    def _of_lookup(self, table: str, arguments: tuple[Node, ...], where: str) -> Iterator[Instruction]:
        """Position of the value among the table's, the last key running fastest, then the value."""
        lookups = self.names.lookups
        place = lookups.places[table]
        for k, (axis, argument) in enumerate(zip(place.axes, arguments, strict=True)):
            if k > 0:
                yield from self._with_constant(float(lookups.axes[axis].n), machine.MULTIPLY)
            yield from self._of(argument, where)
            yield Instruction(machine.FIND, axis)
            if k > 0:
                yield Instruction(machine.ADD, 0)
        yield Instruction(machine.FETCH, place.first)

    def _of_name(self, name: str) -> Iterator[Instruction]:
        names, cycle, clock = self.names, self.names.cycle, self.names.clock(name)
        if name == "age":  # exact age now; the covariate of that name is read at time zero by keys of effects alone
            yield Instruction(machine.AGE, 0)
            if cycle is not None and cycle.age_lag > 0.0:
                yield from self._with_constant(cycle.age_lag, machine.ADD)
        elif name in names.covariates:
            yield Instruction(machine.COLUMN, list(names.covariates).index(name))
        elif name == AGE_START:
            yield Instruction(machine.COLUMN, list(names.covariates).index(names.age))
        elif name == "time":
            yield Instruction(machine.TIME, 0)
        elif name == "cycle" and cycle is not None:
            yield Instruction(machine.TIME, 0)
            yield from self._whole_cycles(cycle.per_year, 1.0)
        elif clock is not None:
            yield Instruction(machine.SINCE, clock)
            if cycle is not None:
                yield from self._whole_cycles(cycle.per_year, 0.0)
                yield from self._with_constant(cycle.per_year, machine.DIVIDE)
        elif names.level_bits(name):
            yield Instruction(machine.LEVEL, names.level_bits(name))
        else:
            bit = names.attribute_bit(name)
            assert bit is not None
            yield Instruction(machine.BIT, bit)

    def _whole_cycles(self, per_year: float, more: float) -> Iterator[Instruction]:
        """Turn years on the stack into a number of cycles, free of rounding, plus some more."""
        yield from self._with_constant(per_year, machine.MULTIPLY)
        yield from self._with_constant(0.5 + more, machine.ADD)
        yield Instruction(machine.FLOOR, 0)

    def _with_constant(self, value: float, operation: int) -> Iterator[Instruction]:
        """Apply an operation to what stands on the stack and a constant."""
        yield Instruction(machine.NUMBER, self.numbers.add(Number(value), "", "any"))
        yield Instruction(operation, 0)


def _conjuncts(node: Node) -> list[Node]:
    match node:
        case Apply("and", (left, right)):
            return [*_conjuncts(left), *_conjuncts(right)]
    return [node]
