"""Numbers at risk by strategy, under the curves or as a table; names and line samples are the figure's legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from lmssim.report.evaluation.exactness import words_of
from lmssim.report.evaluation.figures.panels import years_shown
from lmssim.report.parts.digits import plain
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.report.parts.style import line_style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from lmssim.evaluation import Evaluation
    from lmssim.report.evaluation.figures.panels import Curve

LONGEST = 36
"""Characters of a strategy's name."""


def draw_at_risk(ax: Axes, evaluation: Evaluation, curves: Mapping[str, Curve]) -> None:
    """Numbers at risk below the curves, each at its time."""
    ax.set_ylim(len(curves), -1)
    ax.axis("off")
    left = ax.get_yaxis_transform()
    heading, scale = _heading(evaluation, curves)
    ax.text(-0.158, -0.5, heading, transform=left, ha="right", va="center", weight="bold")
    times = times_shown(evaluation)
    for i, (name, curve) in enumerate(_named(evaluation, curves)):
        sample = Line2D([-0.145, -0.062], [i + 0.5] * 2, transform=left, clip_on=False, **line_style(i))
        sample.set_in_layout(False)
        ax.add_line(sample)
        ax.text(-0.158, i + 0.5, name, transform=left, ha="right", va="center", fontsize=8)
        for time, number in zip(times, _numbers(curve, times, scale), strict=True):
            ax.text(time, i + 0.5, number, ha="center", va="center", fontsize=7.2)


def draw_table(ax: Axes, evaluation: Evaluation, curves: Mapping[str, Curve]) -> None:
    """Numbers at risk as a table as wide as the figure, with the times at its head."""
    ax.set(ylim=(len(curves), -1), xlim=(0.0, 1.0))
    ax.axis("off")
    heading, scale = _heading(evaluation, curves)
    times = times_shown(evaluation, apart=0.05)
    places = np.linspace(0.46, 0.97, len(times)) if len(times) > 1 else [0.46]
    ax.text(0.325, -0.5, f"{heading} at year", ha="right", va="center", weight="bold", fontsize=8)
    for time, place in zip(times, places, strict=True):
        ax.text(place, -0.5, plain(time), ha="right", va="center", weight="bold", fontsize=8)
    for i, (name, curve) in enumerate(_named(evaluation, curves)):
        ax.add_line(Line2D([0.335, 0.39], [i + 0.5] * 2, **line_style(i)))
        ax.text(0.325, i + 0.5, name, ha="right", va="center", fontsize=7.5)
        for place, number in zip(places, _numbers(curve, times, scale), strict=True):
            ax.text(place, i + 0.5, number, ha="right", va="center", fontsize=7.2)


def _heading(evaluation: Evaluation, curves: Mapping[str, Curve]) -> tuple[str, float]:
    return words_of(evaluation).at_risk(max(float(curve.at_risk.max()) for curve in curves.values()))


def _named(evaluation: Evaluation, curves: Mapping[str, Curve]) -> list[tuple[str, Curve]]:
    labels = strategy_labels(evaluation.scenario)
    return [(short(labels[strategy], LONGEST), curve) for strategy, curve in curves.items()]


def _numbers(curve: Curve, times: Sequence[float], scale: float) -> list[str]:
    """Numbers at risk just after some times."""
    places = np.searchsorted(curve.time, np.array(times) + 1e-9, side="right") - 1
    return [f"{number * scale:,.0f}" for number in curve.at_risk[places]]


def times_shown(evaluation: Evaluation, apart: float = 0.095) -> list[float]:
    """Named times within the axis, the first of any two too close to print apart, and 0.

    Parameters
    ----------
    apart : float
        Share of the axis between two times, at least.
    """
    shown = years_shown(evaluation)
    named = [t for t in evaluation.scenario.file.settings.times if 0 < t <= shown and (4 * t) % 1 == 0]
    kept = [0.0]
    for time in named:
        if time - kept[-1] >= shown * apart:
            kept.append(float(time))
    return kept
