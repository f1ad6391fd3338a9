"""Words and types that every section of a scenario file uses."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Value = float | str
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

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
