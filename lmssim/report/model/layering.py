"""Layered layout of a directed graph: layers by longest path, few crossings, long edges bent round the boxes.

References
----------
Sugiyama K, Tagawa S, Toda M. Methods for visual understanding of hierarchical system structures. IEEE Trans Syst Man
Cybern 11:109-125, 1981. doi:10.1109/TSMC.1981.4308636
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Edge = tuple[str, str]
SWEEPS = 24


@dataclass(frozen=True)
class Layout:
    """Where nodes stand and how edges run.

    Attributes
    ----------
    position : dict
        Node to (x, layer); x in units of the widest node.
    route : dict
        Edge to the points at which it passes the layers between its ends, source first.
    """

    position: dict[str, tuple[float, int]]
    route: dict[Edge, list[tuple[float, int]]]


def layered(nodes: Sequence[str], edges: Sequence[Edge], start: str, widths: Mapping[str, float]) -> Layout:
    """Layout with `start` on top.

    Parameters
    ----------
    nodes : sequence of str
        All nodes.
    edges : sequence of (str, str)
        Source and target.
    start : str
        Node from which the layers are counted.
    widths : mapping of str to float
        Width of each node, 1 being the widest.
    """
    back = _back_edges(nodes, edges, start)
    down = [(b, a) if (a, b) in back else (a, b) for a, b in edges]
    layer = _layers(nodes, down)
    rows, chains = _with_bends(nodes, down, layer)
    _order(rows, chains)
    x = _coordinates(rows, chains, widths)
    position = {n: (x[n], layer[n]) for n in nodes}
    depth = {n: i for i, row in enumerate(rows) for n in row}
    route = {}
    for edge, chain in zip(edges, chains, strict=True):
        points = [(x[n], depth[n]) for n in chain[1:-1]]
        route[edge] = points[::-1] if edge in back else points
    return Layout(position, route)


def _back_edges(nodes: Sequence[str], edges: Sequence[Edge], start: str) -> set[Edge]:
    """Edges that close a circle, found by going depth first from the start."""
    following: dict[str, list[str]] = {n: [b for a, b in edges if a == n] for n in nodes}
    state: dict[str, int] = {}
    back: set[Edge] = set()

    def visit(node: str) -> None:
        state[node] = 1
        for after in following[node]:
            if state.get(after) == 1:
                back.add((node, after))
            elif after not in state:
                visit(after)
        state[node] = 2

    for node in [start, *nodes]:
        if node not in state:
            visit(node)
    return back


def _layers(nodes: Sequence[str], down: Sequence[Edge]) -> dict[str, int]:
    """Longest path from a node that nothing leads to."""
    layer = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for a, b in down:
            layer[b] = max(layer[b], layer[a] + 1)
    return layer


def _with_bends(
    nodes: Sequence[str], down: Sequence[Edge], layer: Mapping[str, int]
) -> tuple[list[list[str]], list[list[str]]]:
    """Rows of nodes and bends; each edge as a chain from its upper end through its bends to its lower end."""
    rows: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
    for node in nodes:
        rows[layer[node]].append(node)
    chains = []
    for i, (a, b) in enumerate(down):
        bends = [f"{i}:{k}" for k in range(layer[a] + 1, layer[b])]
        for k, bend in enumerate(bends):
            rows[layer[a] + 1 + k].append(bend)
        chains.append([a, *bends, b])
    return rows, chains


def _neighbours(chains: Sequence[Sequence[str]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            below.setdefault(a, []).append(b)
            above.setdefault(b, []).append(a)
    return above, below


def _order(rows: list[list[str]], chains: Sequence[Sequence[str]]) -> None:
    """Sort rows by the mean place of their neighbours, down and up; the order with fewest crossings stays."""
    above, below = _neighbours(chains)
    best = [list(row) for row in rows]
    fewest = _crossings(rows, below)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        around = above if downwards else below
        places = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
        for i in places:
            beside = rows[i - 1] if downwards else rows[i + 1]
            place = {n: k for k, n in enumerate(beside)}
            own = {n: k for k, n in enumerate(rows[i])}
            mean = {n: _mean([place[m] for m in around.get(n, [])], own[n]) for n in rows[i]}
            rows[i].sort(key=lambda n, mean=mean, own=own: (mean[n], own[n]))  # type: ignore[misc]
        crossings = _crossings(rows, below)
        if crossings < fewest:
            fewest, best = crossings, [list(row) for row in rows]
    rows[:] = best


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _crossings(rows: Sequence[Sequence[str]], below: Mapping[str, Sequence[str]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(rows):
        place = {n: k for k, n in enumerate(lower)}
        ends = [(i, place[b]) for i, a in enumerate(upper) for b in below.get(a, [])]
        total += sum(a[0] < b[0] and a[1] > b[1] for a in ends for b in ends)
    return total


def _coordinates(
    rows: Sequence[Sequence[str]], chains: Sequence[Sequence[str]], widths: Mapping[str, float]
) -> dict[str, float]:
    """Across: every node drawn to the mean of its neighbours, its row keeping its order and its distances."""
    above, below = _neighbours(chains)
    x: dict[str, float] = {}
    for row in rows:
        left = 0.0
        for node in row:
            left += widths.get(node, 0.16) / 2 + 0.06
            x[node] = left
            left += widths.get(node, 0.16) / 2 + 0.06
        for node in row:
            x[node] -= left / 2
    for sweep in range(SWEEPS * 4):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = {n: _mean([x[m] for m in [*above.get(n, []), *below.get(n, [])]], x[n]) for n in row}
            _settle(row, wanted, widths, x)
    return x


def _settle(row: Sequence[str], wanted: Mapping[str, float], widths: Mapping[str, float], x: dict[str, float]) -> None:
    """Nearest places to those wanted that keep order and distances: neighbours that press on each other form blocks."""
    offset, run = {}, 0.0
    for i, node in enumerate(row):
        half = widths.get(node, 0.16) / 2
        run += 0.0 if i == 0 else half + widths.get(row[i - 1], 0.16) / 2 + 0.12
        offset[node] = run
    blocks: list[list[float]] = []
    for node in row:
        blocks.append([wanted[node] - offset[node], 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, n = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + mean * n) / (before[1] + n)
            before[1] += n
    starts = [mean for mean, n in blocks for _ in range(int(n))]
    for node, begin in zip(row, starts, strict=True):
        x[node] = begin + offset[node]
