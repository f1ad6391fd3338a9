"""A table as reports print it: title, caption, columns, rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ReportTable:
    """A table with its title and caption.

    Attributes
    ----------
    title : str
        Heading.
    caption : str
        What it shows and in which units.
    frame : pandas.DataFrame
        Cells; numbers that are not yet text are printed with at most four significant digits.
    """

    title: str
    caption: str
    frame: pd.DataFrame
