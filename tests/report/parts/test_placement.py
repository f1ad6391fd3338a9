"""Labels take the places that the plain definition gives: the cheapest of all candidates, the first of equal ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from lmssim.report.parts import placement
from lmssim.report.parts.placement import COVERING, DISTANCE, LEAVING, Label, place_labels, spread
from lmssim.report.parts.style import figure_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Place = tuple[float, float]


def shared(a: Bbox, b: Bbox) -> float:
    """Area that two boxes share."""
    width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    return float(max(width, 0.0) * max(height, 0.0))


def square(x: float, y: float, reach: float) -> Bbox:
    """Square about a point."""
    return Bbox.from_extents(x - reach, y - reach, x + reach, y + reach)


def defined_places(ax: Axes, labels: list[Label], lines: list[tuple[Place, Place]]) -> list[Place]:
    """Offset (points) of each label by the definition, one box after another."""
    scale, frame = ax.figure.dpi / 72.0, ax.get_window_extent()
    anchors = [ax.transData.transform((label.x, label.y)) for label in labels]
    taken, crossed, places = [square(x, y, 4.5 * scale) for x, y in anchors], [], []
    for ends in lines:
        start, end = ax.transData.transform(ends)
        n = 2 + int(np.hypot(*(end - start)) / (4.0 * scale))
        crossed += [square(x, y, 1.5 * scale) for x, y in np.linspace(start, end, n)]
    for text, (x, y) in zip(labels_on(ax), anchors, strict=True):
        width, height = size_of(text, scale)
        costs, boxes, offsets = [], [], list(placement._candidates(width, height, scale))
        for dx, dy in offsets:
            box = Bbox.from_bounds(x + dx - width / 2, y + dy - height / 2, width, height)
            cost = DISTANCE * math.hypot(max(abs(dx) - width / 2, 0.0), max(abs(dy) - height / 2, 0.0))
            beyond = box.width * box.height - shared(box, frame)
            cost += COVERING * sum(shared(box, other) for other in taken) + LEAVING * beyond
            costs.append(cost + sum(shared(box, other) for other in crossed))
            boxes.append(box)
        best = costs.index(min(costs))
        taken.append(boxes[best])
        places.append((offsets[best][0] / scale, offsets[best][1] / scale))
    return places


def labels_on(ax: Axes) -> list[Annotation]:
    """The labels that were written."""
    return [text for text in ax.texts if isinstance(text, Annotation)]


def size_of(text: Annotation, scale: float) -> Place:
    """Width and height of a label with room about it (pixels), its line left out."""
    box = super(Annotation, text).get_window_extent()
    return box.width + 3 * scale, box.height + 1.5 * scale


@pytest.mark.parametrize(("seed", "n_lines"), [(1, 2), (2, 1), (3, 0)])
def test_labels_lie_where_the_definition_puts_them(seed: int, n_lines: int) -> None:
    """Points strewn along a curve that bends, with lines across: the same offsets."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0.0, 1.0, 9))
    labels = [
        Label(text=f"Strategy {'x' * i}", x=t, y=np.exp(-2.0 * t) + rng.normal(0.0, 0.02)) for i, t in enumerate(time)
    ]
    lines = [((0.0, 1.0), (1.0, 0.1)), ((0.0, 0.0), (1.0, 1.0))][:n_lines]
    with figure_style():
        ax = new_figure(7.6, 5.2, constrained=False).subplots()
        ax.set(xlim=(-0.1, 1.2), ylim=(-0.1, 1.2))
        place_labels(ax, labels, lines)
        found = [text.get_position() for text in labels_on(ax)]
        # the size of a text has rounding of its own, by its place
        np.testing.assert_allclose(found, defined_places(ax, labels, lines), rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("n", [1, 2, 14, 60])
def test_places_keep_their_order_and_distance(n: int) -> None:
    """Within the axis, no closer than the gap or, without room for it, all the way along the axis."""
    wanted = np.random.default_rng(n).normal(0.5, 0.2, n)
    places = spread(wanted, 0.05, 0.0, 1.0)
    assert places.min() >= 0.0
    assert places.max() <= 1.0 + 1e-12
    assert np.array_equal(np.argsort(places), np.argsort(wanted))
    assert np.diff(np.sort(places)).min(initial=1.0) >= min(0.05, 1.0 / max(n - 1, 1)) - 1e-12


def test_places_move_no_farther_than_they_must() -> None:
    """Those with room stay; two that coincide move by half a gap each, the first downwards."""
    assert spread(np.array([0.2, 0.8, 0.5, 0.5]), 0.1, 0.0, 1.0) == pytest.approx([0.2, 0.8, 0.45, 0.55])
