"""Outcomes by draw and strategy on disk: one Parquet row a draw and strategy, a column an outcome.

Draws are written as they come and read back an outcome at a time, so that memory does not grow with their number.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow.parquet import ParquetFile

from lmssim.execution.store import write_parquet_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from lmssim.kernels import FloatArray

TOGETHER = 16
"""Columns that are read at a time."""


@contextmanager
def writing_draws(
    path: Path, strategies: Sequence[str], columns: Sequence[str]
) -> Iterator[Callable[[int, Mapping[str, FloatArray]], None]]:
    """Writer of results: given the first draw and (n_draws, n_strategies) values of each column, it appends them."""
    word = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([("draw", pa.int32()), ("strategy", word), *((name, pa.float64()) for name in columns)])
    names = pa.array(strategies, pa.string())
    with write_parquet_stream(path, schema) as writer:

        def write(first: int, values: Mapping[str, FloatArray]) -> None:
            n = len(values[columns[0]])
            draw = np.repeat(np.arange(first, first + n, dtype=np.int32), len(strategies))
            strategy = np.tile(np.arange(len(strategies), dtype=np.int32), n)
            arrays = [pa.array(draw), pa.DictionaryArray.from_arrays(pa.array(strategy), names)]
            arrays += [pa.array(np.ascontiguousarray(values[name]).ravel()) for name in columns]
            writer.write_table(pa.table(arrays, schema=schema))

        yield write


@dataclass(frozen=True)
class DrawnOutcomes:
    """Results of every draw, in a file.

    Attributes
    ----------
    path : Path
        The file.
    n_strategies : int
        Strategies of each draw.
    """

    path: Path
    n_strategies: int

    def columns(self, names: Sequence[str]) -> Iterator[tuple[str, FloatArray]]:
        """Each outcome with its values, (n_draws, n_strategies)."""
        with ParquetFile(self.path) as file:
            for start in range(0, len(names), TOGETHER):
                table = file.read(columns=list(names[start : start + TOGETHER]))
                for name in names[start : start + TOGETHER]:
                    yield name, table.column(name).to_numpy().reshape(-1, self.n_strategies)

    def to_frame(self) -> pd.DataFrame:
        """All of it: draw, strategy, and a column an outcome."""
        with ParquetFile(self.path) as file:
            frame: pd.DataFrame = file.read().to_pandas()
        frame["strategy"] = frame["strategy"].astype(object)
        return frame
