"""Figures of the value of information: over willingness to pay, and ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, StrMethodFormatter

from lmssim.report.parts.labels import short
from lmssim.report.parts.style import (
    FAINT,
    PALETTE,
    figure_style,
    legend_name,
    line_style,
    marker_style,
    new_figure,
    save_figure,
)
from lmssim.report.sensitivity.voi.samples import CAPTION, plot_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from lmssim.execution.folder import ResultFolder
    from lmssim.studies.sensitivity.voi.samples import Samples
    from lmssim.studies.sensitivity.voi.study import InformationStudy

RANKED = 15
"""Sets in the picture of ranks."""
ROW = 0.26
NORMAL = 1.96
LONGEST = 46

CAPTIONS = {
    "value_by_wtp": (
        "Value of information by willingness to pay",
        "Per patient. Black: perfect information about everything, with its 95% Monte-Carlo interval; others: perfect "
        "information about a parameter, group or posterior alone, by regression.",
    ),
    "info_rank": (
        "What is worth knowing",
        "Value of perfect information about each parameter, group or posterior alone, per patient, with its 95% "
        "Monte-Carlo interval: those of the greatest value at any willingness to pay. Joint sets are marked (joint).",
    ),
}
CAPTIONS["evsi"] = CAPTION
"""Title and caption of each figure, in order of the report."""


def write_figures(samples: Samples, folder: ResultFolder, formats: Sequence[str]) -> dict[str, list[Path]]:
    """Write every figure; returns its files by its name."""
    study = samples.study
    plots: dict[str, Callable[[], Axes]] = {}
    if not study.source.is_net_benefit:
        plots["value_by_wtp"] = lambda: plot_by_wtp(study)
    plots["info_rank"] = lambda: plot_ranks(study)
    if samples.proposals:
        plots["evsi"] = lambda: plot_samples(samples)
    found = {}
    for name, plot in plots.items():
        figure = plot().figure
        assert isinstance(figure, Figure)
        found[name] = save_figure(figure, folder.begin() / "figures", name, formats)
        folder.add(found[name])
    return found


def plot_by_wtp(study: InformationStudy, ax: Axes | None = None) -> Axes:
    """Value of perfect information, and of the leading sets, over willingness to pay.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    frame = study.evpi[study.evpi["wtp"].isin(study.evppi_by_wtp["wtp"])]  # a coarser one would cut off other corners
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 4.0).subplots()
        low, high = (frame["evpi"] + side * NORMAL * frame["se"] for side in (-1.0, 1.0))
        ax.fill_between(frame["wtp"], low, high, color="#DDDDDD", linewidth=0, zorder=1)
        ax.plot(frame["wtp"], frame["evpi"], color=PALETTE[0], linewidth=2.0, zorder=3, label="EVPI")
        for k, each in enumerate(study.leading(), 1):
            curve = study.evppi_by_wtp[study.evppi_by_wtp["name"] == each.name]
            ax.plot(curve["wtp"], curve["evppi"], label=legend_name(each.label, LONGEST), zorder=2, **line_style(k))
        for wtp in study.wtps:
            ax.axvline(wtp, color=FAINT, linewidth=0.7, linestyle=(0, (5, 3)), zorder=0)
        ax.set_xlim(0.0, float(frame["wtp"].iloc[-1]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}"))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set_xlabel(f"Willingness to pay, thousand {short(study.source.currency, 20)} per {study.source.effect}")
        ax.set_ylabel(f"Value per patient ({short(study.source.currency, 20)})")
        ax.set_title("Value of information")
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return ax


def plot_ranks(study: InformationStudy, ax: Axes | None = None) -> Axes:
    """Value of the leading sets, a line each, with errors.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    most = np.max([[each.evppi for each in study.found[wtp]] for wtp in study.wtps], axis=0)
    order = [int(k) for k in np.argsort(-most, kind="stable")[:RANKED]]
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 1.1 + ROW * len(order)).subplots()
        for w, wtp in enumerate(study.wtps):
            values = [study.found[wtp][k] for k in order]
            y = np.arange(len(order)) + 0.22 * (w - (len(study.wtps) - 1) / 2.0) / max(len(study.wtps) / 2.0, 1.0)
            label = "EVPPI" if study.source.is_net_benefit else f"at {wtp:,.0f} per {study.source.effect}"
            style = marker_style(w + 1)
            errors = [NORMAL * each.se for each in values]
            ax.errorbar(
                [each.evppi for each in values], y, xerr=errors, linestyle="none", markersize=4.5, label=label, **style
            )
        sets = [study.source.sets[k] for k in order]
        names = [short(s.label, LONGEST) + (" (joint)" if len(s.members) > 1 else "") for s in sets]
        ax.set_yticks(range(len(order)), names)
        ax.invert_yaxis()
        ax.axvline(0.0, color=FAINT, linewidth=0.8, zorder=1)
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set_xlabel(f"Value of perfect information per patient ({short(study.source.currency, 20)})")
        ax.set_title("What is worth knowing")
        ax.legend(loc="lower right")
        return ax
