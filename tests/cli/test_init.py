"""`lmssim init` copies what is bundled, never over the user's own files; `schema` describes scenarios."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pandas as pd

from lmssim import bundled
from lmssim.bundled import bundled_names, calibration_folder
from tests.kit.models import HEAD, alive_dead, exponential, frame, section
from tests.kit.parameters import HEADER

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.cli.conftest import Cli


def test_the_copy_runs(cli: Cli, tmp_path: Path) -> None:
    """Every bundled scenario and calibration is there, with its tables, and the scenario that is named can be shown."""
    folder = tmp_path / "mine"
    outcome = cli("init", folder)
    assert outcome.code == 0
    for name in bundled_names():
        assert (folder / "scenarios" / f"{name}.toml").is_file()
    for path in calibration_folder().rglob("*"):
        copy = folder / "calibration" / path.relative_to(calibration_folder())
        assert copy.is_dir() or copy.read_bytes() == path.read_bytes()
    shown = next(line for line in outcome.out.splitlines() if "lmssim show" in line).split()[2]
    assert cli("show", shown).code == 0
    assert cli("show", folder / "scenarios" / "examples" / "illness_death.toml").code == 0


def test_editors_find_the_schema(cli: Cli, tmp_path: Path) -> None:
    """It stands where the editor's file says, and holds for scenarios and their parts, not for trials or budgets."""
    folder = tmp_path / "mine"
    assert cli("init", folder).code == 0
    taplo = tomllib.loads((folder / ".taplo.toml").read_text())
    assert json.loads((folder / taplo["schema"]["path"]).read_text())["properties"]["states"]
    found, left_out = ({p for each in taplo[key] for p in folder.glob(each)} for key in ("include", "exclude"))
    other = {"budget", "evidence", "trials"}
    assert found - left_out == {p for p in (folder / "scenarios").rglob("*.toml") if p.parent.name not in other}


def test_posteriors_are_found_from_the_copy(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario that draws from a posterior reads the copy's, wherever the bundled one stands."""
    package = tmp_path / "site-packages" / "lmssim"
    _package(package)
    monkeypatch.setattr(bundled, "PACKAGE", package)
    folder = tmp_path / "mine"
    assert cli("init", folder).code == 0
    text = (folder / "scenarios" / "death.toml").read_text()
    assert '"../calibration/posteriors/death.csv"' in text
    assert cli("show", folder / "scenarios" / "death.toml", "--parameters").code == 0
    (folder / "calibration" / "posteriors" / "death.csv").unlink()
    refused = cli("show", folder / "scenarios" / "death.toml")
    assert (refused.code, "no such file '../calibration/posteriors/death.csv'" in refused.err) == (2, True)


def _package(folder: Path) -> None:
    """What an installed package holds: a scenario whose death rate has been calibrated."""
    for part in ("scenarios", "calibration/posteriors"):
        (folder / part).mkdir(parents=True)
    _write_scenario(folder / "scenarios" / "death.toml")
    (folder / "calibration" / "death.toml").write_text("schema_version = 1\n")
    (folder / "calibration" / "posteriors" / "death.csv").write_text(
        f"{HEADER}\n" + "rate,0.1,lognormal,,,,0.05,0.2,,per year,calibrated,calibration_death,,Death rate,\n"
    )
    pd.DataFrame({"draw": [0, 1], "rate": [0.09, 0.11]}).to_parquet(folder / "calibration/posteriors/death.parquet")


def _write_scenario(path: Path) -> None:
    posterior = "../calibration/posteriors/death"
    group = section("groups.calibrated", kind="posterior", file=f"{posterior}.parquet")
    model = frame(20) + alive_dead(exponential("rate"))
    path.write_text(f'{HEAD}parameters = ["{posterior}.csv"]\n{group}{model}')


def test_the_users_files_are_kept(cli: Cli, tmp_path: Path) -> None:
    """A folder that is not empty is refused; with --force, files that differ stay and are named."""
    examples = tmp_path / "scenarios" / "examples"
    examples.mkdir(parents=True)
    mine = examples / "illness_death.toml"
    mine.write_text("mine")
    refused = cli("init", tmp_path)
    assert refused.code == 2
    assert "not empty" in refused.err
    assert list(tmp_path.rglob("*.toml")) == [mine]
    forced = cli("init", tmp_path, "--force")
    assert forced.code == 0
    assert "illness_death.toml" in forced.out
    assert mine.read_text() == "mine"
    assert (examples / "illness_death.csv").is_file()
    assert "kept" in cli("init", tmp_path, "--force").out


def test_a_file_in_the_way_is_refused(cli: Cli, tmp_path: Path) -> None:
    """One line."""
    (tmp_path / "taken").write_text("mine")
    outcome = cli("init", tmp_path / "taken")
    assert outcome.code == 2
    assert "a file stands" in outcome.err


def test_schema_is_json_with_the_names_of_files(cli: Cli) -> None:
    """`from` as files write it; required keys are listed."""
    document = json.loads(cli("schema").out)
    assert "from" in document["$defs"]["Transition"]["properties"]
    assert "states" in document["required"]
    assert document["additionalProperties"] is False
