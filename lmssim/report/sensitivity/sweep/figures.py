"""The figures of a sweep, by the shape of its design: lines, maps, points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import InputError
from lmssim.report.parts.style import PNG, save_figure
from lmssim.report.sensitivity.sweep.layout import has_base, is_measured, layout_of
from lmssim.report.sensitivity.sweep.lines import plot_lines
from lmssim.report.sensitivity.sweep.maps import plot_decision, plot_heat
from lmssim.report.sensitivity.sweep.points import plot_pareto, plot_scatter
from lmssim.studies.sweep.design import LIST, SAMPLED
from lmssim.studies.sweep.result import INMB, NMB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from lmssim.studies.sweep.result import Sweep

LINES, HEAT, DECISION, SCATTER, PARETO = "lines", "heat_map", "decision", "scatter", "pareto"
CAPTIONS = {
    LINES: (
        "Along one axis",
        "The outcome with its 95% Monte-Carlo interval, a panel for each setting of the other axes.",
    ),
    DECISION: (
        "Which strategy is best where",
        "Areas of the strategy with the greatest net benefit, and the boundaries on which two are equal; between cells "
        "net benefits are taken to be linear along each axis.",
    ),
    HEAT: (
        "How much",
        "The outcome of each cell. Colours span at least four standard errors of a cell.",
    ),
    SCATTER: ("Every cell", "The outcome of each cell and strategy along every axis."),
    PARETO: (
        "Two outcomes",
        "Every cell and strategy, and the front that no other one beats in both outcomes.",
    ),
}
"""Title and caption of each figure, in the order of the report."""


def caption_of(name: str, found: Sweep, outcome: str, axes: tuple[str, ...] = ()) -> tuple[str, str]:
    """Title and caption of a figure: what this one shows, and no more."""
    title, caption = CAPTIONS[name]
    if name not in (LINES, HEAT, DECISION):
        return title, caption
    layout = layout_of(found, axes)
    if name == LINES:
        x = (axes or (layout.x,))[0]
        if is_measured(found, x) and has_base(found, x):
            caption += f" Dashed: the {found.subject}'s own value."
    if name == HEAT and outcome.startswith((INMB, "incremental_")):
        caption += " The line is where the increment is 0."
    if name != LINES and all(has_base(found, axis) for axis in (layout.x, layout.y or "")):
        caption += f" Dot: the {found.subject}'s own values."
    return title, caption


def default_outcome(found: Sweep) -> str:
    """Incremental net benefit at the scenario's first willingness to pay; QALYs if there is none, or no comparison."""
    if found.about.get("outcome"):
        return str(found.about["outcome"])
    wtp = found.about["wtp"]
    if not wtp:
        return "qalys"
    return f"{INMB if len(found.strategies) > 1 else NMB}:{wtp[0]:g}"


def plots_of(
    found: Sweep, outcome: str, axes: tuple[str, ...] = (), pareto: tuple[str, ...] = ()
) -> dict[str, Callable[[], Figure]]:
    """Figures that fit a sweep, by name."""
    if not len(found.frame) or not found.values(outcome)["value"].notna().any():
        raise InputError(f"--plot: no cell has the outcome '{outcome}'.")
    plots: dict[str, Callable[[], Figure]] = {}
    if found.about["design"] in SAMPLED or (found.about["design"] == LIST and len(found.axes) > 1):
        plots[SCATTER] = lambda: plot_scatter(found, outcome)
    else:
        plots[LINES] = lambda: plot_lines(found, outcome, axes)
        if layout_of(found, axes).y is not None:
            if len(found.about["choices"]) > 1:
                plots[DECISION] = lambda: plot_decision(found, outcome, axes)
            plots[HEAT] = lambda: plot_heat(found, outcome, axes)
    if pareto:
        plots[PARETO] = lambda: plot_pareto(found, *pareto)
    return plots


def write_figures(
    found: Sweep,
    folder: Path,
    formats: Sequence[str] = (PNG,),
    *,
    outcome: str | None = None,
    axes: tuple[str, ...] = (),
    pareto: tuple[str, ...] = (),
) -> dict[str, list[Path]]:
    """Write the figures that fit a sweep.

    Parameters
    ----------
    folder : Path
        Where; made if absent.
    outcome : str, optional
        What is drawn; see `default_outcome`.
    axes : tuple of str
        Axes across and upwards.
    pareto : tuple of str
        Two outcomes, of which the Pareto front is drawn too.

    Returns
    -------
    dict of str to list of Path
        Files by the name of the figure.
    """
    plots = plots_of(found, outcome or default_outcome(found), axes, pareto)
    return {name: save_figure(plot(), folder, name, formats) for name, plot in plots.items()}
