"""The terminal: any text, on any encoding, for a reader who may have gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from rich.table import Table
from rich.text import Text

from lmssim.cli.terminal import console, say

SAY = """
from lmssim.cli import app, schema
from lmssim.cli.terminal import console
def text():
    console().print("5.6 \\u00b1 0.1 \\u4e2d\\U0001f600 \\x1b[31m")
    return "x" * int(__import__("os").environ.get("LENGTH", 1))
schema.schema_text = text
app.main(["schema"])
"""


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run lmssim in a shell; `LMSSIM` stands for a command that prints what few terminals have."""
    line = command.replace("LMSSIM", f"'{sys.executable}' -c \"$SAY\"")
    known = {**os.environ, "SAY": SAY, **environment}
    return subprocess.run(["bash", "-c", line], capture_output=True, check=False, env=known, encoding="latin-1")


def test_text_is_neither_markup_nor_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    """In strings, tables, headings and captions."""
    nasty = "[bold]\x1b[31m:smile:\u202e"
    table = Table(nasty, title=nasty, caption=nasty)
    table.add_row(nasty)
    table.add_row(Text(nasty))
    console().print(nasty, table)
    say(nasty)
    printed = capsys.readouterr().out
    assert printed.count(r"[bold]\x1b[31m:smile:\u202e") == 7
    assert "\x1b" not in printed


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", r"5.6 +/- 0.1 \u4e2d\U0001f600"), ("latin-1", "5.6 \u00b1 0.1 \\u4e2d\\U0001f600")],
)
def test_every_encoding_takes_the_output(encoding: str, shown: str) -> None:
    """What it lacks is shown by what is nearest, and hidden characters as ever."""
    done = shell("LMSSIM", PYTHONIOENCODING=encoding, LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == shown + " \\x1b[31m\nx"


def test_a_stdout_that_is_closed_or_full_is_no_traceback() -> None:
    """It goes nowhere, or one line says so; a reader may stop early, and nobody need read stderr."""
    closed = shell("LMSSIM >&-")
    assert (closed.returncode, closed.stderr) == (0, "")
    full = shell("LMSSIM >/dev/full")
    assert (full.returncode, full.stderr) == (2, "lmssim: error: output: No space left on device.\n")
    stopped = shell("LMSSIM 2>&1 | head -c 1", LENGTH="100000")
    assert stopped.stdout == "5"
