"""Survival with the band of its 95% credible interval, of the strategies between which the choice lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import PercentFormatter

from lmssim.report.parts.labels import LONGEST_TITLE, named, short, strategy_labels
from lmssim.report.parts.style import figure_style, legend_name, line_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis

ENOUGH = 0.01
"""Survival below which the axis of time ends."""


def survival_endpoint(analysis: ProbabilisticAnalysis) -> str | None:
    """The first endpoint that is a survival, if there is one."""
    specs = analysis.scenario.file.endpoints
    return next((name for name in analysis.work.program.endpoints if specs[name].kind == "survival"), None)


def plot_bands(analysis: ProbabilisticAnalysis, ax: Axes | None = None, endpoint: str | None = None) -> Axes:
    """Survival or incidence each year, of the comparator and of what is optimal at a printed willingness to pay.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    endpoint : str, optional
        Id of an endpoint; the first that is a survival if absent.
    """
    endpoint = endpoint or survival_endpoint(analysis) or analysis.work.program.endpoints[0]
    spec, labels = analysis.scenario.file.endpoints[endpoint], strategy_labels(analysis.scenario)
    bands = analysis.survival_bands[analysis.survival_bands["endpoint"] == endpoint]
    last = 0.0
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 3.8).subplots()
        for strategy in _shown(analysis):
            style = line_style(analysis.strategies.index(strategy))
            own = bands[bands["strategy"] == strategy]
            time, mean = own["time"].to_numpy(), own["mean"].to_numpy()
            ax.plot(time, mean, label=legend_name(labels[strategy], LONGEST_TITLE), zorder=3, **style)
            low, high = (np.clip(own[name].to_numpy(), 0.0, 1.0) for name in ("low", "high"))
            ax.fill_between(time, low, high, color=style["color"], alpha=0.13, linewidth=0, zorder=2)
            seen = time[mean >= ENOUGH] if spec.kind == "survival" else time
            last = max(last, float(seen.max(initial=0.0)))
        ax.set_xlim(0.0, max(last, 1.0))
        ax.set_ylim(0.0, 1.0)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
        ax.set_xlabel("Years")
        ax.set_ylabel("Patients without event (%)" if spec.kind == "survival" else "Cumulative incidence (%)")
        ax.set_title(f"{short(named(spec.label, endpoint), LONGEST_TITLE)}, with 95% credible bands")
        ax.legend()
        return ax


def _shown(analysis: ProbabilisticAnalysis) -> list[str]:
    """Strategies, in the scenario's order."""
    best = {analysis.choices[analysis.acceptability.optimal(wtp)] for wtp in analysis.wtps}
    return [s for s in analysis.strategies if s in best or s == analysis.comparator]
