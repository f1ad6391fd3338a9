"""`lmssim sobol` through the command line: files, JSON, plans, refusals, and after a kill."""

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

from lmssim.studies.sensitivity.sobol.result import SHAPLEY_TABLES, TABLES
from tests.kit.linear import linear_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

FAST = ("--strategy", "new", "--rows", 16, "--morris", 4, "--patients", 16)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The linear model."""
    folder = tmp_path / "linear"
    folder.mkdir()
    return linear_path(folder)


def test_everything_is_written(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Tables, figures, report, workbook; nothing of what was kept while it ran; the plan first, then the answer."""
    out = tmp_path / "out"
    outcome = cli("sobol", path, *FAST, "--shapley", "pair", "--xlsx", "--out", out)
    assert outcome.code == 0, outcome.err
    whole = {"report.html", "manifest.json", "inputs.json", "tables.xlsx", "figures", "answer.md"}
    assert {p.name for p in out.iterdir()} == {f"{name}.csv" for name in (*TABLES, *SHAPLEY_TABLES)} | whole
    figures = {"screening", "shapley", "sobol_inmb_20000", "sobol_cost", "sobol_qalys"}
    assert {p.name for p in (out / "figures").iterdir()} == {f"{name}.png" for name in figures}
    assert "80 of the indices (16 rows x (3 factors + 2)); each 16 patients x 2 strategies: 3,328 lives" in outcome.err
    said = " ".join(outcome.out.split())
    assert "new against old." in said
    assert "Approximate Shapley effects within 'pair'" in said
    assert "All evaluations have the same patients and random numbers" in said
    assert pd.read_csv(out / "sobol.csv")["factor"].iloc[0] == "other parameters"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["result"]["sobol"]["evaluations"] == 80 + 4 * 6


def test_the_best_strategy_is_taken(cli: Cli, path: Path, tmp_path: Path) -> None:
    """If none is named; JSON alone has no figures."""
    outcome = cli("sobol", path, *FAST[2:], "--json", "--out", tmp_path / "out")
    document = json.loads(outcome.out)
    assert document["manifest"]["result"]["sobol"]["strategy"] == "new"
    assert {row["factor"] for row in document["sobol"]} == {"pair", "price", "other parameters"}
    assert not (tmp_path / "out" / "figures").exists()


def test_the_screening_alone(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Without rows there are no indices, and the page has none."""
    out = tmp_path / "out"
    outcome = cli("sobol", path, "--strategy", "new", "--rows", 0, "--patients", 16, "--out", out)
    assert outcome.code == 0, outcome.err
    assert {p.name for p in (out / "figures").iterdir()} == {"screening.png"}
    assert pd.read_csv(out / "sobol.csv").empty
    assert pd.read_csv(out / "screening.csv")["block"].iloc[0] == "gain_a"


def test_a_dry_run_says_what_it_takes(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Evaluations, lives and time; and writes nothing."""
    out = tmp_path / "out"
    outcome = cli("sobol", path, *FAST, "--dry-run", "--out", out)
    assert "24 evaluations of the screening (4 trajectories x (5 + 1)) and 80 of the indices" in outcome.out
    assert "lives; about" in outcome.out
    document = json.loads(cli("sobol", path, *FAST, "--dry-run", "--json", "--out", out).out)
    assert (document["evaluations"], document["lives"]) == (104, 104 * 16 * 2)
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--strategy", "nwe"), "unknown strategy 'nwe'"),
        (("--group", "x=gain_x"), "no index of 'gain_x': it is drawn with multivariate normal 'pair' (2 parameters)"),
        (("--group", "x"), "--group"),
        (("--part", "x=gain_x"), "--part: divides the block of --shapley"),
        (("--shapley", "nothing"), "unknown block that is drawn jointly 'nothing'"),
        (("--rows", 100), "--rows 100: a Sobol' sequence is balanced at powers of 2"),
        (("--wtp", "x"), "'x' is not a number from 0 to 1,000,000,000,000"),
        (("--engine", "cohort", "--patients", 50), "--patients: engine 'cohort'"),
    ],
)
def test_bad_input_is_one_message(cli: Cli, path: Path, tmp_path: Path, words: tuple[object, ...], said: str) -> None:
    """Exit code 2, and nothing is written."""
    outcome = cli("sobol", path, *words, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_killed_run_goes_on_with_the_same_bits(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Killed once it has kept something; what was kept is used, and the tables are those of a run in one piece."""
    words = ("sobol", path, "--strategy", "new", "--rows", 64, "--morris", 4, "--patients", 1_000, "--no-report")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert cli(*words, "--out", whole).code == 0
    command = [sys.executable, "-m", "lmssim", *map(str, words), "--jobs", "1", "--out", str(cut)]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(cut.glob("checkpoint/*.npz"))) < 2:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(cut.glob("checkpoint/*.npz")), "it was killed too late"
    outcome = cli(*words, "--jobs", 2, "--out", cut)
    assert outcome.code == 0, outcome.err
    for name in TABLES:
        assert (cut / f"{name}.csv").read_bytes() == (whole / f"{name}.csv").read_bytes()
    assert not (cut / "checkpoint").exists()
