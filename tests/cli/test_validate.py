"""`lmssim validate` through the command line: the user's own table, held-out figures, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from lmssim.model.scenario import load_scenario
from lmssim.studies.calibration.problem import load_problem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

HEADER = (
    "target_id,site,population,strategy,outcome,statistic,time_years,value,ci_low,ci_high,n,events,source_id,locator,"
    "notes"
)
ROWS = (
    "alive,all,,standard,os,km_survival,2,0.6,,,100,,paper,,",
    "ill,all,,standard,progression,cumulative_incidence,1,0.3,,,80,,paper,,",
    "far,all,,standard,os,km_survival,2,0.01,,,400,,other,,",
    "median,all,,new,os,median_time_years,,2.5,,,60,,other,,",
    "bound,all,,new,os,km_survival,1,,0.2,,60,,other,,",
    "ratio,all,,new,os,hazard_ratio,,0.7,,,60,,other,,",
)
FIRST = ["target_id", "observed", "predicted", "low", "high", "inside", "reading"]
FILES = {"validation.csv", "figures/forest.png", "report.html", "inputs.json", "manifest.json"}
QUICK = ("--draws", 20, "--patients", 1000, "--jobs", 1)


def table(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """A table of figures."""
    path = folder / "own.csv"
    path.write_text("\n".join((header, *(rows or ROWS))) + "\n")
    return path


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_users_own_table(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Every figure with its interval or its reason; figure, report and manifest; the same when run again."""
    out = tmp_path / "out"
    words = ("validate", model, "--targets", table(tmp_path), *QUICK, "--out", out)
    outcome = cli(*words)
    assert outcome.code == 0, outcome.err
    assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == FILES
    rows = read(out / "validation.csv")
    assert list(rows[0])[: len(FIRST)] == FIRST
    assert [row["target_id"] for row in rows] == [line.partition(",")[0] for line in ROWS]
    assert {row["target_id"]: row["inside"] for row in rows if row["target_id"] in ("far", "ratio")} == {
        "far": "False",
        "ratio": "",
    }
    assert rows[-1]["reading"].startswith("not computable: hazard ratio")
    assert [row["counted"] for row in rows] == ["True"] * 4 + ["False"] * 2
    assert "of 4 targets from 2 studies lie inside" in " ".join(outcome.out.split())
    page = (out / "report.html").read_text()
    assert "Not computable" in page
    assert "data:image/png;base64" in page
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["files"]) == FILES - {"manifest.json"}
    assert (manifest["result"]["draws"], list(manifest["result"]["targets"])) == (20, ["own.csv"])
    first = (out / "validation.csv").read_bytes()
    assert (
        cli(*(2 if before == "--jobs" else word for before, word in zip(("", *words), words, strict=False))).code == 0
    )
    assert (out / "validation.csv").read_bytes() == first


def test_json_is_one_document(cli: Cli, model: Path, tmp_path: Path) -> None:
    """And nothing else; a figure of an earlier run that is not drawn now is removed."""
    out = tmp_path / "out"
    words = ("validate", model, *QUICK, "--out", out, "--json", "--targets")
    document = json.loads(cli(*words, table(tmp_path)).out)
    assert document["summary"]["targets"] == len(ROWS)
    assert document["validation"][0]["inside"] in (True, False)
    assert document["validation"][-1]["inside"] is None
    document = json.loads(cli(*words, table(tmp_path, ROWS[-1])).out)
    assert document["summary"]["counted"] == 0
    assert not (out / "figures" / "forest.png").exists()


def test_targets_that_calibration_holds_out(cli: Cli, tmp_path: Path) -> None:
    """Are what is compared if no table is given."""
    outcome = cli("validate", "cutaneous", *QUICK, "--out", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    rows = read(tmp_path / "out" / "validation.csv")
    assert {row["study"] for row in rows} == set(load_problem("cutaneous").file.held_out)
    assert all(row["reading"].startswith("as in the calibration (") for row in rows if row["inside"])


def test_a_scenario_without_a_calibration_needs_a_table(cli: Cli, model: Path, tmp_path: Path) -> None:
    """And says so."""
    outcome = cli("validate", model, "--out", tmp_path / "out")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert f"there is no calibration of scenario '{load_scenario(model).name}'; give --targets FILE." in outcome.err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,all,,standard,os,km_survival,2,60,,,9,,p,,", "own.csv:2: column 'value': 60 is not a share"),
        ("a,all,,standard,os,km_survivl,2,0.6,,,9,,p,,", "Did you mean 'km_survival'?"),
        ("a,all,,standard,os,km_survival,2,nan,,,9,,p,,", "'nan' is not a finite number"),
        ("a,all,,standard,os,km_survival,2,0.6,,,-9,,p,,", "column 'n': -9"),
        ("a,all,,standard,os,km_survival,2,0.6,0.7,0.5,9,,p,,", "column 'ci_low': 0.7 is above ci_high"),
        ("a,all,,standard,os,km_survival,2,0.6", "the row has 8 cells, the header 15"),
    ],
)
def test_bad_rows_are_refused(cli: Cli, model: Path, tmp_path: Path, row: str, message: str) -> None:
    """One line, exit code 2, nothing written."""
    outcome = cli("validate", model, "--targets", table(tmp_path, row), "--out", tmp_path / "out")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert message in outcome.err
    assert not (tmp_path / "out").exists()


def test_bad_rows_are_refused_alone(cli: Cli, model: Path, tmp_path: Path) -> None:
    """The others are computed; bad rows stand in the table, on the screen and in the report with their reasons."""
    bad = (
        "percent,all,,standard,os,km_survival,2,60,,,9,,p,,",
        "arm,all,,standard,os,km_survival,2,0.6,,,9,,p,,",
        "short,all",
    )
    out = tmp_path / "out"
    own = table(
        tmp_path,
        *(f"{row},{'nobody' if row.startswith('arm') else ''}" for row in (ROWS[0], *bad[:2])),
        bad[2],
        header=f"{HEADER},model_strategy",
    )
    outcome = cli("validate", model, "--targets", own, *QUICK, "--out", out)
    assert outcome.code == 0, outcome.err
    rows = {row["target_id"]: row for row in read(out / "validation.csv")}
    assert rows["alive"]["inside"]
    messages = {
        "percent": "own.csv:3: column 'value': 60 is not a share",
        "arm": "own.csv:4: 'model_strategy': unknown strategy 'nobody'",
        "short": "own.csv:5: the row has 2 cells, the header 16",
    }
    page = (out / "report.html").read_text()
    for name, message in messages.items():
        assert rows[name]["reading"].startswith("refused: ")
        assert message in rows[name]["reading"]
        assert message in outcome.out
    assert "3 rows are refused" in " ".join(outcome.out.split())
    assert "Rows of the table that cannot be read" in page


def test_one_file_serves_every_site(cli: Cli, tmp_path: Path) -> None:
    """Rows of other sites are left out with their number; a file of nothing else is refused."""
    own = "skin,cutaneous,,surgery,os,km_survival,5,0.9,,,60,,paper,,"
    other = "limb,extremity,,surgery,os,km_survival,5,0.7,,,60,,paper,,"
    out = tmp_path / "out"
    outcome = cli("validate", "cutaneous", "--targets", table(tmp_path, other, own), *QUICK, "--out", out)
    assert outcome.code == 0, outcome.err
    assert [row["target_id"] for row in read(out / "validation.csv")] == ["skin"]
    assert "1 row of other sites left out" in " ".join(outcome.out.split())
    alone = cli("validate", "cutaneous", "--targets", table(tmp_path, other), "--out", tmp_path / "none")
    assert (alone.code, alone.err.count("\n")) == (2, 1)
    assert "no row is of the scenario's site: the first is of site extremity" in alone.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("extremitty",), "Did you mean 'extremity'?"),
        (("extremity", "--targets", "oun.csv"), "oun.csv: there is no such file."),
        (("extremity", "--targets", "."), "is a folder, not a table of targets"),
        (("extremity", "--draws", "3", "--targets", "own.csv"), "'--draws': '3' is not a whole number from 20 to"),
        (
            ("extremity", "--patients", "20", "--targets", "own.csv"),
            "'--patients': '20' is not a whole number from 100 to",
        ),
        (("extremity", "--targets", "renamed.csv"), "the column 'statistic' is missing. Did you mean 'statistics'?"),
    ],
)
def test_bad_words_are_refused(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    """One line, exit code 2."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(table(tmp_path, header=HEADER.replace("statistic", "statistics")), tmp_path / "renamed.csv")
    table(tmp_path)
    outcome = cli("validate", *words)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1), outcome.err
    assert message in outcome.err
