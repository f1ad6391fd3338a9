"""Axes along which inputs vary: what varies, and the levels that it takes.

An axis is written as `NAME=LO:HI:N` (N numbers from LO to HI, evenly spaced; with `:log` at the end, evenly in their
logarithms), as `NAME=A,B,C` (its levels), or, for a design that samples, as `NAME=LO:HI`. Several names joined by `+`
take the same level together. ` if OTHER=LEVEL` at the end makes an axis one that varies only where another has a level;
elsewhere its names stand as they are without it.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmssim.errors import InputError, exact

Level = float | str | bool | list[Any] | dict[str, Any]
"""A value that an axis takes: a number, a text, or what a field of a scenario file holds."""
MOST_LEVELS = 100_000
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
CONDITION = re.compile(r"(.*\S)\s+if\s+([^\s=<>!]+)\s*=\s*([^=]+)", re.DOTALL)
RANGE, LOG = "LO:HI:N", "log"
FORMS = f"give levels as {RANGE}, {RANGE}:{LOG} or A,B,C"


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds, for a design that samples."""

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        """The number at a share of the way from the lower bound to the upper one."""
        if not self.log:
            return self.low + share * (self.high - self.low)
        return math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))


@dataclass(frozen=True)
class Condition:
    """Where a dependent axis varies."""

    axis: str
    levels: tuple[Any, ...]


@dataclass(frozen=True)
class Axis:
    """What varies.

    Attributes
    ----------
    label : str
        Its name in tables: as it was written.
    levels : list
        Its levels, in order; of a range in steps, those steps.
    within : Range, optional
        Of numbers between bounds, the bounds.
    condition : Condition, optional
        Where it varies; everywhere if absent.
    title : str
        What it is, for figures; the scenario's own words if blank.
    """

    label: str
    levels: list[Level]
    within: Range | None = None
    condition: Condition | None = None
    title: str = ""

    @property
    def names(self) -> list[str]:
        """Names of what takes its level."""
        return [name.strip() for name in self.label.split("+")]

    @property
    def is_numeric(self) -> bool:
        """Whether all its levels are numbers."""
        return all(isinstance(level, (int, float)) and not isinstance(level, bool) for level in self.levels)

    def document(self) -> dict[str, Any]:
        """As JSON holds it."""
        condition = self.condition and {self.condition.axis: list(self.condition.levels)}
        return {"name": self.label, "levels": self.levels, "only_where": condition, "numeric": self.is_numeric}


def axis_of(text: str, where: str = "--vary") -> Axis:
    """Axis that `NAME=LEVELS` gives.

    Raises
    ------
    InputError
        If it is written otherwise; the message says how.
    """
    name, separator, levels = (part.strip() for part in text.partition("="))
    if not separator or not name or not levels:
        raise InputError(f"{where} {text}: is not NAME=LEVELS; {FORMS}.")
    condition = None
    if (found := CONDITION.fullmatch(levels)) is not None:
        levels, condition = found[1], Condition(found[2], tuple(_levels(found[3].strip(), f"{where} {text}")))
    return _axis(name, levels, condition, f"{where} {text}")


def axis_from(name: str, levels: Any, only_where: Any, where: str, *, repeated: bool = False) -> Axis:
    """Axis of a file.

    Parameters
    ----------
    levels : list or str
        Levels, or text such as `LO:HI:N`.
    only_where : mapping, optional
        Another axis, and the level or levels of it where this one varies.
    repeated : bool
        Whether a level may stand more than once, as in the cells of a list.
    """
    condition = None
    if only_where is not None:
        if not isinstance(only_where, Mapping) or len(only_where) != 1:
            raise InputError(f"{where}.only_where: is not a table of one other axis and its level, or list of levels.")
        other, wanted = next(iter(only_where.items()))
        condition = Condition(
            other, tuple(_plain(level) for level in (wanted if isinstance(wanted, list) else [wanted]))
        )
    if isinstance(levels, str):
        return _axis(name, levels, condition, where)
    if not isinstance(levels, Sequence) or not levels:
        raise InputError(f"{where}: {levels!r} is not a list of levels; {FORMS}.")
    axis = Axis(name, [_plain(level) for level in levels], None, condition)
    return _checked(axis, where, repeated=repeated)


def _axis(name: str, levels: str, condition: Condition | None, where: str) -> Axis:
    within = _range(levels, where)
    if within is None:
        return _checked(Axis(name, _levels(levels, where), None, condition), where)
    bounds, n = within
    steps: list[Level] = [float(x) for x in _steps(bounds, n)] if n else []
    return _checked(Axis(name, steps, bounds, condition), where)


def _range(text: str, where: str) -> tuple[Range, int] | None:
    """Bounds of a range, and the number of its steps, 0 if none is given; None if the text is none."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) < 2 or not all(NUMBER.fullmatch(part) for part in parts[:2]):
        return None
    log = parts[-1] == LOG
    counts = parts[2 : len(parts) - log]
    low, high = float(parts[0]), float(parts[1])
    if len(counts) > 1 or not all(re.fullmatch("[0-9]{1,9}", count) for count in counts):
        raise InputError(f"{where}: '{text}' is not {RANGE}, with a whole number N.")
    n = int(counts[0]) if counts else 0
    if counts and not 1 < n <= MOST_LEVELS:
        raise InputError(f"{where}: N is {n}; it must be from 2 to {MOST_LEVELS:,}.")
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"{where}: {exact(low)} is not below {exact(high)}.")
    if log and low <= 0.0:
        raise InputError(f"{where}: {exact(low)} is not above 0, so that it has no logarithm.")
    return Range(low, high, log), n


def _steps(within: Range, n: int) -> list[float]:
    """So many numbers, evenly spaced, rounded to 12 digits so that they are those that a person would write."""
    if within.log:
        steps = [float(f"{step:.12g}") for step in np.geomspace(within.low, within.high, n)]
    else:
        digits = 12 - math.floor(math.log10(max(abs(within.low), abs(within.high))))
        steps = [round(step, digits) + 0.0 for step in np.linspace(within.low, within.high, n).tolist()]
    return [within.low, *steps[1:-1], within.high]


def _levels(text: str, where: str) -> list[Level]:
    """Levels between commas, but for commas within brackets and quotes."""
    parts = split_outside_brackets(text)
    if any(not part.strip() for part in parts):
        raise InputError(f"{where}: a level is missing; {FORMS}.")
    return [level_of(part.strip()) for part in parts]


def split_outside_brackets(text: str) -> list[str]:
    """Parts of a text between commas, but for commas within brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for i, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{(":
            depth += 1
        elif letter in "]})":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def level_of(text: str) -> Level:
    """Level that a text is: a number, true or false, a list, table or quoted text of TOML, else the text itself."""
    if NUMBER.fullmatch(text):
        return float(text)
    if text in ("true", "false"):
        return text == "true"
    if text[:1] in "[{\"'":
        try:
            return _plain(tomllib.loads(f"x = {text}")["x"])
        except (tomllib.TOMLDecodeError, RecursionError, KeyError, ValueError):
            return text
    return text


def _plain(level: Any) -> Level:
    """A value of TOML as a level; whole numbers are numbers like others."""
    if isinstance(level, int) and not isinstance(level, bool):
        return float(level)
    if isinstance(level, (float, str, bool, list, dict)):
        return level
    return str(level)


def _checked(axis: Axis, where: str, *, repeated: bool = False) -> Axis:
    if not all(axis.names):
        raise InputError(f"{where}: a name is missing.")
    if len(axis.levels) > MOST_LEVELS:
        raise InputError(f"{where}: {len(axis.levels):,} levels; at most {MOST_LEVELS:,} are allowed.")
    seen = set()
    for level in axis.levels:
        if isinstance(level, float) and not math.isfinite(level):
            raise InputError(f"{where}: {level} is not a finite number.")
        if (text := shown(level)) in seen and not repeated:
            raise InputError(f"{where}: the level {text} stands twice.")
        seen.add(text)
    return axis


def shown(level: Level | None) -> str:
    """A level as text; blank where its axis does not vary."""
    if level is None:
        return ""
    if isinstance(level, float) and not isinstance(level, bool):
        return repr(int(level)) if level.is_integer() and abs(level) < 1e15 else repr(level)
    if isinstance(level, str):
        return level
    return json.dumps(level, sort_keys=True)
