"""Cells of a sweep over a trial's fields: keys that hold all that is read, and rows as the trial itself gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lmssim.studies.trials.cells import DesignSource, TrialsInCells, keys_of
from lmssim.studies.trials.study import simulate_trials
from tests.kit.virtual import four_states

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> DesignSource:
    """The trial on the four-state model."""
    four_states(tmp_path)
    return DesignSource(str(tmp_path / "trial.toml"))


def test_a_cell_is_the_trial_itself(source: DesignSource) -> None:
    """Power, duration and events of a cell are those of the design with the same values."""
    fields: dict[str, Any] = {"accrual.patients": 120.0}
    found = TrialsInCells(50, assurance=True).columns(source.load(fields), source.seed)
    study = simulate_trials(source.name, n_trials=50, assurance=True, given={"accrual.patients": 120})
    row = study.planned.characteristics.iloc[0]
    for name in ("power", "duration", "events", "patients"):
        assert found[name] == row[name]
    assert found["assurance"] == study.assurance["assurance"][0]


def test_keys(source: DesignSource, tmp_path: Path) -> None:
    """They differ by field, trials, seed and by the files of the scenario; words for people change nothing."""
    study = TrialsInCells(50)
    keys = keys_of(source, study)
    base = keys.key({})
    assert keys.key({}) == base
    others = {keys.key({"accrual.patients": 120.0}), keys_of(source, TrialsInCells(60)).key({})}
    others |= {keys_of(DesignSource(source.name, seed=2), study).key({})}
    others |= {keys_of(DesignSource(source.name, {"accrual.patients": 130}), study).key({})}
    text = (tmp_path / "trial.toml").read_text()
    (tmp_path / "trial.toml").write_text('title = "Another title"\n' + text)
    assert keys_of(source, study).key({}) == base
    (tmp_path / "four.csv").write_text((tmp_path / "four.csv").read_text().replace("0.15", "0.16"))
    others |= {keys_of(source, study).key({})}
    assert len(others - {base}) == 5
