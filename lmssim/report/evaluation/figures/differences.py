"""Curves of many strategies that lie on one another: beside them, how far each is from the comparator's, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lmssim.report.evaluation.figures.panels import drawstyle_of, years_shown
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.report.parts.placement import spread
from lmssim.report.parts.style import FAINT, dark, line_style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

    from lmssim.evaluation import Evaluation
    from lmssim.kernels import FloatArray
    from lmssim.report.evaluation.figures.panels import Curve

MANY = 5
"""Strategies from which on the differences are drawn."""
LONGEST = 33
"""Characters of a strategy's name."""
LETTERS = 6.8
"""Size of names (points)."""
LINE = 1.25
"""Distance of names, in sizes of their letters."""


def draw_differences(ax: Axes, evaluation: Evaluation, curves: Mapping[str, Curve]) -> None:
    """Each curve less the comparator's, its name at the end of its line; the layout of the axes must be final."""
    base = curves[evaluation.scenario.comparator].value
    gaps = {strategy: 100.0 * (curve.value - base) for strategy, curve in curves.items()}
    ax.axhline(0.0, color=FAINT, linewidth=0.8, zorder=1)
    for i, (strategy, gap) in enumerate(gaps.items()):
        ax.plot(curves[strategy].time, gap, zorder=3, drawstyle=drawstyle_of(evaluation), **line_style(i))
    ax.set_xlim(0.0, years_shown(evaluation))
    low, high = min(gap.min() for gap in gaps.values()), max(gap.max() for gap in gaps.values())
    room = max(0.06 * (high - low), 0.05)
    ax.set_ylim(low - room, high + room)
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:+g}" if abs(y) > 1e-9 else "0"))
    name = short(strategy_labels(evaluation.scenario)[evaluation.scenario.comparator])
    ax.set_title(f"Difference from {name}", fontsize=8.5, weight="normal")
    ax.set_ylabel("Percentage points", labelpad=1)
    _name_ends(ax, evaluation, np.array([gap[-1] for gap in gaps.values()]))


def _name_ends(ax: Axes, evaluation: Evaluation, ends: FloatArray) -> None:
    """Names beside the ends of their lines, moved apart where they would cover one another."""
    low, high = ax.get_ylim()
    inches = ax.get_position().height * ax.figure.get_figheight()  # type: ignore[union-attr]  # a figure, not a part
    places = spread(ends, LINE * LETTERS / 72.0 * (high - low) / inches, low, high)
    right, labels = ax.get_yaxis_transform(), strategy_labels(evaluation.scenario)
    colours = [line_style(i)["color"] for i in range(len(ends))]
    joins = [[(1.005, end), (1.06, place), (1.075, place)] for end, place in zip(ends, places, strict=True)]
    ax.add_collection(
        LineCollection(joins, colors=colours, linewidths=0.7, transform=right, clip_on=False), autolim=False
    )
    for strategy, place, colour in zip(evaluation.strategies, places, colours, strict=True):
        text = short(labels[strategy], LONGEST)
        ax.text(1.085, place, text, transform=right, va="center", fontsize=LETTERS, color=dark(colour))
