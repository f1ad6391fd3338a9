"""What people of the general population still have before them: quality-adjusted years, exact for tables in bands.

Hazards are constant within the bands of a life table and utilities within a year of age, so that expected years have a
closed form between the ages at which either changes; they are added up from the oldest age down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.population.mortality import LifeTable, Norms

OLDEST = 400.0
"""Age (years) at which sums begin: beyond the greatest age at the longest horizon."""


@dataclass(frozen=True)
class Expectancy:
    """Expected discounted quality-adjusted years of people with one key of the life table and one of the norms.

    Attributes
    ----------
    starts : ndarray(float, ndim=1)
        (n + 1,): ages at which a hazard or a utility begins to hold, and `OLDEST`.
    hazard, utility : ndarray(float, ndim=1)
        (n,): what holds from each age on.
    cumulative : ndarray(float, ndim=1)
        (n + 1,): cumulative hazard at the ages.
    rate : float
        Continuous discount rate a year.
    """

    starts: FloatArray
    hazard: FloatArray
    utility: FloatArray
    cumulative: FloatArray
    rate: float

    def within(self, age: FloatArray, years: float) -> FloatArray:
        """Expected quality-adjusted years within some years, discounted to the present age.

        Parameters
        ----------
        age : ndarray(float, ndim=1)
            (n_people,): exact ages (years).
        years : float
            Horizon.

        Notes
        -----
        With Q(a) the years expected from age a up to `OLDEST`, survival S and the discount rate r, these are
        Q(a) - S(a + T) / S(a) exp(-r T) Q(a + T).
        """
        left = np.exp(self._cumulative(age) - self._cumulative(age + years) - self.rate * years)
        found: FloatArray = self._ever(age) - left * self._ever(age + years)
        return found

    def _ever(self, age: FloatArray) -> FloatArray:
        """Years expected up to `OLDEST`."""
        k = self._interval(age)
        width = self.starts[k + 1] - age
        use = self.hazard[k] + self.rate
        found: FloatArray = self.utility[k] * _annuity(use, width) + np.exp(-use * width) * self._from_starts()[k + 1]
        return found

    def _from_starts(self) -> FloatArray:
        """The same at the ages at which something changes; 0 at the last."""
        found = np.zeros(len(self.starts))
        use, width = self.hazard + self.rate, np.diff(self.starts)
        gained, kept = self.utility * _annuity(use, width), np.exp(-use * width)
        for k in range(len(width) - 1, -1, -1):
            found[k] = gained[k] + kept[k] * found[k + 1]
        return found

    def _cumulative(self, age: FloatArray) -> FloatArray:
        k = self._interval(age)
        found: FloatArray = self.cumulative[k] + self.hazard[k] * (age - self.starts[k])
        return found

    def _interval(self, age: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return np.clip(np.searchsorted(self.starts, age, side="right") - 1, 0, len(self.hazard) - 1)


def _annuity(rate: FloatArray, width: FloatArray) -> FloatArray:
    """Integral of exp(-rate t) over a width."""
    some = rate * width > 0.0
    found: FloatArray = np.where(some, -np.expm1(-rate * width) / np.where(some, rate, 1.0), width)
    return found


def expectancy(life: LifeTable, life_key: int, norms: Norms | None, norm_key: int, rate: float) -> Expectancy:
    """What people with some keys still expect.

    Parameters
    ----------
    life_key, norm_key : int
        Positions of the keys.
    norms : Norms or None
        Utilities; years are not adjusted for quality if absent.
    rate : float
        Continuous discount rate a year.
    """
    bands, hazards, _ = life.intervals(life_key)
    utilities = np.ones(1) if norms is None else norms.array[norm_key]
    starts = np.union1d(bands, np.arange(len(utilities), dtype=np.float64))
    hazard = hazards[np.searchsorted(bands, starts, side="right") - 1]
    utility = utilities[np.minimum(starts.astype(np.int64), len(utilities) - 1)]
    edges = np.append(starts, OLDEST)
    cumulative = np.concatenate(([0.0], np.cumsum(hazard * np.diff(edges))))
    return Expectancy(edges, hazard, utility, cumulative, rate)
