"""Rules of a group-sequential design: when efficacy may be declared, and when the trial stops for futility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import InputError, exact
from lmssim.trials import checks
from lmssim.trials.sequential import spending
from lmssim.trials.sequential.spending import Spending

if TYPE_CHECKING:
    from collections.abc import Sequence

OBF, POCOCK, WANG_TSIATIS, HAYBITTLE_PETO = "obf", "pocock", "wang_tsiatis", "haybittle_peto"
FINAL_ONLY, CUMULATIVE = "final_only", "cumulative"
SHAPES = {
    OBF: "O'Brien-Fleming bounds",
    POCOCK: "Pocock bounds",
    WANG_TSIATIS: "Wang-Tsiatis bounds",
    HAYBITTLE_PETO: "Haybittle-Peto bounds",
    FINAL_ONLY: "no early test of efficacy",
    CUMULATIVE: "an alpha chosen for each look",
}
EFFICACY = (*SHAPES, *spending.NAMES)
USUAL_PETO = 3.0

BETA_SPENDING, Z, CONDITIONAL_POWER, PREDICTIVE_POWER = "beta_spending", "z", "conditional_power", "predictive_power"
FUTILITY = (BETA_SPENDING, Z, CONDITIONAL_POWER, PREDICTIVE_POWER)
NULL, PLANNED, TREND = "null", "planned", "trend"
EFFECTS = (PLANNED, TREND, NULL)


@dataclass(frozen=True)
class Efficacy:
    """When efficacy may be declared.

    Attributes
    ----------
    name : str
        `obf`, `pocock`, `wang_tsiatis` (u_k proportional to t_k to the power delta - 1/2), `haybittle_peto`, `ld_obf`,
        `ld_pocock`, `hsd`, `kim_demets`, `final_only`, or `cumulative`.
    parameter : float, optional
        Delta of Wang-Tsiatis (-5 to 1), the interim Z of Haybittle-Peto (3 if absent), gamma of `hsd`, rho of
        `kim_demets`.
    looks : tuple of int
        Looks, counted from 1, that test efficacy; all if empty. The last always does.
    cumulative : tuple of float
        For `cumulative` alone: the part of alpha spent by each planned look, the last 1; between looks, the part is
        interpolated.
    """

    name: str
    parameter: float | None = None
    looks: tuple[int, ...] = ()
    cumulative: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        checks.one_of("efficacy", self.name, EFFICACY)
        if self.name in spending.NAMES:
            Spending(self.name, self.parameter)
        elif self.name == WANG_TSIATIS:
            self._check_delta()
        elif self.name == HAYBITTLE_PETO:
            checks.inside("parameter", self.peto, 0.0, 20.0, what="the interim Z of Haybittle-Peto")
        elif self.parameter is not None:
            raise InputError(f"parameter: '{self.name}' takes none; leave it out.")
        _check_looks("looks", self.looks)
        self._check_cumulative()

    def _check_delta(self) -> None:
        if self.parameter is None:
            raise InputError("parameter: 'wang_tsiatis' needs delta; 0 gives O'Brien-Fleming, 0.5 Pocock.")
        checks.inside("parameter", self.parameter, -5.0, 1.0 + 1e-12, what="delta of Wang-Tsiatis")

    def _check_cumulative(self) -> None:
        if (self.name == CUMULATIVE) != bool(self.cumulative):
            need = "needs the part of alpha spent by each look" if self.name == CUMULATIVE else "takes none"
            raise InputError(f"cumulative: '{self.name}' {need}.")
        parts = checks.numbers("cumulative", self.cumulative)
        if parts and (min(parts) < 0.0 or abs(parts[-1] - 1.0) > 1e-9 or list(parts) != sorted(parts)):
            raise InputError("cumulative: the parts must ascend from 0 or more to 1 at the last look.")

    @property
    def peto(self) -> float:
        """Interim Z of Haybittle-Peto."""
        return USUAL_PETO if self.parameter is None else self.parameter

    @property
    def delta(self) -> float | None:
        """Exponent of bounds that have a shape, in Wang and Tsiatis' family; None of others."""
        return {OBF: 0.0, POCOCK: 0.5, WANG_TSIATIS: self.parameter}.get(self.name)

    def tests(self, look: int, looks: int) -> bool:
        """Whether efficacy may be declared at a look (from 1) of so many."""
        if look == looks:
            return True
        return self.name != FINAL_ONLY and (not self.looks or look in self.looks)

    def label(self) -> str:
        """The rule in words."""
        if self.name in spending.NAMES:
            return Spending(self.name, self.parameter).label()
        values = {WANG_TSIATIS: ("delta", self.parameter), HAYBITTLE_PETO: ("interim Z", self.peto)}
        letter, value = values.get(self.name, ("", None))
        return SHAPES[self.name] + ("" if value is None else f" ({letter} = {exact(value)})")


@dataclass(frozen=True)
class Futility:
    """When a trial stops because success has become unlikely.

    Attributes
    ----------
    rule : str
        `beta_spending`: type II error is spent by a function; `z`: given Z; `conditional_power` or
        `predictive_power`: Z at which that power falls to a threshold.
    spending : Spending, optional
        For `beta_spending`.
    z : tuple of float
        For `z`: bounds of the interim looks.
    threshold : float, optional
        For `conditional_power` and `predictive_power`, such as 0.2.
    effect : str
        For `conditional_power`: the effect under which the rest of the trial is foreseen, `planned`, `trend` (as
        observed so far) or `null`.
    binding : bool
        Whether efficacy bounds count on the trial's stopping; if not, alpha holds also when it goes on.
    looks : tuple of int
        Looks, counted from 1, that test futility; all but the last if empty.
    """

    rule: str
    spending: Spending | None = None
    z: tuple[float, ...] = ()
    threshold: float | None = None
    effect: str = PLANNED
    binding: bool = False
    looks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        checks.one_of("futility", self.rule, FUTILITY)
        checks.one_of("effect", self.effect, EFFECTS)
        if (self.rule == BETA_SPENDING) != (self.spending is not None):
            raise InputError(f"spending: futility by '{self.rule}' {_needs(self.rule == BETA_SPENDING, 'a function')}.")
        if (self.rule == Z) != bool(self.z):
            raise InputError(f"z: futility by '{self.rule}' {_needs(self.rule == Z, 'a bound for each interim look')}.")
        powers = self.rule in (CONDITIONAL_POWER, PREDICTIVE_POWER)
        if powers != (self.threshold is not None):
            raise InputError(f"threshold: futility by '{self.rule}' {_needs(powers, 'a power, such as 0.2')}.")
        if self.threshold is not None:
            checks.share("threshold", self.threshold)
        checks.numbers("z", self.z)
        _check_looks("looks", self.looks)

    @property
    def needs_effect(self) -> bool:
        """Whether the bounds depend on the planned effect."""
        return self.rule == BETA_SPENDING or (self.rule == CONDITIONAL_POWER and self.effect == PLANNED)

    def tests(self, look: int, looks: int) -> bool:
        """Whether the trial may stop for futility at a look (from 1) of so many."""
        return look < looks and (not self.looks or look in self.looks)

    def label(self) -> str:
        """The rule in words."""
        kind = "binding" if self.binding else "non-binding"
        if self.spending is not None:
            return f"{kind} futility by {self.spending.label()} of beta"
        if self.rule == Z:
            return f"{kind} futility bounds on Z"
        power = self.rule.replace("_", " ")
        under = f" under the {self.effect} effect" if self.rule == CONDITIONAL_POWER else ""
        return f"{kind} futility at a {power} of {exact(self.threshold or 0.0)}{under}"


def _needs(needed: bool, what: str) -> str:
    return f"needs {what}" if needed else "takes none"


def _check_looks(key: str, looks: Sequence[int]) -> None:
    for look in looks:
        if isinstance(look, bool) or not isinstance(look, int) or not 1 <= look <= checks.MOST_LOOKS:
            raise InputError(f"{key}: {look!r} is not the number of a look, counted from 1.")
    if len(set(looks)) != len(looks):
        raise InputError(f"{key}: a look stands twice.")
