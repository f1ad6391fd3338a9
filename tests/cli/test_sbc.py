"""`lmssim sbc`: ranks and verdict in files, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from lmssim.bundled import scenarios_folder
from lmssim.studies.calibration.checks import sbc
from lmssim.studies.calibration.checks.sbc import SbcSettings
from lmssim.studies.calibration.problem import load_problem
from tests.kit.models import observation, series

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

FILES = {
    "sbc.csv",
    "inputs.json",
    "ranks.csv",
    "emulator.csv",
    "held.csv",
    "verdict.json",
    "ranks.png",
    "manifest.json",
}

CALIBRATION = """
schema_version = 1
scenario = "illness_death.toml"
label = "Illness and death"
given = ["log_scale_death"]

[free.log_scale_progression]
label = "Log scale of time to progression"
distribution = "normal"
value = 1.8
se = 0.5

[tau]
progression = 0.5

[studies.trial]
series = "trial"
cohort_id = "trial"
[studies.trial.rows.progressed_5y]
family = "progression"
"""
PROGRESSED = observation(
    "progressed_5y", "Progression by 5 years", "cumulative_incidence", "progressed", by=5, observed=0.5, n=120
)
CALIBRATION += series("trial", "A trial", "standard", PROGRESSED, follow_up={"low": 2, "high": 8})


@pytest.fixture
def calibration(tmp_path: Path) -> Path:
    """A calibration of the illness-death example."""
    for name in ("illness_death.toml", "illness_death.csv"):
        shutil.copy(scenarios_folder() / "examples" / name, tmp_path / name)
    (tmp_path / "targets.csv").write_text(
        "target_id,site,strategy,outcome,statistic,time_years,value,n,source_id\n"
        "progressed_5y,all,standard,progression,cumulative_incidence,5,0.5,120,trial\n"
    )
    path = tmp_path / "small.toml"
    path.write_text(CALIBRATION)
    return path


def test_command_writes_ranks_and_verdict(
    cli: Cli, calibration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables, figure and manifest; given parameters are held at the means of their draws; the same bytes again."""
    small: Any = partial(SbcSettings, points=64, ensembles=1, walkers=40, steps=50)
    monkeypatch.setattr(sbc, "SbcSettings", small)
    words = ("sbc", calibration, "--datasets", 20, "--patients", 500, "--jobs", 1, "--out", tmp_path / "out")
    outcome = cli(*words)
    assert outcome.code == 0, outcome.err
    assert "2 of 2 quantities within" in " ".join(outcome.out.split())
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    with (tmp_path / "out" / "sbc.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["quantity", "n", "p_value", "max_difference", "band", "inside"]
    assert [row["quantity"] for row in table] == ["log_scale_progression", "tau_progression"]
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["passed"] is True
    with (tmp_path / "out" / "held.csv").open(newline="") as file:
        held = {row["id"]: float(row["value"]) for row in csv.DictReader(file)}
    assert "log_scale_progression" not in held
    assert held["log_scale_death"] == pytest.approx(load_problem(calibration).given["log_scale_death"].mean())
    first = (tmp_path / "out" / "ranks.csv").read_bytes()
    assert cli(*words, "--quiet").out == ""
    assert (tmp_path / "out" / "ranks.csv").read_bytes() == first


def test_command_refuses(cli: Cli, calibration: Path) -> None:
    """Bad numbers and unknown names, in one line."""
    for words, message in (
        ((calibration, "--datasets", 3), "'--datasets': '3' is not a whole number from 20 to"),
        (("extremit",), "Did you mean"),
    ):
        outcome = cli("sbc", *words)
        assert outcome.code == 2
        assert message in outcome.err
