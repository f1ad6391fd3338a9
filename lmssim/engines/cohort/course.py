"""The course of patients, state by state: what decides it, what is paid for it, and where it leads.

Only what is within reach counts (`lmssim.engines.cohort.reachable`): without a patient, everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmssim.engines.cohort.reachable import Patient, Reachable, Reads
from lmssim.errors import UnsupportedError
from lmssim.kernels import families, layout
from lmssim.kernels.layout import CLOCK_ENTRY, NONE
from lmssim.model.program.rows import Visits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.model.program import Program
    from lmssim.model.program.rewards import Costs, Roles, StateRewards
    from lmssim.model.program.rows import Change, Effect, Event, Guard, Hazard, State, Transition

Guards = dict[tuple[int, int], int]
"""By attributes whose values decide about it, and the values asked for: the bits read."""
MAX_CURES = 20
MEMORYLESS = (families.EXPONENTIAL,)


@dataclass
class StateCourse:
    """A state: what is read there, what may change there, and where it leads.

    Attributes
    ----------
    dynamics, running, lumps : Reads
        What decides the course; what utilities and costs per year read; what other rewards read.
    guarded : dict
        Bits that decide the course where a guard holds.
    boxed : bool
        Whether the time since entry matters.
    cures : int
        Mixture cures, as bits, that are asked.
    silent : int
        Attribute bits that a silent event changes.
    may_set, may_clear : int
        Attribute bits that may be set and cleared.
    met, met_on_entry : int
        Endpoints, then marks, as bits, that may be met in the state and on entering it.
    next : dict of int to int
        States that follow, and attributes that are cleared on every way there.
    """

    dynamics: Reads = field(default_factory=Reads)
    running: Reads = field(default_factory=Reads)
    lumps: Reads = field(default_factory=Reads)
    guarded: Guards = field(default_factory=dict)
    boxed: bool = False
    cures: int = 0
    silent: int = 0
    may_set: int = 0
    may_clear: int = 0
    met: int = 0
    met_on_entry: int = 0
    next: dict[int, int] = field(default_factory=dict)

    def change(self, change: Change) -> None:
        """Attributes may change."""
        self.may_clear |= change.clear & ~change.set
        self.may_set |= change.set

    def decide(self, guard: Guard, reads: Reads) -> None:
        """A row decides the course: whether its guard holds, and if so what it reads."""
        self.dynamics.bits |= guard.care
        self.dynamics |= Reads(clocks=reads.clocks, timed=reads.timed)
        asked = guard.care, guard.want
        self.guarded[asked] = self.guarded.get(asked, 0) | reads.bits

    def lead(self, target: int, clear: int) -> None:
        """A way to another state, on which some attributes are cleared."""
        self.next[target] = self.next.get(target, clear) & clear


class Course:
    """All states within reach.

    Attributes
    ----------
    states : list of StateCourse
        By flat state; empty of those out of reach.
    cures : dict of int to int
        Risk to the number of its mixture cure.
    repeats : int
        Marks, as bits after those of endpoints, that may be met more than once within a stay.

    Raises
    ------
    UnsupportedError
        If something in it cannot be followed; the message names it.
    """

    def __init__(self, program: Program, patient: Patient | None = None) -> None:
        self.program, self.rows = program, program.rows
        self.reach = Reachable(self.rows, patient)
        self.n_endpoints = len(self.rows.counting.endpoints)
        self.states = [StateCourse(met_on_entry=_any_of(roles)) for roles in self.rows.counting.of_state]
        self.cures: dict[int, int] = {}
        self.repeats = 0
        for number in sorted(self.reach.states):
            _Reader(self, self.rows.states[number]).read()

    def changes(self, *refs: int) -> bool:
        """Whether values differ from one time to another of a patient's life."""
        reads = Reads()
        for ref in refs:
            reads |= self.reach.of(ref)
        return self.reach.patient is not None and bool(reads.bits or reads.clocks or reads.timed)

    def refuse_changing(self, marks: Iterable[int]) -> None:
        """Refuse losses of events that may happen again and do not stack, if size or duration may have changed."""
        for mark in marks:
            worth, name = self.rows.rewards.of_mark[mark], self.rows.marks[mark]
            if self.changes(worth.loss, worth.years):
                raise UnsupportedError(
                    f"{self.program.scenario.path}: event '{name}': a repeated loss of utility whose size or duration"
                    " depends on attributes, age, time or a clock is not supported by engine 'cohort'; use engine"
                    " 'compiled'."
                )


class _Reader:
    """Reads the rows of one state."""

    def __init__(self, course: Course, state: State) -> None:
        self.course, self.rows, self.state = course, course.rows, state
        self.stay = course.states[state.number]
        self.of, self.code = course.reach.of, course.reach.code
        self.rewards = self.rows.rewards

    def read(self) -> None:
        """What may happen in the state, and what it is worth."""
        stay, state, reach = self.stay, self.state, self.course.reach
        stay.change(state.change)
        for event in reach.events(state):
            self._event(event)
            loses = self.rewards.of_mark[event.number].loss != NONE
            stay.boxed |= state.kind == layout.DWELLING or loses
        for branch in reach.branches(state):
            reads = self._effects(branch.effects)
            for each in (self.of(branch.ref), self.code(branch.guard.rule)):
                reads |= each
            stay.decide(branch.guard, reads)
            stay.change(branch.change)
            stay.lead(branch.to, branch.change.clear)
        transitions = list(reach.transitions(state))
        for transition in transitions:
            self._transition(transition)
        for clock in state.clocks:
            if self.rows.clocks[clock].first:
                stay.dynamics.clocks |= 1 << clock  # whether it runs decides whether it starts
        self._worth(self.rewards.of_state[state.number])
        self._refuse_ruled_by_time(transitions)

    # --- refs ---

    def _effects(self, effects: Iterable[Effect]) -> Reads:
        """What effects read; one that is nil reads nothing."""
        reads = Reads()
        for effect in effects:
            size = self.of(effect.ref)
            if size.value == 0.0 and effect.clock == NONE:
                continue
            reads.bits |= effect.mask
            reads |= size
            if effect.clock >= 0:
                reads.clocks |= 1 << effect.clock
        return reads

    def _refs(self, *refs: int) -> Reads:
        reads = Reads()
        for ref in refs:
            reads |= self.of(ref)
        return reads

    def _costs(self, costs: Costs) -> Reads:
        return self._refs(*(cost.ref for cost in costs))

    def _lump(self, costs: Costs, loss: int, years: int) -> None:
        """Something paid, and a loss of utility for some years."""
        self.stay.lumps |= self._costs(costs)
        self.stay.lumps |= self._refs(loss, years)

    # --- events and transitions ---

    def _event(self, event: Event) -> None:
        reads = self._effects(event.effects)
        reads |= self._refs(event.ref, event.death_ref)
        reads |= self.code(event.guard.rule)
        self.stay.decide(event.guard, reads)
        self._mark(event.number)
        self._follow_event(event)

    def _follow_event(self, event: Event) -> None:
        """What an event changes, and where it may lead."""
        self.stay.change(event.change)
        if event.death_ref != NONE:
            self.stay.lead(event.death_state, 0)

    def _mark(self, number: int) -> None:
        rewards, own = self.rewards.of_mark[number], 1 << (self.course.n_endpoints + number)
        self.course.repeats |= self.stay.met & own
        self.stay.met |= _any_of(self.rows.counting.of_mark[number]) | own
        self._lump(rewards.costs, rewards.loss, rewards.years)

    def _transition(self, transition: Transition) -> None:
        reads, event = self._effects(transition.effects), transition.event
        reads |= self.code(transition.guard.rule)
        reads |= self._timing(transition.timing)
        if transition.mark >= 0:
            self._mark(transition.mark)
            loses = self.rewards.of_mark[transition.mark].loss != NONE
            if loses and transition.silent and not isinstance(transition.timing, Visits):
                mark = self.rows.marks[transition.mark]
                self._refuse(f"a loss of utility that begins at a random time within the stay (event '{mark}')")
        if event is not None:
            reads |= self.of(event.death_ref)
            self._follow_event(event)
        self.stay.decide(transition.guard, reads)
        self.stay.change(transition.change)
        worth = self.rewards.of_transition[transition.number]
        if worth.over_stay:
            self._refuse("an amount of a transition that accrues over the stay (over_stay = true)")
        paid = self._costs((*worth.costs, *worth.counts))
        paid |= self.of(worth.qalys)
        if paid.timed:
            self._refuse("a transition cost, or QALYs of a transition, that read age, time or a clock")
        self.stay.lumps |= paid
        if transition.silent:
            self._go_on(transition)
        else:
            self.stay.lead(transition.to, transition.change.clear)

    def _timing(self, timing: Hazard | Visits) -> Reads:
        """What decides when a transition happens."""
        if isinstance(timing, Visits):
            self._plan(timing.plan)
            return self.of(timing.ref)
        refs = () if timing.family == families.PIECEWISE else timing.refs
        reads = self._refs(*refs, timing.cure)
        if timing.clock >= 0:
            reads.clocks |= 1 << timing.clock
        elif timing.clock == CLOCK_ENTRY and timing.family not in MEMORYLESS:
            self.stay.boxed = True
        if timing.cure != NONE:
            self._cure(timing.risk)
        return reads

    def _plan(self, plan: int) -> None:
        clock = self.rows.plans[plan].origin
        if clock >= 0:
            self.stay.dynamics.clocks |= 1 << clock
        elif clock == CLOCK_ENTRY:
            self.stay.boxed = True

    def _cure(self, risk: int) -> None:
        cures = self.course.cures
        number = cures.setdefault(risk, len(cures))
        if len(cures) > MAX_CURES:
            self._refuse(f"more than {MAX_CURES} mixture cures")
        self.stay.cures |= 1 << number

    def _go_on(self, silent: Transition) -> None:
        """A stay goes on after a silent event, which may happen again."""
        self.stay.silent |= silent.change.clear | silent.change.set
        if silent.event is not None:
            self.stay.silent |= silent.event.change.clear | silent.event.change.set
        self.course.repeats |= 1 << (self.course.n_endpoints + silent.mark) if silent.mark >= 0 else 0

    # --- worth ---

    def _worth(self, rewards: StateRewards) -> None:
        """What is paid for the state, and when."""
        stay = self.stay
        stay.running |= self.of(rewards.utility)
        stay.running |= self._costs(rewards.rate)
        stay.lumps |= self.of(rewards.entry_qaly)
        stay.lumps |= self._costs(rewards.entry)
        for schedule in rewards.schedules:
            self._plan(schedule.plan)
            if schedule.loss != NONE and self.course.changes(schedule.loss, schedule.years):
                self._refuse(
                    "a loss of utility at ticks whose size or duration depends on attributes, age, time or a clock"
                )
            self._lump(schedule.costs, schedule.loss, schedule.years)
        for limited in rewards.limited:
            stay.boxed = True
            self._lump(limited.costs, limited.loss, limited.years)
        self._refuse_excluded(rewards)
        if rewards.terminal >= 0:
            care = self.rewards.terminal[rewards.terminal]
            if care.before:
                self._refuse("a cost or loss of utility by time to death (`before_death` of its terminal care)")
            stay.lumps |= self._costs(care.costs)

    # --- what cannot be followed ---

    def _refuse_excluded(self, rewards: StateRewards) -> None:
        """The way to death within the window of terminal care is followed by hazards alone."""
        excludes = self.rewards.excludes

        def replaces(*paid: Costs) -> bool:
            return any((excludes >> cost.category) & 1 for costs in paid for cost in costs)

        fixed = any(transition.timing.family == families.FIXED for transition in self.state.transitions)
        if fixed and replaces(rewards.rate, *(schedule.costs for schedule in rewards.schedules)):
            self._refuse("a cost that terminal care replaces, in a stay of fixed length,")
        lumps = (rewards.entry, *(limited.costs for limited in rewards.limited))
        if self.state.kind == layout.DWELLING and replaces(*lumps):
            self._refuse("an entry cost or limited cost that terminal care replaces")

    def _refuse_ruled_by_time(self, transitions: list[Transition]) -> None:
        """A rule is asked again after a silent event, at a time that is not followed."""
        if not any(transition.silent for transition in transitions):
            return
        if any(self.code(transition.guard.rule).timed for transition in transitions):
            self._refuse("a rule that reads age, time or a clock, in a state with silent events,")

    def _refuse(self, what: str) -> None:
        raise UnsupportedError(
            f"{self.course.program.scenario.path}: state '{self.state.name}': {what} is not supported by engine"
            " 'cohort'; use engine 'compiled'."
        )


def _any_of(roles: Roles) -> int:
    """Endpoints that meeting it ends, in whichever way."""
    return roles.event_of | roles.competing_of | roles.censoring_of
