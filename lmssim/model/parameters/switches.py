"""Switches: named alternatives, each with options of which one holds, chosen when a scenario is loaded.

An option may set parameters, change tables of the file, both, or neither: then it is the model as it stands. What an
option sets takes the place of the parameter's own row, with the option as its source.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ParameterError, ScenarioError, nearest, unknown
from lmssim.model.language import expression
from lmssim.model.language.schema import ScenarioFile
from lmssim.model.parameters.averaging import check_averages
from lmssim.model.parameters.table import ParameterTable

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import Switch, SwitchOption
    from lmssim.model.parameters.parameter import Parameter

FIXED = ("schema_version", "name", "include", "switches")
"""Keys of a file that no option may change."""
BEFORE = "_base_case"
"""End of the id of a parameter's own row, where an option sets the parameter to an expression of itself."""
Spread = Callable[[str, float | str], Mapping[str, float | str]]
"""Gives, for a parameter that is set and its value, every parameter that is to be set, with its own value."""
NAMES = re.compile(r"\b[A-Za-z_]\w*")


def chosen_options(switches: Mapping[str, Switch], selected: Mapping[str, str], where: str) -> dict[str, str]:
    """Option of every switch: the selected one, else its default.

    Raises
    ------
    ScenarioError
        If a switch or an option does not exist, an option changes what no option may, or two options that are chosen
        together give different values to one thing.
    """
    for name, option in selected.items():
        if name not in switches:
            none = "" if switches else " The scenario has no switches."
            raise ScenarioError(unknown("switch", name, switches, f"{where}: switches") + none)
        if option not in switches[name].options:
            raise ScenarioError(unknown("option", option, switches[name].options, f"{where}: switches.{name}"))
    for name, switch in switches.items():
        place = f"{where}: switches.{name}"
        if switch.default not in switch.options:
            raise ScenarioError(unknown("option", switch.default, switch.options, f"{place}.default"))
        for option, spec in switch.options.items():
            _check_change(spec, f"{place}.options.{option}.change")
    check_averages(switches, where)
    options = {name: selected.get(name, switch.default) for name, switch in switches.items()}
    _refuse_overlap(switches, options, where)
    return options


def _check_change(option: SwitchOption, where: str) -> None:
    allowed = [key for key in ScenarioFile.model_fields if key not in FIXED]
    for key in option.change:
        if key in FIXED:
            raise ScenarioError(f"{where}: '{key}' is the file's own; no option may change it.")
        if key not in allowed:
            raise ScenarioError(f"{where}: unknown key '{key}'.{nearest(key, allowed)}")


def _refuse_overlap(switches: Mapping[str, Switch], options: Mapping[str, str], where: str) -> None:
    """Refuse two chosen options that set or change the same: the last one would win unseen."""
    owner: dict[tuple[str, ...], str] = {}
    for name, option in options.items():
        spec = switches[name].options[option]
        for path in [("set", id_) for id_ in spec.set] + list(leaves(spec.change)):
            first = owner.setdefault(path, f"{name} = {option}")
            if first != f"{name} = {option}":
                what = f"set '{path[1]}'" if path[0] == "set" else f"change '{'.'.join(path)}'"
                raise ScenarioError(f"{where}: switches: '{first}' and '{name} = {option}' both {what}; choose one.")


def leaves(tables: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Keys under which values stand; lists that are joined when files are merged do not replace one another."""
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))
        elif path or key not in ("transitions", "parameters", "shared_parameters"):
            yield (*path, key)


def changes_of(switches: Mapping[str, Switch], options: Mapping[str, str]) -> list[dict[str, Any]]:
    """Tables that the chosen options merge into the file, in its order."""
    return [change for name, option in options.items() if (change := switches[name].options[option].change)]


def alone(id_: str, value: float | str) -> Mapping[str, float | str]:
    """A parameter that stands for itself alone."""
    return {id_: value}


def switched(
    table: ParameterTable,
    switches: Mapping[str, Switch],
    options: Mapping[str, str],
    where: str,
    spread: Spread = alone,
) -> ParameterTable:
    """Table with the rows that the chosen options set.

    Parameters
    ----------
    where : str
        The scenario's file.
    spread : callable, optional
        What setting a parameter sets: where it differs by a category of the patient, each category's own.

    Raises
    ------
    ScenarioError
        If an option, chosen or not, sets a parameter that does not exist.
    """
    rows: dict[str, Parameter] = {}
    base = table.base() if any(option.set for switch in switches.values() for option in switch.options.values()) else {}
    for name, switch in switches.items():
        for option, spec in switch.options.items():
            place = f"{where}: switches.{name}.options.{option}.set"
            found = _rows(table, spec, f"{name} = {option}", place, spread)
            _check_values(table, base, found, place)
            if options[name] == option:
                rows |= found
    return ParameterTable((dict(table) | rows).values()) if rows else table


def _check_values(
    table: ParameterTable, base: Mapping[str, FloatArray], rows: Mapping[str, Parameter], where: str
) -> None:
    """Refuse what an option sets, chosen or not, where it is impossible with the others at their base values."""
    for id_, row in rows.items():
        if id_ not in table or not row.held:
            continue
        value = row.value
        if row.expression:
            node = expression.parse(row.expression, f"{where}.{id_}")
            known = {name: base[name.removesuffix(BEFORE)] for name in expression.names(node)}
            value = float(np.ravel(expression.evaluate(node, known, f"{where}.{id_}"))[0])
        try:
            table[id_].check(value, f"what {where.partition(': ')[2]} gives")
        except ParameterError as error:
            raise ScenarioError(f"{where}.{id_}: {error}") from None


def _rows(table: ParameterTable, option: SwitchOption, label: str, where: str, spread: Spread) -> dict[str, Parameter]:
    """Rows that an option sets; where one names itself, its own row as it was stands beside it under another id."""
    rows = {}
    for id_, value in option.set.items():
        for own, text in spread(id_, value).items():
            if own not in table:
                raise ScenarioError(unknown("parameter", own, table, where))
            row = _row(table, own, text, option, label, f"{where}.{id_}")
            if own in _named(row.expression or 0.0, where):
                before = f"{own}{BEFORE}"
                rows[before] = replace(table[own], id=before)
                row = replace(row, expression=re.sub(rf"\b{own}\b", before, row.expression))
            rows[own] = row
    return rows


def _row(
    table: ParameterTable, id_: str, value: float | str, option: SwitchOption, label: str, where: str
) -> Parameter:
    """Row that stands in the place of a parameter's own, held against its group: derived, or a number."""
    named = _named(value, where)
    for name in named:
        if name not in table:
            raise ScenarioError(unknown("parameter", name, table, where))
    cited = [table[name] for name in named] if len(named) == 1 and not option.source_id else []
    derived = isinstance(value, str)
    return replace(
        table[id_],
        value=math.nan if derived else float(value),
        expression=str(value) if derived else "",
        held=True,
        distribution="fixed",
        p1=None,
        p2=None,
        se=None,
        low=None,
        high=None,
        kind="derived",
        source_id=cited[0].source_id if cited else option.source_id,
        locator=cited[0].locator if cited else option.locator,
        reason=f"Switch {label}. {option.reason}".strip(),
        file=where.partition(": ")[0],
        line=0,
    )


def _named(value: float | str, where: str) -> list[str]:
    return list(dict.fromkeys(expression.names(expression.parse(value, where))))


def named_parameters(switches: Mapping[str, Switch], table: ParameterTable, spread: Spread = alone) -> set[str]:
    """Parameters that any option sets or names, and all that their own rows need: they are used, chosen or not."""
    words: set[str] = set()
    for switch in switches.values():
        for option in switch.options.values():
            for id_, value in option.set.items():
                for own, text in spread(id_, value).items():
                    words |= {own, *NAMES.findall(str(text))}
            words |= {word for text in _texts(option.change) for word in NAMES.findall(text)}
    return table.needed(words & set(table))


def _texts(value: Any) -> Iterator[str]:
    """Every text of some tables, keys among them (an effect's key may be an expression)."""
    if isinstance(value, str):
        yield value
    inner: Iterable[Any] = ()
    if isinstance(value, dict):
        inner = (*value, *value.values())
    elif isinstance(value, list):
        inner = value
    for item in inner:
        yield from _texts(item)
