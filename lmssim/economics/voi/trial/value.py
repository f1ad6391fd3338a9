"""Expected value of a trial's information, by size, from one simulated trial a draw.

Net benefits are regressed on the trial's own summaries, as they are on parameters (`lmssim.economics.voi.partial`): the
fit is what one expects of each strategy once the trial has reported, and no trial is analysed any further.

References
----------
Strong M, Oakley JE, Brennan A, Breeze P. Estimating the expected value of sample information using the probabilistic
sensitivity analysis sample: a fast, nonparametric regression-based method. Med Decis Making 35:570-583, 2015.
doi:10.1177/0272989X15575286
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from lmssim.economics.nesting import without_noise
from lmssim.economics.voi.basis import bases
from lmssim.economics.voi.order import ordered
from lmssim.economics.voi.partial import clustered_error, gains, partial_information, value_of_fit
from lmssim.economics.voi.perfect import Valued
from lmssim.economics.voi.ridge import best_fit, folds_of
from lmssim.economics.voi.sampling import SampleInformation
from lmssim.economics.voi.trial.summaries import share_without, state_columns
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.economics.voi.order import Order
    from lmssim.economics.voi.partial import Gains, PartialInformation
    from lmssim.kernels import FloatArray, IntArray

HALF_REPLICATES = 40


@dataclass(frozen=True)
class TrialInformation:
    """Value of what trials of several sizes tell, per patient.

    Attributes
    ----------
    sizes : sequence of int
        Patients, ascending.
    gain : Gains
        Net benefit of each strategy beyond that of the best one now, by draw.
    best : int
        Strategy of the greatest expected net benefit now.
    found : list of PartialInformation
        EVSI of each size, in `evppi`, with its error, and what tells whether to believe it.
    half : ndarray(float, ndim=1)
        (n_sizes,): EVSI from half the draws.
    chosen : ndarray(int, ndim=2)
        (n_sizes, n_draws): strategy that fits to other folds choose once the trial has reported.
    without : ndarray(float, ndim=1)
        (n_sizes,): share of trials that gave no estimate of something.
    perfect : Valued
        EVPI, noise of patients taken out.
    evppi : PartialInformation, optional
        Of the parameters that the trial informs; none if they were not given.
    """

    sizes: Sequence[int]
    gain: Gains
    best: int
    found: list[PartialInformation]
    half: FloatArray
    chosen: IntArray
    without: FloatArray
    perfect: Valued
    evppi: PartialInformation | None = None
    weighted: list[PartialInformation] | None = None
    """EVSI where each trial's gain counts by a weight of mean 1; of no weights if absent."""

    @cached_property
    def sample(self) -> SampleInformation:
        """The same, as values of any study."""
        return self._as_sample(self.found)

    @cached_property
    def weighted_sample(self) -> SampleInformation:
        """The same with the weights of trials, if there are any."""
        return self._as_sample(self.found if self.weighted is None else self.weighted)

    def _as_sample(self, found: list[PartialInformation]) -> SampleInformation:
        return SampleInformation(list(self.sizes), found, np.full(len(self.sizes), np.nan))

    @property
    def evsi(self) -> FloatArray:
        """EVSI of each size, (n_sizes,)."""
        return self.sample.evsi

    @property
    def se(self) -> FloatArray:
        """Its standard error, (n_sizes,)."""
        return np.array([each.se for each in self.found])

    def order(self, wtp: float = float("nan")) -> Iterator[Order]:
        """Whether estimates stand in the order that theory gives: 0, EVSI by size, EVPPI, EVPI."""
        perfect = self.gain.perfect - float(self.gain.perfect.mean()) + self.perfect.value
        names = [f"EVSI of {size} patients" for size in self.sizes]
        top, above = "EVPI", (self.perfect.value, perfect)
        if self.evppi is not None:
            found = self.evppi
            yield ordered(wtp, top, "EVPPI", self.perfect.value - found.evppi, perfect, found.replicates)
            top, above = "EVPPI", (found.evppi, found.replicates)
        for name, each in zip(names, self.found, strict=True):
            yield ordered(wtp, top, name, above[0] - each.evppi, above[1], each.replicates)
            yield ordered(wtp, name, "0", each.evppi, each.replicates, np.zeros_like(each.replicates))
        for (lesser, less), (greater, more) in pairwise(zip(names, self.found, strict=True)):
            yield ordered(wtp, greater, lesser, more.evppi - less.evppi, more.replicates, less.replicates)


def trial_value(
    benefit: FloatArray,
    summaries: Sequence[FloatArray],
    sizes: Sequence[int],
    *,
    parameters: FloatArray | None = None,
    noise: FloatArray | None = None,
    rows: IntArray | None = None,
    weights: Sequence[FloatArray] | None = None,
    seed: int = 1,
) -> TrialInformation:
    """Value of what a trial of each size tells.

    Parameters
    ----------
    benefit : ndarray(float, ndim=2)
        (n_draws, n_strategies): net monetary benefit per patient. Its patients must not be those of the trials.
    summaries : sequence of ndarray(float, ndim=2)
        (n_draws, n_features) of each size: log hazard ratio, its standard error, events, survival at milestones, ...;
        NaN where a trial gave no estimate.
    sizes : sequence of int
        Patients, ascending.
    parameters : ndarray(float, ndim=2), optional
        (n_draws, n_parameters): what the trial informs, for EVPPI.
    noise : ndarray(float, ndim=2), optional
        (n_strategies, n_strategies): covariance that simulated patients give the rows of `benefit`, for EVPI; a
        regression takes it out by itself.
    rows : ndarray(int, ndim=1), optional
        (n_draws,): posterior row of each draw, where draws repeat rows.
    weights : sequence of ndarray(float, ndim=1), optional
        (n_draws,) of each size, of mean 1: how many patients profit from each trial, for example, where the time of its
        result differs between trials. They must be known from the summaries.
    seed : int
        Of the weights of rows that tell errors.
    """
    _check(benefit, summaries, sizes)
    rows = np.arange(len(benefit)) if rows is None else rows
    best = int(benefit.mean(axis=0).argmax())
    with threadpool_limits(limits=1):
        gain = gains(benefit, rows, best, seed=seed)
        columns = [state_columns(each) for each in summaries]
        fits = [best_fit(bases(each), gain.values, gain.weights, gain.folds) for each in columns]
        found = [value_of_fit(fit, gain) for fit in fits]
        return TrialInformation(
            sizes=list(sizes),
            gain=gain,
            best=best,
            found=found,
            half=_of_half(benefit, columns, rows, seed),
            chosen=np.array([fit.unseen.argmax(axis=1) for fit in fits]),
            without=np.array([share_without(each) for each in summaries]),
            perfect=_perfect(benefit, noise, gain),
            evppi=None if parameters is None else partial_information(parameters, gain),
            weighted=None
            if weights is None
            else [_weighted(*each, gain) for each in zip(columns, weights, strict=True)],
        )


def _all_weighted(
    columns: Sequence[FloatArray], weights: Sequence[FloatArray], gain: Gains
) -> list[PartialInformation]:
    return [_weighted(each, weight, gain) for each, weight in zip(columns, weights, strict=True)]


def _weighted(columns: FloatArray, weight: FloatArray, gain: Gains) -> PartialInformation:
    """EVSI of trials whose gains have weights, beyond the strategy that is the best now.

    Under the weights another strategy may be the best on average, if trials end early where it is: but nobody adopts it
    for that without the trial. So the value that it would have is no part of the comparison.
    """
    values = weight[:, None] * gain.values
    found = partial_information(columns, replace(gain, values=values))
    without = float(values.mean(axis=0).max())
    chance = (gain.chance @ values).max(axis=1) / gain.chance.sum(axis=1)
    bias = float(chance.mean()) - without
    replicates = found.replicates + chance - bias
    return replace(
        found,
        evppi=found.evppi + without - bias,
        se=float(replicates.std(ddof=1)),
        bias=found.bias + bias,
        policy=found.policy + without,
        replicates=replicates,
    )


def _check(benefit: FloatArray, summaries: Sequence[FloatArray], sizes: Sequence[int]) -> None:
    if benefit.ndim != 2 or benefit.shape[1] < 2:
        raise InputError(f"benefit: of shape {benefit.shape}; expected draws by two strategies or more.")
    if not np.isfinite(benefit).all():
        raise InputError("benefit: holds numbers that are not finite.")
    if not sizes or len(summaries) != len(sizes) or any(b <= a for a, b in pairwise(sizes)) or min(sizes) < 1:
        raise InputError("sizes: expected whole numbers from 1, ascending, and summaries for each.")
    for size, each in zip(sizes, summaries, strict=True):
        if each.ndim != 2 or len(each) != len(benefit):
            raise InputError(f"summaries of {size} patients: of shape {each.shape}; expected a row for each draw.")


def _of_half(benefit: FloatArray, columns: Sequence[FloatArray], rows: IntArray, seed: int) -> FloatArray:
    """EVSI of each size from half the draws."""
    half = folds_of(rows, 2) == 0
    benefit = benefit[half]
    gain = gains(benefit, rows[half], int(benefit.mean(axis=0).argmax()), HALF_REPLICATES, seed)
    return np.array([partial_information(each[half], gain).evppi for each in columns])


def _perfect(benefit: FloatArray, noise: FloatArray | None, gain: Gains) -> Valued:
    """EVPI, with the error of the draws as they are."""
    clean = benefit if noise is None else without_noise(benefit, noise)
    value = float(clean.max(axis=1).mean() - clean.mean(axis=0).max())
    return Valued(value, clustered_error(gain.values.max(axis=1), gain.rows))
