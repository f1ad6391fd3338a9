"""Forest plot of published targets: what the model predicts for a study of that size, and what the study observed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from lmssim.report.parts.labels import short
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

INSIDE, OUTSIDE, PREDICTED = PALETTE[1], PALETTE[2], "#B9C4CE"
RANGE = {"color": FAINT, "marker": "|", "linewidth": 1.2, "markersize": 6}
LONGEST = 62
"""Characters of a target's name."""
ROW, FRAME = 0.19, 0.62
"""Inches of a row, and of an axis with its label."""


@dataclass(frozen=True)
class ForestRow:
    """One published target; NaN is what is not known.

    Attributes
    ----------
    heading : str
        Heading under which it stands; none if empty.
    label : str
        Its name.
    time : bool
        Whether it is a time (years) rather than a share.
    observed, observed_low, observed_high : float
        The published value and the study's own 95% interval; without a value, the published range.
    predicted, low, high : float
        The model's value and its 95% interval.
    inside : bool or None
        Whether observed and predicted agree.
    counted : bool
        Whether it counts in the share inside; else its point is hollow.
    """

    heading: str
    label: str
    time: bool
    observed: float
    observed_low: float
    observed_high: float
    predicted: float
    low: float
    high: float
    inside: bool | None
    counted: bool = True

    @property
    def is_range(self) -> bool:
        """Whether a range is published and no value."""
        return math.isnan(self.observed) and not (math.isnan(self.observed_low) and math.isnan(self.observed_high))


def plot_forest(rows: Sequence[ForestRow], title: str, *, logarithmic: bool = False) -> Figure:
    """Shares above and times below, under their headings, from the first row down.

    Parameters
    ----------
    logarithmic : bool
        Whether the axis of times is logarithmic.
    """
    panels = [panel for panel in ([r for r in rows if not r.time], [r for r in rows if r.time]) if panel]
    heights = [ROW * (len(panel) + len(_headings(panel)) + 0.6) for panel in panels]
    with figure_style():
        figure = new_figure(7.6, sum(heights) + FRAME * len(panels) + 0.75)
        axes = figure.subplots(max(len(panels), 1), 1, squeeze=False, height_ratios=heights or None)[:, 0]
        for ax, panel in zip(axes, panels, strict=False):
            _draw(ax, panel, logarithmic=logarithmic and panel[0].time)
        if not panels:
            axes[0].set_axis_off()
            axes[0].text(0.0, 0.5, "No targets.", transform=axes[0].transAxes)
        figure.legend(handles=_legend(rows), loc="outside lower right", ncols=3, handletextpad=0.5, columnspacing=1.4)
        title_figure(figure, title)
        return figure


def _headings(rows: Iterable[ForestRow]) -> list[str]:
    return list(dict.fromkeys(r.heading for r in rows if r.heading))


def _draw(ax: Axes, rows: Sequence[ForestRow], *, logarithmic: bool) -> None:
    """Rows of one kind, each under its heading."""
    scale = 1.0 if rows[0].time else 100.0
    ends = _log_ends(rows) if logarithmic else (0.0, _end(rows, scale))
    names: list[str] = []
    for heading in dict.fromkeys(r.heading for r in rows):
        names += [heading] if heading else []
        for row in (r for r in rows if r.heading == heading):
            _draw_row(ax, row, float(len(names)), scale, ends)
            names.append(short(row.label, LONGEST))
    ax.set_yticks(range(len(names)), names)
    _embolden(ax.get_yticklabels(), set(_headings(rows)))
    ax.set_ylim(len(names) - 0.3, -0.7)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Patients (%)" if scale > 1.0 else "Years, logarithmic" if logarithmic else "Years")
    if logarithmic:
        _log_axis(ax, ends)
    else:
        ax.set_xlim(-0.012 * ends[1], ends[1])
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


def _log_ends(rows: Sequence[ForestRow]) -> tuple[float, float]:
    """Ends of a logarithmic axis that holds all that is above 0 and finite."""
    values = [x for r in rows for x in (r.observed, r.predicted, r.low, r.high, r.observed_low, r.observed_high)]
    known = [x for x in values if math.isfinite(x) and x > 0.0]
    return (min(known) / 1.15, max(known) * 1.15) if known else (0.1, 10.0)


def _log_axis(ax: Axes, ends: tuple[float, float]) -> None:
    ax.set_xscale("log")
    ax.set_xlim(*ends)
    steps = [factor * 10.0**power for power in range(-4, 5) for factor in (1, 2, 5)]
    ax.set_xticks([step for step in steps if ends[0] <= step <= ends[1]])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()


def _draw_row(ax: Axes, row: ForestRow, y: float, scale: float, ends: tuple[float, float]) -> None:
    """Predicted interval as a bar with the prediction across it, the observed value with its own interval on top."""

    def place(value: float) -> float:
        return min(max(scale * value, ends[0]), ends[1])

    if math.isnan(row.predicted) and math.isnan(row.observed) and not row.is_range:
        ax.text(0.004, y, "not computable", transform=ax.get_yaxis_transform(), va="center", color=FAINT, fontsize=7)
        return
    if not (math.isnan(row.low) or math.isnan(row.high)):
        width = place(row.high) - place(row.low)
        ax.barh(y, width, left=place(row.low), height=0.62, color=PREDICTED, linewidth=0, zorder=2)
    if math.isfinite(row.predicted):
        ax.plot([place(row.predicted)] * 2, [y - 0.31, y + 0.31], color=INK, linewidth=1.1, zorder=3)
    if row.is_range:
        low, high = row.observed_low, row.observed_high
        span = [ends[0] if math.isnan(low) else place(low), ends[1] if math.isnan(high) else place(high)]
        ax.plot(span, [y, y], **RANGE, zorder=4)  # type: ignore[arg-type]
        return
    colour, marker, size = _mark(row.inside)
    if math.isfinite(row.observed_low) and math.isfinite(row.observed_high):
        interval = [scale * row.observed_low, scale * row.observed_high]
        ax.plot(interval, [y, y], color=colour, linewidth=0.9, zorder=4, solid_capstyle="butt")
    face = "white" if row.inside is None or not row.counted else colour
    if math.isfinite(row.observed):
        (point,) = ax.plot([place(row.observed)], [y], marker, color=colour, markersize=size, markerfacecolor=face)
        point.set(zorder=5, clip_on=False)


def _mark(inside: bool | None) -> tuple[str, str, float]:
    """Colour, marker and size of an observed value."""
    if inside is None:
        return FAINT, "o", 4.5
    return (INSIDE, "o", 4.5) if inside else (OUTSIDE, "D", 5.0)


def _legend(rows: Sequence[ForestRow]) -> list[Patch | Line2D]:
    """What the rows show, and nothing else; a row that is not counted is hollow."""
    words = {True: "observed, inside", False: "observed, outside", None: "observed, not compared"}
    handles: list[Patch | Line2D] = [Patch(color=PREDICTED, label="predicted, 95%")]
    drawn = [row for row in rows if math.isfinite(row.observed)]
    for inside in (True, False, None):
        of = [row for row in drawn if row.inside is inside]
        if any(row.counted for row in of) or (of and inside is None):
            handles.append(_handle(inside, words[inside], hollow=inside is None))
        if inside is not None and any(not row.counted for row in of):
            handles.append(_handle(inside, f"{words[inside]}, not counted", hollow=True))
    if any(r.is_range for r in rows):
        handles.append(Line2D([], [], **RANGE, label="published range"))  # type: ignore[arg-type]
    return handles


def _handle(inside: bool | None, label: str, *, hollow: bool) -> Line2D:
    colour, marker, size = _mark(inside)
    face = "white" if hollow else colour
    style = {"marker": marker, "markersize": size, "markerfacecolor": face}
    return Line2D([], [], color=colour, linewidth=0.9, label=label, **style)  # type: ignore[arg-type]
