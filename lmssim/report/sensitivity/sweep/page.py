"""The report of a sweep: one HTML file that needs no network and no script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.outcomes.estimators import Z975
from lmssim.report.parts.digits import amount, listed, plain, with_error
from lmssim.report.parts.labels import short
from lmssim.report.parts.page import picture, write_study_page
from lmssim.report.parts.table import ReportTable
from lmssim.report.sensitivity.sweep.figures import CAPTIONS, caption_of, default_outcome
from lmssim.report.sensitivity.sweep.layout import outcome_label, strategy_names
from lmssim.studies.axes import shown
from lmssim.studies.sweep.result import CELL, NMB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.studies.sweep.result import Sweep

FEW = 8
"""Levels of an axis that are listed one by one."""
MOST_ROWS = 100
"""Cells that the table of best strategies shows."""


def write_report(
    found: Sweep,
    folder: Path,
    manifest: Mapping[str, Any],
    figures: Mapping[str, Sequence[Path]],
    *,
    outcome: str | None = None,
    axes: tuple[str, ...] = (),
) -> Path:
    """Write `report.html`.

    Parameters
    ----------
    figures : mapping of str to sequence of Path
        Files of each figure, of which the first is shown.
    outcome, axes
        What figures show, as `write_figures` takes them.
    """
    shown_ = outcome or default_outcome(found)
    names = [name for name in CAPTIONS if name in figures]
    pictures = [picture(figures[name][0], *caption_of(name, found, shown_, axes)) for name in names]
    return write_study_page(
        folder / "report.html",
        _tables(found),
        pictures,
        title=f"{found.about['title']}: sweep",
        question=f"How do the results move with {listed([_name(found, axis) for axis in found.axes])}?",
        answer=answer_sentences(found),
        manifest=manifest,
    )


def _name(found: Sweep, axis: str) -> str:
    return f"'{found.about['labels'].get(axis) or axis}'"


def answer_sentences(found: Sweep) -> list[str]:
    """What the sweep says, the most important first."""
    n, names = int(found.frame[CELL].nunique()), strategy_names(found, 60)
    sentences = []
    for wtp in found.about["wtp"] if len(found.about["choices"]) > 1 else ():
        if f"{NMB}:{wtp:g}" not in found.frame:
            continue
        counts = found.best(f"{NMB}:{wtp:g}")["best"].value_counts()
        told = listed([f"{names[str(s)]} in {count:,}" for s, count in counts.items()])
        sentences.append(
            f"At {amount(wtp)} {found.about['currency']} per QALY the best strategy of {n:,} cells is {told}."
        )
    if found.has_worth:
        sentences.append("All cells follow the same patients with the same random numbers.")
    else:
        sentences += _of_trials(found)
    sentences += found.about.get("held_alone", [])
    if len(found.failed):
        sentences.append(f"{len(found.failed):,} cells could not be run; the last table says why.")
    return sentences


def _of_trials(found: Sweep) -> list[str]:
    """How the outcome that figures show first moves over cells, and which cells cannot be told from the greatest."""
    outcome = default_outcome(found)
    rows = found.frame[[CELL, *found.axes]].assign(**found.values(outcome)).dropna(subset=["value"])
    if rows.empty:
        return []
    cells: list[Any] = rows.to_dict("records")
    least, most = (cells[int(at)] for at in (rows["value"].argmin(), rows["value"].argmax()))
    apart = (most["value"] - rows["value"]) > Z975 * np.hypot(rows["se"], most["se"])
    name, n = outcome_label(found, outcome), len(rows)
    lead = f"{name} is {with_error(most['value'], most['se'])} at {_setting(found, most)}"
    if n == 1:
        return [f"{lead}."]
    near, others = int((~apart).sum()) - 1, n - 1
    which = "None" if near == others else "Each" if near == 0 else f"{others - near:,}"
    return [
        f"{lead}, the most of {n:,} cells, and {with_error(least['value'], least['se'])} at {_setting(found, least)}, "
        "the least.",
        f"{which} of the other cells can be told from the greatest, given the Monte-Carlo errors of both (95%).",
        "All cells simulate their trials with the same random numbers.",
    ]


def _setting(found: Sweep, row: Mapping[str, Any]) -> str:
    """Levels of a cell."""
    levels = {axis: row[axis] for axis in found.axes if row[axis] is not None and row[axis] == row[axis]}
    return listed([f"{axis} = {short(shown(level), 30)}" for axis, level in levels.items()])


def _tables(found: Sweep) -> list[ReportTable]:
    tables = [ReportTable("What varies", f"The axes, with the {found.subject}'s own value of numbers.", _axes(found))]
    wtp = found.about["wtp"]
    if wtp and len(found.about["choices"]) > 1 and f"{NMB}:{wtp[0]:g}" in found.frame:
        tables.append(_best(found, wtp[0]))
    if len(found.failed):
        tables.append(ReportTable("Cells that failed", "Everything else was run.", found.failed.head(MOST_ROWS)))
    return tables


def _axes(found: Sweep) -> pd.DataFrame:
    rows = []
    for axis in found.axes:
        levels = [level for level in found.plan[axis].unique().tolist() if level is not None and level == level]  # noqa: PLR0124
        many = len(levels) > FEW and found.is_numeric(axis)
        text = f"{len(levels):,} from {plain(min(levels))} to {plain(max(levels))}" if many else _listed(levels)
        base = found.about["base"].get(axis)
        own = "-" if base is None else plain(base)
        rows.append((axis, found.about["labels"].get(axis) or "-", text, own))
    return pd.DataFrame(rows, columns=["Axis", "What it is", "Levels", "Own value"])


def _listed(levels: Sequence[Any]) -> str:
    text = ", ".join(short(shown(level), 30) for level in levels[:FEW])
    return f"{text}, ..." if len(levels) > FEW else text


def _best(found: Sweep, wtp: float) -> ReportTable:
    best, names = found.best(f"{NMB}:{wtp:g}"), strategy_names(found, 40)
    shown_ = best.head(MOST_ROWS).assign(best=best["best"].map(names), next=best["next"].map(names))
    shown_ = shown_.rename(columns={"value": f"net benefit at {wtp:g}", "margin": "margin over the next"})
    more = f" The first {MOST_ROWS} of {len(best):,} cells." if len(best) > MOST_ROWS else ""
    return ReportTable("The best strategy of each cell", f"By net benefit, per patient.{more}", shown_)
