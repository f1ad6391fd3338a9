"""Time-to-event outcomes from integer counts on a grid: survival, cumulative incidence, quantiles, restricted mean.

Everybody starts at the origin; leaving before the end of the grid is by the event, a competing event or censoring.
Counts are exact at the grid's times, so survival and incidence there carry binomial error alone. Quantiles are
interpolated within one step of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.tally import CENSORED, COMPETING, EVENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import CountArray, FloatArray


TINY = 1e-300
"""In place of 0 patients."""


@dataclass(frozen=True)
class EndpointCounts:
    """Counts of one endpoint under one strategy.

    Attributes
    ----------
    counts : ndarray(int, ndim=2)
        (3, n_steps + 2): event, competing and censored patients by the first grid time at or after theirs; the last
        column holds what falls beyond the grid.
    steps_per_year : float
        Grid.
    groups : ndarray(float, ndim=3), optional
        Of an exact solution, whose counts are probabilities: those of each group of profiles, (n_groups, 3, n_steps +
        2). Their spread takes the place of the binomial error.
    """

    counts: CountArray
    steps_per_year: float
    groups: FloatArray | None = None

    @property
    def n(self) -> int:
        """Patients who reach the origin; of an exact solution, groups."""
        return round(float(self.counts.sum())) if np.isfinite(self.counts).all() else 0

    def _spread(self, read: Callable[[EndpointCounts], FloatArray | float]) -> FloatArray:
        """Standard error of what is read from the groups' average."""
        assert self.groups is not None
        values = np.array([read(EndpointCounts(each, self.steps_per_year)) for each in self.groups])
        if len(values) == 1:
            return np.zeros(values.shape[1:])
        spread: FloatArray = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        return spread

    @property
    def times(self) -> FloatArray:
        """Grid, years since the origin; (n_steps + 1,)."""
        times: FloatArray = np.arange(self.counts.shape[1] - 1) / self.steps_per_year
        return times

    @property
    def at_risk(self) -> CountArray:
        """Patients still under observation without event just after each grid time."""
        gone = self.counts.sum(axis=0).cumsum()[:-1]
        at_risk: CountArray = self.n - gone
        return at_risk

    def incidence(self) -> FloatArray:
        """Cumulative incidence of the event, competing events counted as such."""
        events: FloatArray = self.counts[EVENT].cumsum()[:-1] / max(float(self.counts.sum()), TINY)
        return events

    def survival(self) -> FloatArray:
        """Share without the event.

        Competing events are events of survival's complement here; with censoring before the horizon the product
        limit is taken over the grid, half of a step's censored being at risk in it.
        """
        n = float(self.counts.sum())
        censored = self.counts[CENSORED].cumsum()[:-1]
        last = self.counts.shape[1] - 2
        if censored[last - 1] == 0 and self.counts[COMPETING].sum() == 0:
            share: FloatArray = 1.0 - self.counts[EVENT].cumsum()[:-1] / max(n, TINY)
            return share
        left = self.counts[[COMPETING, CENSORED]].sum(axis=0)[:-1]
        before = np.concatenate(([n], self.at_risk[:-1]))
        exposed = np.maximum(before - left / 2.0, 1e-300)
        product: FloatArray = np.cumprod(1.0 - np.minimum(self.counts[EVENT][:-1] / exposed, 1.0))
        return product

    def standard_error(self, share: FloatArray) -> FloatArray:
        """Standard error of a share that survival or incidence has given: binomial, or the spread of the groups."""
        if self.groups is not None:
            falls = bool(len(share)) and share[0] > share[-1]
            return self._spread(lambda each: each.survival() if falls else each.incidence())
        error: FloatArray = np.sqrt(share * (1.0 - share) / max(self.n, 1))
        return error

    def at(self, time: float) -> int:
        """Grid position of a time that stands on the grid."""
        return round(time * self.steps_per_year)

    def quantile(self, q: float, *, survival: bool) -> tuple[float, float]:
        """Time by which a share `q` has had the event, and its standard error; NaN if not reached.

        Parameters
        ----------
        survival : bool
            Whether to read the survival curve (else the cumulative incidence).
        """
        share = 1.0 - self.survival() if survival else self.incidence()
        k = int(np.searchsorted(share, q))
        if k == 0 or k >= len(share):
            return float("nan"), float("nan")
        rise = share[k] - share[k - 1]
        time = self.times[k - 1] + (q - share[k - 1]) / rise / self.steps_per_year
        if self.groups is not None:
            return float(time), float(self._spread(lambda each: each.quantile(q, survival=survival)[0]))
        slope = self._slope(share, k)
        return float(time), float(np.sqrt(q * (1.0 - q) / max(self.n, 1)) / slope)

    def _slope(self, share: FloatArray, k: int, reach: int = 4) -> float:
        """Events per year about a grid position."""
        lo, hi = max(k - reach, 0), min(k + reach, len(share) - 1)
        return float(max((share[hi] - share[lo]) * self.steps_per_year / (hi - lo), 1e-12))

    def time_among_events(self, q: float = 0.5) -> float:
        """Quantile of the time to event among those who have it; NaN if nobody has."""
        events = self.counts[EVENT].cumsum()[:-1]
        if not events[-1] > 0:
            return float("nan")
        share = events / events[-1]
        k = int(np.searchsorted(share, q))
        if k == 0:
            return 0.0
        rise = share[k] - share[k - 1]
        return float(self.times[k - 1] + (q - share[k - 1]) / rise / self.steps_per_year)

    def error_among_events(self, q: float = 0.5) -> float:
        """Standard error of `time_among_events` from the spread of the groups; NaN for counts of patients."""
        if self.groups is None:
            return float("nan")
        return float(self._spread(lambda each: each.time_among_events(q)))

    def restricted_mean(self, tau: float) -> tuple[float, float]:
        """Mean time without the event up to `tau` years, and its standard error.

        Notes
        -----
        Survival is a straight line between grid times; the variance is 2 x the integral of t S(t) less the mean
        squared.
        """
        k = self.at(tau)
        survival, times = self.survival()[: k + 1], self.times[: k + 1]
        mean = float(np.trapezoid(survival, times))
        if self.groups is not None:
            return mean, float(self._spread(lambda each: each.restricted_mean(tau)[0]))
        beyond = float(survival[0] - survival[-1]) / self.steps_per_year**2 / 6.0  # of the parabola over the trapezoid
        variance = max(2.0 * (float(np.trapezoid(times * survival, times)) + beyond) - mean**2, 0.0)
        return mean, float(np.sqrt(variance / max(self.n, 1)))
