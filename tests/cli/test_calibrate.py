"""`lmssim calibrate` through the command line; what it calls is replaced by a calibration that was never run."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from lmssim.cli.progress import phase_bars
from lmssim.execution.store import hash_of
from lmssim.reach import ROOT
from tests.kit.calibrated import synthetic
from tests.kit.toy import CALIBRATION, write_toy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

MODULE = "lmssim.studies.calibration.calibrate"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings as the study has them."""

    design: tuple[int, int] = (1000, 1500)
    patients: tuple[int, int] = (1000, 2000)
    steps: int = 2000
    burn_in: int = 500
    seed: int = 1


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[Any, ...]]:
    """Two bundled calibrations, and what the study was called with; "uterine" does not converge."""
    seen: list[tuple[Any, ...]] = []

    def run(name: str, *rest: Any) -> Any:
        seen.append((name, *rest))
        return synthetic(14, 1, converged="uterine" not in name)

    model, bundled = tmp_path / "model", tmp_path / "bundled"
    for folder in (model, bundled):
        folder.mkdir()
    (tmp_path / ROOT).touch()
    written = write_toy(model, CALIBRATION.replace('"toy.toml"', f'"{model / "toy.toml"}"'))
    shutil.copy(model / "targets.csv", bundled)
    for name in ("extremity", "uterine"):
        shutil.copy(written, bundled / f"{name}.toml")
    module = ModuleType(MODULE)
    module.__dict__.update(Settings=Settings, calibrate=run)
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr("lmssim.bundled.calibration_folder", lambda: bundled)
    return seen


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves the time that pictures take."""
    monkeypatch.setattr("lmssim.report.calibration.page.write_report", lambda *_: [])


def test_a_calibration_is_run_and_written(cli: Cli, calls: list[tuple[Any, ...]], tmp_path: Path) -> None:
    """Tables, figures, report and manifest; options reach the study; what an earlier run left is removed."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.csv").write_text("")
    (out / "mine.txt").write_text("")
    earlier = {"format": 1, "result": {}, "files": ["old.csv"], "sha256": {"old.csv": hash_of(out / "old.csv")}}
    (out / "manifest.json").write_text(json.dumps(earlier))
    words = ("--seed", 7, "--jobs", 1, "--design", 101, "--patients", 50, "--steps", 30, "--no-resume")
    assert "holds 'mine.txt'" in cli("calibrate", "extremity", "--out", out, *words).err
    outcome = cli("calibrate", "extremity", "--out", out, "--beside-other-files", *words)
    assert outcome.code == 0, outcome.err
    path, settings, folder, resume, jobs, progress = calls[0]
    assert path.endswith("extremity.toml")
    assert settings == Settings(design=(101, 152), patients=(50, 100), steps=30, burn_in=7, seed=7)
    assert (folder, resume, jobs, progress) == (out, False, 1, None)
    manifest = json.loads((out / "manifest.json").read_text())
    found = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert found == {*manifest["files"], "manifest.json", "mine.txt"}
    assert {"fit.csv", "free.csv", "posterior.parquet", "report.html", "figures/fit.png"} <= found
    assert manifest["result"]["settings"]["steps"] == 30
    assert set(manifest["result"]["inputs"]) == {"extremity.toml"}
    inputs = json.loads((out / "inputs.json").read_text())
    assert inputs["asked"]["settings"] == manifest["result"]["settings"]
    assert inputs["calibration"]["rows"]["first: first_by5"] == {"n": 200.0, "observed": 0.39}
    assert "Converged" in outcome.out
    assert "Report: " in outcome.out


def test_defaults_are_those_of_the_study(
    cli: Cli, calls: list[tuple[Any, ...]], no_pictures: None, tmp_path: Path
) -> None:
    """And a checkpoint is gone on from."""
    assert cli("calibrate", tmp_path / "bundled" / "extremity.toml", "--out", tmp_path / "out", "--quiet").out == ""
    assert calls[0][1] == Settings()
    assert calls[0][3] is True


def test_json_is_one_document_and_no_convergence_is_1(
    cli: Cli, calls: list[tuple[Any, ...]], no_pictures: None, tmp_path: Path
) -> None:
    """What has not converged is written and said so."""
    outcome = cli("calibrate", "uterine", "--out", tmp_path / "out", "--json")
    assert outcome.code == 1
    assert outcome.err == ""
    document = json.loads(outcome.out)
    assert document["headline"][0].startswith("NOT converged; do not use it")
    assert [row["inside"] for row in document["fit"] if row["target_id"] == "target_13"] == [None]
    assert document["manifest"]["diagnostics"]["converged"] is False
    assert (tmp_path / "out" / "fit.csv").is_file()
    assert calls


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("extremty",), "extremty: no such file or bundled calibration. Did you mean 'extremity'?"),
        (("site",), "Allowed: extremity, uterine."),
        (("extremity", "--jobs", "0"), "'--jobs': '0' is not a whole number from 1 to"),
        (("extremity", "--design", "0"), "Invalid value for '--design'"),
        (("extremity", "--steps", "-1"), "Invalid value for '--steps'"),
    ],
)
def test_bad_words_are_refused(
    cli: Cli, calls: list[tuple[Any, ...]], tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    """One line, exit code 2, nothing run and no folder made."""
    outcome = cli("calibrate", *words, "--out", tmp_path / "out")
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1
    assert not calls
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_names_its_neighbour(cli: Cli, calls: list[tuple[Any, ...]], tmp_path: Path) -> None:
    """As for scenarios."""
    outcome = cli("calibrate", tmp_path / "bundled" / "extremty.toml")
    assert (outcome.code, calls) == (2, [])
    assert "Did you mean 'extremity.toml'?" in outcome.err


def test_bars_are_for_people(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal each phase has a bar of its own; elsewhere there is none."""
    with phase_bars() as progress:
        assert progress is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with phase_bars() as progress:
        assert progress is not None
        for phase in ("design", "sampling"):
            for done in (0, 5, 10):
                progress(phase, done, 10)
    shown = capsys.readouterr().err
    assert "design" in shown
    assert "sampling" in shown
    assert shown.count("100%") >= 2
