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

from lmssim.report.parts.style import FAINT, INK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

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
Boxes = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
"""Rectangles in pixels, (n, 4): left, bottom, right, top."""


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
    anchors = ax.transData.transform(np.array([(label.x, label.y) for label in labels]).reshape(-1, 2))
    taken = _around(anchors, 4.5 * scale)
    crossed = np.concatenate([np.empty((0, 4)), *(_along(ax.transData.transform(ends), scale) for ends in lines)])
    frame = ax.get_window_extent()
    for label, (x, y) in zip(labels, anchors, strict=True):
        text = _write(ax, label)
        box = text.get_window_extent()
        width, height = box.width + 3 * scale, box.height + 1.5 * scale
        dx, dy, found = _free_place(x, y, width, height, frame, (taken, crossed), scale)
        text.set_position((dx / scale, dy / scale))
        taken = np.concatenate([taken, found])
        if math.hypot(dx, dy) > LEADER_FROM * scale and text.arrow_patch is not None:
            text.arrow_patch.set_visible(True)


def spread(wanted: FloatArray, gap: float, low: float, high: float) -> FloatArray:
    """Places along an axis, as near as can be to those wanted, in their order and no closer than a gap.

    Parameters
    ----------
    wanted : ndarray(float, ndim=1)
        Places, in any order.
    gap : float
        Distance of neighbours, at least; less if there is no room.
    low, high : float
        Ends of the axis, which no place leaves.

    Notes
    -----
    Least squares: the places less their gaps are an isotonic regression, by pooling of adjacent violators.
    """
    n = len(wanted)
    gap = min(gap, (high - low) / max(n - 1, 1))
    order = np.argsort(wanted, kind="stable")
    pools: list[tuple[float, int]] = []
    for each in wanted[order] - gap * np.arange(n):
        mean, size = float(each), 1
        while pools and pools[-1][0] >= mean:
            before, more = pools.pop()
            mean, size = (before * more + mean * size) / (more + size), more + size
        pools.append((mean, size))
    pooled = np.repeat([mean for mean, _ in pools], [size for _, size in pools])
    places = np.empty(n)
    places[order] = np.clip(pooled, low, max(high - gap * (n - 1), low)) + gap * np.arange(n)
    return places


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
    x: float, y: float, width: float, height: float, frame: Bbox, boxes: tuple[Boxes, Boxes], scale: float
) -> tuple[float, float, Boxes]:
    """Offset of the label's centre and its box: the cheapest candidate; `boxes` are those taken, and those of lines."""
    taken, crossed = boxes
    offsets = list(_candidates(width, height, scale))
    dx, dy = np.array(offsets).T
    left, bottom = x + dx - width / 2, y + dy - height / 2
    places = np.stack([left, bottom, left + width, bottom + height], axis=1)
    away = [math.hypot(max(abs(a) - width / 2, 0.0), max(abs(b) - height / 2, 0.0)) for a, b in offsets]
    cost = DISTANCE * np.array(away)
    cost += COVERING * _covered(places, taken) + LEAVING * _outside(places, frame)
    cost += _covered(places, crossed)
    best = int(np.argmin(cost))  # of equal ones the first
    return *offsets[best], places[best : best + 1]


def _candidates(width: float, height: float, scale: float) -> Iterator[tuple[float, float]]:
    """Offsets by distance: right first, then round the point."""
    order = sorted(range(ANGLES), key=lambda k: (min(k, ANGLES - k), k))
    for radius in RADII:
        for k in order:
            angle = 2.0 * math.pi * k / ANGLES
            c, s = math.cos(angle), math.sin(angle)
            yield c * (radius * scale + width / 2), s * (radius * scale + height / 2)


def _around(points: Boxes, reach: float) -> Boxes:
    """Squares about points, (n, 2)."""
    return np.concatenate([points - reach, points + reach], axis=1)


def _along(ends: FloatArray, scale: float) -> Boxes:
    """Small boxes along a line, close enough that no label fits between them."""
    start, end = ends
    n = 2 + int(np.hypot(*(end - start)) / (4.0 * scale))
    return _around(np.linspace(start, end, n), 1.5 * scale)


def _covered(places: Boxes, boxes: Boxes) -> FloatArray:
    """Area that each place shares with the boxes, those of one after those of another; (n_places,)."""
    right_top = np.minimum(places[:, None, 2:], boxes[None, :, 2:])
    left_bottom = np.maximum(places[:, None, :2], boxes[None, :, :2])
    width, height = np.moveaxis(np.maximum(right_top - left_bottom, 0.0), -1, 0)
    shared: FloatArray = (width * height).cumsum(axis=1)  # adds from the first on, so that equal costs stay equal
    return shared[:, -1] if shared.shape[1] else np.zeros(len(places))


def _outside(places: Boxes, frame: Bbox) -> FloatArray:
    """Area of each place beyond the frame."""
    width, height = places[:, 2] - places[:, 0], places[:, 3] - places[:, 1]
    beyond: FloatArray = width * height - _covered(places, np.array([frame.extents]))
    return beyond
