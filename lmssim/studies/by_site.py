"""The base case of several scenarios side by side: one row a scenario and strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lmssim.published.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.evaluation import Evaluation

TIME = "5y"
"""Time at which endpoints are shown."""


def shown_outcomes() -> dict[str, str]:
    """Columns, each with a standard error beside it, and the outcomes they hold."""
    endpoints = {f"{name}_{TIME}": f"{name}:{TIME}" for name in vocabulary().abbreviations}
    return endpoints | {name: name for name in ("life_years", "qalys", "cost")}


def columns() -> list[str]:
    """Columns of the table."""
    outcomes = [name for column in shown_outcomes() for name in (column, f"{column}_se")]
    return ["scenario", "strategy", "label", *outcomes, "incremental_qalys", "incremental_cost", "status"]


def by_site(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    """Survival, events, life years, QALYs and costs by scenario and strategy.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        One a scenario. An outcome that a scenario does not have is NaN.

    Returns
    -------
    DataFrame
        `columns()`. Increments are over the scenario's comparator; `status` is the place on its frontier, empty for a
        mix of practice.
    """
    return pd.DataFrame([row for each in evaluations for row in _rows(each)], columns=columns())


def _rows(evaluation: Evaluation) -> list[list[object]]:
    known = evaluation.summary.set_index(["strategy", "outcome"])[["mean", "se"]].to_dict("index")
    increments = evaluation.incremental.set_index(["strategy", "outcome"])["mean"].to_dict()
    status = dict(zip(evaluation.frontier["strategy"], evaluation.frontier["status"], strict=True))
    nothing = {"mean": float("nan"), "se": float("nan")}
    rows = []
    for strategy in evaluation.strategies:
        row: list[object] = [evaluation.scenario.name, strategy, evaluation.scenario.strategy_label(strategy)]
        for outcome in shown_outcomes().values():
            found = known.get((strategy, outcome), nothing)
            row += [found["mean"], found["se"]]
        row += [increments[strategy, "qalys"], increments[strategy, "cost"], status.get(strategy, "")]
        rows.append(row)
    return rows
