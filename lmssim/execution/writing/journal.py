"""What lmssim has written to a folder of results, by names and hashes: in the manifest, or in the journal before it.

A folder is unfinished from the first new file until its manifest. Meanwhile the journal lists each file, and what is
about to stand in it, before it appears there: so whenever the program is ended, its own files are known.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmssim.execution.writing.leases import is_lease, token_in
from lmssim.execution.writing.sharing import SHARED, strangers_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANIFEST, JOURNAL, LOCK = "manifest.json", "unfinished.json", ".lmssim-lock"
HASHES = "sha256"
"""Key of a manifest under which the hashes of its files stand."""
PROGRAM = "lmssim"
SPOILT = "checkpoint/"
"""Folder whose files lmssim makes again when they are damaged; elsewhere a file that has changed is the user's."""
PART = re.compile(r"\..+\.lmssim-([0-9a-f]{16})-\d+\.part", re.DOTALL)
"""Name of a file being written, with what tells its writer from others."""
LITTER = frozenset(
    {".DS_Store", ".localized", ".directory", "Thumbs.db", "desktop.ini", ".gitignore", ".gitkeep", ".gitattributes"}
)
"""Files that file managers and version control put into any folder: neither taken for somebody's work, nor touched."""
MOST_BYTES = 64_000_000
"""Of a manifest or journal."""


@dataclass
class Known:
    """What lmssim is known to have written to a folder."""

    hashes: dict[str, list[str]] = field(default_factory=dict)
    """SHA-256 that a file may have, by its name from the folder, with forward slashes."""
    writers: set[str] = field(default_factory=set)
    """Writers that may have left files half-written."""
    has_manifest: bool = False
    """Whether the results are complete."""
    is_old: bool = False
    """Whether the manifest is of an older version, which kept no hashes."""

    def is_own(self, folder: Path, name: str, hash_of: Callable[[Path], str]) -> bool:
        """Whether a file of the folder is one that lmssim wrote, and still is what was written."""
        path, held = folder / name, self.hashes.get(name)
        if held is None or path.is_symlink() or not path.is_file():
            return False
        return name.startswith(SPOILT) or hash_of(path) in held


def known_in(folder: Path) -> tuple[Known, str | None]:
    """What lmssim wrote to a folder, and a name of its own records under which somebody else's file stands there."""
    known = Known()
    for name, read in ((MANIFEST, _of_manifest), (JOURNAL, _of_journal), (LOCK, _of_lock)):
        if os.path.lexists(folder / name) and not read(known, folder / name):
            return known, name
    return known, None


def _of_manifest(known: Known, path: Path) -> bool:
    document = _document(path)
    if not isinstance(document.get("format"), int) or not isinstance(document.get("result"), dict):
        return False
    hashes = document.get(HASHES)
    known.has_manifest, known.is_old = True, not isinstance(hashes, dict)
    _add(known, hashes)
    return True


def _of_journal(known: Known, path: Path) -> bool:
    document = _document(path)
    if document.get("program") != PROGRAM or not isinstance(document.get("files"), dict):
        return False
    known.writers.add(str(document.get("writer", "")))
    _add(known, document["files"])
    return True


def _of_lock(known: Known, path: Path) -> bool:
    if path.is_symlink() or not path.is_file() or not is_lease(path):
        return False
    known.writers.add(token_in(path) or "")
    return True


def _add(known: Known, hashes: Any) -> None:
    for name, held in hashes.items() if isinstance(hashes, dict) else ():
        found = [text for text in (held if isinstance(held, list) else [held]) if isinstance(text, str)]
        known.hashes.setdefault(name, []).extend(found)


def _document(path: Path) -> dict[str, Any]:
    """A JSON object; empty if there is something else."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
            return {}
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def write_journal(folder: Path, part: Path, hashes: dict[str, list[str]], writer: str) -> None:
    """Write the journal in place of an older one.

    Raises
    ------
    OSError
        If the system refuses; the older one stays.
    """
    document = {"program": PROGRAM, "writer": writer, "files": hashes}
    try:
        part.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        part.replace(folder / JOURNAL)
    finally:
        part.unlink(missing_ok=True)


# === Whose the files of a folder are ===


@dataclass(frozen=True)
class Stranger:
    """Something in a folder that is not a file as lmssim wrote it."""

    name: str
    """Name from the folder."""
    is_changed: bool = False
    """Whether lmssim wrote the file and somebody changed it since."""


def strangers(folder: Path, known: Known, hash_of: Callable[[Path], str], within: str = "") -> Iterator[Stranger]:
    """What stands in a folder and is not lmssim's own, in order of names; result folders within are its own too."""
    for entry in sorted(os.scandir(folder / within), key=lambda entry: entry.name):
        name = f"{within}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _in_folder(folder, name, known, hash_of)
        elif entry.name in LITTER or (not within and name in (MANIFEST, JOURNAL, LOCK)) or is_part(name, known):
            continue
        elif not known.is_own(folder, name, hash_of):
            yield Stranger(name, is_changed=name in known.hashes)


def _in_folder(folder: Path, name: str, known: Known, hash_of: Callable[[Path], str]) -> Iterator[Stranger]:
    inner = folder / name
    try:
        if name == SHARED:
            yield from (Stranger(f"{name}/{each}") for each in strangers_in(inner))
            return
        own, foreign = known_in(inner)
        if foreign is None and (own.has_manifest or own.writers):
            yield from (Stranger(f"{name}/{each.name}", each.is_changed) for each in strangers(inner, own, hash_of))
        else:
            yield from strangers(folder, known, hash_of, f"{name}/")
    except PermissionError:
        yield Stranger(name)


def is_part(name: str, known: Known) -> bool:
    """Whether a file is one that a writer known here left half-written."""
    found = PART.fullmatch(Path(name).name)
    return found is not None and found[1] in known.writers


def leftovers(folder: Path, known: Known) -> Iterator[Path]:
    """Files that writers known here left half-written."""
    for top, _, names in os.walk(folder):
        yield from (Path(top) / name for name in names if is_part(name, known))
