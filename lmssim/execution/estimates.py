"""Estimates: means, co-moments and counts of an evaluation, and the questions that may be asked of them.

Estimates of simulated patients (`Estimates`) and of an exact solution (`lmssim.execution.solve.Solution`) answer the
same questions, so that whoever reads them need not know which they are. Both may also be kept by draw and by subgroup.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import CountArray, FloatArray, IntArray
    from lmssim.kernels.tally import Counts

    EndpointPair = tuple[FloatArray, FloatArray]
    """`Counts.endpoint` and `early` of one endpoint."""

SIMULATED, EXACT = "simulated", "exact"
"""Kinds of estimates."""


def over_draws(error: FloatArray, independent: bool) -> FloatArray:
    """Error of a mean over draws, given the draws, from the error in each, (n_draws, ...).

    Draws that share their patients meet the same chance, so that their errors do not average out.
    """
    if independent:
        apart: FloatArray = np.sqrt((error**2).sum(axis=0)) / error.shape[0]
        return apart
    shared: FloatArray = error.mean(axis=0)
    return shared


@dataclass(kw_only=True)
class Means:
    """Means and co-moments of outcomes, by draw, or by draw and subgroup (`...` stands for the axis of subgroups).

    Attributes
    ----------
    n : int or ndarray(int, ndim=2)
        Independent units behind each mean, (n_draws, ...): patients; of an exact solution, replicates of its profiles.
    mean : ndarray(float)
        (n_draws, ..., n_strategies, n_outcomes); NaN for a subgroup without members.
    square : ndarray(float)
        Sums of squared deviations, as `mean`.
    product : ndarray(float)
        (n_draws, ..., n_main + 1, n_strategies, n_strategies): co-moments between strategies of the main outcomes, and
        of discounted QALYs (rows) with discounted costs (columns).
    state : ndarray(float)
        (n_draws, ..., n_strategies, n_states, 4): sums by state, over patients or replicates.
    """

    n: int | IntArray
    mean: FloatArray
    square: FloatArray
    product: FloatArray
    state: FloatArray

    def covariance(self, outcome: int) -> FloatArray:
        """Covariance between strategies of a main outcome, (n_draws, ..., n_strategies, n_strategies)."""
        covariance: FloatArray = self.product[..., outcome, :, :] / self._per_mean(np.maximum(self._n - 1, 1))
        return covariance

    def standard_error(self) -> FloatArray:
        """Standard error of `mean`, given the draw."""
        variance = self.square / self._per_mean(np.maximum(self._n - 1, 1))
        error: FloatArray = np.sqrt(variance / self._per_mean(self._n))
        return error

    @property
    def _n(self) -> IntArray:
        return np.asarray(self.n)

    @staticmethod
    def _per_mean(n: IntArray) -> IntArray:
        """`n` with two more axes, for strategies and outcomes."""
        return n[..., None, None]


@dataclass(frozen=True)
class CountsAtTimes:
    """Counts at a few times, by draw, or by draw and subgroup (`...` stands for the axis of subgroups).

    Of simulated patients these are integers whose sums over draws and subgroups are, to the last one, the counts of
    everybody; of an exact solution they are probabilities times its number of replicates.

    Attributes
    ----------
    times : list of float
        Years since the origin of an endpoint.
    occupancy_times : list of float
        Years since time zero: those of `times` that stand on the grid of occupancy.
    members : ndarray(ndim=1 or 2)
        (n_draws, ...): patients, or what replicates weigh.
    counts : Counts
        ``endpoint`` (n_draws, ..., n_strategies, n_endpoints, 3, n_times + 1), ``occupancy`` (n_draws, ...,
        n_strategies, n_states, n_occupancy_times + 1), ``entries`` (n_draws, ..., n_strategies, n_states, 2), ``marks``
        (n_draws, ..., n_strategies, n_marks, 2). The last column of a grid holds what falls after the last time.
    """

    times: Sequence[float]
    occupancy_times: Sequence[float]
    members: CountArray
    counts: Counts

    def ended(self) -> CountArray:
        """Who has had the event, a competing event, or been censored by each time: ``endpoint`` added up."""
        ended: CountArray = self.counts.endpoint.cumsum(axis=-1)[..., :-1]
        return ended

    def present(self) -> CountArray:
        """Who is in each state at each time: ``occupancy`` added up."""
        present: CountArray = self.counts.occupancy.cumsum(axis=-1)[..., :-1]
        return present


@dataclass(frozen=True)
class EndpointSpread:
    """What draws and their patients put the readings of one endpoint off by, under one strategy.

    Attributes
    ----------
    times : ndarray(float, ndim=1)
        (n_times,): years at which it is known, the first of them 0.
    share : ndarray(float, ndim=1)
        Errors of survival or incidence, over those of as many patients with the same parameters.
    among : ndarray(float, ndim=1)
        The same of the share of all events that has come, where it is one half.
    restricted : ndarray(float, ndim=1)
        Errors of the mean time without the event up to each time (years).
    """

    times: FloatArray
    share: FloatArray
    among: FloatArray
    restricted: FloatArray


@dataclass(kw_only=True)
class SubgroupEstimates(Means):
    """Estimates by draw and subgroup; every patient belongs to one subgroup.

    Attributes
    ----------
    labels : list of str
        Of the subgroups, in the order of their axis.
    counts : CountsAtTimes
        At the named times.
    """

    labels: Sequence[str]
    counts: CountsAtTimes


@dataclass(kw_only=True)
class Estimates(Means):
    """Estimates of everybody, by draw; of simulated patients.

    Attributes
    ----------
    independent : bool
        Whether each draw has patients of its own; else draws share them.
    counts : Counts
        Of all patients and draws together, on the program's grids.
    by_draw : CountsAtTimes, optional
        Of each draw, each year and at the named times, if asked for.
    by_subgroup : SubgroupEstimates, optional
        By draw and subgroup, if there are subgroups. The means of everybody are then folded from theirs, and agree with
        those without subgroups to rounding; all counts are the same.
    """

    n: int
    independent: bool = False
    counts: Counts
    by_draw: CountsAtTimes | None = None
    by_subgroup: SubgroupEstimates | None = None

    partitions: Mapping[str, SubgroupEstimates] = field(default_factory=dict)
    """Of each partition that was asked for, by draw and subgroup, at the times up to the last named one; sums by state
    are not kept. Means of everybody are not folded from theirs: they are those without partitions, bit for bit."""

    halves: Mapping[str, SubgroupEstimates] = field(default_factory=dict)
    """The same in two halves, subgroups of the first half before those of the second, without counts; empty of an exact
    solution."""

    capped: FloatArray | None = None
    """Of a partitioned survival model, what caps cut off of its curves, (n_draws, n_strategies, n_caps, 3)."""

    kind: ClassVar[str] = SIMULATED
    individual: ClassVar[bool] = True
    """Whether single lives stand behind the estimates, which published series and patients are read from."""

    @property
    def n_draws(self) -> int:
        """Parameter draws; 1 in the base case."""
        return len(self.mean)

    @property
    def n_lives(self) -> int:
        """Lives per strategy behind `counts`, over draws."""
        return self.n * self.n_draws

    @property
    def n_people(self) -> int:
        """Patients of each draw; of an exact solution, profiles."""
        return self.n

    def error(self) -> FloatArray:
        """Standard error of the mean over draws, given the draws, (n_strategies, n_outcomes); with that of steps."""
        error: FloatArray = np.hypot(self.chance_error(), self.step_error)
        return error

    def chance_error(self) -> FloatArray:
        """The same without that of steps."""
        return over_draws(self.standard_error(), self.independent)

    @property
    def step_error(self) -> FloatArray:
        """Estimated error of a mean by steps of time, (n_strategies, n_outcomes); 0 where time is not cut."""
        return np.zeros(self.mean.shape[1:])

    def endpoint_checks(self, strategy: int, endpoint: int) -> Sequence[tuple[float, EndpointPair, EndpointPair]]:
        """Of an exact solution, an endpoint in pairs of solutions, the finer one first, and what each pair counts for.

        The error of steps is at least such a multiple of their distance.
        """
        return ()

    def endpoint_replicates(self, strategy: int, endpoint: int) -> tuple[FloatArray, FloatArray] | None:
        """Of an exact solution, the same in each replicate, (n_replicates, 3, n_steps + 2) and (.., 2, n_steps + 2)."""
        return None

    def endpoint_spread(self, strategy: int, endpoint: int) -> EndpointSpread | None:
        """Of an expectation over draws, what they and their patients put an endpoint's readings off by."""
        return None

    def event_step_error(self, strategy: int, event: int) -> float:
        """How far steps of time can put wrong the share of patients who ever have an event."""
        return 0.0

    def event_share(self, strategy: int, event: int) -> tuple[float, float]:
        """Share of patients who ever have an event, and its standard error."""
        share = float(self.counts.marks[strategy, event, 1]) / self.n_lives
        return share, self._share_error(share, strategy, event)

    def _share_error(self, share: float, strategy: int, event: int) -> float:
        return float(np.sqrt(share * (1 - share) / self.n_lives))
