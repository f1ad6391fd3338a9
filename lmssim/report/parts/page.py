"""What every page is made of: templates, pictures, and the cells of tables as they are printed."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd

from lmssim.execution import store
from lmssim.report.parts.digits import plain
from lmssim.report.parts.labels import readable
from lmssim.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmssim.report.parts.table import ReportTable


MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}
WIDE = 7
"""Columns from which a table is set in smaller type."""
SHORT = 16
"""Rows up to which a table is kept on one page."""


def write_page(
    path: Path,
    template: str,
    *,
    title: str,
    question: str,
    answer: Sequence[str],
    manifest: Mapping[str, Any],
    **parts: Any,
) -> Path:
    """Write an HTML page that needs no network and no script.

    Parameters
    ----------
    path : Path
        The file; its folder is made if absent.
    template : str
        Name of the template, which extends `page.html.j2`.
    title, question : str
        Heading, and what the page answers.
    answer : sequence of str
        Sentences, the most important first.
    manifest : mapping
        How the result was made, printed at the end.
    **parts
        What else the template prints.

    Returns
    -------
    Path
        The file, written whole or not at all.
    """
    text = _template(template).render(
        title=title,
        question=question,
        answer=answer,
        manifest=json.dumps(manifest, indent=2, ensure_ascii=False, default=str),
        **parts,
    )
    store.make_folder(path.parent)
    return store.write_text(path, text)


def write_study_page(
    path: Path, tables: Sequence[ReportTable], figures: Sequence[Mapping[str, str]] = (), **heading: Any
) -> Path:
    """Write a page of figures and tables, one after the other.

    Parameters
    ----------
    figures : sequence of mapping
        From `picture`.
    **heading
        Title, question, answer and manifest, as for `write_page`.
    """
    contents = [(f"table-{i}", table.title) for i, table in enumerate(tables, start=1)]
    shown = [cells(table) for table in tables]
    return write_page(path, "study.html.j2", **heading, figures=figures, tables=shown, contents=contents)


def _template(name: str) -> jinja2.Template:
    """Template of a page, strict about what it is given."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lmssim.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_seen,
    )
    return environment.get_template(name)


def _seen(value: Any) -> Any:
    """What a template prints, its hidden characters visible; markup is escaped besides."""
    return visible(value) if type(value) is str else value


def picture(path: Path, title: str, caption: str) -> dict[str, str]:
    """A figure with its title and caption, as a data URI, in which no script of an SVG can run."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return {"title": title, "caption": caption, "uri": f"data:{MEDIA[path.suffix]};base64,{data}"}


def cells(table: ReportTable) -> dict[str, Any]:
    """A table as text, and which columns hold numbers."""
    frame = table.frame
    rows = [[_text(value) for value in row] for row in frame.itertuples(index=False)]
    columns = [readable(str(c)) for c in frame.columns]
    numeric = [all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    classes = ["wide"] if len(columns) >= WIDE else ["parameters"] if columns[:1] == ["Parameter"] else []
    return {
        "title": table.title,
        "caption": table.caption,
        "columns": list(zip(columns, numeric, strict=True)),
        "rows": [list(zip(row, numeric, strict=True)) for row in rows],
        "classes": " ".join(classes),
        "short": len(rows) <= SHORT,
    }


WORDS = ("-", "", "reference", "dominated", "ext. dominated", "not a choice", "not reached", "not computed", "none")


def _is_number(text: str) -> bool:
    """Whether a cell is a number, with its error perhaps, or stands for one."""
    parts = text.replace(",", "").split(" ± ")
    return text in WORDS or all(part.removeprefix("-").replace(".", "", 1).isdigit() for part in parts)


def _text(value: Any) -> str:
    if value is None or value is pd.NA:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(float(value)) if isinstance(value, int | float) or hasattr(value, "dtype") else str(value)
