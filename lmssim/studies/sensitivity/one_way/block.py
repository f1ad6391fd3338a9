"""The bar of a block: of all parameters that are drawn jointly, as one.

Its ends are the 2.5% and 97.5% quantiles of the expected increment of net benefit given the block: other values of
parameters stand behind them at each willingness to pay, so that it has a bar of its own at each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.one_way.paired import Paired
from lmssim.economics.one_way.whole import ENDS
from lmssim.studies.sensitivity.one_way.bar import Bar
from lmssim.studies.sensitivity.paired.varied import Varied

if TYPE_CHECKING:
    from lmssim.economics.one_way.whole import Whole
    from lmssim.studies.sensitivity.paired.blocks import Block


@dataclass(frozen=True)
class BlockBar:
    """Bars of a block.

    Attributes
    ----------
    block : Block
        What is drawn jointly.
    method : str
        One of `lmssim.studies.sensitivity.one_way.bar.METHODS`.
    base : Paired
        Increments in the base case.
    whole : Whole
        Increments by row of the block.
    sample : str
        What the units of the errors are.
    """

    block: Block
    method: str
    base: Paired
    whole: Whole
    sample: str

    def at(self, wtp: float) -> Bar:
        """The bar at a willingness to pay."""
        low, high = (self.whole.at(wtp, probability) for probability in ENDS)
        varied = as_varied(self.block)
        if self.base.deviations.shape == low.deviations.shape:
            return Bar(varied, self.method, self.base, low, high, self.sample)
        n = len(self.base.deviations)
        base = Paired(self.base.mean, np.vstack([np.zeros_like(low.deviations), self.base.deviations]))
        low, high = (Paired(end.mean, np.vstack([end.deviations, np.zeros((n, 2))])) for end in (low, high))
        return Bar(varied, self.method, base, low, high, self.sample)


def as_varied(block: Block) -> Varied:
    """A block in the place of a parameter: it has no values of its own."""
    return Varied(block.name, block.label, "", np.nan, np.nan, block.joint, block.members, is_block=True)
