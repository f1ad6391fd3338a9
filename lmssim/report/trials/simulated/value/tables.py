"""Tables of a trial's value, with headings for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.report.parts.digits import MISSING, percent, plain, with_error
from lmssim.report.parts.table import ReportTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.studies.trials.value.study import TrialValue

VALUE = (
    "Per patient: EVSI, what the trial's result is expected to gain; EVPPI of what the trial informs, which no size "
    "exceeds. For the population, discounted: what the result gains, less the trial's cost, what patients in its arms "
    "lose, and what waiting costs (ENBS). ± is the Monte-Carlo standard error."
)
ADOPTION = (
    "What patients gain if the experimental strategy is adopted only after a significant test, beyond the strategy of "
    "the greatest expected net benefit now; below 0 the rule is worse than no trial."
)
STOPPING = (
    "All ways are scored on the same trials. What is learnt from them (a size, when to stop, what to adopt) is learnt "
    "from one half of the trials and scored on the other."
)
LOOKS = "How often trials stop at each look, and then adopt the experimental strategy."


def value_tables(value: TrialValue) -> list[ReportTable]:
    """Tables for people."""
    money = value.currency
    return [
        ReportTable("Value of the trial", f"{money}. {VALUE}", _value(value)),
        ReportTable("Adoption at other significance levels", f"{money} a patient. {ADOPTION}", _adoption(value)),
        ReportTable("Stopping on value", f"{money}. {STOPPING}", _stopping(value)),
        ReportTable("Where trials stop", LOOKS, _looks(value)),
    ]


def _errors(frame: pd.DataFrame, name: str, error: str) -> list[str]:
    return [with_error(a, b) for a, b in zip(frame[name], frame[error], strict=True)]


def _shares(frame: pd.DataFrame, name: str, error: str) -> list[str]:
    both = zip(frame[name], frame[error], strict=True)
    return [f"{percent(a, b)}%" if math.isfinite(a) else MISSING for a, b in both]


def _money(values: Iterable[float]) -> list[str]:
    return [plain(float(value)) for value in values]


def _value(value: TrialValue) -> pd.DataFrame:
    frame = value.value[value.value["best"] == "no"]
    shown = pd.DataFrame(
        {
            "Patients": frame["n"].astype(str),
            "Feasible": frame["feasible"],
            "Years to decision": [f"{x:.1f}" for x in frame["years"]],
            "Power": _shares(frame, "power", "power_se"),
            "Assurance": _shares(frame, "assurance", "assurance_se"),
            "EVSI": _errors(frame, "evsi", "se"),
            "EVPPI": _errors(frame, "evppi", "evppi_se"),
            "Gain of the population": _money(frame["population"]),
            "Cost": _money(frame["cost"]),
            "Loss in the arms": _money(frame["arms"]),
            "Cost of waiting": _money(frame["delay"]),
            "ENBS": _errors(frame, "enbs", "enbs_se"),
        }
    )
    for name, column in (("Cost of waiting", "delay"), ("Cost", "cost")):
        if (frame[column] == 0.0).all():
            shown = shown.drop(columns=name)
    return shown.drop(columns="Feasible") if (frame["feasible"] == "yes").all() else shown


def _adoption(value: TrialValue) -> pd.DataFrame:
    frame = value.adoption
    frame = frame[frame["n"] == value.design.patients]
    return pd.DataFrame(
        {
            "Patients": frame["n"].astype(str),
            "Adopted by": frame["rule"],
            "Adopted in": [f"{100 * x:.1f}%" for x in frame["adopted"]],
            "Gain": _errors(frame, "value", "se"),
            "Lost against expected net benefit": [
                with_error(a, b) if math.isfinite(alpha) else MISSING
                for a, b, alpha in zip(frame["lost"], frame["lost_se"], frame["alpha"], strict=True)
            ],
        }
    )


def _stopping(value: TrialValue) -> pd.DataFrame:
    frame = value.stopping
    shown = pd.DataFrame(
        {
            "Way": frame["rule"],
            "Adopted by": frame["adoption"],
            "Feasible": frame["feasible"],
            "Patients": [f"{x:.0f}" for x in frame["patients"]],
            "Years to decision": [f"{x:.1f}" for x in frame["years"]],
            "Experimental adopted in": [f"{100 * x:.1f}%" for x in frame["adopts_new"]],
            "Cost": _money(frame["cost"]),
            "ENBS": _errors(frame, "enbs", "se"),
            "Below stopping on value": [*_errors(frame, "below", "below_se")[:-1], MISSING],
        }
    )
    return shown.drop(columns="Feasible") if (frame["feasible"] == "yes").all() else shown


def _looks(value: TrialValue) -> pd.DataFrame:
    frame = value.stopping_looks
    several = frame.groupby(["rule", "adoption"])["look"].transform("max") > 1
    frame = frame[several]
    return pd.DataFrame(
        {
            "Way": frame["rule"],
            "Adopted by": frame["adoption"],
            "Look": frame["look"].astype(str),
            "Stops": _shares(frame, "probability", "se"),
            "and adopts experimental": [f"{100 * x:.1f}%" for x in frame["adopts_new"]],
            "Years to decision": [f"{x:.1f}" if math.isfinite(x) else MISSING for x in frame["years"]],
            "Patients": [f"{x:.0f}" if math.isfinite(x) else MISSING for x in frame["patients"]],
        }
    )
