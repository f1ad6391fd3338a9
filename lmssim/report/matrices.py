"""Tables with a column for each strategy: complications, costs by category, states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.report.digits import MISSING, plain, rounded
from lmssim.report.exactness import NOT_COMPUTED, digits_note
from lmssim.report.labels import event_label, readable, state_label, strategy_labels
from lmssim.report.reading import figures_of
from lmssim.report.tables import ReportTable

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation


def complications_table(evaluation: Evaluation) -> ReportTable:
    """Share of patients who ever have each event; empty if the scenario has none."""
    figures = figures_of(evaluation.summary)
    labels = strategy_labels(evaluation.scenario)
    rows, largest = [], 0.0
    for event in evaluation.program.marks:
        shares = {s: figures[s, f"event:{event}"] for s in evaluation.strategies}
        if not any(mean > 0.0 for mean, _ in shares.values()):
            continue
        largest = max(largest, *(100.0 * se for _, se in shares.values()))
        cells = {labels[s]: rounded(100.0 * mean, 100.0 * se, NOT_COMPUTED) for s, (mean, se) in shares.items()}
        rows.append({"Event": event_label(evaluation.scenario, event)} | cells)
    size = f", at most {rounded(largest, largest)} percentage points" if largest > 0.0 else ""
    caption = f"Patients who ever have it, %. {digits_note(evaluation)}{size}."
    return ReportTable("Complications and other events", caption, pd.DataFrame(rows))


def cost_table(evaluation: Evaluation) -> ReportTable:
    """Discounted cost by category, and the totals."""
    settings = evaluation.scenario.file.settings
    figures = figures_of(evaluation.summary)
    labels = strategy_labels(evaluation.scenario)
    outcomes = {f"cost:{c}": readable(c) for c in settings.cost_categories}
    if len(outcomes) == 1:
        outcomes = {}
    outcomes |= {"cost": "All, discounted", "cost_undiscounted": "All, undiscounted"}
    rows = []
    for outcome, heading in outcomes.items():
        cells = {labels[s]: rounded(*figures[s, outcome]) for s in evaluation.strategies}
        rows.append({"Category": heading} | cells)
    largest = max(figures[s, "cost"][1] for s in evaluation.strategies)
    size = f"; the largest error of a total is {rounded(largest, largest)}" if largest > 0.0 else ""
    prices = f", prices of {settings.price_year}" if settings.price_year else ""
    caption = f"{settings.currency} per patient{prices}; categories discounted. {digits_note(evaluation)}{size}."
    return ReportTable("Costs by category", caption, pd.DataFrame(rows))


def state_tables(evaluation: Evaluation) -> list[ReportTable]:
    """Who enters each state, how long they stay, and what it costs them."""
    if evaluation.solution is None:
        note = f"{digits_note(evaluation)}, about."
        who = ("patients", "Patients who enter each state", "%, at any time")
    else:
        note = "Four digits; their error is not known state by state."
        who = ("entries", "Entries into each state", "Per 100 patients, at any time, those who enter again included")
    currency = evaluation.scenario.file.settings.currency
    return [
        _state_table(evaluation, who[0], who[1], f"{who[2]}. {note}", 100.0),
        _state_table(evaluation, "years", "Time in each state", f"Years per patient, undiscounted. {note}", 1.0),
        _state_table(evaluation, "cost", "Cost by state", f"{currency} per patient, discounted. {note}", 1.0),
    ]


def _state_table(evaluation: Evaluation, measure: str, title: str, caption: str, scale: float) -> ReportTable:
    frame, labels = evaluation.states, strategy_labels(evaluation.scenario)
    lives = evaluation.n * evaluation.estimates.mean.shape[0]
    each = frame.set_index(["strategy", "state"])
    wide = each[measure].unstack("strategy")  # noqa: PD010  # a pivot table would make 0 of what is not computed
    shares = each["patients"].unstack("strategy")  # noqa: PD010
    rows = []
    for state in [s for s in evaluation.program.states if s in wide.index]:
        values = wide.loc[state].reindex(evaluation.strategies).to_numpy(dtype=np.float64)
        if not np.nansum(np.abs(values)) > 0.0:
            continue
        patients = shares.loc[state].reindex(evaluation.strategies).to_numpy(dtype=np.float64)
        if evaluation.solution is not None:
            cells = [plain(scale * float(v)) for v in values]
        else:
            cells = [_cell(v, p, lives, scale, measure) for v, p in zip(values, patients, strict=True)]
        named = dict(zip((labels[s] for s in evaluation.strategies), cells, strict=True))
        rows.append({"State": state_label(evaluation.scenario, state)} | named)
    return ReportTable(title, caption, pd.DataFrame(rows))


def _cell(value: float, share: float, lives: int, scale: float, measure: str) -> str:
    """Value to the digits that so many patients leave: binomial for shares, else as if stays were exponential."""
    if not np.isfinite(value):
        return MISSING
    if measure == "patients":
        error = np.sqrt(value * (1.0 - value) / lives)
    else:
        error = value * np.sqrt(max(2.0 / share - 1.0, 0.0) / lives)
    return rounded(scale * value, scale * float(error))
