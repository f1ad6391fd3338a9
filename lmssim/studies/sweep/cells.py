"""Cells of a sweep: what each one asks of a scenario, and the hash of all that its rows are made from.

A cell is a recipe, what makes a program and says whom it follows, and values of parameters. Cells of one recipe are
rows of one compiled program.

The key of a cell hashes what it reads, however it was asked for: the scenario with its options chosen and its includes
merged, every parameter, the tables that it names, whom it follows, and the code that runs. So a level that is what the
scenario has anyway gives the cell without that axis, and comments, new switches and other levels change no key.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError, unknown
from lmssim.execution.checkpoint import key_of
from lmssim.execution.manifest import parameter_hash
from lmssim.execution.shared.code import installed
from lmssim.execution.simulate import CHUNK, COHORT, Sampling
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.edits import rewrite
from lmssim.model.scenario import Scenario, load_scenario, population_names
from lmssim.studies.axes import shown
from lmssim.studies.sweep.names import FIELD, PARAMETER, SAMPLING, SWITCH, is_stated, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.studies.axes import Axis, Level
    from lmssim.studies.sweep.design import Setting
    from lmssim.studies.sweep.names import Target

FOR_PEOPLE = ("label", "description", "title", "note", "reason")
"""Fields of a file that no number depends on."""
APART = ("title", "description", "switches", "analyses")
"""Sections that are left out of keys: switches have been chosen, and analyses are other runs."""
HELD_BY_NAME = {"patients": "n_patients"}


@dataclass(frozen=True)
class Source:
    """A scenario as the user gives it, before anything varies.

    Attributes
    ----------
    name : str or Path
        Path, or the name of a bundled scenario.
    overrides, switches, fields : mapping
        Parameters that are held, options that are chosen, and fields of the file that hold something else, by their
        paths, in every cell in which they do not vary.
    allow : sequence of Path
        Folders whose files it may name.
    """

    name: str | Path
    overrides: Mapping[str, float] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    allow: Sequence[Path] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)

    def load(self, overrides: Mapping[str, float], switches: Mapping[str, str], fields: Mapping[str, Any]) -> Scenario:
        """The scenario with some values, options and fields; parameters may then be left unused."""
        additions = additions_of({**self.fields, **fields})
        loaded = load_scenario(self.name, overrides, switches, additions, self.allow)
        return replace(loaded, own=frozenset()) if additions else loaded

    def base(self) -> Scenario:
        """The scenario before anything varies."""
        return self.load(self.overrides, self.switches, {})


def additions_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields by their paths as the tables of a file."""
    additions: dict[str, Any] = {}
    for path, value in fields.items():
        place = additions
        *tables, last = path.split(".")
        for key in tables:
            place = place.setdefault(key, {})
        place[last] = int(value) if isinstance(value, float) and value.is_integer() else value
    return additions


@dataclass(frozen=True)
class Recipe:
    """What makes the program of some cells, and whom they follow.

    Attributes
    ----------
    switches : mapping of str to str
        Options that are chosen.
    fields : mapping of str to value
        Fields of the file that hold something else, by their paths.
    held : mapping of str to float
        Parameters whose value makes its patients, or shapes its tables (times of plans, say).
    sampling : Sampling
        Whom it follows.
    """

    switches: Mapping[str, str]
    fields: Mapping[str, Any]
    held: Mapping[str, float]
    sampling: Sampling

    @cached_property
    def id(self) -> str:
        """What tells it from other recipes."""
        return key_of(self.switches, self.fields, {k: v.hex() for k, v in self.held.items()}, _whom(self.sampling))

    @property
    def makes(self) -> str:
        """What tells its program from others."""
        return key_of(self.switches, self.fields, {k: v.hex() for k, v in self.held.items()})

    def load(self, source: Source) -> Scenario:
        """The scenario that it makes."""
        return source.load(self.held, self.switches, self.fields)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes
    ----------
    key : str
        Hash of all that its rows are made from, but for the strategy.
    setting : dict
        Level of each axis.
    recipe : Recipe
        What makes its program.
    values : dict of str to float
        Parameters with another value than the program's own.
    """

    key: str
    setting: Setting
    recipe: Recipe
    values: dict[str, float]


def cells_of(
    source: Source,
    sampling: Sampling,
    axes: Sequence[Axis],
    settings: Sequence[Setting],
    study: Any = None,
    scenario: Scenario | None = None,
) -> list[Cell]:
    """Cells of some settings.

    Parameters
    ----------
    study : object that JSON can hold, optional
        What the study asks besides, which every key holds.
    scenario : Scenario, optional
        As the source gives it, if it has been loaded.

    Raises
    ------
    InputError
        If a name stands for nothing, or a level is of another kind than it needs.
    """
    known = _Known(source, sampling, study, scenario)
    targets = {
        axis.label: [target_of(name, known.base, f"--vary {axis.label}") for name in axis.names] for axis in axes
    }
    _check_once(axes, targets)
    _check_options(settings, targets, known.base)
    recipes: dict[str, Recipe] = {}
    cells = []
    for setting in settings:
        asked = _asked(setting, targets)
        recipe = known.recipe(asked)
        recipe = recipes.setdefault(recipe.id, recipe)
        values = dict(source.overrides) | {target.name: value for target, value in asked if target.kind == PARAMETER}
        values = {name: float(value) for name, value in values.items() if name not in recipe.held}
        cells.append(Cell(sys.intern(known.key(recipe, values)), setting, recipe, values))
    return cells


def _asked(setting: Setting, targets: Mapping[str, list[Target]]) -> list[tuple[Target, Any]]:
    return [
        (target, target.value(level, f"--vary {label}"))
        for label, level in setting.items()
        if level is not None
        for target in targets[label]
    ]


def _check_once(axes: Sequence[Axis], targets: Mapping[str, list[Target]]) -> None:
    seen: dict[Target, str] = {}
    for axis in axes:
        for target in targets[axis.label]:
            if target in seen:
                raise InputError(f"--vary {axis.label}: '{target.name}' varies as '{seen[target]}' already.")
            seen[target] = axis.label


def _check_options(settings: Sequence[Setting], targets: Mapping[str, list[Target]], scenario: Scenario) -> None:
    """Refuse an option that a switch does not have, as every cell of it would."""
    of_switches = {label: own for label, own in targets.items() if any(target.kind == SWITCH for target in own)}
    levels = {(label, shown(setting[label])): setting[label] for setting in settings for label in of_switches}
    for (label, _), level in levels.items():
        if level is not None:
            for target in of_switches[label]:
                _check_option(target, level, label, scenario)


def _check_option(target: Target, level: Level, label: str, scenario: Scenario) -> None:
    if target.kind == SWITCH:
        option, known = target.value(level, label), scenario.file.switches[target.name].options
        if option not in known:
            raise InputError(unknown("option", option, known, f"--vary {label}"))


class _Known:
    """Scenarios that keys are told by, each read once."""

    def __init__(self, source: Source, sampling: Sampling, study: Any, scenario: Scenario | None) -> None:
        self.source, self.sampling, self.study = source, sampling, study
        self._loaded: dict[str, Scenario | None] = {}
        self._digests: dict[str, str] = {}
        self.base = scenario or source.base()
        if not source.overrides:
            self._loaded[_text(source.switches)] = self.base
        for name in source.overrides:
            target_of(name, self.base, "--set")
        for path in source.fields:
            target_of(path, self.base, "fields")

    def recipe(self, asked: Sequence[tuple[Target, Any]]) -> Recipe:
        """What makes the program of a cell."""
        by_kind = {kind: {t.name: v for t, v in asked if t.kind == kind} for kind in (SWITCH, FIELD, SAMPLING)}
        whom = {HELD_BY_NAME.get(name, name): value for name, value in by_kind[SAMPLING].items()}
        held = {t.name: float(v) for t, v in asked if t.kind == PARAMETER and t.name in self._held}
        fixed = {name: value for name, value in self.source.overrides.items() if name in self._held}
        sampling = replace(self.sampling, **whom)
        sampling.validate()
        switches = dict(self.source.switches) | by_kind[SWITCH]
        return Recipe(dict(sorted(switches.items())), dict(sorted(by_kind[FIELD].items())), fixed | held, sampling)

    def key(self, recipe: Recipe, values: Mapping[str, float]) -> str:
        """Hash of all that the rows of a cell are made from; what changes nothing is left out of it."""
        changed, given = dict(recipe.fields), {**recipe.held, **values}
        scenario = self._with(recipe.switches)
        if scenario is not None:
            changed = {path: value for path, value in changed.items() if not is_stated(scenario, path, value)}
            given = {name: value for name, value in given.items() if not _is_base(scenario, name, value)}
        return key_of(
            installed().digest,
            self.study,
            self._digest(recipe.switches),
            changed,
            {name: value.hex() for name, value in sorted(given.items())},
            _whom(recipe.sampling),
        )

    @cached_property
    def _held(self) -> set[str]:
        """Parameters whose value makes another program: those that patients are drawn by, and that shape its tables."""
        return {*population_names(self.base), *compile_scenario(self.base).shaped_by}

    def _with(self, switches: Mapping[str, str]) -> Scenario | None:
        """The scenario with some options; None if it cannot be read so, which its cells will say."""
        name = _text(switches)
        if name not in self._loaded:
            try:
                self._loaded[name] = self.source.load({}, switches, {})
            except InputError:
                self._loaded[name] = None
        return self._loaded[name]

    def _digest(self, switches: Mapping[str, str]) -> str:
        """Hash of a scenario with some options chosen."""
        name = _text(switches)
        if name not in self._digests:
            scenario = self._with(switches)
            self._digests[name] = key_of(name) if scenario is None else digest_of(scenario)
        return self._digests[name]


def _text(switches: Mapping[str, str]) -> str:
    return json.dumps(dict(switches), sort_keys=True)


def _is_base(scenario: Scenario, name: str, value: float) -> bool:
    """Whether a parameter has a value anyway: not if it is computed from others, which may change."""
    parameter = scenario.table.get(name)
    return parameter is not None and not parameter.expression and parameter.value == value


def _whom(sampling: Sampling) -> dict[str, Any]:
    """All that says whom cells follow, and by which engine."""
    names = ["seed", "engine", "where", "profiles" if sampling.engine == COHORT else "n_patients"]
    return {name: getattr(sampling, name) for name in names} | {"chunk": CHUNK}


def digest_of(scenario: Scenario) -> str:
    """Hash of all of a scenario that numbers depend on: its file as chosen, its parameters, and the tables it names."""

    def rule(name: str, value: Any) -> Any:
        return None if name in FOR_PEOPLE and (value is None or isinstance(value, str)) else value

    bare = rewrite(scenario, rule).file
    folder = scenario.path.parent.resolve()
    parameters = {(folder / p.file).resolve() for p in scenario.table.values()}
    data = {
        digest
        for name, digest in scenario.inputs.items()
        if not name.endswith(".toml") and (folder / name).resolve() not in parameters
    }
    document = bare.model_dump(mode="json", by_alias=True, exclude={*APART, *_files(type(bare))}, warnings=False)
    return key_of(document, parameter_hash(scenario.table), sorted(data))


def _files(file: type[Any]) -> set[str]:
    """Sections that name the tables of parameters, whose rows are hashed instead."""
    return {
        name for name in ("parameters", "shared_parameters", "parameters_by", "include") if name in file.model_fields
    }
