"""The tables of a look: results, looks, arms, a row each, as files hold them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.outcomes.estimators import Incidence, incidence
from lmssim.trials.survival.difference import MEASURES, DifferenceDesign

if TYPE_CHECKING:
    from lmssim.trials.interim.look import InterimLook


def effect_name(look: InterimLook) -> str:
    """What the effect is."""
    trial = look.plan.trial
    if not isinstance(trial, DifferenceDesign):
        return "hazard ratio"
    return f"difference in {MEASURES[trial.measure]}"


def arms_frame(look: InterimLook) -> pd.DataFrame:
    """One row an arm: patients, events, competing events, censored, time at risk, median."""
    data = look.patients.data
    rows = []
    for side, name in enumerate(look.patients.arms):
        own = data.arm[0] == side
        time, event = data.time[0, own], data.event[0, own]
        counts = [int((event == 1).sum()), int((event > 1).sum()), int((event == 0).sum())]
        rows.append((name, int(own.sum()), *counts, float(time.sum()), _median(look, side)))
    columns = ["arm", "patients", "events", "competing_events", "censored", "time_at_risk", "median"]
    return pd.DataFrame(rows, columns=columns)


def course_of(look: InterimLook, side: int) -> Incidence:
    """Incidence of the event in an arm."""
    data = look.patients.data
    own = data.arm[0] == side
    time, event = data.time[0, own], data.event[0, own]
    never = np.full(len(time), np.inf)
    return incidence(
        np.where(event == 1, time, never), np.where(event > 1, time, never), np.where(event == 0, time, never)
    )


def _median(look: InterimLook, side: int) -> float:
    course = course_of(look, side)
    reached = np.flatnonzero(course.share >= 0.5)
    return float(course.times[reached[0]]) if len(reached) else math.nan


def looks_frame(look: InterimLook) -> pd.DataFrame:
    """One row a look: status, information, bounds, effect at the bound, events, calendar time with 90% limits, date."""
    design, measured = look.design, look.measured
    later = {number: (events, times) for number, events, times in look.later_looks()}
    counts = look.is_ratio
    rows = []
    for k, t in enumerate(design.information):
        status = "past" if k + 1 < look.look else "now" if k + 1 == look.look else "to come"
        information = measured.information * t / measured.fraction
        bound, low = design.efficacy[k], design.futility[k] if k + 1 < design.looks else -math.inf
        effects = [effect_at(look, z, information) for z in (bound, low)]
        time, early, late = (
            later[k + 1][1] if k + 1 in later else (look.patients.cutoff if status == "now" else math.nan,) * 3
        )
        rows.append(
            {
                "look": k + 1,
                "status": status,
                "information": t,
                "events": _events(look, k + 1) if counts else math.nan,
                "z_efficacy": bound,
                "nominal_p": design.nominal_p[k],
                "effect_efficacy": effects[0],
                "z_futility": low,
                "effect_futility": effects[1],
                "alpha_spent": design.alpha_spent[k],
                "time": time,
                "time_low": early,
                "time_high": late,
                "date": look.patients.date(time),
            }
        )
    return pd.DataFrame(rows)


def _events(look: InterimLook, number: int) -> float:
    """Events of a look: as counted up to now, rounded up for those to come."""
    events = look.design.information[number - 1] * look.measured.whole
    return round(events, 6) if number <= look.look else float(math.ceil(round(events, 6)))


def effect_at(look: InterimLook, z: float, information: float) -> float:
    """Effect that a bound amounts to at some information; NaN where there is no bound."""
    if not math.isfinite(z):
        return math.nan
    return look.effect_of(z * math.sqrt(look.measured.information / information))


def results_frame(look: InterimLook) -> pd.DataFrame:
    """One row a quantity: `quantity`, `value`, `low`, `high`."""
    measured, nan = look.measured, math.nan
    level = 1.0 - 2.0 * look.design.plan.one_sided
    best, low, high = plain_interval(look, level)
    rows: list[tuple[str, float, float, float]] = [
        ("look", look.look, nan, nan),
        ("information_fraction", measured.fraction, nan, nan),
        ("events", float(measured.test.events[0]), nan, nan),
        ("calendar_time", look.patients.cutoff, nan, nan),
        ("z", look.z, nan, nan),
        ("p_one_sided", float(upper_tail(look.z)), nan, nan),
        ("efficacy_bound", look.bound, nan, nan),
        ("futility_bound", look.futility_bound, nan, nan),
        ("effect_at_efficacy_bound", effect_at(look, look.bound, measured.information), nan, nan),
        ("effect", best, low, high),
        ("effect_repeated_interval", *look.repeated),
    ]
    if look.stopped is not None and look.stopped_effect is not None:
        rows += [
            ("effect_median_unbiased", *look.stopped_effect),
            ("p_stagewise", look.stopped.p_value, nan, nan),
        ]
    names = {
        "planned": "conditional_power_planned_effect",
        "observed": "conditional_power_observed_effect",
        "none": "conditional_rejection_probability",
        "predictive": "predictive_probability",
    }
    rows += [(names[key], value, nan, nan) for key, value in look.powers.items()]
    return pd.DataFrame(rows, columns=["quantity", "value", "low", "high"])


def upper_tail(z: float) -> float:
    """One-sided p-value of a standard normal."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def plain_interval(look: InterimLook, level: float) -> tuple[float, float, float]:
    """Effect with an interval that disregards the looks."""
    effect = look.measured.effect
    if look.is_ratio:
        best, low, high = (float(x[0]) for x in effect.hazard_ratio(level))
        return best, low, high
    low_, high_ = effect.interval(level)
    return float(effect.estimate[0]), float(low_[0]), float(high_[0])
