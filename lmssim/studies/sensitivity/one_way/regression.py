"""Bars from joint draws: of parameters that are drawn jointly, and of the blocks that they form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.one_way.conditional import Draws
from lmssim.economics.one_way.whole import whole_of
from lmssim.studies.sensitivity.one_way.bar import BLOCK, FITTED_BLOCK, REGRESSION, Bar
from lmssim.studies.sensitivity.one_way.block import BlockBar
from lmssim.studies.sensitivity.paired.curves import Curves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.one_way.paired import Paired
    from lmssim.studies.sensitivity.paired.blocks import Block
    from lmssim.studies.sensitivity.paired.contrast import Contrast
    from lmssim.studies.sensitivity.paired.joint import JointDraws
    from lmssim.studies.sensitivity.paired.varied import Varied

SAMPLE = "joint draws"


@dataclass(frozen=True)
class Regressions:
    """Regressions of an increment on joint draws.

    Attributes
    ----------
    base : Paired
        The increment in the base case.
    curves : Curves
        Of increments of cost and QALYs.
    """

    base: Paired
    curves: Curves

    @classmethod
    def of(cls, joint: JointDraws, contrast: Contrast, varied: Sequence[Varied], wtp: float) -> Regressions:
        """Of one strategy over another one; terms of fits are chosen at a willingness to pay."""
        response = joint.response
        s, c = (response.strategies.index(name) for name in (contrast.strategy, contrast.against))
        draws = Draws.of_pair(response.values[:, s] - response.values[:, c], response.units, wtp)
        return cls(response.increment(contrast.strategy, contrast.against), Curves(joint, varied, draws))

    def bar(self, each: Varied) -> Bar:
        """Bar of a parameter that is drawn with others."""
        curve = self.curves.along(each)
        return Bar(each, REGRESSION, self.base, curve.at(each.low), curve.at(each.high), SAMPLE)

    def block(self, block: Block) -> BlockBar:
        """Bar of a block as a whole."""
        rows = self.curves.draws.rows if block.holds_rows else np.arange(len(self.curves.draws.rows))
        whole = whole_of(self.curves.not_explained(block.members), rows, self.curves.explained(block.members))
        method = BLOCK if whole.noise.any() else FITTED_BLOCK
        sample = SAMPLE if len(whole.rows) == self._n_units else f"block {block.name}"
        return BlockBar(block, method, self.base, whole, sample)

    @cached_property
    def _n_units(self) -> int:
        return len(np.unique(self.curves.draws.rows))
