"""A look on the terminal and as a page: tables with headings for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.report.parts.digits import plain
from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.parts.table import ReportTable
from lmssim.report.trials.interim.tables import (
    arms_frame,
    effect_at,
    effect_name,
    looks_frame,
    plain_interval,
    upper_tail,
)
from lmssim.report.trials.interim.words import bound_text, effect_text, sentences, time_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.trials.interim.look import InterimLook


def shown_looks(look: InterimLook) -> pd.DataFrame:
    """The table of looks with headings for people."""
    frame = looks_frame(look)
    shown = pd.DataFrame(
        {
            "Look": frame["look"].astype(str),
            "Status": frame["status"],
            "Information": [f"{t:.1%}" for t in frame["information"]],
            "Events": [_number(x, 0) for x in frame["events"]],
            "Z": [_number(x, 4) for x in frame["z_efficacy"]],
            "Nominal p": [f"{p:.5f}" for p in frame["nominal_p"]],
            "Effect at bound": [_number(x, 3) for x in frame["effect_efficacy"]],
            "Futility Z": [_number(x, 4) for x in frame["z_futility"]],
            "Alpha spent": [f"{a:.5f}" for a in frame["alpha_spent"]],
        }
    )
    if not look.is_ratio:
        shown = shown.drop(columns="Events")
    if frame["time"].notna().any():
        unit = look.patients.unit
        shown[f"Time ({unit})"] = [time_text(x) for x in frame["time"]]
        shown["90% limits"] = [
            "-" if s != "to come" else f"{time_text(a)} to {time_text(b)}"
            for s, a, b in zip(frame["status"], frame["time_low"], frame["time_high"], strict=True)
        ]
        if look.patients.origin is not None:
            shown["Date"] = [date or "-" for date in frame["date"]]
    if (frame["z_futility"] == -math.inf).all():
        shown = shown.drop(columns="Futility Z")
    return shown


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def shown_arms(look: InterimLook) -> pd.DataFrame:
    """The table of arms with headings for people."""
    frame = arms_frame(look)
    shown = pd.DataFrame({"Arm": frame["arm"], "Patients": frame["patients"].astype(str)})
    shown["Events"] = frame["events"].astype(str)
    if frame["competing_events"].any():
        shown["Competing events"] = frame["competing_events"].astype(str)
    shown["Censored"] = frame["censored"].astype(str)
    shown["Time at risk"] = [plain(x) for x in frame["time_at_risk"]]
    shown["Median"] = [plain(x, "not reached") for x in frame["median"]]
    return shown


def shown_results(look: InterimLook) -> pd.DataFrame:
    """Test, effect and what is to come, with headings for people."""
    measured = look.measured
    name = effect_name(look)
    best, low, high = plain_interval(look, 1.0 - 2.0 * look.design.plan.one_sided)
    rows = [
        ("Z, and one-sided p", f"{look.z:.4f}, {upper_tail(look.z):.5f}"),
        ("Efficacy bound on Z", bound_text(look.bound)),
        (f"{name[0].upper()}{name[1:]} at the bound", _number(effect_at(look, look.bound, measured.information), 3)),
        (
            f"{name[0].upper()}{name[1:]} (interval that disregards the looks)",
            f"{effect_text(best)} ({effect_text(low)} to {effect_text(high)})",
        ),
        ("Repeated confidence interval", f"{effect_text(look.repeated[1])} to {effect_text(look.repeated[2])}"),
    ]
    if look.stopped is not None and look.stopped_effect is not None:
        middle, left, right = look.stopped_effect
        rows += [
            (
                "Median-unbiased estimate if stopped here",
                f"{effect_text(middle)} ({effect_text(left)} to {effect_text(right)})",
            ),
            ("Stage-wise p-value", f"{look.stopped.p_value:.5f}"),
        ]
    words = {
        "planned": "Conditional power, planned effect",
        "observed": "Conditional power, observed effect",
        "none": "Conditional rejection probability (no effect)",
        "predictive": f"Predictive probability (prior: {look.prior_words})",
    }
    rows += [(words[key], f"{value:.1%}") for key, value in look.powers.items()]
    return pd.DataFrame(rows, columns=["Quantity", "Value"])


LOOKS_CAPTION = (
    "Bounds at the information that was observed, those to come as planned. Times to come: when the events are "
    "expected, if hazards go on as observed; the 90% limits count the error of the hazards alone."
)


def report_tables(look: InterimLook) -> list[ReportTable]:
    """Tables of the page."""
    level = look.design.plan.one_sided
    return [
        ReportTable("Test and effect", f"One-sided alpha {level:g}.", shown_results(look)),
        ReportTable("Looks", LOOKS_CAPTION, shown_looks(look)),
        ReportTable("Patients", f"Times in {look.patients.unit}.", shown_arms(look)),
    ]


def write_look_report(
    look: InterimLook, folder: Path, manifest: Mapping[str, object], figures: Sequence[tuple[Path, str, str]]
) -> Path:
    """Write `report.html`: one file that needs no network and no script."""
    return write_study_page(
        folder / "report.html",
        report_tables(look),
        [picture(path, title, caption) for path, title, caption in figures],
        title=f"{look.plan.title}: look {look.look}",
        question="May the trial stop at this look, and what is to be expected if it goes on?",
        answer=sentences(look),
        manifest=manifest,
    )
