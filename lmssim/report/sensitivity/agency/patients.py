"""How outcomes are spread over patients, in words, tables and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.agency.spread import concentration_curve
from lmssim.errors import InputError, unknown
from lmssim.outcomes.main import COST, LY, MAIN, QALYS, UNDISCOUNTED
from lmssim.report.parts.digits import amount, percent, rounded, with_error
from lmssim.report.parts.labels import currency_name, strategy_labels
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, line_style, new_figure, title_figure
from lmssim.report.parts.table import ReportTable
from lmssim.report.sensitivity.agency.cells import mean_and_error
from lmssim.studies.sensitivity.agency.patients import MONTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.kernels import FloatArray
    from lmssim.studies.sensitivity.agency.patients import Patients
    from lmssim.studies.sensitivity.agency.rates import Rates

TITLE = "Patients"
SHOWN = (LY + UNDISCOUNTED, QALYS + UNDISCOUNTED, COST)
"""Outcomes of the picture, a panel each."""
AXES = {
    LY + UNDISCOUNTED: "Life-years",
    QALYS + UNDISCOUNTED: "QALYs, undiscounted",
    QALYS: "QALYs, discounted",
    COST: "Cost, discounted",
    COST + UNDISCOUNTED: "Cost, undiscounted",
}
TOLD = (0.05, 0.25, 0.5, 0.75, 0.95)
BINS, CUT, ROW, LONGEST = 60, 0.995, 0.36, 32
"""Bins of a histogram; the quantile at which its axis ends; inches of a strategy; letters of its name."""
MOST_CURVES = 8
"""Strategies whose curve is drawn, at most: those that gain most."""
CAUTION = (
    "A patient's gain is the difference between two lives that share their random numbers. No data tell how the two "
    "outcomes of one person go together: shares of winners and losers belong to the model; the evidence supports the "
    "mean gain."
)


def sentences(found: Patients, rates: Rates) -> Iterator[str]:
    """How many live how long, and how few bring the mean gain of the best strategy.

    If that is the comparator, or gains no QALYs, those of the strategy that gains most.
    """
    labels, of = strategy_labels(found.scenario), {"strategy": found.scenario.comparator, "outcome": LY + UNDISCOUNTED}
    told = [f"{_percent(found.patients_reaching, more_than=t, **of)}% more than {_years(t)}" for t in _lived(found)]
    median = rounded(*mean_and_error(found.distribution, statistic="p50", **of))
    yield f"Under {labels[found.scenario.comparator]}, patients live a median of {median} years; {', '.join(told)}."
    if not found.compared:
        return
    told_of, who = _told_of(found, rates)

    def cell(measure: str, scale: float = 1.0) -> str:
        mean, error = mean_and_error(found.gains, strategy=told_of, outcome=QALYS, measure=measure)
        return rounded(scale * mean, scale * error)

    if _mean_gain(found, told_of) > 0.0:
        yield (
            f"{labels[told_of]}, {who}, gains {cell('mean_gain')} discounted QALYs a patient on average: "
            f"{cell('gains_more_than_a_month', 100.0)}% gain more than a month, "
            f"{cell('loses_more_than_a_month', 100.0)}% lose more than a month, and "
            f"{cell('patients_who_bring_half_of_what_is_gained', 100.0)}% of the patients bring half of all that is "
            "gained."
        )


def _told_of(found: Patients, rates: Rates) -> tuple[str, str]:
    """The strategy of which gains are told, and why it is."""
    if rates.wtps:
        wtp = rates.wtps[0]
        best = rates.best(rates.own, wtp)
        if best in found.compared and _mean_gain(found, best) > 0.0:
            return best, f"the strategy of the greatest net benefit at {amount(wtp)} per QALY"
    return max(found.compared, key=lambda s: _mean_gain(found, s)), "the strategy that gains most QALYs"


def _mean_gain(found: Patients, strategy: str) -> float:
    return float(found.gain(strategy, QALYS).mean())


def _lived(found: Patients) -> list[float]:
    """Years of which it is said how many live longer."""
    return [t for t in (1.0, 5.0, 10.0) if t < found.scenario.file.settings.horizon]


def _years(time: float) -> str:
    return "1 year" if time == 1.0 else f"{time:g} years"


def _percent(frame: pd.DataFrame, **where: object) -> str:
    return percent(*mean_and_error(frame, **where))


def tables(found: Patients) -> list[ReportTable]:
    """Quantiles of each outcome, shares who reach so many years, and gains."""
    return [*(_quantiles(found, outcome) for outcome in SHOWN), _reaching(found), _gains(found)]


def _quantiles(found: Patients, outcome: str) -> ReportTable:
    labels = strategy_labels(found.scenario)
    names = {"mean": "Mean", "sd": "SD"} | {f"p{100 * p:g}": f"{100 * p:g}%" for p in TOLD}
    rows = []
    for strategy in found.strategies:
        of = {"strategy": strategy, "outcome": outcome}
        cells = {name: with_error(*mean_and_error(found.distribution, statistic=k, **of)) for k, name in names.items()}
        rows.append({"Strategy": labels[strategy], **cells})
    unit = f" ({found.scenario.file.settings.currency})" if outcome.startswith(COST) else ""
    caption = f"Over {_who(found)}; 50% is the median. ± standard error."
    return ReportTable(f"{TITLE}: {AXES[outcome].lower().replace('qalys', 'QALYs')}{unit}", caption, pd.DataFrame(rows))


def _reaching(found: Patients) -> ReportTable:
    labels, frame, rows = strategy_labels(found.scenario), found.patients_reaching, []
    amounts = list(dict.fromkeys(frame["more_than"].tolist()))
    for strategy in found.strategies:
        of = {"strategy": strategy, "outcome": LY + UNDISCOUNTED}
        cells = {_years(t): _percent(frame, more_than=t, **of) for t in amounts}
        rows.append({"Strategy": labels[strategy], **cells})
    caption = f"Patients who live longer, %. Over {_who(found)}. patients_reaching.csv has QALYs too."
    return ReportTable(f"{TITLE}: who lives how long", caption, pd.DataFrame(rows))


def _gains(found: Patients) -> ReportTable:
    labels, rows = strategy_labels(found.scenario), []
    shares = {
        "gains_more_than_a_month": "Gain more than a month, %",
        "loses_more_than_a_month": "Lose more than a month, %",
        "patients_who_bring_half_of_what_is_gained": "Bring half of what is gained, %",
        "of_what_is_gained_by_the_tenth_who_gain_most": "Share of the tenth who gain most, %",
    }
    amounts = {"mean_gain": "Mean gain", "gained_by_those_who_gain": "Gained", "lost_by_those_who_lose": "Lost"}
    for strategy in found.compared:
        of = {"strategy": strategy, "outcome": QALYS}
        cells = {"Strategy": labels[strategy]}
        for measure, name in amounts.items():
            cells[name] = with_error(*mean_and_error(found.gains, measure=measure, **of))
        for measure, name in shares.items():
            cells[name] = _percent(found.gains, measure=measure, **of)
        rows.append(cells)
    caption = (
        f"Discounted QALYs over {labels[found.scenario.comparator]}, per patient; the mean gain is what is gained less "
        f"what is lost. A month is {MONTH:.4f} QALYs. {CAUTION} Over {_who(found)}."
    )
    return ReportTable(f"{TITLE}: individual gains", caption, pd.DataFrame(rows))


def _who(found: Patients) -> str:
    over = f" over {found.n_draws:,} draws of the parameters" if found.n_draws else ""
    return f"{found.n:,} patients{over}"


# === Pictures ===


def plot_distribution(found: Patients, outcome: str = LY + UNDISCOUNTED, ax: Axes | None = None) -> Axes:
    """Outcome of the patients under each strategy: its histogram, the median and the mean.

    Parameters
    ----------
    outcome : str
        A main outcome.
    ax : Axes, optional
        Where to draw; a figure is made if absent.

    Raises
    ------
    InputError
        If there is no such outcome.
    """
    if outcome not in MAIN:
        raise InputError(unknown("outcome", outcome, MAIN, "outcome"))
    with figure_style():
        if ax is None:
            ax = new_figure(6.2, 1.3 + ROW * max(len(found.strategies), 3)).subplots()
        _ridges(ax, found, outcome)
        _name_rows(ax, found)
        return ax


def distribution_figure(found: Patients) -> Figure:
    """Life-years, QALYs and costs side by side."""
    with figure_style():
        figure = new_figure(9.4, 1.5 + ROW * max(len(found.strategies), 3))
        axes = figure.subplots(1, len(SHOWN), sharey=True)
        for ax, outcome in zip(axes, SHOWN, strict=True):
            _ridges(ax, found, outcome)
        _name_rows(axes[0], found)
        title_figure(figure, "Outcomes across patients: histogram, quartiles (bar), median (line) and mean (point)")
        return figure


def _name_rows(ax: Axes, found: Patients) -> None:
    labels = strategy_labels(found.scenario, LONGEST)
    ax.set_yticks(range(len(found.strategies)), [labels[s] for s in found.strategies])
    ax.set_ylim(len(found.strategies) - 0.45, -1.0)


def _ridges(ax: Axes, found: Patients, outcome: str) -> None:
    scale = 1e3 if outcome.startswith(COST) else 1.0
    each = [found.of(s, outcome).ravel() / scale for s in found.strategies]
    low, high = min(0.0, *(float(v.min()) for v in each)), max(float(np.quantile(v, CUT)) for v in each)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts = [np.histogram(v, edges)[0] for v in each]
    tallest = [max(int(c.max()), 1) for c in counts]
    for row, (values, count) in enumerate(zip(each, counts, strict=True)):
        height = 0.8 * count / tallest[row]
        ax.stairs(row - height, edges, baseline=row, fill=True, color="#BFE0F2", zorder=2)
        quartiles = np.quantile(values, (0.25, 0.5, 0.75))
        ax.plot(quartiles[[0, 2]], [row, row], color=PALETTE[1], linewidth=2.2, zorder=3, solid_capstyle="butt")
        ax.plot([quartiles[1]] * 2, [row - 0.3, row], color=INK, linewidth=1.2, zorder=4)
        ax.plot([values.mean()], [row], "o", color=INK, markersize=3.2, zorder=5)
    ax.set_xlim(edges[0], edges[-1])
    ax.grid(axis="y", visible=False)
    ax.tick_params(axis="y", length=0)
    unit = f", thousand {currency_name(found.scenario)}" if scale > 1.0 else ""
    ax.set_xlabel(f"{AXES.get(outcome, outcome)}{unit}")


def gains_figure(found: Patients) -> Figure:
    """Who gains and who loses more than a month, and how few bring what is gained."""
    with figure_style():
        figure = new_figure(9.4, max(1.4 + 0.27 * len(found.compared), 3.4))
        left, right = figure.subplots(1, 2, width_ratios=(1.25, 1.0))
        plot_gains(found, left)
        _concentration(right, found)
        return figure


def gains_caption(found: Patients) -> str:
    """What both panels show."""
    most = (
        f", for the {MOST_CURVES} strategies with the largest mean gains" if len(found.compared) > MOST_CURVES else ""
    )
    return (
        "Discounted QALYs. Left: patients who gain, and who lose, more than a month. Right: how much of all that is "
        f"gained comes from the patients who gain most{most}. {CAUTION}"
    )


def plot_gains(found: Patients, ax: Axes | None = None, outcome: str = QALYS) -> Axes:
    """Shares of patients who gain and who lose more than a month.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    outcome : str
        QALYs or life-years.
    """
    labels = strategy_labels(found.scenario, LONGEST)
    with figure_style():
        if ax is None:
            ax = new_figure(6.2, 1.3 + 0.3 * max(len(found.compared), 3)).subplots()
        for row, strategy in enumerate(found.compared):
            gain, lose = found.gaining(strategy, outcome)
            ax.barh(row, 100.0 * gain.mean, height=0.66, color=PALETTE[1], zorder=2)
            ax.barh(row, -100.0 * lose.mean, height=0.66, color=PALETTE[2], zorder=2)
        ax.axvline(0.0, color=INK, linewidth=0.8, zorder=3)
        ax.set_yticks(range(len(found.compared)), [labels[s] for s in found.compared])
        ax.set_ylim(max(len(found.compared), 1) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
        ax.xaxis.set_major_formatter(lambda x, _: f"{abs(x):g}")
        ax.set_xlabel("lose | gain more than a month, % of patients")
        ax.set_title(f"Gains over {labels[found.scenario.comparator]}")
        return ax


def _concentration(ax: Axes, found: Patients) -> None:
    """Share of all that is gained by so large a share of the patients, those who gain most first."""
    labels = strategy_labels(found.scenario, LONGEST)
    shares = np.linspace(0.0, 1.0, 401)
    most = sorted(found.compared, key=lambda s: -float(found.gain(s, QALYS).mean()))[:MOST_CURVES]
    reached: list[FloatArray] = []
    for k, strategy in enumerate(s for s in found.compared if s in most):
        curve = concentration_curve(found.gain(strategy, QALYS), shares)
        reached.append(curve)
        ax.plot(100.0 * shares, 100.0 * curve, label=labels[strategy], **line_style(k))
    ends = [float(shares[np.searchsorted(curve, 0.995).clip(max=400)]) for curve in reached]
    ax.set_xlim(0.0, 100.0 * min(max([*ends, 0.05]) * 1.02, 1.0))
    ax.set_ylim(0.0, 100.0)
    ax.axhline(50.0, color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)))
    ax.set_xlabel("patients, those who gain most first, %")
    ax.set_ylabel("share of all QALYs gained, %")
    ax.set_title("How few patients bring the gain")
    ax.legend(loc="lower right", fontsize=7)
