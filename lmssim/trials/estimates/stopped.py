r"""P-value, median-unbiased estimate and interval of a trial that has stopped, by the stage-wise ordering.

Outcomes are ordered by when and where they stop: efficacy at an early look is more extreme than at a later one; within
a look a larger Z is. With :math:`f(\theta)` the probability, under the expected final Z :math:`\theta`, of an outcome
at least as extreme as the one observed, the p-value is :math:`f(0)`, the median-unbiased estimate solves
:math:`f = 1/2`, and the ends of the interval solve :math:`f = \alpha` and :math:`f = 1 - \alpha`. Looks that were not
reached do not matter.

References
----------
Tsiatis AA, Rosner GL, Mehta CR. Exact confidence intervals following a group sequential test. Biometrics 40:797-803,
1984. doi:10.2307/2530924
Jennison C, Turnbull BW. Group Sequential Methods, chapter 8. Chapman & Hall, 2000.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

from lmssim.errors import InputError
from lmssim.trials import checks
from lmssim.trials.estimates.effect import Effect, level_of
from lmssim.trials.sequential.bounds import LARGEST_DRIFT, Bounds
from lmssim.trials.sequential.crossing import beyond

if TYPE_CHECKING:
    from lmssim.trials.sequential.crossing import Front
    from lmssim.trials.sequential.design import GroupSequentialDesign

REACH = (-LARGEST_DRIFT, LARGEST_DRIFT)


@dataclass(frozen=True)
class StoppedEstimate(Effect):
    """What is told of a trial that has stopped: `drift` is the median-unbiased estimate.

    Attributes
    ----------
    look : int
        The look at which it stopped, counted from 1.
    p_value : float
        Stage-wise p-value, one- or two-sided as the design is.
    naive : float
        Estimate that disregards the looks, z / t^(1/2).
    """

    look: int
    p_value: float
    naive: float


class _Ordering:
    """Probability of outcomes at least as extreme as one, whatever the drift."""

    def __init__(self, design: GroupSequentialDesign, look: int, z: float, *, with_futility: bool | None) -> None:
        self.look, self.z = look, z
        stops = design.plan.binds if with_futility is None else with_futility
        if design.sides == 2 and design.plan.futility is not None and stops:
            raise InputError(
                "with_futility: outcomes of a two-sided design that stops for futility have no stage-wise order; use "
                "repeated_interval, or with_futility=False."
            )
        low = design.futility[:look] if stops else ()
        self.bounds = Bounds(design.information[:look], design.efficacy[:look], low, design.sides)
        self.fronts: list[Front] = list(self.bounds.fronts(REACH))
        last = look == design.looks
        for_futility = stops and not last and z < design.futility[look - 1]
        below = design.sides == 2 and z <= -design.efficacy[look - 1]
        self.from_below = for_futility or below

    def tail(self, drift: float) -> float:
        """Probability of an outcome at least as extreme, under a drift."""
        looks = list(zip(self.fronts, self.bounds.information, self.bounds.efficacy, self.bounds.futility, strict=True))
        front, t, _, _ = looks[-1]
        here = float(beyond(front, t, self.z, drift))
        if not self.from_below:
            return here + sum(float(beyond(f, s, high, drift)) for f, s, high, _ in looks[:-1])
        alive = float(front.tilted(drift).sum())
        less = alive - here
        for f, s, high, low in looks[:-1]:
            floor = -high if self.bounds.sides == 2 else low
            less += float(f.tilted(drift).sum()) - float(beyond(f, s, floor, drift))
        return 1.0 - less

    def root(self, target: float) -> float:
        """Drift under which the tail has a probability; infinite beyond what is computed."""
        if self.tail(REACH[0]) >= target:
            return -math.inf
        if self.tail(REACH[1]) <= target:
            return math.inf
        return float(brentq(lambda drift: self.tail(drift) - target, *REACH, xtol=1e-11, rtol=1e-14))


def _ordering(design: GroupSequentialDesign, look: int, z: float, *, with_futility: bool | None) -> _Ordering:
    if isinstance(look, bool) or not isinstance(look, int) or not 1 <= look <= design.looks:
        raise InputError(f"look: {look!r} is not a look of the design, 1 to {design.looks}.")
    return _Ordering(design, look, checks.number("z", z), with_futility=with_futility)


def stagewise_p_value(
    design: GroupSequentialDesign, look: int, z: float, *, with_futility: bool | None = None
) -> float:
    """P-value of a stopped trial by the stage-wise ordering, one- or two-sided as the design is; see the estimate."""
    tail = _ordering(design, look, z, with_futility=with_futility).tail(0.0)
    return tail if design.sides == 1 else 2.0 * min(tail, 1.0 - tail)


def estimate_after_stop(
    design: GroupSequentialDesign,
    look: int,
    z: float,
    *,
    level: float | None = None,
    with_futility: bool | None = None,
) -> StoppedEstimate:
    """Median-unbiased estimate, interval and p-value of a trial that has stopped.

    Parameters
    ----------
    design : GroupSequentialDesign
        At the information that was observed (`at_information`).
    look : int
        The look at which the trial stopped, counted from 1.
    z : float
        Z there.
    level : float, optional
        Of the interval; one minus twice the one-sided alpha if absent.
    with_futility : bool, optional
        Whether earlier stops for futility count among the outcomes; as they bind, if absent.

    Returns
    -------
    StoppedEstimate
        On the scale of the expected final Z; `hazard_ratio` reads it as a hazard ratio.

    Examples
    --------
    >>> from lmssim.trials import group_sequential
    >>> from lmssim.trials.estimates import estimate_after_stop
    >>> found = estimate_after_stop(group_sequential(2, efficacy="pocock"), look=2, z=2.6)
    >>> round(found.p_value, 4), round(found.drift, 3), round(found.naive, 3)
    (0.0173, 2.42, 2.6)
    """
    ordering = _ordering(design, look, z, with_futility=with_futility)
    side = 0.5 * (1.0 - level_of(design.plan.one_sided, level))
    tail = ordering.tail(0.0)
    p_value = tail if design.sides == 1 else 2.0 * min(tail, 1.0 - tail)
    best, low, high = (ordering.root(target) for target in (0.5, side, 1.0 - side))
    naive = z / math.sqrt(design.information[look - 1])
    return StoppedEstimate(best, low, high, 1.0 - 2.0 * side, look, float(np.clip(p_value, 0.0, 1.0)), naive)
