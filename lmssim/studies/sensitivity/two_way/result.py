"""A map of the best strategy over two inputs, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.economics.lead import Lead
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.axes import Axis

TABLES = ("two_way", "two_way_outcomes")


class Cell(NamedTuple):
    """A cell: the values of both inputs, mean cost and QALYs of each strategy, and who leads."""

    x: float
    y: float
    means: FloatArray
    leads: Mapping[float, Lead]


@dataclass(frozen=True)
class TwoWay:
    """A map.

    Attributes
    ----------
    program : Program
        What was run.
    axes : tuple of Axis
        The input across, and the one upwards.
    among : sequence of str
        Strategies that are choices.
    wtps : sequence of float
        Willingness to pay.
    cells : sequence of Cell
        Row by row, the input across fastest.
    made : mapping
        How the runs were made.
    """

    program: Program
    axes: tuple[Axis, Axis]
    among: Sequence[str]
    wtps: Sequence[float]
    cells: Sequence[Cell]
    made: Mapping[str, object]

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.program.scenario

    def levels(self, k: int) -> FloatArray:
        """Values of the input across (0) or upwards (1), ascending."""
        return np.array(sorted({(cell.x, cell.y)[k] for cell in self.cells}))

    def grid(self, values: Sequence[float]) -> FloatArray:
        """A number of each cell as a grid, (n_up, n_across)."""
        return np.array(values, dtype=np.float64).reshape(len(self.levels(1)), len(self.levels(0)))

    def net_benefit(self, strategy: str, wtp: float) -> FloatArray:
        """Net benefit of a strategy, (n_up, n_across)."""
        k = self.among.index(strategy)
        return self.grid([wtp * cell.means[k, 1] - cell.means[k, 0] for cell in self.cells])

    def share(self, strategy: str, wtp: float) -> float:
        """Share of the cells in which a strategy leads."""
        return float(np.mean([cell.leads[wtp].best == strategy for cell in self.cells]))

    def open_share(self, wtp: float) -> float:
        """Share of the cells in which noise leaves the best strategy open."""
        return float(np.mean([cell.leads[wtp].is_open for cell in self.cells]))

    @property
    def names(self) -> tuple[str, str]:
        """Both inputs."""
        return self.axes[0].label, self.axes[1].label

    @cached_property
    def two_way(self) -> pd.DataFrame:
        """A row for each willingness to pay and cell.

        wtp, both inputs, best (strategy of the greatest net benefit), nearest (the one that comes nearest to it in
        errors), margin, margin_se (paired), open (whether noise leaves it open which is best), contenders.
        """
        rows = []
        for wtp in self.wtps:
            for cell in self.cells:
                lead = cell.leads[wtp]
                told = (lead.best, lead.nearest, lead.margin, lead.se, lead.is_open, " ".join(lead.contenders))
                rows.append((wtp, cell.x, cell.y, *told))
        names = ["wtp", *self.names, "best", "nearest", "margin", "margin_se", "open", "contenders"]
        return pd.DataFrame(rows, columns=names)

    @cached_property
    def two_way_outcomes(self) -> pd.DataFrame:
        """Mean cost and QALYs of every strategy in every cell: both inputs, strategy, cost, qalys."""
        rows = [
            (cell.x, cell.y, strategy, *cell.means[k].tolist())
            for cell in self.cells
            for k, strategy in enumerate(self.among)
        ]
        return pd.DataFrame(rows, columns=[*self.names, "strategy", "cost", "qalys"])

    def to_frame(self) -> pd.DataFrame:
        """The map."""
        return self.two_way
