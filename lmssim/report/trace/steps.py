"""One life as text: a table of steps for each strategy, side by side where the terminal is wide enough."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from lmssim.kernels.race import TICK_BITS
from lmssim.report.parts.digits import amount
from lmssim.report.parts.labels import event_label, named, readable, state_label, strategy_labels
from lmssim.report.parts.terminal import plain_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from rich.console import Console

    from lmssim.studies.trace import Trace

NARROWEST, WIDEST = 28, 44
"""Columns of text about an event."""
GAP = 4
"""Columns between two tables."""


def print_trace(trace: Trace, console: Console) -> None:
    """Print the patient, then the life in each strategy."""
    console.print(Text(headline(trace), style="bold"))
    console.print(Text(f"{patient_line(trace)}\n"))
    tables = iter([strategy_table(trace, strategy) for strategy in trace.strategies])
    while batch := list(islice(tables, 1)):
        width = Measurement.get(console, console.options, batch[0]).maximum
        batch += islice(tables, (console.width - width) // (width + GAP))
        row = Table.grid(padding=(0, GAP, 0, 0))
        row.add_row(*batch)
        console.print(row)
    console.print(
        Text(
            "u: uniform random number. Budget: -log u, the cumulative hazard at which the event happens. Costs and "
            "QALYs include the event; terminal care is charged at death. Decisions that were certain and cost nothing "
            "are left out.",
            style="dim",
        )
    )


def headline(trace: Trace) -> str:
    """Scenario, patient, seed and draw of the life."""
    drawn = "base case" if trace.draw is None else f"parameter draw {trace.draw}"
    return f"{trace.scenario.file.title}: patient {trace.patient}, seed {trace.seed}, {drawn}"


def patient_line(trace: Trace) -> str:
    """The patient's covariates."""
    said = (
        f"{name} {value}" if isinstance(value, str) else f"{name} {value:.4g}"
        for name, value in trace.covariates.items()
    )
    return ", ".join(said)


def portrait(trace: Trace) -> str:
    """The patient in one line, by labels: covariates that differ between patients, and yes-no covariates that hold."""
    population = trace.scenario.file.population
    stratum = str(trace.covariates[population.by]) if population.by else ""
    stated = population.strata[stratum].covariates if stratum else population.covariates
    said = [readable(stratum)] if stratum else []
    for name, covariate in stated.items():
        value, label = trace.covariates[name], named(covariate.label, name)
        if covariate.kind == "binary":
            said += [label] if value == 1.0 else []
        elif covariate.kind != "constant" and 1 not in covariate.probabilities:
            number = value if isinstance(value, str) else f"{value:.3g}"
            said.append(f"{label}: {number} {covariate.unit}".strip())
    return "; ".join(said)


def strategy_table(trace: Trace, strategy: str) -> Table:
    """Steps of the life under one strategy."""
    table = plain_table()
    table.title = Text(strategy_labels(trace.scenario)[strategy], style="bold not italic")
    currency = trace.scenario.file.settings.currency
    for heading in ("Year", "Age"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Event, and the number behind it", min_width=NARROWEST, max_width=WIDEST, overflow="fold")
    for heading in (f"Cost\n{currency}", "QALY", "undisc.\ncost", "undisc.\nQALY"):
        table.add_column(heading, justify="right", no_wrap=True)
    for step in shown_steps(trace, strategy):
        table.add_row(
            f"{step.time:.3f}",
            f"{step.age:.1f}",
            _event(trace, step),
            amount(step.cost),
            f"{step.qalys:.3f}",
            amount(step.cost_undiscounted),
            f"{step.qalys_undiscounted:.3f}",
        )
    return table


def shown_steps(trace: Trace, strategy: str) -> Iterator[Any]:
    """Steps of a strategy, without decisions that were certain and cost nothing."""
    passing = {state.name for state in trace.program.rows.states if not state.recorded}
    for step in rows_of(trace.steps, strategy):
        if step.kind != "state" or step.decision is not None or step.what not in passing:
            yield step


def rows_of(frame: pd.DataFrame, strategy: str) -> Iterator[Any]:
    """Rows of a table of the trace under a strategy, by column name."""
    yield from frame[frame["strategy"] == strategy].itertuples(index=False)


def step_label(trace: Trace, step: Any) -> str:
    """What happened, in words."""
    if step.kind == "event":
        return event_label(trace.scenario, step.what)
    label = state_label(trace.scenario, step.what)
    return f"end of the model: {label}" if step.kind == "end" else label


def reason_text(step: Any) -> str:
    """Decision or delay that led there, with its number, on one line or two; empty if it was certain."""
    if step.decision is None:
        return str(step.reason).partition(" from ")[0]
    spent = "" if math.isnan(step.budget) else f", budget {step.budget:.4f}"
    decision, number = f"{step.decision}{_occurrence(step)}:", f"u {step.uniform:.4f}{spent}"
    long = len(decision) + len(number) > WIDEST - 3
    return f"{decision}\n    {number}" if long else f"{decision} {number}"


def _occurrence(step: Any) -> str:
    """Which occurrence of a decision it is, unless it is the first; of a test, at which visit of its plan."""
    if step.decision.startswith("test "):
        return f", visit {step.occurrence % (1 << TICK_BITS) + 1}"
    return f" [{step.occurrence}]" if step.occurrence else ""


def _event(trace: Trace, step: Any) -> Text:
    text = Text(step_label(trace, step), style="italic" if step.kind == "event" else "bold")
    reason = reason_text(step)
    return text.append(f"\n  {reason}", style="not bold not italic dim") if reason else text
