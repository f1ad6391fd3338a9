"""`lmssim threshold` through the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kit.linear import MEANS, base_benefit, linear_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

EXACT = ("--engine", "cohort", "--profiles", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The linear model."""
    folder = tmp_path / "linear"
    folder.mkdir()
    return linear_path(folder)


def test_everything_is_written(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Tables, figure, report, workbook, and the answer on the terminal."""
    out = tmp_path / "out"
    outcome = cli("threshold", path, "--vary", "gain_a=-0.1:0.1", *EXACT, "--xlsx", "--out", out)
    assert outcome.code == 0, outcome.err
    names = {
        "thresholds.csv",
        "net_benefit.csv",
        "report.html",
        "manifest.json",
        "inputs.json",
        "answer.md",
        "tables.xlsx",
        "figures",
    }
    assert {p.name for p in out.iterdir()} == names
    assert [p.name for p in (out / "figures").iterdir()] == ["threshold_20000.png"]
    assert "the decision changes at -0.01" in " ".join(outcome.out.split())
    assert "Solved exactly" in (out / "report.html").read_text()


def test_a_price_as_json(cli: Cli, path: Path, tmp_path: Path) -> None:
    """At each willingness to pay that is asked for."""
    words = ("--price", "price", "--wtp", "10000,20000", *EXACT, "--json", "--out", tmp_path / "out")
    document = json.loads(cli("threshold", path, *words).out)
    found = {row["wtp"]: row["value"] for row in document["thresholds"]}
    assert found == {w: pytest.approx(MEANS["price"] + base_benefit(w), rel=1e-6) for w in (10_000.0, 20_000.0)}
    assert document["manifest"]["result"]["price"]["exact"] is True


def test_a_joint_parameter_is_followed_in_expectation(cli: Cli, path: Path, tmp_path: Path) -> None:
    """By joint draws, which are made without being asked for; and by as many as are asked for."""
    words = ("--vary", "gain_x", "--wtp", 6_500, "--patients", 2, "--json")
    document = json.loads(cli("threshold", path, *words, "--draws", 600, "--out", tmp_path / "out").out)
    (row,) = document["thresholds"]
    assert row["method"] == "regression"
    assert row["value"] == pytest.approx(0.01, abs=4.0 * row["se"])
    assert document["manifest"]["result"]["threshold"]["draws"] == 600
    document = json.loads(cli("threshold", path, *words, "--out", tmp_path / "more").out)
    assert document["manifest"]["result"]["threshold"]["draws"] == 8_000
    assert document["thresholds"][0]["se"] < row["se"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give one of --vary ID=LO:HI and --price ID"),
        (("--vary", "gain_a=0.1:0.2"), "'new' leads at 20,000 per QALY throughout"),
        (("--vary", "gain_a=0.2:0.1"), "0.2 is not below 0.1"),
        (("--vary", "gain_a=1,2"), "is not ID=LO:HI"),
        (("--vary", "gain_x"), "drawn with multivariate normal 'pair'"),
        (("--vary", "price=0:9", "--set", "price=1"), "--vary price: set holds it at 1; leave one of the two out"),
        (("--vary", "price=-1e308:1e308"), "is too far"),
        (("--price", "gain_a"), "it moves QALYs, so that it is no price"),
        (("--price", "prise"), "unknown parameter 'prise'. Did you mean 'price'?"),
    ],
)
def test_bad_input_is_one_message(cli: Cli, path: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2."""
    outcome = cli("threshold", path, *words, *EXACT, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert said in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not list(tmp_path.glob("out/*.csv"))
