"""Counts by draw, written as they come: one Parquet row a count, so that draws need not be held in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lmssim.execution import fold
from lmssim.execution.store import write_parquet_stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pyarrow.parquet import ParquetWriter

    from lmssim.execution.estimates import CountsAtTimes, Estimates
    from lmssim.kernels import CountArray
    from lmssim.model.program import Program

WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("draw", pa.int32()),
        ("strategy", WORD),
        ("what", WORD),
        ("name", WORD),
        ("time", pa.float64()),
        ("count", pa.int32()),
    ]
)
"""Patients by draw, strategy, what is counted (`WHAT`), the endpoint, state or event, and time (years)."""
WHAT = ("event", "competing", "censored", "present", "entries", "entered", "records", "had")
"""Endpoint reached, preceded or censored by a time; in a state at a time; entries into a state, patients who ever
entered it; records of an event, patients who ever had it. The last four have no time."""


def write_draw_counts(
    path: Path, program: Program, strategies: Sequence[str], batches: Iterable[Estimates], first_draw: int = 0
) -> Estimates:
    """Write the counts by draw of one batch of draws after another, and forget them.

    Parameters
    ----------
    strategies : sequence of str
        Strategies that were run.
    batches : iterable of Estimates
        From `lmssim.execution.simulate.simulate_batches`, with counts by draw.

    Returns
    -------
    Estimates
        Of all draws, without their counts.
    """
    with write_parquet_stream(path, SCHEMA) as writer:
        return fold.stack(_written(writer, program, strategies, batches, first_draw))


def _written(
    writer: ParquetWriter, program: Program, strategies: Sequence[str], batches: Iterable[Estimates], first_draw: int
) -> Iterator[Estimates]:
    """Batches without their counts by draw, each once these are written."""
    for batch in batches:
        assert batch.by_draw is not None
        writer.write_table(pa.concat_tables(_tables(program, strategies, batch.by_draw, first_draw)))
        first_draw += batch.n_draws
        yield replace(batch, by_draw=None)


def _tables(program: Program, strategies: Sequence[str], kept: CountsAtTimes, first_draw: int) -> Iterator[pa.Table]:
    """Rows of each kind of count; states and events that nobody meets in these draws are left out."""
    ended, present, counts = kept.ended(), kept.present(), kept.counts
    for kind, what in enumerate(WHAT[:3]):
        yield _table(strategies, what, program.endpoints, kept.times, ended[..., kind, :], first_draw)
    yield _table(strategies, "present", program.states, kept.occupancy_times, present, first_draw)
    for i, what in enumerate(WHAT[4:6]):
        yield _table(strategies, what, program.states, [np.nan], counts.entries[..., i, None], first_draw)
    for i, what in enumerate(WHAT[6:]):
        yield _table(strategies, what, program.marks, [np.nan], counts.marks[..., i, None], first_draw)


def _table(
    strategies: Sequence[str], what: str, names: Sequence[str], times: Sequence[float], counts: CountArray, first: int
) -> pa.Table:
    """Rows of counts by draw, strategy, name and time."""
    met = np.flatnonzero(counts.any(axis=(0, 1, 3)))
    counts = counts[:, :, met]
    draw, strategy, name, time = (each.ravel() for each in np.indices(counts.shape, dtype=np.int32))
    return pa.table(
        [
            pa.array(first + draw, pa.int32()),
            _words(strategy, strategies),
            _words(np.full(counts.size, WHAT.index(what)), WHAT),
            _words(met[name], names),
            pa.array(np.asarray(times, dtype=np.float64)[time], pa.float64(), from_pandas=True),
            pa.array(np.ascontiguousarray(counts).ravel(), pa.int32()),
        ],
        schema=SCHEMA,
    )


def _words(codes: CountArray, words: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(words, pa.string()))
