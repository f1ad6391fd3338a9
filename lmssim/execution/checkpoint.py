"""Parts of long work, kept in a folder so that it can be interrupted anywhere and taken up again.

A part is a file of arrays and plain values (NumPy's npz, never pickled objects). It carries a hash of all that decides
its content, so that a part of other inputs is never taken for one of these, and a hash of the content itself, so that
a file that was cut short or altered is recognised. A file is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
import warnings
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.npyio import NpzFile

from lmssim.execution import store
from lmssim.execution.writing.guards import guard_of
from lmssim.execution.writing.interruption import work_is_kept
from lmssim.execution.writing.leases import SECONDS, Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIX = ".npz"
KEY, CONTENT, VALUES = "_key", "_content", "_values"
"""Entries of a file beside its arrays: hash of what decides the part, hash of what is in it, plain values as JSON."""
POLL_SECONDS = 0.2
"""Between two looks at what other processes make."""
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)
"""What reading a damaged file raises, by what is damaged: the archive, an entry, the head of an array, the JSON."""


class DamagedPartWarning(UserWarning):
    """A part that was kept cannot be used, so that it is made again."""


@dataclass(frozen=True, eq=False)
class Part:
    """A piece of work that is done."""

    arrays: Mapping[str, NDArray[Any]]
    """Arrays by name, of numbers, booleans or texts."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, texts, and lists and dictionaries of them; floats keep all their bits."""


def key_of(*inputs: Any) -> str:
    """Hash of all that decides some content.

    Parameters
    ----------
    inputs : object
        Arrays, of which type, shape and every bit count; or what JSON can hold.
    """
    found = hashlib.sha256()
    for value in inputs:
        if isinstance(value, np.ndarray):
            found.update(json.dumps([value.dtype.str, value.shape]).encode() + np.ascontiguousarray(value).tobytes())
        else:
            found.update(json.dumps(value, sort_keys=True).encode())
        found.update(b"\n")
    return found.hexdigest()


class Checkpoint:
    """A folder of parts that were made from the same inputs.

    Parameters
    ----------
    folder : Path
        Made if it is not there. Parts of other inputs are removed from it; other files are left alone.
    key : str
        Hash of all that decides the content of every part, but for the part's own name.
    resume : bool
        Whether parts that are there are used; else they are removed too.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """

    def __init__(self, folder: Path, key: str, *, resume: bool = True) -> None:
        self.folder, self.key, self.resume = store.make_folder(folder), key, resume
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            held = _key_in(path)
            if held is not None and (not resume or held != self._key(path.stem)):
                store.remove(path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _key(self, name: str) -> str:
        return key_of(self.key, name)

    def get(self, name: str) -> Part | None:
        """A part, or None if it is not there.

        Warns
        -----
        DamagedPartWarning
            If it is there but damaged, or not what its name says; the message names the file.
        """
        path = self._path(name)
        if not path.is_file():  # nor a pipe or a device, which would not end
            return None
        try:
            part = _read(path, self._key(name))
        except UNREADABLE as error:
            reason = str(error).strip() or "it is cut short"
            warnings.warn(f"{path}: damaged ({reason}); it is made again.", DamagedPartWarning, stacklevel=3)
            return None
        if (guard := guard_of(path)) is not None:
            guard.keep(path)
        work_is_kept(self.folder, resume=self.resume)
        return part

    def put(self, name: str, part: Part) -> None:
        """Keep a part, in place of one that is there.

        Raises
        ------
        OutputError
            If it cannot be written; what was there stays.
        """
        for array in part.arrays.values():
            if array.dtype.hasobject:
                raise TypeError(f"part '{name}': an array of objects cannot be kept.")
        entries: dict[str, Any] = {**part.arrays, VALUES: np.array(json.dumps(dict(part.values)))}
        entries |= {CONTENT: np.array(_content_of(entries)), KEY: np.array(self._key(name))}
        with store.replacing(self._path(name)) as temporary, temporary.open("wb") as file:
            np.savez(file, **entries)
        work_is_kept(self.folder, resume=self.resume)


def made(checkpoint: Checkpoint | None, name: str, make: Callable[[], Part]) -> Part:
    """A part from a checkpoint, if there is one that has it; else made, and kept there."""
    held = None if checkpoint is None else checkpoint.get(name)
    if held is not None:
        return held
    part = make()
    if checkpoint is not None:
        checkpoint.put(name, part)
    return part


class SharedParts:
    """Parts that several processes make together, each part once, by whoever holds its lease.

    A part has no name but the hash of all that it is made from, so it is right whoever made it, and when.

    Parameters
    ----------
    folder : Path
        Folder that they share; made if it is not there.
    seconds : float
        How long the lease of a process of another machine holds after its last sign of life.
    """

    def __init__(self, folder: Path, seconds: float = SECONDS) -> None:
        self.folder, self.seconds = folder, seconds
        self._parts = Checkpoint(folder, "")

    def offered(self, key: str, make: Callable[[], Part]) -> Part | None:
        """A part that is there, or is made now; None while another process makes it.

        Parameters
        ----------
        key : str
            Of `key_of`, over all that the part is made from.
        make : callable
            Makes it.
        """
        if (held := self._parts.get(key)) is not None:
            return held
        with Lease(self.folder / f"{key}.lease", self.seconds) as lease:
            return made(self._parts, key, make) if lease.take() else None

    def all_of(self, tasks: Mapping[str, Callable[[], Part]]) -> dict[str, Part]:
        """All parts by their keys: whatever nobody else makes is made here, and the rest waited for."""
        found: dict[str, Part] = {}
        while len(found) < len(tasks):
            before = len(found)
            for key in tasks.keys() - found:
                if (part := self.offered(key, tasks[key])) is not None:
                    found[key] = part
            if len(found) == before:
                time.sleep(POLL_SECONDS)
        return {key: found[key] for key in tasks}


def _read(path: Path, key: str) -> Part:
    with _entries(path) as found:
        entries = dict(found)
    held, content = (str(entries.pop(name)) for name in (KEY, CONTENT))
    if held != key:
        raise ValueError("it was made from other inputs, or under another name")
    if content != _content_of(entries):
        raise ValueError("its content is not what was written")
    values = json.loads(str(entries.pop(VALUES)))
    return Part(entries, values)


@contextmanager
def _entries(path: Path) -> Iterator[NpzFile]:
    """Entries of a file, which hold as many bytes as the file has: a part is written without compression."""
    with path.open("rb") as file, NpzFile(file, allow_pickle=False) as found:
        sizes = [(entry.file_size, entry.compress_type) for entry in zipfile.ZipFile(file).infolist()]
        if sum(size for size, _ in sizes) > path.stat().st_size or any(kind != zipfile.ZIP_STORED for _, kind in sizes):
            raise ValueError("lmssim did not write it in this form")
        yield found


def _content_of(entries: Mapping[str, NDArray[Any]]) -> str:
    """Hash of arrays and their names."""
    names = sorted(entries)
    return key_of(names, *(entries[name] for name in names))


def _key_in(path: Path) -> str | None:
    """Key that a file carries; None if it cannot be read, or is none of ours."""
    try:
        with _entries(path) as entries:
            return str(entries[KEY])
    except UNREADABLE:
        return None
