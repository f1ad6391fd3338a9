"""The reference engine: each patient under each strategy is a SimPy process that follows the clinical pathway.

It is written to be read beside the model. A state is entered: attributes, clocks, events that may happen. A chance
state takes a branch; a dwelling state is stayed in until the first of the transitions out of it; an absorbing state
ends the life. Formulas and random numbers are those of the kernels, called one question at a time
(`lmssim.kernels.scalar`); the steps between are this engine's own, so that it and the compiled walk check each other:
their histories are equal bit for bit.

Patients of one strategy share a world (a SimPy environment). Its clock only puts their events in order: times are those
that the kernels give. Patients meet nobody in it yet. Where they must wait for something scarce, `Life.pass_through` is
the place: before `enter` nothing of the next state has been drawn, counted or paid.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import simpy

from lmssim.engines.histories import Histories, new_histories
from lmssim.engines.task import (
    DEFAULT_BLOCK,
    Patients,
    Sums,
    Task,
    Wanted,
    empty_sums,
    every_strategy,
    followed,
    patients_of,
)
from lmssim.engines.workspace import own_workspace, read_block, refusal
from lmssim.kernels import layout, scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program
    from lmssim.model.program.rows import Change, Event, Guard, State, Transition

    Passage = Generator[simpy.Event, None, "Leaving"]


class Leaving(NamedTuple):
    """Why a state is left, as histories say it, and for which; for none at the end of a life."""

    why: int
    to: int = -1


class Stay(NamedTuple):
    """A row of a history."""

    state: int
    why: int
    attributes: int
    """On entry, after the events of entry."""
    entered: float
    left: float


class Mark(NamedTuple):
    """An event within a life."""

    code: int
    time: float


class Case(NamedTuple):
    """Whose life, and what decides it.

    Attributes
    ----------
    v : ndarray(float, ndim=1)
        Numbers of one draw and strategy.
    x : ndarray(float, ndim=1)
        The patient's columns.
    """

    program: Program
    v: FloatArray
    x: FloatArray
    strategy: int
    seed: int
    patient: int
    luck: int


class Life:
    """One patient's life under one strategy.

    Attributes
    ----------
    time : float
        Now, years since time zero.
    attributes : int
        Bits of what has happened to the patient.
    stays, marks : list
        The history up to now.
    faced, had : Counter
        How often each event might have happened, and did.
    """

    def __init__(self, case: Case, world: simpy.Environment) -> None:
        packed = case.program.packed
        self.case, self.rows, self.world = case, case.program.rows, world
        self.packed, self.m = packed, packed.m
        self.wi, self.wf = np.zeros(packed.n_scratch, dtype=np.int64), np.zeros(packed.n_scratch_floats)
        self.wi[layout.W_STAMP] = 1
        self.arrays = (packed.m, packed.f, self.wi, self.wf, case.v, case.x)
        self.whose = (case.strategy, case.seed, case.patient, case.luck)
        self.time, self.attributes = 0.0, 0
        self.stays: list[Stay] = []
        self.marks: list[Mark] = []
        self.faced: Counter[int] = Counter()
        self.had: Counter[int] = Counter()

    def live(self) -> Generator[simpy.Event, None, None]:
        """The process: from state to state until the end of the life, or of the model.

        Raises
        ------
        InputError, RunError
            If the life cannot go on.
        """
        self.begin()
        state = self.rows.states[self.rows.start]
        for _ in range(layout.MAX_STEPS):
            leaving = yield from self.pass_through(state)
            if leaving.to < 0:
                return
            state = self.rows.states[leaving.to]
        raise self.refusal(layout.TOO_LONG, state.number)

    def begin(self) -> None:
        """What the strategy plans for this patient."""
        self.attributes = scalar.start_attributes(*self.arrays, *self.whose)

    def pass_through(self, state: State) -> Passage:
        """Enter a state, and leave it for the next."""
        entries = self.enter(state)
        fatal = self.undergo_events(state)
        entered, on_entry = self.time, self.attributes
        if state.kind == layout.ABSORBING:
            leaving = Leaving(layout.WHY_END)
        elif fatal is not None:
            leaving = fatal
        elif state.kind == layout.CHANCE:
            leaving = self.take_branch(state, entries)
        else:
            leaving = yield from self.stay(state, entries)
        if state.kind != layout.CHANCE or state.recorded or leaving.why == layout.WHY_EVENT:
            self.stays.append(Stay(state.number, leaving.why, on_entry, entered, self.time))
        if self.wi[layout.W_BAD] != 0:
            raise self.refusal(layout.BAD_VALUE, state.number)
        return leaving

    def enter(self, state: State) -> int:
        """Attributes and clocks on entry; how often the state had been entered before."""
        self.change(state.change)
        scalar.start_clocks(self.m, self.wi, self.wf, self.packed.states.position(state.number), self.time)
        return scalar.count_entry(self.m, self.wi, state.number)

    def change(self, change: Change) -> None:
        """Clear and set attributes."""
        self.attributes = change.of(self.attributes)

    def possible(self, guard: Guard) -> bool:
        """Whether attributes and rule allow it now."""
        if self.attributes & guard.care != guard.want:
            return False
        return guard.rule < 0 or scalar.holds(*self.arrays, guard.rule, self.attributes, self.time, self.case.strategy)

    # === Events ===

    def undergo_events(self, state: State) -> Leaving | None:
        """Events that may happen on entry; the way to death if one is fatal."""
        for event in state.events:
            if self.happens(event):
                self.mark(event.number)
                if self.kills(event):
                    return Leaving(layout.WHY_EVENT, event.death_state)
        return None

    def happens(self, event: Event) -> bool:
        """Whether an event happens now, the next time that the patient faces it."""
        self.faced[event.number] += 1
        row = self.packed.events.position(event.number)
        return scalar.event_happens(
            *self.arrays, row, self.faced[event.number] - 1, self.attributes, self.time, *self.whose
        )

    def mark(self, code: int) -> None:
        """Note an event in the history."""
        self.marks.append(Mark(code, self.time))

    def kills(self, event: Event) -> bool:
        """What an event that has happened changes, and whether it is fatal."""
        self.change(event.change)
        self.had[event.number] += 1
        row = self.packed.events.position(event.number)
        return scalar.event_kills(
            *self.arrays, row, self.had[event.number] - 1, self.attributes, self.time, *self.whose
        )

    # === Chance ===

    def take_branch(self, state: State, entries: int) -> Leaving:
        """Way out of a chance state, in no time."""
        question = self.packed.states.position(state.number)
        row = scalar.choose_branch(*self.arrays, question, entries, self.attributes, self.time, *self.whose)
        if row < 0:
            raise self.refusal(layout.BAD_PROBABILITY, state.number)
        branch = self.rows.branches[self.packed.branches.number(row)]
        self.change(branch.change)
        return Leaving(layout.WHY_CHANCE, branch.to)

    # === A stay ===

    def stay(self, state: State, entries: int) -> Passage:
        """Stay in a state until a transition out of it, or the end of the model; silent events go on with the stay."""
        if state.renews:
            scalar.renew_risks(self.m, self.wi, self.packed.states.position(state.number), entries)
        entered, last = self.time, None
        while True:
            runners = [transition for transition in state.transitions if self.possible(transition.guard)]
            times = [self.time_of(transition, state, entered, last) for transition in runners]
            time = min(times, default=math.inf)
            if time >= self.rows.horizon:
                yield self.until(self.rows.horizon)
                return Leaving(layout.WHY_HORIZON)
            yield self.until(time)
            last = runners[times.index(time)]  # the first of simultaneous ones
            self.close_race(state, runners, last)
            leaving = self.undergo(last)
            if leaving is not None:
                return leaving

    def time_of(self, transition: Transition, state: State, entered: float, last: Transition | None) -> float:
        """When a transition would happen, if no other came before; `last` is what happened last in this stay."""
        passed = last is not None and transition.number <= last.number
        row = self.packed.transitions.position(transition.number)
        time = scalar.event_time(
            *self.arrays, row, state.number, self.attributes, entered, self.time, passed, *self.whose
        )
        if math.isnan(time):
            raise self.refusal(layout.CLOCK_UNSET, transition.number)
        return time

    def until(self, time: float) -> simpy.Event:
        """Let time pass; the world's clock may round differently from the kernels', whose times count."""
        self.time = time
        return self.world.timeout(max(0.0, time - self.world.now))

    def close_race(self, state: State, runners: Sequence[Transition], winner: Transition) -> None:
        """Settle what each runner has used of its risk's budget; the winner's is spent."""
        last = state.transitions[-1].number
        running = sum(1 << (last - transition.number) for transition in runners)
        left, won = self.packed.states.position(state.number), self.packed.transitions.position(winner.number)
        scalar.close_race(*self.arrays, left, running, won, self.attributes, self.time)

    def undergo(self, transition: Transition) -> Leaving | None:
        """What a transition brings; None if the stay goes on."""
        self.change(transition.change)
        if transition.mark >= 0:
            self.mark(transition.mark)
        if transition.event is not None and self.kills(transition.event):
            return Leaving(layout.WHY_EVENT, transition.event.death_state)
        return None if transition.silent else Leaving(transition.number, transition.to)

    def refusal(self, status: int, info: int) -> Exception:
        """Error for a life that cannot go on."""
        self.wi[layout.W_INFO], self.wi[layout.W_PATIENT] = info, self.case.patient
        self.wi[layout.W_STRATEGY] = self.case.strategy
        return refusal(self.case.program, self.wi, self.wf, status)


# === Worlds, blocks, chunks ===


AnyLife = TypeVar("AnyLife", bound=Life)


def live_all(
    kind: Callable[[Case, simpy.Environment], AnyLife],
    program: Program,
    numbers: FloatArray,
    x: FloatArray,
    first: int,
    seed: int,
    luck: int,
    arms: IntArray | None = None,
) -> list[AnyLife]:
    """Lives of patients first, first + 1, ... under the strategies that they meet, each strategy in its own world.

    Parameters
    ----------
    kind : callable
        Makes a life: `Life`, or one that is watched.
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    x : ndarray(float, ndim=2)
        (n_patients, n_columns).
    arms : ndarray(int, ndim=2), optional
        (n_patients or 1, n_arms): strategies that each patient meets; every strategy of the program if absent.

    Returns
    -------
    list
        By path: patient x n_arms + arm.

    Raises
    ------
    UnsupportedError
        If the model has no individual histories.
    """
    program.require_histories()
    arms = every_strategy(program) if arms is None else arms
    met = np.broadcast_to(arms, (len(x), arms.shape[1])).ravel()
    lives: dict[int, AnyLife] = {}
    for strategy in np.unique(met).tolist():
        world = simpy.Environment()
        for path in np.flatnonzero(met == strategy).tolist():
            i = path // arms.shape[1]
            lives[path] = kind(Case(program, numbers[strategy], x[i], strategy, seed, first + i, luck), world)
            world.process(lives[path].live())
        world.run()
    return [lives[path] for path in range(len(met))]


def as_histories(lives: Sequence[tuple[list[Stay], list[Mark]]]) -> Histories:
    """Stays and marks of lives as the arrays that kernels read."""
    n_stays, n_marks = [len(stays) for stays, _ in lives], [len(marks) for _, marks in lives]
    h = new_histories(len(lives), sum(n_stays), sum(n_marks))
    h.starts[1:, 0], h.starts[1:, 1] = list(accumulate(n_stays)), list(accumulate(n_marks))
    stays = [stay for life, _ in lives for stay in life]
    h.rows[:] = [(stay.state, stay.why, stay.attributes) for stay in stays]
    h.times[:] = [(stay.entered, stay.left) for stay in stays]
    marks = [mark for _, life in lives for mark in life]
    h.marks[:], h.mark_times[:] = [mark.code for mark in marks], [mark.time for mark in marks]
    return h


def _histories(lives: Sequence[Life]) -> Histories:
    return as_histories([(life.stays, life.marks) for life in lives])


def run(
    program: Program, numbers: FloatArray, patients: Patients, seed: int, wanted: Wanted, block: int = DEFAULT_BLOCK
) -> Sums:
    """Run the patients of a task through its draws and strategies, as `lmssim.engines.compiled.run`."""
    space, numbers = own_workspace(program, 1), np.array(numbers, order="C")
    sums = empty_sums(program, len(numbers), patients.arms.shape[-1], wanted)
    for draw, v in enumerate(numbers):
        own = min(draw, len(patients.x) - 1)
        first, x, subgroup = int(patients.first[own]), patients.x[own], patients.subgroup[own]
        arms = patients.arms[min(own, len(patients.arms) - 1)]
        for part in followed(subgroup[:, 0], block):
            met = arms if len(arms) == 1 else arms[part]
            lives = live_all(Life, program, v, x[part], first + part.start, seed, 0, met)
            read_block(program, space, v, x[part], met, subgroup[part], _histories(lives), sums, draw)
    return sums


def simulate(
    program: Program,
    first: int,
    n: int,
    numbers: FloatArray,
    seed: int,
    luck_word: int = 0,
    block: int = DEFAULT_BLOCK,
    arms: IntArray | None = None,
) -> Iterator[tuple[int, FloatArray, Histories]]:
    """Histories of patients first, first + 1, ..., block by block, as `lmssim.engines.compiled.simulate`."""
    numbers = np.array(numbers, order="C")
    arms = every_strategy(program) if arms is None else arms
    for start in range(first, first + n, block):
        x = program.patients(start, min(block, first + n - start), seed)
        met = arms if len(arms) == 1 else arms[start - first : start - first + len(x)]
        yield start, x, _histories(live_all(Life, program, numbers, x, start, seed, luck_word, met))


def warm(program: Program, seed: int = 0, numbers: FloatArray | None = None) -> None:
    """Compile the kernels, or load them from disk.

    Numbers of a draw, if they are given, spare those of the base case.
    """
    task = Task(draws=range(1), first=0, n=1, strategies=range(len(program.strategies)))
    numbers = program.numbers() if numbers is None else numbers
    run(program, numbers[:1], patients_of(program, task, seed), seed, Wanted())
