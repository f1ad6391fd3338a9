"""Increments of strategies over one another, net benefits, and how far chance puts them off.

Differences are taken between the same patients under both strategies, so that errors come from co-moments between
strategies. Nothing here knows who made the means: patients, replicates of profiles, or batches of patients.

References
----------
Stinnett AA, Mullahy J. Net health benefits: a new framework for the analysis of uncertainty in cost-effectiveness
analysis. Med Decis Making 18:S68-S80, 1998. doi:10.1177/0272989X98018002S09
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics import cea
from lmssim.economics.ties import Ties, best_first, differ
from lmssim.execution.estimates import over_draws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray, IntArray


class Estimate(NamedTuple):
    """A mean and its standard error."""

    mean: float
    se: float


class Ratio(NamedTuple):
    """An incremental cost-effectiveness ratio, its parts, and its standard error."""

    cost: float
    effect: float
    se: float


@dataclass(frozen=True, kw_only=True)
class Increments:
    """Means of strategies whose patients are the same, over parameter draws, and their differences.

    Arrays may have an axis of subgroups, `...`, after that of draws; `subgroup` takes those of one, and the questions
    are asked of it.

    Attributes
    ----------
    n : int or ndarray(int)
        Independent units behind each mean, (n_draws, ...) or one number for all: patients, replicates.
    mean : ndarray(float)
        (n_draws, ..., n_strategies, n_outcomes).
    product : ndarray(float)
        (n_draws, ..., n_outcomes + 1, n_strategies, n_strategies): co-moments (sums of products of deviations) between
        strategies of each outcome that is compared, and last of effects (rows) with costs (columns).
    cost, effect : int
        Positions of the outcomes that net benefits are made of.
    bound : ndarray(float, ndim=2)
        (n_strategies, n_outcomes): how far a mean may be off other than by chance.
    independent : bool
        Whether each draw has units of its own, so that their errors average out over draws; else draws share them.
    exact : bool
        Whether the errors are known ones, of an exact solution, by which ties are taken.
    """

    n: int | IntArray
    mean: FloatArray
    product: FloatArray
    cost: int
    effect: int
    bound: FloatArray
    independent: bool = False
    exact: bool = False

    def subgroup(self, g: int) -> Increments:
        """Those of one subgroup."""
        n = np.broadcast_to(np.asarray(self.n), self.mean.shape[:2])[:, g]
        return Increments(
            n=n,
            mean=self.mean[:, g],
            product=self.product[:, g],
            cost=self.cost,
            effect=self.effect,
            bound=self.bound,
            independent=self.independent,
            exact=self.exact,
        )

    def increment(self, s: int, c: int, outcome: int) -> Estimate:
        """What strategy `s` adds to strategy `c` in an outcome."""
        mean = self.mean[:, s, outcome] - self.mean[:, c, outcome]
        error = over_draws(np.sqrt(np.maximum(self._variance(s, c, outcome), 0.0) / self.n), self.independent)
        return Estimate(float(mean.mean()), float(np.hypot(error, self._off(s, c, outcome))))

    def net_benefit(self, wtp: float, s: int, c: int | None = None) -> Estimate:
        """Net monetary benefit of strategy `s`, or its increment over strategy `c`.

        Parameters
        ----------
        wtp : float
            Willingness to pay for a unit of effect.
        """
        cost, effect, both = self._variances(s, c)
        variance = wtp**2 * effect + cost - 2.0 * wtp * both
        error = over_draws(np.sqrt(np.maximum(variance, 0.0)), self.independent)
        d_cost, d_effect = (float(self._difference(s, c, k).mean()) for k in (self.cost, self.effect))
        return Estimate(wtp * d_effect - d_cost, float(error))

    def icer(self, s: int, c: int) -> Ratio:
        """Increments of cost and effect of strategy `s` over strategy `c`, and the standard error of their ratio."""
        d_cost, d_effect = self.increment(s, c, self.cost).mean, self.increment(s, c, self.effect).mean
        parts = (self._variance_over_draws(each) for each in self._variances(s, c))
        return Ratio(d_cost, d_effect, cea.icer_standard_error(d_cost, d_effect, *parts))

    def widest_ratio_error(self, s: int, c: int, effect: int) -> float:
        """Standard error of cost over another effect, where it is largest: how these two covary is not kept."""
        d_cost, d_effect = self.increment(s, c, self.cost), self.increment(s, c, effect)
        if d_effect.mean == 0.0:
            return float("nan")
        return (d_cost.se + abs(d_cost.mean / d_effect.mean) * d_effect.se) / abs(d_effect.mean)

    @property
    def means(self) -> FloatArray:
        """Over draws, (n_strategies, n_outcomes)."""
        means: FloatArray = self.mean.mean(axis=0)
        return means

    def known_error(self, s: int, c: int, outcome: int) -> float:
        """Error of a difference that ties are taken by (`lmssim.economics.ties`): 0 of simulated patients."""
        return self.increment(s, c, outcome).se if self.exact else 0.0

    def ties(self, among: Sequence[int]) -> Ties:
        """Known errors of the differences of some strategies, by their positions among these."""
        if not self.exact:
            return Ties()
        return Ties(
            cost=lambda i, j: self.known_error(among[i], among[j], self.cost),
            effect=lambda i, j: self.known_error(among[i], among[j], self.effect),
            benefit=lambda wtp, i, j: self.net_benefit(wtp, among[i], among[j]).se,
        )

    def frontier(self, among: Sequence[int]) -> list[cea.FrontierRow]:
        """Incremental analysis of some strategies, by their positions among these."""
        costs, effects = (self.means[list(among), k].tolist() for k in (self.cost, self.effect))
        return cea.frontier(costs, effects, self.ties(among))

    def best_first(self, among: Sequence[int], wtp: float) -> list[int]:
        """Some strategies by net benefit, the greatest first; of those tied with it the preferred one comes first."""
        costs, effects = (self.means[list(among), k].tolist() for k in (self.cost, self.effect))
        return [among[i] for i in best_first(costs, effects, wtp, self.ties(among))]

    def are_tied(self, s: int, c: int, wtp: float) -> bool:
        """Whether two strategies have the same net benefit."""
        costs, effects = (self.means[[s, c], k] for k in (self.cost, self.effect))
        size = float((np.abs(costs) + wtp * np.abs(effects)).max())
        difference = self.net_benefit(wtp, s, c)
        return not differ(difference.mean, 0.0, difference.se if self.exact else 0.0, size)

    def cost_per_unit(self, s: int, c: int, effect: int) -> float:
        """Cost of a unit of an effect that strategy `s` gains over `c`, or saves by a unit lost; NaN of ties."""
        size = float(np.abs(self.means[[s, c], effect]).max())
        d_cost, d_effect = (self.increment(s, c, k).mean for k in (self.cost, effect))
        return cea.cost_per_unit(d_cost, d_effect, self.known_error(s, c, effect), size)

    def largest_error(self, wtp: float, c: int) -> float:
        """Largest standard error of an incremental net benefit over strategy `c`."""
        others = (s for s in range(self.mean.shape[-2]) if s != c)
        return max(self.net_benefit(wtp, s, c).se for s in others)

    # --- parts ---

    def _covariance(self, outcome: int) -> FloatArray:
        """Covariance between strategies of an outcome, or of effects with costs (-1), (n_draws, n, n)."""
        freedom = np.maximum(np.asarray(self.n) - 1, 1)[..., None, None]
        covariance: FloatArray = self.product[:, outcome] / freedom
        return covariance

    def _variance(self, s: int, c: int | None, outcome: int) -> FloatArray:
        """Variance of an outcome's difference between strategies `s` and `c`, of one unit, by draw."""
        between = self._covariance(outcome)
        if c is None:
            return between[:, s, s]
        variance: FloatArray = between[:, s, s] + between[:, c, c] - 2.0 * between[:, s, c]
        return variance

    def _covariance_of_differences(self, s: int, c: int | None) -> FloatArray:
        """Covariance of the differences of effect and cost, of one unit, by draw."""
        between = self._covariance(-1)
        if c is None:
            return between[:, s, s]
        both: FloatArray = between[:, s, s] + between[:, c, c] - between[:, s, c] - between[:, c, s]
        return both

    def _difference(self, s: int, c: int | None, outcome: int) -> FloatArray:
        """By draw."""
        difference: FloatArray = self.mean[:, s, outcome] - (0.0 if c is None else self.mean[:, c, outcome])
        return difference

    def _off(self, s: int, c: int | None, outcome: int) -> float:
        """Most that a difference may be off other than by chance."""
        if s == c:
            return 0.0
        return float(self.bound[[s] if c is None else [s, c], outcome].sum())

    def _variances(self, s: int, c: int | None) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Variances of the mean differences of cost and effect, and their covariance, by draw."""
        cost, effect = (self._variance(s, c, k) / self.n + self._off(s, c, k) ** 2 for k in (self.cost, self.effect))
        return cost, effect, self._covariance_of_differences(s, c) / self.n

    def _variance_over_draws(self, variance: FloatArray) -> float:
        if self.independent:
            return float(variance.sum(axis=0)) / len(variance) ** 2
        return float(variance.mean(axis=0))


def batch_estimate(sizes: FloatArray, values: FloatArray) -> Estimate:
    """Mean over patients of what batches of them gave, and its standard error from the spread of the batches.

    Parameters
    ----------
    sizes, values : ndarray(float, ndim=1)
        (n_batches,): patients of each batch, and their mean.
    """
    n = sizes.sum()
    mean = float((sizes * values).sum() / n)
    variance = float((sizes * (values - mean) ** 2).sum() / (len(values) - 1) / n)
    return Estimate(mean, variance**0.5)


def draw_estimate(sizes: FloatArray, values: FloatArray) -> Estimate:
    """Mean over the patients of all draws, and its standard error from the spread of the draws.

    Parameters
    ----------
    sizes, values : ndarray(float, ndim=1)
        (n_draws,): patients of each draw, and their mean, which is not read where there are none.

    Notes
    -----
    The mean is the ratio of the sums of n y and of n, and deviates in a draw by n (y - mean) (delta method): draws
    differ in their parameters, so that the mean of many patients is not so much closer to the ratio.
    """
    n, known = sizes.sum(), np.where(sizes > 0, values, 0.0)
    mean = float((sizes * known).sum() / n)
    spread = float(((sizes * (known - mean)) ** 2).sum()) * len(sizes) / (len(sizes) - 1)
    return Estimate(mean, spread**0.5 / float(n))
