"""The result of a sweep: one row for each cell and strategy, in the order of the design.

Columns: `cell` (its number, from 1), a column for each axis (blank where a dependent axis does not vary), `strategy`,
`comparator`, the columns of the study, `best:W` (whether the strategy has the greatest net benefit at W in its cell, of
those that are choices), and `error`, which says why a cell has no results.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lmssim.economics.ties import best_first
from lmssim.errors import InputError, unknown
from lmssim.execution.shared.tables import ERROR, KEY, PART
from lmssim.outcomes.main import COST, QALYS
from lmssim.studies.axes import shown
from lmssim.studies.sweep.outcomes import COVARIANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.execution.shared.tables import SharedTables
    from lmssim.studies.axes import Axis
    from lmssim.studies.sweep.cells import Cell

CELL, STRATEGY, COMPARATOR = "cell", "strategy", "comparator"
NMB, INMB, BEST = "nmb", "inmb", "best"
"""Beginnings of the columns of net benefits."""


@dataclass(frozen=True)
class Sweep:
    """Cells with their results, as far as they were made.

    Attributes
    ----------
    plan : DataFrame
        `cell`, `key` and a column for each axis, in the order of the design.
    rows : DataFrame
        `key`, `part` (the strategy), `error`, and the columns of the study.
    about : dict
        What they are of: `axes`, `strategies`, `strategy_labels`, `choices`, `comparator`, `wtp`, `currency`, `study`,
        `design`, `scenario`, `title`, `labels` and `base` values of axes.
    """

    plan: pd.DataFrame
    rows: pd.DataFrame
    about: dict[str, Any]

    @property
    def axes(self) -> list[str]:
        """Names of the axes."""
        return [axis["name"] for axis in self.about["axes"]]

    @property
    def strategies(self) -> list[str]:
        """Ids of the strategies."""
        return list(self.about["strategies"])

    @property
    def outcomes(self) -> list[str]:
        """Columns that have a standard error beside them, and so are results."""
        return [name for name in self.rows.columns if f"{name}_se" in self.rows.columns]

    def is_numeric(self, axis: str) -> bool:
        """Whether all levels of an axis are numbers."""
        return bool(next(each["numeric"] for each in self.about["axes"] if each["name"] == axis))

    @property
    def has_worth(self) -> bool:
        """Whether rows have costs and QALYs, and so net benefits: of a scenario, not of a trial."""
        return "outcome" not in self.about

    @property
    def subject(self) -> str:
        """What it is of, in a word."""
        return "scenario" if self.has_worth else "design"

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Every row, as the module says; cells that were not run are left out."""
        rows = self.rows.rename(columns={PART: STRATEGY})
        frame = self.plan.merge(rows, on=KEY, how="inner")
        order = {name: i for i, name in enumerate(self.strategies)}
        frame = frame[frame[STRATEGY].isin(order)]
        frame = frame.assign(_order=frame[STRATEGY].map(order)).sort_values([CELL, "_order"], kind="stable")
        frame.insert(list(frame.columns).index(STRATEGY) + 1, COMPARATOR, self.about["comparator"])
        frame = frame.drop(columns=["_order", KEY]).reset_index(drop=True)
        for wtp in self.about["wtp"]:
            if f"{NMB}:{wtp:g}" in frame:
                frame[f"{BEST}:{wtp:g}"] = self._is_best(frame, wtp)
        frame[ERROR] = frame.pop(ERROR)
        return frame

    @cached_property
    def failed(self) -> pd.DataFrame:
        """Cells that could not be run: `cell`, axes, `error`."""
        failed = self.frame[self.frame[ERROR].notna()]
        return failed.drop_duplicates(CELL)[[CELL, *self.axes, ERROR]].reset_index(drop=True)

    def net_benefit(self, wtp: float, *, incremental: bool = False) -> pd.DataFrame:
        """Net benefit of each row at any willingness to pay: `value` and `se`, beside the rows of `frame`."""
        start = "incremental_" if incremental else ""
        if f"{start}{COVARIANCE}" not in self.frame:
            raise InputError(
                f"nmb: study '{self.about['study']['study']}' keeps net benefits at the scenario's own amounts only."
            )
        cost, qalys = f"{start}{COST}", f"{start}{QALYS}"
        frame = self.frame
        variance = (wtp * frame[f"{qalys}_se"]) ** 2 + frame[f"{cost}_se"] ** 2
        variance = variance - 2.0 * wtp * frame[f"{start}{COVARIANCE}"]
        return pd.DataFrame({"value": wtp * frame[qalys] - frame[cost], "se": np.sqrt(variance.clip(lower=0.0))})

    def values(self, outcome: str) -> pd.DataFrame:
        """A result of each row of `frame`, with its standard error: `value` and `se`.

        Parameters
        ----------
        outcome : str
            A column, or `nmb:W` or `inmb:W` at any willingness to pay W.

        Raises
        ------
        InputError
            If there is none of this name.
        """
        if outcome in self.frame and outcome in (*self.outcomes, "icer", "cost_per_life_year"):
            error = self.frame.get(f"{outcome}_se", np.nan)
            return pd.DataFrame({"value": self.frame[outcome], "se": error})
        start, _, amount = outcome.partition(":")
        if self.has_worth and start in (NMB, INMB) and (wtp := _number(amount)) is not None:
            return self.net_benefit(wtp, incremental=start == INMB)
        worth = [f"{NMB}:W", f"{INMB}:W"] if self.has_worth else []
        raise InputError(unknown("outcome", outcome, [*self.outcomes, *worth], "outcome"))

    def best(self, outcome: str) -> pd.DataFrame:
        """For each cell the best strategy by an outcome, and by how much it beats the next: a row a cell.

        Columns: `cell`, axes, `best`, `value`, `next`, `margin`. Costs and ratios of costs are best when small.
        """
        if len(self.about["choices"]) < 2 and not self.has_worth:
            raise InputError("best: a cell has one row, its trial, so that there is nothing to choose from.")
        values = self.frame[[CELL, *self.axes, STRATEGY]].assign(value=self.values(outcome)["value"])
        values = values[values[STRATEGY].isin(self.about["choices"]) & values["value"].notna()]
        sign = -1.0 if is_lower_better(outcome) else 1.0
        rows = []
        for cell, group in values.groupby(CELL, sort=True):
            order = (sign * group["value"]).sort_values(ascending=False, kind="stable").index
            top = group.loc[order[0]]
            second = group.loc[order[1]] if len(order) > 1 else None
            margin = float("nan") if second is None else sign * (top["value"] - second["value"])
            other = None if second is None else second[STRATEGY]
            rows.append((cell, *top[self.axes], top[STRATEGY], top["value"], other, margin))
        return pd.DataFrame(rows, columns=[CELL, *self.axes, "best", "value", "next", "margin"])

    def _is_best(self, frame: pd.DataFrame, wtp: float) -> list[bool | None]:
        """Whether each row is the best of its cell at a willingness to pay; blank of cells without results."""
        found: list[bool | None] = [None] * len(frame)
        made = frame[ERROR].isna().to_numpy()
        among = frame[STRATEGY].isin(self.about["choices"]).to_numpy() & made
        costs, effects = (frame[name].to_numpy() for name in (COST, QALYS))
        for rows in frame.groupby(CELL, sort=False).indices.values():
            own = [int(i) for i in rows if among[i]]
            best = best_first([float(costs[i]) for i in own], [float(effects[i]) for i in own], wtp)
            for i in rows:
                if made[i]:
                    found[i] = bool(own) and i == own[best[0]]
        return found

    def to_frame(self) -> pd.DataFrame:
        """Every row."""
        return self.frame

    def to_table(self) -> pa.Table:
        """Every row as it is written: texts as dictionaries, everything else as numbers."""
        table = pa.Table.from_pandas(self.frame, preserve_index=False).replace_schema_metadata(None)
        for name in (STRATEGY, COMPARATOR):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table[name].cast(pa.string()).dictionary_encode())
        for name in (ERROR, *(axis for axis in self.axes if not self.is_numeric(axis))):
            table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(pa.string()))
        return table


def is_lower_better(outcome: str) -> bool:
    """Whether less of an outcome is better: costs, ratios of costs, deaths."""
    name = outcome.removeprefix("incremental_")
    return name.startswith((COST, "icer", "death_"))


def plan_table(cells: Sequence[Cell], axes: Sequence[Axis]) -> pa.Table:
    """Cells with their keys and levels."""
    columns = {
        CELL: pa.array(range(1, len(cells) + 1), pa.int64()),
        KEY: pa.array([cell.key for cell in cells], pa.string()),
    }
    for axis in axes:
        levels = [cell.setting[axis.label] for cell in cells]
        if axis.is_numeric:
            columns[axis.label] = pa.array(levels, pa.float64())
        else:
            columns[axis.label] = pa.array([None if level is None else shown(level) for level in levels], pa.string())
    return pa.table(columns)


def sweep_in(tables: SharedTables) -> Sweep | None:
    """What stands in a folder, complete or not; None if there is no sweep."""
    found = tables.plan()
    if found is None:
        return None
    plan, about = found
    rows = tables.rows(plan[KEY].to_pylist())
    return Sweep(plan.to_pandas(), rows.to_pandas(split_blocks=True, self_destruct=True), about)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) and value >= 0.0 else None
