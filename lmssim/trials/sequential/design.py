"""Group-sequential designs: planned here, and met again at the information that was observed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from lmssim.errors import InputError, exact
from lmssim.trials import checks
from lmssim.trials.sequential.conditional import FLAT, NormalPrior, averaged, later_power
from lmssim.trials.sequential.crossing import beyond
from lmssim.trials.sequential.rules import CUMULATIVE, Efficacy, Futility, Z
from lmssim.trials.sequential.solve import Plan, drift_for_power, shape_constant, solve_bounds, steps
from lmssim.trials.sequential.spending import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from lmssim.kernels import FloatArray
    from lmssim.trials.sequential.bounds import Bounds, Crossing


@dataclass(frozen=True)
class GroupSequentialDesign:
    """A fixed or group-sequential design on the scale of Z and information fractions.

    Attributes
    ----------
    bounds : Bounds
        Bounds on Z at each look.
    drift : float
        Expected Z at information 1 (the planned end) under the alternative.
    plan : Plan
        What was asked for.
    constant : float, optional
        Constant of bounds that have a shape (O'Brien-Fleming, Pocock, Wang-Tsiatis).
    """

    bounds: Bounds
    drift: float
    plan: Plan
    constant: float | None = field(default=None, repr=False)

    @property
    def information(self) -> tuple[float, ...]:
        """Information fractions of the looks."""
        return self.bounds.information

    @property
    def looks(self) -> int:
        """Number of analyses, the last included."""
        return len(self.information)

    @property
    def sides(self) -> int:
        """1 or 2."""
        return self.plan.sides

    @property
    def alpha(self) -> float:
        """Type I error, of all sides together."""
        return self.plan.alpha

    @property
    def efficacy(self) -> tuple[float, ...]:
        """Efficacy bounds on Z; infinite where efficacy is not tested."""
        return self.bounds.efficacy

    @property
    def futility(self) -> tuple[float, ...]:
        """Futility bounds on Z; minus infinity where futility is not tested. The last is the efficacy bound."""
        return self.bounds.futility

    @property
    def nominal_p(self) -> tuple[float, ...]:
        """P-value of each efficacy bound: one-sided, or two-sided as the design is."""
        return tuple(self.sides * float(ndtr(-z)) for z in self.efficacy)

    @cached_property
    def alpha_spent(self) -> tuple[float, ...]:
        """Type I error spent up to each look; stops for futility count only if they bind."""
        told = self.bounds if self.plan.binds else replace(self.bounds, futility=())
        looks = zip(told.fronts((0.0, 0.0)), told.information, told.efficacy, strict=True)
        spent = np.cumsum([self.sides * float(beyond(front, t, z)) for front, t, z in looks])
        return tuple(float(each) for each in spent)

    @property
    def stage_alpha(self) -> tuple[float, ...]:
        """Type I error that each look spends."""
        return steps(self.alpha_spent)

    @cached_property
    def planned_crossing(self) -> Crossing:
        """How probable each look is to end the trial under no effect, half the planned effect and the planned one."""
        return self.bounds.crossing([0.0, 0.5 * self.drift, self.drift])

    @property
    def power(self) -> float:
        """Power under the planned effect."""
        return float(self.planned_crossing.power[2])

    @property
    def stage_power(self) -> tuple[float, ...]:
        """Probability, under the planned effect, that efficacy is declared at each look."""
        return tuple(float(p) for p in self.planned_crossing.efficacy[2])

    @property
    def fixed_drift(self) -> float:
        """Expected Z of the fixed design of the same alpha and power."""
        return float(ndtri(1.0 - self.plan.one_sided) + ndtri(1.0 - self.plan.beta))

    @property
    def inflation_factor(self) -> float:
        """Information at fraction 1 over that of the fixed design of the same alpha and power."""
        return (self.drift / self.fixed_drift) ** 2

    @property
    def expected_information(self) -> tuple[float, float, float]:
        """Expected information over that of the fixed design, under no effect, half the planned and the planned one."""
        none, half, whole = self.planned_crossing.expected_information(self.information) * self.inflation_factor
        return float(none), float(half), float(whole)

    def crossing(self, drift: float | Sequence[float] | FloatArray) -> Crossing:
        """How probable each look is to end the trial, for one expected final Z or several."""
        return self.bounds.crossing(drift)

    def conditional_power(
        self, look: int, z: float, drift: float | None = None, *, with_futility: bool | None = None
    ) -> float:
        """Probability that a later look declares efficacy, given Z at a look.

        Parameters
        ----------
        look : int
            The look, counted from 1.
        drift : float, optional
            Expected final Z that is supposed: the planned one if absent, 0 for the conditional rejection probability,
            z / sqrt(t) for the trend.
        with_futility : bool, optional
            Whether the trial stops at later futility bounds; as they bind, if absent.
        """
        theta = self.drift if drift is None else checks.number("drift", drift)
        stops = self.plan.binds if with_futility is None else with_futility
        return float(later_power(self.bounds, look, z, theta, with_futility=stops)[0])

    def conditional_rejection_probability(self, look: int, z: float) -> float:
        """Probability, if there is no effect, that a later look declares efficacy, given Z at a look."""
        return self.conditional_power(look, z, 0.0)

    def predictive_power(
        self, look: int, z: float, prior: NormalPrior = FLAT, *, with_futility: bool | None = None
    ) -> float:
        """Probability that a later look declares efficacy, given Z at a look and what is known of the effect.

        Parameters
        ----------
        prior : NormalPrior
            Of the expected final Z; flat if absent.
        """
        if not 1 <= look < self.looks:
            raise InputError(f"look: {look!r} is not an interim look of the design, 1 to {self.looks - 1}.")
        drifts, weights = averaged(*prior.after(z, self.information[look - 1]))
        stops = self.plan.binds if with_futility is None else with_futility
        return float(weights @ later_power(self.bounds, look, z, drifts, with_futility=stops))

    def assurance(self, prior: NormalPrior) -> float:
        """Power averaged over a normal distribution of the expected final Z."""
        drifts, weights = averaged(prior.mean, prior.sd)
        return float(weights @ self.crossing(drifts).power)

    def at_information(
        self,
        information: Sequence[float],
        *,
        final: bool = True,
        spending_time: Sequence[float] = (),
    ) -> GroupSequentialDesign:
        """The design at the information that was observed.

        Parameters
        ----------
        information : sequence of float
            Observed information of the looks so far, as fractions of the planned final information; above 1 if more
            was gathered than planned.
        final : bool
            Whether the last of them is the final analysis, which spends all of alpha that is left, be its information
            below or above the plan. If not, the looks that are still planned follow.
        spending_time : sequence of float
            Fractions at which spending functions are read, such as those of calendar time; those of information if
            empty.

        Returns
        -------
        GroupSequentialDesign
            Bounds of looks that are past do not change when later ones are added.

        Notes
        -----
        Spending functions spend by the observed fraction. Bounds that have a shape keep the planned constant at
        interim looks, and Haybittle-Peto its interim Z; the final bound is solved for what is left of alpha.
        """
        observed = checks.information_fractions("information", information, over=True)
        read = checks.ascending("spending_time", checks.numbers("spending_time", spending_time))
        if read and (len(read) != len(observed) or read[0] <= 0.0 or read[-1] > 1.0 + 1e-12):
            raise InputError("spending_time: give one fraction, above 0 and at most 1, for each look.")
        later = () if final else self._still_planned(observed)
        spends_all = final or self._planned[-1] >= 1.0 or self.plan.efficacy.name not in NAMES
        plan = replace(
            self.plan,
            information=(*observed, *later),
            planned=self._planned,
            spending_time=(*read, *(max(t, read[-1]) for t in later)) if read else (),
            final=spends_all,
        )
        found = solve_bounds(plan, self.drift, self.constant)
        if not np.isfinite(found.efficacy[-1]):
            raise InputError(
                f"information: {self.plan.efficacy.label()} spend all of alpha before the last of these looks; only "
                "spending functions allow for any number of looks."
            )
        return GroupSequentialDesign(found, self.drift, plan, self.constant)

    def _still_planned(self, observed: tuple[float, ...]) -> tuple[float, ...]:
        """Planned looks that follow the observed ones: always the last, others by their number."""
        planned, last = self._planned, observed[-1]
        if last > planned[-1] - checks.CLOSEST:
            raise InputError(
                f"information: {exact(last)} of the planned information is there, and no look is left; with it, the "
                "last look is the final one."
            )
        later = [t for t in planned[len(observed) : -1] if t > last + checks.CLOSEST]
        return (*later, planned[-1])

    @property
    def _planned(self) -> tuple[float, ...]:
        return self.plan.planned or self.plan.information

    def to_frame(self) -> pd.DataFrame:
        """One row for each look.

        Returns
        -------
        pandas.DataFrame
            Columns `look`, `information` (fraction), `z_efficacy`, `nominal_p`, `z_futility`, `alpha_spent`,
            `stage_power`, `cumulative_power`, `futility_null` and `futility_planned` (probability of stopping for
            futility by this look under no and under the planned effect).
        """
        import pandas as pd

        cross = self.planned_crossing
        columns: dict[str, Any] = {
            "look": range(1, self.looks + 1),
            "information": self.information,
            "z_efficacy": self.efficacy,
            "nominal_p": self.nominal_p,
            "z_futility": self.futility,
            "alpha_spent": self.alpha_spent,
            "stage_power": self.stage_power,
            "cumulative_power": np.cumsum(self.stage_power),
            "futility_null": np.cumsum(cross.futility[0]),
            "futility_planned": np.cumsum(cross.futility[2]),
        }
        return pd.DataFrame(columns)

    def summary(self) -> str:
        """A sentence or two for the protocol."""
        side = "one-sided" if self.sides == 1 else "two-sided"
        if self.looks == 1:
            return (
                f"One final analysis tests at a {side} alpha of {exact(self.alpha)} (Z of {self.efficacy[0]:.4f} or "
                f"more) with a power of {self.power:.1%} when the expected Z is {self.drift:.4f}."
            )
        bounds = [f"{z:.4f}" if np.isfinite(z) else "none" for z in self.efficacy]
        rule = self.plan.efficacy.label()
        futility = f", with {self.plan.futility.label()}" if self.plan.futility is not None else ""
        return (
            f"The trial is analysed {self.looks} times, at {listed([f'{t:.1%}' for t in self.information])} of its "
            f"planned information, at a {side} alpha of {exact(self.alpha)} ({rule}{futility}). Efficacy is declared "
            f"when Z reaches {listed(bounds)}. The power is {self.power:.1%}; the largest information is "
            f"{self.inflation_factor:.4f} times that of a fixed design, and {self.expected_information[2]:.4f} times "
            f"is expected if the planned effect is true."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Bounds on Z by information."""
        from lmssim.trials.plots import plot_bounds

        futility = () if self.plan.futility is None else self.futility
        return plot_bounds(self.information, self.efficacy, futility, sides=self.sides, ax=ax)


def listed(words: Sequence[str]) -> str:
    """Words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def group_sequential(
    information: int | Sequence[float] = 1,
    *,
    alpha: float = 0.025,
    sides: int = 1,
    power: float = 0.9,
    efficacy: Efficacy | str = "ld_obf",
    futility: Futility | None = None,
) -> GroupSequentialDesign:
    """Plan a fixed or group-sequential design.

    Parameters
    ----------
    information : int or sequence of float
        Number of equally spaced looks, or the information of each as a fraction of the planned final information.
    alpha : float
        Type I error, of all sides together.
    sides : int
        1 or 2; two-sided designs test both directions with alpha / 2 each, and their power counts one direction.
    power : float
        Power under the planned effect, at the planned information.
    efficacy : Efficacy or str
        When efficacy may be declared.
    futility : Futility, optional
        When the trial stops for futility.

    Returns
    -------
    GroupSequentialDesign
        Bounds, the effect (`drift`, expected final Z) that has the power, and error rates by look.

    Raises
    ------
    InputError
        If a value is not allowed, or no effect reaches the power.

    Examples
    --------
    >>> from lmssim.trials import Efficacy, group_sequential
    >>> design = group_sequential(3, alpha=0.025, power=0.9, efficacy=Efficacy("hsd", -4.0))
    >>> [round(z, 4) for z in design.efficacy]
    [3.0107, 2.5465, 1.9992]
    >>> round(design.inflation_factor, 4)
    1.0152
    """
    plan = _plan(information, alpha, sides, power, efficacy, futility)
    drift, bounds = drift_for_power(plan)
    if not np.isfinite(bounds.efficacy[-1]):
        raise InputError(f"parameter: {plan.efficacy.label()} spend all of alpha before the last look; raise it.")
    constant = None if plan.binds else shape_constant(plan)
    if plan.binds and plan.efficacy.delta is not None:
        constant = bounds.efficacy[-1]
    return GroupSequentialDesign(bounds, drift, plan, constant)


def _plan(
    information: int | Sequence[float],
    alpha: float,
    sides: int,
    power: float,
    efficacy: Efficacy | str,
    futility: Futility | None,
) -> Plan:
    """What is asked for, checked."""
    if isinstance(information, int) and not isinstance(information, bool):
        if not 1 <= information <= checks.MOST_LOOKS:
            raise InputError(f"information: {information} looks; a design has 1 to {checks.MOST_LOOKS}.")
        information = [k / information for k in range(1, information + 1)]
    fractions = checks.information_fractions("information", information)
    if isinstance(sides, bool) or sides not in (1, 2):
        raise InputError(f"sides: {sides!r} is not 1 or 2.")
    checks.type_i_error("alpha", alpha, sides)
    checks.inside("power", power, alpha / sides, 1.0, what="above alpha of a side")
    rule = Efficacy(efficacy) if isinstance(efficacy, str) else efficacy
    if not isinstance(rule, Efficacy):
        raise InputError(f"efficacy: {efficacy!r} is neither a name nor an Efficacy.")
    if futility is not None and not isinstance(futility, Futility):
        raise InputError(f"futility: {futility!r} is not a Futility.")
    _check_fits(rule, futility, fractions, sides)
    beta = 1.0 - power
    return Plan(fractions, float(alpha), beta, sides, rule, futility if len(fractions) > 1 else None)


def _check_fits(rule: Efficacy, futility: Futility | None, fractions: tuple[float, ...], sides: int) -> None:
    """Refuse rules that are written for another number of looks."""
    looks = len(fractions)
    if rule.name == CUMULATIVE and len(rule.cumulative) != looks:
        raise InputError(f"cumulative: {len(rule.cumulative)} parts for {looks} looks; give one for each.")
    for key, asked in (("efficacy", rule.looks), ("futility", futility.looks if futility else ())):
        if asked and max(asked) > looks:
            raise InputError(f"{key}.looks: {max(asked)} is beyond the last look, {looks}.")
    if futility is not None and futility.rule == Z:
        if len(futility.z) != looks - 1:
            raise InputError(f"futility.z: {len(futility.z)} bounds for {looks - 1} interim looks; give one for each.")
        if sides == 2 and min(futility.z) < 0.0:
            raise InputError("futility.z: two-sided designs compare the absolute value of Z; a bound is not negative.")
    if rule.name in NAMES and fractions[-1] < 1.0 and futility is not None:
        raise InputError(
            f"information: ends at {exact(fractions[-1])}; a design with futility ends at 1, the planned information."
        )
