"""The program as typed rows: what the compiler writes, and what engines, messages and reports read.

Rows refer to one another by object or by number. `lmssim.model.program.pack` lowers them to the memory that kernels
read, and knows where each row stands there. A *ref* is a slot of the program's numbers when it is 0 or more, else
``-1 - ref`` is the number of an expression's code; `lmssim.kernels.layout.NONE` is no value. Times are in years.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from lmssim.kernels import families

if TYPE_CHECKING:
    from lmssim.model.language.expression import Node
    from lmssim.model.population.mortality import LifeTable
    from lmssim.model.program.columns import Columns
    from lmssim.model.program.numbers import Slot
    from lmssim.model.program.rewards import Counting, Cycles, Rewards


# === What several kinds of rows have ===


@dataclass(frozen=True, slots=True)
class Guard:
    """When something is possible: the attributes that matter are as they should be, and a rule holds."""

    care: int = 0
    """Attribute bits that matter."""
    want: int = 0
    """Those of them that must be set; the others must be clear."""
    rule: int = -1
    """Code of the rule, -1 if there is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the attributes."""

    clear: int = 0
    """Bits cleared first."""
    set: int = 0
    """Bits set then."""

    def of(self, attributes: int) -> int:
        """Attributes afterwards."""
        return (attributes & ~self.clear) | self.set


class Step(NamedTuple):
    """From when on, since its clock started, an effect acts by which share of its size."""

    time: float
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A log hazard ratio, log time ratio or log odds ratio."""

    column: int
    """The patient's column that it multiplies, -1 if it belongs to an attribute."""
    mask: int
    """The attribute's bit, 0 if it belongs to a column."""
    ref: int
    """Its size for one unit."""
    on: int
    """Whether it acts on the hazard, on time or on the log odds."""
    clock: int
    """Clock by which it changes; `NONE` if it does not change with time."""
    steps: tuple[Step, ...]


# === States and what leads out of them ===


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A complication: something that may happen at a moment, and may kill."""

    number: int
    """Code of its marks."""
    ref: int
    """Its probability."""
    guard: Guard
    change: Change
    decision: int
    effects: tuple[Effect, ...]
    death_ref: int
    """Probability that it is fatal; `NONE` if it never is."""
    death_decision: int
    death_state: int
    """Where it leads if fatal, -1 if it never is."""
    differs: int = 0
    """Bit of the way in which strategies differ in what it reads (`Rows.differences`), 0 if in nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A way out of a chance state."""

    number: int
    """Position among all branches."""
    to: int
    ref: int
    """Its probability; `NONE` if it is taken for certain, or takes the rest."""
    guard: Guard
    change: Change
    effects: tuple[Effect, ...]
    differs: int = 0
    """Bit of the way in which strategies differ in what it reads (`Rows.differences`), 0 if in nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """A time drawn from a family, on a clock."""

    family: int
    refs: tuple[int, int, int]
    """Its parameters; of a piecewise family the first slot and the number of pieces."""
    clock: int
    default_model: bool
    """Whether the clock runs from model start until its event has happened."""
    risk: int
    """Risk whose budget it uses up, -1 of a fixed delay."""
    fresh: bool
    """Whether the budget is drawn anew at each entry."""
    rate_id: int
    """Number that it shares with hazards of equal family, parameters, clock and effects."""
    cure: int
    """Probability of never happening; `NONE` if there is no mixture cure."""
    cure_redraw: bool
    """Whether the cure is decided anew with each budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """A test with a probability, at each visit of a plan or in each cycle."""

    plan: int
    """The plan, -1 in a model in cycles."""
    ref: int
    """The probability."""
    test_decision: int

    @property
    def family(self) -> int:
        """Code by which kernels know that it is no hazard."""
        return families.VISIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A way out of a dwelling state, or something that happens within the stay."""

    number: int
    """Position among all transitions, by which histories name it."""
    source: int
    to: int
    """-1 if it is silent."""
    reason: str
    """Why a stay ended, in histories: the risk, or the transition's name."""
    timing: Hazard | Visits
    effects: tuple[Effect, ...]
    effect_bits: int
    """Attributes that its hazard reads."""
    timed: bool
    """Whether any of its effects changes with time."""
    guard: Guard
    change: Change
    event: Event | None
    """Event that it is a tick of."""
    mark: int
    """Mark that it leaves, or -1."""
    differs: int = 0
    """Bit of the way in which strategies differ in what it reads (`Rows.differences`), 0 if in nothing."""

    @property
    def silent(self) -> bool:
        """Whether the stay goes on."""
        return self.to < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state of health, or a question that takes no time."""

    number: int
    name: str
    kind: int
    change: Change
    decision: int
    """Of a chance state, the decision that takes its branch; else -1."""
    recorded: bool
    """Whether stays in it appear in histories; questions do if they pay, start a clock or are asked for."""
    clocks: tuple[int, ...]
    """Clocks that start on entry."""
    events: tuple[Event, ...]
    """What may happen on entry, in order."""
    branches: tuple[Branch, ...]
    transitions: tuple[Transition, ...]
    """In the order in which simultaneous ones win."""

    @property
    def renews(self) -> bool:
        """Whether any of its transitions draws a fresh budget at each entry."""
        return any(isinstance(t.timing, Hazard) and t.timing.fresh for t in self.transitions)


# === Names with a number ===


class Clock(NamedTuple):
    """A named clock, and whether its first start counts, else the latest."""

    name: str
    first: bool


class Risk(NamedTuple):
    """A risk, and the decisions that draw its budget and its cure."""

    name: str
    decision: int
    cure_decision: int


class Decision(NamedTuple):
    """The name under which random numbers are addressed, and the address."""

    name: str
    address: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Times at which something is due."""

    name: str
    origin: int
    """Clock from whose start they count."""
    ticks: tuple[float, ...]
    discounts: tuple[float, ...]
    """Discount factors of costs, added up before each tick and after the last."""


class StartRule(NamedTuple):
    """Code of a rule, and the attribute that is set at time zero for whom it holds."""

    rule: int
    set: int


class Share(NamedTuple):
    """A fraction of the patients, and the attributes that are set for them at time zero."""

    ref: int
    set: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """What a strategy plans at time zero, and when things are due under it."""

    name: str
    start_bits: int
    """Attributes of everybody."""
    rules: tuple[StartRule, ...]
    mix: tuple[Share, ...]
    plans: tuple[int, ...]
    """By plan, the plan whose ticks are used."""


# === Expressions ===


class Instruction(NamedTuple):
    """An operation of the stack machine (`lmssim.kernels.machine`) and its argument."""

    operation: int
    argument: int


@dataclass(frozen=True, slots=True)
class Code:
    """Code of an expression that depends on the patient or on time, where it stands, and what its value may be."""

    node: Node
    where: str
    check: str
    instructions: tuple[Instruction, ...]
    classes: tuple[int, ...] = ()
    """By strategy, its class: the value is the same under strategies of one class, for the same patient and time."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One key of a lookup table that is in use."""

    first: int
    """First slot of its codes."""
    n: int
    """How many codes there are."""
    exact: bool
    """Whether a value must equal one of the codes, else they are the starts of bands."""
    where: str
    """Table and key, for messages."""


# === All of it ===


@dataclass(frozen=True, kw_only=True)
class Rows:
    """A compiled model."""

    horizon: float
    """When lives end; in a model in cycles just after the last cycle, so that what happens at its end counts."""
    start: int
    """State in which lives begin."""
    states: tuple[State, ...]
    events: tuple[Event, ...]
    marks: tuple[str, ...]
    """Names of what happens within lives by code: events first, then marks of transitions."""
    clocks: tuple[Clock, ...]
    risks: tuple[Risk, ...]
    rate_families: tuple[int, ...]
    """By `rate_id`, the family of the hazards that share it."""
    plans: tuple[Plan, ...]
    strategies: tuple[Strategy, ...]
    mix_decision: int
    """Decision that gives a patient one of a strategy's mix."""
    decisions: tuple[Decision, ...]
    rewards: Rewards
    counting: Counting
    cycles: Cycles | None
    floor: int | None
    """Of a partitioned survival model with a floor of background mortality: its multiplier, a ref."""
    life: LifeTable | None
    columns: Columns
    slots: tuple[Slot, ...]
    codes: tuple[Code, ...]
    axes: tuple[Axis, ...]
    differences: tuple[tuple[int, ...], ...] = ()
    """By bit of `differs`, the class of each strategy: what has the bit reads the same under strategies of a class."""

    @cached_property
    def transitions(self) -> tuple[Transition, ...]:
        """All transitions, by number."""
        return tuple(transition for state in self.states for transition in state.transitions)

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """All branches, by number."""
        return tuple(branch for state in self.states for branch in state.branches)
