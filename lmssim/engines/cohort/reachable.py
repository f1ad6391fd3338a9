"""What one patient can meet under one strategy: values that are settled, and the states and rows within reach.

Programs of the stack machine are folded as far as parameters, covariates and attributes that never change settle
them. A row whose rule is false or whose probability is nil leads nowhere; what only such rows set stays unset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lmssim.kernels import families, layout, machine
from lmssim.kernels.layout import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program


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

    def __init__(self, program: Program, patient: Patient | None) -> None:
        self.m = [int(value) for value in program.packed.m]
        self.patient = patient
        self.states = set(range(len(program.states)))
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
        """What a program reads, and its value; number -1 is a rule that always holds."""
        if number < 0:
            return Reads(value=1.0)
        if number not in self.known:
            self.known[number] = self._fold(number)
        return replace(self.known[number])

    def _fold(self, number: int) -> Reads:
        p = self.m[layout.H_CODE] + number * layout.P_WIDTH
        stack: list[Reads] = []
        for i in range(self.m[p + layout.P_FIRST], self.m[p + layout.P_LAST], 2):
            operation, argument = self.m[i], self.m[i + 1]
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

    def rows(self, state: int, name: str, width: int) -> Iterator[int]:
        """Positions of a state's rows of one kind."""
        s = self.m[layout.H_STATE] + state * layout.S_WIDTH
        first = layout.STATE.index(f"first_{name}")
        return iter(range(self.m[s + first], self.m[s + first + 1], width))

    def _holds(self, care: int, want: int, rule: int) -> float | None:
        """1 or 0 if it is settled whether a guard and a rule hold, else none."""
        known = self.never | self.always
        if (self.always ^ want) & care & known:
            return 0.0
        settled = self.code(rule).value
        if settled is not None and settled == 0.0:
            return 0.0
        return 1.0 if settled is not None and care & ~known == 0 else None

    def events(self, state: int) -> list[int]:
        """Events on entry that may happen."""
        return [self.m[k] for k in self.rows(state, "event", 1) if self._event_may_happen(self.m[k])]

    def _event_may_happen(self, number: int) -> bool:
        e = self.m[layout.H_EVENT] + number * layout.V_WIDTH
        held = self._holds(self.m[e + layout.V_CARE], self.m[e + layout.V_WANT], self.m[e + layout.V_RULE])
        return held != 0.0 and self.of(self.m[e + layout.V_REF]).value != 0.0

    def branches(self, state: int) -> list[int]:
        """Positions of the branches that may be taken."""
        possible: list[int] = []
        for b in self.rows(state, "branch", layout.B_WIDTH):
            held = self._holds(self.m[b + layout.B_CARE], self.m[b + layout.B_WANT], self.m[b + layout.B_RULE])
            p = None if self.m[b + layout.B_REF] == NONE else self.of(self.m[b + layout.B_REF]).value
            if held == 0.0 or p == 0.0:
                continue
            possible.append(b)
            if held == 1.0 and len(possible) == 1 and self.m[b + layout.B_REF] == NONE:
                break  # certain
        return possible

    def transitions(self, state: int) -> list[int]:
        """Positions of the transitions that may happen."""
        return [t for t in self.rows(state, "transition", layout.T_WIDTH) if self._may_happen(t)]

    def _may_happen(self, t: int) -> bool:
        m = self.m
        if self._holds(m[t + layout.T_CARE], m[t + layout.T_WANT], m[t + layout.T_RULE]) == 0.0:
            return False
        nil = m[t + layout.T_FAMILY] in {families.EXPONENTIAL, families.VISIT}
        return not (nil and self.of(m[t + layout.T_REF_A]).value == 0.0)

    # --- search ---

    def _search(self, patient: Patient) -> None:
        """Grow what can be set, cleared and entered until nothing is added."""
        m = self.m
        g = m[layout.H_STRATEGY] + patient.strategy * layout.G_WIDTH
        start = m[g + layout.G_START_BITS]
        self.may_set, self.may_clear = start, 0
        for first, last in ((layout.G_FIRST_RULE, layout.G_LAST_RULE), (layout.G_FIRST_MIX, layout.G_LAST_MIX)):
            for k in range(m[g + first], m[g + last], 2):
                self.may_set |= m[k + 1]
        self.states = {m[layout.H_START_STATE]}
        before = None
        while before != (self.may_set, self.may_clear, len(self.states)):
            before = self.may_set, self.may_clear, len(self.states)
            self.never, self.always = ~self.may_set, start & ~self.may_clear
            self.known.clear()
            for state in list(self.states):
                self._leave(state)

    def _leave(self, state: int) -> None:
        """Note what a state's rows set and clear, and where they lead."""
        m, s = self.m, self.m[layout.H_STATE] + state * layout.S_WIDTH
        self._change(m[s + layout.S_CLEAR], m[s + layout.S_SET])
        for number in self.events(state):
            self._happen(number)
        for b in self.branches(state):
            self._change(m[b + layout.B_CLEAR], m[b + layout.B_SET])
            self.states.add(m[b + layout.B_TO])
        for t in self.transitions(state):
            self._change(m[t + layout.T_CLEAR], m[t + layout.T_SET])
            if m[t + layout.T_EVENT] >= 0:
                self._happen(m[t + layout.T_EVENT])
            if m[t + layout.T_SILENT] == 0:
                self.states.add(m[t + layout.T_TO])

    def _happen(self, number: int) -> None:
        e = self.m[layout.H_EVENT] + number * layout.V_WIDTH
        self._change(self.m[e + layout.V_CLEAR], self.m[e + layout.V_SET])
        if self.m[e + layout.V_DEATH_REF] != NONE:
            self.states.add(self.m[e + layout.V_DEATH_STATE])

    def _change(self, clear: int, mark: int) -> None:
        self.may_clear |= clear & ~mark
        self.may_set |= mark


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
