"""The words of papers: what they call sites, treatments and outcomes, and what scenarios call the same.

`scenarios/evidence/vocabulary.toml` holds the words of papers on leiomyosarcoma; nothing in Python knows them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lmssim.bundled import scenarios_folder
from lmssim.errors import ScenarioError, unknown
from lmssim.model.language.files import read_toml
from lmssim.model.language.messages import checked
from lmssim.model.language.schema.words import Section

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

OTHER = "other"
"""Outcome family of what no rule names, and of complications: it is never fitted."""


class Sites(Section):
    """Sites of tumours."""

    covariate: str
    """Covariate that holds a patient's site."""
    same: dict[str, str] = {}
    """A paper's site, and the scenario's."""
    all_but: dict[str, str] = {}
    """A paper's site that is every site but one."""

    @property
    def words(self) -> set[str]:
        """Words that papers use beside the scenario's own."""
        return {"all", *self.same, *self.all_but}


class Strategies(Section):
    """Strategies that stand for words which name none."""

    observed: str
    """Practice as observed."""
    surgery: str
    """Surgery alone."""
    untreated: str
    """No systemic treatment."""


class Plan(Section):
    """A strategy, and the treatments around surgery that it gives."""

    given: Annotated[set[str], Field(strict=False)]
    strategy: str


class Treatments(Section):
    """Words for what patients had."""

    none: list[str]
    any: list[str]
    mixed: str
    """How words for a mix of treatments begin."""
    mixed_detail: list[str]
    """What makes a mix of a treatment, in brackets behind it."""
    surgery: str
    around_surgery: dict[str, list[str]]
    """Treatment before or after surgery, and the words for it."""
    plans: list[Plan]
    not_curative: str
    """Event whose patients no curative treatment has."""

    def strategy_of(self, given: Collection[str]) -> str | None:
        """Strategy that gives just these treatments around surgery."""
        return next((plan.strategy for plan in self.plans if plan.given == set(given)), None)


class Operation(Section):
    """An operation after the first."""

    state: str
    """State that begins it: time counts from there."""
    follows: str | None = None
    """Event that its patients have had: a second one is not told from the first."""


class Lines(Section):
    """Systemic treatment, line by line."""

    phase: str
    progression: str
    response: str
    drugs: dict[str, str]
    """A paper's short name of a drug, and the scenario's name."""


class Advanced(Section):
    """What tells a scenario whose patients begin with advanced disease."""

    has: str
    has_none_of: list[str]


class Event(Section):
    """An event that outcomes count."""

    text: str
    endpoints: list[str] = []
    """Endpoints whose events these are: the first that the scenario has."""
    states: list[str]
    """States, where the scenario has no such endpoint."""


class Outcome(Section):
    """What an outcome counts."""

    text: str
    events: list[str] = []
    deaths: Literal["all", "disease"] | None = None
    """Deaths that count too: a share of patients is then printed as the share without the event."""
    family: str
    """Outcome family: targets of one family in a study share a between-study effect."""
    since: str | None = None
    """Event from which time counts."""
    at_time_zero: str | None = None
    """Event that is counted at time 0."""
    by_line: bool = False
    """Whether progression of a line of treatment counts, from its beginning."""
    late: bool = False
    """Whether it counts events after a time."""
    advanced: bool = False
    """Whether patients who begin with advanced disease have it."""


class NamedEvent(Section):
    """Outcomes `prefix:event` that name an event of the scenario."""

    same: dict[str, str] = {}
    """A paper's name of an event, and the scenario's."""
    by_regimen: bool = False
    """Whether each regimen has its own."""
    not_computable: str | None = None
    """Why no scenario has it."""


class FamilyRule(Section):
    """Which rows of a series are of an outcome family, by patterns of their events."""

    name: str
    all_of: list[str] = []
    any_of: list[str] = []

    def holds(self, events: Collection[str]) -> bool:
        """Whether every event is one of `all_of`, and one is of `any_of`, as far as they are given."""
        every = not self.all_of or all(_is_one_of(event, self.all_of) for event in events)
        return every and (not self.any_of or any(_is_one_of(event, self.any_of) for event in events))


def _is_one_of(event: str, patterns: Collection[str]) -> bool:
    return any(fnmatchcase(event, pattern) for pattern in patterns)


class Vocabulary(Section):
    """Words of papers and of scenarios."""

    sites: Sites
    strategies: Strategies
    treatments: Treatments
    operations: dict[str, Operation]
    lines: Lines
    advanced: Advanced
    events: dict[str, Event]
    outcomes: dict[str, Outcome]
    named: dict[str, NamedEvent]
    abbreviations: dict[str, str]
    """Endpoints that tables by strategy show, and their headings."""
    families: list[FamilyRule]
    """Outcome families, in the order in which their rules are tried."""

    @property
    def family_names(self) -> list[str]:
        """Every outcome family that may be fitted."""
        return [rule.name for rule in self.families]

    def family_of(self, events: Collection[str]) -> str:
        """Outcome family of a row of a series, by its events."""
        return next((rule.name for rule in self.families if rule.holds(events)), OTHER)

    def family_of_outcome(self, outcome: str) -> str:
        """Outcome family of an outcome."""
        return self.outcomes[outcome].family if outcome in self.outcomes else OTHER


def load_vocabulary(path: Path) -> Vocabulary:
    """Vocabulary of a file.

    Raises
    ------
    ScenarioError
        If a key or value is not as it must be, or a name is not there.
    """
    words = checked(Vocabulary, read_toml(path), path)
    for kind, name, allowed, where in _names(words):
        if name not in allowed:
            raise ScenarioError(unknown(kind, name, allowed, f"{path}: {where}"))
    return words


def _names(words: Vocabulary) -> Iterator[tuple[str, str, Collection[str], str]]:
    """Every name that must stand elsewhere: its kind, itself, the allowed ones, and where it is used."""
    yield "event", words.treatments.not_curative, words.events, "treatments.not_curative"
    for plan in words.treatments.plans:
        for given in sorted(plan.given):
            yield "treatment", given, words.treatments.around_surgery, f"treatments.plans: {plan.strategy}"
    for key, operation in words.operations.items():
        if operation.follows:
            yield "event", operation.follows, words.events, f"operations.{key}.follows"
    for key, outcome in words.outcomes.items():
        yield "family", outcome.family, words.family_names, f"outcomes.{key}.family"
        for event in (*outcome.events, outcome.since, outcome.at_time_zero):
            if event is not None:
                yield "event", event, words.events, f"outcomes.{key}"


@cache
def vocabulary() -> Vocabulary:
    """The bundled vocabulary."""
    return load_vocabulary(scenarios_folder() / "evidence" / "vocabulary.toml")
