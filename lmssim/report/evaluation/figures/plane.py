"""The cost-effectiveness plane: incremental cost and QALYs of each strategy, with 95% regions of their error."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from lmssim.economics.cea import FRONTIER
from lmssim.outcomes.main import COST, QALYS
from lmssim.report.evaluation.rows import means_of, steps_of
from lmssim.report.parts.digits import amount
from lmssim.report.parts.labels import currency_name, short, strategy_labels
from lmssim.report.parts.placement import Label, place_labels
from lmssim.report.parts.style import FAINT, INK, dark, figure_style, marker_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmssim.evaluation import Evaluation

RADIUS95 = math.sqrt(-2.0 * math.log(0.05))
"""Standard errors within which a pair of normal means lies with probability 0.95."""
LONGEST = 48
"""Characters of a strategy's name beside its point."""
WTP_LINES = ((0, (5, 3)), (0, (1, 2)), (0, (8, 2, 1, 2)))


def plot_plane(evaluation: Evaluation, ax: Axes | None = None) -> Axes:
    """Incremental QALYs and costs against the comparator, the frontier, and lines of willingness to pay.

    Parameters
    ----------
    evaluation : Evaluation
        The results.
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 5.2).subplots()
        points = _increments(evaluation)
        _set_limits(ax, points, evaluation.scenario.file.settings.wtp)
        for i, strategy in enumerate(evaluation.strategies):
            _draw_region(ax, evaluation, strategy, marker_style(i)["color"])
            dq, dc = points[strategy]
            hollow = bool(evaluation.scenario.file.strategies[strategy].mix)
            style = marker_style(i) | ({"markerfacecolor": "white"} if hollow else {})
            ax.plot([dq], [dc], linestyle="none", markersize=6, zorder=5, **style)
        _draw_frontier(ax, evaluation, points)
        ends = _draw_wtp(ax, evaluation)
        _describe(ax, evaluation)
        _write_labels(ax, evaluation, points, ends)
        return ax


def _increments(evaluation: Evaluation) -> dict[str, tuple[float, float]]:
    """Incremental QALYs and cost of each strategy over the comparator."""
    means = means_of(evaluation.incremental)
    return {s: (means[s, "qalys"][0], means[s, "cost"][0]) for s in evaluation.strategies}


def _set_limits(ax: Axes, points: dict[str, tuple[float, float]], wtps: list[float]) -> None:
    """Room for every point and label; costs on a scale on which the lines of willingness to pay are seen to rise."""
    qalys, costs = (np.array(v) for v in zip(*points.values(), strict=True))
    reach = max(float(np.abs(qalys).max()), 1e-6)
    low, high = float(min(costs.min(), 0.0)), float(max(costs.max(), 0.0))
    least = 0.35 * reach * min(wtps, default=0.0)
    if high - low < least:
        high = high + least if low == 0.0 else high + least / 2
        low = low if low == 0.0 else low - least / 2
    height = max(high - low, 1e-6)
    left, right = float(min(qalys.min(), 0.0)), float(max(qalys.max(), 0.0))
    width = max(right - left, 1e-6)
    ax.set_xlim(left - 0.14 * width, right + 0.3 * width)
    ax.set_ylim(low - 0.12 * height, high + 0.14 * height)


def _draw_region(ax: Axes, evaluation: Evaluation, strategy: str, colour: str) -> None:
    """Region that holds the pair of mean increments with probability 0.95, numerical error alone."""
    dq, sq = evaluation.increment(strategy, QALYS)
    dc, sc = evaluation.increment(strategy, COST)
    if sq == 0.0 or sc == 0.0:
        return
    wtp = sc / sq
    error = evaluation.incremental_net_benefit(strategy, wtp).se
    covariance = ((wtp * sq) ** 2 + sc**2 - error**2) / (2.0 * wtp)
    correlation = float(np.clip(covariance / (sq * sc), -0.9999, 0.9999))
    # in units of the two standard errors the axes lie on the diagonals
    angle = np.linspace(0.0, 2.0 * math.pi, 73)
    along = math.sqrt(1.0 + correlation) * np.cos(angle)
    across = math.sqrt(1.0 - correlation) * np.sin(angle)
    x = dq + sq * RADIUS95 * (along - across) / math.sqrt(2.0)
    y = dc + sc * RADIUS95 * (along + across) / math.sqrt(2.0)
    ax.fill(x, y, color=colour, alpha=0.25, linewidth=0, zorder=3)


def _draw_frontier(ax: Axes, evaluation: Evaluation, points: dict[str, tuple[float, float]]) -> None:
    on = [points[step.strategy] for step in steps_of(evaluation) if step.status == FRONTIER]
    if not on:
        return
    ax.plot(*zip(*on, strict=True), color=INK, linewidth=1.2, zorder=4, label="Efficiency frontier")


def _draw_wtp(ax: Axes, evaluation: Evaluation) -> list[tuple[float, tuple[float, float]]]:
    """Lines through the comparator: each willingness to pay, and where its line begins and ends."""
    ends = []
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for i, wtp in enumerate(evaluation.scenario.file.settings.wtp):
        if wtp <= 0:
            continue
        start, end = max(left, bottom / wtp), min(right, top / wtp)
        dashes = WTP_LINES[i % len(WTP_LINES)]
        ax.plot([start, end], [wtp * start, wtp * end], color=FAINT, linewidth=1.0, linestyle=dashes, zorder=1)
        ends.append((wtp, (start, end)))
    return ends


def _describe(ax: Axes, evaluation: Evaluation) -> None:
    settings = evaluation.scenario.file.settings
    comparator = evaluation.scenario.strategy_label(evaluation.scenario.comparator)
    ax.axhline(0.0, color=FAINT, linewidth=0.8, zorder=1)
    ax.axvline(0.0, color=FAINT, linewidth=0.8, zorder=1)
    ax.set_title(f"Cost-effectiveness plane, against {short(comparator)}")
    ax.set_xlabel("Incremental QALYs per patient, discounted")
    prices = f" {settings.price_year}" if settings.price_year else ""
    ax.set_ylabel(f"Incremental cost per patient, discounted ({currency_name(evaluation.scenario)}{prices})")
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 0.99), borderaxespad=0.0)


def _write_labels(
    ax: Axes,
    evaluation: Evaluation,
    points: dict[str, tuple[float, float]],
    ends: list[tuple[float, tuple[float, float]]],
) -> None:
    """Names of strategies, then of lines, placed when the layout is final."""
    figure = ax.figure if isinstance(ax.figure, Figure) else ax.figure.figure
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    names = strategy_labels(evaluation.scenario, LONGEST)
    currency = currency_name(evaluation.scenario)
    labels = [
        Label(text=names[s], x=points[s][0], y=points[s][1], color=dark(marker_style(i)["color"]))
        for i, s in enumerate(evaluation.strategies)
    ]
    for wtp, (start, end) in ends:
        x = start + 0.93 * (end - start)
        labels.append(Label(text=f"{currency} {amount(wtp)} per QALY", x=x, y=wtp * x, color="#5A5A5A"))
    place_labels(ax, labels, _lines(ax, evaluation, points, ends))


def _lines(
    ax: Axes,
    evaluation: Evaluation,
    points: dict[str, tuple[float, float]],
    ends: list[tuple[float, tuple[float, float]]],
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Every line drawn: those of willingness to pay, the frontier, and the axes through the comparator."""
    on = [points[step.strategy] for step in steps_of(evaluation) if step.status == FRONTIER]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    return [
        *(((x0, wtp * x0), (x1, wtp * x1)) for wtp, (x0, x1) in ends),
        *itertools.pairwise(on),
        ((left, 0.0), (right, 0.0)),
        ((0.0, bottom), (0.0, top)),
    ]
