"""Maps of the best strategy over two inputs, hatched where noise leaves it open, and what they say."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.text import Text

from lmssim.economics.lead import Z975
from lmssim.report.parts.areas import draw_areas, hatch_open
from lmssim.report.parts.digits import amount, listed
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.report.parts.style import AREAS, INK, figure_style, legend_name, new_figure, title_figure
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.presented import Drawing, Presented

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

    from lmssim.studies.sensitivity.two_way.result import TwoWay

LONGEST, ACROSS = 44, 2
COLUMNS = ("strategy", "cells in which it is the best", "of these, open")


def presented(found: TwoWay) -> Presented:
    """The page."""
    first, second = (_label(found, k, 60) for k in (0, 1))
    return Presented(
        title=f"Two-way analysis: {found.scenario.file.title}",
        question=f"Which strategy is the best, by {first} and {second}?",
        answer=sentences(found),
        tables=[share_table(found, wtp) for wtp in found.wtps],
        figures={
            f"two_way_{wtp:g}": Drawing(
                lambda wtp=wtp: _figure_of(plot_map(found, wtp)),  # type: ignore[misc]  # bound at once
                f"Best strategy at {amount(wtp)} per QALY",
                "Strategy of the greatest net benefit; lines: two strategies are equal; hatched: the best is not told "
                "from another one by 1.96 errors of their paired difference.",
            )
            for wtp in found.wtps
        },
    )


def sentences(found: TwoWay) -> list[str]:
    """The answer, the most important first."""
    return [*(_at_wtp(found, wtp) for wtp in found.wtps), _method(found)]


def _at_wtp(found: TwoWay, wtp: float) -> str:
    labels = strategy_labels(found.scenario, 60)
    leading = sorted((s for s in found.among if found.share(s, wtp) > 0.0), key=lambda s: -found.share(s, wtp))
    parts = [f"{labels[s]} in {100.0 * found.share(s, wtp):.0f}%" for s in leading]
    open_ = found.open_share(wtp)
    noise = f"; noise leaves it open in {100.0 * open_:.0f}%" if open_ else "; noise leaves it open nowhere"
    return f"At {amount(wtp)} per QALY the best of {len(found.cells):,} cells is {listed(parts)}{noise}."


def _method(found: TwoWay) -> str:
    made = found.made
    if made["exact"]:
        return "Every cell is solved exactly, the other parameters at their values."
    who = f"{made['patients']:,} patients"
    others = "the other parameters at their values"
    if made["draws"]:
        who, others = f"{who} in each", f"in expectation over {made['draws']:,} draws of the other parameters"
    return f"Every cell has the same random numbers and {who}, {others}; errors are those of paired differences."


def share_table(found: TwoWay, wtp: float) -> ReportTable:
    """In how many cells each strategy leads."""
    frame = pd.DataFrame(_rows(found, wtp), columns=list(COLUMNS))
    return ReportTable(f"Best strategy at {amount(wtp)} per QALY", "Share of the cells of the map.", frame)


def _rows(found: TwoWay, wtp: float) -> list[tuple[str, str, str]]:
    labels = strategy_labels(found.scenario, 60)
    rows = []
    for strategy in found.among:
        led = [cell.leads[wtp] for cell in found.cells if cell.leads[wtp].best == strategy]
        if led:
            open_ = sum(lead.is_open for lead in led) / len(led)
            rows.append((labels[strategy], f"{100.0 * len(led) / len(found.cells):.0f}%", f"{100.0 * open_:.0f}%"))
    return rows


def two_way_table_text(found: TwoWay) -> Table:
    """A line for each strategy that leads somewhere, at the first willingness to pay."""
    table = plain_table()
    for k, name in enumerate(COLUMNS):
        table.add_column(name.capitalize(), justify="right" if k else "left", overflow="fold")
    for row in _rows(found, found.wtps[0]):
        table.add_row(*(Text(cell) for cell in row))
    table.caption = Text("\n".join(sentences(found)))
    return table


def _figure_of(ax: Axes) -> Figure:
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def plot_map(found: TwoWay, wtp: float | None = None, ax: Axes | None = None) -> Axes:
    """The best strategy over the two inputs, hatched where noise leaves it open.

    Parameters
    ----------
    wtp : float, optional
        Willingness to pay; the first one of the analysis if absent.
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    wtp = found.wtps[0] if wtp is None else wtp
    labels, x, y = strategy_labels(found.scenario, LONGEST), found.levels(0), found.levels(1)
    leading = [s for s in found.among if found.share(s, wtp) > 0.0]
    with figure_style():
        if ax is None:
            figure = new_figure(6.6, 4.5)
            title_figure(figure, f"Best strategy at {amount(wtp)} per QALY")
            ax = figure.subplots()
        colours = {s: AREAS[found.among.index(s) % len(AREAS)] for s in leading}
        met = draw_areas(ax, x, y, [found.net_benefit(s, wtp) for s in leading], list(colours.values()))
        handles: list[Any] = [
            Patch(facecolor=colours[leading[k]], label=legend_name(labels[leading[k]], LONGEST)) for k in met
        ]
        certainty = found.grid([cell.leads[wtp].certainty for cell in found.cells])
        if hatch_open(ax, x, y, certainty.clip(max=100.0), Z975):
            handles.append(Patch(facecolor="white", edgecolor=INK, hatch="////", label="open: within error"))
        base = [float(found.scenario.table.base()[name][0]) for name in found.names]
        if all(levels[0] <= value <= levels[-1] for value, levels in zip(base, (x, y), strict=True)):
            ax.plot(*base, "o", color=INK, markeredgecolor="white", markersize=5.5, zorder=5)
            handles.append(Line2D([], [], marker="o", linestyle="none", color=INK, label="the scenario's own values"))
        ax.grid(visible=False)
        ax.set_xlabel(textwrap.fill(_label(found, 0, 90), 70))
        ax.set_ylabel(textwrap.fill(_label(found, 1, 80), 42))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(6))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
        ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.45, -0.17), ncols=ACROSS)
        return ax


def _label(found: TwoWay, k: int, longest: int) -> str:
    row = found.scenario.table[found.names[k]]
    unit = f" ({short(row.unit, 24)})" if row.unit else ""
    return f"{short(row.description or row.id, longest)}{unit}"
