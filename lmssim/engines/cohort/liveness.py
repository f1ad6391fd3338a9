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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import IntArray
    from lmssim.model.program import Program

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
    """Walks over the packed program; `dynamics` are what decides the course, `worth` what is paid for it."""

    def __init__(self, program: Program, patient: Patient | None = None) -> None:
        self.program = program
        self.reach = Reachable(program, patient)
        self.m = self.reach.m
        self.n = len(program.states)
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
        self.met_on_entry = [0] * self.n
        self.repeats = 0
        self.next: list[dict[int, int]] = [{} for _ in range(self.n)]
        self.renewed = [False] * self.n
        self.ruled_by_time = [False] * self.n
        for state in sorted(self.reach.states):
            self._state(state)
            if self.renewed[state] and self.ruled_by_time[state]:
                self._refuse(state, "a rule that reads age, time or a clock, in a state with silent events,")

    # --- reading ---

    def _effects(self, first: int, last: int) -> Reads:
        """What effects read; one that is nil reads nothing."""
        reads = Reads()
        for e in range(first, last, layout.E_WIDTH):
            size = self.of(self.m[e + layout.E_REF])
            if size.value == 0.0 and self.m[e + layout.E_CLOCK] == NONE:
                continue
            reads.bits |= self.m[e + layout.E_MASK]
            reads |= size
            if self.m[e + layout.E_CLOCK] >= 0:
                reads.clocks |= 1 << self.m[e + layout.E_CLOCK]
        return reads

    def _costs(self, first: int, last: int) -> Reads:
        reads = Reads()
        for k in range(first, last, 2):
            reads |= self.of(self.m[k + 1])
        return reads

    def _rows(self, s: int, name: str, width: int) -> Iterator[int]:
        first = layout.STATE.index(f"first_{name}")
        return iter(range(self.m[s + first], self.m[s + first + 1], width))

    def _decide(self, i: int, care: int, want: int, reads: Reads) -> None:
        """A row decides the course: whether its guard holds, and if so what it reads."""
        self.dynamics[i].bits |= care
        self.dynamics[i] |= Reads(clocks=reads.clocks, timed=reads.timed)
        self.guarded[i][care, want] = self.guarded[i].get((care, want), 0) | reads.bits

    def _lead(self, i: int, target: int, clear: int) -> None:
        """The way from a state to another, on which some attributes are cleared."""
        self.next[i][target] = self.next[i].get(target, clear) & clear

    def _change(self, i: int, clear: int, mark: int) -> None:
        self.may_clear[i] |= clear & ~mark
        self.may_set[i] |= mark

    # --- states ---

    def _state(self, i: int) -> None:
        m, s = self.m, self.m[layout.H_STATE] + i * layout.S_WIDTH
        for column in (layout.S_EVENT_OF, layout.S_COMPETING_OF, layout.S_CENSORING_OF):
            self.met_on_entry[i] |= m[s + column]
        kind = m[s + layout.S_KIND]
        self._change(i, m[s + layout.S_CLEAR], m[s + layout.S_SET])
        for number in self.reach.events(i):
            self._event(i, number)
            loses = m[m[layout.H_EVENT] + number * layout.V_WIDTH + layout.V_LOSS] != NONE
            self.boxed[i] |= kind == layout.DWELLING or loses
        for b in self.reach.branches(i):
            reads = self._effects(m[b + layout.B_FIRST_EFFECT], m[b + layout.B_LAST_EFFECT])
            for each in (self.of(m[b + layout.B_REF]), self.code(m[b + layout.B_RULE])):
                reads |= each
            self._decide(i, m[b + layout.B_CARE], m[b + layout.B_WANT], reads)
            self._change(i, m[b + layout.B_CLEAR], m[b + layout.B_SET])
            self._lead(i, m[b + layout.B_TO], m[b + layout.B_CLEAR])
        for t in self.reach.transitions(i):
            self._transition(i, t)
        for k in self._rows(s, "clock", 1):
            if m[m[layout.H_CLOCK_FIRST] + m[k]] != 0:
                self.dynamics[i].clocks |= 1 << m[k]  # whether it runs decides whether it starts
        self.running[i] |= self.of(m[s + layout.S_UTILITY])
        self.running[i] |= self._costs(m[s + layout.S_FIRST_RATE], m[s + layout.S_LAST_RATE])
        self.lumps[i] |= self.of(m[s + layout.S_ENTRY_QALY])
        self.lumps[i] |= self._costs(m[s + layout.S_FIRST_ENTRY], m[s + layout.S_LAST_ENTRY])
        for q in self._rows(s, "schedule", layout.C_WIDTH):
            self._plan(i, m[q + layout.C_PLAN])
            for ref in (m[q + layout.C_LOSS], m[q + layout.C_YEARS]):
                self.lumps[i] |= self.of(ref)
            self.lumps[i] |= self._costs(m[q + layout.C_FIRST_COST], m[q + layout.C_LAST_COST])
        for q in self._rows(s, "limited", layout.L_WIDTH):
            self.boxed[i] = True
            for ref in (m[q + layout.L_LOSS], m[q + layout.L_YEARS]):
                self.lumps[i] |= self.of(ref)
            self.lumps[i] |= self._costs(m[q + layout.L_FIRST_COST], m[q + layout.L_LAST_COST])
        self._refuse_excluded_in_fixed_stay(i, s)
        terminal = m[s + layout.S_TERMINAL]
        if terminal >= 0:
            d = m[layout.H_TERMINAL] + terminal * layout.D_WIDTH
            self.lumps[i] |= self._costs(m[d + layout.D_FIRST_COST], m[d + layout.D_LAST_COST])

    def _refuse_excluded_in_fixed_stay(self, i: int, s: int) -> None:
        """The way to death within the window of terminal care is followed by hazards alone."""
        m, excludes = self.m, 0
        for terminal in range(len(self.program.scenario.file.terminal)):
            excludes |= m[m[layout.H_TERMINAL] + terminal * layout.D_WIDTH + layout.D_EXCLUDES]
        paid = list(range(m[s + layout.S_FIRST_RATE], m[s + layout.S_LAST_RATE], 2))
        for q in self._rows(s, "schedule", layout.C_WIDTH):
            paid += range(m[q + layout.C_FIRST_COST], m[q + layout.C_LAST_COST], 2)
        fixed = any(m[t + layout.T_FAMILY] == families.FIXED for t in self._rows(s, "transition", layout.T_WIDTH))
        if fixed and any((excludes >> m[k]) & 1 for k in paid):
            self._refuse(i, "a cost that terminal care replaces, in a stay of fixed length,")
        lumps = list(range(m[s + layout.S_FIRST_ENTRY], m[s + layout.S_LAST_ENTRY], 2))
        for q in self._rows(s, "limited", layout.L_WIDTH):
            lumps += range(m[q + layout.L_FIRST_COST], m[q + layout.L_LAST_COST], 2)
        if m[s + layout.S_KIND] == layout.DWELLING and any((excludes >> m[k]) & 1 for k in lumps):
            self._refuse(i, "an entry cost or limited cost that terminal care replaces")

    def _plan(self, i: int, plan: int) -> None:
        clock = self.m[self.m[layout.H_PLAN] + plan]
        if clock >= 0:
            self.dynamics[i].clocks |= 1 << clock
        elif clock == CLOCK_ENTRY:
            self.boxed[i] = True

    def _event(self, i: int, number: int) -> None:
        m, e = self.m, self.m[layout.H_EVENT] + number * layout.V_WIDTH
        reads = self._effects(m[e + layout.V_FIRST_EFFECT], m[e + layout.V_LAST_EFFECT])
        for ref in (m[e + layout.V_REF], m[e + layout.V_DEATH_REF]):
            reads |= self.of(ref)
        reads |= self.code(m[e + layout.V_RULE])
        self._decide(i, m[e + layout.V_CARE], m[e + layout.V_WANT], reads)
        self._mark(i, number)
        self._follow_event(i, number)

    def _follow_event(self, i: int, number: int) -> None:
        """What an event changes, and where it may lead."""
        m, e = self.m, self.m[layout.H_EVENT] + number * layout.V_WIDTH
        self._change(i, m[e + layout.V_CLEAR], m[e + layout.V_SET])
        if m[e + layout.V_DEATH_REF] != NONE:
            self._lead(i, m[e + layout.V_DEATH_STATE], 0)

    def _mark(self, i: int, number: int) -> None:
        m, e = self.m, self.m[layout.H_EVENT] + number * layout.V_WIDTH
        self.met[i] |= m[e + layout.V_EVENT_OF] | m[e + layout.V_COMPETING_OF]
        own = 1 << (m[layout.H_N_ENDPOINTS] + number)
        self.repeats |= self.met[i] & own
        self.met[i] |= own
        self.lumps[i] |= self._costs(m[e + layout.V_FIRST_COST], m[e + layout.V_LAST_COST])
        for ref in (m[e + layout.V_LOSS], m[e + layout.V_YEARS]):
            self.lumps[i] |= self.of(ref)
        if m[e + layout.V_LOSS] != NONE and m[e + layout.V_STOPS] != 0:
            self._refuse(i, f"a loss of utility that stops on leaving (event '{self.program.marks[number]}')")

    def _transition(self, i: int, t: int) -> None:
        m = self.m
        reads = self._effects(m[t + layout.T_FIRST_EFFECT], m[t + layout.T_LAST_EFFECT])
        rule = self.code(m[t + layout.T_RULE])
        reads |= rule
        self.ruled_by_time[i] |= rule.timed
        family, clock = m[t + layout.T_FAMILY], m[t + layout.T_CLOCK]
        if family != families.PIECEWISE:
            for column in (layout.T_REF_A, layout.T_REF_B, layout.T_REF_C):
                reads |= self.of(m[t + column])
        reads |= self.of(m[t + layout.T_CURE])
        if family == families.VISIT:
            self._plan(i, m[t + layout.T_PLAN])
        elif clock >= 0:
            reads.clocks |= 1 << clock
        elif clock == CLOCK_ENTRY and family not in MEMORYLESS:
            self.boxed[i] = True
        if m[t + layout.T_CURE] != NONE:
            self._cure(i, t)
        if m[t + layout.T_EVENT] >= 0:
            self._mark(i, m[t + layout.T_EVENT])
            e = m[layout.H_EVENT] + m[t + layout.T_EVENT] * layout.V_WIDTH
            reads |= self.of(m[e + layout.V_DEATH_REF])
            self._follow_event(i, m[t + layout.T_EVENT])
        elif m[t + layout.T_MARK] >= 0:
            self._mark(i, m[t + layout.T_MARK])
        self._decide(i, m[t + layout.T_CARE], m[t + layout.T_WANT], reads)
        self._change(i, m[t + layout.T_CLEAR], m[t + layout.T_SET])
        paid = self._costs(m[t + layout.T_FIRST_COST], m[t + layout.T_LAST_COST])
        if paid.timed:
            self._refuse(i, "a transition cost that reads age, time or a clock")
        self.lumps[i] |= paid
        if m[t + layout.T_SILENT] != 0:
            self.silent[i] |= m[t + layout.T_CLEAR] | m[t + layout.T_SET]
            if m[t + layout.T_EVENT] >= 0:
                e = m[layout.H_EVENT] + m[t + layout.T_EVENT] * layout.V_WIDTH
                self.silent[i] |= m[e + layout.V_CLEAR] | m[e + layout.V_SET]
            self.renewed[i] = True
            for mark in (m[t + layout.T_EVENT], m[t + layout.T_MARK]):
                self.repeats |= 1 << (m[layout.H_N_ENDPOINTS] + mark) if mark >= 0 else 0
        else:
            self._lead(i, m[t + layout.T_TO], m[t + layout.T_CLEAR])

    def _cure(self, i: int, t: int) -> None:
        risk = self.m[t + layout.T_RISK]
        self.cures.setdefault(risk, len(self.cures))
        if len(self.cures) > MAX_CURES:
            self._refuse(i, f"more than {MAX_CURES} mixture cures")
        self.cure_bits[i] |= 1 << self.cures[risk]

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
        m, changed = self.m, True
        while changed:
            changed = False
            for i in self.reach.states:
                for j, clear in self.next[i].items():
                    s = m[layout.H_STATE] + j * layout.S_WIDTH
                    restarted = 0
                    for k in self._rows(s, "clock", 1):
                        if m[m[layout.H_CLOCK_FIRST] + m[k]] == 0:
                            restarted |= 1 << m[k]
                    kept = ~(clear | m[s + layout.S_CLEAR])
                    for sets, arriving in (
                        (own, own[j] & kept),
                        (clocks, clocks[j] & ~restarted),
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
        cure_of_risk = [self.cures.get(k, -1) for k in range(m[layout.H_N_RISKS])]
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
        n_endpoints, again = self.m[layout.H_N_ENDPOINTS], self.repeats
        for i in self.reach.states:
            for j in self.next[i]:
                again |= self.met[i] & (ahead[j] | self.met_on_entry[j])
        watcher, n = [], min(n_endpoints, MAX_WATCHERS)
        for mark in range(len(self.program.marks)):
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
        n_endpoints = self.m[layout.H_N_ENDPOINTS]
        bits = word & ((1 << n_endpoints) - 1)
        for mark, number in enumerate(watcher):
            if number >= 0:
                bits |= ((word >> (n_endpoints + mark)) & 1) << number
        return bits


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
    live, names = analyse(program), list(program.flat.clocks)
    m = program.packed.m
    lines = []
    for c, clock in enumerate(names):
        held = []
        for i, state in enumerate(program.states):
            s = int(m[layout.H_STATE]) + i * layout.S_WIDTH
            started = [int(m[k]) for k in range(int(m[s + layout.S_FIRST_CLOCK]), int(m[s + layout.S_LAST_CLOCK]))]
            dwelling = m[s + layout.S_KIND] == layout.DWELLING
            if live.boxed[i] and (int(live.live_clocks[i]) >> c) & 1 and c not in started and dwelling:
                held.append(state)
        if held:
            lines.append(f"clock '{clock}' stands at its mean by time of entry in {', '.join(held)}")
    if any(event.utility_loss is not None for event in program.scenario.file.events.values()):
        lines.append("what is left of a temporary loss of utility on entry into a state is held at its mean")
    if program.scenario.file.terminal:
        lines.append("the way to death within the window of terminal care is followed by hazards alone")
    return lines
