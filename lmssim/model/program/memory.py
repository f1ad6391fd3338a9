"""The program's memory under construction: a header, lists and tables of integers, and floats.

The header comes first and is filled in as the places of what follows become known (`lmssim.kernels.layout`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lmssim.kernels import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Columns = dict[str, int]
"""A row of the memory by column."""
Span = tuple[int, int]
"""Where a list begins, and where it has ended."""


class Table(NamedTuple):
    """Where rows of one kind stand in the memory."""

    base: int
    width: int

    def position(self, number: int) -> int:
        """Where a row begins."""
        return self.base + number * self.width

    def number(self, position: int) -> int:
        """Which row begins there."""
        return (position - self.base) // self.width

    def spans(self, sizes: Iterable[int]) -> list[Span]:
        """Where lists of rows that follow one another begin and end, given how long each is."""
        return list(pairwise(map(self.position, accumulate(sizes, initial=0))))


@dataclass
class Memory:
    """Integers and floats under construction; the headers come first and are filled in as bases become known."""

    ints: list[int] = field(default_factory=lambda: [0] * len(layout.HEADER))
    floats: list[float] = field(default_factory=lambda: [0.0] * len(layout.FLOAT_HEADER))

    def head(self, **values: int) -> None:
        """Set integers of the header."""
        for name, value in values.items():
            self.ints[layout.HEADER.index(name)] = int(value)

    def real_head(self, **values: float) -> None:
        """Set floats of the header."""
        for name, value in values.items():
            self.floats[layout.FLOAT_HEADER.index(name)] = value

    def pool(self, values: Iterable[int]) -> int:
        """Append integers; returns where they begin."""
        base = len(self.ints)
        self.ints.extend(int(v) for v in values)
        return base

    def lists(self, groups: Iterable[Iterable[Iterable[int]]]) -> list[Span]:
        """Append lists of tuples, one after the other; returns where each begins and ends."""
        ends = [len(self.ints)]
        for group in groups:
            self.pool(value for item in group for value in item)
            ends.append(len(self.ints))
        return list(pairwise(ends))

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Columns], **lists: Sequence[Span]) -> Table:
        """Append the rows of a table; the header learns its base.

        Parameters
        ----------
        columns : sequence of str
            The table's columns in order; what a row has beyond them is left out.
        lists : sequence of Span
            For columns `first_name` and `last_name`: where each row's list begins and ends.
        """
        base = len(self.ints)
        for row, *spans in zip(rows, *lists.values(), strict=True):
            whole = dict(row)
            for what, (first, last) in zip(lists, spans, strict=True):
                whole |= {f"first_{what}": first, f"last_{what}": last}
            self.pool(whole[column] for column in columns)
        self.head(**{name: base})
        return Table(base, len(columns))

    def reals(self, **arrays: Any) -> None:
        """Append floats; the header learns their bases."""
        for name, values in arrays.items():
            self.head(**{name: len(self.floats)})
            self.floats.extend(np.ravel(np.asarray(values, dtype=np.float64)).tolist())
