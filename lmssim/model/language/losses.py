"""Where a scenario file takes utility away, and by which rule: what results say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.model.language.schema import Event, ScenarioFile, Schedule


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


def has_losses(file: ScenarioFile) -> bool:
    """Whether anything takes utility away."""
    sections = (*file.states.values(), *file.treatments.values())
    spells = any(spell.utility_loss is not None for section in sections for spell in section.limited)
    lasting = any(flag.utility_loss is not None for flag in file.lasting.values())
    return spells or lasting or any(True for _ in losses_in_time(file))


def loss_rules(file: ScenarioFile) -> dict[str, Any]:
    """How losses act and combine; empty if there are none.

    Returns
    -------
    dict
        `combine`: as in `[utilities]`; `stack` and `stop_on_leaving`: the events that declare them.
    """
    if not has_losses(file):
        return {}
    events = {name: event for name, event in file.events.items() if event.utility_loss is not None}
    return {
        "combine": file.utilities.combine,
        "stack": [name for name, event in events.items() if event.stack],
        "stop_on_leaving": [name for name, event in events.items() if event.stop_on_leaving],
    }
