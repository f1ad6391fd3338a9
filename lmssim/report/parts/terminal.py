"""Tables for a terminal, all of one look."""

from __future__ import annotations

from rich import box
from rich.table import Table


def plain_table(caption: str = "") -> Table:
    """Table without frame, its caption to the left; columns are added by the caller."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title_justify="left")
    table.caption, table.caption_justify = caption or None, "left"
    return table
