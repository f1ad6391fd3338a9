"""A rule applied to every field of a scenario's sections, and other sections in place of some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from lmssim.model.language.schema import (
    Section,
)

if TYPE_CHECKING:
    from lmssim.model.scenario import Scenario


COSTS = ("cost", "cost_per_year", "entry_cost")
"""Fields that hold costs by category."""


S = TypeVar("S", bound=Section)


Rule = Callable[[str, Any], Any]


def with_file(scenario: Scenario, **update: Any) -> Scenario:
    """Scenario with other sections; parameters may then be left unused."""
    return replace(scenario, file=scenario.file.model_copy(update=update), own=frozenset())


def with_settings(scenario: Scenario, **update: Any) -> Scenario:
    """Scenario with other settings."""
    return with_file(scenario, settings=scenario.file.settings.model_copy(update=update))


def times(value: Any, factor: float) -> Any:
    """A value times a number."""
    return value * factor if isinstance(value, (int, float)) else f"({value}) * {factor!r}"


def rewritten(section: S, rule: Rule) -> S:
    """Copy of a section in which every field of it and of its subsections is what the rule says."""
    update = {name: rule(name, _inner(getattr(section, name), rule)) for name in type(section).model_fields}
    return section.model_copy(update=update)


def _inner(value: Any, rule: Rule) -> Any:
    if isinstance(value, Section):
        return rewritten(value, rule)
    if isinstance(value, list):
        return [_inner(item, rule) for item in value]
    if isinstance(value, dict):
        return {key: _inner(item, rule) for key, item in value.items()}
    return value


def rewrite(scenario: Scenario, rule: Rule) -> Scenario:
    """Scenario in which every field of every section is what the rule says."""
    return replace(scenario, file=rewritten(scenario.file, rule), own=frozenset())
