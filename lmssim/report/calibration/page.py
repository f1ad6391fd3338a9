"""The report of a calibration: how well the targets are met, what they inform, and where they disagree.

Everything comes from the tables of a `Calibration`, so that a report can be made again from its folder.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Group
from rich.text import Text

from lmssim.published.series import is_time
from lmssim.report.calibration.posterior import plot_corner, plot_prior_posterior, plot_trace
from lmssim.report.calibration.tables import (
    ROLES,
    answer_text,
    conflicts,
    each_row,
    fixed,
    left_out_targets,
    mean_score_text,
    p_text,
    quantity_text,
    range_text,
    report_tables,
    role_of,
    short_number,
    span_text,
    target_name,
    value_text,
)
from lmssim.report.parts.digits import MISSING, listed, plain
from lmssim.report.parts.forest import LONGEST, ForestRow, plot_forest
from lmssim.report.parts.labels import named
from lmssim.report.parts.page import cells, picture, write_page
from lmssim.report.parts.style import PNG, save_figure
from lmssim.report.parts.terminal import plain_table
from lmssim.studies.calibration.result import observed_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure
    from rich.table import Table

    from lmssim.studies.calibration.result import Calibration

CAPTIONS = {
    "fit": (
        "Targets and the model",
        "Grey bar: 95% interval that the model predicts for a study of that size (parameters, differences between "
        "studies, and sampling); line across it: the mean. Points: the observed value with the study's own 95% "
        "interval; a blue circle lies inside the predicted interval, an orange diamond outside.",
    ),
    "left_out": (
        "Each study predicted without it",
        "As above, but the model was fitted to all other studies: it predicts a study that it has not seen.",
    ),
    "prior_posterior": (
        "Prior and posterior",
        "Curve: prior. Histogram: posterior, orange where the targets do not inform the quantity. Contraction: share "
        "of the prior's variance that the targets remove. On a logarithmic axis the density is that of the logarithm.",
    ),
    "corner": (
        "Posterior by pairs",
        "Diagonal: each quantity alone. Below: regions that hold 50% and 90% of the posterior. Above: correlations.",
    ),
    "trace": (
        "Traces",
        "Mean of the walkers of each ensemble by step, and the middle 90% of them; shaded: burn-in, which is not used. "
        "The vertical axes show the range of the steps after burn-in.",
    ),
}
"""Title and caption of each figure, in order of the report."""


def write_report(
    calibration: Calibration,
    folder: Path,
    manifest: Mapping[str, Any] | None = None,
    formats: Sequence[str] = (PNG,),
) -> list[Path]:
    """Write `figures/` and `report.html`: one file that needs no network and no script.

    Parameters
    ----------
    folder : Path
        Where; made if absent.
    manifest : mapping, optional
        What was run, printed at the end; without it the diagnostics.
    formats : sequence of str
        Those of the figures; the page shows the first.

    Returns
    -------
    list of Path
        The files.
    """
    written: list[Path] = []
    pictures = {}
    for name, figure in calibration_figures(calibration):
        files = save_figure(figure, folder / "figures", name, formats)
        written += files
        pictures[name] = picture(files[0], *CAPTIONS[name])
    page = write_page(
        folder / "report.html",
        "calibration.html.j2",
        title=f"Calibration: {named(calibration.label, calibration.name)}",
        question=f"How well does calibration '{calibration.name}' meet its targets, and may it be used?",
        answer=headline(calibration),
        manifest=manifest or calibration.diagnostics,
        figures=pictures,
        tables={name: cells(table) for name, table in report_tables(calibration).items()},
    )
    return [*written, page]


def calibration_figures(calibration: Calibration) -> Iterator[tuple[str, Figure]]:
    """Name and figure, in the order of `CAPTIONS`; without the studies left out if none was."""
    yield "fit", plot_forest(fit_rows(calibration), "Targets and the model")
    if not calibration.left_out.empty:
        yield "left_out", plot_forest(left_out_rows(calibration), "Each study predicted without it")
    yield "prior_posterior", plot_prior_posterior(calibration)
    yield "corner", plot_corner(calibration)
    yield "trace", plot_trace(calibration)


# === Rows ===


def fit_rows(calibration: Calibration) -> list[ForestRow]:
    """Targets under their roles, each heading with its share inside."""
    rows = _forest_rows(calibration.fit, [role_of(row) for row in each_row(calibration.fit)])
    return [_under(row, rows, row.heading) for role in ROLES for row in rows if row.heading == role]


def left_out_rows(calibration: Calibration) -> list[ForestRow]:
    """Targets predicted without their cohort."""
    frame = left_out_targets(calibration)
    rows = _forest_rows(frame, ["all"] * len(frame))
    return [_under(row, rows, "Predicted without their own cohort") for row in rows]


def _forest_rows(frame: pd.DataFrame, headings: list[str]) -> list[ForestRow]:
    own_low, own_high = observed_interval(frame)
    return [
        ForestRow(
            heading=heading,
            label=target_name(row, LONGEST),
            time=is_time(row.statistic),
            observed=row.observed,
            observed_low=float(a),
            observed_high=float(b),
            predicted=row.predicted,
            low=row.low,
            high=row.high,
            inside=None if row.inside is pd.NA else bool(row.inside),
        )
        for row, heading, a, b in zip(each_row(frame), headings, own_low, own_high, strict=True)
    ]


def _under(row: ForestRow, rows: list[ForestRow], heading: str) -> ForestRow:
    """The row under its heading with the share inside."""
    known = [r.inside for r in rows if r.heading == row.heading and r.time == row.time and r.inside is not None]
    return replace(row, heading=f"{heading} ({sum(known)} of {len(known)} inside)")


# === Headline ===


def headline(calibration: Calibration) -> list[str]:
    """What a reader must know first: convergence, targets met, quantities not informed, conflicts."""
    sentences = [_convergence(calibration), _shares(calibration)]
    if not calibration.left_out.empty:
        sentences.append(_left_out_sentence(calibration))
    outside = [
        f"{row.study}: {row.label}" if row.study else row.label
        for row in each_row(calibration.fit)
        if row.role == "fit" and row.inside is not pd.NA and not row.inside
    ]
    if outside:
        sentences.append(f"Outside their predicted intervals: {'; '.join(outside)}.")
    blind = calibration.free[~calibration.free["informed"]]["label"].tolist()
    named = f"Not informed by the targets, so drawn from the prior: {listed(blind)}." if blind else ""
    sentences.append(named or "The targets inform every free quantity.")
    n = len(conflicts(calibration))
    return [*sentences, f"{n} conflict{'s' if n != 1 else ''}: see the list of conflicts." if n else "No conflicts."]


def _convergence(calibration: Calibration) -> str:
    d = calibration.diagnostics
    measures = f"largest R-hat {_number(d.get('max_r_hat'), 3)}, smallest effective size {_number(d.get('min_ess'), 0)}"
    if d.get("converged"):
        return f"Converged: {measures}."
    reasons = " ".join(str(reason) for reason in d.get("reasons") or ["No reason is stated."])
    return f"NOT converged; do not use it: {measures}. {reasons}"


def _number(value: Any, places: int) -> str:
    return MISSING if value is None else f"{float(value):,.{places}f}"


def _shares(calibration: Calibration) -> str:
    """Share of the targets of each role inside their 95% intervals."""
    fit = calibration.fit
    roles = np.array([role_of(row) for row in each_row(fit)])
    words = []
    for role in ROLES:
        inside = fit["inside"][roles == role].dropna()
        if len(inside):
            share = f"{int(inside.sum())} of {len(inside)} ({100.0 * float(inside.mean()):.0f}%)"
            words.append(f"{role.lower()} {share}")
    uncomputed = int(fit["inside"].isna().sum())
    without = f" {uncomputed} could not be compared." if uncomputed else ""
    scores = [(role, mean_score_text(fit[roles == role])) for role in ROLES]
    means = listed([f"{role.lower()} {text}" for role, text in scores if text])
    score = f" Mean log score: {means}." if means else ""
    return f"Targets inside their 95% interval: {listed(words) or 'none to compare'}.{without}{score}"


def _left_out_sentence(calibration: Calibration) -> str:
    frame = left_out_targets(calibration)
    inside = frame["inside"].dropna()
    shares = frame["error"][[not is_time(s) for s in frame["statistic"]]].abs()
    error = f"; mean absolute error {100.0 * float(shares.mean()):.1f} percentage points" if len(shares) else ""
    width, score = float(frame["width_ratio"].median()), mean_score_text(frame)
    mean = f"; mean log score {score}" if score else ""
    return (
        f"Predicted without their own study: {int(inside.sum())} of {len(inside)} inside"
        f"{f' ({100.0 * float(inside.mean()):.0f}%)' if len(inside) else ''}; the median interval is "
        f"{plain(round(width, 2))} times as wide as the study's own{error}{mean}."
    )


# === Terminal ===


def calibration_text(calibration: Calibration) -> Group:
    """Headline, targets beside the model, and free quantities, for a terminal."""
    text = Text(named(calibration.label, calibration.name), style="bold")
    sentences = [Text(sentence) for sentence in headline(calibration)]
    if not calibration.diagnostics.get("converged"):
        sentences[0].stylize("bold red")
    found = conflicts(calibration)
    listed_ = [_conflicts_text(found)] if found else []
    return Group(text, *sentences, _targets_text(calibration), _free_text(calibration), *listed_)


def _targets_text(calibration: Calibration) -> Table:
    table = _table(("Target", "Use"), ("Observed", "Model", "95%", "Inside", "p"))
    for row in sorted(each_row(calibration.fit), key=lambda row: ROLES.index(role_of(row))):
        inside = Text(answer_text(row.inside), style="yellow" if answer_text(row.inside) == "NO" else "")
        values = (value_text(row.observed, row), value_text(row.predicted, row), range_text(row.low, row.high, row))
        table.add_row(Text(target_name(row)), role_of(row).lower(), *values, inside, p_text(row.p_value))
    return table


def _free_text(calibration: Calibration) -> Table:
    table = _table(("Free quantity",), ("Prior 95%", "Posterior", "95%", "Contraction", "R-hat", "ESS"))
    for row in each_row(calibration.free):
        contraction = f"{fixed(row.contraction, 2)}{'' if row.informed else ', not informed'}"
        table.add_row(
            Text(quantity_text(row)),
            span_text(row.prior_low, row.prior_high),
            short_number(row.mean),
            span_text(row.low, row.high),
            contraction,
            fixed(row.r_hat, 3),
            fixed(min(row.ess_bulk, row.ess_tail), 0),
        )
    return table


def _conflicts_text(found: list[dict[str, str]]) -> Table:
    table = _table(("Conflict", "What", "How far"), ())
    for conflict in found:
        table.add_row(*(Text(text) for text in conflict.values()))
    return table


def _table(words: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = plain_table()
    for heading in words:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
