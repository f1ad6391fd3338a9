"""Net benefit of the leading strategies along an input, and where the lead changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lmssim.economics.lead import Z975
from lmssim.report.parts.digits import amount
from lmssim.report.parts.labels import currency_name, short, strategy_labels
from lmssim.report.parts.style import FAINT, INK, figure_style, legend_name, line_style, new_figure, title_figure
from lmssim.report.sensitivity.presented import Drawing
from lmssim.report.sensitivity.threshold.words import value_text
from lmssim.studies.sensitivity.threshold.result import PRICE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmssim.economics.increments import Estimate
    from lmssim.studies.sensitivity.threshold.result import ThresholdStudy

LONGEST, TITLE = 42, 70
BAND, LINE = 0.18, 0.06
"""Opacity of a band; height of a line of a name, as a share of the diagram's."""


def drawings(found: ThresholdStudy) -> dict[str, Drawing]:
    """Figures by the name of their file."""
    what = "Value-based price" if found.kind == PRICE else "Threshold"
    return {
        f"{found.kind}_{wtp:g}": Drawing(
            lambda wtp=wtp: _figure_of(plot_threshold(found, wtp)),  # type: ignore[misc]  # bound at once
            f"{what} at {amount(wtp)} per QALY",
            "Incremental net benefit of every strategy that leads somewhere; dashed: where the lead changes; dotted: "
            "the scenario's own value; bands: 95% Monte-Carlo interval.",
        )
        for wtp in found.wtps
    }


def _figure_of(ax: Axes) -> Figure:
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def plot_threshold(found: ThresholdStudy, wtp: float | None = None, ax: Axes | None = None) -> Axes:
    """Increments of net benefit along the parameter, and where the lead changes.

    Parameters
    ----------
    wtp : float, optional
        Willingness to pay; the first one of the analysis if absent.
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    wtp = found.wtps[0] if wtp is None else wtp
    labels = strategy_labels(found.scenario, LONGEST)
    shown = list(dict.fromkeys([*found.leaders(), found.comparator]))
    with figure_style():
        if ax is None:
            figure = new_figure(7.4, 3.9)
            what = "Value-based price" if found.kind == PRICE else "Threshold"
            title_figure(figure, f"{what} of {short(found.label, TITLE)}\nat {amount(wtp)} per QALY")
            ax = figure.subplots()
        for strategy in shown:
            _line(ax, found, strategy, wtp, legend_name(labels[strategy], LONGEST))
        low, high = found.grid[0], found.grid[-1]
        if low <= found.present <= high:
            ax.axvline(found.present, color=FAINT, linewidth=1.0, linestyle=":", zorder=1)
        for each in found.crossings[wtp]:
            _mark(ax, each.value, leftwards=each.value.mean > low + 0.75 * (high - low))
        ax.set_xlim(low, high)
        ax.xaxis.set_major_locator(MaxNLocator(7))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.6g}"))
        ax.set_xlabel(_named(found))
        over = short(labels[found.comparator], 24)
        ax.set_ylabel(f"Incremental net benefit ({currency_name(found.scenario)})\nover {over}")
        lines = ax.get_xlabel().count("\n")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2 - LINE * lines), ncols=2)
        return ax


def _line(ax: Axes, found: ThresholdStudy, strategy: str, wtp: float, label: str) -> None:
    """Increment of a strategy, with a band of its error where it has one."""
    each = [response.increment(strategy, found.comparator).net_benefit(wtp) for response in found.responses]
    mean, error = (np.array(column) for column in zip(*each, strict=True))
    (line,) = ax.plot(found.grid, mean, label=label, **line_style(found.among.index(strategy)))
    if error.any():
        ends = mean - Z975 * error, mean + Z975 * error
        ax.fill_between(found.grid, *ends, color=line.get_color(), alpha=BAND, linewidth=0)


def _mark(ax: Axes, value: Estimate, *, leftwards: bool) -> None:
    """A threshold, with its value to one side."""
    ax.axvline(value.mean, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    ax.annotate(
        value_text(value),
        (value.mean, 0.98),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if leftwards else 4, 0),
        textcoords="offset points",
        ha="right" if leftwards else "left",
        va="top",
        fontsize=7.5,
    )


def _named(found: ThresholdStudy) -> str:
    """The parameter and its unit, on a line of its own where both are long."""
    name = short(found.label, TITLE)
    if not found.unit:
        return name
    unit = f"({short(found.unit, 30)})"
    return f"{name} {unit}" if len(name) + len(unit) < TITLE else f"{name}\n{unit}"
