"""A scenario: its file with all includes merged, and every table it names, read and checked."""

from __future__ import annotations

import copy
import hashlib
import tomllib
import types
import typing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from lmssim.bundled import find_scenario
from lmssim.errors import ScenarioError, nearest, unknown
from lmssim.model.by_covariate import ByCovariate, load_by_covariate
from lmssim.model.compile_partitioned import with_curves
from lmssim.model.groups import load_groups
from lmssim.model.mortality import LifeTable, Norms, load_life_table, load_norms
from lmssim.model.parameters import ParameterTable, parameter_rows
from lmssim.model.patients import labels_of, load_patients, names_of, possible_labels
from lmssim.model.regimens import with_regimens
from lmssim.model.schema import SCHEMA_VERSION, ScenarioFile
from lmssim.model.switches import changes_of, chosen_options, named_parameters, switched
from lmssim.model.tables import LookupTable, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lmssim.model.parameters import Parameter
    from lmssim.model.population import Patients
    from lmssim.model.sampling import Group

MAX_INCLUDES = 32
JOINED = ("transitions", "parameters", "shared_parameters")
"""Lists that includes join; of others the including file's stands."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A checked scenario with its tables."""

    file: ScenarioFile
    """What the file says."""
    path: Path
    """Where it stands."""
    table: ParameterTable
    """All parameters."""
    own: frozenset[str]
    """Parameters of the scenario's own tables, each of which must be used."""
    by: ByCovariate
    """Which ids differ by a covariate."""
    patients: Patients
    """Population."""
    life: LifeTable | None
    """Background mortality."""
    norms: Norms | None
    """Utility norms."""
    groups: Mapping[str, Group]
    """Parameters drawn jointly."""
    tables: Mapping[str, LookupTable]
    """Lookup tables."""
    inputs: Mapping[str, str]
    """Every file read, relative to the scenario's folder where possible, with its SHA-256."""
    options: Mapping[str, str]
    """Option of every switch."""

    @property
    def name(self) -> str:
        """Short name."""
        return self.file.name

    @property
    def strategies(self) -> list[str]:
        """Strategy ids in file order."""
        return list(self.file.strategies)

    def strategy_label(self, strategy: str) -> str:
        """Label of a strategy, or its id."""
        return self.file.strategies[strategy].label or strategy

    @property
    def comparator(self) -> str:
        """Strategy to which others are compared: the stated one, else the first."""
        return self.file.settings.comparator or self.strategies[0]

    def with_values(self, overrides: Mapping[str, float]) -> Scenario:
        """Scenario with some parameters held at other values, of its population too."""
        table = self.table.with_values(overrides)
        if self.file.population.rows is not None or not set(overrides) & set(population_names(self)):
            return replace(self, table=table)
        people = load_patients(self.file.population, table, self.by, None, f"{self.path}: population")
        return replace(self, table=table, patients=people)


def load_scenario(
    name: str | Path,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    additions: Mapping[str, Any] | None = None,
) -> Scenario:
    """Load and check a scenario.

    Parameters
    ----------
    name : str or Path
        Path of a TOML file, or the name of a bundled scenario.
    overrides : mapping of str to float, optional
        Parameters held at other values.
    switches : mapping of str to str, optional
        Options of some switches; the others stand at their defaults.
    additions : mapping of str to table, optional
        Tables merged into the file, as those of a file that includes it.

    Raises
    ------
    InputError
        With one message that names file, key, value and what is allowed.
    """
    path = find_scenario(name)
    read: dict[str, str] = {}
    merged = _read_merged(path, read, 0)
    if additions:
        _merge(merged, copy.deepcopy(dict(additions)))
    _read_strata(merged, path, read)
    where = str(path)
    file, options = _as_chosen(merged, switches or {}, path)
    folder = path.parent
    _check_settings(file, where)
    file = with_regimens(with_curves(file, where), where)
    paths = [_table(folder, p, where, read) for p in file.parameters]
    rows = parameter_rows(paths, [_table(folder, p, where, read) for p in file.shared_parameters])
    table, by, more = _by_covariate(file, rows, folder, where, read)
    own = frozenset(p.id for p in table.values() if p.file in {str(path) for path in (*paths, *more)})
    own = _in_need_of_use(own, file, table, options, by)
    table = switched(table, file.switches, options, where, by.spread)
    drawn = {name: _table(folder, g.file, where, read) for name, g in file.groups.items() if g.file is not None}
    groups = load_groups(file.groups, drawn, table, by, f"{where}: groups")
    if overrides:
        table = table.with_values(overrides)
    life = norms = None
    if file.mortality is not None:
        life_path = _table(folder, file.mortality.table, where, read)
        life = load_life_table(life_path, file.mortality.measure, list(file.mortality.keys))
    if file.utilities.norms is not None:
        norms = load_norms(_table(folder, file.utilities.norms, where, read), list(file.utilities.keys))
    people = None if file.population.rows is None else _table(folder, file.population.rows, where, read)
    patients = load_patients(file.population, table, by, people, f"{where}: population")
    by = replace(by, possible=possible_labels(patients, by.covariate))
    return Scenario(
        file=file,
        path=path,
        table=table,
        own=own,
        by=by,
        patients=patients,
        life=life,
        norms=norms,
        groups=groups,
        tables=_lookup_tables(file, folder, where, read),
        inputs=read,
        options=options,
    )


# === Reading ===


def _read_merged(path: Path, read: dict[str, str], depth: int) -> dict[str, Any]:
    """A TOML file over what it includes: tables are merged, `transitions` and parameter lists are joined."""
    if depth > MAX_INCLUDES:
        raise ScenarioError(f"{path}: includes are nested more than {MAX_INCLUDES} deep; do they include each other?")
    text = _read_bytes(path, read)
    try:
        data = tomllib.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text (byte {error.start}).") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ScenarioError(f"{path}: not valid TOML: {error}") from None
    merged: dict[str, Any] = {}
    includes = data.get("include", [])
    if not isinstance(includes, list) or not all(isinstance(i, str) for i in includes):
        raise ScenarioError(f"{path}: include must be a list of file names.")
    for include in includes:
        target = path.parent / include
        if not target.is_file():
            raise ScenarioError(f"{path}: include: no such file '{include}'.{_nearby(target)}")
        _merge(merged, _relocated(_read_merged(target, read, depth + 1), target.parent, path.parent))
    _merge(merged, data)
    return merged


def _read_strata(data: dict[str, Any], path: Path, read: dict[str, str]) -> None:
    """Put the populations of strata's files where the strata stand."""
    population = data.get("population")
    strata = population.get("strata") if isinstance(population, dict) else None
    if not isinstance(strata, dict):
        return
    for name, stratum in strata.items():
        if isinstance(stratum, dict) and isinstance(stratum.get("file"), str):
            key = f"{path}: population.strata.{name}.file"
            target = path.parent / stratum["file"]
            if not target.is_file():
                raise ScenarioError(f"{key}: no such file '{stratum['file']}'.{_nearby(target)}")
            given = _read_merged(target, read, 1).get("population")
            if not isinstance(given, dict) or "covariates" not in given:
                raise ScenarioError(f"{key}: {target} has no [population.covariates].")
            for other in ("rows", "strata"):
                if other in given:
                    raise ScenarioError(f"{key}: {target}: population.{other} cannot be part of a mixed population.")
            taken = {part: given[part] for part in ("label", "covariates", "correlations") if part in given}
            _merge(taken, stratum)
            strata[name] = taken


def _read_bytes(path: Path, read: dict[str, str]) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}.") from None
    read[str(path)] = hashlib.sha256(content).hexdigest()
    return content


def _relocated(data: dict[str, Any], source: Path, target: Path) -> dict[str, Any]:
    """Make the file names of an included file hold from the including one's folder."""
    if source.resolve() == target.resolve():
        return data

    def moved(name: Any) -> Any:
        return str((source / name).resolve()) if isinstance(name, str) else name

    for key in ("parameters", "shared_parameters"):
        if isinstance(data.get(key), list):
            data[key] = [moved(name) for name in data[key]]
    for by_category in _tables_in(data, "parameters_by"):
        for category, names in by_category.items():
            by_category[category] = [moved(name) for name in names] if isinstance(names, list) else names
    population = data.get("population")
    for stratum in _tables_in(population if isinstance(population, dict) else {}, "strata"):
        if "file" in stratum:
            stratum["file"] = moved(stratum["file"])
    for section, key in (("mortality", "table"), ("utilities", "norms"), ("population", "rows")):
        if isinstance(data.get(section), dict) and key in data[section]:
            data[section][key] = moved(data[section][key])
    for table in (*_tables_in(data, "tables"), *_tables_in(data, "groups")):
        if "file" in table:
            table["file"] = moved(table["file"])
    for switch in _tables_in(data, "switches"):
        for option in _tables_in(switch, "options"):
            if isinstance(option.get("change"), dict):
                option["change"] = _relocated(option["change"], source, target)
    return data


def _tables_in(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Tables that stand under a key; whatever else stands there is refused later."""
    held = data.get(key)
    return [table for table in held.values() if isinstance(table, dict)] if isinstance(held, dict) else []


def _merge(base: dict[str, Any], over: dict[str, Any], join: bool = False) -> None:
    """Merge tables key by key; one of another `kind` has other keys, so it takes the place of the whole."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict) and not _of_another_kind(base[key], value):
            _merge(base[key], value, join or key == "parameters_by")
        elif (join or key in JOINED) and isinstance(base.get(key), list):
            base[key] = [*base[key], *value] if isinstance(value, list) else value
        else:
            base[key] = value


def _of_another_kind(base: dict[str, Any], over: dict[str, Any]) -> bool:
    """Whether a table states another `kind` (of covariate, of state): it then stands in place of the included one."""
    return "kind" in base and "kind" in over and base["kind"] != over["kind"]


def _nearby(path: Path) -> str:
    return nearest(path.name, [p.name for p in path.parent.glob("*")]) if path.parent.is_dir() else ""


def _table(folder: Path, name: str, where: str, read: dict[str, str]) -> Path:
    path = folder / name
    if not path.is_file():
        raise ScenarioError(f"{where}: no such file '{name}'.{_nearby(path)}")
    _read_bytes(path, read)
    return path


# === Checking ===


def _as_chosen(data: dict[str, Any], selected: Mapping[str, str], path: Path) -> tuple[ScenarioFile, dict[str, str]]:
    """The file with the changes of the chosen options, and these; the model as it stands must be sound too."""
    file = _validated(data, path)
    options = chosen_options(file.switches, selected, str(path))
    changes = changes_of(file.switches, options)
    if changes:
        data = copy.deepcopy(data)
        for change in changes:
            _merge(data, copy.deepcopy(change))
        file = _validated(data, path)
    return file, options


def _in_need_of_use(
    own: frozenset[str], file: ScenarioFile, table: ParameterTable, options: Mapping[str, str], by: ByCovariate
) -> frozenset[str]:
    """Parameters that the model must use: those of options count as used, and all do where a switch is not at rest."""
    if any(options[name] != switch.default for name, switch in file.switches.items()):
        return frozenset()
    return own - named_parameters(file.switches, table, by.spread)


def _validated(data: dict[str, Any], path: Path) -> ScenarioFile:
    version = data.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ScenarioError(
            f"{path}: schema_version {version} is newer than this lmssim reads ({SCHEMA_VERSION}); upgrade lmssim."
        )
    try:
        return ScenarioFile.model_validate(data)
    except ValidationError as error:
        raise ScenarioError(validation_message(error, path)) from None
    except RecursionError:
        raise ScenarioError(f"{path}: nested too deep.") from None


def validation_message(error: ValidationError, path: Path, model: type[BaseModel] = ScenarioFile) -> str:
    """One message: the key, its value and what is allowed; unknown keys first, as they explain the others."""
    problems = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    key = _key(first["loc"])
    more = f" ({len(problems) - 1} more problem(s) after this one.)" if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        allowed = _allowed(first["loc"][:-1], model)
        return f"{path}: {key}: unknown key '{first['loc'][-1]}'.{nearest(str(first['loc'][-1]), allowed)}{more}"
    if first["type"] == "missing":
        return f"{path}: {key}: is required and missing.{more}"
    value = repr(first["input"])
    hint = ""
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        words = first["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = nearest(first["input"], words)
    message = first["msg"].replace("Input should", "should")
    return f"{path}: {key} = {value[:80]}: {message}.{hint}{more}"


def _key(location: tuple[int | str, ...]) -> str:
    """Key as the file writes it; list positions count from 1."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part not in ("Effect", "Planned", "float", "str") and not part.startswith(("literal", "list[")):
            text += f".{part}" if text else part
    return text


def _allowed(location: tuple[int | str, ...], root: type[BaseModel]) -> list[str]:
    """Keys allowed at a place, found by following the sections' fields."""
    models: list[Any] = [root]
    for part in location:
        following: list[Any] = []
        for model in models:
            if isinstance(model, type) and issubclass(model, BaseModel):
                names = {f.alias or n: f.annotation for n, f in model.model_fields.items()}
                if part in names:
                    following += list(_sections(names[str(part)]))
                elif part == model.__name__:
                    following.append(model)
        models = following or models
    return [f.alias or n for m in models if issubclass(m, BaseModel) for n, f in m.model_fields.items()]


def _sections(annotation: Any) -> Iterator[Any]:
    """Sections within an annotation such as dict[str, list[State]]."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _sections(argument)


def _check_settings(file: ScenarioFile, where: str) -> None:
    if not file.strategies:
        raise ScenarioError(f"{where}: strategies: at least one is needed.")
    categories = file.settings.cost_categories
    if len(set(categories)) < len(categories):
        raise ScenarioError(f"{where}: settings.cost_categories: one stands twice in {categories}.")
    comparator = file.settings.comparator
    if comparator is not None and comparator not in file.strategies:
        raise ScenarioError(unknown("strategy", comparator, file.strategies, f"{where}: settings.comparator"))


def _lookup_tables(file: ScenarioFile, folder: Path, where: str, read: dict[str, str]) -> dict[str, LookupTable]:
    tables = {}
    for name, spec in file.tables.items():
        path = None if spec.file is None else _table(folder, spec.file, where, read)
        tables[name] = read_table(name, spec, path, f"{where}: tables.{name}")
    return tables


def _by_covariate(
    file: ScenarioFile, rows: list[Parameter], folder: Path, where: str, read: dict[str, str]
) -> tuple[ParameterTable, ByCovariate, list[Path]]:
    """All parameters, which of them differ by a covariate, and the tables that say so."""
    if not file.parameters_by:
        return ParameterTable(rows), ByCovariate(), []
    place = f"{where}: parameters_by"
    if len(file.parameters_by) > 1:
        raise ScenarioError(f"{place}: one covariate is possible; {', '.join(file.parameters_by)} given.")
    covariate, by_category = next(iter(file.parameters_by.items()))
    labels = labels_of(file.population, covariate, place)
    files = {category: [_table(folder, p, where, read) for p in paths] for category, paths in by_category.items()}
    table, by = load_by_covariate(rows, covariate, files, labels, place)
    return table, by, [path for paths in files.values() for path in paths]


def population_names(scenario: Scenario) -> Iterator[str]:
    """Parameters that the population names."""
    return names_of(scenario.file.population, scenario.by)
