"""Scenarios and calibrations are found by name, in a working copy and in an installed package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim import bundled
from lmssim.errors import ScenarioError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=[True, False], ids=["working copy", "package"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder that holds scenarios and calibration: beside the package, or inside it."""
    package = tmp_path / "top" / "lmssim"
    package.mkdir(parents=True)
    monkeypatch.setattr(bundled, "PACKAGE", package)
    top = package.parent if request.param else package
    for name in (
        "calibration/extremity.toml",
        "calibration/advanced.toml",
        "calibration/posteriors/uterine.csv",
        "scenarios/extremity.toml",
        "scenarios/examples/hiv.toml",
        "results/reference.toml",
    ):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("")
    assert bundled.in_working_copy() == request.param
    return top


def test_folders_and_names(place: Path) -> None:
    """Calibrations are the files at the top of their folder, in order of name."""
    assert bundled.scenarios_folder() == place / "scenarios"
    assert bundled.calibration_folder() == place / "calibration"
    assert bundled.results_folder() == place / "results"
    assert bundled.bundled_names() == ["extremity", "examples/hiv"]
    assert bundled.calibration_names() == ["advanced", "extremity"]


def test_calibrations_are_found(place: Path, tmp_path: Path) -> None:
    """By name, or by path."""
    assert bundled.find_calibration("extremity") == place / "calibration" / "extremity.toml"
    mine = tmp_path / "mine.toml"
    mine.write_text("")
    assert bundled.find_calibration(mine) == mine
    assert bundled.find_scenario("hiv") == place / "scenarios" / "examples" / "hiv.toml"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("extremty", "no such file or bundled calibration. Did you mean 'extremity'"),
        ("hiv", "no such file or bundled calibration. Allowed: advanced, extremity"),
        ("{place}/calibration/advance.toml", "no such file. Did you mean 'advanced.toml'"),
        ("{place}/calibration/nowhere.toml", "nowhere.toml: no such file.$"),
        ("{place}", "is a folder, not a calibration file"),
    ],
)
def test_what_is_not_there_is_refused(place: Path, name: str, message: str) -> None:
    """With the nearest name."""
    with pytest.raises(ScenarioError, match=message):
        bundled.find_calibration(name.format(place=place))


def test_an_incomplete_installation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither beside the package nor in it."""
    monkeypatch.setattr(bundled, "PACKAGE", tmp_path / "lmssim")
    for folder in (bundled.calibration_folder, bundled.scenarios_folder, bundled.results_folder):
        with pytest.raises(ScenarioError, match="install lmssim again"):
            folder()
