"""A folder of results is complete when it has a manifest, and nothing that others put there is ever touched."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lmssim.errors import OutputError
from lmssim.execution import store
from lmssim.execution.folder import ResultFolder
from lmssim.execution.writing.journal import LOCK
from lmssim.execution.writing.owners import this_process


def names(folder: Path) -> set[str]:
    """Every file, by its path from the folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def fill(path: Path, *files: str, inputs: tuple[Path, ...] = (), beside: bool = False) -> dict[str, Any]:
    """Write some files as results."""
    with ResultFolder(path, inputs, beside=beside) as folder:
        for name in files:
            store.write_text(folder.place(name), name)
        return folder.finish({"format": 2, "result": {}}, {"asked": {}})


def killed(path: Path, *files: str) -> None:
    """A run that is killed after it wrote some files: nobody tidies up."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "from lmssim.execution import store; from lmssim.execution.folder import ResultFolder\n"
        "folder = ResultFolder(Path(sys.argv[1])).__enter__()\n"
        "for name in sys.argv[2:]: store.write_text(folder.place(name), 'half')\n"
        "with store.replacing(folder.place('figures/large.csv')) as part: part.write_text('hal'); os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path), *files], check=False)
    assert done.returncode == 9


def refuse(reason: str, path: Path, *files: str, **how: Any) -> None:
    """Be refused for a reason, before a single file changes."""
    before = {name: (path / name).read_bytes() for name in names(path)}
    with pytest.raises(OutputError, match=reason):
        fill(path, *(files or ("a.csv",)), **how)
    assert {name: (path / name).read_bytes() for name in names(path)} == before


def test_the_manifest_lists_what_was_written(tmp_path: Path) -> None:
    """Inputs too; files that others wrote for the folder count; nothing temporary is left."""
    out = tmp_path / "deep" / "out"
    with ResultFolder(out) as folder:
        store.write_text(folder.place("tables/a.csv"), "a")
        (folder.begin() / "b.svg").write_text("b")
        (folder.begin() / "b.png").write_text("b")
        folder.add([out / "b.svg", out / "b.png"])
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
    (tmp_path / "figures" / "mine.txt").write_text("mine")
    fill(tmp_path, "kept.csv", "new.csv", beside=True)
    assert names(tmp_path) == {"kept.csv", "new.csv", "mine.csv", "figures/mine.txt", "inputs.json", "manifest.json"}


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
    fill(out, "a.csv", beside=True)
    assert outside.read_text() == "mine"
    assert names(out) >= {"a.csv", "inputs.json", "manifest.json"}
    with pytest.raises(OutputError, match="a link leads out of"):
        fill(out, "link/outside.txt", beside=True)
    assert outside.read_text() == "mine"


def test_a_link_in_place_of_a_listed_file_stays(tmp_path: Path) -> None:
    """Results are never links: somebody else put it there."""
    out, target = tmp_path / "out", tmp_path / "target.csv"
    fill(out, "a.csv")
    (out / "a.csv").rename(target)
    (out / "a.csv").symlink_to(target)
    refuse("was changed since", out, "b.csv")
    assert (out / "a.csv").is_symlink()


@pytest.mark.parametrize("beside", [False, True])
def test_a_listed_file_that_somebody_changed_is_theirs(tmp_path: Path, beside: bool) -> None:
    """To the last bit; the folder is refused by its name, whatever would be written."""
    fill(tmp_path, "a.csv", "b.csv")
    (tmp_path / "a.csv").write_text("a.csv ")
    refuse(r"a\.csv: was changed since lmssim wrote it", tmp_path, "c.csv", beside=beside)


@pytest.mark.parametrize("name", ["thesis.docx", ".env", "figures/mine.txt", "checkpoint/mine.npz", ".a.csv.7.part"])
def test_a_folder_with_other_files_is_refused(tmp_path: Path, name: str) -> None:
    """Unless it is asked for, and then each of them stays; beside an earlier result too."""
    for folder in (tmp_path / "new", tmp_path / "used"):
        if folder.name == "used":
            fill(folder, "a.csv")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
        refuse(f"holds '{re.escape(name)}', which lmssim did not write; .*--beside-other-files", folder)
        fill(folder, "a.csv", beside=True)
        with pytest.raises(OutputError, match="lmssim did not write this file, so it stays"):
            fill(folder, name, beside=True)
        assert (folder / name).read_text() == "mine"


def test_names_of_results_are_refused_before_the_work(tmp_path: Path) -> None:
    """What would be in the way when the work is done is said before it begins."""
    (tmp_path / "parameters.csv").write_text("mine")
    refuse(r"parameters\.csv: has the name of a result", tmp_path, beside=True)


def test_a_folder_with_inputs_is_refused(tmp_path: Path) -> None:
    """However it is named, and wherever in it they are."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "life.csv").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for beside in (False, True):
        for path in (tmp_path, tmp_path / "link", tmp_path / "tables" / ".."):
            refuse(
                "holds 'life.csv', an input of this run", path, inputs=(tmp_path / "tables/life.csv",), beside=beside
            )
    fill(tmp_path / "out", "a.csv", inputs=(tmp_path / "tables/life.csv",))


def test_litter_of_the_system_is_passed_over(tmp_path: Path) -> None:
    """File managers put it anywhere: it is nobody's work, and stays."""
    (tmp_path / ".DS_Store").write_text("mine")
    fill(tmp_path, "a.csv")
    fill(tmp_path, "b.csv")
    assert names(tmp_path) == {".DS_Store", "b.csv", "inputs.json", "manifest.json"}


def test_results_within_results_are_known(tmp_path: Path) -> None:
    """A folder that holds result folders alone is lmssim's; one with something else within is not."""
    fill(tmp_path / "one", "a.csv")
    fill(tmp_path, "b.csv")
    (tmp_path / "one" / "mine.txt").write_text("mine")
    refuse("holds 'one/mine.txt'", tmp_path)


def test_home_is_no_place_for_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is the root of a disk; not even beside other files."""
    monkeypatch.setenv("HOME", str(tmp_path))
    refuse("home folder", tmp_path, beside=True)
    with pytest.raises(OutputError, match="root of a disk"), ResultFolder(Path("/"), beside=True):
        raise AssertionError("entered")


def test_files_of_a_run_that_was_killed_are_known(tmp_path: Path) -> None:
    """Whole ones by the journal, half-written ones by their names: the next run writes over the former, and tidies."""
    fill(tmp_path, "a.csv", "b.csv")
    killed(tmp_path, "a.csv", "c.csv")
    parts = {name for name in names(tmp_path) if name.endswith(".part")}
    assert len(parts) == 1
    assert names(tmp_path) - parts == {"a.csv", "b.csv", "c.csv", "inputs.json", "unfinished.json", ".lmssim-lock"}
    (tmp_path / "mine.csv").write_text("mine")
    refuse("holds 'mine.csv'", tmp_path)
    (tmp_path / "mine.csv").unlink()
    fill(tmp_path, "a.csv", "d.csv")
    assert names(tmp_path) == {"a.csv", "d.csv", "inputs.json", "manifest.json"}


def test_results_of_an_older_version_are_told_from_others(tmp_path: Path) -> None:
    """It kept no hashes, so what it wrote cannot be told from what somebody changed."""
    (tmp_path / "a.csv").write_text("a")
    (tmp_path / "manifest.json").write_text('{"format": 1, "result": {}, "files": ["a.csv"]}')
    refuse("results of an older lmssim", tmp_path)


def test_work_that_fails_before_it_writes_leaves_no_folder(tmp_path: Path) -> None:
    """Nor those above it that it made."""
    with pytest.raises(ZeroDivisionError), ResultFolder(tmp_path / "a" / "b"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text",
    ["", "not JSON", "[]", "{}", '{"files": "a.csv"}', '{"name": "other", "version": 3, "files": ["a.csv"]}'],
)
def test_a_manifest_of_somebody_else_is_not_touched(text: str, tmp_path: Path) -> None:
    """Nor is anything that it lists: the folder is refused before any work."""
    (tmp_path / "a.csv").write_text("mine")
    (tmp_path / "manifest.json").write_text(text)
    refuse(r"manifest\.json: lmssim did not write this file", tmp_path, "b.csv", beside=True)
    (tmp_path / "manifest.json").rename(tmp_path / "unfinished.json")
    refuse(r"unfinished\.json: lmssim did not write this file", tmp_path, "b.csv", beside=True)


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
    assert names(tmp_path) == {"a.csv", "b.csv", "inputs.json", "unfinished.json"}
    assert (tmp_path / "a.csv").read_text() == "new"


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    """The second is refused before it works; when the first has left, whether well or not, there is room."""
    with ResultFolder(tmp_path):
        reason = rf"another lmssim is writing to this folder \(process {os.getpid()} on {re.escape(platform.node())}, "
        with pytest.raises(OutputError, match=reason), ResultFolder(tmp_path):
            pass
        fill(tmp_path / "within", "a.csv")
    with pytest.raises(ZeroDivisionError), ResultFolder(tmp_path):
        raise ZeroDivisionError
    fill(tmp_path, "a.csv")


@pytest.mark.parametrize("flock", [True, False])
def test_locks_are_held_for_the_living_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flock: bool) -> None:
    """A process that ended, or whose number another has, holds nothing; of another machine's nobody knows in time."""
    if not flock:
        monkeypatch.setattr("lmssim.execution.folder._locked", lambda *_: False)
    here, lock = this_process(), tmp_path / LOCK
    for owner, held in (
        (here, True),
        (replace(here, begun="1"), False),
        (replace(here, boot="1"), False),
        (replace(here, host="elsewhere"), True),
    ):
        lock.write_text(json.dumps({"program": "lmssim", "token": "0" * 16, **owner.document()}))
        if held:
            refuse(rf"another lmssim is writing .*process {owner.pid} on {re.escape(owner.host)}", tmp_path)
            os.utime(lock, (1, 1))  # long without a sign of life
            if owner.host == "elsewhere":
                fill(tmp_path, "a.csv")
            lock.unlink(missing_ok=True)
        else:
            fill(tmp_path, "a.csv")


def test_who_was_taken_for_dead_writes_no_more(tmp_path: Path) -> None:
    """The folder has another writer since."""
    with ResultFolder(tmp_path) as folder:
        store.write_text(folder.place("a.csv"), "a")
        (tmp_path / LOCK).write_text(json.dumps({"program": "lmssim", "token": "other", **this_process().document()}))
        with pytest.raises(OutputError, match="has taken over this folder"):
            store.write_text(folder.place("b.csv"), "b")
    assert (tmp_path / LOCK).exists()


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "out").write_text("mine")
    for path in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(OutputError, match="a file stands where a folder is needed"), ResultFolder(path):
            raise AssertionError("entered")
