"""`lmssim trial run`: what it prints and writes, and bad options as one message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

DESIGN = """
title = "Adjuvant trial"
[arms.control]
event.median = 12
[arms.experimental]
hazard_ratio.event = { value = 0.6, low = 0.4, high = 0.9 }
[endpoints.pfs]
label = "Progression-free survival"
events = ["event"]
[accrual]
patients = 120
duration = 12
[[analyses]]
events = 40
[[analyses]]
events = 80
[[facts]]
key = "accrual.patients"
text = "120 patients"
kind = "assumed"
"""
TABLES = {"characteristics", "analyses", "power_curve", "estimates", "assurance", "sensitivity", "facts"}


@pytest.fixture
def trial(tmp_path: Path) -> str:
    """A design file."""
    path = tmp_path / "adjuvant.toml"
    path.write_text(DESIGN)
    return str(path)


def test_folder_and_text(cli: Cli, trial: str, tmp_path: Path) -> None:
    """Tables, figures, report, workbook and inputs; checkpoints are gone; the answer stands in the text."""
    out = tmp_path / "out"
    done = cli("trial", "run", trial, "--trials", "60", "--n", "80:120:40", "--assurance", "--xlsx", "--out", str(out))
    assert done.code == 0, done.err
    assert "With 120 patients" in done.out
    names = {path.name for path in out.iterdir()}
    assert {f"{name}.csv" for name in TABLES} <= names
    assert {"report.html", "tables.xlsx", "trials.parquet", "manifest.json", "inputs.json", "figures"} <= names
    assert not list(out.glob("checkpoint*"))
    frame = pd.read_parquet(out / "trials.parquet")
    assert len(frame) == 60 * 2 * 2
    sensitivity = pd.read_csv(out / "sensitivity.csv")
    assert sensitivity["change"].tolist()[:2] == ["as designed", "no effect"]
    again = cli("trial", "run", trial, "--trials", "60", "--n", "80:120:40", "--json", "--out", str(tmp_path / "b"))
    document = json.loads(again.out)
    assert document["characteristics"][0]["power"] == pd.read_csv(out / "characteristics.csv")["power"][0]
    assert not (tmp_path / "b" / "report.html").exists()


def test_values_from_outside(cli: Cli, trial: str, tmp_path: Path) -> None:
    """`--set` takes dotted keys."""
    given = ("accrual.patients=60", "analyses.1.events=20", "analyses.2.events=40")
    sets = [word for text in given for word in ("--set", text)]
    out = ("--no-sensitivity", "--json", "--out", str(tmp_path / "o"))
    done = cli("trial", "run", trial, "--trials", "20", *out, *sets)
    assert done.code == 0, done.err
    assert {row["n"] for row in json.loads(done.out)["analyses"]} == {60}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--n", "abc"), "--n: 'abc' is not numbers"),
        (("--n", "400:100:50"), "STEP must be 1 or more"),
        (("--n", "1"), "n: 1 is not from 2"),
        (("--trials", "0"), "from 1 to 1,000,000"),
        (("--set", "accrual"), "is not KEY=VALUE"),
        (("--set", "accrual.pacients=3"), "unknown key 'pacients'"),
        (("--set", "accrual.patients=many"), "accrual.patients: 'many' is not a finite number"),
        (("--figures", "svg", "--no-report"), "--figures"),
        (("--set", "arms.experimental.hazard_ratio.event=0.6", "--assurance"), "no parameter is uncertain"),
    ],
)
def test_bad_options(cli: Cli, trial: str, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """One message, exit code 2, nothing written."""
    few = () if "--trials" in arguments else ("--trials", "5")
    done = cli("trial", "run", trial, *few, "--out", str(tmp_path / "o"), *arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_unknown_design(cli: Cli, tmp_path: Path) -> None:
    """The nearest bundled name is told."""
    done = cli("trial", "run", "nothing_like_it", "--out", str(tmp_path / "o"))
    assert done.code == 2
    assert "no such file or bundled trial" in done.err
