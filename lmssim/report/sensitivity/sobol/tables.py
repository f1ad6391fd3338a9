"""Tables of a global sensitivity analysis for its page and for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
from rich.text import Text

from lmssim.report.parts.digits import MISSING, percent, with_error
from lmssim.report.parts.labels import short
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.presented import Presented
from lmssim.report.sensitivity.sobol.figures import drawings
from lmssim.report.sensitivity.sobol.words import at_start, contrast_words, outcome_words, sentences, shown_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from lmssim.studies.sensitivity.sobol.result import GlobalSensitivity

ON_PAGE, IN_TERMINAL, LONGEST = 40, 12, 90
QUESTION = "Which groups of uncertain parameters explain the variance of the answer, alone and with their interactions?"


def presented(found: GlobalSensitivity) -> Presented:
    """The page."""
    return Presented(
        title=f"Global sensitivity: {found.scenario.file.title}",
        question=QUESTION,
        answer=sentences(found),
        tables=list(report_tables(found)),
        figures=drawings(found),
    )


def report_tables(found: GlobalSensitivity) -> Iterator[ReportTable]:
    """Every table of the page."""
    for outcome in found.indices:
        yield indices_table(found, outcome)
    if found.indices:
        yield factors_table(found)
    if found.screenings:
        yield screening_table(found, shown_outcomes(found)[0])
    if found.divided is not None:
        yield shapley_table(found)
        yield check_table(found)


def indices_table(found: GlobalSensitivity, outcome: str) -> ReportTable:
    """Indices of an outcome."""
    rows = [
        (row.label, percent(row.first, row.first_se), percent(row.total, row.total_se))
        for row in found.sobol_rows(outcome)
    ]
    words = outcome_words(outcome)
    caption = f"{contrast_words(found)}; per cent of the variance of {words} ± standard error."
    frame = pd.DataFrame(rows, columns=["factor", "first order", "total"])
    return ReportTable(f"Sobol' indices of {words}", caption, frame)


def factors_table(found: GlobalSensitivity) -> ReportTable:
    """What each factor holds."""
    rows = [
        (factor.name, str(len(factor.members)), short(", ".join(factor.members), 240), factor.blocks[0].joint or "no")
        for factor in found.factors
    ]
    frame = pd.DataFrame(rows, columns=["factor", "parameters", "which", "drawn jointly"])
    return ReportTable("Factors", "All names stand in factors.csv.", frame)


def screening_table(found: GlobalSensitivity, outcome: str) -> ReportTable:
    """Elementary effects of an outcome."""
    rows = [
        (
            short(row.label, LONGEST) + ("*" if row.joint else ""),
            with_error(row.mu_star, row.mu_star_se),
            with_error(row.mu, row.mu_se),
            with_error(row.sigma, row.sigma_se),
        )
        for row in found.screening_rows(outcome)[:ON_PAGE]
    ]
    caption = (
        f"{contrast_words(found)}; {outcome_words(outcome)}, {found.unit(outcome)}. mu*: mean absolute change as one "
        "alone is drawn anew ± standard error; mu and sigma: mean and standard deviation of its changes from the lower "
        f"to the higher draw. Errors hold the chance of trajectories and patients. * drawn jointly. The {len(rows)} "
        f"greatest of {len(found.blocks)}."
    )
    return ReportTable("Screening", caption, pd.DataFrame(rows, columns=["drawn anew", "mu*", "mu", "sigma"]))


def shapley_table(found: GlobalSensitivity) -> ReportTable:
    """Shapley effects of every outcome."""
    each = [row for outcome in found.indices for row in found.shapley_rows(outcome)]
    parts = list(dict.fromkeys(row.part for row in each))
    cells = {(row.outcome, row.part): percent(row.effect, row.effect_se) for row in each}
    rows = [(part, *(cells[outcome, part] for outcome in found.indices)) for part in parts]
    table = pd.DataFrame(rows, columns=["part", *(outcome_words(outcome) for outcome in found.indices)])
    caption = "Per cent of what the surrogate explains ± standard error; the parts of an outcome add up to 100."
    return ReportTable("Shapley effects, approximate", caption, table)


def check_table(found: GlobalSensitivity) -> ReportTable:
    """Whether the surrogate can be trusted."""
    rows = [
        (
            outcome_words(row.outcome),
            row.terms,
            f"{100.0 * row.r2:.0f}",
            percent(row.first, row.first_se),
            MISSING if math.isnan(row.share) else f"{100.0 * row.share:.0f}",
        )
        for row in map(found.check_row, found.indices)
    ]
    columns = ["outcome", "terms", "R2, unseen rows (%)", "first-order index (%)", "share explained (%)"]
    caption = "A surrogate that has all of the block explains as much as the factor's first-order index."
    return ReportTable("Check of the surrogate", caption, pd.DataFrame(rows, columns=columns))


def sobol_table_text(found: GlobalSensitivity) -> Table:
    """Indices, or the screening if there are none, a line each."""
    table, outcome = plain_table(), shown_outcomes(found)[0]
    if found.indices:
        _columns(table, "Factor", ("First order, %", "Total, %"))
        for row in found.sobol_rows(outcome):
            cells = (short(row.label, 50), percent(row.first, row.first_se), percent(row.total, row.total_se))
            table.add_row(*(Text(cell) for cell in cells))
    else:
        _columns(table, "Drawn anew", ("mu*", "mu"))
        for each in found.screening_rows(outcome)[:IN_TERMINAL]:
            moved = (with_error(each.mu_star, each.mu_star_se), with_error(each.mu, each.mu_se))
            label = short(each.label, 50) + ("*" if each.joint else "")
            table.add_row(*(Text(cell) for cell in (label, *moved)))
    table.caption = Text("\n".join([f"{at_start(outcome_words(outcome))}.", *sentences(found)]))
    return table


def _columns(table: Table, first: str, others: tuple[str, ...]) -> None:
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", overflow="fold")
