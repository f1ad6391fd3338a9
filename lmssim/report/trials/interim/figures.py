"""The figures of a look: bounds with Z, and both arms over their numbers at risk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.report.parts.style import PALETTE, figure_style, line_style, new_figure
from lmssim.report.trials.interim.tables import course_of
from lmssim.trials.plots import plot_bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.trials.interim.look import InterimLook

SIZE = (6.4, 4.4)
"""Inches."""


def look_figures(look: InterimLook) -> dict[str, tuple[Figure, str, str]]:
    """Figures by file name, each with its title and its caption."""
    return {
        "bounds": (bounds_figure(look), "Bounds and Z", "Bounds at the observed information, and Z at this look."),
        "survival": (
            survival_figure(look),
            "Patients without the event, by arm",
            "Aalen-Johansen estimate (Kaplan-Meier where no events compete), and the numbers at risk.",
        ),
    }


def bounds_figure(look: InterimLook) -> Figure:
    """Bounds on Z, and Z."""
    design = look.design
    futility = () if design.plan.futility is None else design.futility
    with figure_style():
        figure = new_figure(*SIZE)
        axes = figure.subplots()
        plot_bounds(design.information, design.efficacy, futility, sides=design.sides, ax=axes)
        axes.plot([look.measured.fraction], [look.z], "D", color=PALETTE[3], markersize=8, label="Z at this look")
        axes.set_title("Bounds at the observed information", loc="left")
        axes.legend()
    return figure


def survival_figure(look: InterimLook) -> Figure:
    """Share without the event by arm, over the numbers at risk."""
    longest = float(look.patients.data.time[0].max()) or 1.0
    with figure_style():
        figure = new_figure(*SIZE)
        above, below = figure.subplots(2, 1, height_ratios=[6, 1], sharex=True)
        for side, name in enumerate(look.patients.arms):
            course = course_of(look, side)
            last = float(look.patients.data.time[0, look.patients.data.arm[0] == side].max())
            times = np.concatenate([[0.0], course.times, [last]])
            left = 1.0 - np.concatenate([[0.0], course.share, course.share[-1:] if len(course.share) else [0.0]])
            above.step(times, left, where="post", label=name, **line_style(side))
        above.set(ylim=(0.0, 1.02), xlim=(0.0, longest), ylabel="Without the event")
        above.set_title("Patients without the event", loc="left")
        above.legend()
        _at_risk(below, look, above.get_xticks())
        above.set_xlabel(f"Time since entry ({look.patients.unit})")
        above.tick_params(labelbottom=True)
    return figure


def _at_risk(ax: Axes, look: InterimLook, ticks: Sequence[float]) -> None:
    """Numbers at risk below the curves."""
    data = look.patients.data
    ax.axis("off")
    ax.set_ylim(2, -1)
    left = ax.get_yaxis_transform()
    ax.text(-0.05, -0.5, "At risk", transform=left, ha="right", va="center", weight="bold")
    for side, name in enumerate(look.patients.arms):
        ax.text(-0.05, side + 0.5, name[:18], transform=left, ha="right", va="center", fontsize=8)
        own = data.time[0, data.arm[0] == side]
        for tick in ticks:
            if 0.0 <= tick <= float(data.time[0].max()):
                ax.text(tick, side + 0.5, str(int((own >= tick).sum())), ha="center", va="center", fontsize=8)
