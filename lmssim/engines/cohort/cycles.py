"""Exact solution of a model in cycles: the Markov trace, expanded over attributes and over whatever clocks are read.

A clock that nothing reads costs nothing; one that is read divides a state by the cycle in which it was started (tunnel
states), and survives moves between states. There is no error but rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.result import CohortResult
from lmssim.errors import InputError, UnsupportedError
from lmssim.kernels import layout, machine
from lmssim.kernels.cohort import cycles as markov
from lmssim.kernels.cohort.cycles import K_FREE, ONCE, UNCOUNTED, Cells, Plan, Sums
from lmssim.kernels.ledger import N_MAIN, N_SUMS
from lmssim.model.language.flat import STAY
from lmssim.model.program.complaint import bad_value
from lmssim.model.program.rows import Visits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program
    from lmssim.model.program.rows import Branch, Rows, State

FIRST_CELLS, MOST_CELLS = 64, 1 << 21
"""Room for cells at first, and at most."""
MOST_BITS = 8
"""States and marks that can be met again, of which it is followed whether they ever were."""


def solve_cycles(program: Program, numbers: FloatArray, x: FloatArray) -> CohortResult:
    """Expected outcomes of every profile under every strategy.

    Parameters
    ----------
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    x : ndarray(float, ndim=2)
        (n_profiles, n_columns) columns of the profiles, as `Program.patients` gives them.

    Raises
    ------
    UnsupportedError
        If the model is not in cycles, or asks of the cohort what it does not solve; the message names it.
    InputError
        If a probability is out of range; the message names state, cycle and value.
    """
    _refuse(program)
    numbers, x = np.array(numbers, order="C"), np.array(x, order="C")
    tracer = _Tracer(program)
    parts = [[tracer.trace(numbers[s], profile, s) for s in range(len(numbers))] for profile in x]
    followed = [np.where(bits == UNCOUNTED, np.nan, 1.0) for bits in (tracer.plan.state_bit, tracer.plan.mark_bit)]
    for sums in (sums for row in parts for sums in row):
        sums.entries[:, 1] *= followed[0]
        sums.marks[:, 1] *= followed[1]
    arrays = {name: np.array([[getattr(sums, name) for sums in row] for row in parts]) for name in Sums._fields}
    return CohortResult(
        outcomes=arrays["worth"],
        state=arrays["state"],
        endpoint=arrays["endpoint"],
        early=np.zeros(
            (*arrays["endpoint"].shape[:3], 2, arrays["endpoint"].shape[4])
        ),  # all fall at the ends of steps
        occupancy=arrays["occupancy"],
        entries=arrays["entries"],
        marks=arrays["marks"],
        trace=arrays["trace"],
    )


def _refuse(program: Program) -> None:
    where = program.scenario.path
    if program.scenario.file.cycles is None:
        raise UnsupportedError(f"{where}: the model is not in cycles.")
    for name, state in program.flat.states.items():
        if state.events:
            raise UnsupportedError(f"{where}: states.{name}.events: not supported by engine 'cohort' in cycles yet.")
    for name, strategy in program.scenario.file.strategies.items():
        if strategy.mix:
            raise UnsupportedError(f"{where}: strategies.{name}.mix: not supported by engine 'cohort' in cycles yet.")


# === What a cell holds ===


def _plan(program: Program) -> tuple[Plan, int]:
    """Columns of a cell, and how many there are."""
    rows, width = program.rows, K_FREE
    read = {i.argument for code in rows.codes for i in code.instructions if i.operation == machine.SINCE}
    clock = np.full(len(rows.clocks), -1, dtype=np.int64)
    for c in sorted(read):
        clock[c], width = width, width + 1
    origin = np.full(len(program.endpoints), -1, dtype=np.int64)
    for e, endpoint in enumerate(rows.counting.endpoints):
        if endpoint.origin >= 0:
            origin[e], width = width, width + 1
    stay_clock = [each.name for each in rows.clocks].index(STAY)
    state_bit, mark_bit = _bits(rows)
    plan = Plan(clock, _states_that_read(rows, stay_clock), stay_clock, origin, state_bit, mark_bit)
    return plan, width


def _states_that_read(rows: Rows, clock: int) -> IntArray:
    """By state, whether what is evaluated there reads a clock: all of them if a chance state does."""
    codes = {-1 - k for k, code in enumerate(rows.codes) if (machine.SINCE, clock) in code.instructions}
    reads = [not codes.isdisjoint(_refs_of_state(rows, state)) for state in rows.states]
    by_chance = not codes.isdisjoint(ref for branch in rows.branches for ref in _refs_of_branch(branch))
    return np.array([1 if by_chance else int(each) for each in reads], dtype=np.int64)


def _refs_of_state(rows: Rows, state: State) -> Iterator[int]:
    """Refs of everything that is evaluated of a stay: transitions, their effects and costs, rewards."""
    rewards = rows.rewards.of_state[state.number]
    yield from (rewards.utility, rewards.entry_qaly)
    yield from (cost.ref for cost in (*rewards.rate, *rewards.entry))
    for transition in state.transitions:
        if isinstance(transition.timing, Visits):
            yield transition.timing.ref
        yield from (effect.ref for effect in transition.effects)
        worth = rows.rewards.of_transition[transition.number]
        yield from (cost.ref for cost in (*worth.costs, *worth.counts))
        yield worth.qalys


def _refs_of_branch(branch: Branch) -> Iterator[int]:
    yield branch.ref
    if branch.guard.rule >= 0:
        yield -1 - branch.guard.rule
    yield from (effect.ref for effect in branch.effects)


def _bits(rows: Rows) -> tuple[IntArray, IntArray]:
    """Bits that say whether a state or mark has been met, of those that can be met again."""
    n = len(rows.states)
    reached = np.zeros((n, n), dtype=bool)
    for state in rows.states:
        reached[state.number, [transition.to for transition in state.transitions]] = True
        reached[state.number, [branch.to for branch in state.branches]] = True
    for _ in range(n.bit_length()):
        reached = reached | (reached @ reached)
    again = [*np.diagonal(reached), *(True for _ in rows.marks)]
    bits = np.full(len(again), ONCE, dtype=np.int64)
    free = iter(range(MOST_BITS))
    for k, repeats in enumerate(again):
        if repeats:
            bits[k] = next(free, UNCOUNTED)
    return bits[:n], bits[n:]


# === Solving ===


class _Tracer:
    """Follows the cohort of one profile under one strategy."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.plan, self.width = _plan(program)
        packed = program.packed
        self.wi, self.wf = np.zeros(packed.n_scratch, dtype=np.int64), np.zeros(packed.n_scratch_floats)

    def trace(self, numbers: FloatArray, profile: FloatArray, strategy: int) -> Sums:
        """Sums of one profile under one strategy; the room for cells grows as they need it."""
        most = FIRST_CELLS
        while True:
            sums = self._sums()
            status = markov.trace_cycles(
                self.program.packed.m,
                self.program.packed.f,
                self.wi,
                self.wf,
                numbers,
                profile,
                strategy,
                self.plan,
                self._cells(most),
                sums,
                np.zeros(self.width + 3, dtype=np.int64),
            )
            if status == layout.OK:
                return sums
            if status != layout.ROWS_FULL:
                raise self._refusal(status, strategy)
            if most >= MOST_CELLS:
                raise self._too_many()
            most *= 8

    def _cells(self, most: int) -> Cells:
        size, depth = 1 << (2 * most).bit_length(), 2 + len(self.program.rows.branches)
        return Cells(
            key=np.zeros((2, most, self.width), dtype=np.int64),
            mass=np.zeros((2, most)),
            table=np.zeros(size, dtype=np.int64),
            way=np.zeros((depth, self.width + 3), dtype=np.int64),
            way_mass=np.zeros(depth),
        )

    def _sums(self) -> Sums:
        program, rows = self.program, self.program.rows
        assert rows.cycles is not None
        n_states, counting = len(rows.states), rows.counting
        return Sums(
            worth=np.zeros(N_MAIN + 2 * program.n_categories),
            state=np.zeros((n_states, N_SUMS)),
            endpoint=np.zeros((len(counting.endpoints), 3, counting.n_steps + 2)),
            occupancy=np.zeros((n_states, counting.n_occupancy + 2)),
            entries=np.zeros((n_states, 2)),
            marks=np.zeros((len(rows.marks), 2)),
            trace=np.zeros((rows.cycles.n + 1, n_states)),
        )

    def _refusal(self, status: int, strategy: int) -> InputError:
        program = self.program
        if status == layout.BAD_VALUE:
            return bad_value(program, self.wi, self.wf)
        return InputError(
            f"{program.scenario.path}: states.{program.states[int(self.wi[layout.W_INFO])]}.branches: the probabilities"
            f" that apply do not add up to 1 (strategy '{program.strategies[strategy]}'); give the last branch"
            " p = 'rest'."
        )

    def _too_many(self) -> UnsupportedError:
        clocks = zip(self.program.rows.clocks, self.plan.clock, strict=True)
        read = [clock.name for clock, column in clocks if column >= 0]
        said = ", ".join("time_in_state" if name == STAY else f"since_{name}" for name in read) or "no clock"
        return UnsupportedError(
            f"{self.program.scenario.path}: engine 'cohort': more than {MOST_CELLS} combinations of states, attributes"
            f" and clocks ({said}) in one cycle."
        )
