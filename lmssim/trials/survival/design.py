"""Trials of a time to an event: how many patients and events, when each look falls, and with what power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from lmssim.errors import InputError, exact
from lmssim.trials import checks
from lmssim.trials.sequential.bounds import Bounds, Crossing, crossing_along
from lmssim.trials.sequential.conditional import NormalPrior
from lmssim.trials.sequential.design import GroupSequentialDesign, group_sequential, listed
from lmssim.trials.survival.formulas import (
    BY_EVENTS,
    FREEDMAN,
    METHODS,
    SCHOENFELD,
    effect_drift,
    freedman_events,
    hazard_ratio_at,
    patients_by_variance,
    schoenfeld_events,
)
from lmssim.trials.survival.hazards import described
from lmssim.trials.survival.population import AverageHazardRatio, Population, check_direction
from lmssim.trials.survival.solving import root_above

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from lmssim.trials.survival.accrual import Accrual

RATE, DURATION, FOLLOW_UP, POWER = "accrual_rate", "accrual_duration", "follow_up", "power"
SOLVED = (RATE, DURATION, FOLLOW_UP, POWER)
TIMES = 40
"""Calendar times at which the average hazard ratio is told."""


@dataclass(frozen=True)
class SurvivalDesign:
    """A fixed or group-sequential log-rank trial.

    Attributes
    ----------
    design : GroupSequentialDesign
        Bounds on Z.
    population : Population
        Who is in it.
    accrual : Accrual
        When they enter.
    study_duration : float
        Calendar time of the final analysis.
    margin : float
        Hazard ratio of the null hypothesis.
    method : str
        Formula of the sample size.
    events : float
        Expected events at the final analysis, not rounded.
    drift : float
        Expected Z at information 1 if one hazard ratio holds; NaN if it changes.
    time_unit : str
        Name of the unit of time, in the plural.
    """

    design: GroupSequentialDesign
    population: Population
    accrual: Accrual
    study_duration: float
    margin: float
    method: str
    events: float
    drift: float
    time_unit: str = "time units"

    @property
    def patients(self) -> float:
        """Expected patients, not rounded."""
        return self.accrual.total

    @cached_property
    def look_times(self) -> tuple[float, ...]:
        """Calendar time of each look."""
        last = self.design.information[-1]
        times = [
            self.study_duration if t == last else self.population.time_of(self.events * t / last, self.accrual)
            for t in self.design.information
        ]
        return tuple(times)

    @property
    def look_events(self) -> tuple[float, ...]:
        """Expected events of each look, not rounded."""
        last = self.design.information[-1]
        return tuple(self.events * t / last for t in self.design.information)

    @property
    def look_patients(self) -> tuple[float, ...]:
        """Expected patients by each look, not rounded."""
        return tuple(float(n) for n in self.accrual.patients(np.array(self.look_times)))

    @cached_property
    def average_hazard_ratios(self) -> tuple[AverageHazardRatio, ...]:
        """Average hazard ratio at each look."""
        return tuple(self.population.average_hazard_ratio(self.accrual, time) for time in self.look_times)

    @property
    def is_harmful(self) -> bool:
        """Whether the planned hazard ratio lies above the null one."""
        return self.average_hazard_ratios[-1].hazard_ratio > self.margin

    @cached_property
    def means(self) -> tuple[float, ...]:
        """Expected Z of each look, in the direction of the planned effect at the final analysis."""
        if math.isfinite(self.drift):
            return tuple(self.drift * math.sqrt(t) for t in self.design.information)
        return expected_z(self.population, self.accrual, self.look_times, self.margin)

    @cached_property
    def planned(self) -> Crossing:
        """How probable each look is to end the trial under the plan."""
        return crossing_along(self.design.bounds, self.means)

    @cached_property
    def null(self) -> Crossing:
        """The same under the null hypothesis."""
        return self.design.bounds.crossing(0.0)

    @property
    def power(self) -> float:
        """Power under the plan."""
        return float(self.planned.power[0])

    def hazard_ratios_at(self, bounds: tuple[float, ...]) -> list[float]:
        """Hazard ratio that each bound on Z amounts to, at the look's events."""
        allocation = self.population.allocation
        return [
            hazard_ratio_at(z, d, allocation=allocation, margin=self.margin, harmful=self.is_harmful)
            for z, d in zip(bounds, self.look_events, strict=True)
        ]

    @property
    def expected_events(self) -> tuple[float, float]:
        """Expected events at the end of the trial, under the null hypothesis and under the plan."""
        null, planned = (cross.expected_information(self.look_events)[0] for cross in (self.null, self.planned))
        return float(null), float(planned)

    @property
    def expected_duration(self) -> float:
        """Expected calendar time of the end, under the plan."""
        return float(self.planned.expected_information(self.look_times)[0])

    def to_frame(self) -> pd.DataFrame:
        """One row for each look.

        Returns
        -------
        pandas.DataFrame
            Columns `look`, `information`, `events`, `patients`, `time`, `z_efficacy`, `nominal_p`, `hr_efficacy`,
            `z_futility`, `hr_futility`, `alpha_spent`, `cumulative_power`, `crossing_null` (probability of efficacy
            by this look under the null hypothesis, stops for futility counted), `futility_planned`, `average_hr`.
        """
        import pandas as pd

        design = self.design
        columns: dict[str, Any] = {
            "look": range(1, design.looks + 1),
            "information": design.information,
            "events": self.look_events,
            "patients": self.look_patients,
            "time": self.look_times,
            "z_efficacy": design.efficacy,
            "nominal_p": design.nominal_p,
            "hr_efficacy": self.hazard_ratios_at(design.efficacy),
            "z_futility": design.futility,
            "hr_futility": self.hazard_ratios_at(design.futility),
            "alpha_spent": design.alpha_spent,
            "cumulative_power": np.cumsum(self.planned.efficacy[0]),
            "crossing_null": np.cumsum(self.null.efficacy[0]),
            "futility_planned": np.cumsum(self.planned.futility[0]),
            "average_hr": [each.hazard_ratio for each in self.average_hazard_ratios],
        }
        return pd.DataFrame(columns)

    def over_time(self, times: tuple[float, ...] = ()) -> pd.DataFrame:
        """What a single log-rank test would see at calendar times: so a late effect is seen.

        Parameters
        ----------
        times : tuple of float
            Calendar times; 40 up to a quarter beyond the study if empty.

        Returns
        -------
        pandas.DataFrame
            Columns `time`, `patients`, `events`, `average_hr`, and `power` of one test then, at the whole alpha.
        """
        import pandas as pd

        asked = times or tuple(1.25 * self.study_duration * k / TIMES for k in range(1, TIMES + 1))
        rows = []
        for time in asked:
            seen = self.population.average_hazard_ratio(self.accrual, checks.positive("times", time))
            power = self._single_power(seen)
            rows.append((time, float(self.accrual.patients(time)), seen.events.total, seen.hazard_ratio, power))
        return pd.DataFrame(rows, columns=["time", "patients", "events", "average_hr", "power"])

    def _single_power(self, seen: AverageHazardRatio) -> float:
        if not seen.events.total > 0.0:
            return math.nan
        sign = 1.0 if self.is_harmful else -1.0
        z = sign * math.log(seen.hazard_ratio / self.margin) * math.sqrt(seen.null_information)
        return float(ndtr(z + ndtri(self.design.plan.one_sided)))

    def summary(self) -> str:
        """Sentences for the protocol."""
        design, side = self.design, "one-sided" if self.design.sides == 1 else "two-sided"
        last = self.average_hazard_ratios[-1].hazard_ratio
        if self.population.is_proportional:
            effect = f"a hazard ratio of {exact(self.population.hazard_ratio)}"
        else:
            effect = f"a hazard ratio that changes, on average {last:.3f} at the final analysis"
        against = "" if self.margin == 1.0 else f" against a margin of {exact(self.margin)}"
        arms = "1:1" if self.population.allocation == 1.0 else f"{exact(self.population.allocation)}:1"
        single = len(self.population.strata) == 1
        control = f", where control patients have {described(self.population.strata[0].control)}" if single else ""
        text = (
            f"{math.ceil(round(self.patients, 6))} patients are randomised {arms} over "
            f"{exact(round(self.accrual.duration, 2))} {self.time_unit}, and the final analysis is expected after "
            f"{exact(round(self.study_duration, 2))}, with {math.ceil(round(self.events, 6))} events. A log-rank test "
            f"at a {side} alpha of {exact(design.alpha)} then has a power of {self.power:.1%} for {effect}"
            f"{against}{control}."
        )
        if design.looks == 1:
            return text
        ratios = [f"{hr:.3f}" for hr in self.hazard_ratios_at(design.efficacy) if math.isfinite(hr)]
        counts = [str(math.ceil(round(d, 6))) for d in self.look_events]
        futility = f", with {design.plan.futility.label()}" if design.plan.futility else ""
        return (
            f"{text} The trial is analysed at {listed(counts)} events ({design.plan.efficacy.label()}{futility}); "
            f"efficacy is declared at an estimated hazard ratio of about {listed(ratios)}. If the plan is true, the "
            f"trial is expected to end after {exact(round(self.expected_duration, 2))} {self.time_unit}, with "
            f"{self.expected_events[1]:.1f} events."
        )

    def assurance(self, hazard_ratio: float, sd: float) -> float:
        """Power averaged over what is believed of the hazard ratio.

        Parameters
        ----------
        hazard_ratio, sd : float
            Median of the prior, and its standard deviation on the log scale.
        """
        allocation = self.population.allocation
        sign = 1.0 if self.is_harmful else -1.0
        size = math.sqrt(self.events * allocation / self.design.information[-1]) / (1.0 + allocation)
        middle = sign * math.log(checks.ratio("hazard_ratio", hazard_ratio) / self.margin) * size
        return self.design.assurance(NormalPrior(middle, checks.positive("sd", sd) * size))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Expected events and patients by calendar time, with the looks."""
        from lmssim.trials.plots import plot_course

        frame = self.over_time()
        return plot_course(frame, self.look_times, self.look_events, ax=ax)


def expected_z(population: Population, accrual: Accrual, times: tuple[float, ...], margin: float) -> tuple[float, ...]:
    """Expected log-rank Z at calendar times, in the direction of the effect at the last of them."""
    seen = [population.average_hazard_ratio(accrual, time) for time in times]
    sign = 1.0 if seen[-1].hazard_ratio > margin else -1.0
    return tuple(sign * math.log(s.hazard_ratio / margin) * math.sqrt(s.null_information) for s in seen)


def survival_design(
    population: Population,
    accrual: Accrual,
    design: GroupSequentialDesign | None = None,
    *,
    study_duration: float | None = None,
    follow_up: float | None = None,
    solve: str = RATE,
    method: str = SCHOENFELD,
    margin: float = 1.0,
    time_unit: str = "time units",
) -> SurvivalDesign:
    """Plan a log-rank trial.

    Parameters
    ----------
    population : Population
        Hazards, hazard ratios, dropout, strata, allocation.
    accrual : Accrual
        Course of accrual; its numbers are scaled if `solve` is `accrual_rate`, and its duration is only a start if it
        is `accrual_duration`.
    design : GroupSequentialDesign, optional
        Bounds, alpha and power; a fixed design of one-sided 2.5% and 90% power if absent.
    study_duration, follow_up : float, optional
        Calendar time of the final analysis, or time from the end of accrual to it: one of the two, and none if
        `solve` is `follow_up`; for `accrual_duration` it is `follow_up`.
    solve : str
        What is solved for: `accrual_rate` (so the number of patients, in a given time), `accrual_duration` (at given
        rates), `follow_up` (for given patients), or `power` (of a given trial).
    method : str
        `schoenfeld`, `freedman`, `lachin_foulkes` or `rubinstein`; hazard ratios that change with time or between
        strata need `schoenfeld`, and are read through the average hazard ratio at each look.
    margin : float
        Hazard ratio of the null hypothesis: 1, or a non-inferiority margin.
    time_unit : str
        Name of the unit of time, in the plural, for sentences.

    Returns
    -------
    SurvivalDesign
        Events, patients, dates and power.

    Raises
    ------
    InputError
        If a value is not allowed, or the events are never reached.

    Notes
    -----
    Lachin and Foulkes' formula for a group-sequential design follows gsSurv: at given rates the fixed design is solved
    first, its events are multiplied by the inflation factor, and accrual goes on until so many events are expected.
    """
    plan = design or group_sequential()
    checks.one_of("solve", solve, SOLVED)
    checks.one_of("method", method, METHODS)
    checks.ratio("margin", margin)
    end = _end(accrual, solve, study_duration, follow_up)
    if population.is_proportional:
        check_direction(population.hazard_ratio, margin)
        found, last = _proportional(population, accrual, plan, end, solve, method, margin)
    else:
        if method != SCHOENFELD:
            raise InputError(f"method: '{method}' takes one hazard ratio; for ratios that change use '{SCHOENFELD}'.")
        found, last = _changing(population, accrual, plan, end, solve, margin)
    events = population.events(found, last).total
    drift = math.nan
    if population.is_proportional:
        asked = (population, found, last, plan, method, margin)
        drift = _drift(*asked, events) if solve == POWER else plan.drift
    return SurvivalDesign(plan, population, found, last, margin, method, events, drift, time_unit)


def _end(accrual: Accrual, solve: str, study_duration: float | None, follow_up: float | None) -> float:
    """Calendar time of the final analysis; for `accrual_duration` the follow-up, which is kept."""
    if solve == FOLLOW_UP:
        if study_duration is not None or follow_up is not None:
            raise InputError("solve: 'follow_up' finds study_duration and follow_up; leave both out.")
        return 0.0
    if (study_duration is None) == (follow_up is None):
        raise InputError("follow_up: give either follow_up, from the end of accrual, or study_duration.")
    if solve == DURATION:
        if follow_up is None:
            raise InputError("study_duration: solve = 'accrual_duration' keeps follow_up; give that instead.")
        return checks.not_negative("follow_up", follow_up)
    if follow_up is not None:
        return accrual.duration + checks.not_negative("follow_up", follow_up)
    end = checks.positive("study_duration", study_duration)
    if end < accrual.duration:
        raise InputError(
            f"study_duration: {exact(end)} is shorter than accrual, {exact(accrual.duration)}; patients who enter "
            "after the final analysis add nothing."
        )
    return end


# === One hazard ratio ===


def _events_by_formula(population: Population, plan: GroupSequentialDesign, method: str, margin: float) -> float:
    formula = schoenfeld_events if method == SCHOENFELD else freedman_events
    fixed = formula(
        population.hazard_ratio,
        alpha=plan.alpha,
        power=1.0 - plan.plan.beta,
        sides=plan.sides,
        allocation=population.allocation,
        margin=margin,
    )
    return fixed * plan.inflation_factor * plan.information[-1]


def _drift(
    population: Population,
    accrual: Accrual,
    end: float,
    plan: GroupSequentialDesign,
    method: str,
    margin: float,
    events: float,
) -> float:
    """Expected Z at information 1 of a given trial, as its formula sees it."""
    ratio, allocation, last = population.hazard_ratio, population.allocation, math.sqrt(plan.information[-1])
    if method == SCHOENFELD:
        return effect_drift(ratio, events, allocation, margin) / last
    if method == FREEDMAN:
        relative = ratio / margin
        return math.sqrt(events * allocation) * abs(1.0 - relative) / (1.0 + allocation * relative) / last
    z_alpha = float(ndtri(1.0 - plan.plan.one_sided))
    none, one = (patients_by_variance(population, accrual, end, z_alpha, z, method, margin) for z in (0.0, 1.0))
    z_beta = (math.sqrt(accrual.total) - math.sqrt(none)) / (math.sqrt(one) - math.sqrt(none))
    return (z_alpha + z_beta) / last


def _fixed_patients(
    population: Population, accrual: Accrual, end: float, plan: GroupSequentialDesign, method: str, margin: float
) -> float:
    """Patients of the fixed design, by variances."""
    z_alpha, z_beta = float(ndtri(1.0 - plan.plan.one_sided)), float(ndtri(1.0 - plan.plan.beta))
    return patients_by_variance(population, accrual, end, z_alpha, z_beta, method, margin)


def _proportional(
    population: Population,
    accrual: Accrual,
    plan: GroupSequentialDesign,
    end: float,
    solve: str,
    method: str,
    margin: float,
) -> tuple[Accrual, float]:
    """Accrual and calendar time of the final analysis."""
    if solve == POWER:
        return accrual, end
    factor = plan.inflation_factor * plan.information[-1]

    def wanted(course: Accrual, time: float) -> float:
        """Events of the fixed design."""
        if method in BY_EVENTS:
            return _events_by_formula(population, plan, method, margin) / factor
        fixed = _fixed_patients(population, course, time, plan, method, margin)
        return population.events(course, time).total * fixed / float(course.patients(time))

    if solve == RATE:
        expected = population.events(accrual, end).total
        if expected <= 0.0:
            raise InputError("events: none are expected by the final analysis.")
        return accrual.scaled(factor * wanted(accrual, end) / expected), end
    if solve == FOLLOW_UP:
        return _cut(accrual, _follow_up(population, accrual, wanted, factor))

    def lacking(duration: float, events: float | None = None) -> float:
        course = accrual.lasting(duration)
        expected = population.events(course, duration + end).total
        return expected - (events if events is not None else wanted(course, duration + end))

    what = "accrual"
    fixed = root_above(lacking, accrual.duration, what)
    course = accrual.lasting(fixed)
    goal = factor * wanted(course, fixed + end)
    longer = root_above(lambda duration: lacking(duration, goal), fixed, what)
    return accrual.lasting(longer), longer + end


def _cut(accrual: Accrual, end: float) -> tuple[Accrual, float]:
    """Accrual that stops at the final analysis, if that comes first."""
    return (accrual.lasting(end) if end < accrual.duration else accrual), end


def _follow_up(population: Population, accrual: Accrual, wanted: Any, factor: float) -> float:
    """Calendar time at which the events are there."""
    limit = population.events(accrual, 1e4 * accrual.duration).total
    needed = factor * wanted(accrual, 1e4 * accrual.duration)
    if limit < needed:
        raise InputError(
            f"events: {needed:.1f} are never reached; with {accrual.total:.1f} patients at most {limit:.1f} are "
            "expected, however long the follow-up."
        )

    def lacking(time: float) -> float:
        return float(population.events(accrual, time).total - factor * wanted(accrual, time))

    return root_above(lacking, accrual.duration, "follow-up")


# === A hazard ratio that changes ===


def _changing(
    population: Population, accrual: Accrual, plan: GroupSequentialDesign, end: float, solve: str, margin: float
) -> tuple[Accrual, float]:
    """Accrual and calendar time of the final analysis, by the average hazard ratio at each look."""
    if solve == POWER:
        return accrual, end
    goal = 1.0 - plan.plan.beta
    first = _power_along(population, accrual, plan.bounds, end or 2.0 * accrual.duration, margin)[1]
    if solve == RATE:
        if abs(first[-1]) < 1e-9:
            raise InputError("hazard_ratio: on average there is no effect at the final analysis; no trial can show it.")

        def missing(root: float) -> float:
            means = tuple(root * mean for mean in first)
            return float(crossing_along(plan.bounds, means).power[0]) - goal

        return accrual.scaled(root_above(missing, 1.0, "accrual") ** 2), end
    if solve == FOLLOW_UP:

        def later(time: float) -> float:
            return _power_along(population, accrual, plan.bounds, time, margin)[0] - goal

        return _cut(accrual, root_above(later, accrual.duration, "follow-up"))

    def longer(duration: float) -> float:
        return _power_along(population, accrual.lasting(duration), plan.bounds, duration + end, margin)[0] - goal

    duration = root_above(longer, accrual.duration, "accrual")
    return accrual.lasting(duration), duration + end


def _power_along(
    population: Population, accrual: Accrual, bounds: Bounds, end: float, margin: float
) -> tuple[float, tuple[float, ...]]:
    """Power of a trial, and its expected Z at each look."""
    total, last = population.events(accrual, end).total, bounds.information[-1]
    times = tuple(end if t == last else population.time_of(total * t / last, accrual) for t in bounds.information)
    means = expected_z(population, accrual, times, margin)
    return float(crossing_along(bounds, means).power[0]), means
