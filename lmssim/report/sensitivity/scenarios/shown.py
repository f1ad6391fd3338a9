"""Scenario analyses against the base case: increments with errors, and which of them change the decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from rich.text import Text

from lmssim.economics.lead import Z975
from lmssim.report.parts.digits import amount, listed, with_error
from lmssim.report.parts.labels import currency_name, short, strategy_labels
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.presented import Drawing, Presented

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from rich.table import Table

    from lmssim.studies.sensitivity.scenarios.result import Case, ScenarioStudy

LONGEST, ROW, MOST = 62, 0.2, 60
COLUMNS = ("number", "analysis", "category", "increment", "change", "best")


def presented(found: ScenarioStudy) -> Presented:
    """The page."""
    return Presented(
        title=f"Scenario analyses: {found.scenario.file.title}",
        question="Does the answer hold under other assumptions?",
        answer=sentences(found),
        tables=[*(scenario_table(found, wtp) for wtp in found.wtps), _justifications(found)],
        figures={
            "scenarios": Drawing(
                lambda: _figure_of(plot_scenarios(found)),
                f"Scenario analyses at {amount(found.wtps[0])} per QALY",
                f"Incremental net benefit of {_contrast(found)}; bars: 95% Monte-Carlo interval of the change from the "
                "base case (line); orange: another strategy is the best; hollow: noise leaves open which one is.",
            )
        },
    )


def _figure_of(ax: Axes) -> Figure:
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def _contrast(found: ScenarioStudy) -> str:
    labels = strategy_labels(found.scenario, 60)
    return f"{labels[found.contrast.strategy]} against {labels[found.contrast.against]}"


def sentences(found: ScenarioStudy) -> list[str]:
    """The answer, the most important first."""
    said = list(_answers(found))
    if found.failed:
        said.append(
            f"Number {_numbers([each.number for each, _ in found.failed])} could not be run; not_run.csv says why."
        )
    made = found.made
    who = f"{made['patients']:,} patients" + (f" in each of {made['draws']:,} draws" if made["draws"] else "")
    how = "Solved exactly." if made["exact"] else f"{who}, the same in every analysis: errors of changes are paired."
    return [*said, how]


def _answers(found: ScenarioStudy) -> Iterator[str]:
    """The best strategy of the base case and of the analyses; what holds at several prices of a QALY is said once."""
    for base, wtps in _alike(found.wtps, lambda wtp: _of_base(found, wtp)):
        told = _alike(wtps, lambda wtp: _of_cases(found, wtp))
        head = f"At {listed([amount(wtp) for wtp in wtps])} per QALY {base}"
        if len(told) == 1:
            yield f"{head}; {told[0][0]}."
        else:
            each = (f" At {listed([amount(wtp) for wtp in some])} {text}." for text, some in told)
            yield f"{head}.{''.join(each)}"


def _alike(wtps: Sequence[float], said: Callable[[float], str]) -> list[tuple[str, list[float]]]:
    """What is said at each willingness to pay, and where the same is."""
    where: dict[str, list[float]] = {}
    for wtp in wtps:
        where.setdefault(said(wtp), []).append(wtp)
    return list(where.items())


def _of_base(found: ScenarioStudy, wtp: float) -> str:
    labels, lead = strategy_labels(found.scenario, 60), found.lead(found.base, wtp)
    others = listed([labels[name] for name in lead.contenders], "or")
    return f"{labels[lead.best]} is the best strategy in the base case" + (
        f", where noise leaves it open against {others}" if others else ""
    )


def _of_cases(found: ScenarioStudy, wtp: float) -> str:
    n = len(found.cases)
    others, open_ = (
        [case.about.number for case in found.cases if rule(case, wtp)] for rule in (found.is_other, found.is_open)
    )
    if not (others or open_):
        return f"it is so in all of {n} scenario analyses"
    which = f" (number {_numbers(others)})" if others else ""
    text = f"another one is in {len(others) or 'none'} of {n} scenario analyses{which}"
    return f"{text}; noise leaves it open in {len(open_)} (number {_numbers(open_)})" if open_ else text


def _numbers(numbers: Sequence[int]) -> str:
    """Numbers in a sentence, three or more that follow each other by the first and the last."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    words = [[f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(n) for n in run] for run in runs]
    return listed([word for each in words for word in each])


def scenario_table(found: ScenarioStudy, wtp: float) -> ReportTable:
    """A row for each analysis."""
    caption = (
        f"Increment of net benefit of {_contrast(found)}, {found.scenario.file.settings.currency} per patient ± "
        "Monte-Carlo error, and its change from the base case. Open: another strategy is within 1.96 errors of the "
        "paired difference from the best."
    )
    frame = pd.DataFrame(list(_rows(found, wtp)), columns=list(COLUMNS))
    return ReportTable(f"Scenario analyses at {amount(wtp)} per QALY", caption, frame)


def _rows(found: ScenarioStudy, wtp: float) -> Iterator[tuple[str, str, str, str, str, str]]:
    labels, strategy = strategy_labels(found.scenario, 40), found.contrast.strategy
    for case in (found.base, *found.cases):
        change = with_error(*found.change(case, strategy, wtp)) if case.about.number else ""
        increment = with_error(*found.increment(case, strategy, wtp))
        about = (str(case.about.number), short(case.about.label, 110), case.about.category)
        lead = found.lead(case, wtp)
        yield (*about, increment, change, labels[lead.best] + " (open)" * lead.is_open)


def _justifications(found: ScenarioStudy) -> ReportTable:
    rows = [(str(c.about.number), c.about.changes, c.about.justification) for c in found.cases]
    frame = pd.DataFrame(rows, columns=["number", "what it changes", "justification"])
    return ReportTable("What the analyses change, and why", "", frame)


def scenario_table_text(found: ScenarioStudy) -> Table:
    """A line for each analysis, at the first willingness to pay."""
    table = plain_table()
    for k, name in enumerate(COLUMNS):
        table.add_column(name.capitalize(), justify="right" if k in (0, 3, 4) else "left", overflow="fold")
    for row in _rows(found, found.wtps[0]):
        table.add_row(*(Text(short(cell, 60)) for cell in row))
    head = f"Increment of net benefit of {_contrast(found)} at {amount(found.wtps[0])} per QALY."
    table.caption = Text("\n".join([head, *sentences(found)]))
    return table


def plot_scenarios(found: ScenarioStudy, wtp: float | None = None, ax: Axes | None = None) -> Axes:
    """Increments of net benefit by analysis, in order of their numbers.

    Parameters
    ----------
    wtp : float, optional
        Willingness to pay; the first one of the analysis if absent.
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    wtp = found.wtps[0] if wtp is None else wtp
    cases: list[Case] = list(found.cases)[:MOST]
    strategy = found.contrast.strategy
    base = found.increment(found.base, strategy, wtp).mean
    with figure_style():
        if ax is None:
            figure = new_figure(8.2, 1.2 + ROW * max(len(cases), 3))
            title_figure(figure, f"Scenario analyses at {amount(wtp)} per QALY\n{_contrast(found)}")
            ax = figure.subplots()
        for y, case in enumerate(cases):
            mean, se = found.change(case, strategy, wtp)
            colour = PALETTE[2] if found.is_other(case, wtp) else PALETTE[1]
            fill = "white" if found.is_open(case, wtp) else colour
            ax.errorbar(
                [base + mean],
                [y],
                xerr=[Z975 * se],
                fmt="o",
                color=colour,
                markerfacecolor=fill,
                markersize=4.5,
                elinewidth=1.0,
            )
        ax.axvline(base, color=INK, linewidth=0.9)
        ax.axvline(0.0, color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)))
        ax.set_yticks(range(len(cases)), [f"{c.about.number}  {short(c.about.label, LONGEST)}" for c in cases])
        ax.set_ylim(len(cases) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0, labelsize=7.5)
        ax.xaxis.set_major_locator(MaxNLocator(6))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
        ax.set_xlabel(f"Incremental net benefit per patient ({currency_name(found.scenario)})")
        return ax
