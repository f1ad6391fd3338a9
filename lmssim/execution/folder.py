"""A folder of results: files written whole, what they were made from beside them, and last of all the manifest.

A folder with a manifest is complete, and holds what the manifest lists. The old manifest goes before the first new file
comes; from then on a journal (`unfinished.json`) lists what lmssim has written, until the new manifest takes its place.
Files are lmssim's own if they are what one of the two lists, to the last bit. Nothing else is ever removed or
overwritten: a folder that holds other files, or an input of the run, is refused before any work.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmssim.errors import InUseError, OutputError
from lmssim.execution import store
from lmssim.execution.writing.guards import guarding
from lmssim.execution.writing.journal import (
    HASHES,
    JOURNAL,
    LOCK,
    MANIFEST,
    Known,
    Stranger,
    known_in,
    leftovers,
    strangers,
    write_journal,
)
from lmssim.execution.writing.leases import SECONDS, Lease, owner_in, token_in
from lmssim.execution.writing.names import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType
    from typing import Self

INPUTS = "inputs.json"
BESIDE = "--beside-other-files"
"""Option of commands that allows a folder with other files."""
ELSEWHERE = "name a new or empty folder by --out, or one that lmssim made"


class ResultFolder:
    """A folder that one writer at a time fills with results.

    Parameters
    ----------
    path : Path
        Where; made if it is not there, when the folder is entered.
    inputs : iterable of path
        Files that the run reads: none of them may be in the folder.
    beside : bool
        Whether the folder may hold files of others; they stay as they are.

    Raises
    ------
    OutputError
        On entering, if files cannot be written there, somebody else is writing, or the folder holds what lmssim did
        not write. Later, if a file would take the place of somebody else's.
    """

    def __init__(self, path: Path, inputs: Iterable[str | Path] = (), *, beside: bool = False) -> None:
        self.path, self.inputs, self.beside = path, inputs, beside
        self._place = path
        self._open = ExitStack()
        self._lease = Lease(path / LOCK)
        self._known = Known()
        self._written: dict[str, str] = {}
        self._numbers = count()
        self._begun = False

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.callback(_remove_empty, _made(self.path))
            self._place = self.path.resolve()
            alone = _locked(self.path, opened)
            self._known = _own_files(self.path, self.inputs, self.beside)
            _take(self._lease, alone=alone)
            opened.callback(self._lease.release)
            for path in leftovers(self.path, self._known):
                store.remove(path)
            opened.enter_context(guarding(self.path, self))
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def begin(self) -> Path:
        """The folder, to write to: what stands there is complete no more, so its manifest goes."""
        if not self._begun:
            self._begun = True
            self._write_journal()
            store.remove(self.path / MANIFEST)
        return self.path

    def place(self, name: str) -> Path:
        """Path to write a file of the results to.

        Parameters
        ----------
        name : str
            Its name; forward slashes part folders, which are made.
        """
        path = self.begin() / name
        store.make_parents(path)
        return path

    def add(self, paths: Iterable[Path]) -> None:
        """Count files among the results that somebody wrote to the folder after `begin`."""
        for path in paths:
            name = self._name(path)
            if name not in self._written:
                self._note(path, store.hash_of(path))

    def discard(self, inner: str) -> None:
        """Remove what this run and earlier ones wrote to a folder in the folder, which the results do not need."""
        for name in [name for name in self._known.hashes if name.startswith(f"{inner}/")]:
            self._written.pop(name, None)
            self._remove_own(name)
        _remove_empty([self.path / inner])

    def finish(self, manifest: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Write the inputs, remove what an earlier run left, and write the manifest.

        Parameters
        ----------
        manifest : mapping
            See `lmssim.execution.manifest`; files are listed here.
        inputs : mapping
            See `lmssim.execution.inputs`.

        Returns
        -------
        dict
            The manifest as written.
        """
        store.write_json(self.place(INPUTS), inputs)
        for name in self._known.hashes.keys() - self._written:
            self._remove_own(name)
        hashes = dict(sorted(self._written.items()))
        document = {**manifest, "files": list(hashes), HASHES: hashes}
        store.write_json(self.path / MANIFEST, document)
        store.remove(self.path / JOURNAL)
        return document

    # === What is asked before a file is written, as `Guard` says ===

    def admit(self, path: Path) -> Path:
        """Temporary name for a file that may be written."""
        self.begin()
        self._check(path)
        return self._part(path)

    def record(self, path: Path, part: Path) -> None:
        """List what is about to take the place of a file, unless this has become somebody else's meanwhile."""
        self._check(path)
        if self._name(path) != MANIFEST:
            self._note(path, store.hash_of(part))

    def keep(self, path: Path) -> None:
        """Count a file of an earlier run among the results, as it stands."""
        if (name := self._name(path)) in self._known.hashes and name not in self._written:
            self._written[name] = store.hash_of(path)

    def _check(self, path: Path) -> None:
        """Refuse a file that would leave the folder, or take the place of one that lmssim did not write."""
        name = self._name(path)
        if not self._lease.is_held:
            raise OutputError(f"{self.path}: another lmssim has taken over this folder; nothing more is written to it.")
        there = os.path.lexists(path) and not path.is_dir() and name != MANIFEST
        if there and not self._known.is_own(self.path, name, store.hash_of):
            raise OutputError(f"{path}: lmssim did not write this file, so it stays; move it away, or {ELSEWHERE}.")

    def _name(self, path: Path) -> str:
        """Name of a file from the folder."""
        real = path.parent.resolve() / path.name
        if not real.is_relative_to(self._place):
            raise OutputError(f"{path}: a link leads out of {self.path}; {ELSEWHERE}.")
        return real.relative_to(self._place).as_posix()

    def _note(self, path: Path, digest: str) -> None:
        """List a file with the hash that it has, and the one that it is about to have."""
        name = self._name(path)
        self._known.hashes[name] = [*([store.hash_of(path)] if path.is_file() else []), digest]
        self._written[name] = digest
        self._write_journal()

    def _write_journal(self) -> None:
        try:
            write_journal(self.path, self._part(self.path / JOURNAL), self._known.hashes, self._lease.token)
        except OSError as error:
            raise store.refusal(self.path / JOURNAL, error) from None

    def _part(self, path: Path) -> Path:
        return path.with_name(f".{path.name}.lmssim-{self._lease.token}-{next(self._numbers)}.part")

    def _remove_own(self, name: str) -> None:
        """Remove a file of the folder that is what lmssim wrote, but nothing outside of it, whatever is listed."""
        path = self.path / name
        inside = (path.parent.resolve() / path.name).is_relative_to(self._place)
        if inside and self._known.is_own(self.path, name, store.hash_of):
            with suppress(OSError):
                path.unlink(missing_ok=True)
            between = [each for each in path.parents if each.is_relative_to(self.path) and each != self.path]
            _remove_empty(between)  # innermost first; one that holds something stays


# === Entering ===


def _made(folder: Path) -> list[Path]:
    """Make a folder; returns those that were not there, innermost first."""
    absent = [place for place in (folder, *folder.parents) if not place.exists()]
    store.make_parents(folder / MANIFEST)
    return absent


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders that nothing was written to."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _own_files(folder: Path, inputs: Iterable[str | Path], beside: bool) -> Known:
    """What lmssim wrote to a folder earlier.

    Raises
    ------
    OutputError
        If results do not belong there.
    """
    place = folder.resolve()
    if place in (Path.home().resolve(), Path(place.anchor)):
        raise OutputError(f"{folder}: results do not belong in a home folder, or at the root of a disk; {ELSEWHERE}.")
    for name in inputs:
        if Path(name).resolve().is_relative_to(place):
            raise OutputError(f"{folder}: holds '{Path(name).name}', an input of this run; {ELSEWHERE}.")
    known, foreign = known_in(folder)
    if foreign is not None:
        raise OutputError(f"{folder / foreign}: lmssim did not write this file; move it away, or {ELSEWHERE}.")
    for stranger in strangers(folder, known, store.hash_of):
        _check_stranger(folder, stranger, known, beside)
    return known


def _check_stranger(folder: Path, stranger: Stranger, known: Known, beside: bool) -> None:
    """Refuse a folder for something in it that is not lmssim's own, unless it may stay beside the results."""
    path = folder / stranger.name
    if stranger.is_changed:
        raise OutputError(f"{path}: was changed since lmssim wrote it, so it stays; move it away, or {ELSEWHERE}.")
    if known.is_old:
        raise OutputError(
            f"{folder}: holds results of an older lmssim, which kept no hashes of its files; {ELSEWHERE}."
        )
    if beside and USUAL.fullmatch(stranger.name):
        raise OutputError(
            f"{path}: has the name of a result, and lmssim did not write it; move it away, or {ELSEWHERE}."
        )
    if not beside:
        store.make_folder(folder)  # what cannot be written to is refused for that
        raise OutputError(
            f"{folder}: holds '{stranger.name}', which lmssim did not write; {ELSEWHERE}, or give {BESIDE}: results "
            "are then written beside other files, which stay as they are."
        )


def _locked(path: Path, opened: ExitStack) -> bool:
    """Lock a folder until the stack is closed; False where there are no such locks."""
    try:
        import fcntl
    except ImportError:
        return False
    handle = os.open(path, os.O_RDONLY)
    opened.callback(os.close, handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _in_use(path) from None
    except OSError:  # a file system without locks
        return False
    return True


def _take(lease: Lease, *, alone: bool) -> None:
    """Take the lease of a folder, which tells who writes to it; whoever is alone may remove one that was cut short."""
    folder = lease.path.parent
    try:
        if alone and token_in(lease.path) == "":
            lease.path.unlink()
        if not lease.take():
            raise _in_use(folder)
    except OSError as error:
        raise store.refusal(folder, error) from None


def _in_use(folder: Path) -> InUseError:
    owner = owner_in(folder / LOCK)
    who = "" if owner is None else f" ({owner})"
    far = "" if owner is None or owner.is_local else f" If it runs no more, try again in {SECONDS:.0f} seconds."
    return InUseError(
        f"{folder}: another lmssim is writing to this folder{who}; wait for it, or give another --out.{far}"
    )
