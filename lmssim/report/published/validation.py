"""Validation for a terminal, as a forest plot and as a page: each published figure beside its prediction interval."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from rich import box
from rich.table import Table
from rich.text import Text

from lmssim.report.parts.digits import MISSING, NOT_REACHED
from lmssim.report.parts.labels import short
from lmssim.report.parts.page import cells, template
from lmssim.report.parts.style import FAINT, INK, PALETTE, figure_style, new_figure, title_figure, write_text
from lmssim.report.parts.table import ReportTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmssim.studies.validation import Validation

TIMES = ("median_time", "mean_time", "km_median", "median_time_years", "mean_time_years")
INSIDE = {"color": PALETTE[1], "marker": "o"}
OUTSIDE = {"color": PALETTE[2], "marker": "D"}
RANGE = {"color": FAINT, "marker": "|"}
BAR = "#BFD3E2"
MOST = 80
"""Figures that the forest plot holds; of more, those outside first."""
LONGEST = 54
ROW = 0.2
"""Inches of a row of the forest plot."""
CAPTION = (
    "Interval: 95% for a new study of the figure's size: uncertainty of the parameters, of the study as one of many, "
    "and of its sampling. Shares as their papers give them. Width: of the interval over that of sampling alone."
)


def summary_sentences(validation: Validation) -> list[str]:
    """What came out, in sentences."""
    s = validation.summary
    sentences = []
    if s["counted"]:
        sentences.append(
            f"{s['inside']} of {s['counted']} figures of {_counted(s['studies'], 'study', 'studies')} lie inside the "
            f"95% prediction interval ({100 * s['share_inside']:.0f}%), which in the median is "
            f"{_ratio(s['median_width_ratio'])} times as wide as that of sampling alone."
        )
    else:
        sentences.append("No figure could be counted.")
    if s["share"]["figures"]:
        sentences.append(_bias("Shares with the event", s["share"], 100.0, " percentage points"))
    if s["log_time"]["figures"]:
        sentences.append(_bias("Times, as logarithms", s["log_time"], 1.0, ""))
    not_counted = s["computed"] - s["counted"]
    if not_counted:
        sentences.append(f"{_counted(not_counted, 'figure is', 'figures are')} compared and not counted.")
    if s["not_computable"]:
        which = _counted(s["not_computable"], "figure is", "figures are")
        sentences.append(f"{which} not computable; reasons stand in the table.")
    return sentences


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _bias(what: str, found: Mapping[str, Any], scale: float, unit: str) -> str:
    error = "" if found["bias_se"] is None else f" (standard error {scale * found['bias_se']:.2g})"
    return (
        f"{what}: observed minus predicted is {scale * found['bias']:+.2g}{unit} on average{error}; mean absolute "
        f"error {scale * found['mean_absolute_error']:.2g}{unit}, {_counted(found['figures'], 'figure', 'figures')}."
    )


def validation_table(validation: Validation) -> Table:
    """A line a figure that was computed, those outside first, with the counts as its caption."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("Figure", "Outcome", "Observed", "Predicted", "95% interval", "Width", "Inside"):
        table.add_column(heading, overflow="fold", justify="left" if heading in ("Figure", "Outcome") else "right")
    for row in _rows(ordered(_computed(validation))):
        style = "" if row.inside else "bold red" if row.counted else "yellow"
        texts = (row.target_id, _what(row), *_numbers(row), _ratio(row.width_ratio), _verdict(row))
        table.add_row(*(Text(str(text), style=style) for text in texts))
    table.caption = " ".join(summary_sentences(validation))
    table.caption_justify = "left"
    return table


def _rows(frame: pd.DataFrame) -> list[Any]:
    """Rows of a table, cells by name."""
    return list(frame.itertuples())


def _computed(validation: Validation) -> pd.DataFrame:
    return validation.frame[validation.frame["inside"].notna()]


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Counted figures outside their interval first, the rest as they stand."""
    worst = frame["counted"] & ~frame["inside"].astype(bool)
    return pd.concat([frame[worst], frame[~worst]])


def _verdict(row: Any) -> str:
    return f"{'yes' if row.inside else 'no'}{'' if row.counted else ', not counted'}"


def _what(row: Any) -> str:
    """Outcome and time of a figure, as people read them."""
    outcome = row.outcome.removeprefix("complication:").replace("_", " ").replace(":", ": ")
    return f"{outcome}, {row.time_years} y" if row.time_years and "year" not in outcome else str(outcome)


def _numbers(row: Any) -> tuple[str, str, str]:
    """Observed, predicted and interval."""
    observed = number(row.observed)
    if math.isnan(row.observed):
        ends = (number(row.published_low), number(row.published_high))
        observed = f"{ends[0]} to {ends[1]}" if MISSING not in ends else f"at most {ends[1]}"
        observed = f"at least {ends[0]}" if ends[1] == MISSING else observed
    return observed, number(row.predicted), f"{number(row.low)} to {number(row.high)}"


def number(value: float) -> str:
    """A share or time: two decimals, three if it is small."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return NOT_REACHED
    return f"{value:.3f}" if 0.0 < abs(value) < 0.1 else f"{value:.2f}"


def _ratio(value: float | None) -> str:
    return MISSING if value is None or math.isnan(value) else f"{value:.1f}"


# === Forest plot ===


def plot_forest(validation: Validation) -> Figure | None:
    """Prediction intervals and observed figures, shares above times; None if no figure was computed.

    Inside and outside are told by shape and by colour. Of more than `MOST` figures those outside are shown first.
    """
    frame = _computed(validation)
    if frame.empty:
        return None
    shown = ordered(frame).head(MOST).sort_index() if len(frame) > MOST else frame
    timed = shown["statistic"].isin(TIMES)
    parts = [(part, times) for part, times in ((shown[~timed], False), (shown[timed], True)) if len(part)]
    with figure_style():
        figure = new_figure(8.6, sum(ROW * len(part) + 0.75 for part, _ in parts) + 0.7)
        heights = [ROW * len(part) + 0.3 for part, _ in parts]
        axes = figure.subplots(len(parts), 1, squeeze=False, gridspec_kw={"height_ratios": heights}).ravel()
        for ax, (part, times) in zip(axes, parts, strict=True):
            _draw(ax, part, times=times)
        figure.legend(handles=_legend(shown), loc="outside lower center", ncols=4)
        s = validation.summary
        of = "" if len(shown) == len(frame) else f", {len(shown)} of {len(frame)} figures shown"
        share = f"{s['inside']} of {s['counted']} inside" if s["counted"] else "none counted"
        title_figure(figure, f"Published figures and their 95% prediction intervals: {share}{of}")
        return figure


def _draw(ax: Axes, frame: pd.DataFrame, *, times: bool) -> None:
    """Rows from the top down; times on a logarithmic axis."""
    rows = _rows(frame)
    least, most = _limits(frame) if times else (0.0, 1.0)
    for y, row in enumerate(reversed(rows)):
        low, high = (min(max(x, least), most) for x in (row.low, row.high))
        ax.plot([low, high], [y, y], color=BAR, linewidth=5.5, solid_capstyle="butt", zorder=1)
        if least <= row.predicted <= most:
            ax.plot([row.predicted] * 2, [y - 0.3, y + 0.3], color=INK, linewidth=1.1, zorder=2)
        _mark(ax, row, y, (least, most))
    ax.set_yticks(range(len(rows)), [short(f"{r.target_id}: {_what(r)}", LONGEST) for r in reversed(rows)])
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.tick_params(axis="y", length=0, labelsize=7.5)
    ax.grid(axis="y", visible=False)
    if times:
        _log_axis(ax, least, most)
    else:
        ax.set_xlim(-0.02, 1.02)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.0f}%"))
    ax.set_xlabel("Years, logarithmic" if times else "Share of patients, as published")


def _mark(ax: Axes, row: Any, y: int, limits: tuple[float, float]) -> None:
    """The published figure; of a range, a line between its ends."""
    if not math.isnan(row.observed):
        style = INSIDE if row.inside else OUTSIDE
        filled = style["color"] if row.counted else "white"
        x = min(max(row.observed, limits[0]), limits[1])
        ax.plot([x], [y], linestyle="none", markersize=5, markerfacecolor=filled, zorder=3, **style)  # type: ignore[arg-type]
        return
    ends = [
        limits[k] if math.isnan(end) else min(max(end, limits[0]), limits[1])
        for k, end in enumerate((row.published_low, row.published_high))
    ]
    ax.plot(ends, [y, y], linewidth=1.2, markersize=6, zorder=3, **RANGE)  # type: ignore[arg-type]


def _limits(frame: pd.DataFrame) -> tuple[float, float]:
    """Ends of a logarithmic axis that holds all that is above 0 and finite."""
    columns = ["observed", "predicted", "low", "high", "published_low", "published_high"]
    values = frame.loc[frame["observed"].notna(), columns[:4]].to_numpy(dtype=float).ravel()
    ranges = frame.loc[frame["observed"].isna(), columns[1:]].to_numpy(dtype=float).ravel()
    values = np.concatenate([values, ranges])
    known = values[np.isfinite(values) & (values > 0.0)]
    return (float(known.min()) / 1.15, float(known.max()) * 1.15) if len(known) else (0.1, 10.0)


def _log_axis(ax: Axes, least: float, most: float) -> None:
    ax.set_xscale("log")
    ax.set_xlim(least, most)
    steps = [factor * 10.0**power for power in range(-4, 5) for factor in (1, 2, 5)]
    ax.set_xticks([step for step in steps if least <= step <= most])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()


def _legend(frame: pd.DataFrame) -> list[Line2D]:
    """Keys of what the plot shows."""
    given = frame["observed"].notna()
    inside = frame["inside"].astype(bool)
    keys = [Line2D([], [], color=BAR, linewidth=5.5, label="95% prediction interval, predicted at the line")]
    for style, seen, label in (
        (INSIDE, given & inside, "published, inside"),
        (OUTSIDE, given & ~inside, "published, outside"),
    ):
        if seen.any():
            keys.append(Line2D([], [], linestyle="none", markersize=5, label=label, **style))  # type: ignore[arg-type]
    if (~given).any():
        keys.append(Line2D([], [], linewidth=1.2, markersize=6, label="published range", **RANGE))  # type: ignore[arg-type]
    return keys


# === Page ===


def write_validation_report(
    validation: Validation, folder: Path, manifest: Mapping[str, Any], figure: Path | None
) -> Path:
    """Write `report.html`: one file that needs no network and no script.

    Parameters
    ----------
    folder : Path
        Where.
    manifest : mapping
        What was run, printed at the end.
    figure : Path or None
        The forest plot (SVG), if there is one.
    """
    sentences = summary_sentences(validation)
    text = template("validate.html.j2").render(
        title=validation.scenario.file.title,
        question=f"Do figures published elsewhere lie where scenario '{validation.scenario.name}' predicts them?",
        answer=[*sentences, *_settings(validation)],
        figures=[] if figure is None else [_picture(figure, sentences[0])],
        tables=[cells(table) for table in report_tables(validation)],
        manifest=json.dumps(manifest, indent=2, ensure_ascii=False, default=str),
    )
    return write_text(folder / "report.html", text)


def _settings(validation: Validation) -> list[str]:
    sources = "; ".join(f"{family.replace('_', ' ')}: {source}" for family, source in validation.tau.items())
    return [
        f"{validation.draws:,} parameter draws of {validation.patients:,} patients each, seed {validation.seed}.",
        f"Between-study standard deviation by outcome family: {sources}.",
    ]


def _picture(path: Path, caption: str) -> dict[str, str]:
    """The forest plot as a data URI."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return {"title": "Forest plot", "caption": caption, "uri": f"data:image/svg+xml;base64,{data}"}


def report_tables(validation: Validation) -> list[ReportTable]:
    """Figures that were computed, then those that were not and why."""
    computed = ordered(_computed(validation))
    rows = [
        (
            row.target_id,
            row.study,
            _what(row),
            MISSING if row.n is None else f"{row.n:,}",
            *_numbers(row),
            _ratio(row.width_ratio),
            _verdict(row),
            row.reading,
        )
        for row in _rows(computed)
    ]
    columns = ["figure", "study", "outcome", "n", "observed", "predicted", "95% interval", "width", "inside", "reading"]
    tables = [ReportTable("Figures", CAPTION, pd.DataFrame(rows, columns=columns))] if rows else []
    rest = validation.frame[validation.frame["inside"].isna()]
    if len(rest):
        reasons = [(r.target_id, r.study, _what(r), number(r.observed), r.reading) for r in _rows(rest)]
        caption = "Figures that this scenario cannot be asked for."
        frame = pd.DataFrame(reasons, columns=["figure", "study", "outcome", "observed", "reason"])
        tables.append(ReportTable("Not computable", caption, frame))
    return tables
