"""An input names files of its own folder, of what is bundled, and of what the user allows; nothing else is read."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from lmssim.bundled import scenarios_folder
from lmssim.errors import ScenarioError
from lmssim.model.language.files import InputFiles
from lmssim.model.scenario import load_scenario
from lmssim.reach import ROOT, files_allowed_from
from tests.kit.models import HEAD, alive_dead, exponential, frame

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "root:x:0:0:secret"


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A scenario in a folder of its own, and a file beside that folder that is none of its business."""
    (tmp_path / "secret.csv").write_text(f"{SECRET}\n")
    (tmp_path / "model" / "within").mkdir(parents=True)
    (tmp_path / "model" / "within" / "table.csv").write_text("a\n1\n")
    (tmp_path / "model" / "main.toml").write_text("x = 1\n")
    return tmp_path / "model" / "main.toml"


def refused(main: Path, name: str, reason: str = "lies outside") -> None:
    """A name is refused, and the message has nothing of what stands there."""
    files = InputFiles(main)
    with pytest.raises(ScenarioError, match=reason) as found:
        files.find(name)
    assert "secret:" not in str(found.value)
    assert "Did you mean" not in str(found.value)
    assert not files.hashes


def test_files_elsewhere_are_refused(main: Path) -> None:
    """By whatever path, and whether they are there or not: the message does not tell."""
    (main.parent / "link.csv").symlink_to(main.parents[1] / "secret.csv")
    (main.parent / "folder").symlink_to(main.parents[1], target_is_directory=True)
    for name in ("../secret.csv", "../secrets.csv", "/etc/passwd", "link.csv", "folder/secret.csv", "/dev/zero"):
        refused(main, name)
    assert InputFiles(main).find("within/table.csv") == main.parent / "within" / "table.csv"
    assert InputFiles(main).find("within/../within/table.csv").is_file()


def test_includes_are_held_to_the_same(main: Path) -> None:
    """Also where the include stands deeper."""
    (main.parent / "within" / "part.toml").write_text('include = ["../../secret.csv"]\n')
    main.write_text('include = ["within/part.toml"]\n')
    with pytest.raises(ScenarioError, match=r"part\.toml: include: '\.\./\.\./secret\.csv' lies outside"):
        InputFiles(main).read_toml()


def test_a_refusal_prints_nothing_of_the_file(main: Path) -> None:
    """Of a scenario that names it as its parameters."""
    main.write_text(f'{HEAD}parameters = ["../secret.csv"]\n' + frame(20) + alive_dead(exponential("rate")))
    with pytest.raises(ScenarioError, match="lies outside") as found:
        load_scenario(main)
    assert SECRET not in str(found.value)
    with pytest.raises(Exception, match="root:x"):  # once it is allowed, messages are as ever
        load_scenario(main, allow=[main.parents[1]])


def test_what_is_bundled_and_what_is_allowed_may_be_named(main: Path) -> None:
    """For as long as it is allowed."""
    bundled = scenarios_folder() / "tables" / "life_table_uk_2018_2020.csv"
    assert InputFiles(main).find(str(bundled)) == bundled
    with files_allowed_from([main.parents[1]]):
        assert InputFiles(main).find("../secret.csv").is_file()
    refused(main, "../secret.csv")
    with pytest.raises(ScenarioError, match="there is no such folder"), files_allowed_from([main.parent / "none"]):
        pass


def test_a_project_is_one_folder(main: Path) -> None:
    """Its top is marked by a file."""
    (main.parents[1] / ROOT).touch()
    assert InputFiles(main).find("../secret.csv").is_file()
    refused(main, "/etc/passwd")


def test_scenarios_and_calibration_side_by_side_are_one(main: Path) -> None:
    """As the bundled ones are; what else stands beside them is not theirs."""
    for name in ("scenarios/examples", "calibration", "other"):
        (main.parent / name).mkdir(parents=True)
        (main.parent / name / "a.csv").write_text("a\n1\n")
    inner = main.parent / "scenarios" / "examples" / "a.toml"
    inner.write_text("")
    assert InputFiles(inner).find("../../calibration/a.csv").is_file()
    refused(inner, "../../other/a.csv")


def test_what_has_no_end_is_not_read(main: Path) -> None:
    """Pipes, sockets, folders, and names that no system takes."""
    os.mkfifo(main.parent / "pipe")
    refused(main, "pipe", "is a device, pipe or socket, not a file")
    refused(main, "within", "is a folder, not a file")
    refused(main, "a\0b", "is no name of a file")
    refused(main, "x" * 300, "no such file")
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(os.path.relpath(main.parent / "socket"))
        refused(main, "socket", "is a device, pipe or socket")
    with pytest.raises(ScenarioError, match="pipe"):
        InputFiles(main.parent / "pipe").read_toml()
