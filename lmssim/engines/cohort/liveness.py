"""What the future of each state reads: attributes and clocks that nothing reads any more need not be told apart.

An exact solution has to follow every combination of what the future depends on. This module finds, by backward
analysis over the states (`lmssim.engines.cohort.course`), the least that has to be followed: attributes and named
clocks that are still read, states whose time since entry matters, and attributes that weigh on utilities and running
costs alone (*passive*), which move with the patients without changing their course. For one patient under one strategy
much is out of reach (treatments that are not planned, effects that are nil): what reads an attribute there does not
count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.engines.cohort.course import Course
from lmssim.errors import UnsupportedError
from lmssim.kernels import layout
from lmssim.kernels.layout import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.engines.cohort.reachable import Patient
    from lmssim.kernels import IntArray
    from lmssim.model.program import Program
    from lmssim.model.program.rows import State

MAX_PASSIVE = 4
"""Passive attributes at most: results are kept for each combination of them."""
GUARD_WIDTH = 5
MAX_WATCHERS = 62
MAX_LOSSES = 62
ONCE, NO_ROOM = -1, -2
"""In place of a mark's watcher: it can be met once at most, so that its expected number says all; none is left."""


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
    losing : ndarray(int)
        By mark, its bit among those that take utility away for some time; -1 if it takes none.
    code : ndarray(int)
        By mark, a bit of its own if repeats of its loss neither stack nor are out of reach; else 0.
    tick_code : ndarray(int)
        By number of a schedule, the same for the loss of its ticks.
    stopping : bool
        Whether some loss of utility ends on leaving a state.
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
    losing: IntArray
    code: IntArray
    tick_code: IntArray
    stopping: bool


class _Backward:
    """Least fixed point of what is read later, over the states of a course; lists are by flat state."""

    def __init__(self, course: Course, passive: list[int]) -> None:
        self.course, self.rows, self.states = course, course.rows, course.states
        self.passive, self.outside = passive, ~(sum(passive) | course.reach.never)
        reads = [(stay.dynamics, stay.running, stay.lumps) for stay in self.states]
        self.bits = [(d.bits | r.bits | w.bits) & self.outside for d, r, w in reads]
        self.clocks = [d.clocks | r.clocks | w.clocks for d, r, w in reads]
        self.timed = [d.timed or r.timed or w.timed for d, r, w in reads]
        self.cures = [stay.cures for stay in self.states]
        self.ahead = [stay.met for stay in self.states]
        self.may_set = [stay.may_set for stay in self.states]
        self.may_clear = [stay.may_clear for stay in self.states]
        self.guarded = [dict(stay.guarded) for stay in self.states]
        self.restarted = [self._restarted(state) for state in self.rows.states]

    def _restarted(self, state: State) -> int:
        """Clocks, as bits, that read 0 on entry whatever they read before."""
        return sum({1 << clock for clock in state.clocks if not self.rows.clocks[clock].first})

    def solve(self) -> None:
        """Carry what is read in a state back to those before it, until nothing is added."""
        changed = True
        while changed:
            changed = False
            for i in self.course.reach.states:
                for j, clear in self.states[i].next.items():
                    changed |= self._carry(i, j, ~(clear | self.rows.states[j].change.clear))

    def _carry(self, i: int, j: int, kept: int) -> bool:
        """Carry from a state to one before it, of attributes those that are kept; returns whether it adds anything."""
        changed = False
        for sets, arriving in (
            (self.bits, self.bits[j] & kept),
            (self.clocks, self.clocks[j] & ~self.restarted[j]),
            (self.cures, self.cures[j]),
            (self.ahead, self.ahead[j] | self.states[j].met_on_entry),
            (self.may_set, self.may_set[j]),
            (self.may_clear, self.may_clear[j]),
        ):
            if arriving & ~sets[i]:
                sets[i] |= arriving
                changed = True
        for guard, bits in list(self.guarded[j].items()):
            known = self.guarded[i].get(guard, 0)
            if bits & kept & ~known:
                self.guarded[i][guard] = known | bits & kept
                changed = True
        return changed

    def result(self) -> Liveness:
        """What has to be followed."""
        watcher, n_watchers = self._watchers()
        first_guard, guards = self._guards()
        entry = [(stay.running.bits | stay.lumps.bits) & stay.silent for stay in self.states]
        boxed = [int(stay.boxed or timed) for stay, timed in zip(self.states, self.timed, strict=True)]
        return Liveness(
            live_bits=_ints([bits | self.course.reach.always & self.outside for bits in self.bits]),
            first_guard=_ints(first_guard),
            guards=_ints(guards).reshape(-1, GUARD_WIDTH),
            live_clocks=_ints(self.clocks),
            live_cures=_ints(self.cures),
            entry_bits=_ints(entry),
            boxed=_ints(boxed),
            timed=_ints(self.timed),
            passive=_ints(self.passive),
            cure_of_risk=_ints([self.course.cures.get(k, -1) for k in range(len(self.rows.risks))]),
            ahead=_ints([self._watched(word, watcher) for word in self.ahead]),
            watcher=_ints(watcher),
            n_watchers=n_watchers,
            **self._losses(watcher),
        )

    def _losses(self, watcher: list[int]) -> dict[str, Any]:
        """Bits of what takes utility away for some time, and codes of what must not stack."""
        worth = self.rows.rewards
        losing = [n for n, mark in enumerate(worth.of_mark) if mark.loss != NONE]
        again = [n for n in losing if not worth.of_mark[n].stacks and watcher[n] != ONCE]
        ticks = {s.number: s.loss for state in worth.of_state for s in state.schedules}
        lossy = [number for number, loss in ticks.items() if loss != NONE]
        if max(len(losing), len(again) + len(lossy)) > MAX_LOSSES:
            raise UnsupportedError(
                f"{self.course.program.scenario.path}: more than {MAX_LOSSES} events and schedules take utility away"
                " for some time: engine 'cohort' cannot tell them apart; use engine 'compiled'."
            )
        self.course.refuse_changing(again)
        bits = {n: 1 << i for i, n in enumerate(again)}
        tick_bits = {number: 1 << (len(again) + i) for i, number in enumerate(lossy)}
        limited = any(reward.loss != NONE for state in worth.of_state for reward in state.limited)
        return {
            "losing": _ints([losing.index(n) if n in losing else -1 for n in range(len(worth.of_mark))]),
            "code": _ints([bits.get(n, 0) for n in range(len(worth.of_mark))]),
            "tick_code": _ints([tick_bits.get(number, 0) for number in range(max(ticks, default=-1) + 1)]),
            "stopping": limited or any(worth.of_mark[n].stops for n in losing),
        }

    def _guards(self) -> tuple[list[int], list[tuple[int, ...]]]:
        """Guards state by state, of those that add to what is read anyway."""
        first = [0]
        rows: list[tuple[int, ...]] = []
        for i, guarded in enumerate(self.guarded):
            self.bits[i] |= guarded.get((0, 0), 0) & self.outside
            for (care, want), bits in guarded.items():
                if bits & self.outside & ~self.bits[i]:
                    rows.append((care, want, bits & self.outside, self.may_set[i], self.may_clear[i]))
            first.append(len(rows))
        return first, rows

    # --- marks ---

    def _watchers(self) -> tuple[list[int], int]:
        """Watchers of the marks that can be met again, after those of endpoints, and the number of both."""
        n_endpoints, again = self.course.n_endpoints, self.course.repeats
        for i in self.course.reach.states:
            for j in self.states[i].next:
                again |= self.states[i].met & (self.ahead[j] | self.states[j].met_on_entry)
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
        n_endpoints = self.course.n_endpoints
        bits = word & ((1 << n_endpoints) - 1)
        for mark, number in enumerate(watcher):
            if number >= 0:
                bits |= ((word >> (n_endpoints + mark)) & 1) << number
        return bits


def _passive(course: Course) -> list[int]:
    """Attribute bits that weigh on utilities and costs per year alone, as many as there is room for."""
    decisive = worth = 0
    for stay in course.states:
        decisive |= stay.silent | stay.dynamics.bits | stay.lumps.bits
        for bits in stay.guarded.values():
            decisive |= bits
        worth |= stay.running.bits
    return list(_bits(worth & ~decisive))[:MAX_PASSIVE]


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
    general = Course(program)
    backward = _Backward(general if patient is None else Course(program, patient), _passive(general))
    backward.solve()
    return backward.result()


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
    if program.scenario.file.terminal:
        lines.append("the way to death within the window of terminal care is followed by hazards alone")
    return lines
