"""Numbered scenario analyses: what each changes, why, and of what kind it is."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lmssim.model.language.schema.words import Number, Section


class Analysis(Section):
    """A scenario analysis, run by its number or in one table with the others."""

    label: str = Field(min_length=1)
    set: dict[str, Number] = {}
    """Parameter -> the value at which it is held."""
    switches: dict[str, str] = {}
    """Switch -> the option that is chosen."""
    change: dict[str, Any] = {}
    """Tables merged into the file, such as `settings`."""
    justification: str = Field(min_length=1)
    """Why it is worth a run; tables and reports print it."""
    category: str = ""
    """What kind of assumption it tests, such as methods, structure or costs; tables are in its order."""
