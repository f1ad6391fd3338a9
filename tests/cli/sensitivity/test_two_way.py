"""`lmssim two-way` through the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kit.linear import linear_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

WORDS = ("--vary", "gain_a=-0.1:0.1:3", "--vary", "price=0:3000:3", "--engine", "cohort", "--profiles", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The linear model."""
    folder = tmp_path / "linear"
    folder.mkdir()
    return linear_path(folder)


def test_everything_is_written(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Tables, figure, report, workbook, and the answer on the terminal."""
    out = tmp_path / "out"
    outcome = cli("two-way", path, *WORDS, "--xlsx", "--out", out)
    assert outcome.code == 0, outcome.err
    names = {"two_way.csv", "two_way_outcomes.csv", "report.html", "answer.md", "manifest.json", "inputs.json"}
    assert {p.name for p in out.iterdir()} == names | {"tables.xlsx", "figures"}
    assert [p.name for p in (out / "figures").iterdir()] == ["two_way_20000.png"]
    assert "the best of 9 cells is" in " ".join(outcome.out.split())


def test_json_alone(cli: Cli, path: Path, tmp_path: Path) -> None:
    """One document with every cell."""
    document = json.loads(cli("two-way", path, *WORDS, "--json", "--out", tmp_path / "out").out)
    assert len(document["two_way"]) == 9
    assert document["manifest"]["result"]["two_way"]["vary"]["price"] == [0.0, 1500.0, 3000.0]


def test_bad_input_is_one_message(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Exit code 2, before anything runs."""
    outcome = cli("two-way", path, "--vary", "gain_a=0:1:3", "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "--vary: is given 1 times" in outcome.err
    assert not (tmp_path / "out").exists()
    outcome = cli("two-way", path, *WORDS, "--set", "price=1", "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "--vary price: set holds it at 1; leave one of the two out" in outcome.err
