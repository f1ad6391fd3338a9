"""How a trial is conducted: recruitment, follow-up and reporting; its costs; and the sizes that can be recruited."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.voi.population import mean_discount
from lmssim.errors import InputError

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

MOST = 1e12
"""Of any number here."""


@dataclass(frozen=True, kw_only=True)
class Conduct:
    """Conduct and costs of a trial of any size.

    Attributes
    ----------
    patients_per_year : float
        Recruited in a year, all arms together.
    follow_up, reporting : float
        Years from the last entry to the analysis, and from there to the decision.
    most_years : float
        Years for which recruitment may go on; without limit if infinite.
    fixed, per_patient, per_year : float
        Costs: at the start; of each patient, at entry; of each year until the decision.
    """

    patients_per_year: float
    follow_up: float = 0.0
    reporting: float = 0.0
    most_years: float = math.inf
    fixed: float = 0.0
    per_patient: float = 0.0
    per_year: float = 0.0

    def __post_init__(self) -> None:
        """Refuse impossible numbers."""
        for name in ("patients_per_year", "most_years"):
            if not getattr(self, name) > 0.0:
                raise InputError(f"{name}: {getattr(self, name):g} is not a number above 0.")
        for name in ("follow_up", "reporting", "fixed", "per_patient", "per_year"):
            if not 0.0 <= getattr(self, name) <= MOST:
                raise InputError(f"{name}: {getattr(self, name):g} is not a number from 0 to {MOST:g}.")

    @property
    def largest(self) -> float:
        """Patients who can be recruited; infinite without limit."""
        most = self.patients_per_year * self.most_years
        return math.floor(most * (1.0 + 1e-12)) if math.isfinite(most) else math.inf

    def feasible(self, size: float) -> bool:
        """Whether so many patients can be recruited."""
        return size <= self.largest

    def recruitment(self, size: FloatArray) -> FloatArray:
        """Years from the start until so many patients have entered."""
        return size / self.patients_per_year

    def years(self, size: FloatArray) -> FloatArray:
        """Years from the start to the decision."""
        return self.recruitment(size) + self.follow_up + self.reporting

    def entered(self, size: FloatArray, discount_rate: float) -> FloatArray:
        """Patients, discounted from their entry, which is spread evenly over recruitment."""
        return size * mean_discount(self.recruitment(size), discount_rate)

    def cost(self, size: FloatArray, years: FloatArray, discount_rate: float) -> FloatArray:
        """Discounted cost of a trial of some size that lasts for some years.

        Notes
        -----
        fixed + per_patient x discounted patients + per_year x discounted years.
        """
        lasting: FloatArray = years * mean_discount(np.asarray(years, dtype=np.float64), discount_rate)
        return self.fixed + self.per_patient * self.entered(size, discount_rate) + self.per_year * lasting
