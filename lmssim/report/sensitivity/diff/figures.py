"""A waterfall from one result to the other: a bar for the part of each input."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator

from lmssim.outcomes.estimators import Z975
from lmssim.report.parts.digits import amount
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure, width_of
from lmssim.report.sensitivity.diff.words import headline, input_label, measure_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.studies.diff.result import DifferenceStudy, Measure

MOST, ACROSS, MOST_PANELS = 12, 3, 9
"""Inputs with a bar of their own, panels side by side, and panels."""
TITLE, NAME = 30, 46
"""Characters of a line of a panel's title, and of the name of an input."""
PANEL, ROW = 2.5, 0.27
"""Inches of the width of a panel, and of the height of a bar."""
UP, DOWN, END = PALETTE[1], PALETTE[2], PALETTE[8]
CAPTION = (
    "From the result in A to the result in B: each bar is the part of the change that an input explains, with its 95% "
    "interval; the grey bars are the results. Bars to the right are blue, bars to the left orange."
)


def plot_waterfall(
    study: DifferenceStudy, ax: Axes | None = None, strategy: str | None = None, measure: Measure | None = None
) -> Axes:
    """Waterfall of a strategy's increment over the comparator; of the first strategy that is compared if none is named.

    Parameters
    ----------
    measure : str or float, optional
        An outcome by name, or a willingness to pay, for the net benefit there.
    """
    default, strategies, over = headline(study)
    chosen = strategies[0] if strategy is None else strategy
    what = default if measure is None else measure
    with figure_style():
        axes = new_figure(7.0, 1.6 + ROW * min(len(study.inputs) + 2, MOST + 3)).subplots() if ax is None else ax
        order = study.by_size(chosen, what, over)
        _draw(axes, study, order, chosen, what, over)
        _name_rows(axes, study, order)
        axes.set_xlabel(_axis_name(study, what, over))
        labels = strategy_labels(study.mixture.a.scenario)
        axes.set_title(textwrap.fill(short(labels[chosen], 2 * TITLE), 2 * TITLE), fontsize=9)
    return axes


def plot_all(study: DifferenceStudy) -> Figure:
    """A waterfall for each strategy that is compared, inputs in the order of their greatest part."""
    measure, strategies, over = headline(study)
    strategies = _panels(study, strategies, measure, over)
    order = _order(study, strategies, measure, over)
    labels = strategy_labels(study.mixture.a.scenario)
    across = min(len(strategies), ACROSS)
    down = math.ceil(len(strategies) / across)
    with figure_style():
        names = _row_names(study, order)
        figure = new_figure(7.0, (0.75 + ROW * len(names)) * down + 0.8)
        figure.set_figwidth(max(width_of(figure, names) + PANEL * across + 0.4, 6.5))
        axes = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for ax, strategy in zip(axes, strategies, strict=False):
            _draw(ax, study, order, strategy, measure, over)
            ax.set_title(textwrap.fill(short(labels[strategy], 3 * TITLE), TITLE), fontsize=9)
        for ax in axes[len(strategies) :]:
            ax.set_visible(False)
        _name_rows(axes[0], study, order)
        figure.supxlabel(_axis_name(study, measure, over), fontsize=9)
        against = f", over {short(labels[over], TITLE)}" if over else ""
        title_figure(figure, f"What moved the result from A to B{against}")
        return figure


def _panels(study: DifferenceStudy, strategies: Sequence[str], measure: Measure, over: str) -> list[str]:
    """Strategies that are shown: those that changed most, in the order of the scenario."""
    by_size = sorted(strategies, key=lambda s: -abs(study.change(s, measure, over).mean))[:MOST_PANELS]
    return [s for s in strategies if s in by_size]


def _order(study: DifferenceStudy, strategies: Sequence[str], measure: Measure, over: str) -> list[int]:
    sizes = [max(abs(study.part(i, s, measure, over).mean) for s in strategies) for i in range(len(study.inputs))]
    return sorted(range(len(sizes)), key=lambda i: -sizes[i])


def _row_names(study: DifferenceStudy, order: Sequence[int]) -> list[str]:
    names = [input_label(study, i, NAME) for i in order[:MOST]]
    rest = [f"{len(order) - MOST} others"] if len(order) > MOST else []
    return ["A", *names, *rest, "B"]


def _name_rows(ax: Axes, study: DifferenceStudy, order: Sequence[int]) -> None:
    names = _row_names(study, order)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)


def _axis_name(study: DifferenceStudy, measure: Measure, over: str) -> str:
    name = measure_name(study, measure, over)
    return f"{name[:1].upper()}{name[1:]}, {study.unit(measure)}"


def _draw(ax: Axes, study: DifferenceStudy, order: Sequence[int], strategy: str, measure: Measure, over: str) -> None:
    """Bars of a strategy from A to B."""
    a, b = (study.end(which, strategy, measure, over).mean for which in ("a", "b"))
    parts = [study.part(i, strategy, measure, over) for i in order]
    steps = [(part.mean, part.error) for part in parts[:MOST]]
    if rest := parts[MOST:]:
        steps.append((sum(part.mean for part in rest), sum(part.error**2 for part in rest) ** 0.5))
    ax.barh([0, len(steps) + 1], [a, b], height=0.62, color=END)
    at = a
    for row, (mean, error) in enumerate(steps, 1):
        ax.barh(row, mean, left=at, height=0.62, color=UP if mean > 0 else DOWN)
        ax.errorbar(at + mean, row, xerr=Z975 * error, fmt="none", ecolor=INK, elinewidth=0.8, capsize=1.5)
        ax.plot([at, at], [row - 1 + 0.31, row - 0.31], color=FAINT, linewidth=0.7)
        at += mean
    ax.plot([at, at], [len(steps) + 0.31, len(steps) + 1 - 0.31], color=FAINT, linewidth=0.7)
    ax.axvline(0.0, color=FAINT, linewidth=0.8)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.use_sticky_edges = False
    ax.margins(x=0.06)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    if abs(a) + abs(b) >= 1_000.0:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
