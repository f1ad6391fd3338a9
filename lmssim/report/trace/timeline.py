"""One life as a picture: a lane for each strategy, a coloured span for each stay, a symbol for each event."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lmssim.report.parts.labels import event_label, short, state_label, strategy_labels
from lmssim.report.parts.style import AREAS, GREYS, INK, MARKERS, figure_style, legend_name, new_figure, title_figure
from lmssim.report.trace.steps import headline, portrait, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.studies.trace import Trace

SHORTEST = 0.01
"""Years shown of a life that ends at once."""
EARLY = 2.0
"""Years that a long life shows apart, in which treatment falls."""
LONG = 3.0
"""A life this many times as long is long."""
LANE, LINE, EDGE = 0.42, 0.17, 1.4
"""Inches of a lane, of a line of text, and of the axes around the lanes."""
SYMBOLS = (*MARKERS, "p", "d", "1", "+", "x", "2", "h", "3", "4", "8", "H")
CYCLES = "Cycle of treatment"
COLUMNS = 4
TICKS = [1, 2, 2.5, 5, 10]
APART = 0.016
"""Least distance of two symbols, as a share of the axis; those that fall together stand side by side."""


def plot_timeline(trace: Trace) -> Figure:
    """Draw a life: whole, and its first years apart if it is long.

    Parameters
    ----------
    trace : Trace
        From `lmssim.studies.trace.trace`.
    """
    last = max(float(trace.stays["left"].max()), SHORTEST)
    colours, symbols = _colours(trace), _symbols(trace)
    with figure_style():
        handles = _handles(trace, colours, symbols)
        rows = -(-len(handles) // COLUMNS)
        title = f"{short(headline(trace), 110)}\n{textwrap.fill(short(portrait(trace), 600), 108)}"
        lines = rows + title.count("\n")
        figure = new_figure(9.6, EDGE + LANE * len(trace.strategies) + LINE * lines)
        early = trace.stays[(trace.stays["left"] > trace.stays["entered"]) & (trace.stays["left"] < EARLY)]
        if last > LONG * EARLY and len(early):
            left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.0, 1.5])
            _draw(left, trace, EARLY, colours, symbols)
            left.set_title(f"First {EARLY:g} years", fontsize=8.5, weight="normal")
            _draw(right, trace, last, colours, symbols, ends=True)
            right.tick_params(left=False)
            right.set_title("Whole life", fontsize=8.5, weight="normal")
        else:
            left = figure.subplots()
            _draw(left, trace, last, colours, symbols, ends=True)
        labels = strategy_labels(trace.scenario, 34)
        left.set_yticks(range(len(trace.strategies)), [labels[s] for s in trace.strategies])
        left.set_ylim(len(trace.strategies) - 0.4, -0.75)
        figure.legend(handles=handles, loc="outside lower center", ncols=COLUMNS)
        title_figure(figure, title)
        return figure


def _draw(
    ax: Axes, trace: Trace, shown: float, colours: dict[str, str], symbols: dict[str, str], *, ends: bool = False
) -> None:
    """Lanes from 0 to the years shown, with their ends in words if `ends`."""
    width = shown * (1.32 if ends else 1.0)
    for lane, strategy in enumerate(trace.strategies):
        stays = [stay for stay in rows_of(trace.stays, strategy) if stay.entered < min(shown, stay.left)]
        for stay in stays:
            ax.barh(
                lane,
                min(stay.left, shown) - stay.entered,
                left=stay.entered,
                height=0.5,
                color=colours[stay.group],
                edgecolor="white",
                linewidth=0.4,
            )
        _draw_events(ax, trace, strategy, lane, shown, width, symbols)
        if ends:
            *_, end = rows_of(trace.stays, strategy)
            place = (end.left, lane)
            ax.annotate(_end(trace, end), place, (4, 0), textcoords="offset points", va="center", fontsize=7.5)
    ax.set_xlim(0.0, width)
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=TICKS))
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("Years since the treatment decision")
    ages = ax.secondary_xaxis("top", functions=(_later_by(trace.age), _later_by(-trace.age)))
    ages.xaxis.set_major_locator(MaxNLocator(6, steps=TICKS))
    ages.set_xlabel("Age (years)", fontsize=8.5)


def _draw_events(
    ax: Axes, trace: Trace, strategy: str, lane: int, shown: float, width: float, symbols: dict[str, str]
) -> None:
    events = [event for event in rows_of(_events(trace), strategy) if event.time <= shown]
    for event, place in zip(events, _places([event.time for event in events], width), strict=True):
        ax.plot(place, lane - 0.4, symbols[event.what], color=INK, markersize=4, clip_on=False)
    cycles = [event.time for event in rows_of(_events(trace, cycles=True), strategy) if event.time <= shown]
    ax.vlines(cycles, lane - 0.25, lane - 0.13, color=INK, linewidth=0.6)


def _places(times: list[float], width: float) -> list[float]:
    """Where symbols stand: at their times or, side by side, after them, as far as the axis reaches."""
    places: list[float] = []
    for time in times:
        places.append(max(time, places[-1] + APART * width if places else time))
    return [min(place, width * (1.0 - APART * (len(places) - 1 - i))) for i, place in enumerate(places)]


def _later_by(years: float) -> Callable[[Any], Any]:
    return lambda time: time + years


def _end(trace: Trace, stay: Any) -> str:
    """How a life ends, and when."""
    absorbed = trace.scenario.file.states[stay.group].kind == "absorbing"
    how = short(state_label(trace.scenario, stay.group), 24) if absorbed else "end of the model"
    return f"{how}, {stay.left:.3g}"


def _colours(trace: Trace) -> dict[str, str]:
    """Fill of each state of the file: the palest for the longest stays, grey for absorbing ones."""
    stays = trace.stays.assign(years=trace.stays["left"] - trace.stays["entered"])
    spent = stays.groupby("group")["years"].sum().sort_values(ascending=False)
    lasting = list(spent[spent > 0].index)
    kinds = {state: trace.scenario.file.states[state].kind for state in lasting}
    living = [state for state in lasting if kinds[state] != "absorbing"]
    fill = {state: AREAS[i % len(AREAS)] for i, state in enumerate(living)}
    return fill | {state: GREYS[i % len(GREYS)] for i, state in enumerate(s for s in lasting if s not in fill)}


def _symbols(trace: Trace) -> dict[str, str]:
    """Symbol of each event that happened, those that may come first first."""
    names = list(dict.fromkeys(_events(trace).sort_values("time", kind="stable")["what"]))
    return {name: SYMBOLS[i % len(SYMBOLS)] for i, name in enumerate(names)}


def _events(trace: Trace, *, cycles: bool = False) -> pd.DataFrame:
    """Events that happened, or the cycles of treatment among them, which happen to all who are given one."""
    file = trace.scenario.file
    ticks = {tick.event for treatment in file.treatments.values() for tick in treatment.schedule}
    certain = [name for name, event in file.events.items() if name in ticks and event.probability == 1]
    happened = trace.steps[trace.steps["kind"] == "event"]
    return happened[happened["what"].isin(certain) == cycles]


def _handles(trace: Trace, colours: dict[str, str], symbols: dict[str, str]) -> Sequence[Any]:
    """Legend: states in the file's order, then events."""
    states = [state for state in trace.scenario.file.states if state in colours]
    patches = [
        Patch(color=colours[state], label=legend_name(state_label(trace.scenario, state), 36)) for state in states
    ]
    return [
        *patches,
        *(
            Line2D(
                [],
                [],
                color=INK,
                marker=symbol,
                markersize=4,
                linestyle="none",
                label=legend_name(event_label(trace.scenario, mark), 36),
            )
            for mark, symbol in symbols.items()
        ),
        *(
            [Line2D([], [], color=INK, marker="|", markersize=4, linestyle="none", label=CYCLES)]
            if len(_events(trace, cycles=True))
            else []
        ),
    ]
