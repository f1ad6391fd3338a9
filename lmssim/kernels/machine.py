"""A stack machine for rules and expressions that depend on the patient or on time.

Their code is made by `lmssim.model.program.names`; whatever depends on parameters alone has been folded into the
numbers.
"""

from __future__ import annotations

import math

import numpy as np

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import borrow, inline, inner, jit, keep_apart

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    H_AGE_COLUMN, H_AXIS, H_CODE, H_W_CLOCK_COUNT, H_W_MEMO, H_WF_CLOCK, H_WF_LAG, H_WF_MEMO, H_WF_STACK, P_CLASS,
    P_FIRST, P_FIRST_BIT, P_LAST, P_LAST_BIT, P_MEMO, P_STAMP, P_WIDTH, STACK_SIZE, W_BAD, X_EXACT, X_FIRST, X_N,
    X_WIDTH,
)
# isort: on

(
    NUMBER, COLUMN, BIT, AGE, TIME, SINCE, STRATEGY,
    ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER,
    LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL,
    AND, OR, NOT, NEGATE, SELECT, EXP, LOG, SQRT, ABS, FLOOR, MINIMUM, MAXIMUM, CHECK,
    FIND, FETCH, LEVEL,
) = range(34)
OF_MOMENT = (AGE, TIME, SINCE)
"""Instructions whose result changes with time."""
MEMO_BITS = 6
"""Most attribute bits of a program whose values are kept."""
MEMO_LENGTH = 6
"""Fewest instructions of a program that is worth keeping for a single patient."""


KIND_NUMBER, KIND_PROBABILITY, KIND_UTILITY, KIND_LOSS, KIND_POSITIVE = range(5)
"""What the value of a program may be: checked by its last instruction, whose argument is kind + 8 x program."""
CHECK_KIND = 7
LARGEST = 1e15
"""Largest cost, time, multiplier or amount: sums of squares over all patients stay finite."""
KIND_CYCLE, KIND_LOOKUP = 6, 7
"""What else may be wrong: probabilities of a cycle (x transition), a value outside a table (x axis)."""


@inline
def binary(op: int, x: float, y: float) -> float:
    """An operation of two values."""
    if op == ADD:
        return x + y
    if op == SUBTRACT:
        return x - y
    if op == MULTIPLY:
        return x * y
    if op == DIVIDE:
        return x / y
    if op == POWER:
        return x**y
    if op == MINIMUM:
        return min(x, y)
    if op == MAXIMUM:
        return max(x, y)
    return _compare(op, x, y)


@inner
def _compare(op: int, x: float, y: float) -> float:
    if op == LESS:
        return 1.0 if x < y else 0.0
    if op == LESS_EQUAL:
        return 1.0 if x <= y else 0.0
    if op == GREATER:
        return 1.0 if x > y else 0.0
    if op == GREATER_EQUAL:
        return 1.0 if x >= y else 0.0
    if op == EQUAL:
        return 1.0 if x == y else 0.0
    if op == NOT_EQUAL:
        return 1.0 if x != y else 0.0
    if op == AND:
        return 1.0 if x != 0.0 and y != 0.0 else 0.0
    return 1.0 if x != 0.0 or y != 0.0 else 0.0


@inline
def unary(op: int, x: float) -> float:
    """An operation of one value."""
    if op == NOT:
        return 1.0 if x == 0.0 else 0.0
    if op == NEGATE:
        return -x
    if op == EXP:
        return math.exp(x)
    if op == LOG:
        return math.log(x) if x > 0.0 else (-math.inf if x == 0.0 else math.nan)
    if op == SQRT:
        return math.sqrt(x) if x >= 0.0 else math.nan
    if op == ABS:
        return abs(x)
    return np.floor(x)


@borrow
def run_code(
    m: IntArray, wi: IntArray, wf: FloatArray, program: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int,
) -> float:
    """Value of a program for one patient at one time.

    What does not read the time has few values for a patient, and what reads attributes only has few for everybody: they
    are kept until the patient, or the numbers, change, and are shared by strategies under which they are the same.
    """
    keep_apart()
    p = m[H_CODE] + program * P_WIDTH
    memo, epoch = m[p + P_MEMO], wi[m[p + P_STAMP]]
    if memo < 0 or epoch == 0:
        return _interpret(m, wi, wf, m[p + P_FIRST], m[p + P_LAST], v, x, attributes, time, strategy)
    i = m[m[p + P_CLASS] + strategy]
    for k in range(m[p + P_FIRST_BIT], m[p + P_LAST_BIT]):
        i = 2 * i + (1 if (attributes & m[k]) != 0 else 0)
    stamp, value = m[H_W_MEMO] + memo + i, m[H_WF_MEMO] + memo + i
    if wi[stamp] != epoch:
        wi[stamp] = epoch
        wf[value] = _interpret(m, wi, wf, m[p + P_FIRST], m[p + P_LAST], v, x, attributes, time, strategy)
    return wf[value]


@jit
def _interpret(
    m: IntArray, wi: IntArray, wf: FloatArray, first: int, last: int, v: FloatArray, x: FloatArray, attributes: int,
    time: float, strategy: int,
) -> float:
    """Run the instructions from `first` to `last`."""
    keep_apart()
    stack = m[H_WF_STACK]
    top = stack - 1
    for i in range(first, last, 2):
        code, argument = m[i], m[i + 1]
        if code == NUMBER:
            top += 1
            wf[top] = v[argument]
        elif code == COLUMN:
            top += 1
            wf[top] = x[argument]
        elif code == BIT:
            top += 1
            wf[top] = 1.0 if (attributes & argument) != 0 else 0.0
        elif code <= STRATEGY:
            top += 1
            wf[top] = _moment(m, wi, wf, code, argument, x, time, strategy)
        elif code == SELECT:
            top -= 2
            wf[top] = wf[top + 1] if wf[top] != 0.0 else wf[top + 2]
        elif code == CHECK:
            if not _within(argument & CHECK_KIND, wf[top]):
                note_bad(m, wi, wf, argument, wf[top])
        elif code == FIND:
            wf[top] = _find(m, wi, wf, argument, v, wf[top])
        elif code == FETCH:
            wf[top] = v[argument + int(wf[top])]
        elif code == LEVEL:
            top += 1
            wf[top] = _level(attributes, argument)
        elif code == NOT or code == NEGATE or (EXP <= code <= FLOOR):
            wf[top] = unary(code, wf[top])
        else:
            top -= 1
            wf[top] = binary(code, wf[top], wf[top + 1])
    return wf[stack]


@inner
def note_bad(m: IntArray, wi: IntArray, wf: FloatArray, argument: int, value: float) -> None:
    """Note an impossible value and what it is, a kind + 8 x its number; the first stays."""
    if wi[W_BAD] == 0:
        wi[W_BAD] = 1 + argument
        wf[m[H_WF_STACK] + STACK_SIZE - 1] = value


@borrow
def _find(m: IntArray, wi: IntArray, wf: FloatArray, axis: int, v: FloatArray, value: float) -> float:
    """Position of a value along a key of a table: its band, the last one held, or the code that it equals."""
    keep_apart()
    a = m[H_AXIS] + axis * X_WIDTH
    first, low, high = m[a + X_FIRST], 0, m[a + X_N]
    while low < high:  # the first that stands above the value
        middle = (low + high) // 2
        if v[first + middle] <= value:
            low = middle + 1
        else:
            high = middle
    if low == 0 or (m[a + X_EXACT] != 0 and v[first + low - 1] != value):
        note_bad(m, wi, wf, KIND_LOOKUP + (CHECK_KIND + 1) * axis, value)
        return 0.0
    return float(low - 1)


@inner
def _level(attributes: int, mask: int) -> float:
    """Which of the neighbouring bits of an attribute is set, counted from 0; -1 if none is."""
    bit, level = mask & -mask, 0
    while (mask & bit) != 0:
        if (attributes & bit) != 0:
            return float(level)
        bit, level = bit << 1, level + 1
    return -1.0


@inner
def _within(kind: int, value: float) -> bool:
    """Whether a value is finite and within the bounds of its kind."""
    if kind == KIND_NUMBER:
        return math.isfinite(value)
    if kind == KIND_PROBABILITY:
        return 0.0 <= value <= 1.0
    if kind == KIND_UTILITY:
        return -1.0 <= value <= 1.0
    if kind == KIND_LOSS:
        return 0.0 <= value <= 2.0
    return 0.0 <= value <= LARGEST


@inner
def _moment(
    m: IntArray, wi: IntArray, wf: FloatArray, code: int, argument: int, x: FloatArray, time: float, strategy: int
) -> float:
    if code == AGE:
        return x[m[H_AGE_COLUMN]] + time
    if code == TIME:
        return time
    if code == SINCE:
        started = wi[m[H_W_CLOCK_COUNT] + argument] > 0
        return time + wf[m[H_WF_LAG]] - wf[m[H_WF_CLOCK] + argument] if started else math.nan
    return 1.0 if strategy == argument else 0.0


@inner
def value_at(
    m: IntArray, wi: IntArray, wf: FloatArray, ref: int, v: FloatArray, x: FloatArray, attributes: int, time: float,
    strategy: int,
) -> float:
    """Value of a ref: a number, or the result of its program."""
    if ref >= 0:
        return v[ref]
    return run_code(m, wi, wf, -1 - ref, v, x, attributes, time, strategy)


@inner
def holds(
    m: IntArray, wi: IntArray, wf: FloatArray, rule: int, v: FloatArray, x: FloatArray, attributes: int, time: float,
    strategy: int,
) -> bool:
    """Whether a rule holds; rule -1 always does."""
    return rule < 0 or run_code(m, wi, wf, rule, v, x, attributes, time, strategy) != 0.0
