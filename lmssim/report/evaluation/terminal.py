"""The table of strategies for a terminal of 100 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lmssim.published.vocabulary import vocabulary
from lmssim.report.evaluation.conventions import loss_sentence
from lmssim.report.evaluation.exactness import words_of
from lmssim.report.evaluation.point_values import error_sentence
from lmssim.report.evaluation.rows import caps_of, means_of, ties_of
from lmssim.report.evaluation.tables import icer_texts, life_year_texts
from lmssim.report.parts.digits import amount, plain, rounded
from lmssim.report.parts.labels import computed_endpoints, strategy_labels
from lmssim.report.parts.terminal import plain_table

if TYPE_CHECKING:
    from rich.table import Table

    from lmssim.evaluation import Evaluation

LONGEST = 31
FIVE_YEARS = 5.0
"""Time at which endpoints are shown, where the scenario names it; else its last time."""


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
    time = FIVE_YEARS if FIVE_YEARS in settings.times else settings.times[-1] if settings.times else None
    short = vocabulary().abbreviations
    endpoints = [e for e in short if e in computed_endpoints(evaluation) and time is not None]
    table = plain_table()
    table.add_column("Strategy", no_wrap=True, max_width=LONGEST)
    for endpoint in endpoints:
        table.add_column(f"{short[endpoint]} {time:g}y\n%", justify="right", no_wrap=True)
    ratios = f"ICER\n{settings.currency}/QALY", f"\n{settings.currency}/LY"
    headings = ["LY", "QALY", f"Cost\n{settings.currency}", *ratios]
    wtp = settings.wtp[0] if settings.wtp else None
    for heading in [*headings, *([f"NMB at\n{amount(wtp)}"] if wtp is not None else [])]:
        table.add_column(heading, justify="right", no_wrap=True)
    icers, per_life_year = icer_texts(evaluation, error=False), life_year_texts(evaluation, error=False)
    labels = strategy_labels(evaluation.scenario, LONGEST)
    means = means_of(evaluation.summary)
    for strategy in evaluation.strategies:
        cells = []
        for endpoint in endpoints:
            mean, se = means[strategy, f"{endpoint}:{time:g}y"]
            cells.append(rounded(100.0 * mean, 100.0 * se))
        cells += [rounded(*means[strategy, o]) for o in ("life_years", "qalys", "cost")]
        cells += [icers[strategy], per_life_year[strategy]]
        cells += [rounded(*evaluation.net_benefit(strategy, wtp))] if wtp is not None else []
        table.add_row(Text(labels[strategy]), *(Text(cell) for cell in cells))
    prices = f" {settings.price_year}" if settings.price_year else ""
    words = words_of(evaluation)
    part = f" who meet '{evaluation.sampling.where}'" if evaluation.sampling.where else ""
    who = f"{words.caption()}{part}, {plain(settings.horizon)} years"
    said = [f"{who}, {settings.currency}{prices}. {words.digits_sentence()}", *ties_of(evaluation, labels)]
    said += [*_caps(evaluation, labels), error_sentence(evaluation), loss_sentence(evaluation.scenario.file)]
    table.caption = Text(" ".join(filter(None, said)))
    return table


def _caps(evaluation: Evaluation, labels: dict[str, str]) -> list[str]:
    """Sentences about the survival curves that were capped."""
    return [
        f"{labels[cap.strategy]}: curve '{cap.curve}' was capped by {cap.by} for {plain(cap.years)} years, which cut "
        f"off {plain(cap.cut_off)} person-years, at most {plain(100.0 * cap.most)}% at one time."
        for cap in caps_of(evaluation)
        if cap.years > 0.0
    ]
