"""Tables of what moved a result: for the terminal and for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from rich.text import Text

from lmssim.outcomes.estimators import Z975
from lmssim.outcomes.main import COST, LY, QALYS
from lmssim.report.parts.digits import amount, rounded, with_error
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.diff.words import headline, input_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from lmssim.economics.increments import Estimate
    from lmssim.studies.diff.changes import Input
    from lmssim.studies.diff.result import DifferenceStudy, Measure, Part

MOST = 12
"""Inputs that a table on the terminal lists one by one."""
MOST_STRATEGIES = 3
"""Strategies that the terminal shows."""
MOST_PAIRS = 10
SHOWN, CURRENCY = 44, 12
"""Characters of the name of an input, and of a currency."""


def changed_text(inputs: Sequence[Input]) -> Table:
    """Inputs that differ, for the terminal."""
    table = plain_table()
    for heading in ("Input", "What it is", "A", "B"):
        table.add_column(heading, overflow="fold")
    for each in inputs:
        table.add_row(
            Text(each.id), Text(short(each.label, SHOWN)), Text(short(each.a, SHOWN)), Text(short(each.b, SHOWN))
        )
    return table


def measures_shown(study: DifferenceStudy) -> list[tuple[str, Measure]]:
    """Columns of a table of parts."""
    currency = short(study.currency, CURRENCY)
    at: list[tuple[str, Measure]] = [(f"Net benefit at {amount(wtp)}, {currency}", wtp) for wtp in study.wtps[:1]]
    return [(f"Cost, {currency}", COST), ("QALYs", QALYS), ("Life-years", LY), *at]


def strategies_shown(study: DifferenceStudy) -> list[str]:
    """Strategies whose result changed most."""
    measure, strategies, over = headline(study)
    sizes = {s: abs(study.change(s, measure, over).mean) for s in strategies}
    first = sorted(strategies, key=lambda s: -sizes[s])[:MOST_STRATEGIES]
    return [s for s in strategies if s in first]


def parts_text(study: DifferenceStudy, strategy: str) -> Table:
    """Parts of the change of a strategy's results, for the terminal."""
    measure, _, over = headline(study)
    labels, columns = strategy_labels(study.mixture.a.scenario), measures_shown(study)
    against = f" over {labels[over]}" if over else ""
    table = plain_table()
    table.title = f"{labels[strategy]}{against}"
    table.add_column("Input", overflow="fold")
    for name, _ in columns:
        table.add_column(name, justify="right", overflow="fold")
    order = study.by_size(strategy, measure, over)
    table.add_row("A", *_ends(study, "a", strategy, over), end_section=True)
    for i in order[:MOST]:
        cells = [_signed(study.part(i, strategy, m, over)) for _, m in columns]
        table.add_row(Text(input_label(study, i, SHOWN)), *cells)
    if rest := order[MOST:]:
        sums = [sum(study.part(i, strategy, m, over).mean for i in rest) for _, m in columns]
        table.add_row(f"{len(rest)} others", *(rounded(value, float("nan")) for value in sums))
    table.add_section()
    table.add_row("B less A", *(with_error(*study.change(strategy, m, over)) for _, m in columns))
    table.add_row("B", *_ends(study, "b", strategy, over))
    return table


def _ends(study: DifferenceStudy, which: str, strategy: str, over: str) -> list[str]:
    return [with_error(*study.end(which, strategy, m, over)) for _, m in measures_shown(study)]


def _signed(part: Part) -> str:
    """A part with its sign and error; in brackets if its 95% interval contains 0."""
    if part.mean == 0.0 and not part.error:
        return "0"
    text = with_error(part.mean, part.error)
    text = text if text.startswith("-") else f"+{text}"
    return text if abs(part.mean) > Z975 * part.error else f"({text})"


def interactions_text(study: DifferenceStudy, strategies: Sequence[str]) -> Table | None:
    """Interactions of pairs of inputs that are told from 0, for the terminal; None if there are none."""
    rows = list(_interactions(study, strategies))
    if not rows:
        return None
    measure, _, _ = headline(study)
    name = "cost" if isinstance(measure, str) else f"net benefit at {amount(measure)}"
    table = plain_table("What two changes together add beyond each alone; halves of it stand in the parts of both.")
    for heading in ("Strategy", "Input", "and input"):
        table.add_column(heading, overflow="fold")
    table.add_column(f"Interaction, {name}, {short(study.currency, CURRENCY)}", justify="right", overflow="fold")
    for row in rows[:MOST_PAIRS]:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _interactions(study: DifferenceStudy, strategies: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    measure, _, over = headline(study)
    labels = strategy_labels(study.mixture.a.scenario)
    found = [(s, p, study.interaction(p, s, measure, over)) for s in strategies for p in range(len(study.pairs))]
    for strategy, p, each in sorted(found, key=lambda item: -abs(item[2].mean)):
        if each.mean and abs(each.mean) > Z975 * each.error:
            i, j = study.pairs[p]
            yield labels[strategy], input_label(study, i, SHOWN), input_label(study, j, SHOWN), _signed(each)


# === The report ===


def report_tables(study: DifferenceStudy) -> list[ReportTable]:
    """Tables of the report."""
    _, strategies, over = headline(study)
    labels = strategy_labels(study.mixture.a.scenario)
    changed = study.changed.rename(columns={"what": "what it is", "a": "A", "b": "B"})
    tables = [ReportTable("What differs", "Inputs of the model; sampling is told apart.", changed)]
    caption = (
        "Part of the change that each input explains, ± standard error (brackets: its 95% interval contains 0). The "
        "parts add up to B less A."
    )
    against = f" over {labels[over]}" if over else ""
    tables += [ReportTable(f"{labels[s]}{against}", caption, _parts_frame(study, s, over)) for s in strategies]
    if rows := list(_interactions(study, strategies)):
        frame = pd.DataFrame(rows, columns=["strategy", "input", "and input", f"interaction, {study.currency}"])
        told = "What two changes together add to the net benefit beyond each alone, where that is told from 0."
        tables.append(ReportTable("Interactions", told, frame))
    return tables


def _parts_frame(study: DifferenceStudy, strategy: str, over: str) -> pd.DataFrame:
    measure, _, _ = headline(study)
    columns = measures_shown(study)
    names = ["input", *(name for name, _ in columns)]
    rows: list[list[str]] = [["A", *_ends(study, "a", strategy, over)]]
    for i in study.by_size(strategy, measure, over):
        rows.append([input_label(study, i), *(_signed(study.part(i, strategy, m, over)) for _, m in columns)])
    changes: list[Estimate] = [study.change(strategy, m, over) for _, m in columns]
    rows.append(["B less A", *(with_error(*change) for change in changes)])
    rows.append(["B", *_ends(study, "b", strategy, over)])
    return pd.DataFrame(rows, columns=names)
