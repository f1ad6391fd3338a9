"""One parameter: its value, its distribution, and where it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ParameterError, exact

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

KINDS = ("published", "derived", "calibrated", "assumed", "definition")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One row of a parameter table."""

    id: str
    """Name used in scenarios and expressions: a Python identifier."""
    value: float = math.nan
    """Base-case value; NaN for a derived parameter."""
    distribution: str = "fixed"
    """Distribution of the draws, see the module's table."""
    p1: float | None = None
    """First native parameter."""
    p2: float | None = None
    """Second native parameter."""
    se: float | None = None
    """Standard error."""
    low: float | None = None
    """Lower end of the 95% interval, or of the range."""
    high: float | None = None
    """Upper end of the 95% interval, or of the range."""
    lower: float | None = None
    """Least possible value."""
    upper: float | None = None
    """Greatest possible value."""
    expression: str = ""
    """Expression over other parameters; empty if not derived."""
    unit: str = ""
    """Unit of the value."""
    kind: str = ""
    """One of `KINDS`; empty if the table has no such column."""
    source_id: str = ""
    """Source of the value."""
    locator: str = ""
    """Where in the source."""
    description: str = ""
    """What the number is."""
    reason: str = ""
    """Why an assumed value was chosen."""
    group: str = ""
    """Group it is drawn with, if any."""
    held: bool = False
    """Whether an override or a switch says what it is in every draw, also where its group would draw it."""
    file: str = ""
    """File of the row."""
    line: int = 0
    """Line of the row."""

    @property
    def where(self) -> str:
        """File, line and id, to begin a message with."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: parameter '{self.id}'" if place else f"parameter '{self.id}'"

    def check_draws(self, values: FloatArray, of: str = "", first: int = 0) -> None:
        """Refuse the first of some draws, (n,), that is impossible, with its number."""
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        wrong = np.flatnonzero(~(np.isfinite(values) & (values >= low) & (values <= high)))
        if wrong.size:
            self.check(float(values[wrong[0]]), f"draw {first + int(wrong[0])}{of}")

    def check(self, value: float, what: str = "value") -> None:
        """Refuse a value that is not finite, or lies outside `lower` to `upper`."""
        if not math.isfinite(value):
            raise ParameterError(f"{self.where}: {what} is {value}, which is not a finite number.")
        if self.lower is not None and value < self.lower:
            raise ParameterError(f"{self.where}: {what} is {exact(value)}, beyond its lower bound {exact(self.lower)}.")
        if self.upper is not None and value > self.upper:
            raise ParameterError(f"{self.where}: {what} is {exact(value)}, beyond its upper bound {exact(self.upper)}.")
