"""Figures of a trial's value: net benefit beside power over the size, and ways to conduct it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, StrMethodFormatter

from lmssim.economics.voi.sampling import between
from lmssim.economics.voi.trial.comparison import BY_TEST
from lmssim.report.parts.style import FAINT, PALETTE, figure_style, legend_name, line_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.kernels import FloatArray
    from lmssim.studies.trials.value.study import TrialValue

POINTS = 200
NORMAL = 1.96
LONGEST = 44
BESIDE_POWER = (
    "Expected net benefit of sampling over the number of patients, with its 95% Monte-Carlo interval. Below: power at "
    "base values, and assurance. Grey: sizes that cannot be recruited in time. Line: the best feasible size, and its "
    "95% interval."
)
WAYS = (
    "Expected net benefit of sampling with its 95% Monte-Carlo interval, all on the same trials. By test, by value: "
    "the strategy is adopted that the test says, or that has the greatest expected net benefit."
)


def value_figures(value: TrialValue) -> dict[str, tuple[Figure, str, str]]:
    """Figures by file name, each with its title and its caption."""
    found = {}
    if len(value.sizes) > 1:
        found["value"] = (
            value_figure(value),
            "Value beside power",
            BESIDE_POWER,
        )
    if len(value.design.analyses) > 1:
        found["stopping"] = (
            stopping_figure(value),
            "Ways to conduct the trial",
            WAYS,
        )
    return found


def value_figure(value: TrialValue) -> Figure:
    """Net benefit over the size, above power."""
    frame = value.value[value.value["best"] == "no"]
    with figure_style():
        figure = new_figure(6.8, 5.6)
        above, below = figure.subplots(2, 1, height_ratios=[3, 2], sharex=True)
        _net(above, value)
        for k, (name, label) in enumerate((("power", "Power"), ("assurance", "Assurance"))):
            error = NORMAL * frame[f"{name}_se"]
            below.errorbar(frame["n"], frame[name], yerr=error, label=label, capsize=2, marker="o", **line_style(k))
        below.set(ylim=(0.0, 1.02), xlabel="Patients", ylabel="Probability of success")
        below.legend()
        for axes in (above, below):
            _infeasible(axes, value)
        below.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    return figure


def _net(ax: Axes, value: TrialValue) -> None:
    """Net benefit of sampling, and the gain of the population without costs."""
    net, sizes = value.net, list(value.sizes)
    fine = np.unique(np.linspace(sizes[0], sizes[-1], POINTS).round())
    people = np.array([net.patients(n) for n in fine.tolist()])
    cost = np.array([net.total_cost(n) for n in fine.tolist()])
    gain = people * between(sizes, net.sample.evsi, fine)
    error = NORMAL * between(sizes, np.array([row.se for row in net.rows]), fine)
    scale, unit = _scale(np.concatenate([gain - cost, gain]))
    style = line_style(1)
    middle, wide = (gain - cost) / scale, error / scale
    ax.fill_between(fine, middle - wide, middle + wide, color=style["color"], alpha=0.15, linewidth=0)
    ax.plot(fine, middle, label="Net benefit of sampling", **style)
    ax.plot(sizes, [row.enbs / scale for row in net.rows], "o", color=style["color"], markersize=3.5)
    ax.plot(fine, gain / scale, label="Gain of the population", **line_style(2))
    ax.axhline(0.0, color=FAINT, linewidth=0.8, zorder=1)
    if (best := net.best) is not None:
        ax.axvspan(best.low, best.high, color=style["color"], alpha=0.08, linewidth=0)
        ax.axvline(best.size, color=style["color"], linewidth=0.8)
    ax.set_ylabel(f"{value.currency}{unit}")
    ax.set_title("Value beside power", loc="left")
    ax.legend(loc="lower left")


def _infeasible(ax: Axes, value: TrialValue) -> None:
    last, largest = max(value.sizes), value.conduct.largest
    if largest < last:
        ax.axvspan(largest, last, color=FAINT, alpha=0.15, linewidth=0, hatch="//")


def _scale(values: FloatArray) -> tuple[float, str]:
    """What money is divided by, and how that is said."""
    most = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    return (1e6, " million") if most >= 1e6 else (1e3, " thousand") if most >= 1e4 else (1.0, "")


def stopping_figure(value: TrialValue) -> Figure:
    """Net benefit of each way to conduct the trial."""
    frame = value.stopping.iloc[::-1]
    scale, unit = _scale(frame["enbs"].to_numpy(dtype=np.float64))
    with figure_style():
        figure = new_figure(7.2, 0.8 + 0.42 * len(frame))
        ax = figure.subplots()
        both = zip(frame["rule"], frame["adoption"], strict=True)
        names = [legend_name(f"{rule}, by {'test' if how == BY_TEST else 'value'}", LONGEST) for rule, how in both]
        place = np.arange(len(frame))
        colours = [PALETTE[1] if k == 0 else FAINT for k in place.tolist()]
        for k, mean, se, colour in zip(place, frame["enbs"] / scale, frame["se"] / scale, colours, strict=True):
            ax.errorbar(mean, k, xerr=NORMAL * se, fmt="o", color=colour, capsize=3)
        ax.axvline(0.0, color=FAINT, linewidth=0.8, zorder=1)
        ax.set_yticks(place, names)
        ax.set_ylim(-0.6, len(frame) - 0.4)
        ax.set_xlabel(f"Net benefit of sampling ({value.currency}{unit})")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.4g}" if math.isfinite(x) else ""))
        ax.set_title("Ways to conduct the trial", loc="left")
    return figure
