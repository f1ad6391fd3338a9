"""Repeated confidence intervals and p-values: valid at every look, whether or not the trial stops there.

References
----------
Jennison C, Turnbull BW. Interim analyses: the repeated confidence interval approach. J R Stat Soc B 51:305-361, 1989.
doi:10.1111/j.2517-6161.1989.tb01433.x
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scipy.optimize import brentq

from lmssim.errors import InputError
from lmssim.trials import checks
from lmssim.trials.estimates.effect import Effect
from lmssim.trials.sequential.solve import solve_bounds

if TYPE_CHECKING:
    from lmssim.trials.sequential.design import GroupSequentialDesign

LEAST_ALPHA = 1e-14


@dataclass(frozen=True)
class RepeatedInterval(Effect):
    """Estimate and repeated confidence interval of a look.

    Attributes
    ----------
    look : int
        The look, counted from 1.
    """

    look: int


def _checked(design: GroupSequentialDesign, look: int, z: float) -> float:
    """Z at a look, both possible."""
    if isinstance(look, bool) or not isinstance(look, int) or not 1 <= look <= design.looks:
        raise InputError(f"look: {look!r} is not a look of the design, 1 to {design.looks}.")
    return checks.number("z", z)


def repeated_interval(design: GroupSequentialDesign, look: int, z: float) -> RepeatedInterval:
    """Repeated confidence interval at a look.

    Parameters
    ----------
    design : GroupSequentialDesign
        At the information that was observed (`at_information`).
    look : int
        The look, counted from 1.
    z : float
        Z there.

    Returns
    -------
    RepeatedInterval
        Of level one minus twice the one-sided alpha; infinite at a look that does not test efficacy.

    Notes
    -----
    With bound u and information t of the look: (z - u) / t^(1/2) to (z + u) / t^(1/2).
    """
    value = _checked(design, look, z)
    root, bound = math.sqrt(design.information[look - 1]), design.efficacy[look - 1]
    level = 1.0 - 2.0 * design.plan.one_sided
    return RepeatedInterval(value / root, (value - bound) / root, (value + bound) / root, level, look)


def repeated_p_value(design: GroupSequentialDesign, look: int, z: float) -> float:
    """Least alpha, of all sides together, with which the design would have declared efficacy at this look.

    Parameters
    ----------
    design : GroupSequentialDesign
        At the information that was observed.
    look : int
        The look, counted from 1.
    z : float
        Z there.

    Returns
    -------
    float
        From 1e-14 to 0.5 times the sides; 1 at a look that does not test efficacy. Of two-sided designs Z is read in
        the upper direction.
    """
    value = _checked(design, look, z)
    if math.isinf(design.efficacy[look - 1]):
        return 1.0

    def excess(log_alpha: float) -> float:
        plan = replace(design.plan, alpha=math.exp(log_alpha))
        bound = solve_bounds(plan, design.drift).efficacy[look - 1]
        return min(bound, 1e3) - value

    least, most = math.log(LEAST_ALPHA), math.log(0.5 * design.sides * (1.0 - 1e-9))
    if excess(most) >= 0.0:
        return 0.5 * design.sides
    if excess(least) <= 0.0:
        return LEAST_ALPHA
    return math.exp(brentq(excess, least, most, xtol=1e-10))
