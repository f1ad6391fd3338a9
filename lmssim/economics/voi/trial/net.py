"""What a trial of each size is worth to a population beyond its costs: the expected net benefit of sampling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics.voi.sampling import optimum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.voi.population import Population
    from lmssim.economics.voi.sampling import Optimum, SampleInformation
    from lmssim.economics.voi.trial.conduct import Conduct
    from lmssim.economics.voi.trial.looks import Looks, Stakes
    from lmssim.economics.voi.trial.value import TrialInformation
    from lmssim.kernels import FloatArray


class SizeRow(NamedTuple):
    """Value of a trial of one size to the population, discounted."""

    size: int
    feasible: bool
    """Whether so many patients can be recruited in time."""
    years: float
    """Until the decision."""
    patients: float
    """Who profit from the decision."""
    population: float
    """What their treatment gains by it: EVSI times these patients."""
    cost: float
    arms: float
    """What patients in the trial lose against what they would get outside."""
    delay: float
    """What patients before the decision lose because it waits."""
    enbs: float
    se: float


class Simulated(NamedTuple):
    """What simulated trials of each size brought with them, (n_sizes, n_draws) each, discounted."""

    years: FloatArray
    """Until the decision."""
    people: FloatArray
    """Who profit from it."""
    cost: FloatArray
    arms: FloatArray
    """What patients of the trial lose."""
    delay: FloatArray
    """What patients before the decision lose because it waits."""


def simulated(stakes: Stakes, ends: Sequence[Looks]) -> Simulated:
    """Of trials of each size at their last look."""
    people = np.array([stakes.people(each)[:, -1] for each in ends])
    return Simulated(
        years=np.array([each.years[:, -1] for each in ends]),
        people=people,
        cost=np.array([stakes.cost(each)[:, -1] for each in ends]),
        arms=np.array([stakes.arms(each)[:, -1] for each in ends]),
        delay=stakes.today - people * stakes.gains[:, stakes.best],
    )


@dataclass(frozen=True)
class NetBenefitOfTrial:
    """Expected net benefit of a trial over its size.

    Attributes
    ----------
    information : TrialInformation
        Value per patient, by size.
    conduct : Conduct
        Recruitment, times and costs.
    population : Population
        Who faces the decision.
    shares : sequence of float
        (n_strategies,): share of the trial's patients in the arm of each strategy.
    current : int, optional
        Strategy of everyone outside the trial until the decision; the best one now if absent.
    simulated : Simulated, optional
        Times, costs and losses of the same trials, in place of those of `conduct`; between sizes along lines. The
        information then has the weights people / mean people, as a result that comes early decides for more patients.

    Notes
    -----
    With N(t) the discounted patients who profit from a decision at t, T the time of the trial's decision, D the
    patients of the trial, discounted from their entry, and g(s) the mean gain of strategy s over the current one, a
    trial is worth N(T) (EVSI + g(best)) + D sum of shares x g(arm) - cost, and to decide today N(0) g(best). ENBS is
    the difference. Patients of the trial count among those who come before T, so nobody counts twice. Where the current
    strategy is the best one now, waiting costs nothing, and arms cost what their patients lose against it.
    """

    information: TrialInformation
    conduct: Conduct
    population: Population
    shares: Sequence[float]
    current: int | None = None
    simulated: Simulated | None = None

    @cached_property
    def sample(self) -> SampleInformation:
        """Value per patient who profits, by size."""
        return self.information.weighted_sample if self.simulated is not None else self.information.sample

    def _between(self, values: FloatArray, size: float) -> float:
        """Mean over simulated trials, between their sizes."""
        return float(np.interp(size, self.information.sizes, values.mean(axis=1)))

    @cached_property
    def _means(self) -> FloatArray:
        """Mean gain of each strategy over the best one now, (1 + n_replicates, n_strategies), first the estimate."""
        gain = self.information.gain
        chance = gain.chance @ gain.values / gain.chance.sum(axis=1, keepdims=True)
        return np.vstack([gain.values.mean(axis=0), chance])

    @property
    def _outside(self) -> int:
        return self.information.best if self.current is None else self.current

    @cached_property
    def _arms_per_patient(self) -> FloatArray:
        """What a patient of the trial loses, (1 + n_replicates,)."""
        return self._means[:, self._outside] - self._means @ np.asarray(self.shares, dtype=np.float64)

    @cached_property
    def _delay_per_patient(self) -> FloatArray:
        """What a patient of today loses by waiting, (1 + n_replicates,)."""
        return self._means[:, self.information.best] - self._means[:, self._outside]

    def patients(self, size: float) -> float:
        """Discounted patients who profit from a trial of a size."""
        if self.simulated is not None:
            return self._between(self.simulated.people, size)
        return float(self.population.patients_after(self.conduct.years(np.array(float(size)))))

    def years(self, size: float) -> float:
        """Years until the decision."""
        if self.simulated is not None:
            return self._between(self.simulated.years, size)
        return float(self.conduct.years(np.array(float(size))))

    def cost(self, size: float) -> float:
        """Discounted cost of a trial."""
        if self.simulated is not None:
            return self._between(self.simulated.cost, size)
        n = np.array(float(size))
        return float(self.conduct.cost(n, self.conduct.years(n), self.population.discount_rate))

    def _lost(self, size: float) -> tuple[FloatArray, FloatArray]:
        """What the arms and the delay cost, (1 + n_replicates,) each."""
        if self.simulated is not None:
            return self._simulated_loss(self.simulated.arms, size), self._simulated_loss(self.simulated.delay, size)
        entered = float(self.conduct.entered(np.array(float(size)), self.population.discount_rate))
        waiting = self.population.patients() - self.patients(size)
        return entered * self._arms_per_patient, waiting * self._delay_per_patient

    def _simulated_loss(self, lost: FloatArray, size: float) -> FloatArray:
        """Mean loss, and as it varies by chance, between the sizes."""
        chance = self.information.gain.chance
        means = np.vstack([lost.mean(axis=1), (chance @ lost.T) / chance.sum(axis=1, keepdims=True)])
        return np.array([np.interp(size, self.information.sizes, each) for each in means])

    def total_cost(self, size: float) -> float:
        """Cost of the trial, of its arms and of the delay."""
        if self.simulated is not None:
            return sum(self._between(each, size) for each in self.simulated[2:])
        arms, delay = self._lost(size)
        return self.cost(size) + float(arms[0]) + float(delay[0])

    @cached_property
    def rows(self) -> list[SizeRow]:
        """One of each size; `se` is the Monte-Carlo error of `enbs`."""
        return [self._row(size, k) for k, size in enumerate(self.information.sizes)]

    def _row(self, size: int, k: int) -> SizeRow:
        value, people, cost = self.sample.found[k], self.patients(size), self.cost(size)
        arms, delay = self._lost(size)
        chance = people * value.replicates - arms[1:] - delay[1:]
        worth = people * value.evppi
        lost = (float(arms[0]), float(delay[0]))
        net = worth - cost - sum(lost)
        feasible = self.conduct.feasible(size)
        return SizeRow(size, feasible, self.years(size), people, worth, cost, *lost, net, float(chance.std(ddof=1)))

    @cached_property
    def best(self) -> Optimum | None:
        """The best size that can be recruited, with the 95% interval of the size; none if not even the least can."""
        if not self.conduct.feasible(self.information.sizes[0]):
            return None
        return optimum(self.sample, self.patients, self.total_cost, self.conduct.largest)
