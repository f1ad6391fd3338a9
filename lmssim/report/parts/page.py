"""What every page is made of: templates, and the cells of tables as they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd

from lmssim.report.parts.digits import plain
from lmssim.report.parts.labels import readable

if TYPE_CHECKING:
    from lmssim.report.parts.table import ReportTable


MEDIA = {".svg": "image/svg+xml", ".png": "image/png"}
WIDE = 7
"""Columns from which a table is set in smaller type."""
SHORT = 16
"""Rows up to which a table is kept on one page."""


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
