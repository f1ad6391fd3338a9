"""Bands of a table: each row holds from its number (an age, say) up to that of the next row, the last one for ever.

A missing row would let its neighbour cover more than it says. So a table may state where each band ends, in a column
such as ``age_end``, and every band must then end where the next one starts. Without that column a band is refused that
is wider than the bands on both sides of it, where these are equally wide; and in a table most of whose rows are one
apart, any wider band.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from lmssim.model.language.csvfile import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.model.language.csvfile import Row

END = "age_end"
"""Column of the age at which a band ends (years)."""
SAME = 1e-9
"""Difference of two widths that are the same."""


def gap(starts: Sequence[float]) -> int | None:
    """Position of the first band behind which a row seems to be missing; None if there is none.

    Parameters
    ----------
    starts : sequence of float
        Where the bands start, ascending.
    """
    widths = [b - a for a, b in itertools.pairwise(starts)]
    single = Counter(abs(width - 1.0) < SAME for width in widths)[True]
    for i, width in enumerate(widths):
        if single > max(len(widths) / 2.0, 1.0) and width > 1.0 + SAME:
            return i
        if 0 < i < len(widths) - 1 and abs(widths[i - 1] - widths[i + 1]) < SAME and width > widths[i - 1] + SAME:
            return i
    return None


def check_bands(rows: Sequence[Row], column: str, key: str = "") -> None:
    """Refuse a gap between the bands of some rows, or an overlap.

    Parameters
    ----------
    rows : sequence of Row
        Rows of one key, ascending.
    column : str
        Where the bands start; ``<column>_end`` says where they end, if the table has it.
    key : str
        Of which key these are, for the message.

    Raises
    ------
    DataError
        If a row seems to be missing, or a band does not end where the next one starts.
    """
    end, of = f"{column}_end", f" ({key})" if key else ""
    if end in rows[0].cells:
        _check_ends(rows, column, end, of)
        return
    position = gap([number(row, column) for row in rows])
    if position is not None:
        row, following = rows[position], rows[position + 1]
        raise following.refuse(
            column,
            f"{following[column]} follows {row[column]}{of}: a row seems to be missing between them. Add it, or state "
            f"where each band ends in a column {end}.",
        )


def _check_ends(rows: Sequence[Row], column: str, end: str, of: str) -> None:
    for row, following in itertools.pairwise(rows):
        stop, start = number(row, end), number(following, column)
        if stop != start:
            problem = "a gap" if stop < start else "an overlap"
            raise row.refuse(end, f"{row[end]}{of}: the next band starts at {following[column]}, which is {problem}.")
    last = rows[-1]
    stop_last = number(last, end, allow_blank=True)
    if stop_last is not None and stop_last <= number(last, column):
        raise last.refuse(end, f"{last[end]}{of} is not above {column}, {last[column]}.")
