"""Histories written as they are made: one table of stays, one of marks, patient by patient, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lmssim.execution.simulate import CHUNK, ENGINES
from lmssim.execution.store import write_parquet_stream
from lmssim.kernels import layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.engines.histories import Histories
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import IntArray
    from lmssim.model.program import Program

WORD = pa.dictionary(pa.int32(), pa.string())
STAYS = pa.schema(
    [
        ("draw", pa.int64()),
        ("strategy", WORD),
        ("patient", pa.int64()),
        ("state", WORD),
        ("entered", pa.float64()),
        ("left", pa.float64()),
        ("why", WORD),
    ]
)
"""One row per stay: times in years; why it ended (a transition's risk, or one of `ENDS`)."""
MARKS = pa.schema(
    [("draw", pa.int64()), ("strategy", WORD), ("patient", pa.int64()), ("mark", WORD), ("time", pa.float64())]
)
"""One row per event within a life."""
ENDS = {
    layout.WHY_END: "absorbed",
    layout.WHY_EVENT: "event",
    layout.WHY_CHANCE: "chance",
    layout.WHY_HORIZON: "horizon",
}
"""Why a stay ended, where no transition ended it."""


def write_histories(
    program: Program, sampling: Sampling, folder: ResultFolder, progress: Callable[[int, int], None] | None = None
) -> None:
    """Write `histories.parquet` and `marks.parquet` of the base case.

    Rows are in order of patient, then strategy, then time; a row group holds one chunk of patients, whatever the
    block.

    Parameters
    ----------
    progress : callable, optional
        Called with (lives done, lives in all).
    """
    numbers = program.numbers()[0]
    luck = int(sampling.independent_luck)
    paths = [folder.place("histories.parquet"), folder.place("marks.parquet")]
    n_strategies = len(program.strategies)
    with write_parquet_stream(paths[0], STAYS) as stays, write_parquet_stream(paths[1], MARKS) as marks:
        for first in range(0, sampling.n_patients, CHUNK):
            n = min(CHUNK, sampling.n_patients - first)
            blocks = ENGINES[sampling.engine].simulate(program, first, n, numbers, sampling.seed, luck)
            tables = [(_stays(program, p, len(x), h), _marks(program, p, len(x), h)) for p, x, h in blocks]
            stays.write_table(pa.concat_tables([t for t, _ in tables]).combine_chunks(), row_group_size=None)
            marks.write_table(pa.concat_tables([t for _, t in tables]).combine_chunks(), row_group_size=None)
            if progress is not None:
                progress((first + n) * n_strategies, sampling.n_patients * n_strategies)


def _words(codes: IntArray, words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words, pa.string()))


def _owners(program: Program, first: int, n: int, starts: IntArray, column: int) -> tuple[IntArray, IntArray]:
    """Strategy and patient of each row, from where each path's rows start."""
    n_strategies = len(program.strategies)
    path = np.repeat(np.arange(n * n_strategies), np.diff(starts[: n * n_strategies + 1, column]))
    return path % n_strategies, first + path // n_strategies


def _stays(program: Program, first: int, n: int, h: Histories) -> pa.Table:
    n_rows = int(h.starts[n * len(program.strategies), 0])
    strategy, patient = _owners(program, first, n, h.starts, 0)
    rows, times = h.rows[:n_rows], h.times[:n_rows].copy()
    reasons = [ENDS[code] for code in sorted(ENDS)] + [risk for _, _, risk in program.transitions]
    why = rows[:, layout.ROW_WHY] - min(ENDS)
    return _table(
        STAYS,
        np.zeros(n_rows, dtype=np.int64),
        _words(strategy, program.strategies),
        patient,
        _words(rows[:, layout.ROW_STATE], program.states),
        times[:, layout.ROW_ENTERED],
        times[:, layout.ROW_LEFT],
        _words(why, reasons),
    )


def _marks(program: Program, first: int, n: int, h: Histories) -> pa.Table:
    n_marks = int(h.starts[n * len(program.strategies), 1])
    strategy, patient = _owners(program, first, n, h.starts, 1)
    marks = _words(h.marks[:n_marks], program.marks)
    times = h.mark_times[:n_marks].copy()
    return _table(MARKS, np.zeros(n_marks, dtype=np.int64), _words(strategy, program.strategies), patient, marks, times)


def _table(schema: pa.Schema, *columns: Any) -> pa.Table:
    return pa.table([pa.array(c) if isinstance(c, np.ndarray) else c for c in columns], schema=schema)
