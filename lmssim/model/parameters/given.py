"""Draws of the parameters that a user gives from Python: checked, completed, and derived values computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import ParameterError, unknown

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.parameters.table import ParameterTable

MOST_DRAWS = 1_000_000
MOST_NUMBERS = 200_000_000
"""Draws x parameters of a scenario that are held in memory."""


def checked_draws(table: ParameterTable, draws: Any) -> dict[str, FloatArray]:
    """Draws of every parameter of a table.

    Parameters
    ----------
    draws : mapping of str to array_like, or DataFrame
        Parameter id to its values, shape (n_draws,), the same for all. A parameter left out takes its base value in
        every draw or, if derived, is computed from the others.

    Returns
    -------
    dict of str to ndarray(float, ndim=1)
        Shape (n_draws,) each, in table order.

    Raises
    ------
    ParameterError
        If an id is unknown, the values are not one list of numbers for each id, all equally long, or a value is not
        finite or lies beyond the parameter's bounds.
    """
    values = {id_: _numbers(table, id_, array) for id_, array in _items(draws).items()}
    if not values:
        raise ParameterError("draws: empty. Give a mapping of parameter ids to values, or None for the base case.")
    first, n = next((id_, array.size) for id_, array in values.items())
    for id_, array in values.items():
        if array.size != n:
            raise ParameterError(f"draws: '{id_}' has {array.size:,} values and '{first}' {n:,}; all need as many.")
    check_size(n, len(table))
    try:
        return table.evaluate(values, 0)
    except ParameterError as error:
        raise ParameterError(f"draws: {error}") from None


def check_size(n_draws: int, n_parameters: int) -> None:
    """Refuse more draws than are held in memory.

    Raises
    ------
    ParameterError
        If there are too many.
    """
    most = min(MOST_DRAWS, MOST_NUMBERS // max(n_parameters, 1))
    if n_draws > most:
        raise ParameterError(
            f"draws: {n_draws:,} of {n_parameters:,} parameters; at most {most:,} are possible at once."
        )


def _items(draws: Any) -> dict[str, Any]:
    """Columns of what is given, each once."""
    if isinstance(draws, Mapping):
        return dict(draws)
    columns = getattr(draws, "columns", None)
    if columns is None:
        raise ParameterError(
            f"draws: a {type(draws).__name__} is not a mapping of parameter ids to values, or a DataFrame with a "
            "column for each."
        )
    twice = [column for i, column in enumerate(columns) if column in list(columns[:i])]
    if twice:
        raise ParameterError(f"draws: the column '{twice[0]}' stands twice.")
    return {column: draws[column] for column in columns}


def _numbers(table: ParameterTable, id_: object, given: Any) -> FloatArray:
    """Values of a parameter."""
    if not isinstance(id_, str) or id_ not in table:
        raise ParameterError(unknown("parameter", str(id_), table, "draws"))
    allowed = f"draws: '{id_}': expected a list of numbers, one for each draw; "
    try:
        array = np.asarray(given)
    except ValueError:
        raise ParameterError(f"{allowed}got lists of unequal length.") from None
    if array.ndim != 1 or array.size == 0:
        shape = "a single number" if array.ndim == 0 else f"shape {array.shape}"
        raise ParameterError(f"{allowed}got {shape}.")
    if array.dtype.kind not in "iuf":
        raise ParameterError(f"{allowed}got values of type {array.dtype}.")
    return np.array(array, dtype=np.float64)
