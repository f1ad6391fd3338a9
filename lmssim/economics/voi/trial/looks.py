"""Looks of simulated trials, and what it is worth to stop at each and adopt a strategy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.voi.trial.summaries import state_columns
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.voi.population import Population
    from lmssim.economics.voi.trial.conduct import Conduct
    from lmssim.kernels import FloatArray, IntArray


@dataclass(frozen=True)
class Looks:
    """Simulated trials, one a draw, at each of their looks; the last is the end.

    Attributes
    ----------
    summaries : ndarray(float, ndim=3)
        (n_draws, n_looks, n_features): what is known at each look; NaN where a trial gave no estimate.
    years : ndarray(float, ndim=2)
        (n_draws, n_looks): from today until what was seen is acted on.
    patients : ndarray(float, ndim=2)
        (n_draws, n_looks): recruited by then, all arms together.
    z : ndarray(float, ndim=2), optional
        (n_draws, n_looks): statistic of the trial's test, positive in favour of the new arm; NaN where there is none.
    """

    summaries: FloatArray
    years: FloatArray
    patients: FloatArray
    z: FloatArray | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit."""
        shape = self.summaries.shape[:2]
        if self.summaries.ndim != 3 or shape[1] < 1:
            raise InputError(f"summaries: of shape {self.summaries.shape}; expected draws by looks by features.")
        for name, each in (("years", self.years), ("patients", self.patients), ("z", self.z)):
            if each is not None and each.shape != shape:
                raise InputError(f"{name}: of shape {each.shape}; expected {shape}, draws by looks.")

    @property
    def n_looks(self) -> int:
        """Looks, the end among them."""
        return int(self.summaries.shape[1])

    @property
    def end(self) -> Looks:
        """The last look alone."""
        z = None if self.z is None else self.z[:, -1:]
        return Looks(self.summaries[:, -1:], self.years[:, -1:], self.patients[:, -1:], z)

    def known(self, k: int) -> FloatArray:
        """What is known at look k: summaries, the time and the patients so far."""
        return np.hstack([self.summaries[:, k], self.years[:, [k]], self.patients[:, [k]]])

    def state(self, k: int) -> FloatArray:
        """The same as columns of a regression."""
        return state_columns(self.known(k))


@dataclass(frozen=True)
class Stakes:
    """What the population gains or loses, whenever a trial stops.

    Attributes
    ----------
    benefit : ndarray(float, ndim=2)
        (n_draws, n_strategies): net monetary benefit per patient. Its patients must not be those of the trials.
    rows : ndarray(int, ndim=1)
        (n_draws,): posterior row of each draw, where draws repeat rows; else the number of the draw.
    population : Population
        Who faces the decision.
    conduct : Conduct
        Recruitment and costs.
    shares : sequence of float
        (n_strategies,): share of the trial's patients in the arm of each strategy.
    current : int, optional
        Strategy of everyone outside the trial until the decision; the best one now if absent.
    """

    benefit: FloatArray
    rows: IntArray
    population: Population
    conduct: Conduct
    shares: Sequence[float]
    current: int | None = None

    @cached_property
    def best(self) -> int:
        """Strategy of the greatest expected net benefit now."""
        return int(self.benefit.mean(axis=0).argmax())

    @cached_property
    def gains(self) -> FloatArray:
        """Net benefit of each strategy beyond that of the current one, (n_draws, n_strategies)."""
        current = self.best if self.current is None else self.current
        return self.benefit - self.benefit[:, [current]]

    def people(self, looks: Looks) -> FloatArray:
        """Discounted patients who profit from a decision at each look, (n_draws, n_looks)."""
        return self.population.patients_after(looks.years)

    def cost(self, looks: Looks) -> FloatArray:
        """Discounted cost of the trial up to each look, (n_draws, n_looks)."""
        return self.conduct.cost(looks.patients, looks.years, self.population.discount_rate)

    def arms(self, looks: Looks) -> FloatArray:
        """What the patients of the trial lose up to each look, (n_draws, n_looks)."""
        lost = -self.gains @ np.asarray(self.shares, dtype=np.float64)
        return lost[:, None] * self.conduct.entered(looks.patients, self.population.discount_rate)

    @cached_property
    def today(self) -> FloatArray:
        """Gain of the population if the best strategy now is adopted today, (n_draws,)."""
        return self.population.patients() * self.gains[:, self.best]

    def payoff(self, looks: Looks) -> FloatArray:
        """Net benefit beyond that of adopting the best strategy today, (n_draws, n_looks, n_strategies).

        Of a trial that stops at a look, after which a strategy is adopted.
        """
        lost = self.cost(looks) + self.arms(looks) + self.today[:, None]
        return self.people(looks)[:, :, None] * self.gains[:, None, :] - lost[:, :, None]
