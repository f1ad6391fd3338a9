"""Each name that an expression can read has one meaning: a word of the language, or an entry of one section.

A covariate called `time` would be read as the time, and a parameter called `sex_male` in place of the category.
"""

from __future__ import annotations

import itertools
import keyword
from typing import TYPE_CHECKING

from lmssim.errors import ScenarioError
from lmssim.model.language import expression
from lmssim.model.language.expression import AGE_START
from lmssim.model.language.flat import STAY
from lmssim.model.language.schema.words import FOREVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmssim.model.language.flat import FlatModel
    from lmssim.model.scenario import Scenario

READ = ("parameter", "covariate", "attribute", "named expression", "rule of a treatment planned by phase")
"""Kinds of names that an expression reads as they stand; a lookup table is called, and a clock read as `since_`."""


def refuse_two_meanings(scenario: Scenario, flat: FlatModel, where: str) -> None:
    """Refuse a name that means two things, or that the language has taken.

    Parameters
    ----------
    where : str
        The scenario's file, to begin a message with.

    Raises
    ------
    ScenarioError
        With the name and both of its meanings.
    """
    file, covariates = scenario.file, scenario.patients.covariates
    kinds: dict[str, Mapping[str, object]] = {
        "parameter": {**scenario.table, **scenario.by.ids},
        "covariate": {c.name: c for c in covariates},
        "attribute": flat.levels,
        "named expression": file.expressions,
        "rule of a treatment planned by phase": flat.expressions,
        "clock": file.clocks,
        "lookup table": file.tables,
    }
    for kind, names in list(kinds.items())[1:]:
        if words := [name for name in names if keyword.iskeyword(name)]:
            raise ScenarioError(f"{where}: {kind} '{words[0]}': {expression.reserved_word(words[0])}")
    for a, b in itertools.combinations(READ, 2):
        if both := [name for name in kinds[a] if name in kinds[b]]:
            raise ScenarioError(f"{where}: the name '{both[0]}' is both a {a} and a {b}; rename one of them.")
    taken = dict(_taken(scenario, flat))
    for kind in READ:
        if found := [
            name for name in kinds[kind] if name in taken and (kind, name) != ("covariate", file.population.age)
        ]:
            raise ScenarioError(
                f"{where}: {kind} '{found[0]}': in expressions this name stands for {taken[found[0]]}; rename it."
            )


def _taken(scenario: Scenario, flat: FlatModel) -> Iterator[tuple[str, str]]:
    """Names that the language gives a meaning, and what they stand for."""
    yield from dict.fromkeys(expression.FUNCTIONS, "a function").items()
    yield from {"true": "a value", "false": "a value", "rest": "the complement", FOREVER: "a time without end"}.items()
    yield from {"age": "the age now", AGE_START: "the age at time zero", "time": "the time since time zero"}.items()
    yield "strategy", "the strategy"
    if scenario.file.cycles is not None:
        yield from {"cycle": "the number of the cycle", "time_in_state": "the time since entry"}.items()
    for clock in flat.clocks:
        if clock != STAY:
            yield f"since_{clock}", f"the time since the clock '{clock}' started"
    for attribute, levels in flat.levels.items():
        for level in levels if levels != ["true"] else ():
            yield f"{attribute}_{level}", f"the level '{level}' of '{attribute}'"
    for covariate in scenario.patients.covariates:
        for category in covariate.labels or [f"{code:g}" for code in covariate.codes if len(covariate.categories)]:
            yield f"{covariate.name}_{category}", f"the category '{category}' of '{covariate.name}'"
