"""What an outcome of a paper counts in a scenario, since when and by when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmssim.errors import nearest
from lmssim.published.grades import grades_of, same_grades
from lmssim.published.series import AT_A_TIME, BY_PATTERN, ON_CURVES, RESTRICTED
from lmssim.published.targets import NOBODY
from lmssim.published.vocabulary import Graded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.published.arms import Arm
    from lmssim.published.targets import Target
    from lmssim.published.vocabulary import Outcome, Vocabulary

SHARES_AFTER = ("proportion", "cumulative_incidence", "km_survival")
"""Statistics that are computed after a landmark."""
LATE = 5.0
"""Years after which an event is late, where no time is given."""


class NotComputableError(Exception):
    """Why a scenario cannot compute a target."""


@dataclass(frozen=True)
class Measure:
    """What is counted, and when.

    Attributes
    ----------
    events, since : tuple of str
        States and event records.
    text : str
        The same in words.
    by, after : float or None
        Years.
    others : tuple of str
        Events that are told apart from `events`.
    together : bool
        Whether patients count who have both.
    window : float or None
        Years within which both count as found together.
    """

    events: tuple[str, ...]
    text: str
    since: tuple[str, ...] = ()
    by: float | None = None
    after: float | None = None
    others: tuple[str, ...] = ()
    together: bool = False
    window: float | None = None


NOTHING = Measure((), "")
"""Of an outcome that the scenario has no event for."""


def listed(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return ", ".join(names)


class Measures:
    """Outcomes of papers as events of one scenario.

    Parameters
    ----------
    program : Program
        The scenario compiled.
    words : Vocabulary
        Words of papers.
    """

    def __init__(self, program: Program, words: Vocabulary) -> None:
        self.program, self.words = program, words
        self.names = {*program.states, *program.flat.names(), *program.marks}
        self.deaths = tuple(name for name, state in self.scenario.file.states.items() if state.kind == "absorbing")
        advanced = words.advanced
        self.is_advanced = advanced.has in self.names and not set(advanced.has_none_of) & self.names

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.program.scenario

    def outcome_of(self, text: str) -> str:
        """An outcome of the vocabulary or an endpoint of the scenario, by what a paper calls it."""
        return text if text in self.scenario.file.endpoints else self.words.outcome_of(text)

    def statistic_of(self, target: Target, statistic: str) -> str:
        """Statistic of a row of a series that computes a target, of those that counts of events have."""
        outcome = self.words.outcomes.get(target.outcome)
        if outcome is not None and outcome.untimed:
            if statistic not in ("proportion", "cumulative_incidence"):
                raise NotComputableError(f"{outcome.text} is a share of patients")
            return "proportion"
        if not self._counts_deaths(target.outcome):
            return statistic
        if statistic == "median_time":
            return "km_median"
        return RESTRICTED if statistic == "mean_time" and target.time else statistic

    def _counts_deaths(self, outcome: str) -> bool:
        known = self.words.outcomes.get(outcome)
        return known.deaths is not None if known is not None else self.counts_the_event_free(outcome)

    def counts_the_event_free(self, outcome: str) -> bool:
        """Whether papers print the share without the event."""
        known = self.words.outcomes.get(outcome)
        if known is not None:
            return known.deaths is not None and not known.mortality
        endpoint = self.scenario.file.endpoints.get(outcome)
        return endpoint is not None and endpoint.kind == "survival"

    def of(self, target: Target, arm: Arm, statistic: str) -> Measure:
        """What a target counts, and when.

        Raises
        ------
        NotComputableError
            If the scenario has no such event, or the target no such time.
        """
        measure = self._events(target, arm)
        if measure.others and (statistic not in BY_PATTERN or (measure.window is None and statistic != "proportion")):
            outcome = target.outcome.replace("_", " ")
            raise NotComputableError(f"{statistic} cannot tell {outcome} apart; a crude proportion can")
        since = self._since(target, measure, arm, statistic)
        self._check_reachable(target, measure, since)
        text = f"{measure.text} since {listed(since)}" if since else measure.text
        return self._timed(target, replace(measure, since=since, text=text), statistic)

    def _since(self, target: Target, measure: Measure, arm: Arm, statistic: str) -> tuple[str, ...]:
        """From what time counts; a curve of patients who had an event counts from it unless the row says otherwise."""
        if target.since:
            return () if target.since == (NOBODY,) else target.since
        given = self.named(target.given) if statistic in ON_CURVES else ()
        return measure.since or arm.since or given

    def named(self, names: Iterable[str]) -> tuple[str, ...]:
        """States and event records that some names stand for: outcomes of the vocabulary, else states and records."""
        found: list[str] = []
        for name in names:
            outcome = self.outcome_of(name)
            events = self._plain(self.words.outcomes[outcome]).events if self.selects(outcome) else ()
            found += events or ((name,) if name in self.names else ())
        return tuple(dict.fromkeys(found))

    def at_presentation(self) -> list[str]:
        """States whose patients no curative treatment has."""
        return [name for name in self.words.events[self.words.treatments.not_curative].states if name in self.names]

    def check_stage(self, outcome: str) -> None:
        """Refuse an outcome of early disease where all patients begin with advanced disease.

        Raises
        ------
        NotComputableError
            With the reason.
        """
        known = self.words.outcomes.get(outcome)
        if known is not None and self.is_advanced and not known.advanced:
            raise NotComputableError("the scenario's patients begin with advanced disease")

    def selects(self, name: str) -> bool:
        """Whether patients can be chosen by an outcome of the vocabulary: one that is an event, not a pattern."""
        known = self.words.outcomes.get(name)
        return known is not None and not known.others and not known.deaths and not known.late

    # === What ===

    def _events(self, target: Target, arm: Arm) -> Measure:
        """Events of an outcome and where its time begins."""
        prefix, _, rest = target.outcome.partition(":")
        if prefix in self.words.named and rest:
            measure = self._named(prefix, rest, arm, target.complication_grade)
            return measure if self.words.named[prefix].by_regimen else _in_lines(measure, arm)
        if target.complication_grade:
            raise NotComputableError(f"complication_grade is of complications, not of {target.outcome}")
        outcome = self.words.outcomes.get(target.outcome)
        if outcome is None:
            return self._of_an_endpoint(target.outcome)
        if outcome.by_line:
            return self._progression(outcome, arm)
        if outcome.since:
            return self._since_an_event(outcome, arm)
        if outcome.at_time_zero and target.time == 0.0 and (first := self.events_of(outcome.at_time_zero)):
            return Measure(first, self.words.events[outcome.at_time_zero].text)
        return self._plain(outcome)

    def _check_reachable(self, target: Target, measure: Measure, since: tuple[str, ...]) -> None:
        events = measure.events
        if not events:
            raise NotComputableError(f"the scenario has no state or event for {target.outcome}")
        absent = [name for name in since if name not in self.names]
        if absent:
            raise NotComputableError(f"the scenario has no {listed(absent)}")
        for operation in self.words.operations.values():
            earlier = self.words.events[operation.follows] if operation.follows else None
            if operation.state in since and earlier is not None and set(events) & set(earlier.states):
                raise NotComputableError(f"a second {earlier.text} is not told apart from the first")
        again = [name for name in since if name in (*events, *measure.others) and name not in self.deaths]
        if again:
            raise NotComputableError(f"a second {listed(again)} is not told apart from the first")

    def _named(self, prefix: str, rest: str, arm: Arm, grade: str) -> Measure:
        """An event that the outcome names."""
        known = self.words.named[prefix]
        if known.not_computable:
            raise NotComputableError(known.not_computable)
        name = known.event_of(rest)
        spec = known.graded.get(name)
        if spec is not None and {*spec.events} & self.names:
            return self._graded(name, self._as_stated(spec), grade)
        name = rest if rest in self.names else name
        if name in known.absent and name not in self.names:
            raise NotComputableError(known.absent[name])
        own = self.scenario.file.events.get(name)
        if own is not None and own.grades is not None:
            return self._graded(name, Graded(events=[name], grades=own.grades), grade)
        if grade:
            raise NotComputableError(f"the scenario has no grades of {name}")
        if not known.by_regimen:
            if name not in self.names:
                raise NotComputableError(f"the scenario has no event {name}.{nearest(name, self.program.marks)}")
            return Measure((name,), name)
        regimens = (arm.regimen,) if arm.regimen else arm.any_of
        events = tuple(self.words.lines.response.format(response=name, regimen=regimen) for regimen in regimens)
        if not events or not set(events) <= set(self.program.marks):
            raise NotComputableError(f"the scenario has no event for {rest} {prefix} to this treatment")
        return Measure(events, listed(events))

    def _as_stated(self, spec: Graded) -> Graded:
        """Events of a complication with the grades that the scenario states, where it states the same of all."""
        events = self.scenario.file.events
        stated = {events[name].grades if name in events else None for name in spec.events if name in self.names}
        if stated == {None}:
            return spec
        return Graded(events=spec.events, grades=stated.pop() if len(stated) == 1 else None)

    def _graded(self, name: str, spec: Graded, grade: str) -> Measure:
        """A complication of some grades."""
        events = tuple(event for event in spec.events if event in self.names)
        asked, counted = grades_of(grade), grades_of(spec.grades or "")
        if asked is None:
            said = f" of grade {spec.grades} (the target states no grade)" if counted else ""
            return Measure(events, f"{name}{said}")
        if counted is None:
            raise NotComputableError(f"the scenario has no grades of {name}")
        if not same_grades(asked, counted):
            raise NotComputableError(f"the scenario counts {name} of grade {spec.grades}, the target of grade {grade}")
        return Measure(events, f"{name} of grade {grade}")

    def _of_an_endpoint(self, outcome: str) -> Measure:
        """An endpoint that the scenario names."""
        endpoints = self.scenario.file.endpoints
        endpoint = endpoints.get(outcome)
        if endpoint is None:
            known = [*self.words.outcomes, *(f"{prefix}:..." for prefix in self.words.named), *endpoints]
            raise NotComputableError(f"unknown outcome '{outcome}'.{nearest(outcome, known)}")
        events = [*endpoint.events, *(self.deaths if endpoint.death == "event" else ())]
        since = () if endpoint.origin == "model" else (endpoint.origin,)
        return Measure(tuple(dict.fromkeys(events)), f"endpoint {outcome}", since)

    def _plain(self, outcome: Outcome) -> Measure:
        """Events since time zero; none if the scenario has deaths alone of what is asked for."""
        events, others = (
            [name for event in which for name in self.events_of(event)] for which in (outcome.events, outcome.others)
        )
        if (outcome.events and not events) or (outcome.others and not others):
            return NOTHING
        missing = [self.words.events[event].text for event in outcome.events if not self.events_of(event)]
        text = f"{outcome.text} (the scenario has no {listed(missing)})" if missing else outcome.text
        counted = (*events, *self._deaths_of(outcome))
        return Measure(counted, text, others=tuple(others), together=outcome.together, window=outcome.window)

    def _since_an_event(self, outcome: Outcome, arm: Arm) -> Measure:
        """Since what the arm names, or since the outcome's own event."""
        assert outcome.since is not None
        counted = self._plain(outcome)
        if arm.since and outcome.untimed:
            raise NotComputableError(f"{outcome.text} after {listed(arm.since)} is not told from that of the first one")
        if arm.since:
            return replace(counted, since=arm.since)
        if self.is_advanced:
            return replace(counted, text=f"{outcome.text} since time zero")
        since = self.events_of(outcome.since)
        return replace(counted, since=since) if since or outcome.untimed else NOTHING

    def _progression(self, outcome: Outcome, arm: Arm) -> Measure:
        """Progression of a line or death, since the line began: the first, if no regimen was named."""
        lines = self.words.lines
        if arm.untreated:
            raise NotComputableError("progression is that of a line of treatment, and none is given")
        if arm.since and not arm.line:
            raise NotComputableError(f"progression after {listed(arm.since)} is not told apart from that of a line")
        event = lines.progression.format(line=arm.line or 1)
        if event not in self.names:
            return NOTHING
        since = arm.since if arm.line else (lines.phase.format(line=1),)
        return Measure((event, *self._deaths_of(outcome)), f"{event} or death", since)

    def events_of(self, event: str) -> tuple[str, ...]:
        """Events of an endpoint that has the event's name, or the states of it that the scenario has."""
        spec, endpoints = self.words.events[event], self.scenario.file.endpoints
        for name in spec.endpoints:
            if name in endpoints:
                return tuple(endpoints[name].events)
        return tuple(name for name in spec.states if name in self.names)

    def _deaths_of(self, outcome: Outcome) -> tuple[str, ...]:
        states = self.scenario.file.states
        if outcome.deaths in ("disease", "treatment"):
            return tuple(name for name in self.deaths if states[name].death == outcome.deaths)
        return self.deaths if outcome.deaths else ()

    # === When ===

    def _timed(self, target: Target, measure: Measure, statistic: str) -> Measure:
        """With the time by which events count, or after which they do."""
        outcome = self.words.outcomes.get(target.outcome)
        if outcome is not None and outcome.untimed:
            not_used = f" (time_years {target.time_years} not used)" if target.time_years else ""
            return replace(measure, text=f"{measure.text}{not_used}")
        if outcome is not None and outcome.late:
            return self._late(target, measure, statistic)
        if target.time_end is not None:
            return _between(target, measure, statistic)
        if statistic == RESTRICTED and not target.time:
            raise NotComputableError("the horizon of the restricted mean is not given in time_years")
        at_a_time = statistic in (*AT_A_TIME, RESTRICTED)
        if target.time is None:
            if at_a_time:
                raise NotComputableError("the time of the target is not given")
            return measure
        if target.time == 0.0:
            if statistic == "proportion" and outcome and measure.events == self._first_events(outcome):
                return measure
            raise NotComputableError("the time of the target is 0")
        if at_a_time or (statistic == "proportion" and target.states_follow_up):
            return replace(measure, by=target.time, text=f"{measure.text} by {target.time:g} years")
        return measure if statistic == "proportion" else replace(measure, text=f"{measure.text} (time_years not used)")

    def _first_events(self, outcome: Outcome) -> tuple[str, ...]:
        """Events that patients may have had at time zero."""
        return self.events_of(outcome.at_time_zero) if outcome.at_time_zero else ()

    def _late(self, target: Target, measure: Measure, statistic: str) -> Measure:
        """Events after a time, of those who are then followed, alive and without one."""
        said = self.words.late.time_of(target.population) if target.time is None else None
        after = target.time if target.time is not None else said or LATE
        if statistic not in SHARES_AFTER or after <= 0.0:
            outcome = target.outcome.replace("_", " ")
            raise NotComputableError(f"{outcome} is a share of patients after a time")
        if statistic in AT_A_TIME and target.time_end is None:
            raise NotComputableError("the end of the time is not given; a cumulative incidence needs a range")
        source = "" if target.time is not None else " as the patients' words say" if said else " by default"
        return _after(measure, after, target.time_end, source)


def _in_lines(measure: Measure, arm: Arm) -> Measure:
    """An event that may happen in every line of treatment: it is known when it first happened."""
    if arm.line > 1:
        raise NotComputableError(f"{measure.text} in line {arm.line} is not told apart from that of an earlier line")
    return replace(measure, text=f"{measure.text} in this line or a later one") if arm.line else measure


def _between(target: Target, measure: Measure, statistic: str) -> Measure:
    """Events between two times, of those who are followed, alive and without one at the first."""
    assert target.time is not None
    assert target.time_end is not None
    if statistic not in SHARES_AFTER:
        raise NotComputableError(f"time_years is {target.time_years}: {target.statistic} is read at one time")
    if target.time == 0.0:
        return replace(measure, by=target.time_end, text=f"{measure.text} by {target.time_end:g} years")
    return _after(measure, target.time, target.time_end)


def _after(measure: Measure, after: float, by: float | None, source: str = "") -> Measure:
    text = f"{measure.text} after {after:g} years{source}" + (f", by {by:g}" if by else "")
    return replace(measure, after=after, by=by, text=f"{text}, of those then followed, alive and without one")
