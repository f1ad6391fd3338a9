"""`lmssim trial interim` prints, writes and refuses what it should."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from tests.kit.trial_files import BOUNDS, DESIGN, RMST, write_patients

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Patients at their 90th event, and a design."""
    design = tmp_path / "design.toml"
    design.write_text(DESIGN)
    return write_patients(tmp_path / "patients.csv", 90), design


def test_a_look_is_printed(cli: Cli, files: tuple[Path, Path]) -> None:
    """Patients, test, looks, sentences."""
    data, design = files
    done = cli("trial", "interim", data, "--design", design)
    assert done.code == 0
    for words in ("Look 1 of 3 (90 events, ", "repeated confidence interval", "conditional power", "Look 2 needs"):
        assert words in done.out
    assert "Status" in done.out
    assert "to come" in done.out


def test_a_look_is_written(cli: Cli, files: tuple[Path, Path], tmp_path: Path) -> None:
    """Tables, figures, report and manifest; the same again in the same folder."""
    data, design = files
    out = tmp_path / "out"
    words = ("trial", "interim", data, "--design", design, "--out", out, "--prior", "0.9:0.4", "--quiet")
    assert cli(*words).code == 0
    first = (out / "interim.csv").read_bytes()
    assert cli(*words).code == 0
    assert (out / "interim.csv").read_bytes() == first
    results = pd.read_csv(out / "interim.csv").set_index("quantity")
    assert results.loc["events", "value"] == 90
    low = results["low"].to_dict()
    assert low["effect_repeated_interval"] < low["effect"]
    looks = pd.read_csv(out / "interim_looks.csv")
    assert looks["status"].tolist() == ["now", "to come", "to come"]
    assert pd.read_csv(out / "interim_arms.csv")["events"].sum() == 90
    assert "median hazard ratio 0.9" in (out / "report.html").read_text()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["result"]["interim"]["prior"] == "0.9:0.4"
    assert len(manifest["result"]["data"]["sha256"]) == 64
    assert (out / "figures" / "survival.png").is_file()
    assert (out / "figures" / "bounds.png").is_file()


def test_json_says_the_same(cli: Cli, files: tuple[Path, Path]) -> None:
    """As one document."""
    data, design = files
    found = json.loads(cli("trial", "interim", data, "--design", design, "--json").out)
    assert found["effect"] == "hazard ratio"
    assert found["verdict"] in ("efficacy", "goes on")
    assert {row["quantity"] for row in found["results"]} >= {"z", "efficacy_bound", "predictive_probability"}
    assert len(found["looks"]) == 3


def test_final_looks_tell_the_stagewise_estimate(cli: Cli, files: tuple[Path, Path], tmp_path: Path) -> None:
    """And nothing to come."""
    _, design = files
    data = write_patients(tmp_path / "late.csv", 165)
    done = cli("trial", "interim", data, "--design", design, "--earlier", "80,125")
    assert "Look 3 of 3" in done.out
    assert "median-unbiased" in done.out
    assert "conditional power" not in done.out


def test_other_designs(cli: Cli, files: tuple[Path, Path], tmp_path: Path) -> None:
    """Restricted means, and bounds alone."""
    data, design = files
    design.write_text(RMST)
    done = cli("trial", "interim", write_patients(tmp_path / "late.csv", 130), "--design", design)
    assert done.code == 0
    assert "difference in restricted mean survival time" in done.out
    design.write_text(BOUNDS)
    done = cli("trial", "interim", data, "--design", design, "--planned-events", "180")
    assert "Look 1 of 2 (90 events, 50.0% of the planned information)" in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--prior", "0.9"), "--prior: '0.9' is not HR:SD"),
        (("--prior", "0:1"), "--prior: 0 must be above 0"),
        (("--earlier", "a"), "is not a list of finite numbers"),
        (("--look", "9"), "--look: 9 is not a look"),
        (("--figures", "png"), "--figures: are written to a folder"),
        (("--cutoff", "soon"), "--cutoff: 'soon' is not a calendar time"),
        (("--control", "DOC"), "--control: 'DOC' is no arm"),
        (("--lost-after", "-1"), "is not a finite number above 0"),
    ],
)
def test_bad_options_are_one_message(cli: Cli, files: tuple[Path, Path], words: tuple[str, ...], message: str) -> None:
    """And exit code 2."""
    data, design = files
    done = cli("trial", "interim", data, "--design", design, *words)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_bad_files_are_one_message(cli: Cli, files: tuple[Path, Path], tmp_path: Path) -> None:
    """The table, the design, or neither."""
    data, design = files
    data.write_text(data.read_text().replace("control", "contrl", 1))
    assert "patients.csv:2: column 'arm': 'contrl'" in cli("trial", "interim", data, "--design", design).err
    missing = cli("trial", "interim", tmp_path / "no.csv", "--design", design)
    assert (missing.code, "there is no such file" in missing.err) == (2, True)
    design.write_text("[trial]\nlook = 3\n")
    assert "unknown key 'look'" in cli("trial", "interim", data, "--design", design).err
    for folder in (data, design):
        assert cli("trial", "interim", folder.parent, "--design", folder).code == 2


def test_inputs_are_not_overwritten(cli: Cli, files: tuple[Path, Path]) -> None:
    """The folder of the data is no folder of results."""
    data, design = files
    before = data.read_bytes()
    done = cli("trial", "interim", data, "--design", design, "--out", data.parent)
    assert done.code == 2
    assert data.read_bytes() == before
