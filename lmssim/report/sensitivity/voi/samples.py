"""Proposed studies: their values by size, in sentences, tables and a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import StrMethodFormatter
from rich.text import Text

from lmssim.economics.voi.sampling import between
from lmssim.report.parts.digits import MISSING, amount, plain, with_error
from lmssim.report.parts.labels import short
from lmssim.report.parts.style import FAINT, figure_style, legend_name, line_style, new_figure
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.voi.words import at, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from rich.table import Table

    from lmssim.kernels import FloatArray
    from lmssim.studies.sensitivity.voi.proposal import Proposal
    from lmssim.studies.sensitivity.voi.samples import Samples

CAPTION = (
    "Proposed studies",
    "Over the number of patients, with the 95% Monte-Carlo interval: what a study's data are worth, per patient, or, "
    "where a population was described, to the population beyond the study's cost. Points: sizes at which data were "
    "simulated. Crosses: moment matching, where values are per patient.",
)
POINTS = 200
NORMAL = 1.96


def described(proposal: Proposal) -> str:
    """A study in words."""
    said = []
    for entry in proposal.data:
        share = float(entry.get("share", 1.0))
        who = "" if share == 1.0 else f" of {100.0 * share:.3g}% of patients"
        what = {"binomial": "yes or no", "normal": "a measurement", "survival": f"{entry.get('family')} times"}
        said.append(f"{entry.get('name') or what[entry['kind']]} ({entry['kind']}{who})")
    pace = ""
    if math.isfinite(proposal.patients_per_year):
        pace = f", {plain(proposal.patients_per_year)} patients a year"
    follow = f", followed for {plain(proposal.follow_up)} years" if proposal.follow_up else ""
    return (
        f"{'; '.join(said)}{pace}{follow}; costs {amount(proposal.fixed)} and {amount(proposal.per_patient)} a patient"
    )


def sample_sentences(samples: Samples) -> list[str]:
    """What each study is worth, and its best size."""
    study, said = samples.study, []
    for proposal in samples.proposals:
        for wtp in study.wtps:
            perfect, sample = samples.found[proposal.name, wtp]
            last = sample.found[-1]
            text = (
                f"{short(proposal.title, 80)}, {at(study, wtp)}: {sample.sizes[-1]:,} patients are worth "
                f"{with_error(last.evppi, last.se)} {study.source.currency} per patient, of "
                f"{with_error(perfect.evppi, perfect.se)} that perfect information about the same would be"
            )
            said.append(f"{text}{_best_text(samples, proposal, wtp)}.")
        said += [f"{short(proposal.title, 80)}: {note}" for note in proposal.notes]
    if samples.proposals and (broken := int((samples.order["holds"] == "no").sum())):
        said.append(f"EVSI exceeds EVPPI beyond error in {broken} comparisons: see order.csv.")
    return said


def _best_text(samples: Samples, proposal: Proposal, wtp: float) -> str:
    best = samples.best(proposal, wtp)
    if best is None:
        return ""
    net = f"{with_error(best.enbs, best.se)} {samples.study.source.currency}"
    if best.enbs <= 0.0:
        return f"; no size is worth its cost (best {best.size:,}: {net})"
    edge = " (the largest size looked at)" if best.size == proposal.sizes[-1] else ""
    interval = f"95% interval {best.low:,} to {best.high:,}"
    return f"; the best size is {best.size:,}{edge}, {interval}, worth {net} beyond its cost"


def sample_table_text(samples: Samples) -> Table:
    """Studies by size, a line each."""
    table = plain_table()
    for name, how in (("Study", "left"), ("Patients", "right"), ("EVSI", "right"), ("By moment\nmatching", "right")):
        table.add_column(name, justify=how, no_wrap=True)  # type: ignore[arg-type]  # its two words
    table.add_column("ENBS of the\npopulation", justify="right", no_wrap=True)
    for cells in _rows(samples):
        table.add_row(*(Text(cell) for cell in cells))
    table.caption = Text("\n".join(sample_sentences(samples)))
    return table


def _rows(samples: Samples) -> Iterator[tuple[str, ...]]:
    net = {(r.study, r.wtp, r.size): r for r in records(samples.enbs) if r.best == "no"}
    for row in records(samples.evsi):
        worth: Any = net.get((row.study, row.wtp, row.size))
        cell = MISSING if worth is None else with_error(worth.enbs, worth.se)
        name = row.study if samples.study.source.is_net_benefit else f"{row.study}, at {amount(row.wtp)}"
        matched = MISSING if not math.isfinite(row.moment_matching) else plain(row.moment_matching)
        yield short(name, 50), f"{row.size:,}", with_error(row.evsi, row.se), matched, cell


def sample_tables(samples: Samples) -> Iterator[ReportTable]:
    """Tables of the page."""
    if samples.proposals:
        columns = ["study", "patients", "EVSI", "by moment matching", "ENBS of the population"]
        said = [f"{each.title}: {described(each)}." for each in samples.proposals]
        caption = f"{samples.study.source.currency}; EVSI per patient ± standard error. {' '.join(said)}"
        yield ReportTable("Proposed studies", caption, pd.DataFrame(list(_rows(samples)), columns=columns))


def plot_samples(samples: Samples, ax: Axes | None = None) -> Axes:
    """Value of each study over its size.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    study, known = samples.study, samples.study.population is not None
    with figure_style():
        if ax is None:
            ax = new_figure(7.6, 4.0).subplots()
        for k, (proposal, wtp) in enumerate((p, w) for p in samples.proposals for w in study.wtps):
            _draw(ax, samples, proposal, wtp, k + 1)
        ax.axhline(0.0, color=FAINT, linewidth=0.8, zorder=1)
        ax.set_xlabel("Patients in the study")
        currency = short(study.source.currency, 20)
        ax.set_ylabel(f"Net benefit of sampling ({currency})" if known else f"Value per patient ({currency})")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set_title("Value of proposed studies")
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return ax


def _draw(ax: Axes, samples: Samples, proposal: Proposal, wtp: float, k: int) -> None:
    _, sample = samples.found[proposal.name, wtp]
    fine = np.unique(np.linspace(sample.sizes[0], sample.sizes[-1], POINTS).round())
    middle, points = (_net(samples, proposal, sizes, wtp) for sizes in (fine, np.array(sample.sizes, dtype=np.float64)))
    style: dict[str, Any] = line_style(k)
    error = NORMAL * between(sample.sizes, np.array([each.se for each in sample.found]), fine)
    if samples.study.population is not None:
        error = error * np.array([samples.patients(proposal, size) for size in fine.tolist()])
    ax.fill_between(fine, middle - error, middle + error, color=style["color"], alpha=0.15, linewidth=0)
    name = proposal.title if samples.study.source.is_net_benefit else f"{proposal.title}, at {wtp:,.0f}"
    ax.plot(fine, middle, label=legend_name(name, 46), **style)
    ax.plot(sample.sizes, points, linestyle="none", marker="o", markersize=3.5, color=style["color"])
    if samples.study.population is None:
        ax.plot(sample.sizes, sample.matched, linestyle="none", marker="x", markersize=5, color=style["color"])
    best = samples.best(proposal, wtp)
    if best is not None and best.enbs > 0.0:
        ax.axvspan(best.low, best.high, color=style["color"], alpha=0.07, linewidth=0)
        ax.axvline(best.size, color=style["color"], linewidth=0.8)


def _net(samples: Samples, proposal: Proposal, sizes: FloatArray, wtp: float) -> FloatArray:
    """Value at some sizes: per patient, or of the population beyond the cost."""
    sample = samples.found[proposal.name, wtp][1]
    values = between(sample.sizes, sample.evsi, sizes)
    if samples.study.population is None:
        return values
    people = np.array([samples.patients(proposal, size) for size in sizes.tolist()])
    cost = np.array([samples.cost(proposal, size) for size in sizes.tolist()])
    net: FloatArray = people * values - cost
    return net
