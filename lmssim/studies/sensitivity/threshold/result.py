"""Thresholds of one parameter, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.lead import Z975
from lmssim.studies.sensitivity.paired.response import Expected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.paired.response import Compared
    from lmssim.studies.sensitivity.threshold.search import Crossing

TABLES = ("thresholds", "net_benefit")
CHANGE, PRICE = "threshold", "price"
EXACT, RUNS, REGRESSION = METHODS = ("exact", "runs", "regression")


@dataclass(frozen=True)
class ThresholdStudy:
    """Values of a parameter at which the decision changes.

    Attributes
    ----------
    program : Program
        What was run.
    kind : str
        `threshold`, or `price` for a value-based price.
    parameter : str
        Its id.
    among : sequence of str
        Strategies that are held against each other.
    wtps : sequence of float
        Willingness to pay.
    grid : sequence of float
        Values of the scan, ascending.
    responses : sequence of Response or Expected
        What the model gave there.
    crossings : mapping of float to list of Crossing
        By willingness to pay, in ascending order.
    present : float
        Value of the parameter in the scenario.
    comparator : str
        Strategy over which net benefits are shown.
    made : mapping
        How the runs were made.
    """

    program: Program
    kind: str
    parameter: str
    among: Sequence[str]
    wtps: Sequence[float]
    grid: Sequence[float]
    responses: Sequence[Compared]
    crossings: Mapping[float, Sequence[Crossing]]
    present: float
    comparator: str
    made: Mapping[str, object]

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.program.scenario

    @property
    def method(self) -> str:
        """How values were made: one of `METHODS`."""
        if any(isinstance(each, Expected) for each in self.responses):
            return REGRESSION
        return EXACT if all(each.is_exact for each in self.responses) else RUNS

    @property
    def label(self) -> str:
        """What the parameter is."""
        return self.scenario.table[self.parameter].description or self.parameter

    @property
    def unit(self) -> str:
        """Its unit."""
        return self.scenario.table[self.parameter].unit

    def leader(self, k: int, wtp: float) -> str:
        """Leading strategy at a step of the scan."""
        return self.responses[k].best_first(wtp, self.among)[0]

    def leaders(self) -> list[str]:
        """Strategies that lead anywhere at any willingness to pay."""
        ever = {self.leader(k, wtp) for k in range(len(self.grid)) for wtp in self.wtps}
        ever |= {name for each in self.crossings.values() for c in each for name in (c.below, c.above)}
        return [name for name in self.among if name in ever]

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """A row for each willingness to pay and value at which the leading strategy changes.

        wtp, number, of (how many there are), parameter, value, se, low, high (95% interval), below, above (strategies
        that lead on either side), slope (of net benefit, by unit of the parameter), near (others that errors do not
        tell from these two there); without a change one row with the strategy that leads throughout on both sides and
        no value. method: `exact` (solved), `runs` (runs that hold the parameter) or `regression` (expectations given
        it, where it is drawn jointly with others).
        """
        rows = [row for wtp in self.wtps for row in self._rows(wtp)]
        names = ["wtp", "number", "of", "parameter", "value", "se", "low", "high", "below", "above", "slope", "near"]
        names.append("method")
        return pd.DataFrame(rows, columns=names)

    def _rows(self, wtp: float) -> Iterator[tuple[object, ...]]:
        found = self.crossings[wtp]
        if not found:
            lead = self.leader(0, wtp)
            yield (wtp, 0, 0, self.parameter, *(np.nan,) * 4, lead, lead, np.nan, "", self.method)
        for k, each in enumerate(found, 1):
            mean, se = each.value
            ends = (mean - Z975 * se, mean + Z975 * se)
            which = (each.below, each.above, each.slope, " ".join(each.near))
            yield (wtp, k, len(found), self.parameter, mean, se, *ends, *which, self.method)

    @cached_property
    def net_benefit(self) -> pd.DataFrame:
        """Increments of net benefit along the scan: wtp, value, strategy, comparator, inmb, se, leads."""
        rows = []
        for wtp in self.wtps:
            for k, (x, response) in enumerate(zip(self.grid, self.responses, strict=True)):
                for strategy in self.among:
                    found = response.increment(strategy, self.comparator).net_benefit(wtp)
                    rows.append((wtp, x, strategy, self.comparator, *found, self.leader(k, wtp) == strategy))
        return pd.DataFrame(rows, columns=["wtp", "value", "strategy", "comparator", "inmb", "se", "leads"])

    def to_frame(self) -> pd.DataFrame:
        """The thresholds."""
        return self.thresholds
