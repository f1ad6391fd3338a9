"""One cell of the sweep in a folder, chosen by its number or by its levels, and all that makes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from lmssim.errors import InputError, unknown
from lmssim.execution.shared.tables import ERROR
from lmssim.outcomes.main import MAIN
from lmssim.studies.axes import level_of, shown, split_outside_brackets
from lmssim.studies.sweep.cells import additions_of
from lmssim.studies.sweep.names import FIELD, PARAMETER, SAMPLING, SWITCH, target_of
from lmssim.studies.sweep.result import CELL, STRATEGY

if TYPE_CHECKING:
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sweep.result import Sweep

CLOSE = 1e-9
"""Relative difference up to which a number names a level."""


@dataclass(frozen=True)
class Chosen:
    """A cell.

    Attributes
    ----------
    number : int
        Its number in the table.
    overrides : dict of str to float
        Parameters that its axes hold.
    switches : dict of str to str
        Options that they choose.
    fields : dict
        Tables that they merge into the file.
    sampling : dict
        What they say of patients, seed and engine.
    found : dict
        By strategy and outcome, mean and standard error.
    """

    number: int
    overrides: dict[str, float]
    switches: dict[str, str]
    fields: dict[str, Any]
    sampling: dict[str, Any]
    found: dict[tuple[str, str], tuple[float, float]]


def chosen_cell(found: Sweep, scenario: Scenario, text: str, where: str) -> Chosen:
    """The cell that a text names: a number, or `NAME=LEVEL,NAME=LEVEL` of as many axes as tell it apart.

    Parameters
    ----------
    scenario : Scenario
        That of the sweep, before anything varies.
    where : str
        Option that the text was given to, for messages.

    Raises
    ------
    InputError
        If there is no such cell, several fit, or it could not be run.
    """
    rows = found.frame[found.frame[CELL] == _number(found, text.strip(), where)]
    first = rows.iloc[0]
    number = int(first[CELL])
    if rows[ERROR].notna().any():
        raise InputError(f"{where} {text}: cell {number} could not be run: {rows[ERROR].dropna().iloc[0]}")
    by_kind: dict[str, dict[str, Any]] = {kind: {} for kind in (PARAMETER, SWITCH, FIELD, SAMPLING)}
    levels = {axis["name"]: axis["levels"] for axis in found.about["axes"]}
    for axis in found.axes:
        level = _level(first[axis], levels[axis])
        if level is None:
            continue
        for name in axis.split("+"):
            target = target_of(name.strip(), scenario, where)
            by_kind[target.kind][target.name] = target.value(level, where)
    outcomes = {
        (str(row[STRATEGY]), name): (float(row[name]), float(row[f"{name}_se"]))
        for _, row in rows.iterrows()
        for name in MAIN
        if name in row
    }
    held = {name: float(value) for name, value in by_kind[PARAMETER].items()}
    return Chosen(number, held, by_kind[SWITCH], additions_of(by_kind[FIELD]), by_kind[SAMPLING], outcomes)


def _level(value: Any, levels: list[Any]) -> Any:
    """Level of an axis as it was given, which texts stand for in tables; None where the axis does not vary."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        return next((level for level in levels if shown(level) == value), level_of(value))
    return float(value)


def _number(found: Sweep, text: str, where: str) -> int:
    """Number of the cell that a text names."""
    cells = found.frame.drop_duplicates(CELL)
    if text.isdigit():
        if int(text) not in set(cells[CELL]):
            raise InputError(f"{where} {text}: there is no such cell; they are numbered 1 to {int(cells[CELL].max())}.")
        return int(text)
    for part in split_outside_brackets(text):
        name, separator, level = (each.strip() for each in part.partition("="))
        if not separator or not name or not level:
            raise InputError(f"{where} {text}: is no number of a cell, and not NAME=LEVEL,NAME=LEVEL.")
        if name not in found.axes:
            raise InputError(unknown("axis", name, found.axes, f"{where} {text}"))
        kept = cells[[_is_level(value, level) for value in cells[name]]]
        if kept.empty:
            raise InputError(f"{where} {text}: no cell has {name} = {level}. It is {_listed(cells[name])}.")
        cells = kept
    if len(cells) > 1:
        more = [axis for axis in found.axes if len(cells[axis].unique()) > 1]
        told = "; ".join(f"{axis} is {_listed(cells[axis])}" for axis in more)
        raise InputError(f"{where} {text}: {len(cells)} cells fit; say more: {told}.")
    return int(cells[CELL].iloc[0])


def _is_level(value: Any, text: str) -> bool:
    level = level_of(text)
    if isinstance(value, str) or value is None:
        return value == shown(level) or value == text
    number = isinstance(level, float) and not isinstance(level, bool)
    return number and math.isclose(float(value), float(level), rel_tol=CLOSE, abs_tol=1e-15)  # type: ignore[arg-type]


def _listed(values: pd.Series) -> str:
    texts = [shown(value) if not isinstance(value, float) else f"{value:.12g}" for value in values.unique()]
    return ", ".join(texts[:8]) + (f", ... ({len(texts)} levels)" if len(texts) > 8 else "")
