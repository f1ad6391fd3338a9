"""The expectation over parameter draws, each with patients of its own: the draws are the units that errors come from.

The mean over draws is put off by the patients of each draw and by how few draws there are. What another sample of both
would change is told by the spread of the draws' own means (plain nesting); the part that patients alone put off is told
by the spread of patients within the draws.

References
----------
O'Hagan A, Stevenson M, Madan J. Monte Carlo probabilistic sensitivity analysis for patient level simulation models:
efficient estimation of mean and variance using ANOVA. Health Econ 16:1009-1023, 2007. doi:10.1002/hec.1199
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from lmssim.errors import InputError
from lmssim.execution.estimates import EndpointSpread, Estimates, Means, SubgroupEstimates
from lmssim.execution.fold import added
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.outcomes.endpoint import TINY, shares_of
from lmssim.outcomes.ratios import Ratios

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmssim.execution.estimates import CountsAtTimes
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.kernels.tally import Counts
    from lmssim.model.program import Program

EXPECTED = "expected"
"""Kind of such estimates."""
FEWEST = 2
"""Draws, and patients of each on average: a variance takes two."""


class Apart(NamedTuple):
    """An error by where it comes from: the error is the root of the sum of the squares of `draws` and `patients`."""

    draws: float
    """From the number of draws."""
    patients: float
    """From the number of patients, given the draws."""
    parameters: float
    """No error: the standard deviation of the expectation given the parameters, 0 if patients explain all the spread
    between the draws' means."""


@dataclass(frozen=True)
class Spreads:
    """Sums over draws from which errors of shares are told.

    Attributes
    ----------
    times : ndarray(float, ndim=1)
        Years at which endpoints are counted by draw.
    share : Ratios
        Survival or incidence, (n_strategies, n_endpoints, n_times).
    restricted : Ratios
        Mean time without the event up to each time.
    events : Ratios
        Share of patients who ever have an event, (n_strategies, n_events).
    """

    times: FloatArray
    share: Ratios
    restricted: Ratios
    events: Ratios

    def of(self, strategy: int, endpoint: int) -> EndpointSpread:
        """Those of one endpoint."""
        at = strategy, endpoint
        n = max(float(self.share.total[at]), TINY)
        value = self.share.value[at]
        binomial = np.sqrt(np.maximum(value * (1.0 - value), 0.0) / n)
        among, events = self.share.error_of_half(at)
        return EndpointSpread(
            self.times,
            _known_ratio(self.share.error[at], binomial),
            _known_ratio(among, np.full(len(among), 0.5 / np.sqrt(max(events, 1.0)))),
            self.restricted.error[at],
        )


def _known_ratio(error: FloatArray, plain: FloatArray) -> FloatArray:
    """Errors over those of as many patients with the same parameters; that of the nearest time where both are 0."""
    known = np.flatnonzero(plain > 0.0)
    if not len(known):
        return np.ones(len(plain))
    found: FloatArray = np.interp(np.arange(len(plain)), known, error[known] / plain[known])
    return found


@dataclass(kw_only=True)
class SubgroupExpectation(SubgroupEstimates):
    """Means by draw and subgroup, and counts over all draws, whose leading axis is 1.

    Attributes
    ----------
    named : list of float
        Times (years) at which shares are told.
    shares : Ratios
        Survival or incidence at these times, (n_subgroups, n_strategies, n_endpoints, n_times).
    """

    named: Sequence[float]
    shares: Ratios


@dataclass(kw_only=True)
class Expectation(Estimates):
    """Expectation over draws that have patients of their own: `n` counts draws, which are the units of all errors.

    Attributes
    ----------
    members : ndarray(int, ndim=1)
        (n,): patients of each draw who were followed.
    within : ndarray(float, ndim=2)
        (n_strategies, n_outcomes): variance of a patient within a draw.
    pairs : ndarray(float, ndim=3)
        Covariance between strategies of a patient within a draw, as `Means.product`.
    spreads : Spreads
        Of endpoints and events.
    """

    members: IntArray
    within: FloatArray
    pairs: FloatArray
    spreads: Spreads

    kind: ClassVar[str] = EXPECTED

    @property
    def n_lives(self) -> int:
        """Lives per strategy, over draws."""
        return int(self.members.sum())

    @property
    def n_people(self) -> int:
        """The same."""
        return self.n_lives

    def patient_error(self) -> FloatArray:
        """Part of the error that is of patients, given the draws, (n_strategies, n_outcomes)."""
        error: FloatArray = np.sqrt(self.within / self.n_lives)
        return error

    def apart(self, error: float, patients: float) -> Apart:
        """An error by where it comes from, given the part that patients put on it."""
        draws = float(np.sqrt(max(float(error) ** 2 - float(patients) ** 2, 0.0)))
        return Apart(draws, float(patients), draws * float(np.sqrt(self.n)))

    @cached_property
    def of_patients(self) -> Means:
        """The same means with the spread of patients within the draws."""
        n = self.n_lives
        return Means(
            n=n,
            mean=self.mean,
            square=(self.within * (n - 1))[None],
            product=(self.pairs * (n - 1))[None],
            state=self.state,
        )

    def endpoint_spread(self, strategy: int, endpoint: int) -> EndpointSpread:
        """What draws and patients put off the readings of an endpoint by."""
        return self.spreads.of(strategy, endpoint)

    def _share_error(self, share: float, strategy: int, event: int) -> float:
        return float(self.spreads.events.error[strategy, event, 0])


def expectation(program: Program, batches: Iterable[Estimates]) -> Expectation:
    """Fold batches of draws into the expectation over them, one batch held at a time.

    Parameters
    ----------
    batches : iterable of Estimates
        Of draws with patients of their own, with counts by draw (`lmssim.execution.simulate.simulate_batches`).

    Raises
    ------
    InputError
        If there are fewer than two draws with patients, or fewer than two patients a draw on average.
    """
    folded = _Folded(program)
    for batch in batches:
        folded.add(batch)
    return folded.expectation()


class _Folded:
    """Sums over the draws that have come."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.mean: list[FloatArray] = []
        self.members: list[IntArray] = []
        self.square = self.product = self.state = np.zeros(0)
        self.counts: Counts | None = None
        self.times = np.zeros(0)
        self.share, self.restricted, self.events = Ratios(), Ratios(), Ratios()
        self.parts: dict[str, _FoldedPart] = {}
        self.first: Estimates | None = None

    def add(self, batch: Estimates) -> None:
        """Add a batch of draws."""
        assert batch.by_draw is not None
        self.first = self.first or replace(batch, partitions={}, halves={})
        self.mean.append(batch.mean)
        self.members.append(np.asarray(batch.by_draw.members))
        for name in ("square", "product", "state"):
            setattr(self, name, _carried(getattr(self, name), getattr(batch, name)))
        self.counts = batch.counts if self.counts is None else added(self.counts, batch.counts)
        self.times = np.asarray(batch.by_draw.times, dtype=np.float64)
        n, share = counted_shares(batch.by_draw, self.program)
        self.share.add(n, share)
        self.restricted.add(n, _restricted(share, self.times))
        self.events.add(
            np.broadcast_to(self.members[-1][:, None, None], batch.by_draw.counts.marks.shape[:3]),
            batch.by_draw.counts.marks[..., 1, None] / np.maximum(self.members[-1], TINY)[:, None, None, None],
        )
        for name, part in batch.partitions.items():
            self.parts.setdefault(name, _FoldedPart(self.program)).add(part)

    def expectation(self) -> Expectation:
        """Expectation over the draws."""
        assert self.first is not None
        assert self.counts is not None
        members = np.concatenate(self.members)
        n_lives, mean = int(members.sum()), np.concatenate(self.mean)
        if np.count_nonzero(members) < FEWEST or n_lives < FEWEST * len(members):
            raise InputError(
                f"patients: {n_lives:,} in {len(members):,} draws are too few to tell an error; at least {FEWEST} draws"
                f" and {FEWEST} patients in each, on average, are needed."
            )
        freedom = n_lives - np.count_nonzero(members)
        units = over_draws_of(members, mean)
        state = self.state[None] * (len(members) / n_lives)  # a mean over patients, times the units
        return Expectation(
            n=len(members),
            mean=units.mean,
            square=units.square,
            product=units.product,
            state=state,
            independent=True,
            counts=self.counts,
            partitions={name: part.estimates() for name, part in self.parts.items()},
            members=members,
            within=self.square / freedom,
            pairs=self.product / freedom,
            spreads=Spreads(self.times, self.share, self.restricted, self.events),
        )


class _FoldedPart:
    """Sums over draws of one partition."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.mean: list[FloatArray] = []
        self.members: list[IntArray] = []
        self.counts: CountsAtTimes | None = None
        self.shares = Ratios()
        self.labels: Sequence[str] = ()

    def add(self, part: SubgroupEstimates) -> None:
        """Add the subgroups of a batch of draws."""
        self.labels = part.labels
        self.mean.append(part.mean)
        self.members.append(np.asarray(part.n))
        by_group = [_of_group(part.counts, g) for g in range(len(part.labels))]
        found = [counted_shares(each, self.program, self.named) for each in by_group]
        self.shares.add(*(np.stack(each, axis=1) for each in zip(*found, strict=True)))
        summed = type(part.counts.counts)(*(each.sum(axis=0, keepdims=True) for each in part.counts.counts))
        total = summed if self.counts is None else added(self.counts.counts, summed)
        self.counts = replace(part.counts, counts=total)

    @property
    def named(self) -> list[float]:
        """Times at which shares are told."""
        return list(self.program.scenario.file.settings.times)

    def estimates(self) -> SubgroupExpectation:
        """Estimates of the partition."""
        assert self.counts is not None
        members, mean = np.concatenate(self.members), np.concatenate(self.mean)
        empty = np.zeros((*mean.shape[:2], 0, 0))
        return SubgroupExpectation(
            n=members,
            mean=mean,
            square=empty,
            product=empty,
            state=np.full((1, mean.shape[1], mean.shape[2], len(self.program.states), 4), np.nan),
            labels=self.labels,
            counts=replace(self.counts, members=members),
            named=self.named,
            shares=self.shares,
        )


def over_draws_of(members: IntArray, mean: FloatArray) -> Means:
    """Means of draws with patients of their own as one draw, whose units they are.

    Parameters
    ----------
    members : ndarray(int, ndim=1)
        (n_draws,): patients of each.
    mean : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_outcomes); of a draw without patients it is not read.

    Notes
    -----
    With n and y a draw's patients and their mean, the mean over draws is the ratio of the sums of n y and of n, and
    deviates in a draw by n (y - mean) / mean n (delta method).
    """
    weights = (members / max(members.mean(), TINY))[:, None, None]
    known = np.where(members[:, None, None] > 0, mean, 0.0)
    centre = (weights * known).mean(axis=0)
    beyond = weights * (known - centre)
    between = [np.einsum("di,dj->ij", beyond[..., k], beyond[..., k]) for k in range(N_MAIN)]
    between.append(np.einsum("di,dj->ij", beyond[..., QALY], beyond[..., COST]))
    return Means(
        n=len(mean),
        mean=centre[None],
        square=(beyond**2).sum(axis=0)[None],
        product=np.stack(between)[None],
        state=np.zeros((1, 0)),
    )


def counted_shares(
    kept: CountsAtTimes, program: Program, times: Sequence[float] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Who reaches the origin of each endpoint, and survival or incidence, by draw.

    Returns
    -------
    n, share : ndarray(float)
        (n_draws, n_strategies, n_endpoints) and (.., n_times); at all times at which counts are kept if none are given.
    """
    n: FloatArray = kept.counts.endpoint.sum(axis=(-2, -1), dtype=np.float64)
    share, _ = shares_of(kept, program)
    if times is None:
        return n, share
    columns = np.searchsorted(np.asarray(kept.times), np.asarray(times) + 1e-9, side="right") - 1
    return n, share[..., columns]


def _restricted(share: FloatArray, times: FloatArray) -> FloatArray:
    """Mean time without the event up to each time, by straight lines between the times."""
    steps = np.diff(times) * (share[..., 1:] + share[..., :-1]) / 2.0
    found: FloatArray = np.concatenate([np.zeros((*share.shape[:-1], 1)), steps.cumsum(axis=-1)], axis=-1)
    return found


def _of_group(kept: CountsAtTimes, g: int) -> CountsAtTimes:
    counts = type(kept.counts)(*(each[:, g] for each in kept.counts))
    return replace(kept, members=np.asarray(kept.members)[:, g], counts=counts)


def _carried(total: FloatArray, values: FloatArray) -> FloatArray:
    """A sum over draws, carried draw by draw, so that no bit depends on how the draws were parted."""
    total = total if total.size else np.zeros(values.shape[1:])
    for value in values:
        total = total + value
    return total
