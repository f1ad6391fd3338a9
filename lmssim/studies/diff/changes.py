"""Which inputs differ between two results: each a part that can be taken from the one or from the other.

Tables are compared key by key. What belongs together changes together: an option of a switch with all that it sets, a
posterior with the parameters that it draws, and the structure of the model (states, transitions, treatments, ...) as
one step. Words for people are no inputs.
"""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError, exact, unknown
from lmssim.execution.manifest import WHAT_DECIDES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lmssim.model.parameters.parameter import Parameter
    from lmssim.studies.diff.side import Side

Path = tuple[str, ...]
"""Keys that lead to a value."""
FOR_PEOPLE = {"label", "description", "title", "note", "reason", "source_id", "locator"}
TABLES_OF_PARAMETERS = {"parameters", "shared_parameters", "parameters_by"}
"""Sections that name tables of parameters, which are compared row by row."""
NOT_CHANGED = {"wtp", "currency", "times", "perspective", "price_year", "comparator", "horizon"}
"""Settings on which no outcome of a strategy depends, and the horizon, which options change too."""
PARAMETER, SWITCH, SETTING, POSTERIOR = "parameter", "switch", "setting", "posterior"
GROUP, POPULATION, TABLE, STRATEGY, STRUCTURE, DRAWING = (
    "group",
    "population",
    "table",
    "strategy",
    "structure",
    "uncertainty",
)
TOGETHER = "together"
"""Kind of inputs that are counted as one."""
LONGEST = 60


@dataclass(frozen=True)
class Input:
    """An input that differs.

    Attributes
    ----------
    id : str
        What it is called.
    kind : str
        `parameter`, `switch`, `setting`, `posterior`, `group`, `population`, `table`, `strategy`, `structure`,
        `uncertainty` (whether parameters are drawn), or `together`, of several.
    label : str
        What it is, in the words of the scenario.
    a, b : str
        What it is in either result.
    paths : frozenset of tuple of str
        Values of the file that change with it.
    rows, overrides : frozenset of str
        Parameters whose row, or whose override, changes with it.
    switches : frozenset of str
        Switches whose option does.
    """

    id: str
    kind: str
    label: str
    a: str
    b: str
    paths: frozenset[Path] = frozenset()
    rows: frozenset[str] = frozenset()
    overrides: frozenset[str] = frozenset()
    switches: frozenset[str] = frozenset()
    parts: tuple[Input, ...] = field(default=(), compare=False)


def changed_inputs(a: Side, b: Side) -> list[Input]:
    """Inputs that differ, in the order of their kinds."""
    by_owner = _by_owner(a, b)
    members = _members(a, b)
    rows = {name for name in _used(a, b) if _row_differs(a, b, name)}
    held = {name for name in {*a.overrides, *b.overrides} if a.overrides.get(name) != b.overrides.get(name)}
    found = [*_switches(a, b), *_posteriors(a, b, by_owner, members, rows)]
    rows -= {name for each in found for name in each.rows}
    found += [_parameter(a, b, name, name in rows, name in held) for name in sorted(rows | held)]
    found += list(_sections(a, b, by_owner))
    if a.horizon != b.horizon:
        texts = (f"{exact(a.horizon)} years", f"{exact(b.horizon)} years")
        found.append(Input("settings.horizon", SETTING, "Horizon", *texts))
    if bool(a.way.draws) != bool(b.way.draws):
        how = ["drawn" if side.way.draws else "at their values" for side in (a, b)]
        found.append(Input("draws", DRAWING, "Parameters drawn, or at their values", how[0], how[1]))
    return found


# === The file ===


def flat(tables: Mapping[str, Any], path: Path = (), *, words: bool = False) -> Iterator[tuple[Path, Any]]:
    """Values of some tables with the keys that lead to them; words for people are left out unless wanted."""
    for key, value in tables.items():
        if key in FOR_PEOPLE and isinstance(value, str) and not words:
            continue
        if isinstance(value, dict) and value:
            yield from flat(value, (*path, key), words=words)
        else:
            yield (*path, key), value


def _by_owner(a: Side, b: Side) -> dict[Path, set[Path]]:
    """Values of the file that differ, by what they belong to: a section, or a part of one that counts by itself."""
    ours, theirs = dict(flat(a.merged)), dict(flat(b.merged))
    differ: dict[Path, set[Path]] = defaultdict(set)
    for path in ours.keys() | theirs.keys():
        if path[0] in (*TABLES_OF_PARAMETERS, "name", "schema_version", "switches", "analyses"):
            continue
        if path[0] == "settings" and path[1:2] and path[1] in NOT_CHANGED:
            continue
        if _plain(ours.get(path)) != _plain(theirs.get(path)):
            differ[_owner(path)].add(path)
    return differ


def _plain(value: Any) -> Any:
    """A value of the file without the words for people within it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in FOR_PEOPLE}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _owner(path: Path) -> Path:
    """What a value belongs to."""
    own = {"settings": SETTING, "groups": GROUP, "strategies": STRATEGY, "tables": TABLE}
    if path[0] in own and len(path) > 1:
        return own[path[0]], path[1]
    if path[0] in ("population", "mortality", "utilities"):
        return (path[0],)
    return (STRUCTURE,)


def _sections(a: Side, b: Side, by_owner: Mapping[Path, set[Path]]) -> Iterator[Input]:
    """Changed settings, tables, strategies and populations, and the structure as one."""
    both = set(a.strategies) & set(b.strategies)
    structure = set(by_owner.get((STRUCTURE,), ()))
    for owner, paths in sorted(by_owner.items()):
        kind = owner[0]
        if kind in (STRUCTURE, GROUP) or (kind == STRATEGY and owner[1] not in both):
            continue
        if kind in (SETTING, STRATEGY, TABLE) and len(owner) > 1:
            section = {SETTING: "settings", STRATEGY: "strategies", TABLE: "tables"}[kind]
            yield _of_file(a, b, f"{section}.{owner[1]}", kind, paths)
        else:
            yield _of_file(a, b, kind, POPULATION if kind == POPULATION else TABLE, paths)
    if structure or a.scenario.by.ids != b.scenario.by.ids:
        sections = sorted({path[0] for path in structure}) or ["parameters_by"]
        said = f"{', '.join(sections)}: {len(structure)} values"
        yield Input("structure", STRUCTURE, "Structure of the model", "as in A", said, frozenset(structure))


def _of_file(a: Side, b: Side, id_: str, kind: str, paths: Iterable[Path]) -> Input:
    paths = frozenset(paths)
    texts = [_text_of(side, paths) for side in (a, b)]
    return Input(id_, kind, _label(b, id_) or _label(a, id_), texts[0], texts[1], paths)


def _text_of(side: Side, paths: frozenset[Path]) -> str:
    values = dict(flat(side.merged))
    if len(paths) > 1:
        return f"{len(paths)} values" if any(path in values for path in paths) else "none"
    value = values.get(next(iter(paths)), "none")
    return _short(side, value)


def _short(side: Side, value: Any) -> str:
    if isinstance(value, str) and value in side.names:
        return f"{side.names[value].rpartition('/')[2]} ({value[:8]})"
    text = exact(value) if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _label(side: Side, id_: str) -> str:
    place: Any = side.merged
    for key in id_.split("."):
        place = place.get(key) if isinstance(place, dict) else None
    label = place.get("label") if isinstance(place, dict) else None
    return str(label) if label else id_.rpartition(".")[2].replace("_", " ").capitalize()


# === Switches ===


def _switches(a: Side, b: Side) -> Iterator[Input]:
    """Switches whose chosen options do something else; those that set the same thing count as one."""
    specs = [side.merged.get("switches") or {} for side in (a, b)]
    differ = {
        name: _set_by(specs[0].get(name)) | _set_by(specs[1].get(name))
        for name in dict.fromkeys([*specs[0], *specs[1]])
        if _effect(specs[0].get(name)) != _effect(specs[1].get(name))
    }
    for names in _overlapping(differ):
        texts = [", ".join(_option(each.get(name)) for name in names) for each in specs]
        label = " and ".join(str((specs[1].get(n) or specs[0].get(n) or {}).get("label") or n) for n in names)
        yield Input("+".join(names), SWITCH, label, texts[0], texts[1], switches=frozenset(names))


def _chosen(spec: Any) -> Mapping[str, Any]:
    option = spec["options"].get(spec.get("default"), {}) if isinstance(spec, dict) and "options" in spec else {}
    return option if isinstance(option, dict) else {}


def _effect(spec: Any) -> Any:
    """What the chosen option does."""
    option = _chosen(spec)
    return _plain(option.get("set") or {}), _plain(option.get("change") or {})


def _set_by(spec: Any) -> set[Path]:
    """What the chosen option sets or changes."""
    option = _chosen(spec)
    return {("set", str(name)) for name in option.get("set") or {}} | {p for p, _ in flat(option.get("change") or {})}


def _option(spec: Any) -> str:
    return str(spec.get("default", "none")) if isinstance(spec, dict) else "none"


def _overlapping(sets: Mapping[str, set[Path]]) -> list[list[str]]:
    """Names whose sets have something in common, directly or through others."""
    groups: list[tuple[list[str], set[Path]]] = []
    for name, own in sets.items():
        touching = [group for group in groups if group[1] & own]
        names = [each for group in touching for each in group[0]] + [name]
        groups = [group for group in groups if group not in touching]
        groups.append((names, own.union(*(group[1] for group in touching))))
    return [names for names, _ in groups]


# === Parameters ===


def _used(a: Side, b: Side) -> set[str]:
    """Parameters that either model uses, as far as both have them."""
    return {*a.program.used, *b.program.used} & {*a.table} & {*b.table}


def _decisive(parameter: Parameter) -> tuple[str, ...]:
    return tuple(repr(getattr(parameter, name)) for name in WHAT_DECIDES)


def _row_differs(a: Side, b: Side, name: str) -> bool:
    held = name in a.overrides and name in b.overrides
    return not held and _decisive(a.table[name]) != _decisive(b.table[name])


def _members(a: Side, b: Side) -> dict[str, set[str]]:
    """Parameters of each group."""
    found: dict[str, set[str]] = defaultdict(set)
    for side in (a, b):
        for name, group in side.scenario.groups.items():
            found[name] |= {*group.members}
    return found


def _posteriors(
    a: Side, b: Side, by_owner: Mapping[Path, set[Path]], members: Mapping[str, set[str]], rows: set[str]
) -> Iterator[Input]:
    """Groups whose definition or draws differ, with the rows of their members."""
    for owner, paths in sorted(by_owner.items()):
        if owner[0] != GROUP:
            continue
        name = owner[1]
        group = b.scenario.groups.get(name) or a.scenario.groups[name]
        kind = POSTERIOR if group.kind == "posterior" else GROUP
        found = _of_file(a, b, f"groups.{name}", kind, paths)
        yield replace(found, id=name, rows=frozenset(rows & members.get(name, set())))


def _parameter(a: Side, b: Side, name: str, row: bool, held: bool) -> Input:
    texts = [_value(side, name) for side in (a, b)]
    side = b if name in b.table else a
    label = side.table[name].description if name in side.table else ""
    if texts[0] == texts[1]:
        texts = [f"{text} {_spread(each, name)}" for text, each in zip(texts, (a, b), strict=True)]
    own = frozenset({name})
    return Input(
        name,
        PARAMETER,
        label or name,
        texts[0],
        texts[1],
        rows=own if row else own - own,
        overrides=own if held else own - own,
    )


def _value(side: Side, name: str) -> str:
    """The value that a parameter has in a result, with its unit."""
    if name not in side.scenario.table:
        return "none"
    return f"{float(side.scenario.table.base()[name][0]):.6g} {side.scenario.table[name].unit}".rstrip()


def _spread(side: Side, name: str) -> str:
    """How a parameter is drawn."""
    if name in side.overrides:
        return "(held)"
    if name not in side.table:
        return ""
    row = side.table[name]
    if row.expression:
        return f"({row.expression})"
    told = [
        f"{key} {exact(value)}" for key in ("p1", "p2", "se", "low", "high") if (value := getattr(row, key)) is not None
    ]
    return f"({', '.join([row.distribution, *told])})"


# === Several as one ===


def together(inputs: Sequence[Input], groups: Mapping[str, Sequence[str]]) -> list[Input]:
    """Inputs of which some count as one.

    Parameters
    ----------
    groups : mapping of str to sequence of str
        Name of each group to ids, or patterns such as `c_*`.

    Raises
    ------
    InputError
        If a pattern fits no input, or an input belongs to two groups.
    """
    left, found = list(inputs), []
    for name, patterns in groups.items():
        own = []
        for pattern in patterns:
            fitting = [each for each in inputs if fnmatch.fnmatchcase(each.id, pattern)]
            if not fitting:
                raise InputError(unknown("changed input", pattern, [each.id for each in inputs], f"--group {name}"))
            taken = [each.id for each in fitting if each not in left and each not in own]
            if taken:
                raise InputError(f"--group {name}: '{taken[0]}' is in another group.")
            own += [each for each in fitting if each not in own]
        left = [each for each in left if each not in own]
        found.append(_as_one(name, own))
    if twice := [each.id for each in left if each.id in groups]:
        raise InputError(f"--group {twice[0]}: an input has this name; give the group another one.")
    return [*found, *left]


def _as_one(name: str, inputs: Sequence[Input]) -> Input:
    listed = ", ".join(each.id for each in inputs)
    said = listed if len(listed) <= LONGEST else f"{len(inputs)} inputs"
    return Input(
        name,
        TOGETHER,
        name,
        "as in A",
        said,
        paths=frozenset(path for each in inputs for path in each.paths),
        rows=frozenset(row for each in inputs for row in each.rows),
        overrides=frozenset(held for each in inputs for held in each.overrides),
        switches=frozenset(switch for each in inputs for switch in each.switches),
        parts=tuple(inputs),
    )
