"""One table of ways to conduct a trial: a fixed size, the best fixed size, group-sequential, and stopping on value.

All are scored on the same simulated trials, so that differences between them are paired. Whatever a way needs to learn
from the trials (a strategy to adopt, a size, when to stop) is learnt from one half of the draws and scored on the
other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from lmssim.economics.voi.partial import clustered_error
from lmssim.economics.voi.ridge import folds_of
from lmssim.economics.voi.trial.adoption import BY_VALUE, significant
from lmssim.economics.voi.trial.scored import Scored, merged, scored
from lmssim.economics.voi.trial.stopping import policy_in_sample, stopping_policy
from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.economics.voi.basis import MaskArray
    from lmssim.economics.voi.trial.boundaries import Boundaries, Decisions
    from lmssim.economics.voi.trial.looks import Looks, Stakes
    from lmssim.economics.voi.trial.stopping import Policy
    from lmssim.kernels import IntArray

BY_TEST = "test"
FIXED, BEST_FIXED, SEQUENTIAL, ON_VALUE = "fixed size", "best fixed size", "group-sequential", "stopping on value"


class StoppingRow(NamedTuple):
    """A way to conduct the trial: expectations, discounted, for the population."""

    rule: str
    adoption: str
    """By the trial's test, or the strategy of the greatest expected net benefit."""
    feasible: bool
    """Whether the patients of its largest trial can be recruited in time."""
    net_benefit: float
    """Beyond that of the current strategy for ever."""
    enbs: float
    """Beyond that of adopting the best strategy today."""
    se: float
    below: float
    """By how much ENBS is below that of stopping on value."""
    below_se: float
    cost: float
    arms: float
    """What the patients of the trial lose."""
    patients: float
    years: float
    """Until the decision."""
    adopts_new: float
    optimism: float
    """By how much ENBS is greater on the draws from which the rule was learnt; NaN of rules without looks to learn."""


class StopRow(NamedTuple):
    """A look of a way to conduct the trial."""

    rule: str
    adoption: str
    look: int
    """From 1 on."""
    probability: float
    """Of stopping there."""
    se: float
    adopts_new: float
    """Probability of stopping there and adopting the new strategy."""
    years: float
    """Until the decision, of trials that stop there; NaN if none does."""
    patients: float


@dataclass(frozen=True)
class StoppingValue:
    """Ways to conduct a trial, on the same simulated trials.

    Attributes
    ----------
    looks : Looks
        Of the trial with looks.
    stakes : Stakes
        What the population gains.
    fixed : mapping of int to Looks
        By size: the same draws' trials with one look, their end.
    given : int
        The fixed size that is planned.
    new, standard : int
        Strategies of the arms.
    alpha : float
        One-sided, of the test of fixed sizes.
    rules : mapping of str to Decisions
        Group-sequential rules, by name.
    """

    looks: Looks
    stakes: Stakes
    fixed: Mapping[int, Looks]
    given: int
    new: int
    standard: int
    alpha: float = 0.025
    rules: Mapping[str, Decisions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a planned size without trials."""
        if self.given not in self.fixed:
            raise InputError(f"given: {self.given} is not among the sizes {', '.join(map(str, self.fixed))}.")

    @cached_property
    def scored(self) -> list[Scored]:
        """Every way, stopping on value last."""
        with threadpool_limits(limits=1):
            found = [*self._of_given(), self._of_best()]
            for name, decisions in self.rules.items():
                found += self._of_rule(name, decisions)
            return [*found, self._of_policy(ON_VALUE, self.looks, self._policy, self._fits)]

    @cached_property
    def rows(self) -> list[StoppingRow]:
        """One of each way."""
        return [self._row(each) for each in self.scored]

    @cached_property
    def stops(self) -> list[StopRow]:
        """One of each way and look."""
        return [self._stop(each, k) for each in self.scored for k in range(each.n_looks)]

    # === What is learnt ===

    @cached_property
    def _half(self) -> MaskArray:
        half: MaskArray = folds_of(self.stakes.rows, 2) == 0
        return half

    @cached_property
    def _policy(self) -> Policy:
        return stopping_policy(self.looks, self.stakes.payoff(self.looks), self.stakes.rows)

    @cached_property
    def _fixed_policies(self) -> dict[int, Policy]:
        """What to adopt after a trial of each size."""
        rows = self.stakes.rows
        return {size: stopping_policy(each, self.stakes.payoff(each), rows) for size, each in self.fixed.items()}

    @cached_property
    def _optimism(self) -> float:
        """Of stopping on value."""
        payoff = self.stakes.payoff(self.looks)
        with threadpool_limits(limits=1):
            policy = policy_in_sample(self.looks, payoff, self.stakes.rows)
        values = payoff[np.arange(len(payoff)), policy.look, policy.adopted]
        return float(values.mean() - self.scored[-1].values.mean())

    # === The ways ===

    @property
    def _fits(self) -> bool:
        """Whether the patients of the trial with looks can be recruited."""
        return self.stakes.conduct.feasible(float(self.looks.patients.max()))

    def _of_policy(self, name: str, looks: Looks, policy: Policy, feasible: bool) -> Scored:
        return scored(self.stakes, looks, policy.look, policy.adopted, (name, BY_VALUE, feasible))

    def _after(self, success: MaskArray) -> IntArray:
        """Strategy that a test leads to."""
        return np.where(success, self.new, self.standard)

    def _of_given(self) -> list[Scored]:
        looks, feasible = self.fixed[self.given], self.stakes.conduct.feasible(self.given)
        name, found = f"{FIXED} {self.given}", []
        if looks.z is not None:
            adopted = self._after(significant(looks.z[:, 0], self.alpha))
            found.append(scored(self.stakes, looks, np.zeros_like(adopted), adopted, (name, BY_TEST, feasible)))
        return [*found, self._of_policy(name, looks, self._fixed_policies[self.given], feasible)]

    def _of_best(self) -> Scored:
        """The size that is the best on one half of the draws, scored on the other half."""
        feasible = [size for size in self.fixed if self.stakes.conduct.feasible(size)]
        possible = feasible or [min(self.fixed)]
        each = {n: self._of_policy("", self.fixed[n], self._fixed_policies[n], bool(feasible)) for n in possible}
        by_other, by_this = (
            max(possible, key=lambda n: float(each[n].values[part].mean())) for part in (~self._half, self._half)
        )
        sizes = " or ".join(str(size) for size in sorted({by_other, by_this}))
        return merged(f"{BEST_FIXED}: {sizes}", self._half, each[by_other], each[by_this])

    def _of_rule(self, name: str, decisions: Decisions) -> list[Scored]:
        """Stopped by a rule; adopted by its test, and by expected net benefit at the same looks."""
        look = decisions.look
        chosen = self._policy.adopt[np.arange(len(look)), look]
        return [
            scored(self.stakes, self.looks, look, adopted, (name, how, self._fits))
            for how, adopted in ((BY_TEST, self._after(decisions.success)), (BY_VALUE, chosen))
        ]

    # === The rows ===

    def _row(self, each: Scored) -> StoppingRow:
        rows = self.stakes.rows
        below = self.scored[-1].values - each.values
        return StoppingRow(
            rule=each.name,
            adoption=each.adoption,
            feasible=each.feasible,
            net_benefit=float((each.values + self.stakes.today).mean()),
            enbs=float(each.values.mean()),
            se=clustered_error(each.values, rows),
            below=float(below.mean()),
            below_se=clustered_error(below, rows),
            cost=float(each.cost.mean()),
            arms=float(each.arms.mean()),
            patients=float(each.patients.mean()),
            years=float(each.years.mean()),
            adopts_new=float((each.adopted == self.new).mean()),
            optimism=self._optimism if each.name == ON_VALUE else float("nan"),
        )

    def _stop(self, each: Scored, k: int) -> StopRow:
        here = each.look == k
        error = clustered_error(here.astype(np.float64), self.stakes.rows)
        new = float((here & (each.adopted == self.new)).mean())
        some = bool(here.any())
        years, patients = (float(x[here].mean()) if some else float("nan") for x in (each.years, each.patients))
        return StopRow(each.name, each.adoption, k + 1, float(here.mean()), error, new, years, patients)


def stopping_value(
    looks: Looks,
    stakes: Stakes,
    fixed: Mapping[int, Looks],
    given: int,
    *,
    new: int,
    standard: int,
    alpha: float = 0.025,
    boundaries: Boundaries | None = None,
    rules: Mapping[str, Decisions] | None = None,
) -> StoppingValue:
    """Stopping on value beside a fixed size, the best fixed size and group-sequential (`StoppingValue`).

    Parameters
    ----------
    boundaries : Boundaries, optional
        Bounds on the statistic of `looks`: a group-sequential rule.
    rules : mapping of str to Decisions, optional
        Further rules, by name.
    """
    known = dict(rules or {})
    if boundaries is not None:
        known = {SEQUENTIAL: _decided(boundaries, looks), **known}
    return StoppingValue(looks, stakes, fixed, given, new, standard, alpha, known)


def _decided(boundaries: Boundaries, looks: Looks) -> Decisions:
    if looks.z is None:
        raise InputError("boundaries: the looks have no statistic z to be held against them.")
    for name, each in (("efficacy", boundaries.efficacy), ("futility", boundaries.futility)):
        if each is not None and len(each) != looks.n_looks:
            raise InputError(f"{name}: {len(each)} bounds; the trial has {looks.n_looks} looks.")
    return boundaries.decisions(looks.z)
