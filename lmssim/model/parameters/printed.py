"""Numbers that a label prints, and how exactly: "34%" is 0.34 give or take half a hundredth.

A number with a unit is read with and without it: "8 months" is 8, or 8/12 of a year. A number that is part of a name
("LMS-04") is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPELT = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
"""Numbers from 2 in words; "one" is seldom a number."""
UNITS = {"%": 1.0 / 100.0, "month": 1.0 / 12.0, "year": 1.0, "week": 7.0 / 365.25, "day": 1.0 / 365.25}
"""Size of each unit: of a percentage in shares, of a time in years."""
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_FOUND = re.compile(
    rf"(?<![\w.])(?<![A-Za-z]-)(?P<number>{_NUMBER}|(?i:{'|'.join(SPELT)}))(?![\w])"
    rf"(?=(?:\s+(?:and|to|v)\s+{_NUMBER})*\s*(?P<unit>%|months?\b|years?\b|weeks?\b|days?\b))?"
)
"""A number, and the unit after it or after the list or range that it begins."""
ROUNDING = 1e-6
"""Share of half a unit of the last digit by which a number may lie beyond it."""


@dataclass(frozen=True)
class Printed:
    """A number of a label.

    Attributes
    ----------
    text : str
        As it is printed, without its unit.
    readings : tuple of (float, float)
        What it may be, each with half a unit of its last digit.
    """

    text: str
    readings: tuple[tuple[float, float], ...]

    def of(self, value: float) -> tuple[float, float] | None:
        """The reading to which a value rounds, with its half unit; None if to neither."""
        found = [each for each in self.readings if abs(each[0] - value) <= each[1] * (1.0 + ROUNDING)]
        return min(found, key=lambda each: each[1], default=None)


def printed_numbers(label: str, words: Iterable[str] = ()) -> list[Printed]:
    """Numbers of a label, but for those in some of its words."""
    for each in sorted(words, key=len, reverse=True):
        label = label.replace(each, " ; ")
    return [
        Printed(found["number"], tuple(_readings(found["number"], found["unit"]))) for found in _FOUND.finditer(label)
    ]


def _readings(number: str, unit: str | None) -> Iterator[tuple[float, float]]:
    if number.lower() in SPELT:
        value, half = float(SPELT.index(number.lower()) + 2), 0.5
    else:
        value, half = float(number.replace(",", "")), 0.5 / 10 ** len(number.partition(".")[2])
    yield value, half
    if unit is not None:
        size = UNITS[unit.removesuffix("s")]
        yield value * size, half * size
