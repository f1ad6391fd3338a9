"""Pictures of a global sensitivity analysis: indices with their intervals, the screening, Shapley effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lmssim.report.parts.labels import currency_name, short
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure
from lmssim.report.sensitivity.presented import Drawing
from lmssim.report.sensitivity.sobol.words import contrast_words, outcome_words, shown_outcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmssim.studies.sensitivity.sobol.result import GlobalSensitivity

SHOWN, ROW, WIDTH, LONGEST = 20, 0.34, 8.6, 50
FIRST, TOTAL = PALETTE[1], PALETTE[5]
OFFSET = 0.16
"""Of the two marks of a factor from its line."""


def drawings(found: GlobalSensitivity) -> dict[str, Drawing]:
    """Figures by the name of their file."""
    shown = {}
    for outcome in shown_outcomes(found):
        name, words = outcome.replace(":", "_"), outcome_words(outcome)
        if found.indices:
            shown[f"sobol_{name}"] = Drawing(
                lambda outcome=outcome: _figure_of(plot_indices(found, outcome)),  # type: ignore[misc]  # bound at once
                f"Sobol' indices of {words}",
                f"{contrast_words(found)}. Shares of the variance over the uncertain parameters: by the factor alone "
                "(first order), and with all its interactions (total). Lines: 95% intervals, from a bootstrap of the "
                "rows and a jackknife over sets of patients.",
            )
    first = shown_outcomes(found)[0]
    if found.screenings:
        shown["screening"] = Drawing(
            lambda: _figure_of(plot_screening(found, first)),
            f"Screening of {outcome_words(first)}",
            f"{contrast_words(found)}. Mean absolute change as one parameter, or what is drawn jointly (*), is drawn "
            f"anew, all else unchanged; lines: 95% intervals, from trajectories and sets of patients. The "
            f"{min(SHOWN, len(found.blocks))} greatest of {len(found.blocks)}.",
        )
    if found.divided is not None:
        shown["shapley"] = Drawing(
            lambda: _figure_of(plot_shapley(found, first)),
            f"Approximate Shapley effects within '{found.divided.block.name}'",
            f"{contrast_words(found)}; {outcome_words(first)}. Shares of what a surrogate on a Gaussian copula "
            "explains; lines: 95% intervals.",
        )
    return shown


def _figure_of(ax: Axes) -> Figure:
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def plot_indices(found: GlobalSensitivity, outcome: str | None = None, ax: Axes | None = None) -> Axes:
    """First-order and total indices of an outcome, the greatest total on top.

    Parameters
    ----------
    outcome : str, optional
        Such as `inmb:30000`, `cost` or `qalys`; the first one if absent.
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    outcome = outcome or next(iter(found.indices))
    rows = found.sobol[found.sobol["outcome"] == outcome]
    with figure_style():
        ax = _axes(len(rows), f"Sobol' indices: {outcome_words(outcome)}", ax)
        for name, colour, marker, side in (("first", FIRST, "o", -OFFSET), ("total", TOTAL, "D", OFFSET)):
            label = "first order (by itself)" if name == "first" else "total (with interactions)"
            low, high = rows[f"{name}_low"], rows[f"{name}_high"]
            y = np.arange(len(rows)) + side
            ax.hlines(y, low, high, color=colour, linewidth=1.6)
            ax.plot(rows[name], y, marker, color=colour, markersize=5.5, label=label)
        _names(ax, [short(label, LONGEST) for label in rows["label"]])
        ax.axvline(0.0, color=FAINT, linewidth=0.9, zorder=1)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100.0 * x:.0f}%"))
        ax.set_xlabel("Share of the variance")
        ax.legend(loc="lower right")  # where the smallest indices leave room
        return ax


def plot_screening(found: GlobalSensitivity, outcome: str | None = None, ax: Axes | None = None) -> Axes:
    """Mean absolute effects of an outcome, the greatest on top.

    Parameters
    ----------
    outcome : str, optional
        The first one if absent.
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    outcome = outcome or next(iter(found.screenings))
    each = found.screening_rows(outcome)[:SHOWN]
    labels = [short(row.label, LONGEST) + ("*" if row.joint else "") for row in each]
    rows = pd.DataFrame(each)
    with figure_style():
        ax = _axes(len(rows), f"Screening: {outcome_words(outcome)}", ax)
        y = np.arange(len(rows))
        ax.barh(y, rows["mu_star"], height=0.62, color=PALETTE[6])
        ax.hlines(y, rows["mu_star_low"].clip(lower=0.0), rows["mu_star_high"], color=INK, linewidth=1.2)
        _names(ax, labels)
        ax.set_xlim(left=0.0)
        unit = "QALYs" if outcome == "qalys" else currency_name(found.scenario)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
        ax.set_xlabel(f"Mean absolute change ({unit})")
        return ax


def plot_shapley(found: GlobalSensitivity, outcome: str | None = None, ax: Axes | None = None) -> Axes:
    """Approximate Shapley effects within a block.

    Parameters
    ----------
    outcome : str, optional
        The first one if absent.
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    assert found.divided is not None
    outcome = outcome or next(iter(found.indices))
    rows = found.shapley[found.shapley["outcome"] == outcome]
    with figure_style():
        ax = _axes(len(rows), f"Approximate Shapley effects within '{found.divided.block.name}'", ax)
        y = np.arange(len(rows))
        ax.barh(y, rows["effect"], height=0.62, color=PALETTE[6])
        ax.hlines(y, rows["effect_low"], rows["effect_high"], color=INK, linewidth=1.2)
        _names(ax, [short(part, LONGEST) for part in rows["part"]])
        ax.axvline(0.0, color=FAINT, linewidth=0.9, zorder=1)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100.0 * x:.0f}%"))
        ax.set_xlabel(f"Share of what the surrogate explains of {outcome_words(outcome)}")
        return ax


def _axes(n: int, title: str, ax: Axes | None) -> Axes:
    if ax is None:
        figure = new_figure(WIDTH, 1.5 + ROW * max(n, 2))
        title_figure(figure, title)
        ax = figure.add_subplot()
    ax.xaxis.set_major_locator(MaxNLocator(7))
    return ax


def _names(ax: Axes, labels: list[str]) -> None:
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", visible=False)
