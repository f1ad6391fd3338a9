"""The files of an input: TOML over what it includes, and every other file that it names, each read once and hashed."""

from __future__ import annotations

import functools
import hashlib
import os
import tomllib
from typing import TYPE_CHECKING, Any

from lmssim.errors import ScenarioError, nearest
from lmssim.model.language.replacing import joined_transitions
from lmssim.model.language.versions import refuse_newer
from lmssim.reach import Reach, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

MAX_DEPTH = 32
"""How deep includes may be nested."""
MAX_FILES = 1_000
MAX_TOML_BYTES = 4_000_000
MAX_NESTING = 60
"""Tables within tables."""
KEPT_BYTES, KEPT_FILES = 65_536, 64
"""Largest file of which the tables are kept, as studies read the same scenario many times, and how many are."""
LARGEST = 2**63 - 1
"""Largest whole number that TOML knows."""
JOINED = ("transitions", "parameters", "shared_parameters")
"""Lists that includes join; of others the including file's stands."""
POPULATION_PARTS = ("label", "covariates", "correlations")
"""What a stratum takes from the population of a file."""


class InputFiles:
    """Files that one TOML file draws on.

    Parameters
    ----------
    path : Path
        The TOML file; other names are read from its folder.

    Attributes
    ----------
    where : str
        The file, as messages name it.
    hashes : dict of str to str
        SHA-256 of every file read, by path.
    tomls : list of Path
        TOML files in the order in which they are merged: what is included first, the file itself last.
    own : dict of str to frozenset of str
        Names in each section of the file itself.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.folder, self.where = path, path.parent, str(path)
        self.reach = Reach.of(path)
        self.hashes: dict[str, str] = {}
        self.tomls: list[Path] = []
        self.own: dict[str, frozenset[str]] = {}
        self._included: set[Path] = set()

    def read_toml(self) -> dict[str, Any]:
        """The file over all that it includes, with the populations of its strata in place.

        Raises
        ------
        ScenarioError
            If a file cannot be read, is not TOML, or an include is not there.
        """
        data = self._merged(self.path, ())
        self._fill_strata(data)
        return data

    def find(self, name: str, key: str = "") -> Path:
        """Path of a file that the input names, read and hashed.

        Parameters
        ----------
        key : str, optional
            Where it is named, for the message.

        Raises
        ------
        ScenarioError
            If it is not there; the message has the nearest name.
        """
        path = self.folder / name
        self._check(path, name, key or self.where)
        try:
            with path.open("rb") as file:
                self.hashes[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ScenarioError(f"{path}: cannot be read: {error.strerror}.") from None
        return path

    def _check(self, path: Path, name: str, where: str) -> None:
        """Refuse a file that may not be named, or is not there."""
        self.reach.check(path, name, where)
        if not os.path.isfile(path):  # nor a name that no system takes
            raise ScenarioError(f"{where}: no such file '{name}'.{_nearby(path)}")

    def _read(self, path: Path) -> bytes:
        content = _bytes_of(path)
        self.hashes[str(path)] = hashlib.sha256(content).hexdigest()
        return content

    def _merged(self, path: Path, chain: tuple[Path, ...]) -> dict[str, Any]:
        """A TOML file over what it includes: tables are merged, `transitions` and parameter lists are joined.

        A file that several others include is read, and counts, once: where it is included first.

        Parameters
        ----------
        chain : tuple of Path
            The files that led here, outermost first.
        """
        chain = (*chain, path.resolve())
        if len(chain) > MAX_DEPTH:
            raise ScenarioError(f"{path}: includes are nested more than {MAX_DEPTH} deep.")
        data = parse_toml(self._read(path), path)
        refuse_newer(data, path)
        own = {section: frozenset(held) for section, held in data.items() if isinstance(held, dict)}
        merged: dict[str, Any] = {}
        for target in self._includes(data, path, chain):
            merge(merged, _relocated(self._merged(target, chain), target.parent, path.parent))
        merge(merged, data)
        self.tomls.append(path)
        self.own = own
        return merged

    def _includes(self, data: dict[str, Any], path: Path, chain: tuple[Path, ...]) -> Iterator[Path]:
        """Files that a file includes and that have not been included yet."""
        includes = data.get("include", [])
        if not isinstance(includes, list) or not all(isinstance(i, str) for i in includes):
            raise ScenarioError(f"{path}: include must be a list of file names.")
        for include in includes:
            target = path.parent / include
            self._check(target, include, f"{path}: include")
            if target.resolve() in chain:
                raise ScenarioError(f"{path}: include: '{include}' includes this file in its turn.")
            if target.resolve() in self._included:
                continue
            self._included.add(target.resolve())
            if len(self._included) > MAX_FILES:
                raise ScenarioError(f"{path}: include: more than {MAX_FILES} files are included.")
            yield target

    def _fill_strata(self, data: dict[str, Any]) -> None:
        """Put the populations of strata's files where the strata stand."""
        population = data.get("population")
        strata = population.get("strata") if isinstance(population, dict) else None
        if not isinstance(strata, dict):
            return
        for name, stratum in strata.items():
            if isinstance(stratum, dict) and isinstance(stratum.get("file"), str):
                strata[name] = self._stratum(stratum, f"{self.path}: population.strata.{name}.file")

    def _stratum(self, stratum: dict[str, Any], key: str) -> dict[str, Any]:
        """A stratum over the population of its file."""
        target = self.folder / stratum["file"]
        self._check(target, stratum["file"], key)
        files = InputFiles(target)
        files.reach = self.reach
        given = files.read_toml().get("population")
        self.hashes |= files.hashes
        if not isinstance(given, dict) or "covariates" not in given:
            raise ScenarioError(f"{key}: {target} has no [population.covariates].")
        for other in ("rows", "strata"):
            if other in given:
                raise ScenarioError(f"{key}: {target}: population.{other} cannot be part of a mixed population.")
        taken = {part: given[part] for part in POPULATION_PARTS if part in given}
        merge(taken, stratum)
        return taken


class KeptFiles(InputFiles):
    """Files of an input that was merged and kept earlier: tables, and the places where other files are now.

    Parameters
    ----------
    path : Path
        Where the tables are kept, as messages name it.
    merged : dict
        The tables, as `InputFiles.read_toml` gave them.
    places : mapping of str to Path
        Where each file is that they name.
    """

    def __init__(self, path: Path, merged: dict[str, Any], places: Mapping[str, Path]) -> None:
        super().__init__(path)
        self.merged, self.places = merged, places

    def read_toml(self) -> dict[str, Any]:
        """The tables, for the reader to change."""
        merged: dict[str, Any] = copied(self.merged)
        return merged

    def find(self, name: str, key: str = "") -> Path:
        """Where a file is; one that nobody has listed is not looked for."""
        if name not in self.places:
            raise ScenarioError(f"{key or self.where}: the file '{name}' is not among those that were kept.")
        return self.places[name]


def read_toml(path: Path) -> dict[str, Any]:
    """A single TOML file.

    Raises
    ------
    ScenarioError
        If it cannot be read, or is not TOML.
    """
    return parse_toml(_bytes_of(path), path)


def _bytes_of(path: Path) -> bytes:
    if (kind := kind_of(path)) is not None:
        raise ScenarioError(f"{path}: is {kind}, not a file.")
    try:
        with path.open("rb") as file:
            return file.read(MAX_TOML_BYTES + 1)
    except FileNotFoundError:
        there = [each.name for each in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
        raise ScenarioError(f"{path}: no such file.{nearest(path.name, there)}") from None
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}.") from None


def parse_toml(content: bytes, path: Path) -> dict[str, Any]:
    """TOML from bytes; `path` is named in messages.

    Raises
    ------
    ScenarioError
        If it is not UTF-8, not TOML, too large, nested too deep, or has a whole number of more than 64 bits.
    """
    if len(content) > MAX_TOML_BYTES:
        raise ScenarioError(f"{path}: too many bytes; a TOML file may have {MAX_TOML_BYTES:,} at most.")
    try:
        data = copied(_kept(content)) if len(content) <= KEPT_BYTES else _parsed(content)
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text (byte {error.start}).") from None
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: not valid TOML: {error}") from None
    except RecursionError:
        raise ScenarioError(f"{path}: not valid TOML: nested too deep.") from None
    except ValueError:  # Python refuses to read thousands of digits
        raise ScenarioError(f"{path}: a whole number has thousands of digits; {LARGEST} is the largest.") from None
    check_values(data, str(path), "", 0)
    return data


def _parsed(content: bytes) -> dict[str, Any]:
    return tomllib.loads(content.decode("utf-8-sig"))


_kept = functools.lru_cache(KEPT_FILES)(_parsed)


def copied(value: Any) -> Any:
    """Tables and lists that may be changed while the given ones stay as they are."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def check_values(value: Any, path: str, key: str, depth: int) -> None:
    """Refuse whole numbers beyond 64 bits, and tables nested beyond what any section has."""
    if depth > MAX_NESTING:
        raise ScenarioError(f"{path}: {key[:80]}: nested more than {MAX_NESTING} deep.")
    if isinstance(value, dict):
        for name, item in value.items():
            check_values(item, path, f"{key}.{name}" if key else name, depth + 1)
    elif isinstance(value, list):
        for i, item in enumerate(value, 1):
            check_values(item, path, f"{key}[{i}]", depth + 1)
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise ScenarioError(
            f"{path}: {key} = {str(value)[:20]}...: is too large; {LARGEST} is the largest whole number."
        )


def merge(base: dict[str, Any], over: dict[str, Any], join: bool = False) -> None:
    """Merge tables key by key; one of another `kind` has other keys, so it takes the place of the whole."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict) and not _of_another_kind(base[key], value):
            merge(base[key], value, join or key == "parameters_by")
        elif (join or key in JOINED) and isinstance(base.get(key), list):
            both = joined_transitions if key == "transitions" else list.__add__
            base[key] = both(base[key], value) if isinstance(value, list) else value
        else:
            base[key] = value


def _of_another_kind(base: dict[str, Any], over: dict[str, Any]) -> bool:
    """Whether a table states another `kind` (of covariate, of state): it then stands in place of the included one."""
    return "kind" in base and "kind" in over and base["kind"] != over["kind"]


def _relocated(data: dict[str, Any], source: Path, target: Path) -> dict[str, Any]:
    """Make the file names of an included file hold from the including one's folder."""
    if source.resolve() == target.resolve():
        return data

    def moved(name: Any) -> Any:
        return str((source / name).resolve()) if isinstance(name, str) and "\0" not in name else name

    return with_names(data, moved)


def with_names(data: dict[str, Any], renamed: Callable[[Any], Any]) -> dict[str, Any]:
    """The tables of a file, changed in place so that every name of another file in them is what a function gives."""
    for key in ("parameters", "shared_parameters"):
        if isinstance(data.get(key), list):
            data[key] = [renamed(name) for name in data[key]]
    for by_category in _tables_in(data, "parameters_by"):
        for category, names in by_category.items():
            by_category[category] = [renamed(name) for name in names] if isinstance(names, list) else names
    population = data.get("population")
    for stratum in _tables_in(population if isinstance(population, dict) else {}, "strata"):
        if "file" in stratum:
            stratum["file"] = renamed(stratum["file"])
    for section, key in (("mortality", "table"), ("utilities", "norms"), ("population", "rows")):
        if isinstance(data.get(section), dict) and key in data[section]:
            data[section][key] = renamed(data[section][key])
    for table in (*_tables_in(data, "tables"), *_tables_in(data, "groups")):
        if "file" in table:
            table["file"] = renamed(table["file"])
    for switch in _tables_in(data, "switches"):
        for option in _tables_in(switch, "options"):
            if isinstance(option.get("change"), dict):
                option["change"] = with_names(option["change"], renamed)
    return data


def _tables_in(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Tables that stand under a key; whatever else stands there is refused later."""
    held = data.get(key)
    return [table for table in held.values() if isinstance(table, dict)] if isinstance(held, dict) else []


def _nearby(path: Path) -> str:
    return nearest(path.name, [p.name for p in path.parent.glob("*")]) if path.parent.is_dir() else ""
