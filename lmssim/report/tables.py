"""Tables of a report: cells are text, with the digits that the error of the result leaves and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.cea import DOMINATED, EXTENDED, FRONTIER
from lmssim.kernels import rewards
from lmssim.report.digits import MISSING, NOT_REACHED, amount, percent, plain, rounded, with_error
from lmssim.report.exactness import error_note, pairs_note
from lmssim.report.labels import computed_endpoints, death_endpoints, endpoint_label, state_label, strategy_labels
from lmssim.report.reading import figures_of, steps_of

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.kernels import FloatArray
    from lmssim.report.reading import Figures

STATUS = {DOMINATED: "dominated", EXTENDED: "ext. dominated"}
REFERENCE = "reference"
NOT_A_CHOICE = "not a choice"


@dataclass(frozen=True)
class ReportTable:
    """A table with its title and caption.

    Attributes
    ----------
    title : str
        Heading.
    caption : str
        What it shows and in which units.
    frame : pandas.DataFrame
        Cells; numbers that are not yet text are printed with at most four significant digits.
    """

    title: str
    caption: str
    frame: pd.DataFrame


def standard_tables(evaluation: Evaluation) -> list[ReportTable]:
    """Every table of a report but the key one, in order."""
    from lmssim.report.matrices import complications_table, cost_table, state_tables

    endpoints = [endpoint_table(evaluation, e) for e in computed_endpoints(evaluation)]
    tables = [frontier_table(evaluation), incremental_table(evaluation), *endpoints]
    tables += [causes_of_death_table(evaluation), complications_table(evaluation), cost_table(evaluation)]
    return [t for t in [*tables, *state_tables(evaluation)] if not t.frame.empty]


def main_table(evaluation: Evaluation) -> ReportTable:
    """Life-years, QALYs, cost, ICER and net monetary benefit of each strategy."""
    settings = evaluation.scenario.file.settings
    currency, labels = settings.currency, strategy_labels(evaluation.scenario)
    figures = figures_of(evaluation.summary)
    icers = icer_texts(evaluation)
    rows = []
    for s, strategy in enumerate(evaluation.strategies):
        row = {"Strategy": labels[strategy]}
        for outcome, heading in (("life_years", "Life-years"), ("qalys", "QALYs"), ("cost", f"Cost, {currency}")):
            row[heading] = with_error(*figures[strategy, outcome])
        row[f"ICER, {currency} per QALY"] = icers[strategy]
        for wtp in settings.wtp:
            row[f"NMB at {amount(wtp)}, {currency}"] = with_error(*net_monetary_benefit(evaluation, s, wtp))
        rows.append(row)
    caption = (
        f"Per patient, discounted, over {plain(settings.horizon)} years. "
        f"{error_note(evaluation)} ICER: against the next less costly strategy on the frontier; ext. dominated: a mix "
        "of two others does better. NMB: net monetary benefit at that willingness to pay for a QALY. The comparator "
        f"is {labels[evaluation.scenario.comparator]}."
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
    figures = figures_of(evaluation.summary)
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
                with_error(*figures[step.strategy, "cost"]),
                with_error(*figures[step.strategy, "qalys"]),
                *against,
                icers[step.strategy],
            ]
        )
    currency = settings.currency
    columns = ["Strategy", f"Cost, {currency}", "QALYs", "Against", f"Extra cost, {currency}", "Extra QALYs"]
    caption = (
        f"Strategies by ascending cost; each one on the frontier against the one before it there. "
        f"{error_note(evaluation)} Increments are of the same {pairs_note(evaluation)} under both strategies."
    )
    return ReportTable(
        "Incremental analysis", caption, pd.DataFrame(rows, columns=[*columns, f"ICER, {currency} per QALY"])
    )


def incremental_table(evaluation: Evaluation) -> ReportTable:
    """Increments of every strategy over the comparator."""
    settings, labels = evaluation.scenario.file.settings, strategy_labels(evaluation.scenario)
    figures = figures_of(evaluation.incremental)
    currency = settings.currency
    columns = {"life_years": "Life-years", "qalys": "QALYs", "cost": f"Cost, {currency}"}
    columns |= {f"inmb:{wtp:g}": f"NMB at {amount(wtp)}, {currency}" for wtp in settings.wtp}
    rows = []
    for strategy in evaluation.strategies:
        if strategy == evaluation.scenario.comparator:
            continue
        cells = {heading: with_error(*figures[strategy, o]) for o, heading in columns.items()}
        rows.append({"Strategy": labels[strategy]} | cells)
    against = labels[evaluation.scenario.comparator]
    same = "patients and same luck" if evaluation.solution is None else "profiles"
    caption = f"Per patient, discounted, strategy minus comparator, same {same} under both. {error_note(evaluation)}"
    return ReportTable(f"Differences from the comparator, {against}", caption, pd.DataFrame(rows))


def endpoint_table(evaluation: Evaluation, endpoint: str) -> ReportTable:
    """An endpoint at the named times."""
    spec, settings = evaluation.scenario.file.endpoints[endpoint], evaluation.scenario.file.settings
    figures = figures_of(evaluation.summary)
    survival = spec.kind == "survival"
    rows = []
    for strategy, label in strategy_labels(evaluation.scenario).items():
        row = {"Strategy": label}
        for time in settings.times:
            row[f"{time:g} y, %"] = percent(*figures[strategy, f"{endpoint}:{time:g}y"])
        if survival:
            row["Median, years"] = with_error(*figures[strategy, f"{endpoint}:median"], NOT_REACHED)
        else:
            row["Ever, %"] = percent(*figures[strategy, f"{endpoint}:ever"])
            row["Median time if any, years"] = _years(figures, strategy, endpoint, evaluation)
        rows.append(row)
    shown = "Share of patients without the event" if survival else "Cumulative incidence, competing events counted"
    caption = f"{shown}, by years since the {_origin(evaluation, endpoint)}. {error_note(evaluation)}"
    return ReportTable(endpoint_label(evaluation, endpoint), caption, pd.DataFrame(rows))


def _years(figures: Figures, strategy: str, endpoint: str, evaluation: Evaluation) -> str:
    """Median among those with the event, to the digits that so many events leave."""
    median, error = figures[strategy, f"{endpoint}:median_time_if_any"]
    if evaluation.solution is not None:
        return rounded(median, error, "none")
    events = figures[strategy, f"{endpoint}:ever"][0] * evaluation.endpoint(endpoint, strategy).n
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
    figures = figures_of(evaluation.summary)
    causes = death_endpoints(evaluation)
    time = 5.0 if 5.0 in settings.times else settings.times[-1]
    reads = [(f"{time:g}y", f"by {time:g} y, %"), ("ever", f"by {plain(settings.horizon)} y, %")]
    rows = []
    for strategy, label in strategy_labels(evaluation.scenario).items() if causes else ():
        row = {"Strategy": label}
        for suffix, heading in reads:
            for cause in causes:
                cell = percent(*figures[strategy, f"{cause}:{suffix}"])
                row[f"{endpoint_label(evaluation, cause)} {heading}"] = cell
        rows.append(row)
    return ReportTable("Causes of death", f"Share of all patients. {error_note(evaluation)}", pd.DataFrame(rows))
