"""The report: one HTML file that holds everything, needs no network and no script, and prints on A4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmssim.report.evaluation.answer import answer, question
from lmssim.report.evaluation.conventions import conventions
from lmssim.report.evaluation.figures.standard import caption
from lmssim.report.evaluation.limitations import limitations
from lmssim.report.evaluation.sources import cited_sources, parameter_tables
from lmssim.report.evaluation.tables import main_table, standard_tables
from lmssim.report.parts.page import cells, picture, write_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.evaluation import Evaluation
    from lmssim.report.parts.table import ReportTable

KEY_FIGURE = "plane"


def write_report(
    evaluation: Evaluation,
    folder: Path,
    manifest: Mapping[str, Any],
    figures: Mapping[str, Path],
    extra_tables: Sequence[ReportTable] = (),
    captions: Mapping[str, tuple[str, str]] | None = None,
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
    captions : mapping of str to (str, str), optional
        Title and caption of figures that are not standard.

    Returns
    -------
    Path
        The file, written whole or not at all.
    """
    file = evaluation.scenario.file
    shown = {
        name: picture(path, *(captions or {}).get(name, caption(evaluation, name))) for name, path in figures.items()
    }
    return write_page(
        folder / "report.html",
        "report.html.j2",
        title=file.title,
        description=[part.strip() for part in file.description.split("\n\n") if part.strip()],
        question=question(evaluation),
        answer=answer(evaluation),
        key_table=cells(main_table(evaluation)),
        key_figures=[figure for name, figure in shown.items() if name == KEY_FIGURE],
        figures=[figure for name, figure in shown.items() if name != KEY_FIGURE],
        tables=[cells(t) for t in [*standard_tables(evaluation), *extra_tables]],
        conventions=conventions(evaluation),
        parameters=[cells(t) for t in parameter_tables(evaluation)],
        sources=cited_sources(evaluation),
        limitations=limitations(evaluation),
        manifest=manifest,
    )
