"""`lmssim psa` through the command line: files, JSON, refusals, and work that is killed and taken up again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from lmssim.studies.sensitivity.psa.result import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

SMALL = ("psa", "hiv", "--draws", 40, "--patients", 50, "--jobs", 1)
FILES = {*(f"{name}.csv" for name in TABLES), "draws.parquet", "results.parquet", "inputs.json", "manifest.json"}
FIGURES = {"plane.png", "ceac.png", "expected_loss.png", "survival.png"}


def test_everything_is_written(cli: Cli, tmp_path: Path) -> None:
    """Tables, figures, report and manifest, which lists them all; what was kept while it ran is gone."""
    out = tmp_path / "out"
    outcome = cli(*SMALL, "--out", out)
    assert outcome.code == 0, outcome.err
    assert {p.name for p in out.iterdir()} == FILES | {"figures", "inputs", "report.html"}
    assert {p.name for p in (out / "figures").iterdir()} == FIGURES
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["files"]) == (FILES - {"manifest.json"}) | {"report.html", "inputs/scenario.json"} | {
        f"figures/{f}" for f in FIGURES
    }
    assert manifest["result"]["draws"] == 40
    assert manifest["result"]["random_numbers"] == "independent"
    assert "NICE" in outcome.out
    assert "40 joint draws of the parameters, each with 50 patients of its own" in " ".join(outcome.out.split())
    first = {name: (out / name).read_bytes() for name in FILES if name.endswith((".csv", ".parquet"))}
    assert cli(*SMALL, "--out", out, "--no-report").code == 0
    assert {p.name for p in out.iterdir()} == FILES | {"inputs"}  # no empty folder of figures stays
    assert first == {name: (out / name).read_bytes() for name in first}


def test_json_is_one_document(cli: Cli, tmp_path: Path) -> None:
    """With the tables of the decision."""
    words = ("--engine", "cohort", "--draws", 5, "--out", tmp_path / "out", "--json")
    document = json.loads(cli("psa", "hiv", *words).out)
    assert {row["strategy"] for row in document["ceac"]} == {"mono", "combination"}
    assert document["manifest"]["result"]["solved"] == {"profiles": 32}
    assert not (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize(("rule", "said"), [("age>", "'age>' is not an expression."), ("ag > 5", "unknown name 'ag'.")])
def test_a_rule_that_is_none_is_refused_before_a_draw(cli: Cli, tmp_path: Path, rule: str, said: str) -> None:
    """Without the number of one, and without a folder."""
    outcome = cli(*SMALL, "--where", rule, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert f"where: {said}" in outcome.err
    assert "draw" not in outcome.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--draws", 1), "'1' is not a whole number from 2 to 1,000,000"),
        (("--patients", 1), "'1' is not a whole number from 2 to"),
        (("--engine", "cohort", "--patients", 10), "--patients: engine 'cohort'"),
        (("--profiles", 10), "--profiles: engine 'compiled'"),
        (("--strategies", "mono,combnation"), "'combination'"),
        (("--backend", "dask"), "'dask'"),
    ],
)
def test_bad_input(cli: Cli, tmp_path: Path, words: tuple[object, ...], message: str) -> None:
    """One message, exit code 2, nothing written."""
    outcome = cli("psa", "hiv", *words, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert message in outcome.err
    assert not (tmp_path / "out").exists()


def test_work_that_is_killed_is_taken_up_again(tmp_path: Path) -> None:
    """SIGKILL after the first part: the last run gives the same files as one that nobody ends."""
    words = ["psa", "hiv", "--draws", "600", "--patients", "100", "--jobs", "1", "--quiet", "--no-report", "--out"]

    def start(out: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen([sys.executable, "-m", "lmssim", *words, out], cwd=tmp_path, env=environment)

    assert start("whole").wait() == 0
    killed = 0
    for k in range(1):
        process = start("out")
        while process.poll() is None and len(list(tmp_path.glob("out/checkpoint/draws-*.npz"))) <= k:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed
    assert start("out").wait() == 0
    for path in (tmp_path / "whole").iterdir():
        if path.suffix in (".csv", ".parquet"):
            assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes(), path.name
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_subgroups_and_parts(cli: Cli, tmp_path: Path) -> None:
    """Tables of each subgroup beside those of all, in the manifest and the report; a part by itself gives the same."""
    call = ["psa", "illness_death", "--draws", 30, "--patients", 40, "--jobs", 1, "--quiet"]
    told = cli(*call[:-1], "--by", "age: 50, 70", "--out", tmp_path / "by")
    assert told.code == 0
    printed = told.out[told.out.index("By subgroup, at 20,000 GBP per QALY") :]
    assert re.search(r"Age 50-70 +New treatment +[0-9.]+ +[0-9,]+ ± [0-9,]+", printed)
    assert "Over Standard, per patient" in printed
    assert cli(*call, "--where", "age >= 50", "--no-report", "--out", tmp_path / "where").code == 0
    manifest = json.loads((tmp_path / "by" / "manifest.json").read_text())
    assert manifest["result"]["partitions"] == {"age: 50, 70": {"age 50-70": "age >= 50 and age < 70"}}
    own = (tmp_path / "by" / "subgroup_ceaf.csv").read_text().replace('"age: 50, 70",age 50-70,', "")
    assert own.replace("partition,subgroup,", "") == (tmp_path / "where" / "ceaf.csv").read_text()
    assert "Optimal strategy by subgroup" in (tmp_path / "by" / "report.html").read_text()
    refused = cli(*call, "--where", "age > 90", "--out", tmp_path / "none")
    assert refused.code == 2
    assert "where: in a draw 0 of 40 patients meet 'age > 90'; at least 2 must: give more patients" in refused.err


STRUCTURE = """
schema_version = 2
name = "structure"
title = "A gain that may not be there"
parameters = ["p.csv"]

[settings]
horizon = 1
discount_rate_costs = 0
discount_rate_effects = 0
wtp = [20000]
cost_categories = ["care"]
comparator = "old"

[population]
covariates.age = { kind = "constant", value = 60 }

[states.alive]
initial = true
utility = "0.5 + gain"
cost_per_year.care = "1000 + price"

[states.dead]
kind = "absorbing"
death = "other"

[[transitions]]
from = "alive"
to = "dead"
hazard = { family = "exponential", rate = 1e-12 }

[strategies.old]
set = { gain = 0, price = 0 }

[strategies.new]

[switches.effect]
default = "trial"
options.trial = { label = "as in the trial" }
options.none = { set = { gain = 0 } }
average = { weights = { trial = 0.8, none = 0.2 }, justification = "An example." }
"""


@pytest.fixture
def structure(tmp_path: Path) -> Path:
    """A gain of 0.05 QALYs for 500, or none."""
    rows = "gain,0.05,normal,0.00001", "price,500,normal,0.1"
    (tmp_path / "p.csv").write_text("\n".join(["id,value,distribution,se", *rows]) + "\n")
    path = tmp_path / "structure.toml"
    path.write_text(STRUCTURE)
    return path


def test_structure_is_averaged_and_its_value_found(cli: Cli, structure: Path, tmp_path: Path) -> None:
    """500 with probability 0.8, else -500: to learn which is worth 100, or what the share of the draws makes of it."""
    out, words = tmp_path / "out", ("--engine", "cohort", "--draws", 500)
    outcome = cli("psa", structure, *words, "--average", "all", "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    rows = json.loads(outcome.out)["averaging"]
    none = next(r for r in rows if (r["option"], r["strategy"], r["outcome"]) == ("none", "new", "inmb:20000"))
    assert none["mean"] == pytest.approx(-500.0, abs=1.0)
    assert abs(none["draws"] / 500 - 0.2) < 4.0 * (0.16 / 500) ** 0.5
    found = json.loads(cli("voi", out, "--out", tmp_path / "voi", "--json", "--report").out)["evppi"]
    value = next(row for row in found if row["name"] == "effect")
    assert value["label"].startswith("Structure: effect")
    assert value["kind"] == "structure"
    page = (tmp_path / "voi" / "report.html").read_text()
    assert "Structure: effect (2 options) (" in page
    assert "what it is worth alone includes what it tells of the structure" in page
    assert "Drawn with the parameters: Structure: effect (2 options)." in page
    assert value["evppi"] == pytest.approx(500.0 * none["draws"] / 500, rel=0.02)
    assert json.loads((out / "manifest.json").read_text())["result"]["average"] == {
        "effect": {"trial": 0.8, "none": 0.2}
    }
    shown = cli("psa", structure, *words, "--average", "effect=trial:0.5,none:0.5", "--out", tmp_path / "other")
    assert "Averaged over structure" in " ".join(shown.out.split())
    assert "By structural option" in (tmp_path / "other" / "report.html").read_text()
    for command in (("diff", out, out), ("tornado", structure, "--psa", out, "--out", tmp_path / "t")):
        refused = cli(*command)
        assert refused.code == 2
        assert "--average" in refused.err


def test_what_is_said_of_options(cli: Cli, structure: Path, tmp_path: Path) -> None:
    """One that changes the decision, one that no draw has, and one of which errors say too little."""

    def said(name: str, *words: object) -> str:
        found = cli("psa", structure, "--engine", "cohort", "--out", tmp_path / name, "--no-report", *words)
        assert found.code == 0, found.err
        return " ".join(found.out.split())

    told = said("changed", "--draws", 100, "--average", "all")
    assert "With some options another strategy is optimal than on average: old with 'none' (at 20,000, " in told
    told = said("untold", "--draws", 40, "--average", "effect=trial:0.999,none:0.001")
    assert "Fewer than two draws have 'none', of which nothing is told: more --draws tell." in told
    assert "With every option of which there are draws the strategy that is optimal on average is optimal" in told
    frame = pd.read_csv(tmp_path / "untold" / "averaging.csv")
    (none,) = frame[frame["option"] == "none"].to_dict("records")
    assert none["draws"] == 0
    assert np.isnan(none["mean"])
    (structure.parent / "p.csv").write_text(
        "id,value,distribution,se\ngain,0.05,normal,0.00001\nprice,1000,gamma,2000\n"
    )
    told = said("open", "--draws", 100, "--average", "effect=trial:0.9,none:0.1")
    assert "Errors leave open which strategy is optimal on average (at " in told
    assert "At 20,000 GBP per QALY: new (errors do not tell old from it), with probability" in told
    assert "; with 'as in the trial' (at 20,000" in told


def test_a_parameter_is_held_or_set_by_an_option(cli: Cli, structure: Path, tmp_path: Path) -> None:
    """Options that are averaged over would all be the same."""
    found = cli("psa", structure, "--average", "all", "--set", "gain=0.01", "--out", tmp_path / "out")
    assert found.code == 2
    assert "gain is held at 0.01, and 'effect = none', which is averaged over, sets it too" in found.err


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("effect=trial", "is not of the form SWITCH=OPTION:P,OPTION:P"),
        ("effect=trial:x,none:0.5", "is not of the form"),
        ("effect=trial:0.5,trial:0.5", "has two weights"),
        ("effect=trial:0.5,nothing:0.5", "unknown option 'nothing'"),
        ("efect", "Did you mean 'effect'"),
        ("effect=trial:0.5,none:0.6", "they must add up to 1"),
    ],
)
def test_bad_averages(cli: Cli, structure: Path, tmp_path: Path, asked: str, message: str) -> None:
    """One message, nothing written."""
    outcome = cli("psa", structure, "--average", asked, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert message in outcome.err
    assert not (tmp_path / "out").exists()
