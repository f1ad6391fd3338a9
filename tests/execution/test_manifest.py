"""The manifest: its result part holds what decides the numbers, and nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from lmssim.bundled import scenarios_folder
from lmssim.execution.manifest import Stopwatch, evaluation_part, manifest, parameter_hash
from lmssim.execution.simulate import CHUNK, Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from pathlib import Path


def document(scenario: str | Path, overrides: dict[str, float] | None = None, jobs: int = 1) -> dict[str, Any]:
    """Manifest of a scenario."""
    program = compile_scenario(load_scenario(scenario, overrides))
    result = evaluation_part(program, Sampling(n_patients=10, jobs=jobs), overrides or {})
    return manifest(result, command=["lmssim", "run"], timings={"simulate": 1.23456}, jobs=jobs)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the example elsewhere."""
    for path in (scenarios_folder() / "examples").glob("illness_death.*"):
        shutil.copy(path, tmp_path)
    return tmp_path / "illness_death.toml"


def test_the_result_part_does_not_depend_on_place_or_workers(copy: Path) -> None:
    """The same files elsewhere, by other workers, are the same result."""
    here, there = document("illness_death"), document(copy, jobs=7)
    assert here["result"] == there["result"]
    assert there["environment"]["jobs"] == 7
    assert here["environment"]["timings"] == {"simulate": 1.235}
    assert json.loads(json.dumps(here)) == here


def test_inputs_are_hashed(copy: Path) -> None:
    """Every file read, by its path from the scenario."""
    result = document(copy)["result"]
    expected = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in copy.parent.glob("illness_death.*")}
    assert result["scenario"]["inputs"] == expected
    assert result["chunk"] == CHUNK
    assert result["conventions"]["horizon"] == 50


def test_parameter_hash_changes_with_values_alone(copy: Path) -> None:
    """A description does not matter, a value and an override do."""
    before = parameter_hash(compile_scenario(load_scenario(copy)).used)
    table = copy.with_suffix(".csv")
    table.write_text(table.read_text().replace("Utility when stable", "Another text"))
    assert parameter_hash(compile_scenario(load_scenario(copy)).used) == before
    assert parameter_hash(compile_scenario(load_scenario(copy, {"u_stable": 0.7})).used) != before
    table.write_text(table.read_text().replace("u_stable,0.8", "u_stable,0.81"))
    assert parameter_hash(compile_scenario(load_scenario(copy)).used) != before


def test_the_share_of_idle_time_is_that_of_the_workers() -> None:
    """One busy second of two workers' two seconds each leaves three quarters; processes of their own are not seen."""
    clock = Stopwatch()
    clock.laps, clock.cpu = {"load": 1.0, "simulate": 2.0}, {"load": 0.5, "simulate": 1.0}
    assert clock.use("simulate", 2, "threads") == {"cpu_seconds": clock.cpu, "idle_share": 0.75}
    assert clock.use("simulate", 2, "loky") == {}
