"""Incremental net benefit in every subgroup of a partition as a forest, a panel a strategy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.ticker import FuncFormatter, MaxNLocator

from lmssim.report.parts.digits import amount, listed
from lmssim.report.parts.labels import currency_name, readable, short, strategy_labels
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.model.scenario import Scenario

ALL = "All patients"
ROW, HEAD, FOOT = 0.17, 0.34, 0.95
"""Inches of a row, of a panel's name, and of what stands above and below the panels."""
ACROSS, LONGEST, LONGEST_GROUP = 3, 34, 26
MOST_DRAWN = 24
"""Subgroups of a partition that is drawn, at most."""
Z = 1.96


class Interval(NamedTuple):
    """A mean with an interval around it, whose ends are NaN if it is not known."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, mean: float, se: float) -> Interval:
        """The 95% interval of a standard error."""
        return cls(mean, mean - Z * se, mean + Z * se)


def title_of(name: str) -> str:
    """A partition as a title: "By grade", "By size cm (5, 10) and grade"."""
    terms = []
    for term in name.split("*"):
        covariate, _, cuts = (part.strip().replace("_", " ") for part in term.partition(":"))
        terms.append(f"{covariate} ({cuts})" if cuts else covariate)
    return f"By {listed(terms)}"


def plot_increments(
    scenario: Scenario, subgroups: Sequence[str], found: Mapping[str, Sequence[Interval]], title: str, wtp: float
) -> Figure:
    """A panel for each strategy: all patients first, then each subgroup.

    Parameters
    ----------
    subgroups : sequence of str
        Their labels.
    found : mapping of str to sequence of Interval
        By strategy: incremental net benefit of all patients and of each subgroup.
    wtp : float
        Willingness to pay.
    """
    labels, columns = strategy_labels(scenario, LONGEST), min(len(found), ACROSS)
    rows = math.ceil(len(found) / columns)
    names = [ALL, *(short(readable(each), LONGEST_GROUP) for each in subgroups)]
    with figure_style():
        figure = new_figure(7.6, FOOT + rows * (HEAD + ROW * len(names)))
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for ax in list(grid.flat)[len(found) :]:
            ax.remove()
        for k, (ax, strategy) in enumerate(zip(grid.flat, found, strict=False)):
            _draw(ax, found[strategy])
            ax.set_title(labels[strategy], fontsize=8, weight="normal", pad=3)
            if k + columns >= len(found):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel(f"{currency_name(scenario)} (thousands)", fontsize=8)
        grid[0, 0].set_yticks(range(len(names)), names)
        grid[0, 0].set_ylim(len(names) - 0.4, -0.6)
        title_figure(figure, f"{title}: incremental net benefit at {amount(wtp)} per QALY")
        return figure


def _draw(ax: Axes, found: Sequence[Interval]) -> None:
    """Everybody first, then each subgroup, in thousands."""
    ax.axvline(0.0, color=INK, linewidth=0.8, zorder=1)
    ax.axvline(found[0].mean / 1e3, color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    for row, (mean, low, high) in enumerate(found):
        colour = INK if row == 0 else PALETTE[1]
        if math.isfinite(low) and math.isfinite(high):
            ends = [low / 1e3, high / 1e3]
            ax.plot(ends, [row, row], color=colour, linewidth=1.2, zorder=3, solid_capstyle="butt")
        ax.plot([mean / 1e3], [row], "D" if row == 0 else "o", color=colour, markersize=3.8, zorder=4)
    ax.tick_params(axis="y", length=0, labelsize=7.5)
    ax.tick_params(axis="x", labelsize=7.5)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
