"""A probabilistic analysis by subgroup: who is best, and how surely, as tables and as a forest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.text import Text

from lmssim.report.parts.digits import MISSING, amount, plain, rounded, with_error
from lmssim.report.parts.increments import MOST_DRAWN, Interval, plot_increments, title_of
from lmssim.report.parts.labels import readable, strategy_labels
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.psa.tables import terminal_wtps

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
    from lmssim.studies.sensitivity.psa.subgroups import SubgroupTables

MOST_ROWS, LONGEST = 24, 31
"""Subgroups that the terminal shows, and characters of the label of a strategy there."""


def subgroup_tables(analysis: ProbabilisticAnalysis, apart: SubgroupTables) -> list[ReportTable]:
    """The optimal strategy of each subgroup by willingness to pay, and incremental net benefit at the first one."""
    return [_optimal(analysis, apart), _benefit(analysis, apart)]


def _optimal(analysis: ProbabilisticAnalysis, apart: SubgroupTables) -> ReportTable:
    labels, currency = strategy_labels(analysis.scenario), analysis.scenario.file.settings.currency
    frame, rows = apart.tables["ceaf"], []
    for (partition, subgroup), own in frame.groupby(["partition", "subgroup"], sort=False):
        row = {"Partition": str(partition), "Subgroup": readable(str(subgroup))}
        for wtp in analysis.wtps:
            (found,) = own[own["wtp"] == wtp].to_dict("records")
            row[f"Optimal at {amount(wtp)}"] = f"{labels[str(found['strategy'])]} ({plain(found['probability'])})"
        rows.append(row)
    caption = (
        f"Strategy of the greatest expected net benefit at that willingness to pay ({currency} per QALY), and the "
        "probability that it is optimal; the same draws of the parameters in every subgroup."
    )
    return ReportTable("Optimal strategy by subgroup", caption, pd.DataFrame(rows))


def _benefit(analysis: ProbabilisticAnalysis, apart: SubgroupTables) -> ReportTable:
    labels, wtp = strategy_labels(analysis.scenario), analysis.wtps[0]
    frame, rows = apart.tables["inmb"], []
    for strategy in [s for s in analysis.strategies if s != analysis.comparator]:
        row = {"Strategy": labels[strategy]}
        own = frame[(frame["wtp"] == wtp) & (frame["strategy"] == strategy)]
        for found in own.to_dict("records"):
            ends = (rounded(found[end], found["se"]) for end in ("low", "high"))
            row[readable(str(found["subgroup"]))] = f"{rounded(found['mean'], found['se'])} ({' to '.join(ends)})"
        rows.append(row)
    caption = (
        f"{analysis.scenario.file.settings.currency} per patient at {amount(wtp)} per QALY, over "
        f"{labels[analysis.comparator]}: mean and 95% credible interval."
    )
    return ReportTable("Incremental net benefit by subgroup", caption, pd.DataFrame(rows))


def subgroups_text(analysis: ProbabilisticAnalysis, apart: SubgroupTables) -> Table:
    """The optimal strategy of each subgroup and its incremental net benefit, for the terminal."""
    labels, wtp = strategy_labels(analysis.scenario, LONGEST), terminal_wtps(analysis)[0]
    currency, comparator = analysis.scenario.file.settings.currency, analysis.comparator
    table = plain_table()
    table.title = f"By subgroup, at {amount(wtp)} {currency} per QALY"
    for heading in ("Subgroup", "Optimal", "P(opt)", f"Incremental net benefit, {currency}"):
        table.add_column(heading, justify="left" if heading in ("Subgroup", "Optimal") else "right", overflow="fold")
    ceaf, inmb = (apart.tables[name][apart.tables[name]["wtp"] == wtp] for name in ("ceaf", "inmb"))
    for found in ceaf.head(MOST_ROWS).to_dict("records"):
        own = inmb[(inmb["partition"] == found["partition"]) & (inmb["subgroup"] == found["subgroup"])]
        own = own[own["strategy"].isin(set(analysis.choices) - {comparator})]
        best = str(found["strategy"])
        shown = own.loc[own["mean"].idxmax()] if len(own) else None  # the best, or the next to the comparator
        gain = MISSING if shown is None else with_error(float(shown["mean"]), float(shown["se"]))
        of = "" if shown is None or shown["strategy"] == best else f" ({labels[str(shown['strategy'])]})"
        who = Text(readable(str(found["subgroup"])))
        table.add_row(who, Text(labels[best]), plain(found["probability"]), Text(f"{gain}{of}"))
    more = f" {len(ceaf) - MOST_ROWS} more stand in subgroup_inmb.csv." if len(ceaf) > MOST_ROWS else ""
    table.caption = Text(f"Over {labels[comparator]}, per patient, ± Monte-Carlo standard error.{more}")
    return table


# === Forest ===


def subgroup_figures(
    analysis: ProbabilisticAnalysis, apart: SubgroupTables
) -> dict[str, tuple[Figure, tuple[str, str]]]:
    """Forest of each partition that is not too large, by file name, with title and caption."""
    found = {}
    partitions = list(dict.fromkeys(apart.tables["inmb"]["partition"].astype(str)))
    for k, name in enumerate(partitions, 1):
        frame = apart.tables["inmb"]
        own = frame[(frame["partition"] == name) & (frame["wtp"] == analysis.wtps[0])]
        subgroups = list(dict.fromkeys(own["subgroup"].astype(str)))
        if len(analysis.strategies) > 1 and len(subgroups) <= MOST_DRAWN:
            found[f"subgroups_{k}"] = _plot(analysis, own, subgroups, name), _caption(analysis, name)
    return found


def _plot(analysis: ProbabilisticAnalysis, own: pd.DataFrame, subgroups: list[str], name: str) -> Figure:
    wtp, whole = analysis.wtps[0], analysis.inmb
    whole = whole[whole["wtp"] == wtp]
    found = {
        strategy: [
            _interval(whole[whole["strategy"] == strategy]),
            *(_interval(own[(own["strategy"] == strategy) & (own["subgroup"] == each)]) for each in subgroups),
        ]
        for strategy in analysis.strategies
        if strategy != analysis.comparator
    }
    return plot_increments(analysis.scenario, subgroups, found, title_of(name), wtp)


def _interval(rows: pd.DataFrame) -> Interval:
    mean, low, high = rows[["mean", "low", "high"]].to_numpy(dtype=float)[0].tolist()
    return Interval(mean, low, high)


def _caption(analysis: ProbabilisticAnalysis, name: str) -> tuple[str, str]:
    return (
        f"{title_of(name)}: incremental net benefit",
        f"Over {strategy_labels(analysis.scenario)[analysis.comparator]}, {analysis.scenario.file.settings.currency} "
        f"per patient at {amount(analysis.wtps[0])} per QALY, with 95% credible intervals. Grey line: all patients.",
    )
