"""The severity modifier in words, tables and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from lmssim.economics.agency.noise import SMALL
from lmssim.economics.agency.severity import ABSOLUTE, PROPORTIONAL, REFERENCE_RATE, WEIGHTS
from lmssim.report.parts.digits import MISSING, amount, listed, percent, rounded, with_error
from lmssim.report.parts.labels import strategy_labels
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure
from lmssim.report.parts.table import ReportTable
from lmssim.report.sensitivity.agency.cells import LOST, column, error_words, mean_and_error, open_words, people_words
from lmssim.studies.sensitivity.agency.severity import BEYOND, ENDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

    from lmssim.studies.sensitivity.agency.rates import Rates
    from lmssim.studies.sensitivity.agency.severity import Severity

TITLE = "Severity modifier"
FILLS = ("#FFFFFF", "#DCEBF5", "#A9CCE3")
"""Of the areas in which each weight holds."""
SHADES = dict(zip(WEIGHTS, FILLS, strict=True))
MOST_POINTS = 500
"""Draws that are drawn, at most."""
NAMES = {
    "qalys_without_disease": "QALYs without the disease",
    "qalys_standard_care": "QALYs under standard care",
    "absolute_shortfall": "Absolute shortfall, QALYs",
    "proportional_shortfall": "Proportional shortfall, %",
    "life_years_without_disease": "Life-years without the disease",
    "life_years_standard_care": "Life-years under standard care",
}


def sentences(found: Severity, rates: Rates) -> Iterator[str]:
    """What is lost, which weight that gives, how sure it is, and what it changes."""
    care = strategy_labels(found.scenario)[found.standard_care]
    absolute, share = found.absolute(), found.proportional()
    yield (
        f"Under {care}, patients lose {with_error(*absolute)} of the {rounded(*_without(found))} QALYs that people of "
        f"their ages and sexes expect, a proportional shortfall of {percent(*share)}%: NICE's severity weight is "
        f"{found.weight:g}."
    )
    yield _certainty(found)
    yield _undiscounted(found)
    yield _decision(found, rates)
    rate = found.scenario.file.settings.discount_rate_effects
    if rate != REFERENCE_RATE:
        yield (
            f"QALYs are discounted at {100.0 * rate:g}% a year; NICE's reference case takes {100 * REFERENCE_RATE:g}%."
        )
    if found.scenario.file.cycles is not None:
        yield "The model counts and discounts QALYs by cycles; those of the general population run in continuous time."
    if found.beyond_horizon > BEYOND:
        yield (
            f"The horizon ends before {100.0 * found.beyond_horizon_discounted:.2g}% of the discounted QALYs of the "
            f"general population ({100.0 * found.beyond_horizon:.2g}% of them undiscounted): both sides count up to "
            "it, and the shortfall is not that of a lifetime."
        )


def _undiscounted(found: Severity) -> str:
    """What is lost without discounting, and the weight that it would have."""
    absolute, share = found.absolute(undiscounted=True), found.proportional(undiscounted=True)
    weight = found.shortfall(undiscounted=True).weight
    return (
        f"Undiscounted, they lose {with_error(*absolute)} QALYs, {percent(*share)}%, which would have the weight "
        f"{weight:g}; NICE takes the discounted shortfall."
    )


def _without(found: Severity) -> tuple[float, float]:
    return mean_and_error(found.severity, discounting="discounted", measure="qalys_without_disease")


def _certainty(found: Severity) -> str:
    """How likely each weight is, and whether the shortfall lies near a bound."""
    others = [weight for weight in found.possible if weight != found.weight]
    if found.units.of_draws:
        chances = zip(WEIGHTS, found.probabilities(), strict=True)
        told = listed([f"{_chance(*chance)} for {weight:g}" for weight, chance in chances])
        low, high = _credible(found, "absolute_shortfall")
        less, more = _credible(found, "proportional_shortfall", 100.0)
        begin = (
            f"Over the uncertainty of the parameters the shortfall lies between {low} and {high} QALYs, or {less} and "
            f"{more}% (95%), and the probability of each weight is {told}."
        )
    else:
        begin = "Every parameter has its value, so that no probability of the weights can be told (--draws N)."
    if not others:
        return begin
    return (
        f"{begin} The shortfall lies near a bound: a weight of {listed([f'{w:g}' for w in others], 'or')} is possible."
    )


def _credible(found: Severity, measure: str, scale: float = 1.0, discounting: str = "discounted") -> tuple[str, str]:
    """Ends of a 95% credible interval, with the digits that their errors leave."""
    where = {"discounting": discounting, "measure": measure}
    low, low_se, high, high_se = (scale * column(found.severity, name, **where)[0] for name in ENDS)
    return rounded(low, low_se), rounded(high, high_se)


def _chance(p: float, se: float) -> str:
    """A probability over draws as a percentage; of none or all of the draws the bound that they give."""
    if p in {0.0, 1.0}:
        return f"{'less' if p == 0.0 else 'more'} than {100.0 * abs(p - se):.3g}%"
    return f"{rounded(100.0 * p, 100.0 * se)}%"


def _decision(found: Severity, rates: Rates) -> str:
    """What the weight changes."""
    if not rates.wtps or found.weight == WEIGHTS[0]:
        return ""
    wtp = rates.wtps[0]
    before, after = (rates.best(rates.own, wtp * weight) for weight in (1.0, found.weight))
    labels = strategy_labels(found.scenario)
    head = f"At {amount(wtp)} per QALY the best strategy is {labels[before]}"
    if before == after:
        told = f"{head}, with and without the weight."
    else:
        told = f"{head} without the weight and {labels[after]} with it."
    without, with_ = (rates.undecided(rates.own, wtp * weight) for weight in (1.0, found.weight))
    open_ = {where: open_words(labels, which) for where, which in (("without", without), ("with", with_)) if which}
    if not open_:
        return told
    words = [f"whether {names} is the best {where} it" for where, names in open_.items()]
    if len(set(open_.values())) < len(open_):
        words = [f"whether {open_['with']} is the best, with and without it"]
    return f"{told} The errors leave open {listed(words)}."


def tables(found: Severity, rates: Rates) -> list[ReportTable]:
    """Shortfalls, weights, and increments with weighted QALYs."""
    return [_shortfalls(found), _weights(found), _weighted(found, rates)]


def _shortfalls(found: Severity) -> ReportTable:
    frame = found.severity
    rows = []
    for measure, name in NAMES.items():
        cells = {"": name}
        for discounting in ("discounted", "undiscounted"):
            own = frame[(frame["measure"] == measure) & (frame["discounting"] == discounting)]
            for _, row in own.iterrows():
                scale = 100.0 if row["unit"] == "share" else 1.0
                cells[discounting] = with_error(scale * row["mean"], scale * row["se"])
                cells[f"95%, {discounting}"] = _ends(found, measure, scale, discounting)
        rows.append(cells)
    spread = f" 95%: credible interval over draws of the parameters.{_noise(found)}" if found.units.of_draws else ""
    care = strategy_labels(found.scenario)[found.standard_care]
    caption = (
        f"Standard care: {care}. Without the disease: life table and utility norms of the scenario, for the patients' "
        f"own ages and sexes. {error_words(exact=found.units.exact)}.{spread}"
    )
    shown = pd.DataFrame(rows).fillna("-")
    kept = [name for name in shown.columns if name == "" or set(shown[name]) != {"-"}]
    return ReportTable(f"{TITLE}: shortfall", caption, shown[kept])


def _ends(found: Severity, measure: str, scale: float, discounting: str) -> str:
    low, high = _credible(found, measure, scale, discounting)
    return f"{low} to {high}" if low != MISSING else "-"


def _noise(found: Severity) -> str:
    """Whom the interval comes from, and how much of the spread was chance of the patients."""
    whom = f" QALYs under standard care come from {people_words(found.units.n_people, exact=found.units.exact)}"
    if found.units.exact:
        return f"{whom} in each draw."
    share = f"{100.0 * found.noise:.2g}%"
    rough = "" if found.noise <= 2 * SMALL else "; its shape is approximate (--patients N)"
    return f"{whom}. Their chance is {share} of the variance between draws, and was taken out{rough}."


def _weights(found: Severity) -> ReportTable:
    rules = ["below both bounds", *(_rule(k) for k in range(len(ABSOLUTE)))]
    rows = []
    for k, row in enumerate(found.severity_weights.itertuples(index=False)):
        chances = [_chance(*pair) if np.isfinite(pair[0]) else "-" for pair in (row[2:4], row[4:6])]
        rows.append((f"{row[0]:g}", rules[k], "yes" if row[1] else "no", *chances))
    columns = ["weight", "shortfall", "applies", "probability", "probability, undiscounted"]
    caption = (
        "NICE applies the discounted shortfall. Probability: share of the draws of the parameters whose expected "
        "shortfall has the weight."
    )
    return ReportTable(f"{TITLE}: weight of a QALY", caption, pd.DataFrame(rows, columns=columns))


def _rule(k: int) -> str:
    return f"absolute from {ABSOLUTE[k]:g}, or proportional from {100 * PROPORTIONAL[k]:g}%"


def _weighted(found: Severity, rates: Rates) -> ReportTable:
    labels, frame = strategy_labels(found.scenario), rates.weighted(found.weight)
    rows = []
    for strategy in rates.compared:
        cells = {"Strategy": labels[strategy]}
        names = {"cost": "Cost", "qalys": "Weighted QALYs", "icer": "Cost per weighted QALY"}
        names |= {f"inmb:{wtp:g}": f"Net benefit, {amount(wtp)}" for wtp in rates.wtps}
        for outcome, name in names.items():
            cells[name] = with_error(*mean_and_error(frame, strategy=strategy, outcome=outcome))
        rows.append(cells)
    caption = (
        f"Increments over {labels[found.scenario.comparator]} with QALYs weighted by {found.weight:g}, "
        f"{found.scenario.file.settings.currency}, discounted. Where no cost per QALY stands, one of the two "
        f"strategies dominates. {LOST} severity_incremental.csv has the other weights."
    )
    return ReportTable(f"{TITLE}: increments", caption, pd.DataFrame(rows))


# === Picture ===


def plot_severity(found: Severity, ax: Axes | None = None) -> Axes:
    """QALYs without the disease and under standard care, and the weight that either pair gives.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.

    Notes
    -----
    The areas of the weights are bounded by lines of equal absolute and of equal proportional shortfall.
    """
    at, plain_ = found.shortfall(), found.shortfall(undiscounted=True)
    with figure_style():
        if ax is None:
            ax = new_figure(6.2, 4.6).subplots()
        top = max(at.without, plain_.without) * 1.3
        _areas(ax, top)
        if found.units.of_draws:
            absolute, _ = found.over_draws()
            step = max(len(absolute) // MOST_POINTS, 1)
            under = at.without - absolute[::step]
            ax.plot(np.full(len(under), at.without), under, "_", color=PALETTE[1], alpha=0.12, markersize=10, zorder=3)
        for shortfall, name, marker, colour, side in (
            (plain_, "undiscounted", "s", FAINT, "right"),
            (at, "discounted", "o", INK, "left"),
        ):
            point = shortfall.without, shortfall.under
            ax.plot(*point, marker, color=colour, zorder=5)
            away = (9 if side == "left" else -9, 0)
            ax.annotate(
                name,
                point,
                xytext=away,
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=8,
                color=INK,
                bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.6},
            )
        ax.set_xlim(0.0, top)
        ax.set_ylim(0.0, max(at.under, plain_.under, 2.0) * 1.6)
        ax.set_xlabel("QALYs expected without the disease")
        ax.set_ylabel("QALYs under standard care")
        ax.set_title("Severity modifier: the weight of a QALY")
        handles = [Rectangle((0, 0), 1, 1, facecolor=f, edgecolor=FAINT, linewidth=0.5) for f in FILLS]
        ax.legend(handles, [f"weight {w:g}" for w in WEIGHTS], loc="upper left")
        return ax


def _areas(ax: Axes, top: float) -> None:
    """Where each weight holds: below the higher of both lines."""
    x = np.linspace(0.0, top, 400)
    bound = [np.maximum(x - a, (1.0 - p) * x) for a, p in zip(ABSOLUTE, PROPORTIONAL, strict=True)]
    ax.fill_between(x, bound[1], bound[0], color=FILLS[1], zorder=0, linewidth=0)
    ax.fill_between(x, 0.0, bound[1], color=FILLS[2], zorder=0, linewidth=0)
    for line in bound:
        ax.plot(x, line, color=FAINT, linewidth=0.8, zorder=1)
    ax.grid(visible=False)
