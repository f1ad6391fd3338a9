"""Expectations along parameters that are drawn jointly, by regression on joint draws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from lmssim.economics.one_way.conditional import Curve, Draws
from lmssim.economics.one_way.controls import controls
from lmssim.economics.one_way.spline import line_terms, spline_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.one_way.controls import Controls
    from lmssim.kernels import FloatArray
    from lmssim.studies.sensitivity.paired.joint import JointDraws
    from lmssim.studies.sensitivity.paired.varied import Varied


@dataclass(frozen=True)
class Curves:
    """Regressions of some outcomes on joint draws.

    Attributes
    ----------
    joint : JointDraws
        Draws of the parameters.
    varied : sequence of Varied
        Every uncertain parameter.
    draws : Draws
        Outcomes.
    """

    joint: JointDraws
    varied: Sequence[Varied]
    draws: Draws

    @cached_property
    def moving(self) -> dict[str, FloatArray]:
        """Draws of each uncertain parameter whose draws vary."""
        known = {each.id: self.joint.parameters.get(each.id, np.zeros(1)) for each in self.varied}
        return {id_: values for id_, values in known.items() if np.ptp(values) > 0.0}

    @cached_property
    def controls(self) -> Controls:
        """What every parameter explains: those drawn jointly by a curve, others by a line."""
        joint = {each.id for each in self.varied if each.joint}
        terms = {id_: (spline_terms if id_ in joint else line_terms)(column) for id_, column in self.moving.items()}
        with threadpool_limits(limits=1):
            return controls(terms, self.draws.with_benefit(self.draws.values), self.draws.folds)

    def explained(self, members: Sequence[str]) -> FloatArray:
        """What some parameters explain of the outcomes, (n_draws, n_outcomes), of mean 0."""
        with threadpool_limits(limits=1):
            return self.controls.of(members)[:, self.draws.n_leading :]

    def not_explained(self, members: Sequence[str]) -> FloatArray:
        """Outcomes without what all parameters but some explain, (n_draws, n_outcomes)."""
        with threadpool_limits(limits=1):
            found: FloatArray = self.draws.values - self.controls.without(members)[:, self.draws.n_leading :]
            return found

    def along(self, each: Varied) -> Curve:
        """Expectations along a parameter."""
        others = [id_ for id_ in each.members if id_ != each.id]
        independent = self.draws.values - self.not_explained(each.members)
        with threadpool_limits(limits=1):
            return Curve.fitted(self.moving[each.id], self.draws, independent, self.explained(others))
