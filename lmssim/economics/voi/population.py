"""From a patient to a population: who will be treated once information is there, discounted to today.

References
----------
Philips Z, Claxton K, Palmer S. The half-life of truth: what are appropriate time horizons for research decisions?
Med Decis Making 28:287-299, 2008. doi:10.1177/0272989X07312724
Fenwick E, Claxton K, Sculpher M. The value of implementation and the value of information: combined and uneven
development. Med Decis Making 28:21-32, 2008. doi:10.1177/0272989X07308751
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

LONGEST = 200.0
"""Years that any time of a population may have."""
SHORTEST = 1e-9
"""Years below which a time counts as today."""


@dataclass(frozen=True, kw_only=True)
class Population:
    """Patients who face the decision.

    Attributes
    ----------
    incidence : float
        New patients a year.
    horizon : float
        Years from today for which the decision stands.
    discount_rate : float
        A year, 0.035 for 3.5%; discounting is continuous, at ln(1 + rate).
    delay : float
        Years from today until information is there.
    uptake : float
        Share of patients who in the end get what information favours.
    uptake_years : float
        Years over which that share grows from 0, in a straight line.
    """

    incidence: float
    horizon: float
    discount_rate: float = 0.035
    delay: float = 0.0
    uptake: float = 1.0
    uptake_years: float = 0.0

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        self._check("incidence", 0.0, 1e10, above=True)
        self._check("horizon", 0.0, LONGEST, above=True)
        self._check("discount_rate", 0.0, 1.0)
        self._check("delay", 0.0, LONGEST)
        self._check("uptake", 0.0, 1.0)
        self._check("uptake_years", 0.0, LONGEST)

    def _check(self, name: str, low: float, high: float, *, above: bool = False) -> None:
        value = getattr(self, name)
        if not (low <= value <= high) or (above and value == low):
            least = "above" if above else "from"
            raise InputError(f"{name}: {value:g} is not a number {least} {low:g} to {high:,.10g}.")

    def patients(self) -> float:
        """Discounted patients who get what information favours, with u(t) the share who do at time t.

        Notes
        -----
        incidence x integral from the delay to the horizon of u(t) exp(-ln(1 + rate) t) dt.
        """
        return float(self.patients_after(np.zeros(1))[0])

    def patients_after(self, years: FloatArray) -> FloatArray:
        """The same where information comes later by some years, as an array of their shape."""
        rate = math.log1p(self.discount_rate)
        start = np.minimum(self.delay + years, self.horizon)
        end = np.minimum(start + self.uptake_years, self.horizon)
        growing: FloatArray = np.zeros_like(start)
        if self.uptake_years > 0.0:
            growing = (_first_moment(rate, start, end) - start * _annuity(rate, start, end)) / self.uptake_years
        reached = _annuity(rate, end, np.full_like(end, self.horizon))
        found: FloatArray = self.incidence * self.uptake * (growing + reached)
        return found

    def later(self, years: float) -> Population:
        """The same population, with information that comes later."""
        return replace(self, delay=min(self.delay + years, LONGEST))


def mean_discount(years: FloatArray, discount_rate: float) -> FloatArray:
    """Discount factor of what is spread evenly from today over some years, on average, at ln(1 + rate)."""
    rate = math.log1p(discount_rate)
    if rate == 0.0:
        return np.ones_like(years)
    spread = rate * np.maximum(years, SHORTEST)
    found: FloatArray = -np.expm1(-spread) / spread
    return found


def _annuity(rate: float, start: FloatArray, end: FloatArray) -> FloatArray:
    """Integral of exp(-rate t) from start to end."""
    if rate == 0.0:
        return end - start
    found: FloatArray = np.exp(-rate * start) * -np.expm1(-rate * (end - start)) / rate
    return found


def _first_moment(rate: float, start: FloatArray, end: FloatArray) -> FloatArray:
    """Integral of t exp(-rate t) from start to end."""
    if rate == 0.0:
        return 0.5 * (end**2 - start**2)
    ends = start * np.exp(-rate * start) - end * np.exp(-rate * end)
    found: FloatArray = (ends + _annuity(rate, start, end)) / rate
    return found
