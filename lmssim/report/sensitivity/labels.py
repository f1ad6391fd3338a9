"""What the labels of switches say beside what the model gives, and parameters that were solved for them: tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from lmssim.model.parameters.claims import subject
from lmssim.report.parts.labels import option_label, switch_label
from lmssim.report.parts.terminal import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from lmssim.model.scenario import Scenario
    from lmssim.published.claims import ClaimRead
    from lmssim.studies.sensitivity.solving import SwitchSolutions


def claims_table_text(scenario: Scenario, claims: Sequence[ClaimRead]) -> Table:
    """A line for each number of a label: what the label says and what the model gives."""
    table = plain_table()
    table.title = "What labels say, and what the model gives with the option chosen"
    for heading in ("Switch: option", "Number"):
        table.add_column(heading, overflow="fold")
    for heading in ("Claimed", "Observed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in claims:
        name = f"{switch_label(scenario, each.switch)}: {option_label(scenario, each.switch, each.option)}"
        mark = "" if each.holds else " (differs)"
        cells = (Text(name), Text(subject(each.claim)), f"{each.claimed:.6g}", f"{each.observed:.6g}{mark}")
        table.add_row(*cells)
    table.caption = "Shares as shares, times of outcomes in years. What rounds to the printed number agrees with it."
    return table


def solved_table_text(solutions: SwitchSolutions) -> Table:
    """A line for each parameter that was solved: before and after, with what the model gives."""
    table = plain_table()
    for heading in ("Switch: option", "Parameter"):
        table.add_column(heading, overflow="fold")
    for heading in ("Before", "Solution", "Claimed", "Observed before", "Observed"):
        table.add_column(heading, justify="right", no_wrap=True)
    for found in solutions.solved:
        name = switch_label(solutions.scenario, found.switch)
        option = option_label(solutions.scenario, found.switch, found.option)
        numbers = (found.before, found.value, found.claim.value, found.observed_before, found.observed)
        cells = (Text(f"{each:.5g}") for each in numbers)
        table.add_row(Text(f"{name}: {option}"), Text(found.parameter), *cells)
    table.caption = "Copy the tables over those that the scenario reads; shares as shares, times in years."
    return table
