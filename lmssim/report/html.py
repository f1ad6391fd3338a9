"""The report: one HTML file that holds everything, needs no network and no script, and prints on A4."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd

from lmssim.report.answer import answer, question
from lmssim.report.conventions import conventions, limitations
from lmssim.report.digits import plain
from lmssim.report.figures import caption
from lmssim.report.labels import readable
from lmssim.report.sources import cited_sources, parameter_tables
from lmssim.report.style import write_text
from lmssim.report.tables import ReportTable, main_table, standard_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.evaluation import Evaluation

__all__ = ["ReportTable", "write_report"]

MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}
KEY_FIGURE = "plane"
WIDE = 7
"""Columns from which a table is set in smaller type."""
SHORT = 16
"""Rows up to which a table is kept on one page."""


def write_report(
    evaluation: Evaluation,
    folder: Path,
    manifest: Mapping[str, Any],
    figures: Mapping[str, Path],
    extra_tables: Sequence[ReportTable] = (),
) -> Path:
    """Write `report.html`.

    Parameters
    ----------
    evaluation : Evaluation
        The results.
    folder : Path
        Where; made if absent.
    manifest : mapping
        What was run, printed at the end.
    figures : mapping of str to Path
        Name to SVG or PNG file, in order of appearance.
    extra_tables : sequence of ReportTable
        Tables after the standard ones.

    Returns
    -------
    Path
        The file, written whole or not at all.
    """
    file = evaluation.scenario.file
    shown = [_figure(evaluation, name, path) for name, path in figures.items()]
    text = template("report.html.j2").render(
        title=file.title,
        description=[part.strip() for part in file.description.split("\n\n") if part.strip()],
        question=question(evaluation),
        answer=answer(evaluation),
        key_table=cells(main_table(evaluation)),
        key_figures=[f for f in shown if f["name"] == KEY_FIGURE],
        figures=[f for f in shown if f["name"] != KEY_FIGURE],
        tables=[cells(t) for t in [*standard_tables(evaluation), *extra_tables]],
        conventions=conventions(evaluation),
        parameters=[cells(t) for t in parameter_tables(evaluation)],
        sources=cited_sources(evaluation),
        limitations=limitations(evaluation),
        manifest=json.dumps(manifest, indent=2, ensure_ascii=False, default=str),
    )
    return write_text(folder / "report.html", text)


def template(name: str) -> jinja2.Template:
    """Template of a page, strict about what it is given."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lmssim.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(name)


def _figure(evaluation: Evaluation, name: str, path: Path) -> dict[str, str]:
    """Title, caption and the picture itself as a data URI, in which no script of an SVG can run."""
    title, text = caption(evaluation, name)
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return {"name": name, "title": title, "caption": text, "uri": f"data:{MEDIA[path.suffix]};base64,{data}"}


def cells(table: ReportTable) -> dict[str, Any]:
    """A table as text, and which columns hold figures."""
    frame = table.frame
    rows = [[_text(value) for value in row] for row in frame.itertuples(index=False)]
    columns = [readable(str(c)) for c in frame.columns]
    figures = [all(_is_figure(row[i]) for row in rows) for i in range(len(columns))]
    classes = ["wide"] if len(columns) >= WIDE else ["parameters"] if columns[:1] == ["Parameter"] else []
    return {
        "title": table.title,
        "caption": table.caption,
        "columns": list(zip(columns, figures, strict=True)),
        "rows": [list(zip(row, figures, strict=True)) for row in rows],
        "classes": " ".join(classes),
        "short": len(rows) <= SHORT,
    }


WORDS = ("-", "", "reference", "dominated", "ext. dominated", "not a choice", "not reached", "not computed", "none")


def _is_figure(text: str) -> bool:
    """Whether a cell is a number, with its error perhaps, or stands for one."""
    parts = text.replace(",", "").split(" ± ")
    return text in WORDS or all(part.removeprefix("-").replace(".", "", 1).isdigit() for part in parts)


def _text(value: Any) -> str:
    if value is None or value is pd.NA:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(float(value)) if isinstance(value, int | float) or hasattr(value, "dtype") else str(value)
