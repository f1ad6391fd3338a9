"""Sections of a design file as checked values: unknown keys, wrong types and missing partners are one message each."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lmssim.errors import InputError, exact, nearest
from lmssim.model.language.messages.file_kinds import other_kind
from lmssim.trials import checks
from lmssim.trials.planning.keys import SECTIONS, STRATUM, TABLES
from lmssim.trials.survival.accrual import Accrual, ramp_accrual
from lmssim.trials.survival.hazards import CureHazard, Hazard, PiecewiseHazard, constant, from_median, from_survival

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ORDINARY = (bool, int, float, str, list)


KEY = re.compile(r"[a-z_]+(\[\d+\])?(\.[a-z_]+)*:")
"""A message that begins with a key."""


@contextmanager
def at(section: str) -> Iterator[None]:
    """Begin the message of what goes wrong with the section of its key."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{section}{'.' if KEY.match(str(error)) else ': '}{error}") from None


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Begin the message of what goes wrong with the file."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def check_keys(settings: Mapping[str, Any]) -> None:
    """Refuse sections and keys that do not exist, with the nearest that do."""
    for key, value in settings.items():
        if key in TABLES:
            continue
        if key not in SECTIONS[""]:
            if other := other_kind(settings, (*SECTIONS, *TABLES)):
                raise InputError(other)
            raise InputError(f"unknown key '{key}'.{_homes(key) or nearest(key, (*SECTIONS[''], *TABLES))}")
        if not isinstance(value, str):
            raise InputError(f"{key}: {value!r} is not a text.")
    for section, allowed in SECTIONS.items():
        if section and section in settings:
            check_table(section, settings[section], allowed)
    strata = settings.get("strata", [])
    if not isinstance(strata, list):
        raise InputError("strata: is not a list; write [[strata]] for each stratum.")
    for i, stratum in enumerate(strata, start=1):
        check_table(f"strata[{i}]", stratum, STRATUM)


def check_table(section: str, table: Any, allowed: Mapping[str, str], *, nested: Sequence[str] = ()) -> None:
    """Refuse what is no table, keys that are not allowed in it, and tables within it but under `nested` keys."""
    if not isinstance(table, dict):
        raise InputError(f"{section}: {table!r} is not a table; write [{section}] and its keys beneath.")
    for key, value in table.items():
        if key not in allowed:
            raise InputError(f"{section}: unknown key '{key}'.{nearest(key, allowed) or _homes(key)}")
        if not isinstance(value, ORDINARY) and not (key in nested and isinstance(value, dict)):
            raise InputError(f"{section}.{key}: {value!r} is not a number, a text, true or false, or a list.")


def _homes(key: str) -> str:
    """Hint where a key belongs."""
    homes = [f"[{section}]" for section, keys in SECTIONS.items() if section and key in keys]
    return f" It belongs to {' or '.join(homes[:3])}." if homes else ""


def text(table: Mapping[str, Any], key: str, default: str) -> str:
    """A text."""
    value = table.get(key, default)
    if not isinstance(value, str):
        raise InputError(f"{key}: {value!r} is not a text in quotes.")
    return value


def flag(table: Mapping[str, Any], key: str) -> bool:
    """True or false."""
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise InputError(f"{key}: {value!r} is not true or false.")
    return value


def looks(table: Mapping[str, Any], key: str = "looks") -> tuple[int, ...]:
    """Numbers of looks."""
    value = table.get(key, [])
    if not isinstance(value, list) or any(isinstance(k, bool) or not isinstance(k, int) for k in value):
        raise InputError(f"{key}: {value!r} is not a list of whole numbers.")
    return tuple(value)


def optional(table: Mapping[str, Any], key: str) -> float | None:
    """A number, if it is given."""
    return checks.number(key, table[key]) if key in table else None


# === Hazards ===

FORMS = {
    "median": (),
    "rate": (),
    "rates": ("starts",),
    "survival": ("times",),
    "cured": ("uncured_median", "uncured_rate"),
}
"""Keys that each state a hazard, and those that belong to them."""


def hazard(table: Mapping[str, Any]) -> Hazard:
    """Hazard of an arm, stated in one way."""
    given = [form for form in FORMS if form in table]
    if len(given) != 1:
        said = f"both {given[0]} and {given[1]} are given" if given else "no hazard is given"
        raise InputError(
            f"{said}; give one of median, rate, rates (with starts), survival (with times) or cured (with "
            "uncured_median or uncured_rate)."
        )
    form = given[0]
    for other, partners in FORMS.items():
        for partner in partners:
            if other != form and partner in table:
                raise InputError(f"{partner}: belongs to {other}, and {form} is given.")
    return _hazard_of(form, table)


def _hazard_of(form: str, table: Mapping[str, Any]) -> Hazard:
    if form == "median":
        return from_median(checks.number("median", table["median"]))
    if form == "rate":
        return constant(checks.positive("rate", table["rate"]))
    if form == "rates":
        return _piecewise(table)
    if form == "survival":
        return from_survival(checks.numbers("times", table.get("times", [])), checks.numbers(form, table[form]))
    both = [key for key in FORMS["cured"] if key in table]
    if len(both) != 1:
        raise InputError("cured: give one of uncured_median or uncured_rate.")
    value = checks.positive(both[0], table[both[0]])
    return CureHazard(
        checks.share("cured", table["cured"]), math.log(2.0) / value if both[0] == "uncured_median" else value
    )


def _piecewise(table: Mapping[str, Any]) -> PiecewiseHazard:
    return PiecewiseHazard(checks.numbers("rates", table["rates"]), checks.numbers("starts", table.get("starts", [0])))


def loss(table: Mapping[str, Any]) -> tuple[Hazard, Hazard | None]:
    """Hazard of dropout or of competing events, and the experimental arm's own if it is given."""
    given = [form for form in ("rate", "rates", "probability", "median") if form in table]
    if len(given) != 1:
        raise InputError("give one of rate, rates (with starts), probability (with by) or median.")
    if "by" in table and given[0] != "probability":
        raise InputError("by: belongs to probability.")
    if "starts" in table and given[0] != "rates":
        raise InputError("starts: belongs to rates.")
    found: Hazard
    if given[0] == "rates":
        found = _piecewise(table)
    elif given[0] == "probability":
        lost = checks.share("probability", table["probability"])
        if "by" not in table:
            raise InputError("by: is missing; say by when that probability is reached.")
        found = constant(-math.log1p(-lost) / checks.positive("by", table["by"]))
    elif given[0] == "median":
        found = from_median(checks.number("median", table["median"]))
    else:
        found = constant(checks.not_negative("rate", table["rate"]))
    own = optional(table, "experimental_rate")
    return found, None if own is None else constant(checks.not_negative("experimental_rate", own))


# === Accrual ===


def accrual(table: Mapping[str, Any], *, scaled: bool) -> Accrual:
    """Course of accrual.

    Parameters
    ----------
    scaled : bool
        Whether the number of patients is solved for, so that it need not be given.
    """
    for key in ("patients", "rate"):
        if scaled and key in table:
            raise InputError(
                f"{key}: solve = 'accrual_rate' finds it; leave it out, or solve for accrual_duration, follow_up or "
                "power instead."
            )
    course = _course(table, scaled=scaled)
    patients = optional(table, "patients")
    if patients is None:
        return course
    return course.scaled(checks.positive("patients", patients) / course.total)


def _course(table: Mapping[str, Any], *, scaled: bool) -> Accrual:
    free = scaled or "patients" in table
    if "durations" in table or "rates" in table:
        if "duration" in table or "rate" in table or "ramp" in table:
            raise InputError("durations: with rates of intervals, leave duration, rate and ramp out.")
        return Accrual(
            checks.numbers("durations", table.get("durations", [])), checks.numbers("rates", table.get("rates", []))
        )
    if "duration" not in table:
        raise InputError("duration: is missing; give it, or durations and rates.")
    if "rate" in table and "patients" in table:
        raise InputError("patients: stands in place of rate; leave one of the two out.")
    if "rate" not in table and not free:
        raise InputError("rate: is missing; give rate or patients, unless solve = 'accrual_rate'.")
    rate = checks.positive("rate", table.get("rate", 1.0))
    duration = checks.positive("duration", table["duration"])
    if "ramp" not in table:
        return Accrual((duration,), (rate,))
    ramp = checks.positive("ramp", table["ramp"])
    if ramp > duration:
        raise InputError(f"ramp: {exact(ramp)} is longer than duration, {exact(duration)}.")
    return ramp_accrual(duration, ramp=ramp, rate=rate)
