"""Time of a model in cycles: how long one is, how many there are, where rewards are discounted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError, exact
from lmssim.model.language import expression

if TYPE_CHECKING:
    from lmssim.model.language.schema import Cycles, ScenarioFile


MAX_CYCLES = 100_000


@dataclass(frozen=True)
class CycleClock:
    """Time of a model in cycles.

    Attributes
    ----------
    length : float
        Years in a cycle.
    per_year : float
        Cycles in a year.
    n : int
        Cycles.
    age_lag : float
        Years by which `age` is later than the start of the cycle.
    """

    length: float
    per_year: float
    n: int
    age_lag: float


def cycle_clock(file: ScenarioFile, where: str) -> CycleClock | None:
    """Time of the model, if it is one in cycles.

    Raises
    ------
    ScenarioError
        If the cycles do not fill the horizon.
    """
    spec, horizon = file.cycles, file.settings.horizon
    if spec is None:
        return None
    place = f"{where}: cycles.length"
    try:
        length = float(expression.evaluate(expression.parse(spec.length, place), {}, place))
    except (TypeError, ValueError):
        raise ScenarioError(f"{place}: '{spec.length}' does not give a number of years.") from None
    if not 0.0 < length <= horizon:
        raise ScenarioError(f"{place}: {exact(length)} is not above 0 and up to the horizon, {exact(horizon)} years.")
    if length * (MAX_CYCLES + 0.5) < horizon:
        raise UnsupportedError(
            f"{place}: {exact(length)} years fit more than {MAX_CYCLES:,} times into the horizon, {exact(horizon)}"
            f" years; at most {MAX_CYCLES:,} cycles are possible."
        )
    n = round(horizon / length) if spec.n is None else spec.n
    if abs(n * length - horizon) > 1e-9 * horizon:
        raise ScenarioError(
            f"{where}: cycles: {n} cycles of {exact(length)} years are {exact(n * length)} years;"
            f" settings.horizon is {exact(horizon)}. Please make them the same."
        )
    return CycleClock(horizon / n, n / horizon, n, length if spec.age == "end" else 0.0)


def discount_place(spec: Cycles) -> str:
    """Where rewards are discounted to: as stated, else at the start for a life table, else at the point."""
    return spec.discount_at or ("start" if spec.correction == "life_table" else "point")
