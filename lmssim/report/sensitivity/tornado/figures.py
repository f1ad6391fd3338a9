"""Tornado diagrams: increments of net benefit, or costs per QALY gained, at either end of a parameter's interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lmssim.economics.lead import Z975
from lmssim.economics.one_way.cases import RATIO, SOUTH_WEST
from lmssim.report.parts.digits import amount, rounded
from lmssim.report.parts.labels import currency_name, short
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure
from lmssim.report.sensitivity.presented import Drawing
from lmssim.report.sensitivity.tornado.words import contrast_words, interval_of, name_of
from lmssim.studies.sensitivity.one_way.result import ICER, ratio_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from lmssim.economics.one_way.paired import Paired
    from lmssim.studies.sensitivity.one_way.bar import Bar
    from lmssim.studies.sensitivity.one_way.order import Place
    from lmssim.studies.sensitivity.one_way.result import OneWay

SHOWN = 20
"""Bars of a picture, at most."""
ROW, WIDTH, LONGEST = 0.235, 8.6, 50
LOW, HIGH = PALETTE[6], PALETTE[2]
THOUSANDS = 10_000.0
"""Net benefit from which on an axis counts thousands."""
HATCH = "////"
"""Of bars of whole blocks."""
FAR = 12.0
"""Lengths of the middle of the bars beyond which a ratio runs off the axis."""


def drawings(found: OneWay, axis: str) -> dict[str, Drawing]:
    """Figures by the name of their file."""
    shown = {
        f"tornado_{wtp:g}": Drawing(
            lambda wtp=wtp: _figure_of(plot_tornado(found, wtp)),  # type: ignore[misc]  # bound at once
            f"Tornado diagram at {amount(wtp)} per QALY",
            _caption(found, "Incremental net benefit"),
        )
        for wtp in found.wtps
    }
    if axis == ICER:
        told = (
            "An arrow: the bar goes on beyond the axis. "
            "An end without a ratio is named: dominated, dominant, changed direction (north-east in one place and "
            "south-west in the other, so that the ratios do not compare), nothing changed; a ratio in the south-west "
            "quadrant, marked SW, is what is saved by a QALY lost."
        )
        shown["tornado_icer"] = Drawing(
            lambda: _figure_of(plot_icer(found)),
            "Tornado diagram of the cost per QALY gained",
            f"{_caption(found, 'Cost per QALY gained')} {told}",
        )
    return shown


def _figure_of(ax: Axes) -> Figure:
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def _caption(found: OneWay, what: str) -> str:
    others = "at their values" if found.classic else "over their distribution"
    joint = " * drawn jointly with others." if any(bar.varied.joint for bar in found.bars) else ""
    block = " Hatched: parameters that are drawn jointly, as a whole." if found.blocks else ""
    return (
        f"{what} of {contrast_words(found)} with each parameter at the ends of its 95% interval, all others {others}; "
        f"whiskers: 95% Monte-Carlo interval of the change from the base case. ≈: the order of two bars is within "
        f"error.{joint}{block} The {min(SHOWN, found.n_bars)} longest bars of {found.n_bars}."
    )


def plot_tornado(found: OneWay, wtp: float | None = None, ax: Axes | None = None) -> Axes:
    """Bars of the increment of net benefit, the longest on top.

    Parameters
    ----------
    wtp : float, optional
        Willingness to pay; the first one of the analysis if absent.
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    wtp = found.wtps[0] if wtp is None else wtp
    places = found.places(wtp)[:SHOWN]
    base = found.base.net_benefit(wtp).mean
    with figure_style():
        ax = _axes(found, places, f"Incremental net benefit at {amount(wtp)} per QALY", "no increment", ax)
        unit = 1_000.0 if max((p.bar.width(wtp).size for p in places), default=0.0) >= THOUSANDS else 1.0
        for y, place in enumerate(places):
            for colour, end in zip((LOW, HIGH), place.bar.ends, strict=True):
                change = place.bar.change(end).net_benefit(wtp)
                hatch = HATCH if place.bar.varied.is_block else ""
                _bar(ax, y, base / unit, change.mean / unit, Z975 * change.se / unit, colour, hatch)
        ax.axvline(base / unit, color=INK, linewidth=0.9, zorder=4)
        if ax.get_xlim()[0] < 0.0 < ax.get_xlim()[1]:
            ax.axvline(0.0, color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
        scale = ", thousand" if unit > 1.0 else ""
        ax.set_xlabel(f"Incremental net benefit per patient{scale} ({currency_name(found.scenario)})")
        return ax


def plot_icer(found: OneWay, ax: Axes | None = None) -> Axes:
    """Bars of the cost per QALY gained, in the order of net benefit at the first willingness to pay.

    Parameters
    ----------
    ax : Axes, optional
        Where to draw; a figure is made if absent.
    """
    places = found.places(found.wtps[0])[:SHOWN]
    base = ratio_of(found.base)
    with figure_style():
        ax = _axes(found, places, "Cost per QALY gained", "willingness to pay", ax)
        low, high = _range(found, places, base)
        margin = 0.04 * (high - low)
        ax.set_xlim(low - margin, high + margin)
        for y, place in enumerate(places):
            told = []
            for colour, side, end in zip((LOW, HIGH), ("low", "high"), place.bar.ends, strict=True):
                case, _ = found.case(place.bar, end)
                ratio = ratio_of(found.end(place.bar, end))
                if case in (RATIO, SOUTH_WEST) and np.isfinite(ratio) and np.isfinite(base):
                    at = min(max(ratio, low - margin), high + margin)
                    _bar(ax, y, base, at - base, 0.0, colour, HATCH if place.bar.varied.is_block else "")
                    if at != ratio:
                        ax.plot([at], [y], marker=">" if ratio > at else "<", color=colour, clip_on=False, zorder=4)
                if case != RATIO or not low <= ratio <= high:
                    far = rounded(ratio, found.end(place.bar, end).icer_error())
                    told.append(f"{side}: {far if case == RATIO else f'SW {far}' if case == SOUTH_WEST else case}")
            if told:
                ax.text(1.02, y, "; ".join(told), transform=ax.get_yaxis_transform(), va="center", fontsize=7)
        if np.isfinite(base):
            ax.axvline(base, color=INK, linewidth=0.9, zorder=4)
        for wtp in found.wtps:
            if low <= wtp <= high:
                ax.axvline(wtp, color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
        legend = ax.get_legend()
        if not ax.patches and legend is not None:
            legend.remove()
            ax.set_xticks([])
            ax.text(0.5, 0.5, "No bar has a ratio.", transform=ax.transAxes, ha="center", va="center", color=FAINT)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.10g}"))
        ax.set_xlabel(f"Cost per QALY gained ({currency_name(found.scenario)})")
        return ax


def _range(found: OneWay, places: Sequence[Place], base: float) -> tuple[float, float]:
    """Ends of the axis of ratios: those that are not far beyond the middle of them."""
    ratios = [base, *(ratio_of(found.end(p.bar, e)) for p in places for e in p.bar.ends if _is_ratio(found, p.bar, e))]
    known = np.array([each for each in ratios if np.isfinite(each)])
    if not len(known):
        return 0.0, 1.0
    middle = float(np.median(known))
    reach = FAR * max(float(np.median(np.abs(known - middle))), 0.01 * abs(middle), 1e-9)
    near = known[np.abs(known - middle) <= reach]
    low, high = float(near.min()), float(near.max())
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def _is_ratio(found: OneWay, bar: Bar, end: Paired) -> bool:
    return found.case(bar, end)[0] in (RATIO, SOUTH_WEST)


def _axes(found: OneWay, places: Sequence[Place], what: str, dashed: str, ax: Axes | None) -> Axes:
    """Rows with their names, and what the colours are."""
    if ax is None:
        figure = new_figure(WIDTH, 1.35 + ROW * max(len(places), 3))
        title_figure(figure, f"{what}\n{contrast_words(found)}")
        ax = figure.subplots()
    names = [f"{name}: {interval_of(place)}" for name, place in zip(_names(places), places, strict=True)]
    ax.set_yticks(range(len(places)), names)
    ax.set_ylim(len(places) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0, labelsize=7.5)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    for y, place in enumerate(places[:-1]):
        if not place.told_from_next:
            ax.text(-0.004, y + 0.5, "≈", transform=ax.get_yaxis_transform(), ha="right", va="center", color=FAINT)
    handles = [
        Patch(color=LOW, label="at its lower end"),
        Patch(color=HIGH, label="at its upper end"),
        Line2D([], [], color=INK, linewidth=0.9, label="base case"),
    ]
    if any(place.bar.varied.is_block for place in places):
        handles.append(
            Patch(facecolor=FAINT, edgecolor="white", hatch=HATCH, linewidth=0, label="drawn jointly, as a whole")
        )
    handles.append(Line2D([], [], color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)), label=dashed))
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.3, -0.55 / (ROW * max(len(places), 3))), ncols=3)
    return ax


def _names(places: Sequence[Place]) -> list[str]:
    """Labels of the parameters; those that cutting makes alike have their ids instead."""
    names = [name_of(place.bar.varied, LONGEST) for place in places]
    ids = [
        name if place.bar.varied.is_block else short(place.bar.varied.id, LONGEST) + "*" * bool(place.bar.varied.joint)
        for place, name in zip(places, names, strict=True)
    ]
    return [name if names.count(name) == 1 else id_ for name, id_ in zip(names, ids, strict=True)]


def _bar(ax: Axes, y: float, base: float, change: float, whisker: float, colour: str, hatch: str) -> None:
    """One half of a bar, with its whisker."""
    ax.barh(y, change, left=base, height=0.66, color=colour, linewidth=0, zorder=2, hatch=hatch, edgecolor="white")
    if whisker > 0.0:
        ax.plot([base + change - whisker, base + change + whisker], [y, y], color=INK, linewidth=0.8, zorder=3)
