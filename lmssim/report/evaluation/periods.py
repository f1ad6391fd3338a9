"""When the benefit falls, as a table and as bars that stack the gains of one period on another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lmssim.outcomes.main import LY, MAIN, QALYS, UNDISCOUNTED
from lmssim.report.parts.digits import plain, with_error
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.report.parts.style import FAINT, INK, figure_style, new_figure, title_figure
from lmssim.report.parts.table import ReportTable
from lmssim.studies.periods import GAINS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.studies.periods import BenefitByPeriod

TITLE = "When the benefit falls"
SHOWN = (QALYS, LY + UNDISCOUNTED)
"""Outcomes of the figure, one a panel."""
LONGEST = 31
ROW, FRAME = 0.27, 1.5
"""Inches of a bar, and of what stands above and below the bars."""
BAR, ACROSS = 0.62, 5
"""Height of a bar in rows; columns of the legend, at most."""
Z = 1.96


def period_tables(study: BenefitByPeriod) -> list[ReportTable]:
    """A table for each outcome: gains by period, on the whole, and with effects that end with their trials."""
    return [_table(study, outcome) for outcome in GAINS] if study.compared else []


def _table(study: BenefitByPeriod, outcome: str) -> ReportTable:
    labels, rows = strategy_labels(study.scenario), []
    for strategy in study.compared:
        row = {"Strategy": labels[strategy]}
        for p, heading in enumerate(headings(study)):
            row[heading] = with_error(*study.gain(strategy, outcome, p))
        row["All"] = with_error(*study.gain(strategy, outcome))
        if study.ended is not None:
            row["All, effects end"] = with_error(*study.gain(strategy, outcome, ended=True))
        rows.append(row)
    kind = MAIN[outcome]
    discounted = ", discounted" if kind.discounted else ""
    name = "QALYs" if outcome.startswith(QALYS) else "Life-years"
    caption = f"{name} gained per patient{discounted}, by years since time zero. {_note(study)}"
    title = f"{TITLE}: {name if name == 'QALYs' else 'life-years'}{'' if kind.discounted else ', undiscounted'}"
    return ReportTable(title, caption, pd.DataFrame(rows))


def headings(study: BenefitByPeriod) -> list[str]:
    """Name of each period: "years 0-5", ..., and "beyond year 20"."""
    *before, last = study.periods
    names = [f"years {plain(start)}-{plain(stop)}" for start, stop in before]
    return [*names, f"beyond year {plain(last[0])}" if before else f"years 0-{plain(last[1])}"]


def _note(study: BenefitByPeriod) -> str:
    """What is compared, over whom, and what the last column is."""
    comparator = strategy_labels(study.scenario)[study.scenario.comparator]
    if study.exact:
        who = f"Solved for {study.n_patients:,} profile{'s' * (study.n_patients != 1)} up to the end of each period"
        error = "± the errors of the two ends of a period, added up"
    else:
        over = f" over {study.n_draws:,} draws of the parameters" if study.n_draws else ""
        who = f"From {study.n_patients:,} patients{over}, the same up to the end of each period"
        error = "± Monte-Carlo standard error"
    ended = ""
    if study.ended is not None:
        ended = f" Effects end: {ended_words(study)}."
    return f"Over {comparator}. {who}; {error}.{ended}"


def ended_words(study: BenefitByPeriod) -> str:
    """The option of switches with which effects end."""
    file = study.scenario.file
    parts = []
    for switch, option in file.settings.effects_end.items():
        spec = file.switches[switch]
        parts.append(f"{spec.label or switch}: {spec.options[option].label or option}")
    return "; ".join(parts)


def caption_of(study: BenefitByPeriod) -> tuple[str, str]:
    """Title and caption of the figure."""
    parts = "Bars: gain of each period; a loss lies left of 0. Point and line: the whole gain, with its 95% interval."
    diamond = (
        " Diamond: the whole gain if effects of treatments end with their trials' follow-up." if study.ended else ""
    )
    return TITLE, f"{parts}{diamond} {_note(study)}"


def plot_benefit_by_period(study: BenefitByPeriod) -> Figure:
    """Stacked gains of each strategy over the comparator: QALYs, and undiscounted life-years."""
    labels = strategy_labels(study.scenario, LONGEST)
    with figure_style():
        figure = new_figure(7.6, FRAME + ROW * max(len(study.compared), 2))
        axes = figure.subplots(1, len(SHOWN), sharey=True)
        for ax, outcome in zip(axes, SHOWN, strict=True):
            _draw(ax, study, outcome)
        axes[0].set_yticks(range(len(study.compared)), [labels[s] for s in study.compared])
        axes[0].set_ylim(len(study.compared) - 0.45, -0.55)
        name = short(strategy_labels(study.scenario)[study.scenario.comparator], 60)
        handles = _legend(study)
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=math.ceil(len(handles) / math.ceil(len(handles) / ACROSS)),
            columnspacing=1.4,
        )
        title_figure(figure, f"{TITLE}: gain over {name}")
        return figure


def _draw(ax: Axes, study: BenefitByPeriod, outcome: str) -> None:
    colours = colours_of(len(study.periods))
    for row, strategy in enumerate(study.compared):
        gains = np.array([study.gain(strategy, outcome, p).mean for p in range(len(study.periods))])
        for sign in (gains > 0.0, gains < 0.0):
            left = 0.0
            for p in np.flatnonzero(sign):
                ax.barh(
                    row, gains[p], left=left, height=BAR, color=colours[p], edgecolor="white", linewidth=0.4, zorder=2
                )
                left += float(gains[p])
        mean, se = study.gain(strategy, outcome)
        if np.isfinite(se):
            ax.plot([mean - Z * se, mean + Z * se], [row, row], color=INK, linewidth=1.1, zorder=4)
        ax.plot([mean], [row], "o", color=INK, markersize=3.6, zorder=5)
        if study.ended is not None:
            ax.plot([study.gain(strategy, outcome, ended=True).mean], [row], **_diamond())
    ax.axvline(0.0, color=FAINT, linewidth=0.8, zorder=3)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.set_xlabel("QALYs gained, discounted" if outcome == QALYS else "Life-years gained, undiscounted")


def _diamond() -> dict[str, Any]:
    return {
        "marker": "D",
        "markersize": 5,
        "markerfacecolor": "white",
        "markeredgecolor": INK,
        "linestyle": "none",
        "zorder": 6,
    }


def colours_of(n: int) -> list[str]:
    """Colours of periods: blues from dark to pale, and orange for what lies beyond the last time."""
    blues = [mpl.colors.to_hex(mpl.colormaps["Blues"](x)) for x in np.linspace(0.95, 0.35, max(n - 1, 1))]
    return [*blues[: n - 1], "#E69F00"]


def _legend(study: BenefitByPeriod) -> list[Patch | Line2D]:
    names = zip(headings(study), colours_of(len(study.periods)), strict=True)
    handles: list[Patch | Line2D] = [Patch(color=colour, label=name) for name, colour in names]
    handles.append(Line2D([], [], color=INK, marker="o", markersize=3.6, linewidth=1.1, label="whole, 95%"))
    if study.ended is not None:
        handles.append(Line2D([], [], label="whole, effects end with their trials", **_diamond()))
    return handles
