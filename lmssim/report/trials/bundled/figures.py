"""Figures of bundled designs: definitions of an endpoint, power by assumed effect, and a replayed result."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from lmssim.report.parts.style import PALETTE, figure_style, line_style, marker_style, new_figure
from lmssim.studies.trials.design.keys import ARMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.kernels import FloatArray
    from lmssim.studies.trials.design.objects import TrialDesign

WIDTH = 6.4
"""Inches."""
NAME = 24
"""Letters of a line of an endpoint's name."""
THINNEST = 0.002
"""Share without an event below which a curve is not drawn on."""


def definitions_figure(endpoints: pd.DataFrame, design: str, planned: float) -> Figure:
    """Hazard ratio of every endpoint of a design by case, with the range of single trials."""
    own = endpoints[endpoints["design"] == design]
    names = list(dict.fromkeys(own["label"]))
    cases = list(dict.fromkeys(own["case"]))
    with figure_style():
        figure = new_figure(WIDTH, 0.5 * len(names) + 1.4)
        axes = figure.subplots()
        for k, case in enumerate(cases):
            rows = own[own["case"] == case].set_index("label").loc[names]
            log, sd = rows["log_hr"].to_numpy(), rows["log_hr_sd"].to_numpy()
            y = np.arange(len(names)) + 0.2 * (k - 0.5 * (len(cases) - 1))
            ends = np.exp([log - 1.96 * sd, log + 1.96 * sd])
            style = marker_style(k)
            axes.hlines(y, *ends, color=style["color"], linewidth=1.0)
            axes.plot(np.exp(log), y, linestyle="none", label=case, **style)
        axes.axvline(1.0, color="#8A8A8A", linewidth=0.8)
        axes.axvline(planned, color="#8A8A8A", linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        ticks = [0.25, planned, 1.0, 2.0, 4.0]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_yticks(range(len(names)), [textwrap.fill(name, NAME) for name in names])
        axes.invert_yaxis()
        axes.set_xlabel("Hazard ratio, 95% of single trials; dotted: as planned")
        axes.set_title("Several endpoints of the same paths", loc="left")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def effects_figure(effects: pd.DataFrame, assurance: pd.DataFrame) -> Figure:
    """Power by assumed hazard ratio, and assurance over the calibrated draws for the same number of patients."""
    n = int(effects["n"].iloc[0])
    with figure_style():
        figure = new_figure(WIDTH, 3.9)
        axes = figure.subplots()
        for k, (name, rows) in enumerate(effects.groupby("curve", sort=False)):
            axes.errorbar(
                rows["hazard_ratio"], rows["power"], yerr=1.96 * rows["se"], capsize=2, label=name, **marker_style(k)
            )
        axes.axhline(0.8, color="#8A8A8A", linewidth=0.8)
        same = assurance[assurance["n"] == n]
        if not same.empty:
            shown = float(same["assurance"].iloc[0])
            axes.axhline(shown, color=PALETTE[3], linestyle="--", label=f"assurance, calibrated effect: {shown:.0%}")
        axes.set_ylim(0.0, 1.02)
        axes.set_xlabel("Assumed hazard ratio of chemotherapy")
        axes.set_ylabel(f"Power with {n} patients")
        axes.set_title("Power for disease-free survival by what chemotherapy does", loc="left")
        axes.legend()
    return figure


def replay_figure(
    curves: Mapping[str, Sequence[tuple[FloatArray, FloatArray]]], table: pd.DataFrame, design: TrialDesign
) -> Figure:
    """Kaplan-Meier of all simulated patients, with the published medians and shares."""
    with figure_style():
        figure = new_figure(WIDTH, 3.6)
        panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
        for axes, (name, arms) in zip(panels, curves.items(), strict=True):
            for side, (times, share) in enumerate(arms):
                kept = share > THINNEST
                axes.step(times[kept], share[kept], where="post", label=design.arms[side].label, **line_style(side))
            _points(axes, table[table["endpoint"] == name])
            axes.set_xlim(0.0, 60.0)
            axes.set_ylim(0.0, 1.02)
            axes.set_xlabel(f"{design.time_unit.capitalize()} since randomisation")
            axes.set_title(design.endpoints[name].label, loc="left")
        panels[0].set_ylabel("Share without the event")
        panels[-1].legend()
    return figure


def _points(axes: Axes, rows: pd.DataFrame) -> None:
    """Published medians with their intervals, and published shares."""
    for side, arm in enumerate(ARMS):
        own, color = rows[rows["arm"] == arm], line_style(side)["color"]
        for row in own.to_dict("records"):
            if row["statistic"] == "median":
                axes.plot(row["published"], 0.5, "s", color=color, markersize=4)
                axes.hlines(0.5, row["published_low"], row["published_high"], color=color, linewidth=0.8)
            else:
                axes.plot(row["at"], row["published"], "o", color=color, markersize=4)
    axes.plot([], [], "o", color="#8A8A8A", markersize=4, label="published")
