"""Grades of complications as papers write them."""

from __future__ import annotations

import pytest

from lmssim.published.grades import Grades, grades_of, same_grades


@pytest.mark.parametrize(
    ("text", "grades"),
    [("3", (3, 3)), ("3-4", (3, 4)), (">=2", (2, 5)), ("\u2265 2", (2, 5)), ("3+", (3, 5)), ("2\u20134", (2, 4))]
    + [(text, None) for text in ("", "0", "6", "4-3", "high", "3-", ">2", "2.5", "10")],
)
def test_grades_as_papers_write_them(text: str, grades: Grades | None) -> None:
    """One, a range, or from one on; anything else is none."""
    assert grades_of(text) == grades


@pytest.mark.parametrize(
    ("a", "b", "same"), [(">=3", "3-4", True), ("3-5", "3+", True), ("3", ">=3", False), ("2-4", "3-4", False)]
)
def test_a_range_is_open_from_grade_4_on(a: str, b: str, same: bool) -> None:
    """Deaths, which are grade 5, are counted apart by many papers."""
    first, second = grades_of(a), grades_of(b)
    assert first is not None
    assert second is not None
    assert same_grades(first, second) is same
    assert same_grades(second, first) is same
