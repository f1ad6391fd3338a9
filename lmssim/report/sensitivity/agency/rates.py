"""Results at several discount rates in words, a table and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lmssim.outcomes.estimators import Z975
from lmssim.report.parts.digits import amount, listed, with_error
from lmssim.report.parts.labels import currency_name, strategy_labels
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure
from lmssim.report.parts.table import ReportTable
from lmssim.report.sensitivity.agency.cells import LOST, error_words, mean_and_error, open_words
from lmssim.studies.sensitivity.agency.rates import UNDISCOUNTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

    from lmssim.studies.sensitivity.agency.rates import AtRates, Rates

TITLE = "Discount rates"
ROW, LONGEST = 0.34, 34
MARKERS = "osD^v"
COLOURS = (PALETTE[1], PALETTE[2], PALETTE[3], PALETTE[4], PALETTE[5])


def sentences(found: Rates) -> Iterator[str]:
    """Which strategy is best at each pair of rates."""
    if len(found.at) < 2 or not found.wtps:
        return
    labels, wtp = strategy_labels(found.scenario), found.wtps[0]
    best: dict[str, list[str]] = {}
    for each in found.at:
        best.setdefault(labels[found.best(each, wtp)], []).append(_where(each))
    head = f"At {amount(wtp)} per QALY "
    open_ = _undecided(found, wtp)
    if len(best) == 1:
        names, first = listed([each.name for each in found.at]), next(iter(best))
        told = f"{first} has the greatest net benefit" if open_ else f"the best strategy is {first}"
        yield f"{head}{told} at every discount rate ({names})."
    else:
        verb = "leads" if open_ else "is best"
        yield head + "; ".join(f"{name} {verb} {listed(rates)}" for name, rates in best.items()) + "."
    yield open_


def _undecided(found: Rates, wtp: float) -> str:
    """At which rates the errors leave open which strategy is best."""
    labels = strategy_labels(found.scenario)
    pairs: dict[str, list[str]] = {}
    for each in found.at:
        if undecided := found.undecided(each, wtp):
            pairs.setdefault(open_words(labels, undecided), []).append(_where(each))
    if not pairs:
        return ""
    told = "; ".join(f"whether {pair} is the best {listed(rates)}" for pair, rates in pairs.items())
    return f"The errors leave open {told}."


def _where(each: AtRates) -> str:
    return "without discounting" if each.name == UNDISCOUNTED else f"at {each.name}"


def tables(found: Rates) -> list[ReportTable]:
    """Costs, QALYs, ratio and net benefit of each strategy, a table for each pair of rates."""
    return [_table(found, each) for each in found.at] if len(found.at) > 1 else []


def _table(found: Rates, each: AtRates) -> ReportTable:
    labels, every, more = strategy_labels(found.scenario), found.rates, found.rates_incremental
    place = found.rates_frontier.set_index(["rates", "strategy"])
    rows = []
    for strategy in found.strategies:
        cells = {"Strategy": labels[strategy]}
        for outcome, name in (("cost", "Cost"), ("qalys", "QALYs")):
            cells[name] = _cell(every, each.name, strategy, outcome)
        for outcome, name in (("cost", "Δ cost"), ("qalys", "Δ QALYs"), ("icer", "ICER")):
            cells[name] = _cell(more, each.name, strategy, outcome) if strategy in found.compared else "reference"
        for wtp in found.wtps:
            cells[f"NMB, {amount(wtp)}"] = _cell(every, each.name, strategy, f"nmb:{wtp:g}")
        key = (each.name, strategy)
        cells["Frontier"] = str(place.loc[key, "status"]) if key in place.index else "not a choice"
        rows.append(cells)
    caption = (
        f"Δ and ICER over {labels[found.scenario.comparator]}; amounts in {found.scenario.file.settings.currency}. "
        f"{LOST} The same patients at every rate. {error_words(exact=found.exact)}."
    )
    name = each.name if each.name[0].isalpha() else f"{each.name} a year"
    return ReportTable(f"{TITLE}: {name}", caption, pd.DataFrame(rows))


def _cell(frame: pd.DataFrame, rates: str, strategy: str, outcome: str) -> str:
    return with_error(*mean_and_error(frame, rates=rates, strategy=strategy, outcome=outcome))


def plot_rates(found: Rates, ax: Axes | None = None, wtp: float | None = None) -> Axes:
    """Incremental net benefit of each strategy at each pair of rates.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    wtp : float, optional
        Willingness to pay; the first of the scenario's if absent.
    """
    wtp = found.wtps[0] if wtp is None else wtp
    labels = strategy_labels(found.scenario, LONGEST)
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 1.5 + ROW * max(len(found.compared), 3)).subplots()
        spread = np.linspace(-0.24, 0.24, len(found.at))
        for k, each in enumerate(found.at):
            values = [found.inmb(each, strategy, wtp) for strategy in found.compared]
            y = np.arange(len(values)) + spread[k]
            means, errors = [v.mean / 1e3 for v in values], [Z975 * v.se / 1e3 for v in values]
            ax.errorbar(
                means,
                y,
                xerr=errors,
                linestyle="none",
                marker=MARKERS[k % len(MARKERS)],
                color=COLOURS[k % len(COLOURS)],
                markersize=4.2,
                elinewidth=1.0,
                label=each.name,
            )
        ax.axvline(0.0, color=INK, linewidth=0.8, zorder=1)
        ax.set_yticks(range(len(found.compared)), [labels[s] for s in found.compared])
        ax.set_ylim(max(len(found.compared), 1) - 0.5, -0.5)
        for row in range(1, len(found.compared)):
            ax.axhline(row - 0.5, color=FAINT, linewidth=0.3, zorder=0)
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
        name = strategy_labels(found.scenario, LONGEST)[found.scenario.comparator]
        ax.set_xlabel(f"Incremental net benefit over {name}, thousand {currency_name(found.scenario)}")
        ax.set_title(f"Discount rates: net benefit at {amount(wtp)} per QALY")
        ax.legend(title="discount rate", loc="upper left", bbox_to_anchor=(1.0, 1.0), alignment="left")
        return ax
