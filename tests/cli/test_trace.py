"""`lmssim trace` shows one life in every strategy, and writes it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

NAME = "illness_death"
FILES = {"trace.csv", "stays.csv", "marks.csv", "draws.csv", "timeline.png", "inputs.json"}


def test_text_shows_both_strategies(cli: Cli) -> None:
    """Side by side, for there is room: the patient, events, numbers and what they cost."""
    outcome = cli("trace", NAME, "--patient", 5)
    assert (outcome.code, outcome.err) == (0, "")
    assert "patient 5, seed 1, base case" in outcome.out
    assert "age 60" in outcome.out
    heading = next(line for line in outcome.out.splitlines() if "Standard" in line)
    assert "New treatment" in heading
    assert outcome.out.count("Progressed") == 2
    assert "risk dead from progressed" in outcome.out


def test_a_narrow_terminal_shows_one_below_the_other(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut off."""
    from rich.console import Console

    monkeypatch.setattr("lmssim.cli.trace.console", lambda: Console(width=100))
    lines = cli("trace", NAME, "--patient", 5).out.splitlines()
    assert not any("Standard" in line and "New treatment" in line for line in lines)
    assert sum("Standard" in line or "New treatment" in line for line in lines) == 2
    assert all(len(line.rstrip()) <= 100 for line in lines)


def test_files(cli: Cli, tmp_path: Path) -> None:
    """Tables, the picture, and a manifest that says whose life it is; again with the same bytes."""
    call = ["trace", "extremity", "--patient", 2**63 - 1, "--draw", 4, "--seed", 3, "--strategy", "adj_rt"]
    assert cli(*call, "--out", tmp_path / "a", "--quiet") == cli(*call, "--out", tmp_path / "b", "-q")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert set(manifest["files"]) == FILES
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES | {"manifest.json"}
    result = manifest["result"]
    assert (result["patient"], result["draw"], result["seed"], result["engine"]) == (2**63 - 1, 4, 3, "des")
    assert result["strategies"] == ["adj_rt"]
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    with (tmp_path / "a" / "trace.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["strategy"] for row in rows} == {"adj_rt"}
    assert float(rows[0]["time"]) == 0.0
    assert all(row["occurrence"] == "" or row["occurrence"].isdigit() for row in rows)


def test_json_is_one_document(cli: Cli) -> None:
    """Nothing else on stdout; overrides reach the life."""
    outcome = cli("trace", NAME, "--patient", 0, "--set", "c_stable=0", "--set", "c_progressed=0", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    document = json.loads(outcome.out)
    assert set(document) == {"patient", "covariates", "trace", "stays", "marks", "draws", "manifest"}
    assert document["covariates"] == {"age": 60.0}
    standard = [step for step in document["trace"] if step["strategy"] == "standard"]
    assert [step["cost"] for step in standard] == [0.0] * len(standard)
    assert document["manifest"]["result"]["overrides"] == {"c_stable": 0.0, "c_progressed": 0.0}


def test_a_draw_changes_the_life(cli: Cli) -> None:
    """Other parameters, the same luck."""
    one, other = (json.loads(cli("trace", NAME, "--patient", 0, "--draw", k, "--json").out) for k in (0, 1))
    assert [d["uniform"] for d in one["draws"]] == [d["uniform"] for d in other["draws"]]
    assert one["trace"] != other["trace"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--patient", -1], "'--patient': '-1' is not a whole number from 0 to 2^63 - 1."),
        (["--patient", 2**63], f"'--patient': '{2**63}' is not a whole number from 0"),
        (["--patient", "some"], "'--patient': 'some' is not a whole number"),
        ([], "Missing option '--patient'"),
        (["--patient", 0, "--draw", -2], "'--draw': '-2' is not a whole number"),
        (["--patient", 0, "--draw", "1.5"], "'--draw': '1.5' is not a whole number"),
        (["--patient", 0, "--seed", -2], "'--seed': '-2' is not a whole number"),
        (["--patient", 0, "--strategy", "nwe"], "--strategy: unknown strategy 'nwe'. Did you mean 'new'?"),
        (["--patient", 0, "--set", "c_stabel=1"], "c_stabel"),
    ],
)
def test_wrong_input(cli: Cli, words: list[object], message: str) -> None:
    """One line, exit code 2."""
    outcome = cli("trace", NAME, *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.out == ""


def test_python_m() -> None:
    """`python -m lmssim` is the same command."""
    done = subprocess.run([sys.executable, "-m", "lmssim", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lmssim ")
