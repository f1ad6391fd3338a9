"""`lmssim reproduce --only trials`: tables, figures and text in one folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from lmssim.bundled import results_folder
from lmssim.cli.app import main
from lmssim.cli.trial import bundled

if TYPE_CHECKING:
    from pathlib import Path

TABLES = ("characteristics", "endpoints", "effects", "assurance", "value", "replay")


def test_results_are_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the tables that were simulated; those that are kept stand in for them here."""
    kept = {name: pd.read_csv(results_folder() / "trials" / f"{name}.csv") for name in TABLES}
    kept["replay"]["arm"] = kept["replay"]["arm"].fillna("")
    asked: list[int] = []

    def tables(seed: int, _jobs: int, n_trials: int, **_: Any) -> dict[str, Any]:
        asked.extend((seed, n_trials))
        return kept

    monkeypatch.setattr(bundled, "_tables", tables)
    with pytest.raises(SystemExit) as left:
        main(["reproduce", "--only", "trials", "--seed", "4", "-q", "--out", str(tmp_path)])
    assert left.value.code == 0
    assert asked == [4, 2_000]
    files = {path.relative_to(tmp_path / "trials").as_posix() for path in (tmp_path / "trials").rglob("*")}
    figures = {f"figures/{name}.png" for name in ("definitions", "effects", "replay")}
    assert files - {"figures"} == {"README.md", "manifest.json", "inputs.json", *figures, *(f"{t}.csv" for t in TABLES)}
    document = json.loads((tmp_path / "trials" / "manifest.json").read_text())
    assert document["result"]["trials"]["n_trials"] == 2_000
    assert (tmp_path / "trials" / "README.md").read_text() == (results_folder() / "trials" / "README.md").read_text()
