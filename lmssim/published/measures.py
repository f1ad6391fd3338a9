"""What an outcome of a paper counts in a scenario, since when and by when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmssim.errors import nearest
from lmssim.published.series import AT_A_TIME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.published.arms import Arm
    from lmssim.published.targets import Target
    from lmssim.published.vocabulary import Outcome, Vocabulary

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
    """

    events: tuple[str, ...]
    text: str
    since: tuple[str, ...] = ()
    by: float | None = None
    after: float | None = None


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

    def counts_the_event_free(self, outcome: str) -> bool:
        """Whether papers print the share without the event."""
        known = self.words.outcomes.get(outcome)
        if known is not None:
            return known.deaths is not None
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
        since = target.since or measure.since or arm.since
        self._check_reachable(target, measure.events, since)
        text = f"{measure.text} since {listed(since)}" if since else measure.text
        return self._timed(target, replace(measure, since=since, text=text), statistic)

    def at_presentation(self) -> list[str]:
        """States whose patients no curative treatment has."""
        return [name for name in self.words.events[self.words.treatments.not_curative].states if name in self.names]

    # === What ===

    def _events(self, target: Target, arm: Arm) -> Measure:
        """Events of an outcome and where its time begins."""
        prefix, _, rest = target.outcome.partition(":")
        if prefix in self.words.named and rest:
            return self._named(prefix, rest, arm)
        outcome = self.words.outcomes.get(target.outcome)
        if outcome is None:
            return self._of_an_endpoint(target.outcome)
        if self.is_advanced and not outcome.advanced:
            raise NotComputableError("the scenario's patients begin with advanced disease")
        if outcome.by_line:
            return self._progression(outcome, arm)
        if outcome.since:
            return self._since_an_event(outcome, arm)
        if outcome.at_time_zero and target.time == 0.0 and (first := self.events_of(outcome.at_time_zero)):
            return Measure(first, self.words.events[outcome.at_time_zero].text)
        return self._plain(outcome)

    def _check_reachable(self, target: Target, events: tuple[str, ...], since: tuple[str, ...]) -> None:
        if not events:
            raise NotComputableError(f"the scenario has no state or event for {target.outcome}")
        absent = [name for name in since if name not in self.names]
        if absent:
            raise NotComputableError(f"the scenario has no {listed(absent)}")
        for operation in self.words.operations.values():
            earlier = self.words.events[operation.follows] if operation.follows else None
            if operation.state in since and earlier is not None and set(events) & set(earlier.states):
                raise NotComputableError(f"a second {earlier.text} is not told apart from the first")

    def _named(self, prefix: str, rest: str, arm: Arm) -> Measure:
        """An event that the outcome names."""
        known = self.words.named[prefix]
        if known.not_computable:
            raise NotComputableError(known.not_computable)
        name = known.same.get(rest, rest)
        if not known.by_regimen:
            if name not in self.names:
                raise NotComputableError(f"the scenario has no event {name}.{nearest(name, self.program.marks)}")
            return Measure((name,), name)
        event = self.words.lines.response.format(response=name, regimen=arm.regimen)
        if not arm.regimen or event not in self.program.marks:
            raise NotComputableError(f"the scenario has no event for {rest} {prefix} to this treatment")
        return Measure((event,), event)

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
        events = [name for event in outcome.events for name in self.events_of(event)]
        if outcome.events and not events:
            return NOTHING
        return Measure((*events, *self._deaths_of(outcome)), outcome.text)

    def _since_an_event(self, outcome: Outcome, arm: Arm) -> Measure:
        """Since what the arm names, or since the outcome's own event."""
        assert outcome.since is not None
        deaths = self._deaths_of(outcome)
        if arm.since:
            return Measure(deaths, outcome.text, arm.since)
        if self.is_advanced:
            return Measure(deaths, f"{outcome.text} since time zero")
        since = self.events_of(outcome.since)
        return Measure(deaths, outcome.text, since) if since else NOTHING

    def _progression(self, outcome: Outcome, arm: Arm) -> Measure:
        """Progression of a line or death, since the line began: the first, if no regimen was named."""
        lines = self.words.lines
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
        if outcome.deaths == "disease":
            return tuple(name for name in self.deaths if states[name].death == "disease")
        return self.deaths if outcome.deaths else ()

    # === When ===

    def _timed(self, target: Target, measure: Measure, statistic: str) -> Measure:
        """With the time by which events count, or after which they do."""
        outcome = self.words.outcomes.get(target.outcome)
        if outcome is not None and outcome.late:
            return _late(target, measure, statistic)
        if target.time_end is not None:
            raise NotComputableError(f"time_years is {target.time_years}: {target.statistic} is read at one time")
        at_a_time = statistic in AT_A_TIME
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


def _late(target: Target, measure: Measure, statistic: str) -> Measure:
    """Events after a time, of those who are then followed, alive and without one."""
    after = LATE if target.time is None else target.time
    if statistic not in ("proportion", "cumulative_incidence") or after <= 0.0:
        outcome = target.outcome.replace("_", " ")
        raise NotComputableError(f"{outcome} is a share of patients after a time")
    if statistic == "cumulative_incidence" and target.time_end is None:
        raise NotComputableError("the end of the time is not given; a cumulative incidence needs a range")
    text = f"{measure.text} after {after:g} years" + (f", by {target.time_end:g}" if target.time_end else "")
    text += ", of those then followed, alive and without one"
    return replace(measure, after=after, by=target.time_end, text=text)
