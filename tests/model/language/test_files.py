"""Files of an input: what is included, how often it is read, and what is too much."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.errors import ScenarioError
from lmssim.model.language.files import LARGEST, MAX_TOML_BYTES, InputFiles, parse_toml

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, **files: str) -> Path:
    """Write TOML files; returns the path of `main`."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder / "main.toml"


def test_the_including_file_stands_over_what_it_includes(tmp_path: Path) -> None:
    """Of two values of one key, that of the outer file holds; other keys are kept."""
    path = write(tmp_path, main='include = ["part.toml"]\nx.a = 1\n', part="x.a = 2\nx.b = 3\n")
    assert InputFiles(path).read_toml()["x"] == {"a": 1, "b": 3}


def test_a_file_included_by_two_others_counts_once(tmp_path: Path) -> None:
    """Lists that includes join are not joined twice."""
    path = write(
        tmp_path,
        main='include = ["a.toml", "b.toml"]\n',
        a='include = ["shared.toml"]\n',
        b='include = ["shared.toml"]\n',
        shared='parameters = ["p.csv"]\n',
    )
    assert InputFiles(path).read_toml()["parameters"] == ["p.csv"]


def test_includes_that_double_are_read_once_each(tmp_path: Path) -> None:
    """Thirty files that each include the next one twice are thirty files, not two to the thirtieth."""
    files = {f"i{k}": f'include = ["i{k + 1}.toml", "i{k + 1}.toml"]\n' for k in range(29)}
    path = write(tmp_path, main='include = ["i0.toml"]\n', **files, i29="x = 1\n")
    read = InputFiles(path)
    assert read.read_toml()["x"] == 1
    assert len(read.hashes) == 31


def test_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    """The message names the file and the include that leads back."""
    path = write(tmp_path, main='include = ["a.toml"]\n', a='include = ["main.toml"]\n')
    with pytest.raises(ScenarioError, match=r"a\.toml: include: 'main\.toml' includes this file"):
        InputFiles(path).read_toml()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"[s]\nx = {LARGEST + 1}", r"s\.x = 9223372036854775808"),
        (f"x = [1, {-LARGEST - 5}]", r"x\[2\] = -922"),
        ("x = " + "9" * 5_000, "thousands of digits"),
        ("x = " + "[" * 90 + "]" * 90, "nested more than"),
        ("#" * (MAX_TOML_BYTES + 1), "bytes; a TOML file may have"),
    ],
)
def test_what_no_scenario_needs_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    """Whole numbers beyond 64 bits, tables nested without end, and files of megabytes."""
    with pytest.raises(ScenarioError, match=message):
        parse_toml(text.encode(), tmp_path / "x.toml")
