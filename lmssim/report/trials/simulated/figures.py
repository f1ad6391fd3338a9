"""Figures of simulated trials: power, bounds, an example trial, and the distribution of the estimate."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lmssim.report.parts.style import PALETTE, figure_style, line_style, new_figure
from lmssim.report.trials.simulated.value.figures import value_figures
from lmssim.studies.trials.conduct.curves import kaplan_meier
from lmssim.studies.trials.result import AT
from lmssim.trials.plots import plot_bounds, plot_power

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.studies.trials.study import TrialStudy
    from lmssim.trials.tests.data import TrialData

SIZE = (6.4, 3.9)
"""Inches."""
BINS = 40
EXAMPLE = "Example trial: the first one simulated, at its last analysis"


def study_figures(study: TrialStudy) -> dict[str, tuple[Figure, str, str]]:
    """Figures by file name, each with its title and its caption."""
    found = {}
    if len(study.planned.work.sizes) > 1:
        found["power"] = (power_figure(study), "Power by number of patients", "Bars are 95% Monte-Carlo intervals.")
    if _has_interim_bounds(study):
        found["bounds"] = (bounds_figure(study), "Bounds", "Bounds on Z at the planned information of the analyses.")
    found["example"] = (example_figure(study), "An example trial", f"{EXAMPLE}; Kaplan-Meier, and numbers at risk.")
    found["estimates"] = (
        estimates_figure(study),
        "Distribution of the estimate",
        "Estimated effect when the trial ends, by what the trial says.",
    )
    return found if study.value is None else {**found, **value_figures(study.value)}


def _has_interim_bounds(study: TrialStudy) -> bool:
    """Whether a trial can end before its last analysis by the design's bounds."""
    design = study.design.sequential
    return bool(np.isfinite(design.efficacy[:-1]).any() or np.isfinite(design.futility[:-1]).any())


def power_figure(study: TrialStudy) -> Figure:
    """Power by number of patients, and assurance if there is any."""
    with figure_style():
        figure = new_figure(*SIZE)
        axes = plot_power(study.planned.power_curve, ax=figure.subplots())
        table = study.assurance
        if not table.empty:
            axes.errorbar(
                table["n"],
                table["assurance"],
                yerr=1.96 * table["assurance_se"],
                fmt="s-",
                capsize=2,
                color=PALETTE[3],
                label="Assurance",
            )
        axes.legend(fontsize=8)
    return figure


def bounds_figure(study: TrialStudy) -> Figure:
    """Bounds on Z."""
    design = study.design.sequential
    futility = () if design.plan.futility is None else design.futility
    with figure_style():
        figure = new_figure(*SIZE)
        plot_bounds(design.information, design.efficacy, futility, sides=design.sides, ax=figure.subplots())
    return figure


def example_figure(study: TrialStudy) -> Figure:
    """Kaplan-Meier of both arms of the first trial, over the numbers at risk."""
    data, _ = study.planned.work.example()
    design = study.design
    spec = design.endpoints[design.primary]
    longest = float(np.nanmax(data.time)) or 1.0
    with figure_style():
        figure = new_figure(SIZE[0], 4.4)
        above, below = figure.subplots(2, 1, height_ratios=[6, 1], sharex=True)
        for side, arm in enumerate(design.arms):
            times, share = kaplan_meier(data, side, competes=design.competes)
            above.step(times, share, where="post", label=arm.label, **line_style(side))
        above.set(ylim=(0.0, 1.02), xlim=(0.0, longest), ylabel=f"{spec.label}: without the event")
        above.set_title("Example trial", loc="left")
        above.legend()
        _at_risk(below, data, [arm.label for arm in design.arms], list(above.get_xticks()))
        above.set_xlabel(f"Time since randomisation ({design.time_unit})")
        above.tick_params(labelbottom=True)
    return figure


def _at_risk(ax: Axes, data: TrialData, labels: list[str], ticks: list[float]) -> None:
    """Numbers at risk below the curves."""
    ax.axis("off")
    ax.set_ylim(2, -1)
    left = ax.get_yaxis_transform()
    ax.text(-0.05, -0.5, "At risk", transform=left, ha="right", va="center", weight="bold")
    for side, label in enumerate(labels):
        ax.text(-0.05, side + 0.5, label[:18], transform=left, ha="right", va="center", fontsize=8)
        own = data.time[0, data.arm[0] == side]
        for tick in ticks:
            if 0.0 <= tick <= float(np.nanmax(data.time)):
                ax.text(tick, side + 0.5, str(int((own >= tick).sum())), ha="center", va="center", fontsize=8)


def estimates_figure(study: TrialStudy) -> Figure:
    """Histogram of the estimate when the trial ends."""
    planned = study.planned
    s, rule = planned.size_at(None), planned.rules[0]
    found = planned.score(rule)
    ended = np.take_along_axis(planned.looks[:, s, :, AT["estimate"]], found.look[:, None], axis=1)[:, 0]
    known = np.isfinite(ended)
    values = np.exp(ended) if planned.is_ratio else ended
    low, high = np.quantile(values[known], [0.002, 0.998]) if known.any() else (0.0, 1.0)
    edges = np.linspace(low, max(high, low + 1e-9), BINS + 1)
    success = found.verdict == 1
    with figure_style():
        figure = new_figure(*SIZE)
        axes = figure.subplots()
        groups = [values[known & success], values[known & ~success]]
        axes.hist(
            groups, bins=list(edges), stacked=True, color=[PALETTE[1], "#BBBBBB"], label=["Success", "No success"]
        )
        truth = planned.estimates_mean(s)
        if math.isfinite(truth):
            shown = math.exp(truth) if planned.is_ratio else truth
            axes.axvline(shown, color=PALETTE[0], label="Mean of the last analysis")
        axes.set_xlabel("Hazard ratio when the trial ends" if planned.is_ratio else "Effect when the trial ends")
        axes.set_ylabel("Trials")
        axes.set_title("Distribution of the estimate", loc="left")
        axes.legend()
    return figure
