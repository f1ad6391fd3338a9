"""How the cells of a sweep are laid out in a figure: which axes run across it, and which make its panels."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import InputError, unknown
from lmssim.report.parts.digits import amount, plain
from lmssim.report.parts.labels import readable, short
from lmssim.report.parts.style import new_figure
from lmssim.studies.axes import shown
from lmssim.studies.sweep.result import INMB, NMB

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.figure import Figure, SubFigure

    from lmssim.studies.sweep.result import Sweep

MOST_PANELS = 6
LONGEST_AXIS, LONGEST_UP = 84, 37
"""Characters of the name of an axis across and upwards."""
LONGEST_PANEL = 32
"""Characters of a line of a panel's title."""
ACROSS, ROW = 3, 0.19
"""Names of a legend side by side, and inches of a row of them."""
NAMES = {
    "life_years": "Life-years",
    "qalys": "QALYs",
    "cost": "Cost",
    "icer": "ICER",
    "cost_per_life_year": "Cost per life-year",
    "log_hr": "Log hazard ratio",
}
DURATION = "duration"
"""Outcome of trials that is a time."""
GRID = "grid"


@dataclass(frozen=True)
class Layout:
    """Where the cells of a sweep stand.

    Attributes
    ----------
    x : str
        Axis across.
    y : str, optional
        Axis upwards, of a map.
    panels : list of dict
        Levels of the other axes in each panel, of many an even choice.
    n_panels : int
        All that there are.
    """

    x: str
    y: str | None
    panels: list[dict[str, Any]]
    n_panels: int

    def rows(self, frame: pd.DataFrame, panel: dict[str, Any]) -> pd.DataFrame:
        """Rows of a panel."""
        keep = frame[self.x].notna()
        if self.y is not None:
            keep &= frame[self.y].notna()
        for axis, level in panel.items():
            keep &= frame[axis].isna() if level is None else frame[axis] == level
        return frame[keep]


def layout_of(found: Sweep, axes: tuple[str, ...] = ()) -> Layout:
    """Layout of a grid or list: a map if two axes are numeric, else lines.

    Parameters
    ----------
    axes : tuple of str
        Axes across and upwards; those of most levels if empty.

    Raises
    ------
    InputError
        If there is no such axis, or one that runs upwards has levels that are no numbers.
    """
    for axis in axes:
        if axis not in found.axes:
            raise InputError(unknown("axis", axis, found.axes, "--axes"))
    if len(axes) > 1 and not all(is_measured(found, axis) for axis in axes):
        raise InputError(f"--axes: a map needs two axes of numbers, and {axes[0]} or {axes[1]} is none.")
    x, y = (axes[0], axes[1] if len(axes) > 1 else None) if axes else _chosen(found)
    others = [axis for axis in found.axes if axis not in (x, y)]
    frame = found.frame[[x, *others]].drop_duplicates()
    levels = [[None if value != value else value for value in frame[axis].unique().tolist()] for axis in others]  # noqa: PLR0124
    every = [dict(zip(others, values, strict=True)) for values in product(*levels)]
    whole = Layout(x, y, [], 0)
    panels = [panel for panel in every if len(whole.rows(found.frame, panel))]
    few = np.unique(np.linspace(0, len(panels) - 1, min(MOST_PANELS, len(panels))).round().astype(int)).tolist()
    return Layout(x, y, [panels[i] for i in few], len(panels))


def _chosen(found: Sweep) -> tuple[str, str | None]:
    """The numeric axes with most levels: across the first of the two; lines if there are fewer or no grid."""
    counts = {axis: found.plan[axis].nunique() for axis in found.axes if is_measured(found, axis)}
    most = sorted(counts, key=lambda axis: -counts[axis])[:2]
    if len(most) == 2 and found.about["design"] == GRID:
        x, y = sorted(most, key=found.axes.index)
        return x, y
    return (most or found.axes)[0], None


def is_measured(found: Sweep, axis: str) -> bool:
    """Whether an axis is one of at least two numbers."""
    return found.is_numeric(axis) and len(found.plan[axis].dropna().unique()) > 1


def has_base(found: Sweep, axis: str) -> bool:
    """Whether the own value of what is swept lies among the levels of an axis of numbers."""
    base = found.about["base"].get(axis)
    return base is not None and bool(found.plan[axis].min() <= base <= found.plan[axis].max())


# === Names ===


def outcome_label(found: Sweep, outcome: str) -> str:
    """An outcome as people read it, with its unit."""
    currency = short(found.about["currency"], 12)
    start, _, rest = outcome.partition(":")
    if start in (NMB, INMB):
        what = "Net benefit" if start == NMB else "Incremental net benefit"
        return f"{what} at {amount(float(rest))} per QALY, {currency}"
    if rest:
        return f"{readable(start)} at {rest} years"
    if not found.has_worth and outcome == DURATION and found.about.get("time_unit"):
        return f"{readable(outcome)} ({found.about['time_unit']})"
    name = outcome.removeprefix("incremental_")
    base = name.removesuffix("_undiscounted")
    text = NAMES.get(base, readable(base)) + (", undiscounted" if base != name else "")
    text = f"Incremental {text[0].lower()}{text[1:]}" if name != outcome and text[1].islower() else text
    return f"{text} ({currency})" if base in ("cost", "icer", "cost_per_life_year") else text


def axis_label(found: Sweep, axis: str, *, upwards: bool = False) -> str:
    """An axis: what it is in the scenario's words, and its name; on two lines if it runs upwards."""
    name = short(axis, LONGEST_UP if upwards else LONGEST_AXIS)
    room = LONGEST_UP if upwards else max(LONGEST_AXIS - len(name), 20)
    label = short(found.about["labels"].get(axis) or "", room)
    if upwards and not label:
        return textwrap.fill(axis.replace(".", ". "), LONGEST_UP).replace(". ", ".")
    return f"{label}{chr(10) if upwards else ' '}({name})" if label else name


@dataclass(frozen=True)
class Frame:
    """A figure with a legend below its panels.

    Attributes
    ----------
    figure : Figure
        All of it.
    body : SubFigure
        Room of the panels.
    foot : SubFigure
        Room of the legend.
    """

    figure: Figure
    body: SubFigure
    foot: SubFigure

    @classmethod
    def of(cls, width: float, height: float, n_names: int) -> Frame:
        """A figure of a width and a height in inches, and room for so many names."""
        rows = math.ceil(n_names / ACROSS)
        foot = rows * ROW + 0.1 if rows else 0.02
        figure = new_figure(width, height + foot)
        rooms: Any = figure.subfigures(2, 1, height_ratios=[height, foot])
        body, below = rooms
        return cls(figure, body, below)

    def legend(self, handles: Sequence[Any]) -> None:
        """Names below the panels."""
        if handles:
            self.foot.legend(handles=handles, loc="center", ncols=min(ACROSS, len(handles)))


def panel_title(panel: dict[str, Any]) -> str:
    """Levels of a panel, an axis a line."""
    levels = {axis: level for axis, level in panel.items() if level is not None}
    return "\n".join(short(f"{axis} = {_level(level)}", LONGEST_PANEL) for axis, level in levels.items())


def _level(level: Any) -> str:
    return plain(level) if isinstance(level, float) else shown(level)


def strategy_names(found: Sweep, longest: int = 26) -> dict[str, str]:
    """Label of each strategy; those that cutting makes alike keep their ids."""
    labels = {name: short(label, longest) for name, label in found.about["strategy_labels"].items()}
    texts = list(labels.values())
    return {name: text if texts.count(text) == 1 else readable(name) for name, text in labels.items()}


def is_thousands(values: Any) -> bool:
    """Whether numbers are so large that they are printed in thousands."""
    finite = np.abs(np.asarray(values, dtype=np.float64))
    finite = finite[np.isfinite(finite)]
    return bool(len(finite)) and float(finite.max()) >= 5_000.0
