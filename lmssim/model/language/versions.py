"""Steps of the model language: what a later `schema_version` requires, and how files of an earlier one are migrated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lmssim.errors import ScenarioError
from lmssim.model.language.schema import SCHEMA_VERSION, ScenarioFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmssim.model.language.schema import Event, Schedule

LOSSES_END = 2
"""Version from which `years` must stand beside every loss of utility."""


class Loss(NamedTuple):
    """A loss of utility by an event or by the ticks of a schedule, and the key of its section."""

    key: str
    spec: Event | Schedule


def losses_in_time(file: ScenarioFile) -> Iterator[Loss]:
    """Losses that begin at a moment: of events, and of the ticks of schedules."""
    for name, event in file.events.items():
        if event.utility_loss is not None:
            yield Loss(f"events.{name}", event)
    for kind, sections in (("states", file.states), ("treatments", file.treatments)):
        for name, section in sections.items():
            for tick in section.schedule:
                if tick.utility_loss is not None:
                    yield Loss(f"{kind}.{name}.schedule.{tick.name}", tick)


def refuse_newer(data: dict[str, Any], path: Path) -> None:
    """Refuse a file, included or not, of a version that this program does not know.

    Raises
    ------
    ScenarioError
        Which names the file and its version.
    """
    version = data.get("schema_version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ScenarioError(
            f"{path}: schema_version {version} is newer than this lmssim reads ({SCHEMA_VERSION}); upgrade lmssim."
        )


def refuse_endless_losses(file: ScenarioFile, where: str) -> None:
    """Refuse losses of utility that do not say how long they last.

    Raises
    ------
    ScenarioError
        Which says, of an older version, what each such loss meant and what to write.
    """
    keys = [loss.key for loss in losses_in_time(file) if loss.spec.years is None]
    if not keys:
        return
    choice = 'a number of years, or "forever" (until death)'
    older = [key for key in keys if file.schema_version < LOSSES_END and key.startswith("events.")]
    if not older:
        raise ScenarioError(f"{where}: {keys[0]}.years: is required beside `utility_loss`: {choice}.")
    listed = "; ".join(f'{key}: `years = "forever"`' for key in older)
    raise ScenarioError(
        f"{where}: schema_version = {file.schema_version}: from version {LOSSES_END} on, `years` must stand beside"
        f" every `utility_loss`. To migrate, set `schema_version = {LOSSES_END}` and write {choice}. Without `years`"
        f" a loss lasted until death; to keep that meaning, write in {listed}."
    )
