"""Guards: what must be asked before a file of some folder is written, however deep in the program that is done.

A result folder sets a guard over itself while it is open, so that every file that goes there is recorded before it
appears, and none of somebody else's is overwritten.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Guard(Protocol):
    """Watches over the files of a folder."""

    def admit(self, path: Path) -> Path:
        """Name under which a file is to be written first; refuses a file that may not be written."""

    def record(self, path: Path, part: Path) -> None:
        """Note what is about to take its place."""

    def keep(self, path: Path) -> None:
        """Count a file that stands there among the results."""

    def begin(self) -> Path:
        """Note that what stands in the folder is complete no more."""


_guards: dict[Path, Guard] = {}
"""Guards by the folder that they watch."""


@contextmanager
def guarding(folder: Path, guard: Guard) -> Iterator[None]:
    """Set a guard over a folder for a while."""
    place = folder.resolve()
    _guards[place] = guard
    try:
        yield
    finally:
        _guards.pop(place, None)


def guard_of(path: Path) -> Guard | None:
    """The guard over a path, of several the innermost; also over one that a link within leads elsewhere."""
    if not _guards:
        return None
    for folder in (path.parent.resolve(), Path(os.path.abspath(path.parent))):
        found = next((_guards[place] for place in (folder, *folder.parents) if place in _guards), None)
        if found is not None:
            return found
    return None
