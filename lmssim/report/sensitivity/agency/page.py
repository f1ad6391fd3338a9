"""What agencies ask, part by part: the page, and the table of the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from rich.text import Text

from lmssim.economics.agency.severity import WEIGHTS
from lmssim.report.parts.digits import amount, with_error
from lmssim.report.parts.labels import strategy_labels
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.agency import budget, patients, rates, severity
from lmssim.report.sensitivity.agency.cells import people_words
from lmssim.report.sensitivity.presented import Drawing, Presented

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from rich.table import Table

    from lmssim.report.parts.table import ReportTable
    from lmssim.studies.sensitivity.agency.study import AgencyStudy

QUESTION = "What do agencies ask beside the base case: severity, budget, patients, discount rates?"


def presented(found: AgencyStudy) -> Presented:
    """The page."""
    return Presented(
        title=f"What agencies ask: {found.scenario.file.title}",
        question=QUESTION,
        answer=[*sentences(found), who_sentence(found)],
        tables=list(_tables(found)),
        figures=dict(_drawings(found)),
    )


def sentences(found: AgencyStudy) -> list[str]:
    """What was found, and why a part could not be told."""
    told: list[str] = []
    if found.of_severity is not None:
        told += severity.sentences(found.of_severity, found.of_rates)
    told += rates.sentences(found.of_rates)
    if found.of_patients is not None:
        told += patients.sentences(found.of_patients, found.of_rates)
    if found.of_budget is not None:
        told += budget.sentences(found.of_budget)
    told += [f"Left out: {reason}" for reason in found.left_out.values()]
    return [sentence for sentence in told if sentence]


def who_sentence(found: AgencyStudy) -> str:
    """Whom the results come from."""
    over = f", expectations over {found.n_draws:,} draws of the parameters" if found.n_draws else ""
    exact = found.of_rates.exact
    whom = people_words(found.n_patients, exact=exact)
    return f"Results come from {whom}{'' if exact else ', each of whom meets every strategy'}{over}."


def _tables(found: AgencyStudy) -> Iterator[ReportTable]:
    if found.of_severity is not None:
        yield from severity.tables(found.of_severity, found.of_rates)
    if found.of_budget is not None:
        yield from budget.tables(found.of_budget)
    if found.of_patients is not None:
        yield from patients.tables(found.of_patients)
    yield from rates.tables(found.of_rates)


def _drawings(found: AgencyStudy) -> Iterator[tuple[str, Drawing]]:
    """Figures by the name of their file."""
    if (of_severity := found.of_severity) is not None:
        dashes = " Dashes: draws of the parameters." if of_severity.units.of_draws else ""
        caption = f"A point's weight is that of the area in which it lies; NICE applies the discounted one.{dashes}"
        yield "severity", Drawing(lambda: figure_of(severity.plot_severity(of_severity)), severity.TITLE, caption)
    if (of_budget := found.of_budget) is not None:
        caption = budget.caption_of(of_budget)
        yield "budget_impact", Drawing(lambda: figure_of(budget.plot_budget(of_budget)), budget.TITLE, caption)
    if (of_patients := found.of_patients) is not None:
        caption = (
            f"{of_patients.n:,} patients under each strategy. Each histogram has its own height; "
            f"{100 * (1 - patients.CUT):.1f}% of the patients lie beyond the right end."
        )
        yield (
            "distribution",
            Drawing(lambda: patients.distribution_figure(of_patients), "Outcomes across patients", caption),
        )
        if of_patients.compared:
            yield (
                "gains",
                Drawing(
                    lambda: patients.gains_figure(of_patients), "Individual gains", patients.gains_caption(of_patients)
                ),
            )
    of_rates = found.of_rates
    if len(of_rates.at) > 1 and of_rates.compared and of_rates.wtps:
        bars = "95% interval" if of_rates.exact else "95% Monte-Carlo interval"
        caption = f"The same patients at every rate; bars: {bars}."
        yield "rates", Drawing(lambda: figure_of(rates.plot_rates(of_rates)), rates.TITLE, caption)


def figure_of(ax: Axes) -> Figure:
    """The figure that axes stand in."""
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def table_text(found: AgencyStudy) -> Table:
    """Net benefit of each strategy by discount rate, with the severity weight; below it what was found."""
    of = found.of_rates
    labels, table = strategy_labels(found.scenario), plain_table()
    table.add_column("Strategy", overflow="fold")
    for each in of.at:
        table.add_column(each.name, justify="right", overflow="fold")
    weight = None if found.of_severity is None else found.of_severity.weight
    weight = None if weight == WEIGHTS[0] else weight
    if weight is not None:
        table.add_column(f"weight {weight:g}", justify="right", overflow="fold")
    wtp = of.wtps[0] if of.wtps else 0.0
    for strategy in of.compared:
        cells = [with_error(*of.inmb(each, strategy, wtp)) for each in of.at]
        if weight is not None:
            cells.append(with_error(*of.inmb(of.at[0], strategy, wtp * weight)))
        table.add_row(*(Text(cell) for cell in (labels[strategy], *cells)))
    head = (
        f"Incremental net benefit at {amount(wtp)} per QALY over {labels[found.scenario.comparator]}, by discount rate"
        f"{'' if weight is None else ', and with the severity weight'}."
    )
    table.caption = Text("\n".join([head, *sentences(found), who_sentence(found)]))
    return table
