"""`lmssim scenarios` through the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.kit.linear import linear_path

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

FAST = ("--engine", "cohort", "--profiles", 1)
SWITCH = """
[switches.gain]
default = "full"
options.full.label = "as found"
options.half = { label = "half of it", set = { gain_a = 0.025 } }
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The linear model with two analyses."""
    folder = tmp_path / "linear"
    folder.mkdir()
    path = linear_path(folder)
    text = '\n[analyses.{n}]\nlabel = "Price {v}"\nset = {{ price = {v} }}\njustification = "Asked for."\n'
    path.write_text(path.read_text() + text.format(n=1, v=100) + text.format(n=2, v=4000))
    return path


def test_everything_is_written(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Table, figure, report, workbook; nothing of what was kept; and the answer on the terminal."""
    out = tmp_path / "out"
    outcome = cli("scenarios", path, *FAST, "--xlsx", "--out", out)
    assert outcome.code == 0, outcome.err
    names = {
        "scenarios.csv",
        "not_run.csv",
        "report.html",
        "answer.md",
        "manifest.json",
        "inputs.json",
        "tables.xlsx",
        "figures",
    }
    assert {p.name for p in out.iterdir()} == names
    assert "another one is in 1 of 2 scenario analyses (number 2)" in " ".join(outcome.out.split())


def test_what_cannot_be_run_is_named_and_the_others_are_there(cli: Cli, path: Path, tmp_path: Path) -> None:
    """Exit code 1; a cost below 0 is impossible."""
    path.write_text(path.read_text().replace("price = 4000", "price = -9000"))
    out = tmp_path / "out"
    outcome = cli("scenarios", path, *FAST, "--out", out)
    assert outcome.code == 1
    assert "analysis 2 (Price 4000) could not be run" in outcome.err
    assert set(pd.read_csv(out / "scenarios.csv")["number"]) == {0, 1}
    assert list(pd.read_csv(out / "not_run.csv")["number"]) == [2]


def test_one_by_its_number(cli: Cli, path: Path, tmp_path: Path) -> None:
    """As JSON."""
    document = json.loads(cli("scenarios", path, *FAST, "--only", "2", "--json", "--out", tmp_path / "out").out)
    assert {row["number"] for row in document["scenarios"]} == {0, 2}


@pytest.mark.parametrize(("words", "said"), [(("--only", "x"), "is not the number"), (("--only", "9"), "number '9'")])
def test_bad_input_is_one_message(cli: Cli, path: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2."""
    outcome = cli("scenarios", path, *FAST, *words, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "price = 100 ",
            "prise = 100 ",
            "analyses.1.set.prise = 100: unknown parameter 'prise'. Did you mean 'price'?",
        ),
        ("set = { price = 100 }", "set = {}", "analyses.1: changes nothing"),
        ("set = { price = 100 }", "change.settings = {}", "analyses.1: changes nothing"),
        (
            "set = { price = 100 }",
            'switches = { gain = "hlf" }',
            "analyses.1.switches.gain = 'hlf': unknown option 'hlf'. Did you mean 'half'?",
        ),
        (
            "set = { price = 100 }",
            'switches = { gian = "half" }',
            "analyses.1.switches.gian = 'half': unknown switch 'gian'. Did you mean 'gain'?",
        ),
        (
            "set = { price = 100 }",
            "change.settings.discount_rate_cost = 0",
            "unknown key 'discount_rate_cost'. Did you mean 'discount_rate_costs'?",
        ),
        ("set = { price = 100 }", 'change.name = "x"', "analyses.1.change.name: is the file's own"),
        ("set = { price = 100 }", "change.seting.horizon = 1", "unknown key 'seting'. Did you mean 'settings'?"),
        ("[analyses.1]", "[analyses.one]", "should be a whole number from 1 to 9999"),
        ("[analyses.1]", "[analyses.10000]", "should be a whole number from 1 to 9999"),
    ],
)
@pytest.mark.parametrize("command", ["scenarios", "run"])
def test_mistakes_in_an_analysis_are_refused(
    cli: Cli, path: Path, tmp_path: Path, command: str, old: str, new: str, said: str
) -> None:
    """With file, key and nearest name, exit code 2, before anything runs; whoever does not run it is told too."""
    path.write_text(path.read_text().replace(old, new, 1) + SWITCH)
    outcome = cli(command, path, *FAST, "--out", tmp_path / "out")
    assert outcome.code == 2, outcome.out
    told = " ".join(outcome.err.split())
    assert said in told
    assert str(path.name) in told
    assert "(line " in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('change.settings.comparator = "od"', "analyses.1.change.settings.comparator: unknown strategy 'od'"),
        ('change.states.alive.utility = "gian"', "analyses.1.change.states.alive.utility: unknown name 'gian'"),
    ],
)
def test_a_change_that_makes_no_model_is_refused(cli: Cli, path: Path, tmp_path: Path, change: str, said: str) -> None:
    """Before the base case runs, though a look at the file alone does not tell."""
    path.write_text(path.read_text().replace("set = { price = 100 }", change, 1))
    outcome = cli("scenarios", path, *FAST, "--out", tmp_path / "out")
    assert outcome.code == 2, outcome.out
    assert said in " ".join(outcome.err.split())
    assert "scenarios.csv" not in [file.name for file in (tmp_path / "out").glob("*")]
