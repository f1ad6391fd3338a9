"""Time-to-event outcomes from integer counts on a grid: survival, cumulative incidence, quantiles, restricted mean.

Everybody starts at the origin; leaving before the end of the grid is by the event, a competing event or censoring.
Counts are exact at the grid's times, so survival and incidence there carry binomial error alone. Quantiles are
interpolated within one step of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.kernels.tally import CENSORED, COMPETING, EVENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.execution.estimates import Estimates
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
    """

    counts: CountArray
    steps_per_year: float

    @property
    def n(self) -> int:
        """Patients who reach the origin; of an exact solution, replicates."""
        return round(float(self.counts.sum())) if np.isfinite(self.counts).all() else 0

    def _error(self, read: Callable[[EndpointCounts], FloatArray | float], of_patients: Callable[[], Any]) -> Any:
        """Standard error of what `read` takes from the counts: here by the formula that holds for patients."""
        del read
        return of_patients()

    @property
    def times(self) -> FloatArray:
        """Grid, years since the origin; (n_steps + 1,)."""
        times: FloatArray = np.arange(self.counts.shape[1] - 1) / self.steps_per_year
        return times

    @property
    def at_risk(self) -> CountArray:
        """Patients still under observation without event just after each grid time; see `shown_at_risk`."""
        gone = self.counts.sum(axis=0).cumsum()[:-1]
        at_risk: CountArray = self.n - gone
        return at_risk

    @property
    def shown_at_risk(self) -> CountArray:
        """Who is at risk just after each grid time: patients; of an exact solution, the share of them."""
        return self.at_risk

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
        """Standard error of a share that survival or incidence has given: binomial, or the spread of replicates."""
        falls = bool(len(share)) and share[0] > share[-1]
        error: FloatArray = self._error(
            lambda each: each.survival() if falls else each.incidence(),
            lambda: np.sqrt(share * (1.0 - share) / max(self.n, 1)),
        )
        return error

    def whole_error(self, share: FloatArray) -> FloatArray:
        """The same, together with what steps of time may put wrong."""
        return self.standard_error(share)

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
        error = self._error(
            lambda each: each.quantile(q, survival=survival)[0],
            lambda: np.sqrt(q * (1.0 - q) / max(self.n, 1)) / self._slope(share, k),
        )
        return float(time), float(error)

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
        """Standard error of `time_among_events` from the spread of replicates; NaN for counts of patients."""
        return float(self._error(lambda each: each.time_among_events(q), lambda: float("nan")))

    def rough_error_among_events(self) -> float:
        """Error of the median among those with the event, by which it is rounded.

        The median of n times scattered like an exponential has a standard error of about 1.44 medians / sqrt(n).
        """
        events = max(self.incidence()[-1] * self.n, 1.0)
        return float(
            self._error(EndpointCounts.time_among_events, lambda: 1.44 * self.time_among_events() / events**0.5)
        )

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

        def of_patients() -> float:
            parabola = float(survival[0] - survival[-1]) / self.steps_per_year**2 / 6.0  # beyond the trapezoid
            variance = max(2.0 * (float(np.trapezoid(times * survival, times)) + parabola) - mean**2, 0.0)
            return float(np.sqrt(variance / max(self.n, 1)))

        return mean, float(self._error(lambda each: each.restricted_mean(tau)[0], of_patients))


@dataclass(frozen=True)
class EndpointProbabilities(EndpointCounts):
    """Probabilities of an exact solution in the place of counts; errors are those of its profiles and steps.

    Attributes
    ----------
    replicates : ndarray(float, ndim=3)
        (n_replicates, 3, n_steps + 2): those of each replicate of the profiles.
    steps : ndarray(float, ndim=1), optional
        (n_steps + 1,): error of the incidence by steps of time; none if absent.
    """

    replicates: FloatArray
    steps: FloatArray | None = None

    def _error(self, read: Callable[[EndpointCounts], FloatArray | float], of_patients: Callable[[], Any]) -> Any:
        """Standard error of what is read from the replicates' average, by their spread."""
        del of_patients
        values = np.array([read(EndpointCounts(each, self.steps_per_year)) for each in self.replicates])
        if len(values) == 1:
            return np.zeros(values.shape[1:])
        return values.std(axis=0, ddof=1) / np.sqrt(len(values))

    @property
    def shown_at_risk(self) -> CountArray:
        """Share of patients at risk just after each grid time."""
        share: FloatArray = np.maximum(self.at_risk / self.counts.sum(), 0.0)
        return share

    def whole_error(self, share: FloatArray) -> FloatArray:
        """Errors of profiles and of steps together."""
        error = self.standard_error(share)
        both: FloatArray = error if self.steps is None else np.hypot(error, self.steps)
        return both


def endpoint_of(estimates: Estimates, strategy: int, endpoint: int, steps_per_year: float) -> EndpointCounts:
    """An endpoint under a strategy, by their positions."""
    counts = estimates.counts.endpoint[strategy, endpoint]
    replicates = estimates.endpoint_replicates(strategy, endpoint)
    if replicates is None:
        return EndpointCounts(counts, steps_per_year)
    steps = estimates.endpoint_step_error(strategy, endpoint)[EVENT]
    return EndpointProbabilities(counts, steps_per_year, replicates, steps)
