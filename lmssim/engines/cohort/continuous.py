"""Exact solution of a program in continuous time: no random numbers, for given profiles of patients.

Each profile is followed under each strategy by `lmssim.kernels.cohort`. What is approximate is the length of steps
and intervals alone, and the closures that the kernels state: their size is found by solving again twice as fine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.cohort import memory
from lmssim.kernels.rewards import N_MAIN

if TYPE_CHECKING:
    from lmssim.engines.cohort.liveness import Liveness
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

NARROW = 4.0
"""How much narrower than others the last interval before a named time is."""


@dataclass(frozen=True)
class Fineness:
    """How fine the solution is.

    Attributes
    ----------
    step : float
        Longest step of a sheet (years).
    width : float
        Width of the intervals in which entries are collected (years).
    growth : float
        Growth of the width with time, per year; steps grow twice as fast.
    least : float
        Mass below which an interval is joined to the next.
    """

    step: float = 0.25
    width: float = 0.5
    growth: float = 0.03
    least: float = 4e-3

    def finer(self) -> Fineness:
        """Twice as fine."""
        return Fineness(self.step / 2.0, self.width / 2.0, self.growth / 2.0, self.least / 4.0)


@dataclass
class Workspace:
    """What one thread works in."""

    wi: IntArray
    wf: FloatArray
    kinds: memory.Kinds
    nodes: memory.Nodes
    boxes: memory.Boxes
    chain: memory.Chain
    solved: memory.Solved
    count: IntArray
    sizes: Sizes


@dataclass(frozen=True)
class Sizes:
    """Room of a workspace; what turns out too small is doubled."""

    kinds: int = 1024
    moves: int = 8192
    outs: int = 16384
    nodes: int = 1024
    links: int = 4096
    boxes: int = 256
    chain: int = 256
    slots: int = 32
    """Temporary losses of utility that can be open at once."""

    def doubled(self, name: str, than: Sizes) -> Sizes:
        """With room for twice as many of one thing as another has."""
        return replace(self, **{name: max(getattr(self, name), 2 * getattr(than, name))})


def _ints(*shape: int) -> IntArray:
    return np.zeros(shape, dtype=np.int64)


def bins(horizon: float, fineness: Fineness, times: list[float]) -> FloatArray:
    """Edges of the intervals: their width grows with time, and they narrow towards named times, which are edges."""
    edges = [0.0]
    for mark in sorted({t for t in times if t < horizon} | {horizon}):
        while mark - edges[-1] > 1e-9 * mark:
            width = max(fineness.width, fineness.growth * edges[-1])
            left = mark - edges[-1]
            if mark in times and left < 2.0 * width:
                width = left if left <= fineness.width / NARROW else left / 2.0
            edges.append(mark if left <= width * (1.0 + 1e-9) else edges[-1] + width)
    return np.array(edges)


def follow_of(program: Program, live: Liveness, fineness: Fineness) -> memory.Follow:
    """What is followed of a patient, and how finely."""
    settings, rows = program.scenario.file.settings, program.rows
    fine = [t for t in settings.times if t * 4 != int(t * 4)]
    return memory.Follow(
        live.live_bits,
        live.first_guard,
        live.guards,
        live.live_clocks,
        live.live_cures,
        live.entry_bits,
        live.boxed,
        live.timed,
        live.passive,
        live.cure_of_risk,
        np.array([state.recorded for state in rows.states], dtype=np.int64),
        live.ahead,
        live.watcher,
        np.array([rows.rewards.excludes], dtype=np.int64),
        bins(settings.horizon, fineness, settings.times),
        np.array([*settings.times, settings.horizon]),
        np.array([fineness.step, 2.0 * fineness.growth, fineness.least, max(fine, default=0.0), 2.0 * fineness.width]),
    )


def workspace_of(program: Program, follow: memory.Follow, n_watchers: int, size: Sizes) -> Workspace:
    """Memory for one thread; `follow` of any patient."""
    rows, counting = program.rows, program.rows.counting
    n_clocks, n_states, n_bins = len(rows.clocks), len(rows.states), len(follow.bins) - 1
    n_categories, n_passive = len(program.categories), 1 << len(follow.passive)
    n = n_passive + n_watchers + size.slots
    n_steps, n_occupancy = counting.n_steps, counting.n_occupancy
    n_stored = size.kinds if follow.excludes[0] else 1
    z = np.zeros
    return Workspace(
        wi=_ints(program.packed.n_scratch),
        wf=z(program.packed.n_scratch_floats),
        kinds=memory.Kinds(
            row=_ints(size.kinds, memory.K_WIDTH),
            clock=z((size.kinds, n_clocks)),
            hash=_ints(4 * size.kinds),
            utility=z((size.kinds, n_passive)),
            rate=z((size.kinds, n_categories, n_passive)),
            move=_ints(size.moves, memory.M_WIDTH),
            move_real=z((size.moves, memory.MR_WIDTH)),
            out=_ints(size.outs, memory.O_WIDTH),
            out_p=z(size.outs),
            note=_ints(4 * size.outs, memory.Q_WIDTH),
            note_size=z(4 * size.outs),
            n_stored=np.array([n_stored * (follow.excludes[0] != 0)], dtype=np.int64),
        ),
        nodes=memory.Nodes(
            row=_ints(size.nodes, memory.D_WIDTH),
            real=z((size.nodes, 2)),
            clock=z((size.nodes, n_clocks)),
            mass=z((size.nodes, n)),
            years=z((size.nodes, n)),
            years_cost=z((size.nodes, n)),
            years_effect=z((size.nodes, n)),
            moment=z((size.nodes, memory.N_MOMENTS)),
            term=z(memory.MAX_TERMS * size.nodes * (n + 8)),
            summed=z(memory.N_MOMENTS * (n + 8)),
            power=z((memory.MAX_TERMS, memory.N_SUMMED)),
            place=_ints(size.nodes),
            held=_ints(size.nodes),
            out_rate=z(size.nodes),
            dense=_ints(2, n + 8),
            column=_ints(4 * size.links, n + 8),
            share=z(4 * size.links * (n + 8)),
            seen=z(n),
            vector=z(n),
            timed=_ints(size.links),
            paying=_ints(size.links),
            within=_ints(4 * size.links),
            leaving=_ints(4 * size.links),
            met=z((n_watchers, 3)),
            sums=z((size.nodes, memory.N_SUMS, n_passive)),
            link=_ints(size.links, memory.L_WIDTH),
            link_real=z((size.links, memory.LR_WIDTH)),
            edge=_ints(4 * size.links, memory.G_WIDTH),
            edge_p=z(4 * size.links),
            spec=_ints(size.links),
            spec_real=z((size.links, memory.SR_WIDTH)),
            visit=_ints(size.links, memory.Y_WIDTH),
            tick=_ints(size.links, 4),
            tick_real=z((2, size.links)),
            slot=_ints(size.slots, 2),
            slot_end=z(size.slots),
            live=_ints(size.nodes),
            flow=_ints(4 * size.links, memory.FLOW_WIDTH),
            flow_weight=z(4 * size.links),
            watch=_ints(n_watchers),
        ),
        boxes=memory.Boxes(
            row=_ints(size.boxes, 3),
            hash=_ints(4 * size.boxes),
            mass=z((size.boxes, n_bins, n)),
            time=z((size.boxes, n_bins)),
            clock=z((size.boxes, n_bins, 2, n_clocks)),
            clock_mass=z((size.boxes, n_bins, n_clocks)),
            done=_ints(n_states),
        ),
        chain=memory.Chain(
            item=_ints(size.chain, 11),
            p=z(size.chain),
            clock=z((size.chain, n_clocks)),
            vector=z((size.chain, n)),
        ),
        solved=memory.Solved(
            outcome=z(N_MAIN + 2 * n_categories),
            state=z((n_states, 4)),
            endpoint=z((n_watchers, 3, n_steps + 2)),
            level=z((n_states, n_occupancy + 2)),
            ended=z((n_states, n_occupancy + 2)),
            entries=z(n_states),
            marks=z(len(program.marks)),
            excluded=z((n_stored, n_bins, n_categories, 2)),
            closed=z((n_clocks, 2)),
            soon=z((3, size.kinds)),
        ),
        count=_ints(memory.N_COUNTERS),
        sizes=size,
    )
