"""A scenario as its files say it, before any switch: what a folder keeps, and what is read back.

The tables of all included files stand in `inputs/scenario.json` as they were merged, in the order of the files, which
counts: of branches the first match wins. The other files that they name (tables of parameters, of mortality, posterior
draws) are known by their hashes. Those that are not part of the installation are copied to the folder, but for rows of
patients, which stay where they are.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lmssim.bundled import calibration_folder, scenarios_folder
from lmssim.execution import store
from lmssim.execution.manifest import input_hashes
from lmssim.model.language.files import copied, with_names
from lmssim.text import json_escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.execution.folder import ResultFolder
    from lmssim.model.scenario import Scenario

COPIES = "inputs"
"""Folder of the copies in a folder of results."""
SOURCE = f"{COPIES}/scenario.json"
LARGEST = 100_000_000
"""Bytes of a file that is copied."""
NOT_FINITE = "not_finite"
"""Key in the place of a number that JSON does not have."""


def source_of(scenario: Scenario) -> dict[str, Any]:
    """`merged`, the tables of all files before switches, and `files`, the hash of each other file that they name."""
    folder = scenario.path.parent.resolve()

    def renamed(name: Any) -> Any:
        return _from(folder, folder / name) if isinstance(name, str) and "\0" not in name else name

    merged = with_names(copied(scenario.origins.merged), renamed)
    files = {name: digest for name, digest in input_hashes(scenario).items() if not name.endswith(".toml")}
    return {"merged": encoded(merged), "files": files}


def copy_name(name: str, digest: str) -> str:
    """Name of the copy of a file, from the folder of results."""
    return f"{COPIES}/{digest[:16]}-{PurePosixPath(name).name}"


def keep_source(scenario: Scenario, folder: ResultFolder) -> None:
    """Keep a scenario in a folder of results, with the files that it read but those installed or about patients.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    text = json.dumps(source_of(scenario), indent=1, ensure_ascii=False, allow_nan=False)
    store.write_text(folder.place(SOURCE), f"{json_escaped(text)}\n")
    place = scenario.path.parent.resolve()
    digests = input_hashes(scenario)
    for name in _worth_copying(scenario):
        content = (place / name).read_bytes()
        if hashlib.sha256(content).hexdigest() == digests[name]:  # it may have changed since it was read
            store.write_bytes(folder.place(copy_name(name, digests[name])), content)


def _worth_copying(scenario: Scenario) -> Iterator[str]:
    place, rows = scenario.path.parent.resolve(), scenario.file.population.rows
    patients = None if rows is None else _from(place, place / rows)
    bundled = (scenarios_folder().resolve(), calibration_folder().resolve())
    for name in input_hashes(scenario):
        path = (place / name).resolve()
        installed = any(path.is_relative_to(folder) for folder in bundled)
        if name.endswith(".toml") or name == patients or installed or not path.is_file():
            continue
        if path.stat().st_size <= LARGEST:
            yield name


def _from(folder: Path, path: Path) -> str:
    """A path from a folder, with forward slashes."""
    return Path(os.path.relpath(path.resolve(), folder)).as_posix()


# === Numbers that JSON does not have ===


def encoded(value: Any) -> Any:
    """A value of TOML as JSON holds it."""
    if isinstance(value, dict):
        return {key: encoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {NOT_FINITE: str(value)}
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def decoded(value: Any) -> Any:
    """The value of TOML that JSON holds."""
    if isinstance(value, dict):
        if set(value) == {NOT_FINITE} and value[NOT_FINITE] in ("inf", "-inf", "nan"):
            return float(value[NOT_FINITE])
        return {key: decoded(item) for key, item in value.items()}
    return [decoded(item) for item in value] if isinstance(value, list) else value
