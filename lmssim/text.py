"""Text of users is text in every medium: it hides nothing, commands no terminal and is no formula of a spreadsheet.

`visible` is for all media; pages escape markup besides (`report.parts.page`), figures read no mathematics
(`report.parts.style`), and the terminal reads no markup (`cli.terminal`).
"""

from __future__ import annotations

import codecs
import re

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tab and line end
    "\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # of no width, or the direction of writing
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"  # of no meaning by themselves
)
_FORMULA = re.compile("[=+@\t\r\n\uff1d\uff0b\uff0d\uff20-]")
_PROTECTED = re.compile(f"'(?={_FORMULA.pattern})")
_ENDS = 120
_LONG = re.compile(rf"\S{{{3 * _ENDS},}}")
_PLAIN = str.maketrans(
    dict(
        zip(
            "\u2018\u2019\u201c\u201d\u2013\u2014\u2212\u2500\u2501\u00d7\u2022\u2020\u2588\u00b2",
            "''\"\"-----x*+#2",
            strict=True,
        )
    )
    | {"\u00b1": "+/-", "\u2026": "...", "\u2264": "<=", "\u2265": ">=", "\u2192": "->", "\u00a3": "GBP "}
)
"""Quotes, dashes, lines and signs that lmssim itself prints, in ASCII."""
ERRORS = "lmssim.plain"
"""Name under which `plain_bytes` is known to codecs."""


def visible(text: str) -> str:
    r"""Text in which every character that is not seen stands as its code, such as `\x1b` or `\u202e`.

    Parameters
    ----------
    text : str
        Any text; its line ends and tabs stay.

    Returns
    -------
    str
        Text without control characters, without characters of no width and without marks of direction.
    """
    return _HIDDEN.sub(lambda found: _code(found[0]), text)


def one_line(text: str) -> str:
    """Visible text on one line, its words a blank apart."""
    return " ".join(visible(text).split())


def shortened(text: str) -> str:
    """Text in which no word is longer than a line or two can hold: of a long one, both ends stand.

    Parameters
    ----------
    text : str
        Any text, such as a message that quotes what a user wrote.
    """
    return _LONG.sub(lambda found: f"{found[0][:_ENDS]}...{found[0][-_ENDS:]}", text)


def json_escaped(document: str) -> str:
    r"""A JSON document in which hidden characters stand as `\uXXXX`, which reads back as the same value."""
    return _HIDDEN.sub(_json_code, document)


def csv_cell(text: str) -> str:
    """Visible text for a cell of CSV: what a spreadsheet would compute begins with an apostrophe; numbers never do."""
    text = visible(text)
    return f"'{text}" if _FORMULA.match(text) and text != "-" and not _is_number(text) else text


def cell_text(cell: str) -> str:
    """Text of a cell that `csv_cell` may have written."""
    return _PROTECTED.sub("", cell, count=1) if _PROTECTED.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _code(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_code(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[i : i + 2]):04x}" for i in range(0, len(units), 2))


def plain_bytes(error: UnicodeError) -> tuple[str, int]:
    """What a terminal that lacks a character shows instead: its nearest in ASCII, else its code."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_nearest(character) for character in lacking), error.end


def _nearest(character: str) -> str:
    plain = character.translate(_PLAIN)
    return plain if plain.isascii() else _code(character)


codecs.register_error(ERRORS, plain_bytes)
