"""Simulation-based calibration: a table for the terminal, and the ranks' distance from uniform with its bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from lmssim.report.parts.labels import short
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure
from lmssim.report.parts.terminal import plain_table
from lmssim.studies.calibration.checks.sbc import LEVEL, ecdf, ecdf_band

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.table import Table

    from lmssim.studies.calibration.checks.sbc import Band, SimulationBased

ACROSS = 4
"""Panels side by side, at most."""
PANEL = (2.2, 1.9)
"""Inches."""
SHOWN, OUTSIDE = PALETTE[1], PALETTE[2]


def quantity_label(study: SimulationBased, name: str) -> str:
    """A quantity as people read it."""
    labels = {quantity.name: quantity.label for quantity in study.problem.free}
    families = {tau.name: f"Between-study SD: {tau.family.replace('_', ' ')}" for tau in study.problem.tau}
    return (labels | families)[name]


def sbc_table(study: SimulationBased) -> Table:
    """A line for each quantity, with the verdict as the caption."""
    table = plain_table(study.summary)
    table.add_column("Quantity", overflow="fold")
    for heading in ("Data sets", "P-value", "ECDF off by", f"{LEVEL:.0%} band"):
        table.add_column(heading, justify="right")
    table.add_column("Verdict")
    for row in study.table.to_dict("records"):
        verdict = Text("inside") if row["inside"] else Text("outside", style="bold red")
        numbers = (str(row["n"]), f"{row['p_value']:.3f}", f"{row['max_difference']:.3f}", f"{row['band']:.3f}")
        table.add_row(Text(quantity_label(study, row["quantity"])), *numbers, verdict)
    return table


def plot_ranks(study: SimulationBased) -> Figure:
    """ECDF of each quantity's ranks minus the uniform one, with the simultaneous band, a panel for each quantity."""
    names = list(study.table["quantity"])
    across = min(ACROSS, len(names))
    down = -(-len(names) // across)
    n_draws = study.settings.n_draws
    band = ecdf_band(len(study.ranks), n_draws, study.settings.seed)
    with figure_style():
        figure = new_figure(PANEL[0] * across + 0.6, PANEL[1] * down + 0.8)
        title_figure(figure, f"{short(study.problem.file.label, 50)}: ranks of {len(study.ranks)} known truths")
        axes = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
        for k, axis in enumerate(axes.flat):
            if k < len(names):
                inside = bool(study.table["inside"].iloc[k])
                _panel(axis, ecdf(study.ranks[names[k]].to_numpy(), n_draws), band, names[k], inside)
            else:
                axis.set_visible(False)
        figure.supxlabel("Rank of the truth among draws of its posterior, as a share", fontsize=9)
        figure.supylabel("ECDF minus uniform", fontsize=9)
    return figure


def _panel(axis: Axes, found: np.ndarray, band: Band, name: str, inside: bool) -> None:
    x = np.concatenate([[0.0], band.expected, [1.0]])
    low, high, own = (np.concatenate([[0.0], y - band.expected, [0.0]]) for y in (band.low, band.high, found))
    axis.fill_between(x, low, high, color=FAINT, alpha=0.25, linewidth=0.0)
    axis.axhline(0.0, color=INK, linewidth=0.6)
    axis.step(x, own, where="post", color=SHOWN if inside else OUTSIDE, linewidth=1.2)
    axis.set_title(f"{name.replace('_', ' ')}: {'inside' if inside else 'outside'}", fontsize=8.5)
    axis.set_xticks([0.0, 0.5, 1.0])
