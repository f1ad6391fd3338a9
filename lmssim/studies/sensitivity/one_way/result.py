"""A one-way analysis: its bars as tables.

`se` is the Monte-Carlo standard error. Increments are of one strategy over another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.cea import cost_per_unit
from lmssim.economics.lead import Z975
from lmssim.economics.one_way.cases import case_of, is_sure
from lmssim.economics.one_way.paired import Paired
from lmssim.studies.sensitivity.one_way.order import placed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.one_way.bar import Bar
    from lmssim.studies.sensitivity.one_way.block import BlockBar
    from lmssim.studies.sensitivity.one_way.order import Place
    from lmssim.studies.sensitivity.paired.contrast import Contrast
    from lmssim.studies.sensitivity.paired.varied import Varied

NB, ICER = "nb", "icer"
AXES = (NB, ICER)
YES, NO, OPEN = "yes", "no", "open"
TABLES = ("tornado", "tornado_icer", "not_moved_alone")


@dataclass(frozen=True)
class OneWay:
    """Bars of a tornado diagram.

    Attributes
    ----------
    program : Program
        What was run.
    contrast : Contrast
        Which strategy, against which.
    wtps : sequence of float
        Willingness to pay of the tables.
    classic : bool
        Whether the other parameters stood at their values, in place of being drawn.
    base : Paired
        Increments in the base case.
    bars : sequence of Bar
        In the order of the parameters' tables.
    left_out : sequence of (Varied, str)
        Parameters without a bar, and why.
    made : mapping
        How bars were made: draws, patients, origin, ....
    blocks : sequence of BlockBar
        Bars of parameters that are drawn jointly, as a whole.
    """

    program: Program
    contrast: Contrast
    wtps: Sequence[float]
    classic: bool
    base: Paired
    bars: Sequence[Bar]
    left_out: Sequence[tuple[Varied, str]]
    made: Mapping[str, object]
    blocks: Sequence[BlockBar] = ()

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.program.scenario

    @property
    def n_bars(self) -> int:
        """Bars of parameters and of blocks."""
        return len(self.bars) + len(self.blocks)

    @cached_property
    def _placed(self) -> dict[float, list[Place]]:
        return {wtp: placed([*self.bars, *(block.at(wtp) for block in self.blocks)], wtp) for wtp in self.wtps}

    def places(self, wtp: float) -> list[Place]:
        """Bars by length at a willingness to pay, the longest first."""
        return self._placed[wtp]

    @cached_property
    def tornado(self) -> pd.DataFrame:
        """Bars of net benefit, a row for each willingness to pay and parameter or block, the longest first.

        wtp, rank, rank_low, rank_high (ranks that errors leave possible), told_from_next (whether the next bar is
        shorter beyond its error), parameter, label, unit, joint (group it is drawn with), method, low, high (its 2.5%
        and 97.5% quantile; blank of a block), inmb (base case), inmb_low, inmb_high, change_low, change_high (from the
        base case of the same units), width, each with its `_se`, and sign_changes (whether the sign of the increment
        differs at an end: yes, no, or open where errors leave it so).
        """
        return pd.DataFrame(self._row(place, wtp) for wtp in self.wtps for place in self.places(wtp))

    def _row(self, place: Place, wtp: float) -> dict[str, object]:
        bar, width, base = place.bar, place.bar.width(wtp), self.base.net_benefit(wtp)
        row: dict[str, object] = {"wtp": wtp, "rank": place.rank}
        row |= {"rank_low": place.rank_low, "rank_high": place.rank_high, "told_from_next": place.told_from_next}
        row |= _about(bar) | {"inmb": base.mean, "inmb_se": base.se}
        for name, end in zip(("low", "high"), bar.ends, strict=True):
            row[f"inmb_{name}"], row[f"inmb_{name}_se"] = self.end(bar, end).net_benefit(wtp)
            row[f"change_{name}"], row[f"change_{name}_se"] = bar.change(end).net_benefit(wtp)
        row["width"], row["width_se"] = width.size, width.se
        row["sign_changes"] = self.turns(bar, wtp)
        return row

    def end(self, bar: Bar, end: Paired) -> Paired:
        """Increments at an end, put to the base case of all bars: that of a bar's own units differs by chance."""
        return Paired(self.base.mean + bar.change(end).mean, end.deviations)

    def turns(self, bar: Bar, wtp: float) -> str:
        """Whether the increment of net benefit is above 0 at some place and below it at another: yes, no, or open.

        The places are both ends and the base case. It is open where errors leave one of them on either side of 0.
        """
        places = [self.base.net_benefit(wtp), *(self.end(bar, end).net_benefit(wtp) for end in bar.ends)]
        told = {place.mean > 0.0 for place in places if abs(place.mean) > Z975 * place.se}
        if len(told) > 1:
            return YES
        return NO if all(abs(place.mean) > Z975 * place.se or place.mean == 0.0 for place in places) else OPEN

    @cached_property
    def tornado_icer(self) -> pd.DataFrame:
        """Bars of the cost per QALY gained, in the order of net benefit at the first willingness to pay.

        rank, parameter, label, unit, joint, method, low, high, icer (base case), then for either end the increments of
        cost and QALYs, `case_...` (`lmssim.economics.one_way.cases`), `sure_...` (whether chance leaves no doubt of
        the quadrant), and icer_..., icer_..._se: blank where there is no ratio.
        """
        return pd.DataFrame(self._icer_row(place) for place in self.places(self.wtps[0]))

    def _icer_row(self, place: Place) -> dict[str, object]:
        bar = place.bar
        row: dict[str, object] = {"rank": place.rank, **_about(bar), "icer": ratio_of(self.base)}
        for name, end in zip(("low", "high"), bar.ends, strict=True):
            placed_end = self.end(bar, end)
            row[f"cost_{name}"], row[f"cost_{name}_se"] = placed_end.cost
            row[f"qalys_{name}"], row[f"qalys_{name}_se"] = placed_end.effect
            row[f"case_{name}"], row[f"sure_{name}"] = self.case(bar, end)
            ratio = ratio_of(placed_end)
            row[f"icer_{name}"] = ratio
            row[f"icer_{name}_se"] = placed_end.icer_error() if np.isfinite(ratio) else np.nan
        return row

    def case(self, bar: Bar, end: Paired) -> tuple[str, bool]:
        """What the ratio at an end says, and whether chance leaves no doubt of it."""
        there = self.end(bar, end)
        return case_of(self.base, bar.change(end), there), is_sure(there)

    @cached_property
    def not_moved_alone(self) -> pd.DataFrame:
        """Uncertain parameters without a bar: parameter, label, joint, reason."""
        rows = [(each.id, each.label, each.joint, reason) for each, reason in self.left_out]
        return pd.DataFrame(rows, columns=["parameter", "label", "joint", "reason"])

    def to_frame(self) -> pd.DataFrame:
        """Bars of net benefit."""
        return self.tornado


def ratio_of(increment: Paired) -> float:
    """Cost per QALY gained, or saved per QALY lost; NaN where one increment is a gain and one a loss."""
    return cost_per_unit(*increment.mean.tolist())


def _about(bar: Bar) -> dict[str, object]:
    each = bar.varied
    named = {"parameter": each.id, "label": each.label, "unit": each.unit, "joint": each.joint}
    return {**named, "method": bar.method, "low": each.low, "high": each.high}
