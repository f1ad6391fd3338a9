"""Tables of a probabilistic analysis for its page and for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.text import Text

from lmssim.report.parts.digits import MISSING, amount, plain, rounded, with_error
from lmssim.report.parts.labels import readable, strategy_labels, switch_label
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.psa.words import (
    PROGRAMME,
    averaging_sentences,
    choice_sentences,
    in_pounds,
    interval_sentence,
    interval_text,
    noise_sentences,
    repeated_sentences,
    who_sentence,
)
from lmssim.studies.sensitivity.psa.averaged import AveragedWork

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis

Row = dict[str, Any]
LONGEST = 31
TERMINAL_WTPS = 4


def psa_table_text(analysis: ProbabilisticAnalysis) -> Table:
    """QALYs, cost, incremental net benefit and probability of being optimal, a line a strategy."""
    currency, labels = analysis.scenario.file.settings.currency, strategy_labels(analysis.scenario, LONGEST)
    wtps = terminal_wtps(analysis)
    table = plain_table()
    table.add_column("Strategy", no_wrap=True, max_width=LONGEST)
    for heading in ("QALYs\n(95% interval)", f"Cost, {currency}\n(95% interval)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for wtp in wtps:
        table.add_column(f"P(opt)\n{_thousands(wtp)}", justify="right", no_wrap=True)
    probability = rows_by(analysis.ceac, "strategy", "wtp")
    for strategy in analysis.strategies:
        cells = [interval_text(analysis.outcome(strategy, name)) for name in ("qalys", "cost")]
        for wtp in wtps:
            row = probability.get((strategy, wtp))
            cells.append(MISSING if row is None else rounded(row["probability"], row["se"]))
        table.add_row(Text(labels[strategy]), *cells)
    said = [who_sentence(analysis), *averaging_sentences(analysis), interval_sentence(analysis)]
    said += [*noise_sentences(analysis), *repeated_sentences(analysis)]
    said += [PROGRAMME] if in_pounds(analysis) else []
    optimal = ["Optimal, by willingness to pay:", *choice_sentences(analysis)]
    table.caption = Text("\n".join([*optimal, " ".join(said)]))
    return table


def terminal_wtps(analysis: ProbabilisticAnalysis) -> list[float]:
    """Willingness to pay in the terminal: the scenario's own first, as many as fit."""
    own = sorted(analysis.scenario.file.settings.wtp)[:TERMINAL_WTPS]
    rest = [wtp for wtp in analysis.wtps if wtp not in own]
    return sorted([*own, *rest[: TERMINAL_WTPS - len(own)]])


def _thousands(wtp: float) -> str:
    return f"{wtp / 1000:g}k"


def report_tables(analysis: ProbabilisticAnalysis) -> Iterator[ReportTable]:
    """Every table of the page."""
    if not analysis.averaging.empty:
        yield option_table(analysis)
    yield outcome_table(analysis)
    yield increment_table(analysis)
    yield benefit_table(analysis)
    yield acceptability_table(analysis)
    yield loss_table(analysis)
    yield evpi_table(analysis)
    yield parameter_table(analysis)


def option_table(analysis: ProbabilisticAnalysis) -> ReportTable:
    """The optimal strategy with each option of a switch that is averaged over, beside that of the average."""
    labels = strategy_labels(analysis.scenario, LONGEST)
    frame, rows = analysis.averaging, []
    for (switch, _), part in frame.groupby(["switch", "option"], sort=False):
        first = part.iloc[0]
        cells = []
        for wtp in analysis.wtps:
            at = part[part["outcome"] == f"inmb:{wtp:g}"]
            if at.empty:
                cells.append(MISSING)
                continue
            best = at[at["optimal"].astype(bool)].iloc[0]
            error = float(np.sqrt(best["probability"] * (1.0 - best["probability"]) / first["draws"]))
            cells.append(f"{labels[best['strategy']]} ({rounded(best['probability'], error)})")
        name = switch_label(analysis.scenario, str(switch)) if switch else "all"
        rows.append((name, first["label"], plain(first["weight"]), int(first["draws"]), *cells))
    caption = (
        "Strategy of the greatest expected net benefit in the draws of each option, and the probability that it is "
        "optimal there. Weights are judgements: " + " ".join(_justified(analysis))
    )
    columns = ["structure", "option", "weight", "draws", *(f"optimal at {amount(wtp)}" for wtp in analysis.wtps)]
    return ReportTable("By structural option", caption, pd.DataFrame(rows, columns=columns))


def _justified(analysis: ProbabilisticAnalysis) -> Iterator[str]:
    """Whose judgement the weights of each switch are."""
    work = analysis.work
    assert isinstance(work, AveragedWork)
    for switch, why in work.averaging.justifications.items():
        weights = ", ".join(map(plain, work.averaging.weights[switch].values()))
        yield f"{switch_label(analysis.scenario, switch)} ({weights}): {why}"


def outcome_table(analysis: ProbabilisticAnalysis) -> ReportTable:
    """Means and intervals of life-years, QALYs and cost, and the probability of being on the frontier."""
    labels, currency = strategy_labels(analysis.scenario), analysis.scenario.file.settings.currency
    on = rows_by(analysis.frontier_probability, "strategy")
    rows = []
    for s in analysis.strategies:
        row = on.get((s,))
        probability = "not a choice" if row is None else rounded(row["probability"], row["se"])
        cells = (interval_text(analysis.outcome(s, name)) for name in ("life_years", "qalys", "cost"))
        rows.append((labels[s], *cells, probability))
    columns = ["strategy", "life-years", "QALYs", f"cost ({currency})", "P(on the frontier)"]
    caption = f"{who_sentence(analysis)} {interval_sentence(analysis)}"
    return ReportTable("Outcomes", caption, pd.DataFrame(rows, columns=columns))


def increment_table(analysis: ProbabilisticAnalysis) -> ReportTable:
    """Increments over the comparator, and their ratio."""
    labels, currency = strategy_labels(analysis.scenario), analysis.scenario.file.settings.currency
    icers = rows_by(analysis.incremental, "strategy", "outcome")
    rows = []
    for s in analysis.strategies:
        if s != analysis.comparator:
            cells = (interval_text(analysis.increment(s, name)) for name in ("life_years", "qalys", "cost"))
            ratio = icers[s, "icer"]
            icer = with_error(ratio["mean"], ratio["se"]) if np.isfinite(ratio["mean"]) else MISSING
            rows.append((labels[s], *cells, icer))
    columns = ["strategy", "life-years", "QALYs", f"cost ({currency})", f"ICER ({currency} per QALY)"]
    caption = (
        f"Over {labels[analysis.comparator]}. The ICER is the ratio of the mean increments, with its Monte-Carlo "
        "error; none is given where one increment is a gain and the other a loss."
    )
    return ReportTable("Increments", caption, pd.DataFrame(rows, columns=columns))


def benefit_table(analysis: ProbabilisticAnalysis) -> ReportTable:
    """Incremental net benefit by willingness to pay."""
    labels, currency = strategy_labels(analysis.scenario), analysis.scenario.file.settings.currency
    rows = [
        (labels[s], *(interval_text(analysis.incremental_net_benefit(s, wtp)) for wtp in analysis.wtps))
        for s in analysis.strategies
        if s != analysis.comparator
    ]
    caption = f"Over {labels[analysis.comparator]}, {currency} per patient, by willingness to pay for a QALY."
    if in_pounds(analysis):
        caption += f" {PROGRAMME}"
    columns = ["strategy", *(f"at {amount(wtp)}" for wtp in analysis.wtps)]
    return ReportTable("Incremental net benefit", caption, pd.DataFrame(rows, columns=columns))


def acceptability_table(analysis: ProbabilisticAnalysis) -> ReportTable:
    """Probability of being optimal by willingness to pay."""
    caption = "Share of draws in which a strategy has the greatest net benefit; tied strategies share a draw."
    return _by_wtp(analysis, "Probability of being optimal", caption, analysis.ceac, "probability")


def loss_table(analysis: ProbabilisticAnalysis) -> ReportTable:
    """Expected loss by willingness to pay."""
    caption = (
        f"{analysis.scenario.file.settings.currency} per patient that a strategy is expected to lose in net benefit "
        "against the best of each draw. The least of a column is the value of perfect information."
    )
    return _by_wtp(analysis, "Expected loss", caption, analysis.expected_loss, "loss")


def _by_wtp(analysis: ProbabilisticAnalysis, title: str, caption: str, frame: pd.DataFrame, name: str) -> ReportTable:
    """A line a choice, a column a willingness to pay."""
    found, labels = rows_by(frame, "strategy", "wtp"), strategy_labels(analysis.scenario)
    rows = [
        (labels[s], *(rounded(found[s, wtp][name], found[s, wtp]["se"]) for wtp in analysis.wtps))
        for s in analysis.choices
    ]
    columns = ["strategy", *(f"at {amount(wtp)}" for wtp in analysis.wtps)]
    return ReportTable(title, caption, pd.DataFrame(rows, columns=columns))


def evpi_table(analysis: ProbabilisticAnalysis) -> ReportTable:
    """Value of perfect information, with and without the bias of patient noise."""
    found, best = rows_by(analysis.evpi, "wtp"), rows_by(analysis.ceaf, "wtp")
    labels, rows = strategy_labels(analysis.scenario), []
    for wtp in analysis.wtps:
        row = found[wtp,]
        evpi = with_error(row["evpi"], row["se"])
        bias, noisy = (rounded(row[name], row["se"]) for name in ("patient_noise_bias", "with_patient_noise"))
        rows.append((amount(wtp), labels[best[wtp,]["strategy"]], evpi, bias, noisy))
    columns = ["willingness to pay", "optimal", "EVPI", "bias of patient noise", "EVPI with it"]
    caption = (
        f"Expected value of perfect information, {analysis.scenario.file.settings.currency} per patient. The noise of "
        "simulated patients would add the bias: with more of it, another strategy looks best in more draws."
    )
    return ReportTable("Value of perfect information", caption, pd.DataFrame(rows, columns=columns))


def parameter_table(analysis: ProbabilisticAnalysis) -> ReportTable:
    """What each parameter was asked to be, and what its draws are."""
    rows = []
    for row in analysis.parameters.to_dict("records"):
        asked = MISSING
        if np.isfinite(row["asked_mean"]):
            asked = f"{plain(row['asked_mean'])} ({plain(row['asked_low'])} to {plain(row['asked_high'])})"
        given = f"{plain(row['mean'])} ({plain(row['low'])} to {plain(row['high'])})"
        rows.append((row["description"] or readable(row["id"]), row["unit"], row["source"], asked, given))
    caption = "Mean and 95% interval that each distribution or group asks for, and those of the draws."
    columns = ["parameter", "unit", "drawn from", "asked", "draws"]
    return ReportTable("Parameters", caption, pd.DataFrame(rows, columns=columns))


def rows_by(frame: pd.DataFrame, *names: str) -> dict[tuple[Any, ...], Row]:
    """Rows of a table by the values of some of its columns."""
    records: list[Row] = frame.to_dict("records")  # type: ignore[assignment]  # its keys are texts
    return {tuple(row[name] for name in names): row for row in records}
