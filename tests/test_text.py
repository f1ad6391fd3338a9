"""Text of users in each medium: nothing hidden, no formula, and read back as it was."""

from __future__ import annotations

import json
import unicodedata

import pytest

from lmssim.text import cell_text, csv_cell, json_escaped, one_line, visible

HIDDEN = "\x00\x07\x1b\x7f\x85\xad\u061c\u200b\u200f\u2028\u202e\u2066\ufeff\U000e0041"


def test_what_is_hidden_becomes_visible() -> None:
    """Every control character and mark of direction stands as its code; what is seen stays as it is."""
    seen = visible(HIDDEN)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in seen)
    assert seen.startswith(r"\x00\x07\x1b\x7f\x85\xad\u061c\u200b")
    for text in ("plain", "two\nlines\tapart", "\u4e2d\u6587 \u05d0 \U0001f600 \u00b1 $_%{}<&>", ""):
        assert visible(text) == text


def test_every_hidden_character_of_unicode_is_made_visible() -> None:
    """Tab and line end alone stay; so do signs that join letters of a script but are seen."""
    hidden = [chr(i) for i in range(0x110000) if unicodedata.category(chr(i)) in ("Cc", "Zl", "Zp", "Cs")]
    kept = [c for c in hidden if visible(c) == c]
    assert kept == ["\t", "\n"]


def test_one_line_is_one_line() -> None:
    """Words stay apart by one blank."""
    assert one_line(" a\n\tb\u2028 c ") == r"a b\u2028 c"


def test_json_reads_back_as_the_same_value() -> None:
    """Though no hidden character stands in it."""
    document = json_escaped(json.dumps({"a": HIDDEN}, ensure_ascii=False))
    assert visible(document) == document
    assert json.loads(document) == {"a": HIDDEN}


@pytest.mark.parametrize("text", ["=1+1", "+a", "-a", "@SUM(A1)", "\t=1", "-1-2", "=cmd|' /C calc'!A0", "\uff1d1"])
def test_a_spreadsheet_computes_nothing(text: str) -> None:
    """A text that would be a formula begins with an apostrophe, and reads back without it."""
    assert csv_cell(text) == f"'{text}"
    assert cell_text(csv_cell(text)) == text


@pytest.mark.parametrize("text", ["-1.5", "+2", "-1e-300", "-", "1", "", "a=b", "'quoted'", "it's"])
def test_numbers_and_other_text_stay_as_they_are(text: str) -> None:
    """A number is never protected, and an apostrophe of the user's own stays."""
    assert csv_cell(text) == text
    assert cell_text(text) == text
