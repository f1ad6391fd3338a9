"""How losses of utility act and combine, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.model.language.losses import loss_rules, losses_in_time
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
