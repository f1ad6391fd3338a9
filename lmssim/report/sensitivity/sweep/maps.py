"""Maps over two axes: how large an outcome is, and which strategy is best where, with the boundaries between them.

Boundaries are drawn where the outcomes of two strategies are equal; between cells, outcomes are taken to be linear
along each axis.
"""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import TwoSlopeNorm
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lmssim.report.parts.areas import draw_areas
from lmssim.report.parts.style import AREAS, INK, figure_style, legend_name, title_figure
from lmssim.report.sensitivity.sweep.layout import (
    Frame,
    axis_label,
    has_base,
    is_thousands,
    layout_of,
    outcome_label,
    panel_title,
    strategy_names,
)
from lmssim.report.sensitivity.sweep.lines import money
from lmssim.studies.sweep.result import INMB, NMB, STRATEGY, is_lower_better

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.kernels import FloatArray
    from lmssim.report.sensitivity.sweep.layout import Layout
    from lmssim.studies.sweep.result import Sweep

STEPS = 24
"""Colours of a map: so many that a picture of few colours holds them."""
LEAST_ERRORS = 4.0
"""Standard errors of a cell that a scale of colours spans at least, so that noise does not look like an effect."""
TITLE, LONGEST = 20, 40
"""Characters of a line of a panel's title, and of all of it."""
ACROSS = 3
WIDTH, TALL = 7.6, 2.35
"""Inches of a figure with several panels, and of a panel's height."""


def plot_heat(found: Sweep, outcome: str, axes: tuple[str, ...] = ()) -> Figure:
    """An outcome over two axes, a panel for each strategy, at the first level of every other axis.

    Parameters
    ----------
    outcome : str
        See `Sweep.values`; of an increment, the comparator has no panel.
    axes : tuple of str
        Axes across and upwards; those of most levels if empty.
    """
    layout = layout_of(found, axes)
    frame = layout.rows(found.frame.assign(**found.values(outcome)), layout.panels[0])
    increment = outcome.startswith((INMB, "incremental_"))
    shown = [s for s in found.strategies if not (increment and s == found.about["comparator"])]
    names = strategy_names(found, LONGEST)
    with figure_style():
        frame_, every = _panels(len(shown), 0)
        values = {s: _grid(frame[frame[STRATEGY] == s], layout) for s in shown}
        low, high = (float(f([f(v[2]) for v in values.values()])) for f in (np.nanmin, np.nanmax))
        error = float(np.nanmedian(frame["se"])) if frame["se"].notna().any() else 0.0
        look = _colours(low, high, LEAST_ERRORS * error, diverging=increment)
        for ax, strategy in zip(every, shown, strict=False):
            x, y, z = values[strategy]
            mesh = ax.pcolormesh(x, y, z, shading="nearest", rasterized=True, **look)
            if increment and low < 0.0 < high:
                ax.contour(x, y, z, levels=[0.0], colors=INK, linewidths=1.2)
            _mark_base(ax, found, layout)
            ax.set_title(textwrap.fill(names[strategy], TITLE), fontsize=8.5)
        bar = frame_.body.colorbar(mesh, ax=list(every[: len(shown)]), shrink=0.85, format=money(frame["value"]))
        thousands = ", thousand" if is_thousands(frame["value"]) else ""
        bar.set_label((outcome_label(found, outcome) + thousands).replace(" at ", "\nat ", 1))
        _finish(frame_, every, found, layout, len(shown))
        fixed = panel_title(layout.panels[0]).replace("\n", ", ")
        title_figure(frame_.figure, f"{found.about['title']}{f', at {fixed}' if fixed else ''}")
        return frame_.figure


def plot_decision(found: Sweep, outcome: str, axes: tuple[str, ...] = ()) -> Figure:
    """Which strategy is best by an outcome over two axes, a panel for each setting of the others.

    Parameters
    ----------
    outcome : str
        `nmb:W`, or another outcome of which the best strategy is the one with most, or of costs with least.
    axes : tuple of str
        Axes across and upwards; those of most levels if empty.
    """
    outcome = outcome.replace(f"{INMB}:", f"{NMB}:")
    layout = layout_of(found, axes)
    frame = found.frame.assign(**found.values(outcome))
    names, choices = strategy_names(found), found.about["choices"]
    with figure_style():
        frame_, every = _panels(len(layout.panels), len(choices) + 1)
        met: list[str] = []
        for ax, panel in zip(every, layout.panels, strict=False):
            met += _draw_areas(ax, layout.rows(frame, panel), layout, outcome, choices)
            _mark_base(ax, found, layout)
            if panel:
                ax.set_title(panel_title(panel), fontsize=8)
        handles: list[Any] = [
            Patch(facecolor=_area(choices, s), label=legend_name(names[s])) for s in choices if s in met
        ]
        if _has_base(found, layout):
            own = f"the {found.subject}'s own values"
            handles.append(Line2D([], [], marker="o", linestyle="none", color=INK, label=own))
        _finish(frame_, every, found, layout, len(layout.panels))
        frame_.legend(handles)
        what = outcome_label(found, outcome)
        title_figure(frame_.figure, f"Best strategy by {what[0].lower()}{what[1:]}")
        return frame_.figure


# === Parts ===


def _panels(n: int, n_names: int) -> tuple[Frame, Any]:
    across = min(n, ACROSS)
    down = math.ceil(n / across)
    frame = Frame.of(WIDTH if n > 1 else 6.0, 1.1 + (TALL if n > 1 else 3.2) * down, n_names)
    every = frame.body.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    for ax in every[n:]:
        ax.set_visible(False)
    return frame, every


def _grid(rows: pd.DataFrame, layout: Layout) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Levels across and upwards, and values, (n_up, n_across); NaN of cells that are not there."""
    table = rows.pivot_table(index=layout.y, columns=layout.x, values="value", aggfunc="first", dropna=False)
    x, y = (np.asarray(levels, dtype=np.float64) for levels in (table.columns, table.index))
    return x, y, table.to_numpy(dtype=np.float64)


def _colours(low: float, high: float, least: float, *, diverging: bool) -> dict[str, Any]:
    """Colours of values between two bounds, of a scale that spans no less than `least`."""
    if diverging and low < 0.0 < high:
        size = max(-low, high, 0.5 * least)
        return {"cmap": colormaps["RdBu"].resampled(STEPS), "norm": TwoSlopeNorm(0.0, -size, size)}
    spare = max(0.0, 0.5 * (least - (high - low)))
    return {"cmap": colormaps["viridis"].resampled(STEPS), "vmin": low - spare, "vmax": high + spare}


def _area(choices: list[str], strategy: str) -> str:
    return AREAS[choices.index(strategy) % len(AREAS)]


def _draw_areas(ax: Axes, rows: pd.DataFrame, layout: Layout, outcome: str, choices: list[str]) -> list[str]:
    """Draw where each strategy is best, and the boundaries; returns those that are best somewhere."""
    present = [s for s in choices if rows[rows[STRATEGY] == s]["value"].notna().any()]
    sign = -1.0 if is_lower_better(outcome) else 1.0
    grids = [_grid(rows[rows[STRATEGY] == strategy], layout) for strategy in present]
    x, y, _ = grids[0]
    met = draw_areas(ax, x, y, [sign * z for _, _, z in grids], [_area(choices, s) for s in present])
    return [present[k] for k in met]


def _has_base(found: Sweep, layout: Layout) -> bool:
    return all(has_base(found, axis) for axis in (layout.x, layout.y or ""))


def _mark_base(ax: Axes, found: Sweep, layout: Layout) -> None:
    """A dot at the scenario's own values, where the map holds them."""
    if layout.y is not None and _has_base(found, layout):
        base = found.about["base"]
        ax.plot(base[layout.x], base[layout.y], "o", color=INK, markeredgecolor="white", markersize=5.5, zorder=5)


def _finish(frame: Frame, every: Any, found: Sweep, layout: Layout, n: int) -> None:
    for ax in every[:n]:
        ax.grid(visible=False)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.yaxis.set_major_locator(MaxNLocator(5))
    frame.body.supxlabel(axis_label(found, layout.x), fontsize=9)
    assert layout.y is not None
    frame.body.supylabel(axis_label(found, layout.y, upwards=True), fontsize=9)
