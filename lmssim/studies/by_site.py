"""The base case of several scenarios side by side: one row a scenario and strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.evaluation import Evaluation

FIGURES = {
    "os_5y": "os:5y",
    "local_recurrence_5y": "local_recurrence:5y",
    "metastasis_5y": "metastasis:5y",
    "life_years": "life_years",
    "qalys": "qalys",
    "cost": "cost",
}
"""Columns, each with a standard error beside it, and the outcomes they hold."""
COLUMNS = (
    "scenario",
    "strategy",
    "label",
    *(name for figure in FIGURES for name in (figure, f"{figure}_se")),
    "incremental_qalys",
    "incremental_cost",
    "status",
)


def by_site(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Survival, recurrence, life years, QALYs and costs by scenario and strategy.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        One a scenario. A figure that a scenario does not have is NaN.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`. Increments are over the scenario's comparator; `status` is the place on its frontier, empty
        for a mix of practice.
    """
    return pd.DataFrame([row for each in evaluations for row in _rows(each)], columns=list(COLUMNS))


def _rows(evaluation: Evaluation) -> list[list[object]]:
    figures = evaluation.summary.set_index(["strategy", "outcome"])[["mean", "se"]].to_dict("index")
    increments = evaluation.incremental.set_index(["strategy", "outcome"])["mean"].to_dict()
    status = dict(zip(evaluation.frontier["strategy"], evaluation.frontier["status"], strict=True))
    nothing = {"mean": float("nan"), "se": float("nan")}
    rows = []
    for strategy in evaluation.strategies:
        row: list[object] = [evaluation.scenario.name, strategy, evaluation.scenario.strategy_label(strategy)]
        for outcome in FIGURES.values():
            figure = figures.get((strategy, outcome), nothing)
            row += [figure["mean"], figure["se"]]
        row += [increments[strategy, "qalys"], increments[strategy, "cost"], status.get(strategy, "")]
        rows.append(row)
    return rows
