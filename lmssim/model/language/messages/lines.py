"""Lines of keys in TOML text, as near as headers and keys at the start of a line tell: what is inline is not sought."""

from __future__ import annotations

import re

HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
WORD = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def line_of(text: str, key: list[str | int]) -> int:
    """Line, from 1, of the header or key that says most of a key; 0 if none says any of it.

    Parameters
    ----------
    key : list of str or int
        Names, and positions in lists of tables, from 0.
    """
    best, best_line = 0, 0
    table: list[str | int] = []
    counts: dict[tuple[str | int, ...], int] = {}
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        was_inside, inside = inside, inside ^ (line.count('"""') % 2 == 1) ^ (line.count("'''") % 2 == 1)
        if was_inside:
            continue
        path = table
        if header := HEADER.match(line):
            path = table = _table(header[2], header[1] == "[[", counts)
        elif stated := KEY.match(line):
            path = [*table, *_words(stated[1])]
        else:
            continue
        if len(path) > best and path == key[: len(path)]:
            best, best_line = len(path), number
    return best_line


def _table(name: str, is_list: bool, counts: dict[tuple[str | int, ...], int]) -> list[str | int]:
    """Path of a header, with the position of each list of tables that it stands in."""
    path: list[str | int] = []
    words = _words(name)
    for i, word in enumerate(words):
        path.append(word)
        place = tuple(path)
        if is_list and i == len(words) - 1:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            path.append(counts[place])
    return path


def _words(text: str) -> list[str]:
    return [word.strip("\"'") for word in WORD.findall(text)]
