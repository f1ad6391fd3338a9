"""Trials whose estimate is normal, of a gain that is normal too: their value is known without simulation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from scipy.stats import qmc

from lmssim.economics.voi.population import Population
from lmssim.economics.voi.trial.conduct import Conduct
from lmssim.economics.voi.trial.looks import Looks, Stakes

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray

STANDARD, NEW = 0, 1
SIDE, FINE = 8.0, 2_001
"""Standard deviations and steps of numerical integrals; halving the steps changes nothing in the sixth digit."""


@dataclass(frozen=True)
class NormalTrial:
    """A gain N(mean, sd) of the new strategy over the standard one, and a trial that measures it.

    After n patients the estimate has the variance patient_sd^2 / n. Patients outside the trial get the current strategy
    until it stops, the best one now if none is named.
    """

    mean: float
    sd: float
    patient_sd: float
    sizes: tuple[int, ...]
    population: Population
    conduct: Conduct
    current: int | None = None

    def left(self, n: FloatArray) -> FloatArray:
        """Variance of the gain after n patients."""
        found: FloatArray = 1.0 / (1.0 / self.sd**2 + n / self.patient_sd**2)
        return found

    @cached_property
    def learnt(self) -> FloatArray:
        """Standard deviation of the posterior mean between one look and the next, (n_looks,)."""
        variances = np.array([self.sd**2, *self.left(np.array(self.sizes, dtype=np.float64))])
        found: FloatArray = np.sqrt(-np.diff(variances))
        return found

    # === Exact ===

    def stopped(self, k: int, posterior: FloatArray) -> FloatArray:
        """Net benefit of stopping at look k, given the posterior mean, beyond the best strategy today."""
        n = np.array(float(self.sizes[k]))
        years = self.conduct.years(n)
        rate = self.population.discount_rate
        people = float(self.population.patients_after(years))
        gains = np.stack([np.zeros_like(posterior), posterior])  # over the standard strategy
        best = NEW if self.mean > 0.0 else STANDARD
        now = gains[best if self.current is None else self.current]
        lost = float(self.conduct.cost(n, years, rate)) + self.population.patients() * (gains[best] - now)
        arms = float(self.conduct.entered(n, rate)) * (gains.mean(axis=0) - now)
        found: FloatArray = people * (gains.max(axis=0) - now) + arms - lost
        return found

    @cached_property
    def exact(self) -> tuple[float, float]:
        """Net benefit of stopping on value, and the probability that the first look stops.

        By backward induction over a grid of the posterior mean.
        """
        last = len(self.sizes) - 1
        grid = self.mean + np.linspace(-SIDE, SIDE, FINE) * self.sd
        value, stops = self.stopped(last, grid), np.ones_like(grid)
        for k in range(last - 1, -1, -1):
            now, later = self.stopped(k, grid), self._expected(grid, grid, value, self.learnt[k + 1])
            value, stops = np.maximum(now, later), (now >= later).astype(np.float64)
        start = np.array([self.mean])
        net, stop = (float(self._expected(start, grid, each, self.learnt[0])[0]) for each in (value, stops))
        return net, stop

    def fixed(self, k: int) -> float:
        """Net benefit of the trial that ends at look k."""
        grid = self.mean + np.linspace(-SIDE, SIDE, FINE) * self.sd
        sd = float(np.sqrt(self.sd**2 - self.left(np.array(float(self.sizes[k])))))
        return float(self._expected(np.array([self.mean]), grid, self.stopped(k, grid), sd)[0])

    @staticmethod
    def _expected(at: FloatArray, grid: FloatArray, value: FloatArray, sd: float) -> FloatArray:
        """Mean of a value over a normal step from each point; lines beyond the grid."""
        z = np.linspace(-SIDE, SIDE, FINE)
        weights = stats.norm.pdf(z)
        weights /= weights.sum()
        to = at[:, None] + sd * z
        found = np.interp(to, grid, value)
        for end, step in ((0, 1), (-1, -2)):
            slope = (value[end] - value[step]) / (grid[end] - grid[step])
            beyond = to < grid[0] if end == 0 else to > grid[-1]
            found = np.where(beyond, value[end] + slope * (to - grid[end]), found)
        mean: FloatArray = found @ weights
        return mean

    # === Simulated ===

    def simulated(self, n: int, seed: int, noise: float = 0.0, *, even: bool = False) -> tuple[Stakes, Looks]:
        """Draws of the gain, each with one trial; patient noise in the draws' benefit. Draws may be spread evenly."""
        n_looks = len(self.sizes)
        rng = np.random.default_rng(seed)
        z = stats.norm.ppf(qmc.Sobol(1 + n_looks, rng=rng).random(n)) if even else rng.normal(size=(n, 1 + n_looks))
        gain = self.mean + self.sd * z[:, 0]
        steps = np.diff([0, *self.sizes])
        sums = np.cumsum(gain[:, None] * steps + self.patient_sd * np.sqrt(steps) * z[:, 1:], axis=1)
        sizes = np.array(self.sizes, dtype=np.float64)
        estimate, error = sums / sizes, self.patient_sd / np.sqrt(sizes)
        benefit = np.column_stack([np.zeros(n), gain + noise * rng.normal(size=n)])
        rows: IntArray = np.arange(n)
        stakes = Stakes(benefit, rows, self.population, self.conduct, (0.5, 0.5), self.current)
        shape = (n, n_looks)
        years = np.broadcast_to(self.conduct.years(sizes), shape)
        return stakes, Looks(estimate[:, :, None], years, np.broadcast_to(sizes, shape), estimate / error)

    def prefixes(self, looks: Looks) -> dict[int, Looks]:
        """Trials that end at each look."""
        return {
            size: Looks(
                looks.summaries[:, [k]],
                looks.years[:, [k]],
                looks.patients[:, [k]],
                None if looks.z is None else looks.z[:, [k]],
            )
            for k, size in enumerate(self.sizes)
        }


def interim(*looks: int, mean: float = -0.1) -> NormalTrial:
    """A trial of 200 patients with interim looks, where stopping and going on are both common."""
    return NormalTrial(
        mean=mean,
        sd=1.0,
        patient_sd=8.0,
        sizes=(*looks, 200),
        population=Population(incidence=100.0, horizon=10.0),
        conduct=Conduct(patients_per_year=50.0, follow_up=0.5, reporting=0.25, fixed=20.0, per_patient=0.2),
    )
