r"""Trials of a difference between survival curves: of restricted mean survival times, or of survival at a milestone.

Per patient, the asymptotic variances are

.. math:: V_{RMST} = \int_0^\tau \frac{A(u)^2 h(u)}{S(u) G(u)} du, \quad A(u) = \int_u^\tau S, \qquad
          V_{S(\tau)} = S(\tau)^2 \int_0^\tau \frac{h(u)}{S(u) G(u)} du ,

with G(u) the probability that a patient is followed for u: entry at least u before the analysis, and no dropout.
No hazard ratio is assumed.

References
----------
Royston P, Parmar MKB (2013). BMC Med Res Methodol 13:152. doi:10.1186/1471-2288-13-152.
Uno H et al. (2014). J Clin Oncol 32:2380-2385. doi:10.1200/JCO.2014.55.2208.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import brentq

from lmssim.errors import InputError, exact
from lmssim.trials import checks
from lmssim.trials.sequential.design import GroupSequentialDesign, group_sequential
from lmssim.trials.survival.expected import POINTS, ArmCourse, legendre, panels
from lmssim.trials.survival.hazards import NONE, Hazard
from lmssim.trials.survival.hazards import survival_probability as survival_at

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from lmssim.kernels import FloatArray
    from lmssim.trials.sequential.bounds import Crossing
    from lmssim.trials.survival.accrual import Accrual

RMST, MILESTONE = "rmst", "milestone"
MEASURES = {RMST: "restricted mean survival time", MILESTONE: "survival"}
RATE, POWER = "accrual_rate", "power"
FEW = 20.0
"""Cumulative hazard of dropout beyond which no trial is planned."""


def rmst(hazard: Hazard, tau: float) -> float:
    """Restricted mean survival time: area under the survival curve up to tau."""
    u, weight = _nodes(hazard, NONE, checks.positive("tau", tau), ())
    return float(weight @ survival_at(hazard, u))


def milestone_survival(hazard: Hazard, tau: float) -> float:
    """Probability of no event by tau."""
    return float(survival_at(hazard, checks.positive("tau", tau)))


def difference_variance(
    measure: str,
    hazard: Hazard,
    tau: float,
    *,
    dropout: Hazard = NONE,
    accrual: Accrual | None = None,
    time: float = math.inf,
) -> float:
    """Asymptotic variance of one arm's estimate, times its number of patients.

    Parameters
    ----------
    measure : str
        `rmst` or `milestone`.
    tau : float
        Time since entry.
    dropout : Hazard
        Of loss to follow-up.
    accrual : Accrual, optional
        Entries; if absent, nobody is censored by the analysis.
    time : float
        Calendar time of the analysis, at least tau.
    """
    checks.one_of("measure", measure, MEASURES)
    jumps: tuple[float, ...] = ()
    if float(dropout.cumulative(tau)) > FEW:
        raise InputError(
            f"dropout: fewer than one patient in {math.exp(FEW):.0e} would be followed for tau, {exact(tau)}."
        )
    if accrual is not None:
        if time < tau:
            raise InputError(
                f"tau: {exact(tau)} is later than the analysis, {exact(time)}; nobody is followed for so long."
            )
        jumps = tuple(time - end for end in accrual.breaks)
    u, weight = _nodes(hazard, dropout, tau, jumps)
    alive = survival_at(hazard, u)
    followed = np.exp(-dropout.cumulative(u))
    if accrual is not None:
        followed = followed * accrual.patients(time - u) / float(accrual.patients(time))
    influence = hazard.rate(u) / (alive * followed)
    if measure == MILESTONE:
        return float(survival_at(hazard, tau)) ** 2 * float(weight @ influence)
    return float(weight @ (influence * _area_after(hazard, dropout, tau, jumps, u) ** 2))


def _nodes(hazard: Hazard, dropout: Hazard, tau: float, jumps: tuple[float, ...]) -> tuple[FloatArray, FloatArray]:
    return panels(_edges(hazard, dropout, tau, jumps), ArmCourse(hazard, dropout))


def _edges(hazard: Hazard, dropout: Hazard, tau: float, jumps: tuple[float, ...]) -> FloatArray:
    inner = {u for u in (*hazard.bends, *dropout.bends, *jumps) if 0.0 < u < tau}
    return np.array([0.0, *sorted(inner), tau])


def _area_after(hazard: Hazard, dropout: Hazard, tau: float, jumps: tuple[float, ...], u: FloatArray) -> FloatArray:
    """Area under the survival curve from each node to tau."""
    nodes, weights = legendre()
    panel = u.reshape(-1, POINTS)  # nodes stand panel by panel
    size = (panel[:, 1] - panel[:, 0]) / (nodes[1] - nodes[0])
    low = panel[:, 0] - size * nodes[0]
    ends = low + size
    whole = size * (survival_at(hazard, panel) @ weights)
    after = np.concatenate([np.cumsum(whole[::-1])[::-1][1:], [0.0]])
    rest = ends[:, None] - panel
    inner = panel[:, :, None] + rest[:, :, None] * nodes
    area: FloatArray = rest * (survival_at(hazard, inner) @ weights) + after[:, None]
    return area.ravel()


@dataclass(frozen=True)
class DifferenceDesign:
    """A trial of a difference between two survival curves.

    Attributes
    ----------
    design : GroupSequentialDesign
        Bounds on Z.
    measure : str
        `rmst` or `milestone`.
    tau : float
        Time since entry.
    control, experimental : Hazard
        Planned hazards.
    dropout : Hazard
        Of both arms.
    accrual : Accrual
        Entries.
    study_duration : float
        Calendar time of the final analysis.
    allocation : float
        Experimental patients for each control patient.
    margin : float
        Loss that still counts as non-inferior; 0 for superiority.
    time_unit : str
        Name of the unit of time, in the plural.
    """

    design: GroupSequentialDesign
    measure: str
    tau: float
    control: Hazard
    experimental: Hazard
    dropout: Hazard
    accrual: Accrual
    study_duration: float
    allocation: float = 1.0
    margin: float = 0.0
    time_unit: str = "time units"

    @property
    def patients(self) -> float:
        """Expected patients, not rounded."""
        return self.accrual.total

    @cached_property
    def planned_values(self) -> tuple[float, float]:
        """The measure in the control and the experimental arm."""
        read = rmst if self.measure == RMST else milestone_survival
        return read(self.control, self.tau), read(self.experimental, self.tau)

    @property
    def difference(self) -> float:
        """Experimental less control."""
        return self.planned_values[1] - self.planned_values[0]

    def variances(self, time: float) -> tuple[float, float]:
        """Variance of each arm's estimate at a calendar time, times its number of patients."""
        control, experimental = (
            difference_variance(self.measure, hazard, self.tau, dropout=self.dropout, accrual=self.accrual, time=time)
            for hazard in (self.control, self.experimental)
        )
        return control, experimental

    def standard_error(self, time: float | None = None) -> float:
        """Standard error of the difference at a calendar time; at the final analysis if absent."""
        at = self.study_duration if time is None else time
        n, q = float(self.accrual.patients(at)), self.allocation / (1.0 + self.allocation)
        control, experimental = self.variances(at)
        return math.sqrt(control / (n * (1.0 - q)) + experimental / (n * q))

    @property
    def drift(self) -> float:
        """Expected Z at information 1."""
        return (self.difference + self.margin) / self.standard_error() / math.sqrt(self.design.information[-1])

    @cached_property
    def look_times(self) -> tuple[float, ...]:
        """Calendar time of each look, by the information on the difference."""
        whole = self.standard_error() ** -2 / self.design.information[-1]
        first = self.tau * (1.0 + 1e-9)

        def missing(time: float, part: float) -> float:
            return self.standard_error(time) ** -2 / whole - part

        times = []
        for part in self.design.information[:-1]:
            if (least := missing(first, part)) > 0.0:
                raise InputError(
                    f"information: {exact(part)} is too early: when the first patients have been followed for tau, "
                    f"{exact(self.tau)}, the fraction is {part + least:.3f} already; plan that look later."
                )
            times.append(float(brentq(missing, first, self.study_duration, args=(part,), xtol=1e-9)))
        return (*times, self.study_duration)

    @cached_property
    def planned(self) -> Crossing:
        """How probable each look is to end the trial under the plan."""
        return self.design.bounds.crossing(self.drift)

    @property
    def power(self) -> float:
        """Power under the plan."""
        return float(self.planned.power[0])

    def to_frame(self) -> pd.DataFrame:
        """One row for each look.

        Returns
        -------
        pandas.DataFrame
            Columns `look`, `information`, `patients`, `time`, `z_efficacy`, `nominal_p`, `difference_efficacy`,
            `z_futility`, `difference_futility`, `alpha_spent`, `cumulative_power`.
        """
        import pandas as pd

        design = self.design
        errors = np.array([self.standard_error(time) for time in self.look_times])
        columns: dict[str, Any] = {
            "look": range(1, design.looks + 1),
            "information": design.information,
            "patients": self.accrual.patients(np.array(self.look_times)),
            "time": self.look_times,
            "z_efficacy": design.efficacy,
            "nominal_p": design.nominal_p,
            "difference_efficacy": np.array(design.efficacy) * errors - self.margin,
            "z_futility": design.futility,
            "difference_futility": np.array(design.futility) * errors - self.margin,
            "alpha_spent": design.alpha_spent,
            "cumulative_power": np.cumsum(self.planned.efficacy[0]),
        }
        return pd.DataFrame(columns)

    def summary(self) -> str:
        """Sentences for the protocol."""
        side = "one-sided" if self.design.sides == 1 else "two-sided"
        control, experimental = self.planned_values
        name = f"{MEASURES[self.measure]} {'up to' if self.measure == RMST else 'at'} {exact(self.tau)}"
        against = "" if self.margin == 0.0 else f" and a margin of {exact(self.margin)}"
        looks = "" if self.design.looks == 1 else f" {self.design.summary()}"
        return (
            f"{math.ceil(round(self.patients, 6))} patients are randomised over "
            f"{exact(round(self.accrual.duration, 2))} {self.time_unit}, and the final analysis is after "
            f"{exact(round(self.study_duration, 2))}. The difference in {name} {self.time_unit} is tested at a {side} "
            f"alpha of {exact(self.design.alpha)}, with a power of {self.power:.1%} for {experimental:.4g} against "
            f"{control:.4g}{against} (standard error {self.standard_error():.4g}).{looks}"
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Planned survival of both arms."""
        from lmssim.trials.plots import plot_curves

        times = np.linspace(0.0, 1.5 * self.tau, 200)
        curves = {"Control": survival_at(self.control, times), "Experimental": survival_at(self.experimental, times)}
        return plot_curves(times, curves, self.tau, ax=ax)


def difference_design(
    measure: str,
    control: Hazard,
    experimental: Hazard,
    tau: float,
    accrual: Accrual,
    design: GroupSequentialDesign | None = None,
    *,
    study_duration: float,
    dropout: Hazard = NONE,
    allocation: float = 1.0,
    margin: float = 0.0,
    solve: str = RATE,
    time_unit: str = "time units",
) -> DifferenceDesign:
    """Plan a trial of a difference in restricted mean survival time, or in survival at a milestone.

    Parameters
    ----------
    measure : str
        `rmst` or `milestone`.
    control, experimental : Hazard
        Planned hazards.
    tau : float
        Time since entry up to which, or at which, the arms are compared.
    accrual : Accrual
        Course of accrual, whose numbers are scaled if `solve` is `accrual_rate`.
    design : GroupSequentialDesign, optional
        Bounds, alpha and power.
    study_duration : float
        Calendar time of the final analysis, above tau.
    margin : float
        Loss that still counts as non-inferior, 0 or more.
    solve : str
        `accrual_rate`, or `power` of a given trial.

    Returns
    -------
    DifferenceDesign
        Patients, dates and power.
    """
    plan = design or group_sequential()
    checks.one_of("measure", measure, MEASURES)
    checks.one_of("solve", solve, (RATE, POWER))
    checks.not_negative("margin", margin)
    checks.ratio("allocation", allocation)
    end = checks.positive("study_duration", study_duration)
    if end <= checks.positive("tau", tau):
        raise InputError(f"tau: {exact(tau)} must be below study_duration, {exact(end)}.")
    if end < accrual.duration:
        raise InputError(f"study_duration: {exact(end)} is shorter than accrual, {exact(accrual.duration)}.")
    found = DifferenceDesign(
        plan, measure, tau, control, experimental, dropout, accrual, end, allocation, margin, time_unit
    )
    if found.difference + margin <= 0.0:
        raise InputError(
            f"margin: the planned difference is {exact(round(found.difference, 6))}, so with a margin of "
            f"{exact(margin)} it lies on the wrong side of the null hypothesis; no trial can show it."
        )
    _ = found.look_times  # refuses looks that come too early
    if solve == POWER:
        return found
    factor = (plan.drift / found.drift) ** 2
    return DifferenceDesign(
        plan, measure, tau, control, experimental, dropout, accrual.scaled(factor), end, allocation, margin, time_unit
    )
