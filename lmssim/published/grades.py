"""Grades of complications, from 1 to 5, as papers and the vocabulary write them: `3`, `3-4`, `>=2`, `2+`.

Grade 5 is death, which papers often count apart: a range that ends at 4 and one that ends at 5 are the same here.
"""

from __future__ import annotations

import re

LOWEST, HIGHEST = 1, 5
_RANGE = re.compile(r"([1-5])\s*[-\u2013]\s*([1-5])")
_FROM = re.compile(r"(?:>=|\u2265)\s*([1-5])|([1-5])\s*\+")
_ONE = re.compile(r"[1-5]")

Grades = tuple[int, int]
"""Lowest and highest grade."""


def grades_of(text: str) -> Grades | None:
    """Grades that a text means; None if it means none."""
    text = text.strip()
    if found := _RANGE.fullmatch(text):
        low, high = int(found[1]), int(found[2])
        return (low, high) if low <= high else None
    if found := _FROM.fullmatch(text):
        return int(found[1] or found[2]), HIGHEST
    return (int(text), int(text)) if _ONE.fullmatch(text) else None


def same_grades(a: Grades, b: Grades) -> bool:
    """Whether two ranges count the same complications, deaths apart."""
    return a[0] == b[0] and min(a[1], HIGHEST - 1) == min(b[1], HIGHEST - 1)
