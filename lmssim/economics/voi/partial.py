"""Expected value of partial perfect information by regression, with its error, and what tells whether to believe it.

Net benefits of all strategies, as differences from the strategy that is optimal now, are regressed on parameters; the
mean over draws of the greatest fitted one is what a decision with these parameters known gains.

Notes
-----
Two chances remain: other draws would be other rows, and other residuals would move the fit, whose greatest value is
then too great on average. Both are told by replicates: posterior rows get random weights of mean and variance 1, and
residuals, of rows that the fit has not seen, move the fit by as much as a regression with these weights moves to first
order. Their standard deviation is the standard error; what they lie above the estimate by is its bias, taken out. The
estimate may be below 0.

`policy` is another estimator: decisions by fits to the other folds, at the net benefits that the rows really had. It
cannot, in expectation, exceed the value, however the fit is: the value of a decision rule that one could follow.

References
----------
Strong M, Oakley JE, Brennan A. Estimating multiparameter partial expected value of perfect information from a
probabilistic sensitivity analysis sample: a nonparametric regression approach. Med Decis Making 34:311-326, 2014.
doi:10.1177/0272989X13505910
Kline P, Santos A. A score based approach to wild bootstrap inference. J Econom Methods 1:23-41, 2012.
doi:10.1515/2156-6674.1006
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.voi.basis import bases
from lmssim.economics.voi.ridge import best_fit, folds_of

if TYPE_CHECKING:
    from lmssim.economics.voi.ridge import Fit
    from lmssim.kernels import FloatArray, IntArray

N_REPLICATES = 100
TENTHS = 10
OFTEN = 0.05
"""Share of the draws in which a strategy is the best, from which on its residuals are looked at."""
NEAR = 3.0
"""Standard errors of a fit within which a strategy may yet be the best."""


@dataclass(frozen=True)
class Gains:
    """Net benefit of each strategy beyond that of the one that is optimal now, by draw.

    Attributes
    ----------
    values : ndarray(float, ndim=2)
        (n_draws, n_strategies); the column of the strategy that is optimal now is 0.
    rows : ndarray(int, ndim=1)
        (n_draws,): posterior row, or whatever else draws share; each draw its own if nothing.
    chance : ndarray(float, ndim=2)
        (n_replicates, n_draws): weights of the rows, of mean and variance 1.
    """

    values: FloatArray
    rows: IntArray
    chance: FloatArray
    folds: IntArray

    @cached_property
    def weights(self) -> FloatArray:
        """How often each strategy is the best: how much an error in its net benefit counts."""
        found: FloatArray = np.bincount(self.values.argmax(axis=1), minlength=self.values.shape[1]) / len(self.values)
        return found

    @cached_property
    def perfect(self) -> FloatArray:
        """Value of perfect information in each replicate, (n_replicates,)."""
        return replicated(self.values.max(axis=1), self.values, self.chance)


def gains(benefit: FloatArray, rows: IntArray, best: int, n_replicates: int = N_REPLICATES, seed: int = 1) -> Gains:
    """Net benefits, (n_draws, n_strategies), as gains over strategy `best`."""
    _, cluster = np.unique(rows, return_inverse=True)
    rng = np.random.Generator(np.random.Philox(seed))
    chance = rng.exponential(size=(n_replicates, int(cluster.max()) + 1))[:, cluster]
    return Gains(benefit - benefit[:, [best]], rows, chance, folds_of(rows))


def replicated(gained: FloatArray, values: FloatArray, chance: FloatArray) -> FloatArray:
    """Mean of what is gained by draw less the greatest mean of any strategy, in each replicate, (n_replicates,).

    Parameters
    ----------
    gained : ndarray(float)
        (n_draws,), or (n_replicates, n_draws) if it differs between replicates.
    """
    total = chance.sum(axis=1)
    found: FloatArray = (chance * gained).sum(axis=1) / total - (chance @ values).max(axis=1) / total
    return found


@dataclass(frozen=True)
class PartialInformation:
    """Expected value of perfect information about some parameters, per patient.

    Attributes
    ----------
    evppi, se : float
        Estimate, without the bias of the fit's noise, and its standard error.
    bias : float
        What was taken out.
    policy, policy_se : float
        Value of deciding by fits to the other folds.
    r2 : float
        Share of the variance of gains that fits to other folds explain, strategies weighted by how often they are best.
    residual_t : float
        Largest |t| of the mean residual in a tenth of the fitted values of a strategy: above 4 or so, the fit misses
        something.
    terms : str
        Terms of the fit.
    n_terms : float
        Effective number of terms.
    replicates : ndarray(float, ndim=1)
        (n_replicates,): the estimate, as it varies by chance.
    """

    evppi: float
    se: float
    bias: float
    policy: float
    policy_se: float
    r2: float
    residual_t: float
    terms: str
    n_terms: float
    replicates: FloatArray = field(repr=False, compare=False)


def partial_information(columns: FloatArray, gain: Gains) -> PartialInformation:
    """Value of perfect information about some parameters.

    Parameters
    ----------
    columns : ndarray(float, ndim=2)
        (n_draws, n_parameters): the parameters' draws.
    gain : Gains
        Of the same draws.
    """
    return value_of_fit(best_fit(bases(columns), gain.values, gain.weights, gain.folds), gain)


def value_of_fit(fit: Fit, gain: Gains) -> PartialInformation:
    """Value of deciding by a fit."""
    raw = float(fit.fitted.max(axis=1).mean() - gain.values.mean(axis=0).max())
    replicates = _replicates(fit, gain)
    bias = float(replicates.mean()) - raw
    policy, policy_se = _policy(fit, gain)
    return PartialInformation(
        evppi=raw - bias,
        se=float(replicates.std(ddof=1)),
        bias=bias,
        policy=policy,
        policy_se=policy_se,
        r2=_explained(fit, gain),
        residual_t=_largest_t(fit, gain),
        terms=fit.terms,
        n_terms=float(fit.leverage.sum()) - 1.0,
        replicates=replicates - bias,
    )


def _replicates(fit: Fit, gain: Gains) -> FloatArray:
    """The estimate under other weights of the rows, the fit moved by residuals of rows that it has not seen."""
    residuals = fit.outcomes - fit.unseen
    near = _contenders(fit, residuals)
    gained = np.empty_like(gain.chance)
    for k, weights in enumerate(gain.chance):
        moved = fit.fitted[:, near] + fit.moved((weights - 1.0)[:, None] * residuals[:, near])
        gained[k] = moved.max(axis=1)
    return replicated(gained, gain.values, gain.chance)


def _contenders(fit: Fit, residuals: FloatArray) -> list[int]:
    """Strategies that may be the best for some row, for all that the noise of the fit can do."""
    noise = NEAR * np.sqrt(fit.leverage[:, None] * (residuals**2).mean(axis=0))
    ahead = (fit.fitted + noise) >= (fit.fitted - noise).max(axis=1, keepdims=True)
    found: list[int] = np.flatnonzero(ahead.any(axis=0)).tolist()
    return found


def _policy(fit: Fit, gain: Gains) -> tuple[float, float]:
    """Mean gain of the strategies that fits to other folds choose, and its error by posterior row."""
    chosen = gain.values[np.arange(len(gain.values)), fit.unseen.argmax(axis=1)]
    value = float(chosen.mean() - gain.values.mean(axis=0).max())
    return value, clustered_error(chosen, gain.rows)


def clustered_error(values: FloatArray, rows: IntArray) -> float:
    """Standard error of a mean over draws of which some share a row."""
    _, cluster = np.unique(rows, return_inverse=True)
    sums = np.bincount(cluster, values - values.mean())
    n = len(sums)
    return float(np.sqrt((sums**2).sum() * n / max(n - 1, 1)) / len(values))


def _explained(fit: Fit, gain: Gains) -> float:
    """Share of variance that fits to other folds explain."""
    beyond = gain.values - gain.values.mean(axis=0)
    total = float(((beyond**2).mean(axis=0) * gain.weights).sum())
    left = float((((fit.unseen - gain.values) ** 2).mean(axis=0) * gain.weights).sum())
    return 1.0 - left / total if total > 0.0 else 0.0


def _largest_t(fit: Fit, gain: Gains) -> float:
    """Largest |t| of mean residuals in tenths of the fitted values, over strategies that are often the best."""
    largest = 0.0
    for s in np.flatnonzero(gain.weights >= OFTEN):
        residuals = gain.values[:, s] - fit.fitted[:, s]
        for part in np.array_split(np.argsort(fit.fitted[:, s], kind="stable"), TENTHS):
            error = clustered_error(residuals[part], gain.rows[part])
            if error > 0.0:
                largest = max(largest, abs(float(residuals[part].mean())) / error)
    return largest
