"""Tables of thresholds for the page and for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.text import Text

from lmssim.report.parts.digits import MISSING, amount, listed
from lmssim.report.parts.labels import strategy_labels
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.presented import Presented
from lmssim.report.sensitivity.threshold.figures import drawings
from lmssim.report.sensitivity.threshold.words import sentences, value_text
from lmssim.studies.sensitivity.threshold.result import PRICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from lmssim.studies.sensitivity.threshold.result import ThresholdStudy

COLUMNS = ("willingness to pay", "value", "leads below", "leads above", "not told from them")
IN_TERMINAL = 4
QUESTIONS = {
    True: "At which price is the strategy just worth what it costs?",
    False: "At which value of the input does another strategy become the better one?",
}


def presented(found: ThresholdStudy) -> Presented:
    """The page."""
    what = "Value-based price" if found.kind == PRICE else "Threshold"
    return Presented(
        title=f"{what}: {found.scenario.file.title}",
        question=QUESTIONS[found.kind == PRICE],
        answer=sentences(found),
        tables=[threshold_table(found)],
        figures=drawings(found),
    )


def threshold_table(found: ThresholdStudy) -> ReportTable:
    """A row for each change of the leading strategy."""
    caption = f"{found.label}, {found.parameter}" + (f", {found.unit}" if found.unit else "") + "."
    return ReportTable("Values at which the lead changes", caption, pd.DataFrame(list(_rows(found)), columns=COLUMNS))


def _rows(found: ThresholdStudy) -> Iterator[tuple[str, ...]]:
    labels = strategy_labels(found.scenario, 60)
    for wtp in found.wtps:
        for each in found.crossings[wtp]:
            near = listed([labels[name] for name in each.near]) or MISSING
            yield amount(wtp), value_text(each.value), labels[each.below], labels[each.above], near
        if not found.crossings[wtp]:
            lead = labels[found.leader(0, wtp)]
            yield amount(wtp), MISSING, lead, lead, MISSING


def threshold_table_text(found: ThresholdStudy) -> Table:
    """A line for each change."""
    table = plain_table()
    for k, name in enumerate(COLUMNS[:IN_TERMINAL]):
        table.add_column(name.capitalize(), justify="right" if k < 2 else "left", overflow="fold")
    for row in _rows(found):
        table.add_row(*(Text(cell) for cell in row[:IN_TERMINAL]))
    table.caption = Text("\n".join(each for each in sentences(found) if each))
    return table
