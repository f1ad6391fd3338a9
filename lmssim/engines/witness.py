"""A life that is watched: every step of it, and the random number behind each.

A number's address is known from the decision's name, so what a decision has drawn is drawn again here, without a hook
in the kernels; the plain life knows nothing of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.engines.des import Life, Stay
from lmssim.kernels import layout, scalar
from lmssim.kernels.luck import draw_uniform
from lmssim.kernels.philox import unit_exponential
from lmssim.kernels.race import EPISODES, TICK_BITS
from lmssim.model.program.rows import Hazard, Visits

if TYPE_CHECKING:
    import simpy

    from lmssim.engines.des import Case, Leaving, Mark
    from lmssim.model.program.rows import Event, State, Transition

STATE, EVENT, END = "state", "event", "end"
"""Kinds of steps: a state is entered, something happens, the model ends."""


class Draw(NamedTuple):
    """A random number that decided something."""

    time: float
    """When it was first asked for (years)."""
    decision: str
    occurrence: int
    uniform: float
    budget: float
    """Unit-exponential budget of a risk, minus the logarithm of the uniform; NaN for a probability."""


class Step(NamedTuple):
    """A moment of a life, with what is needed to read the life up to it."""

    time: float
    kind: str
    what: str
    """State entered, or event."""
    reason: str
    """Risk, decision or event that led here; empty if nothing else was possible."""
    draw: Draw | None
    state: int
    """State the patient is in, entered at `entered`."""
    entered: float
    n_stays: int
    """Stays that had ended by then."""
    n_marks: int


class Witness(Life):
    """A life that notes its steps and draws.

    Attributes
    ----------
    steps : list of Step
    draws : dict of (int, int) to Draw
        By decision and occurrence, in the order in which they were first asked for.
    """

    def __init__(self, case: Case, world: simpy.Environment) -> None:
        super().__init__(case, world)
        self.steps: list[Step] = []
        self.draws: dict[tuple[int, int], Draw] = {}
        self.state, self.entered = self.rows.states[self.rows.start], 0.0
        self.reason, self.behind = "", None
        self._budgets: dict[int, Draw | None] = {}

    reason: str
    behind: Draw | None

    def draw(self, decision: int, occurrence: int, *, budget: bool = False) -> Draw:
        """Number of a decision's occurrence, noted when it is first asked for."""
        if (decision, occurrence) not in self.draws:
            case, (name, address) = self.case, self.rows.decisions[decision]
            address |= occurrence
            self.draws[decision, occurrence] = Draw(
                self.time,
                name,
                occurrence,
                draw_uniform(address, case.seed, case.patient, case.luck),
                unit_exponential(case.seed, case.patient, address, case.luck) if budget else math.nan,
            )
        return self.draws[decision, occurrence]

    def because(self, reason: str, draw: Draw | None) -> None:
        """Reason of the next step."""
        self.reason, self.behind = reason, draw

    def step(self, kind: str, what: str) -> None:
        """Note a step."""
        self.steps.append(
            Step(
                self.time,
                kind,
                what,
                self.reason,
                self.behind,
                self.state.number,
                self.entered,
                len(self.stays),
                len(self.marks),
            )
        )

    # === What a life does, watched ===

    def begin(self) -> None:
        """Note the mix of treatments that the strategy gives this patient, if it is a mix."""
        super().begin()
        if self.rows.strategies[self.case.strategy].mix:
            self.because("treatment mix", self.draw(self.rows.mix_decision, 0))

    def enter(self, state: State) -> int:
        """Note the state."""
        entries = super().enter(state)
        self.state, self.entered = state, self.time
        self.step(STATE, state.name)
        self.because("", None)
        return entries

    def happens(self, event: Event) -> bool:
        """Note the number that decides whether it happens."""
        if self.possible(event.guard):
            self.because("", self.draw(event.decision, self.faced[event.number]))
        return super().happens(event)

    def mark(self, code: int) -> None:
        """Note the event."""
        super().mark(code)
        self.step(EVENT, self.rows.marks[code])

    def kills(self, event: Event) -> bool:
        """Note the number that decides whether it is fatal."""
        if event.death_ref != layout.NONE:
            self.because(self.rows.marks[event.number], self.draw(event.death_decision, self.had[event.number]))
        return super().kills(event)

    def take_branch(self, state: State, entries: int) -> Leaving:
        """Note the number that chose the branch, unless it was certain."""
        uncertain = any(branch.ref != layout.NONE and self.possible(branch.guard) for branch in state.branches)
        leaving = super().take_branch(state, entries)
        self.because("chance" if uncertain else "", self.draw(state.decision, entries) if uncertain else None)
        return leaving

    def time_of(self, transition: Transition, state: State, entered: float, last: Transition | None) -> float:
        """Note the budget that the transition uses up."""
        time = super().time_of(transition, state, entered, last)
        if isinstance(transition.timing, Hazard):
            self._budgets[transition.number] = self._budget(transition.timing)
        return time

    def undergo(self, transition: Transition) -> Leaving | None:
        """Note what brought it about."""
        timing, name = transition.timing, transition.reason
        self.because(name, self._test(timing) if isinstance(timing, Visits) else self._budgets[transition.number])
        if transition.silent and transition.mark < 0:
            self.step(EVENT, name.partition(" from ")[0])
        return super().undergo(transition)

    def finish(self) -> None:
        """Note the end of the model, if the patient lives to see it."""
        if self.stays[-1].why == layout.WHY_HORIZON:
            self.step(END, self.state.name)

    # === The numbers of a race ===

    def _budget(self, hazard: Hazard) -> Draw | None:
        """Budget of a hazard's risk, which has just been timed; for the cured, the number that cured them."""
        if hazard.risk < 0:
            return None
        m, risk = self.m, self.rows.risks[hazard.risk]
        occurrence = int(self.wi[m[layout.H_W_RISK] + hazard.risk * layout.R_WIDTH + layout.R_OCCURRENCE])
        cure = None
        if hazard.cure != layout.NONE:
            cure = self.draw(risk.cure_decision, occurrence if hazard.cure_redraw else 0)
        if math.isinf(self.wf[m[layout.H_WF_RISK] + hazard.risk * layout.RF_WIDTH + layout.R_BUDGET]):
            return cure
        return self.draw(risk.decision, occurrence, budget=True)

    def _test(self, visits: Visits) -> Draw | None:
        """Number of the test that found something at the visit now, or in the cycle that ends; None if certain."""
        cycles, strategy = self.rows.cycles, self.case.strategy
        cycle = -1 if cycles is None else round(self.time * cycles.per_year) - 1
        asked = self.time if cycles is None else cycles.times[cycle]
        if scalar.value_at(*self.arrays, visits.ref, self.attributes, asked, strategy) >= 1.0:
            return None
        if cycles is not None:
            return self.draw(visits.test_decision, cycle)
        ticks = np.array(self.rows.plans[self.rows.strategies[strategy].plans[visits.plan]].ticks)
        origin, episode = self._plan(self.rows.plans[visits.plan].origin)
        tick = (origin + ticks).tolist().index(self.time)
        return self.draw(visits.test_decision, (episode & EPISODES) << TICK_BITS | tick)

    def _plan(self, clock: int) -> tuple[float, int]:
        """Origin of a plan, and which of the plan's episodes this is."""
        m = self.m
        if clock == layout.CLOCK_ENTRY:
            return self.entered, int(self.wi[m[layout.H_W_ENTRY_COUNT] + self.state.number])
        if clock < 0:
            return 0.0, 0
        return float(self.wf[m[layout.H_WF_CLOCK] + clock]), int(self.wi[m[layout.H_W_CLOCK_COUNT] + clock])


def life_so_far(life: Witness, step: Step) -> tuple[list[Stay], list[Mark]]:
    """Stays and marks up to and with a step; the stay it falls in ends there."""
    stays = life.stays[: step.n_stays]
    if step.kind != END:
        now = Stay(step.state, layout.WHY_HORIZON, 0, step.entered, step.time)
        for stay in life.stays[step.n_stays : step.n_stays + 1]:
            if (stay.state, stay.entered) == (step.state, step.entered):
                now = now._replace(attributes=stay.attributes)
        stays = [*stays, now]
    return stays, life.marks[: step.n_marks]
