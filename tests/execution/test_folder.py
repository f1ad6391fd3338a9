"""A folder of results is complete when it has a manifest, and nothing that others put there is ever touched."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lmssim.errors import OutputError
from lmssim.execution import store
from lmssim.execution.folder import ResultFolder

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path) -> set[str]:
    """Every file, by its path from the folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def fill(path: Path, *files: str, manifest: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write some files as results."""
    with ResultFolder(path) as folder:
        for name in files:
            store.write_text(folder.place(name), name)
        return folder.finish(manifest or {"format": 1, "result": {}}, {"asked": {}})


def test_the_manifest_lists_what_was_written(tmp_path: Path) -> None:
    """Inputs too; files that others wrote for the folder count; nothing temporary is left."""
    out = tmp_path / "deep" / "out"
    with ResultFolder(out) as folder:
        store.write_text(folder.place("tables/a.csv"), "a")
        (folder.begin() / "b.svg").write_text("b")
        (folder.begin() / "b.png").write_text("b")
        assert folder.add_figure(out / "b.svg") == out / "b.svg"
        document = folder.finish({"format": 1, "result": {"seed": 1}}, {"asked": {"seed": 1}})
    assert document == json.loads((out / "manifest.json").read_text())
    assert (document["format"], document["result"]) == (1, {"seed": 1})
    assert document["files"] == ["b.png", "b.svg", "inputs.json", "tables/a.csv"]
    assert document["sha256"] == {name: store.hash_of(out / name) for name in document["files"]}
    assert names(out) == {*document["files"], "manifest.json"}
    assert json.loads((out / "inputs.json").read_text()) == {"asked": {"seed": 1}}


def test_what_an_earlier_run_left_goes_and_nothing_else(tmp_path: Path) -> None:
    """Of its files those that are not written again, also in folders within; the user's own stay."""
    fill(tmp_path, "kept.csv", "old.csv", "figures/old.svg")
    (tmp_path / "mine.csv").write_text("mine")
    (tmp_path / "figures" / "mine.svg").write_text("mine")
    fill(tmp_path, "kept.csv", "new.csv")
    assert names(tmp_path) == {"kept.csv", "new.csv", "mine.csv", "figures/mine.svg", "inputs.json", "manifest.json"}


@pytest.mark.parametrize(
    "name", ["../outside.txt", "figures/../../outside.txt", "{outside}", "link/outside.txt", ".", ""]
)
def test_a_manifest_cannot_reach_outside(name: str, tmp_path: Path) -> None:
    """Whatever it lists: paths upwards, absolute ones, through links."""
    out, outside = tmp_path / "out", tmp_path / "outside.txt"
    out.mkdir()
    outside.write_text("mine")
    (out / "link").symlink_to(tmp_path, target_is_directory=True)
    listed = {name.format(outside=outside): store.hash_of(outside), "7": 7}
    (out / "manifest.json").write_text(json.dumps({"format": 1, "result": {}, "files": [*listed], "sha256": listed}))
    fill(out, "a.csv")
    assert outside.read_text() == "mine"
    assert names(out) >= {"a.csv", "inputs.json", "manifest.json"}


def test_a_link_in_place_of_a_listed_file_stays(tmp_path: Path) -> None:
    """Results are never links: somebody else put it there."""
    out, target = tmp_path / "out", tmp_path / "target.csv"
    fill(out, "a.csv")
    (out / "a.csv").rename(target)
    (out / "a.csv").symlink_to(target)
    fill(out, "b.csv")
    assert (out / "a.csv").is_symlink()
    assert target.read_text() == "a.csv"


def test_a_listed_file_that_somebody_changed_stays(tmp_path: Path) -> None:
    """What is removed is what was written, to the last bit."""
    fill(tmp_path, "a.csv", "b.csv")
    (tmp_path / "a.csv").write_text("mine")
    fill(tmp_path, "c.csv")
    assert names(tmp_path) == {"a.csv", "c.csv", "inputs.json", "manifest.json"}


@pytest.mark.parametrize(
    "text",
    ["", "not JSON", "[]", "{}", '{"files": "a.csv"}', '{"name": "other", "version": 3, "files": ["a.csv"]}'],
)
def test_a_manifest_of_somebody_else_is_not_touched(text: str, tmp_path: Path) -> None:
    """Nor is anything that it lists: the folder is refused before any work."""
    (tmp_path / "a.csv").write_text("mine")
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(OutputError, match=r"manifest\.json: lmssim did not write this file"):
        fill(tmp_path, "b.csv")
    assert names(tmp_path) == {"a.csv", "manifest.json"}
    assert (tmp_path / "manifest.json").read_text() == text


def test_the_old_manifest_goes_before_the_first_new_file(tmp_path: Path) -> None:
    """Work that fails before it writes leaves everything; after it has, nobody takes the folder for complete."""
    fill(tmp_path, "a.csv", "b.csv")

    def fail(*files: str) -> None:
        with ResultFolder(tmp_path) as folder:
            for name in files:
                store.write_text(folder.place(name), "new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == {"a.csv", "b.csv", "inputs.json", "manifest.json"}
    with pytest.raises(ZeroDivisionError):
        fail("a.csv")
    assert names(tmp_path) == {"a.csv", "b.csv", "inputs.json"}
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    """The second is refused before it works; when the first has left, whether well or not, there is room."""
    with ResultFolder(tmp_path):
        with pytest.raises(OutputError, match="another lmssim is writing to this folder"), ResultFolder(tmp_path):
            pass
        fill(tmp_path / "within", "a.csv")
    with pytest.raises(ZeroDivisionError), ResultFolder(tmp_path):
        raise ZeroDivisionError
    fill(tmp_path, "a.csv")


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "out").write_text("mine")
    for path in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(OutputError, match="a file stands where a folder is needed"), ResultFolder(path):
            raise AssertionError("entered")
