"""Bounds that spend what they may: solved look by look, and for the effect that gives the power asked for.

Errors are those of one side; of a two-sided design, each side spends half. Efficacy bounds with a futility rule that
does not bind are solved as if there were none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from lmssim.errors import InputError
from lmssim.trials.sequential import rules
from lmssim.trials.sequential.bounds import Bounds, going_on
from lmssim.trials.sequential.crossing import START, Front, advance, beyond, quantile_above, quantile_below
from lmssim.trials.sequential.spending import NAMES, Spending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.trials.sequential.rules import Efficacy, Futility

LARGEST = 15.0
"""Expected final Z, at most, that is tried to reach a power."""
ROUNDS = 60
"""Fixed-point steps for binding bounds that look at the final bound."""


@dataclass(frozen=True)
class Plan:
    """What bounds are solved for.

    Attributes
    ----------
    information : tuple of float
        Information of the looks, as fractions of the planned final information.
    alpha, beta : float
        Type I error, of all sides together, and type II error.
    sides : int
        1 or 2.
    efficacy, futility
        The rules.
    planned : tuple of float
        Information fractions as planned, where those of `information` are the observed ones; empty while planning.
    spending_time : tuple of float
        Fractions at which spending functions are read, if they are not those of information.
    final : bool
        Whether the last look is the last one, which spends all that is left.
    """

    information: tuple[float, ...]
    alpha: float
    beta: float
    sides: int
    efficacy: Efficacy
    futility: Futility | None = None
    planned: tuple[float, ...] = ()
    spending_time: tuple[float, ...] = ()
    final: bool = False

    @property
    def one_sided(self) -> float:
        """Type I error of one side."""
        return self.alpha / self.sides

    @property
    def clock(self) -> tuple[float, ...]:
        """Fractions at which spending functions are read."""
        return self.spending_time or self.information

    @property
    def binds(self) -> bool:
        """Whether efficacy bounds count on stops for futility."""
        return self.futility is not None and self.futility.binding

    def ends(self, k: int) -> bool:
        """Whether look k (from 0) is the last one and spends all."""
        return self.final and k == len(self.information) - 1


Lower = "Callable[[int, Front, float], float]"
"""Futility bound at look k (from 0), given trials that went on and the efficacy bound there."""


def solve_bounds(plan: Plan, drift: float, constant: float | None = None) -> Bounds:
    """Bounds under a planned effect.

    Parameters
    ----------
    drift : float
        Expected Z at information 1.
    constant : float, optional
        Constant of bounds that have a shape, if it is known already.
    """
    if plan.futility is None:
        return Bounds(plan.information, _uppers(plan, None, constant), sides=plan.sides)
    if not plan.binds:
        uppers = _uppers(plan, None, constant)
        lowers = _lowers(plan, uppers, _lower_rule(plan, plan.futility, drift, uppers[-1]))
        return Bounds(plan.information, uppers, lowers, plan.sides)
    return _binding(plan, plan.futility, drift, constant)


def drift_for_power(plan: Plan) -> tuple[float, Bounds]:
    """Expected final Z that gives the power, and the bounds under it."""
    if plan.futility is None or not plan.futility.needs_effect:
        fixed = solve_bounds(plan, 0.0)
        fronts = list(fixed.fronts((0.0, LARGEST)))

        def missing(drift: float) -> float:
            looks = zip(fronts, fixed.information, fixed.efficacy, strict=True)
            return sum(float(beyond(front, t, z, drift)) for front, t, z in looks) - (1.0 - plan.beta)

        return _root(missing), fixed
    free = replace(plan, futility=None)
    constant = None if plan.binds else shape_constant(free)

    def lacking(drift: float) -> float:
        return float(solve_bounds(plan, drift, constant).crossing(drift).power[0]) - (1.0 - plan.beta)

    drift = _root(lacking)
    return drift, solve_bounds(plan, drift, constant)


def _root(missing: Callable[[float], float]) -> float:
    if missing(LARGEST) < 0.0:
        raise InputError("futility: no effect reaches the power asked for; the futility bounds stop too many trials.")
    return float(brentq(missing, 0.0, LARGEST, xtol=1e-11, rtol=1e-14))


# === Efficacy ===


def shape_constant(plan: Plan, lower: Callable[[int, Front, float], float] | None = None) -> float | None:
    """Constant C of bounds C * (t_k / t_K) ^ (delta - 1/2) that spend alpha; None of other rules."""
    if plan.efficacy.delta is None:
        return None

    def excess(constant: float) -> float:
        return math.log(_spent_by_shape(plan, constant, lower) / plan.one_sided)  # nearly straight in the constant

    return _root_from(excess, -float(ndtri(plan.one_sided)) + 0.05)


def _root_from(function: Callable[[float], float], start: float) -> float:
    """Root of a falling function, from a point near it."""
    values = {start: function(start)}
    step = 0.1 if values[start] > 0.0 else -0.1
    before, now = start, start + step
    while (function_now := function(now)) * values[start] > 0.0:
        before, step = now, 2.0 * step
        now += step
        if abs(now) > 2.0 * LARGEST:
            raise InputError("efficacy: no bounds of this shape spend alpha; the futility bounds stop too many trials.")
    if function_now == 0.0:
        return now
    return float(brentq(function, before, now, xtol=1e-11, rtol=1e-13))


def _shape(plan: Plan, constant: float) -> list[float]:
    delta, last = plan.efficacy.delta or 0.0, (plan.planned or plan.information)[-1]
    looks = len(plan.information)
    scale = [constant * (t / last) ** (delta - 0.5) for t in plan.information]
    return [z if plan.efficacy.tests(k, looks) else math.inf for k, z in enumerate(scale, start=1)]


def _spent_by_shape(plan: Plan, constant: float, lower: Callable[[int, Front, float], float] | None) -> float:
    front, spent = START, 0.0
    bounds = _shape(plan, constant)
    for k, (t, z) in enumerate(zip(plan.information, bounds, strict=True)):
        spent += float(beyond(front, t, z))
        if k + 1 < len(bounds):
            low = -math.inf if lower is None else lower(k, front, z)
            front = advance(front, t, going_on(min(low, z), z, plan.sides))
    return spent


def _uppers(
    plan: Plan, lower: Callable[[int, Front, float], float] | None, constant: float | None = None
) -> tuple[float, ...]:
    """Efficacy bounds; with a rule for futility, they count on its stops."""
    shaped: list[float] | None = None
    if plan.efficacy.delta is not None:
        constant = constant if constant is not None else shape_constant(_as_planned(plan), lower)
        shaped = _shape(plan, constant or 0.0)
        if not plan.final:
            return tuple(shaped)
    front, spent, bounds = START, 0.0, []
    for k, t in enumerate(plan.information):
        z = _upper(plan, k, front, spent, shaped)
        bounds.append(z)
        spent += float(beyond(front, t, z))
        if k + 1 < len(plan.information):
            low = -math.inf if lower is None else lower(k, front, z)
            front = advance(front, t, going_on(min(low, z), z, plan.sides))
    return tuple(bounds)


def _as_planned(plan: Plan) -> Plan:
    """The plan at its planned information."""
    return replace(plan, information=plan.planned or plan.information, planned=(), spending_time=(), final=False)


def _upper(plan: Plan, k: int, front: Front, spent: float, shaped: list[float] | None) -> float:
    """Efficacy bound at look k (from 0)."""
    looks, rule = len(plan.information), plan.efficacy
    if not rule.tests(k + 1, looks):
        return math.inf
    if shaped is not None and not plan.ends(k):
        return shaped[k]
    if rule.name == rules.HAYBITTLE_PETO and k + 1 < looks:
        return rule.peto
    return quantile_above(front, plan.information[k], _allowed(plan, k) - spent)


def _allowed(plan: Plan, k: int) -> float:
    """Type I error of one side that may be spent by look k (from 0)."""
    rule, t, total = plan.efficacy, plan.clock[k], plan.one_sided
    if plan.ends(k):
        return total
    if rule.name in NAMES:
        return Spending(rule.name, rule.parameter).spent(t, total)
    if rule.name == rules.CUMULATIVE:
        planned = plan.planned or plan.information
        return total * float(np.interp(t, (0.0, *planned), (0.0, *rule.cumulative)))
    return total


# === Futility ===


def _lowers(plan: Plan, uppers: Sequence[float], lower: Callable[[int, Front, float], float]) -> tuple[float, ...]:
    """Futility bounds under efficacy bounds that are known."""
    front, bounds = START, []
    last = len(plan.information) - 1
    for k, (t, z) in enumerate(zip(plan.information, uppers, strict=True)):
        bounds.append(z if k == last else min(lower(k, front, z), z))
        if k < last:
            front = advance(front, t, going_on(bounds[-1], z, plan.sides))
    return tuple(bounds)


def _lower_rule(
    plan: Plan, futility: Futility, drift: float, final_bound: float
) -> Callable[[int, Front, float], float]:
    """Futility bound of each look under a planned effect."""
    looks = len(plan.information)
    spent_before = {0: 0.0}

    def at(k: int, front: Front, _: float) -> float:
        if not futility.tests(k + 1, looks):
            spent_before[k + 1] = spent_before[k]
            return -math.inf
        if futility.spending is not None:
            allowed = futility.spending.spent(plan.clock[k], plan.beta)
            low = _beta_bound(plan, k, front, allowed - spent_before[k], drift)
            spent_before[k + 1] = max(allowed, spent_before[k])
            return low
        if futility.rule == rules.Z:
            return futility.z[k] if k < len(futility.z) else -math.inf
        return power_bound(futility, plan.information[k], plan.information[-1], final_bound, drift)

    return at


def _beta_bound(plan: Plan, k: int, front: Front, probability: float, drift: float) -> float:
    """Bound below which trials fall with a probability."""
    t = plan.information[k]
    if plan.sides == 1:
        return quantile_below(front, t, probability, drift)
    if probability <= 0.0:
        return -math.inf

    def excess(z: float) -> float:
        return float(beyond(front, t, -z, drift) - beyond(front, t, z, drift)) - probability

    return math.inf if excess(LARGEST) <= 0.0 else float(brentq(excess, 0.0, LARGEST, xtol=1e-13))


def power_bound(futility: Futility, t: float, end: float, final_bound: float, drift: float) -> float:
    r"""Z at which conditional or predictive power falls to the threshold.

    Notes
    -----
    With :math:`q = \Phi^{-1}(1 - c)`, final information T, bound u there and information t now, the score at which
    conditional power is c is :math:`u \sqrt T - \theta (T - t) - q \sqrt{T - t}`; under the trend
    :math:`\theta = z / \sqrt t`.
    """
    left, q = end - t, -float(ndtri(futility.threshold or 0.5))
    goal = final_bound * math.sqrt(end)
    if futility.rule == rules.PREDICTIVE_POWER:
        return (goal - q * math.sqrt(left * end / t)) * math.sqrt(t) / end
    if futility.effect == rules.TREND:
        return (goal - q * math.sqrt(left)) * math.sqrt(t) / end
    theta = drift if futility.effect == rules.PLANNED else 0.0
    return (goal - theta * left - q * math.sqrt(left)) / math.sqrt(t)


def _binding(plan: Plan, futility: Futility, drift: float, constant: float | None) -> Bounds:
    """Efficacy and futility bounds that count on each other."""
    final_bound = -float(ndtri(plan.one_sided))
    for _ in range(ROUNDS):
        rule = _lower_rule(plan, futility, drift, final_bound)
        uppers = _uppers(plan, rule, constant)
        if futility.rule in (rules.BETA_SPENDING, rules.Z) or abs(uppers[-1] - final_bound) < 1e-11:
            break
        final_bound = uppers[-1]
    return Bounds(plan.information, uppers, _lowers(plan, uppers, rule), plan.sides)


def steps(values: Sequence[float]) -> tuple[float, ...]:
    """What each look adds to a running total."""
    return tuple(after - before for before, after in pairwise((0.0, *values)))
