"""Transitions of a file joined to those of the files that it includes: added, or with `replace = true` in their place.

A transition that says `replace = true` takes the place of those that lead out of the same states under the same name
(`name`, else `to`, else `mark`). One that replaces nothing keeps the word, and is refused when the model is flattened.
"""

from __future__ import annotations

from typing import Any


def joined_transitions(base: list[Any], over: list[Any]) -> list[Any]:
    """Included transitions without those that are replaced, then those of the including file.

    Parameters
    ----------
    base, over : list
        Transitions as TOML has them; whatever else stands there is passed on, to be refused by the schema.
    """
    kept, added = list(base), []
    for transition in over:
        if isinstance(transition, dict) and transition.get("replace") is True:
            kept, transition = _replaced(kept, transition)
        added.append(transition)
    return [*kept, *added]


def _replaced(base: list[Any], over: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """What is left of the included transitions, and the new one, without its word if it replaces out of each state."""
    wanted = set(_sources(over))
    kept, found = [], set()
    for transition in base:
        if not isinstance(transition, dict) or _decision(transition) != _decision(over):
            kept.append(transition)
            continue
        sources = _sources(transition)
        found |= wanted & set(sources)
        left = [source for source in sources if source not in wanted]
        if left:
            kept.append({**transition, "from": left} if len(left) < len(sources) else transition)
    if found != wanted:
        return base, over
    return kept, {key: value for key, value in over.items() if key != "replace"}


def _sources(transition: dict[str, Any]) -> list[str]:
    source = transition.get("from")
    sources = source if isinstance(source, list) else [source]
    return [name for name in sources if isinstance(name, str)]


def _decision(transition: dict[str, Any]) -> Any:
    """What makes two transitions out of a state the same."""
    return next((transition[key] for key in ("name", "to", "mark") if key in transition), None)
