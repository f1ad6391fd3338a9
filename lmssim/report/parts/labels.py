"""Names that people read: labels from the scenario where it has them, else its ids made readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.bundled import find_scenario
from lmssim.errors import InputError
from lmssim.text import one_line

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.model.scenario import Scenario

LONGEST = 30
LONGEST_TITLE = 60
"""Characters of a title that fits over a figure."""
LONGEST_LABEL = 200
LONGEST_CURRENCY = 20
WAIT = ".wait"
"""End of the name of a flat state in which patients wait for a treatment."""


def argument_of(scenario: Scenario) -> str:
    """What a command is given for a scenario: the name of a bundled one, else the path of its file."""
    try:
        bundled = find_scenario(scenario.name)
    except InputError:
        return str(scenario.path)
    return scenario.name if bundled.resolve() == scenario.path.resolve() else str(scenario.path)


def readable(name: str) -> str:
    """An id as words: "local_recurrence" becomes "Local recurrence"."""
    words = one_line(name.replace("_", " ")) or name
    return words[:1].upper() + words[1:]


def named(label: str | None, name: str) -> str:
    """A label of the scenario, no longer than a line or two, or its id as words where it has none."""
    return short(label or "", LONGEST_LABEL) or readable(name)


def short(label: str, longest: int = LONGEST) -> str:
    """A label on one line, nothing hidden, cut at a word's end to at most `longest` characters."""
    label = one_line(label)
    if len(label) <= longest:
        return label
    cut = label[: longest - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > longest // 2 else cut).rstrip(" ,;:") + "…"


def strategy_labels(scenario: Scenario, longest: int = LONGEST_LABEL) -> dict[str, str]:
    """Label of every strategy; those that cutting makes alike keep their ids instead."""
    labels = {s: short(scenario.strategy_label(s), longest) for s in scenario.strategies}
    texts = list(labels.values())
    return {s: text if texts.count(text) == 1 else short(readable(s), longest) for s, text in labels.items()}


def currency_name(scenario: Scenario) -> str:
    """Currency, short enough for an axis."""
    return short(scenario.file.settings.currency, LONGEST_CURRENCY)


def endpoint_label(evaluation: Evaluation, endpoint: str) -> str:
    """Label of an endpoint."""
    return named(evaluation.scenario.file.endpoints[endpoint].label, endpoint)


def state_label(scenario: Scenario, state: str) -> str:
    """Label of a state, or of a treatment (in one of its phases) or a wait for it that became a state."""
    file = scenario.file
    if state in file.states:
        return named(file.states[state].label, state)
    name, waiting = (state.removesuffix(WAIT), ", waiting") if state.endswith(WAIT) else (state, "")
    phase, _, treatment = name.rpartition(".")
    if treatment not in file.treatments:
        return readable(state)
    label = named(file.treatments[treatment].label, treatment) + waiting
    return f"{phase_label(scenario, phase)}: {label}" if phase else label


def phase_label(scenario: Scenario, phase: str) -> str:
    """Label of the state that is the place of a phase."""
    places = [name for name, state in scenario.file.states.items() if (state.phase or name) == phase]
    return state_label(scenario, places[0]) if places else readable(phase)


def event_label(scenario: Scenario, event: str) -> str:
    """Label of an event or a mark."""
    spec = scenario.file.events.get(event)
    return named(spec.label if spec is not None else None, event)


def switch_label(scenario: Scenario, switch: str) -> str:
    """Label of a switch."""
    return named(scenario.file.switches[switch].label, switch)


def option_label(scenario: Scenario, switch: str, option: str) -> str:
    """Label of an option of a switch."""
    return named(scenario.file.switches[switch].options[option].label, option)


def computed_endpoints(evaluation: Evaluation) -> list[str]:
    """Endpoints that were computed: an exact solution leaves some out."""
    known = evaluation.survival.groupby("endpoint")["value"].count()
    return [name for name in evaluation.scenario.file.endpoints if known.get(name, 0) > 0]


def death_endpoints(evaluation: Evaluation) -> list[str]:
    """Endpoints that count deaths by cause: incidences named `death_...`."""
    specs, names = evaluation.scenario.file.endpoints, computed_endpoints(evaluation)
    return [name for name in names if specs[name].kind == "incidence" and name.startswith("death_")]
