"""A scenario: its file with all includes merged, and every table it names, read and checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lmssim.bundled import find_scenario
from lmssim.errors import ScenarioError, unknown
from lmssim.kernels.machine import LARGEST
from lmssim.model.language.csvfile import noting_further_columns
from lmssim.model.language.curves import with_curves
from lmssim.model.language.duplicates import FILES, refuse_duplicates
from lmssim.model.language.files import InputFiles, KeptFiles, copied, merge
from lmssim.model.language.lookup_tables import LookupTable, read_table
from lmssim.model.language.messages import Origins, checked
from lmssim.model.language.regimens import with_regimens
from lmssim.model.language.schema import ScenarioFile
from lmssim.model.language.schema.settings import STEPS_PER_YEAR
from lmssim.model.language.usage import unused
from lmssim.model.language.versions import refuse_endless_losses
from lmssim.model.parameters.analyses import FIXED, check_analyses
from lmssim.model.parameters.by_covariate import ByCovariate, load_by_covariate
from lmssim.model.parameters.claims import check_claims
from lmssim.model.parameters.groups import load_groups
from lmssim.model.parameters.switches import changes_of, chosen_options, named_parameters, switched
from lmssim.model.parameters.table import ParameterTable, parameter_rows
from lmssim.model.population.joint import HeldPopulation
from lmssim.model.population.mortality import LifeTable, Norms, load_life_table, load_norms
from lmssim.model.population.patients import (
    labels_of,
    load_patients,
    names_of,
    possible_labels,
    with_columns,
)
from lmssim.model.published import check_cases, check_series
from lmssim.reach import files_allowed_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lmssim.model.parameters.draws import Group
    from lmssim.model.parameters.parameter import Parameter
    from lmssim.model.population.joint import Patients


MOST = {"strategies": 200, "states": 1_000, "transitions": 5_000, "expressions": 1_000, "series": 1_000, "cases": 1_000}
"""Most entries of a section of a scenario."""


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
    unused: tuple[str, ...] = ()
    """What the scenario's own file declares and nothing reads; said once the model is compiled."""
    origins: Origins = field(default_factory=Origins)
    """Which file says what, for messages."""
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns of each table that the scenario does not read."""
    written: ParameterTable | None = None
    """All parameters as the tables have them, before switches and overrides."""

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

    @property
    def uncertain(self) -> list[str]:
        """Parameters that draws change by themselves: with a distribution, or members of a group, unless held."""
        members = {id_ for group in self.groups.values() for id_ in group.members}
        return [
            p.id
            for p in self.table.values()
            if not p.held and not p.expression and (p.id in members or p.distribution != "fixed")
        ]

    @property
    def is_calibrated(self) -> bool:
        """Whether there is a posterior, and so the base case is the expectation over what is uncertain."""
        return any(group.kind == "posterior" for group in self.groups.values()) and bool(self.uncertain)

    def with_values(self, overrides: Mapping[str, float]) -> Scenario:
        """Scenario with some parameters held at other values, of its population too."""
        own = self.own - needed_by(self.table, overrides)
        return replace(self, own=own)._with_table(self.table.with_values(overrides), overrides)

    def _with_table(self, table: ParameterTable, overrides: Mapping[str, float]) -> Scenario:
        if self.file.population.rows is not None or not set(overrides) & set(population_names(self)):
            return replace(self, table=table)
        people = load_patients(self.file.population, table, self.by, None, f"{self.path}: population")
        return replace(self, table=table, patients=people)


def load_scenario(
    name: str | Path,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    additions: Mapping[str, Any] | None = None,
    allow: Iterable[str | Path] = (),
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
    allow : iterable of str or Path, optional
        Folders whose files it may name, beside its own folder (see `lmssim.reach`).

    Raises
    ------
    InputError
        With one message that names file, key, value and what is allowed.
    """
    with files_allowed_from(allow), noting_further_columns() as further:
        return replace(_read(name, overrides, switches, additions), further=further)


def _read(
    name: str | Path,
    overrides: Mapping[str, float] | None,
    switches: Mapping[str, str] | None,
    additions: Mapping[str, Any] | None,
) -> Scenario:
    """Scenario with every table that it names; what is wrong with it is said of the file where it stands."""
    files = InputFiles(find_scenario(name))
    merged = files.read_toml()
    if additions:
        merge(merged, copied(dict(additions)))
    origins = Origins(files.path, tuple(files.tomls), merged)
    with origins.named():
        return _loaded(files, merged, overrides or {}, switches or {}, origins)


def kept_scenario(
    files: KeptFiles,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    parameters: tuple[ParameterTable, ByCovariate] | None = None,
) -> Scenario:
    """A scenario from what was kept of it.

    Parameters
    ----------
    overrides, switches : mapping, optional
        As for `load_scenario`.
    parameters : tuple of ParameterTable and ByCovariate, optional
        Rows before switches and overrides, and which of them differ by a covariate, in the place of those of the
        tables; some may then be unused.

    Raises
    ------
    InputError
        As `load_scenario`.
    """
    merged = files.read_toml()
    with noting_further_columns():
        return _loaded(files, merged, overrides or {}, switches or {}, Origins(merged=merged), parameters)


def _loaded(
    files: InputFiles,
    merged: dict[str, Any],
    overrides: Mapping[str, float],
    switches: Mapping[str, str],
    origins: Origins,
    parameters: tuple[ParameterTable, ByCovariate] | None = None,
) -> Scenario:
    where = files.where
    file, options = _as_chosen(merged, switches, files.path)
    file = with_times(file)
    _check_settings(file, where)
    refuse_duplicates(file, where)
    check_series(file, where)
    check_cases(file, where)
    file = with_regimens(with_curves(file, where), where)
    people = None if file.population.rows is None else files.find(file.population.rows, f"{where}: population.rows")
    file = file.model_copy(update={"population": with_columns(file.population, people)})
    table, by, own = (*parameters, frozenset[str]()) if parameters is not None else _tables(file, files)
    written, own = table, _in_need_of_use(own, file, table, options, by)
    at_rest = all(options[name] == switch.default for name, switch in file.switches.items())
    idle = tuple(unused(file, files.own)) if at_rest else ()
    check_claims(file, table, where, by.ids)
    table = switched(table, file.switches, options, where, by.spread)
    _check_held(file, table, where)
    check_analyses(file, table, where)
    drawn = {
        name: files.find(g.file, f"{where}: groups.{name}.file")
        for name, g in file.groups.items()
        if g.file is not None
    }
    groups = load_groups(file.groups, drawn, table, by, f"{where}: groups")
    if overrides:
        own -= needed_by(table, overrides)
        table = table.with_values(overrides)
    life = norms = None
    if file.mortality is not None:
        life = load_life_table(
            files.find(file.mortality.table, f"{where}: mortality.table"),
            file.mortality.measure,
            list(file.mortality.keys),
        )
    if file.utilities.norms is not None:
        norms = load_norms(files.find(file.utilities.norms, f"{where}: utilities.norms"), list(file.utilities.keys))
    patients = load_patients(file.population, table, by, people, f"{where}: population")
    for case, spec in file.cases.items():  # refuses what no patient can have before anything runs
        HeldPopulation(patients, spec.covariates, f"{where}: cases.{case}.covariates")
    by = replace(by, possible=possible_labels(patients, by.covariate))
    return Scenario(
        file=file,
        path=files.path,
        table=table,
        own=own,
        by=by,
        patients=patients,
        life=life,
        norms=norms,
        groups=groups,
        tables=_lookup_tables(file, files),
        inputs=files.hashes,
        options=options,
        unused=idle,
        origins=replace(origins, parameters=frozenset(table)),
        written=written,
    )


def _tables(file: ScenarioFile, files: InputFiles) -> tuple[ParameterTable, ByCovariate, frozenset[str]]:
    """All parameters, which of them differ by a covariate, and which are the scenario's own."""
    paths = _found(files, file.parameters, f"{files.where}: parameters")
    rows = parameter_rows(paths, _found(files, file.shared_parameters, f"{files.where}: shared_parameters"))
    table, by, more = _by_covariate(file, rows, files)
    return table, by, frozenset(p.id for p in table.values() if p.file in {str(path) for path in (*paths, *more)})


def _found(files: InputFiles, names: Sequence[str], where: str) -> list[Path]:
    """Files of a list; one that stands twice would define each of its rows twice."""
    paths: list[Path] = []
    for i, name in enumerate(names, 1):
        path = files.find(name, f"{where}[{i}]")
        if path.resolve() in (other.resolve() for other in paths):
            raise ScenarioError(f"{where}[{i}]: '{name}' is in the list already.")
        paths.append(path)
    return paths


# === Checking ===


def _as_chosen(data: dict[str, Any], selected: Mapping[str, str], path: Path) -> tuple[ScenarioFile, dict[str, str]]:
    """The file with the changes of the chosen options, and these; the model as it stands must be sound too."""
    file = _validated(data, path)
    options = chosen_options(file.switches, selected, str(path))
    _check_options(file, options, data, path)
    changes = changes_of(file.switches, options)
    if changes:
        data = copied(data)
        for change in changes:
            merge(data, copied(change))
        file = _validated(data, path)
    return file, options


def _check_options(file: ScenarioFile, options: Mapping[str, str], data: dict[str, Any], path: Path) -> None:
    """Refuse an option that is not chosen, or an analysis, that would make a file that does not fit the language."""
    for name, switch in file.switches.items():
        for option, spec in switch.options.items():
            if options[name] != option:
                _check_change(spec.change, data, path, f"switches.{name}.options.{option}.change")
    for number, analysis in file.analyses.items():
        if not set(analysis.change) & set(FIXED):
            _check_change(analysis.change, data, path, f"analyses.{number}.change")


def _check_change(change: Mapping[str, Any], data: dict[str, Any], path: Path, place: str) -> None:
    if not change:
        return
    changed = {**data, **copied({key: data[key] for key in change if key in data})}
    merge(changed, copied(dict(change)))
    try:
        refuse_duplicates(_validated(changed, path), str(path), [key for key in change if key not in FILES])
    except ScenarioError as error:
        said = str(error).removeprefix(f"{path}: ")
        raise ScenarioError(f"{path}: {place}.{said}") from None


def _check_held(file: ScenarioFile, table: ParameterTable, where: str) -> None:
    """Refuse a parameter that a series or a case holds, and that there is not."""
    held = {f"series.{name}": list(series.set) for name, series in file.series.items()}
    held |= {f"cases.{name}": list(case.set) for name, case in file.cases.items()}
    for place, ids in held.items():
        for id_ in ids:
            if id_ not in table:
                raise ScenarioError(unknown("parameter", id_, table, f"{where}: {place}.set"))


def _in_need_of_use(
    own: frozenset[str], file: ScenarioFile, table: ParameterTable, options: Mapping[str, str], by: ByCovariate
) -> frozenset[str]:
    """Parameters that the model must use: those of options count as used, and all do where a switch is not at rest."""
    if any(options[name] != switch.default for name, switch in file.switches.items()):
        return frozenset()
    return own - named_parameters(file.switches, table, by.spread)


def needed_by(table: ParameterTable, overrides: Mapping[str, float]) -> set[str]:
    """What the expressions of parameters need that are held at values: nothing may use it now, which is no mistake."""
    derived = [id_ for id_ in overrides if id_ in table and table[id_].expression]
    return table.needed(derived) - set(derived)


def _validated(data: dict[str, Any], path: Path) -> ScenarioFile:
    file = checked(ScenarioFile, data, path)
    refuse_endless_losses(file, str(path))
    return file


def with_times(file: ScenarioFile) -> ScenarioFile:
    """The file with the default times up to its horizon; times that it states stay as they are."""
    settings = file.settings
    if "times" in settings.model_fields_set:
        return file
    last = math.floor(settings.horizon * STEPS_PER_YEAR) / STEPS_PER_YEAR
    times = [time for time in settings.times if time <= settings.horizon] or [last] * (last > 0)
    return file.model_copy(update={"settings": settings.model_copy(update={"times": times})})


def _check_settings(file: ScenarioFile, where: str) -> None:
    if not file.strategies:
        raise ScenarioError(f"{where}: strategies: at least one is needed.")
    for key, most in MOST.items():
        if (n := len(getattr(file, key))) > most:
            raise ScenarioError(f"{where}: {key}: there are {n:,}; at most {most:,} are allowed.")
    for wtp in file.settings.wtp:
        if not 0.0 <= wtp <= LARGEST:
            raise ScenarioError(f"{where}: settings.wtp: {wtp:g} is not an amount of 0 or more, at most {LARGEST:g}.")
    comparator = file.settings.comparator
    if comparator is not None and comparator not in file.strategies:
        raise ScenarioError(unknown("strategy", comparator, file.strategies, f"{where}: settings.comparator"))
    for name, option in file.settings.effects_end.items():
        place = f"{where}: settings.effects_end"
        if name not in file.switches:
            raise ScenarioError(unknown("switch", name, file.switches, place))
        if option not in file.switches[name].options:
            raise ScenarioError(unknown("option", option, file.switches[name].options, f"{place}.{name}"))


def _lookup_tables(file: ScenarioFile, files: InputFiles) -> dict[str, LookupTable]:
    tables = {}
    for name, spec in file.tables.items():
        path = None if spec.file is None else files.find(spec.file, f"{files.where}: tables.{name}.file")
        tables[name] = read_table(name, spec, path, f"{files.where}: tables.{name}")
    return tables


def _by_covariate(
    file: ScenarioFile, rows: list[Parameter], files: InputFiles
) -> tuple[ParameterTable, ByCovariate, list[Path]]:
    """All parameters, which of them differ by a covariate, and the tables that say so."""
    if not file.parameters_by:
        return ParameterTable(rows), ByCovariate(), []
    place = f"{files.where}: parameters_by"
    if len(file.parameters_by) > 1:
        raise ScenarioError(f"{place}: one covariate is possible; {', '.join(file.parameters_by)} given.")
    covariate, by_category = next(iter(file.parameters_by.items()))
    labels = labels_of(file.population, covariate, place)
    found = {
        category: _found(files, paths, f"{place}.{covariate}.{category}") for category, paths in by_category.items()
    }
    table, by = load_by_covariate(rows, covariate, found, labels, place)
    return table, by, [path for paths in found.values() for path in paths]


def population_names(scenario: Scenario) -> Iterator[str]:
    """Parameters that the population names."""
    return names_of(scenario.file.population, scenario.by)
