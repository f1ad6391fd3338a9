"""Tables of a trial design: bounds by look, what a late effect does over time, and competing events."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.report.parts.digits import MISSING
from lmssim.report.parts.table import ReportTable
from lmssim.trials.survival.design import SurvivalDesign
from lmssim.trials.survival.difference import DifferenceDesign
from lmssim.trials.survival.weighted import WeightedDesign

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.trials.planning.plan import TrialPlan
    from lmssim.trials.sequential.design import GroupSequentialDesign

ROWS = 12
"""Calendar times that a page shows."""


def z_text(value: float) -> str:
    """A bound on Z."""
    return f"{value:.4f}" if math.isfinite(value) else "none"


def p_text(value: float) -> str:
    """A p-value or an error."""
    return f"{value:.4f}" if value >= 1e-4 or value == 0.0 else f"{value:.1e}"


def share_text(value: float) -> str:
    """A probability."""
    return f"{value:.4f}"


def ratio_text(value: float) -> str:
    """A hazard ratio."""
    return f"{value:.4f}" if math.isfinite(value) else MISSING


def count_text(value: float) -> str:
    """An expected number."""
    return f"{value:,.1f}"


COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "look": ("Look", str),
    "information": ("Information", lambda value: f"{value:.1%}"),
    "events": ("Events", count_text),
    "patients": ("Patients", count_text),
    "time": ("Time", lambda value: f"{value:.2f}"),
    "z_efficacy": ("Efficacy Z", z_text),
    "nominal_p": ("Nominal p", p_text),
    "hr_efficacy": ("Efficacy HR", ratio_text),
    "difference_efficacy": ("Efficacy difference", ratio_text),
    "z_futility": ("Futility Z", z_text),
    "hr_futility": ("Futility HR", ratio_text),
    "difference_futility": ("Futility difference", ratio_text),
    "alpha_spent": ("Cumulative alpha", p_text),
    "cumulative_power": ("Cumulative power", share_text),
    "crossing_null": ("Efficacy if no effect", p_text),
    "futility_planned": ("Futility if plan true", share_text),
    "average_hr": ("Average HR", ratio_text),
}
"""Column of a design's table, how it is headed, and how its values are written."""
FUTILITY = ("z_futility", "hr_futility", "difference_futility", "futility_planned", "crossing_null")


def boundary_frame(plan: TrialPlan) -> pd.DataFrame:
    """The design's own table: one row for each look."""
    return plan.design.to_frame() if plan.trial is None else plan.trial.to_frame()


def shown_frame(plan: TrialPlan) -> pd.DataFrame:
    """The same as text, without columns that say nothing."""
    frame = boundary_frame(plan)
    left_out = set(FUTILITY) if plan.design.plan.futility is None else set()
    if isinstance(plan.trial, SurvivalDesign) and plan.trial.population.is_proportional:
        left_out.add("average_hr")
    shown = [name for name in COLUMNS if name in frame and name not in left_out]
    return pd.DataFrame({COLUMNS[name][0]: [COLUMNS[name][1](value) for value in frame[name]] for name in shown})


def observed_frame(design: GroupSequentialDesign) -> pd.DataFrame:
    """Bounds at the information that was observed, as text."""
    frame = design.to_frame()
    shown = ["look", "information", "z_efficacy", "nominal_p", "alpha_spent", "cumulative_power"]
    shown += ["z_futility"] if design.plan.futility is not None else []
    return pd.DataFrame({COLUMNS[name][0]: [COLUMNS[name][1](value) for value in frame[name]] for name in shown})


def boundary_caption(plan: TrialPlan) -> str:
    """What the table of bounds shows."""
    side = "one-sided" if plan.design.sides == 1 else "two-sided"
    parts = [f"Nominal p is {side}."]
    if plan.trial is not None:
        parts.append(f"Time in {plan.time_unit} since the first entry; events and patients are expected numbers.")
    if isinstance(plan.trial, SurvivalDesign):
        parts.append("HR: the hazard ratio that a bound amounts to.")
    if plan.design.plan.futility is not None:
        kind = "binds" if plan.design.plan.binds else "does not bind, so alpha holds also if the trial goes on"
        parts.append(f"Futility {kind}.")
    return " ".join(parts)


def time_frame(trial: SurvivalDesign | WeightedDesign, rows: int = ROWS) -> pd.DataFrame:
    """Average hazard ratio and power of a single test by calendar time, as text."""
    frame = trial.over_time(tuple(1.25 * trial.study_duration * k / rows for k in range(1, rows + 1)))
    return pd.DataFrame(
        {
            "Time": [f"{value:.1f}" for value in frame["time"]],
            "Patients": [count_text(value) for value in frame["patients"]],
            "Events": [count_text(value) for value in frame["events"]],
            "Average HR": [ratio_text(value) for value in frame["average_hr"]],
            "Power of one test then": [MISSING if math.isnan(v) else f"{v:.3f}" for v in frame["power"]],
        }
    )


def members_frame(trial: WeightedDesign) -> pd.DataFrame:
    """Members of a combined test, as text."""
    frame = trial.members_frame()
    return pd.DataFrame(
        {
            "Rho": [f"{value:g}" for value in frame["rho"]],
            "Gamma": [f"{value:g}" for value in frame["gamma"]],
            "Expected Z": [z_text(value) for value in frame["expected_z"]],
            "Power alone": [share_text(value) for value in frame["power_alone"]],
        }
    )


def competing_frame(plan: TrialPlan) -> pd.DataFrame:
    """Right and wrong answers about competing events, as text."""
    assert plan.competing is not None
    frame = plan.competing.to_frame()
    cells = {name: [f"{v:.1f}" if v > 1.0 else f"{v:.4f}" for v in frame[name]] for name in ("right", "wrong")}
    return pd.DataFrame(
        {
            "Quantity": frame["quantity"],
            "Right": cells["right"],
            "Wrong": cells["wrong"],
            "Why it is wrong": frame["why_wrong"],
        }
    )


def report_tables(plan: TrialPlan) -> list[ReportTable]:
    """Tables of a page."""
    tables = [ReportTable("Bounds by look", boundary_caption(plan), shown_frame(plan))]
    if isinstance(plan.trial, WeightedDesign):
        tables.append(ReportTable("Members of the test", MEMBERS_CAPTION, members_frame(plan.trial)))
    if isinstance(plan.trial, SurvivalDesign | WeightedDesign):
        tables.append(ReportTable("What a test sees over time", TIME_CAPTION, time_frame(plan.trial)))
    if plan.competing is not None:
        caption = (
            "A log-rank test of the cause-specific hazard takes competing events as censoring, rightly. A probability "
            f"may not. The hazard ratio acts on the cause; ln(1 - incidence) changes by the factor "
            f"{plan.competing.subdistribution_ratio:.4f}."
        )
        tables.append(ReportTable("Competing events", caption, competing_frame(plan)))
    tables.append(ReportTable("The plan", "Operating characteristics.", characteristics(plan)))
    return tables


MEMBERS_CAPTION = (
    "Fleming-Harrington weights S^rho (1 - S)^gamma; power of each member if it were the only test. The largest Z is "
    "compared with the critical value."
)
TIME_CAPTION = (
    "Average HR: the hazard ratio that a log-rank test would see at that time, weighted by events. If it moves, the "
    "effect is not proportional, and the date of the analysis decides the power."
)


def characteristics(plan: TrialPlan) -> pd.DataFrame:
    """Operating characteristics, one row each."""
    design = plan.design
    if isinstance(plan.trial, WeightedDesign):
        return _of_one_look(plan.trial, plan.time_unit)
    none, half, whole = design.expected_information
    rows = [
        ("Alpha", f"{design.alpha:g}, {'one-sided' if design.sides == 1 else 'two-sided'}"),
        ("Efficacy", design.plan.efficacy.label()),
        ("Futility", "none" if design.plan.futility is None else design.plan.futility.label()),
        ("Power", f"{(plan.trial or design).power:.4f}"),
        ("Largest information over that of a fixed design", f"{design.inflation_factor:.4f}"),
    ]
    if not isinstance(plan.trial, SurvivalDesign) or plan.trial.population.is_proportional:
        rows += [
            ("Expected information over it, if there is no effect", f"{none:.4f}"),
            ("Expected information over it, if half the planned effect is true", f"{half:.4f}"),
            ("Expected information over it, if the planned effect is true", f"{whole:.4f}"),
        ]
    if isinstance(plan.trial, SurvivalDesign):
        trial = plan.trial
        rows += [
            ("Method", trial.method),
            ("Events at the final analysis", count_text(trial.events)),
            ("Patients", count_text(trial.patients)),
            (f"Accrual ({plan.time_unit})", f"{trial.accrual.duration:.2f}"),
            (f"Final analysis ({plan.time_unit})", f"{trial.study_duration:.2f}"),
            ("Expected events, if there is no effect", count_text(trial.expected_events[0])),
            ("Expected events, if the plan is true", count_text(trial.expected_events[1])),
            (f"Expected end, if the plan is true ({plan.time_unit})", f"{trial.expected_duration:.2f}"),
        ]
    if isinstance(plan.trial, DifferenceDesign):
        control, experimental = plan.trial.planned_values
        rows += [
            ("Control", f"{control:.4f}"),
            ("Experimental", f"{experimental:.4f}"),
            ("Standard error of the difference", f"{plan.trial.standard_error():.4f}"),
            ("Patients", count_text(plan.trial.patients)),
        ]
    return pd.DataFrame(rows, columns=["Quantity", "Value"])


def _of_one_look(trial: WeightedDesign, unit: str) -> pd.DataFrame:
    """Operating characteristics of a combined test."""
    rows = [
        ("Alpha", f"{trial.alpha:g}, {'one-sided' if trial.sides == 1 else 'two-sided'}"),
        ("Critical value of the largest Z", z_text(trial.critical_value)),
        ("Power", f"{trial.power:.4f}"),
        ("Events", count_text(trial.events)),
        ("Patients", count_text(trial.patients)),
        (f"Analysis ({unit})", f"{trial.study_duration:.2f}"),
    ]
    return pd.DataFrame(rows, columns=["Quantity", "Value"])
