"""docs/global_sensitivity.md is run as it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.bundled import scenarios_folder
from tests.kit.documents import files_of, printed_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = scenarios_folder().parent / "docs" / "global_sensitivity.md"


def test_every_block_prints_what_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model of the page is the file that its examples read."""
    monkeypatch.chdir(tmp_path)
    files_of(PAGE, tmp_path)
    rows = printed_of(PAGE)
    assert rows
    for code, printed, expected in rows:
        assert printed == expected, code
