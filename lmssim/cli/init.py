"""`lmssim init`: a working copy of the bundled scenarios and calibrations, to edit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmssim.cli.terminal import say
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

TAPLO = """\
# Completion and checking of keys in editors that use Taplo (Even Better TOML, for instance)
include = ["scenarios/*.toml", "scenarios/*/*.toml", "scenarios/trials/models/*.toml"]
exclude = ["scenarios/budget/*.toml", "scenarios/evidence/*.toml", "scenarios/trials/*.toml"]

[schema]
path = "schema/scenario.schema.json"
enabled = true
"""


TOP = """\
# The top of a project: scenarios below this folder may name any file below it
"""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to create.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Add what is missing to a folder that is not empty; your own files are kept."),
    ] = False,
) -> None:
    """Copy the bundled scenarios and calibrations to a folder, to edit."""
    from lmssim.execution.store import make_folder, make_parents, refusal, remove_abandoned, write_bytes

    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise InputError(
            f"{folder}: is not empty; name a new folder, or give --force to add the files that are missing."
        )
    make_folder(folder)
    remove_abandoned(folder)
    kept = []
    for name, content in _files():
        path = folder / name
        make_parents(path)
        try:
            if not os.path.lexists(path):
                write_bytes(path, content)
            elif not path.is_file() or path.read_bytes() != content:
                kept.append(name)
        except OSError as error:
            raise refusal(path, error) from None
    for name in kept:
        say(f"kept your {folder / name}, which differs from the bundled one")
    say(_next_steps(folder))


def _files() -> Iterator[tuple[str, bytes]]:
    """Relative names and contents of the files of a working copy; files refer to each other by these names."""
    from lmssim.bundled import calibration_folder, scenarios_folder
    from lmssim.execution.store import json_text
    from lmssim.model.language.schema.document import schema_document
    from lmssim.reach import ROOT

    for source in (scenarios_folder(), calibration_folder()):
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source.parent)
            if path.is_file() and not any(part.startswith((".", "__")) for part in name.parts):
                yield name.as_posix(), path.read_bytes()
    yield "schema/scenario.schema.json", json_text(schema_document(whole=False)).encode()
    yield ".taplo.toml", TAPLO.encode()
    yield ROOT, TOP.encode()


def _next_steps(folder: Path) -> str:
    from lmssim.bundled import bundled_names

    first = folder / "scenarios" / f"{bundled_names()[0]}.toml"
    return (
        f"The scenarios are in {folder / 'scenarios'}, their calibrations in {folder / 'calibration'}. Next:\n"
        f"  lmssim show {first}    show its states, parameters and strategies\n"
        f"  lmssim run {first}     run it\n"
        "Edit any of the files and run again; a mistake is reported with its file, key and the nearest valid name."
    )
