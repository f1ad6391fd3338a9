"""A bar of a tornado diagram: increments with a parameter at either end of its 95% interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lmssim.economics.increments import Estimate
    from lmssim.economics.one_way.paired import Paired
    from lmssim.kernels import FloatArray
    from lmssim.studies.sensitivity.paired.varied import Varied

REGRESSION, RUNS, VALUES, BLOCK, FITTED_BLOCK = "regression", "runs", "values", "block", "block, by regression"
METHODS = {
    REGRESSION: "expected given the parameter, by regression on joint draws",
    RUNS: "the model run with the parameter held, over draws of the others",
    VALUES: "the model run with the parameter held, the others at their values",
    BLOCK: "the block as a whole: increments between which 95% of its draws lie, each from runs with that draw",
    FITTED_BLOCK: "the block as a whole: increments between which 95% of its draws lie, as a regression predicts them",
}


class Width(NamedTuple):
    """Greatest distance between the ends and the base case, and the units' part in it."""

    size: float
    se: float
    deviations: FloatArray


@dataclass(frozen=True)
class Bar:
    """Increments of a strategy over another one as a parameter varies.

    Attributes
    ----------
    varied : Varied
        The parameter.
    method : str
        One of `METHODS`.
    base, low, high : Paired
        In the base case, and with the parameter at its 2.5% and 97.5% quantile: all from the same units.
    sample : str
        What its units are; bars of one sample share them.
    """

    varied: Varied
    method: str
    base: Paired
    low: Paired
    high: Paired
    sample: str

    @property
    def ends(self) -> tuple[Paired, Paired]:
        """At the lower, and at the upper value."""
        return self.low, self.high

    def change(self, end: Paired) -> Paired:
        """What an end adds to the base case."""
        return end - self.base

    def width(self, wtp: float) -> Width:
        """Length of the bar in net benefit: between its ends, or from the base case if both lie on one side of it."""
        contrasts = (self.high - self.low, self.high - self.base, self.low - self.base)
        longest = max(contrasts, key=lambda each: abs(each.net_benefit(wtp).mean))
        found = longest.net_benefit(wtp)
        sign = -1.0 if found.mean < 0.0 else 1.0
        deviations: FloatArray = sign * (wtp * longest.deviations[:, 1] - longest.deviations[:, 0])
        return Width(abs(found.mean), found.se, deviations)

    def slope(self, wtp: float) -> Estimate:
        """What net benefit gains from the lower to the upper value."""
        return (self.high - self.low).net_benefit(wtp)
