"""Endpoints of other estimates than those of patients with the same parameters: where their errors come from.

An exact solution has probabilities in the place of counts, and errors of profiles and steps. An expectation over
parameter draws has counts of all patients together, whose errors the draws make larger than binomial ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.outcomes.endpoint import EndpointCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.execution.estimates import EndpointPair, EndpointSpread, Estimates
    from lmssim.kernels import CountArray, FloatArray


@dataclass(frozen=True, kw_only=True)
class EndpointProbabilities(EndpointCounts):
    """Probabilities of an exact solution in the place of counts; errors are those of its profiles and steps.

    Attributes
    ----------
    replicates : ndarray(float, ndim=3)
        (n_replicates, 3, n_steps + 2): those of each replicate of the profiles.
    early_of_replicates : ndarray(float, ndim=3), optional
        (n_replicates, 2, n_steps + 2): `early` of each.
    checks : sequence of (float, EndpointCounts, EndpointCounts)
        Pairs of solutions of the same profiles, the finer one first, and what multiple of their distance the error of
        steps is at least.
    """

    replicates: FloatArray
    early_of_replicates: FloatArray | None = None
    checks: Sequence[tuple[float, EndpointCounts, EndpointCounts]] = ()

    def _error(self, read: Callable[[EndpointCounts], FloatArray | float], of_patients: Callable[[], Any]) -> Any:
        """Standard error of what is read from the replicates' average, by their spread."""
        del of_patients
        early = [None] * len(self.replicates) if self.early_of_replicates is None else self.early_of_replicates
        values = np.array(
            [
                read(EndpointCounts(each, self.steps_per_year, e, self.stepped))
                for each, e in zip(self.replicates, early, strict=True)
            ]
        )
        if len(values) == 1:
            return np.zeros(values.shape[1:])
        return values.std(axis=0, ddof=1) / np.sqrt(len(values))

    def _doubt(self, q: float) -> float:
        return 0.0

    @property
    def shown_at_risk(self) -> CountArray:
        """Share of patients at risk just after each grid time."""
        share: FloatArray = np.maximum(self.at_risk / self.counts.sum(), 0.0)
        return share

    def step_error(self, read: Callable[[EndpointCounts], FloatArray | float]) -> Any:
        """Estimated from how much what is read changes between finer and coarser steps."""
        if not self.checks:
            return super().step_error(read)
        pairs = ((part, np.asarray(read(finer)), np.asarray(read(coarser))) for part, finer, coarser in self.checks)
        return np.max([part * np.abs(finer - coarser) for part, finer, coarser in pairs], axis=0)


@dataclass(frozen=True, kw_only=True)
class EndpointOverDraws(EndpointCounts):
    """Counts over parameter draws with patients of their own; errors are those of draws and patients.

    Attributes
    ----------
    spread : EndpointSpread
        What draws and patients put the readings off by.
    """

    spread: EndpointSpread

    def standard_error(self, share: FloatArray) -> FloatArray:
        """Standard error of a share that survival or incidence has given."""
        factor = self._factor(self.spread.share, self.times[: len(share)])
        return np.asarray(super().standard_error(share) * factor, dtype=np.float64)

    def quantile(self, q: float, *, survival: bool) -> tuple[float, float]:
        """First time by which a share `q` has had the event, and its standard error; NaN if not reached."""
        time, error = super().quantile(q, survival=survival)
        return time, error * float(self._factor(self.spread.share, time))

    def error_among_events(self, q: float = 0.5) -> float:
        """Standard error of `time_among_events`, of the median."""
        return super().error_among_events(q) * float(self._factor(self.spread.among, self.time_among_events(q)))

    def rough_error_among_events(self) -> float:
        """Error of the median among those with the event, by which it is rounded."""
        time = self.time_among_events()
        return super().rough_error_among_events() * float(self._factor(self.spread.among, time))

    def restricted_mean(self, tau: float) -> tuple[float, float]:
        """Mean time without the event up to `tau` years, and its standard error."""
        mean, _ = super().restricted_mean(tau)
        return mean, float(self._factor(self.spread.restricted, tau))

    def _factor(self, known: FloatArray, times: FloatArray | float) -> FloatArray:
        """What is known at some times, at others by straight lines between them."""
        return np.asarray(np.interp(times, self.spread.times, known), dtype=np.float64)


def endpoint_of(
    estimates: Estimates, strategy: int, endpoint: int, steps_per_year: float, stepped: bool
) -> EndpointCounts:
    """An endpoint under a strategy, by their positions; `stepped` if the model is in cycles."""
    counts = estimates.counts.endpoint[strategy, endpoint]
    early = estimates.counts.early[strategy, endpoint]
    if (spread := estimates.endpoint_spread(strategy, endpoint)) is not None:
        return EndpointOverDraws(counts, steps_per_year, early, stepped, spread=spread)
    found = estimates.endpoint_replicates(strategy, endpoint)
    if found is None:
        return EndpointCounts(counts, steps_per_year, early, stepped)

    def read(pair: EndpointPair) -> EndpointCounts:
        return EndpointCounts(pair[0], steps_per_year, pair[1], stepped)

    pairs = estimates.endpoint_checks(strategy, endpoint)
    replicates, early_of_replicates = found
    return EndpointProbabilities(
        counts,
        steps_per_year,
        early,
        stepped,
        replicates=replicates,
        early_of_replicates=early_of_replicates,
        checks=[(part, read(finer), read(coarser)) for part, finer, coarser in pairs],
    )
