"""Costs, QALYs and the decision at other discount rates, from the same patients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lmssim.economics.agency.severity import REFERENCE_RATE, WEIGHTS
from lmssim.economics.frontier import frontier_frame
from lmssim.economics.lead import lead
from lmssim.outcomes.main import DISCOUNTED, LY, MAIN, position_of
from lmssim.outcomes.tables import with_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.economics.increments import Estimate, Increments
    from lmssim.economics.lead import Lead
    from lmssim.model.scenario import Scenario

LOWER_RATE = 0.015
"""Annual rate of NICE's non-reference case."""
UNDISCOUNTED = "undiscounted"
COLUMNS = ["strategy", "rates", "rate_costs", "rate_effects", "outcome", "unit", "mean", "se"]
VERSUS = ["strategy", "comparator", *COLUMNS[1:]]


class AtRates(NamedTuple):
    """Results at one pair of discount rates."""

    name: str
    costs: float
    effects: float
    increments: Increments


class Pair(NamedTuple):
    """Annual discount rates."""

    costs: float
    effects: float

    @property
    def name(self) -> str:
        """The rates in words."""
        of = [f"{100.0 * rate:.4g}%" for rate in self]
        return of[0] if self.costs == self.effects else f"costs {of[0]}, effects {of[1]}"


def pairs_of(scenario: Scenario) -> list[Pair]:
    """Rates that are run: the scenario's own, and those of NICE's reference and non-reference case, each once."""
    settings = scenario.file.settings
    own = Pair(settings.discount_rate_costs, settings.discount_rate_effects)
    asked = [own, Pair(REFERENCE_RATE, REFERENCE_RATE), Pair(LOWER_RATE, LOWER_RATE)]
    return [pair for pair in dict.fromkeys(asked) if any(pair) or pair == own]


@dataclass(frozen=True)
class Rates:
    """Results at several discount rates.

    Attributes
    ----------
    scenario : Scenario
        What was run.
    strategies : sequence of str
        Which were run, in order.
    at : sequence of AtRates
        The scenario's own rates first, undiscounted last.
    exact : bool
        Whether profiles were solved in the place of patients.
    """

    scenario: Scenario
    strategies: Sequence[str]
    at: Sequence[AtRates]
    exact: bool = False

    @property
    def own(self) -> AtRates:
        """Results at the scenario's own rates."""
        return self.at[0]

    @property
    def wtps(self) -> list[float]:
        """Willingness to pay."""
        return self.scenario.file.settings.wtp

    @property
    def choices(self) -> list[str]:
        """Strategies that are choices: mixes of practice are not."""
        return [s for s in self.strategies if not self.scenario.file.strategies[s].mix]

    @property
    def compared(self) -> list[str]:
        """Strategies but for the comparator."""
        return [s for s in self.strategies if s != self.scenario.comparator]

    def inmb(self, each: AtRates, strategy: str, wtp: float) -> Estimate:
        """Incremental net benefit over the comparator."""
        return each.increments.net_benefit(wtp, *self._pair(strategy))

    def best(self, each: AtRates, wtp: float) -> str:
        """Choice of greatest net benefit."""
        among = [self.strategies.index(s) for s in self.choices]
        return self.strategies[each.increments.best_first(among, wtp)[0]]

    def lead(self, each: AtRates, wtp: float) -> Lead:
        """Who leads among the choices, and which are not told from it; those that do as well in every way are left out.

        Contenders are in order of their net benefit.
        """
        of = each.increments
        first, *others = of.best_first([self.strategies.index(s) for s in self.choices], wtp)
        apart = [s for s in others if not of.are_tied(first, s, wtp)]
        return lead(self.strategies[first], {self.strategies[s]: of.net_benefit(wtp, first, s) for s in apart})

    def undecided(self, each: AtRates, wtp: float) -> list[str]:
        """The best choice and those after it of which errors leave open whether they are better; empty if of none."""
        found = self.lead(each, wtp)
        return [found.best, *found.contenders] if found.is_open else []

    def _pair(self, strategy: str) -> tuple[int, int]:
        return self.strategies.index(strategy), self.strategies.index(self.scenario.comparator)

    # --- tables ---

    @cached_property
    def rates(self) -> pd.DataFrame:
        """Life-years, QALYs, costs and net benefits of every strategy at each pair of rates."""
        rows = []
        for each, strategy in self._every(self.strategies):
            s = self.strategies.index(strategy)
            for name, unit, k in self._outcomes():
                mean = float(each.increments.means[s, k])
                rows.append((*self._head(each, strategy), name, unit, mean, self._error(each, s, k)))
            for wtp in self.wtps:
                value = each.increments.net_benefit(wtp, s)
                rows.append((*self._head(each, strategy), f"nmb:{wtp:g}", self._currency, *value))
        return with_interval(pd.DataFrame(rows, columns=COLUMNS))

    @cached_property
    def rates_incremental(self) -> pd.DataFrame:
        """Increments over the comparator, ICERs and incremental net benefits at each pair of rates."""
        rows = []
        for each, strategy in self._every(self.compared):
            s, c = self._pair(strategy)
            head = (strategy, self.scenario.comparator, *self._head(each, strategy)[1:])
            for name, unit, k in self._outcomes():
                rows.append((*head, name, unit, *each.increments.increment(s, c, k)))
            ratio = each.increments.cost_per_unit(s, c, each.increments.effect)
            error = each.increments.icer(s, c).se if np.isfinite(ratio) else np.nan
            rows.append((*head, "icer", f"{self._currency} per QALY", ratio, error))
            for wtp in self.wtps:
                rows.append((*head, f"inmb:{wtp:g}", self._currency, *self.inmb(each, strategy, wtp)))
        return with_interval(pd.DataFrame(rows, columns=VERSUS))

    @cached_property
    def rates_frontier(self) -> pd.DataFrame:
        """Incremental analysis of the choices at each pair of rates."""
        parts = []
        for each in self.at:
            frame = frontier_frame(each.increments, self.strategies, self.choices, position_of(LY))
            frame.insert(0, "rates", each.name)
            parts.append(frame)
        return pd.concat(parts, ignore_index=True)

    def weighted(self, weight: float) -> pd.DataFrame:
        """Increments over the comparator with weighted QALYs, at the scenario's rates.

        Notes
        -----
        A weight multiplies incremental QALYs, so that the ICER is divided by it, and net benefit is what it is at a
        willingness to pay times the weight.
        """
        each, rows = self.own, []
        for strategy in self.compared:
            s, c = self._pair(strategy)
            gain = each.increments.increment(s, c, each.increments.effect)
            ratio = each.increments.cost_per_unit(s, c, each.increments.effect)
            error = each.increments.icer(s, c).se if np.isfinite(ratio) else np.nan
            head = strategy, self.scenario.comparator, weight
            rows.append((*head, "qalys", "QALYs", weight * gain.mean, weight * gain.se))
            rows.append((*head, "cost", self._currency, *each.increments.increment(s, c, each.increments.cost)))
            rows.append((*head, "icer", f"{self._currency} per QALY", ratio / weight, error / weight))
            for wtp in self.wtps:
                value = each.increments.net_benefit(wtp * weight, s, c)
                rows.append((*head, f"inmb:{wtp:g}", self._currency, *value))
        columns = ["strategy", "comparator", "weight", "outcome", "unit", "mean", "se"]
        return with_interval(pd.DataFrame(rows, columns=columns))

    def every_weight(self, applies: float) -> pd.DataFrame:
        """The same with every weight, and whether it is the one that applies."""
        frame = pd.concat([self.weighted(weight) for weight in WEIGHTS], ignore_index=True)
        frame.insert(3, "applies", frame["weight"] == applies)
        return frame

    # --- parts ---

    def _every(self, strategies: Sequence[str]) -> Iterator[tuple[AtRates, str]]:
        return ((each, strategy) for strategy in strategies for each in self.at)

    def _head(self, each: AtRates, strategy: str) -> tuple[str, str, float, float]:
        return strategy, each.name, each.costs, each.effects

    def _outcomes(self) -> list[tuple[str, str, int]]:
        return [(name, MAIN[name].unit_in(self._currency), position_of(name)) for name in DISCOUNTED]

    @property
    def _currency(self) -> str:
        return self.scenario.file.settings.currency

    @staticmethod
    def _error(each: AtRates, s: int, k: int) -> float:
        """Standard error of a mean."""
        of, n = each.increments, float(np.max(each.increments.n))
        return float(np.hypot(np.sqrt(of.product[0, k, s, s] / max(n - 1.0, 1.0) / n), of.bound[s, k]))
