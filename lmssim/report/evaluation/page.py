"""The report: one HTML file that holds everything, needs no network and no script, and prints on A4."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from lmssim.report.evaluation.answer import answer, question
from lmssim.report.evaluation.conventions import conventions, limitations
from lmssim.report.evaluation.figures import caption
from lmssim.report.evaluation.sources import cited_sources, parameter_tables
from lmssim.report.evaluation.tables import main_table, standard_tables
from lmssim.report.parts.page import MEDIA, cells, template
from lmssim.report.parts.style import write_text
from lmssim.report.parts.table import ReportTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.evaluation import Evaluation

__all__ = ["ReportTable", "write_report"]

KEY_FIGURE = "plane"


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


def _figure(evaluation: Evaluation, name: str, path: Path) -> dict[str, str]:
    """Title, caption and the picture itself as a data URI, in which no script of an SVG can run."""
    title, text = caption(evaluation, name)
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return {"name": name, "title": title, "caption": text, "uri": f"data:{MEDIA[path.suffix]};base64,{data}"}
