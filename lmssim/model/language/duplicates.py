"""What stands twice in a file where the second would count again, or hide the first: refused with both places named.

A list of names or of sections must not hold an entry twice. Some entries have a key besides: the risk of a treatment's
effect, the plan of a schedule, the pair of a correlation. Transitions are compared when they are compiled, since a
phase and a list of states stand for several.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from lmssim.errors import ScenarioError
from lmssim.model.language.schema import Planned, Section
from lmssim.text import one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator

    from lmssim.model.language.schema import ScenarioFile, Treatment

FILES = ("include", "parameters", "shared_parameters")
"""Lists of files, whose rows are compared when they are read."""

LABELLED = ("strategies", "endpoints", "states", "events", "treatments", "series", "cases", "outcomes")
"""Sections whose entries have a label."""
APART = ("strategies", "endpoints")
"""Those of them whose labels head the rows of tables and the lines of figures."""

VALUES = (".probabilities", ".rates", ".vials", ".members", "partitioned_survival.states", "transitions")
"""Lists of values, of which two may well be equal, and lists that are compared where they are compiled."""


def refuse_duplicates(file: ScenarioFile, where: str, within: Collection[str] | None = None) -> None:
    """Refuse what stands twice.

    Parameters
    ----------
    within : collection of str, optional
        Sections whose lists are read; all if absent.

    Raises
    ------
    ScenarioError
        With the key and both places.
    """
    refuse_repeats(file, where, within)
    for key, entries in _keyed(file):
        seen: dict[Hashable, int] = {}
        for i, entry in enumerate(entries, 1):
            if seen.setdefault(entry, i) != i:
                raise ScenarioError(
                    f"{where}: {key}[{i}]: {_said(entry)} stands twice, here and at {key}[{seen[entry]}]."
                )
    _refuse_alike(file, where)
    for name, endpoint in file.endpoints.items():
        if both := [event for event in endpoint.events if event in endpoint.competing]:
            raise ScenarioError(
                f"{where}: endpoints.{name}.competing: '{both[0]}' is an event of the endpoint; it cannot compete too."
            )
    for name, treatment in file.treatments.items():
        _refuse_shared(file, name, treatment, where)


def _refuse_alike(file: ScenarioFile, where: str) -> None:
    """Refuse a label that nobody sees, and strategies or endpoints that tables and figures could not tell apart."""
    for section in LABELLED:
        seen: dict[str, str] = {}
        for name, entry in getattr(file, section).items():
            label = one_line(name if entry.label is None else entry.label)
            if not label:
                raise ScenarioError(f"{where}: {section}.{name}.label: is blank; give a text, or leave the key out.")
            if section in APART and seen.setdefault(label, name) != name:
                raise ScenarioError(
                    f"{where}: {section}.{name}.label: '{label}' is what {section}.{seen[label]} is called, too;"
                    " nobody could tell them apart."
                )


def refuse_repeats(section: Section, where: str, within: Collection[str] | None = None) -> None:
    """Refuse a list of names or sections, anywhere in a section, or within some of its keys, that holds one twice."""
    parts = [_lists(section, "")] if within is None else [_lists(getattr(section, key), key) for key in within]
    for key, items in itertools.chain(*parts):
        for i, item in enumerate(items):
            first = items.index(item)
            if first != i:
                what = f"'{item}'" if isinstance(item, str) else f"{item:g}" if isinstance(item, float) else "the same"
                raise ScenarioError(f"{where}: {key}[{i + 1}]: {what} stands twice, here and at {key}[{first + 1}].")


def _lists(value: Any, key: str) -> Iterator[tuple[str, list[Any]]]:
    """Lists of texts or of sections, and of times and thresholds, each with its key."""
    if isinstance(value, Section):
        for name, field in type(value).model_fields.items():
            if name not in FILES:
                yield from _lists(getattr(value, name), _below(key, field.alias or name))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _lists(item, _below(key, name))
    elif isinstance(value, list):
        names = all(isinstance(item, (str, Section)) for item in value) and not key.endswith(VALUES)
        if names or key in ("settings.wtp", "settings.times"):
            yield key, value
        for i, item in enumerate(value, 1):
            yield from _lists(item, f"{key}[{i}]")


def _below(key: str, name: str) -> str:
    return f"{key}.{name}" if key else str(name)


def _keyed(file: ScenarioFile) -> Iterator[tuple[str, Iterable[Hashable]]]:
    """Lists of sections, and by what their entries are told apart."""
    for name, state in file.states.items():
        yield f"states.{name}.schedule", [(s.name, s.at) for s in state.schedule]
    for name, treatment in file.treatments.items():
        yield f"treatments.{name}.schedule", [(s.name, s.at) for s in treatment.schedule]
        yield f"treatments.{name}.effects", [effect.risk for effect in treatment.effects]
    for name, strategy in file.strategies.items():
        yield f"strategies.{name}.mix", [tuple(sorted(component.treatments)) for component in strategy.mix]
        yield f"strategies.{name}.treatments", map(_planned, strategy.treatments)
    for name, sequence in file.sequences.items():
        yield f"sequences.{name}.treatments", map(_planned, sequence.treatments)
    yield "terminal", [(exclusion.death, category) for exclusion in file.terminal for category in exclusion.cost]
    parts = {"population": file.population.correlations}
    parts |= {f"population.strata.{n}": stratum.correlations for n, stratum in file.population.strata.items()}
    for key, correlations in parts.items():
        yield f"{key}.correlations", [tuple(sorted(each.between)) for each in correlations]


def _planned(item: str | Planned) -> Hashable:
    return (item, None) if isinstance(item, str) else (item.treatment, item.when)


def _said(entry: Hashable) -> str:
    words = [str(word) for word in entry if word is not None] if isinstance(entry, tuple) else [str(entry)]
    return f"'{', '.join(words)}'"


def _refuse_shared(file: ScenarioFile, name: str, treatment: Treatment, where: str) -> None:
    """A treatment takes what its phase has besides its own: the same event or tick would happen twice."""
    phases = [treatment.phase] if isinstance(treatment.phase, str) else treatment.phase
    for key, state in file.states.items():
        if state.kind != "phase" or (state.phase or key) not in phases:
            continue
        events = [event for event in treatment.events if event in state.events]
        ticks = [s.name for s in treatment.schedule if (s.name, s.at) in {(t.name, t.at) for t in state.schedule}]
        for what, twice in (("events", events), ("schedule", ticks)):
            if twice:
                raise ScenarioError(
                    f"{where}: treatments.{name}.{what}: '{twice[0]}' stands in states.{key}.{what} too, which holds in"
                    " each treatment of the phase; it would happen twice."
                )
