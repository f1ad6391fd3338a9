"""What figures of an evaluation share: the years on their axis, curves as arrays, and a panel for each strategy."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from lmssim.report.parts.labels import strategy_labels
from lmssim.report.parts.style import new_figure, title_figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.evaluation import Evaluation
    from lmssim.kernels import FloatArray

WIDTH = 7.6
"""Inches; about the width of an A4 page between its margins."""
LONGEST_SHOWN = 20.0
"""Years: curves of a lifetime are cut here."""
HEAD, FOOT, BETWEEN, LEFT, RIGHT = 0.55, 0.5, 0.28, 0.62, 0.12
"""Inches above, below, between and beside the panels of a figure; the legend is below."""
PANEL, PANEL_ALONE, LEGEND_ROW = 1.3, 2.1, 0.17
"""Inches of a panel's height, of one in a single row, and of a row of the legend."""


@dataclass(frozen=True)
class Curve:
    """An endpoint under a strategy, over the years that are shown.

    Attributes
    ----------
    time : ndarray(float, ndim=1)
        Years since the origin.
    value, se : ndarray(float, ndim=1)
        Share without the event, or with it, and its standard error.
    at_risk : ndarray(float, ndim=1)
        Patients; of an exact solution, the share of them.
    """

    time: FloatArray
    value: FloatArray
    se: FloatArray
    at_risk: FloatArray


def years_shown(evaluation: Evaluation) -> float:
    """Years on the time axis: 10, or the last named time, within the horizon."""
    settings = evaluation.scenario.file.settings
    return min(settings.horizon, LONGEST_SHOWN, max([10.0, *settings.times]))


def curves_of(evaluation: Evaluation, endpoint: str) -> dict[str, Curve]:
    """Curve of an endpoint under each strategy."""
    frame = evaluation.survival
    frame = frame[(frame["endpoint"] == endpoint) & (frame["time"] <= years_shown(evaluation) + 1e-9)]
    columns = ("time", "value", "se", "at_risk")
    return {
        str(strategy): Curve(*(own[column].to_numpy(dtype=np.float64) for column in columns))
        for strategy, own in frame.groupby("strategy", sort=False)
    }


def drawstyle_of(evaluation: Evaluation) -> Literal["default", "steps-post"]:
    """How a line is drawn: in a model in cycles it falls at the times of its points."""
    return "default" if evaluation.scenario.file.cycles is None else "steps-post"


def step_of_areas(evaluation: Evaluation) -> Literal["post"] | None:
    """The same of areas."""
    return None if evaluation.scenario.file.cycles is None else "post"


def panel_grid(
    evaluation: Evaluation, title: str, areas: Sequence[tuple[str, str]], across: int
) -> tuple[Figure, list[Axes]]:
    """Figure of shares (%) with a panel for each strategy, at most three abreast, each under its strategy's name.

    Parameters
    ----------
    title : str
        Over all panels.
    areas : sequence of (str, str)
        Name and colour of each area, from the lowest up: the legend, which has the uppermost first.
    across : int
        Columns of the legend, at most.
    """
    labels = strategy_labels(evaluation.scenario, 34)
    n = len(evaluation.strategies)
    columns = n if n < 3 else 2 if n == 4 else 3
    rows, below = math.ceil(n / columns), math.ceil(len(areas) / across)
    across = math.ceil(len(areas) / below)
    foot = FOOT + LEGEND_ROW * below
    panel = PANEL if rows > 1 else PANEL_ALONE
    height = HEAD + rows * panel + (rows - 1) * BETWEEN + foot
    figure = new_figure(WIDTH, height, constrained=False)
    sides = {"left": LEFT / WIDTH, "right": 1.0 - RIGHT / WIDTH, "top": 1.0 - HEAD / height, "bottom": foot / height}
    gaps = {"hspace": BETWEEN / panel, "wspace": 0.12}
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False, gridspec_kw=sides | gaps)
    panels = list(grid.flat)
    for spare in panels[n:]:
        spare.remove()
    for ax, strategy in zip(panels[:n], evaluation.strategies, strict=True):
        ax.set_title(labels[strategy], fontsize=8, weight="normal", pad=3)
    for ax in panels[max(n - columns, 0) : n]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("Years", labelpad=1)
    panels[0].set(xlim=(0.0, years_shown(evaluation)), ylim=(0.0, 1.0))
    panels[0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    handles = [Patch(facecolor=colour, label=name) for name, colour in reversed(areas)]
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=across, borderaxespad=0.2)
    title_figure(figure, title)
    return figure, panels[:n]


def stack(
    ax: Axes, evaluation: Evaluation, time: FloatArray, parts: Sequence[FloatArray], colours: Iterable[str]
) -> None:
    """Areas on one another, from the lowest up.

    Parameters
    ----------
    time : ndarray(float, ndim=1)
        Years.
    parts : sequence of ndarray(float, ndim=1)
        Share of each area at these times.
    """
    edges = np.cumsum([np.zeros(len(time)), *parts], axis=0)
    if step_of_areas(evaluation):
        time, edges = np.repeat(time, 2)[1:], np.repeat(edges, 2, axis=1)[:, :-1]
    outlines = [
        np.column_stack([[*time, *time[::-1]], [*upper, *lower[::-1]]]) for lower, upper in itertools.pairwise(edges)
    ]
    areas = PolyCollection(outlines, facecolors=list(colours), edgecolors="white", linewidths=0.3)
    ax.add_collection(areas, autolim=False)
