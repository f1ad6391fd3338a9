"""Nested survival curves of one profile, strategy and draw, on cells that are cut where anything jumps.

Hazards come from the shared kernels (`lmssim.kernels.curves`). Cells are 1/16 year wide at most, with the five nodes
of a Gauss-Kronrod rule in each; where curves cross they are cut again, so that capping bends no integrand in a cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, RunError
from lmssim.kernels import curves, layout
from lmssim.kernels.families import FIXED, PIECEWISE
from lmssim.model.program.complaint import bad_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.language.schema import PartitionedSurvival
    from lmssim.model.program import Program

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
    def m(self) -> IntArray:
        """Integers of the program."""
        return self.program.packed.m

    @property
    def f(self) -> FloatArray:
        """Floats of the program."""
        return self.program.packed.f

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
    def chain(self) -> list[int]:
        """States from the innermost to death."""
        return [self.program.states.index(name) for name in self.spec.states]

    @cached_property
    def rows(self) -> list[int]:
        """Row of each curve's transition."""
        sources = [source for source, _, _ in self.program.transitions]
        numbers = [sources.index(self.program.states[state]) for state in self.chain[:-1]]
        return [int(self.m[layout.H_TRANSITION]) + j * layout.T_WIDTH for j in numbers]

    @cached_property
    def attributes(self) -> list[int]:
        """Attributes in each state of the chain: each sets its own, on top of those before it."""
        g = self.m[layout.H_STRATEGY] + self.strategy * layout.G_WIDTH
        bits, result = int(self.m[g + layout.G_START_BITS]), []
        for s in map(self.state_row, self.chain):
            bits = (bits & ~int(self.m[s + layout.S_CLEAR])) | int(self.m[s + layout.S_SET])
            result.append(bits)
        return result

    def state_row(self, state: int) -> int:
        """Row of a state."""
        return int(self.m[layout.H_STATE]) + state * layout.S_WIDTH

    def value(self, ref: int, attributes: int) -> float:
        """Value of a ref at time zero, checked."""
        result = curves.value(self.m, self.wi, self.wf, int(ref), self.v, self.x, attributes, self.strategy)
        if self.wi[layout.W_BAD] != 0:
            raise bad_value(self.program, self.wi, self.wf)
        return float(result)

    def costs(self, first: int, last: int, attributes: int) -> Iterator[tuple[int, float]]:
        """Category and amount of each cost of a list."""
        for k in range(int(first), int(last), 2):
            yield int(self.m[k]), self.value(self.m[k + 1], attributes)

    @cached_property
    def multiplier(self) -> float:
        """Of the background hazard as floor."""
        ref = self.program.columns.get("floor_multiplier")
        return self.value(ref[0], self.attributes[0]) if ref else curves.NO_FLOOR

    def survive(self, times: FloatArray) -> FloatArray:
        """Share that each curve holds at some times, (n_curves, n_times), not yet nested."""
        out = np.empty((len(self.rows), len(times)))
        for k, t in enumerate(self.rows):
            curves.survive(
                self.m,
                self.f,
                self.wi,
                self.wf,
                t,
                self.v,
                self.x,
                self.attributes[0],
                self.strategy,
                self.multiplier,
                times,
                out[k],
            )
            if self.wi[layout.W_BAD] != 0:
                raise bad_value(self.program, self.wi, self.wf)
            if not np.isfinite(out[k]).all():
                i = int(np.argmin(np.isfinite(out[k])))
                raise RunError(f"{self.where(k)}: not a number at {times[i]:.4g} years.")
        return out

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
        return float(self.f[layout.F_HORIZON])

    def edges(self) -> FloatArray:
        """Edges of the cells: the grids of results, and wherever something jumps; the last is the horizon."""
        per_year = self.f[layout.F_STEPS_PER_YEAR]
        age = float(self.x[self.m[layout.H_AGE_COLUMN]])
        birthdays = np.arange(math.ceil(age), age + self.horizon) - age
        parts = [np.arange(math.ceil(self.horizon * per_year)) / per_year, FIRST_CELLS, birthdays, self._bands(age)]
        parts += [self._jumps(t) for t in self.rows]
        parts.append(np.array([years for years, _, _ in self.limited()]))
        every = np.unique(np.concatenate(parts))
        return np.append(every[(every >= 0.0) & (every < self.horizon)], self.horizon)

    def _bands(self, age: float) -> FloatArray:
        """Birthdays at which the background hazard changes."""
        life = self.program.scenario.life
        if self.multiplier == curves.NO_FLOOR or life is None:
            return np.zeros(0)
        return life.intervals(int(self.x[self.m[layout.H_LIFE_COLUMN]]))[0] - age

    def _jumps(self, t: int) -> FloatArray:
        """Times at which a curve's hazard jumps, or the curve itself."""
        m, f = self.m, self.f
        _, delay = curves.open_curve(m, f, self.wi, self.wf, t, self.v, self.x, self.attributes[0], self.strategy)
        times = [np.array([delay])]
        if m[t + layout.T_FAMILY] == PIECEWISE:
            rf = m[layout.H_WF_RISK] + m[t + layout.T_RISK] * layout.RF_WIDTH
            first, n = int(self.wf[rf + layout.R_A]), int(self.wf[rf + layout.R_B])
            times.append(self.v[first : first + n] / self.wf[rf + layout.R_STRETCH] + self.wf[rf + layout.R_ORIGIN])
        if m[t + layout.T_FAMILY] != FIXED:
            for e in range(m[t + layout.T_FIRST_EFFECT], m[t + layout.T_LAST_EFFECT], layout.E_WIDTH):
                base = m[layout.H_STEP_TIME]
                times.append(f[base + m[e + layout.E_FIRST_STEP] : base + m[e + layout.E_LAST_STEP]])
        return np.concatenate(times)

    def limited(self) -> Iterator[tuple[float, int, int]]:
        """Years, loss (a ref) and row of each reward of limited time in the first state."""
        s = self.state_row(self.chain[0])
        for q in range(self.m[s + layout.S_FIRST_LIMITED], self.m[s + layout.S_LAST_LIMITED], layout.L_WIDTH):
            yield self.value(self.m[q + layout.L_YEARS], self.attributes[0]), int(self.m[q + layout.L_LOSS]), q


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
    capped, excess : ndarray(float, ndim=1)
        (n_curves - 1,).
    """

    edges: FloatArray
    nodes: FloatArray
    at_edges: FloatArray
    at_nodes: FloatArray
    capped: FloatArray
    excess: FloatArray

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
    weights = np.diff(edges)[:, None] / 2.0 * KRONROD
    inside = over[:, :-1].reshape(len(over), *shape)[:, :, 1:]
    return NestedCurves(
        edges=edges,
        nodes=nodes,
        at_edges=np.append(cells[:, :, 0], nested[:, -1:], axis=1),
        at_nodes=cells[:, :, 1:],
        capped=((inside > TOLERANCE) * weights).sum(axis=(1, 2)),
        excess=np.maximum(over, 0.0).max(axis=1),
    )


def _evaluate(case: Case, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Times (each cell's first edge and nodes, then the horizon) and the curves there."""
    halves = np.diff(edges)[:, None] / 2.0
    cells = np.concatenate((edges[:-1, None], edges[:-1, None] + halves * (1.0 + NODES)), axis=1)
    times = np.append(cells.ravel(), edges[-1])
    return times, case.survive(times)


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
    columns = case.program.columns
    table = columns["plan_table"][case.strategy * len(columns["plan_origin"]) + plan]
    times = np.array(columns["tick_time"][columns["tick_start"][table] : columns["tick_start"][table + 1]])
    return times[times < case.horizon]


def schedules(case: Case, state: int) -> Iterator[int]:
    """Rows of a state's schedules."""
    s = case.state_row(state)
    yield from range(case.m[s + layout.S_FIRST_SCHEDULE], case.m[s + layout.S_LAST_SCHEDULE], layout.C_WIDTH)


def _all_ticks(case: Case) -> FloatArray:
    """Times of all ticks of schedules."""
    plans = {int(case.m[q + layout.C_PLAN]) for state in case.chain for q in schedules(case, state)}
    return np.concatenate([np.zeros(0), *(plan_ticks(case, plan) for plan in plans)])
