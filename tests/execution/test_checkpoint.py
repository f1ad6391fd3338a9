"""What a checkpoint gives back is what was put in, made from the same inputs, and whole; else it is made again."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.execution.checkpoint import Checkpoint, DamagedPartWarning, Part, key_of, made

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARRAYS = {"x": np.array([[0.1 + 0.2, np.nan], [-0.0, 5e-324]]), "n": np.arange(3), "names": np.array(["a", "bé"])}
VALUES = {"done": 7, "share": 0.1 + 0.2, "kind": "MT19937", "list": [1, 0.5, None]}


def part() -> Part:
    """Some of everything."""
    return Part(ARRAYS, VALUES)


def never() -> Part:
    """What must not be made."""
    raise AssertionError("it was there")


def test_what_is_got_is_what_was_put(tmp_path: Path) -> None:
    """Every bit, also by whoever opens the folder later; nothing temporary remains."""
    Checkpoint(tmp_path, "key").put("first", part())
    held = Checkpoint(tmp_path, "key").get("first")
    assert held is not None
    assert {name: array.dtype for name, array in held.arrays.items()} == {n: a.dtype for n, a in ARRAYS.items()}
    assert all(held.arrays[name].tobytes() == array.tobytes() for name, array in ARRAYS.items())
    assert held.values == VALUES
    assert [path.name for path in tmp_path.iterdir()] == ["first.npz"]
    assert Checkpoint(tmp_path, "key").get("second") is None


def test_a_part_is_made_once(tmp_path: Path) -> None:
    """And without a checkpoint each time."""
    checkpoint = Checkpoint(tmp_path / "made", "key")
    first = made(checkpoint, "first", part)
    assert np.array_equal(made(checkpoint, "first", never).arrays["n"], first.arrays["n"])
    assert made(None, "first", part).values == VALUES


def test_parts_of_other_inputs_go_and_nothing_else(tmp_path: Path) -> None:
    """Also those of the same inputs, if asked not to resume."""
    np.savez(tmp_path / "mine.npz", x=np.zeros(1))
    (tmp_path / "notes.npz").write_text("mine too")
    own = {"mine.npz", "notes.npz"}
    Checkpoint(tmp_path, "key").put("first", part())
    assert {path.name for path in tmp_path.iterdir()} == own | {"first.npz"}
    Checkpoint(tmp_path, "key")
    assert {path.name for path in tmp_path.iterdir()} == own | {"first.npz"}
    assert Checkpoint(tmp_path, "other").get("first") is None
    assert {path.name for path in tmp_path.iterdir()} == own
    Checkpoint(tmp_path, "key").put("first", part())
    Checkpoint(tmp_path, "key", resume=False)
    assert {path.name for path in tmp_path.iterdir()} == own


def cut(path: Path) -> None:
    """The end is missing."""
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    """Nothing was written."""
    path.write_bytes(b"")


def text(path: Path) -> None:
    """Something else stands there."""
    path.write_text("not a part")


def other_content(path: Path) -> None:
    """One number is another, and the file is sound."""
    with np.load(path) as file:
        entries = {name: file[name] for name in file.files}
    np.savez(path, **entries | {"n": np.arange(3) + 1})


def other_name(path: Path) -> None:
    """Another part of the same inputs stands in its place."""
    Checkpoint(path.parent, "key").put("second", part())
    (path.parent / "second.npz").replace(path)


def pickled(path: Path) -> None:
    """An array of objects, which would have to be unpickled."""
    with path.open("wb") as file:
        np.savez(file, _key=np.array([{}], dtype=object))


def bomb(path: Path) -> None:
    """Few bytes that would become many."""
    with path.open("wb") as file:
        np.savez_compressed(file, x=np.zeros(10_000_000))


def other_head(path: Path) -> None:
    """The head of an array is no longer one."""
    path.write_bytes(path.read_bytes().replace(b"'descr':", b"'dexcr'("))


@pytest.mark.parametrize("spoil", [cut, empty, text, other_content, other_name, pickled, bomb, other_head])
def test_a_damaged_part_is_named_and_made_again(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    """Whatever became of it; afterwards it is sound."""
    checkpoint = Checkpoint(tmp_path, "key")
    checkpoint.put("first", part())
    spoil(tmp_path / "first.npz")
    with pytest.warns(DamagedPartWarning, match=r"first\.npz: damaged .* made again"):
        again = made(checkpoint, "first", part)
    assert np.array_equal(again.arrays["n"], np.arange(3))
    assert made(checkpoint, "first", never).values == VALUES


SHARING = """
import sys, time
from pathlib import Path
import numpy as np
from lmssim.execution.checkpoint import Part, SharedParts, key_of

folder, log, slow = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
def make(k):
    with log.open("a") as file:
        file.write(f"{k}\\n")
    time.sleep(60 if slow == str(k) else 0.02)
    return Part({"x": np.full(3, float(k))})
found = SharedParts(folder).all_of({key_of("square", k): (lambda k=k: make(k)) for k in range(9)})
assert [part.arrays["x"][0] for part in found.values()] == list(range(9))
"""


def test_processes_share_parts_and_make_each_once(tmp_path: Path) -> None:
    """One that is killed over a part leaves it to the others; each of these has all parts in the end."""
    folder, log = tmp_path / "parts", tmp_path / "log"

    def begin(slow: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", SHARING, str(folder), str(log), slow])

    log.touch()
    hanging = begin("4")
    while "4" not in log.read_text():
        time.sleep(0.01)
    others = [begin("none") for _ in range(2)]
    time.sleep(0.5)
    hanging.kill()
    hanging.wait()
    assert [each.wait() for each in others] == [0, 0]
    assert sorted(log.read_text().split()) == sorted("0123456784")
    assert {path.suffix for path in folder.iterdir()} == {".npz"}


def test_objects_are_refused(tmp_path: Path) -> None:
    """They would have to be pickled."""
    with pytest.raises(TypeError, match="array of objects"):
        Checkpoint(tmp_path, "key").put("first", Part({"x": np.array([None])}))
    assert not list(tmp_path.iterdir())


def test_keys_tell_all_that_decides() -> None:
    """Values, their order, types, shapes and bits; not the order of a dictionary, nor how an array lies in memory."""
    x = np.arange(6.0).reshape(2, 3)
    others = [
        key_of(x.reshape(3, 2)),
        key_of(x.astype(np.int64)),
        key_of(np.where(x == 0.0, -0.0, x)),
        key_of(x, 1),
        key_of(1, x),
        key_of([1], x),
        key_of("1", x),
        key_of({"a": 1, "b": [math.nan]}),
        key_of({"a": 1, "b": [None]}),
        key_of("ab", "c"),
        key_of("a", "bc"),
    ]
    assert len({key_of(x), *others}) == len(others) + 1
    assert key_of(x) == key_of(np.asfortranarray(x))
    assert key_of({"a": 1, "b": 2}) == key_of(json.loads('{"b": 2, "a": 1}'))
