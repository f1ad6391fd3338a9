"""Tables of a one-way analysis for its page and for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
from rich.text import Text

from lmssim.economics.one_way.cases import MEANING, RATIO
from lmssim.report.parts.digits import MISSING, amount, with_error
from lmssim.report.parts.labels import short
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table
from lmssim.report.sensitivity.presented import Presented
from lmssim.report.sensitivity.tornado.figures import drawings
from lmssim.report.sensitivity.tornado.words import contrast_words, interval_of, name_of, sentences
from lmssim.studies.sensitivity.one_way.bar import METHODS
from lmssim.studies.sensitivity.one_way.result import ICER, ratio_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from lmssim.economics.one_way.paired import Paired
    from lmssim.studies.sensitivity.one_way.bar import Bar
    from lmssim.studies.sensitivity.one_way.order import Place
    from lmssim.studies.sensitivity.one_way.result import OneWay

IN_TERMINAL, ON_PAGE = 12, 40
QUESTION = "Which uncertain parameters drive the answer, and does any of them alone turn it?"


def presented(found: OneWay, axis: str) -> Presented:
    """The page."""
    return Presented(
        title=f"One-way analysis: {found.scenario.file.title}",
        question=QUESTION,
        answer=sentences(found),
        tables=list(report_tables(found, axis)),
        figures=drawings(found, axis),
    )


def report_tables(found: OneWay, axis: str) -> Iterator[ReportTable]:
    """Every table of the page."""
    if axis == ICER:
        yield icer_table(found)
        cases = pd.DataFrame(list(MEANING.items()), columns=["at an end", "what it says"])
        yield ReportTable("Cases of a cost per QALY gained", f"Of {contrast_words(found)}.", cases)
    for wtp in found.wtps:
        yield bar_table(found, wtp)
    methods = {place.bar.method for wtp in found.wtps for place in found.places(wtp)}
    rows = [(name, text) for name, text in METHODS.items() if name in methods]
    yield ReportTable("Ways of making a bar", "", pd.DataFrame(rows, columns=["way", "what it is"]))
    if found.left_out:
        frame = found.not_moved_alone.drop(columns="joint")
        caption = "They are uncertain, and drawn in a probabilistic analysis."
        yield ReportTable("Parameters without a bar of their own", caption, frame)


def bar_table(found: OneWay, wtp: float) -> ReportTable:
    """Bars at a willingness to pay."""
    rows = [
        (*_begin(place), *_ends(found, place.bar, wtp), *_end_words(found, place, wtp))
        for place in found.places(wtp)[:ON_PAGE]
    ]
    columns = ["rank (95%)", "parameter", "from, to", "at lower", "at upper", "length", "made by", "turns the sign"]
    more = f" The {ON_PAGE} longest of {found.n_bars}; the others stand in tornado.csv." * (found.n_bars > ON_PAGE)
    caption = (
        f"Incremental net benefit of {contrast_words(found)}, {found.scenario.file.settings.currency} per patient ± "
        f"Monte-Carlo error. * drawn jointly with others.{more}"
    )
    return ReportTable(f"Bars at {amount(wtp)} per QALY", caption, pd.DataFrame(rows, columns=columns))


def icer_table(found: OneWay) -> ReportTable:
    """Ratios at either end, or the case that stands in their place."""
    rows = [
        (*_begin(place), *(_ratio_words(found, place.bar, end) for end in place.bar.ends))
        for place in found.places(found.wtps[0])[:ON_PAGE]
    ]
    columns = ["rank (95%)", "parameter", "from, to", "at lower", "at upper"]
    base = ratio_of(found.base)
    caption = (
        f"Cost per QALY gained by {contrast_words(found)}, {found.scenario.file.settings.currency} ± Monte-Carlo "
        f"error; base case {with_error(base, found.base.icer_error()) if math.isfinite(base) else 'without a ratio'}. "
        "A question mark: chance leaves the quadrant open."
    )
    return ReportTable("Cost per QALY gained", caption, pd.DataFrame(rows, columns=columns))


def _begin(place: Place) -> tuple[str, str, str]:
    spread = "" if place.rank_low == place.rank_high else f" ({place.rank_low} to {place.rank_high})"
    unit = f" {short(place.bar.varied.unit, 24)}" if place.bar.varied.unit else ""
    return f"{place.rank}{spread}", name_of(place.bar.varied, 90), f"{interval_of(place)}{unit}"


def _ends(found: OneWay, bar: Bar, wtp: float) -> tuple[str, str, str]:
    low, high = (with_error(*found.end(bar, end).net_benefit(wtp)) for end in bar.ends)
    return low, high, with_error(*bar.width(wtp)[:2])


def _end_words(found: OneWay, place: Place, wtp: float) -> tuple[str, str]:
    return place.bar.method, found.turns(place.bar, wtp)


def _ratio_words(found: OneWay, bar: Bar, end: Paired) -> str:
    case, sure = found.case(bar, end)
    there = found.end(bar, end)
    ratio = ratio_of(there)
    doubt = "" if sure else "?"
    if not math.isfinite(ratio):
        return f"{case}{doubt}"
    text = with_error(ratio, there.icer_error())
    return f"{text}{doubt}" if case == RATIO else f"{case}{doubt}: {text}"


def tornado_table_text(found: OneWay, axis: str) -> Table:
    """The longest bars, a line each."""
    wtp = found.wtps[0]
    table = plain_table()
    table.add_column("Parameter", overflow="fold")
    for name in ("From, to", "At lower", "At upper", "Length" if axis != ICER else "Length,\nnet benefit"):
        table.add_column(name, justify="right", overflow="fold")
    for place in found.places(wtp)[:IN_TERMINAL]:
        bar = place.bar
        low, high, length = _ends(found, bar, wtp)
        if axis == ICER:
            low, high = (_ratio_words(found, bar, end) for end in bar.ends)
        near = "" if place.told_from_next else " ≈"
        cells = (name_of(bar.varied, 50) + near, interval_of(place), low, high, length or MISSING)
        table.add_row(*(Text(cell) for cell in cells))
    what = "Cost per QALY gained" if axis == ICER else f"Incremental net benefit at {amount(wtp)} per QALY"
    head = f"{what}, {contrast_words(found)}. ≈: the order of this bar and the next is within error."
    table.caption = Text("\n".join([head, *(each for each in sentences(found) if each)]))
    return table
