"""The incremental analysis as a table: each strategy's place, what it is compared with, and which values are tied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.cea import COST as IN_COST
from lmssim.economics.cea import EFFECT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.cea import FrontierRow
    from lmssim.economics.increments import Increments

COLUMNS = [
    "strategy",
    "cost",
    "qalys",
    "status",
    "reference",
    "incremental_cost",
    "incremental_qalys",
    "icer",
    "icer_se",
    "incremental_life_years",
    "cost_per_life_year",
    "cost_per_life_year_se",
    "dominated_by",
    "tie",
    "not_distinguishable",
]
ICER, COST_PER_LIFE_YEAR = "icer", "cost_per_life_year"
"""Outcomes of the table of increments."""
SAME = {(IN_COST, EFFECT): "same cost and QALYs", (IN_COST,): "same cost", (EFFECT,): "same QALYs"}
"""What a dominated strategy has in common with the one that dominates it."""


def frontier_frame(
    increments: Increments, strategies: Sequence[str], choices: Sequence[str], life_years: int
) -> pd.DataFrame:
    """Incremental analysis by ascending cost.

    Parameters
    ----------
    strategies : sequence of str
        Those of the increments.
    choices : sequence of str
        Those of them that are compared.
    life_years : int
        Position of life-years among the outcomes.

    Returns
    -------
    DataFrame
        `COLUMNS`. Increments, and costs per QALY and per life-year, are over the `reference`. `tie` says in what a
        dominated strategy equals the one that dominates it (`dominated_by`); `not_distinguishable` in what a strategy
        differs from that one, or from its reference, by less than the error of the difference.
    """
    index = [strategies.index(s) for s in choices]
    rows = [_record(increments, row, index, choices, life_years) for row in increments.frontier(index)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _record(
    increments: Increments, row: FrontierRow, index: Sequence[int], names: Sequence[str], life_years: int
) -> dict[str, object]:
    s = index[row.strategy]
    record: dict[str, object] = dict.fromkeys(COLUMNS, np.nan)
    record |= {
        "strategy": names[row.strategy],
        "cost": increments.means[s, increments.cost],
        "qalys": increments.means[s, increments.effect],
        "status": row.status,
        "icer": row.icer,
        "reference": None if row.reference is None else names[row.reference],
        "dominated_by": None if row.dominated_by is None else names[row.dominated_by],
        "tie": SAME.get(row.tied),
        "not_distinguishable": _alike(increments, row, index),
    }
    return record if row.reference is None else record | _over(increments, s, index[row.reference], life_years)


def _over(increments: Increments, s: int, c: int, life_years: int) -> dict[str, object]:
    """What a strategy adds to its reference."""
    ratio = increments.icer(s, c)
    return {
        "incremental_cost": ratio.cost,
        "incremental_qalys": ratio.effect,
        "icer_se": ratio.se,
        "incremental_life_years": increments.increment(s, c, life_years).mean,
        "cost_per_life_year": increments.cost_per_unit(s, c, life_years),
        "cost_per_life_year_se": increments.widest_ratio_error(s, c, life_years),
    }


def _alike(increments: Increments, row: FrontierRow, index: Sequence[int]) -> str | None:
    """In what a strategy cannot be told from its reference, or from the one that dominates it; ties are said apart."""
    other = row.reference if row.dominated_by is None else row.dominated_by
    if other is None:
        return None
    found = []
    for name, outcome, what in (("cost", increments.cost, IN_COST), ("QALYs", increments.effect, EFFECT)):
        mean, error = increments.increment(index[row.strategy], index[other], outcome)
        if abs(mean) < error and what not in row.tied:
            found.append(name)
    return " and ".join(found) or None
