"""Reading back what a folder of results keeps of its inputs.

A folder may come from anybody, so nothing that it says is a place on this disk: other files are found by their hash
alone, among the copies in the folders, the files of this installation, and folders that the user names.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lmssim.bundled import calibration_folder, scenarios_folder
from lmssim.errors import InputError
from lmssim.execution import store
from lmssim.execution.folder import INPUTS
from lmssim.execution.kept.source import SOURCE, copy_name, decoded
from lmssim.execution.writing.journal import MANIFEST
from lmssim.model.language.files import check_values, with_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LARGEST = 50_000_000
"""Bytes of a file of inputs."""
MOST_FILES = 200_000
"""Files of a named folder among which one is looked for."""


@dataclass(frozen=True)
class Finder:
    """Finds files by their hashes.

    Attributes
    ----------
    folders : sequence of Path
        Folders of results, whose copies are looked at.
    further : sequence of Path
        Folders of the user, with all that is in them.
    """

    folders: Sequence[Path] = ()
    further: Sequence[Path] = ()
    _found: dict[str, Path] = field(default_factory=dict)

    def find(self, name: str, digest: str) -> Path | None:
        """Where a file of some content is now; None if it is nowhere."""
        if digest not in self._found:
            for path in self._candidates(PurePosixPath(name).name, name, digest):
                if path.is_file() and store.hash_of(path) == digest:
                    self._found[digest] = path
                    break
        return self._found.get(digest)

    def _candidates(self, last: str, name: str, digest: str) -> Iterator[Path]:
        for folder in self.folders:
            yield folder / copy_name(name, digest)
        for folder in (scenarios_folder(), calibration_folder(), *self.further):
            yield from _named(folder, last)


def _named(folder: Path, name: str) -> Iterator[Path]:
    """Files of a name anywhere in a folder."""
    seen = 0
    for place, _, names in os.walk(folder):
        seen += len(names)
        if name in names:
            yield Path(place) / name
        if seen > MOST_FILES:
            return


@dataclass(frozen=True)
class KeptInputs:
    """What a folder of results keeps.

    Attributes
    ----------
    folder : Path
        Where.
    asked : dict
        What was asked for.
    merged : dict
        Tables of the scenario before switches; a file that they name has the hash of its content as its name.
    names : dict of str to str
        What each such file was called, by its hash and ending.
    digests : dict of str to str
        Its hash.
    """

    folder: Path
    asked: dict[str, Any]
    merged: dict[str, Any]
    names: dict[str, str]
    digests: dict[str, str]

    @cached_property
    def path(self) -> Path:
        """The file that it was read from."""
        return self.folder / SOURCE

    def places(self, finder: Finder) -> dict[str, Path]:
        """Where its files are now.

        Raises
        ------
        InputError
            If one is nowhere.
        """
        found = {}
        for token, name in self.names.items():
            place = finder.find(name, self.digests[token])
            if place is None:
                raise InputError(
                    f"{self.folder}: the run read '{PurePosixPath(name).name}' (SHA-256 {self.digests[token][:16]}...),"
                    " which is neither kept in the folder nor part of this installation; name a folder that has it by "
                    "--files-from DIR."
                )
            found[token] = place
        return found


def read_kept(folder: Path) -> KeptInputs:
    """What a folder of results keeps of its inputs.

    Raises
    ------
    InputError
        If it is no folder of results, or keeps no scenario.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder.")
    if not (folder / INPUTS).is_file():
        made = (folder / MANIFEST).is_file()
        what = f"has no {INPUTS}" if made else f"is no folder of results: it has neither {MANIFEST} nor {INPUTS}"
        raise InputError(f"{folder}: {what}; give the folder of a finished `lmssim run`, `psa` or `sweep`.")
    _check_complete(folder)
    held = _json(folder / INPUTS)
    if "trial" in held:
        raise InputError(
            f"{folder}: holds a simulated trial; results of run, psa and sweeps of scenarios are compared."
        )
    asked = held.get("asked")
    if not isinstance(asked, dict):
        raise InputError(f"{folder / INPUTS}: has no 'asked', so it is no file of lmssim.")
    if not (folder / SOURCE).is_file():
        raise InputError(
            f"{folder}: keeps no scenario that could be run again ({SOURCE}); its results are of an older lmssim, or "
            "of another command than run, psa and sweep. Run it again."
        )
    return _checked(folder, _json(folder / SOURCE), asked)


def _check_complete(folder: Path) -> None:
    """Refuse a folder whose manifest, which is written last, is missing or not whole."""
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder}: has no {MANIFEST}, so that it is not complete; run it again.")
    if not isinstance(_json(folder / MANIFEST).get("files"), list):
        raise InputError(f"{folder / MANIFEST}: names no files, so that it is no manifest of lmssim; run it again.")


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path}: has more than {LARGEST:,} bytes.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: cannot be read as JSON.") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: is no table of JSON.")
    return document


def _checked(folder: Path, source: dict[str, Any], asked: dict[str, Any]) -> KeptInputs:
    merged, files = decoded(source.get("merged")), source.get("files")
    texts = isinstance(files, dict) and all(isinstance(text, str) for pair in files.items() for text in pair)
    if not isinstance(merged, dict) or not isinstance(files, dict) or not texts:
        raise InputError(f"{folder / SOURCE}: does not hold the tables and files of a scenario.")
    check_values(merged, str(folder / SOURCE), "merged", 0)
    tokens = {name: f"{digest}{PurePosixPath(name).suffix}" for name, digest in files.items()}
    merged = with_names(merged, lambda name: tokens.get(name, name) if isinstance(name, str) else name)
    return KeptInputs(
        folder,
        asked,
        merged,
        {token: name for name, token in tokens.items()},
        {tokens[name]: digest for name, digest in files.items()},
    )
