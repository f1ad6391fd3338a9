"""Scenario analysis: a table for the terminal, and bars of the change that each option of a switch makes."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator
from rich.text import Text

from lmssim.outcomes.estimators import Z975
from lmssim.report.parts.digits import amount, rounded
from lmssim.report.parts.labels import currency_name, option_label, short, strategy_labels, switch_label
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure, width_of
from lmssim.report.parts.terminal import plain_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.table import Table

    from lmssim.studies.sensitivity.switches import Case, SwitchStudy

ACROSS = 3
"""Panels side by side, at most."""
TITLE, LONGEST_TITLE = 22, 88
"""Characters of a line of a panel's title, and of all its lines."""
LONGEST_CASE = 68
LEAST_MONEY = 0.01
"""Net benefit that is no more than rounding."""
LEAST_SHOWN = 0.03
"""Change, as a share of the largest, below which no bar is drawn."""
LEAST_HEIGHT, PANEL, LEAST_WIDTH = 0.6, 1.9, 6.0
"""Inches of the height of a panel with few options, of a panel's width, and of a figure's."""
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
    table = plain_table()
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
        f"Incremental net benefit at {amount(wtp)} {settings.currency} per QALY over {against} in the base case; "
        f"below, the change that each option makes; in brackets: not distinguishable from Monte-Carlo error. "
        f"{study.sampling.n_patients:,} patients, the same under every option."
    )
    return table


def _signed(mean: float, se: float) -> str:
    """A change with its sign and the digits that its error allows; in brackets if its 95% interval contains 0."""
    if max(abs(mean), se) < LEAST_MONEY:
        return "0"
    text = rounded(mean, se)
    text = text if text.startswith("-") else f"+{text}"
    return text if abs(mean) > Z975 * se else f"({text})"


def plot_switches(study: SwitchStudy) -> Figure:
    """Bars of the change in incremental net benefit by option, a panel for each strategy, options by largest change.

    Options that move no strategy shown by more than `LEAST_SHOWN` of the largest change are left out.
    """
    labels, cases = strategy_labels(study.scenario), _shown(study)
    across = min(len(study.compared), ACROSS)
    down = math.ceil(len(study.compared) / across)
    with figure_style():
        figure = new_figure(LEAST_WIDTH, (0.85 + max(0.19 * len(cases), LEAST_HEIGHT)) * down + 0.7)
        names = [_row_name(study, case) for case in cases]
        figure.set_figwidth(max(width_of(figure, names) + PANEL * across + 0.3, LEAST_WIDTH))
        axes = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
        for ax, strategy in zip(axes, study.compared, strict=False):
            _draw(ax, study, cases, strategy)
            ax.set_title(textwrap.fill(short(labels[strategy], LONGEST_TITLE), TITLE), fontsize=9)
            ax.tick_params(axis="x", labelbottom=True)
        for ax in axes[len(study.compared) :]:
            ax.set_visible(False)
        axes[0].set_yticks(range(len(cases)), names)
        axes[0].set_ylim(-0.6, len(cases) - 0.4)
        wtp, currency = amount(study.wtp[0]), currency_name(study.scenario)
        figure.supxlabel(f"Change in incremental net benefit at {wtp} per QALY, thousand {currency}", fontsize=9)
        title_figure(figure, f"What each option changes, compared with {labels[study.scenario.comparator]}")
        return figure


def _row_name(study: SwitchStudy, case: Case) -> str:
    """Switch and option on one line; where that is long, some of each, so that options stay apart."""
    label = case_label(study, case)
    if len(label) <= LONGEST_CASE:
        return label
    switch, option = switch_label(study.scenario, case.switch), option_label(study.scenario, case.switch, case.option)
    room = max(LONGEST_CASE - 2 - len(option), LONGEST_CASE // 2)
    name = short(switch, room)
    return f"{name}: {short(option, LONGEST_CASE - 2 - len(name))}"


def _shown(study: SwitchStudy) -> list[Case]:
    """Options that change something to be seen, the largest change last."""
    sizes = {
        id(case): max(abs(study.change(case, s, study.wtp[0]).mean) for s in study.compared) for case in study.cases
    }
    least = LEAST_SHOWN * max(sizes.values())
    return sorted((c for c in study.cases if sizes[id(c)] >= least), key=lambda case: sizes[id(case)])


def _draw(ax: Axes, study: SwitchStudy, cases: list[Case], strategy: str) -> None:
    """Bars of a strategy, with their 95% Monte-Carlo intervals."""
    changes = [study.change(case, strategy, study.wtp[0]) for case in cases]
    means, errors = [c.mean / 1000 for c in changes], [Z975 * c.se / 1000 for c in changes]
    ax.barh(range(len(cases)), means, height=0.7, color=[UP if mean > 0 else DOWN for mean in means])
    ax.errorbar(means, range(len(cases)), xerr=errors, fmt="none", ecolor=INK, elinewidth=0.8)
    ax.axvline(0.0, color=FAINT, linewidth=0.8)
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(5))
