"""How losses of utility act and combine, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.model.language.versions import losses_in_time
from lmssim.report.parts.digits import listed

if TYPE_CHECKING:
    from lmssim.model.language.schema import ScenarioFile

SENTENCE = {
    "multiplicative": "A loss of utility multiplies the utility of the state by 1 - loss.",
    "additive": "A loss of utility is subtracted from the utility of the state.",
}
RULE = {
    "multiplicative": {
        False: "multiplied: utility of the state x (1 - loss), so that a loss of 0.1 takes 0.06 off a utility of 0.6",
        True: "multiplied: norm x utility of the state x (1 - loss), so that a loss of 0.1 takes a tenth off",
    },
    "additive": {
        False: "subtracted: utility of the state - loss",
        True: "subtracted: norm - (1 - utility of the state) - loss",
    },
}
"""By rule, and by whether utilities are relative to a norm."""
TOGETHER = {
    "multiplicative": "different losses at the same time multiply",
    "additive": "different losses at the same time add up",
}


def loss_sentence(file: ScenarioFile) -> str:
    """The rule in one sentence; empty if nothing takes utility away."""
    rules = loss_rules(file)
    return SENTENCE[rules["combine"]] if rules else ""


def loss_conventions(file: ScenarioFile) -> list[tuple[str, str]]:
    """Name and value of the conventions of losses; none if nothing takes utility away."""
    rules = loss_rules(file)
    if not rules:
        return []
    parts = [RULE[rules["combine"]][file.utilities.norms is not None], TOGETHER[rules["combine"]]]
    if any(losses_in_time(file)):
        parts.append("a repeat while the same loss lasts makes it last longer and does not count twice")
    if rules["stack"]:
        parts.append(f"but repeats of {listed(_words(file, rules['stack']))} count each")
    if rules["stop_on_leaving"]:
        parts.append(f"losses of {listed(_words(file, rules['stop_on_leaving']))} end on leaving the state")
    return [("Losses of utility", "; ".join(parts))]


def _words(file: ScenarioFile, events: list[str]) -> list[str]:
    """Events by their labels."""
    return [file.events[name].label or name.replace("_", " ") for name in events]


def has_losses(file: ScenarioFile) -> bool:
    """Whether anything takes utility away."""
    spells = any(
        spell.utility_loss is not None
        for sections in (file.states, file.treatments)
        for section in sections.values()
        for spell in section.limited
    )
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
