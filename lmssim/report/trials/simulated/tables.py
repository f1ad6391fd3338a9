"""Tables of simulated trials, with headings for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.report.parts.digits import MISSING
from lmssim.report.parts.table import ReportTable
from lmssim.report.trials.simulated.value.tables import value_tables
from lmssim.report.trials.simulated.words import percent
from lmssim.report.trials.tables import z_text
from lmssim.studies.trials.value.study import TABLES as VALUE_TABLES

if TYPE_CHECKING:
    from lmssim.studies.trials.study import TrialStudy

CHARACTERISTICS = (
    "Every analysis of every trial was computed; each rule is scored on the same trials. ± is the Monte-Carlo standard "
    "error. Bias: mean difference of the estimate when the trial ends (a hazard ratio on the log scale) from that of "
    "its last analysis."
)
ANALYSES = (
    "When analyses come in trials that go on and that accrual does not stop (median, 90% of trials), and how many of "
    "all trials end there as designed. Not reached: what an analysis waits for had not come when it was made."
)
POWER = "Simulated power beside Schoenfeld's approximation at the simulated events and effect, and at the planned one."
SENSITIVITY = "The same design under what may happen to it, with the same patients where the change lets them be."
ASSURANCE = (
    "Each trial has parameters of its own draw. Effect: estimate of the last analysis, a hazard ratio on the log scale."
)
ESTIMATES = "Estimated effect when the trial ends: a hazard ratio, or the difference that the test compares."
SECONDARY = "Other endpoints at the last analysis; tested at the two-sided 5% level without correction."
FACTS = "Where the design's numbers come from. What is assumed has no source."


def frames_of(study: TrialStudy) -> dict[str, pd.DataFrame]:
    """Tables as files hold them, by name."""
    planned = study.planned
    found = {
        "characteristics": planned.characteristics,
        "analyses": planned.analyses,
        "power_curve": planned.power_curve,
        "estimates": planned.estimates,
        "secondary": planned.secondary,
        "assurance": study.assurance,
        "sensitivity": pd.DataFrame() if study.sensitivity is None else study.sensitivity,
        "facts": pd.DataFrame(list(study.design.facts)),
    }
    if study.value is not None:
        found |= {name: getattr(study.value, name) for name in VALUE_TABLES}
    return {name: frame for name, frame in found.items() if not frame.empty}


def shown_tables(study: TrialStudy) -> list[ReportTable]:
    """Tables for people."""
    frames, unit = frames_of(study), study.design.time_unit
    makers = {
        "characteristics": ("Operating characteristics", CHARACTERISTICS, _characteristics),
        "analyses": ("Analyses", ANALYSES, _analyses),
        "power_curve": ("Power by number of patients", POWER, _power),
        "sensitivity": ("What the power hangs on", SENSITIVITY, _sensitivity),
        "assurance": ("Assurance", ASSURANCE, _assurance),
        "estimates": ("Estimated effect", ESTIMATES, _estimates),
        "secondary": ("Other endpoints", SECONDARY, _secondary),
        "facts": ("Sources of the design", FACTS, _facts),
    }
    found = [
        ReportTable(title, caption, make(frames[name], unit, study))
        for name, (title, caption, make) in makers.items()
        if name in frames
    ]
    return found if study.value is None else [*found, *value_tables(study.value)]


def _number(value: float, digits: int = 1) -> str:
    return f"{value:,.{digits}f}" if value is not None and math.isfinite(value) else MISSING


def _ratio(log: float, study: TrialStudy) -> str:
    """An effect: as a hazard ratio if it is the log of one."""
    if not math.isfinite(log):
        return MISSING
    return f"{math.exp(log) if study.planned.is_ratio else log:.3f}"


def _characteristics(frame: pd.DataFrame, unit: str, study: TrialStudy) -> pd.DataFrame:
    shown = pd.DataFrame(
        {
            "Patients": frame["n"].astype(str),
            "Rule": frame["rule"],
            "Power": [percent(p, se) for p, se in zip(frame["power"], frame["se"], strict=True)],
            "Ends for harm": [percent(x) for x in frame["harm"]],
            f"Duration ({unit})": [_number(x) for x in frame["duration"]],
            "Enrolled": [_number(x) for x in frame["patients"]],
            "Events": [_number(x) for x in frame["events"]],
            "Estimate": [_ratio(x, study) for x in frame["estimate"]],
            "Bias": [f"{b:+.3f} ± {se:.3f}" for b, se in zip(frame["bias"], frame["bias_se"], strict=True)],
            "Stopped for accrual": [percent(x) for x in frame["accrual_stopped"]],
        }
    )
    for name, column in (("Ends for harm", "harm"), ("Stopped for accrual", "accrual_stopped")):
        if (frame[column] == 0.0).all():
            shown = shown.drop(columns=name)
    return shown


def _analyses(frame: pd.DataFrame, unit: str, study: TrialStudy) -> pd.DataFrame:
    del study
    shown = pd.DataFrame(
        {
            "Patients": frame["n"].astype(str),
            "Analysis": frame["analysis"].astype(str),
            f"Time ({unit}), median and 90%": [
                f"{_number(a)} ({_number(b)} to {_number(c)})"
                for a, b, c in zip(frame["time"], frame["time_low"], frame["time_high"], strict=True)
            ],
            "Entered": [_number(x) for x in frame["patients"]],
            "Events": [_number(x) for x in frame["events"]],
            "of them experimental": [_number(x) for x in frame["events_experimental"]],
            "Efficacy Z": [z_text(x) for x in frame["efficacy_z"]],
            "Futility Z": [z_text(x) for x in frame["futility_z"]],
            "Success": [percent(x) for x in frame["success"]],
            "Futile": [percent(x) for x in frame["futile"]],
            "Not reached": [percent(1.0 - x) for x in frame["reached"]],
        }
    )
    if (frame["futility_z"] == -math.inf).all():
        shown = shown.drop(columns=["Futility Z", "Futile"])
    shown["Stopped for accrual"] = [percent(x) for x in frame["accrual_stopped"]]
    if (frame["accrual_stopped"] == 0.0).all():
        shown = shown.drop(columns="Stopped for accrual")
    if (frame["reached"] == 1.0).all():
        shown = shown.drop(columns="Not reached")
    return shown


def _power(frame: pd.DataFrame, unit: str, study: TrialStudy) -> pd.DataFrame:
    del unit, study
    shown = pd.DataFrame(
        {
            "Patients": frame["n"].astype(str),
            "Simulated": [percent(p, se) for p, se in zip(frame["power"], frame["se"], strict=True)],
            "Schoenfeld, simulated effect": [percent(x) if math.isfinite(x) else MISSING for x in frame["analytic"]],
            "Schoenfeld, planned effect": [
                percent(x) if math.isfinite(x) else MISSING for x in frame["analytic_planned"]
            ],
        }
    )
    return shown.drop(columns="Schoenfeld, planned effect") if frame["analytic_planned"].isna().all() else shown


def _sensitivity(frame: pd.DataFrame, unit: str, study: TrialStudy) -> pd.DataFrame:
    del study
    return pd.DataFrame(
        {
            "Change": frame["change"],
            "What": frame["what"],
            "Trials": [f"{n:,.0f}" if math.isfinite(n) else MISSING for n in frame["trials"]],
            "Power": [
                percent(p, se) if math.isfinite(p) else f"not computed: {why}"
                for p, se, why in zip(frame["power"], frame["se"], frame["not_computed"], strict=True)
            ],
            "Events": [_number(x) for x in frame["events"]],
            f"Duration ({unit})": [_number(x) for x in frame["duration"]],
            "Crossed over": [percent(x) if math.isfinite(x) else MISSING for x in frame["crossed"]],
        }
    )


def _assurance(frame: pd.DataFrame, unit: str, study: TrialStudy) -> pd.DataFrame:
    del unit, study
    return pd.DataFrame(
        {
            "Patients": frame["n"].astype(str),
            "Power": [percent(p, se) for p, se in zip(frame["power"], frame["power_se"], strict=True)],
            "Assurance": [percent(p, se) for p, se in zip(frame["assurance"], frame["assurance_se"], strict=True)],
            "Estimate favours experimental": [percent(x) for x in frame["favourable"]],
            "Effect, mean": [f"{x:.3f}" for x in frame["effect_mean"]],
            "Effect, SD": [f"{x:.3f}" for x in frame["effect_sd"]],
        }
    )


def _estimates(frame: pd.DataFrame, unit: str, study: TrialStudy) -> pd.DataFrame:
    del unit
    return pd.DataFrame(
        {
            "Patients": frame["n"].astype(str),
            "Rule": frame["rule"],
            "Of": frame["of"],
            "Trials": frame["trials"].astype(str),
            "Mean": [_ratio(x, study) for x in frame["mean"]],
            "Median": [_ratio(x, study) for x in frame["q0.5"]],
            "95% of trials": [
                f"{_ratio(a, study)} to {_ratio(b, study)}"
                for a, b in zip(frame["q0.025"], frame["q0.975"], strict=True)
            ],
        }
    )


def _secondary(frame: pd.DataFrame, unit: str, study: TrialStudy) -> pd.DataFrame:
    del unit, study
    return pd.DataFrame(
        {
            "Patients": frame["n"].astype(str),
            "Endpoint": frame["label"],
            "Events": [_number(x) for x in frame["events"]],
            "Hazard ratio": [
                f"{math.exp(x):.3f} ± {math.exp(x) * se:.3f}" if math.isfinite(x) else MISSING
                for x, se in zip(frame["log_hr"], frame["log_hr_se"], strict=True)
            ],
            "Significant": [percent(x) for x in frame["significant"]],
        }
    )


def _facts(frame: pd.DataFrame, unit: str, study: TrialStudy) -> pd.DataFrame:
    del unit, study
    return frame.rename(columns={"key": "Of", "text": "Fact", "kind": "Kind", "source": "Source"})
