"""docs/trial_design.md is run as it is written, and lists every key of a design file."""

from __future__ import annotations

import contextlib
import io
import re
import shlex

import pytest

from lmssim.bundled import scenarios_folder
from lmssim.cli.app import main
from lmssim.trials.planning.keys import SECTIONS, STRATUM
from lmssim.trials.planning.plan import plan_of

PAGE = scenarios_folder().parent / "docs" / "trial_design.md"


def blocks() -> list[tuple[str, str]]:
    """Kind and text of every block of code or output."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def typed(line: str) -> None:
    """Call the command line."""
    with pytest.raises(SystemExit) as stopped:
        main(shlex.split(line.removeprefix("$ "))[1:])
    assert stopped.value.code == 0


def test_every_block_prints_what_follows_it() -> None:
    """Python and commands; trailing blanks of a terminal's table do not count."""
    found = blocks()
    made: dict[str, object] = {}
    shown = [(kind, text, found[i + 1]) for i, (kind, text) in enumerate(found) if kind in ("python", "console")]
    assert len(shown) == 10
    for kind, text, (after, expected) in shown:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if kind == "python":
                exec(compile(text, str(PAGE), "exec"), made)  # noqa: S102 (the documentation's own code)
            else:
                typed(text.strip())
        assert after == "text"
        assert [line.rstrip() for line in printed.getvalue().splitlines()] == expected.splitlines()


def test_the_file_can_be_planned() -> None:
    """The design file of the page."""
    import tomllib

    (text,) = [text for kind, text in blocks() if kind == "toml"]
    assert plan_of(tomllib.loads(text)).trial is not None


@pytest.mark.parametrize("section", [*SECTIONS, "strata"])
def test_every_key_is_listed(section: str) -> None:
    """Under its section."""
    heading = {"": "At the top:", "experimental": "`[control]`, and `[experimental]`", "strata": "`[[strata]]`"}
    part = PAGE.read_text(encoding="utf-8").split(heading.get(section, f"`[{section}]`"), 1)[1].split("\n`[", 1)[0]
    for key, text in (STRATUM if section == "strata" else SECTIONS[section]).items():
        assert f"- `{key}`: {text}" in part
