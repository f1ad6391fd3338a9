"""Keys of cells: the same for what reads the same, others for anything else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.bundled import scenarios_folder
from lmssim.errors import InputError
from lmssim.evaluation import evaluate
from lmssim.execution.simulate import Sampling
from lmssim.model.scenario import load_scenario
from lmssim.studies.axes import axis_of
from lmssim.studies.sweep.cells import Cell, Source, cells_of
from lmssim.studies.sweep.design import settings_of
from lmssim.studies.sweep.outcomes import Outcomes
from lmssim.studies.sweep.programs import program_of

if TYPE_CHECKING:
    from pathlib import Path

SWITCH = (
    '\n[switches.care]\nlabel = "Care"\ndefault = "usual"\noptions.usual.reason = "as it is"\n'
    'options.dear = { reason = "dearer", set = { c_stable = 5000 } }\n'
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the illness-death example with a switch."""
    for name in ("illness_death.toml", "illness_death.csv"):
        shutil.copy(scenarios_folder() / "examples" / name, tmp_path / name)
    path = tmp_path / "illness_death.toml"
    path.write_text(path.read_text() + SWITCH)
    return path


def cells(model: Path, *axes: str, n_patients: int = 100, **source: dict[str, float] | dict[str, str]) -> list[Cell]:
    """Cells of a grid."""
    read = [axis_of(axis) for axis in axes]
    return cells_of(Source(model, **source), Sampling(n_patients=n_patients), read, settings_of(read))  # type: ignore[arg-type]


def keys(model: Path, *axes: str, n_patients: int = 100, **source: dict[str, float] | dict[str, str]) -> list[str]:
    """Their keys."""
    return [cell.key for cell in cells(model, *axes, n_patients=n_patients, **source)]


def test_cells_that_differ_in_parameters_alone_share_a_program(model: Path) -> None:
    """Switches and fields of the file make others; whom a cell follows does not."""
    found = cells(model, "c_stable=1,2,3", "care=usual,dear", "settings.horizon=10,20", "patients=100,200")
    assert len(found) == 24
    assert len({cell.key for cell in found}) == 24
    assert len({cell.recipe.makes for cell in found}) == 4
    assert len({cell.recipe.id for cell in found}) == 8


def test_a_level_that_is_so_anyway_changes_no_key(model: Path) -> None:
    """Of a parameter, a switch, a field and the patients: an axis more keeps the cells at what was the base case."""
    (base,) = keys(model, "c_stable=1000")
    assert base in keys(model, "c_progressed=4000,5000", "care=usual,dear", "patients=100,200", "seed=1,2")
    horizon = next(line for line in model.read_text().splitlines() if line.startswith("horizon")).split("=")[1]
    assert base in keys(model, f"settings.horizon={horizon.strip()},7")
    assert base in keys(model, "c_stable=3,4,1000")


def test_however_a_value_is_given_the_key_is_one(model: Path) -> None:
    """As an axis, or held in all cells."""
    assert keys(model, "c_stable=3") == keys(model, "u_stable=0.8", overrides={"c_stable": 3.0})
    assert keys(model, "care=dear") == keys(model, "u_stable=0.8", switches={"care": "dear"})


def test_a_value_that_an_option_sets_too_is_no_base_value(model: Path) -> None:
    """The option sets 5000, so that 1000, the table's own, is a change there, and 5000 is none."""
    table, option = keys(model, "care=dear", "c_stable=1000,5000")
    assert option == keys(model, "care=dear")[0]
    assert table != option


def test_a_derived_parameter_that_is_held_is_not_as_it_was(model: Path) -> None:
    """Held at its base value it follows its inputs no more, so that the key is another."""
    (base,) = keys(model, "log_scale_death=3.2188758248682006")
    (held,) = keys(model, "scale_death=25.000000000000007")
    assert base != held


def test_comments_and_new_options_change_no_key_and_inputs_do(model: Path) -> None:
    """The scenario as it is compiled counts, not its text."""
    (base,) = keys(model, "c_stable=1000")
    text = model.read_text()
    model.write_text("# a comment\n" + text + 'options.cheap = { reason = "less", set = { c_stable = 1 } }\n')
    assert keys(model, "c_stable=1000") == [base]
    table = model.with_suffix(".csv")
    rows = table.read_text()
    table.write_text(rows.replace("u_stable,0.8", "u_stable,0.81"))
    assert keys(model, "c_stable=1000") != [base]
    table.write_text(rows)
    assert keys(model, "c_stable=1000") == [base]
    model.write_text(text.replace("horizon = ", "horizon = 1"))
    assert keys(model, "c_stable=1000") != [base]


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("c_stabel=1", "no parameter, switch, field .* Did you mean 'c_stable'"),
        ("care=usual,deer", "unknown option 'deer'. Did you mean 'dear'"),
        ("settings.horizn=1", "unknown field 'settings.horizn'. Did you mean 'settings.horizon'"),
        ("strategies.nw.label=x", "unknown field 'strategies.nw'. Did you mean 'strategies.new'"),
        ("c_stable=a,b", "'a' is not a number, which parameter 'c_stable' needs"),
        ("patients=0.5", "0.5 is not a whole number, which 'patients' needs"),
        ("patients=0", "patients: 0 is not 1 or more"),
        ("parameter.nothing=1", "unknown parameter 'nothing'"),
        ("settings.horizon.x=1", "has no fields of names"),
    ],
)
def test_names_and_levels_that_nothing_has_are_refused(model: Path, axis: str, said: str) -> None:
    """With the nearest name."""
    with pytest.raises(InputError, match=said):
        cells(model, axis)


def test_a_name_varies_once(model: Path) -> None:
    """Under whatever name."""
    with pytest.raises(InputError, match="'c_stable' varies as 'c_stable' already"):
        cells(model, "c_stable=1,2", "parameter.c_stable=3,4")


def test_a_parameter_that_shapes_a_plan_makes_programs() -> None:
    """The times of visits are tables of the program, so that another interval is another program, of other results."""
    read = [axis_of("chest_interval_0_2=0.25,1"), axis_of("dm_symptom_rate=1,2")]
    sampling = Sampling(n_patients=200, strategies=("surgery_only",))
    found = cells_of(Source("extremity"), sampling, read, settings_of(read))
    assert len({cell.recipe.makes for cell in found}) == 2
    values = [
        next(Outcomes().rows(program_of(Source("extremity"), cell.recipe), sampling, [cell.values])) for cell in found
    ]
    assert len({each["surgery_only"]["cost"] for each in values}) == 4
    one = replace(load_scenario("extremity", {"chest_interval_0_2": 1.0, "dm_symptom_rate": 2.0}), own=frozenset())
    assert values[3]["surgery_only"]["cost"] == evaluate(one, sampling).mean("cost")[0]
    with pytest.raises(InputError, match="'chest_interval_0_2' shapes the program"):
        evaluate(load_scenario("extremity"), sampling, {"chest_interval_0_2": np.array([1.0])})
