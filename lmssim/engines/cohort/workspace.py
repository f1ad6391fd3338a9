"""Memory in which a thread follows a patient in continuous time; what turns out too small is doubled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines.memory import available_memory
from lmssim.errors import LowMemoryError, TooLargeError
from lmssim.kernels.cohort import memory
from lmssim.kernels.rewards import N_MAIN

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program


MOST_BYTES = 1 << 30
"""Memory that a worker may take on any machine."""
SHARE = 0.25
"""Share of the available memory that a worker may take."""
GIB = 2.0**30


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


@dataclass(frozen=True)
class Room:
    """Makes arrays; where they are only counted, they take no memory."""

    counted: bool = False

    def ints(self, *shape: int) -> IntArray:
        """Integers."""
        return np.broadcast_to(np.int64(0), shape) if self.counted else np.zeros(shape, dtype=np.int64)

    def zeros(self, *shape: int) -> FloatArray:
        """Numbers."""
        return np.broadcast_to(np.float64(0.0), shape) if self.counted else np.zeros(shape)


def workspace_of(program: Program, follow: memory.Follow, n_watchers: int, size: Sizes) -> Workspace:
    """Memory for one thread; `follow` of any patient.

    Raises
    ------
    TooLargeError
        If it is more than a part of the memory that is available.
    """
    needed = _bytes(_workspace(Room(counted=True), program, follow, n_watchers, size))
    _refuse_beyond(needed, program)
    return _workspace(Room(), program, follow, n_watchers, size)


def _workspace(room: Room, program: Program, follow: memory.Follow, n_watchers: int, size: Sizes) -> Workspace:
    n_clocks, n_passive, n_bins = len(program.rows.clocks), 1 << len(follow.passive), len(follow.bins) - 1
    n = n_passive + n_watchers + size.slots
    n_stored = size.kinds if follow.excludes[0] else 0
    return Workspace(
        wi=room.ints(program.packed.n_scratch),
        wf=room.zeros(program.packed.n_scratch_floats),
        kinds=_kinds(room, size, n_clocks, program.n_categories, n_passive, n_stored),
        nodes=_nodes(room, size, n, n_clocks, n_passive, n_watchers),
        boxes=_boxes(room, size, n_passive + n_watchers, n_clocks, n_bins, len(program.states)),
        chain=_chain(room, size, n, n_clocks),
        solved=_solved(room, program, size, n_watchers, n_bins, max(n_stored, 1)),
        count=room.ints(memory.N_COUNTERS),
        sizes=size,
    )


def _bytes(space: Workspace) -> int:
    """Size of a workspace."""
    parts = (space.kinds, space.nodes, space.boxes, space.chain, space.solved)
    return sum(array.nbytes for part in parts for array in part)


def _refuse_beyond(needed: int, program: Program) -> None:
    """Refuse a workspace that would take too much: by the same limit everywhere, or of the memory that is available."""
    where, helps = (
        f"{program.scenario.path}: engine 'cohort' would need {needed / GIB:.3g} GiB",
        ("shorten settings.horizon or use engine 'compiled'."),
    )
    if needed > MOST_BYTES:
        raise TooLargeError(f"{where} for one worker; the limit is {MOST_BYTES / GIB:g} GiB: {helps}")
    available = available_memory()
    if needed > SHARE * available:
        raise LowMemoryError(
            f"{where} for one worker; the limit is {SHARE:.0%} of the {available / GIB:.3g} GiB of memory that are"
            f" available now: {helps}"
        )


def _kinds(room: Room, size: Sizes, n_clocks: int, n_categories: int, n_passive: int, n_stored: int) -> memory.Kinds:
    """Kinds of parcels and their moves."""
    return memory.Kinds(
        row=room.ints(size.kinds, memory.K_WIDTH),
        clock=room.zeros(size.kinds, n_clocks),
        hash=room.ints(4 * size.kinds),
        utility=room.zeros(size.kinds, n_passive),
        rate=room.zeros(size.kinds, n_categories, n_passive),
        move=room.ints(size.moves, memory.M_WIDTH),
        move_real=room.zeros(size.moves, memory.MR_WIDTH),
        out=room.ints(size.outs, memory.O_WIDTH),
        out_p=room.zeros(size.outs),
        note=room.ints(4 * size.outs, memory.Q_WIDTH),
        note_size=room.zeros(4 * size.outs),
        n_stored=np.array([n_stored], dtype=np.int64),
    )


def _nodes(room: Room, size: Sizes, n: int, n_clocks: int, n_passive: int, n_watchers: int) -> memory.Nodes:
    """Nodes and links of a sheet, whose masses have `n` columns."""
    return memory.Nodes(
        row=room.ints(size.nodes, memory.D_WIDTH),
        real=room.zeros(size.nodes, 2),
        clock=room.zeros(size.nodes, n_clocks),
        mass=room.zeros(size.nodes, n),
        years=room.zeros(size.nodes, n),
        years_cost=room.zeros(size.nodes, n),
        years_effect=room.zeros(size.nodes, n),
        moment=room.zeros(size.nodes, memory.N_MOMENTS),
        term=room.zeros(memory.MAX_TERMS * size.nodes * (n + 8)),
        summed=room.zeros(memory.N_MOMENTS * (n + 8)),
        power=room.zeros(memory.MAX_TERMS, memory.N_SUMMED),
        place=room.ints(size.nodes),
        held=room.ints(size.nodes),
        out_rate=room.zeros(size.nodes),
        dense=room.ints(2, n + 8),
        column=room.ints(4 * size.links, n + 8),
        share=room.zeros(4 * size.links * (n + 8)),
        seen=room.zeros(n),
        vector=room.zeros(n),
        timed=room.ints(size.links),
        paying=room.ints(size.links),
        within=room.ints(4 * size.links),
        leaving=room.ints(4 * size.links),
        met=room.zeros(n_watchers, 9),
        sums=room.zeros(size.nodes, memory.N_SUMS, n_passive),
        link=room.ints(size.links, memory.L_WIDTH),
        link_real=room.zeros(size.links, memory.LR_WIDTH),
        edge=room.ints(4 * size.links, memory.G_WIDTH),
        edge_p=room.zeros(4 * size.links),
        spec=room.ints(size.links),
        spec_real=room.zeros(size.links, memory.SR_WIDTH),
        visit=room.ints(size.links, memory.Y_WIDTH),
        tick=room.ints(size.links, 4),
        tick_real=room.zeros(2, size.links),
        slot=room.ints(size.slots, memory.W_WIDTH),
        slot_end=room.zeros(size.slots),
        slot_began=room.zeros(size.slots),
        live=room.ints(size.nodes),
        flow=room.ints(4 * size.links, memory.FLOW_WIDTH),
        flow_weight=room.zeros(4 * size.links),
        watch=room.ints(n_watchers),
    )


def _boxes(room: Room, size: Sizes, n: int, n_clocks: int, n_bins: int, n_states: int) -> memory.Boxes:
    """Entries collected by kind and interval."""
    return memory.Boxes(
        row=room.ints(size.boxes, 3),
        hash=room.ints(4 * size.boxes),
        mass=room.zeros(size.boxes, n_bins, n),
        time=room.zeros(size.boxes, n_bins),
        clock=room.zeros(size.boxes, n_bins, 2, n_clocks),
        clock_mass=room.zeros(size.boxes, n_bins, n_clocks),
        done=room.ints(n_states),
        first=room.ints(size.boxes, n_bins),
        held=room.ints(size.losses, memory.U_WIDTH),
        held_sum=room.zeros(size.losses, 2),
        free=room.ints(1),
        band=room.zeros(memory.N_BANDS, 2, 2),
        term=room.ints(size.losses, memory.U_WIDTH),
        term_sum=room.zeros(size.losses, 2),
    )


def _chain(room: Room, size: Sizes, n: int, n_clocks: int) -> memory.Chain:
    """A chain of chance states."""
    return memory.Chain(
        item=room.ints(size.chain, memory.O_WIDTH),
        p=room.zeros(size.chain),
        clock=room.zeros(size.chain, n_clocks),
        vector=room.zeros(size.chain, n),
    )


def _solved(room: Room, program: Program, size: Sizes, n_watchers: int, n_bins: int, n_stored: int) -> memory.Solved:
    """What has been solved."""
    counting, n_states, n_categories = program.rows.counting, len(program.states), program.n_categories
    n_clocks = len(program.rows.clocks)
    return memory.Solved(
        outcome=room.zeros(N_MAIN + 2 * n_categories),
        state=room.zeros(n_states, 4),
        endpoint=room.zeros(n_watchers, 3, counting.n_steps + 2),
        early=room.zeros(n_watchers, 2, counting.n_steps + 2),
        level=room.zeros(n_states, counting.n_occupancy + 2),
        ended=room.zeros(n_states, counting.n_occupancy + 2),
        entries=room.zeros(n_states),
        marks=room.zeros(len(program.marks)),
        excluded=room.zeros(n_stored, n_bins, n_categories, 2),
        closed=room.zeros(n_clocks, 2),
        soon=room.zeros(3, size.kinds),
    )
