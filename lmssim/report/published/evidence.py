"""Published results of the seed documents as tables for the terminal: counts by source and status, then each one."""

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
    from lmssim.published.ledger import SeedObservation


def observations_of_scenario(observations: Sequence[SeedObservation], scenario: Scenario) -> list[SeedObservation]:
    """Observations that one of the scenario's series computes, or that a file of it uses."""
    files = {PurePath(path).name for path in scenario.inputs}
    return [o for o in observations if any(_stands_in(by, scenario.name, files) for by in o.by)]


def _stands_in(by: str, scenario: str, files: set[str]) -> bool:
    place = by.partition(":")[0]
    return place == scenario or place in files


def counts(observations: Sequence[SeedObservation]) -> list[dict[str, str | int]]:
    """Number of observations by source and status, and of all sources."""
    sources = dict.fromkeys(o.source_id for o in observations)
    by_source = [_count(source, [o for o in observations if o.source_id == source]) for source in sources]
    return [*by_source, _count("all", observations)]


def _count(source: str, observations: Sequence[SeedObservation]) -> dict[str, str | int]:
    found: dict[str, str | int] = {"source": source, "observations": len(observations)}
    return found | {status: sum(o.status == status for o in observations) for status in STATUSES}


def counts_table(observations: Sequence[SeedObservation]) -> Table:
    """Counts by source and status, and what each status means."""
    table = Table(title="Published results of the seed documents", title_justify="left")
    for column in ("source", "observations", *STATUSES):
        table.add_column(column.replace("_", " "), justify="left" if column == "source" else "right")
    for row in counts(observations):
        table.add_row(*(Text(str(value)) for value in row.values()))
    meanings = "; ".join(f"{status.replace('_', ' ')}: {meaning}" for status, meaning in STATUSES.items())
    table.caption, table.caption_justify = f"{meanings}.", "left"
    return table


def observations_table(observations: Sequence[SeedObservation]) -> Table:
    """Every observation by source and status: what it is, its value, where the model has it or why it has not."""
    table = Table(title="Each published result", title_justify="left")
    for column in ("observation", "what", "value", "status", "where", "why"):
        table.add_column(column, overflow="fold", justify="right" if column == "value" else "left")
    order, sources = list(STATUSES), list(dict.fromkeys(o.source_id for o in observations))
    for o in sorted(observations, key=lambda o: (sources.index(o.source_id), order.index(o.status))):
        how = f" ({o.how})" if o.how and o.how != "value" else ""
        cells = (
            o.observation_id,
            _what(o),
            _value(o),
            o.status.replace("_", " ") + how,
            SEPARATOR.join(o.by),
            o.reason,
        )
        table.add_row(*map(Text, cells))
    return table


def _what(observation: SeedObservation) -> str:
    """Outcome, statistic, time and site."""
    time = f" at {observation.time_years} years" if observation.time_years else ""
    statistic = f", {observation.statistic.replace('_', ' ')}" if observation.statistic else ""
    return f"{observation.site}: {observation.outcome.replace('_', ' ')}{statistic}{time}"


def _value(observation: SeedObservation) -> str:
    """Value with its printed interval or range."""
    text = MISSING if observation.value is None else plain(observation.value)
    if observation.low is None or observation.high is None:
        return text
    return f"{text} ({plain(observation.low)} to {plain(observation.high)})"
