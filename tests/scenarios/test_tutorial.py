"""The tutorial is run as it is written: its files are built, its Python executed, its output compared."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

from lmssim.bundled import scenarios_folder
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TUTORIAL = scenarios_folder().parent / "docs" / "tutorial.md"


def _blocks() -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```$", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_files_code_and_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is its blocks in order; each Python block prints the block of text that follows it."""
    blocks = _blocks()
    for kind in ("csv", "toml"):
        (tmp_path / f"sick_sicker.{kind}").write_text("".join(text for k, text in blocks if k == kind))
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    code = [(text, blocks[i + 1]) for i, (kind, text) in enumerate(blocks) if kind == "python"]
    assert len(code) == 5
    for text, (kind, expected) in code:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, str(TUTORIAL), "exec"), scope)  # noqa: S102 (the documentation's own code)
        assert kind == "text"
        assert printed.getvalue() == expected


def test_the_tutorial_is_the_bundled_example(tmp_path: Path) -> None:
    """Its model has the numbers of the example, in the same places."""
    blocks = _blocks()
    (tmp_path / "sick_sicker.csv").write_text("".join(text for kind, text in blocks if kind == "csv"))
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(text for kind, text in blocks if kind == "toml"))
    mine, bundled = (compile_scenario(load_scenario(p)) for p in (path, "sick_sicker"))
    assert mine.transitions == bundled.transitions
    assert (mine.numbers() == bundled.numbers()).all()
