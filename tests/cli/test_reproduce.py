"""`lmssim reproduce`."""

from __future__ import annotations

import csv
import json
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lmssim import bundled
from lmssim.bundled import results_folder
from lmssim.cli.app import main
from lmssim.studies.reference import calibrations_in_order, reference

if TYPE_CHECKING:
    from pathlib import Path


def test_base_case_of_every_site(tmp_path: Path) -> None:
    """One table with every site, whose outcomes are numbers, and a manifest that says how it was made."""
    with pytest.raises(SystemExit) as left:
        main(["reproduce", "--only", "base_case", "--patients", "64", "--jobs", "1", "-q", "--out", str(tmp_path)])
    assert left.value.code == 0
    with (tmp_path / "base_case" / "by_site.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(dict.fromkeys(row["scenario"] for row in rows)) == tuple(reference().scenarios)
    assert all(0.0 <= float(row["os_5y"]) <= 1.0 and float(row["cost"]) > 0.0 for row in rows)
    document = json.loads((tmp_path / "base_case" / "manifest.json").read_text())
    assert len(document["scenarios"]) == len(reference().scenarios)
    assert not (tmp_path / "switches").exists()
    assert not (tmp_path / "calibration").exists()


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is calibrated, in this order, where calibrating takes no time."""
    names = []

    def calibrate_to(path: Path, _settings: Any, folder: Path, _jobs: int, quiet: bool) -> None:
        names.append(name := path.stem)
        assert quiet
        folder.mkdir(parents=True)
        (folder / "posterior.parquet").write_text(f"draws of {name}")
        (folder / "parameters.csv").write_text(f"parameters of {name}")

    def solve_to(scenario: str, folder: Path, table: str, quiet: bool) -> None:
        assert quiet
        folder.mkdir(parents=True)
        (folder / table).write_text(f"solved in {scenario}")

    monkeypatch.setitem(sys.modules, "lmssim.cli.calibrate", SimpleNamespace(calibrate_to=calibrate_to))
    monkeypatch.setitem(sys.modules, "lmssim.cli.sensitivity.switches", SimpleNamespace(solve_to=solve_to))
    return names


@pytest.mark.parametrize(
    ("package", "out", "taken"),
    [
        ("copy/lmssim", "copy/results", True),
        ("copy/lmssim", "elsewhere", False),
        ("installed", "installed/results", False),
    ],
)
def test_calibrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calibrated: list[str], package: str, out: str, taken: bool
) -> None:
    """Advanced disease before the sites, labels last; scenarios get the tables of a working copy's results alone."""
    folder = tmp_path / ("copy/calibration" if package == "copy/lmssim" else "installed/calibration")
    folder.mkdir(parents=True)
    names, scenarios, solved = calibrations_in_order(), reference().scenarios, reference().solved
    for name in names:
        (folder / f"{name}.toml").touch()
    (folder.parent / "results").mkdir()
    (folder.parent / "results" / "reference.toml").write_bytes((results_folder() / "reference.toml").read_bytes())
    monkeypatch.setattr(bundled, "PACKAGE", tmp_path / package)
    with pytest.raises(SystemExit) as left:
        main(["reproduce", "--only", "calibration", "--jobs", "1", "-q", "--out", str(tmp_path / out)])
    assert left.value.code == 0
    assert calibrated[0] == "advanced"
    assert {*calibrated[1:]} == {*scenarios} - {"all_sites"}
    assert sorted(path.name for path in (tmp_path / out / "calibration").iterdir()) == sorted(names)
    found = {path.name: path.read_text() for path in (folder / "posteriors").glob("*")}
    expected = {f"{name}.csv": f"parameters of {name}" for name in names}
    expected |= {f"{name}.parquet": f"draws of {name}" for name in names}
    expected |= {f"{table}.csv": f"solved in {scenario}" for table, scenario in solved.items()}
    assert found == (expected if taken else {})
    assert not (tmp_path / out / "base_case").exists()


def test_unknown_part_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message that names the nearest part."""
    with pytest.raises(SystemExit) as left:
        main(["reproduce", "--only", "switch", "--out", str(tmp_path)])
    assert left.value.code == 2
    assert "Did you mean 'switches'?" in capsys.readouterr().err


def test_what_agencies_ask_of_the_reference_scenarios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a folder of its own, with the strategy that patients get today."""
    asked = {}

    def agency(site: str, parts: str | None, standard_care: str, *, out: Path, **more: Any) -> None:
        asked[site] = standard_care, out.relative_to(tmp_path).as_posix(), parts, more["patients"], more["seed"]

    monkeypatch.setitem(sys.modules, "lmssim.cli.sensitivity.agency", SimpleNamespace(agency=agency))
    words = ["reproduce", "--only", "agency", "--patients", "2000", "--seed", "3", "-q", "--out", str(tmp_path)]
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 0
    assert asked == {site: (care, f"agency/{site}", None, 2000, 3) for site, care in reference().agency.items()}
    assert set(asked) == {"extremity", "uterine"}
