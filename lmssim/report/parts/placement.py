"""Labels beside points so that none covers another label or a point, and none leaves the axes.

Greedy: each label in turn takes the cheapest place around its point, on rings of growing radius. Covering a label or a
point costs most, crossing a line a little, distance a little less; a thin line joins a label that had to move away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from lmssim.report.parts.style import FAINT, INK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

    from lmssim.kernels import FloatArray

RADII = (7.0, 11.0, 16.0, 22.0, 30.0, 40.0, 52.0, 66.0, 82.0, 100.0, 120.0, 145.0, 170.0)
"""Points from the anchor."""
ANGLES = 24
COVERING, LEAVING, DISTANCE = 20.0, 20.0, 1.2
"""Cost per unit of area that covers labels or points, or lies beyond the axes, and per unit of distance."""
LEADER_FROM = 14.0
"""Points beyond which a line joins label and point."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """Text that belongs to a point of the axes."""

    text: str
    x: float
    y: float
    color: str | tuple[float, float, float] = INK


Point = tuple[float, float]


def place_labels(ax: Axes, labels: Sequence[Label], lines: Sequence[tuple[Point, Point]] = ()) -> None:
    """Write labels beside their points.

    Parameters
    ----------
    ax : Axes
        Axes whose limits and layout are final.
    labels : sequence of Label
        In order of importance.
    lines : sequence of (point, point)
        Ends, in data coordinates, of lines that no label should cover.
    """
    scale = ax.figure.dpi / 72.0
    anchors = [ax.transData.transform((label.x, label.y)) for label in labels]
    taken = [_around(x, y, 4.5 * scale) for x, y in anchors]
    crossed = [box for ends in lines for box in _along(ax.transData.transform(ends), scale)]
    frame = ax.get_window_extent()
    for label, (x, y) in zip(labels, anchors, strict=True):
        text = _write(ax, label)
        box = text.get_window_extent()
        width, height = box.width + 3 * scale, box.height + 1.5 * scale
        dx, dy, found = _free_place(x, y, width, height, frame, (taken, crossed), scale)
        text.set_position((dx / scale, dy / scale))
        taken.append(found)
        if math.hypot(dx, dy) > LEADER_FROM * scale and text.arrow_patch is not None:
            text.arrow_patch.set_visible(True)


def _write(ax: Axes, label: Label) -> Annotation:
    arrow = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3, "visible": False}
    text = ax.annotate(
        label.text,
        (label.x, label.y),
        (0, 0),
        textcoords="offset points",
        fontsize=8,
        color=label.color,
        ha="center",
        va="center",
        arrowprops=arrow,
        zorder=6,
        annotation_clip=False,
    )
    text.set_path_effects([withStroke(linewidth=2.2, foreground="white")])
    return text


def _free_place(
    x: float, y: float, width: float, height: float, frame: Bbox, boxes: tuple[list[Bbox], list[Bbox]], scale: float
) -> tuple[float, float, Bbox]:
    """Offset of the label's centre and its box: the cheapest candidate; `boxes` are those taken, and those of lines."""
    taken, crossed = boxes
    best: tuple[float, float, float, Bbox] | None = None
    for dx, dy in _candidates(width, height, scale):
        box = Bbox.from_bounds(x + dx - width / 2, y + dy - height / 2, width, height)
        cost = DISTANCE * math.hypot(max(abs(dx) - width / 2, 0.0), max(abs(dy) - height / 2, 0.0))
        cost += COVERING * sum(_overlap(box, other) for other in taken) + LEAVING * _outside(box, frame)
        cost += sum(_overlap(box, other) for other in crossed)
        if best is None or cost < best[0]:
            best = cost, dx, dy, box
    assert best is not None
    return best[1:]


def _candidates(width: float, height: float, scale: float) -> Iterator[tuple[float, float]]:
    """Offsets by distance: right first, then round the point."""
    order = sorted(range(ANGLES), key=lambda k: (min(k, ANGLES - k), k))
    for radius in RADII:
        for k in order:
            angle = 2.0 * math.pi * k / ANGLES
            c, s = math.cos(angle), math.sin(angle)
            yield c * (radius * scale + width / 2), s * (radius * scale + height / 2)


def _around(x: float, y: float, reach: float) -> Bbox:
    return Bbox.from_extents(x - reach, y - reach, x + reach, y + reach)


def _along(ends: FloatArray, scale: float) -> list[Bbox]:
    """Small boxes along a line, close enough that no label fits between them."""
    start, end = ends
    n = 2 + int(np.hypot(*(end - start)) / (4.0 * scale))
    return [_around(float(x), float(y), 1.5 * scale) for x, y in np.linspace(start, end, n)]


def _overlap(a: Bbox, b: Bbox) -> float:
    """Area that two boxes share."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return float(max(width, 0.0) * max(height, 0.0))


def _outside(box: Bbox, frame: Bbox) -> float:
    """Area of a box beyond the frame."""
    return float(box.width * box.height) - _overlap(box, frame)
