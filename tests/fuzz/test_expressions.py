"""Expressions made up by Hypothesis: what is allowed has the value that plain arithmetic gives, all else is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lmssim.errors import ExpressionError
from lmssim.model.language import expression

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = {"x": 0.5, "y": -2.0, "size_cm": 7.25}
Pair = tuple[str, float]
"""An expression, and its value by plain arithmetic."""
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: (f"({x!r})", x))
NAMES = st.sampled_from(sorted(VALUES)).map(lambda name: (name, VALUES[name]))
BINARY: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "<": lambda a, b: float(a < b),
    ">=": lambda a, b: float(a >= b),
    "and": lambda a, b: float(bool(a) and bool(b)),
    "or": lambda a, b: float(bool(a) or bool(b)),
}


def _grown(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    """Expressions made of smaller ones."""
    two = st.tuples(st.sampled_from(sorted(BINARY)), inner, inner)
    return st.one_of(
        two.map(lambda t: (f"({t[1][0]} {t[0]} {t[2][0]})", BINARY[t[0]](t[1][1], t[2][1]))),
        inner.map(lambda a: (f"(-{a[0]})", -a[1])),
        inner.map(lambda a: (f"(not {a[0]})", float(not a[1]))),
        inner.map(lambda a: (f"abs({a[0]})", abs(a[1]))),
        inner.map(lambda a: (f"floor({a[0]})", float(np.floor(a[1])))),
        st.tuples(inner, inner).map(lambda t: (f"max({t[0][0]}, {t[1][0]})", max(t[0][1], t[1][1]))),
        st.tuples(inner, inner, inner).map(
            lambda t: (f"({t[0][0]} if {t[1][0]} else {t[2][0]})", t[0][1] if t[1][1] else t[2][1])
        ),
    )


ALLOWED = st.recursive(st.one_of(NUMBERS, NAMES), _grown, max_leaves=12)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ALLOWED)
def test_an_allowed_expression_has_the_value_of_plain_arithmetic(pair: Pair) -> None:
    """The evaluator gives what a reader of the text would compute."""
    text, right = pair
    if len(text) > expression.MAX_LENGTH or not math.isfinite(right):
        return
    value = float(expression.evaluate(expression.parse(text, "here"), VALUES, "here"))
    assert value == right


def refusal(act: Callable[[], object]) -> str:
    """What an expression is refused with; nothing if it is taken."""
    try:
        act()
    except ExpressionError as error:
        return str(error)
    return ""


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(st.text(max_size=80), st.text(alphabet="xy1(). +-*/<>=,'\"[]{}:@ifelsornatd_\n\\", max_size=60)))
def test_any_text_is_an_expression_or_refused_by_a_message(text: str) -> None:
    """Whatever stands where an expression should, nothing but an ExpressionError comes of it."""
    message = refusal(lambda: expression.evaluate(expression.parse(text, "here"), VALUES, "here"))
    assert message == "" or message.startswith("here: ")
    assert len(message) < 600


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(), st.sampled_from(["{}", "x + {}", "-{}", "x ** {}", "min(x, {})", "{}.5", "{}e{}"]))
def test_integers_of_any_size_stand_in_expressions(number: int, form: str) -> None:
    """A number that no float holds is refused, not a crash."""
    text = form.replace("{}", str(number * 10 ** (number % 400)))
    message = refusal(lambda: expression.parse(text, "here"))
    assert message == "" or message.startswith("here: ")
