"""Scenario analysis: a table for the terminal, and bars of what each option of a switch changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from lmssim.report.digits import amount, rounded
from lmssim.report.labels import option_label, short, strategy_labels, switch_label
from lmssim.report.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.studies.switches import Case, SwitchStudy

Z95 = 1.959963984540054
ACROSS = 3
"""Panels side by side, at most."""
LONGEST = 26
UP, DOWN = PALETTE[1], PALETTE[2]


def case_label(study: SwitchStudy, case: Case) -> str:
    """Switch and option as people read them."""
    if not case.switch:
        return "Base case"
    return f"{switch_label(study.scenario, case.switch)}: {option_label(study.scenario, case.switch, case.option)}"


def switch_table_text(study: SwitchStudy) -> Table:
    """A line for each option: the best strategy, and the change in each strategy's incremental net benefit."""
    settings, labels = study.scenario.file.settings, strategy_labels(study.scenario)
    wtp = study.wtp[0]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Switch: option", overflow="fold")
    table.add_column("Best strategy", overflow="fold")
    for strategy in study.compared:
        table.add_column(labels[strategy], justify="right", overflow="fold")
    base = [rounded(*study.increment(study.base, s, wtp)) for s in study.compared]
    table.add_row("Base case", Text(labels[study.best(study.base, wtp)]), *base, end_section=True)
    for case in study.cases:
        best = study.best(case, wtp)
        same = best == study.best(study.base, wtp)
        cells = [_signed(*study.change(case, strategy, wtp)) for strategy in study.compared]
        table.add_row(Text(case_label(study, case)), Text("as base case" if same else labels[best]), *cells)
    against = labels[study.scenario.comparator]
    table.caption = (
        f"Incremental net benefit at {amount(wtp)} {settings.currency} per QALY over {against} in the base case; below, "
        f"what each option adds to it. {study.sampling.n_patients:,} patients, the same under every option."
    )
    table.caption_justify = "left"
    return table


def _signed(mean: float, se: float) -> str:
    """A change with its sign and the digits its error leaves; one within its noise is so marked."""
    if mean == 0.0:
        return "0"
    text = rounded(mean, se)
    text = text if text.startswith("-") else f"+{text}"
    return text if abs(mean) > Z95 * se else f"({text})"


def plot_switches(study: SwitchStudy) -> Figure:
    """Bars of the change in incremental net benefit by option, a panel for each strategy, options by largest change."""
    wtp, labels = study.wtp[0], strategy_labels(study.scenario)
    cases = sorted(study.cases, key=lambda c: max(abs(study.change(c, s, wtp).mean) for s in study.compared))
    across = min(len(study.compared), ACROSS)
    down = math.ceil(len(study.compared) / across)
    with figure_style():
        figure = new_figure(2.9 + 2.3 * across, (0.9 + 0.19 * len(cases)) * down + 0.5)
        axes = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
        for ax, strategy in zip(axes, study.compared, strict=False):
            _draw(ax, study, cases, strategy)
            ax.set_title(short(labels[strategy], LONGEST))
        for ax in axes[len(study.compared) :]:
            ax.set_visible(False)
        axes[0].set_yticks(range(len(cases)), [case_label(study, case) for case in cases])
        axes[0].set_ylim(-0.6, len(cases) - 0.4)
        currency = study.scenario.file.settings.currency
        figure.supxlabel(f"Change in incremental net benefit at {amount(wtp)} per QALY, {currency}", fontsize=9)
        title_figure(figure, f"What each option changes against {labels[study.scenario.comparator]}")
        return figure


def _draw(ax: Axes, study: SwitchStudy, cases: list[Case], strategy: str) -> None:
    """Bars of a strategy with their 95% Monte-Carlo intervals; a diamond where the best strategy is another one."""
    wtp = study.wtp[0]
    changes = [study.change(case, strategy, wtp) for case in cases]
    colours = [UP if change.mean > 0 else DOWN for change in changes]
    means, errors = [c.mean for c in changes], [Z95 * c.se for c in changes]
    ax.barh(range(len(cases)), means, height=0.7, color=colours)
    ax.errorbar(means, range(len(cases)), xerr=errors, fmt="none", ecolor=INK, elinewidth=0.8)
    ax.axvline(0.0, color=FAINT, linewidth=0.8)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelrotation=30)
