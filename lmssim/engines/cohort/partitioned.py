"""Partitioned survival without random numbers: states lie between nested survival curves, occupancy is a difference.

With S_k the share that curve k still holds (k = 0 the innermost), state k holds S_k - S_(k-1) and death 1 - S of the
outermost. Whoever falls from curve k is counted as entering state k + 1, also those who leave it at once by death.
Occupancy times discount is integrated by Gauss-Kronrod; the difference of its two rules is the error of a result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.cohort.nested import (
    GAUSS,
    KRONROD,
    MIDDLE,
    Case,
    NestedCurves,
    plan_ticks,
    solve_curves,
)
from lmssim.engines.cohort.result import CohortResult
from lmssim.kernels import layout
from lmssim.kernels.rewards import (
    COST,
    COST_UNDISCOUNTED,
    LY,
    LY_UNDISCOUNTED,
    N_MAIN,
    N_SUMS,
    QALY,
    QALY_UNDISCOUNTED,
    STATE_COST,
    STATE_COST_UNDISCOUNTED,
    STATE_QALY,
    STATE_YEARS,
)
from lmssim.kernels.tally import CENSORED, EARLY_UNIT, EVENT
from lmssim.model.language.curves import curve_of_endpoint

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.program.rows import State

BACKGROUND = "background mortality"
"""What caps a curve whose hazard is lower."""


@dataclass(frozen=True, kw_only=True)
class PartitionedResult(CohortResult):
    """Outcomes of a partitioned survival model, and how exact they are.

    Attributes
    ----------
    error : ndarray(float, ndim=3)
        (n_profiles, n_strategies, n_outcomes): error of the integrals, an upper bound in practice.
    """

    error: FloatArray


def cap_names(program: Program) -> list[tuple[str, str]]:
    """Curve and what it is capped by, in the order of `CohortResult.caps`."""
    spec = program.scenario.file.partitioned_survival
    if spec is None:
        return []
    names = list(spec.curves)
    floor = [(name, BACKGROUND) for name in names] if program.rows.floor is not None else []
    return [*pairwise(names), *floor]


# === Rewards ===


class _Ledger:
    """Outcomes and sums by state of one case, by one rule of integration."""

    def __init__(self, case: Case, solved: NestedCurves, rule: FloatArray) -> None:
        self.case, self.solved = case, solved
        self.outcomes = np.zeros(N_MAIN + 2 * case.program.n_categories)
        self.state = np.zeros((len(case.program.states), N_SUMS))
        self.years = solved.halves * rule
        self.rates = case.rows.rewards.rates
        self.cost_years, self.effect_years = (self.years * np.exp(-r * solved.nodes) for r in self.rates)
        for k, state in enumerate(case.chain):
            self._value_state(k, state)
        self._pay_terminal()
        self._add_up()

    def _add_up(self) -> None:
        """Costs over all categories, then the further sums that combine others."""
        rewards = self.case.rows.rewards
        by_category = self.outcomes[N_MAIN:].reshape(2, rewards.n_categories)
        self.outcomes[COST], self.outcomes[COST_UNDISCOUNTED] = by_category[:, : rewards.n_paid].sum(axis=1)
        for target, source, weight in rewards.combined:
            by_category[:, target] += weight * by_category[:, source]

    def pay(self, state: State, category: int, plain: float, as_cost: float, as_effect: float) -> None:
        """Add a cost to its category and to its state, or an amount to a further sum."""
        rewards = self.case.rows.rewards
        further = category >= rewards.n_paid
        self.outcomes[N_MAIN + category] += as_effect if further else as_cost
        self.outcomes[N_MAIN + rewards.n_categories + category] += plain
        if not further:
            self.state[state.number, STATE_COST] += as_cost
            self.state[state.number, STATE_COST_UNDISCOUNTED] += plain

    def fall(self, k: int, rate: float) -> float:
        """Discounted share that falls from curve k within the horizon: by parts, 1 - e^(-rT) S(T) - r int e^(-rt) S."""
        left = math.exp(-rate * self.case.horizon) * self.solved.at_edges[k, -1]
        held = (self.years * np.exp(-rate * self.solved.nodes) * self.solved.at_nodes[k]).sum() if rate > 0 else 0.0
        return float(1.0 - left - rate * held)

    def enter(self, k: int, rate: float) -> float:
        """Discounted entries into state k of the chain."""
        return 1.0 if k == 0 else self.fall(k - 1, rate)

    def _value_state(self, k: int, state: State) -> None:
        case, rewards, attributes = self.case, self.case.rewards(state), self.case.attributes[k]
        for category, cost in case.costs(rewards.entry, attributes):
            self.pay(state, category, *(cost * self.enter(k, rate) for rate in (0.0, *self.rates)))
        if rewards.entry_qaly != layout.NONE:
            qalys = case.value(rewards.entry_qaly, attributes)
            self.outcomes[QALY] += qalys * self.enter(k, self.rates.effects)
            self.outcomes[QALY_UNDISCOUNTED] += qalys * self.enter(k, 0.0)
        if state.kind != layout.DWELLING:
            return
        occupancy = self._occupancy(k, self.solved.at_nodes)
        years, cost_years, effect_years = (
            float((occupancy * w).sum()) for w in (self.years, self.cost_years, self.effect_years)
        )
        self.outcomes[LY] += effect_years
        self.outcomes[LY_UNDISCOUNTED] += years
        self.state[state.number, STATE_YEARS] += years
        for category, cost in case.costs(rewards.rate, attributes):
            self.pay(state, category, cost * years, cost * cost_years, cost * effect_years)
        self._value_utility(k, state, occupancy)
        self._pay_schedules(k, state)
        if k == 0:
            self._pay_limited(state, occupancy)

    @staticmethod
    def _occupancy(k: int, survival: FloatArray) -> FloatArray:
        """Share in state k of the chain, given the curves (first axis)."""
        share: FloatArray = survival[k] - survival[k - 1] if k > 0 else survival[0]
        return share

    def _value_utility(self, k: int, state: State, occupancy: FloatArray) -> None:
        case, ref = self.case, self.case.rewards(state).utility
        if ref == layout.NONE:
            return
        utility = np.full(len(occupancy), case.value(ref, case.attributes[k]))
        additive = case.rows.rewards.additive
        for years, limited in case.limited() if k == 0 else ():
            if limited.loss != layout.NONE:
                loss, within = case.value(limited.loss, case.attributes[0]), self.solved.nodes[:, MIDDLE] < years
                utility[within] = utility[within] - loss if additive else utility[within] * (1.0 - loss)
        norm = self._norm()
        worth = norm - (1.0 - utility) if additive else utility * norm
        qalys = float((occupancy * self.effect_years * worth[:, None]).sum())
        self.outcomes[QALY] += qalys
        self.outcomes[QALY_UNDISCOUNTED] += float((occupancy * self.years * worth[:, None]).sum())
        self.state[state.number, STATE_QALY] += qalys

    def _norm(self) -> FloatArray:
        """Utility norm in each cell."""
        case, norms = self.case, self.case.program.scenario.norms
        if norms is None:
            return np.ones(len(self.solved.nodes))
        age = case.age + self.solved.nodes[:, MIDDLE]
        by_age = norms.array[int(case.x[case.rows.columns.norm])]
        norm: FloatArray = by_age[np.minimum(age.astype(np.int64), len(by_age) - 1)]
        return norm

    def _pay_schedules(self, k: int, state: State) -> None:
        case = self.case
        for schedule in case.rewards(state).schedules:
            times = plan_ticks(case, schedule.plan)
            there = self._occupancy(k, self.solved.at(times))
            ticks = [float((there * np.exp(-rate * times)).sum()) for rate in (0.0, *self.rates)]
            for category, cost in case.costs(schedule.costs, case.attributes[k]):
                self.pay(state, category, *(cost * n for n in ticks))

    def _pay_limited(self, state: State, occupancy: FloatArray) -> None:
        for years, limited in self.case.limited():
            within = occupancy * (self.solved.nodes[:, [MIDDLE]] < years)
            for category, cost in self.case.costs(limited.costs, self.case.attributes[0]):
                each = (self.years, self.cost_years, self.effect_years)
                self.pay(state, category, *(cost * float((within * w).sum()) for w in each))

    def _pay_terminal(self) -> None:
        """Costs at death, which fall to the state of death."""
        case, k = self.case, len(self.case.chain) - 1
        death = case.chain[k]
        terminal = case.rewards(death).terminal
        if terminal >= 0:
            for category, cost in case.costs(case.rows.rewards.terminal[terminal].costs, case.attributes[k]):
                self.pay(death, category, *(cost * self.enter(k, rate) for rate in (0.0, *self.rates)))


# === Counts ===


def _endpoint_steps(case: Case, solved: NestedCurves) -> FloatArray:
    """Probability of ending by step of the grid, (n_endpoints, 3, n_steps + 2)."""
    n_steps, scenario = case.rows.counting.n_steps, case.program.scenario
    result = np.zeros((len(case.program.endpoints), 3, n_steps + 2))
    times = np.minimum(np.arange(n_steps + 1) / case.rows.counting.steps_per_year, case.horizon)
    held = solved.at(times)
    for e, name in enumerate(case.program.endpoints):
        k = curve_of_endpoint(scenario.file, name, str(scenario.path))
        result[e, EVENT, : n_steps + 1] = -np.diff(held[k], prepend=1.0)
        result[e, CENSORED, n_steps] = held[k, -1]
    return result


def _early(case: Case, solved: NestedCurves) -> FloatArray:
    """Where in their steps the events fall, as `lmssim.kernels.tally.Counts.early`, (n_endpoints, 2, n_steps + 2).

    Notes
    -----
    With u steps before the end of a step in which a curve falls from S0, by parts the mean of u over those who fall is
    the integral of S0 - S, and that of u^2 the integral of 2 u (S0 - S).
    """
    per_year, scenario = case.rows.counting.steps_per_year, case.program.scenario
    n_steps = case.rows.counting.n_steps
    result = np.zeros((len(case.program.endpoints), 2, n_steps + 2))
    step = np.floor(solved.nodes[:, MIDDLE] * per_year).astype(np.int64)
    start = solved.at(step / per_year)
    before = (step + 1)[:, None] - solved.nodes * per_year
    weights = solved.halves * KRONROD * per_year
    for e, name in enumerate(case.program.endpoints):
        k = curve_of_endpoint(scenario.file, name, str(scenario.path))
        fallen = (start[k][:, None] - solved.at_nodes[k]) * weights
        np.add.at(result[e, 0], step + 1, fallen.sum(axis=1))
        np.add.at(result[e, 1], step + 1, (2.0 * before * fallen).sum(axis=1))
        beyond = n_steps - case.horizon * per_year  # of the last step, after the horizon
        last = float(start[k, -1] - solved.at_edges[k, -1])
        result[e, :, n_steps] += last * beyond, last * beyond**2
    return result * EARLY_UNIT


def _occupancy_changes(case: Case, solved: NestedCurves) -> FloatArray:
    """Changes of occupancy, (n_states, n_occupancy + 2): stays end at the horizon, death lasts."""
    n = case.rows.counting.n_occupancy
    held = solved.at(np.minimum(np.arange(n + 1) / case.rows.counting.occupancy_per_year, case.horizon))
    share = np.diff(held, axis=0, prepend=0.0, append=1.0)
    share[:-1, n] = 0.0
    result = np.zeros((len(case.program.states), n + 2))
    result[[state.number for state in case.chain]] = np.diff(share, axis=1, prepend=0.0, append=0.0)
    return result


def _entries(case: Case, solved: NestedCurves) -> FloatArray:
    """Expected entries and probability of ever entering, (n_states, 2)."""
    result = np.zeros((len(case.program.states), 2))
    result[[state.number for state in case.chain]] = np.append(1.0, 1.0 - solved.at_edges[:, -1])[:, None]
    return result


def solve_partitioned(program: Program, numbers: FloatArray, x: FloatArray, draw: int = 0) -> PartitionedResult:
    """Solve a partitioned survival model.

    Parameters
    ----------
    program : Program
        Compiled from a scenario with `[partitioned_survival]`.
    numbers : ndarray(float, ndim=2)
        (n_strategies, n_numbers) of one draw.
    x : ndarray(float, ndim=2)
        (n_profiles, n_columns), columns of the profiles.
    draw : int
        Number of the draw, for messages.

    Raises
    ------
    InputError
        If curves cross and are not to be capped (the message names strategy, time, values and draw), or if a value
        computed for a profile is impossible.
    """
    wi = np.zeros(program.packed.n_scratch, dtype=np.int64)
    wf = np.zeros(program.packed.n_scratch_floats)
    numbers, x = np.array(numbers, order="C"), np.array(x, order="C")  # owned and writable: one numba type
    profiles = []
    for row in x:
        cases = (Case(program, wi, wf, numbers[s], row, s) for s in range(len(program.strategies)))
        profiles.append([_solve_case(case, draw) for case in cases])
    arrays = {name: np.array([[case[name] for case in cases] for cases in profiles]) for name in profiles[0][0]}
    return PartitionedResult(**arrays)


def _solve_case(case: Case, draw: int) -> dict[str, FloatArray]:
    solved = solve_curves(case, draw)
    ledger, rough = (_Ledger(case, solved, rule) for rule in (KRONROD, GAUSS))
    return {
        "outcomes": ledger.outcomes,
        "state": ledger.state,
        "error": np.abs(ledger.outcomes - rough.outcomes),
        "endpoint": _endpoint_steps(case, solved),
        "early": _early(case, solved),
        "occupancy": _occupancy_changes(case, solved),
        "entries": _entries(case, solved),
        "marks": np.zeros((len(case.program.marks), 2)),
        "caps": solved.caps,
    }
