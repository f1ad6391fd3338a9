"""docs/value_of_information.md is run as it is written."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

from lmssim.bundled import scenarios_folder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = scenarios_folder().parent / "docs" / "value_of_information.md"


def test_every_block_prints_what_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study of the page is the file that the second example reads."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    ((_, study),) = [block for block in found if block[0] == "toml"]
    (tmp_path / "study.toml").write_text(study)
    made: dict[str, object] = {}
    shown = [(text, found[i + 1]) for i, (kind, text) in enumerate(found) if kind == "python"]
    assert len(shown) == 2
    for text, (after, expected) in shown:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, str(PAGE), "exec"), made)  # noqa: S102 (the documentation's own code)
        assert after == "text"
        assert printed.getvalue() == expected
