"""The base case of several scenarios in one table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lmssim.published.vocabulary import vocabulary
from lmssim.report.parts.digits import amount, rounded
from lmssim.report.parts.terminal import plain_table
from lmssim.studies.by_site import TIME

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

AMOUNTS = {"life_years": "LY", "qalys": "QALY", "cost": "Cost"}


def site_table_text(frame: pd.DataFrame, patients: int) -> Table:
    """Table of `lmssim.studies.by_site.by_site`, a section for each site.

    Parameters
    ----------
    frame : DataFrame
        The rows.
    patients : int
        Patients of each scenario.
    """
    table = plain_table()
    table.add_column("Site", no_wrap=True)
    table.add_column("Strategy", no_wrap=True)
    shares = {f"{name}_{TIME}": f"{short} {TIME}\n%" for name, short in vocabulary().abbreviations.items()}
    for heading in (*shares.values(), *AMOUNTS.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Frontier", no_wrap=True)
    for site, rows in frame.groupby("scenario", sort=False):
        for i, row in enumerate(rows.to_dict("records")):
            cells = [str(site) if i == 0 else "", row["label"]]
            cells += [rounded(100.0 * row[name], 100.0 * row[f"{name}_se"]) for name in shares]
            cells += [rounded(row[name], row[f"{name}_se"]) for name in AMOUNTS]
            table.add_row(*map(Text, (*cells, row["status"])), end_section=i + 1 == len(rows))
    table.caption = (
        f"{amount(patients)} patients per site, split over draws of the parameters. LY, QALYs and cost are discounted."
    )
    return table
