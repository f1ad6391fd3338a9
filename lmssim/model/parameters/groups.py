"""Groups of parameters that a scenario draws jointly: which parameters are meant, and where their draws come from.

A posterior may leave its members out: they are then all parameters of which its file has a column, whatever else the
file holds. With a category of `[parameters_by]`, column `x` belongs to the parameter `<category>_x`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, unknown
from lmssim.model.parameters.draws import Group
from lmssim.model.parameters.posterior import column_names, read_columns
from lmssim.model.parameters.switches import BEFORE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmssim.model.language import schema
    from lmssim.model.parameters.by_covariate import ByCovariate
    from lmssim.model.parameters.table import ParameterTable

SHOWN = 6
"""Columns that a message names."""
APART = 0.1
"""Standard deviations by which a stated mean may differ from the value of the base case, as rounding makes it."""


def load_groups(
    stated: Mapping[str, schema.Group], files: Mapping[str, Path], table: ParameterTable, by: ByCovariate, where: str
) -> dict[str, Group]:
    """Groups of a scenario.

    Parameters
    ----------
    stated : mapping of str to schema.Group
        What the scenario says.
    files : mapping of str to Path
        File of draws of each group that names one.
    table : ParameterTable
        The parameters, as switches have set them.
    where : str
        Key under which the groups stand, for messages.

    Raises
    ------
    InputError
        If a group's keys do not suit its kind, a member or category does not exist, or a file cannot be read.
    """
    groups = {}
    for name, spec in stated.items():
        place = f"{where}.{name}"
        _check_keys(spec, place)
        columns = _columns(spec, files.get(name), table, by, place)
        for member in columns:
            if member not in table:
                raise ScenarioError(unknown("parameter", member, table, f"{place}.members"))
        group = Group(
            name=name,
            kind=spec.kind,
            members=[_drawn(member, table) for member in columns],
            counts=spec.counts,
            mean=spec.mean,
            covariance=spec.covariance,
            file=files.get(name),
            columns=list(columns.values()),
            where=place,
        )
        if group.file is not None:
            read_columns(group.file, group.columns)  # a bad cell is said before anything runs
        _check_agreement(group, table)
        groups[name] = group
    return groups


def _check_agreement(group: Group, table: ParameterTable) -> None:
    """Refuse a group whose stated mean is not the value of its members, which the base case uses."""
    for member, (mean, sd) in zip(group.members, _moments(group), strict=False):
        p = table[member]
        if not p.held and not p.expression and abs(p.value - mean) > APART * sd + 1e-9 * abs(mean):
            raise group.refusal(
                f"mean of '{member}' is {mean:.6g} (sd {sd:.3g}), but its value is {p.value:.6g} at {p.file}:{p.line};"
                " state the same in both places"
            )


def _moments(group: Group) -> list[tuple[float, float]]:
    """Mean and standard deviation of each member of a group that states them; none of a posterior."""
    if group.kind == "dirichlet":
        n = sum(group.counts)
        return [(count / n, math.sqrt(count * (n - count) / (n * n * (n + 1.0)))) for count in group.counts]
    return [(mean, math.sqrt(group.covariance[i][i])) for i, mean in enumerate(group.mean)]


def away_from_draws(group: Group, table: ParameterTable) -> list[str]:
    """Members of a posterior whose value, which the base case uses, lies outside all of its draws."""
    if group.file is None:
        return []
    found = []
    for member, draws in zip(group.members, read_columns(group.file, group.columns), strict=True):
        p, low, high = table[member], float(draws.min()), float(draws.max())
        slack = 1e-9 * max(abs(low), abs(high))
        if not p.held and not p.expression and not low - slack <= p.value <= high + slack:
            found.append(f"{member} ({p.value:.6g}; draws {low:.6g} to {high:.6g})")
    return found


def _check_keys(spec: schema.Group, place: str) -> None:
    """Refuse what a group of this kind has no use for, or lacks."""
    posterior = spec.kind == "posterior"
    if not posterior and spec.members is None:
        raise ScenarioError(f"{place}.members: is required and missing.")
    for key in ("category", "file"):
        if not posterior and getattr(spec, key) is not None:
            raise ScenarioError(f"{place}.{key}: only a posterior has one; the group is {spec.kind}.")
    if posterior and spec.file is None:
        raise ScenarioError(f"{place}.file: is required and missing: a posterior needs a file of draws.")


def _columns(
    spec: schema.Group, path: Path | None, table: ParameterTable, by: ByCovariate, place: str
) -> dict[str, str]:
    """Parameters of a group, each with its column."""
    if spec.category is not None:
        _check_category(spec.category, by, place)
    if spec.members is not None:
        if len(set(spec.members)) < len(spec.members):
            raise ScenarioError(f"{place}.members: one stands twice in {spec.members}.")
        return {by.holds(member, spec.category or ""): member for member in spec.members}
    assert path is not None
    names = column_names(path)
    of = {by.holds(name, spec.category or ""): name for name in names}
    if spec.category is not None:
        of = {id_: name for id_, name in of.items() if id_ != name}
    found = {id_: name for id_, name in of.items() if id_ in table and (table[id_].held or not table[id_].expression)}
    if not found:
        kind = "parameter" if spec.category is None else f"parameter of its own of category '{spec.category}'"
        shown = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
        raise ScenarioError(f"{place}: no column of {path} is a {kind}. It has {shown}.")
    return found


def _check_category(category: str, by: ByCovariate, place: str) -> None:
    if not by.covariate:
        raise ScenarioError(f"{place}.category = '{category}': no parameter differs by category: see parameters_by.")
    categories = dict.fromkeys(each for held in by.ids.values() for each in held)
    if category not in categories:
        raise ScenarioError(unknown(f"category of {by.covariate}", category, categories, f"{place}.category"))


def _drawn(member: str, table: ParameterTable) -> str:
    """Id that takes the draws of a member: where a switch sets it to an expression of itself, its own row as it was."""
    before = f"{member}{BEFORE}"
    return before if table[member].held and before in table else member
