"""Expressions: numbers that are finite, words that are taken, and nothing on the terminal but the message."""

from __future__ import annotations

import pytest

from lmssim.errors import ExpressionError
from lmssim.model.language.expression import parse


@pytest.mark.parametrize("text", ["1" + "0" * 400, "1e999", "-1e999", 10**400])
def test_a_number_that_is_not_finite_is_refused(text: str | int) -> None:
    """However it is written."""
    with pytest.raises(ExpressionError, match=r"here: .*not a finite number"):
        parse(text, "here")


@pytest.mark.parametrize("word", ["lambda", "class", "in", "is"])
def test_a_reserved_word_is_named(word: str) -> None:
    """A parameter cannot bear the name of a word of the grammar."""
    with pytest.raises(ExpressionError, match=f"'{word}' is a reserved word"):
        parse(f"2 * {word}", "here")


@pytest.mark.filterwarnings("error")
def test_doubtful_text_warns_nobody() -> None:
    """Python's warning about `1is 2` is none of the user's."""
    with pytest.raises(ExpressionError, match="not allowed"):
        parse("1is 2", "here")
