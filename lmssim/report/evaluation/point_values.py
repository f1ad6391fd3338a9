"""Expectations over draws of the parameters beside the results at their point values, as tables and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from lmssim.outcomes.main import COST, QALYS
from lmssim.report.parts.digits import amount, listed, rounded, with_error
from lmssim.report.parts.labels import argument_of, strategy_labels
from lmssim.report.parts.table import ReportTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.evaluation import Evaluation
    from lmssim.studies.point_values import Beside, PointValues

TITLE = "Expectation and point values"


def point_value_tables(study: PointValues) -> list[ReportTable]:
    """QALYs and costs of each strategy, and incremental net benefits, by both ways."""
    currency, comparator = study.evaluation.scenario.file.settings.currency, study.evaluation.scenario.comparator
    tables = [
        _table(study, study.evaluation.strategies, "QALYs", lambda s: study.outcome(s, QALYS)),
        _table(study, study.evaluation.strategies, f"cost, {currency}", lambda s: study.outcome(s, COST)),
    ]
    for wtp in study.evaluation.scenario.file.settings.wtp if study.compared else ():
        what = f"incremental net benefit at {amount(wtp)}, {currency}"
        tables.append(_table(study, study.compared, what, lambda s, wtp=wtp: study.net_benefit(s, wtp, comparator)))  # type: ignore[misc]
    return tables


def _table(study: PointValues, strategies: list[str], what: str, read: Callable[[str], Beside]) -> ReportTable:
    labels, rows = strategy_labels(study.evaluation.scenario), []
    for strategy in strategies:
        found = read(strategy)
        rows.append(
            {
                "Strategy": labels[strategy],
                "Expectation": with_error(*found.expectation),
                "Point values": with_error(*found.point),
                "Gap": with_error(*found.gap),
                "of the posterior": with_error(*found.of_posterior),
                "of other parameters": with_error(*found.of_others),
            }
        )
    caption = (
        f"Per patient, discounted. Expectation: mean over {study.evaluation.estimates.n:,} draws of the parameters; "
        f"point values: every parameter at the value in its table, {study.n_patients:,} patients (lmssim run "
        f"{argument_of(study.evaluation.scenario)} --point). They differ because outcomes are not straight lines in "
        "the parameters, and because the value of a parameter need not be the mean of its draws: that of a log-normal "
        "one is usually its median. A decision rests on the expectation. The gap is told apart by drawing the "
        "posterior alone, with the other parameters at their values."
    )
    return ReportTable(f"{TITLE}: {what}", caption, pd.DataFrame(rows))


def error_sentence(evaluation: Evaluation) -> str:
    """Of an expectation, the largest error of an incremental net benefit, by where it comes from; else blank."""
    wtps = evaluation.scenario.file.settings.wtp
    frame = evaluation.errors if evaluation.is_expectation and wtps else pd.DataFrame()
    if frame.empty:
        return ""
    frame = frame[frame["outcome"] == f"inmb:{wtps[0]:g}"]
    if frame.empty:
        return ""
    values = frame[["draws", "patients", "parameters"]].to_numpy()
    draws, patients, parameters = values[(values[:, :2] ** 2).sum(axis=1).argmax()].tolist()
    error = (draws**2 + patients**2) ** 0.5
    groups, n = evaluation.scenario.groups, evaluation.estimates.n
    repeated = [f"{name} ({group.n_rows:,} rows)" for name, group in groups.items() if 0 < group.n_rows < n]
    rows = f" Rows of {listed(repeated)} repeat, so that errors of draws are greater than printed." if repeated else ""
    return (
        f"Largest error of a net benefit over the comparator at {amount(wtps[0])}: {rounded(error, error)}, of draws "
        f"{rounded(draws, draws)} and of patients {rounded(patients, patients)}; its standard deviation by parameters "
        f"is {rounded(parameters, error)}.{rows}"
    )
