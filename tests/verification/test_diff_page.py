"""docs/diff.md is run as it is written."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import scenarios_folder
from lmssim.cli.app import main

if TYPE_CHECKING:
    from pathlib import Path

PAGE = scenarios_folder().parent / "docs" / "diff.md"


def test_every_command_and_block_gives_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands end well, and Python prints what stands below it."""
    text = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^    lmssim (.*)$", text, re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main([*shlex.split(command), "--quiet", "--no-report"])
        assert stopped.value.code == 0, command
    ((code, expected),) = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(PAGE), "exec"), {})  # noqa: S102 (the documentation's own code)
    assert printed.getvalue() == expected
