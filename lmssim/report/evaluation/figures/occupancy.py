"""State occupancy over time: stacked shares by state, small states together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from lmssim.report.evaluation.figures.panels import WIDTH, panel_grid, stack, years_shown
from lmssim.report.parts.labels import LONGEST_TITLE, state_label, strategy_labels
from lmssim.report.parts.style import AREAS, GREYS, figure_style, legend_name, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.evaluation import Evaluation

MOST_STATES = 9
"""Living states with a colour of their own."""
SMALL = 0.015
"""Share of patients that a state must reach to have an area of its own."""
OTHER = "other states"


def plot_occupancy(evaluation: Evaluation, strategy: str, ax: Axes | None = None) -> Axes:
    """Share of patients in each state over time, stacked.

    Parameters
    ----------
    evaluation : Evaluation
        The results.
    strategy : str
        Id of a strategy.
    ax : Axes, optional
        Where to draw; a figure with its legend is made if absent.
    """
    areas, occupied = _shown_states(evaluation), _occupied(evaluation)
    with figure_style():
        if ax is not None:
            _stack_states(ax, evaluation, occupied[strategy], areas)
            return ax
        figure = new_figure(WIDTH, 3.8)
        single = figure.subplots()
        _stack_states(single, evaluation, occupied[strategy], areas)
        single.set_title(strategy_labels(evaluation.scenario, LONGEST_TITLE)[strategy])
        single.set_xlabel("Years since the treatment decision")
        single.set_ylabel("Patients (%)")
        named = reversed(_named(evaluation, areas))
        figure.legend(
            handles=[Patch(facecolor=colour, label=name) for name, colour in named], loc="outside right upper"
        )
        return single


def plot_occupancies(evaluation: Evaluation) -> Figure:
    """`plot_occupancy` of every strategy, a panel each."""
    areas, occupied = _shown_states(evaluation), _occupied(evaluation)
    with figure_style():
        columns = 2 if any(len(state_label(evaluation.scenario, area)) > 26 for area in areas) else 3
        title = "State occupancy: years since the treatment decision"
        figure, panels = panel_grid(evaluation, title, _named(evaluation, areas), columns)
        for ax, strategy in zip(panels, evaluation.strategies, strict=True):
            _stack_states(ax, evaluation, occupied[strategy], areas)
        figure.supylabel("Patients (%)", fontsize=9, x=0.012)
        return figure


def _occupied(evaluation: Evaluation) -> dict[str, pd.DataFrame]:
    """Share of patients by strategy: a row for each time that is shown, a column for each state."""
    frame = evaluation.occupancy
    frame = frame[frame["time"] <= years_shown(evaluation) + 1e-9]
    return {
        str(strategy): own.pivot_table(index="time", columns="state", values="value", aggfunc="sum")
        for strategy, own in frame.groupby("strategy", sort=False)
    }


def _named(evaluation: Evaluation, areas: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Name and colour of each area."""
    names = [
        f"Other states ({len(members)})" if area == OTHER else legend_name(state_label(evaluation.scenario, area), 40)
        for area, members in areas.items()
    ]
    return list(zip(names, _colours(evaluation, areas), strict=True))


def _shown_states(evaluation: Evaluation) -> dict[str, list[str]]:
    """States with an area of their own and, last of the living, those that share one; the same in every panel."""
    frame = evaluation.occupancy
    largest = frame[frame["time"] <= years_shown(evaluation)].groupby("state", sort=False)["value"].max()
    states = evaluation.scenario.file.states
    present = [s for s in states if s in largest.index]
    dead = [s for s in present if states[s].kind == "absorbing"]
    living = sorted((s for s in present if s not in dead and largest[s] >= SMALL), key=lambda s: -float(largest[s]))
    kept = set(living[:MOST_STATES])
    small = [s for s in present if s not in kept and s not in dead]
    areas = {s: [s] for s in present if s in kept}
    if len(small) == 1:
        areas[small[0]] = small
    elif small:
        areas[OTHER] = small
    return areas | {s: [s] for s in dead}


def _stack_states(ax: Axes, evaluation: Evaluation, wide: pd.DataFrame, areas: dict[str, list[str]]) -> None:
    parts = [
        wide.reindex(columns=members).fillna(0.0).sum(axis=1).to_numpy(dtype=np.float64) for members in areas.values()
    ]
    stack(ax, evaluation, wide.index.to_numpy(), parts, _colours(evaluation, areas))
    ax.set(xlim=(0.0, years_shown(evaluation)), ylim=(0.0, 1.0))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    ax.grid(visible=False)


def _colours(evaluation: Evaluation, areas: dict[str, list[str]]) -> list[str]:
    """Greys for the dead; for the living, the palest fill for the state in which most time is spent."""
    frame = evaluation.occupancy
    spent = frame[frame["time"] <= years_shown(evaluation)].groupby("state")["value"].sum()
    states = evaluation.scenario.file.states
    dead = [a for a in areas if a in states and states[a].kind == "absorbing"]
    living = sorted((a for a in areas if a not in dead and a != OTHER), key=lambda a: -float(spent[a]))
    fill = {a: AREAS[i % len(AREAS)] for i, a in enumerate(living)} | {OTHER: "#F5EFE2"}
    fill |= {a: GREYS[i % len(GREYS)] for i, a in enumerate(dead)}
    return [fill[a] for a in areas]
