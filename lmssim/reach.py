"""Which files an input may name: those of its own folder, those that are bundled, and those that the user allows.

A scenario that somebody else wrote can so neither read nor show the user's other files. The folder of an input is the
folder of its TOML file, or the folder above it that a file `.lmssim-root` marks as the top of a project, as
`lmssim init` does; `scenarios` and `calibration` side by side, as the bundled ones are, count as one. Links count as
what they lead to.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lmssim.bundled import calibration_folder, scenarios_folder
from lmssim.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = ".lmssim-root"
"""File that marks the top folder of a project."""
PAIR = ("scenarios", "calibration")
"""Folders whose files may name each other's."""
ALLOW = "--allow-files-from"

_allowed: list[Path] = []


@contextmanager
def files_allowed_from(folders: Iterable[str | Path]) -> Iterator[None]:
    """Let inputs name files of some folders, for as long as something runs."""
    before = list(_allowed)
    _allowed.extend(_folder(folder) for folder in folders)
    try:
        yield
    finally:
        _allowed[:] = before


def _folder(path: str | Path) -> Path:
    if not Path(path).is_dir():
        raise ScenarioError(f"{ALLOW} {path}: there is no such folder.")
    return Path(path).resolve()


@dataclass(frozen=True)
class Reach:
    """Folders whose files an input may name."""

    top: Path
    """Its own, or the top of its project."""
    others: tuple[Path, ...]
    """Others."""

    @classmethod
    def of(cls, path: Path) -> Self:
        """Of the TOML file at a path."""
        folder = Path(os.path.abspath(path)).parent
        top = next((place for place in (folder, *folder.parents) if (place / ROOT).is_file()), folder)
        bundled = (scenarios_folder().resolve(), calibration_folder().resolve())
        pair = next(
            ([place.parent / name for name in PAIR] for place in (folder, *folder.parents) if place.name in PAIR), []
        )
        return cls(top, (top.resolve(), *(place.resolve() for place in pair), *bundled, *_allowed))

    def holds(self, path: Path) -> bool:
        """Whether a path leads to a place in one of the folders."""
        real = Path(os.path.realpath(path))
        return any(real.is_relative_to(folder) for folder in self.others)

    def check(self, path: Path, name: str, where: str) -> None:
        """Refuse a file that lies elsewhere, or that is no file of bytes; nothing of what it holds is read.

        Parameters
        ----------
        path : Path
            Where it is.
        name : str
            As the input names it.
        where : str
            Where it is named, to begin the message with.

        Raises
        ------
        ScenarioError
            If it may not be named.
        """
        if "\0" in name:
            raise ScenarioError(f"{where}: {name!r} is no name of a file.")
        if not self.holds(path):
            raise ScenarioError(
                f"{where}: '{name}' lies outside {self.top}, the folder of this input; "
                f"move it there, or allow its folder by {ALLOW} DIR."
            )
        if (kind := kind_of(path)) is not None:
            raise ScenarioError(f"{where}: '{name}' is {kind}, not a file.")


def kind_of(path: Path) -> str | None:
    """What stands at a path, if it is something else than a file that can be read to its end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(mode):
        return "a folder"
    return None if stat.S_ISREG(mode) else "a device, pipe or socket"
