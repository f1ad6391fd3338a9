"""docs/virtual_trials.md is run as it is written, and lists every key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.bundled import scenarios_folder
from lmssim.studies.trials.design import keys
from lmssim.studies.trials.design.reading import load_trial
from tests.kit.documents import files_of, printed_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = scenarios_folder().parent / "docs" / "virtual_trials.md"


def test_every_block_prints_what_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python and commands; the files that it shows can be read."""
    monkeypatch.chdir(tmp_path)
    files_of(PAGE, tmp_path)
    rows = printed_of(PAGE)
    assert len(rows) == 3
    for code, printed, expected in rows:
        assert printed == expected, code
    assert load_trial("site.toml").scenario == "retroperitoneal"


def test_every_key_is_listed() -> None:
    """With what it means."""
    text = PAGE.read_text(encoding="utf-8")
    tables = {**keys.SECTIONS, **keys.TABLES_OF_TABLES, **keys.LISTS, "ratio": keys.RATIO}
    for section, table in tables.items():
        for key, meaning in table.items():
            assert f"| `{key}` | {meaning} |" in text, f"{section}.{key}"
