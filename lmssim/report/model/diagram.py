"""The state diagram of a scenario: patients enter at the top; a sign marks a death that many states lead to."""

from __future__ import annotations

import itertools
import textwrap
from typing import TYPE_CHECKING

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from lmssim.report.model.layering import Layout, layered
from lmssim.report.model.links import Link, diagram_text, links_of
from lmssim.report.parts.labels import short, state_label
from lmssim.report.parts.style import INK, figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.model.scenario import Scenario

__all__ = ["diagram_text", "plot_diagram"]

SIGNS = "†‡§¶#*"
MANY = 4
"""A death to which more states than this lead has a sign in those states in place of arrows."""
WRAP, LINES = 20, 3
"""Letters of a line of a box, and its lines at most."""
WIDEST = 1.55
"""Inches of a box."""
ROW = 0.62
"""Inches between rows."""
BESIDE = 0.17
"""Half the height of the tallest box."""
FILLS = {"dwelling": "#DCEBF7", "phase": "#FCE7C8", "absorbing": "#D9D9D9", "chance": "#FFFFFF"}
KINDS = {
    "dwelling": "time is spent",
    "phase": "treatment, if planned",
    "chance": "decision or chance",
    "absorbing": "end",
}
BACKWARDS = "#0072B2"


def plot_diagram(scenario: Scenario) -> Figure:
    """Boxes for states and arrows for the ways between them.

    Notes
    -----
    Treatments stand in their phase. Chance states that only ask, and cost nothing, are left out where that takes no
    more arrows. A death that many states lead to has a sign of its own, which those states carry.
    """
    with figure_style():
        links = links_of(scenario)
        signs = _signs(scenario, links)
        names = [name for name in scenario.file.states if name not in signs]
        edges = list(dict.fromkeys((link.source, link.target) for link in links if link.target not in signs))
        names, edges = _without_questions(scenario, names, edges)
        leads = {(link.source, link.target) for link in links}
        marks = {n: "".join(sign for end, sign in signs.items() if (n, end) in leads) for n in names}
        texts = {n: _box_text(scenario, n, marks[n]) for n in names}
        start = next(n for n in names if scenario.file.states[n].initial)
        widths = {n: _width(texts[n]) / WIDEST for n in names}
        layout = layered(names, edges, start, widths)
        return _draw(scenario, layout, texts, widths, signs)


def _without_questions(
    scenario: Scenario, names: list[str], edges: list[tuple[str, str]]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Join the arrows into and out of chance states that are questions alone."""
    for name in list(names):
        state = scenario.file.states[name]
        asks = state.kind == "chance" and not (state.initial or state.events or state.entry_cost or state.limited)
        before, after = [a for a, b in edges if b == name], [b for a, b in edges if a == name]
        if asks and len(before) * len(after) <= len(before) + len(after):
            joined = [(a, b) for a in before for b in after if a != b]
            edges = list(dict.fromkeys([*(e for e in edges if name not in e), *joined]))
            names = [n for n in names if n != name]
    return names, edges


def _signs(scenario: Scenario, links: list[Link]) -> dict[str, str]:
    """Sign of each absorbing state that many states lead to."""
    ends = [n for n, state in scenario.file.states.items() if state.kind == "absorbing"]
    busy = [n for n in ends if len({link.source for link in links if link.target == n}) > MANY]
    return dict(zip(busy, SIGNS, strict=False))


def _box_text(scenario: Scenario, name: str, marks: str) -> list[str]:
    lines = textwrap.wrap(short(state_label(scenario, name), LINES * WRAP), WRAP)[:LINES]
    lines[-1] += f" {marks}" if marks else ""
    return lines


def _width(lines: list[str]) -> float:
    """Inches that a text of 7.5 points takes with its margins; about, as fonts are."""
    return min(WIDEST, 0.17 + 0.064 * max(len(line) for line in lines))


def _draw(
    scenario: Scenario, layout: Layout, texts: dict[str, list[str]], widths: dict[str, float], signs: dict[str, str]
) -> Figure:
    xs = [x for x, _ in layout.position.values()] + [x for route in layout.route.values() for x, _ in route]
    depth = max(row for _, row in layout.position.values())
    left, right = min(xs) * WIDEST - 0.9, max(xs) * WIDEST + 0.9
    width = max(right - left, 6.2)
    left -= (width - (right - left)) / 2
    foot = 0.5 + 0.17 * len(signs)
    height = depth * ROW + 0.6 + foot
    figure = new_figure(width, height, constrained=False)
    ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set_xlim(left, left + width)
    ax.set_ylim(depth * ROW + 0.3 + foot, -0.3)
    ax.axis("off")
    place = {n: (x * WIDEST, row * ROW) for n, (x, row) in layout.position.items()}
    boxes = {n: (widths[n] * WIDEST, 0.12 * len(texts[n]) + 0.13) for n in texts}
    for (source, target), route in layout.route.items():
        bends = [(x * WIDEST, row * ROW) for x, row in route]
        _draw_arrow(ax, place[source], place[target], bends, boxes[source][1], boxes[target][1])
    for name, lines in texts.items():
        _draw_box(ax, place[name], boxes[name], "\n".join(lines), scenario.file.states[name].kind)
    _draw_key(ax, scenario, signs, left + 0.25, depth * ROW + 0.5)
    return figure


def _draw_box(ax: Axes, at: tuple[float, float], size: tuple[float, float], text: str, kind: str) -> None:
    width, height = size
    rounding = min(0.11, height / 2) if kind == "chance" else 0.03
    style = f"round,pad=0,rounding_size={rounding}"
    box = FancyBboxPatch(
        (at[0] - width / 2, at[1] - height / 2),
        width,
        height,
        boxstyle=style,
        facecolor=FILLS[kind],
        edgecolor=INK,
        linewidth=0.8,
        linestyle=(0, (3, 2)) if kind == "chance" else "-",
        zorder=3,
    )
    ax.add_patch(box)
    ax.text(*at, text, ha="center", va="center", fontsize=7.5, zorder=4, linespacing=1.1)


def _draw_arrow(
    ax: Axes,
    source: tuple[float, float],
    target: tuple[float, float],
    bends: list[tuple[float, float]],
    source_height: float,
    target_height: float,
) -> None:
    """Smooth arrow from box to box through the bends; one that goes back up is blue."""
    down = 1.0 if target[1] > source[1] else -1.0
    # an arrow leaves and meets a box a little towards where it comes from, so that arrows do not share a point
    first, last = (bends or [target])[0], (bends or [source])[-1]
    lean = 0.0 if down > 0 else 0.12
    start = (source[0] + _towards(first[0] - source[0]) + lean, source[1] + down * source_height / 2)
    end = (target[0] + _towards(last[0] - target[0]) + lean, target[1] - down * target_height / 2)
    # straight beside the boxes of a row, curved between rows
    points = [start, *((x, y + down * half) for x, y in bends for half in (-BESIDE, BESIDE)), end]
    vertices, codes = [start], [Curve.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (y0 + y1) / 2
        vertices += [(x0, middle), (x1, middle), (x1, y1)]
        codes += [Curve.CURVE4] * 3
    color = "#777777" if down > 0 else BACKWARDS
    arrow = FancyArrowPatch(
        path=Curve(vertices, codes),
        arrowstyle="-|>,head_length=3.2,head_width=1.7",
        color=color,
        linewidth=0.9,
        zorder=2,
        joinstyle="miter",
        capstyle="butt",
    )
    ax.add_patch(arrow)


def _towards(distance: float) -> float:
    return max(-0.28, min(0.28, 0.18 * distance))


def _draw_key(ax: Axes, scenario: Scenario, signs: dict[str, str], x: float, y: float) -> None:
    """What the fills and signs mean."""
    kinds = {state.kind for name, state in scenario.file.states.items() if name not in signs}
    at = x
    for kind in [k for k in KINDS if k in kinds]:
        _draw_box(ax, (at + 0.1, y), (0.2, 0.13), "", kind)
        ax.text(at + 0.27, y, KINDS[kind], va="center", fontsize=7)
        at += 0.45 + 0.054 * len(KINDS[kind])
    for i, (name, sign) in enumerate(signs.items()):
        text = f"{sign}  may also lead to: {short(state_label(scenario, name), 60)}"
        ax.text(x, y + 0.2 + 0.17 * i, text, va="center", fontsize=7.5, color=INK)
