"""What the future of each state reads: attributes and clocks that nothing reads any more need not be told apart.

An exact solution has to follow every combination of what the future depends on. This module finds, by backward
analysis over the states, the least that has to be followed: attributes and named clocks that are still read, states
whose time since entry matters, and attributes that weigh on utilities and running costs alone (*passive*), which move
with the patients without changing their course.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import UnsupportedError
from lmssim.kernels import families, layout, machine
from lmssim.kernels.layout import CLOCK_ENTRY, NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import IntArray
    from lmssim.model.program import Program

MAX_PASSIVE = 4
"""Passive attributes at most: results are kept for each combination of them."""
MAX_CURES = 20
MOST_WATCHERS = (1 << 62) - 1
MEMORYLESS = (families.EXPONENTIAL,)


@dataclass(frozen=True)
class Liveness:
    """What has to be followed, by flat state where an array.

    Attributes
    ----------
    live_bits : ndarray(int)
        Attribute bits that are read after entry into the state; passive ones left out.
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
        Endpoints and then marks, as bits, that may still be met after entry into the state.
    """

    live_bits: IntArray
    live_clocks: IntArray
    live_cures: IntArray
    entry_bits: IntArray
    boxed: IntArray
    timed: IntArray
    passive: IntArray
    cure_of_risk: IntArray
    ahead: IntArray


@dataclass
class _Reads:
    """What something reads: attribute bits, named clocks as bits, whether age, time or a clock."""

    bits: int = 0
    clocks: int = 0
    timed: bool = False

    def __ior__(self, other: _Reads) -> _Reads:
        self.bits |= other.bits
        self.clocks |= other.clocks
        self.timed |= other.timed
        return self


class _Analysis:
    """Walks over the packed program; `dynamics` are what decides the course, `worth` what is paid for it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.m = [int(value) for value in program.packed.m]
        self.n = len(program.states)
        self.cures: dict[int, int] = {}
        self.dynamics = [_Reads() for _ in range(self.n)]
        self.running = [_Reads() for _ in range(self.n)]
        self.lumps = [_Reads() for _ in range(self.n)]
        self.boxed = [False] * self.n
        self.cure_bits = [0] * self.n
        self.silent = [0] * self.n
        self.met = [0] * self.n
        self.met_on_entry = [0] * self.n
        self.next: list[set[int]] = [set() for _ in range(self.n)]
        self.renewed = [False] * self.n
        self.ruled_by_time = [False] * self.n
        for state in range(self.n):
            self._state(state)
            if self.renewed[state] and self.ruled_by_time[state]:
                self._refuse(state, "a rule that reads age, time or a clock, in a state with silent events,")

    # --- reading ---

    def of(self, ref: int) -> _Reads:
        """What a ref reads."""
        return _Reads() if ref >= 0 or ref == NONE else self.code(-1 - ref)

    def code(self, number: int) -> _Reads:
        """What a program reads."""
        if number < 0:
            return _Reads()
        p = self.m[layout.H_CODE] + number * layout.P_WIDTH
        reads = _Reads()
        for i in range(self.m[p + layout.P_FIRST], self.m[p + layout.P_LAST], 2):
            operation, argument = self.m[i], self.m[i + 1]
            if operation in (machine.BIT, machine.LEVEL):
                reads.bits |= argument
            elif operation in (machine.AGE, machine.TIME):
                reads.timed = True
            elif operation == machine.SINCE:
                reads.clocks |= 1 << argument
                reads.timed = True
        return reads

    def _effects(self, first: int, last: int) -> _Reads:
        reads = _Reads()
        for e in range(first, last, layout.E_WIDTH):
            reads.bits |= self.m[e + layout.E_MASK]
            reads |= self.of(self.m[e + layout.E_REF])
            if self.m[e + layout.E_CLOCK] >= 0:
                reads.clocks |= 1 << self.m[e + layout.E_CLOCK]
        return reads

    def _costs(self, first: int, last: int) -> _Reads:
        reads = _Reads()
        for k in range(first, last, 2):
            reads |= self.of(self.m[k + 1])
        return reads

    def _rows(self, s: int, name: str, width: int) -> Iterator[int]:
        first = layout.STATE.index(f"first_{name}")
        return iter(range(self.m[s + first], self.m[s + first + 1], width))

    # --- states ---

    def _state(self, i: int) -> None:
        m, s = self.m, self.m[layout.H_STATE] + i * layout.S_WIDTH
        for column in (layout.S_EVENT_OF, layout.S_COMPETING_OF, layout.S_CENSORING_OF):
            self.met_on_entry[i] |= m[s + column]
        kind = m[s + layout.S_KIND]
        for k in self._rows(s, "event", 1):
            self._event(i, m[k])
            loses = m[m[layout.H_EVENT] + m[k] * layout.V_WIDTH + layout.V_LOSS] != NONE
            self.boxed[i] |= kind == layout.DWELLING or loses
        for b in self._rows(s, "branch", layout.B_WIDTH):
            self.dynamics[i].bits |= m[b + layout.B_CARE]
            for reads in (self.of(m[b + layout.B_REF]), self.code(m[b + layout.B_RULE]),
                          self._effects(m[b + layout.B_FIRST_EFFECT], m[b + layout.B_LAST_EFFECT])):  # fmt: skip
                self.dynamics[i] |= reads
            self.next[i].add(m[b + layout.B_TO])
        for t in self._rows(s, "transition", layout.T_WIDTH):
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
        self.dynamics[i].bits |= m[e + layout.V_CARE]
        for reads in (self.of(m[e + layout.V_REF]), self.code(m[e + layout.V_RULE]),
                      self.of(m[e + layout.V_DEATH_REF]),
                      self._effects(m[e + layout.V_FIRST_EFFECT], m[e + layout.V_LAST_EFFECT])):  # fmt: skip
            self.dynamics[i] |= reads
        self._mark(i, number)
        if m[e + layout.V_DEATH_REF] != NONE:
            self.next[i].add(m[e + layout.V_DEATH_STATE])

    def _mark(self, i: int, number: int) -> None:
        m, e = self.m, self.m[layout.H_EVENT] + number * layout.V_WIDTH
        self.met[i] |= m[e + layout.V_EVENT_OF] | m[e + layout.V_COMPETING_OF]
        self.met[i] |= 1 << (m[layout.H_N_ENDPOINTS] + number)
        self.lumps[i] |= self._costs(m[e + layout.V_FIRST_COST], m[e + layout.V_LAST_COST])
        for ref in (m[e + layout.V_LOSS], m[e + layout.V_YEARS]):
            self.lumps[i] |= self.of(ref)
        if m[e + layout.V_LOSS] != NONE and m[e + layout.V_STOPS] != 0:
            self._refuse(i, f"a loss of utility that stops on leaving (event '{self.program.marks[number]}')")

    def _transition(self, i: int, t: int) -> None:
        m = self.m
        reads = self.dynamics[i]
        reads.bits |= m[t + layout.T_CARE]
        rule = self.code(m[t + layout.T_RULE])
        reads |= rule
        self.ruled_by_time[i] |= rule.timed
        reads |= self._effects(m[t + layout.T_FIRST_EFFECT], m[t + layout.T_LAST_EFFECT])
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
            if m[e + layout.V_DEATH_REF] != NONE:
                self.next[i].add(m[e + layout.V_DEATH_STATE])
        elif m[t + layout.T_MARK] >= 0:
            self._mark(i, m[t + layout.T_MARK])
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
        else:
            self.next[i].add(m[t + layout.T_TO])

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

    def result(self) -> Liveness:
        """Least fixed point of what is read later."""
        silent = 0
        for bits in self.silent:
            silent |= bits
        decisive = silent
        worth = 0
        for i in range(self.n):
            decisive |= self.dynamics[i].bits | self.lumps[i].bits
            worth |= self.running[i].bits
        passive = list(_bits(worth & ~decisive))[:MAX_PASSIVE]
        outside = ~sum(passive)
        own = [(d.bits | r.bits | w.bits) & outside for d, r, w in zip(
            self.dynamics, self.running, self.lumps, strict=True)]  # fmt: skip
        clocks = [d.clocks | r.clocks | w.clocks for d, r, w in zip(
            self.dynamics, self.running, self.lumps, strict=True)]  # fmt: skip
        cures, ahead = list(self.cure_bits), list(self.met)
        m, changed = self.m, True
        while changed:
            changed = False
            for i in range(self.n):
                for j in self.next[i]:
                    s = m[layout.H_STATE] + j * layout.S_WIDTH
                    restarted = 0
                    for k in self._rows(s, "clock", 1):
                        if m[m[layout.H_CLOCK_FIRST] + m[k]] == 0:
                            restarted |= 1 << m[k]
                    for sets, arriving in (
                        (own, own[j] & ~m[s + layout.S_CLEAR]), (clocks, clocks[j] & ~restarted), (cures, cures[j]),
                        (ahead, ahead[j] | self.met_on_entry[j]),
                    ):  # fmt: skip
                        if arriving & ~sets[i]:
                            sets[i] |= arriving
                            changed = True
        timed = [self.running[i].timed or self.dynamics[i].timed or self.lumps[i].timed for i in range(self.n)]
        entry = [(self.running[i].bits | self.lumps[i].bits) & self.silent[i] for i in range(self.n)]
        cure_of_risk = [self.cures.get(k, -1) for k in range(m[layout.H_N_RISKS])]
        return Liveness(
            live_bits=_ints(own), live_clocks=_ints(clocks), live_cures=_ints(cures), entry_bits=_ints(entry),
            boxed=_ints([int(b or t) for b, t in zip(self.boxed, timed, strict=True)]), timed=_ints(timed),
            passive=_ints(passive), cure_of_risk=_ints(cure_of_risk),
            ahead=_ints([word & MOST_WATCHERS for word in ahead]),
        )  # fmt: skip


def _bits(word: int) -> Iterator[int]:
    while word:
        yield word & -word
        word &= word - 1


def _ints(values: object) -> IntArray:
    return np.array(values, dtype=np.int64).reshape(-1)


def analyse(program: Program) -> Liveness:
    """Find what an exact solution of a program has to follow.

    Raises
    ------
    UnsupportedError
        If it would have to follow what cannot be followed; the message names it.
    """
    return _Analysis(program).result()


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
