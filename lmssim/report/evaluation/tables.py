"""Tables of a report: cells are text, with no more digits than the error of the result allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.cea import DOMINATED, EXTENDED, FRONTIER
from lmssim.kernels import rewards
from lmssim.report.evaluation.exactness import NOT_COMPUTED, digits_note, error_note, pairs_note
from lmssim.report.evaluation.rows import means_of, steps_of
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
    from lmssim.kernels import FloatArray
    from lmssim.report.evaluation.rows import Means

STATUS = {DOMINATED: "dominated", EXTENDED: "ext. dominated"}
REFERENCE = "reference"
NOT_A_CHOICE = "not a choice"


def standard_tables(evaluation: Evaluation) -> list[ReportTable]:
    """Every table of a report but the key one, in order."""
    endpoints = [endpoint_table(evaluation, e) for e in computed_endpoints(evaluation)]
    tables = [frontier_table(evaluation), incremental_table(evaluation), *endpoints]
    tables += [causes_of_death_table(evaluation), complications_table(evaluation), cost_table(evaluation)]
    return [t for t in [*tables, *state_tables(evaluation)] if not t.frame.empty]


def main_table(evaluation: Evaluation) -> ReportTable:
    """Life-years, QALYs, cost, ICER and net monetary benefit of each strategy."""
    settings = evaluation.scenario.file.settings
    currency, labels = settings.currency, strategy_labels(evaluation.scenario)
    means = means_of(evaluation.summary)
    icers = icer_texts(evaluation)
    rows = []
    for s, strategy in enumerate(evaluation.strategies):
        row = {"Strategy": labels[strategy]}
        for outcome, heading in (("life_years", "Life-years"), ("qalys", "QALYs"), ("cost", f"Cost, {currency}")):
            row[heading] = with_error(*means[strategy, outcome])
        row[f"ICER, {currency} per QALY"] = icers[strategy]
        for wtp in settings.wtp:
            row[f"NMB at {amount(wtp)}, {currency}"] = with_error(*net_monetary_benefit(evaluation, s, wtp))
        rows.append(row)
    caption = (
        f"Per patient, discounted, over {plain(settings.horizon)} years. "
        f"{error_note(evaluation)} ICER: against the next less costly strategy on the frontier; ext. dominated: a mix "
        "of two other strategies is better. NMB: net monetary benefit at that willingness to pay for a QALY. The "
        f"comparator is {labels[evaluation.scenario.comparator]}."
    )
    return ReportTable("Strategies", caption, pd.DataFrame(rows))


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


def net_monetary_benefit(evaluation: Evaluation, s: int, wtp: float) -> tuple[float, float]:
    """Net monetary benefit of the strategy at a position, and its standard error."""
    estimates, n = evaluation.estimates, evaluation.n
    cost, qaly = estimates.mean[:, s, rewards.COST], estimates.mean[:, s, rewards.QALY]
    var_cost = estimates.covariance(rewards.COST)[:, s, s]
    var_qaly = estimates.covariance(rewards.QALY)[:, s, s]
    both: FloatArray = estimates.product[:, rewards.N_MAIN, s, s] / max(n - 1, 1)
    variance = np.maximum(wtp**2 * var_qaly + var_cost - 2.0 * wtp * both, 0.0) / n
    if evaluation.solution is not None:
        steps = evaluation.solution.step_error[s]
        variance = variance + (wtp * steps[rewards.QALY]) ** 2 + steps[rewards.COST] ** 2
    return float((wtp * qaly - cost).mean()), float(np.sqrt(variance).mean())


def frontier_table(evaluation: Evaluation) -> ReportTable:
    """Full incremental analysis, from the least costly strategy to the most costly."""
    settings, labels = evaluation.scenario.file.settings, strategy_labels(evaluation.scenario)
    means = means_of(evaluation.summary)
    icers = icer_texts(evaluation)
    rows = []
    for step in steps_of(evaluation):
        s = evaluation.strategies.index(step.strategy)
        against = [MISSING] * 3
        if step.reference is not None:
            c = evaluation.strategies.index(step.reference)
            increments = [with_error(*evaluation.increment(s, c, k)) for k in (rewards.COST, rewards.QALY)]
            against = [labels[step.reference], *increments]
        rows.append(
            [
                labels[step.strategy],
                with_error(*means[step.strategy, "cost"]),
                with_error(*means[step.strategy, "qalys"]),
                *against,
                icers[step.strategy],
            ]
        )
    currency = settings.currency
    columns = ["Strategy", f"Cost, {currency}", "QALYs", "Against", f"Extra cost, {currency}", "Extra QALYs"]
    caption = (
        "Strategies by ascending cost; each strategy on the frontier is compared with the one before it there. "
        f"{error_note(evaluation)} Increments compare the same {pairs_note(evaluation)} under both strategies."
    )
    return ReportTable(
        "Incremental analysis", caption, pd.DataFrame(rows, columns=[*columns, f"ICER, {currency} per QALY"])
    )


def incremental_table(evaluation: Evaluation) -> ReportTable:
    """Increments of every strategy over the comparator."""
    settings, labels = evaluation.scenario.file.settings, strategy_labels(evaluation.scenario)
    means = means_of(evaluation.incremental)
    currency = settings.currency
    columns = {"life_years": "Life-years", "qalys": "QALYs", "cost": f"Cost, {currency}"}
    columns |= {f"inmb:{wtp:g}": f"NMB at {amount(wtp)}, {currency}" for wtp in settings.wtp}
    rows = []
    for strategy in evaluation.strategies:
        if strategy == evaluation.scenario.comparator:
            continue
        cells = {heading: with_error(*means[strategy, o]) for o, heading in columns.items()}
        rows.append({"Strategy": labels[strategy]} | cells)
    against = labels[evaluation.scenario.comparator]
    same = "patients and random numbers" if evaluation.solution is None else "profiles"
    caption = (
        f"Per patient, discounted, strategy minus comparator, with the same {same} under both. {error_note(evaluation)}"
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
            row["Median time if any, years"] = _years(means, strategy, endpoint, evaluation)
        rows.append(row)
    shown = "Share of patients without the event" if survival else "Cumulative incidence with competing events"
    caption = f"{shown}, by years since the {_origin(evaluation, endpoint)}. {error_note(evaluation)}"
    return ReportTable(endpoint_label(evaluation, endpoint), caption, pd.DataFrame(rows))


def _years(means: Means, strategy: str, endpoint: str, evaluation: Evaluation) -> str:
    """Median among those with the event, with the digits that the number of events allows."""
    median, error = means[strategy, f"{endpoint}:median_time_if_any"]
    if evaluation.solution is not None:
        return rounded(median, error, "none")
    events = means[strategy, f"{endpoint}:ever"][0] * evaluation.endpoint(endpoint, strategy).n
    if not np.isfinite(median):
        return "none"
    # the median of n times scattered like an exponential has a standard error of about 1.44 medians / sqrt(n)
    return rounded(median, 1.44 * median / max(events, 1.0) ** 0.5)


def _origin(evaluation: Evaluation, endpoint: str) -> str:
    origin = evaluation.scenario.file.endpoints[endpoint].origin
    if origin == "model":
        return "treatment decision"
    return f"first entry into: {state_label(evaluation.scenario, origin)}"


def causes_of_death_table(evaluation: Evaluation) -> ReportTable:
    """Deaths by cause at a middle time and by the horizon; empty without such endpoints."""
    settings = evaluation.scenario.file.settings
    means = means_of(evaluation.summary)
    causes = death_endpoints(evaluation)
    time = 5.0 if 5.0 in settings.times else settings.times[-1]
    reads = [(f"{time:g}y", f"by {time:g} y, %"), ("ever", f"by {plain(settings.horizon)} y, %")]
    rows = []
    for strategy, label in strategy_labels(evaluation.scenario).items() if causes else ():
        row = {"Strategy": label}
        for suffix, heading in reads:
            for cause in causes:
                cell = percent(*means[strategy, f"{cause}:{suffix}"])
                row[f"{endpoint_label(evaluation, cause)} {heading}"] = cell
        rows.append(row)
    return ReportTable("Causes of death", f"Share of all patients. {error_note(evaluation)}", pd.DataFrame(rows))


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
    caption = f"Patients who ever have the event, %. {digits_note(evaluation)}{size}."
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
    caption = f"{settings.currency} per patient{prices}; categories discounted. {digits_note(evaluation)}{size}."
    return ReportTable("Costs by category", caption, pd.DataFrame(rows))


def state_tables(evaluation: Evaluation) -> list[ReportTable]:
    """Patients who enter each state, time in it, and its cost."""
    if evaluation.solution is None:
        note = f"{digits_note(evaluation)}, approximately."
        who = ("patients", "Patients who enter each state", "%, at any time")
    else:
        note = "Four digits; the error is not known by state."
        who = ("entries", "Entries into each state", "Per 100 patients, at any time, repeated entries included")
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
    """Value with the digits that so many patients allow: binomial for shares, else as if stays were exponential."""
    if not np.isfinite(value):
        return MISSING
    if measure == "patients":
        error = np.sqrt(value * (1.0 - value) / lives)
    else:
        error = value * np.sqrt(max(2.0 / share - 1.0, 0.0) / lives)
    return rounded(scale * value, scale * float(error))
