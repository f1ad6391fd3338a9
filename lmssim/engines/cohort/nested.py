"""Nested survival curves of one profile, strategy and draw, on cells that are cut where anything jumps.

Hazards come from the shared kernels (`lmssim.kernels.curves`). Cells are 1/16 year wide at most, with the five nodes
of a Gauss-Kronrod rule in each; where curves cross they are cut again, so that capping bends no integrand in a cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, RunError
from lmssim.kernels import curves, layout
from lmssim.kernels.families import FIXED, PIECEWISE
from lmssim.model.program.complaint import bad_value
from lmssim.model.program.rows import Hazard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.language.schema import PartitionedSurvival
    from lmssim.model.program import Program
    from lmssim.model.program.rewards import Costs, Limited, StateRewards
    from lmssim.model.program.rows import Rows, State, Transition

NODES = np.array([-0.9258200997725514, -0.5773502691896257, 0.0, 0.5773502691896257, 0.9258200997725514])
KRONROD = np.array(
    [0.19797979797979798, 0.4909090909090909, 0.6222222222222222, 0.4909090909090909, 0.19797979797979798]
)
GAUSS = np.array([0.0, 1.0, 0.0, 1.0, 0.0])
"""Gauss-Kronrod rule of 5 points on [-1, 1], and the Gauss rule of 2 among them."""
MIDDLE = 2
"""Node in the middle of a cell."""
FIRST_CELLS = 0.5 ** np.arange(5.0, 25.0)
"""Edges of the cells near time 0 (years): hazards may be infinite there."""
TOLERANCE = 1e-9
"""By how much a curve may lie above the one around it by rounding."""
CUTS = 32
"""Parts into which a step is cut in which curves cross."""


@dataclass(frozen=True)
class Case:
    """One profile under one strategy in one draw: what kernels take."""

    program: Program
    wi: IntArray
    wf: FloatArray
    v: FloatArray
    x: FloatArray
    strategy: int

    @property
    def rows(self) -> Rows:
        """What the model says."""
        return self.program.rows

    @property
    def arrays(self) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
        """The program's memory and the worker's."""
        return self.program.packed.m, self.program.packed.f, self.wi, self.wf

    @property
    def spec(self) -> PartitionedSurvival:
        """What the scenario says of its curves."""
        spec = self.program.scenario.file.partitioned_survival
        assert spec is not None
        return spec

    @property
    def names(self) -> list[str]:
        """Curves from the innermost."""
        return list(self.spec.curves)

    @cached_property
    def chain(self) -> list[State]:
        """States from the innermost to death."""
        return [self.rows.states[self.program.states.index(name)] for name in self.spec.states]

    @cached_property
    def transitions(self) -> list[Transition]:
        """Each curve's transition."""
        return [state.transitions[0] for state in self.chain[:-1]]

    @cached_property
    def attributes(self) -> list[int]:
        """Attributes in each state of the chain: each sets its own, on top of those before it."""
        start = self.rows.strategies[self.strategy].start_bits
        return list(accumulate(self.chain, lambda bits, state: state.change.of(bits), initial=start))[1:]

    def rewards(self, state: State) -> StateRewards:
        """What a state is worth."""
        return self.rows.rewards.of_state[state.number]

    def value(self, ref: int, attributes: int) -> float:
        """Value of a ref at time zero, checked."""
        m, _, wi, wf = self.arrays
        result = curves.value(m, wi, wf, ref, self.v, self.x, attributes, self.strategy)
        self.refuse_bad()
        return float(result)

    def refuse_bad(self) -> None:
        """Refuse the impossible value that a kernel has noted, if it has."""
        if self.wi[layout.W_BAD] != 0:
            raise bad_value(self.program, self.wi, self.wf)

    def costs(self, costs: Costs, attributes: int) -> Iterator[tuple[int, float]]:
        """Category and amount of each cost."""
        for category, ref in costs:
            yield category, self.value(ref, attributes)

    @cached_property
    def multiplier(self) -> float:
        """Of the background hazard as floor."""
        floor = self.rows.floor
        return curves.NO_FLOOR if floor is None else self.value(floor, self.attributes[0])

    def survive(self, times: FloatArray, multiplier: float) -> FloatArray:
        """Share that each curve holds at some times, (n_curves, n_times), not yet nested; `multiplier` of the floor."""
        out = np.empty((len(self.transitions), len(times)))
        for k, transition in enumerate(self.transitions):
            curves.survive(
                *self.arrays,
                self.position(transition),
                self.v,
                self.x,
                self.attributes[0],
                self.strategy,
                multiplier,
                times,
                out[k],
            )
            self.refuse_bad()
            if not np.isfinite(out[k]).all():
                i = int(np.argmin(np.isfinite(out[k])))
                raise RunError(f"{self.where(k)}: not a number at {times[i]:.4g} years.")
        return out

    def position(self, transition: Transition) -> int:
        """Where kernels find a transition."""
        return self.program.packed.transitions.position(transition.number)

    def where(self, k: int) -> str:
        """File, key and strategy of a curve, to begin a message with."""
        return (
            f"{self.program.scenario.path}: partitioned_survival.curves.{self.names[k]}"
            f" (strategy '{self.program.strategies[self.strategy]}')"
        )

    # --- where to cut ---

    @property
    def horizon(self) -> float:
        """Years."""
        return self.rows.horizon

    @property
    def age(self) -> float:
        """Age at time zero (years)."""
        return float(self.x[self.rows.columns.age])

    def edges(self) -> FloatArray:
        """Edges of the cells: the grids of results, and wherever something jumps; the last is the horizon."""
        per_year = self.rows.counting.steps_per_year
        birthdays = np.arange(math.ceil(self.age), self.age + self.horizon) - self.age
        parts = [np.arange(math.ceil(self.horizon * per_year)) / per_year, FIRST_CELLS, birthdays, self._bands()]
        parts += [self._jumps(transition) for transition in self.transitions]
        parts.append(np.array([years for years, _ in self.limited()]))
        every = np.unique(np.concatenate(parts))
        return np.append(every[(every >= 0.0) & (every < self.horizon)], self.horizon)

    def _bands(self) -> FloatArray:
        """Birthdays at which the background hazard changes."""
        life = self.rows.life
        if self.multiplier == curves.NO_FLOOR or life is None:
            return np.zeros(0)
        return life.intervals(int(self.x[self.rows.columns.life]))[0] - self.age

    def _jumps(self, transition: Transition) -> FloatArray:
        """Times at which a curve's hazard jumps, or the curve itself."""
        (m, f, wi, wf), hazard = self.arrays, transition.timing
        assert isinstance(hazard, Hazard)
        row = self.position(transition)
        _, delay = curves.open_curve(m, f, wi, wf, row, self.v, self.x, self.attributes[0], self.strategy)
        times = [np.array([delay])]
        if hazard.family == PIECEWISE:
            rf = m[layout.H_WF_RISK] + hazard.risk * layout.RF_WIDTH
            first, n, _ = hazard.refs
            times.append(self.v[first : first + n] / wf[rf + layout.R_STRETCH] + wf[rf + layout.R_ORIGIN])
        if hazard.family != FIXED:
            times += [np.array([step.time for step in effect.steps]) for effect in transition.effects]
        return np.concatenate(times)

    def limited(self) -> Iterator[tuple[float, Limited]]:
        """Rewards of limited time in the first state, with their years."""
        for limited in self.rewards(self.chain[0]).limited:
            yield self.value(limited.years, self.attributes[0]), limited


@dataclass(frozen=True)
class NestedCurves:
    """Nested curves at the edges and nodes of the cells.

    Attributes
    ----------
    edges : ndarray(float, ndim=1)
        (n_cells + 1,) years.
    nodes : ndarray(float, ndim=2)
        (n_cells, 5) years.
    at_edges : ndarray(float, ndim=2)
        (n_curves, n_cells + 1).
    at_nodes : ndarray(float, ndim=3)
        (n_curves, n_cells, 5).
    caps : ndarray(float, ndim=2)
        (n_caps, 3): what was cut off, see `cut_off`; of each curve by the one around it, then of each curve by
        background mortality, if this is a floor.
    """

    edges: FloatArray
    nodes: FloatArray
    at_edges: FloatArray
    at_nodes: FloatArray
    caps: FloatArray

    @property
    def halves(self) -> FloatArray:
        """Half the width of each cell, (n_cells, 1)."""
        return np.diff(self.edges)[:, None] / 2.0

    def at(self, times: FloatArray) -> FloatArray:
        """Curves at times that are edges, (n_curves, n_times)."""
        return self.at_edges[:, np.searchsorted(self.edges, times)]


def solve_curves(case: Case, draw: int) -> NestedCurves:
    """Curves at the nodes of cells, cut again where they cross; nested by capping if the scenario says so."""
    edges = np.unique(np.append(case.edges(), _all_ticks(case)))
    times, raw = _evaluate(case, edges)
    above = raw[:-1] > raw[1:] + TOLERANCE
    if above.any():
        if case.spec.crossing == "refuse":
            _refuse_crossing(case, times, raw, draw)
        steps = np.unique(np.nonzero(above[:, 1:] != above[:, :-1])[1])
        cuts = [np.linspace(times[i], times[i + 1], CUTS + 1) for i in steps]
        edges = np.unique(np.concatenate([edges, *cuts]))
        times, raw = _evaluate(case, edges)
    nested = np.minimum.accumulate(raw[::-1], axis=0)[::-1]
    shape = (len(edges) - 1, 1 + len(NODES))
    cells = nested[:, :-1].reshape(len(nested), *shape)
    nodes = times[:-1].reshape(shape)[:, 1:]
    over = raw[:-1] - nested[1:]
    if case.multiplier != curves.NO_FLOOR:
        over = np.concatenate((over, case.survive(times, curves.NO_FLOOR) - raw))
    return NestedCurves(
        edges=edges,
        nodes=nodes,
        at_edges=np.append(cells[:, :, 0], nested[:, -1:], axis=1),
        at_nodes=cells[:, :, 1:],
        caps=cut_off(over, edges),
    )


def cut_off(over: FloatArray, edges: FloatArray) -> FloatArray:
    """What caps cut off, (n_caps, 3): years during which they did, person-years, and most at one time.

    Parameters
    ----------
    over : ndarray(float, ndim=2)
        (n_caps, n_times): how far the curve lay above its cap, at each cell's first edge and nodes, then the horizon.
    edges : ndarray(float, ndim=1)
        Of the cells.
    """
    over = np.where(over > TOLERANCE, over, 0.0)
    inside = over[:, :-1].reshape(len(over), len(edges) - 1, 1 + len(NODES))[:, :, 1:]
    weights = np.diff(edges)[:, None] / 2.0 * KRONROD
    years, cut = (((inside > 0.0) * weights).sum(axis=(1, 2)), (inside * weights).sum(axis=(1, 2)))
    return np.stack((years, cut, over.max(axis=1)), axis=1)


def _evaluate(case: Case, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Times (each cell's first edge and nodes, then the horizon) and the curves there."""
    halves = np.diff(edges)[:, None] / 2.0
    cells = np.concatenate((edges[:-1, None], edges[:-1, None] + halves * (1.0 + NODES)), axis=1)
    times = np.append(cells.ravel(), edges[-1])
    return times, case.survive(times, case.multiplier)


def _refuse_crossing(case: Case, times: FloatArray, raw: FloatArray, draw: int) -> None:
    over = raw[:-1] - raw[1:]
    k = int(np.argmax((over > TOLERANCE).any(axis=1)))
    i, most = int(np.argmax(over[k] > TOLERANCE)), int(np.argmax(over[k]))
    raise InputError(
        f"{case.where(k)}: lies above '{case.names[k + 1]}' from {times[i]:.4g} years on, most at {times[most]:.4g}"
        f" years: {raw[k, most]:.6g} above {raw[k + 1, most]:.6g} (draw {draw}). Change the curves, or give"
        " crossing = 'cap'."
    )


def plan_ticks(case: Case, plan: int) -> FloatArray:
    """Times of a plan's ticks before the horizon; every plan that is used has its origin at time zero."""
    times = np.array(case.rows.plans[case.rows.strategies[case.strategy].plans[plan]].ticks)
    return times[times < case.horizon]


def _all_ticks(case: Case) -> FloatArray:
    """Times of all ticks of schedules."""
    plans = {schedule.plan for state in case.chain for schedule in case.rewards(state).schedules}
    return np.concatenate([np.zeros(0), *(plan_ticks(case, plan) for plan in plans)])
