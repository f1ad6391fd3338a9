"""Areas of a map in which one of several strategies is the best, with the boundaries between them.

Boundaries are drawn where the values of two strategies are equal; between the points of a grid, values are taken to be
linear along each axis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap

from lmssim.report.parts.style import INK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from lmssim.kernels import FloatArray

FINE = 240
"""Points along each axis between which boundaries are drawn."""


def fine_axis(levels: FloatArray) -> FloatArray:
    """Points from the first level to the last."""
    found: FloatArray = np.linspace(levels[0], levels[-1], FINE)
    return found


def between(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    """Values between the points of a grid, (n_y, n_x), linear along each axis: (FINE, FINE)."""
    across = np.stack([np.interp(fine_axis(x), x, row) for row in z])
    up: FloatArray = np.stack([np.interp(fine_axis(y), y, column) for column in across.T], axis=1)
    return up


def draw_areas(
    ax: Axes, x: FloatArray, y: FloatArray, values: Sequence[FloatArray], colours: Sequence[str]
) -> list[int]:
    """Draw where each of several values, (n_y, n_x) each, is the greatest; returns those that are somewhere."""
    u, v = fine_axis(x), fine_axis(y)
    fine = np.stack([between(x, y, each) for each in values])
    blank = np.isnan(fine).any(axis=0)
    best = np.ma.masked_array(np.argmax(np.where(np.isnan(fine), -np.inf, fine), axis=0), mask=blank)
    look = {"cmap": ListedColormap(list(colours)), "vmin": -0.5, "vmax": len(fine) - 0.5}
    ax.pcolormesh(u, v, best, shading="nearest", rasterized=True, **look)  # type: ignore[arg-type]
    for k in range(len(fine)):
        others = np.delete(fine, k, axis=0)
        if len(others) and (best == k).any() and (best != k).any():
            ax.contour(u, v, fine[k] - others.max(axis=0), levels=[0.0], colors=INK, linewidths=1.0)
    return [k for k in range(len(fine)) if (best == k).any()]


def hatch_open(ax: Axes, x: FloatArray, y: FloatArray, certainty: FloatArray, least: float) -> bool:
    """Hatch where a certainty, (n_y, n_x), lies below its least value; returns whether that is anywhere."""
    fine = between(x, y, certainty)
    if not (fine < least).any():
        return False
    with mpl.rc_context({"hatch.linewidth": 0.6, "hatch.color": INK}):
        ax.contourf(fine_axis(x), fine_axis(y), fine, levels=[-np.inf, least], colors="none", hatches=["////"])
    return True
