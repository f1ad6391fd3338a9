"""A trial design on the terminal, as figures, and as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.parts.style import PALETTE, figure_style, new_figure
from lmssim.report.parts.terminal import plain_table
from lmssim.report.trials.tables import TIME_CAPTION, boundary_caption, report_tables, shown_frame
from lmssim.trials.plots import plot_bounds, plot_course, plot_curves
from lmssim.trials.survival.design import SurvivalDesign
from lmssim.trials.survival.difference import DifferenceDesign
from lmssim.trials.survival.hazards import survival_probability
from lmssim.trials.survival.weighted import WeightedDesign

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table

    from lmssim.trials.planning.plan import TrialPlan

SIZE = (6.4, 3.9)
"""Inches."""


def terminal_table(frame: pd.DataFrame, caption: str = "", title: str = "") -> Table:
    """A frame of text for the terminal, words to the left and numbers to the right."""
    table = plain_table(caption)
    table.title = title or None
    for name in frame.columns:
        words = name == "Value" or any(str(cell)[:1].isalpha() for cell in frame[name])
        table.add_column(str(name), justify="left" if words else "right", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(str(cell)) for cell in row))
    return table


def design_table(plan: TrialPlan) -> Table:
    """The table of bounds for the terminal."""
    return terminal_table(shown_frame(plan), boundary_caption(plan))


def design_figures(plan: TrialPlan) -> dict[str, tuple[Figure, str, str]]:
    """Figures by file name, each with its title and its caption."""
    if isinstance(plan.trial, WeightedDesign):
        return {"survival": (survival_figure(plan), "Planned survival", "Probability of no event, by arm.")}
    found = {"bounds": (bounds_figure(plan), "Bounds", "Bounds on Z by the fraction of the final information.")}
    if isinstance(plan.trial, SurvivalDesign):
        found["course"] = (course_figure(plan.trial), "Course", "Expected patients and events, and the looks.")
        found["over_time"] = (over_time_figure(plan.trial), "Average hazard ratio and power over time", TIME_CAPTION)
        found["survival"] = (survival_figure(plan), "Planned survival", "Probability of no event, by arm.")
    if isinstance(plan.trial, DifferenceDesign):
        found["survival"] = (survival_figure(plan), "Planned survival", "Probability of no event, by arm.")
    return found


def bounds_figure(plan: TrialPlan) -> Figure:
    """Bounds on Z."""
    design = plan.design
    futility = () if design.plan.futility is None else design.futility
    with figure_style():
        figure = new_figure(*SIZE)
        plot_bounds(design.information, design.efficacy, futility, sides=design.sides, ax=figure.subplots())
    return figure


def course_figure(trial: SurvivalDesign) -> Figure:
    """Patients and events by calendar time."""
    with figure_style():
        figure = new_figure(*SIZE)
        axes = plot_course(trial.over_time(), trial.look_times, trial.look_events, ax=figure.subplots())
        axes.set_xlabel(f"Calendar time ({trial.time_unit}) since the first entry")
    return figure


def over_time_figure(trial: SurvivalDesign) -> Figure:
    """Average hazard ratio above, power of a single test below, by calendar time."""
    frame = trial.over_time()
    with figure_style():
        figure = new_figure(SIZE[0], 4.6)
        above, below = figure.subplots(2, 1, sharex=True)
        above.plot(frame["time"], frame["average_hr"], color=PALETTE[0])
        above.axhline(
            trial.margin, color=PALETTE[8], linestyle=":", label="No effect" if trial.margin == 1 else "Margin"
        )
        above.plot(
            trial.look_times,
            [a.hazard_ratio for a in trial.average_hazard_ratios],
            "o",
            color=PALETTE[2],
            label="Looks",
        )
        above.set_ylabel("Average hazard ratio")
        above.set_title("What a log-rank test sees", loc="left")
        above.legend()
        below.plot(frame["time"], frame["power"], color=PALETTE[1])
        below.set_ylim(0.0, 1.02)
        below.set_ylabel("Power of one test then")
        below.set_xlabel(f"Calendar time ({trial.time_unit}) since the first entry")
        below.set_xlim(0.0, float(frame["time"].iloc[-1]))
    return figure


def survival_figure(plan: TrialPlan) -> Figure:
    """Planned survival of both arms, strata averaged."""
    trial = plan.trial
    with figure_style():
        figure = new_figure(*SIZE)
        axes = figure.subplots()
        if isinstance(trial, DifferenceDesign):
            trial.plot(axes)
        elif trial is not None:
            times = np.linspace(0.0, trial.study_duration, 200)
            population = trial.population
            arms = [(s.control_arm().hazard, s.experimental_arm().hazard) for s in population.strata]
            curves = [
                sum(
                    share * survival_probability(pair[i], times)
                    for share, pair in zip(population.shares, arms, strict=True)
                )
                for i in range(2)
            ]
            plot_curves(times, {"Control": np.asarray(curves[0]), "Experimental": np.asarray(curves[1])}, ax=axes)
        axes.set_xlabel(f"Time since entry ({plan.time_unit})")
    return figure


def write_design_report(
    plan: TrialPlan, folder: Path, manifest: Mapping[str, object], figures: Sequence[tuple[Path, str, str]]
) -> Path:
    """Write `report.html`: one file that needs no network and no script.

    Parameters
    ----------
    folder : Path
        Where.
    manifest : mapping
        What was planned, printed at the end.
    figures : sequence of (Path, str, str)
        Each picture with its title and its caption.
    """
    return write_study_page(
        folder / "report.html",
        report_tables(plan),
        [picture(path, title, caption) for path, title, caption in figures],
        title=plan.title,
        question="How large is the trial, when is it analysed, and what does it show if the plan is true?",
        answer=[plan.summary()],
        manifest=manifest,
    )
