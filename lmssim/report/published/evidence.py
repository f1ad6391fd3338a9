"""What became of each published figure, as tables for the terminal: counts by source and status, then each figure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from lmssim.published.ledger import SEPARATOR, STATUSES
from lmssim.report.parts.digits import MISSING, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.model.scenario import Scenario
    from lmssim.published.ledger import Figure


def figures_of_scenario(figures: Sequence[Figure], scenario: Scenario) -> list[Figure]:
    """Figures that one of the scenario's series computes, or one of the files it reads uses."""
    files = {PurePath(path).name for path in scenario.inputs}
    return [f for f in figures if any(_stands_in(by, scenario.name, files) for by in f.by)]


def _stands_in(by: str, scenario: str, files: set[str]) -> bool:
    place = by.partition(":")[0]
    return place == scenario or place in files


def counts(figures: Sequence[Figure]) -> list[dict[str, str | int]]:
    """Number of figures by source and status, and of all sources."""
    sources = dict.fromkeys(f.source_id for f in figures)
    return [_count(source, [f for f in figures if f.source_id == source]) for source in sources] + [
        _count("all", figures)
    ]


def _count(source: str, figures: Sequence[Figure]) -> dict[str, str | int]:
    found: dict[str, str | int] = {"source": source, "figures": len(figures)}
    return found | {status: sum(f.status == status for f in figures) for status in STATUSES}


def counts_table(figures: Sequence[Figure]) -> Table:
    """Counts by source and status, with what each status means."""
    table = Table(title="Published figures", title_justify="left")
    for column in ("source", "figures", *STATUSES):
        table.add_column(column.replace("_", " "), justify="left" if column == "source" else "right")
    for row in counts(figures):
        table.add_row(*(Text(str(value)) for value in row.values()))
    meanings = "; ".join(f"{status.replace('_', ' ')}: {meaning}" for status, meaning in STATUSES.items())
    table.caption, table.caption_justify = f"{meanings}.", "left"
    return table


def figures_table(figures: Sequence[Figure]) -> Table:
    """Every figure by source and status: what it is, its value, and by what it is taken or why it is not."""
    table = Table(title="Figure by figure", title_justify="left")
    for column in ("figure", "of", "value", "status", "by", "why"):
        table.add_column(column, overflow="fold", justify="right" if column == "value" else "left")
    order, sources = list(STATUSES), list(dict.fromkeys(f.source_id for f in figures))
    for f in sorted(figures, key=lambda f: (sources.index(f.source_id), order.index(f.status))):
        how = f" ({f.how})" if f.how and f.how != "value" else ""
        cells = (f.figure_id, _what(f), _value(f), f.status.replace("_", " ") + how, SEPARATOR.join(f.by), f.reason)
        table.add_row(*map(Text, cells))
    return table


def _what(figure: Figure) -> str:
    """Outcome, statistic, time and site of a figure."""
    time = f" at {figure.time_years} years" if figure.time_years else ""
    statistic = f", {figure.statistic.replace('_', ' ')}" if figure.statistic else ""
    return f"{figure.site}: {figure.outcome.replace('_', ' ')}{statistic}{time}"


def _value(figure: Figure) -> str:
    """Value with its printed interval or range."""
    text = MISSING if figure.value is None else plain(figure.value)
    if figure.low is None or figure.high is None:
        return text
    return f"{text} ({plain(figure.low)} to {plain(figure.high)})"
