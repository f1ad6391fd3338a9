"""What the reference results are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim import bundled
from lmssim.errors import ScenarioError
from lmssim.model.scenario import load_scenario
from lmssim.studies.reference import calibrations_in_order, reference

if TYPE_CHECKING:
    from pathlib import Path


def test_the_bundled_file_names_what_is_there() -> None:
    """Scenarios, strategies, a calibration, a series and rules of it."""
    stated = reference()
    assert set(stated.scenarios) <= set(bundled.bundled_names())
    assert stated.simulation_based_calibration in bundled.calibration_names()
    for name in stated.scenarios:
        assert set(stated.strategies_of_switches) & set(load_scenario(name).strategies), name
    for name, care in stated.agency.items():
        assert care in load_scenario(name).strategies, name
    assert stated.power.series in load_scenario(stated.power.scenario).file.series


def test_calibrations_follow_those_they_take_posteriors_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their names; each stands once."""
    folder = tmp_path / "calibration"
    folder.mkdir()
    for name, after in (("a", ["c"]), ("b", []), ("c", ["d"]), ("d", ["elsewhere"])):
        (folder / f"{name}.toml").write_text(f"after = {after}")
    monkeypatch.setattr(bundled, "PACKAGE", tmp_path / "lmssim")
    order = calibrations_in_order()
    assert sorted(order) == ["a", "b", "c", "d"]
    assert order.index("d") < order.index("c") < order.index("a")


def test_a_misspelt_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the nearest one."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "reference.toml").write_text("scenaroi = []")
    monkeypatch.setattr(bundled, "PACKAGE", tmp_path / "lmssim")
    with pytest.raises(ScenarioError, match="Did you mean 'scenarios'"):
        reference()
