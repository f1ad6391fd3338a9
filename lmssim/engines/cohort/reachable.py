"""What one patient can meet under one strategy: values that are settled, and the states and rows within reach.

Code is folded as far as parameters, covariates and attributes that never change settle it. A row whose rule is false
or whose probability is nil leads nowhere; what only such rows set stays unset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmssim.kernels import families, machine
from lmssim.kernels.layout import NONE
from lmssim.model.program.rows import Visits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import FloatArray
    from lmssim.model.program.rows import Branch, Change, Code, Event, Guard, Hazard, Rows, State, Transition


@dataclass(frozen=True)
class Patient:
    """One patient of one draw under one strategy.

    Attributes
    ----------
    strategy : int
        Number of the strategy.
    v : ndarray(float, ndim=1)
        The program's numbers for the draw and strategy.
    x : ndarray(float, ndim=1)
        The patient's columns.
    """

    strategy: int
    v: FloatArray
    x: FloatArray


@dataclass
class Reads:
    """What something reads: attribute bits, named clocks as bits, whether age, time or a clock; its value if known."""

    bits: int = 0
    clocks: int = 0
    timed: bool = False
    value: float | None = None

    def __ior__(self, other: Reads) -> Reads:
        self.bits |= other.bits
        self.clocks |= other.clocks
        self.timed |= other.timed
        return self


class Reachable:
    """States and rows of a program within reach; without a patient, all of them.

    Attributes
    ----------
    states : set of int
        Flat states that can be entered.
    never, always : int
        Attribute bits that stay clear, or set, for life.
    """

    def __init__(self, rows: Rows, patient: Patient | None) -> None:
        self.rows, self.patient = rows, patient
        self.states = set(range(len(rows.states)))
        self.never = self.always = 0
        self.known: dict[int, Reads] = {}
        if patient is not None:
            self._search(patient)

    # --- values ---

    def of(self, ref: int) -> Reads:
        """What a ref reads, and its value."""
        if ref == NONE:
            return Reads()
        if ref >= 0:
            return Reads(value=None if self.patient is None else float(self.patient.v[ref]))
        return self.code(-1 - ref)

    def code(self, number: int) -> Reads:
        """What code reads, and its value; number -1 is a rule that always holds."""
        if number < 0:
            return Reads(value=1.0)
        if number not in self.known:
            self.known[number] = self._fold(self.rows.codes[number])
        return replace(self.known[number])

    def _fold(self, code: Code) -> Reads:
        stack: list[Reads] = []
        for operation, argument in code.instructions:
            if operation <= machine.STRATEGY or operation == machine.LEVEL:
                stack.append(self._operand(operation, argument))
            elif operation == machine.SELECT:
                otherwise, chosen, condition = stack.pop(), stack.pop(), stack.pop()
                stack.append(_select(condition, chosen, otherwise))
            elif operation in {machine.FIND, machine.FETCH}:
                stack[-1].value = None
            elif operation in {machine.NOT, machine.NEGATE} or machine.EXP <= operation <= machine.FLOOR:
                if stack[-1].value is not None:
                    stack[-1].value = float(machine.unary(operation, stack[-1].value))
            elif operation != machine.CHECK:
                right = stack.pop()
                stack[-1] = _combine(operation, stack[-1], right)
        return stack[0]

    def _operand(self, operation: int, argument: int) -> Reads:
        who = self.patient
        if operation == machine.NUMBER:
            return Reads(value=None if who is None else float(who.v[argument]))
        if operation == machine.COLUMN:
            return Reads(value=None if who is None else float(who.x[argument]))
        if operation == machine.STRATEGY:
            return Reads(value=None if who is None else float(who.strategy == argument))
        if operation == machine.BIT and argument & ~(self.never | self.always) == 0:
            return Reads(value=float(argument & self.always != 0))
        if operation in {machine.BIT, machine.LEVEL}:
            return Reads(bits=argument & ~self.never)
        return Reads(clocks=1 << argument if operation == machine.SINCE else 0, timed=True)

    # --- rows ---

    def _holds(self, guard: Guard) -> float | None:
        """1 or 0 if it is settled whether a guard holds, else none."""
        known = self.never | self.always
        if (self.always ^ guard.want) & guard.care & known:
            return 0.0
        settled = self.code(guard.rule).value
        if settled is not None and settled == 0.0:
            return 0.0
        return 1.0 if settled is not None and guard.care & ~known == 0 else None

    def events(self, state: State) -> Iterator[Event]:
        """Events on entry that may happen."""
        for event in state.events:
            if self._holds(event.guard) != 0.0 and self.of(event.ref).value != 0.0:
                yield event

    def branches(self, state: State) -> Iterator[Branch]:
        """Branches that may be taken."""
        none = True
        for branch in state.branches:
            held, certain = self._holds(branch.guard), branch.ref == NONE
            if held != 0.0 and (certain or self.of(branch.ref).value != 0.0):
                yield branch
                if none and certain and held == 1.0:
                    return
                none = False

    def transitions(self, state: State) -> Iterator[Transition]:
        """Transitions that may happen."""
        for transition in state.transitions:
            if self._holds(transition.guard) != 0.0 and not self._is_nil(transition.timing):
                yield transition

    def _is_nil(self, timing: Hazard | Visits) -> bool:
        """Whether a constant rate or a probability is settled to be 0."""
        if isinstance(timing, Visits):
            return self.of(timing.ref).value == 0.0
        return timing.family == families.EXPONENTIAL and self.of(timing.refs[0]).value == 0.0

    # --- search ---

    def _search(self, patient: Patient) -> None:
        """Grow what can be set, cleared and entered until nothing is added."""
        strategy = self.rows.strategies[patient.strategy]
        self.may_set, self.may_clear = strategy.start_bits, 0
        for bits in (*(rule.set for rule in strategy.rules), *(share.set for share in strategy.mix)):
            self.may_set |= bits
        self.states = {self.rows.start}
        before = None
        while before != (self.may_set, self.may_clear, len(self.states)):
            before = self.may_set, self.may_clear, len(self.states)
            self.never, self.always = ~self.may_set, strategy.start_bits & ~self.may_clear
            self.known.clear()
            for number in list(self.states):
                self._leave(self.rows.states[number])

    def _leave(self, state: State) -> None:
        """Note what a state's rows set and clear, and where they lead."""
        self._change(state.change)
        for event in self.events(state):
            self._happen(event)
        for branch in self.branches(state):
            self._change(branch.change)
            self.states.add(branch.to)
        for transition in self.transitions(state):
            self._change(transition.change)
            if transition.event is not None:
                self._happen(transition.event)
            if not transition.silent:
                self.states.add(transition.to)

    def _happen(self, event: Event) -> None:
        self._change(event.change)
        if event.death_ref != NONE:
            self.states.add(event.death_state)

    def _change(self, change: Change) -> None:
        self.may_clear |= change.clear & ~change.set
        self.may_set |= change.set


def _select(condition: Reads, chosen: Reads, otherwise: Reads) -> Reads:
    """What a condition reads and what it chooses; if it is settled, the one alone."""
    if condition.value is not None:
        return chosen if condition.value != 0.0 else otherwise
    result = replace(condition)
    result |= chosen
    result |= otherwise
    return result


def _combine(operation: int, left: Reads, right: Reads) -> Reads:
    """An operation of two values; `and` and `or` may be settled by one."""
    for one in (left, right):
        if one.value is not None:
            if operation == machine.AND and one.value == 0.0:
                return Reads(value=0.0)
            if operation == machine.OR and one.value != 0.0:
                return Reads(value=1.0)
    result = replace(left, value=None)
    result |= right
    if left.value is not None and right.value is not None:
        result.value = float(machine.binary(operation, left.value, right.value))
    return result
