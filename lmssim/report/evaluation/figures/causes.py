"""Causes of death: cumulative incidence by cause, stacked, a panel for each strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.report.evaluation.figures.panels import curves_of, panel_grid, stack
from lmssim.report.parts.labels import death_endpoints, endpoint_label
from lmssim.report.parts.style import AREAS, GREYS, figure_style, legend_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lmssim.evaluation import Evaluation

CAUSES = {"disease": "#CC6677", "treatment": "#332288", "other": GREYS[2]}


def plot_causes_of_death(evaluation: Evaluation) -> Figure | None:
    """Cumulative incidence of death by cause, stacked, a panel for each strategy; None without such endpoints."""
    causes = death_endpoints(evaluation)
    if not causes:
        return None
    curves = [curves_of(evaluation, cause) for cause in causes]
    colours = [CAUSES.get(cause.removeprefix("death_"), AREAS[i % len(AREAS)]) for i, cause in enumerate(causes)]
    names = [legend_name(endpoint_label(evaluation, cause)) for cause in causes]
    with figure_style():
        title = "Deaths by cause: years since the treatment decision"
        figure, panels = panel_grid(evaluation, title, list(zip(names, colours, strict=True)), 4)
        for ax, strategy in zip(panels, evaluation.strategies, strict=True):
            own = [curve[strategy] for curve in curves]
            stack(ax, evaluation, own[0].time, [curve.value for curve in own], colours)
        figure.supylabel("Patients who have died (%)", fontsize=9, x=0.012)
        return figure
