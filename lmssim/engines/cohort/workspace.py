"""Memory in which a thread follows a patient in continuous time; what turns out too small is doubled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.cohort import memory
from lmssim.kernels.rewards import N_MAIN

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program


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
    """Products of temporary losses of utility that can be open at once in a sheet."""
    losses: int = 1024
    """The same in all boxes."""

    def doubled(self, name: str, than: Sizes) -> Sizes:
        """With room for twice as many of one thing as another has."""
        return replace(self, **{name: max(getattr(self, name), 2 * getattr(than, name))})


def workspace_of(program: Program, follow: memory.Follow, n_watchers: int, size: Sizes) -> Workspace:
    """Memory for one thread; `follow` of any patient."""
    n_clocks, n_passive, n_bins = len(program.rows.clocks), 1 << len(follow.passive), len(follow.bins) - 1
    n = n_passive + n_watchers + size.slots
    n_stored = size.kinds if follow.excludes[0] else 0
    return Workspace(
        wi=_ints(program.packed.n_scratch),
        wf=_zeros(program.packed.n_scratch_floats),
        kinds=_kinds(size, n_clocks, program.n_categories, n_passive, n_stored),
        nodes=_nodes(size, n, n_clocks, n_passive, n_watchers),
        boxes=_boxes(size, n_passive + n_watchers, n_clocks, n_bins, len(program.states)),
        chain=_chain(size, n, n_clocks),
        solved=_solved(program, size, n_watchers, n_bins, max(n_stored, 1)),
        count=_ints(memory.N_COUNTERS),
        sizes=size,
    )


def _ints(*shape: int) -> IntArray:
    return np.zeros(shape, dtype=np.int64)


def _zeros(*shape: int) -> FloatArray:
    return np.zeros(shape)


def _kinds(size: Sizes, n_clocks: int, n_categories: int, n_passive: int, n_stored: int) -> memory.Kinds:
    """Kinds of parcels and their moves."""
    return memory.Kinds(
        row=_ints(size.kinds, memory.K_WIDTH),
        clock=_zeros(size.kinds, n_clocks),
        hash=_ints(4 * size.kinds),
        utility=_zeros(size.kinds, n_passive),
        rate=_zeros(size.kinds, n_categories, n_passive),
        move=_ints(size.moves, memory.M_WIDTH),
        move_real=_zeros(size.moves, memory.MR_WIDTH),
        out=_ints(size.outs, memory.O_WIDTH),
        out_p=_zeros(size.outs),
        note=_ints(4 * size.outs, memory.Q_WIDTH),
        note_size=_zeros(4 * size.outs),
        n_stored=np.array([n_stored], dtype=np.int64),
    )


def _nodes(size: Sizes, n: int, n_clocks: int, n_passive: int, n_watchers: int) -> memory.Nodes:
    """Nodes and links of a sheet, whose masses have `n` columns."""
    return memory.Nodes(
        row=_ints(size.nodes, memory.D_WIDTH),
        real=_zeros(size.nodes, 2),
        clock=_zeros(size.nodes, n_clocks),
        mass=_zeros(size.nodes, n),
        years=_zeros(size.nodes, n),
        years_cost=_zeros(size.nodes, n),
        years_effect=_zeros(size.nodes, n),
        moment=_zeros(size.nodes, memory.N_MOMENTS),
        term=_zeros(memory.MAX_TERMS * size.nodes * (n + 8)),
        summed=_zeros(memory.N_MOMENTS * (n + 8)),
        power=_zeros(memory.MAX_TERMS, memory.N_SUMMED),
        place=_ints(size.nodes),
        held=_ints(size.nodes),
        out_rate=_zeros(size.nodes),
        dense=_ints(2, n + 8),
        column=_ints(4 * size.links, n + 8),
        share=_zeros(4 * size.links * (n + 8)),
        seen=_zeros(n),
        vector=_zeros(n),
        timed=_ints(size.links),
        paying=_ints(size.links),
        within=_ints(4 * size.links),
        leaving=_ints(4 * size.links),
        met=_zeros(n_watchers, 9),
        sums=_zeros(size.nodes, memory.N_SUMS, n_passive),
        link=_ints(size.links, memory.L_WIDTH),
        link_real=_zeros(size.links, memory.LR_WIDTH),
        edge=_ints(4 * size.links, memory.G_WIDTH),
        edge_p=_zeros(4 * size.links),
        spec=_ints(size.links),
        spec_real=_zeros(size.links, memory.SR_WIDTH),
        visit=_ints(size.links, memory.Y_WIDTH),
        tick=_ints(size.links, 4),
        tick_real=_zeros(2, size.links),
        slot=_ints(size.slots, memory.W_WIDTH),
        slot_end=_zeros(size.slots),
        slot_began=_zeros(size.slots),
        live=_ints(size.nodes),
        flow=_ints(4 * size.links, memory.FLOW_WIDTH),
        flow_weight=_zeros(4 * size.links),
        watch=_ints(n_watchers),
    )


def _boxes(size: Sizes, n: int, n_clocks: int, n_bins: int, n_states: int) -> memory.Boxes:
    """Entries collected by kind and interval."""
    return memory.Boxes(
        row=_ints(size.boxes, 3),
        hash=_ints(4 * size.boxes),
        mass=_zeros(size.boxes, n_bins, n),
        time=_zeros(size.boxes, n_bins),
        clock=_zeros(size.boxes, n_bins, 2, n_clocks),
        clock_mass=_zeros(size.boxes, n_bins, n_clocks),
        done=_ints(n_states),
        first=_ints(size.boxes, n_bins),
        held=_ints(size.losses, memory.U_WIDTH),
        held_sum=_zeros(size.losses, 2),
        free=_ints(1),
        band=_zeros(memory.N_BANDS, 2, 2),
        term=_ints(size.losses, memory.U_WIDTH),
        term_sum=_zeros(size.losses, 2),
    )


def _chain(size: Sizes, n: int, n_clocks: int) -> memory.Chain:
    """A chain of chance states."""
    return memory.Chain(
        item=_ints(size.chain, memory.O_WIDTH),
        p=_zeros(size.chain),
        clock=_zeros(size.chain, n_clocks),
        vector=_zeros(size.chain, n),
    )


def _solved(program: Program, size: Sizes, n_watchers: int, n_bins: int, n_stored: int) -> memory.Solved:
    """What has been solved."""
    counting, n_states, n_categories = program.rows.counting, len(program.states), program.n_categories
    n_clocks = len(program.rows.clocks)
    return memory.Solved(
        outcome=_zeros(N_MAIN + 2 * n_categories),
        state=_zeros(n_states, 4),
        endpoint=_zeros(n_watchers, 3, counting.n_steps + 2),
        early=_zeros(n_watchers, 2, counting.n_steps + 2),
        level=_zeros(n_states, counting.n_occupancy + 2),
        ended=_zeros(n_states, counting.n_occupancy + 2),
        entries=_zeros(n_states),
        marks=_zeros(len(program.marks)),
        excluded=_zeros(n_stored, n_bins, n_categories, 2),
        closed=_zeros(n_clocks, 2),
        soon=_zeros(3, size.kinds),
    )
