"""`lmssim tornado` through the command line: files, JSON, a folder of draws, refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from lmssim.studies.sensitivity.one_way.result import TABLES
from tests.kit.linear import MEANS, linear_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

FAST = ("--draws", 60, "--patients", 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The linear model."""
    folder = tmp_path / "linear"
    folder.mkdir()
    return linear_path(folder)


def test_everything_is_written(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Tables, figures, report, workbook; nothing of what was kept while it ran; and what was found is printed."""
    out = tmp_path / "out"
    outcome = cli("tornado", path, *FAST, "--axis", "icer", "--xlsx", "--out", out)
    assert outcome.code == 0, outcome.err
    whole = {"report.html", "manifest.json", "inputs.json", "answer.md", "tables.xlsx", "figures"}
    assert {p.name for p in out.iterdir()} == {f"{name}.csv" for name in TABLES} | whole
    assert {p.name for p in (out / "figures").iterdir()} == {"tornado_20000.png", "tornado_icer.png"}
    said = " ".join(outcome.out.split())
    assert "new against old: incremental net benefit" in said
    assert "none is moved alone" in said
    frame = pd.read_csv(out / "tornado.csv")
    assert set(frame["parameter"]) == {*MEANS, "pair"}
    assert frame["parameter"].iloc[0] == "gain_a"
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["result"]["tornado"]["strategy"] == "new"


def test_json_alone(cli: Cli, path: Path, tmp_path: Path) -> None:
    """One document, and no figures."""
    outcome = cli("tornado", path, *FAST, "--json", "--out", tmp_path / "out")
    document = json.loads(outcome.out)
    assert {row["parameter"] for row in document["tornado"]} == {*MEANS, "pair"}
    assert not (tmp_path / "out" / "figures").exists()


def test_draws_of_a_folder(cli: Cli, path: Path, tmp_path: Path) -> None:
    """The same scenario's draws are taken; those of another one, or of other values, are refused."""
    draws = tmp_path / "draws"
    assert cli("psa", path, *FAST, "--no-report", "--out", draws).code == 0
    outcome = cli("tornado", path, "--psa", draws, "--patients", 2, "--json", "--out", tmp_path / "out")
    document = json.loads(outcome.out)
    assert {row["method"] for row in document["tornado"]} == {"regression", "runs", "block, by regression"}
    assert document["manifest"]["result"]["tornado"]["psa"] == str(draws)
    refused = cli("tornado", path, "--psa", draws, "--set", "price=7", "--out", tmp_path / "other")
    assert refused.code == 2
    assert "its parameters are not those of scenario 'test'" in refused.err


def test_the_classic_form(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Solved; parameters that are drawn jointly have one bar, are named with the reason, and words say how."""
    out = tmp_path / "out"
    outcome = cli("tornado", path, "--classic", "--engine", "cohort", "--profiles", 1, "--out", out)
    assert outcome.code == 0, outcome.err
    assert list(pd.read_csv(out / "not_moved_alone.csv")["parameter"]) == ["gain_x", "extra_y"]
    rows = pd.read_csv(out / "tornado.csv").set_index("parameter")
    assert set(rows.index) == set(MEANS) - {"gain_x", "extra_y"} | {"pair"}
    assert rows.loc["pair", "method"] == "block"
    said = " ".join(outcome.out.split())
    assert "Uncertain parameters without a bar of their own: 2" in said
    assert "pair, drawn jointly, is one bar: from 500 draws of all its parameters together, each solved" in said
    assert "the middle 95% of the draws of pair as a whole (2 parameters drawn jointly), all other parameters" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--strategy", "nwe"), "unknown strategy 'nwe'"),
        (("--axis", "cost"), "--axis"),
        (("--classic", "--draws", 60), "--draws: --classic draws nothing"),
        (("--psa", "nowhere"), "nowhere: there is no such folder"),
        (("--wtp", "x"), "--wtp x: 'x' is not a number from 0 to 1,000,000,000,000"),
        (("--engine", "cohort", "--patients", 5), "--patients: engine 'cohort'"),
    ],
)
def test_bad_input_is_one_message(cli: Cli, path: Path, tmp_path: Path, words: tuple[object, ...], said: str) -> None:
    """Exit code 2, and nothing is written."""
    outcome = cli("tornado", path, *words, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
