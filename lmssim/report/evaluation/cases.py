"""Published patients among simulated lives: a table for the terminal and the report, and a figure of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.report.parts.digits import MISSING, plain, rounded
from lmssim.report.parts.labels import LONGEST_TITLE, short
from lmssim.report.parts.style import AREAS, FAINT, INK, PALETTE, figure_style, new_figure, title_figure
from lmssim.report.parts.table import ReportTable
from lmssim.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.model.language.schema import Case
    from lmssim.model.scenario import Scenario
    from lmssim.published.cases import CaseTime

WIDTH = 7.6
PANEL = 1.75
"""Inches of a panel's height."""
BINS = 40
BEFORE = "#6FB1D8"
SHOWN = 0.98
"""Share of the simulated times that the axis shows; it always shows the patient's own."""
CAPTION = (
    "Simulated lives with the patient's known covariates and treatment; other covariates are drawn from the "
    "population. Percentile: share of the simulated times up to the patient's, among lives with the event. In the "
    "figure, the line is the patient's time, and the bar below the simulated times shows their median and 5% to 95%."
)


def case_text(found: CaseTime) -> str:
    """The observed time: "6 years", or "over 1.42 years"."""
    return f"{'over ' if found.observed.at_least else ''}{plain(found.observed.time)} years"


def percentile_text(found: CaseTime) -> str:
    """Percentile with the digits that its error leaves: "63", "above 71"; a dash if no life has the event."""
    text = rounded(100.0 * found.percentile, 100.0 * found.standard_error)
    return f"above {text}" if found.observed.at_least and text != MISSING else text


def case_table(scenario: Scenario, found: Sequence[CaseTime]) -> ReportTable:
    """Each observed time of the patients beside the simulated times."""
    rows = [
        {
            "Patient": one_line(scenario.file.cases[each.case].label),
            "Observed": one_line(each.observed.label),
            "Time": case_text(each),
            "Lives": f"{each.lives:,}",
            "With event by then, %": _percent(each.share_by_then, each.lives),
            "Ever, %": _percent(each.share_ever, each.lives),
            "Median, years": plain(each.quantile(0.5)),
            "5% to 95%": f"{plain(each.quantile(0.05))} to {plain(each.quantile(0.95))}",
            "Percentile": percentile_text(each),
        }
        for each in found
    ]
    return ReportTable("Published patients", CAPTION, pd.DataFrame(rows))


def _percent(share: float, n: int) -> str:
    return rounded(100.0 * share, 100.0 * float(np.sqrt(share * (1.0 - share) / max(n, 1))))


def plot_case(case: Case, found: Sequence[CaseTime]) -> Figure:
    """Distribution of each simulated time, with the patient's own.

    Parameters
    ----------
    case : Case
        The case.
    found : sequence of CaseTime
        Its observed times.
    """
    with figure_style():
        figure = new_figure(WIDTH, 0.45 + PANEL * len(found))
        axes = figure.subplots(len(found), 1, squeeze=False)[:, 0]
        for ax, each in zip(axes, found, strict=True):
            _draw(ax, each)
        title_figure(figure, short(case.label, LONGEST_TITLE))
        return figure


def _draw(ax: Axes, found: CaseTime) -> None:
    ax.set_title(short(found.observed.label, 50), fontsize=8.5, weight="normal")
    like = f"{found.lives:,} lives, {_percent(found.share_ever, found.lives)}% with the event"
    ax.set_title(like, loc="right", fontsize=7.5, weight="normal", color=FAINT)
    ax.set_yticks([])
    ax.set_xlabel("Years")
    last = max(found.quantile(SHOWN) if len(found.times) else 0.0, 1.25 * found.observed.time)
    ax.set_xlim(0.0, last)
    if len(found.times):
        _draw_times(ax, found, last)
    else:
        ax.text(0.5, 0.5, "no simulated life has this event", transform=ax.transAxes, ha="center", va="center")
    ax.axvline(found.observed.time, color=PALETTE[2], linewidth=2.0)
    _label(ax, found, last)


def _draw_times(ax: Axes, found: CaseTime, last: float) -> None:
    """Histogram of the times, the part up to the patient's darker; median and 5% to 95% on its foot."""
    edges = np.linspace(0.0, last, BINS + 1)
    height, _ = np.histogram(found.times, edges)
    ax.bar(edges[:-1], height, np.diff(edges), align="edge", color=AREAS[0])
    ax.bar(
        edges[:-1], height, np.clip(found.observed.time - edges[:-1], 0.0, np.diff(edges)), align="edge", color=BEFORE
    )
    top = float(height.max())
    ax.set_ylim(-0.12 * top, 1.12 * top)
    ax.plot([found.quantile(0.05), min(found.quantile(0.95), last)], [-0.06 * top] * 2, color=INK, linewidth=1.5)
    ax.plot([found.quantile(0.5)], [-0.06 * top], "o", color=INK, markersize=4)


def _label(ax: Axes, found: CaseTime, last: float) -> None:
    """The patient's time and percentile, on the side of the line with more room."""
    right = found.observed.time < 0.6 * last
    who = f"patient: {case_text(found)}\npercentile {percentile_text(found)}"
    ax.annotate(
        who,
        (found.observed.time, 1.0),
        (6 if right else -6, -2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="left" if right else "right",
        va="top",
        color=PALETTE[2],
        fontsize=8,
    )
