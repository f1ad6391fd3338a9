"""Rules and expressions of scenario files: parsed into a small tree of known nodes, never executed as Python.

Python's own parser reads the text; every node is then translated into one of the forms below, and anything else
(attributes, subscripts, lambdas, unknown calls) is refused by name. A tree is evaluated over NumPy arrays here, or
turned into stack-machine code by `lmssim.model.program.code`.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ExpressionError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_KNOWN = 1 << 15
"""Expressions that are kept once they have been read."""
MAX_LENGTH = 2_000
MAX_DEPTH = 60
OWN_WORDS = ("and", "or", "not", "if", "else")
"""Reserved words of Python that expressions use."""
AGE_START = "age_start"
"""The age at time zero: the covariate of that name, where `age` is the age now."""
SHOWN = 100
"""Characters of an expression that a message repeats."""

FUNCTIONS: dict[str, tuple[int, Any]] = {
    "exp": (1, np.exp),
    "log": (1, np.log),
    "sqrt": (1, np.sqrt),
    "abs": (1, np.abs),
    "floor": (1, np.floor),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
}
"""Callable names: number of arguments and meaning."""

BINARY: dict[type[ast.AST], tuple[str, Any]] = {
    ast.Add: ("+", np.add),
    ast.Sub: ("-", np.subtract),
    ast.Mult: ("*", np.multiply),
    ast.Div: ("/", np.divide),
    ast.Pow: ("**", np.power),
}
COMPARE: dict[type[ast.AST], tuple[str, Any]] = {
    ast.Lt: ("<", np.less),
    ast.LtE: ("<=", np.less_equal),
    ast.Gt: (">", np.greater),
    ast.GtE: (">=", np.greater_equal),
    ast.Eq: ("==", np.equal),
    ast.NotEq: ("!=", np.not_equal),
}
OPERATORS: dict[str, Any] = dict((*BINARY.values(), *COMPARE.values()))
OPERATORS |= {"and": np.logical_and, "or": np.logical_or}


@dataclass(frozen=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True)
class Text:
    """A literal string: the name of a category."""

    value: str


@dataclass(frozen=True)
class Name:
    """A parameter, covariate, attribute, clock or other name."""

    name: str


@dataclass(frozen=True)
class Apply:
    """An operator or function applied to its arguments; ``not``, ``neg`` and ``if`` are among the operators."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Lookup:
    """A value of a lookup table, called by the table's name with a value for each of its keys."""

    table: str
    arguments: tuple[Node, ...]


Node = Number | Text | Name | Apply | Lookup


def parse(text: str | float, where: str) -> Node:
    """Parse an expression.

    Parameters
    ----------
    text : str or float
        For instance ``"deep and size_cm > 5 and grade >= 2"``.
    where : str
        File and key, for the error message.

    Raises
    ------
    ExpressionError
        If the text is not an expression, or uses a construct that is not allowed.
    """
    if isinstance(text, (int, float)):
        return Number(_finite(text, where))
    known = _known.get(text)
    if known is None:
        known = _parsed(text, where)
        if len(_known) < MOST_KNOWN:
            _known[text] = known
    return known


_known: dict[str, Node] = {}
"""Expressions read before: a study compiles hundreds of copies of a model that differ by a few values."""


def _parsed(text: str, where: str) -> Node:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"{where}: expression of {len(text)} characters; at most {MAX_LENGTH} are allowed.")
    try:
        with warnings.catch_warnings():  # of doubtful Python, which is none of the user's
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"{where}: '{_brief(text)}' is not an expression.{_reserved(text)}") from None
    return _translate(tree.body, text, where, 0)


def _finite(number: float, where: str) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ExpressionError(f"{where}: {_brief(str(number))} is not a finite number.")
    return value


def _reserved(text: str) -> str:
    """Hint for a text that uses a word of Python's grammar as a name."""
    words = [word for word in re.findall(r"[^\W\d]\w*", text) if word in keyword.kwlist and word not in OWN_WORDS]
    return f" {reserved_word(words[0])}" if words else ""


def reserved_word(word: str) -> str:
    """Why a word of Python's grammar names nothing."""
    return (
        f"'{word}' is a reserved word: expressions are read by Python's grammar, in which it has a meaning of its own,"
        f" so it cannot be a name; rename it, for example to '{word}_'."
    )


def _translate(node: ast.AST, text: str, where: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise ExpressionError(f"{where}: '{_brief(text)}' is nested more than {MAX_DEPTH} deep.")

    def inner(child: ast.AST) -> Node:
        return _translate(child, text, where, depth + 1)

    match node:
        case ast.Constant(value=bool() as flag):
            return Number(float(flag))
        case ast.Constant(value=int() | float() as number):
            return Number(_finite(number, where))
        case ast.Constant(value=str() as string):
            return Text(string)
        case ast.Name(id="true" | "false" as flag_name):
            return Number(float(flag_name == "true"))
        case ast.Name(id=name):
            return Name(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return Apply(BINARY[type(op)][0], (inner(left), inner(right)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Apply("not", (inner(operand),))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Apply("neg", (inner(operand),))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return inner(operand)
        case ast.BoolOp(op=boolean, values=values):
            word = "and" if isinstance(boolean, ast.And) else "or"
            result = inner(values[0])
            for value in values[1:]:
                result = Apply(word, (result, inner(value)))
            return result
        case ast.Compare(left=left, ops=ops, comparators=comparators) if all(type(op) in COMPARE for op in ops):
            terms = [inner(left), *(inner(c) for c in comparators)]
            parts: list[Node] = [Apply(COMPARE[type(op)][0], (terms[i], terms[i + 1])) for i, op in enumerate(ops)]
            result = parts[0]
            for part in parts[1:]:
                result = Apply("and", (result, part))
            return result
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return Apply("if", (inner(test), inner(body), inner(orelse)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [inner(a) for a in arguments], where)
    raise ExpressionError(
        f"{where}: '{_brief(text)}' uses {type(node).__name__}, which is not allowed. "
        "Allowed: numbers, names, + - * / **, comparisons, and, or, not, 'a if b else c', "
        f"{', '.join(FUNCTIONS)}."
    )


def _brief(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _call(name: str, arguments: list[Node], where: str) -> Node:
    if name not in FUNCTIONS:
        return Lookup(name, tuple(arguments))
    expected = FUNCTIONS[name][0]
    if len(arguments) < expected or (expected == 1 and len(arguments) != 1):
        raise ExpressionError(f"{where}: {name}() takes {expected} argument(s), {len(arguments)} given.")
    result = arguments[0]
    if expected == 1:
        return Apply(name, (result,))
    for argument in arguments[1:]:
        result = Apply(name, (result, argument))
    return result


def names(node: Node) -> Iterator[str]:
    """Every name in the expression but those of tables, in order, with repeats."""
    found: list[str] = []
    _add_names(node, found)
    return iter(found)


def _add_names(node: Node, found: list[str]) -> None:
    """A list and plain tests: a compiler asks for the names of each part of each expression."""
    if isinstance(node, Name):
        found.append(node.name)
    elif isinstance(node, (Apply, Lookup)):
        for argument in node.arguments:
            _add_names(argument, found)


def tables(node: Node) -> Iterator[str]:
    """Every lookup table that the expression reads, in order, with repeats."""
    match node:
        case Lookup(table, arguments):
            yield table
            for argument in arguments:
                yield from tables(argument)
        case Apply(_, arguments):
            for argument in arguments:
                yield from tables(argument)


def looks_up(node: Node) -> bool:
    """Whether the expression reads a lookup table."""
    if isinstance(node, Apply):
        return any(map(looks_up, node.arguments))
    return isinstance(node, Lookup)


def evaluate(node: Node, values: Mapping[str, Any], where: str) -> Any:
    """Value of an expression over arrays (broadcast); comparisons give booleans.

    Raises
    ------
    ExpressionError
        If a name is unknown, or a lookup table is read where only parameters are known.
    """
    match node:
        case Lookup(table, _):
            raise ExpressionError(unknown("function", table, FUNCTIONS, where))
        case Number(value):
            return value
        case Text(text):
            return text
        case Name(name):
            if name == AGE_START and name not in values and "age" in values:
                return values["age"]  # where covariates alone are known, the age is that at time zero
            if name not in values:
                raise ExpressionError(unknown("name", name, values, where))
            return values[name]
        case Apply(function, arguments):
            inner = [evaluate(argument, values, where) for argument in arguments]
            with np.errstate(all="ignore"):  # a bad value is reported by the caller, who knows what it is for
                return _apply(function, inner)


def _apply(function: str, arguments: list[Any]) -> Any:
    if function == "not":
        return np.logical_not(arguments[0])
    arguments = [_as_number(argument) for argument in arguments]
    if function == "neg":
        return np.negative(arguments[0])
    if function == "if":
        return np.where(arguments[0], arguments[1], arguments[2])
    if function in FUNCTIONS:
        return FUNCTIONS[function][1](*arguments)
    return OPERATORS[function](*arguments)


def _as_number(value: Any) -> Any:
    """A truth value as 1 or 0, which NumPy would add up to a truth value and could not negate; others as they are."""
    is_truth = isinstance(value, bool) or np.asarray(value).dtype.kind == "b"
    return np.asarray(value, dtype=float) if is_truth else value
