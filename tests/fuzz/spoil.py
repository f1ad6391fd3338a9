"""Ways to spoil a file: in its bytes, in its lines, in the tree of a TOML file, in the cells of a table.

Each takes a generator of random numbers and gives new bytes; the same generator gives the same bytes.
"""

from __future__ import annotations

import copy
import csv
import io
import tomllib
from typing import TYPE_CHECKING, Any

from tests.kit.models import toml

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

GIVEN = """
0 1 -1 2 0.5 -0.5 1e-300 1e300 1e308 -1e308 5e-324 1e17 1e16 99999999999999999999 9223372036854775807
9223372036854775808 -9223372036854775808 inf -inf nan 0.1 1.0000001 100 200 201 1000000 1e-9 0x10 1_000 007
"""
NUMBERS = GIVEN.split()
"""Numbers at the edge of something."""
SHORT = """
x rest forever lambda eval(1) __import__('os') age time cycle strategy true 1/0 0*inf log(0) log(-1) exp(1000) 2**1000
10**400 <script>alert(1)</script> [bold] %s%n é 😀 ../../etc/passwd /etc/passwd /dev/zero 1,5 12% ١٢ TRUE NA 1e . -
sqrt(-1) $\\frac{$
"""
LONG = ("9" * 400, "(" * 300, "not " * 200 + "1", "x" * 5000)
SPACED = ("", " ", "1 if age > 60 else", "age == 'x'", "=cmd|' /C calc'!A0", "min(1, 2)", "age ** age")
CONTROLS = ("\u202egnp", "a\x00b", "a\nb", "a\x1b[31mb", "\u22121")
WORDS = (*SHORT.split(), *SPACED, *CONTROLS, *LONG)
"""Words that some program once took for something else."""


def spoil(data: bytes, name: str, rng: Random, other: bytes) -> bytes:
    """Spoil a file once.

    Parameters
    ----------
    data : bytes
        The file.
    name : str
        Its name, by whose ending the ways are chosen.
    other : bytes
        Another file, a piece of which may be put in.
    """
    ways: list[Callable[[bytes, Random], bytes]] = [_bytes, _lines]
    if name.endswith(".toml"):
        ways += [_tree, _tree, _tree, _tree, _token]
    if name.endswith(".csv"):
        ways += [_cells, _cells, _cells, _token]
    way = rng.choice(ways)
    if rng.random() < 0.03:
        return _spliced(data, other, rng)
    return way(data, rng)


# === Bytes and lines === #


def _bytes(data: bytes, rng: Random) -> bytes:
    """A few bytes flipped, cut, doubled or put in."""
    if not data:
        return bytes(rng.randrange(256) for _ in range(20))
    i, n = rng.randrange(len(data)), rng.choice((1, 1, 2, 10, 200))
    extra = rng.choice(
        (bytes(rng.randrange(256) for _ in range(n)), data[i : i + n], b"\x00", b"\xff\xfe", b"\r", b'"')
    )
    return rng.choice(
        (data[:i] + data[i + n :], data[:i] + extra + data[i:], data[:i] + extra + data[i + 1 :], data[:i])
    )


def _lines(data: bytes, rng: Random) -> bytes:
    """A line dropped, doubled, moved, or repeated many times."""
    lines = data.splitlines(keepends=True) or [b""]
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[i]
        case 1:
            lines.insert(j, lines[i])
        case 2:
            lines[i], lines[j] = lines[j], lines[i]
        case 3:
            lines[i:i] = [lines[j]] * 200
        case _:
            lines[i] = lines[i].rstrip(b"\r\n") + rng.choice((b",,,,\n", b"  # x\n", b"\r\n", b'"\n', b";\n"))
    return b"".join(lines)


def _spliced(data: bytes, other: bytes, rng: Random) -> bytes:
    i, j = rng.randrange(len(data) + 1), rng.randrange(len(other) + 1)
    return data[:i] + other[j : j + rng.choice((10, 100, 1000))] + data[i:]


def _token(data: bytes, rng: Random) -> bytes:
    """A number of the text replaced by another."""
    text = data.decode("utf-8", "replace")
    places = [i for i, letter in enumerate(text) if letter.isdigit() and not text[i - 1 : i].isalnum()]
    if not places:
        return data
    i = j = rng.choice(places)
    while j < len(text) and (text[j].isdigit() or text[j] in ".e_"):
        j += 1
    return (text[:i] + rng.choice(NUMBERS) + text[j:]).encode()


# === The tree of a TOML file === #


def _tree(data: bytes, rng: Random) -> bytes:
    """A key dropped, misspelt, doubled, moved, or given another value."""
    try:
        tree = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return _bytes(data, rng)
    places = _places(tree)
    if not places:
        return data
    holder, key = rng.choice(places)
    match rng.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[_misspelt(key, rng)] = holder.pop(key)
        case 1 | 2:
            there, where = rng.choice(places)
            holder[key] = copy.deepcopy(there[where])
        case 3 if isinstance(holder, list):
            holder += [copy.deepcopy(holder[key])] * rng.choice((1, 1, 50))
        case 3 | 4:
            holder[key] = rng.choice(([holder[key]], {"value": holder[key]}, [], {}, True, False, [[]]))
        case _:
            holder[key] = _other(holder[key], rng)
    try:
        return b"".join(f"{toml(str(key))} = {toml(value)}\n".encode() for key, value in tree.items())
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError):
        return data


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every key of every table and list, with what holds it."""
    found, waiting = [], [tree]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], (dict, list)):
                waiting.append(holder[key])
    return found


def _misspelt(key: str, rng: Random) -> str:
    i = rng.randrange(len(key) + 1)
    return rng.choice((key[:i] + key[i + 1 :], key[:i] + "x" + key[i:], key.upper(), rng.choice(WORDS)[:50]))


def _other(value: Any, rng: Random) -> Any:
    """Another value, more often of the same kind than not."""
    number = rng.choice([0, 1, -1, 0.5, 2, 1e-300, 1e300, 1e17, float("inf"), float("nan"), 200, 2**62, 1e-9, 1e6])
    word = rng.choice(WORDS)
    if isinstance(value, str):
        return rng.choice((word, word, f"{value} * {number}", f"({value}) + ({word})", number, value[:-1]))
    if isinstance(value, (int, float)):
        return rng.choice((number, -value, value * 1.1, value * 0.9, value + 1, value * 1000, value / 1000, word))
    return rng.choice((number, word))


# === The cells of a table === #


def _cells(data: bytes, rng: Random) -> bytes:
    """A cell, a row or a column changed."""
    text = data.decode("utf-8", "replace").replace("\x00", "")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error:  # too long a field, once lines have been repeated
        return _bytes(data, rng)
    if len(rows) < 2:
        return _bytes(data, rng)
    i = rng.randrange(len(rows))
    k = rng.randrange(len(rows[i]))
    match rng.randrange(9):
        case 0:
            rows = [row[:k] + row[k + 1 :] for row in rows]
        case 1:
            rows[i] = rows[i] + [""] * rng.choice((1, 3))
        case 2:
            rows += [[""] * len(rows[0])] * rng.choice((1, 20))
        case 3:
            rows.insert(rng.randrange(len(rows)), rows[i])
        case 4:
            rows = [[*row[:k], *row[k + 1 :], *row[k : k + 1]] for row in rows]
        case 5:
            rows[0] = [_misspelt(cell, rng) if c == k else cell for c, cell in enumerate(rows[0])]
        case 6:
            del rows[i]
        case _:
            rows[i][k] = rng.choice((*NUMBERS, *WORDS))
    written = io.StringIO()
    csv.writer(written, delimiter=rng.choice(",,,,,,,,,;\t")).writerows(rows)
    return rng.choice((b"",) * 9 + (b"\xef\xbb\xbf",)) + written.getvalue().encode("utf-8", "replace")
