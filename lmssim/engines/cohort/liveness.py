"""What the future of each state reads: attributes and clocks that nothing reads any more need not be told apart.

An exact solution has to follow every combination of what the future depends on. This module finds, by backward
analysis over the states, the least that has to be followed: attributes and named clocks that are still read, states
whose time since entry matters, and attributes that weigh on utilities and running costs alone (*passive*), which move
with the patients without changing their course. For one patient under one strategy much is out of reach (treatments
that are not planned, effects that are nil): what reads an attribute there does not count
(`lmssim.engines.cohort.reachable`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.reachable import Patient, Reachable, Reads
from lmssim.errors import UnsupportedError
from lmssim.kernels import families, layout
from lmssim.kernels.layout import CLOCK_ENTRY, NONE
from lmssim.model.program.rows import Test

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lmssim.kernels import IntArray
    from lmssim.model.program import Program
    from lmssim.model.program.rewards import Costs, Roles, StateRewards
    from lmssim.model.program.rows import Change, Effect, Event, Guard, Hazard, State, Transition

Guards = dict[tuple[int, int], int]
"""By attributes whose values decide about it, and the values asked for: the bits read."""
MAX_PASSIVE = 4
"""Passive attributes at most: results are kept for each combination of them."""
GUARD_WIDTH = 5
MAX_CURES = 20
MAX_WATCHERS = 62
ONCE, NO_ROOM = -1, -2
"""In place of a mark's watcher: it can be met once at most, so that its expected number says all; none is left."""
MEMORYLESS = (families.EXPONENTIAL,)


@dataclass(frozen=True)
class Liveness:
    """What has to be followed, by flat state where an array.

    Attributes
    ----------
    live_bits : ndarray(int)
        Attribute bits that are read after entry into the state whatever the others are; passive ones left out.
    first_guard : ndarray(int)
        (n_states + 1,) where the state's guards begin in `guards`.
    guards : ndarray(int, ndim=2)
        Further bits that are read later, by rows of: attributes whose values decide about it, the values asked for,
        the bits read, and what may be set and cleared meanwhile.
    live_clocks : ndarray(int)
        Named clocks, as bits, that are read after entry.
    live_cures : ndarray(int)
        Mixture cures, as bits, that may still be asked.
    entry_bits : ndarray(int)
        Attributes that rewards read as they were on entry though a silent event may change them within the stay.
    boxed : ndarray(int)
        Whether the time since entry matters, so that entries at different times must be kept apart.
    timed : ndarray(int)
        Whether what is evaluated at entry into the state depends on age, time or a clock.
    passive : ndarray(int)
        Attribute bits that weigh on utilities and costs per year alone.
    cure_of_risk : ndarray(int)
        By risk, the number of its mixture cure; -1 if it has none.
    ahead : ndarray(int)
        Watchers, as bits, that may still be met after entry into the state.
    watcher : ndarray(int)
        By mark, its watcher: endpoints come first; else `ONCE` or `NO_ROOM`.
    n_watchers : int
        Endpoints, and marks that have a watcher.
    """

    live_bits: IntArray
    first_guard: IntArray
    guards: IntArray
    live_clocks: IntArray
    live_cures: IntArray
    entry_bits: IntArray
    boxed: IntArray
    timed: IntArray
    passive: IntArray
    cure_of_risk: IntArray
    ahead: IntArray
    watcher: IntArray
    n_watchers: int


class _Analysis:
    """Walks over the rows of a program; `dynamics` are what decides the course, `worth` what is paid for it."""

    def __init__(self, program: Program, patient: Patient | None = None) -> None:
        self.program, self.rows = program, program.rows
        self.reach = Reachable(self.rows, patient)
        self.n, self.n_endpoints = len(self.rows.states), len(self.rows.counting.endpoints)
        self.of, self.code = self.reach.of, self.reach.code
        self.cures: dict[int, int] = {}
        self.dynamics = [Reads() for _ in range(self.n)]
        self.running = [Reads() for _ in range(self.n)]
        self.lumps = [Reads() for _ in range(self.n)]
        self.guarded: list[Guards] = [{} for _ in range(self.n)]
        self.boxed = [False] * self.n
        self.cure_bits = [0] * self.n
        self.silent = [0] * self.n
        self.may_set, self.may_clear = [0] * self.n, [0] * self.n
        self.met = [0] * self.n
        self.met_on_entry = [_any_of(roles) for roles in self.rows.counting.of_state]
        self.repeats = 0
        self.next: list[dict[int, int]] = [{} for _ in range(self.n)]
        self.renewed = [False] * self.n
        self.ruled_by_time = [False] * self.n
        for number in sorted(self.reach.states):
            self._state(self.rows.states[number])
            if self.renewed[number] and self.ruled_by_time[number]:
                self._refuse(number, "a rule that reads age, time or a clock, in a state with silent events,")

    # --- reading ---

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

    def _decide(self, i: int, guard: Guard, reads: Reads) -> None:
        """A row decides the course: whether its guard holds, and if so what it reads."""
        self.dynamics[i].bits |= guard.care
        self.dynamics[i] |= Reads(clocks=reads.clocks, timed=reads.timed)
        asked = guard.care, guard.want
        self.guarded[i][asked] = self.guarded[i].get(asked, 0) | reads.bits

    def _lead(self, i: int, target: int, clear: int) -> None:
        """The way from a state to another, on which some attributes are cleared."""
        self.next[i][target] = self.next[i].get(target, clear) & clear

    def _change(self, i: int, change: Change) -> None:
        self.may_clear[i] |= change.clear & ~change.set
        self.may_set[i] |= change.set

    # --- states ---

    def _state(self, state: State) -> None:
        i = state.number
        self._change(i, state.change)
        for event in self.reach.events(state):
            self._event(i, event)
            loses = self.rows.rewards.of_mark[event.number].loss != NONE
            self.boxed[i] |= state.kind == layout.DWELLING or loses
        for branch in self.reach.branches(state):
            reads = self._effects(branch.effects)
            for each in (self.of(branch.ref), self.code(branch.guard.rule)):
                reads |= each
            self._decide(i, branch.guard, reads)
            self._change(i, branch.change)
            self._lead(i, branch.to, branch.change.clear)
        for transition in self.reach.transitions(state):
            self._transition(i, transition)
        for clock in state.clocks:
            if self.rows.clocks[clock].first:
                self.dynamics[i].clocks |= 1 << clock  # whether it runs decides whether it starts
        self._worth(state, self.rows.rewards.of_state[i])

    def _worth(self, state: State, rewards: StateRewards) -> None:
        """What is paid for a state, and when."""
        i = state.number
        self.running[i] |= self.of(rewards.utility)
        self.running[i] |= self._costs(rewards.rate)
        self.lumps[i] |= self.of(rewards.entry_qaly)
        self.lumps[i] |= self._costs(rewards.entry)
        for schedule in rewards.schedules:
            self._plan(i, schedule.plan)
            self.lumps[i] |= self._refs(schedule.loss, schedule.years)
            self.lumps[i] |= self._costs(schedule.costs)
        for limited in rewards.limited:
            self.boxed[i] = True
            self.lumps[i] |= self._refs(limited.loss, limited.years)
            self.lumps[i] |= self._costs(limited.costs)
        self._refuse_excluded(state, rewards)
        if rewards.terminal >= 0:
            self.lumps[i] |= self._costs(self.rows.rewards.terminal[rewards.terminal].costs)

    def _refuse_excluded(self, state: State, rewards: StateRewards) -> None:
        """The way to death within the window of terminal care is followed by hazards alone."""
        excludes = self.rows.rewards.excludes

        def replaces(*paid: Costs) -> bool:
            return any((excludes >> cost.category) & 1 for costs in paid for cost in costs)

        fixed = any(transition.timing.family == families.FIXED for transition in state.transitions)
        if fixed and replaces(rewards.rate, *(schedule.costs for schedule in rewards.schedules)):
            self._refuse(state.number, "a cost that terminal care replaces, in a stay of fixed length,")
        lumps = (rewards.entry, *(limited.costs for limited in rewards.limited))
        if state.kind == layout.DWELLING and replaces(*lumps):
            self._refuse(state.number, "an entry cost or limited cost that terminal care replaces")

    def _plan(self, i: int, plan: int) -> None:
        clock = self.rows.plans[plan].origin
        if clock >= 0:
            self.dynamics[i].clocks |= 1 << clock
        elif clock == CLOCK_ENTRY:
            self.boxed[i] = True

    def _event(self, i: int, event: Event) -> None:
        reads = self._effects(event.effects)
        reads |= self._refs(event.ref, event.death_ref)
        reads |= self.code(event.guard.rule)
        self._decide(i, event.guard, reads)
        self._mark(i, event.number)
        self._follow_event(i, event)

    def _follow_event(self, i: int, event: Event) -> None:
        """What an event changes, and where it may lead."""
        self._change(i, event.change)
        if event.death_ref != NONE:
            self._lead(i, event.death_state, 0)

    def _mark(self, i: int, number: int) -> None:
        rewards = self.rows.rewards.of_mark[number]
        self.met[i] |= _any_of(self.rows.counting.of_mark[number])
        own = 1 << (self.n_endpoints + number)
        self.repeats |= self.met[i] & own
        self.met[i] |= own
        self.lumps[i] |= self._costs(rewards.costs)
        self.lumps[i] |= self._refs(rewards.loss, rewards.years)
        if rewards.loss != NONE and rewards.stops:
            self._refuse(i, f"a loss of utility that stops on leaving (event '{self.program.marks[number]}')")

    def _transition(self, i: int, transition: Transition) -> None:
        reads = self._effects(transition.effects)
        rule = self.code(transition.guard.rule)
        reads |= rule
        self.ruled_by_time[i] |= rule.timed
        reads |= self._timing(i, transition.timing)
        event = transition.event
        if event is not None:
            reads |= self.of(event.death_ref)
        if transition.mark >= 0:
            self._mark(i, transition.mark)
        if event is not None:
            self._follow_event(i, event)
        self._decide(i, transition.guard, reads)
        self._change(i, transition.change)
        paid = self._costs(self.rows.rewards.of_transition[transition.number])
        if paid.timed:
            self._refuse(i, "a transition cost that reads age, time or a clock")
        self.lumps[i] |= paid
        if transition.silent:
            self._go_on(i, transition)
        else:
            self._lead(i, transition.to, transition.change.clear)

    def _timing(self, i: int, timing: Hazard | Test) -> Reads:
        """What decides when a transition happens."""
        if isinstance(timing, Test):
            self._plan(i, timing.plan)
            return self.of(timing.ref)
        refs = () if timing.family == families.PIECEWISE else timing.refs
        reads = self._refs(*refs, timing.cure)
        if timing.clock >= 0:
            reads.clocks |= 1 << timing.clock
        elif timing.clock == CLOCK_ENTRY and timing.family not in MEMORYLESS:
            self.boxed[i] = True
        if timing.cure != NONE:
            self._cure(i, timing.risk)
        return reads

    def _cure(self, i: int, risk: int) -> None:
        self.cures.setdefault(risk, len(self.cures))
        if len(self.cures) > MAX_CURES:
            self._refuse(i, f"more than {MAX_CURES} mixture cures")
        self.cure_bits[i] |= 1 << self.cures[risk]

    def _go_on(self, i: int, silent: Transition) -> None:
        """A stay goes on after a silent event, which may happen again."""
        self.renewed[i] = True
        self.silent[i] |= silent.change.clear | silent.change.set
        if silent.event is not None:
            self.silent[i] |= silent.event.change.clear | silent.event.change.set
        self.repeats |= 1 << (self.n_endpoints + silent.mark) if silent.mark >= 0 else 0

    def _refuse(self, i: int, what: str) -> None:
        raise UnsupportedError(
            f"{self.program.scenario.path}: state '{self.program.states[i]}': {what} is not supported by engine"
            " 'cohort'; use engine 'compiled'."
        )

    # --- backward ---

    def passive(self) -> list[int]:
        """Attribute bits that weigh on utilities and costs per year alone, as many as there is room for."""
        decisive = worth = 0
        for i in range(self.n):
            decisive |= self.silent[i] | self.dynamics[i].bits | self.lumps[i].bits
            for bits in self.guarded[i].values():
                decisive |= bits
            worth |= self.running[i].bits
        return list(_bits(worth & ~decisive))[:MAX_PASSIVE]

    def result(self, passive: list[int]) -> Liveness:
        """Least fixed point of what is read later."""
        outside = ~(sum(passive) | self.reach.never)
        reads = list(zip(self.dynamics, self.running, self.lumps, strict=True))
        own = [(d.bits | r.bits | w.bits) & outside for d, r, w in reads]
        clocks = [d.clocks | r.clocks | w.clocks for d, r, w in reads]
        cures, ahead = list(self.cure_bits), list(self.met)
        restarted = [self._restarted(state) for state in self.rows.states]
        changed = True
        while changed:
            changed = False
            for i in self.reach.states:
                for j, clear in self.next[i].items():
                    kept = ~(clear | self.rows.states[j].change.clear)
                    for sets, arriving in (
                        (own, own[j] & kept),
                        (clocks, clocks[j] & ~restarted[j]),
                        (cures, cures[j]),
                        (ahead, ahead[j] | self.met_on_entry[j]),
                        (self.may_set, self.may_set[j]),
                        (self.may_clear, self.may_clear[j]),
                    ):
                        if arriving & ~sets[i]:
                            sets[i] |= arriving
                            changed = True
                    changed |= self._guard(i, j, kept)
        timed = [d.timed or r.timed or w.timed for d, r, w in reads]
        entry = [(self.running[i].bits | self.lumps[i].bits) & self.silent[i] for i in range(self.n)]
        cure_of_risk = [self.cures.get(k, -1) for k in range(len(self.rows.risks))]
        watcher, n_watchers = self._watchers(ahead)
        first_guard, guards = self._guards(own, outside)
        return Liveness(
            live_bits=_ints([bits | self.reach.always & outside for bits in own]),
            first_guard=_ints(first_guard),
            guards=_ints(guards).reshape(-1, GUARD_WIDTH),
            live_clocks=_ints(clocks),
            live_cures=_ints(cures),
            entry_bits=_ints(entry),
            boxed=_ints([int(b or t) for b, t in zip(self.boxed, timed, strict=True)]),
            timed=_ints(timed),
            passive=_ints(passive),
            cure_of_risk=_ints(cure_of_risk),
            ahead=_ints([self._watched(word, watcher) for word in ahead]),
            watcher=_ints(watcher),
            n_watchers=n_watchers,
        )

    def _restarted(self, state: State) -> int:
        """Clocks, as bits, that read 0 on entry whatever they read before."""
        return sum({1 << clock for clock in state.clocks if not self.rows.clocks[clock].first})

    def _guard(self, i: int, j: int, kept: int) -> bool:
        """Carry the guards of a state back to one before it; returns whether that adds anything."""
        changed = False
        for guard, bits in list(self.guarded[j].items()):
            known = self.guarded[i].get(guard, 0)
            if bits & kept & ~known:
                self.guarded[i][guard] = known | bits & kept
                changed = True
        return changed

    def _guards(self, own: list[int], outside: int) -> tuple[list[int], list[tuple[int, ...]]]:
        """Guards state by state, of those that add to what is read anyway."""
        first = [0]
        rows: list[tuple[int, ...]] = []
        for i in range(self.n):
            own[i] |= self.guarded[i].get((0, 0), 0) & outside
            for (care, want), bits in self.guarded[i].items():
                if bits & outside & ~own[i]:
                    rows.append((care, want, bits & outside, self.may_set[i], self.may_clear[i]))
            first.append(len(rows))
        return first, rows

    # --- marks ---

    def _watchers(self, ahead: list[int]) -> tuple[list[int], int]:
        """Watchers of the marks that can be met again, after those of endpoints, and the number of both."""
        n_endpoints, again = self.n_endpoints, self.repeats
        for i in self.reach.states:
            for j in self.next[i]:
                again |= self.met[i] & (ahead[j] | self.met_on_entry[j])
        watcher, n = [], min(n_endpoints, MAX_WATCHERS)
        for mark in range(len(self.rows.marks)):
            if (again >> (n_endpoints + mark)) & 1 == 0:
                watcher.append(ONCE)
            elif n == MAX_WATCHERS:
                watcher.append(NO_ROOM)
            else:
                watcher.append(n)
                n += 1
        return watcher, n

    def _watched(self, word: int, watcher: list[int]) -> int:
        """Endpoints and marks that may be met, as bits of their watchers."""
        n_endpoints = self.n_endpoints
        bits = word & ((1 << n_endpoints) - 1)
        for mark, number in enumerate(watcher):
            if number >= 0:
                bits |= ((word >> (n_endpoints + mark)) & 1) << number
        return bits


def _any_of(roles: Roles) -> int:
    """Endpoints that meeting it ends, in whichever way."""
    return roles.event | roles.competing | roles.censoring


def _bits(word: int) -> Iterator[int]:
    while word:
        yield word & -word
        word &= word - 1


def _ints(values: object) -> IntArray:
    return np.array(values, dtype=np.int64).reshape(-1)


def analyse(program: Program, patient: Patient | None = None) -> Liveness:
    """Find what an exact solution of a program has to follow: of one patient, or of any.

    Raises
    ------
    UnsupportedError
        If it would have to follow what cannot be followed; the message names it.
    """
    general = _Analysis(program)
    passive = general.passive()
    return (general if patient is None else _Analysis(program, patient)).result(passive)


def closures(program: Program) -> list[str]:
    """What an exact solution holds at a mean, one line each; empty if it holds nothing so."""
    live, lines = analyse(program), []
    for c, clock in enumerate(program.rows.clocks):
        held = [
            state.name
            for state in program.rows.states
            if state.kind == layout.DWELLING
            and live.boxed[state.number]
            and (int(live.live_clocks[state.number]) >> c) & 1
            and c not in state.clocks
        ]
        if held:
            lines.append(f"clock '{clock.name}' stands at its mean by time of entry in {', '.join(held)}")
    if any(event.utility_loss is not None for event in program.scenario.file.events.values()):
        lines.append("what is left of a temporary loss of utility on entry into a state is held at its mean")
    if program.scenario.file.terminal:
        lines.append("the way to death within the window of terminal care is followed by hazards alone")
    return lines
