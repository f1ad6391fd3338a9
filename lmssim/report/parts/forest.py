"""Forest plot of published figures: what the model predicts for a study of that size, and what the study observed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lmssim.report.parts.labels import short
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

INSIDE, OUTSIDE, PREDICTED = PALETTE[1], PALETTE[2], "#B9C4CE"
LONGEST = 62
"""Characters of a figure's name."""
ROW, FRAME = 0.19, 0.62
"""Inches of a row, and of an axis with its label."""


@dataclass(frozen=True)
class ForestRow:
    """One published figure; NaN is what is not known.

    Attributes
    ----------
    group : str
        Heading under which it stands.
    label : str
        Its name.
    time : bool
        Whether it is a time (years) rather than a share.
    observed, observed_low, observed_high : float
        The study's figure and its own 95% interval.
    predicted, low, high : float
        The model's figure and its 95% interval.
    inside : bool or None
        Whether the observed figure lies in the predicted interval.
    """

    group: str
    label: str
    time: bool
    observed: float
    observed_low: float
    observed_high: float
    predicted: float
    low: float
    high: float
    inside: bool | None


def plot_forest(rows: Sequence[ForestRow], title: str) -> Figure:
    """Shares above and times below, in groups, from the first row down."""
    panels = [panel for panel in ([r for r in rows if not r.time], [r for r in rows if r.time]) if panel]
    heights = [ROW * (len(panel) + len(_groups(panel)) + 0.6) for panel in panels]
    with figure_style():
        figure = new_figure(7.6, sum(heights) + FRAME * len(panels) + 0.75)
        axes = figure.subplots(max(len(panels), 1), 1, squeeze=False, height_ratios=heights or None)[:, 0]
        for ax, panel in zip(axes, panels, strict=False):
            _draw(ax, panel)
        if not panels:
            axes[0].set_axis_off()
            axes[0].text(0.0, 0.5, "No figures.", transform=axes[0].transAxes)
        figure.legend(handles=_legend(rows), loc="outside lower right", ncols=4, handletextpad=0.5, columnspacing=1.4)
        title_figure(figure, title)
        return figure


def _groups(rows: Iterable[ForestRow]) -> list[str]:
    return list(dict.fromkeys(r.group for r in rows))


def _draw(ax: Axes, rows: Sequence[ForestRow]) -> None:
    """Rows of one kind, each group under its heading."""
    scale = 1.0 if rows[0].time else 100.0
    names: list[str] = []
    for group in _groups(rows):
        names.append(group)
        for row in (r for r in rows if r.group == group):
            _draw_row(ax, row, float(len(names)), scale)
            names.append(short(row.label, LONGEST))
    ax.set_yticks(range(len(names)), names)
    _embolden(ax.get_yticklabels(), set(_groups(rows)))
    ax.set_ylim(len(names) - 0.3, -0.7)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Years" if rows[0].time else "Patients (%)")
    end = _end(rows, scale)
    ax.set_xlim(-0.012 * end, end)
    ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))


def _embolden(labels: Iterable[Text], headings: set[str]) -> None:
    for label in labels:
        if label.get_text() in headings:
            label.set_fontweight("bold")
        else:
            label.set_fontsize(7.5)


def _end(rows: Sequence[ForestRow], scale: float) -> float:
    """End of the axis: a little beyond the last interval; an observed one that is far wider runs off."""
    firm = [x for r in rows for x in (r.observed, r.predicted, r.high) if math.isfinite(x)]
    loose = [r.observed_high for r in rows if math.isfinite(r.observed_high)]
    top = max(firm, default=1.0)
    top = max(top, min(max(loose, default=0.0), 1.6 * top)) * scale
    return min(1.04 * top, 101.0) if scale > 1.0 else 1.04 * max(top, 1e-9)


def _draw_row(ax: Axes, row: ForestRow, y: float, scale: float) -> None:
    """Predicted interval as a bar with the mean across it, the observed figure with its own interval on top."""
    if not (math.isfinite(row.predicted) or math.isfinite(row.observed)):
        ax.text(0.004, y, "not computable", transform=ax.get_yaxis_transform(), va="center", color=FAINT, fontsize=7)
        return
    if math.isfinite(row.low) and math.isfinite(row.high):
        width = scale * (row.high - row.low)
        ax.barh(y, width, left=scale * row.low, height=0.62, color=PREDICTED, linewidth=0, zorder=2)
    if math.isfinite(row.predicted):
        ax.plot([scale * row.predicted] * 2, [y - 0.31, y + 0.31], color=INK, linewidth=1.1, zorder=3)
    colour, marker, size = _mark(row.inside)
    if math.isfinite(row.observed_low) and math.isfinite(row.observed_high):
        ends = [scale * row.observed_low, scale * row.observed_high]
        ax.plot(ends, [y, y], color=colour, linewidth=0.9, zorder=4, solid_capstyle="butt")
    face = "white" if row.inside is None else colour
    (point,) = ax.plot([scale * row.observed], [y], marker, color=colour, markersize=size, markerfacecolor=face)
    point.set(zorder=5, clip_on=False)


def _mark(inside: bool | None) -> tuple[str, str, float]:
    """Colour, marker and size of an observed figure."""
    if inside is None:
        return FAINT, "o", 4.5
    return (INSIDE, "o", 4.5) if inside else (OUTSIDE, "D", 5.0)


def _legend(rows: Sequence[ForestRow]) -> list[Patch | Line2D]:
    words = {True: "observed, inside", False: "observed, outside", None: "observed, not compared"}
    handles: list[Patch | Line2D] = [Patch(color=PREDICTED, label="predicted, 95%")]
    for inside in (True, False, None):
        if any(r.inside is inside and math.isfinite(r.observed) for r in rows):
            colour, marker, size = _mark(inside)
            face = "white" if inside is None else colour
            handles.append(
                Line2D(
                    [],
                    [],
                    color=colour,
                    linewidth=0.9,
                    label=words[inside],
                    marker=marker,
                    markersize=size,
                    markerfacecolor=face,
                )
            )
    return handles
