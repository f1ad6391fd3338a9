"""Values through the model beside those by regression, as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
from rich.text import Text

from lmssim.report.parts.digits import amount, with_error
from lmssim.report.parts.labels import short
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.voi.words import records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from lmssim.studies.sensitivity.voi.conditional import MultilevelCheck

HEADINGS = ("Learnt", "Multilevel", "Regression", "Difference, in errors", "Draws of the model")
CAPTION = (
    "EVPPI by multilevel Monte Carlo through the model, which regression has no part in and which has no bias, beside "
    "EVPPI by regression on the draws; each with its standard error."
)


def _rows(check: MultilevelCheck) -> Iterator[tuple[str, ...]]:
    for row in records(check.to_frame()):
        name = f"{row.name}, at {amount(row.wtp)}"
        if row.refused:
            yield name, "refused", with_error(row.regression, row.regression_se), "", ""
        else:
            apart = f"{row.z:.1f}" if math.isfinite(row.z) else "-"
            found = with_error(row.evppi, row.se)
            yield name, found, with_error(row.regression, row.regression_se), apart, amount(row.draws)


def _refusals(check: MultilevelCheck) -> list[str]:
    reasons = dict.fromkeys(row.refused for row in records(check.to_frame()) if row.refused)
    return [f"Refused: {reason}." for reason in reasons]


def multilevel_table_text(check: MultilevelCheck) -> Table:
    """A line a set."""
    table = plain_table()
    for k, name in enumerate(HEADINGS):
        table.add_column(name, justify="right" if k else "left", no_wrap=True)
    for cells in _rows(check):
        table.add_row(*(Text(short(cell, 60)) for cell in cells))
    table.caption = Text("\n".join([CAPTION, *_refusals(check)]))
    return table


def multilevel_tables(check: MultilevelCheck | None) -> Iterator[ReportTable]:
    """Table of the page, if values through the model were asked for."""
    if check is not None:
        frame = pd.DataFrame(list(_rows(check)), columns=[name.lower() for name in HEADINGS])
        yield ReportTable("Values through the model", " ".join([CAPTION, *_refusals(check)]), frame)
