"""A folder of results: files written whole, what they were made from beside them, and last of all the manifest.

A folder with a manifest is complete, and holds what the manifest lists. The old manifest goes before the first new file
comes; at the end, files that the old one listed, that still are what was written, and that were not written again are
removed, and nothing else ever is. A manifest that lmssim did not write is not touched: the folder is refused.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lmssim.errors import OutputError
from lmssim.execution import store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

MANIFEST, INPUTS = "manifest.json", "inputs.json"
HASHES = "sha256"
"""Key of a manifest under which the hashes of its files stand."""


class ResultFolder:
    """A folder that one writer at a time fills with results.

    Parameters
    ----------
    path : Path
        Where; made if it is not there, when the folder is entered.

    Raises
    ------
    OutputError
        On entering, if files cannot be written there, somebody else is writing, or the manifest there is not lmssim's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._begun = False
        self._earlier: dict[str, str] = {}
        self._written: set[str] = set()

    def __enter__(self) -> Self:
        store.make_folder(self.path)
        self._lock = _locked(self.path)
        try:
            self._earlier = _hashes(self.path / MANIFEST)
        except OutputError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)

    def begin(self) -> Path:
        """The folder, to write to: what stands there is complete no more, so its manifest goes."""
        if not self._begun:
            store.remove(self.path / MANIFEST)
            self._begun = True
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
        self._written.add(name)
        return path

    def add(self, paths: Iterable[Path]) -> None:
        """Count files among the results that somebody wrote to the folder after `begin`."""
        self._written.update(path.relative_to(self.path).as_posix() for path in paths)

    def add_figure(self, drawn: Path) -> Path:
        """The same for a figure, an SVG file with a PNG file beside it; returns the former."""
        self.add((drawn, drawn.with_suffix(".png")))
        return drawn

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
        for name in self._earlier.keys() - self._written:
            _remove_own(self.path, name, self._earlier[name])
        files = sorted(self._written)
        document = {**manifest, "files": files, HASHES: {name: store.hash_of(self.path / name) for name in files}}
        store.write_json(self.path / MANIFEST, document)
        return document


def _hashes(path: Path) -> dict[str, str]:
    """Hash of each file that a manifest of lmssim's lists; none if there is no manifest.

    Raises
    ------
    OutputError
        If a file of this name is there that lmssim did not write.
    """
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        ours = isinstance(document["format"], int) and isinstance(document["result"], dict)
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise OutputError(f"{path}: lmssim did not write this file; move it away, or give another folder by --out.")
    hashes = document.get(HASHES)  # an older version's has none
    return {name: text for name, text in hashes.items() if isinstance(text, str)} if isinstance(hashes, dict) else {}


def _remove_own(folder: Path, name: str, digest: str) -> None:
    """Remove a file of a folder that is what lmssim wrote, but nothing outside of it, whatever a manifest says."""
    path = folder / name
    inside = (path.parent.resolve() / path.name).is_relative_to(folder.resolve())
    if inside and path.is_file() and not path.is_symlink() and store.hash_of(path) == digest:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _locked(path: Path) -> int | None:
    """Handle that keeps others from writing to a folder until it is closed; None where there are no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise OutputError(f"{path}: another lmssim is writing to this folder; give another --out.") from None
    except OSError:  # a file system without locks
        os.close(handle)
        return None
    return handle
