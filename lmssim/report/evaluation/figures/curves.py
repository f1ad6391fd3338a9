"""Curves by strategy: survival and cumulative incidence, with the numbers at risk.

Curves of many strategies lie on one another, so their differences from the comparator stand beside them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import PercentFormatter

from lmssim.outcomes.estimators import Z975
from lmssim.report.evaluation.figures.at_risk import draw_at_risk, draw_table
from lmssim.report.evaluation.figures.differences import MANY, draw_differences
from lmssim.report.evaluation.figures.panels import WIDTH, curves_of, drawstyle_of, step_of_areas, years_shown
from lmssim.report.parts.labels import LONGEST_TITLE, endpoint_label, short, state_label, strategy_labels
from lmssim.report.parts.style import figure_style, legend_name, line_style, new_figure, title_figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from lmssim.evaluation import Evaluation
    from lmssim.report.evaluation.figures.panels import Curve

HEIGHT = 2.55
"""Inches of the curves, without the numbers at risk: two figures of nine strategies go on a page."""
ROW = 0.155
"""Inches of a row of numbers at risk of many strategies."""


def plot_survival(evaluation: Evaluation, endpoint: str, ax: Axes | None = None) -> Axes:
    """Share without the event, by strategy.

    Parameters
    ----------
    evaluation : Evaluation
        The results.
    endpoint : str
        Id of an endpoint.
    ax : Axes, optional
        Where to draw the curves alone; if absent, a figure is made with the numbers at risk beneath and, of many
        strategies, the differences from the comparator beside them.
    """
    return _plot(evaluation, endpoint, ax)


def plot_incidence(evaluation: Evaluation, endpoint: str, ax: Axes | None = None) -> Axes:
    """Cumulative incidence by strategy, competing events counted as such; arguments as in `plot_survival`."""
    return _plot(evaluation, endpoint, ax)


def _plot(evaluation: Evaluation, endpoint: str, ax: Axes | None) -> Axes:
    curves = curves_of(evaluation, endpoint)
    with figure_style():
        if ax is not None:
            _draw_curves(ax, evaluation, endpoint, curves)
            ax.legend()
            return ax
        if len(curves) >= MANY:
            return _plot_many(evaluation, endpoint, curves)
        table_height = 0.17 * (len(curves) + 1) + 0.1
        figure = new_figure(WIDTH, HEIGHT + table_height + 0.4)
        top: Axes
        below: Axes
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=[HEIGHT, table_height])
        _draw_curves(top, evaluation, endpoint, curves)
        top.tick_params(labelbottom=True)
        draw_at_risk(below, evaluation, curves)
        return top


def _plot_many(evaluation: Evaluation, endpoint: str, curves: Mapping[str, Curve]) -> Axes:
    """Curves, their differences from the comparator, and the numbers at risk as a table."""
    title, tall, axis, table = 0.55, 2.5, 0.55, ROW * (len(curves) + 1)
    height = title + tall + axis + table + 0.05
    figure = new_figure(WIDTH, height, constrained=False)

    def place(left: float, bottom: float, wide: float, high: float) -> Axes:
        """Axes at a place in inches."""
        return figure.add_axes((left / WIDTH, bottom / height, wide / WIDTH, high / height))

    bottom = height - title - tall
    left, right = place(0.55, bottom, 2.35, tall), place(3.5, bottom, 2.0, tall)
    _draw_curves(left, evaluation, endpoint, curves)
    draw_differences(right, evaluation, curves)
    left.set_title(left.get_ylabel(), fontsize=8.5, weight="normal")
    left.set_ylabel("")
    right.set_xlabel("Years")
    draw_table(place(0.05, 0.05, WIDTH - 0.1, table), evaluation, curves)
    title_figure(figure, short(endpoint_label(evaluation, endpoint), LONGEST_TITLE))
    return left


def _draw_curves(ax: Axes, evaluation: Evaluation, endpoint: str, curves: Mapping[str, Curve]) -> None:
    labels, shown, top = strategy_labels(evaluation.scenario), years_shown(evaluation), 0.0
    for i, (strategy, curve) in enumerate(curves.items()):
        style, name = line_style(i), legend_name(labels[strategy], 60)
        ax.plot(curve.time, curve.value, label=name, zorder=3, drawstyle=drawstyle_of(evaluation), **style)
        width = Z975 * curve.se
        low, high = np.clip(curve.value - width, 0, 1), np.clip(curve.value + width, 0, 1)
        step = step_of_areas(evaluation)
        ax.fill_between(curve.time, low, high, step=step, color=style["color"], alpha=0.10, linewidth=0, zorder=2)
        top = max(top, float(high.max()))
    survival = evaluation.scenario.file.endpoints[endpoint].kind == "survival"
    ax.set_ylim(0.0, 1.0 if survival else _ceiling(top))
    ax.set_xlim(0.0, shown)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0 if ax.get_ylim()[1] >= 0.05 else 1, symbol=""))
    if shown <= 12 and shown == int(shown):
        ax.set_xticks(range(int(shown) + 1))
    ax.set_title(short(endpoint_label(evaluation, endpoint), LONGEST_TITLE))
    ax.set_xlabel(_time_label(evaluation, endpoint))
    ax.set_ylabel("Patients without event (%)" if survival else "Cumulative incidence (%)")


def _ceiling(top: float) -> float:
    """End of the axis a little above the highest value."""
    step = 0.01 if top < 0.08 else 0.05 if top < 0.4 else 0.1
    return min(1.0, math.ceil((top + 0.005) / step) * step)


def _time_label(evaluation: Evaluation, endpoint: str) -> str:
    origin = evaluation.scenario.file.endpoints[endpoint].origin
    if origin == "model":
        return "Years since the treatment decision"
    known = origin in evaluation.scenario.file.states
    return f"Years since: {short(state_label(evaluation.scenario, origin) if known else origin, LONGEST_TITLE)}"
