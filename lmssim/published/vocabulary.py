"""The words of papers: what they call sites, treatments and outcomes, and what scenarios call the same.

`scenarios/evidence/vocabulary.toml` holds the words of papers on leiomyosarcoma; nothing in Python knows them.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lmssim.bundled import scenarios_folder
from lmssim.errors import ScenarioError, unknown
from lmssim.model.language.files import read_toml
from lmssim.model.language.messages import checked
from lmssim.model.language.schema.words import Section
from lmssim.published.grades import grades_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

OTHER = "other"
"""Outcome family of what no rule names, and of complications: it is never fitted."""


class Sites(Section):
    """Sites of tumours."""

    covariate: str
    """Covariate that holds a patient's site."""
    names: list[str] = []
    """Sites that scenarios have: rows of others than a scenario's own are left out of its table."""
    same: dict[str, str] = {}
    """A paper's site, and the scenario's."""
    all_but: dict[str, str] = {}
    """A paper's site that is every site but one."""

    @property
    def words(self) -> set[str]:
        """Words that papers use beside the scenario's own."""
        return {"all", *self.names, *self.same, *self.all_but}


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
    numbered: dict[str, int] = {}
    """How words for any treatment of a line begin, and its number."""
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
    absent: bool = False
    """Whether no bundled scenario has it, so that outcomes are read without it and say so."""


class Outcome(Section):
    """What an outcome counts."""

    text: str
    words: list[str] = []
    """What papers call it."""
    events: list[str] = []
    others: list[str] = []
    """Events that are told apart from `events`: patients count who have `events` alone."""
    together: bool = False
    """Whether patients count who have both `events` and `others`."""
    window: float | None = Field(default=None, gt=0)
    """Years within which both count as found together; all of follow-up if absent."""
    deaths: Literal["all", "disease", "treatment"] | None = None
    """Deaths that count too: a share of patients is then printed as the share without the event."""
    mortality: bool = False
    """Whether a share of patients is printed as the share with the event all the same."""
    untimed: bool = False
    """Whether it comes with what begins its time, so that the time of a target is not used."""
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

    @property
    def is_of_metastasis(self) -> bool:
        """Whether only patients with advanced disease have it."""
        return self.advanced and not self.mortality


class Graded(Section):
    """A complication that scenarios count from a grade on, perhaps by several events."""

    events: list[str]
    """Events, of which those count that the scenario has."""
    grades: str | None = None
    """Grades that they count, such as ">=3"; None if scenarios do not tell them apart."""


class NamedEvent(Section):
    """Outcomes `prefix:event` that name an event of the scenario."""

    same: dict[str, str] = {}
    """A paper's name of an event, and the scenario's or one of `graded`."""
    graded: dict[str, Graded] = {}
    """Names of events that have grades, or stand for several events."""
    absent: dict[str, str] = {}
    """A paper's name of what no scenario has, and why."""
    by_regimen: bool = False
    """Whether each regimen has its own."""
    not_computable: str | None = None
    """Why no scenario has it."""

    def event_of(self, text: str) -> str:
        """The scenario's name of an event, one of `graded` or of `absent`, by a paper's; else the text itself."""
        known = {plain(name): name for name in (*self.graded, *self.absent)}
        known |= {plain(name): event for name, event in self.same.items()}
        return known.get(plain(text), text)


class Late(Section):
    """When outcomes count as late, where the time of a target is not given."""

    population: list[str] = []
    """How the words for patients say it, with `{time}` in place of the years: "event-free at {time} y"."""

    def time_of(self, population: str) -> float | None:
        """Years that the words for patients say; None if they say none."""
        for words in self.population:
            pattern = re.escape(words).replace(re.escape("{time}"), r"(\d{1,3}(?:\.\d{1,4})?)")
            if found := re.search(pattern, population):
                return float(found[1])
        return None


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
    statistics: dict[str, list[str]] = {}
    """A statistic, and what papers call it."""
    late: Late = Late()
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

    def statistic_of(self, text: str) -> str:
        """A statistic by what a paper calls it; the text itself if no statistic is called so."""
        return self._called(text, self.statistics)

    def outcome_of(self, text: str) -> str:
        """An outcome by what a paper calls it; the text itself if no outcome is called so."""
        if text in self.outcomes:
            return text
        prefix, _, rest = text.partition(":")
        own = rest if prefix in self.named and rest else text
        return self._called(own, {key: outcome.words for key, outcome in self.outcomes.items()}, text)

    @staticmethod
    def _called(text: str, words: Mapping[str, Collection[str]], otherwise: str | None = None) -> str:
        wanted = plain(text)
        found = (key for key, names in words.items() if wanted in map(plain, (key, *names)))
        return next(found, text if otherwise is None else otherwise)

    def family_of_outcome(self, outcome: str) -> str:
        """Outcome family of an outcome."""
        return self.outcomes[outcome].family if outcome in self.outcomes else OTHER


def plain(text: str) -> str:
    """Words in lower case, parted by single blanks: `30-day_Mortality` as `30 day mortality`."""
    return " ".join(re.split(r"[\s_-]+", text.strip().lower()))


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
    _check_words(words, path)
    return words


def _check_words(words: Vocabulary, path: Path) -> None:
    """Refuse a word that stands for two outcomes or statistics, and grades that are none."""
    of_outcomes = {key: outcome.words for key, outcome in words.outcomes.items()}
    for section, known in (("outcomes", of_outcomes), ("statistics", words.statistics)):
        owner: dict[str, str] = {}
        for key, names in known.items():
            for name in dict.fromkeys(map(plain, (key, *names))):
                if name in owner:
                    raise ScenarioError(f"{path}: {section}.{key}: '{name}' stands for '{owner[name]}' too.")
                owner[name] = key
    for prefix, event in words.named.items():
        for name, graded in event.graded.items():
            if graded.grades is not None and grades_of(graded.grades) is None:
                place = f"{path}: named.{prefix}.graded.{name}.grades"
                raise ScenarioError(f"{place}: '{graded.grades}' is not a grade from 1 to 5, such as 3, 3-4 or >=2.")


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
        yield "family", outcome.family, [*words.family_names, OTHER], f"outcomes.{key}.family"
        for event in (*outcome.events, *outcome.others, outcome.since, outcome.at_time_zero):
            if event is not None:
                yield "event", event, words.events, f"outcomes.{key}"


@cache
def vocabulary() -> Vocabulary:
    """The bundled vocabulary."""
    return load_vocabulary(scenarios_folder() / "evidence" / "vocabulary.toml")
