"""Tables of a report: cells are text, with no more digits than the error of the result allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.cea import DOMINATED, EXTENDED, FRONTIER
from lmssim.outcomes.main import COST, DISCOUNTED, MAIN, QALYS
from lmssim.report.evaluation.exactness import NOT_COMPUTED, words_of
from lmssim.report.evaluation.point_values import error_sentence
from lmssim.report.evaluation.rows import caps_of, means_of, steps_of, ties_of
from lmssim.report.parts.digits import MISSING, NOT_REACHED, amount, percent, plain, rounded, with_error
from lmssim.report.parts.labels import (
    computed_endpoints,
    death_endpoints,
    endpoint_label,
    event_label,
    readable,
    state_label,
    strategy_labels,
)
from lmssim.report.parts.table import ReportTable

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation

STATUS = {DOMINATED: "dominated", EXTENDED: "ext. dominated"}
REFERENCE = "reference"
RATIOS = {"icer": "QALY", "cost_per_life_year": "life-year"}
"""Ratios of the table of increments, and their units."""
NOT_A_CHOICE = "not a choice"


def standard_tables(evaluation: Evaluation) -> list[ReportTable]:
    """Every table of a report but the key one, in order."""
    endpoints = [endpoint_table(evaluation, e) for e in computed_endpoints(evaluation)]
    tables = [frontier_table(evaluation), incremental_table(evaluation), caps_table(evaluation), *endpoints]
    tables += [causes_of_death_table(evaluation), complications_table(evaluation), cost_table(evaluation)]
    return [t for t in [*tables, *state_tables(evaluation)] if not t.frame.empty]


def main_table(evaluation: Evaluation) -> ReportTable:
    """Life-years, QALYs, cost, ICER and net monetary benefit of each strategy."""
    settings = evaluation.scenario.file.settings
    currency, labels = settings.currency, strategy_labels(evaluation.scenario)
    means = means_of(evaluation.summary)
    icers, per_life_year = icer_texts(evaluation), life_year_texts(evaluation)
    rows = []
    for strategy in evaluation.strategies:
        row = {"Strategy": labels[strategy]}
        for outcome, heading in _headings(currency).items():
            row[heading] = with_error(*means[strategy, outcome])
        row[f"ICER, {currency} per QALY"] = icers[strategy]
        row[f"{currency} per life-year"] = per_life_year[strategy]
        for wtp in settings.wtp:
            row[f"NMB at {amount(wtp)}, {currency}"] = with_error(*evaluation.net_benefit(strategy, wtp))
        rows.append(row)
    caption = (
        f"Per patient, discounted, over {plain(settings.horizon)} years. "
        f"{words_of(evaluation).error_note()} ICER: against the next less costly strategy on the frontier; ext. "
        "dominated: a mix of two other strategies is no worse. Cost per life-year: against the same. NMB: net "
        "monetary benefit at that willingness to pay for "
        f"a QALY. The comparator is {labels[evaluation.scenario.comparator]}. {error_sentence(evaluation)}"
    ).strip()
    return ReportTable("Strategies", caption, pd.DataFrame(rows))


def _headings(currency: str) -> dict[str, str]:
    """Headings of the discounted main outcomes."""
    labels = {id_: MAIN[id_].label for id_ in DISCOUNTED}
    return labels | {COST: f"{labels[COST]}, {currency}"}


def icer_texts(evaluation: Evaluation, *, error: bool = True) -> dict[str, str]:
    """ICER of each strategy, or why it has none."""
    texts = dict.fromkeys(evaluation.strategies, NOT_A_CHOICE)
    form = with_error if error else rounded
    for step in steps_of(evaluation):
        if step.status == FRONTIER:
            texts[step.strategy] = REFERENCE if step.reference is None else form(step.icer, step.icer_se)
        else:
            texts[step.strategy] = STATUS[step.status]
    return texts


def life_year_texts(evaluation: Evaluation, *, error: bool = True) -> dict[str, str]:
    """Cost per life-year of each strategy on the frontier, over the one before it; a dash for others and for ties."""
    texts = dict.fromkeys(evaluation.strategies, MISSING)
    form = with_error if error else rounded
    found = (step for step in steps_of(evaluation) if np.isfinite(step.per_life_year))
    return texts | {step.strategy: form(step.per_life_year, step.per_life_year_se) for step in found}


def frontier_table(evaluation: Evaluation) -> ReportTable:
    """Full incremental analysis, from the least costly strategy to the most costly."""
    settings, labels = evaluation.scenario.file.settings, strategy_labels(evaluation.scenario)
    means, words = means_of(evaluation.summary), words_of(evaluation)
    icers, per_life_year = icer_texts(evaluation), life_year_texts(evaluation)
    rows = []
    for step in steps_of(evaluation):
        against = [MISSING] * 3
        if step.reference is not None:
            added = [evaluation.increment(step.strategy, id_, step.reference) for id_ in (COST, QALYS)]
            increments = [with_error(*each) for each in added]
            against = [labels[step.reference], *increments]
        rows.append(
            [
                labels[step.strategy],
                with_error(*means[step.strategy, "cost"]),
                with_error(*means[step.strategy, "qalys"]),
                *against,
                icers[step.strategy],
                per_life_year[step.strategy],
            ]
        )
    currency = settings.currency
    columns = ["Strategy", f"Cost, {currency}", "QALYs", "Against", f"Extra cost, {currency}", "Extra QALYs"]
    caption = (
        "Strategies by ascending cost; each strategy on the frontier is compared with the one before it there. "
        f"{words.error_note()} Increments compare the same {words.pairs()} under both strategies. The error of a cost "
        f"per life-year is the largest that it can be. {' '.join(ties_of(evaluation, labels))}".rstrip()
    )
    ratios = [f"ICER, {currency} per QALY", f"{currency} per life-year"]
    return ReportTable("Incremental analysis", caption, pd.DataFrame(rows, columns=[*columns, *ratios]))


def incremental_table(evaluation: Evaluation) -> ReportTable:
    """Increments of every strategy over the comparator."""
    settings, labels = evaluation.scenario.file.settings, strategy_labels(evaluation.scenario)
    means = means_of(evaluation.incremental)
    currency = settings.currency
    columns = _headings(currency)
    columns |= {f"inmb:{wtp:g}": f"NMB at {amount(wtp)}, {currency}" for wtp in settings.wtp}
    rows = []
    for strategy in evaluation.strategies:
        if strategy == evaluation.scenario.comparator:
            continue
        cells = {heading: with_error(*means[strategy, o]) for o, heading in columns.items()}
        for outcome, unit in RATIOS.items():
            cells[f"{currency} per {unit}"] = with_error(*means[strategy, outcome], MISSING)
        rows.append({"Strategy": labels[strategy]} | cells)
    against = labels[evaluation.scenario.comparator]
    words = words_of(evaluation)
    same = f"with the same {words.same()} under both"
    caption = (
        f"Per patient, discounted, strategy minus comparator, {same}. {words.error_note()} Costs per QALY and per "
        "life-year are of a gain, or what is saved by a loss; there are none where one of the two dominates, or where "
        "they are equal."
    )
    return ReportTable(f"Differences from the comparator, {against}", caption, pd.DataFrame(rows))


def endpoint_table(evaluation: Evaluation, endpoint: str) -> ReportTable:
    """An endpoint at the named times."""
    spec, settings = evaluation.scenario.file.endpoints[endpoint], evaluation.scenario.file.settings
    means = means_of(evaluation.summary)
    survival = spec.kind == "survival"
    rows = []
    for strategy, label in strategy_labels(evaluation.scenario).items():
        row = {"Strategy": label}
        for time in settings.times:
            row[f"{time:g} y, %"] = percent(*means[strategy, f"{endpoint}:{time:g}y"])
        if survival:
            row["Median, years"] = with_error(*means[strategy, f"{endpoint}:median"], NOT_REACHED)
        else:
            row["Ever, %"] = percent(*means[strategy, f"{endpoint}:ever"])
            median, _ = means[strategy, f"{endpoint}:median_time_if_any"]
            error = evaluation.endpoint(endpoint, strategy).rough_error_among_events()
            row["Median time if any, years"] = rounded(median, error, "none")
        rows.append(row)
    shown = "Share of patients without the event" if survival else "Cumulative incidence with competing events"
    caption = f"{shown}, by years since the {_origin(evaluation, endpoint)}. {words_of(evaluation).error_note()}"
    return ReportTable(endpoint_label(evaluation, endpoint), caption, pd.DataFrame(rows))


def _origin(evaluation: Evaluation, endpoint: str) -> str:
    origin = evaluation.scenario.file.endpoints[endpoint].origin
    if origin == "model":
        return "treatment decision"
    return f"first entry into: {state_label(evaluation.scenario, origin)}"


def caps_table(evaluation: Evaluation) -> ReportTable:
    """What caps cut off of survival curves; empty of models without caps."""
    labels = strategy_labels(evaluation.scenario)
    rows = [
        {
            "Strategy": labels[cap.strategy],
            "Curve": cap.curve,
            "Capped by": cap.by,
            "Years capped": plain(cap.years),
            "Person-years cut off": plain(cap.cut_off),
            "Most cut off at one time, %": plain(100.0 * cap.most),
        }
        for cap in caps_of(evaluation)
    ]
    over = f" Means over {evaluation.estimates.n_draws:,} draws; the most is that of any draw."
    caption = (
        "How long each survival curve was held down, by the curve around it or by background mortality, and what that "
        f"took away per patient, undiscounted.{over if evaluation.estimates.n_draws > 1 else ''}"
    )
    return ReportTable("Survival curves that were capped", caption, pd.DataFrame(rows))


def causes_of_death_table(evaluation: Evaluation) -> ReportTable:
    """Deaths by cause at a middle time and by the horizon; empty without such endpoints."""
    settings = evaluation.scenario.file.settings
    means = means_of(evaluation.summary)
    causes = death_endpoints(evaluation)
    time = 5.0 if 5.0 in settings.times else (*settings.times, 0.0)[-1]
    reads = [(f"{time:g}y", f"by {time:g} y, %")] * (time > 0.0)
    reads += [("ever", f"by {plain(settings.horizon)} y, %")]
    rows = []
    for strategy, label in strategy_labels(evaluation.scenario).items() if causes else ():
        row = {"Strategy": label}
        for suffix, heading in reads:
            for cause in causes:
                cell = percent(*means[strategy, f"{cause}:{suffix}"])
                row[f"{endpoint_label(evaluation, cause)} {heading}"] = cell
        rows.append(row)
    return ReportTable(
        "Causes of death", f"Share of all patients. {words_of(evaluation).error_note()}", pd.DataFrame(rows)
    )


def complications_table(evaluation: Evaluation) -> ReportTable:
    """Share of patients who ever have each event; empty if the scenario has none."""
    means = means_of(evaluation.summary)
    labels = strategy_labels(evaluation.scenario)
    rows, largest = [], 0.0
    for event in evaluation.program.marks:
        shares = {s: means[s, f"event:{event}"] for s in evaluation.strategies}
        if not any(mean > 0.0 for mean, _ in shares.values()):
            continue
        largest = max(largest, *(100.0 * se for _, se in shares.values()))
        cells = {labels[s]: rounded(100.0 * mean, 100.0 * se, NOT_COMPUTED) for s, (mean, se) in shares.items()}
        rows.append({"Event": event_label(evaluation.scenario, event)} | cells)
    size = f", at most {rounded(largest, largest)} percentage points" if largest > 0.0 else ""
    caption = f"Patients who ever have the event, %. {words_of(evaluation).digits_note()}{size}."
    return ReportTable("Complications and other events", caption, pd.DataFrame(rows))


def cost_table(evaluation: Evaluation) -> ReportTable:
    """Discounted cost by category, and the totals."""
    settings = evaluation.scenario.file.settings
    means = means_of(evaluation.summary)
    labels = strategy_labels(evaluation.scenario)
    outcomes = {f"cost:{c}": readable(c) for c in settings.cost_categories}
    if len(outcomes) == 1:
        outcomes = {}
    outcomes |= {"cost": "All, discounted", "cost_undiscounted": "All, undiscounted"}
    rows = []
    for outcome, heading in outcomes.items():
        cells = {labels[s]: rounded(*means[s, outcome]) for s in evaluation.strategies}
        rows.append({"Category": heading} | cells)
    largest = max(means[s, "cost"][1] for s in evaluation.strategies)
    size = f"; the largest error of a total is {rounded(largest, largest)}" if largest > 0.0 else ""
    prices = f", prices of {settings.price_year}" if settings.price_year else ""
    caption = (
        f"{settings.currency} per patient{prices}; categories discounted. {words_of(evaluation).digits_note()}{size}."
    )
    return ReportTable("Costs by category", caption, pd.DataFrame(rows))


def state_tables(evaluation: Evaluation) -> list[ReportTable]:
    """Patients who enter each state, time in it, and its cost."""
    words = words_of(evaluation)
    note, (measure, title, what) = words.state_note(), words.entries()
    currency = evaluation.scenario.file.settings.currency
    return [
        _state_table(evaluation, measure, title, f"{what}. {note}", 100.0),
        _state_table(evaluation, "years", "Time in each state", f"Years per patient, undiscounted. {note}", 1.0),
        _state_table(evaluation, "cost", "Cost by state", f"{currency} per patient, discounted. {note}", 1.0),
    ]


def _state_table(evaluation: Evaluation, measure: str, title: str, caption: str, scale: float) -> ReportTable:
    frame, labels, words = evaluation.states, strategy_labels(evaluation.scenario), words_of(evaluation)
    each = frame.set_index(["strategy", "state"])
    wide = each[measure].unstack("strategy")  # noqa: PD010  # a pivot table would make 0 of what is not computed
    shares = each["patients"].unstack("strategy")  # noqa: PD010
    rows = []
    for state in [s for s in evaluation.program.states if s in wide.index]:
        values = wide.loc[state].reindex(evaluation.strategies).to_numpy(dtype=np.float64)
        if not np.nansum(np.abs(values)) > 0.0:
            continue
        patients = shares.loc[state].reindex(evaluation.strategies).to_numpy(dtype=np.float64)
        cells = [words.state_cell(float(v), p, scale, measure) for v, p in zip(values, patients, strict=True)]
        named = dict(zip((labels[s] for s in evaluation.strategies), cells, strict=True))
        rows.append({"State": state_label(evaluation.scenario, state)} | named)
    return ReportTable(title, caption, pd.DataFrame(rows))
