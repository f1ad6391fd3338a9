"""Bounds that spend what they may: solved look by look, and for the effect that gives the power asked for.

Errors are those of one side; of a two-sided design, each side spends half. Efficacy bounds with a futility rule that
does not bind are solved as if there were none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from lmssim.errors import InputError
from lmssim.trials.sequential import rules
from lmssim.trials.sequential.bounds import Bounds, going_on
from lmssim.trials.sequential.crossing import FAR, START, Front, advance, beyond, quantile_above, quantile_below
from lmssim.trials.sequential.spending import NAMES, Spending

if TYPE_CHECKING:
    from collections.abc import Sequence

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


Upper = Callable[[int, Front, float], float]
"""Efficacy bound at look k (from 0), given the trials that went on and the alpha of one side spent so far."""
Lower = Callable[[int, Front], float]
"""Futility bound at look k (from 0), given the trials that went on."""


@dataclass(frozen=True)
class Walked:
    """Bounds met on a walk through the looks, the power under its drift, and the alpha of one side that they spend."""

    efficacy: tuple[float, ...]
    futility: tuple[float, ...]
    power: float
    spent: float


def walk(plan: Plan, upper: Upper, lower: Lower | None = None, drift: float = 0.0) -> Walked:
    """Go from look to look, asking for bounds; the last futility bound is the efficacy bound."""
    front, spent, power = START, 0.0, 0.0
    uppers: list[float] = []
    lowers: list[float] = []
    last = len(plan.information) - 1
    for k, t in enumerate(plan.information):
        z = upper(k, front, spent)
        low = -math.inf if lower is None else z if k == last else min(lower(k, front), z)
        uppers.append(z)
        lowers.append(low)
        spent += float(beyond(front, t, z))
        power += float(beyond(front, t, z, drift)) if drift else 0.0
        if k < last:
            front = advance(front, t, going_on(low, z, plan.sides), (0.0, max(drift, FAR)))
    return Walked(tuple(uppers), tuple(lowers), power, spent)


def known(bounds: Sequence[float]) -> Upper:
    """Efficacy bounds that are known already."""
    return lambda k, _front, _spent: bounds[k]


def solve_bounds(plan: Plan, drift: float, constant: float | None = None) -> Bounds:
    """Bounds under a planned effect.

    Parameters
    ----------
    drift : float
        Expected Z at information 1.
    constant : float, optional
        Constant of bounds that have a shape, if it is known already.
    """
    found = _solved(plan, drift, constant)
    return Bounds(plan.information, found.efficacy, found.futility, plan.sides)


def _solved(plan: Plan, drift: float, constant: float | None) -> Walked:
    if plan.futility is None:
        return walk(plan, _uppers(plan, None, constant), None, drift)
    if plan.binds:
        return _binding(plan, plan.futility, drift, constant)
    uppers = walk(plan, _uppers(plan, None, constant)).efficacy
    return walk(plan, known(uppers), _lower_rule(plan, plan.futility, drift, uppers[-1]), drift)


def drift_for_power(plan: Plan) -> tuple[float, Bounds]:
    """Expected final Z that gives the power, and the bounds under it."""
    goal = 1.0 - plan.beta
    if plan.futility is None or not plan.futility.needs_effect:
        fixed = solve_bounds(plan, 0.0)
        fronts = list(fixed.fronts((0.0, LARGEST)))

        def missing(drift: float) -> float:
            looks = zip(fronts, fixed.information, fixed.efficacy, strict=True)
            return goal - sum(float(beyond(front, t, z, drift)) for front, t, z in looks)

        return _drift_from(plan, missing), fixed
    asked, uppers = plan.futility, None
    if not plan.binds:
        uppers = walk(plan, _uppers(plan, None)).efficacy

    @lru_cache(maxsize=4)
    def walked(drift: float) -> Walked:
        if uppers is None:
            return _binding(plan, asked, drift, None)
        return walk(plan, known(uppers), _lower_rule(plan, asked, drift, uppers[-1]), drift)

    drift = _drift_from(plan, lambda drift: goal - walked(drift).power)
    found = walked(drift)
    return drift, Bounds(plan.information, found.efficacy, found.futility, plan.sides)


def _drift_from(plan: Plan, missing: Callable[[float], float]) -> float:
    """Drift at which no power is missing, sought from that of a fixed design."""
    start = 1.05 * float(ndtri(1.0 - plan.one_sided) + ndtri(1.0 - plan.beta))
    return _root_from(missing, max(start, 0.05), (1e-9, LARGEST), "no effect reaches the power asked for")


# === Efficacy ===


def shape_constant(plan: Plan, lower: Lower | None = None) -> float | None:
    """Constant C of bounds C * (t_k / t_K) ^ (delta - 1/2) that spend alpha; None of other rules."""
    if plan.efficacy.delta is None:
        return None

    def excess(constant: float) -> float:
        spent = walk(plan, known(_shape(plan, constant)), lower).spent
        return math.log(max(spent, 1e-300) / plan.one_sided)  # nearly straight in the constant

    start = -float(ndtri(plan.one_sided)) + 0.05
    return _root_from(excess, start, (-2.0 * LARGEST, 2.0 * LARGEST), "no efficacy bounds spend alpha")


def _root_from(function: Callable[[float], float], start: float, limits: tuple[float, float], trouble: str) -> float:
    """Root of a falling function, from a point near it."""
    low, high = limits
    there = function(start)
    step = 0.1 if there > 0.0 else -0.1
    before, now = start, min(max(start + step, low), high)
    while (value := function(now)) * there > 0.0:
        if now in (low, high):
            raise InputError(f"futility: {trouble}; the futility bounds stop too many trials.")
        before, step = now, 2.0 * step
        now = min(max(now + step, low), high)
    if value == 0.0:
        return now
    return float(brentq(function, before, now, xtol=1e-11, rtol=1e-13))


def _shape(plan: Plan, constant: float) -> list[float]:
    delta, last = plan.efficacy.delta or 0.0, (plan.planned or plan.information)[-1]
    looks = len(plan.information)
    scale = [constant * (t / last) ** (delta - 0.5) for t in plan.information]
    return [z if plan.efficacy.tests(k, looks) else math.inf for k, z in enumerate(scale, start=1)]


def _uppers(plan: Plan, lower: Lower | None, constant: float | None = None) -> Upper:
    """Efficacy bounds of each look; of a shape, its constant spends alpha with a futility rule's stops."""
    shaped: list[float] | None = None
    if plan.efficacy.delta is not None:
        constant = constant if constant is not None else shape_constant(_as_planned(plan), lower)
        shaped = _shape(plan, constant or 0.0)
    return lambda k, front, spent: _upper(plan, k, front, spent, shaped)


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


def _lower_rule(plan: Plan, futility: Futility, drift: float, final_bound: float) -> Lower:
    """Futility bound of each look under a planned effect."""
    looks = len(plan.information)
    spent_before = {0: 0.0}

    def at(k: int, front: Front) -> float:
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


def _binding(plan: Plan, futility: Futility, drift: float, constant: float | None) -> Walked:
    """Efficacy and futility bounds that count on each other."""
    final_bound = -float(ndtri(plan.one_sided))
    for _ in range(ROUNDS):
        rule = _lower_rule(plan, futility, drift, final_bound)
        found = walk(plan, _uppers(plan, rule, constant), rule, drift)
        if futility.rule in (rules.BETA_SPENDING, rules.Z) or abs(found.efficacy[-1] - final_bound) < 1e-11:
            break
        final_bound = found.efficacy[-1]
    return found


def steps(values: Sequence[float]) -> tuple[float, ...]:
    """What each look adds to a running total."""
    return tuple(after - before for before, after in pairwise((0.0, *values)))
