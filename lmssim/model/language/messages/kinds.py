"""A name that stands where another kind of name is wanted: messages say what it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

UNKNOWN = re.compile(r"unknown ([a-z ]+?) '([^']+)'\.")
SECTIONS = {
    "states": "a state",
    "attributes": "an attribute",
    "clocks": "a clock",
    "events": "an event",
    "lasting": "a flag",
    "plans": "a plan",
    "drugs": "a drug",
    "regimens": "a regimen",
    "treatments": "a treatment",
    "sequences": "a sequence",
    "strategies": "a strategy",
    "endpoints": "an endpoint",
    "series": "a series",
    "cases": "a case",
    "groups": "a group of parameters",
    "tables": "a lookup table",
    "expressions": "a named expression",
    "switches": "a switch",
    "analyses": "a scenario analysis",
}
"""Sections of a file whose keys are names that it gives, and what they name."""
WAYS = {
    "a setting": "change it in the file, under [settings]",
    "a clock": "an expression reads it as `since_{}`",
    "a lookup table": "an expression calls it, as `{}(...)`",
    "a switch": "choose its option by --switch {}=OPTION",
}
"""What to do about some of them; the braces take the name."""


def explained(text: str, data: Mapping[str, Any], parameters: Collection[str] = ()) -> str:
    """A message about an unknown name, which says what else the name is, if it is anything.

    Parameters
    ----------
    data : mapping
        What the files say together.
    parameters : collection of str
        Ids of the parameter tables.
    """
    found = UNKNOWN.search(text)
    if found is None or f"'{found[2]}' is " in text:
        return text
    wanted, name = found.groups()
    what = _what(name, data, parameters)
    if what is None or what.split(" ", 1)[1] == wanted:
        return text
    article = "an" if wanted[0] in "aeiou" else "a"
    said = "which is no number" if wanted == "name" else f"not {article} {wanted}"
    way = f": {WAYS[what].format(name)}" if what in WAYS else ""
    return f"{text[: found.end()]} '{name}' is {what}, {said}{way}.{text[found.end() :]}"


def _what(name: str, data: Mapping[str, Any], parameters: Collection[str]) -> str | None:
    """What a name is, with its article; None if it is nothing."""
    if name in parameters:
        return "a parameter"
    population = data.get("population")
    covariates = population.get("covariates") if isinstance(population, dict) else None
    if isinstance(covariates, dict) and name in covariates:
        return "a covariate"
    for section, what in SECTIONS.items():
        if isinstance(data.get(section), dict) and name in data[section]:
            return what
    return "a setting" if name in _settings() else None


def _settings() -> Collection[str]:
    from lmssim.model.language.schema import Settings

    return Settings.model_fields
