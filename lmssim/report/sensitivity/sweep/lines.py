"""An outcome along one axis: a line and its Monte-Carlo band by strategy, a panel for each setting of the others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, StrMethodFormatter

from lmssim.outcomes.estimators import Z975
from lmssim.report.parts.style import (
    FAINT,
    figure_style,
    legend_name,
    line_style,
    marker_style,
    title_figure,
)
from lmssim.report.sensitivity.sweep.layout import (
    Frame,
    axis_label,
    has_base,
    is_measured,
    is_thousands,
    layout_of,
    outcome_label,
    panel_title,
    strategy_names,
)
from lmssim.studies.sweep.result import INMB, STRATEGY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.report.sensitivity.sweep.layout import Layout
    from lmssim.studies.sweep.result import Sweep

ACROSS = 3
MANY = 25
"""Levels from which a line has no markers."""


def plot_lines(found: Sweep, outcome: str, axes: tuple[str, ...] = ()) -> Figure:
    """An outcome along one axis.

    Parameters
    ----------
    outcome : str
        See `Sweep.values`.
    axes : tuple of str
        The axis; the one of most levels if empty.
    """
    layout = layout_of(found, axes[:1] or (layout_of(found).x,))
    frame = found.frame.assign(**found.values(outcome))
    across = min(len(layout.panels), ACROSS)
    down = math.ceil(len(layout.panels) / across)
    with figure_style():
        frame_ = Frame.of(7.6 if across > 1 else 6.4, 0.9 + (2.0 if across > 1 else 3.2) * down, len(found.strategies))
        every = frame_.body.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
        for ax, panel in zip(every, layout.panels, strict=False):
            _draw(ax, found, layout.rows(frame, panel), layout, outcome)
            if panel:
                ax.set_title(panel_title(panel), fontsize=8)
        for ax in every[len(layout.panels) :]:
            ax.set_visible(False)
        every[0].yaxis.set_major_formatter(money(frame["value"]))
        frame_.body.supxlabel(axis_label(found, layout.x), fontsize=9)
        thousands = ", thousand" if is_thousands(frame["value"]) else ""
        frame_.body.supylabel(_wrapped(outcome_label(found, outcome) + thousands), fontsize=9)
        frame_.legend(every[0].get_legend_handles_labels()[0])
        more = f" ({layout.n_panels - len(layout.panels)} more settings are not drawn)"
        title_figure(frame_.figure, f"{found.about['title']}{more if layout.n_panels > len(layout.panels) else ''}")
        return frame_.figure


def _wrapped(text: str) -> str:
    return text.replace(" at ", "\nat ", 1) if len(text) > 38 else text


def money(values: pd.Series[float]) -> FuncFormatter | StrMethodFormatter:
    """How numbers are written at ticks."""
    if is_thousands(values):
        return FuncFormatter(lambda value, _: f"{value / 1000:g}")
    return StrMethodFormatter("{x:g}")


def _draw(ax: Axes, found: Sweep, rows: pd.DataFrame, layout: Layout, outcome: str) -> None:
    names = strategy_names(found)
    measured = is_measured(found, layout.x)
    levels = rows[layout.x].unique().tolist()
    for i, strategy in enumerate(found.strategies):
        own = rows[rows[STRATEGY] == strategy]
        if outcome.startswith((INMB, "incremental_")) and strategy == found.about["comparator"]:
            continue
        if measured:
            own = own.sort_values(layout.x)
        x = own[layout.x].to_numpy(dtype=np.float64) if measured else [levels.index(v) for v in own[layout.x]]
        y, se = (own[name].to_numpy(dtype=np.float64) for name in ("value", "se"))
        style = line_style(i) if measured else {"linestyle": "none"}
        marker = marker_style(i) if len(levels) <= MANY else {"color": line_style(i)["color"]}
        ax.plot(x, y, label=legend_name(names[strategy]), markersize=3.5, zorder=3, **style | marker)
        if measured:
            ax.fill_between(
                x, y - Z975 * se, y + Z975 * se, color=line_style(i)["color"], alpha=0.15, linewidth=0, zorder=2
            )
        else:
            ax.errorbar(x, y, yerr=Z975 * se, fmt="none", ecolor=line_style(i)["color"], elinewidth=1)
    _finish(ax, found, layout, levels, measured=measured, zero=outcome.startswith((INMB, "incremental_")))


def _finish(ax: Axes, found: Sweep, layout: Layout, levels: list[object], *, measured: bool, zero: bool) -> None:
    if zero:
        ax.axhline(0.0, color=FAINT, linewidth=0.8, zorder=1)
    base = found.about["base"].get(layout.x)
    if measured:
        ax.xaxis.set_major_locator(MaxNLocator(5))
        if base is not None and has_base(found, layout.x):
            ax.axvline(base, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    else:
        ax.set_xticks(range(len(levels)), [str(level) for level in levels])
        ax.set_xlim(-0.5, len(levels) - 0.5)
