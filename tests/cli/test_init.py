"""`lmssim init` copies the bundled scenarios, never over the user's own files; `schema` describes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lmssim.bundled import bundled_names

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def test_the_copy_runs(cli: Cli, tmp_path: Path) -> None:
    """Every bundled scenario is there, with its tables, and can be shown."""
    folder = tmp_path / "mine"
    outcome = cli("init", folder)
    assert outcome.code == 0
    assert "lmssim run" in outcome.out
    for name in bundled_names():
        assert (folder / f"{name}.toml").is_file()
    assert cli("show", folder / "examples" / "illness_death.toml").code == 0
    assert json.loads((folder / "schema" / "scenario.schema.json").read_text())["properties"]["states"]
    assert "schema/scenario.schema.json" in (folder / ".taplo.toml").read_text()


def test_the_users_files_are_kept(cli: Cli, tmp_path: Path) -> None:
    """A folder that is not empty is refused; with --force, files that differ stay and are named."""
    (tmp_path / "examples").mkdir()
    mine = tmp_path / "examples" / "illness_death.toml"
    mine.write_text("mine")
    refused = cli("init", tmp_path)
    assert refused.code == 2
    assert "not empty" in refused.err
    assert list(tmp_path.iterdir()) == [tmp_path / "examples"]
    forced = cli("init", tmp_path, "--force")
    assert forced.code == 0
    assert "illness_death.toml" in forced.out
    assert mine.read_text() == "mine"
    assert (tmp_path / "examples" / "illness_death.csv").is_file()
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
