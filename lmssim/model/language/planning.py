"""What strategies plan: treatments by name or by phase, their own and those of their sequence.

A treatment planned by its name has a flag at time zero. One planned in a phase, as `line_2.trabectedin`, has none: the
phase asks the strategy, and reads the rule then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError, UnsupportedError, unknown
from lmssim.model.language import expression
from lmssim.model.language.expression import Apply, Name, Node, Number, Text
from lmssim.model.language.schema import Planned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.model.language.schema import ScenarioFile, Treatment


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A treatment that a strategy plans."""

    treatment: str
    phase: str | None
    """Phase in which it is planned; None if it is planned by its name alone."""
    when: str | None
    """Rule under which it is given."""
    where: str
    """Where the file says so, for messages."""


def phases_of(treatment: Treatment) -> list[str]:
    """Phases in which a treatment may be given."""
    return [treatment.phase] if isinstance(treatment.phase, str) else list(dict.fromkeys(treatment.phase))


def in_phase(file: ScenarioFile, treatment: str, phase: str) -> str:
    """Flat state of a treatment in one of its phases: its name if that is the only one."""
    return treatment if len(phases_of(file.treatments[treatment])) == 1 else f"{phase}.{treatment}"


def treatments_of(file: ScenarioFile, phase: str, where: str) -> list[str]:
    """Treatments of a phase in file order; one of several phases only if some strategy plans it there."""
    asked = {c.treatment for s in file.strategies for c in choices(file, s, where) if c.phase == phase}
    return [
        name
        for name, treatment in file.treatments.items()
        if phase in phases_of(treatment) and (name in asked or len(phases_of(treatment)) == 1)
    ]


def choices(file: ScenarioFile, strategy: str, where: str) -> list[Choice]:
    """What a strategy plans for everybody or by rule: its own treatments, then those of its sequence.

    Raises
    ------
    ScenarioError
        If a treatment, phase or sequence does not exist, or a treatment of several phases is planned without one.
    """
    spec = file.strategies[strategy]
    found = list(_listed(file, spec.treatments, f"{where}: strategies.{strategy}.treatments"))
    place = f"{where}: strategies.{strategy}.sequence"
    name = spec.sequence
    if name is None:
        name, place = file.settings.sequence, f"{where}: settings.sequence"
    if name is None:
        return found
    if name not in file.sequences:
        raise ScenarioError(unknown("sequence", name, file.sequences, place))
    return [*found, *_listed(file, file.sequences[name].treatments, f"{where}: sequences.{name}.treatments")]


def check_names(file: ScenarioFile, where: str) -> None:
    """Check what treatments, sequences and strategies name, also where nobody uses it.

    Raises
    ------
    InputError
        If something does not exist, or a mix plans by phase.
    """
    phases = [state.phase or name for name, state in file.states.items() if state.kind == "phase"]
    for name, treatment in file.treatments.items():
        place = f"{where}: treatments.{name}.phase"
        if not treatment.phase:
            raise ScenarioError(f"{place}: names no phase.")
        for phase in phases_of(treatment):
            if phase not in phases:
                raise ScenarioError(unknown("phase", phase, phases, place))
    for name, sequence in file.sequences.items():
        list(_listed(file, sequence.treatments, f"{where}: sequences.{name}.treatments"))
    for name, strategy in file.strategies.items():
        choices(file, name, where)
        for i, component in enumerate(strategy.mix):
            place = f"{where}: strategies.{name}.mix[{i + 1}].treatments"
            for choice in _listed(file, component.treatments, place):
                if choice.phase is not None:
                    raise UnsupportedError(
                        f"{place}: '{choice.phase}.{choice.treatment}' is planned in a phase, which a mix cannot do;"
                        " give it to everybody, in the strategy's `treatments` or `sequence`."
                    )


def _listed(file: ScenarioFile, items: Sequence[str | Planned], where: str) -> Iterator[Choice]:
    for item in items:
        given = item if isinstance(item, Planned) else Planned(treatment=item)
        phase, treatment = _named(file, given.treatment, where)
        yield Choice(treatment=treatment, phase=phase, when=given.when, where=where)


def _named(file: ScenarioFile, name: str, where: str) -> tuple[str | None, str]:
    """Phase and treatment of `line_2.trabectedin`; no phase if the name is a treatment's own."""
    phase, dot, treatment = name.rpartition(".")
    if treatment not in file.treatments:
        raise ScenarioError(unknown("treatment", treatment, file.treatments, where))
    phases = phases_of(file.treatments[treatment])
    full = [f"{each}.{treatment}" for each in phases]
    if not dot and len(phases) > 1:
        raise ScenarioError(f"{where}: '{name}' is a treatment of several phases; name one of {', '.join(full)}.")
    if dot and phase not in phases:
        raise ScenarioError(unknown("treatment in a phase", name, full, where))
    return phase if dot else None, treatment


# === Rules ===


def asked(treatment: str, phase: str) -> str:
    """Name of the rule whether the strategy plans a treatment in a phase."""
    return f"planned_{phase}_{treatment}"


def rules(file: ScenarioFile, where: str) -> dict[str, Node]:
    """What treatments planned by phase are given by, as named expressions of the strategy and the plans' rules.

    `planned_line_2_trabectedin` is true where the strategy plans it there and its rule holds; `planned_trabectedin`,
    of a treatment of several phases, where the strategy plans it in any phase.
    """
    found: dict[str, dict[str | None, list[str]]] = {}
    anywhere: dict[str, list[str]] = {t: [] for t, spec in file.treatments.items() if len(phases_of(spec)) > 1}
    for strategy in file.strategies:
        for choice in choices(file, strategy, where):
            if choice.phase is None:
                continue
            by_rule = found.setdefault(asked(choice.treatment, choice.phase), {})
            by_rule.setdefault(choice.when, []).append(strategy)
            anywhere.setdefault(choice.treatment, []).append(strategy)
    result = {
        name: _any([_and(_among(file, who), when, where) for when, who in by_rule.items()])
        for name, by_rule in found.items()
    }
    several = {t: who for t, who in anywhere.items() if len(phases_of(file.treatments[t])) > 1}
    return result | {f"planned_{t}": _among(file, who) for t, who in several.items()}


def _among(file: ScenarioFile, strategies: list[str]) -> Node:
    """Whether the strategy is one of some."""
    if set(strategies) == set(file.strategies):
        return Number(1.0)
    return _any([Apply("==", (Name("strategy"), Text(s))) for s in dict.fromkeys(strategies)])


def _and(node: Node, when: str | None, where: str) -> Node:
    if when is None:
        return node
    rule = expression.parse(when, where)
    return rule if node == Number(1.0) else Apply("and", (node, rule))


def _any(nodes: list[Node]) -> Node:
    if not nodes:
        return Number(0.0)
    result = nodes[0]
    for node in nodes[1:]:
        result = Apply("or", (result, node))
    return result
