"""Results by subgroup: tables, and incremental net benefit in every subgroup as a forest, a panel a strategy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.report.parts.digits import amount, listed, percent, with_error
from lmssim.report.parts.increments import ALL, MOST_DRAWN, Interval, plot_increments, title_of
from lmssim.report.parts.labels import readable, strategy_labels
from lmssim.report.parts.table import ReportTable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lmssim.evaluation import Evaluation
    from lmssim.studies.subgroups import Subgroup, SubgroupStudy


def subgroup_tables(study: SubgroupStudy) -> list[ReportTable]:
    """Of each partition: who is best, incremental net benefit by subgroup, outcomes; then individualised care."""
    tables: list[ReportTable] = []
    for name, subgroups in study.subgroups.items():
        tables += [_best_table(study, name), *(_benefit_table(study, name, wtp) for wtp in _wtps(study))]
        tables += [_outcome_table(study, each) for each in subgroups]
    return [*tables, _care_table(study)] if _wtps(study) else tables


def _wtps(study: SubgroupStudy) -> list[float]:
    return study.evaluation.scenario.file.settings.wtp


def care_sentences(study: SubgroupStudy) -> list[str]:
    """What choosing by subgroup is worth, a sentence a partition and willingness to pay."""
    labels, currency = strategy_labels(study.evaluation.scenario), study.evaluation.scenario.file.settings.currency
    sentences = []
    for name, subgroups in study.subgroups.items():
        for care in study.care(name):
            where = f"{title_of(name)}, at {currency} {amount(care.wtp)} per QALY: "
            if set(care.by_subgroup) == {care.best}:
                sentences.append(f"{where}{labels[care.best]} is best in every subgroup.")
                continue
            apart = [
                f"{labels[best]} ({each.label})"
                for each, best in zip(subgroups, care.by_subgroup, strict=True)
                if best != care.best
            ]
            worth = f"choosing by subgroup is worth {currency} {with_error(*care.value)} per patient"
            sentences.append(f"{where}{labels[care.best]} is best for all; others: {listed(apart)}; {worth}.")
    return sentences


def _best_table(study: SubgroupStudy, name: str) -> ReportTable:
    labels, settings = strategy_labels(study.evaluation.scenario), study.evaluation.scenario.file.settings
    rows = []
    for each in study.subgroups[name]:
        row = {"Subgroup": readable(each.label), "Rule": each.rule, "Share, %": f"{100.0 * each.share:.1f}"}
        if math.isfinite(each.n):
            row["Patients"] = amount(each.n)
        for wtp in settings.wtp:
            row[f"Best at {amount(wtp)}"] = labels[each.evaluation.best_first(wtp)[0]]
        rows.append(row)
    caption = (
        f"Best: the greatest net monetary benefit at that willingness to pay ({settings.currency} per QALY); chance "
        "alone can make a strategy the best of several that are close. `lmssim run --where RULE` follows a part alone."
    )
    return ReportTable(f"{title_of(name)}: subgroups", caption, pd.DataFrame(rows))


def _benefit_table(study: SubgroupStudy, name: str, wtp: float) -> ReportTable:
    whole = study.evaluation
    labels, currency = strategy_labels(whole.scenario), whole.scenario.file.settings.currency
    rows = []
    for strategy in _compared(whole):
        row = {"Strategy": labels[strategy], ALL: with_error(*whole.incremental_net_benefit(strategy, wtp))}
        for each in study.subgroups[name]:
            row[readable(each.label)] = with_error(*each.evaluation.incremental_net_benefit(strategy, wtp))
        rows.append(row)
    caption = (
        f"{currency} per patient at {amount(wtp)} per QALY, over {labels[whole.scenario.comparator]}, from the same "
        "patients under both; ± standard error."
    )
    return ReportTable(f"{title_of(name)}: incremental net benefit at {amount(wtp)}", caption, pd.DataFrame(rows))


def _outcome_table(study: SubgroupStudy, subgroup: Subgroup) -> ReportTable:
    own, labels = subgroup.evaluation, strategy_labels(study.evaluation.scenario)
    currency = own.scenario.file.settings.currency
    found = {
        (s, o): (m, e) for s, o, m, e in subgroup.shares[["strategy", "outcome", "mean", "se"]].itertuples(index=False)
    }
    survivals = [name for name, spec in own.scenario.file.endpoints.items() if spec.kind == "survival"][:1]
    times = own.scenario.file.settings.times
    time = 5.0 if 5.0 in times else (*times, 0.0)[-1]
    frontier = own.frontier.set_index("strategy")["status"].to_dict()
    rows = []
    for s, strategy in enumerate(own.strategies):
        row = {"Strategy": labels[strategy]}
        for name in survivals:
            row[f"{name.upper()} {time:g} y, %"] = percent(*found[strategy, f"{name}:{time:g}y"])
        for outcome, heading in (("life_years", "Life-years"), ("qalys", "QALYs"), ("cost", f"Cost, {currency}")):
            row[heading] = with_error(float(own.mean(outcome)[s]), _error(own, s, outcome))
        row["Frontier"] = str(frontier.get(strategy, "not a choice"))
        rows.append(row)
    who = f"Patients with {subgroup.rule}: {100.0 * subgroup.share:.1f}% of all."
    caption = f"{who} Discounted, per patient; ± standard error."
    return ReportTable(f"{title_of(subgroup.partition)}: {subgroup.label}", caption, pd.DataFrame(rows))


def _error(evaluation: Evaluation, s: int, outcome: str) -> float:
    from lmssim.outcomes.main import position_of

    return float(evaluation.estimates.error()[s, position_of(outcome)])


def _care_table(study: SubgroupStudy) -> ReportTable:
    labels, currency = strategy_labels(study.evaluation.scenario), study.evaluation.scenario.file.settings.currency
    rows = []
    for name, subgroups in study.subgroups.items():
        for care in study.care(name):
            chosen = "; ".join(
                f"{each.label}: {labels[best]}" for each, best in zip(subgroups, care.by_subgroup, strict=True)
            )
            rows.append(
                {
                    "Partition": title_of(name),
                    "Willingness to pay": amount(care.wtp),
                    "Best for all": labels[care.best],
                    "Best by subgroup": chosen,
                    f"Value, {currency}": with_error(*care.value),
                }
            )
    caption = (
        "What choosing the best strategy in each subgroup adds to the net monetary benefit of the one best strategy "
        f"for all, {currency} per patient; ± standard error, given the choices."
    )
    if study.evaluation.estimates.individual:
        caption += (
            " Strategies are chosen in one half of the patients and valued in the other, so that a strategy that is "
            "best by chance adds nothing."
        )
    return ReportTable("Value of individualised care", caption, pd.DataFrame(rows))


def _compared(evaluation: Evaluation) -> list[str]:
    return [s for s in evaluation.strategies if s != evaluation.scenario.comparator]


# === Forest ===


def subgroup_figures(study: SubgroupStudy) -> dict[str, tuple[Figure, tuple[str, str]]]:
    """Forest of each partition that is not too large, by file name, with title and caption."""
    found = {}
    for k, name in enumerate(study.partitions, 1):
        if _wtps(study) and _compared(study.evaluation) and len(study.subgroups[name]) <= MOST_DRAWN:
            found[f"subgroups_{k}"] = plot_subgroups(study, name), _caption(study, name)
    return found


def _caption(study: SubgroupStudy, name: str) -> tuple[str, str]:
    wtp, scenario = _wtps(study)[0], study.evaluation.scenario
    return (
        f"{title_of(name)}: incremental net benefit",
        f"Over {strategy_labels(scenario)[scenario.comparator]}, {scenario.file.settings.currency} per patient at "
        f"{amount(wtp)} per QALY, with 95% intervals of the {_kind(study)}. Grey line: all patients.",
    )


def _kind(study: SubgroupStudy) -> str:
    return "Monte-Carlo error" if study.evaluation.estimates.individual else "error of profiles and steps"


def plot_subgroups(study: SubgroupStudy, name: str) -> Figure:
    """Incremental net benefit in each subgroup, at the first willingness to pay, a panel a strategy."""
    whole, wtp, subgroups = study.evaluation, _wtps(study)[0], study.subgroups[name]
    each = [whole, *(subgroup.evaluation for subgroup in subgroups)]
    found = {
        strategy: [Interval.of(*one.incremental_net_benefit(strategy, wtp)) for one in each]
        for strategy in _compared(whole)
    }
    return plot_increments(whole.scenario, [subgroup.label for subgroup in subgroups], found, title_of(name), wtp)
