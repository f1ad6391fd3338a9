"""`lmssim verify` on planted errors, in files, through the command line: exit code 1, and where it is."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lmssim.bundled import calibration_folder, scenarios_folder
from lmssim.errors import OutputError
from lmssim.execution import store
from lmssim.studies.verify import CHECKS

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

FILES = {"compiled-engine-agreement.csv", "inputs.json", "manifest.json", "verify.csv", "verify.html", "verify.json"}


@pytest.fixture
def extremity(tmp_path: Path) -> Path:
    """A copy of the bundled scenarios and their posteriors; the path of extremity."""
    shutil.copytree(calibration_folder() / "posteriors", tmp_path / "calibration" / "posteriors")
    return Path(shutil.copytree(scenarios_folder(), tmp_path / "scenarios")) / "extremity.toml"


def failures(folder: Path) -> dict[str, dict[str, Any]]:
    """Failed checks of a folder of results."""
    rows = json.loads((folder / "verify.json").read_text())["results"]
    return {row["check"]: row for row in rows if row["status"] == "failed"}


def replaced(path: Path, old: str, new: str) -> None:
    """Plant an error in a file."""
    text = path.read_text()
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new))


def test_a_sound_example_passes(cli: Cli, tmp_path: Path) -> None:
    """Exit code 0, every file, one line of counts."""
    outcome = cli("verify", "illness_death", "--patients", 1000, "--jobs", 1, "--out", tmp_path)
    assert outcome.code == 0, outcome.out
    assert {p.name for p in tmp_path.iterdir()} == FILES
    assert "passed, 0 failed" in outcome.out
    with (tmp_path / "verify.csv").open(newline="") as file:
        assert [row["check"] for row in csv.DictReader(file)] == [c["check"] for c in _document(tmp_path)["results"]]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["result"]["patients"] == 1000
    assert manifest["verify"]["passed"] is True
    assert set(manifest["files"]) == FILES - {"manifest.json"}


def test_the_exact_engine_is_verified_where_it_can_be(cli: Cli, tmp_path: Path) -> None:
    """A model in cycles by cohort: what needs individual lives is not applicable, and says so; nothing fails."""
    outcome = cli("verify", "hiv", "--engine", "cohort", "--jobs", 1, "--out", tmp_path)
    assert outcome.code == 0, outcome.out
    rows = {row["check"]: row for row in _document(tmp_path)["results"]}
    assert {rows[name]["status"] for name in ("utility-one", "rate-zero", "occupancy-sum")} == {"passed"}
    assert rows["engine-agreement"]["status"] == "not applicable"
    assert sum("has no individual lives" in str(row["reason"]) for row in rows.values()) >= 1


def test_the_reference_engine_has_individual_lives(cli: Cli, tmp_path: Path) -> None:
    """By `des` too stays follow each other, and one life alone is the same life among many."""
    checks = [word for name in ("tunnel", "replay", "net-flow") for word in ("--check", name)]
    options = ["--engine", "des", "--patients", 120, "--jobs", 1, "--out", tmp_path]
    outcome = cli("verify", "illness_death", *checks, *options)
    assert outcome.code == 0, outcome.out
    assert {row["check"]: row["status"] for row in _document(tmp_path)["results"]} == dict.fromkeys(
        ("tunnel", "replay", "net-flow"), "passed"
    )


def _document(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "verify.json").read_text())
    return document


def test_a_utility_above_the_norm_fails(cli: Cli, extremity: Path, tmp_path: Path) -> None:
    """In a copy of extremity: the state and the value are named."""
    replaced(extremity.parent / "models" / "systemic.toml", 'utility = "um_supportive"', "utility = 1.05")
    outcome = cli("verify", extremity, "--patients", 300, "--check", "state-utility-norm", "--out", tmp_path / "out")
    assert outcome.code == 1
    assert "state supportive" in outcome.out
    assert failures(tmp_path / "out")["state-utility-norm"]["observed"] == 1.05


def test_qalys_above_the_norm_fail(cli: Cli, extremity: Path, tmp_path: Path) -> None:
    """QALYs gained at entry lift the mean above the norm of the same lives."""
    with extremity.open("a") as file:
        file.write("\n[states.surveillance]\nentry_utility = 6.0\n")
    outcome = cli("verify", extremity, "--patients", 300, "--check", "mean-utility-norm", "--out", tmp_path / "out")
    assert outcome.code == 1
    assert "outcome qalys" in outcome.out


def test_survival_above_the_life_table_fails(cli: Cli, extremity: Path, tmp_path: Path) -> None:
    """Half the background mortality: the states are named, and the time."""
    replaced(extremity.parent / "models" / "lms.toml", "background.multiplier = 1", "background.multiplier = 0.5")
    outcome = cli(
        "verify", extremity, "--patients", 1000, "--check", "background-life-table", "--out", tmp_path / "out"
    )
    assert outcome.code == 1
    where = failures(tmp_path / "out")["background-life-table"]["where"]
    assert "surveillance (background x 0.5)" in where
    assert "time" in where


def test_a_hazard_ratio_the_wrong_way_fails(cli: Cli, extremity: Path, tmp_path: Path) -> None:
    """The transition, the effect and its parameter are named."""
    table = extremity.parent / "parameters" / "extremity.csv"
    row = next(line for line in table.read_text().splitlines() if line.startswith("loghr_lr_adj_rt,"))
    value = row.split(",")[1]
    replaced(table, row, row.replace(f",{value},", f",{-float(value)},", 1))
    outcome = cli("verify", extremity, "--patients", 500, "--check", "effect-direction", "--out", tmp_path / "out")
    assert outcome.code == 1
    assert "loghr_lr_adj_rt" in outcome.out.replace("\n", "")
    assert "local_recurrence_onset" in failures(tmp_path / "out")["effect-direction"]["where"]


def test_json_is_one_document(cli: Cli, tmp_path: Path) -> None:
    """Nothing else on stdout."""
    outcome = cli("verify", "illness_death", "--patients", 500, "--check", "inputs", "--json", "--out", tmp_path)
    document = json.loads(outcome.out)
    assert document["passed"] is True
    assert {row["section"] for row in document["results"]} == {"inputs"}
    assert set(document["results"][0]) >= {"check", "status", "observed", "expected", "tolerance", "where", "reason"}


def test_the_old_manifest_goes_before_the_first_new_file(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A battery whose table cannot be written leaves no manifest that speaks for it."""
    call = ["verify", "illness_death", "--patients", 200, "--check", "bounds", "--out", tmp_path]
    assert cli(*call).code == 0
    assert (tmp_path / "manifest.json").exists()

    def full(*_: object) -> None:
        raise OutputError("verify.csv: no space left")

    monkeypatch.setattr(store, "write_csv", full)
    assert cli(*call).code == 2
    assert not (tmp_path / "manifest.json").exists()


def test_seconds_stand_in_the_environment(cli: Cli, tmp_path: Path) -> None:
    """Of each check, in the manifest and on the line; no table holds them."""
    call = ["verify", "illness_death", "--patients", 200, "--check", "bounds", "--json", "--out", tmp_path]
    document = json.loads(cli(*call).out)
    assert set(document["seconds"]) == {"bounds"}
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["environment"]["seconds_by_check"] == document["seconds"]


def test_partitioned_survival_is_verified_by_the_exact_engine(cli: Cli, tmp_path: Path) -> None:
    """Nobody has to know which engine there is."""
    checks = [word for name in ("utility-zero", "occupancy-sum", "tunnel") for word in ("--check", name)]
    outcome = cli("verify", "partitioned", "--patients", 200, *checks, "--out", tmp_path)
    assert outcome.code == 0, outcome.err
    assert {(row["engine"], row["status"]) for row in _document(tmp_path)["results"]} == {
        ("cohort", "passed"),
        ("cohort", "not applicable"),
    }


def test_quiet_prints_nothing(cli: Cli, tmp_path: Path) -> None:
    """The exit code says it all."""
    outcome = cli("verify", "illness_death", "--patients", 500, "--check", "bounds", "-q", "--out", tmp_path)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


def test_overrides_reach_the_battery(cli: Cli, tmp_path: Path) -> None:
    """A parameter set on the line fails its check."""
    call = ["verify", "illness_death", "--patients", 500, "--check", "effect-direction", "--out", tmp_path]
    assert cli(*call, "--set", "loghr_progression=0.3").code == 1
    assert json.loads((tmp_path / "manifest.json").read_text())["result"]["overrides"] == {"loghr_progression": 0.3}


def test_the_list_names_every_check(cli: Cli) -> None:
    """Without a scenario."""
    outcome = cli("verify", "--list")
    assert outcome.code == 0
    assert [line[13:].split()[0] for line in outcome.out.splitlines()] != []
    for each in CHECKS:
        assert each in outcome.out
    fewer = cli("verify", "--list", "--check", "inputs", "--skip", "effect-direction").out
    assert "effect-size" in fewer
    assert "effect-direction" not in fewer


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "SCENARIO is missing"),
        (("illness_death", "--check", "utility-ones"), "utility-one"),
        (("illness_death", "--engine", "des-cartes"), "unknown value 'des-cartes'"),
        (("illness_death", "--patients", 0), "patients"),
        (("ilness_death",), "illness_death"),
    ],
)
def test_bad_input_is_one_line(cli: Cli, tmp_path: Path, words: tuple[object, ...], said: str) -> None:
    """Exit code 2 and the nearest name."""
    outcome = cli("verify", *words, "--out", tmp_path)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert said in outcome.err
