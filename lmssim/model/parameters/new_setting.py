"""Parameters in a setting of its own: the between-study spread that a calibration found, added to draws of its mean.

A scenario names, for each column of a posterior that holds a between-study standard deviation tau, the parameters that
stand for the outcome and how a unit of the log hazard changes their logarithm. In draw k a parameter is multiplied by
exp(tau_k z_k s_k), with z_k standard normal, the same for all parameters of a column, and s_k that change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from lmssim.errors import ParameterError, ScenarioError, unknown
from lmssim.kernels.philox import address_of, fill_uniforms
from lmssim.model.language import expression
from lmssim.model.parameters.posterior import column_names, read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.parameters.draws import Group
    from lmssim.model.parameters.table import ParameterTable

STREAM_SETTINGS = 7
"""Random stream of settings: one draw of a parameter, one setting."""
Changes = dict[str, dict[str, float | str]]
"""Column of a posterior to parameters, each with the change of its logarithm by a unit of the log hazard."""


def check_changes(table: ParameterTable, groups: Mapping[str, Group], changes: Changes, where: str) -> None:
    """Refuse columns that no posterior has, and parameters that the tables do not have.

    Raises
    ------
    ScenarioError
        With the key and the nearest name.
    """
    for column, parameters in changes.items():
        _file_of(groups, column, where)
        for id_, change in parameters.items():
            place = f"{where}.{column}.{id_}"
            if id_ not in table:
                raise ScenarioError(unknown("parameter", id_, table, f"{where}.{column}"))
            for name in sorted(expression.names(expression.parse(str(change), place))):
                if name not in table:
                    raise ScenarioError(unknown("parameter", name, table, place))


def in_new_settings(
    table: ParameterTable,
    groups: Mapping[str, Group],
    changes: Changes,
    draws: Mapping[str, FloatArray],
    seed: int,
    first_draw: int,
    where: str,
) -> dict[str, FloatArray]:
    """Draws of which each stands in a setting of its own; derived parameters follow.

    Parameters
    ----------
    draws : mapping of str to ndarray(float, ndim=1)
        Draws first_draw, first_draw + 1, ... of every parameter, (n_draws,) each.

    Returns
    -------
    dict of str to ndarray(float, ndim=1)
        As `draws`.

    Raises
    ------
    ParameterError
        If a change is no number, or a draw then lies beyond its bounds.
    """
    values = {id_: draw for id_, draw in draws.items() if not table[id_].expression}
    n = len(next(iter(draws.values())))
    for column, parameters in changes.items():
        (tau,) = read_columns(_file_of(groups, column, where), [column])
        effect = tau[(first_draw + np.arange(n)) % tau.size] * _standard_normal(column, n, seed, first_draw)
        for id_, change in parameters.items():
            place = f"{where}.{column}.{id_}"
            try:
                slope = expression.evaluate(expression.parse(str(change), place), draws, place)
                moved = values.get(id_, draws[id_]) * np.exp(effect * slope)
            except (TypeError, ValueError):
                raise ParameterError(f"{place}: '{change}' does not give a number.") from None
            if not table[id_].held:
                values[id_] = np.asarray(moved, dtype=np.float64)
    return table.evaluate(values, first_draw)


def _standard_normal(column: str, n: int, seed: int, first_draw: int) -> FloatArray:
    out = np.empty(n)
    fill_uniforms(seed, STREAM_SETTINGS, first_draw, address_of(column), 0, out)
    found: FloatArray = special.ndtri(out)
    return found


def _file_of(groups: Mapping[str, Group], column: str, where: str) -> str:
    """File of the posterior that has a column."""
    known: list[str] = []
    for group in groups.values():
        if group.kind == "posterior" and group.file is not None:
            columns = column_names(group.file)
            if column in columns:
                return str(group.file)
            known += columns
    raise ScenarioError(unknown("column", column, known, where))
