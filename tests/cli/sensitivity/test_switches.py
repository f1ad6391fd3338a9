"""`lmssim switches`, and `--switch` of the other commands, through the command line."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from tests.kit.examples import SWITCHED
from tests.kit.models import alive_dead, exponential, frame
from tests.kit.parameters import fixed_parameters

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


CLAIMS = """
[switches.effect]
default = "usual"
[switches.effect.options.usual]
label = "as it is"
[switches.effect.options.less]
label = "death 20% at 2 years"
set = { rate = "rate * ratio" }
claims = [{ value = 0.2, events = ["dead"], by = 2, solve = { parameter = "ratio", low = 0.1, high = 10 } }]
"""


@pytest.fixture
def claiming(tmp_path: Path) -> Path:
    """The small model with a label that claims an outcome, before its parameter is solved."""
    head = 'schema_version = 2\nname = "test"\ntitle = "Test"\nparameters = ["own.csv", "ratio.csv"]\n'
    path = tmp_path / "claiming.toml"
    path.write_text(
        head + frame(strategies="[strategies.one]\n[strategies.two]") + alive_dead(exponential("rate")) + CLAIMS
    )
    (tmp_path / "own.csv").write_text(fixed_parameters({"rate": 0.3}))
    (tmp_path / "ratio.csv").write_text(fixed_parameters({"ratio": 1.0}))
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


def test_labels_stand_beside_what_the_model_gives(cli: Cli, claiming: Path, tmp_path: Path) -> None:
    """Printed and written; solved, they agree."""
    out = tmp_path / "out"
    outcome = cli("switches", claiming, "--patients", 1024, "--jobs", 1, "--out", out)
    assert outcome.code == 0, outcome.err
    assert "(differs)" in outcome.out
    with (out / "labels.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["option"], row["claimed"], row["holds"]) == ("less", "0.2", "False")
    solved = cli("switches", claiming, "--solve", "--out", tmp_path / "solved", "--json")
    assert json.loads(solved.out)["solved"][0]["observed"] == pytest.approx(0.2, abs=1e-3)
    (claiming.parent / "ratio.csv").write_bytes((tmp_path / "solved" / "ratio.csv").read_bytes())
    assert "(differs)" not in cli("switches", claiming, "--patients", 1024, "--jobs", 1, "--out", out).out


def test_solving_keeps_to_the_base_case_and_to_its_own_files(cli: Cli, claiming: Path, tmp_path: Path) -> None:
    """Options that would change the base case are refused, and so is a folder with somebody's table."""
    refused = cli("switches", claiming, "--solve", "--set", "ratio=2", "--out", tmp_path / "a")
    assert refused.code == 2
    assert "leave out --set, --switch, --strategies" in refused.err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "ratio.csv").write_text("mine")
    refused = cli("switches", claiming, "--solve", "--out", tmp_path / "mine")
    assert refused.code == 2
    assert (tmp_path / "mine" / "ratio.csv").read_text() == "mine"


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
