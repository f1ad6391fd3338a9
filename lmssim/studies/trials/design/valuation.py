"""What a trial's value is computed with, as its file says: population, costs and reporting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmssim.economics.voi.population import LONGEST
from lmssim.economics.voi.trial.adoption import ALPHAS
from lmssim.errors import InputError, exact
from lmssim.studies.trials.design.keys import ARMS
from lmssim.trials import checks
from lmssim.trials.planning.reading import at

if TYPE_CHECKING:
    from collections.abc import Mapping

BEST = "best"
NEEDED = ("willingness_to_pay", "incidence", "horizon")
DISCOUNT = 0.035
MOST_SIZES, MOST_ALPHAS, MOST_PATIENTS = 200, 50, 100_000
MOST_MONEY = 1e12


@dataclass(frozen=True)
class Valuation:
    """Section `[value]` of a design.

    Attributes
    ----------
    willingness_to_pay : float
        For a QALY, in the scenario's currency.
    incidence, horizon : float
        Patients a year whose treatment the result decides, and the years from the first entry over which they come.
    discount : float
        A year.
    fixed_cost, cost_per_patient : float
    reporting, longest_accrual : float
        In the unit of time of the file; accrual without end is infinite.
    uptake : float
        Share of patients who are treated as the result says.
    current : str
        Arm whose treatment patients outside the trial get until the decision, or `best`.
    alpha : tuple of float
        One-sided levels at which adoption by significance is valued.
    sizes : tuple of int
        Numbers of patients beside the design's own.
    """

    willingness_to_pay: float
    incidence: float
    horizon: float
    discount: float = DISCOUNT
    fixed_cost: float = 0.0
    cost_per_patient: float = 0.0
    reporting: float = 0.0
    uptake: float = 1.0
    longest_accrual: float = math.inf
    current: str = BEST
    alpha: tuple[float, ...] = ALPHAS
    sizes: tuple[int, ...] = ()


def valuation_of(table: Mapping[str, Any]) -> Valuation:
    """Section `[value]`, checked.

    Raises
    ------
    InputError
        If a number that is needed is missing, or a value is impossible.
    """
    with at("value"):
        for key in NEEDED:
            if key not in table:
                raise InputError(f"{key}: is missing; [value] needs {', '.join(NEEDED)}.")
        numbers = {
            "willingness_to_pay": _between("willingness_to_pay", table, 0.0, MOST_MONEY),
            "incidence": checks.positive("incidence", table["incidence"]),
            "horizon": _between("horizon", table, 0.0, LONGEST, above=True),
            "discount": _between("discount", table, 0.0, 1.0, DISCOUNT),
            "fixed_cost": _between("fixed_cost", table, 0.0, MOST_MONEY, 0.0),
            "cost_per_patient": _between("cost_per_patient", table, 0.0, MOST_MONEY, 0.0),
            "reporting": checks.not_negative("reporting", table.get("reporting", 0)),
            "uptake": _between("uptake", table, 0.0, 1.0, 1.0),
        }
        if "longest_accrual" in table:
            numbers["longest_accrual"] = checks.positive("longest_accrual", table["longest_accrual"])
        current = checks.one_of("current", table.get("current", BEST), (*ARMS, BEST))
        return Valuation(**numbers, current=current, alpha=_alphas(table), sizes=_sizes(table))


def _between(
    key: str, table: Mapping[str, Any], low: float, high: float, default: float = math.nan, *, above: bool = False
) -> float:
    found = checks.number(key, table[key]) if key in table else default
    if not low <= found <= high or (above and found == low):
        least = "above" if above else "from"
        raise InputError(f"{key}: {exact(found)} is not {least} {exact(low)} to {high:g}.")
    return found


def _alphas(table: Mapping[str, Any]) -> tuple[float, ...]:
    found = checks.numbers("alpha", table.get("alpha", list(ALPHAS)))
    if not 1 <= len(found) <= MOST_ALPHAS:
        raise InputError(f"alpha: {len(found)} levels; give 1 to {MOST_ALPHAS}.")
    for value in found:
        checks.share("alpha", value)
    return tuple(sorted(set(found)))


def _sizes(table: Mapping[str, Any]) -> tuple[int, ...]:
    found = table.get("sizes", [])
    whole = isinstance(found, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in found)
    if not whole or len(found) > MOST_SIZES or any(not 2 <= n <= MOST_PATIENTS for n in found):
        raise InputError(f"sizes: expected at most {MOST_SIZES} whole numbers from 2 to {MOST_PATIENTS:,}.")
    return tuple(sorted(set(found)))
