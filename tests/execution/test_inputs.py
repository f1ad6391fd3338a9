"""Inputs that results keep: the scenario that ran, wherever it stood, and every value that it used."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from lmssim.bundled import bundled_names, calibration_folder, scenarios_folder
from lmssim.execution.inputs import inputs_of, scenario_as_merged
from lmssim.execution.manifest import evaluation_part, manifest
from lmssim.execution.simulate import Sampling
from lmssim.execution.store import json_text
from lmssim.model.compile import compile_scenario
from lmssim.model.language.schema import ScenarioFile
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from pathlib import Path


def kept(
    scenario: str | Path, overrides: dict[str, float] | None = None, switches: dict[str, str] | None = None
) -> dict[str, Any]:
    """Inputs of a run, as they are read back."""
    program = compile_scenario(load_scenario(scenario, overrides, switches))
    result = evaluation_part(program, Sampling(n_patients=10, seed=3), overrides or {})
    document = manifest(result, command=[], timings={})
    read: dict[str, Any] = json.loads(json_text(inputs_of(program.scenario, program.used, document)))
    return read


@pytest.mark.parametrize("name", bundled_names())
def test_the_scenario_kept_is_the_one_that_ran(name: str) -> None:
    """Read back it is the same, but for paths; none of these is absolute."""
    scenario = load_scenario(name)
    text = json_text(scenario_as_merged(scenario))
    again = ScenarioFile.model_validate(json.loads(text))
    assert str(scenarios_folder().parent) not in text
    same = {*type(again).model_fields} - {"parameters", "shared_parameters", "parameters_by", "mortality", "utilities"}
    same -= {"population", "tables", "groups", "switches"}
    assert all(getattr(again, field) == getattr(scenario.file, field) for field in same)
    found = [scenario.path.parent / name for name in (*again.parameters, *again.shared_parameters)]
    named = (*scenario.file.parameters, *scenario.file.shared_parameters)
    assert [path.resolve() for path in found] == [(scenario.path.parent / name).resolve() for name in named]


def test_inputs_do_not_depend_on_the_place(tmp_path: Path) -> None:
    """A copy elsewhere keeps the same."""
    shutil.copytree(calibration_folder() / "posteriors", tmp_path / "calibration" / "posteriors")
    copy = shutil.copytree(scenarios_folder(), tmp_path / "scenarios") / "extremity.toml"
    assert kept(copy) == kept("extremity")


def test_every_value_used_is_kept() -> None:
    """Derived ones computed; distributions and expressions beside them; what was asked for."""
    inputs = kept("illness_death", {"u_stable": 0.7})
    program = compile_scenario(load_scenario("illness_death", {"u_stable": 0.7}))
    assert {id_: p["value"] for id_, p in inputs["parameters"].items()} == {
        id_: float(program.scenario.table.base()[id_][0]) for id_ in program.used
    }
    assert inputs["parameters"]["u_stable"] == {"value": 0.7, "distribution": "fixed"}
    assert inputs["parameters"]["scale_progression"]["expression"] == "exp(log_scale_progression)"
    assert inputs["asked"]["overrides"] == {"u_stable": 0.7}
    assert (inputs["asked"]["seed"], inputs["asked"]["patients"]) == (3, 10)
    assert inputs["asked"]["conventions"]["horizon"] == 50
    assert inputs["scenario"]["name"] == "illness_death"


def test_a_difference_of_inputs_is_a_difference_of_what_is_kept() -> None:
    """One value, one switch: nothing else differs."""
    base = kept("illness_death")
    other = kept("illness_death", {"c_stable": 1.0})
    assert [id_ for id_, p in base["parameters"].items() if other["parameters"][id_] != p] == ["c_stable"]
    assert base["scenario"] == other["scenario"]
    site = load_scenario("extremity")
    switch = next(iter(site.file.switches))
    option = next(name for name in site.file.switches[switch].options if name != site.options[switch])
    one, two = kept("extremity"), kept("extremity", switches={switch: option})
    assert [name for name, value in one["asked"]["switches"].items() if two["asked"]["switches"][name] != value] == [
        switch
    ]
    assert one != two
