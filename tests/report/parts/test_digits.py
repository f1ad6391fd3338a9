"""Numbers as text: the law of the standard error's first digit."""

from __future__ import annotations

import math

import pytest

from lmssim.report.parts.digits import NOT_REACHED, decimals, listed, percent, plain, rounded, with_error


@pytest.mark.parametrize(
    ("mean", "se", "text"),
    [
        (5.5581, 0.0241, "5.56 ± 0.02"),
        (4.1812, 0.0186, "4.181 ± 0.019"),
        (10864.8, 55.9, "10,860 ± 60"),
        (117200.0, 961.0, "117,200 ± 1,000"),
        (307.6, 15.7, "308 ± 16"),
        (0.7, 0.0048, "0.700 ± 0.005"),
        (3.0, 60.0, "0 ± 60"),
        (-0.3, 4.0, "0 ± 4"),
        (-1234.0, 20.0, "-1,230 ± 20"),
        (0.5, 0.096, "0.50 ± 0.10"),
        (1.0, 0.1, "1.00 ± 0.10"),
    ],
)
def test_digits_follow_the_standard_error(mean: float, se: float, text: str) -> None:
    """The error has one digit, or two if the first is 1, and the mean stops where the error does."""
    assert with_error(mean, se) == text
    assert rounded(mean, se) == text.split(" ± ", maxsplit=1)[0]


@pytest.mark.parametrize("se", [0.001, 0.002, 0.0123, 0.9, 1.0, 1.9, 2.0, 9.99, 10.0, 345.0])
def test_what_rounding_changes_is_below_the_error(se: float) -> None:
    """Half a unit of the last place is at most half the error."""
    assert 0.5 * 10.0 ** -decimals(se) <= 0.5 * se * (1 + 1e-9)


def test_brackets() -> None:
    """The error in brackets."""
    assert with_error(5.5581, 0.0241, brackets=True) == "5.56 (0.02)"


def test_no_error_gives_plain_digits() -> None:
    """An error of 0 or NaN leaves at most four significant digits, and no error is printed."""
    assert with_error(1.0, 0.0) == "1"
    assert with_error(0.123456, math.nan) == "0.1235"
    assert plain(12345.6) == "12,346"
    assert plain(0.0) == "0"
    assert plain(-2.50) == "-2.5"


def test_missing_values_have_words() -> None:
    """NaN is a dash, or the words given."""
    assert with_error(math.nan, 0.1) == "-"
    assert with_error(math.nan, math.nan, NOT_REACHED) == "not reached"
    assert plain(math.inf) == "-"


def test_percent() -> None:
    """Shares and their errors are multiplied by 100."""
    assert percent(0.55, 0.0035) == "55.0 ± 0.4"


def test_listed() -> None:
    """Words as in a sentence."""
    assert [listed(w) for w in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert listed(["care, plain", "b", "c"]) == "care, plain; b; and c"
