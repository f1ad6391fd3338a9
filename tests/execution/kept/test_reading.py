"""Scenarios that folders of results keep: read back they give the same numbers, and nothing on the disk is trusted."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.execution.folder import ResultFolder
from lmssim.execution.kept.reading import Finder, read_kept
from lmssim.execution.kept.source import SOURCE, copy_name, decoded, encoded, keep_source
from lmssim.execution.store import json_text
from lmssim.model.compile import compile_scenario
from lmssim.model.language.files import KeptFiles
from lmssim.model.scenario import kept_scenario, load_scenario
from tests.kit.models import HEAD, alive_dead, exponential, frame
from tests.kit.parameters import fixed_parameters

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.scenario import Scenario


def kept_in(place: Path, scenario: Scenario) -> Path:
    """A folder that keeps a scenario."""
    with ResultFolder(place, scenario.inputs) as folder:
        keep_source(scenario, folder)
        folder.finish({}, {"asked": {}})
    return place


def read_back(place: Path) -> Scenario:
    """The scenario that a folder keeps."""
    kept = read_kept(place)
    return kept_scenario(KeptFiles(kept.path, kept.merged, kept.places(Finder((place,)))))


@pytest.mark.parametrize("name", ["extremity", "all_sites", "illness_death", "hiv"])
def test_the_scenario_read_back_is_the_one_that_was_kept(name: str, tmp_path: Path) -> None:
    """Numbers, draws and patients are the same to the bit, in the order of the file."""
    scenario = load_scenario(name)
    again = read_back(kept_in(tmp_path / "out", scenario))
    one, two = compile_scenario(scenario), compile_scenario(again)
    assert (one.strategies, one.states) == (two.strategies, two.states)
    assert np.array_equal(one.numbers(), two.numbers(), equal_nan=True)
    assert np.array_equal(one.patients(0, 20, 1), two.patients(0, 20, 1), equal_nan=True)
    draws = one.sample(3, 1), two.sample(3, 1)
    assert all(np.array_equal(values, draws[1][id_], equal_nan=True) for id_, values in draws[0].items())


def small(place: Path, rate: float) -> Path:
    """A model with a table of its own."""
    place.mkdir(exist_ok=True)
    (place / "own.csv").write_text(fixed_parameters({"rate": rate}))
    path = place / "model.toml"
    path.write_text(HEAD + 'parameters = ["own.csv"]\n' + frame() + alive_dead(exponential("rate")))
    return path


def test_tables_of_the_user_are_copied_and_installed_ones_are_not(tmp_path: Path) -> None:
    """What is copied is what was read, even if the file has changed since."""
    path = small(tmp_path / "model", 0.25)
    out = kept_in(tmp_path / "out", load_scenario(path))
    small(tmp_path / "model", 0.75)
    assert read_back(out).table.base()["rate"] == 0.25
    bundled = kept_in(tmp_path / "bundled", load_scenario("extremity"))
    assert [each.name for each in (bundled / "inputs").iterdir()] == ["scenario.json"]


def test_rows_of_patients_are_not_copied(tmp_path: Path) -> None:
    """They stay where they are; a folder that has them may be named."""
    path = small(tmp_path / "model", 0.25)
    (tmp_path / "model" / "people.csv").write_text("age\n60\n70\n")
    text = path.read_text().replace('covariates.age = { kind = "constant", value = 60.0 }', 'rows = "people.csv"')
    path.write_text(text)
    out = kept_in(tmp_path / "out", load_scenario(path))
    assert not list((out / "inputs").glob("*people*"))
    kept = read_kept(out)
    with pytest.raises(InputError, match=r"'people\.csv' .*neither kept in the folder nor part of this installation"):
        kept.places(Finder((out,)))
    places = kept.places(Finder((out,), (tmp_path / "model",)))
    assert tmp_path / "model" / "people.csv" in places.values()
    (tmp_path / "model" / "people.csv").write_text("age\n60\n71\n")
    with pytest.raises(InputError, match="people"):
        kept.places(Finder((out,), (tmp_path / "model",)))


def test_a_folder_of_a_stranger_leads_nowhere(tmp_path: Path) -> None:
    """Names in it are no places: a file is taken by its hash alone, from where files may be taken."""
    secret = tmp_path / "secret.csv"
    secret.write_text(fixed_parameters({"rate": 0.25}))
    out = kept_in(tmp_path / "out", load_scenario(small(tmp_path / "model", 0.25)))
    document = json.loads((out / SOURCE).read_text())
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    for path in (out / "inputs").glob("*.csv"):
        path.unlink()
    for name in ("../secret.csv", str(secret)):
        (out / SOURCE).write_text(json_text(document | {"files": {name: digest}}))
        with pytest.raises(InputError, match="neither kept in the folder nor part"):
            read_back(out)
    (out / SOURCE).write_text(json_text(document | {"files": {}}))
    with pytest.raises(InputError, match="is not among those that were kept"):
        read_back(out)


@pytest.mark.parametrize("text", ["[]", '{"merged": []}', '{"merged": {}, "files": {"a": 1}}', "{", "[" * 100_000])
def test_what_is_no_scenario_is_refused(text: str, tmp_path: Path) -> None:
    """With the file, whatever it holds."""
    out = kept_in(tmp_path / "out", load_scenario("illness_death"))
    (out / SOURCE).write_text(text)
    with pytest.raises(InputError, match=r"scenario\.json"):
        read_back(out)


def test_numbers_that_json_lacks_come_back() -> None:
    """Infinite ones; everything else as it was."""
    tables = {"a": [1, 2.5, float("inf")], "b": {"c": float("-inf"), "d": True, "e": "x"}}
    assert decoded(json.loads(json_text(encoded(tables)))) == tables
    assert copy_name("../a/b.csv", "0" * 64) == f"inputs/{'0' * 16}-b.csv"
