"""How outcomes are spread over patients, and what single patients gain under common random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.economics.agency.spread import concentration, jackknife, mean_of, quantile_of, share_of
from lmssim.outcomes.main import COST, LY, MAIN, QALYS, UNDISCOUNTED, position_of
from lmssim.outcomes.tables import with_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.economics.increments import Estimate
    from lmssim.kernels import FloatArray
    from lmssim.model.scenario import Scenario

SPREAD = (LY + UNDISCOUNTED, QALYS + UNDISCOUNTED, QALYS, COST + UNDISCOUNTED, COST)
"""Outcomes whose spread is told."""
GAINED = (LY + UNDISCOUNTED, QALYS + UNDISCOUNTED, QALYS)
"""Outcomes of which gains are told."""
REACHED = (LY + UNDISCOUNTED, QALYS + UNDISCOUNTED)
"""Outcomes of which it is told how many patients reach how much."""
QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
MORE_THAN = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""Years, or QALYs, that patients have more than."""
MONTH = 1.0 / 12.0
"""Years, or QALYs, from which a patient gains or loses."""
COLUMNS = ["strategy", "outcome", "unit", "statistic", "mean", "se"]
SHARES = ["strategy", "outcome", "more_than", "unit", "mean", "se"]
GAINS = ["strategy", "comparator", "outcome", "measure", "unit", "mean", "se"]


@dataclass(frozen=True)
class Patients:
    """Outcomes of single patients.

    Attributes
    ----------
    scenario : Scenario
        What was run.
    strategies : sequence of str
        Which were run, in order.
    values : ndarray(float, ndim=4)
        (n_groups, n_each, n_strategies, n_main): groups are independent of one another.
    n_draws : int
        Draws of the parameters over which patients are spread; 0 if every parameter has its value.
    """

    scenario: Scenario
    strategies: Sequence[str]
    values: FloatArray
    n_draws: int

    @property
    def n(self) -> int:
        """Patients."""
        return int(self.values.shape[0] * self.values.shape[1])

    @property
    def compared(self) -> list[str]:
        """Strategies but for the comparator."""
        return [s for s in self.strategies if s != self.scenario.comparator]

    def of(self, strategy: str, outcome: str) -> FloatArray:
        """Outcome of each patient, (n_groups, n_each)."""
        return self.values[:, :, self.strategies.index(strategy), position_of(outcome)]

    def gain(self, strategy: str, outcome: str) -> FloatArray:
        """What each patient gains over the comparator, (n_groups, n_each)."""
        return self.of(strategy, outcome) - self.of(self.scenario.comparator, outcome)

    def gaining(self, strategy: str, outcome: str) -> tuple[Estimate, Estimate]:
        """Shares of patients who gain, and who lose, more than a month."""
        gain = self.gain(strategy, outcome)
        return share_of(gain > MONTH), share_of(gain < -MONTH)

    # --- tables ---

    @cached_property
    def distribution(self) -> pd.DataFrame:
        """Mean, standard deviation, quantiles and extremes of each outcome over patients."""
        rows = [
            (strategy, outcome, self._unit(outcome), name, *value)
            for strategy in self.strategies
            for outcome in SPREAD
            for name, value in _statistics(self.of(strategy, outcome))
        ]
        return with_interval(pd.DataFrame(rows, columns=COLUMNS))

    @cached_property
    def patients_reaching(self) -> pd.DataFrame:
        """Share of patients who live, or have QALYs, longer or more than some amounts below the horizon."""
        horizon = self.scenario.file.settings.horizon
        rows = [
            (strategy, outcome, amount, "probability", *share_of(self.of(strategy, outcome) > amount))
            for strategy in self.strategies
            for outcome in REACHED
            for amount in MORE_THAN
            if amount < horizon
        ]
        return with_interval(pd.DataFrame(rows, columns=SHARES))

    @cached_property
    def gains(self) -> pd.DataFrame:
        """What single patients gain over the comparator, and how few bring how much of it."""
        rows = [
            (strategy, self.scenario.comparator, outcome, name, unit or self._unit(outcome), *value)
            for strategy in self.compared
            for outcome in GAINED
            for name, unit, value in _gain_statistics(self.gain(strategy, outcome))
        ]
        return with_interval(pd.DataFrame(rows, columns=GAINS))

    def _unit(self, outcome: str) -> str:
        return MAIN[outcome].unit_in(self.scenario.file.settings.currency)


def _statistics(values: FloatArray) -> Iterator[tuple[str, tuple[float, float]]]:
    """Name, value and standard error of each statistic of an outcome; extremes have no error."""
    yield "mean", mean_of(values)
    yield from zip(["sd"], jackknife(lambda each: (float(each.std(ddof=1)),), values), strict=True)
    yield "least", (float(values.min()), float("nan"))
    for p in QUANTILES:
        yield f"p{100.0 * p:g}", quantile_of(values, p)
    yield "most", (float(values.max()), float("nan"))


def _gain_statistics(gain: FloatArray) -> Iterator[tuple[str, str, tuple[float, float]]]:
    """Name, unit (blank for the outcome's own), value and standard error of what is told of gains."""
    yield "mean_gain", "", mean_of(gain)
    yield "gains_more_than_a_month", "probability", share_of(gain > MONTH)
    yield "loses_more_than_a_month", "probability", share_of(gain < -MONTH)
    yield "within_a_month", "probability", share_of(abs(gain) <= MONTH)
    yield "gained_by_those_who_gain", "", mean_of(gain.clip(min=0.0))
    yield "lost_by_those_who_lose", "", mean_of((-gain).clip(min=0.0))
    half, tenth = jackknife(concentration, gain)
    yield "patients_who_bring_half_of_what_is_gained", "probability", half
    yield "of_what_is_gained_by_the_tenth_who_gain_most", "probability", tenth
