"""Words and types that every section of a scenario file uses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lmssim.errors import ExpressionError
from lmssim.model.language import expression


def arithmetic(value: object) -> object:
    """The number that a text such as "13 * 28 / 365.25" gives; anything else as it is.

    Raises
    ------
    ValueError
        If the text is no arithmetic of numbers.
    """
    if not isinstance(value, str):
        return value
    try:
        return float(expression.evaluate(expression.parse(value, ""), {}, ""))
    except (ExpressionError, TypeError, ValueError):
        raise ValueError("a number, or arithmetic of numbers such as '13 * 28 / 365.25'") from None


Value = float | str
Number = Annotated[float, BeforeValidator(arithmetic, json_schema_input_type=float | str)]
"""A number that is the same in every draw: also as arithmetic of numbers."""
Costs = dict[str, Value]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$")]
"""Name under which results are filed: letters, digits, `_` and `-`."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name that becomes part of names in expressions: letters, digits and `_`."""
FamilyName = Literal[
    "exponential",
    "weibull",
    "weibull_ph",
    "gompertz",
    "log_logistic",
    "log_normal",
    "gamma",
    "generalised_gamma",
    "piecewise_exponential",
    "fixed",
]

FOREVER = "forever"
"""In place of the years of a loss of utility: it lasts until death."""

Expected = Literal["benefit", "harm", "unknown"]


class Section(BaseModel):
    """One table of a scenario file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, strict=True)
