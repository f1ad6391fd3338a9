"""Cells as points: two outcomes against each other with their Pareto front, and an outcome along every axis sampled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.report.parts.style import FAINT, INK, figure_style, legend_name, marker_style, title_figure
from lmssim.report.sensitivity.sweep.layout import (
    Frame,
    axis_label,
    is_measured,
    is_thousands,
    outcome_label,
    strategy_names,
)
from lmssim.report.sensitivity.sweep.lines import money
from lmssim.studies.sweep.result import INMB, STRATEGY, is_lower_better

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lmssim.kernels import FloatArray
    from lmssim.studies.sweep.result import Sweep

MOST = 6
"""Axes along which an outcome is drawn, at most."""


def front_of(first: FloatArray, second: FloatArray) -> FloatArray:
    """Positions of the points that no other one beats in both of two outcomes, more being better; by the first.

    Parameters
    ----------
    first, second : ndarray(float, ndim=1)
        (n_points,) without NaN.

    Returns
    -------
    ndarray(int, ndim=1)
        Ascending in the first outcome; of points that are equal in both, the first one.
    """
    order = np.lexsort((-second, -first))
    kept, best = [], -math.inf
    for i in order.tolist():
        if second[i] > best:
            kept.append(i)
            best = float(second[i])
    return np.array(kept[::-1], dtype=np.int64)


def plot_pareto(found: Sweep, first: str, second: str) -> Figure:
    """Two outcomes of every cell and strategy that is a choice, and the front that nothing beats in both.

    Of costs, and of ratios of costs, less is better; of other outcomes, more.
    """
    x, y = (found.values(outcome)["value"].to_numpy(dtype=np.float64) for outcome in (first, second))
    strategy = found.frame[STRATEGY].to_numpy()
    keep = np.isfinite(x) & np.isfinite(y) & np.isin(strategy, found.about["choices"])
    names = strategy_names(found)
    with figure_style():
        frame_ = Frame.of(6.6, 4.2, len(found.strategies) + 1)
        ax = frame_.body.subplots()
        for i, name in enumerate(found.strategies):
            own = keep & (strategy == name)
            if own.any():
                style = marker_style(i)
                ax.plot(
                    x[own], y[own], linestyle="none", markersize=3.5, alpha=0.6, label=legend_name(names[name]), **style
                )
        if keep.any():
            signs = [-1.0 if is_lower_better(outcome) else 1.0 for outcome in (first, second)]
            front = np.flatnonzero(keep)[front_of(signs[0] * x[keep], signs[1] * y[keep])]
            ax.plot(x[front], y[front], color=INK, linewidth=1.2, zorder=4, label="Pareto front")
            ax.xaxis.set_major_formatter(money(found.values(first)["value"]))
            ax.yaxis.set_major_formatter(money(found.values(second)["value"]))
        texts = [
            outcome_label(found, o) + (", thousand" if is_thousands(v) else "") for o, v in ((first, x), (second, y))
        ]
        ax.set_xlabel(texts[0])
        ax.set_ylabel(texts[1])
        frame_.legend(ax.get_legend_handles_labels()[0])
        title_figure(frame_.figure, found.about["title"])
        return frame_.figure


def plot_scatter(found: Sweep, outcome: str) -> Figure:
    """An outcome along every axis, a panel for each: of designs that sample."""
    axes = [axis for axis in found.axes if is_measured(found, axis)][:MOST] or found.axes[:1]
    frame = found.frame.assign(**found.values(outcome))
    names, increment = strategy_names(found), outcome.startswith((INMB, "incremental_"))
    across = min(3, len(axes))
    down = math.ceil(len(axes) / across)
    with figure_style():
        frame_ = Frame.of(7.6, 0.6 + 2.4 * down, len(found.strategies))
        every = frame_.body.subplots(down, across, squeeze=False, sharey=True).ravel()
        look: dict[str, Any] = {"linestyle": "none", "markersize": 2.5, "alpha": 0.6}
        for ax, axis in zip(every, axes, strict=False):
            for i, name in enumerate(found.strategies):
                own = frame[frame[STRATEGY] == name]
                if not (increment and name == found.about["comparator"]):
                    ax.plot(own[axis], own["value"], label=legend_name(names[name]), **look | marker_style(i))
            if increment:
                ax.axhline(0.0, color=FAINT, linewidth=0.8)
            ax.set_xlabel(axis_label(found, axis, upwards=True), fontsize=8)
        for ax in every[len(axes) :]:
            ax.set_visible(False)
        every[0].yaxis.set_major_formatter(money(frame["value"]))
        thousands = ", thousand" if is_thousands(frame["value"]) else ""
        frame_.body.supylabel((outcome_label(found, outcome) + thousands).replace(" at ", "\nat ", 1), fontsize=9)
        frame_.legend(every[0].get_legend_handles_labels()[0])
        title_figure(frame_.figure, found.about["title"])
        return frame_.figure
