"""What a scenario's own file declares and nothing in the model reads: most often a name that is misspelt elsewhere.

What an included file offers may stay unused: it serves several scenarios.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from lmssim.model.language.schema import Section

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from lmssim.model.language.schema import ScenarioFile

WORD = re.compile(r"\w+")
TEXTS = {"label", "title", "description", "note", "reason", "source_id", "locator"}
"""Keys whose values are text for people."""
KINDS = {
    "plans": "plan",
    "events": "event",
    "expressions": "named expression",
    "tables": "lookup table",
    "clocks": "clock",
    "attributes": "attribute",
    "lasting": "flag",
}
"""Sections whose names must be used, and what they name. Treatments, regimens and drugs are a catalogue from which
strategies choose."""


def unused(file: ScenarioFile, own: Mapping[str, Collection[str]]) -> list[str]:
    """Keys that nothing reads, each with what it is.

    Parameters
    ----------
    own : mapping of str to collection of str
        By section, the names that the scenario's own file declares.
    """
    declared = {section: [name for name in getattr(file, section) if name in own.get(section, ())] for section in KINDS}
    if not any(declared.values()):
        return []
    found, everywhere = [], Counter(_words(file))
    for section, names in declared.items():
        for name in names:
            here = Counter((*WORD.findall(name), *_words(getattr(file, section)[name])))
            if all(everywhere[word] == here[word] for word in _ways(file, section, name)):
                found.append(f"{section}.{name}: nothing uses this {KINDS[section]}.")
    return found


def _ways(file: ScenarioFile, section: str, name: str) -> Iterator[str]:
    """Words by which a name is read or set."""
    yield name
    if section == "clocks":
        yield f"since_{name}"
    levels = file.attributes.get(name, [])
    if section == "attributes" and isinstance(levels, list):
        yield from (f"{name}_{level}" for level in levels)


def _words(value: Any) -> Iterator[str]:
    """Words of a section and all within it, but for texts."""
    if isinstance(value, str):
        yield from WORD.findall(value)
    elif isinstance(value, Section):
        for key in type(value).model_fields:
            if key not in TEXTS:
                yield from _words(getattr(value, key))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from WORD.findall(str(key))
            yield from _words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)
