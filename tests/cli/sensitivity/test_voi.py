"""`lmssim voi` through the command line: files, JSON, refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.studies.sensitivity.voi.study import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

WORDS = ("--incidence", 100, "--horizon", 10)


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """Effects, costs and parameters of two strategies, 200 draws."""
    rng = np.random.default_rng(1)
    p1, p2 = rng.normal(1.0, 1.0, 200), rng.normal(0.0, 2.0, 200)
    nothing = np.zeros(200)
    found = []
    for name, values, header in (("effects", (nothing, p1), "old,new"), ("costs", (nothing, p2), "old,new")):
        found.append(tmp_path / f"{name}.csv")
        np.savetxt(found[-1], np.column_stack(values), delimiter=",", header=header, comments="")
    found.append(tmp_path / "parameters.csv")
    np.savetxt(found[-1], np.column_stack([p1, p2]), delimiter=",", header="p1,p2", comments="")
    return found


def test_everything_is_written(cli: Cli, tables: list[Path], tmp_path: Path) -> None:
    """Tables, figures, report and manifest; what was found and how far to trust it is printed."""
    out = tmp_path / "out"
    outcome = cli("voi", "--from", *tables, "--wtp", "1,2", "--group", "both=p1,p2", *WORDS, "--xlsx", "--out", out)
    assert outcome.code == 0, outcome.err
    whole = {"report.html", "manifest.json", "tables.xlsx"}
    assert {f"{name}.csv" for name in TABLES} | whole <= {p.name for p in out.iterdir()}
    assert {p.name for p in (out / "figures").iterdir()} == {"value_by_wtp.png", "info_rank.png"}
    said = " ".join(outcome.out.split())
    assert "perfect information is worth" in said
    assert "in the population" in said
    assert "do not tell patient noise" in said
    page = (out / "report.html").read_text()
    assert "Reporting checklist" in page
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["result"]["wtp"] == [1.0, 2.0]
    assert set(manifest["result"]["read"]) == {"effects.csv", "costs.csv", "parameters.csv"}


def test_json_and_net_benefits(cli: Cli, tables: list[Path], tmp_path: Path) -> None:
    """One document; of net benefits no willingness to pay is asked."""
    outcome = cli("voi", "--from", tables[0], tables[2], "--json", "--out", tmp_path / "out")
    document = json.loads(outcome.out)
    assert {row["name"] for row in document["evppi"]} == {"p1", "p2"}
    assert not (tmp_path / "out" / "report.html").exists()
    assert cli("voi", "--from", tables[0], tables[2], "--out", tmp_path / "out", "--quiet").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--wtp", "1,x"), "--wtp 1,x: 'x' is not a number from 0 to 1,000,000,000,000"),
        (("--incidence", 10), "--horizon: a population takes --incidence and --horizon, both"),
        (("--delay", 1), "--delay: needs --incidence and --horizon"),
        (("--incidence", 10, "--horizon", 5, "--uptake", 2), "--uptake: 2 is not a number from 0 to 1"),
        (("--group", "g"), "--group g: is not NAME=ID,ID"),
        (("--group", "g=p9"), "--group g: unknown uncertain parameter 'p9'"),
        (("--current", "new=half"), "--current new=half: 'half' is not a finite number"),
        (("--figures", "svg", "--no-report"), "--figures: --no-report writes no figures"),
    ],
)
def test_bad_input(cli: Cli, tables: list[Path], tmp_path: Path, words: tuple[object, ...], message: str) -> None:
    """One message, exit code 2, nothing written."""
    outcome = cli("voi", "--from", *tables, *words, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert message in outcome.err
    assert not (tmp_path / "out").exists()


def test_folder_and_tables_are_told_apart(cli: Cli, tables: list[Path], tmp_path: Path) -> None:
    """Tables without --from, and net benefits with a willingness to pay, are refused."""
    assert "give tables after --from" in cli("voi", *tables).err
    assert "is a file, not a folder of `lmssim psa`; give tables after --from" in cli("voi", tables[0]).err
    outcome = cli("voi", "--from", tables[0], tables[2], "--wtp", "1", "--out", tmp_path / "out")
    assert "--wtp: the tables hold net benefits" in outcome.err
