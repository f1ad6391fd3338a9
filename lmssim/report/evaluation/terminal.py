"""The table of strategies for a terminal of 100 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from lmssim.report.evaluation.exactness import words_of
from lmssim.report.evaluation.rows import figures_of
from lmssim.report.evaluation.tables import icer_texts
from lmssim.report.parts.digits import amount, plain, rounded
from lmssim.report.parts.labels import computed_endpoints, strategy_labels

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation

LONGEST = 31
COLUMNS = {"os": "OS", "local_recurrence": "LR", "metastasis": "DM"}
"""Endpoints shown at five years, where the scenario has them."""


def strategy_table_text(evaluation: Evaluation) -> Table:
    """Outcomes of each strategy, a line each.

    Parameters
    ----------
    evaluation : Evaluation
        The results.

    Returns
    -------
    rich.table.Table
        At most 100 columns wide.
    """
    settings = evaluation.scenario.file.settings
    time = 5.0 if 5.0 in settings.times else settings.times[-1] if settings.times else None
    endpoints = [e for e in COLUMNS if e in computed_endpoints(evaluation) and time is not None]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("Strategy", no_wrap=True, max_width=LONGEST)
    for endpoint in endpoints:
        table.add_column(f"{COLUMNS[endpoint]} {time:g}y\n%", justify="right", no_wrap=True)
    headings = ["LY", "QALY", f"Cost\n{settings.currency}", f"ICER\n{settings.currency}/QALY"]
    wtp = settings.wtp[0] if settings.wtp else None
    for heading in [*headings, *([f"NMB at\n{amount(wtp)}"] if wtp is not None else [])]:
        table.add_column(heading, justify="right", no_wrap=True)
    icers, labels = icer_texts(evaluation, error=False), strategy_labels(evaluation.scenario, LONGEST)
    figures = figures_of(evaluation.summary)
    for strategy in evaluation.strategies:
        cells = []
        for endpoint in endpoints:
            mean, se = figures[strategy, f"{endpoint}:{time:g}y"]
            cells.append(rounded(100.0 * mean, 100.0 * se))
        cells += [rounded(*figures[strategy, o]) for o in ("life_years", "qalys", "cost")]
        cells.append(icers[strategy])
        cells += [rounded(*evaluation.net_benefit(strategy, wtp))] if wtp is not None else []
        table.add_row(Text(labels[strategy]), *(Text(cell) for cell in cells))
    prices = f" {settings.price_year}" if settings.price_year else ""
    words = words_of(evaluation)
    who = f"{words.caption()}, {plain(settings.horizon)} years"
    table.caption = f"{who}, {settings.currency}{prices}. {words.digits_sentence()}"
    table.caption_justify = "left"
    return table
