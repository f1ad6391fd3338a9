"""What every function of trial design refuses, in one message that names the key, the value and what is allowed."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from lmssim.errors import InputError, exact, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_LOOKS = 40
"""Analyses of a design, at most."""
CLOSEST = 1e-4
"""Least step of information, as a fraction of the whole, between two looks."""


SMALLEST, LARGEST = 1e-9, 1e9
"""Range of times, rates and numbers of patients."""
LEAST_RATIO, MOST_RATIO = 1e-3, 1e3
"""Range of hazard ratios, margins and allocations."""
LEAST_ALPHA = 1e-10


def number(key: str, value: object) -> float:
    """A finite number, or a message."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{key}: {value!r} is not a finite number.")
    return float(value)


def inside(key: str, value: object, low: float, high: float, *, what: str = "") -> float:
    """A number strictly between two limits."""
    found = number(key, value)
    if not low < found < high:
        if math.isinf(high):
            limits = f"must be above {exact(low)}"
        else:
            limits = f"must be above {exact(low)} and below {exact(high)}"
        raise InputError(f"{key}: {exact(found)} {limits}{f' ({what})' if what else ''}.")
    return found


def positive(key: str, value: object) -> float:
    """A number above 0, such as a time or a rate, of a size that can be computed."""
    return _computable(key, inside(key, value, 0.0, math.inf), SMALLEST, LARGEST)


def not_negative(key: str, value: object) -> float:
    """A number of 0 or more, of a size that can be computed."""
    found = number(key, value)
    if found < 0.0:
        raise InputError(f"{key}: {exact(found)} must not be negative.")
    return found if found == 0.0 else _computable(key, found, SMALLEST, LARGEST)


def ratio(key: str, value: object) -> float:
    """A ratio above 0, such as a hazard ratio or an allocation."""
    return _computable(key, inside(key, value, 0.0, math.inf), LEAST_RATIO, MOST_RATIO)


def type_i_error(key: str, value: object, sides: int = 1) -> float:
    """A type I error of all sides together, below 0.5 on each."""
    return _computable(key, inside(key, value, 0.0, 0.5 * sides), LEAST_ALPHA, 1.0)


def _computable(key: str, found: float, least: float, most: float) -> float:
    if not least <= found <= most:
        raise InputError(f"{key}: {exact(found)} is out of range, {least:g} to {most:g}.")
    return found


def share(key: str, value: object) -> float:
    """A probability strictly between 0 and 1."""
    return inside(key, value, 0.0, 1.0)


def numbers(key: str, values: object) -> tuple[float, ...]:
    """A sequence of finite numbers."""
    if isinstance(values, int | float) and not isinstance(values, bool):
        return (number(key, values),)
    if isinstance(values, str | bytes | bool) or not hasattr(values, "__iter__"):
        raise InputError(f"{key}: {values!r} is not a list of numbers.")
    return tuple(number(f"{key}[{i}]", _plain(value)) for i, value in enumerate(values, start=1))


def _plain(value: object) -> object:
    """A NumPy scalar as a Python number."""
    return value.item() if hasattr(value, "item") else value


def ascending(key: str, values: Sequence[float], *, from_zero: bool = False) -> tuple[float, ...]:
    """Numbers each above the one before; with `from_zero` the first is 0."""
    if from_zero and (not values or values[0] != 0.0):
        raise InputError(f"{key}: the first is {exact(values[0]) if values else 'missing'}; it must be 0.")
    for before, after in pairwise(values):
        if after <= before:
            raise InputError(f"{key}: {exact(after)} does not lie above {exact(before)}; the list must ascend.")
    return tuple(values)


def information_fractions(key: str, values: object, *, over: bool = False) -> tuple[float, ...]:
    """Information of the looks as fractions of the planned final information; with `over`, also above 1."""
    found = ascending(key, numbers(key, values))
    if not 1 <= len(found) <= MOST_LOOKS:
        raise InputError(f"{key}: {len(found)} looks; a design has 1 to {MOST_LOOKS}.")
    for value in found:
        if value <= 0.0 or (value > 1.0 and not over):
            hint = f"; {exact(value)}% is written {exact(value / 100.0)}" if 1.0 < value <= 100.0 else ""
            raise InputError(
                f"{key}: {exact(value)} is not a fraction of the final information, above 0 and at most 1{hint}."
            )
        if value > 10.0:
            raise InputError(f"{key}: {exact(value)} is more than ten times the planned information.")
    for before, after in pairwise((0.0, *found)):
        if after - before < CLOSEST:
            raise InputError(
                f"{key}: {exact(before)} and {exact(after)} lie closer than {CLOSEST:g} of the final information."
            )
    return found


def one_of(key: str, value: object, allowed: Iterable[str]) -> str:
    """A known name."""
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        raise InputError(unknown("value", str(value), names, key))
    return value
