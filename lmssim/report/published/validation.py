"""Validation for a terminal, as a forest plot and as a page: each published target beside its prediction interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.text import Text

from lmssim.published.score import MEANING
from lmssim.published.series import is_time
from lmssim.report.parts.digits import MISSING, NOT_REACHED
from lmssim.report.parts.forest import ForestRow, plot_forest
from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.parts.table import ReportTable
from lmssim.report.parts.terminal import plain_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.figure import Figure
    from rich.table import Table

    from lmssim.studies.validation import Validation

MOST = 80
"""Targets that the forest plot holds."""
CAPTION = (
    "Interval: 95% for a new study of the same size, with uncertainty of the parameters, differences between studies "
    "and sampling error. Shares are as the papers print them. Width: the interval as a multiple of the interval of "
    f"sampling error alone. {MEANING}"
)


def summary_sentences(validation: Validation) -> list[str]:
    """The result in sentences."""
    s = validation.summary
    sentences = []
    if s["counted"]:
        sentences.append(
            f"{s['inside']} of {s['counted']} targets from {_counted(s['studies'], 'study', 'studies')} lie inside "
            f"their 95% prediction interval ({100 * s['share_inside']:.0f}%). The median interval is "
            f"{_ratio(s['median_width_ratio'])} times as wide as the interval of sampling error alone."
        )
    else:
        sentences.append("No target could be counted.")
    if s["mean_log_score"] is not None:
        sentences.append(
            f"The mean log score is {s['mean_log_score']:.2f}, that of the reference "
            f"{s['mean_log_score_reference']:.2f}."
        )
    if s["share"]["targets"]:
        sentences.append(_bias("Shares with the event", s["share"], 100.0, " percentage points"))
    if s["log_time"]["targets"]:
        sentences.append(_bias("Times, as logarithms", s["log_time"], 1.0, ""))
    not_counted = s["computed"] - s["counted"]
    if not_counted:
        sentences.append(f"{_counted(not_counted, 'target is', 'targets are')} compared but not counted.")
    if s["not_computable"]:
        which = _counted(s["not_computable"], "target is", "targets are")
        sentences.append(f"{which} not computable; the table gives the reasons.")
    if s["refused"]:
        sentences.append(f"{_counted(s['refused'], 'row is', 'rows are')} refused, each for the reason that it gives.")
    if s["other_sites"]:
        sentences.append(f"{_counted(s['other_sites'], 'row', 'rows')} of other sites left out.")
    return sentences


def _counted(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _bias(what: str, found: Mapping[str, Any], scale: float, unit: str) -> str:
    error = "" if found["bias_se"] is None else f" (standard error {scale * found['bias_se']:.2g})"
    counted = _counted(found["targets"], "target", "targets")
    return (
        f"{what}: observed minus predicted is {scale * found['bias']:+.2g}{unit} on average{error}; the mean "
        f"absolute error is {scale * found['mean_absolute_error']:.2g}{unit} ({counted})."
    )


def validation_table(validation: Validation) -> Table:
    """A line per computed target, those outside first, with the counts as its caption."""
    table = plain_table(" ".join(summary_sentences(validation)))
    for heading in ("Target", "Outcome", "Observed", "Predicted", "95% interval", "Width", "Log score", "Inside"):
        table.add_column(heading, overflow="fold", justify="left" if heading in ("Target", "Outcome") else "right")
    for row in _rows(ordered(_computed(validation))):
        style = "" if row.inside else "bold red" if row.counted else "yellow"
        score = _ratio(row.log_score, 2)
        texts = (row.target_id, _what(row), *_numbers(row), _ratio(row.width_ratio), score, _verdict(row))
        table.add_row(*(Text(str(text), style=style) for text in texts))
    return table


def _rows(frame: pd.DataFrame) -> list[Any]:
    """Rows of a table, cells by name."""
    return list(frame.itertuples())


def _computed(validation: Validation) -> pd.DataFrame:
    return validation.frame[validation.frame["inside"].notna()]


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Counted targets outside their interval first, the others in their order."""
    worst = frame["counted"] & ~frame["inside"].astype(bool)
    return pd.concat([frame[worst], frame[~worst]])


def _verdict(row: Any) -> str:
    return f"{'yes' if row.inside else 'no'}{'' if row.counted else ', not counted'}"


def _what(row: Any) -> str:
    """Outcome and time of a target, as people read them."""
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


def _ratio(value: float | None, places: int = 1) -> str:
    return MISSING if value is None or math.isnan(value) else f"{value:.{places}f}"


# === Forest plot ===


def forest_of(validation: Validation) -> Figure | None:
    """Prediction intervals and published targets, shares above times; None if no target was computed.

    Of more than `MOST` targets those outside are shown first.
    """
    frame = _computed(validation)
    if frame.empty:
        return None
    shown = ordered(frame).head(MOST).sort_index() if len(frame) > MOST else frame
    s = validation.summary
    of = "" if len(shown) == len(frame) else f", {len(shown)} of {len(frame)} targets shown"
    share = f"{s['inside']} of {s['counted']} inside" if s["counted"] else "none counted"
    title = f"Published targets and their 95% prediction intervals: {share}{of}"
    return plot_forest([_forest_row(row) for row in _rows(shown)], title, logarithmic=True)


def _forest_row(row: Any) -> ForestRow:
    """A target as the plot shows it; beside a published value its interval is left out, as it may be a range."""
    is_range = math.isnan(row.observed)
    return ForestRow(
        heading="",
        label=f"{row.target_id}: {_what(row)}",
        time=is_time(row.statistic),
        observed=row.observed,
        observed_low=row.published_low if is_range else math.nan,
        observed_high=row.published_high if is_range else math.nan,
        predicted=row.predicted,
        low=row.low,
        high=row.high,
        inside=bool(row.inside),
        counted=row.counted,
    )


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
        The forest plot (PNG or SVG), if there is one.
    """
    sentences = summary_sentences(validation)
    return write_study_page(
        folder / "report.html",
        report_tables(validation),
        [] if figure is None else [picture(figure, "Forest plot", sentences[0])],
        title=f"Validation: {validation.scenario.file.title}",
        question=f"Does scenario '{validation.scenario.name}' predict results that were published elsewhere?",
        answer=[*sentences, *_settings(validation)],
        manifest=manifest,
    )


def _settings(validation: Validation) -> list[str]:
    sources = "; ".join(f"{family.replace('_', ' ')}: {source}" for family, source in validation.tau.items())
    return [
        f"{validation.draws:,} parameter draws of {validation.patients:,} patients each, seed {validation.seed}.",
        f"Between-study standard deviation by outcome family: {sources}.",
    ]


def report_tables(validation: Validation) -> list[ReportTable]:
    """Targets that were computed, then those that were not, with the reasons."""
    computed = ordered(_computed(validation))
    rows = [
        (
            row.target_id,
            row.study,
            _what(row),
            MISSING if row.n is None else f"{row.n:,}",
            *_numbers(row),
            _ratio(row.width_ratio),
            _ratio(row.log_score, 2),
            _ratio(row.log_score_reference, 2),
            _verdict(row),
            row.reading,
        )
        for row in _rows(computed)
    ]
    columns = [
        "target",
        "study",
        "outcome",
        "n",
        "observed",
        "predicted",
        "95% interval",
        "width",
        "log score",
        "reference",
        "inside",
        "computed",
    ]
    tables = [ReportTable("Targets", CAPTION, pd.DataFrame(rows, columns=columns))] if rows else []
    rest = validation.frame[validation.frame["inside"].isna()]
    refused = rest["reading"].isin(validation.refused)
    for title, caption, which in (
        ("Not computable", "Targets that this scenario cannot compute.", rest[~refused]),
        ("Refused", "Rows of the table that cannot be read.", rest[refused]),
    ):
        if len(which):
            reasons = [(r.target_id, r.study, _what(r), number(r.observed), r.reading) for r in _rows(which)]
            frame = pd.DataFrame(reasons, columns=["target", "study", "outcome", "observed", "reason"])
            tables.append(ReportTable(title, caption, frame))
    return tables
