"""`lmssim agency` through the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.kit.agency import BUDGET, write_disease

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

TABLES = {
    "budget_impact",
    "budget_inputs",
    "budget_patients",
    "cost_by_year",
    "distribution",
    "gains",
    "patients_reaching",
    "rates",
    "rates_frontier",
    "rates_incremental",
    "severity",
    "severity_incremental",
    "severity_weights",
}


@pytest.fixture
def disease(tmp_path: Path) -> Path:
    """The disease with closed forms, and its budget."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "budget.toml").write_text(BUDGET)
    return write_disease(folder)


def test_every_part_is_written_and_said(cli: Cli, disease: Path, tmp_path: Path) -> None:
    """Tables, workbook, figures, report; and a second run writes the same tables."""
    out = tmp_path / "out"
    words = ("agency", disease, "--budget", disease.with_name("budget.toml"), "--patients", 2048, "--jobs", 1)
    outcome = cli(*words, "--out", out, "--xlsx")
    assert outcome.code == 0, outcome.err
    assert {path.stem for path in out.glob("*.csv")} == TABLES
    assert (out / "tables.xlsx").is_file()
    assert {path.name for path in (out / "figures").iterdir()} == {
        "budget_impact.png",
        "distribution.png",
        "gains.png",
        "rates.png",
        "severity.png",
    }
    said = " ".join(outcome.out.split())
    assert "NICE's severity weight is 1.2" in said
    assert "Over 2 years and 210 patients, the change of care from none to drug adds" in said
    page = (out / "report.html").read_text()
    assert "a registry" in page
    assert "assumed: nobody counted" in page
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["result"]["agency"]["standard_care"] == "none"
    kept = json.loads((out / "inputs.json").read_text())["asked"]["agency"]["budget"]
    assert kept == manifest["result"]["agency"]["budget"]
    assert kept["file"] == "budget.toml"
    assert kept["content"]["uptake"]["by_year"] == [0.5, 1.0]
    again = tmp_path / "again"
    assert cli(*words[:-1], 2, "--out", again, "--no-report").code == 0
    for name in TABLES:
        assert (out / f"{name}.csv").read_bytes() == (again / f"{name}.csv").read_bytes()


def test_json_is_one_document(cli: Cli, disease: Path, tmp_path: Path) -> None:
    """With the tables of the parts that were asked for."""
    outcome = cli("agency", disease, "--patients", 1024, "--parts", "severity", "--json", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    document = json.loads(outcome.out)
    assert set(document) == {"severity", "severity_weights", "severity_incremental", "manifest", "folder"}
    assert [row["applies"] for row in document["severity_weights"]] == [False, True, False]


def test_what_cannot_be_told_is_left_out_with_the_reason(cli: Cli, tmp_path: Path) -> None:
    """Of a scenario without norms, and without a budget."""
    path = write_disease(tmp_path, norms=False)
    outcome = cli("agency", path, "--patients", 1024, "--no-report", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    said = " ".join(outcome.out.split())
    assert "has no life table ([mortality] table) and no utility norms ([utilities] norms)" in said
    assert "--budget FILE" in said
    assert "severity" not in {path.stem for path in (tmp_path / "out").glob("*.csv")}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--parts", "severty"), "--parts: unknown value 'severty'. Did you mean 'severity'?"),
        (("--parts", "budget"), "budget impact needs a file that says who is treated"),
        (("--standard-care", "nune"), "--standard-care: unknown strategy 'nune'. Did you mean 'none'?"),
        (("--engine", "cohrt"), "--engine: unknown value 'cohrt'. Did you mean 'cohort'?"),
        (("--engine", "cohort"), "--patients: engine 'cohort' is solved for profiles, not patients"),
        (("--profiles", "4"), "--profiles: engine 'compiled' simulates patients"),
        (("--draws", "16", "--point"), "--point: takes no draws"),
        (("--draws", "16"), "no parameter that the model uses is uncertain"),
        (("--strategies", "drug"), "the comparator 'none' is not among drug"),
        (("--patients", "10"), "is not a whole number from 1,024"),
        (("--budget", "extremity"), "now.mix: unknown strategy 'observed'"),
        (("--budget", "nowhere.toml"), "nowhere.toml: no such file."),
        (
            ("--budget", "extremity", "--parts", "severity"),
            "budget extremity: nothing reads it, as the parts asked for are",
        ),
        (("--standard-care", "none", "--parts", "rates"), "standard care none: nothing reads it"),
    ],
)
def test_bad_input_is_one_message(
    cli: Cli, disease: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    """Exit code 2, and nothing is written."""
    out = tmp_path / "out"
    few = () if words[0] == "--patients" else ("--patients", 1024)
    outcome = cli("agency", disease, *few, *words, "--out", out)
    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert not out.exists()


def test_a_model_without_patients_is_refused(cli: Cli, tmp_path: Path) -> None:
    """Survival curves have no single lives; they can be solved."""
    outcome = cli("agency", "partitioned", "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "no single patients to follow: give engine 'cohort'." in " ".join(outcome.err.split())
    outcome = cli("agency", "partitioned", "--engine", "cohort", "--no-report", "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "out" / "rates.csv").is_file()


def test_a_solved_scenario_has_no_part_of_patients(cli: Cli, disease: Path, tmp_path: Path) -> None:
    """Left out with the reason, and refused where it is asked for; the page says who was solved."""
    words = ("agency", disease, "--budget", disease.with_name("budget.toml"), "--engine", "cohort")
    outcome = cli(*words, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    said = " ".join(outcome.out.split())
    assert "engine 'cohort' has no single patients; the part 'patients' takes engine 'compiled'." in said
    assert "Results come from 1 solved profile of the population." in said
    assert {path.stem for path in (tmp_path / "out").glob("*.csv")} == TABLES - {
        "distribution",
        "gains",
        "patients_reaching",
    }
    assert "Monte-Carlo" not in (tmp_path / "out" / "report.html").read_text()
    refused = cli(*words, "--parts", "patients", "--out", tmp_path / "other")
    assert refused.code == 2
    assert "has no single patients" in refused.err
    assert not (tmp_path / "other").exists()


def test_a_killed_run_goes_on_with_the_same_bits(cli: Cli, disease: Path, tmp_path: Path) -> None:
    """Killed once it has kept something; that is used, by another number of workers, and nothing else is left."""
    words = ("agency", disease, "--budget", disease.with_name("budget.toml"), "--patients", 4096, "--no-report")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert cli(*words, "--out", whole).code == 0
    command = [sys.executable, "-m", "lmssim", *map(str, words), "--jobs", "1", "--out", str(cut)]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(cut.glob("checkpoint/*.npz"))) < 2:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(cut.glob("checkpoint/*.npz")), "it was killed too late"
    outcome = cli(*words, "--jobs", 2, "--block", 7, "--out", cut)
    assert outcome.code == 0, outcome.err
    for name in TABLES:
        assert (cut / f"{name}.csv").read_bytes() == (whole / f"{name}.csv").read_bytes()
    assert {path.name for path in cut.iterdir()} == {path.name for path in whole.iterdir()}


def test_an_input_is_not_overwritten(cli: Cli, disease: Path) -> None:
    """The folder of the budget is no folder of results."""
    outcome = cli("agency", disease, "--budget", disease.with_name("budget.toml"), "--out", disease.parent)
    assert outcome.code == 2
    assert disease.is_file()


def test_a_calibrated_scenario_is_an_expectation(cli: Cli, tmp_path: Path) -> None:
    """Over draws by default; the weights have probabilities. Its bundled budget is read only if it is asked for."""
    out = tmp_path / "out"
    words = ("--patients", 2000, "--parts", "severity", "--strategies", "surgery_only,observed", "--no-report")
    outcome = cli("agency", "extremity", *words, "--standard-care", "observed", "--out", out)
    assert outcome.code == 0, outcome.err
    weights = pd.read_csv(out / "severity_weights.csv")
    assert weights["probability"].sum() == pytest.approx(1.0)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["result"]["draws"] == 200
    assert manifest["result"]["agency"] == {"parts": ["severity"], "standard_care": "observed", "budget": None}
