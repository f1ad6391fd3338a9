"""Budget impact in words, tables and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lmssim.outcomes.estimators import Z975
from lmssim.report.parts.digits import amount, listed, plain, rounded, with_error
from lmssim.report.parts.labels import currency_name, readable, strategy_labels
from lmssim.report.parts.style import AREAS, INK, figure_style, new_figure
from lmssim.report.parts.table import ReportTable
from lmssim.report.sensitivity.agency.cells import NAMED, error_words, mean_and_error, people_words
from lmssim.studies.sensitivity.agency.budget.form import EVENLY, NOW, THEN
from lmssim.studies.sensitivity.agency.budget.impact import DIFFERENCE, TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matplotlib.axes import Axes

    from lmssim.studies.sensitivity.agency.budget.impact import Impact

TITLE = "Budget impact"
ENTRY = {
    True: "Patients enter in four equal parts, in the middle of each quarter of their year",
    False: "All patients of a year enter at its start",
}
WORLD_NAMES = {NOW: "Care now", THEN: "Care then", DIFFERENCE: "Difference"}
MILLION = 1e6
TENS = 10.0
"""Patients from which on they are counted whole."""
LEAST_MILLION = 3e6
"""Largest yearly amount from which on an axis counts millions."""


def sentences(found: Impact) -> Iterator[str]:
    """What the change costs, in all and for each patient."""
    settings, n, years = found.scenario.file.settings, sum(found.budget.patients), found.budget.years
    total, each = found.cost(DIFFERENCE), found.per_patient(DIFFERENCE)
    verb = "adds" if total.mean >= 0.0 else "saves"
    sign = 1.0 if total.mean >= 0.0 else -1.0
    shares = ", ".join(f"{100.0 * share:g}%" for share in found.budget.file.uptake.by_year)
    patients = amount(n) if n >= TENS else plain(n)
    one = f", {rounded(sign * each.mean, each.se)} for each patient" if n > 0.0 else ""
    yield (
        f"Over {_counted(years, 'year')} and {patients} patients, the change of care {_change(found)} {verb} "
        f"{rounded(sign * total.mean, total.se)} {settings.currency}"
        f"{one}; care now costs {rounded(*found.cost(NOW))}. Uptake by year: {shares}."
    )
    first, last = found.cost(DIFFERENCE, 0), found.cost(DIFFERENCE, years - 1)
    names = found.budget.year_names()
    goes = f"The difference goes from {rounded(*first)} in {names[0]} to {rounded(*last)} in {names[-1]}. "
    yield f"{goes if years > 1 else ''}Amounts are undiscounted, and proportional to the number of patients."
    yield _against_threshold(found)
    yield _over_scenarios(found)


def _change(found: Impact) -> str:
    """What care is now, and what it changes to."""
    file = found.budget.file
    return f"from {_mix(found, file.now.mix)} to {_mix(found, file.then.mix)}"


def _mix(found: Impact, mix: Mapping[str, float]) -> str:
    """Strategies of a mix with their shares, the most frequent first; one alone without a share."""
    labels = strategy_labels(found.scenario)
    first = sorted((s for s in mix if mix[s] > 0.0), key=lambda s: -mix[s])
    if len(first) == 1:
        return labels[first[0]]
    named, more = [f"{100.0 * mix[s]:.4g}% {labels[s]}" for s in first[:NAMED]], len(first) - NAMED
    return listed([*named, *([_counted(more, "other")] if more > 0 else [])])


def _against_threshold(found: Impact) -> str:
    """Whether the difference exceeds the payer's threshold."""
    if (bound := found.budget.file.threshold) is None:
        return ""
    names, currency = found.budget.year_names(), found.scenario.file.settings.currency
    over, near = ([names[year] for year in years] for years in (found.exceeding, found.undecided))
    asked = min(bound.years, found.budget.years)
    label = f" ({bound.label})" if bound.label else ""
    threshold = f"{amount(bound.amount)} {currency}{label}"
    if over:
        told = f"exceeds {threshold} in {listed(over)}"
    elif asked > 1:
        told = f"exceeds {threshold} in none of the first {asked} years"
    else:
        told = f"does not exceed {threshold} in {names[0]}"
    return f"The difference {told}{f'; the error leaves it open for {listed(near)}' if near else ''}."


def _over_scenarios(found: Impact) -> str:
    """Between which scenarios the difference lies."""
    if not found.budget.file.scenarios:
        return ""
    every = [(label, each.cost(DIFFERENCE)) for label, _, each in found.scenarios()]
    least, most = (pick(every, key=lambda each: each[1].mean) for pick in (min, max))
    return (
        f"Over all years the difference lies between {rounded(*least[1])} ({least[0]}) and {rounded(*most[1])} "
        f"({most[0]}) in the base case and {_counted(len(every) - 1, 'scenario')} of the file."
    )


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def tables(found: Impact) -> list[ReportTable]:
    """By year, by category, by year since treatment, who is treated, and what the file states."""
    scenarios = [_scenarios(found)] if found.budget.file.scenarios else []
    return [_by_year(found), _by_category(found), *scenarios, _since(found), _who(found), _inputs(found)]


def caption_of(found: Impact) -> str:
    """Whose money, and when patients enter."""
    settings = found.scenario.file.settings
    perspective = f" Perspective: {settings.perspective}." if settings.perspective else ""
    prices = f" Prices of {settings.price_year}." if settings.price_year else ""
    return (
        f"{settings.currency}, undiscounted.{perspective}{prices} {ENTRY[found.budget.file.entry == EVENLY]}. Costs "
        f"from {people_words(found.n_people, exact=found.units.exact)} under each strategy; "
        f"{error_words(exact=found.units.exact)}. Patients treated "
        "before the first year are not counted: their care is the same in both worlds."
    )


def _by_year(found: Impact) -> ReportTable:
    rows = []
    for year, name in [*enumerate(found.budget.year_names()), (None, "all years")]:
        n = sum(found.budget.patients) if year is None else found.budget.patients[year]
        cells = {"Year": name, "Patients": f"{n:,.1f}"}
        cells |= {label: with_error(*found.cost(world, year)) for world, label in WORLD_NAMES.items()}
        rows.append(cells)
    cells = {"Year": "for each patient", "Patients": "1"}
    cells |= {label: with_error(*found.per_patient(world)) for world, label in WORLD_NAMES.items()}
    return ReportTable(f"{TITLE}: by year", caption_of(found), pd.DataFrame([*rows, cells]))


def _by_category(found: Impact) -> ReportTable:
    rows = []
    for category in (*found.categories, TOTAL):
        cells = {"Difference": readable(category)}
        for year, name in enumerate(found.budget.year_names()):
            cells[name] = with_error(*found.cost(DIFFERENCE, year, category))
        cells["All years"] = with_error(*found.cost(DIFFERENCE, None, category))
        rows.append(cells)
    return ReportTable(
        f"{TITLE}: difference by cost category",
        f"Care then less care now, {found.scenario.file.settings.currency}.",
        pd.DataFrame(rows),
    )


def _scenarios(found: Impact) -> ReportTable:
    rows = []
    for label, _, each in found.scenarios():
        cells = {"Scenario": label, "Patients": f"{sum(each.budget.patients):,.1f}"}
        for year, name in enumerate(each.budget.year_names()):
            cells[name] = rounded(*each.cost(DIFFERENCE, year))
        rows.append(cells | {"All years": with_error(*each.cost(DIFFERENCE))})
    caption = (
        f"Care then less care now, {found.scenario.file.settings.currency}, from the same runs. The table of inputs "
        "says what differs in each scenario, and why; budget_scenarios.csv has the error of every year."
    )
    return ReportTable(f"{TITLE}: scenarios", caption, pd.DataFrame(rows))


def _since(found: Impact) -> ReportTable:
    labels, rows = strategy_labels(found.scenario), []
    for strategy in found.strategies:
        of = {"strategy": strategy, "category": TOTAL}
        cells = {"Strategy": labels[strategy]}
        for year in range(1, found.budget.years + 1):
            cells[f"Year {year}"] = with_error(*mean_and_error(found.cost_by_year, year_since_treatment=year, **of))
        rows.append(cells)
    caption = (
        "Undiscounted cost of a patient in the budget year of the treatment and in those after it; cost_by_year.csv "
        "has the categories. A cost of terminal care falls in the year of death."
    )
    return ReportTable(f"{TITLE}: cost by year since treatment", caption, pd.DataFrame(rows))


def _who(found: Impact) -> ReportTable:
    labels, frame = strategy_labels(found.scenario), found.budget_patients
    rows = []
    for world in (NOW, THEN):
        for strategy in found.strategies:
            own = frame[(frame["world"] == world) & (frame["strategy"] == strategy)]
            cells = {"World": WORLD_NAMES[world], "Strategy": labels[strategy]}
            rows.append(cells | {str(year): f"{n:,.1f}" for year, n in zip(own["year"], own["patients"], strict=True)})
    return ReportTable(f"{TITLE}: patients treated", _who_caption(found), pd.DataFrame(rows))


def _who_caption(found: Impact) -> str:
    there = found.budget.file.prevalence is not None
    return (
        f"Patients who face the decision in each year{', in the first also those who are there at its start' * there}."
    )


def _inputs(found: Impact) -> ReportTable:
    caption = f"{found.budget.file.title}. Figures without a source are assumed."
    return ReportTable(f"{TITLE}: inputs", caption, found.budget_inputs)


def plot_budget(found: Impact, ax: Axes | None = None) -> Axes:
    """Difference between the two worlds by year and cost category, with the total and its 95% interval.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 4.2).subplots()
        years = range(found.budget.years)
        totals = [found.cost(DIFFERENCE, year) for year in years]
        unit = MILLION if max(abs(t.mean) for t in totals) >= LEAST_MILLION else 1e3
        _bars(ax, found, unit)
        means, errors = [t.mean / unit for t in totals], [Z975 * t.se / unit for t in totals]
        ax.errorbar(
            list(years), means, yerr=errors, color=INK, marker="o", markersize=4, linestyle="none", label="total, 95%"
        )
        ax.axhline(0.0, color=INK, linewidth=0.8, zorder=3)
        ax.set_xticks(list(years), found.budget.year_names())
        ax.grid(axis="x", visible=False)
        ax.yaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.10g}"))
        scale = "million" if unit == MILLION else "thousand"
        ax.set_ylabel(f"Care then less care now, {scale} {currency_name(found.scenario)}")
        ax.set_title("Budget impact by year and cost category, undiscounted")
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return ax


def _bars(ax: Axes, found: Impact, unit: float) -> None:
    """Categories stacked away from 0, costs above it and savings below."""
    up, down = np.zeros(found.budget.years), np.zeros(found.budget.years)
    for k, category in enumerate(found.categories):
        values = np.array([found.cost(DIFFERENCE, y, category).mean / unit for y in range(found.budget.years)])
        if not values.any():
            continue
        bottom = np.where(values >= 0.0, up, down)
        colour = AREAS[(k + 1) % len(AREAS)]
        ax.bar(range(found.budget.years), values, bottom=bottom, width=0.62, color=colour, label=readable(category))
        up, down = up + np.maximum(values, 0.0), down + np.minimum(values, 0.0)
