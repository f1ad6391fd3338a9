"""One of two results that are compared: the model that gave it, how it was evaluated, and what it found."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from lmssim.errors import InputError
from lmssim.execution.kept.reading import read_kept
from lmssim.execution.simulate import COHORT
from lmssim.model import edits
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.language.files import KeptFiles, copied, merge
from lmssim.model.scenario import kept_scenario

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmssim.execution.kept.reading import Finder, KeptInputs
    from lmssim.model.parameters.by_covariate import ByCovariate
    from lmssim.model.parameters.table import ParameterTable
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

NOT_OF_NUMBERS = (
    "include",
    "title",
    "description",
    "claims",
    "series",
    "cases",
    "new_setting",
    "schema_version",
    "name",
)
"""Sections of a file on which no outcome of a strategy depends."""
MOST_CSV_BYTES = 200_000_000
RUN, PSA, SWEEP = "run", "psa", "sweep"
Found = dict[tuple[str, str], tuple[float, float]]
"""By strategy and outcome, a mean and its standard error."""


class Cell(Protocol):
    """What a cell of a sweep changes: `lmssim.studies.sweep.chosen.Chosen`."""

    @property
    def number(self) -> int:
        """Its number."""

    @property
    def overrides(self) -> Mapping[str, float]:
        """Parameters that are held."""

    @property
    def switches(self) -> Mapping[str, str]:
        """Options that are chosen."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """Tables that are merged into the file."""

    @property
    def sampling(self) -> Mapping[str, Any]:
        """What is said of patients, seed and engine."""

    @property
    def found(self) -> Mapping[tuple[str, str], tuple[float, float]]:
        """Means and standard errors by strategy and outcome."""


@dataclass(frozen=True)
class Way:
    """How a result was evaluated.

    Attributes
    ----------
    study : str
        `run`, `psa` or `sweep`.
    draws : int
        Draws of the parameters; 0 at their values.
    patients : int
        Patients in all; of an exact solution, profiles.
    seed : int
        Of all random numbers.
    engine, where : str
        By which engine, and the rule on covariates of whom it follows.
    common : bool
        Whether draws share their patients.
    """

    study: str
    draws: int
    patients: int
    seed: int
    engine: str
    where: str
    common: bool = False

    @property
    def is_solved(self) -> bool:
        """Whether there are no patients."""
        return self.engine == COHORT

    def sentence(self) -> str:
        """In words."""
        who = f"{self.patients:,} profiles" if self.is_solved else f"{self.patients:,} patients, seed {self.seed}"
        what = f"{self.draws:,} draws of the parameters" if self.draws else "the parameters at their values"
        return f"{what}, {who}"


@dataclass(frozen=True)
class Side:
    """A result with all that it was made from.

    Attributes
    ----------
    where : str
        Folder, and cell if there are several.
    merged : dict
        Tables of the scenario before switches, reduced to what outcomes depend on; each switch has its chosen option.
    overrides : dict of str to float
        Parameters that were held.
    names, places : dict
        What files were called, and where they are now, by the names that the tables have for them.
    way : Way
        How it was evaluated.
    found : dict
        What the folder holds: means and standard errors.
    strategies : list of str
        That were run.
    horizon : float
        Years.
    version : str
        Of the lmssim that made it.
    path : Path
        The file of its inputs.
    """

    where: str
    merged: dict[str, Any]
    overrides: dict[str, float]
    names: dict[str, str]
    places: dict[str, Path]
    way: Way
    found: Found
    strategies: list[str]
    horizon: float
    version: str
    path: Path

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario as it ran."""
        return scenario_from(self.path, self.merged, self.places, self.overrides, self.horizon)

    @cached_property
    def program(self) -> Program:
        """Its program."""
        return compile_scenario(self.scenario)

    @property
    def table(self) -> ParameterTable:
        """All parameters before switches and overrides."""
        assert self.scenario.written is not None
        return self.scenario.written


def scenario_from(
    path: Path,
    merged: dict[str, Any],
    places: Mapping[str, Path],
    overrides: Mapping[str, float],
    horizon: float,
    parameters: tuple[ParameterTable, ByCovariate] | None = None,
) -> Scenario:
    """A scenario from its tables, run to some horizon.

    Raises
    ------
    InputError
        If it cannot be run.
    """
    scenario = kept_scenario(KeptFiles(path, merged, places), overrides, None, parameters)
    scenario = replace(scenario, own=frozenset())  # options that are not chosen have gone, and what they used
    if scenario.file.settings.horizon == horizon:
        return scenario
    changed = edits.horizon(scenario, horizon)
    return changed if changed.file.settings.times else edits.with_settings(changed, times=[edits.whole_steps(changed)])


def folder_side(folder: Path, finder: Finder) -> Side:
    """The result of a folder of `lmssim run` or `lmssim psa`.

    Raises
    ------
    InputError
        If it is none, or its inputs cannot be read.
    """
    kept = read_kept(folder)
    asked = kept.asked
    if "axes" in asked:
        raise InputError(f"{folder}: is a sweep; say which two of its cells to compare: lmssim diff DIR --cells A B.")
    if "periods" not in asked and "new_setting" not in asked:
        raise InputError(f"{folder}: is no folder of `lmssim run` or `lmssim psa`; only these can be compared.")
    if asked.get("new_setting"):
        raise InputError(f"{folder}: was run with --new-setting, for which diff has no common random numbers.")
    if asked.get("average"):
        raise InputError(f"{folder}: is averaged over options (--average); compare analyses of one option each.")
    study = PSA if "new_setting" in asked else RUN
    switches = _texts(kept, "switches")
    return side_of(
        kept, finder, str(folder), switches, _numbers(kept, "overrides"), _way(kept, study), _summary(folder)
    )


def cell_side(kept: KeptInputs, finder: Finder, cell: Cell) -> Side:
    """The result of a cell of a sweep.

    Raises
    ------
    InputError
        If its inputs cannot be read.
    """
    return side_of(
        kept,
        finder,
        f"{kept.folder}, cell {cell.number}",
        {**_texts(kept, "switches"), **cell.switches},
        {**_numbers(kept, "overrides"), **cell.overrides},
        sweep_way(kept, cell.sampling),
        dict(cell.found),
        cell.fields,
    )


def base_of(kept: KeptInputs, finder: Finder) -> Scenario:
    """The scenario that a folder keeps, as it was run or before anything of it varied.

    Raises
    ------
    InputError
        If its inputs cannot be read.
    """
    files = KeptFiles(kept.path, kept.merged, kept.places(finder))
    return kept_scenario(files, _numbers(kept, "overrides"), _texts(kept, "switches"))


def side_of(
    kept: KeptInputs,
    finder: Finder,
    where: str,
    switches: Mapping[str, str],
    overrides: dict[str, float],
    way: Way,
    found: Found,
    fields: Mapping[str, Any] | None = None,
) -> Side:
    """A result from what a folder keeps, and what it was asked for.

    Parameters
    ----------
    fields : mapping, optional
        Tables that are merged into the file.
    """
    asked, merged = kept.asked, copied(kept.merged)
    merge(merged, copied(dict(fields or {})))
    conventions = asked.get("conventions")
    stated = conventions.get("horizon") if isinstance(conventions, dict) else None
    own = merged.get("settings")
    given = (fields or {}).get("settings", {}).get("horizon")
    horizon = given or stated or (own.get("horizon") if isinstance(own, dict) else None)
    strategies = asked.get("strategies")
    if not isinstance(horizon, (int, float)) or not isinstance(strategies, list):
        raise InputError(f"{kept.path}: 'asked' does not say horizon and strategies.")
    return Side(
        where=where,
        merged=reduced(merged, switches),
        overrides=overrides,
        names=kept.names,
        places=kept.places(finder),
        way=way,
        found=found,
        strategies=[str(name) for name in strategies],
        horizon=float(horizon),
        version=str(asked.get("lmssim", "")),
        path=kept.path,
    )


def reduced(merged: dict[str, Any], chosen: Mapping[str, str]) -> dict[str, Any]:
    """Tables without what no outcome depends on; of each switch, the chosen option alone."""
    kept = {name: value for name, value in merged.items() if name not in NOT_OF_NUMBERS}
    kept |= {"name": str(merged.get("name", "model")), "title": str(merged.get("title", ""))}
    kept |= {"schema_version": merged["schema_version"]} if "schema_version" in merged else {}
    settings = merged.get("settings")
    if isinstance(settings, dict):
        kept["settings"] = {name: value for name, value in settings.items() if name != "effects_end"}
    switches = merged.get("switches")
    if isinstance(switches, dict):
        kept["switches"] = {name: _chosen(spec, chosen.get(name)) for name, spec in switches.items()}
    return kept


def _chosen(spec: Any, option: str | None) -> Any:
    """A switch with its chosen option alone, without what that claims and without weights of the others."""
    if not isinstance(spec, dict) or not isinstance(spec.get("options"), dict):
        return spec
    option = spec.get("default") if option is None else option
    if option not in spec["options"]:
        return spec
    own = spec["options"][option]
    own = {name: value for name, value in own.items() if name != "claims"} if isinstance(own, dict) else own
    rest = {name: value for name, value in spec.items() if name != "average"}
    return {**rest, "default": option, "options": {option: own}}


# === What a folder says ===


def _way(kept: KeptInputs, study: str) -> Way:
    asked = kept.asked
    draws = _whole(kept, "draws", asked.get("draws") or 0)
    solved = asked.get("solved")
    if isinstance(solved, dict):
        return Way(study, draws, _whole(kept, "profiles", solved.get("profiles", 0)), _seed(kept), COHORT, _where(kept))
    each = _whole(kept, "patients", asked.get("patients", 0))
    common = asked.get("random_numbers") == "common"
    return Way(study, draws, each * max(draws, 1), _seed(kept), "compiled", _where(kept), common and draws > 0)


def sweep_way(kept: KeptInputs, changed: Mapping[str, Any]) -> Way:
    """How a cell of a sweep was evaluated, with what varies of it."""
    study = kept.asked.get("study")
    draws = _whole(kept, "draws", study.get("draws", 0)) if isinstance(study, dict) else 0
    base = _way(kept, SWEEP)
    engine = str(changed.get("engine", base.engine))
    solved = engine == COHORT
    who = changed.get("profiles" if solved else "patients", base.patients)
    each = _whole(kept, "patients", who)
    seed = _whole(kept, "seed", changed.get("seed", base.seed))
    where = str(changed.get("where", base.where))
    return Way(SWEEP, draws, each * (1 if solved else max(draws, 1)), seed, COHORT if solved else "compiled", where)


def _whole(kept: KeptInputs, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value) or not 0 <= value < 2**63:
        raise InputError(f"{kept.path}: asked.{name}: {value!r} is not a whole number of 0 or more.")
    return int(value)


def _seed(kept: KeptInputs) -> int:
    return _whole(kept, "seed", kept.asked.get("seed"))


def _where(kept: KeptInputs) -> str:
    return str(kept.asked.get("where") or "")


def _numbers(kept: KeptInputs, name: str) -> dict[str, float]:
    held = kept.asked.get(name) or {}
    if not isinstance(held, dict) or not all(isinstance(v, (int, float)) for v in held.values()):
        raise InputError(f"{kept.path}: asked.{name} is not a table of numbers.")
    return {str(key): float(value) for key, value in held.items()}


def _texts(kept: KeptInputs, name: str) -> dict[str, str]:
    held = kept.asked.get(name) or {}
    if not isinstance(held, dict):
        raise InputError(f"{kept.path}: asked.{name} is not a table.")
    return {str(key): str(value) for key, value in held.items()}


def _summary(folder: Path) -> Found:
    """Results of a folder; none if it has no table of them."""
    path, found = folder / "summary.csv", Found()
    if not path.is_file() or path.stat().st_size > MOST_CSV_BYTES:
        return found
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found[str(row["strategy"]), str(row["outcome"])] = float(row["mean"]), float(row["se"] or 0.0)
    except (OSError, ValueError, KeyError, csv.Error):
        return {}
    return found
