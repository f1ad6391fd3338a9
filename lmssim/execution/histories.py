"""Histories written as they are made: one table of stays, one of marks, patient by patient, in bounded memory."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from lmssim.engines.histories import joined, rows_of
from lmssim.execution.partitions import told_apart
from lmssim.execution.simulate import CHUNK, ENGINES
from lmssim.execution.store import write_parquet_stream
from lmssim.kernels import layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.engines.histories import Records, Stays
    from lmssim.execution.folder import ResultFolder
    from lmssim.execution.simulate import Sampling
    from lmssim.execution.subgroups import Met
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

R = TypeVar("R", "Stays", "Records")

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
    numbers, strategies = program.numbers()[0], sampling.positions(program)
    arms = np.array(strategies)[None]
    paths = [folder.place("histories.parquet"), folder.place("marks.parquet")]
    with write_parquet_stream(paths[0], STAYS) as stays, write_parquet_stream(paths[1], MARKS) as marks:
        for first in range(0, sampling.n_patients, CHUNK):
            n = min(CHUNK, sampling.n_patients - first)
            blocks = ENGINES[sampling.engine].simulate(program, first, n, numbers, sampling.seed, arms=arms)
            rows = [_followed(program, sampling, x, start, rows_of(h, len(x), arms, start)) for start, x, h in blocks]
            stays.write_table(_stays(program, joined([each for each, _ in rows])), row_group_size=None)
            marks.write_table(_marks(program, joined([each for _, each in rows])), row_group_size=None)
            if progress is not None:
                progress((first + n) * len(strategies), sampling.n_patients * len(strategies))


def _followed(
    program: Program, sampling: Sampling, x: FloatArray, start: int, rows: tuple[Stays, Records]
) -> tuple[Stays, Records]:
    """Rows of those patients of a block who are followed."""
    met = told_apart(program, sampling.where, {}).met(x)
    if met is None:
        return rows
    stays, records = rows
    return _of(stays, met[stays.patient - start]), _of(records, met[records.patient - start])


def _of(rows: R, kept: Met) -> R:
    """Some of the rows."""
    return replace(rows, **{each.name: getattr(rows, each.name)[kept] for each in fields(rows)})


def _words(codes: IntArray, words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words, pa.string()))


def _stays(program: Program, stays: Stays) -> pa.Table:
    reasons = [ENDS[code] for code in sorted(ENDS)] + [risk for _, _, risk in program.transitions]
    return _table(
        STAYS,
        np.zeros(len(stays.patient), dtype=np.int64),
        _words(stays.strategy, program.strategies),
        stays.patient,
        _words(stays.state, program.states),
        stays.entered,
        stays.left,
        _words(stays.why - min(ENDS), reasons),
    )


def _marks(program: Program, records: Records) -> pa.Table:
    return _table(
        MARKS,
        np.zeros(len(records.patient), dtype=np.int64),
        _words(records.strategy, program.strategies),
        records.patient,
        _words(records.event, program.marks),
        records.time,
    )


def _table(schema: pa.Schema, *columns: Any) -> pa.Table:
    return pa.table([pa.array(c) if isinstance(c, np.ndarray) else c for c in columns], schema=schema)
