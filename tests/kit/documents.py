"""Pages of the documentation, run as they are written: each block of code prints the block of text behind it."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from lmssim.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path


def blocks_of(page: Path) -> list[tuple[str, str]]:
    """Kind and text of every fenced block."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def files_of(page: Path, folder: Path) -> None:
    """Write the files that a page shows: blocks of kind toml or csv whose first line is `# NAME`."""
    for kind, text in blocks_of(page):
        name, _, body = text.partition("\n")
        if kind in ("toml", "csv") and name.startswith("# "):
            (folder / name.removeprefix("# ")).write_text(body, encoding="utf-8")


def typed(line: str) -> None:
    """Call the command line."""
    with pytest.raises(SystemExit) as stopped:
        main(shlex.split(line.removeprefix("$ "))[1:])
    assert stopped.value.code == 0


def printed_of(page: Path) -> list[tuple[str, str, str]]:
    """Code, what it prints and what the page says that it prints, of every block of Python or of commands."""
    found, rows = blocks_of(page), []
    made: dict[str, object] = {}
    for i, (kind, text) in enumerate(found):
        if kind not in ("python", "console"):
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if kind == "python":
                exec(compile(text, str(page), "exec"), made)  # noqa: S102 (the documentation's own code)
            else:
                typed(text.strip())
        expected = found[i + 1][1] if i + 1 < len(found) and found[i + 1][0] == "text" else ""
        lines = "\n".join(line.rstrip() for line in printed.getvalue().splitlines())
        rows.append((text, lines, expected.rstrip("\n")))
    return rows
