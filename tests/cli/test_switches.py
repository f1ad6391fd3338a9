"""`lmssim switches`, and `--switch` of the other commands, through the command line."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from tests.kit.examples import SWITCHED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

FILES = {"switches.csv", "switches.png", "inputs.json", "manifest.json"}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The small model with its switches."""
    path = tmp_path / "small.toml"
    path.write_text(SWITCHED)
    return path


def test_switches_are_run_and_written(cli: Cli, small: Path, tmp_path: Path) -> None:
    """Table, figure and manifest; what an earlier run left and this one has not is removed."""
    out = tmp_path / "out"
    words = ("switches", small, "--patients", 1024, "--jobs", 1, "--out", out)
    outcome = cli(*words)
    assert outcome.code == 0, outcome.err
    assert {p.name for p in out.iterdir()} == FILES
    assert "Effect of the drug: no effect" in outcome.out
    assert "as base case" in outcome.out
    first = (out / "switches.csv").read_bytes()
    with (out / "switches.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 20
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["result"]["switches"] == {"effect": "good", "price": "high", "idle": "a"}
    assert manifest["result"]["options_run"] == ["effect=null", "effect=better", "price=low", "idle=b"]
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    assert cli(*words).code == 0
    assert (out / "switches.csv").read_bytes() == first
    assert cli(*words, "--strategies", "none").code == 0
    assert {p.name for p in out.iterdir()} == {"switches.csv", "inputs.json", "manifest.json"}


def test_json_is_one_document(cli: Cli, small: Path, tmp_path: Path) -> None:
    """And nothing else."""
    words = ("switches", small, "--patients", 1024, "--strategies", "drug, some", "--out", tmp_path / "out", "--json")
    document = json.loads(cli(*words).out)
    assert {row["strategy"] for row in document["switches"]} == {"drug", "some"}
    assert document["manifest"]["result"]["patients"] == 1024


def test_run_takes_a_switch(cli: Cli, small: Path, tmp_path: Path) -> None:
    """It changes the result, and manifest and report say so."""
    words = ("run", small, "--patients", 1000, "--jobs", 1, "--switch", "effect=null", "--out", tmp_path / "out")
    outcome = json.loads(cli(*words, "--json", "--report").out)
    gain = next(r["mean"] for r in outcome["incremental"] if (r["strategy"], r["outcome"]) == ("drug", "qalys"))
    assert gain == pytest.approx(0.0, abs=1e-12)
    assert outcome["manifest"]["result"]["switches"]["effect"] == "null"
    assert "Effect of the drug: no effect" in (tmp_path / "out" / "report.html").read_text()


def test_trace_and_verify_take_a_switch(cli: Cli, small: Path, tmp_path: Path) -> None:
    """As a run does."""
    traced = cli("trace", small, "--patient", 0, "--strategy", "drug", "--switch", "price=low", "--json")
    assert json.loads(traced.out)["manifest"]["result"]["switches"]["price"] == "low"
    assert "3000" in traced.out
    words = ("verify", small, "--check", "rate-zero", "--patients", 500, "--jobs", 1, "--out", tmp_path / "verify")
    verified = cli(*words, "--switch", "effect=null", "--json")
    assert json.loads(verified.out)["manifest"]["result"]["switches"]["effect"] == "null"


def test_switches_are_shown(cli: Cli, small: Path) -> None:
    """Each option, which holds, and what it changes."""
    text = cli("show", small, "--switches", "--switch", "effect=null").out
    assert "* null" in text
    assert "good (base case)" in text
    assert "changes expressions.drug_price" in text
    assert "States" not in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "--switch", "effekt=null"), "unknown switch 'effekt'. Did you mean 'effect'?"),
        (("switches", "--switch", "effect=nul"), "unknown option 'nul'. Did you mean 'null'?"),
        (("trace", "--patient", "0", "--switch", "effect"), "--switch effect: is not NAME=OPTION"),
        (("verify", "--switch", "effect=null", "--switch", "effect=good"), "'effect' is chosen twice"),
        (("switches", "--patients", "5"), "'--patients': '5' is not a whole number from 1,024 to"),
        (("switches", "--strategies", "drog"), "unknown strategy 'drog'. Did you mean 'drug'?"),
    ],
)
def test_bad_words_are_refused(cli: Cli, small: Path, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    """One line, exit code 2."""
    out = () if words[0] == "trace" else ("--out", tmp_path / "out")
    outcome = cli(words[0], small, *words[1:], *out)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_scenario_without_switches_says_so(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Rather than write an empty table."""
    outcome = cli("switches", model, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert "the scenario has no switches" in outcome.err
