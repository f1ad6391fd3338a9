"""Keys of a design file, checked against those that exist, and values put in their place from outside."""

from __future__ import annotations

import copy
import tomllib
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError, nearest
from lmssim.model.language.messages.file_kinds import other_kind
from lmssim.studies.trials.design import keys
from lmssim.trials.planning.reading import check_table

if TYPE_CHECKING:
    from collections.abc import Mapping

NESTED = ("options", "set", "hazard_ratio", *keys.HAZARDS)
"""Keys that hold tables of their own."""
PLAIN = {"scenario", "eligible", "origin", "title", "description", "time_unit"}


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse sections and keys that do not exist, with the nearest that do.

    Raises
    ------
    InputError
        With the key and what is allowed.
    """
    known = [*keys.SECTIONS[""], *filter(None, keys.SECTIONS), *keys.LISTS, *keys.TABLES_OF_TABLES]
    for key, value in settings.items():
        if key not in known:
            if other := other_kind(settings, known):
                raise InputError(other)
            raise InputError(f"unknown key '{key}'.{nearest(key, known)}")
        if key in PLAIN and not isinstance(value, str):
            raise InputError(f"{key}: {value!r} is not a text.")
    for section, allowed in keys.SECTIONS.items():
        if section == "set":
            if not isinstance(settings.get("set", {}), dict):
                raise InputError("set: is not a table of parameters and their values.")
        elif section and section in settings:
            check_table(section, settings[section], allowed, nested=NESTED)
    for name, allowed in keys.LISTS.items():
        tables = settings.get(name, [])
        if not isinstance(tables, list):
            raise InputError(f"{name}: is not a list; write [[{name}]] for each.")
        for i, table in enumerate(tables, start=1):
            check_table(f"{name}[{i}]", table, allowed, nested=NESTED)
    for name, allowed in keys.TABLES_OF_TABLES.items():
        tables = settings.get(name, {})
        if not isinstance(tables, dict):
            raise InputError(f"{name}: is not a table; write [{name}.NAME] for each.")
        for own, table in tables.items():
            check_table(f"{name}.{own}", table, allowed, nested=NESTED)


def with_set(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with values by dotted keys, such as `accrual.patients` or `analyses.1.events`.

    Raises
    ------
    InputError
        If a key leads nowhere.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(settings))
    for key, value in given.items():
        parts = key.split(".")
        place: Any = changed
        for part in parts[:-1]:
            place = _inner(place, part, key)
        if isinstance(place, list):
            raise InputError(f"{key}: name a key of one of the {len(place)} tables of the list.")
        place[parts[-1]] = value
    return changed


def stated(settings: Mapping[str, Any], key: str) -> float | None:
    """Number that settings state under a dotted key; None if there is none."""
    place: Any = settings
    for part in key.split("."):
        if isinstance(place, list):
            place = place[int(part) - 1] if part.isdigit() and 1 <= int(part) <= len(place) else None
        else:
            place = place.get(part) if isinstance(place, dict) else None
    return float(place) if isinstance(place, int | float) and not isinstance(place, bool) else None


def _inner(place: Any, part: str, key: str) -> Any:
    if isinstance(place, list):
        if not part.isdigit() or not 1 <= int(part) <= len(place):
            raise InputError(f"{key}: '{part}' is not a place of the list, from 1 to {len(place)}.")
        return place[int(part) - 1]
    found = place.setdefault(part, {})
    if not isinstance(found, dict | list):
        raise InputError(f"{key}: '{part}' is a value, not a table.")
    return found


def value_of(text: str) -> Any:
    """What a text such as `12`, `[1, 2]`, `true` or `word` stands for: TOML, or else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
