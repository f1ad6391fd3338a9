"""Figures of a probabilistic analysis: the plane of draws, acceptability curves and frontier, expected loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter, StrMethodFormatter

from lmssim.report.parts.digits import amount
from lmssim.report.parts.labels import currency_name, short, strategy_labels
from lmssim.report.parts.placement import Label, place_labels
from lmssim.report.parts.style import (
    FAINT,
    INK,
    dark,
    figure_style,
    legend_name,
    line_style,
    marker_style,
    new_figure,
    save_figure,
)
from lmssim.report.sensitivity.psa.bands import plot_bands, survival_endpoint
from lmssim.report.sensitivity.psa.words import NICE_RANGE, in_pounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from lmssim.execution.folder import ResultFolder
    from lmssim.kernels import FloatArray
    from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis

LONGEST = 44
RADIUS95 = float(np.sqrt(-2.0 * np.log(0.05)))
"""Standard deviations within which a pair of normal values lies with probability 0.95."""
FEW = 4
"""Strategies whose points are drawn large."""
MOST_NAMED = 6
"""Strategies of the plane that are drawn in colour, of more than `FEW`: those that are optimal most often."""
MOST_POINTS = 1_000
"""Draws whose points are drawn, of each strategy."""
SEEN = 0.02
"""Probability that a curve must reach to be drawn."""
MOST_LINES = 9
"""Curves of expected loss: of strategies that are optimal somewhere, then those that come nearest to 0."""
ROOM = 0.06
SHADE = "#F3EBDD"
NAME_AT = tuple(np.linspace(0.97, 0.13, 22).tolist())
NAME_SIZE = (0.15, 0.12)
"""Heights of the top of a range's name, and its width and height with some room, as shares of the axes."""

CAPTIONS = {
    "plane": (
        "Cost-effectiveness plane",
        "A small point for a draw of the parameters, patient noise taken out; a marker at the mean. An outline holds "
        "95% of the draws of a strategy if they are normal. Of more than four strategies, those are in colour that are "
        "optimal most often, six at most; grey markers are the means of the others. Grey lines: willingness to pay.",
    ),
    "ceac": (
        "Acceptability curves and frontier",
        "Probability that a strategy has the greatest net benefit. Thick grey: the frontier, the probability of the "
        "strategy of greatest expected net benefit. Strategies that never reach 2% are not drawn.",
    ),
    "expected_loss": (
        "Expected loss",
        "Net benefit that a strategy is expected to lose against the best of each draw. The lowest curve is the "
        "optimal strategy, and its height is the value of perfect information.",
    ),
    "survival": (
        "Survival",
        "Mean over draws each year, and the 95% credible band of its expectation: the comparator, and what "
        "is optimal at a willingness to pay of the tables.",
    ),
}
"""Title and caption of each figure, in order of the report."""


def write_figures(
    analysis: ProbabilisticAnalysis,
    folder: ResultFolder,
    formats: Sequence[str],
    further: Mapping[str, Figure] | None = None,
) -> dict[str, list[Path]]:
    """Write every figure, and further ones after them; returns the files by the figure's name."""
    plots = {"plane": plot_draws, "ceac": plot_acceptability, "expected_loss": plot_loss, "survival": plot_bands}
    if len(analysis.strategies) < 2:
        del plots["plane"]
    if survival_endpoint(analysis) is None:
        del plots["survival"]
    figures = {name: plot(analysis).figure for name, plot in plots.items()} | dict(further or {})
    found = {}
    for name, figure in figures.items():
        assert isinstance(figure, Figure)
        found[name] = save_figure(figure, folder.begin() / "figures", name, formats)
        folder.add(found[name])
    return found


# === Plane ===


def plot_draws(analysis: ProbabilisticAnalysis, ax: Axes | None = None) -> Axes:
    """Incremental QALYs and costs of draws over the comparator, by strategy.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 5.4).subplots()
        clouds = {s: _cloud(analysis, s) for s in analysis.strategies if s != analysis.comparator}
        named = _named(analysis, list(clouds))
        for i, strategy in enumerate(analysis.strategies):
            if strategy in named:
                few, hollow = len(clouds) <= FEW, strategy not in analysis.choices
                _draw_cloud(ax, clouds[strategy], marker_style(i), few=few, hollow=hollow)
                _draw_outline(ax, clouds[strategy], marker_style(i)["color"])
            elif strategy in clouds:
                ax.plot(*clouds[strategy].mean(axis=0), "o", markersize=3.5, color=FAINT, zorder=4)
        _set_limits(ax, list(clouds.values()))
        _draw_wtps(ax, analysis)
        labels = strategy_labels(analysis.scenario)
        ax.set_title(f"Cost-effectiveness plane, against {short(labels[analysis.comparator])}")
        ax.set_xlabel("Incremental QALYs per patient, discounted")
        ax.set_ylabel(f"Incremental cost per patient, discounted ({currency_name(analysis.scenario)})")
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        _name_clouds(ax, analysis, {strategy: clouds[strategy] for strategy in named})
        return ax


def _named(analysis: ProbabilisticAnalysis, strategies: Sequence[str]) -> list[str]:
    """Strategies in colour: all of a few, else those that are optimal most often, at the table's willingness to pay."""
    if len(strategies) <= FEW:
        return list(strategies)
    inside = analysis.ceac[analysis.ceac["wtp"] <= max(analysis.wtps)]
    most = inside.groupby("strategy")["probability"].max()
    often = sorted((s for s in strategies if s in most), key=lambda s: (-float(most[s]), strategies.index(s)))
    return [s for s in strategies if s in often[:MOST_NAMED]]


def _cloud(analysis: ProbabilisticAnalysis, strategy: str) -> FloatArray:
    """Incremental QALYs and costs, (n_draws, 2)."""
    s, c = (analysis.strategies.index(name) for name in (strategy, analysis.comparator))
    n, both = len(analysis.strategies), analysis.collected.expected
    return np.column_stack([both[:, n + s] - both[:, n + c], both[:, s] - both[:, c]])


def _draw_cloud(ax: Axes, cloud: FloatArray, style: dict[str, Any], *, few: bool, hollow: bool) -> None:
    x, y = cloud[:MOST_POINTS].T
    dots: dict[str, Any] = {"s": 5.0, "alpha": 0.35} if few else {"s": 3.0, "alpha": 0.2}
    ax.scatter(x, y, color=style["color"], linewidths=0, rasterized=True, zorder=2, **dots)
    face = {"markerfacecolor": "white"} if hollow else {}
    ax.plot(*cloud.mean(axis=0), linestyle="none", markersize=5.5, zorder=5, **style | face)


def _draw_outline(ax: Axes, cloud: FloatArray, colour: Any) -> None:
    if len(cloud) > 2 and (cloud.std(axis=0) > 0.0).all():
        ax.plot(*_outline(cloud).T, color=colour, linewidth=1.0, zorder=4)


def _candidates(analysis: ProbabilisticAnalysis) -> list[str]:
    """Strategies that are optimal in some share of the draws, `SEEN`, at some willingness to pay."""
    most = analysis.ceac.groupby("strategy")["probability"].max()
    return [s for s in analysis.choices if float(most[s]) >= SEEN]


def _outline(cloud: FloatArray) -> FloatArray:
    """Ellipse that holds 95% of the draws if they are normal, (n_points, 2)."""
    size: FloatArray = np.sqrt(np.diag(np.cov(cloud.T)))
    together = np.atleast_2d(np.corrcoef(cloud.T))
    r = float(np.clip(together[0, 1], -0.9999, 0.9999))
    angle = np.linspace(0.0, 2.0 * np.pi, 97)
    along, across = np.sqrt(1.0 + r) * np.cos(angle), np.sqrt(1.0 - r) * np.sin(angle)
    unit = np.column_stack([along - across, along + across]) / np.sqrt(2.0)
    outline: FloatArray = cloud.mean(axis=0) + RADIUS95 * size * unit
    return outline


def _set_limits(ax: Axes, clouds: Sequence[FloatArray]) -> None:
    """Room for the middle of every cloud, and for 0; single draws may lie outside."""
    ends = np.array([np.quantile(cloud, (0.005, 0.995), axis=0).tolist() for cloud in clouds])
    low, high = np.minimum(ends[:, 0].min(axis=0), 0.0), np.maximum(ends[:, 1].max(axis=0), 0.0)
    room = np.maximum(high - low, 1e-9)
    ax.set_xlim(low[0] - ROOM * room[0], high[0] + 3 * ROOM * room[0])
    ax.set_ylim(low[1] - ROOM * room[1], high[1] + 2 * ROOM * room[1])


def _draw_wtps(ax: Axes, analysis: ProbabilisticAnalysis) -> None:
    ax.axhline(0.0, color=FAINT, linewidth=0.8, zorder=1)
    ax.axvline(0.0, color=FAINT, linewidth=0.8, zorder=1)
    for wtp in _lines(analysis):
        ax.axline((0.0, 0.0), slope=wtp, color=FAINT, linewidth=0.7, linestyle=(0, (5, 3)), zorder=1)


def _lines(analysis: ProbabilisticAnalysis) -> list[float]:
    """Willingness to pay of the lines: the scenario's own, or else those that tables show."""
    return sorted(wtp for wtp in analysis.scenario.file.settings.wtp or analysis.wtps if wtp > 0.0)


def _name_clouds(ax: Axes, analysis: ProbabilisticAnalysis, clouds: dict[str, FloatArray]) -> None:
    figure = ax.figure if isinstance(ax.figure, Figure) else ax.figure.figure
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    names = strategy_labels(analysis.scenario, LONGEST)
    labels = [
        Label(text=names[s], x=float(x), y=float(y), color=dark(marker_style(analysis.strategies.index(s))["color"]))
        for s, (x, y) in ((s, cloud.mean(axis=0)) for s, cloud in clouds.items())
    ]
    (_, right), (_, top) = ax.get_xlim(), ax.get_ylim()
    for wtp in _lines(analysis):
        x = 0.93 * min(right, top / wtp)
        text = f"{currency_name(analysis.scenario)} {amount(wtp)} per QALY"
        labels.append(Label(text=text, x=x, y=wtp * x, color="#5A5A5A"))
    place_labels(ax, labels)


# === Curves ===


def plot_acceptability(analysis: ProbabilisticAnalysis, ax: Axes | None = None) -> Axes:
    """Probability that each strategy is optimal, by willingness to pay, and the frontier."""
    curves = analysis.ceac.pivot_table(index="wtp", columns="strategy", values="probability")
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 4.0).subplots()
        _shade_range(ax, analysis)
        frontier = analysis.ceaf
        ax.plot(frontier["wtp"], frontier["probability"], color="#BDBDBD", linewidth=5, zorder=2, label="Frontier")
        drawn = {*_candidates(analysis), *frontier["strategy"]}  # what the frontier follows is always there
        shown = [s for s in analysis.choices if s in drawn]
        _draw_curves(ax, analysis, {s: curves[s].to_numpy() for s in shown}, curves.index.to_numpy())
        ax.set_ylim(0.0, 1.0)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
        ax.set_ylabel("Probability of being optimal (%)")
        ax.set_title("Acceptability curves and frontier")
        _name_range(ax, analysis)
        return ax


def plot_loss(analysis: ProbabilisticAnalysis, ax: Axes | None = None) -> Axes:
    """Expected loss of each strategy, by willingness to pay."""
    curves = analysis.expected_loss.pivot_table(index="wtp", columns="strategy", values="loss")
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 4.0).subplots()
        _shade_range(ax, analysis)
        inside = curves[curves.index <= max(analysis.wtps)]
        nearest = [str(s) for s in inside.min().sort_values(kind="stable").index]
        kept = list(dict.fromkeys([*analysis.ceaf["strategy"], *nearest]))[:MOST_LINES]
        shown = [s for s in analysis.choices if s in kept]
        _draw_curves(ax, analysis, {s: curves[s].to_numpy() for s in shown}, curves.index.to_numpy())
        lowest = curves.min(axis=1)
        ax.plot(lowest.index, lowest, color="#BDBDBD", linewidth=5, zorder=2, label="EVPI")
        most = max(float(inside[shown].to_numpy().max()), float(lowest.max()))
        ax.set_ylim(0.0, 1.05 * max(most, 1e-9))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set_ylabel(f"Expected loss per patient ({currency_name(analysis.scenario)})")
        ax.set_title("Expected loss")
        _name_range(ax, analysis)
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return ax


def _draw_curves(ax: Axes, analysis: ProbabilisticAnalysis, curves: dict[str, FloatArray], wtps: FloatArray) -> None:
    labels = strategy_labels(analysis.scenario)
    for strategy, values in curves.items():
        style = line_style(analysis.strategies.index(strategy))
        ax.plot(wtps, values, label=legend_name(labels[strategy], LONGEST), zorder=3, **style)
    ax.set_xlim(0.0, float(wtps[-1]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}"))
    ax.set_xlabel(f"Willingness to pay for a QALY, thousand {currency_name(analysis.scenario)}")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def _shade_range(ax: Axes, analysis: ProbabilisticAnalysis) -> None:
    """NICE's range, where costs are in pounds."""
    if in_pounds(analysis):
        ax.axvspan(*NICE_RANGE, color=SHADE, zorder=0, linewidth=0)


def _name_range(ax: Axes, analysis: ProbabilisticAnalysis) -> None:
    """Name NICE's range at the greatest height at which no curve runs through the name; limits are set."""
    if not in_pounds(analysis):
        return
    heights = _heights(ax, sum(NICE_RANGE) / 2)
    free = [y for y in NAME_AT if not ((heights > y - NAME_SIZE[1]) & (heights < y)).any()]
    y = max(free, default=NAME_AT[0])
    place: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "top", "zorder": 6}
    ax.text(sum(NICE_RANGE) / 2, y, "NICE\nmedicines", color=INK, size=7, **place)


def _heights(ax: Axes, middle: float) -> FloatArray:
    """Heights at which curves run near the middle of a name, as shares of the axes."""
    low, high = ax.get_ylim()
    half = 0.5 * NAME_SIZE[0] * (ax.get_xlim()[1] - ax.get_xlim()[0])
    x = np.linspace(middle - half, middle + half, 21)
    lines = [np.asarray(line.get_data(), dtype=np.float64) for line in ax.get_lines()]
    found: FloatArray = np.concatenate([np.interp(x, *line) for line in lines])
    return (found - low) / (high - low)
