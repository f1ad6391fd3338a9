"""Curves by strategy: survival and cumulative incidence with the numbers at risk, and causes of death stacked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from lmssim.outcomes.estimators import Z975
from lmssim.report.evaluation.exactness import words_of
from lmssim.report.parts.labels import (
    LONGEST_TITLE,
    death_endpoints,
    endpoint_label,
    short,
    state_label,
    strategy_labels,
)
from lmssim.report.parts.style import AREAS, GREYS, figure_style, legend_name, line_style, new_figure, title_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.evaluation import Evaluation

WIDTH = 7.6
"""Inches; about the width of an A4 page between its margins."""
HEIGHT = 2.55
"""Inches of the curves, without the numbers at risk: two figures of nine strategies go on a page."""
CAUSES = {"disease": "#CC6677", "treatment": "#332288", "other": GREYS[2]}
LONGEST_SHOWN = 20.0
"""Years: curves of a lifetime are cut here."""


def years_shown(evaluation: Evaluation) -> float:
    """Years on the time axis: 10, or the last named time, within the horizon."""
    settings = evaluation.scenario.file.settings
    return min(settings.horizon, LONGEST_SHOWN, max([10.0, *settings.times]))


def plot_survival(evaluation: Evaluation, endpoint: str, ax: Axes | None = None) -> Axes:
    """Share without the event, by strategy.

    Parameters
    ----------
    evaluation : Evaluation
        The results.
    endpoint : str
        Id of an endpoint.
    ax : Axes, optional
        Where to draw the curves alone; a figure with the numbers at risk beneath is made if absent.
    """
    return _plot(evaluation, endpoint, ax)


def plot_incidence(evaluation: Evaluation, endpoint: str, ax: Axes | None = None) -> Axes:
    """Cumulative incidence by strategy, competing events counted as such; arguments as in `plot_survival`."""
    return _plot(evaluation, endpoint, ax)


def _plot(evaluation: Evaluation, endpoint: str, ax: Axes | None) -> Axes:
    with figure_style():
        if ax is not None:
            _draw_curves(ax, evaluation, endpoint)
            ax.legend()
            return ax
        rows = len(evaluation.strategies) + 1
        table_height = 0.17 * rows + 0.1
        figure = new_figure(WIDTH, HEIGHT + table_height + 0.4)
        top: Axes
        below: Axes
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=[HEIGHT, table_height])
        _draw_curves(top, evaluation, endpoint)
        top.tick_params(labelbottom=True)
        _draw_at_risk(below, evaluation, endpoint)
        return top


def _draw_curves(ax: Axes, evaluation: Evaluation, endpoint: str) -> None:
    frame, labels, shown = _curve(evaluation, endpoint), strategy_labels(evaluation.scenario), years_shown(evaluation)
    top = 0.0
    for i, strategy in enumerate(evaluation.strategies):
        curve = frame[frame["strategy"] == strategy]
        time, value, error = (curve[c].to_numpy() for c in ("time", "value", "se"))
        style = line_style(i)
        ax.plot(
            time, value, label=legend_name(labels[strategy], 60), zorder=3, drawstyle=_drawstyle(evaluation), **style
        )
        low, high = np.clip(value - Z975 * error, 0, 1), np.clip(value + Z975 * error, 0, 1)
        ax.fill_between(
            time, low, high, step=step_of_areas(evaluation), color=style["color"], alpha=0.10, linewidth=0, zorder=2
        )
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


def _drawstyle(evaluation: Evaluation) -> Literal["default", "steps-post"]:
    """How a line is drawn: in a model in cycles it falls at the times of its points."""
    return "default" if evaluation.scenario.file.cycles is None else "steps-post"


def step_of_areas(evaluation: Evaluation) -> Literal["post"] | None:
    """The same of areas."""
    return None if evaluation.scenario.file.cycles is None else "post"


def _curve(evaluation: Evaluation, endpoint: str) -> pd.DataFrame:
    frame = evaluation.survival
    return frame[(frame["endpoint"] == endpoint) & (frame["time"] <= years_shown(evaluation) + 1e-9)]


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


def _draw_at_risk(ax: Axes, evaluation: Evaluation, endpoint: str) -> None:
    """Numbers at risk; the rows' names and line samples are the legend."""
    frame, labels = _curve(evaluation, endpoint), strategy_labels(evaluation.scenario)
    times = _times_shown(evaluation)
    n = len(evaluation.strategies)
    ax.set_ylim(n, -1)
    ax.axis("off")
    left = ax.get_yaxis_transform()
    heading, scale = words_of(evaluation).at_risk(frame["at_risk"].max())
    ax.text(-0.158, -0.5, heading, transform=left, ha="right", va="center", weight="bold")
    for i, strategy in enumerate(evaluation.strategies):
        rows = frame[frame["strategy"] == strategy].set_index("time")["at_risk"]
        sample = Line2D([-0.145, -0.062], [i + 0.5] * 2, transform=left, clip_on=False, **line_style(i))
        sample.set_in_layout(False)
        ax.add_line(sample)
        ax.text(-0.158, i + 0.5, short(labels[strategy], 36), transform=left, ha="right", va="center", fontsize=8)
        for time in times:
            text = f"{rows.loc[: time + 1e-9].iloc[-1] * scale:,.0f}"
            ax.text(time, i + 0.5, text, ha="center", va="center", fontsize=7.2)


def _times_shown(evaluation: Evaluation) -> list[float]:
    """Named times within the axis, the first of any two too close to print apart, and 0."""
    shown = years_shown(evaluation)
    named = [t for t in evaluation.scenario.file.settings.times if 0 < t <= shown and (4 * t) % 1 == 0]
    kept = [0.0]
    for time in named:
        if time - kept[-1] >= shown * 0.095:
            kept.append(float(time))
    return kept


# === Causes of death ===


def plot_causes_of_death(evaluation: Evaluation) -> Figure | None:
    """Cumulative incidence of death by cause, stacked, a panel for each strategy; None without such endpoints."""
    causes = death_endpoints(evaluation)
    if not causes:
        return None
    with figure_style():
        figure, panels = panel_grid(evaluation)
        for ax, strategy in zip(panels, evaluation.strategies, strict=True):
            _stack_causes(ax, evaluation, strategy, causes)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles[::-1], names[::-1], loc="outside lower center", ncols=min(len(names), 4))
        title_figure(figure, "Deaths by cause: years since the treatment decision")
        figure.supylabel("Patients who have died (%)", fontsize=9)
        return figure


def _stack_causes(ax: Axes, evaluation: Evaluation, strategy: str, causes: list[str]) -> None:
    parts = []
    for cause in causes:
        frame = _curve(evaluation, cause)
        parts.append(frame[frame["strategy"] == strategy]["value"].to_numpy())
        time = frame[frame["strategy"] == strategy]["time"].to_numpy()
    colours = [CAUSES.get(cause.removeprefix("death_"), AREAS[i % len(AREAS)]) for i, cause in enumerate(causes)]
    names = [legend_name(endpoint_label(evaluation, cause)) for cause in causes]
    ax.stackplot(
        time, *parts, labels=names, colors=colours, edgecolor="white", linewidth=0.4, step=step_of_areas(evaluation)
    )
    ax.set_ylim(0.0, 1.0)
    ax.set_xlim(0.0, years_shown(evaluation))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))


def panel_grid(evaluation: Evaluation) -> tuple[Figure, list[Axes]]:
    """Figure with a panel for each strategy, at most three abreast, each under its strategy's name."""
    labels = strategy_labels(evaluation.scenario, 34)
    n = len(evaluation.strategies)
    columns = n if n < 3 else 2 if n == 4 else 3
    rows = math.ceil(n / columns)
    figure = new_figure(WIDTH, 0.9 + max(1.75 * rows, 2.6))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    panels = list(grid.flat)
    for spare in panels[n:]:
        spare.remove()
    for ax, strategy in zip(panels[:n], evaluation.strategies, strict=True):
        ax.set_title(labels[strategy], fontsize=8, weight="normal")
    for ax in panels[max(n - columns, 0) : n]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("Years")
    return figure, panels[:n]
