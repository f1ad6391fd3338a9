"""`lmssim reproduce`."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from lmssim.cli.app import main
from lmssim.cli.reproduce import SITES

if TYPE_CHECKING:
    from pathlib import Path


def test_base_case_of_every_site(tmp_path: Path) -> None:
    """One table with every site, whose figures are numbers, and a manifest that says how it was made."""
    with pytest.raises(SystemExit) as left:
        main(["reproduce", "--only", "base_case", "--patients", "64", "--jobs", "1", "-q", "--out", str(tmp_path)])
    assert left.value.code == 0
    with (tmp_path / "base_case" / "by_site.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(dict.fromkeys(row["scenario"] for row in rows)) == SITES
    assert all(0.0 <= float(row["os_5y"]) <= 1.0 and float(row["cost"]) > 0.0 for row in rows)
    document = json.loads((tmp_path / "base_case" / "manifest.json").read_text())
    assert len(document["scenarios"]) == len(SITES)
    assert not (tmp_path / "switches").exists()


def test_unknown_part_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message that names the nearest part."""
    with pytest.raises(SystemExit) as left:
        main(["reproduce", "--only", "switch", "--out", str(tmp_path)])
    assert left.value.code == 2
    assert "Did you mean 'switches'?" in capsys.readouterr().err
